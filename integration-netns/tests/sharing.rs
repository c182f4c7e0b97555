//! VNICs that share a link with less than they all want: what each gets is what
//! it was promised, and the rest goes by priority.
//!
//!   web  [net0 .10] ─┐
//!   db   [net0 .11] ─┼─ shape-1 ── host [bge0, maxbw] ════ [lan0 .1] wire
//!   mail [net0 .12] ─┘
//!
//! Each floods the wire. What arrives of each is counted, from one moment to
//! another, and compared with what arrives of the others: no clock is asked but
//! for the link's own cap.

use integration_netns::probe::{self, Cap, Datagrams};
use integration_netns::{Lab, Netd, Netns, Office};

const M: u64 = 1_000_000;

struct Story {
    zones: Vec<Netns>,
    netd: Netd,
    office: Office,
    /// The last to go: the others show their state first.
    _lab: Lab,
}

impl Story {
    /// A zone with a VNIC for each name and properties, on a link with a
    /// `maxbw`. Nobody has sent anything before it is there.
    #[track_caller]
    fn begin(zones: &[(&str, &str)], maxbw: &str) -> Option<Self> {
        let lab = Lab::for_story()?;
        let office = lab.office();
        let netd = Netd::start(&lab, &office.host, None);
        let dladm = |line: &str| netd.sh(&format!("dladm {line}")).check();
        let mut all = Vec::new();
        for (name, props) in zones {
            all.push(lab.zone(name));
            dladm(&format!("create-vnic -l bge0 -p zone={name},{props} net0"));
        }
        dladm(&format!("set-linkprop -p maxbw={maxbw} bge0"));
        for (number, zone) in (10..).zip(&all) {
            let v4 = format!("192.168.1.{number}/24");
            zone.plumb("net0", &v4, &format!("fd00::{number}/64"));
        }
        let zones = all;
        Some(Self { zones, netd, office, _lab: lab })
    }

    #[track_caller]
    fn set(&self, zone: &str, props: &str) {
        let line = format!("dladm set-linkprop -z {zone} -p {props} net0");
        self.netd.sh(&line).check();
    }

    /// All flood the wire with `bits` per second each.
    #[track_caller]
    fn flood(&self, bits: u64) -> Vec<Datagrams> {
        let flood = |zone: &Netns| {
            let (wire, addr) = (&self.office.wire, Office::WIRE_V4);
            Datagrams::flow(zone, wire, addr, Datagrams::FULL, bits)
        };
        self.zones.iter().map(flood).collect()
    }
}

#[test]
fn guarantees_of_seventy_and_thirty_split_the_link_seventy_to_thirty() {
    let zones = [("web", "minbw=2800K"), ("db", "minbw=1200K")];
    let Some(story) = Story::begin(&zones, "4M") else { return };
    // Twice what the link has.
    let streams = story.flood(4 * M);
    let parts = probe::parts(&streams, 250_000, 2_000_000);
    assert!((65..=75).contains(&parts[0]), "{parts:?}");
    let sum = || streams.iter().map(Datagrams::bytes).sum();
    Cap::of(4 * M).is_kept_and_used("both", sum);
}

#[test]
fn equals_share_equally_and_all_together_keep_to_the_link() {
    let zones = ["web", "db", "mail"].map(|name| (name, "priority=high"));
    let Some(story) = Story::begin(&zones, "20M") else { return };
    let streams = story.flood(20 * M);
    let parts = probe::parts(&streams, 750_000, 6_000_000);
    let fair = parts.iter().all(|part| (28..=38).contains(part));
    assert!(fair, "{parts:?}");
    let sum = || streams.iter().map(Datagrams::bytes).sum();
    Cap::of(20 * M).is_kept_and_used("all", sum);
}

#[test]
fn the_higher_priority_has_all_that_it_wants() {
    let zones = ["web", "db"].map(|name| (name, "priority=high"));
    let Some(story) = Story::begin(&zones, "4M") else { return };
    for [web, db] in [["high", "medium"], ["high", "low"], ["medium", "low"]] {
        story.set("web", &format!("priority={web}"));
        story.set("db", &format!("priority={db}"));
        let parts = probe::parts(&story.flood(8 * M), 125_000, 1_000_000);
        assert!(parts[1] <= 5, "{web} and {db}: {parts:?}");
    }
}

#[test]
fn a_guarantee_and_a_priority_hold_as_soon_as_they_are_set_amid_a_flood() {
    let zones = [("web", "priority=high"), ("db", "priority=low")];
    let Some(story) = Story::begin(&zones, "4M") else { return };
    let streams = story.flood(8 * M);
    let starved = probe::parts(&streams, 125_000, 1_000_000);
    assert!(starved[1] <= 5, "{starved:?}");
    story.set("db", "minbw=1200K");
    // What still waits from before is some 12 ms of it.
    let held = probe::parts(&streams, 250_000, 2_000_000);
    assert!((25..=35).contains(&held[1]), "{held:?}");
    story.set("db", "priority=high");
    story.set("web", "priority=low");
    let turned = probe::parts(&streams, 125_000, 1_000_000);
    assert!(turned[0] <= 5, "{turned:?}");
}

#[test]
fn a_guarantee_survives_a_flood_of_higher_priority_and_is_lent_meanwhile() {
    let zones = [("web", "priority=high"), ("db", "priority=low,minbw=1200K")];
    let Some(story) = Story::begin(&zones, "4M") else { return };
    let mut streams = story.flood(8 * M);
    let parts = probe::parts(&streams, 250_000, 2_000_000);
    assert!((25..=35).contains(&parts[1]), "{parts:?}");
    // What it doesn't need the other one has.
    drop(streams.pop());
    let web = &streams[0];
    Cap::of(4 * M).is_kept_and_used("web alone", || web.bytes());
}
