//! Caps that change while traffic passes: no frame is lost or overtaken by
//! another, and what was set holds.
//!
//!   web [net0 .10] ─── vnic-1 ─┐
//!                              host [bge0] ════ [lan0 .1] wire
//!   db  [net0 .11] ─── vnic-2 ─┘
//!
//! Numbered datagrams go from web to the wire and back, and to db and back,
//! below every cap. What web sends waits in the shaper, what it gets at its host
//! end.

use integration_netns::probe::{Cap, Datagrams};
use integration_netns::{Lab, Netd, Netns, Office};

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
        let [web, db] = [("web", WEB), ("db", DB)].map(|(name, addr)| {
            let zone = lab.zone(name);
            let line = format!("dladm create-vnic -l bge0 -p zone={name} net0");
            netd.sh(&line).check();
            let v6 = addr.replace("192.168.1.", "fd00::");
            zone.plumb("net0", &format!("{addr}/24"), &format!("{v6}/64"));
            zone
        });
        Some(Self { web, db, netd, office, _lab: lab })
    }

    #[track_caller]
    fn dladm(&self, line: &str) {
        self.netd.sh(&format!("dladm {line}")).check();
    }

    /// The four ways, each with `bits` per second in frames with `length`
    /// bytes of payload.
    #[track_caller]
    fn streams(&self, length: usize, bits: u64) -> [Datagrams; 4] {
        let Self { web, db, office, .. } = self;
        let wire = &office.wire;
        [
            (web, wire, Office::WIRE_V4),
            (wire, web, WEB),
            (web, db, DB),
            (db, web, WEB),
        ]
        .map(|(from, to, addr)| Datagrams::flow(from, to, addr, length, bits))
    }
}

#[test]
fn no_datagram_is_lost_or_late_when_a_limit_changes() {
    let Some(story) = Story::begin() else { return };
    let Story { web, office, .. } = &story;
    let wire = &office.wire;
    story.dladm("set-linkprop -z web -p maxbw=100M net0");
    // A thousand a second each, far below every cap. One in each queue: of
    // two senders on two CPUs, one may take the other's frame out of a queue
    // and be slower to pass it on.
    let streams = [(web, wire, Office::WIRE_V4), (wire, web, WEB)].map(
        |(from, to, addr)| {
            Datagrams::flow(from, to, addr, Datagrams::SMALL, 480_000)
        },
    );
    for round in 0..4 {
        for change in [
            "set-linkprop -z web -p maxbw=20M net0",
            "set-linkprop -z web -p maxbw=100M net0",
            // A promise makes everybody wait.
            "set-linkprop -p maxbw=1G bge0",
            "set-linkprop -z db -p priority=low net0",
            "set-linkprop -z web -p minbw=50M net0",
            "set-linkprop -p maxbw=2G bge0",
            "reset-linkprop -z web -p minbw net0",
        ] {
            story.dladm(change);
            // Some meet what has just been set, some two changes in a row.
            let more = if round % 2 == 0 { 20 } else { 0 };
            streams.iter().for_each(|stream| stream.go_on(more));
        }
    }
    streams.into_iter().for_each(Datagrams::was_whole);
}

#[test]
fn what_waits_is_sent_when_the_last_limit_goes() {
    let Some(story) = Story::begin() else { return };
    // Full frames, two ways of the four under one cap: when a busy machine
    // lets some come at once, they wait.
    let streams = story.streams(Datagrams::FULL, 6 * M);
    for _ in 0..8 {
        for change in [
            "set-linkprop -z web -p maxbw=100M net0",
            "set-linkprop -z web -p maxbw=20M net0",
            "reset-linkprop -z web -p maxbw net0",
        ] {
            story.dladm(change);
            streams.iter().for_each(|stream| stream.go_on(10));
        }
    }
    // What still waits then may come after what need not wait any more.
    for stream in streams {
        let passage = stream.close();
        assert_eq!(passage.arrived, passage.sent, "{passage:?}");
    }
}

#[test]
fn what_was_set_holds_after_each_change() {
    let Some(story) = Story::begin() else { return };
    let Story { web, office, .. } = &story;
    let (wire, addr) = (&office.wire, Office::WIRE_V4);
    let full = Datagrams::FULL;
    let from = Datagrams::flow(web, wire, addr, full, 40 * M);
    let to = Datagrams::flow(wire, web, WEB, full, 40 * M);
    for cap in [Some(8), Some(2), None, Some(20), None] {
        story.dladm(&match cap {
            Some(cap) => format!("set-linkprop -z web -p maxbw={cap}M net0"),
            None => "reset-linkprop -z web -p maxbw net0".to_owned(),
        });
        for (way, stream) in [("from", &from), ("to", &to)] {
            if let Some(cap) = cap {
                let what = format!("{way} web at {cap}M");
                Cap::of(cap * M).is_kept_and_used(&what, || stream.bytes());
            }
        }
        if cap.is_none() {
            // Nothing is lost, so nothing is held back.
            let streams = story.streams(full, 4 * M);
            streams.iter().for_each(|stream| stream.go_on(100));
            streams.into_iter().for_each(Datagrams::was_whole);
        }
    }
}
