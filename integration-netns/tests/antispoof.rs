//! Anti-spoofing: a guest cannot speak as its neighbour.
//!
//!   mallory [net0 :aa] ─┐
//!                       host [bge0 :3c] ════ [lan0] wire
//!   alice   [net0 :bb] ─┘
//!
//!   mallory sends with somebody else's source MAC: dropped, counted, and
//!   neither alice nor host nor wire hears a thing. No kernel here speaks by
//!   itself, so the counters must agree to the frame.

use integration_netns::probe::{Ear, Frame};
use integration_netns::{Counters, Lab, Netd, Netns, Office};

const MALLORY: &str = "2:8:20:0:0:aa";
const ALICE: &str = "2:8:20:0:0:bb";

/// The netd, the zones and everybody's ears.
struct Story {
    office: Office,
    netd: Netd,
    _zones: [Netns; 2],
    mallory: Ear,
    alice: Ear,
    host: Ear,
    wire: Ear,
}

fn story(lab: &Lab, props: &str) -> Story {
    let office = lab.quiet_office();
    let netd = Netd::start(lab, &office.host, None);
    let zones = [("mallory", MALLORY), ("alice", ALICE)].map(|(name, mac)| {
        let zone = lab.quiet_zone(name);
        let line = format!("-l bge0 -m {mac} -p zone={name}{props} net0");
        netd.sh(&format!("dladm create-vnic {line}")).check();
        zone.ip("link set net0 up");
        zone
    });
    Story {
        mallory: Ear::on(&zones[0], "net0"),
        alice: Ear::on(&zones[1], "net0"),
        host: Ear::on(&office.host, Office::NIC),
        wire: Ear::on(&office.wire, Office::WIRE_LINK),
        _zones: zones,
        netd,
        office,
    }
}

#[test]
fn a_spoofed_source_is_dropped_and_counted_and_nobody_hears_it() {
    let Some(lab) = Lab::for_story() else { return };
    let mut story = story(&lab, "");
    let before = Counters::read(&story.netd);
    let spoofed: Vec<Frame> = [ALICE, Office::NIC_MAC, "2:8:20:9:9:9"]
        .into_iter()
        .flat_map(|from| {
            [ALICE, Office::NIC_MAC, Frame::BROADCAST, "2:8:20:7:7:7"]
                .map(|to| Frame::new(from, to))
        })
        .collect();
    for frame in &spoofed {
        story.mallory.say(frame);
    }
    // What was sent last arrives last: when this one has been heard
    // everywhere, the others have been dropped.
    let honest = Frame::new(MALLORY, Frame::BROADCAST);
    story.mallory.say(&honest);
    for ear in [&mut story.alice, &mut story.host, &mut story.wire] {
        ear.hears(&honest);
        for frame in &spoofed {
            assert!(!ear.heard(frame), "{frame:?} was heard: {ear:#?}");
        }
    }
    before.assert_moved(
        &story.netd,
        &[
            ("mallory/net0 drops.mac-spoof", spoofed.len() as u64),
            ("mallory/net0 opackets", 1),
            ("mallory/net0 obytes", Frame::LEN),
            ("alice/net0 ipackets", 1),
            ("alice/net0 rbytes", Frame::LEN),
        ],
    );
}

#[test]
fn honest_frames_go_where_they_are_addressed_and_nowhere_else() {
    let Some(lab) = Lab::for_story() else { return };
    let mut story = story(&lab, "");
    let before = Counters::read(&story.netd);
    let to_alice = Frame::new(MALLORY, ALICE);
    story.mallory.say(&to_alice);
    story.alice.hears(&to_alice);
    let lan = story.office.wire.ip_json("link show lan0");
    let lan = lan[0]["address"].as_str().expect("lan0 has a MAC").to_owned();
    let to_wire = Frame::new(MALLORY, &lan);
    story.mallory.say(&to_wire);
    story.wire.hears(&to_wire);
    let to_host = Frame::new(MALLORY, Office::NIC_MAC);
    story.mallory.say(&to_host);
    story.host.hears(&to_host);

    let last = Frame::new(MALLORY, Frame::BROADCAST);
    story.mallory.say(&last);
    for (ear, others) in [
        (&mut story.alice, [&to_wire, &to_host]),
        (&mut story.wire, [&to_alice, &to_host]),
    ] {
        ear.hears(&last);
        for frame in others {
            assert!(!ear.heard(frame), "{frame:?} was heard: {ear:#?}");
        }
    }
    before.assert_moved(
        &story.netd,
        &[
            ("mallory/net0 opackets", 4),
            ("mallory/net0 obytes", 4 * Frame::LEN),
            ("alice/net0 ipackets", 2),
            ("alice/net0 rbytes", 2 * Frame::LEN),
        ],
    );
}

#[test]
fn without_protection_a_guest_may_speak_as_it_likes() {
    let Some(lab) = Lab::for_story() else { return };
    let mut story = story(&lab, ",protection=none");
    let before = Counters::read(&story.netd);
    let borrowed = Frame::new("2:8:20:9:9:9", ALICE);
    story.mallory.say(&borrowed);
    story.alice.hears(&borrowed);
    before.assert_moved(
        &story.netd,
        &[
            ("mallory/net0 opackets", 1),
            ("mallory/net0 obytes", Frame::LEN),
            ("alice/net0 ipackets", 1),
            ("alice/net0 rbytes", Frame::LEN),
        ],
    );
}
