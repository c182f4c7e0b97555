//! What a host says that speaks mDNS (RFC 6762).

use std::net::{Ipv4Addr, Ipv6Addr};

use fabric::Mac;
use pnet::packet::Packet;
use pnet::packet::ethernet::{EtherType, EtherTypes, MutableEthernetPacket};
use pnet::packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet::packet::ipv4::{self, MutableIpv4Packet};
use pnet::packet::ipv6::MutableIpv6Packet;
use pnet::util::{MacAddr, checksum, ipv6_checksum};

use crate::{LINK_LOCAL, VM};

/// Where it is spoken.
pub(crate) const MDNS_V4: Ipv4Addr = Ipv4Addr::new(224, 0, 0, 251);
pub(crate) const MDNS_V6: &str = "ff02::fb";
pub(crate) const MDNS_PORT: u16 = 5353;
/// What is said.
pub(crate) const TEXT: &[u8] = b"who is there?";

fn framed(dest: [u8; 6], kind: EtherType, packet: &[u8]) -> Vec<u8> {
    let room = MutableEthernetPacket::minimum_packet_size() + packet.len();
    let mut frame =
        MutableEthernetPacket::owned(vec![0; room]).expect("it has room");
    let own: Mac = VM.parse().expect("it is one");
    frame.set_destination(MacAddr::from(dest));
    frame.set_source(MacAddr::from(own.octets()));
    frame.set_ethertype(kind);
    frame.set_payload(packet);
    frame.packet().to_vec()
}

/// IPv4 to the group of mDNS, with these options.
fn to_mdns4(
    own: Ipv4Addr,
    protocol: IpNextHeaderProtocol,
    options: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let header = 20 + options.len();
    let bytes = [&[0; 20], options, payload].concat();
    let length = u16::try_from(bytes.len()).expect("it is short");
    let mut packet = MutableIpv4Packet::owned(bytes).expect("it has room");
    packet.set_version(4);
    packet.set_header_length(u8::try_from(header / 4).expect("it is short"));
    packet.set_total_length(length);
    packet.set_ttl(1);
    packet.set_next_level_protocol(protocol);
    packet.set_source(own);
    packet.set_destination(MDNS_V4);
    packet.set_checksum(ipv4::checksum(&packet.to_immutable()));
    framed([1, 0, 0x5e, 0, 0, 0xfb], EtherTypes::Ipv4, packet.packet())
}

/// RFC 2236, behind the option that has routers look (RFC 2113).
pub(crate) fn igmp_report(own: Ipv4Addr) -> Vec<u8> {
    let mut report = [&[0x16, 0, 0, 0], &MDNS_V4.octets()[..]].concat();
    let sum = checksum(&report, 1);
    report[2..4].copy_from_slice(&sum.to_be_bytes());
    to_mdns4(own, IpNextHeaderProtocols::Igmp, &[0x94, 4, 0, 0], &report)
}

/// A datagram without a checksum.
fn datagram() -> Vec<u8> {
    let length = u16::try_from(8 + TEXT.len()).expect("it is short");
    let port = MDNS_PORT.to_be_bytes();
    [&port, &port, &length.to_be_bytes(), &[0, 0], TEXT].concat()
}

pub(crate) fn mdns4(own: Ipv4Addr) -> Vec<u8> {
    to_mdns4(own, IpNextHeaderProtocols::Udp, &[], &datagram())
}

pub(crate) fn mdns6() -> Vec<u8> {
    let [own, dest]: [Ipv6Addr; 2] =
        [LINK_LOCAL, MDNS_V6].map(|ip| ip.parse().expect("it is an address"));
    let (mut datagram, udp) = (datagram(), IpNextHeaderProtocols::Udp);
    let sum = ipv6_checksum(&datagram, 3, &[], &own, &dest, udp);
    datagram[6..8].copy_from_slice(&sum.to_be_bytes());
    let bytes = [&[0; 40], &datagram[..]].concat();
    let mut packet = MutableIpv6Packet::owned(bytes).expect("it has room");
    packet.set_version(6);
    let length = u16::try_from(datagram.len()).expect("it is short");
    packet.set_payload_length(length);
    packet.set_next_header(udp);
    packet.set_hop_limit(255);
    packet.set_source(own);
    packet.set_destination(dest);
    framed([0x33, 0x33, 0, 0, 0, 0xfb], EtherTypes::Ipv6, packet.packet())
}
