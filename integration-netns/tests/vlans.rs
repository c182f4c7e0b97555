//! VLANs: two never see each other, and the wire sees the right tags.
//!
//!   a [net0 :a5, VLAN 5] ─┐
//!   b [net0 :b5, VLAN 5] ─┤
//!                         host [bge0 :3c] ════ [lan0 :01] wire
//!   c [net0 :c6, VLAN 6] ─┤
//!   d [net0 :d0]  ────────┘
//!
//! The same zones without a wire, on an etherstub. No kernel here speaks by
//! itself, so the counters must agree to the frame.

use integration_netns::probe::{Ear, Frame};
use integration_netns::{Counters, Lab, Netd, Netns, Office};

const A: &str = "2:8:20:0:0:a5";
const B: &str = "2:8:20:0:0:b5";
const C: &str = "2:8:20:0:0:c6";
const D: &str = "2:8:20:0:0:d0";
const WIRE: &str = "2:0:0:0:0:1";
/// Nobody's VLAN.
const OTHER: u16 = 7;
/// 802.1Q and 802.1ad.
const TAG: u16 = 0x8100;
const PROVIDERS_TAG: u16 = 0x88a8;

/// Zones with a VNIC each on a link.
fn zones(lab: &Lab, netd: &Netd, over: &str) -> [Netns; 4] {
    [("a", A, "-v 5"), ("b", B, "-v 5"), ("c", C, "-v 6"), ("d", D, "")].map(
        |(name, mac, vlan)| {
            let zone = lab.quiet_zone(name);
            let line = format!("-l {over} {vlan} -m {mac} -p zone={name} net0");
            netd.sh(&format!("dladm create-vnic {line}")).check();
            zone.ip("link set net0 up");
            zone
        },
    )
}

/// A frame behind a tag: a priority and a VLAN.
fn tagged(frame: &[u8], kind: u16, tci: u16) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(12);
    [addresses, &kind.to_be_bytes(), &tci.to_be_bytes(), rest].concat()
}

fn bytes(from: &str, to: &str) -> Vec<u8> {
    Frame::new(from, to).bytes().to_vec()
}

/// Who has 192.168.1.1? As long as on a wire.
fn arp_request(from: &str) -> Vec<u8> {
    let mut frame = bytes(from, Frame::BROADCAST);
    let source = frame[6..12].to_vec();
    frame[12..22].copy_from_slice(&[8, 6, 0, 1, 8, 0, 6, 4, 0, 1]);
    frame[22..28].copy_from_slice(&source);
    frame[28..42].copy_from_slice(&[0; 14]);
    frame[38..42].copy_from_slice(&[192, 168, 1, 1]);
    frame
}

/// Waits for each frame, and checks that no other came.
#[track_caller]
fn hears_only(ear: &mut Ear, frames: &[&Vec<u8>]) {
    for frame in frames {
        ear.hears_bytes(frame);
    }
    let all = ear.all();
    let others = all.iter().filter(|heard| !frames.contains(heard));
    let others: Vec<_> = others.collect();
    assert!(others.is_empty(), "{} heard {others:02x?}", ear.place());
    assert_eq!(all.len(), frames.len(), "{}: {all:02x?}", ear.place());
}

