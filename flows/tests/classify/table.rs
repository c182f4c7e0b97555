//! A line for each rule.

use fabric::FlowId;
use flows::{Direction, classify, compile_flows, lookup};

use crate::given::frames::{Part, Sent, sent};
use crate::{VNIC, numbered};

use Direction::{FromVnic, ToVnic};

/// Asks the definition and the tables, who must agree. Flows are numbered from 1.
fn flow_of(flows: &[&str], direction: Direction, frame: &[u8]) -> Option<u32> {
    let table = numbered(flows.iter().map(|text| text.parse().unwrap()));
    let rows = compile_flows([(VNIC, &table)]);
    let found = lookup(&rows, VNIC, direction, frame).map(|row| row.id);
    assert_eq!(classify(&table, direction, frame), found, "{flows:?}");
    found.map(|FlowId(id)| id)
}

fn web4() -> Sent {
    sent("10.0.0.1", "10.0.0.9")
}

fn web6() -> Sent {
    sent("fd00::1", "fd00::9")
}

#[test]
fn what_each_attribute_asks_for() {
    let udp = |packet: Sent| Sent { protocol: 17, ..packet };
    let of = |protocol, packet: Sent| Sent { protocol, ..packet };
    let marked = |dsfield, packet: Sent| Sent { dsfield, ..packet };
    for (flow, direction, packet, want) in [
        ("local_ip=10.0.0.1", FromVnic, web4(), true),
        ("local_ip=10.0.0.1", ToVnic, web4(), false),
        ("local_ip=10.0.0.9", ToVnic, web4(), true),
        ("local_ip=10.0.0.0/31", FromVnic, web4(), true),
        ("local_ip=10.0.0.2/31", FromVnic, web4(), false),
        ("remote_ip=10.0.0.9", FromVnic, web4(), true),
        ("remote_ip=10.0.0.9", ToVnic, web4(), false),
        ("remote_ip=10.0.0.1", ToVnic, web4(), true),
        ("remote_ip=8.0.0.0/7", FromVnic, web4(), false),
        ("remote_ip=10.0.0.0/7", FromVnic, web4(), true),
        ("remote_ip=fd00::9", FromVnic, web6(), true),
        ("remote_ip=fd00::8/127", FromVnic, web6(), true),
        ("remote_ip=fd00::8/128", FromVnic, web6(), false),
        ("local_ip=fd00::1", FromVnic, web6(), true),
        ("local_ip=fc00::/7", ToVnic, web6(), true),
        // The first four bytes of both are the same.
        ("remote_ip=10.0.0.0/8", FromVnic, sent("a00::1", "a00:9::"), false),
        ("remote_ip=a00:9::/32", FromVnic, web4(), false),
        ("remote_ip=a00:9::/32", FromVnic, sent("a00::1", "a00:9::"), true),
        ("transport=tcp", FromVnic, web4(), true),
        ("transport=tcp", ToVnic, web6(), true),
        ("transport=udp", FromVnic, web4(), false),
        ("transport=udp", FromVnic, udp(web6()), true),
        ("transport=sctp", FromVnic, of(132, web4()), true),
        ("transport=icmp", FromVnic, of(1, web4()), true),
        ("transport=icmp", FromVnic, of(58, web6()), false),
        ("transport=icmpv6", FromVnic, of(58, web6()), true),
        ("transport=icmpv6", FromVnic, of(1, web4()), false),
        ("transport=tcp,local_port=443", FromVnic, web4(), true),
        ("transport=tcp,local_port=443", ToVnic, web4(), false),
        ("transport=tcp,local_port=443", FromVnic, udp(web4()), false),
        ("transport=udp,local_port=443", FromVnic, udp(web6()), true),
        ("transport=tcp,local_port=50000", ToVnic, web6(), true),
        ("transport=tcp,remote_port=50000", FromVnic, web4(), true),
        ("transport=tcp,remote_port=50000", ToVnic, web4(), false),
        ("transport=tcp,remote_port=443", ToVnic, web6(), true),
        ("dsfield=b8", FromVnic, web4(), false),
        ("dsfield=b8", FromVnic, marked(0xb8, web4()), true),
        ("dsfield=b8", ToVnic, marked(0xb8, web6()), true),
        ("dsfield=b8", ToVnic, marked(0xb9, web6()), false),
        ("dsfield=b8:fc", ToVnic, marked(0xb9, web6()), true),
        ("dsfield=b8:fc", FromVnic, marked(0xbc, web4()), false),
        ("local_ip=10.0.0.1,dsfield=1", FromVnic, marked(1, web4()), true),
        ("local_ip=10.0.0.9,dsfield=1", FromVnic, marked(1, web4()), false),
    ] {
        let got = flow_of(&[flow], direction, &packet.bytes());
        assert_eq!(got.is_some(), want, "{flow} {direction:?} {packet:?}");
    }
}

