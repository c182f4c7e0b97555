//! What root in a guest tries with Neighbor Discovery: for others, in hiding,
//! and as a router.

use fabric::DropReason::*;
use pnet::packet::ethernet::EtherTypes;

use crate::frames::Address;
use crate::packets::{
    AH, DESTINATION, FRAGMENT, HOP_BY_HOP, ICMPV6, behind, fragment, icmpv6,
    lladdr, nd,
};
use crate::table::{
    ALICE, ALICE_LINK_LOCAL, ALICE_V6, Attack, MALLORY, MALLORY_LINK_LOCAL,
    MALLORY_V6, addr6, attacks, own,
};
use crate::whole::{icmp6_signed, ip6};

/// Each of them.
pub(crate) fn all() -> Vec<Attack> {
    [forged(), hidden(), routers()].into_iter().flatten().collect()
}

/// ICMPv6 to all, behind what `wrap` puts in front of it.
fn icmp6(
    from: &str,
    message: Vec<u8>,
    wrap: impl Fn(&[u8]) -> (u8, Vec<u8>),
) -> Vec<u8> {
    let (from, dest) = (addr6(from), addr6("ff02::1"));
    let (next, payload) = wrap(&icmp6_signed(from, dest, message));
    own(EtherTypes::Ipv6, &ip6(from, dest, next, &payload))
}

fn bare(message: &[u8]) -> (u8, Vec<u8>) {
    (ICMPV6, message.to_vec())
}

/// An advertisement of an address, at a MAC address, that overrides what was
/// known.
fn advertised(ip: &str, mac: Address) -> Vec<u8> {
    let mut message = nd(136, addr6(ip), &lladdr(2, mac));
    message[4] = 0x20;
    message
}

fn forged() -> Vec<Attack> {
    let say = |message| icmp6(MALLORY_V6, message, bare);
    let nobody = |message| icmp6("::", message, bare);
    let ask = |options: &[u8]| nd(135, addr6("fd00::1"), options);
    let two = [advertised(MALLORY_V6, MALLORY), lladdr(2, ALICE)].concat();
    attacks(
        NdSpoof,
        [
            ("the victim advertised", say(advertised(ALICE_V6, MALLORY))),
            (
                "the victim advertised from a link-local",
                icmp6(MALLORY_LINK_LOCAL, advertised(ALICE_V6, MALLORY), bare),
            ),
            (
                "the victim advertised without an option",
                say(nd(136, addr6(ALICE_V6), &[])),
            ),
            (
                "the victim's link-local advertised",
                say(advertised(ALICE_LINK_LOCAL, MALLORY)),
            ),
            ("the gateway advertised", say(advertised("fd00::1", MALLORY))),
            (
                "the own IP at the victim's MAC",
                say(advertised(MALLORY_V6, ALICE)),
            ),
            ("a second option, forged", say(two)),
            (
                "a source option in an advertisement",
                say(nd(136, addr6(MALLORY_V6), &lladdr(1, ALICE))),
            ),
            ("a solicitation at the victim's MAC", say(ask(&lladdr(1, ALICE)))),
            ("a target option in a solicitation", say(ask(&lladdr(2, ALICE)))),
            (
                "detection of the victim's address",
                nobody(nd(135, addr6(ALICE_V6), &[])),
            ),
            (
                "detection of the victim's link-local",
                nobody(nd(135, addr6(ALICE_LINK_LOCAL), &[])),
            ),
            (
                "a router solicited at the victim's MAC",
                say(icmpv6(133, &lladdr(1, ALICE))),
            ),
        ],
    )
}

/// The same where a hasty reader doesn't look.
fn hidden() -> Vec<Attack> {
    let forged = || advertised(ALICE_V6, MALLORY);
    let say = |message, wrap: fn(&[u8]) -> (u8, Vec<u8>)| {
        icmp6(MALLORY_V6, message, wrap)
    };
    let mut attacks = attacks(
        NdHidden,
        [
            (
                "behind hop-by-hop options",
                say(forged(), |nd| (HOP_BY_HOP, behind(ICMPV6, nd))),
            ),
            (
                "behind destination options",
                say(forged(), |nd| (DESTINATION, behind(ICMPV6, nd))),
            ),
            (
                "behind both",
                say(forged(), |nd| {
                    let inner = behind(ICMPV6, nd);
                    (HOP_BY_HOP, behind(DESTINATION, &inner))
                }),
            ),
            (
                "behind authentication",
                say(forged(), |nd| {
                    (AH, [&[ICMPV6, 4][..], &[0; 22], nd].concat())
                }),
            ),
            (
                "in a fragment of its own",
                say(forged(), |nd| (FRAGMENT, fragment(ICMPV6, 0, false, nd))),
            ),
            (
                "in the first of two fragments",
                say(forged(), |nd| {
                    (FRAGMENT, fragment(ICMPV6, 0, true, &nd[..24]))
                }),
            ),
            (
                "a solicitation behind options",
                say(nd(135, addr6("fd00::1"), &lladdr(1, ALICE)), |nd| {
                    (DESTINATION, behind(ICMPV6, nd))
                }),
            ),
            (
                "a router behind options",
                say(icmpv6(134, &[0; 8]), |nd| {
                    (HOP_BY_HOP, behind(ICMPV6, nd))
                }),
            ),
            (
                "a redirect in a fragment",
                say(icmpv6(137, &[0; 32]), |nd| {
                    (FRAGMENT, fragment(ICMPV6, 0, true, nd))
                }),
            ),
        ],
    );
    attacks.push(Attack {
        title: "its type in the second fragment",
        frame: say(forged(), |_| {
            let options = behind(ICMPV6, &[]);
            (FRAGMENT, fragment(DESTINATION, 0, true, &options))
        }),
        reason: Unreadable,
    });
    attacks
}

fn routers() -> Vec<Attack> {
    let from = |from, message| icmp6(from, message, bare);
    // A router for half an hour, and a prefix to make addresses of.
    let prefix = [
        &[3, 4, 64, 0xc0, 0, 0, 7, 8, 0, 0, 7, 8, 0, 0, 0, 0][..],
        &addr6("fd66::").octets(),
    ]
    .concat();
    let advertise = |options: &[u8]| {
        let mut message = icmpv6(134, &[&[0; 8], options].concat());
        message[6..8].copy_from_slice(&[7, 8]);
        message
    };
    let redirect = [addr6(MALLORY_V6).octets(), addr6("fd00::1").octets()];
    let redirect = icmpv6(137, &redirect.concat());
    let slla = lladdr(1, MALLORY);
    attacks(
        RouterSpoof,
        [
            ("a router", from(MALLORY_LINK_LOCAL, advertise(&[]))),
            (
                "a router that says who it is",
                from(MALLORY_LINK_LOCAL, advertise(&slla)),
            ),
            (
                "a router with a prefix",
                from(
                    MALLORY_LINK_LOCAL,
                    advertise(&[slla.clone(), prefix].concat()),
                ),
            ),
            (
                "a router with its global address",
                from(MALLORY_V6, advertise(&slla)),
            ),
            ("a redirect", from(MALLORY_LINK_LOCAL, redirect)),
        ],
    )
}
