//! Link protection: a guest can't speak as somebody else.
//!
//! Every frame goes through the guard in Rust and through `from_vnic`, on an
//! etherstub where nobody is. They must agree, on the reason too.

use std::cell::RefCell;
use std::collections::BTreeSet;
use std::env;
use std::net::{Ipv4Addr, Ipv6Addr};

use fabric::datapath::{DatapathTables, LinkRef, Row, Segment};
use fabric::{
    AllowedIps, ClientIds, DropReason, Ends, IpFamily, LinkId, Mac, Methods,
    Mtu, Priority, Program, Protection, ResolvedSpec, ResolvedVnic,
    SecondaryMacs, Vnic, WantedRings,
};
use flows::{Counters, Policy};
use pnet::packet::ethernet::{EtherType, EtherTypes};
use proptest::prelude::*;
use proptest::sample::{Index, select, subsequence};
use proptest::test_runner::{Config, TestRunner};

use crate::bench::{Bench, Context, SELF};
use crate::frames::{
    Address, BROADCAST, GROUP, REMOTE, ethernet, frame, tagged,
    tagged_by_provider, vnic,
};
use crate::lab::{Lab, Tap, in_lab, index_of};
use crate::packets::{
    AH, DESTINATION, FRAGMENT, HOP_BY_HOP, ICMPV6, IGMP, TCP, UDP, arp,
    arp_about, behind, dhcp4, dhcp6, fragment, icmpv6, ipv4, ipv4_fragment,
    ipv6, lladdr, nd, option4, option6, udp,
};

const ALL: &str = "mac-nospoof,restricted,ip-nospoof,dhcp-nospoof";

/// The guest's own, of which the policies tell.
const MAC: Address = vnic(7);
const IP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 7);
/// A neighbour's.
const OTHER_MAC: Address = vnic(8);
const OTHER_IP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 8);
/// A second host end of the guest's.
const TAP: &str = "tap7";
/// Nobody's yet.
const NO_IP: Ipv4Addr = Ipv4Addr::UNSPECIFIED;

fn ip6(text: &str) -> Ipv6Addr {
    text.parse().unwrap()
}

/// The link-local address of [`MAC`], and of [`OTHER_MAC`].
const OWN_LINK_LOCAL: &str = "fe80::8:20ff:fe00:7";
const OTHER_LINK_LOCAL: &str = "fe80::8:20ff:fe00:8";

/// A policy: words of `protection`, of `allowed-ips` and of
/// `allowed-dhcp-cids`.
fn policy(protection: &str, ips: &[&str], ids: &[&str]) -> Policy {
    let ips = ips.iter().map(|ip| ip.parse().unwrap()).collect::<Vec<_>>();
    let ids = ids.iter().map(|id| id.parse().unwrap()).collect::<Vec<_>>();
    let allowed_ips = AllowedIps::try_from(ips).unwrap();
    let protection: Protection = protection.parse().unwrap();
    // What a VNIC has whose dynamic-methods nobody has set.
    let dhcp = |family| protection.ip_nospoof && !allowed_ips.has(family);
    Policy {
        mac: MAC.into(),
        secondary_macs: SecondaryMacs::default(),
        protection,
        methods: Methods {
            dhcpv4: dhcp(IpFamily::V4),
            dhcpv6: dhcp(IpFamily::V6),
            slaac: false,
        },
        learned: BTreeSet::new(),
        allowed_ips,
        allowed_dhcp_cids: ClientIds::try_from(ids).unwrap(),
        allow_all_dhcp_cids: false,
    }
}

/// All four protections, and an address of each kind.
fn fixed() -> Policy {
    policy(ALL, &["192.168.1.7", "2001:db8::7", "10.1.0.0/16"], &[])
}

/// All four protections, and no address: DHCP may be spoken.
fn dynamic() -> Policy {
    policy(ALL, &[], &["web", "0x00020000000901"])
}

/// `from_vnic`, and the policy that its tables hold.
struct Guarded {
    bench: Bench,
    tap: RefCell<Tap>,
    policy: RefCell<Option<(Policy, DatapathTables)>>,
    counters: RefCell<Counters>,
}

impl Guarded {
    fn new(lab: &Lab) -> Self {
        let mut bench = Bench::new(lab);
        // A test run is on the loopback device.
        let tap = Tap::new(TAP);
        let links = [(Vnic::host_end(SELF), 1)];
        let taps = [(TAP.parse().unwrap(), index_of(TAP))];
        bench.links = links.into_iter().chain(taps).collect();
        let program = Program::FromVnic;
        bench.datapath.attach(program, index_of(TAP), false).unwrap();
        Self {
            bench,
            tap: RefCell::new(tap),
            policy: RefCell::default(),
            counters: RefCell::default(),
        }
    }

    /// Writes what a VNIC with this policy has, all but its place in the
    /// switch: whatever passes finds no destination.
    fn set(&self, policy: &Policy) {
        let old = self.policy.take().map(|(_, tables)| tables);
        let old = old.unwrap_or_default();
        for row in old.rows().collect::<Vec<_>>().iter().rev() {
            self.bench.delete(row);
        }
        let vnic = ResolvedVnic {
            id: SELF,
            name: "net0".parse().unwrap(),
            zone: None,
            over: "stub0".parse().unwrap(),
            segment: Segment::Etherstub(LinkId(3)),
            station: None,
            mac: policy.mac,
            vid: None,
            mtu: Mtu::ETHERNET,
            maxbw: None,
            minbw: None,
            priority: Priority::OF_VNICS,
            rings: WantedRings::default(),
            flows: Vec::new(),
            protection: policy.protection,
            allowed_ips: policy.allowed_ips.clone(),
            allowed_dhcp_cids: policy.allowed_dhcp_cids.clone(),
            allow_all_dhcp_cids: policy.allow_all_dhcp_cids,
            secondary_macs: policy.secondary_macs.clone(),
            promiscuous: false,
            methods: policy.methods,
            learned: policy.learned.clone(),
            ends: Ends::Tap { owner: 0, several: false },
        };
        let resolved = ResolvedSpec {
            vnics: [(SELF, vnic)].into(),
            ..ResolvedSpec::default()
        };
        let mut tables = flows::compile(&resolved);
        // Further addresses are told by the stations that they are.
        tables.fdb.retain(|key, _| key.mac != policy.mac);
        tables.flood.clear();
        tables.segments.clear();
        let host_end = LinkRef::Name(Vnic::host_end(SELF));
        let row = tables.vnics[&host_end].clone();
        let tap = LinkRef::Name(TAP.parse().unwrap());
        tables.vnics.insert(tap, row);
        self.bench.put(tables.rows());
        self.policy.replace(Some((policy.clone(), tables)));
        self.counters.replace(Counters::default());
    }

    /// What the program decides.
    fn run(&self, frame: &[u8]) -> Result<(), DropReason> {
        if is_refused_by_test_runs(frame) {
            self.tap.borrow_mut().send(frame);
        } else {
            let context = Context::default();
            self.bench.just_run(Program::FromVnic, &context, frame);
        }
        let now = self.bench.datapath.counters(SELF).unwrap();
        let before = self.counters.replace(now.clone());
        let more = |reason: &DropReason| {
            let count = |counters: &Counters| {
                counters.drops.get(reason).copied().unwrap_or_default()
            };
            count(&now) == count(&before) + 1
        };
        let dropped = DropReason::ALL.into_iter().find(more);
        // Either it went out, or it was dropped.
        let out = u64::from(dropped.is_none());
        assert_eq!(now.opackets, before.opackets + out, "{frame:02x?}");
        match dropped {
            // The guard let it pass, and the switch has nobody for it.
            None | Some(DropReason::NoDestination | DropReason::Hairpin) => {
                Ok(())
            }
            Some(reason) => Err(reason),
        }
    }

