use etherparse::PacketBuilder;

use super::*;

const FROM: [u8; 6] = [2, 8, 0x20, 0, 0, 1];
const TO: [u8; 6] = [2, 8, 0x20, 0, 0, 0xb];
const HEAD: &str = "2:8:20:0:0:1 > 2:8:20:0:0:b ";

/// A frame of these two with an EtherType, or whatever stands at its place.
fn frame(kind: u16, payload: &[u8]) -> Vec<u8> {
    [&TO[..], &FROM, &kind.to_be_bytes(), payload].concat()
}

fn arp_frame(operation: u8, sender: [u8; 4], target: [u8; 4]) -> Vec<u8> {
    let head = [0, 1, 8, 0, 6, 4, 0, operation];
    frame(0x0806, &[&head[..], &FROM, &sender, &[0; 6], &target].concat())
}

fn udp4(from: u16, to: u16, payload: &[u8]) -> Vec<u8> {
    let builder = PacketBuilder::ethernet2(FROM, TO)
        .ipv4([10, 0, 0, 8], [10, 0, 0, 1], 64)
        .udp(from, to);
    let mut bytes = Vec::new();
    builder.write(&mut bytes, payload).unwrap();
    bytes
}

fn ipv6(next: u8, payload: &[u8]) -> Vec<u8> {
    let length = u16::try_from(payload.len()).unwrap().to_be_bytes();
    let head = [&[0x60, 0, 0, 0], &length[..], &[next, 255]].concat();
    let mut addresses = [0; 32];
    (addresses[0], addresses[1], addresses[15]) = (0xfe, 0x80, 8);
    (addresses[16], addresses[17], addresses[31]) = (0xff, 2, 1);
    frame(0x86dd, &[&head, &addresses[..], payload].concat())
}

/// A message of Neighbor Discovery about fe80::9.
fn nd(kind: u8, options: &[u8]) -> Vec<u8> {
    let mut target = [0; 16];
    (target[0], target[1], target[15]) = (0xfe, 0x80, 9);
    ipv6(58, &[&[kind, 0, 0, 0, 0, 0, 0, 0], &target[..], options].concat())
}

fn dhcp_message(operation: u8, options: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 236];
    message[0] = operation;
    message[28..34].copy_from_slice(&FROM);
    [&message[..], &[99, 130, 83, 99], options].concat()
}

#[track_caller]
fn check(bytes: &[u8], want: &str) {
    assert_eq!(summary(bytes, None), format!("{HEAD}{want}"), "{bytes:02x?}");
}

#[test]
fn arp_says_who_asks_for_whom() {
    for (operation, sender, want) in [
        (1, [10, 0, 0, 8], "ARP who-has 10.0.0.1 tell 10.0.0.8"),
        (1, [0; 4], "ARP who-has 10.0.0.1"),
        (2, [10, 0, 0, 8], "ARP 10.0.0.8 is-at 2:8:20:0:0:1"),
        (9, [10, 0, 0, 8], "ARP operation 9"),
    ] {
        check(&arp_frame(operation, sender, [10, 0, 0, 1]), want);
    }
    let mut other = arp_frame(1, [10, 0, 0, 8], [10, 0, 0, 1]);
    other[15] = 6;
    check(&other, "ARP of other hardware");
    check(&other[..30], "unreadable ARP");
    check(&frame(0x8035, &[0; 28]), "RARP");
}

#[test]
fn ipv4_says_what_it_carries() {
    const PAIR: &str = "IPv4 10.0.0.8 > 10.0.0.1 ";
    let plain = udp4(5000, 53, &[1, 2, 3]);
    let with = |at: usize, byte: u8| {
        let mut bytes = plain.clone();
        bytes[at] = byte;
        bytes
    };
    for (bytes, want) in [
        (plain.clone(), "UDP 5000 > 53"),
        // The IP header's length tells of more than is there.
        (with(17, 200), "UDP 5000 > 53"),
        (plain[..36].to_vec(), "unreadable UDP"),
        (with(20, 0x20), "fragment of UDP"),
        (with(21, 9), "fragment of UDP"),
        (with(23, 2), "IGMP"),
        (with(23, 47), "GRE"),
        (with(23, 200), "protocol 200"),
    ] {
        check(&bytes, &format!("{PAIR}{want}"));
    }
    check(&plain[..30], "unreadable IPv4");
    let ip = || {
        PacketBuilder::ethernet2(FROM, TO).ipv4(
            [10, 0, 0, 8],
            [10, 0, 0, 1],
            64,
        )
    };
    let mut tcp = Vec::new();
    ip().tcp(40_000, 22, 7, 100).write(&mut tcp, &[]).unwrap();
    check(&tcp, &format!("{PAIR}TCP 40000 > 22"));
    let mut ping = Vec::new();
    ip().icmpv4_echo_request(1, 2).write(&mut ping, &[0; 8]).unwrap();
    check(&ping, &format!("{PAIR}ICMP echo request"));
    ping[34] = 5;
    check(&ping, &format!("{PAIR}ICMP type 5 code 0"));
}

