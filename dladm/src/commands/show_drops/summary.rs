//! A frame in one line: who to whom, and what it says.

use std::fmt::Write;
use std::net::Ipv6Addr;

use etherparse::{
    ArpOperation, ArpPacketSlice, EtherType, IpNumber, LaxIpPayloadSlice,
    LaxLinkExtSlice, LaxNetSlice, LaxSlicedPacket, LinkSlice, TransportSlice,
    UdpSlice,
};
use fabric::Mac;

/// Describes a frame by its first bytes, which may be cut short anywhere. A tag
/// may stand beside them.
pub(super) fn summary(bytes: &[u8], tci: Option<u16>) -> String {
    let packet = LaxSlicedPacket::from_ethernet(bytes);
    let Ok(packet) = packet else { return "no Ethernet header".to_owned() };
    let Some(LinkSlice::Ethernet2(link)) = &packet.link else {
        return "no Ethernet header".to_owned();
    };
    let (from, to) = (Mac::new(link.source()), Mac::new(link.destination()));
    let mut text = format!("{from} > {to}");
    let beside = tci.map(|tci| tci & 0xfff);
    let within = packet.link_exts.iter().filter_map(|tag| match tag {
        LaxLinkExtSlice::Vlan(tag) => Some(tag.vlan_identifier().value()),
        LaxLinkExtSlice::Macsec(_) => None,
    });
    for vid in beside.into_iter().chain(within) {
        // Writing to a text can't fail.
        let _ = write!(text, " vlan {vid}");
    }
    text.push(' ');
    text.push_str(&match &packet.net {
        Some(LaxNetSlice::Arp(packet)) => arp(packet),
        Some(LaxNetSlice::Ipv4(ip)) => {
            let (from, to) =
                (ip.header().source_addr(), ip.header().destination_addr());
            let inner = transport(&packet.transport, ip.payload());
            format!("IPv4 {from} > {to} {inner}")
        }
        Some(LaxNetSlice::Ipv6(ip)) => {
            let (from, to) =
                (ip.header().source_addr(), ip.header().destination_addr());
            let inner = transport(&packet.transport, ip.payload());
            format!("IPv6 {from} > {to} {inner}")
        }
        None => {
            let payload = packet.ether_payload();
            let kind = payload.map_or(link.ether_type(), |p| p.ether_type);
            other(kind)
        }
    });
    text
}

/// What is neither IP nor ARP, or can't be read as such.
fn other(kind: EtherType) -> String {
    match kind {
        EtherType::ARP => "unreadable ARP".to_owned(),
        EtherType::IPV4 => "unreadable IPv4".to_owned(),
        EtherType::IPV6 => "unreadable IPv6".to_owned(),
        EtherType(0x8035) => "RARP".to_owned(),
        // Below this number it is a length.
        EtherType(length @ ..0x600) => format!("LLC of {length} bytes"),
        EtherType(kind) => format!("EtherType {kind:#06x}"),
    }
}

fn arp(packet: &ArpPacketSlice<'_>) -> String {
    let Ok(arp) = packet.to_packet().try_eth_ipv4() else {
        return "ARP of other hardware".to_owned();
    };
    let (sender, target) = (arp.sender_ipv4_addr(), arp.target_ipv4_addr());
    match arp.operation {
        ArpOperation::REQUEST if sender.is_unspecified() => {
            format!("ARP who-has {target}")
        }
        ArpOperation::REQUEST => {
            format!("ARP who-has {target} tell {sender}")
        }
        ArpOperation::REPLY => {
            format!("ARP {sender} is-at {}", Mac::new(arp.sender_mac))
        }
        ArpOperation(other) => format!("ARP operation {other}"),
    }
}

/// What IP carries.
fn transport(
    transport: &Option<TransportSlice<'_>>,
    ip: &LaxIpPayloadSlice<'_>,
) -> String {
    let name = protocol(ip.ip_number);
    if ip.fragmented {
        return format!("fragment of {name}");
    }
    match transport {
        Some(TransportSlice::Udp(udp)) => {
            let (from, to) = (udp.source_port(), udp.destination_port());
            format!("UDP {from} > {to}{}", dhcp(udp).unwrap_or_default())
        }
        Some(TransportSlice::Tcp(tcp)) => {
            let (from, to) = (tcp.source_port(), tcp.destination_port());
            format!("TCP {from} > {to}")
        }
        Some(TransportSlice::Icmpv4(icmp)) => {
            match (icmp.type_u8(), icmp.code_u8()) {
                (0, _) => "ICMP echo reply".to_owned(),
                (8, _) => "ICMP echo request".to_owned(),
                (kind, code) => format!("ICMP type {kind} code {code}"),
            }
        }
        Some(TransportSlice::Icmpv6(icmp)) => {
            icmpv6(icmp.type_u8(), icmp.code_u8(), icmp.slice())
        }
        Some(TransportSlice::Igmp(_)) => "IGMP".to_owned(),
        None if matches!(
            ip.ip_number,
            IpNumber::UDP
                | IpNumber::TCP
                | IpNumber::ICMP
                | IpNumber::IPV6_ICMP
        ) =>
        {
            format!("unreadable {name}")
        }
        None => name,
    }
}

