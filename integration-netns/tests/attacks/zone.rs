//! The attacks of root in a zone.

use std::collections::BTreeMap;

use fabric::DropReason;
use fabric::api::VnicInfo;
use integration_netns::probe::{self, Ear, Session};
use integration_netns::{Counters, Lab, Netns, Office, Poll, note};
use pnet::packet::ethernet::EtherTypes;
use serde_json::Value;

use crate::dhcp::{self, NOBODY, acknowledgement, request};
use crate::frames::{BROADCAST, GROUP};
use crate::packets::arp_about;
use crate::table::{
    self, ALICE, ALICE_LINK_LOCAL, ALICE_V4, Attack, HOST, MALLORY, MALLORY_V4,
    WIRE, WIRE_V4, announcement,
};
use crate::{LEASING, Story, fixed, heard_only, padded};

/// mallory's zone, whose kernel says nothing, and what root there says.
fn mallory(lab: &Lab) -> Netns {
    lab.quiet_zone("mallory")
}

fn mouth(mallory: &Netns) -> Ear {
    mallory.ip("link set net0 up");
    Ear::on(mallory, "net0")
}

/// Tries each, and sees it dropped for its reason and nothing else happen.
#[track_caller]
fn try_all(story: &Story, mouth: &mut Ear, attacks: &[Attack]) {
    for attack in attacks {
        note(attack.title);
        let before = Counters::read(&story.netd);
        let mut sent = 0;
        for frame in attack.frames() {
            mouth.say_bytes(&frame);
            sent += 1;
        }
        story.dropped(&before, attack.reason, sent);
    }
}

#[test]
fn root_with_fixed_addresses_is_heard_by_nobody() {
    let Some(lab) = Lab::for_story() else { return };
    let mallory = mallory(&lab);
    let story = Story::quiet(lab, &fixed());
    let mut mouth = mouth(&mallory);
    let ears = story.ears();
    try_all(&story, &mut mouth, &table::fixed());
    mouth.say_bytes(&announcement());
    heard_only(ears, &announcement());
}

#[test]
fn root_who_may_lease_is_heard_by_nobody() {
    let Some(lab) = Lab::for_story() else { return };
    let mallory = mallory(&lab);
    let story = Story::quiet(lab, LEASING);
    let mut mouth = mouth(&mallory);
    let ears = story.ears();
    try_all(&story, &mut mouth, &dhcp::leasing());
    mouth.say_bytes(&request(MALLORY_V4));
    heard_only(ears, &request(MALLORY_V4));
}

/// Which station has which address, by a host.
#[track_caller]
fn neighbors(netns: &Netns) -> BTreeMap<String, String> {
    let shown = netns.ip_json("neigh show");
    let all = shown.as_array().into_iter().flatten();
    let known = all.filter_map(|neighbor| {
        let text = |key: &str| neighbor[key].as_str().map(str::to_owned);
        Some((text("dst")?, text("lladdr")?))
    });
    known.collect()
}

/// How a host gets anywhere.
#[track_caller]
fn routes(netns: &Netns) -> [Value; 2] {
    ["-4 route show", "-6 route show"].map(|words| netns.ip_json(words))
}

/// Which station has which address.
fn truth() -> BTreeMap<String, String> {
    let (alice, host) = (padded(ALICE), padded(HOST));
    let wire = padded(WIRE);
    [
        ("192.168.1.11", &alice),
        ("fd00::11", &alice),
        (ALICE_LINK_LOCAL, &alice),
        (Office::HOST_V4, &host),
        (Office::HOST_V6, &host),
        ("fe80::9eb6:54ff:febb:c33c", &host),
        (Office::WIRE_V4, &wire),
        (Office::WIRE_V6, &wire),
        ("fe80::ff:fe00:1", &wire),
    ]
    .map(|(addr, mac)| (addr.to_owned(), mac.clone()))
    .into()
}

#[test]
fn nobody_believes_root_in_a_zone_and_alice_talks_on() {
    let Some(lab) = Lab::for_story() else { return };
    let mallory = mallory(&lab);
    let story = Story::real(lab, &fixed());
    let mut mouth = mouth(&mallory);
    let Office { host, wire } = &story.office;
    let everybody = [&story.alice, host, wire];
    let talk = || {
        for addr in ["192.168.1.11", "fd00::11"] {
            probe::reaches(host, addr);
            probe::reaches(wire, addr);
        }
        for addr in [Office::HOST_V4, Office::HOST_V6] {
            probe::reaches(&story.alice, addr);
            probe::reaches(wire, addr);
        }
        for addr in [Office::WIRE_V4, Office::WIRE_V6] {
            probe::reaches(&story.alice, addr);
            probe::reaches(host, addr);
        }
    };
    talk();
    let known = everybody.map(|netns| (neighbors(netns), routes(netns)));
    let sessions = [
        Session::open(wire, &story.alice, "192.168.1.11"),
        Session::open(&story.alice, host, Office::HOST_V6),
    ];
    let before = Counters::read(&story.netd);
    let attacks = table::fixed();
    for frame in attacks.iter().flat_map(Attack::frames) {
        mouth.say_bytes(&frame);
    }
    let sent = 4 * attacks.len() as u64;
    Poll::PATIENT.until("each attack was dropped", || {
        let moved = Counters::read(&story.netd).since(&before);
        let own = moved.iter().filter(|(name, _)| {
            // What it is given are the others' own words to everybody.
            let given = name.ends_with("ipackets") || name.ends_with("rbytes");
            name.starts_with("mallory/") && !given
        });
        let drops: Option<u64> =
            own.map(|(name, by)| name.contains(" drops.").then_some(by)).sum();
        let drops = drops.unwrap_or_else(|| panic!("more moved: {moved:?}"));
        if drops == sent { Ok(()) } else { Err(format!("{drops} of {sent}")) }
    });
    let truth = truth();
    for (netns, (before, ways)) in everybody.into_iter().zip(known) {
        let after = neighbors(netns);
        // They may learn more of each other, and nothing of mallory.
        for (addr, mac) in &after {
            assert_eq!(truth.get(addr), Some(mac), "[{}] {addr}", netns.name());
        }
        for addr in before.keys() {
            assert!(after.contains_key(addr), "[{}] {addr}", netns.name());
        }
        assert_eq!(routes(netns), ways, "[{}]", netns.name());
    }
    talk();
    for session in sessions {
        // It would have broken.
        let _ = session.close();
    }
    for (netns, addr) in [(wire, "192.168.1.11"), (host, "fd00::11")] {
        probe::exchange(netns, &story.alice, addr);
    }
}