    /// What both decide. Panics where they don't agree.
    fn judge(&self, frame: &[u8]) -> Result<(), DropReason> {
        let policy = self.policy.borrow();
        let (policy, _) = policy.as_ref().unwrap();
        let want = flows::guard(policy, frame, false);
        let got = self.run(frame);
        assert_eq!(got, want, "program and definition: {frame:02x?}");
        want
    }
}

/// Whether the kernel runs no program on a frame for a test: IP without a whole
/// header. A device takes it, and has run the program before send() returns.
fn is_refused_by_test_runs(frame: &[u8]) -> bool {
    match frame[12..14] {
        [0x08, 0x00] => frame.len() < 14 + 20,
        [0x86, 0xdd] => frame.len() < 14 + 40,
        _ => false,
    }
}

/// A title, a frame, and what becomes of it.
type Case = (&'static str, Vec<u8>, Result<(), DropReason>);

fn check(policy: &Policy, cases: Vec<Case>) {
    let policy = policy.clone();
    in_lab(move |lab| {
        let guarded = Guarded::new(lab);
        guarded.set(&policy);
        for (title, frame, want) in cases {
            assert_eq!(guarded.judge(&frame), want, "{title}");
        }
    });
}

/// A frame of the guest's.
fn own(kind: EtherType, payload: &[u8]) -> Vec<u8> {
    ethernet(BROADCAST, MAC, kind, payload)
}

fn own_arp(operation: u16, mac: Address, ip: Ipv4Addr) -> Vec<u8> {
    own(EtherTypes::Arp, &arp(operation, mac, ip))
}

fn own_ipv4(packet: &[u8]) -> Vec<u8> {
    own(EtherTypes::Ipv4, packet)
}

fn own_ipv6(packet: &[u8]) -> Vec<u8> {
    own(EtherTypes::Ipv6, packet)
}

/// Changed bytes of a frame.
fn with(frame: &[u8], changes: &[(usize, u8)]) -> Vec<u8> {
    let mut frame = frame.to_vec();
    for (at, byte) in changes {
        frame[*at] = *byte;
    }
    frame
}

/// The beginning of a frame.
fn cut(frame: &[u8], length: usize) -> Vec<u8> {
    frame[..length].to_vec()
}

const PASS: Result<(), DropReason> = Ok(());

#[test]
fn a_frame_that_is_no_frame_is_truncated() {
    for frame in [&[][..], &[0; 13]] {
        let got = flows::guard(&fixed(), frame, false);
        assert_eq!(got, Err(DropReason::Truncated), "{frame:?}");
    }
}

#[test]
fn a_tag_beside_the_bytes_is_the_guests() {
    let arp = own_arp(1, MAC, IP);
    for protection in ["none", ALL] {
        let policy = policy(protection, &["192.168.1.7"], &[]);
        let got = flows::guard(&policy, &arp, true);
        assert_eq!(got, Err(DropReason::GuestTag), "{protection}");
        assert_eq!(flows::guard(&policy, &arp, false), PASS, "{protection}");
    }
}

#[test]
fn addresses_and_tags_with_no_protection() {
    use DropReason::*;
    let plain = frame(REMOTE, MAC);
    check(
        &policy("none", &[], &[]),
        vec![
            ("own", plain.clone(), PASS),
            ("forged", frame(REMOTE, OTHER_MAC), PASS),
            ("from a group", frame(REMOTE, GROUP), Err(MacSpoof)),
            ("802.1Q", tagged(&plain, 5, 0), Err(GuestTag)),
            ("a priority only", tagged(&plain, 0, 3), Err(GuestTag)),
            ("802.1ad", tagged_by_provider(&plain, 5), Err(GuestTag)),
            (
                "both",
                tagged_by_provider(&tagged(&plain, 5, 0), 6),
                Err(GuestTag),
            ),
            ("any EtherType", own(EtherType::new(0x88cc), &[0; 46]), PASS),
            (
                "a router",
                own_ipv6(&ipv6(ip6("::9"), ICMPV6, &icmpv6(134, &[]))),
                PASS,
            ),
            (
                "a DHCP server",
                own_ipv4(&ipv4(OTHER_IP, UDP, &udp(67, 68, &[]))),
                PASS,
            ),
            ("RARP", own(EtherTypes::Rarp, &arp(3, OTHER_MAC, OTHER_IP)), PASS),
            ("half of IPv4", own_ipv4(&[0x45]), PASS),
        ],
    );
}

#[test]
fn mac_nospoof() {
    use DropReason::*;
    check(
        &policy("mac-nospoof", &[], &[]),
        vec![
            ("own", frame(REMOTE, MAC), PASS),
            ("forged", frame(REMOTE, OTHER_MAC), Err(MacSpoof)),
            ("one bit", with(&frame(REMOTE, MAC), &[(11, 6)]), Err(MacSpoof)),
            ("everybody's", frame(REMOTE, BROADCAST), Err(MacSpoof)),
            ("somebody's IP", own_ipv4(&ipv4(OTHER_IP, TCP, &[])), PASS),
            ("somebody's ARP", own_arp(2, OTHER_MAC, OTHER_IP), PASS),
        ],
    );
}

#[test]
fn restricted() {
    use DropReason::*;
    let kind = |kind| own(EtherType::new(kind), &[0; 46]);
    check(
        &policy("restricted", &[], &[]),
        vec![
            ("IPv4, whatever it is", kind(0x0800), PASS),
            ("IPv6, whatever it is", kind(0x86dd), PASS),
            ("ARP, whatever it is", kind(0x0806), PASS),
            ("RARP", kind(0x8035), Err(Restricted)),
            ("LLDP", kind(0x88cc), Err(Restricted)),
            ("802.1X", kind(0x888e), Err(Restricted)),
            ("PPPoE", kind(0x8864), Err(Restricted)),
            ("spanning tree: a length", kind(38), Err(Restricted)),
            ("an old tag of providers'", kind(0x9100), Err(Restricted)),
        ],
    );
}

#[test]
fn arp_speaks_for_the_vnic_only() {
    use DropReason::*;
    let about =
        |ip, target| own(EtherTypes::Arp, &arp_about(1, MAC, ip, target));
    let probe = |target| about(NO_IP, target);
    let announce = about(IP, IP);
    let good = own_arp(1, MAC, IP);
    check(
        &fixed(),
        vec![
            ("asks", good.clone(), PASS),
            ("answers", own_arp(2, MAC, IP), PASS),
            ("probes", probe(IP), PASS),
            ("probes a prefix's", probe(Ipv4Addr::new(10, 1, 9, 9)), PASS),
            ("probes somebody's", probe(OTHER_IP), Err(ArpSpoof)),
            ("announces", announce, PASS),
            ("a prefix", own_arp(1, MAC, Ipv4Addr::new(10, 1, 9, 9)), PASS),
            ("somebody's IP", own_arp(2, MAC, OTHER_IP), Err(ArpSpoof)),
            ("somebody's MAC", own_arp(2, OTHER_MAC, IP), Err(ArpSpoof)),
            (
                "beside a prefix",
                own_arp(1, MAC, Ipv4Addr::new(10, 2, 0, 1)),
                Err(ArpSpoof),
            ),
            ("another hardware", with(&good, &[(15, 6)]), Err(ArpSpoof)),
            ("another protocol", with(&good, &[(16, 9)]), Err(ArpSpoof)),
            ("no hardware address", with(&good, &[(18, 0)]), Err(ArpSpoof)),
            ("a long IP", with(&good, &[(19, 16)]), Err(ArpSpoof)),
            ("reverse", own_arp(3, MAC, IP), Err(ArpSpoof)),
            ("a byte short", cut(&good, 14 + 27), Err(Unreadable)),
            ("nothing", cut(&good, 14), Err(Unreadable)),
            ("padded", [&good[..], &[0; 18]].concat(), PASS),
        ],
    );
    check(
        &policy("ip-nospoof", &["192.168.1.7"], &[]),
        vec![
            (
                "from another MAC",
                ethernet(
                    BROADCAST,
                    OTHER_MAC,
                    EtherTypes::Arp,
                    &arp(1, MAC, IP),
                ),
                PASS,
            ),
            (
                "reverse ARP",
                own(EtherTypes::Rarp, &arp(3, MAC, IP)),
                Err(ArpSpoof),
            ),
            ("anything else", own(EtherType::new(0x88cc), &[0; 46]), PASS),
            ("spanning tree", own(EtherType::new(38), &[0x42; 46]), PASS),
            (
                "nothing after a length",
                own(EtherType::new(3), &[0xaa; 5]),
                PASS,
            ),
            (
                "Cisco's",
                own(EtherType::new(46), &[0xaa, 0xaa, 3, 0, 0, 0x0c]),
                PASS,
            ),
            (
                "IPv4 behind SNAP",
                own(EtherType::new(46), &[0xaa, 0xaa, 3, 0, 0, 0, 8, 0]),
                Err(Unreadable),
            ),
            (
                "ARP behind SNAP of a bridge",
                own(EtherType::new(46), &[0xaa, 0xaa, 3, 0, 0, 0xf8, 8, 6]),
                Err(Unreadable),
            ),
        ],
    );
    check(
        &policy("ip-nospoof", &[], &[]),
        vec![
            ("probes what nobody gave it", probe(OTHER_IP), Err(ArpSpoof)),
            (
                "asks with no address allowed",
                own_arp(1, MAC, IP),
                Err(ArpSpoof),
            ),
        ],
    );
}

#[test]
fn ipv4_comes_from_the_vnic() {
    use DropReason::*;
    let good = own_ipv4(&ipv4(IP, TCP, &[0; 20]));
    let from = |ip: [u8; 4]| own_ipv4(&ipv4(ip.into(), TCP, &[0; 20]));
    check(
        &fixed(),
        vec![
            ("own", good.clone(), PASS),
            ("nobody's", from([0; 4]), PASS),
            ("in a prefix", from([10, 1, 255, 255]), PASS),
            ("beside the prefix", from([10, 0, 255, 255]), Err(IpSpoof)),
            ("somebody's", from([192, 168, 1, 8]), Err(IpSpoof)),
            ("of the loopback", from([127, 0, 0, 1]), Err(IpSpoof)),
            ("version 6", with(&good, &[(14, 0x65)]), Err(Unreadable)),
            ("a short header", with(&good, &[(14, 0x44)]), Err(Unreadable)),
            (
                "a header beyond the end",
                with(&good, &[(14, 0x4b)]),
                Err(Unreadable),
            ),
            ("a header up to the end", with(&good, &[(14, 0x4a)]), PASS),
            ("a byte short", cut(&good, 14 + 19), Err(Unreadable)),
            ("nothing", cut(&good, 14), Err(Unreadable)),
            ("IGMP", own_ipv4(&ipv4(IP, IGMP, &[0x16, 0, 0, 0])), PASS),
            (
                "mDNS",
                own_ipv4(&ipv4(IP, UDP, &udp(5353, 5353, &[0; 12]))),
                PASS,
            ),
            (
                "half a UDP header",
                own_ipv4(&ipv4(IP, UDP, &[0, 53])),
                Err(Unreadable),
            ),
            (
                "ports behind the end",
                [own_ipv4(&ipv4(IP, UDP, &[])), vec![0; 26]].concat(),
                Err(Unreadable),
            ),
            (
                "a later fragment of UDP",
                own_ipv4(&ipv4_fragment(IP, UDP, 1, true, &[])),
                PASS,
            ),
            (
                "a first fragment of UDP",
                own_ipv4(&ipv4_fragment(IP, UDP, 0, true, &udp(53, 53, &[]))),
                PASS,
            ),
            (
                "DHCP",
                own_ipv4(&ipv4(NO_IP, UDP, &udp(68, 67, &dhcp4(MAC, &[])))),
                Err(DhcpOff),
            ),
            (
                "DHCP in a fragment",
                own_ipv4(&ipv4_fragment(
                    NO_IP,
                    UDP,
                    0,
                    true,
                    &udp(68, 67, &[]),
                )),
                Err(DhcpOff),
            ),
        ],
    );
    check(
        &policy("ip-nospoof", &["2001:db8::7"], &[]),
        vec![
            ("no IPv4 is allowed", good, Err(IpSpoof)),
            (
                "DHCP, addresses of IPv6 only",
                own_ipv4(&ipv4(NO_IP, UDP, &udp(68, 67, &[]))),
                PASS,
            ),
        ],
    );
}

#[test]
fn ipv6_comes_from_the_vnic() {
    use DropReason::*;
    let from = |ip: &str| own_ipv6(&ipv6(ip6(ip), TCP, &[0; 20]));
    let good = from("2001:db8::7");
    check(
        &fixed(),
        vec![
            ("own", good.clone(), PASS),
            ("nobody's", from("::"), PASS),
            ("own link-local", from(OWN_LINK_LOCAL), PASS),
            ("somebody's link-local", from(OTHER_LINK_LOCAL), Err(IpSpoof)),
            ("another link-local", from("fe80::7"), Err(IpSpoof)),
            (
                "own in another prefix",
                from("fe80:0:0:1:8:20ff:fe00:7"),
                Err(IpSpoof),
            ),
            ("somebody's", from("2001:db8::8"), Err(IpSpoof)),
            ("somebody's far off", from("2001:db9::7"), Err(IpSpoof)),
            ("IPv4 in it", from("::ffff:192.168.1.7"), Err(IpSpoof)),
            ("version 4", with(&good, &[(14, 0x45)]), Err(Unreadable)),
            ("a byte short", cut(&good, good.len() - 1), Err(Unreadable)),
            ("half a header", cut(&good, 14 + 39), Err(Unreadable)),
            ("padded", [&good[..], &[0; 6]].concat(), PASS),
            ("no length", with(&good, &[(19, 0)]), PASS),
        ],
    );
    check(
        &policy("ip-nospoof", &["2001:db8:1::/48", "fe80::7"], &[]),
        vec![
            ("in a prefix", from("2001:db8:1:ffff::1"), PASS),
            ("beside it", from("2001:db8:2::1"), Err(IpSpoof)),
            ("a link-local that is allowed", from("fe80::7"), PASS),
            ("and the own", from(OWN_LINK_LOCAL), PASS),
        ],
    );
}

#[test]
fn neighbor_discovery_speaks_for_the_vnic_only() {
    use DropReason::*;
    let (own_ip, other) = (ip6("2001:db8::7"), ip6("2001:db8::8"));
    let say = |message: &[u8]| own_ipv6(&ipv6(own_ip, ICMPV6, message));
    let (slla, tlla) = (lladdr(1, MAC), lladdr(2, MAC));
    let advertise = nd(136, own_ip, &tlla);
    let solicit = nd(135, other, &slla);
    let detect =
        |target| own_ipv6(&ipv6(ip6("::"), ICMPV6, &nd(135, target, &[])));
    let no_length = [&[1, 0], &MAC.0[..]].concat();
    let nonces = |n: usize| [14, 1, 0, 0, 0, 0, 0, 0].repeat(n);
    let two_units = [lladdr(1, MAC), vec![0; 8]].concat();
    let two_units = with(&two_units, &[(1, 2)]);
    let router = icmpv6(134, &[&[0; 8][..], &slla].concat());
    let redirect = icmpv6(137, &[0; 32]);
    check(
        &fixed(),
        vec![
            ("solicits", say(&solicit), PASS),
            (
                "detects duplicates of its link-local",
                detect(ip6(OWN_LINK_LOCAL)),
                PASS,
            ),
            ("detects duplicates of somebody's", detect(other), Err(NdSpoof)),
            (
                "detects duplicates",
                own_ipv6(&ipv6(
                    ip6("::"),
                    ICMPV6,
                    &nd(135, own_ip, &[14, 1, 1, 2, 3, 4, 5, 6]),
                )),
                PASS,
            ),
            ("advertises", say(&advertise), PASS),
            (
                "advertises its link-local",
                say(&nd(136, ip6(OWN_LINK_LOCAL), &tlla)),
                PASS,
            ),
            ("advertises with no option", say(&nd(136, own_ip, &[])), PASS),
            ("asks for routers", say(&icmpv6(133, &slla)), PASS),
            ("asks with no option", say(&icmpv6(133, &[])), PASS),
            ("pings", say(&icmpv6(128, &[1; 56])), PASS),
            ("advertises somebody", say(&nd(136, other, &tlla)), Err(NdSpoof)),
            (
                "advertises somebody's link-local",
                say(&nd(136, ip6(OTHER_LINK_LOCAL), &tlla)),
                Err(NdSpoof),
            ),
            (
                "advertises for somebody's MAC",
                say(&nd(136, own_ip, &lladdr(2, OTHER_MAC))),
                Err(NdSpoof),
            ),
            (
                "advertises, and somebody's source",
                say(&nd(136, own_ip, &lladdr(1, OTHER_MAC))),
                Err(NdSpoof),
            ),
            (
                "two options, the second forged",
                say(&nd(
                    136,
                    own_ip,
                    &[tlla.clone(), lladdr(2, OTHER_MAC)].concat(),
                )),
                Err(NdSpoof),
            ),
            (
                "solicits as somebody",
                say(&nd(135, other, &lladdr(1, OTHER_MAC))),
                Err(NdSpoof),
            ),
            (
                "asks for routers as somebody",
                say(&icmpv6(133, &lladdr(1, OTHER_MAC))),
                Err(NdSpoof),
            ),
            (
                "a long link-layer address",
                say(&icmpv6(133, &two_units)),
                Err(NdSpoof),
            ),
            ("is a router", say(&router), Err(RouterSpoof)),
            (
                "is a router, in a word",
                say(&icmpv6(134, &[])),
                Err(RouterSpoof),
            ),
            ("redirects", say(&redirect), Err(RouterSpoof)),
            (
                "an option without length",
                say(&nd(135, other, &no_length)),
                Err(Unreadable),
            ),
            (
                "an option beyond the end",
                say(&nd(135, other, &with(&slla, &[(1, 2)]))),
                Err(Unreadable),
            ),
            (
                "half an option",
                say(&nd(135, other, &slla[..7])),
                Err(Unreadable),
            ),
            ("sixteen options", say(&nd(135, other, &nonces(16))), PASS),
            (
                "seventeen options",
                say(&nd(135, other, &nonces(17))),
                Err(Unreadable),
            ),
            ("half a solicitation", say(&solicit[..20]), Err(Unreadable)),
            ("half an advertisement", say(&advertise[..20]), Err(Unreadable)),
            (
                "half of asking for routers",
                say(&icmpv6(133, &[])[..7]),
                Err(Unreadable),
            ),
            ("no type", say(&[]), Err(Unreadable)),
            (
                "an option behind the packet",
                [say(&nd(135, other, &[])), lladdr(1, OTHER_MAC)].concat(),
                PASS,
            ),
        ],
    );
}

#[test]
fn neighbor_discovery_hides_nowhere() {
    use DropReason::*;
    let own_ip = ip6("2001:db8::7");
    let say = |next, payload: &[u8]| own_ipv6(&ipv6(own_ip, next, payload));
    let advertise = nd(136, own_ip, &lladdr(2, MAC));
    let router = icmpv6(134, &[0; 8]);
    let report = icmpv6(143, &[0; 20]);
    let chain = |n: usize, next: u8, payload: &[u8]| {
        let options = [DESTINATION, 0, 1, 4, 0, 0, 0, 0].repeat(n - 1);
        say(DESTINATION, &[options, behind(next, payload)].concat())
    };
    let auth = [&[ICMPV6, 4][..], &[0; 22], &advertise].concat();
    let no_type_yet = fragment(DESTINATION, 0, true, &behind(ICMPV6, &[]));
    let jumbo = |packet: Vec<u8>| with(&packet, &[(18, 0), (19, 0)]);
    check(
        &fixed(),
        vec![
            (
                "a multicast listener",
                say(HOP_BY_HOP, &behind(ICMPV6, &report)),
                PASS,
            ),
            (
                "and one with no address",
                own_ipv6(&ipv6(
                    ip6("::"),
                    HOP_BY_HOP,
                    &behind(ICMPV6, &report),
                )),
                PASS,
            ),
            (
                "of the first version",
                say(HOP_BY_HOP, &behind(ICMPV6, &icmpv6(131, &[0; 16]))),
                PASS,
            ),
            (
                "ping behind options",
                say(DESTINATION, &behind(ICMPV6, &icmpv6(128, &[]))),
                PASS,
            ),
            (
                "a router behind hop-by-hop",
                say(HOP_BY_HOP, &behind(ICMPV6, &router)),
                Err(NdHidden),
            ),
            (
                "behind destination options",
                say(DESTINATION, &behind(ICMPV6, &advertise)),
                Err(NdHidden),
            ),
            (
                "behind a routing header",
                say(43, &behind(ICMPV6, &advertise)),
                Err(NdHidden),
            ),
            ("behind AH", say(AH, &auth), Err(NdHidden)),
            (
                "behind mobility",
                say(135, &behind(ICMPV6, &advertise)),
                Err(NdHidden),
            ),
            (
                "behind HIP",
                say(139, &behind(ICMPV6, &advertise)),
                Err(NdHidden),
            ),
            (
                "behind SHIM6",
                say(140, &behind(ICMPV6, &advertise)),
                Err(NdHidden),
            ),
            (
                "in a whole fragment",
                say(FRAGMENT, &fragment(ICMPV6, 0, false, &advertise)),
                Err(NdHidden),
            ),
            (
                "in a first fragment",
                say(FRAGMENT, &fragment(ICMPV6, 0, true, &advertise)),
                Err(NdHidden),
            ),
            (
                "a later fragment",
                say(FRAGMENT, &fragment(ICMPV6, 1, false, &advertise)),
                PASS,
            ),
            (
                "ping in a first fragment",
                say(FRAGMENT, &fragment(ICMPV6, 0, true, &icmpv6(128, &[]))),
                PASS,
            ),
            (
                "the type in the next fragment",
                say(FRAGMENT, &no_type_yet),
                Err(Unreadable),
            ),
            (
                "and a false one in the padding",
                [say(FRAGMENT, &no_type_yet), vec![128; 8]].concat(),
                Err(Unreadable),
            ),
            ("eight headers", chain(8, ICMPV6, &icmpv6(128, &[])), PASS),
            (
                "eight headers before ND",
                chain(8, ICMPV6, &advertise),
                Err(NdHidden),
            ),
            (
                "nine headers",
                chain(9, ICMPV6, &icmpv6(128, &[])),
                Err(Unreadable),
            ),
            (
                "a header beyond the end",
                say(HOP_BY_HOP, &with(&behind(ICMPV6, &report), &[(1, 9)])),
                Err(Unreadable),
            ),
            (
                "half a header",
                say(HOP_BY_HOP, &[ICMPV6, 0, 5, 2]),
                Err(Unreadable),
            ),
            (
                "TCP beyond the end",
                say(HOP_BY_HOP, &with(&behind(TCP, &report), &[(1, 9)])),
                PASS,
            ),
            ("nothing follows", say(59, &[]), PASS),
            ("ESP", say(50, &advertise), PASS),
            (
                "ND in a jumbogram",
                jumbo(say(HOP_BY_HOP, &behind(ICMPV6, &router))),
                Err(NdHidden),
            ),
            (
                "TCP in a jumbogram",
                jumbo(say(HOP_BY_HOP, &behind(TCP, &[0; 20]))),
                PASS,
            ),
            (
                "a router in no length",
                jumbo(say(ICMPV6, &router)),
                Err(Unreadable),
            ),
        ],
    );
}

/// What a client asks for, and some words about it.
fn discover(mac: Address, options: &[u8]) -> Vec<u8> {
    let discover = option4(53, &[1]);
    let message = dhcp4(mac, &[&discover, options, &[255]].concat());
    own_ipv4(&ipv4(NO_IP, UDP, &udp(68, 67, &message)))
}

/// A byte of a DHCPv4 message, in a frame.
fn at4(at: usize) -> usize {
    14 + 20 + 8 + at
}

#[test]
fn dhcp4_is_a_clients_and_the_vnics() {
    use DropReason::*;
    let id = |id: &[u8]| discover(MAC, &option4(61, id));
    let plain = discover(MAC, &[]);
    let own_id = [&[1], &MAC.0[..]].concat();
    let other_id = [&[1], &OTHER_MAC.0[..]].concat();
    let message = dhcp4(MAC, &[255]);
    let from = |source, dest| {
        own_ipv4(&ipv4(NO_IP, UDP, &udp(source, dest, &message)))
    };
    let options = |n: usize| discover(MAC, &option4(12, b"").repeat(n));
    let no_end = own_ipv4(&ipv4(
        NO_IP,
        UDP,
        &udp(68, 67, &dhcp4(MAC, &option4(53, &[1]))),
    ));
    let cases = || {
        vec![
            ("no client id", plain.clone(), PASS),
            ("the own address", id(&own_id), PASS),
            ("one that is listed", id(b"web"), PASS),
            ("another that is listed", id(&[0, 2, 0, 0, 0, 9, 1]), PASS),
            ("no end", no_end.clone(), PASS),
            ("pads", discover(MAC, &[0; 40]), PASS),
            (
                "BOOTP",
                with(&discover(MAC, &option4(61, b"db")), &[(at4(236), 0)]),
                PASS,
            ),
            ("no DHCP", own_ipv4(&ipv4(NO_IP, UDP, &udp(53, 53, &[]))), PASS),
            ("to a server as a server", from(67, 67), Err(DhcpServer)),
            ("to a client as a server", from(67, 68), Err(DhcpServer)),
            ("from no port of DHCP's", from(1067, 67), PASS),
            ("to a client as a client", from(68, 68), PASS),
            ("an answer", with(&plain, &[(at4(0), 2)]), Err(DhcpServer)),
            ("neither", with(&plain, &[(at4(0), 0)]), Err(DhcpServer)),
            ("a relay", with(&plain, &[(at4(27), 1)]), Err(DhcpServer)),
            ("somebody's address", discover(OTHER_MAC, &[]), Err(DhcpSpoof)),
            ("another hardware", with(&plain, &[(at4(1), 6)]), Err(DhcpSpoof)),
            ("a long address", with(&plain, &[(at4(2), 16)]), Err(DhcpSpoof)),
            ("no address", with(&plain, &[(at4(2), 0)]), Err(DhcpSpoof)),
            (
                "half a message",
                own_ipv4(&ipv4(NO_IP, UDP, &udp(68, 67, &message[..239]))),
                Err(Unreadable),
            ),
            (
                "half a UDP header",
                own_ipv4(&ipv4(NO_IP, UDP, &[0, 68, 0, 67, 0, 0, 0])),
                Err(Unreadable),
            ),
            (
                "a UDP length of nothing",
                with(&plain, &[(14 + 24, 0), (14 + 25, 0)]),
                Err(Unreadable),
            ),
            (
                "a UDP length beyond the packet",
                with(&plain, &[(14 + 24, 9)]),
                Err(Unreadable),
            ),
            (
                "a packet beyond the frame",
                with(&plain, &[(16, 9)]),
                Err(Unreadable),
            ),
            (
                "in a first fragment",
                own_ipv4(&ipv4_fragment(
                    NO_IP,
                    UDP,
                    0,
                    true,
                    &udp(68, 67, &message),
                )),
                Err(DhcpHidden),
            ),
            (
                "a later fragment",
                own_ipv4(&ipv4_fragment(
                    NO_IP,
                    UDP,
                    1,
                    false,
                    &udp(68, 67, &message),
                )),
                PASS,
            ),
            (
                "a header with options",
                {
                    let packet = ipv4(
                        NO_IP,
                        UDP,
                        &[&[1; 4], &udp(68, 67, &dhcp4(OTHER_MAC, &[]))[..]]
                            .concat(),
                    );
                    own_ipv4(&with(&packet, &[(0, 0x46)]))
                },
                Err(DhcpSpoof),
            ),
        ]
    };
    let ids = || {
        vec![
            ("somebody's address as id", id(&other_id), Err(DhcpSpoof)),
            (
                "the own with another type",
                id(&with(&own_id, &[(0, 2)])),
                Err(DhcpSpoof),
            ),
            ("the own without a type", id(&MAC.0), Err(DhcpSpoof)),
            ("one that is not listed", id(b"db"), Err(DhcpSpoof)),
            ("one that begins so", id(b"webs"), Err(DhcpSpoof)),
            ("the beginning of one", id(b"we"), Err(DhcpSpoof)),
            ("one with a zero behind it", id(b"web\0"), Err(DhcpSpoof)),
            ("none of no length", id(b""), Err(DhcpSpoof)),
            ("the longest", id(&[7; 255]), Err(DhcpSpoof)),
            (
                "two",
                discover(
                    MAC,
                    &[option4(61, &own_id), option4(61, b"db")].concat(),
                ),
                Err(DhcpSpoof),
            ),
            (
                "one in two parts",
                discover(
                    MAC,
                    &[option4(61, b"we"), option4(61, b"b")].concat(),
                ),
                Err(DhcpSpoof),
            ),
            (
                "one behind the end",
                discover(MAC, &[&[255], &option4(61, b"db")[..]].concat()),
                PASS,
            ),
            (
                "more options elsewhere",
                discover(MAC, &option4(52, &[3])),
                Err(DhcpHidden),
            ),
            (
                "an option beyond the end",
                discover(MAC, &[61, 9, 1]),
                Err(Unreadable),
            ),
            ("62 options", options(62), PASS),
            ("64 options", options(64), Err(Unreadable)),
            ("many pads", discover(MAC, &[0; 64]), Err(Unreadable)),
        ]
    };
    check(&dynamic(), cases());
    check(&dynamic(), ids());
    let mut policy =
        policy("dhcp-nospoof", &["192.168.1.7"], &["web", "0x00020000000901"]);
    check(&policy, cases());
    check(&policy, ids());
    // Only the client id is anybody's then.
    policy.allow_all_dhcp_cids = true;
    check(&policy, cases());
    let any = ids().into_iter().map(|(title, frame, _)| (title, frame, PASS));
    check(&policy, any.collect());
}

#[test]
fn dhcp6_is_a_clients_and_the_vnics() {
    use DropReason::*;
    let from = || ip6(OWN_LINK_LOCAL);
    let say =
        |message: &[u8]| own_ipv6(&ipv6(from(), UDP, &udp(546, 547, message)));
    let id = |id: &[u8]| {
        say(&dhcp6(1, &[option6(8, &[0, 0]), option6(1, id)].concat()))
    };
    let llt = |mac: Address| [&[0, 1, 0, 1, 9, 8, 7, 6], &mac.0[..]].concat();
    let ll = |mac: Address| [&[0, 3, 0, 1], &mac.0[..]].concat();
    let solicit = dhcp6(1, &option6(1, &ll(MAC)));
    let datagram = udp(546, 547, &solicit);
    let mut cases: Vec<Case> = vec![
        ("no DHCP", own_ipv6(&ipv6(from(), UDP, &udp(53, 53, &[]))), PASS),
        (
            "behind options",
            own_ipv6(&ipv6(from(), DESTINATION, &behind(UDP, &datagram))),
            PASS,
        ),
        (
            "in a first fragment",
            own_ipv6(&ipv6(
                from(),
                FRAGMENT,
                &fragment(UDP, 0, true, &datagram),
            )),
            Err(DhcpHidden),
        ),
        (
            "in a whole fragment",
            own_ipv6(&ipv6(
                from(),
                FRAGMENT,
                &fragment(UDP, 0, false, &datagram),
            )),
            Err(DhcpHidden),
        ),
        (
            "a later fragment",
            own_ipv6(&ipv6(
                from(),
                FRAGMENT,
                &fragment(UDP, 1, false, &datagram),
            )),
            PASS,
        ),
        (
            "ports in the next fragment",
            own_ipv6(&ipv6(from(), FRAGMENT, &fragment(UDP, 0, true, &[]))),
            Err(Unreadable),
        ),
        (
            "half a UDP header",
            own_ipv6(&ipv6(from(), UDP, &datagram[..7])),
            Err(Unreadable),
        ),
        ("no message", say(&[]), Err(Unreadable)),
        ("half a message", say(&[1, 0, 0]), Err(Unreadable)),
        (
            "a UDP length beyond the packet",
            with(&say(&solicit), &[(14 + 44, 9)]),
            Err(Unreadable),
        ),
        (
            "a UDP length of nothing",
            with(&say(&solicit), &[(14 + 45, 0)]),
            Err(Unreadable),
        ),
        (
            "somebody's link-local",
            own_ipv6(&ipv6(ip6(OTHER_LINK_LOCAL), UDP, &datagram)),
            Err(IpSpoof),
        ),
    ];
    // RFC 8415, section 7.3: what clients send; and some that are not yet
    // known.
    for kind in 0..=255 {
        let clients = matches!(kind, 1 | 3 | 4 | 5 | 6 | 8 | 9 | 11);
        let want = if clients { PASS } else { Err(DhcpServer) };
        cases.push(("a type", say(&dhcp6(kind, &[])), want));
    }
    let ids = || {
        vec![
            ("no client id", say(&dhcp6(11, &[])), PASS),
            ("the own address", id(&ll(MAC)), PASS),
            ("the own address and a time", id(&llt(MAC)), PASS),
            ("one that is listed", id(&[0, 2, 0, 0, 0, 9, 1]), PASS),
            ("somebody's address", id(&ll(OTHER_MAC)), Err(DhcpSpoof)),
            (
                "somebody's address and a time",
                id(&llt(OTHER_MAC)),
                Err(DhcpSpoof),
            ),
            (
                "another hardware",
                id(&with(&ll(MAC), &[(3, 6)])),
                Err(DhcpSpoof),
            ),
            (
                "another hardware and a time",
                id(&with(&llt(MAC), &[(3, 6)])),
                Err(DhcpSpoof),
            ),
            ("the other type", id(&with(&ll(MAC), &[(1, 1)])), Err(DhcpSpoof)),
            (
                "the other type and a time",
                id(&with(&llt(MAC), &[(1, 3)])),
                Err(DhcpSpoof),
            ),
            (
                "more behind it",
                id(&[ll(MAC), vec![0]].concat()),
                Err(DhcpSpoof),
            ),
            (
                "one that is not listed",
                id(&[0, 2, 0, 0, 0, 9, 2]),
                Err(DhcpSpoof),
            ),
            ("of no length", id(&[]), Err(DhcpSpoof)),
            ("the longest", id(&[7; 256]), Err(DhcpSpoof)),
            ("longer", id(&[7; 257]), Err(DhcpSpoof)),
            (
                "two",
                say(&dhcp6(1, &option6(1, &ll(MAC)).repeat(2))),
                Err(DhcpSpoof),
            ),
            (
                "an option beyond the end",
                say(&dhcp6(1, &[0, 1, 0, 9, 1])),
                Err(Unreadable),
            ),
            ("half an option", say(&dhcp6(1, &[0, 1, 0])), Err(Unreadable)),
            ("64 options", say(&dhcp6(1, &option6(6, &[]).repeat(64))), PASS),
            (
                "65 options",
                say(&dhcp6(1, &option6(6, &[]).repeat(65))),
                Err(Unreadable),
            ),
        ]
    };
    let mut policy = dynamic();
    check(&policy, cases.clone());
    check(&policy, ids());
    policy.allow_all_dhcp_cids = true;
    check(&policy, cases);
    let any = ids().into_iter().map(|(title, frame, _)| (title, frame, PASS));
    check(&policy, any.collect());
    check(
        &fixed(),
        vec![
            ("beside fixed addresses", say(&solicit), Err(DhcpOff)),
            (
                "in a fragment",
                own_ipv6(&ipv6(
                    from(),
                    FRAGMENT,
                    &fragment(UDP, 0, true, &datagram),
                )),
                Err(DhcpOff),
            ),
        ],
    );
}

/// The longest client id, which no option of DHCPv4 could carry.
#[test]
fn what_a_guest_came_by_is_its_own() {
    use DropReason::*;
    let mut policy = policy(ALL, &["192.168.1.7"], &[]);
    policy.methods = "dhcpv4,addrconf".parse().unwrap();
    let learned = ["192.168.1.9", "2001:db8::9"];
    policy.learned = learned.map(|ip| ip.parse().unwrap()).into();
    let other = Ipv4Addr::new(192, 168, 1, 9);
    let from = |ip| own_ipv4(&ipv4(ip, TCP, &[]));
    let from6 = |ip| own_ipv6(&ipv6(ip6(ip), TCP, &[]));
    let na = |ip| {
        let message = nd(136, ip6(ip), &lladdr(2, MAC));
        own_ipv6(&ipv6(ip6(OWN_LINK_LOCAL), ICMPV6, &message))
    };
    let cases = |ip: Result<(), DropReason>, owner, nd, dhcp| {
        vec![
            ("its listed address", from(IP), PASS),
            ("what DHCP gave", from(other), ip),
            ("ARP of what DHCP gave", own_arp(2, MAC, other), owner),
            (
                "a probe of what DHCP gave",
                own(EtherTypes::Arp, &arp_about(1, MAC, NO_IP, other)),
                owner,
            ),
            ("somebody else's", from(OTHER_IP), Err(IpSpoof)),
            ("what DHCPv6 gave", from6("2001:db8::9"), ip),
            ("ND of what DHCPv6 gave", na("2001:db8::9"), nd),
            ("one more of IPv6", from6("2001:db8::8"), Err(IpSpoof)),
            ("asks DHCP", discover(MAC, &[]), dhcp),
        ]
    };
    check(&policy, cases(PASS, PASS, PASS, PASS));
    // What is switched off counts for nothing.
    policy.methods = Methods::NONE;
    let all = cases(Err(IpSpoof), Err(ArpSpoof), Err(NdSpoof), Err(DhcpOff));
    check(&policy, all);
}

#[test]
fn further_addresses_are_the_guests_too() {
    use DropReason::*;
    let mut policy = fixed();
    policy.methods = "dhcpv4".parse().unwrap();
    let second = vnic(9);
    let second_id = [&[1][..], &second.0].concat();
    let from =
        |mac| ethernet(REMOTE, mac, EtherTypes::Ipv4, &ipv4(IP, TCP, &[]));
    let cases = |arp: Result<(), DropReason>, nd, ip, dhcp| {
        let from = |mac, packet: &[u8]| {
            ethernet(BROADCAST, mac, EtherTypes::Ipv6, packet)
        };
        let advertise = |mac| {
            let message = nd_of("2001:db8::7", mac);
            from(MAC, &ipv6(ip6("2001:db8::7"), ICMPV6, &message))
        };
        let link_local = |text| from(MAC, &ipv6(ip6(text), TCP, &[]));
        vec![
            ("ARP for the second", own_arp(2, second, IP), arp),
            ("ARP for a neighbour", own_arp(2, OTHER_MAC, IP), Err(ArpSpoof)),
            ("ND for the second", advertise(second), nd),
            ("ND for a neighbour", advertise(OTHER_MAC), Err(NdSpoof)),
            ("its link-local", link_local("fe80::8:20ff:fe00:9"), ip),
            ("a neighbour's", link_local(OTHER_LINK_LOCAL), Err(IpSpoof)),
            ("DHCP for the second", discover(second, &[]), dhcp),
            ("its client id", discover(MAC, &option4(61, &second_id)), dhcp),
        ]
    };
    check(
        &policy,
        [
            vec![("from the second", from(second), Err(MacSpoof))],
            cases(Err(ArpSpoof), Err(NdSpoof), Err(IpSpoof), Err(DhcpSpoof)),
        ]
        .concat(),
    );
    policy.secondary_macs = vec![second.into()].try_into().unwrap();
    check(
        &policy,
        [
            vec![
                ("from the second", from(second), PASS),
                (
                    "to the second",
                    ethernet(
                        second,
                        MAC,
                        EtherTypes::Ipv4,
                        &ipv4(IP, TCP, &[]),
                    ),
                    PASS,
                ),
                ("from a neighbour", frame(REMOTE, OTHER_MAC), Err(MacSpoof)),
            ],
            cases(PASS, PASS, PASS, PASS),
        ]
        .concat(),
    );
}

/// An advertisement of a neighbour.
fn nd_of(target: &str, mac: Address) -> Vec<u8> {
    nd(136, ip6(target), &lladdr(2, mac))
}

#[test]
fn a_client_id_may_be_256_bytes_long() {
    let id = format!("0x{}", "07".repeat(256));
    let say = |id: &[u8]| {
        let message = udp(546, 547, &dhcp6(1, &option6(1, id)));
        own_ipv6(&ipv6(ip6(OWN_LINK_LOCAL), UDP, &message))
    };
    check(
        &policy(ALL, &[], &[&id]),
        vec![
            ("listed", say(&[7; 256]), PASS),
            ("shorter", say(&[7; 255]), Err(DropReason::DhcpSpoof)),
            ("longer", say(&[7; 257]), Err(DropReason::DhcpSpoof)),
        ],
    );
}

/// One list is the guest's own: what a neighbour may be, it may not.
#[test]
fn a_list_is_one_vnics() {
    in_lab(|lab| {
        let guarded = Guarded::new(lab);
        guarded.set(&fixed());
        let neighbour = LinkId(8);
        let rows: Vec<Row> = {
            let policy = guarded.policy.borrow();
            let (_, tables) = policy.as_ref().unwrap();
            tables.rows().collect()
        };
        for row in rows {
            guarded.bench.put([match row {
                Row::Allowed(mut key, row) => {
                    key.id = neighbour;
                    Row::Allowed(key, row)
                }
                Row::Vnic(_, mut row) => {
                    row.id = neighbour;
                    Row::Vnic(LinkRef::Gone(1008), row)
                }
                row => row,
            }]);
        }
        let packet = own_ipv4(&ipv4(IP, TCP, &[]));
        assert_eq!(guarded.judge(&packet), PASS);
        guarded.set(&policy(ALL, &["192.168.1.8"], &[]));
        assert_eq!(guarded.judge(&packet), Err(DropReason::IpSpoof));
        guarded.set(&policy(ALL, &[], &[]));
        assert_eq!(guarded.judge(&packet), Err(DropReason::IpSpoof));
    });
}

/// All 32 places of a list are looked at, and none behind its end.
#[test]
fn a_full_list() {
    let many = |n: u8, text: fn(u8) -> String| -> Vec<String> {
        (1..=n).map(text).collect()
    };
    for text in [|n| format!("10.0.0.{n}"), |n| format!("2001:db8::{n:x}")] {
        let ips = many(32, text);
        let ips: Vec<&str> = ips.iter().map(String::as_str).collect();
        let frame = |n: u8| match text(n).parse().unwrap() {
            std::net::IpAddr::V4(ip) => own_ipv4(&ipv4(ip, TCP, &[])),
            std::net::IpAddr::V6(ip) => own_ipv6(&ipv6(ip, TCP, &[])),
        };
        let mut cases: Vec<Case> =
            (1..=32).map(|n| ("on the list", frame(n), PASS)).collect();
        let spoof = Err(DropReason::IpSpoof);
        cases.push(("behind the list", frame(33), spoof));
        check(&policy(ALL, &ips, &[]), cases);
    }
}

fn any_mac() -> impl Strategy<Value = Address> + Clone {
    select(vec![MAC, MAC, MAC, MAC, OTHER_MAC, GROUP, BROADCAST])
}

fn any_ip() -> impl Strategy<Value = Ipv4Addr> {
    let nets = [[10, 1, 2, 3], [10, 2, 0, 0], [255, 255, 255, 255]];
    let nets = nets.map(Ipv4Addr::from);
    select([&[IP, IP, NO_IP, NO_IP, OTHER_IP], &nets[..]].concat())
}

fn any_ip6() -> impl Strategy<Value = Ipv6Addr> {
    let texts = ["::", "2001:db8::7", "2001:db8::7", "2001:db8::8"];
    let local = [OWN_LINK_LOCAL, OWN_LINK_LOCAL, OTHER_LINK_LOCAL, "fe80::7"];
    select([texts, local].concat()).prop_map(ip6)
}

fn any_bytes(most: usize) -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(any::<u8>(), 0..=most)
}

