//! A `maxbw` of 0: nothing passes, both ways, and who asks is told why.
//!
//!   web [net0] ─── vnic-1 ─┐
//!                          host [bge0] ════ [lan0] wire
//!   db  [net0] ─── vnic-2 ─┘
//!
//! No kernel here speaks by itself, so every frame that is counted is one of
//! the story's.

use integration_netns::probe::{Ear, Frame};
use integration_netns::{Counters, Lab, Netd, Netns, Office, Poll, Snapshot};

const WEB: &str = "2:8:20:0:0:aa";
const DB: &str = "2:8:20:0:0:bb";
const WIRE: &str = "2:8:20:7:7:7";

struct Story {
    ears: [Ear; 3],
    netd: Netd,
    host: Netns,
    _zones: [Netns; 2],
    _wire: Netns,
    /// The last to go: the others show their state first.
    _lab: Lab,
}

impl Story {
    #[track_caller]
    fn begin() -> Option<Self> {
        let lab = Lab::for_story()?;
        let Office { host, wire } = lab.quiet_office();
        let netd = Netd::start(&lab, &host, None);
        let zones = [("web", WEB), ("db", DB)].map(|(name, mac)| {
            let zone = lab.quiet_zone(name);
            let line = format!("-l bge0 -m {mac} -p zone={name} net0");
            netd.sh(&format!("dladm create-vnic {line}")).check();
            zone.ip("link set net0 up");
            zone
        });
        let ears = [
            Ear::on(&zones[0], "net0"),
            Ear::on(&zones[1], "net0"),
            Ear::on(&wire, Office::WIRE_LINK),
        ];
        let (_zones, _wire) = (zones, wire);
        Some(Self { ears, netd, host, _zones, _wire, _lab: lab })
    }

    #[track_caller]
    fn dladm(&self, line: &str) {
        self.netd.sh(&format!("dladm {line}")).check();
    }

    /// From web to the others and from them to web.
    #[track_caller]
    fn all_pass(&mut self) {
        for (from, to) in [(0, 1), (0, 2), (1, 0), (2, 0)] {
            let frame = frame(from, to);
            self.ears[from].say(&frame);
            self.ears[to].hears(&frame);
        }
    }

    /// Waits until a drop is shown whose line begins so.
    #[track_caller]
    fn shown(&self, want: &str) {
        Poll::PATIENT.until(want, || {
            let line = "dladm show-drops -p -o zone,link,reason,summary";
            let text = self.netd.sh(line).check().replace('\\', "");
            let found = text.lines().any(|line| line.starts_with(want));
            if found { Ok(()) } else { Err(text) }
        });
    }
}

fn frame(from: usize, to: usize) -> Frame {
    let macs = [WEB, DB, WIRE];
    Frame::new(macs[from], macs[to])
}

#[test]
fn a_vnic_without_bandwidth_sends_and_gets_nothing_until_it_has_some() {
    let Some(mut story) = Story::begin() else { return };
    story.all_pass();
    let free = Snapshot::of(&story.host);
    // Twice: what has been taken back can be said again.
    for _ in 0..2 {
        story.dladm("set-linkprop -z web -p maxbw=0 net0");
        let before = Counters::read(&story.netd);
        let [web, db, wire] = &mut story.ears;
        web.say(&frame(0, 1));
        web.say(&frame(0, 2));
        web.say(&Frame::new(WEB, Frame::BROADCAST));
        db.say(&frame(1, 0));
        wire.say(&frame(2, 0));
        // To all: db has it, web has not.
        let to_all = Frame::new(WIRE, Frame::BROADCAST);
        wire.say(&to_all);
        db.hears(&to_all);
        before.assert_moved(
            &story.netd,
            &[
                ("web/net0 drops.blocked", 3),
                ("web/net0 drops.blocked-for", 3),
                ("db/net0 opackets", 1),
                ("db/net0 obytes", Frame::LEN),
                ("db/net0 ipackets", 1),
                ("db/net0 rbytes", Frame::LEN),
            ],
        );
        assert!(!web.heard(&to_all));
        story.shown(&format!("web:net0:blocked:{WEB} > "));
        story.shown("web:net0:blocked-for:");
        story.dladm("reset-linkprop -z web -p maxbw net0");
        story.all_pass();
    }
    free.assert_same(&story.host, "nothing waits, so nothing was made");

    // Between two caps: the queues stay, and nothing passes.
    story.dladm("set-linkprop -z web -p maxbw=100M net0");
    story.all_pass();
    let before = Counters::read(&story.netd);
    story.dladm("set-linkprop -z web -p maxbw=0 net0");
    let [web, db, _] = &mut story.ears;
    web.say(&frame(0, 1));
    db.say(&frame(1, 0));
    before.assert_moved(
        &story.netd,
        &[
            ("web/net0 drops.blocked", 1),
            ("web/net0 drops.blocked-for", 1),
            ("db/net0 opackets", 1),
            ("db/net0 obytes", Frame::LEN),
        ],
    );
    story.dladm("set-linkprop -z web -p maxbw=20M net0");
    story.all_pass();
}

#[test]
fn a_link_without_bandwidth_lets_none_of_its_vnics_speak() {
    let Some(mut story) = Story::begin() else { return };
    story.dladm("set-linkprop -p maxbw=0 bge0");
    let before = Counters::read(&story.netd);
    let [web, db, wire] = &mut story.ears;
    web.say(&frame(0, 1));
    db.say(&frame(1, 2));
    wire.say(&frame(2, 0));
    wire.say(&frame(2, 1));
    before.assert_moved(
        &story.netd,
        &[
            ("web/net0 drops.blocked", 1),
            ("db/net0 drops.blocked", 1),
            ("web/net0 drops.blocked-for", 1),
            ("db/net0 drops.blocked-for", 1),
        ],
    );
    story.dladm("reset-linkprop -p maxbw bge0");
    story.all_pass();
}
