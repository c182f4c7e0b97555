//! What a guest tries with DHCP: for others, as a server, and in hiding.

use std::net::{Ipv4Addr, Ipv6Addr};

use fabric::DropReason::*;
use pnet::packet::ethernet::EtherTypes;

use crate::frames::Address;
use crate::packets::{
    FRAGMENT, UDP, arp_about, dhcp4, dhcp6, fragment, ipv4_fragment, option4,
    option6, udp,
};
use crate::table::{
    ALICE, ALICE_LINK_LOCAL, ALICE_V4, Attack, MALLORY, MALLORY_LINK_LOCAL,
    MALLORY_V4, WIRE_V4, addr6, attacks, own,
};
use crate::whole::{ip4, ip6, udp6_signed};

/// DHCPv4's kinds of messages (RFC 2132, 9.6).
const DISCOVER: u8 = 1;
const OFFER: u8 = 2;
const REQUEST: u8 = 3;
const DECLINE: u8 = 4;
const ACK: u8 = 5;
const NAK: u8 = 6;
const RELEASE: u8 = 7;

/// A message of DHCPv4 about an address, for a client.
fn message(kind: u8, client: Address, about: Ipv4Addr) -> Vec<u8> {
    let mut options = option4(53, &[kind]);
    // REQUEST and DECLINE ask for it; the others have it in a field.
    if matches!(kind, REQUEST | DECLINE) {
        options.extend(option4(50, &about.octets()));
    }
    if matches!(kind, OFFER | ACK | NAK) {
        options.extend(option4(54, &MALLORY_V4.octets()));
        options.extend(option4(51, &[0, 0, 14, 16]));
    }
    options.push(255);
    let mut message = dhcp4(client, &options);
    message[4..8].copy_from_slice(b"mall");
    match kind {
        RELEASE => message[12..16].copy_from_slice(&about.octets()),
        OFFER | ACK => message[16..20].copy_from_slice(&about.octets()),
        _ => {}
    }
    if matches!(kind, OFFER | ACK | NAK) {
        message[0] = 2;
    }
    message
}

/// It, from port to port and from an address.
fn sent(from: Ipv4Addr, ports: [u16; 2], message: &[u8]) -> Vec<u8> {
    let datagram = udp(ports[0], ports[1], message);
    let packet = ip4(from, Ipv4Addr::BROADCAST, UDP, &datagram);
    own(EtherTypes::Ipv4, &packet)
}

pub(crate) const NOBODY: Ipv4Addr = Ipv4Addr::UNSPECIFIED;
const AS_CLIENT: [u16; 2] = [68, 67];
const AS_SERVER: [u16; 2] = [67, 68];

/// A request of the guest's own for an address.
pub(crate) fn request(about: Ipv4Addr) -> Vec<u8> {
    sent(NOBODY, AS_CLIENT, &message(REQUEST, MALLORY, about))
}

/// What a server would answer to it.
pub(crate) fn acknowledgement(from: Ipv4Addr, about: Ipv4Addr) -> Vec<u8> {
    sent(from, AS_SERVER, &message(ACK, MALLORY, about))
}

/// What is no client's business.
const DHCP6_SERVERS: [u8; 5] = [2, 7, 10, 12, 13];

fn sent6(from: Ipv6Addr, ports: [u16; 2], message: &[u8]) -> Vec<u8> {
    let dest = addr6("ff02::1:2");
    let datagram = udp6_signed(from, dest, udp(ports[0], ports[1], message));
    own(EtherTypes::Ipv6, &ip6(from, dest, UDP, &datagram))
}

/// A message of DHCPv6 of a client that is told by its MAC address.
fn message6(kind: u8, client: Address) -> Vec<u8> {
    let duid = [&[0, 3, 0, 1], &client.0[..]].concat();
    let address = [&addr6("fd00::11").octets()[..], &[0; 8]].concat();
    let ia = [&[0; 12][..], &option6(5, &address)].concat();
    dhcp6(kind, &[option6(1, &duid), option6(3, &ia)].concat())
}

/// A guest whose addresses are fixed has nothing to ask for.
pub(crate) fn off() -> Vec<Attack> {
    let v4 = |kind, ports| {
        sent(MALLORY_V4, ports, &message(kind, MALLORY, ALICE_V4))
    };
    let from = addr6(MALLORY_LINK_LOCAL);
    let v6 = |kind, ports| sent6(from, ports, &message6(kind, MALLORY));
    let parts = udp(68, 67, &message(DISCOVER, MALLORY, ALICE_V4));
    let parts = ipv4_fragment(NOBODY, UDP, 0, true, &parts[..64]);
    attacks(
        DhcpOff,
        [
            ("a lease asked for", v4(DISCOVER, AS_CLIENT)),
            ("a lease offered", v4(OFFER, AS_SERVER)),
            ("a lease acknowledged", v4(ACK, AS_SERVER)),
            ("a lease given back", v4(RELEASE, AS_CLIENT)),
            ("DHCP in parts", own(EtherTypes::Ipv4, &parts)),
            ("a lease of IPv6 asked for", v6(1, [546, 547])),
            ("a lease of IPv6 advertised", v6(2, [547, 546])),
            ("a lease of IPv6 in a reply", v6(7, [547, 546])),
        ],
    )
}

/// What a guest tries that may ask for leases.
pub(crate) fn leasing() -> Vec<Attack> {
    [strangers(), servers(), hiding(), unleased()]
        .into_iter()
        .flatten()
        .collect()
}