fn any_client_id() -> impl Strategy<Value = Vec<u8>> {
    let known = [
        [&[1], &MAC.0[..]].concat(),
        [&[1], &OTHER_MAC.0[..]].concat(),
        [&[0, 3, 0, 1], &MAC.0[..]].concat(),
        [&[0, 1, 0, 1, 9, 9, 9, 9], &MAC.0[..]].concat(),
        [&[0, 3, 0, 1], &OTHER_MAC.0[..]].concat(),
        b"web".to_vec(),
        b"webs".to_vec(),
        vec![7; 255],
    ];
    prop_oneof![4 => select(known.to_vec()), 1 => any_bytes(16)]
}

fn any_dhcp4() -> impl Strategy<Value = Vec<u8>> {
    let code = select(vec![53, 61, 61, 61, 52, 12, 0, 255]);
    let option = (code, any_client_id()).prop_map(|(code, content)| {
        if code == 0 { vec![0; 3] } else { option4(code, &content) }
    });
    (any_mac(), prop::collection::vec(option, 0..6), any_bytes(4)).prop_map(
        |(mac, options, rest)| dhcp4(mac, &[options.concat(), rest].concat()),
    )
}

fn any_dhcp6() -> impl Strategy<Value = Vec<u8>> {
    let option = (select(vec![1, 1, 1, 2, 8]), any_client_id())
        .prop_map(|(code, content)| option6(code, &content));
    let kind = prop_oneof![3 => select(vec![1, 3, 5, 11]), 1 => 0..20_u8];
    let options = prop::collection::vec(option, 0..4);
    (kind, options, any_bytes(2)).prop_map(|(kind, options, rest)| {
        dhcp6(kind, &[options.concat(), rest].concat())
    })
}

