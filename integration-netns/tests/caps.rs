//! Caps of zones: what one sends and what it gets, each by itself, whoever is at
//! the other end.
//!
//!   web [net0 .10] ─── vnic-1 ─┐
//!                              host [bge0 .3] ════ [lan0 .1] wire
//!   db  [net0 .11] ─── vnic-2 ─┘
//!
//! Somebody sends twice what a cap lets pass. What arrives is counted.

use integration_netns::probe::{Cap, Datagrams};
use integration_netns::{Lab, Netd, Netns, Office};

/// Low enough that a frame takes longer than a busy machine is late.
const M: u64 = 1_000_000;
const WEB: &str = "192.168.1.10";
const DB: &str = "192.168.1.11";

struct Story {
    web: Netns,
    db: Netns,
    netd: Netd,
    office: Office,
    /// The last to go: the others show their state first.
    _lab: Lab,
}

impl Story {
    #[track_caller]
    fn begin() -> Option<Self> {
        let lab = Lab::for_story()?;
        let office = lab.office();
        let netd = Netd::start(&lab, &office.host, None);
        let zone = |name, addr| lab.zone_with_vnic(&netd, name, addr, "");
        let (web, db) = (zone("web", WEB), zone("db", DB));
        Some(Self { web, db, netd, office, _lab: lab })
    }

    #[track_caller]
    fn maxbw(&self, zone: &Netns, value: &str) {
        let props = format!("-z {} -p maxbw={value} net0", zone.name());
        self.netd.sh(&format!("dladm set-linkprop {props}")).check();
    }
}

/// Full frames, as many as make `bits` per second.
#[track_caller]
fn flood(from: &Netns, to: &Netns, addr: &str, bits: u64) -> Datagrams {
    Datagrams::flow(from, to, addr, Datagrams::FULL, bits)
}

#[test]
fn a_zone_sends_and_gets_no_more_than_its_cap_each_way() {
    let Some(story) = Story::begin() else { return };
    let Story { web, db, office, .. } = &story;
    let Office { host, wire } = office;
    story.maxbw(web, "4M");
    let cap = Cap::of(4 * M);
    for (other, addr) in
        [(db, DB), (host, Office::HOST_V4), (wire, Office::WIRE_V4)]
    {
        // Both at once: neither takes from the other.
        let from = flood(web, other, addr, 8 * M);
        let to = flood(other, web, WEB, 8 * M);
        let name = other.name();
        cap.is_kept_and_used(&format!("web to {name}"), || from.bytes());
        cap.is_kept_and_used(&format!("{name} to web"), || to.bytes());
    }
    // A cap is its VNIC's. Nobody else loses anything.
    let free = flood(db, wire, Office::WIRE_V4, 16 * M);
    let capped = flood(web, wire, Office::WIRE_V4, 8 * M);
    cap.is_kept_and_used("web beside db", || capped.bytes());
    free.was_whole();
}

#[test]
fn all_that_a_zone_sends_or_gets_is_under_one_cap() {
    let Some(story) = Story::begin() else { return };
    let Story { web, db, office, .. } = &story;
    story.maxbw(web, "4M");
    let cap = Cap::of(4 * M);
    let others = [
        (db, DB),
        (&office.host, Office::HOST_V4),
        (&office.wire, Office::WIRE_V4),
    ];
    let sum = |all: &[Datagrams]| all.iter().map(Datagrams::bytes).sum::<u64>();
    let from = others.map(|(to, addr)| flood(web, to, addr, 4 * M));
    cap.is_kept_and_used("web to all", || sum(&from));
    drop(from);
    let to = others.map(|(from, _)| flood(from, web, WEB, 4 * M));
    cap.is_kept_and_used("all to web", || sum(&to));
}

#[test]
fn between_two_zones_the_lower_cap_counts() {
    let Some(story) = Story::begin() else { return };
    let Story { web, db, .. } = &story;
    for (sender, receiver) in [("4M", "2M"), ("2M", "4M")] {
        story.maxbw(web, sender);
        story.maxbw(db, receiver);
        let what = format!("{sender} to {receiver}");
        let stream = flood(web, db, DB, 8 * M);
        Cap::of(2 * M).is_kept_and_used(&what, || stream.bytes());
    }
}