#[test]
fn ipv6_says_what_neighbours_are_told() {
    const PAIR: &str = "IPv6 fe80::8 > ff02::1 ";
    let is_at = [14, 1, 0, 0, 0, 0, 0, 0, 2, 1, 2, 8, 32, 0, 0, 7];
    for (bytes, want) in [
        (nd(133, &[]), "ND router solicitation"),
        (nd(134, &[]), "ND router advertisement"),
        (nd(135, &[]), "ND who-has fe80::9"),
        (nd(136, &[]), "ND fe80::9 is here"),
        (nd(136, &is_at), "ND fe80::9 is-at 2:8:20:0:0:7"),
        (nd(136, &is_at[..12]), "ND fe80::9 is here"),
        (nd(136, &[0; 24]), "ND fe80::9 is here"),
        (nd(137, &[]), "ND redirect to fe80::9"),
        (ipv6(58, &[135, 0, 0, 0, 0, 0, 0, 0]), "unreadable ND"),
        (ipv6(58, &[128, 0, 0, 0, 0, 0, 0, 0]), "ICMPv6 echo request"),
        (ipv6(58, &[143, 0, 0, 0, 0, 0, 0, 0]), "ICMPv6 MLD"),
        (ipv6(58, &[1, 4, 0, 0, 0, 0, 0, 0]), "ICMPv6 type 1 code 4"),
        (ipv6(58, &[135, 0]), "unreadable ICMPv6"),
        // Behind a header of destination options, and in a fragment.
        (
            ipv6(60, &[58, 0, 1, 4, 0, 0, 0, 0, 134, 0, 0, 0, 0, 0, 0, 0]),
            "ND router advertisement",
        ),
        (ipv6(44, &[58, 0, 0, 1, 0, 0, 0, 0]), "fragment of ICMPv6"),
        (
            ipv6(17, &[2, 34, 2, 35, 0, 10, 0, 0, 1, 0]),
            "UDP 546 > 547 DHCPv6 solicit",
        ),
        (
            ipv6(17, &[2, 35, 2, 34, 0, 10, 0, 0, 99, 0]),
            "UDP 547 > 546 DHCPv6 type 99",
        ),
    ] {
        check(&bytes, &format!("{PAIR}{want}"));
    }
}

#[test]
fn dhcp_says_what_it_is_as_far_as_the_bytes_go() {
    const CLIENT: &str = "for client 2:8:20:0:0:1";
    let discover = dhcp_message(1, &[0, 12, 1, 65, 53, 1, 1, 255]);
    for (from, to, message, want) in [
        (68, 67, discover.clone(), format!(" DHCP discover {CLIENT}")),
        // No more than netd keeps of it.
        (68, 67, discover[..214].to_vec(), format!(" DHCP {CLIENT}")),
        (68, 67, discover[..246].to_vec(), format!(" DHCP {CLIENT}")),
        (
            67,
            68,
            dhcp_message(2, &[53, 1, 2]),
            format!(" DHCP offer of a server {CLIENT}"),
        ),
        (68, 67, dhcp_message(1, &[53, 1, 77]), format!(" DHCP {CLIENT}")),
        (68, 67, dhcp_message(1, &[12, 200]), format!(" DHCP {CLIENT}")),
        (68, 67, dhcp_message(7, &[]), String::new()),
        (68, 67, vec![1; 20], String::new()),
        (68, 67, vec![], String::new()),
    ] {
        let want = format!("IPv4 10.0.0.8 > 10.0.0.1 UDP {from} > {to}{want}");
        check(&udp4(from, to, &message), &want);
    }
}

#[test]
fn tags_and_what_nobody_reads() {
    check(&frame(0x88b5, &[0; 46]), "EtherType 0x88b5");
    check(&frame(38, &[0; 46]), "LLC of 38 bytes");
    check(&frame(0x8100, &[0, 5, 0x88, 0xb5, 0]), "vlan 5 EtherType 0x88b5");
    let inner = [0x60, 5, 0x81, 0, 0, 6, 8, 6];
    check(&frame(0x88a8, &inner), "vlan 5 vlan 6 unreadable ARP");
    check(&frame(0x8100, &[0]), "EtherType 0x8100");
    let beside = summary(&frame(0x8100, &[0, 5, 0x88, 0xb5]), Some(0xe007));
    assert_eq!(beside, format!("{HEAD}vlan 7 vlan 5 EtherType 0x88b5"));
    for short in [&[][..], &[0; 13]] {
        assert_eq!(summary(short, None), "no Ethernet header");
    }
}

proptest::proptest! {
    #[test]
    fn any_bytes_are_one_line(
        mut bytes in proptest::collection::vec(0_u8.., 0..256),
        kind in proptest::sample::select(
            vec![0x0800_u16, 0x0806, 0x86dd, 0x8100, 0x88b5],
        ),
    ) {
        if let Some(place) = bytes.get_mut(12..14) {
            place.copy_from_slice(&kind.to_be_bytes());
        }
        let text = summary(&bytes, None);
        proptest::prop_assert_eq!(text.lines().count(), 1);
        proptest::prop_assert!(!text.contains(|c: char| c.is_control()));
    }
}