fn any_udp() -> impl Strategy<Value = Vec<u8>> {
    let port = || select(vec![67, 68, 68, 546, 546, 547, 53, 5353]);
    let body = prop_oneof![any_dhcp4(), any_dhcp6(), any_bytes(20)];
    (port(), port(), body).prop_map(|(a, b, body)| udp(a, b, &body))
}

fn any_nd() -> impl Strategy<Value = Vec<u8>> {
    let option = (select(vec![1, 2, 2, 14]), any_mac())
        .prop_map(|(kind, mac)| lladdr(kind, mac));
    let options = prop_oneof![
        8 => prop::collection::vec(option.clone(), 0..4),
        1 => prop::collection::vec(option, 14..19),
    ];
    let kind = select(vec![128, 133, 134, 135, 136, 136, 137, 138, 143]);
    (kind, any_ip6(), options).prop_map(|(kind, target, options)| {
        let options = options.concat();
        if kind == 133 {
            icmpv6(kind, &options)
        } else {
            nd(kind, target, &options)
        }
    })
}

/// A packet of IPv6 behind zero or more headers.
fn any_ipv6() -> impl Strategy<Value = Vec<u8>> {
    let inner = prop_oneof![
        (Just(ICMPV6), any_nd()),
        (Just(UDP), any_udp()),
        (select(vec![TCP, 50, 59]), any_bytes(20)),
    ];
    let header = (
        select(vec![0, 43, FRAGMENT, FRAGMENT, AH, 60, 135, 139, 140]),
        select(vec![0, 0, 0, 0, 1, 8]),
        any::<bool>(),
    );
    let chain = prop_oneof![
        3 => prop::collection::vec(header.clone(), 0..1),
        3 => prop::collection::vec(header.clone(), 1..3),
        1 => prop::collection::vec(header, 6..10),
    ];
    (any_ip6(), inner, chain).prop_map(|(source, (next, inner), chain)| {
        let (mut next, mut payload) = (next, inner);
        for (kind, offset, more) in chain {
            payload = match kind {
                FRAGMENT => fragment(next, offset, more, &payload),
                AH => [&[next, 1][..], &[0; 10], &payload].concat(),
                _ => behind(next, &payload),
            };
            next = kind;
        }
        ipv6(source, next, &payload)
    })
}

