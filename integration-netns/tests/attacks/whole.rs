//! Packets that a stack believes: to an address, and with checksums.

use std::net::{Ipv4Addr, Ipv6Addr};

use pnet::packet::Packet;
use pnet::packet::ip::IpNextHeaderProtocols;
use pnet::packet::ipv4::{self, MutableIpv4Packet};
use pnet::packet::ipv6::MutableIpv6Packet;
use pnet::util::ipv6_checksum;

use crate::packets;

/// An IPv4 packet. UDP in it may do without a checksum.
pub(crate) fn ip4(
    source: Ipv4Addr,
    dest: Ipv4Addr,
    protocol: u8,
    payload: &[u8],
) -> Vec<u8> {
    let packet = packets::ipv4(source, protocol, payload);
    let mut packet = MutableIpv4Packet::owned(packet).expect("it is whole");
    packet.set_destination(dest);
    packet.set_checksum(ipv4::checksum(&packet.to_immutable()));
    packet.packet().to_vec()
}

/// An IPv6 packet.
pub(crate) fn ip6(
    source: Ipv6Addr,
    dest: Ipv6Addr,
    next: u8,
    payload: &[u8],
) -> Vec<u8> {
    let packet = packets::ipv6(source, next, payload);
    let mut packet = MutableIpv6Packet::owned(packet).expect("it is whole");
    packet.set_destination(dest);
    packet.packet().to_vec()
}

/// ICMPv6 with its checksum.
pub(crate) fn icmp6_signed(
    source: Ipv6Addr,
    dest: Ipv6Addr,
    mut message: Vec<u8>,
) -> Vec<u8> {
    let icmp = IpNextHeaderProtocols::Icmpv6;
    let sum = ipv6_checksum(&message, 1, &[], &source, &dest, icmp);
    message[2..4].copy_from_slice(&sum.to_be_bytes());
    message
}

/// A UDP datagram over IPv6 with its checksum, which it can't do without.
pub(crate) fn udp6_signed(
    source: Ipv6Addr,
    dest: Ipv6Addr,
    mut datagram: Vec<u8>,
) -> Vec<u8> {
    let udp = IpNextHeaderProtocols::Udp;
    let sum = ipv6_checksum(&datagram, 3, &[], &source, &dest, udp);
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    datagram
}