#[test]
fn what_a_vnic_sends_has_its_vlans_tag_on_the_wire_and_there_only() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let netd = Netd::start(&lab, &office.host, None);
    let zones = zones(&lab, &netd, "bge0");
    let [mut a, mut b, mut c, mut d] =
        zones.each_ref().map(|zone| Ear::on(zone, "net0"));
    let mut host = Ear::on(&office.host, Office::NIC);
    let mut wire = Ear::on(&office.wire, Office::WIRE_LINK);
    let before = Counters::read(&netd);

    let [to_wire, to_b, to_c, to_d] =
        [WIRE, B, C, D].map(|dest| bytes(A, dest));
    let to_host = bytes(A, Office::NIC_MAC);
    let (asks, to_all) = (arp_request(A), bytes(A, Frame::BROADCAST));
    for frame in [&to_wire, &to_b, &to_c, &to_d, &to_host, &asks, &to_all] {
        a.say_bytes(frame);
    }
    let from_c = bytes(C, Frame::BROADCAST);
    c.say_bytes(&from_c);
    let from_d = bytes(D, Frame::BROADCAST);
    d.say_bytes(&from_d);

    let on_5 = |frame: &[u8]| tagged(frame, TAG, 5);
    // c and d are strangers on VLAN 5: where they are, the wire may know.
    let known = [&to_wire, &to_c, &to_d, &asks, &to_all].map(|it| on_5(it));
    let from_c_on_6 = tagged(&from_c, TAG, 6);
    let mut on_wire: Vec<_> = known.iter().collect();
    on_wire.extend([&from_c_on_6, &from_d]);
    hears_only(&mut wire, &on_wire);
    hears_only(&mut b, &[&to_b, &asks, &to_all]);
    for ear in [&mut a, &mut c, &mut d] {
        hears_only(ear, &[]);
    }
    for frame in [on_5(&to_host), on_5(&to_all), from_c_on_6, from_d] {
        host.hears_bytes(&frame);
    }
    let length = Frame::LEN;
    before.assert_moved(
        &netd,
        &[
            ("a/net0 opackets", 7),
            ("a/net0 obytes", 7 * length),
            ("b/net0 ipackets", 3),
            ("b/net0 rbytes", 3 * length),
            ("c/net0 opackets", 1),
            ("c/net0 obytes", length),
            ("d/net0 opackets", 1),
            ("d/net0 obytes", length),
        ],
    );
}

#[test]
fn what_the_wire_sends_reaches_its_vlan_only() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let netd = Netd::start(&lab, &office.host, None);
    let zones = zones(&lab, &netd, "bge0");
    let [mut a, mut b, mut c, mut d] =
        zones.each_ref().map(|zone| Ear::on(zone, "net0"));
    let mut host = Ear::on(&office.host, Office::NIC);
    let mut wire = Ear::on(&office.wire, Office::WIRE_LINK);
    let before = Counters::read(&netd);

    let [plain, on_5, on_6, on_other, first] =
        [(); 5].map(|()| bytes(WIRE, Frame::BROADCAST));
    let [to_a, to_a_on_6, to_a_plain, to_d_on_5] =
        [A, A, A, D].map(|dest| bytes(WIRE, dest));
    let sent = [
        plain.clone(),
        tagged(&on_5, TAG, 5),
        tagged(&on_6, TAG, 6),
        tagged(&on_other, TAG, OTHER),
        tagged(&bytes(WIRE, Frame::BROADCAST), PROVIDERS_TAG, 5),
        tagged(&to_a, TAG, 5),
        tagged(&to_a_on_6, TAG, 6),
        to_a_plain,
        tagged(&to_d_on_5, TAG, 5),
        // A priority, and no VLAN.
        tagged(&first, TAG, 3 << 13),
    ];
    for frame in &sent {
        wire.say_bytes(frame);
    }
    hears_only(&mut a, &[&on_5, &to_a]);
    hears_only(&mut b, &[&on_5]);
    hears_only(&mut c, &[&on_6]);
    hears_only(&mut d, &[&plain, &first]);
    // The host has what is not for VNICs, as it came.
    let not_for_vnics =
        sent.iter().filter(|frame| **frame != tagged(&to_a, TAG, 5));
    for frame in not_for_vnics {
        host.hears_bytes(frame);
    }
    let length = Frame::LEN;
    before.assert_moved(
        &netd,
        &[
            ("a/net0 ipackets", 2),
            ("a/net0 rbytes", 2 * length),
            ("b/net0 ipackets", 1),
            ("b/net0 rbytes", length),
            ("c/net0 ipackets", 1),
            ("c/net0 rbytes", length),
            ("d/net0 ipackets", 2),
            ("d/net0 rbytes", 2 * length),
        ],
    );
}