fn any_ipv4() -> impl Strategy<Value = Vec<u8>> {
    let inner = prop_oneof![
        3 => (Just(UDP), any_udp()),
        1 => (select(vec![IGMP, TCP]), any_bytes(20)),
    ];
    let place = prop_oneof![
        3 => Just((0, false)),
        1 => (select(vec![0, 1, 8]), any::<bool>()),
    ];
    (any_ip(), inner, place).prop_map(|(source, (protocol, inner), place)| {
        let (offset, more) = place;
        ipv4_fragment(source, protocol, offset, more, &inner)
    })
}

fn any_arp() -> impl Strategy<Value = Vec<u8>> {
    (select(vec![1, 2, 2, 3]), any_mac(), any_ip(), any_ip())
        .prop_map(|(operation, mac, ip, to)| arp_about(operation, mac, ip, to))
}

/// What somebody does to a frame.
#[derive(Clone, Debug)]
enum Mutation {
    /// Another byte.
    Set(Index, u8),
    /// A bit turned over.
    Flip(Index, u8),
    /// The end is missing.
    Cut(Index),
    /// Something behind it.
    Pad(Vec<u8>),
}

fn any_mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        3 => (any::<Index>(), any::<u8>())
            .prop_map(|(at, byte)| Mutation::Set(at, byte)),
        3 => (any::<Index>(), 0..8_u8)
            .prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        1 => any::<Index>().prop_map(Mutation::Cut),
        1 => any_bytes(12).prop_map(Mutation::Pad),
    ]
}