fn protocol(number: IpNumber) -> String {
    match number {
        IpNumber::IPV6_ICMP => "ICMPv6".to_owned(),
        number => match number.keyword_str() {
            Some(name) => name.to_owned(),
            None => format!("protocol {}", number.0),
        },
    }
}

/// ICMPv6, above all Neighbor Discovery (RFC 4861).
fn icmpv6(kind: u8, code: u8, message: &[u8]) -> String {
    let target = message.get(8..).and_then(|rest| rest.first_chunk::<16>());
    let target = target.map(|target| Ipv6Addr::from(*target));
    match (kind, target) {
        (128, _) => "ICMPv6 echo request".to_owned(),
        (129, _) => "ICMPv6 echo reply".to_owned(),
        (130..=132 | 143, _) => "ICMPv6 MLD".to_owned(),
        (133, _) => "ND router solicitation".to_owned(),
        (134, _) => "ND router advertisement".to_owned(),
        (135, Some(target)) => format!("ND who-has {target}"),
        (136, Some(target)) => match link_address(message) {
            Some(mac) => format!("ND {target} is-at {mac}"),
            None => format!("ND {target} is here"),
        },
        (137, Some(target)) => format!("ND redirect to {target}"),
        (135..=137, None) => "unreadable ND".to_owned(),
        _ => format!("ICMPv6 type {kind} code {code}"),
    }
}

/// The target's address of a neighbour advertisement: an option of type 2 and
/// eight bytes.
fn link_address(message: &[u8]) -> Option<Mac> {
    let mut options = message.get(24..)?;
    loop {
        let [kind, length, ..] = *options else { return None };
        if (kind, length) == (2, 1) {
            return options.get(2..)?.first_chunk().copied().map(Mac::new);
        }
        // A length of zero would never end.
        let length = usize::from(length.max(1)) * 8;
        options = options.get(length..)?;
    }
}

/// What DHCP says, as far as the bytes go.
fn dhcp(udp: &UdpSlice<'_>) -> Option<String> {
    let (from, to) = (udp.source_port(), udp.destination_port());
    match (from, to) {
        (67 | 68, _) | (_, 67 | 68) => dhcpv4(udp.payload()),
        (546 | 547, _) | (_, 546 | 547) => dhcpv6(udp.payload()),
        _ => None,
    }
}

/// DHCPv4 (RFC 2131): whose it is stands at the front, what it is among the
/// options behind 236 bytes and four magic ones.
fn dhcpv4(message: &[u8]) -> Option<String> {
    const TYPES: [&str; 9] = [
        "", "discover", "offer", "request", "decline", "ack", "nak", "release",
        "inform",
    ];
    let side = match message.first()? {
        1 => "",
        2 => " of a server",
        _ => return None,
    };
    let client = message.get(28..)?.first_chunk().copied().map(Mac::new)?;
    let options = message.get(236..);
    let options = options.and_then(|o| o.strip_prefix(&[99, 130, 83, 99]));
    let kind = options.and_then(message_type).unwrap_or_default();
    Some(match TYPES.get(usize::from(kind)) {
        Some(&"") | None => format!(" DHCP{side} for client {client}"),
        Some(kind) => format!(" DHCP {kind}{side} for client {client}"),
    })
}

/// Option 53 of DHCPv4.
fn message_type(mut options: &[u8]) -> Option<u8> {
    loop {
        match *options {
            [0, ref rest @ ..] => options = rest,
            [53, 1, kind, ..] => return Some(kind),
            [255, ..] | [] | [_] => return None,
            [_, length, ref rest @ ..] => {
                options = rest.get(usize::from(length)..)?;
            }
        }
    }
}

/// DHCPv6 (RFC 8415).
fn dhcpv6(message: &[u8]) -> Option<String> {
    let kind = match message.first()? {
        1 => "solicit",
        2 => "advertise",
        3 => "request",
        4 => "confirm",
        5 => "renew",
        6 => "rebind",
        7 => "reply",
        8 => "release",
        9 => "decline",
        10 => "reconfigure",
        11 => "information-request",
        12 => "relay-forward",
        13 => "relay-reply",
        other => return Some(format!(" DHCPv6 type {other}")),
    };
    Some(format!(" DHCPv6 {kind}"))
}

#[cfg(test)]
mod tests;