#[test]
fn an_etherstub_keeps_vlans_apart() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let netd = Netd::start(&lab, &office.host, None);
    netd.sh("dladm create-etherstub stub0").check();
    let zones = zones(&lab, &netd, "stub0");
    let [mut a, mut b, mut c, mut d] =
        zones.each_ref().map(|zone| Ear::on(zone, "net0"));
    let before = Counters::read(&netd);
    let (to_b, to_c) = (bytes(A, B), bytes(A, C));
    let (asks, to_all) = (arp_request(A), bytes(A, Frame::BROADCAST));
    for frame in [&to_b, &to_c, &asks, &to_all] {
        a.say_bytes(frame);
    }
    let back = bytes(B, A);
    b.say_bytes(&back);
    c.say_bytes(&bytes(C, A));
    d.say_bytes(&bytes(D, Frame::BROADCAST));
    hears_only(&mut b, &[&to_b, &asks, &to_all]);
    hears_only(&mut a, &[&back]);
    let length = Frame::LEN;
    before.assert_moved(
        &netd,
        &[
            ("a/net0 opackets", 3),
            ("a/net0 obytes", 3 * length),
            ("a/net0 drops.no-destination", 1),
            ("a/net0 ipackets", 1),
            ("a/net0 rbytes", length),
            ("b/net0 ipackets", 3),
            ("b/net0 rbytes", 3 * length),
            ("b/net0 opackets", 1),
            ("b/net0 obytes", length),
            ("c/net0 drops.no-destination", 1),
            ("d/net0 opackets", 1),
            ("d/net0 obytes", length),
        ],
    );
    for ear in [&mut c, &mut d] {
        hears_only(ear, &[]);
    }
}

#[test]
fn the_hosts_own_vlans_stay_as_they_are() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let netd = Netd::start(&lab, &office.host, None);
    let zones = zones(&lab, &netd, "bge0");
    let [mut a, mut b, mut c, mut d] =
        zones.each_ref().map(|zone| Ear::on(zone, "net0"));
    let mut host = Ear::on(&office.host, Office::NIC);
    let mut wire = Ear::on(&office.wire, Office::WIRE_LINK);
    let before = Counters::read(&netd);
    let to = |dest| bytes(Office::NIC_MAC, dest);
    // With a priority and the bit that says what to drop first.
    let tci = 5 << 13 | 1 << 12;
    let (group, to_a) = (to(Frame::BROADCAST), to(A));
    let sent = [
        tagged(&to(WIRE), TAG, tci | OTHER),
        tagged(&to(Frame::BROADCAST), TAG, tci | OTHER),
        tagged(&tagged(&to(WIRE), TAG, tci | 5), PROVIDERS_TAG, tci | OTHER),
        tagged(&to(WIRE), TAG, tci | 5),
        tagged(&group, TAG, tci | 5),
        to(WIRE),
    ];
    for frame in &sent {
        host.say_bytes(frame);
    }
    // A VNIC's, which the wire has no need of.
    host.say_bytes(&tagged(&to_a, TAG, tci | 5));
    let last = to(WIRE);
    host.say_bytes(&last);
    hears_only(&mut wire, &sent.iter().chain([&last]).collect::<Vec<_>>());
    hears_only(&mut a, &[&group, &to_a]);
    hears_only(&mut b, &[&group]);
    for ear in [&mut c, &mut d] {
        hears_only(ear, &[]);
    }
    let length = Frame::LEN;
    before.assert_moved(
        &netd,
        &[
            ("a/net0 ipackets", 2),
            ("a/net0 rbytes", 2 * length),
            ("b/net0 ipackets", 1),
            ("b/net0 rbytes", length),
        ],
    );
}