fn any_frame() -> impl Strategy<Value = Vec<u8>> {
    let kind = |kind| Just(EtherType::new(kind));
    let body = prop_oneof![
        4 => (kind(0x0800), any_ipv4().boxed()),
        6 => (kind(0x86dd), any_ipv6().boxed()),
        2 => (kind(0x0806), any_arp().boxed()),
        1 => (kind(0x8035), any_arp().boxed()),
        1 => (
            select(vec![38, 0x8100, 0x88a8, 0x88cc]).prop_map(EtherType::new),
            any_bytes(46).boxed(),
        ),
    ];
    let source = prop_oneof![9 => Just(MAC), 1 => any_mac()];
    let target = select(vec![REMOTE, BROADCAST, GROUP, MAC]);
    let mutations = prop_oneof![
        2 => Just(Vec::new()),
        3 => prop::collection::vec(any_mutation(), 1..4),
    ];
    (source, target, body, mutations).prop_map(
        |(source, target, (kind, body), mutations)| {
            let mut frame = ethernet(target, source, kind, &body);
            for mutation in mutations {
                match mutation {
                    Mutation::Set(at, byte) => {
                        let at = at.index(frame.len());
                        frame[at] = byte;
                    }
                    Mutation::Flip(at, bit) => {
                        let at = at.index(frame.len());
                        frame[at] ^= 1 << bit;
                    }
                    // The kernel's test run takes nothing shorter.
                    Mutation::Cut(at) => {
                        frame.truncate(at.index(frame.len()).max(14));
                    }
                    Mutation::Pad(bytes) => frame.extend(bytes),
                }
            }
            frame
        },
    )
}