#[test]
fn the_most_specific_flow_has_the_frame() {
    let flows = [
        "remote_ip=10.0.0.0/8",
        "remote_ip=10.0.0.0/24",
        "transport=tcp,local_port=443",
        "remote_ip=10.0.0.9",
        "local_ip=10.0.0.1",
        "remote_ip=10.0.0.9,transport=tcp,local_port=22",
        "transport=tcp",
        "dsfield=b8",
    ];
    let mut ssh = web4();
    ssh.ports = [22, 50_000];
    let mut marked = web6();
    (marked.dsfield, marked.protocol) = (0xb8, 47);
    for (packet, want) in [
        (web4(), Some(4)),
        (ssh, Some(6)),
        (sent("10.0.0.1", "10.0.0.8"), Some(3)),
        (Sent { protocol: 17, ..sent("10.0.0.1", "10.0.0.8") }, Some(2)),
        (Sent { protocol: 17, ..sent("10.0.0.1", "10.9.0.8") }, Some(1)),
        (Sent { protocol: 17, ..sent("10.0.0.1", "11.0.0.1") }, Some(5)),
        (Sent { protocol: 17, ..sent("10.0.0.2", "11.0.0.1") }, None),
        (Sent { ports: [1, 2], ..web6() }, Some(7)),
        (marked, Some(8)),
    ] {
        let got = flow_of(&flows, FromVnic, &packet.bytes());
        assert_eq!(got, want, "{packet:?}");
        let mut backwards = flows;
        backwards.reverse();
        let got = flow_of(&backwards, FromVnic, &packet.bytes());
        assert_eq!(got.map(|id| 9 - id), want, "backwards: {packet:?}");
    }
}

#[test]
fn fragments() {
    let flows = ["transport=udp", "transport=udp,local_port=53", "dsfield=20"];
    for (part, extensions, want) in [
        (Part::Whole, vec![], Some(2)),
        (Part::First, vec![], Some(2)),
        // Neither transport nor port. The rest of the header counts.
        (Part::Later, vec![], Some(3)),
        (Part::First, vec![(60, 1)], Some(2)),
        (Part::Later, vec![(60, 1)], Some(3)),
        (Part::Whole, vec![(44, 0)], Some(2)),
    ] {
        for (from, to) in [("10.0.0.1", "10.0.0.9"), ("fd00::1", "fd00::9")] {
            let packet = Sent {
                part,
                protocol: 17,
                ports: [53, 53],
                dsfield: 0x20,
                extensions: extensions.clone(),
                ..sent(from, to)
            };
            let got = flow_of(&flows, FromVnic, &packet.bytes());
            assert_eq!(got, want, "{packet:?}");
        }
    }
}

#[test]
fn options_and_extension_headers() {
    let flows = ["transport=tcp", "transport=tcp,local_port=443", "dsfield=20"];
    for options in 0..=10 {
        let packet = Sent { options, ..web4() };
        let got = flow_of(&flows, FromVnic, &packet.bytes());
        assert_eq!(got, Some(2), "{packet:?}");
    }
    for (extensions, want) in [
        (vec![(0, 0)], Some(2)),
        (vec![(0, 2), (43, 1), (60, 0)], Some(2)),
        (vec![(51, 4)], Some(2)),
        (vec![(51, 1), (135, 0), (139, 3), (140, 0)], Some(2)),
        (vec![(60, 255)], Some(2)),
        (vec![(60, 0); 8], Some(2)),
        // Too long a chain has no end.
        (vec![(60, 0); 9], Some(3)),
        // ESP, and no next header: nothing behind them.
        (vec![(50, 0)], Some(3)),
        (vec![(59, 0)], Some(3)),
    ] {
        let packet = Sent { extensions, dsfield: 0x20, ..web6() };
        let got = flow_of(&flows, FromVnic, &packet.bytes());
        assert_eq!(got, want, "{packet:?}");
    }
}