/// For another client than itself.
fn strangers() -> Vec<Attack> {
    let v4 = |kind, client| {
        sent(NOBODY, AS_CLIENT, &message(kind, client, ALICE_V4))
    };
    let id = |id: &[u8]| {
        let options = [option4(53, &[REQUEST]), option4(61, id)].concat();
        sent(NOBODY, AS_CLIENT, &dhcp4(MALLORY, &[options, vec![255]].concat()))
    };
    let alice = [&[1], &ALICE.0[..]].concat();
    let mallory = [&[1], &MALLORY.0[..]].concat();
    let both = [option4(61, &mallory), option4(61, &alice), vec![255]].concat();
    let hardware = |at: usize, byte| {
        let mut message = message(DISCOVER, MALLORY, NOBODY);
        message[at] = byte;
        sent(NOBODY, AS_CLIENT, &message)
    };
    let from = addr6(MALLORY_LINK_LOCAL);
    let v6 = |kind| sent6(from, [546, 547], &message6(kind, ALICE));
    attacks(
        DhcpSpoof,
        [
            ("a stranger's discovery", v4(DISCOVER, ALICE)),
            ("the victim's lease asked for", v4(REQUEST, ALICE)),
            ("the victim's lease given back", v4(RELEASE, ALICE)),
            ("the victim's lease declined", v4(DECLINE, ALICE)),
            ("the victim's client id", id(&alice)),
            ("any client id", id(b"any")),
            ("two client ids", sent(NOBODY, AS_CLIENT, &dhcp4(MALLORY, &both))),
            ("other hardware", hardware(1, 6)),
            ("a long hardware address", hardware(2, 16)),
            ("the victim's lease of IPv6 asked for", v6(3)),
            ("renewed", v6(5)),
            ("given back", v6(8)),
            ("declined", v6(9)),
        ],
    )
}

fn servers() -> Vec<Attack> {
    let v4 = |kind, ports| sent(NOBODY, ports, &message(kind, ALICE, ALICE_V4));
    let mut relayed = message(DISCOVER, MALLORY, NOBODY);
    relayed[24..28].copy_from_slice(&MALLORY_V4.octets());
    let mut all = attacks(
        DhcpServer,
        [
            ("an offer", v4(OFFER, AS_SERVER)),
            ("an acknowledgement", v4(ACK, AS_SERVER)),
            ("a refusal", v4(NAK, AS_SERVER)),
            ("an offer from a client's port", v4(OFFER, [68, 68])),
            ("an offer from any port", v4(OFFER, [1067, 68])),
            ("an offer to a relay", v4(OFFER, [67, 67])),
            ("an acknowledgement to itself", acknowledgement(NOBODY, ALICE_V4)),
            ("a relay", sent(NOBODY, [67, 67], &relayed)),
            ("a relay from a client's port", sent(NOBODY, AS_CLIENT, &relayed)),
        ],
    );
    let from = addr6(MALLORY_LINK_LOCAL);
    for kind in DHCP6_SERVERS {
        for ports in [[547, 546], [546, 546], [547, 547]] {
            let frame = sent6(from, ports, &message6(kind, MALLORY));
            let title = "a server or a relay of IPv6";
            all.push(Attack { title, frame, reason: DhcpServer });
        }
    }
    all
}

fn hiding() -> Vec<Attack> {
    let part = |message: &[u8], ports: [u16; 2]| {
        let datagram = udp(ports[0], ports[1], message);
        let part = ipv4_fragment(NOBODY, UDP, 0, true, &datagram[..64]);
        own(EtherTypes::Ipv4, &part)
    };
    let elsewhere = [option4(53, &[REQUEST]), option4(52, &[3])].concat();
    let (from, dest) = (addr6(MALLORY_LINK_LOCAL), addr6("ff02::1:2"));
    let part6 = |more| {
        let datagram = udp(546, 547, &message6(1, ALICE));
        let datagram = udp6_signed(from, dest, datagram);
        let part = fragment(UDP, 0, more, &datagram);
        own(EtherTypes::Ipv6, &ip6(from, dest, FRAGMENT, &part))
    };
    attacks(
        DhcpHidden,
        [
            (
                "a request in parts",
                part(&message(REQUEST, ALICE, ALICE_V4), AS_CLIENT),
            ),
            (
                "an offer in parts",
                part(&message(OFFER, ALICE, ALICE_V4), AS_SERVER),
            ),
            (
                "options elsewhere",
                sent(NOBODY, AS_CLIENT, &dhcp4(MALLORY, &elsewhere)),
            ),
            ("a solicitation in parts", part6(true)),
            ("in a fragment of its own", part6(false)),
        ],
    )
}

/// From an address that nobody has leased to it.
fn unleased() -> Vec<Attack> {
    let taken = arp_about(2, MALLORY, MALLORY_V4, MALLORY_V4);
    let taken = Attack {
        title: "an address that nobody leased it",
        frame: own(EtherTypes::Arp, &taken),
        reason: ArpSpoof,
    };
    let release = message(RELEASE, MALLORY, ALICE_V4);
    let offer = message(OFFER, ALICE, ALICE_V4);
    let from = addr6(ALICE_LINK_LOCAL);
    let mut attacks = attacks(
        IpSpoof,
        [
            (
                "the victim's lease given back as the victim",
                sent(ALICE_V4, AS_CLIENT, &release),
            ),
            ("an offer of the gateway's", sent(WIRE_V4, AS_SERVER, &offer)),
            (
                "a solicitation from another link-local",
                sent6(from, [546, 547], &message6(1, MALLORY)),
            ),
            (
                "an advertisement from another link-local",
                sent6(from, [547, 546], &message6(2, MALLORY)),
            ),
        ],
    );
    attacks.push(taken);
    attacks
}