fn any_policy() -> impl Strategy<Value = Policy> {
    let words = ["mac-nospoof", "restricted", "ip-nospoof", "dhcp-nospoof"];
    let ips = ["192.168.1.7", "10.1.0.0/16", "2001:db8::7", "fe80::/64"];
    let ids = ["web", "0x01", "3.1.2:8:20:0:0:8"];
    let words = prop_oneof![
        1 => subsequence(words.to_vec(), 1..=4),
        2 => Just(words.to_vec()),
    ];
    let ips = prop_oneof![
        1 => Just(Vec::new()),
        1 => subsequence(ips.to_vec(), 1..=4),
    ];
    let ids = subsequence(ids.to_vec(), 0..=3);
    let methods = prop_oneof![
        1 => Just(None),
        1 => subsequence(Methods::WORDS.to_vec(), 0..=3).prop_map(Some),
    ];
    // Others' addresses, so that frames that would be spoofed pass.
    let learned = ["192.168.1.8", "10.2.0.1", "2001:db8::8", "fe80::8"];
    let learned = subsequence(learned.to_vec(), 0..=4);
    let macs = prop_oneof![
        3 => Just(Vec::new()),
        1 => subsequence(vec![OTHER_MAC, vnic(9)], 1..=2),
    ];
    (words, ips, ids, any::<bool>(), methods, learned, macs).prop_map(
        |(words, ips, ids, any_id, methods, learned, macs)| {
            let mut policy = policy(&words.join(","), &ips, &ids);
            policy.allow_all_dhcp_cids = any_id && ips.is_empty();
            if let Some(methods) = methods {
                policy.methods = methods.join(",").parse().unwrap_or_default();
            }
            let learned = learned.iter().map(|ip| ip.parse().unwrap());
            policy.learned = learned.collect();
            let macs = macs.into_iter().map(Mac::from).collect::<Vec<_>>();
            policy.secondary_macs = macs.try_into().unwrap();
            policy
        },
    )
}

