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

use std::net::UdpSocket;
use std::time::Duration;

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
        let zone = |name, addr| lab.zone_with_vnic(&netd, name, addr, "");
        let (web, db) = (zone("web", WEB), zone("db", DB));
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

/// Has `from` send at once what takes 90 ms at 2 Mbit/s, and checks that all of
/// it comes, in its order, when `change` is made meanwhile. Any longer, and
/// fq_codel would think that it stands (docs/datapath.md, "Queues").
#[track_caller]
fn waits_out(story: &Story, from: &Netns, to: &Netns, at: &str, change: &str) {
    const FRAMES: u8 = 15;
    let receiver = to.on_thread(|| UdpSocket::bind((at, 0))).unwrap();
    let patience = Some(Duration::from_secs(10));
    receiver.set_read_timeout(patience).unwrap();
    let sender = from.on_thread(|| UdpSocket::bind("0.0.0.0:0")).unwrap();
    sender.connect(receiver.local_addr().unwrap()).unwrap();
    let hear = || {
        let mut payload = [0; Datagrams::FULL];
        let heard = receiver.recv(&mut payload).map(|_| payload[0]);
        heard.unwrap_or_else(|e| {
            panic!("{} to {at}, {change}: {e}", from.name())
        })
    };
    // So that it is known where to.
    sender.send(&[FRAMES]).unwrap();
    assert_eq!(hear(), FRAMES);
    for number in 0..FRAMES {
        sender.send(&[number; Datagrams::FULL]).unwrap();
    }
    story.dladm(change);
    for number in 0..FRAMES {
        assert_eq!(hear(), number, "{} to {at}, {change}", from.name());
    }
}

#[test]
fn what_waits_when_a_limit_changes_or_goes_is_sent() {
    let Some(story) = Story::begin() else { return };
    let Story { web, db, office, .. } = &story;
    let wire = &office.wire;
    for _ in 0..4 {
        // At the host end.
        for change in [
            "set-linkprop -z web -p maxbw=20M net0",
            "set-linkprop -z web -p maxbw=1M net0",
            "reset-linkprop -z web -p maxbw net0",
        ] {
            story.dladm("set-linkprop -z web -p maxbw=2M net0");
            waits_out(&story, wire, web, WEB, change);
        }
        // In the shaper.
        for (change, after) in [
            ("set-linkprop -p maxbw=20M bge0", "show-link"),
            ("set-linkprop -z web -p priority=low net0", "show-link"),
            (
                "set-linkprop -z web -p minbw=1M net0",
                "reset-linkprop -z web net0",
            ),
            ("create-vnic -l bge0 net9", "delete-vnic net9"),
            ("reset-linkprop -p maxbw bge0", "show-link"),
        ] {
            story.dladm("set-linkprop -p maxbw=2M bge0");
            waits_out(&story, web, db, DB, change);
            story.dladm(after);
        }
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