#[test]
fn without_protection_they_reach_everybody() {
    let Some(lab) = Lab::for_story() else { return };
    let mallory = mallory(&lab);
    let story = Story::quiet(lab, ",protection=none");
    let mut mouth = mouth(&mallory);
    let mut ears = story.ears();
    let mut attacks = table::fixed();
    attacks.extend(dhcp::leasing());
    // These two nobody may ever.
    let groups = [GROUP.0, BROADCAST.0];
    let may = |attack: &&Attack| {
        attack.reason != DropReason::GuestTag
            && !groups.iter().any(|mac| attack.frame[6..12] == *mac)
    };
    for attack in attacks.iter().filter(may) {
        note(attack.title);
        mouth.say_bytes(&attack.frame);
        for ear in &mut ears {
            ear.hears_bytes(&attack.frame);
        }
    }
}

#[test]
fn without_protection_they_are_believed() {
    let Some(lab) = Lab::for_story() else { return };
    let mallory = mallory(&lab);
    let story = Story::real(lab, ",protection=none");
    let mut mouth = mouth(&mallory);
    let wire = &story.office.wire;
    let attacks = table::fixed();
    let own = padded(MALLORY);
    for addr in ["192.168.1.11", "fd00::11"] {
        probe::reaches(wire, addr);
    }
    for (title, place) in [
        ("the victim announced by a reply", "neigh show 192.168.1.11"),
        ("the victim advertised", "neigh show fd00::11"),
        ("a router that says who it is", "neigh show fe80::8:20ff:fe00:66"),
    ] {
        let mut attacks = attacks.iter();
        let attack = attacks.find(|attack| attack.title == title);
        let attack = attack.expect("it is one of them");
        Poll::PATIENT.until(title, || {
            mouth.say_bytes(&attack.frame);
            let shown = wire.ip(place);
            if shown.contains(&own) { Ok(()) } else { Err(shown) }
        });
    }
}

/// A client that plays the server's part as well.
#[test]
fn an_acknowledgement_of_its_own_gives_root_no_address() {
    let Some(lab) = Lab::for_story() else { return };
    let mallory = mallory(&lab);
    let story = Story::quiet(lab, LEASING);
    let mut mouth = mouth(&mallory);
    let mut wire = Ear::on(&story.office.wire, Office::WIRE_LINK);
    let learned = || -> Vec<String> {
        let vnics: Vec<VnicInfo> = story.netd.api().get("/v1/vnics");
        let all = vnics.iter().flat_map(|vnic| &vnic.learned);
        all.map(|learned| learned.address.to_string()).collect()
    };
    let before = Counters::read(&story.netd);
    let (asks, forged) = (request(ALICE_V4), acknowledgement(NOBODY, ALICE_V4));
    mouth.say_bytes(&asks);
    for dest in [BROADCAST, MALLORY, WIRE] {
        mouth.say_bytes(&[&dest.0, &forged[6..]].concat());
    }
    let length = asks.len() as u64;
    before.assert_moved(
        &story.netd,
        &[
            ("mallory/net0 drops.dhcp-server", 3),
            ("mallory/net0 opackets", 1),
            ("mallory/net0 obytes", length),
            ("alice/net0 ipackets", 1),
            ("alice/net0 rbytes", length),
        ],
    );
    // What a real server acknowledges is learned, and so what came before it
    // was not.
    mouth.say_bytes(&request(MALLORY_V4));
    wire.hears_bytes(&request(MALLORY_V4));
    let real = acknowledgement(WIRE_V4, MALLORY_V4);
    wire.say_bytes(&[&MALLORY.0, &WIRE.0, &real[12..]].concat());
    let own = Poll::PATIENT.until("the lease is learned", || {
        let learned = learned();
        if learned.is_empty() { Err("nothing".to_owned()) } else { Ok(learned) }
    });
    assert_eq!(own, [MALLORY_V4.to_string()]);
    // It may speak as what it leased, and as nobody else.
    let before = Counters::read(&story.netd);
    let forged = arp_about(2, MALLORY, ALICE_V4, ALICE_V4);
    mouth.say_bytes(&table::own(EtherTypes::Arp, &forged));
    let honest = announcement();
    mouth.say_bytes(&honest);
    wire.hears_bytes(&honest);
    let length = honest.len() as u64;
    before.assert_moved(
        &story.netd,
        &[
            ("mallory/net0 drops.arp-spoof", 1),
            ("mallory/net0 opackets", 1),
            ("mallory/net0 obytes", length),
            ("alice/net0 ipackets", 1),
            ("alice/net0 rbytes", length),
        ],
    );
}
