//! What root in a guest tries: a title, a frame, and why it goes nowhere.

use std::net::{Ipv4Addr, Ipv6Addr};

use fabric::DropReason::{self, *};
use pnet::packet::ethernet::{EtherType, EtherTypes};

use crate::frames::{
    Address, BROADCAST, GROUP, ethernet, tagged, tagged_by_provider,
};
use crate::packets::{
    FRAGMENT, TCP, UDP, arp, arp_about, fragment, ipv4_fragment,
};
use crate::whole::{ip4, ip6};
use crate::{dhcp, neighbors};

/// Root's own.
pub(crate) const MALLORY: Address = Address([2, 8, 0x20, 0, 0, 0x66]);
pub(crate) const MALLORY_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 66);
pub(crate) const MALLORY_V6: &str = "fd00::66";
pub(crate) const MALLORY_LINK_LOCAL: &str = "fe80::8:20ff:fe00:66";
/// The victim's.
pub(crate) const ALICE: Address = Address([2, 8, 0x20, 0, 0, 0x11]);
pub(crate) const ALICE_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 11);
pub(crate) const ALICE_V6: &str = "fd00::11";
pub(crate) const ALICE_LINK_LOCAL: &str = "fe80::8:20ff:fe00:11";
/// The host's and the wire's, `Office` has the rest.
pub(crate) const HOST: Address = Address([0x9c, 0xb6, 0x54, 0xbb, 0xc3, 0x3c]);
pub(crate) const WIRE: Address = Address([2, 0, 0, 0, 0, 1]);
const HOST_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 3);
pub(crate) const WIRE_V4: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);
/// Nobody's.
const NO_V4: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

/// A frame that must go nowhere.
pub(crate) struct Attack {
    pub(crate) title: &'static str,
    /// To everybody.
    pub(crate) frame: Vec<u8>,
    pub(crate) reason: DropReason,
}

impl Attack {
    /// The frame to everybody, and to each station by itself.
    pub(crate) fn frames(&self) -> impl Iterator<Item = Vec<u8>> {
        let to = |dest: Address| [&dest.0, &self.frame[6..]].concat();
        let to_all = [self.frame.clone()].into_iter();
        to_all.chain([ALICE, HOST, WIRE].map(to))
    }
}

