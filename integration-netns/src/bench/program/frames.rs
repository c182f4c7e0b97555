//! The frames that are measured: what a guest sends to its neighbour.

use pnet::packet::Packet;
use pnet::packet::arp::{ArpHardwareTypes, ArpOperations, MutableArpPacket};
use pnet::packet::ethernet::{EtherType, EtherTypes, MutableEthernetPacket};
use pnet::packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet::packet::ipv4::MutableIpv4Packet;
use pnet::packet::ipv6::MutableIpv6Packet;
use pnet::packet::tcp::MutableTcpPacket;
use pnet::packet::udp::MutableUdpPacket;
use pnet::util::MacAddr;

use super::guests::{IP, IP6, MAC, OTHER_IP, OTHER_IP6, OTHER_MAC};

/// A frame's name and how to make it.
type Frame = (&'static str, fn() -> Vec<u8>);

pub(super) const FRAMES: [Frame; 5] = [
    ("IPv4 UDP", || ipv4(IpNextHeaderProtocols::Udp, &udp())),
    ("IPv4 TCP", || ipv4(IpNextHeaderProtocols::Tcp, &tcp())),
    ("IPv6 UDP", || ipv6(IpNextHeaderProtocols::Udp, &udp())),
    ("IPv6 TCP", || ipv6(IpNextHeaderProtocols::Tcp, &tcp())),
    ("ARP", arp),
];

/// A station of no service, so that the guard has no message to read.
const PORT: u16 = 4711;

/// How much data a datagram has: with IPv4, a frame of 64 bytes.
const DATA: usize = 18;

fn udp() -> Vec<u8> {
    let room = MutableUdpPacket::minimum_packet_size() + DATA;
    let mut udp = MutableUdpPacket::owned(vec![0; room]).expect("room enough");
    udp.set_source(PORT);
    udp.set_destination(PORT);
    udp.set_length(length(room));
    udp.packet().to_vec()
}

fn tcp() -> Vec<u8> {
    let room = MutableTcpPacket::minimum_packet_size() + DATA;
    let mut tcp = MutableTcpPacket::owned(vec![0; room]).expect("room enough");
    tcp.set_source(PORT);
    tcp.set_destination(PORT);
    tcp.set_data_offset(5);
    tcp.packet().to_vec()
}

fn ipv4(protocol: IpNextHeaderProtocol, payload: &[u8]) -> Vec<u8> {
    let room = MutableIpv4Packet::minimum_packet_size() + payload.len();
    let mut ip = MutableIpv4Packet::owned(vec![0; room]).expect("room enough");
    ip.set_version(4);
    ip.set_header_length(5);
    ip.set_total_length(length(room));
    ip.set_ttl(64);
    ip.set_next_level_protocol(protocol);
    ip.set_source(IP);
    ip.set_destination(OTHER_IP);
    ip.set_payload(payload);
    ethernet(EtherTypes::Ipv4, ip.packet())
}

fn ipv6(protocol: IpNextHeaderProtocol, payload: &[u8]) -> Vec<u8> {
    let room = MutableIpv6Packet::minimum_packet_size() + payload.len();
    let mut ip = MutableIpv6Packet::owned(vec![0; room]).expect("room enough");
    ip.set_version(6);
    ip.set_payload_length(length(payload.len()));
    ip.set_next_header(protocol);
    ip.set_hop_limit(64);
    ip.set_source(IP6);
    ip.set_destination(OTHER_IP6);
    ip.set_payload(payload);
    ethernet(EtherTypes::Ipv6, ip.packet())
}

/// An answer: a request would go to everybody.
fn arp() -> Vec<u8> {
    let room = MutableArpPacket::minimum_packet_size();
    let mut arp = MutableArpPacket::owned(vec![0; room]).expect("room enough");
    arp.set_hardware_type(ArpHardwareTypes::Ethernet);
    arp.set_protocol_type(EtherTypes::Ipv4);
    arp.set_hw_addr_len(6);
    arp.set_proto_addr_len(4);
    arp.set_operation(ArpOperations::Reply);
    arp.set_sender_hw_addr(MacAddr::from(MAC));
    arp.set_sender_proto_addr(IP);
    arp.set_target_hw_addr(MacAddr::from(OTHER_MAC));
    arp.set_target_proto_addr(OTHER_IP);
    ethernet(EtherTypes::Arp, arp.packet())
}

fn ethernet(kind: EtherType, payload: &[u8]) -> Vec<u8> {
    let room = MutableEthernetPacket::minimum_packet_size() + payload.len();
    // What Ethernet carries at least, without its checksum.
    let frame = vec![0; room.max(60)];
    let mut frame = MutableEthernetPacket::owned(frame).expect("room enough");
    frame.set_destination(MacAddr::from(OTHER_MAC));
    frame.set_source(MacAddr::from(MAC));
    frame.set_ethertype(kind);
    frame.set_payload(payload);
    frame.packet().to_vec()
}

fn length(length: usize) -> u16 {
    u16::try_from(length).expect("frames are small")
}