#[test]
fn a_frame_that_is_cut_short_has_what_is_there() {
    let flows = [
        "transport=tcp",
        "transport=tcp,local_port=443",
        "transport=tcp,remote_port=443",
        "dsfield=20",
    ];
    let mut four = Sent { dsfield: 0x20, options: 2, ..web4() };
    let mut six = Sent { dsfield: 0x20, ..web6() };
    six.extensions = vec![(60, 0)];
    // The fixed header, options or a header behind it, and both ports.
    for (packet, fixed, chain, ports) in
        [(&mut four, 34, 34, 46), (&mut six, 54, 62, 66)]
    {
        let bytes = packet.bytes();
        for length in 0..bytes.len() {
            let want = match length {
                _ if length < fixed => None,
                _ if length < chain => Some(4),
                _ if length < ports => Some(1),
                _ => Some(2),
            };
            let got = flow_of(&flows, FromVnic, &bytes[..length]);
            assert_eq!(got, want, "{length} bytes of {packet:?}");
        }
    }
}

#[test]
fn what_is_no_ip_is_in_no_flow() {
    let flows = ["transport=tcp", "local_ip=10.0.0.1", "local_ip=fd00::1"];
    type Damage = fn(&mut Vec<u8>);
    let nothing: Damage = |_| {};
    let arp: Damage = |frame| frame[13] = 6;
    let swapped: Damage = |frame| frame[14] ^= 0x20;
    let short: Damage = |frame| frame[14] = 0x44;
    let tagged: Damage = |frame| {
        frame.splice(12..12, [0x81, 0, 0, 5]);
    };
    let llc: Damage = |frame| {
        frame.splice(12..12, [0, 60, 0xaa, 0xaa, 3, 0, 0, 0]);
    };
    // What a packet says of its length is not asked: a large frame says 0.
    let no_length: Damage = |frame| {
        let at = if frame[12] == 8 { 16 } else { 18 };
        frame[at..at + 2].fill(0);
    };
    for (title, packet, damage, want) in [
        ("IPv4", web4(), nothing, Some(1)),
        ("IPv6", web6(), nothing, Some(1)),
        ("IPv4 without a length", web4(), no_length, Some(1)),
        ("IPv6 without a length", web6(), no_length, Some(1)),
        ("ARP", web4(), arp, None),
        ("IPv4 of version 6", web4(), swapped, None),
        ("IPv6 of version 4", web6(), swapped, None),
        ("IPv4 with a header of 16 bytes", web4(), short, None),
        ("behind a VLAN's tag", web4(), tagged, None),
        ("behind LLC and SNAP", web6(), llc, None),
    ] {
        let mut frame = packet.bytes();
        damage(&mut frame);
        assert_eq!(flow_of(&flows, FromVnic, &frame), want, "{title}");
    }
}

#[test]
fn a_vnic_has_its_own_flows() {
    use fabric::LinkId;
    let table = |text: &str| numbered([text.parse().unwrap()]);
    let (tcp, udp) = (table("transport=tcp"), table("transport=udp"));
    let none = numbered([]);
    let rows = compile_flows([
        (LinkId(1), &tcp),
        (LinkId(2), &udp),
        (LinkId(3), &none),
    ]);
    assert_eq!(rows.masks.len(), 2);
    for (id, want) in [(1, true), (2, false), (3, false), (4, false)] {
        let got = lookup(&rows, LinkId(id), FromVnic, &web4().bytes());
        assert_eq!(got.is_some(), want, "{id}");
    }
}