/// Attacks for one reason.
pub(crate) fn attacks<const N: usize>(
    reason: DropReason,
    of: [(&'static str, Vec<u8>); N],
) -> Vec<Attack> {
    of.map(|(title, frame)| Attack { title, frame, reason }).into()
}

/// What a guest with fixed addresses and all four protections tries.
pub(crate) fn fixed() -> Vec<Attack> {
    [macs(), tags(), kinds(), arps(), sources(), neighbors::all(), dhcp::off()]
        .into_iter()
        .flatten()
        .collect()
}

pub(crate) fn addr6(text: &str) -> Ipv6Addr {
    text.parse().expect("it is an address")
}

/// A frame of the guest's own MAC address.
pub(crate) fn own(kind: EtherType, payload: &[u8]) -> Vec<u8> {
    ethernet(BROADCAST, MALLORY, kind, payload)
}

/// An honest one: mallory tells everybody who has its address.
pub(crate) fn announcement() -> Vec<u8> {
    let arp = arp_about(1, MALLORY, MALLORY_V4, MALLORY_V4);
    own(EtherTypes::Arp, &arp)
}

/// Whoever learns from sources sends mallory what is for those.
fn macs() -> Vec<Attack> {
    let honest = ip4(MALLORY_V4, WIRE_V4, TCP, &[0; 20]);
    let from = |mac| ethernet(BROADCAST, mac, EtherTypes::Ipv4, &honest);
    let as_alice = arp_about(2, ALICE, ALICE_V4, ALICE_V4);
    attacks(
        MacSpoof,
        [
            ("the victim's MAC", from(ALICE)),
            ("the host's MAC", from(HOST)),
            ("the wire's MAC", from(WIRE)),
            ("nobody's MAC", from(Address([2, 8, 0x20, 9, 9, 9]))),
            ("everybody's MAC", from(BROADCAST)),
            ("a group's MAC", from(GROUP)),
            (
                "the victim's MAC and ARP",
                ethernet(BROADCAST, ALICE, EtherTypes::Arp, &as_alice),
            ),
        ],
    )
}

fn tags() -> Vec<Attack> {
    let honest = announcement();
    let forged = own(EtherTypes::Arp, &arp(2, MALLORY, ALICE_V4));
    attacks(
        GuestTag,
        [
            ("802.1Q", tagged(&honest, 5, 0)),
            ("a forgery behind 802.1Q", tagged(&forged, 5, 0)),
            ("a forgery behind a priority", tagged(&forged, 0, 3)),
            ("VLAN 4095", tagged(&honest, 4095, 7)),
            ("802.1ad", tagged_by_provider(&honest, 5)),
            ("two tags", tagged(&tagged(&honest, 6, 0), 5, 0)),
            (
                "two tags, of both kinds",
                tagged_by_provider(&tagged(&honest, 6, 0), 5),
            ),
            ("a tag and a priority", tagged(&tagged(&honest, 0, 1), 5, 0)),
        ],
    )
}

fn kinds() -> Vec<Attack> {
    let kind = |number, payload: &[u8]| own(EtherType::new(number), payload);
    let snap = |kind: u16, payload: &[u8]| {
        let behind = [0xaa, 0xaa, 3, 0, 0, 0];
        [&behind, &kind.to_be_bytes()[..], payload].concat()
    };
    let forged = arp(2, MALLORY, ALICE_V4);
    let length = |bytes: &[u8]| u16::try_from(bytes.len()).expect("short");
    let llc = |bytes: &[u8]| kind(length(bytes), bytes);
    // A root bridge of the best priority.
    let bpdu = [&[0x42, 0x42, 3, 0, 0, 0, 0, 0][..], &[0; 31]].concat();
    let qinq = tagged(&announcement(), 5, 0);
    let mut old_tag = qinq;
    old_tag[12..14].copy_from_slice(&[0x91, 0]);
    attacks(
        Restricted,
        [
            ("reverse ARP asks", kind(0x8035, &arp(3, ALICE, ALICE_V4))),
            ("reverse ARP answers", kind(0x8035, &arp(4, ALICE, ALICE_V4))),
            ("ARP behind SNAP", llc(&snap(0x0806, &forged))),
            (
                "IPv4 behind SNAP",
                llc(&snap(0x0800, &ip4(ALICE_V4, WIRE_V4, TCP, &[0; 20]))),
            ),
            ("spanning tree", llc(&bpdu)),
            ("LLDP", kind(0x88cc, &[2, 7, 4, 2, 8, 0x20, 0, 0, 0x66])),
            ("802.1X", kind(0x888e, &[2, 1, 0, 0])),
            ("PPPoE", kind(0x8863, &[0x11, 7, 0, 0, 0, 0])),
            ("pause", kind(0x8808, &[0, 1, 0xff, 0xff])),
            ("an old tag of providers'", old_tag),
        ],
    )
}

fn arps() -> Vec<Attack> {
    let say = |arp: &[u8]| own(EtherTypes::Arp, arp);
    let with = |at: usize, byte| {
        let mut arp = arp_about(2, MALLORY, MALLORY_V4, WIRE_V4);
        arp[at] = byte;
        say(&arp)
    };
    let about =
        |operation, of, target| say(&arp_about(operation, MALLORY, of, target));
    let mut attacks = attacks(
        ArpSpoof,
        [
            ("an ARP reply for the victim", about(2, ALICE_V4, WIRE_V4)),
            ("an ARP request as the victim", about(1, ALICE_V4, WIRE_V4)),
            ("the victim announced by a request", about(1, ALICE_V4, ALICE_V4)),
            ("the victim announced by a reply", about(2, ALICE_V4, ALICE_V4)),
            ("the host announced", about(2, HOST_V4, HOST_V4)),
            ("the gateway announced", about(1, WIRE_V4, WIRE_V4)),
            ("a probe for the victim's", about(1, NO_V4, ALICE_V4)),
            ("a probe for the gateway's", about(1, NO_V4, WIRE_V4)),
            ("the own IP at the victim's MAC", say(&arp(2, ALICE, MALLORY_V4))),
            (
                "the victim's IP at the victim's MAC",
                say(&arp(2, ALICE, ALICE_V4)),
            ),
            ("the own IP at everybody's", say(&arp(2, BROADCAST, MALLORY_V4))),
            ("RARP in ARP", say(&arp(4, MALLORY, MALLORY_V4))),
            ("inverse ARP", say(&arp(9, MALLORY, MALLORY_V4))),
            ("other hardware", with(1, 6)),
            ("another protocol", with(2, 0x86)),
            ("no hardware address", with(4, 0)),
        ],
    );
    let half = arp(2, MALLORY, ALICE_V4)[..24].to_vec();
    attacks.push(Attack {
        title: "half of ARP",
        frame: say(&half),
        reason: Unreadable,
    });
    attacks
}

fn sources() -> Vec<Attack> {
    let v4 = |from: Ipv4Addr| {
        own(EtherTypes::Ipv4, &ip4(from, WIRE_V4, TCP, &[0; 20]))
    };
    let v6 = |from: &str| {
        let packet = ip6(addr6(from), addr6("ff02::1"), TCP, &[0; 20]);
        own(EtherTypes::Ipv6, &packet)
    };
    let rest = ipv4_fragment(ALICE_V4, UDP, 3, false, &[0; 24]);
    let part = fragment(UDP, 3, false, &[0; 24]);
    let part = ip6(addr6(ALICE_V6), addr6("ff02::1"), FRAGMENT, &part);
    attacks(
        IpSpoof,
        [
            ("the victim's IPv4", v4(ALICE_V4)),
            ("the host's IPv4", v4(HOST_V4)),
            ("nobody's IPv4", v4(Ipv4Addr::new(192, 168, 1, 99))),
            ("IPv4 of the loopback", v4(Ipv4Addr::LOCALHOST)),
            ("everybody's IPv4", v4(Ipv4Addr::BROADCAST)),
            ("a later fragment", own(EtherTypes::Ipv4, &rest)),
            ("the victim's IPv6", v6(ALICE_V6)),
            ("the host's IPv6", v6("fd00::3")),
            ("nobody's IPv6", v6("fd00::99")),
            ("IPv6 of the loopback", v6("::1")),
            ("IPv4 in IPv6", v6("::ffff:192.168.1.66")),
            ("the victim's link-local", v6(ALICE_LINK_LOCAL)),
            ("any link-local", v6("fe80::66")),
            ("a group of IPv6", v6("ff02::1")),
            ("a later fragment of IPv6", own(EtherTypes::Ipv6, &part)),
        ],
    )
}
