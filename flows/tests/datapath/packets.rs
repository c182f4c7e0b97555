//! What frames carry: packets of a guest, true and forged.

use std::net::{Ipv4Addr, Ipv6Addr};

use pnet::packet::Packet;
use pnet::packet::arp::{ArpHardwareTypes, ArpOperation, MutableArpPacket};
use pnet::packet::ethernet::EtherTypes;
use pnet::packet::ip::IpNextHeaderProtocol;
use pnet::packet::ipv4::MutableIpv4Packet;
use pnet::packet::ipv6::MutableIpv6Packet;
use pnet::packet::udp::MutableUdpPacket;
use pnet::util::MacAddr;

use crate::frames::Address;

/// Protocols of IP.
pub(crate) const HOP_BY_HOP: u8 = 0;
pub(crate) const IGMP: u8 = 2;
pub(crate) const TCP: u8 = 6;
pub(crate) const UDP: u8 = 17;
pub(crate) const FRAGMENT: u8 = 44;
pub(crate) const AH: u8 = 51;
pub(crate) const ICMPV6: u8 = 58;
pub(crate) const DESTINATION: u8 = 60;

/// ARP for IPv4 on Ethernet.
pub(crate) fn arp(operation: u16, mac: Address, ip: Ipv4Addr) -> Vec<u8> {
    arp_about(operation, mac, ip, Ipv4Addr::new(192, 168, 1, 1))
}

/// ARP with a target.
pub(crate) fn arp_about(
    operation: u16,
    mac: Address,
    ip: Ipv4Addr,
    target: Ipv4Addr,
) -> Vec<u8> {
    let room = MutableArpPacket::minimum_packet_size();
    let mut arp = MutableArpPacket::owned(vec![0; room]).unwrap();
    arp.set_hardware_type(ArpHardwareTypes::Ethernet);
    arp.set_protocol_type(EtherTypes::Ipv4);
    arp.set_hw_addr_len(6);
    arp.set_proto_addr_len(4);
    arp.set_operation(ArpOperation::new(operation));
    arp.set_sender_hw_addr(MacAddr::from(mac.0));
    arp.set_sender_proto_addr(ip);
    arp.set_target_proto_addr(target);
    arp.packet().to_vec()
}

/// An IPv4 packet.
pub(crate) fn ipv4(source: Ipv4Addr, protocol: u8, payload: &[u8]) -> Vec<u8> {
    ipv4_fragment(source, protocol, 0, false, payload)
}

/// A part of an IPv4 packet, `offset` times eight bytes behind its beginning.
pub(crate) fn ipv4_fragment(
    source: Ipv4Addr,
    protocol: u8,
    offset: u16,
    more: bool,
    payload: &[u8],
) -> Vec<u8> {
    let room = MutableIpv4Packet::minimum_packet_size() + payload.len();
    let mut ip = MutableIpv4Packet::owned(vec![0; room]).unwrap();
    ip.set_version(4);
    ip.set_header_length(5);
    ip.set_total_length(room.try_into().unwrap());
    ip.set_flags(more.into());
    ip.set_fragment_offset(offset);
    ip.set_ttl(64);
    ip.set_next_level_protocol(IpNextHeaderProtocol::new(protocol));
    ip.set_source(source);
    ip.set_destination(Ipv4Addr::new(192, 168, 1, 1));
    ip.set_payload(payload);
    ip.packet().to_vec()
}

/// An IPv6 packet.
pub(crate) fn ipv6(source: Ipv6Addr, next: u8, payload: &[u8]) -> Vec<u8> {
    let room = MutableIpv6Packet::minimum_packet_size() + payload.len();
    let mut ip = MutableIpv6Packet::owned(vec![0; room]).unwrap();
    ip.set_version(6);
    ip.set_payload_length(payload.len().try_into().unwrap());
    ip.set_next_header(IpNextHeaderProtocol::new(next));
    ip.set_hop_limit(255);
    ip.set_source(source);
    ip.set_destination("ff02::1".parse().unwrap());
    ip.set_payload(payload);
    ip.packet().to_vec()
}

/// An extension header of eight bytes, and what follows it.
pub(crate) fn behind(next: u8, payload: &[u8]) -> Vec<u8> {
    [&[next, 0, 5, 2, 0, 0, 1, 0], payload].concat()
}

/// A fragment header, `offset` times eight bytes behind the beginning, and
/// what follows it.
pub(crate) fn fragment(
    next: u8,
    offset: u16,
    more: bool,
    payload: &[u8],
) -> Vec<u8> {
    let [a, b] = (offset << 3 | u16::from(more)).to_be_bytes();
    [&[next, 0, a, b, 0, 0, 0, 9], payload].concat()
}

/// A UDP datagram.
pub(crate) fn udp(source: u16, dest: u16, payload: &[u8]) -> Vec<u8> {
    let room = MutableUdpPacket::minimum_packet_size() + payload.len();
    let mut udp = MutableUdpPacket::owned(vec![0; room]).unwrap();
    udp.set_source(source);
    udp.set_destination(dest);
    udp.set_length(room.try_into().unwrap());
    udp.set_payload(payload);
    udp.packet().to_vec()
}

/// A message of ICMPv6.
pub(crate) fn icmpv6(kind: u8, body: &[u8]) -> Vec<u8> {
    [&[kind, 0, 0, 0, 0, 0, 0, 0], body].concat()
}

/// A message of Neighbor Discovery about an address.
pub(crate) fn nd(kind: u8, target: Ipv6Addr, options: &[u8]) -> Vec<u8> {
    icmpv6(kind, &[&target.octets(), options].concat())
}

/// A link-layer address option: 1 of the source, 2 of the target.
pub(crate) fn lladdr(kind: u8, mac: Address) -> Vec<u8> {
    [&[kind, 1], &mac.0[..]].concat()
}

/// A message of DHCPv4 for a client.
pub(crate) fn dhcp4(mac: Address, options: &[u8]) -> Vec<u8> {
    let mut message = vec![0; 236];
    message[..3].copy_from_slice(&[1, 1, 6]);
    message[28..34].copy_from_slice(&mac.0);
    [&message[..], &[0x63, 0x82, 0x53, 0x63], options].concat()
}

/// An option of DHCPv4.
pub(crate) fn option4(code: u8, content: &[u8]) -> Vec<u8> {
    [&[code, content.len().try_into().unwrap()], content].concat()
}

/// A message of DHCPv6.
pub(crate) fn dhcp6(kind: u8, options: &[u8]) -> Vec<u8> {
    [&[kind, 1, 2, 3], options].concat()
}

/// An option of DHCPv6.
pub(crate) fn option6(code: u16, content: &[u8]) -> Vec<u8> {
    let length = u16::try_from(content.len()).unwrap();
    [&code.to_be_bytes(), &length.to_be_bytes(), content].concat()
}