/// Frames that are run with one policy.
const BATCH: u32 = 64;

/// As many frames as `FUZZ_FRAMES` says, or 16,384.
#[test]
fn program_and_definition_agree_on_any_frame() {
    let frames = env::var("FUZZ_FRAMES").ok();
    let frames = frames.map_or(16_384, |text| text.parse().unwrap());
    in_lab(move |lab| {
        let guarded = Guarded::new(lab);
        let mut runner = TestRunner::new(Config {
            cases: u32::div_ceil(frames, BATCH),
            failure_persistence: None,
            ..Config::default()
        });
        let batch = prop::collection::vec(any_frame(), BATCH as usize);
        let seen = RefCell::new(std::collections::BTreeMap::new());
        let run = runner.run(&(any_policy(), batch), |(policy, frames)| {
            guarded.set(&policy);
            for frame in frames {
                let want = flows::guard(&policy, &frame, false);
                let got = guarded.run(&frame);
                prop_assert_eq!(got, want, "{:02x?}", frame);
                *seen.borrow_mut().entry(want.err()).or_insert(0_u32) += 1;
            }
            Ok(())
        });
        run.unwrap();
        // Frames that never get behind the first check would prove nothing.
        let seen = seen.into_inner();
        for reason in DropReason::ALL {
            use DropReason::*;
            if !matches!(
                reason,
                Truncated
                    | Hairpin
                    | NoDestination
                    | Internal
                    | TooLong
                    | TooLongFor
                    | Reflected
                    | Blocked
                    | BlockedFor
                    | FlowBlocked
                    | FlowBlockedFor
            ) {
                assert!(seen.contains_key(&Some(reason)), "{reason}: {seen:?}");
            }
        }
        assert!(seen.contains_key(&None), "{seen:?}");
    });
}
