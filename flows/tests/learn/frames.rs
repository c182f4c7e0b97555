//! Frames as guests, servers and routers send them.

use std::net::{Ipv4Addr, Ipv6Addr};

use pnet::packet::Packet;
use pnet::packet::ethernet::{EtherType, EtherTypes, MutableEthernetPacket};
use pnet::packet::icmpv6::ndp::{
    MutableRouterAdvertPacket, NdpOption, NdpOptionTypes,
};
use pnet::packet::icmpv6::{Icmpv6Code, Icmpv6Types};
use pnet::packet::ip::{IpNextHeaderProtocol, IpNextHeaderProtocols};
use pnet::packet::ipv4::MutableIpv4Packet;
use pnet::packet::ipv6::MutableIpv6Packet;
use pnet::packet::udp::MutableUdpPacket;
use pnet::util::MacAddr;

/// The server's and router's addresses.
pub(crate) const SERVER4: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 1);
pub(crate) const SERVER6: Ipv6Addr =
    Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 0xaa);
/// Any link-local address of a guest's.
const GUEST6: Ipv6Addr = Ipv6Addr::new(0xfe80, 0, 0, 0, 0, 0, 0, 1);
/// RFC 791: an option that is only there to fill.
const NO_OPERATION: u8 = 1;
/// The group of all DHCPv6 servers, or of all nodes.
const GROUP: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];

pub(crate) fn ethernet(
    (src, dst): ([u8; 6], [u8; 6]),
    kind: EtherType,
    payload: &[u8],
) -> Vec<u8> {
    let mut packet =
        MutableEthernetPacket::owned(vec![0; 14 + payload.len()]).unwrap();
    packet.set_destination(MacAddr::from(dst));
    packet.set_source(MacAddr::from(src));
    packet.set_ethertype(kind);
    packet.set_payload(payload);
    packet.packet().to_vec()
}

fn udp((from, to): (u16, u16), payload: &[u8]) -> Vec<u8> {
    let length = 8 + payload.len();
    let mut packet = MutableUdpPacket::owned(vec![0; length]).unwrap();
    packet.set_source(from);
    packet.set_destination(to);
    packet.set_length(u16::try_from(length).unwrap());
    packet.set_payload(payload);
    packet.packet().to_vec()
}

/// A UDP datagram in IPv4, with the frame's padding behind it.
pub(crate) fn udp4(
    macs: ([u8; 6], [u8; 6]),
    source: Ipv4Addr,
    ports: (u16, u16),
    payload: &[u8],
) -> Vec<u8> {
    udp4_with(macs, source, ports, payload, 0, 0)
}

/// The same with as many words of options, and with a fragment's field.
pub(crate) fn udp4_with(
    macs: ([u8; 6], [u8; 6]),
    source: Ipv4Addr,
    ports: (u16, u16),
    payload: &[u8],
    options: u8,
    fragment: u16,
) -> Vec<u8> {
    let datagram = udp(ports, payload);
    let header = 20 + usize::from(options) * 4;
    let length = header + datagram.len();
    let mut packet = MutableIpv4Packet::owned(vec![0; length]).unwrap();
    packet.set_version(4);
    packet.set_header_length(5 + options);
    packet.set_total_length(u16::try_from(length).unwrap());
    packet.set_next_level_protocol(IpNextHeaderProtocols::Udp);
    packet.set_source(source);
    packet.set_destination(Ipv4Addr::BROADCAST);
    packet.set_flags(u8::try_from(fragment >> 13).unwrap());
    packet.set_fragment_offset(fragment & 0x1fff);
    let (head, _) = packet.packet().split_at(20);
    let options = vec![NO_OPERATION; header - 20];
    let packet = [head, &options, &datagram, &[0xee; 9]].concat();
    ethernet(macs, EtherTypes::Ipv4, &packet)
}

fn ipv6(
    macs: ([u8; 6], [u8; 6]),
    (source, hops): (Ipv6Addr, u8),
    protocol: IpNextHeaderProtocol,
    payload: &[u8],
) -> Vec<u8> {
    let length = 40 + payload.len();
    let mut packet = MutableIpv6Packet::owned(vec![0; length]).unwrap();
    packet.set_version(6);
    packet.set_payload_length(u16::try_from(payload.len()).unwrap());
    packet.set_next_header(protocol);
    packet.set_hop_limit(hops);
    packet.set_source(source);
    packet.set_payload(payload);
    ethernet(macs, EtherTypes::Ipv6, packet.packet())
}

/// A UDP datagram in IPv6.
pub(crate) fn udp6(
    macs: ([u8; 6], [u8; 6]),
    source: Ipv6Addr,
    ports: (u16, u16),
    payload: &[u8],
) -> Vec<u8> {
    let datagram = udp(ports, payload);
    ipv6(macs, (source, 64), IpNextHeaderProtocols::Udp, &datagram)
}

/// The same behind a header of destination options.
pub(crate) fn hidden_udp6(
    macs: ([u8; 6], [u8; 6]),
    ports: (u16, u16),
    payload: &[u8],
) -> Vec<u8> {
    let header = [17, 0, 1, 4, 0, 0, 0, 0];
    let hidden = [&header[..], &udp(ports, payload)].concat();
    let source = (SERVER6, 64);
    ipv6(macs, source, IpNextHeaderProtocols::Ipv6Opts, &hidden)
}

/// A guest's message to DHCP servers.
pub(crate) fn to_servers4(src: [u8; 6], message: &[u8]) -> Vec<u8> {
    let macs = (src, [0xff; 6]);
    udp4(macs, Ipv4Addr::UNSPECIFIED, (68, 67), message)
}

/// The server's message to DHCP clients.
pub(crate) fn to_client4(dst: [u8; 6], message: &[u8]) -> Vec<u8> {
    udp4((crate::SERVER, dst), SERVER4, (67, 68), message)
}

/// A guest's message to DHCPv6 servers.
pub(crate) fn to_servers6(src: [u8; 6], message: &[u8]) -> Vec<u8> {
    udp6((src, GROUP), GUEST6, (546, 547), message)
}

/// The server's message to a DHCPv6 client.
pub(crate) fn to_client6(dst: [u8; 6], message: &[u8]) -> Vec<u8> {
    udp6((crate::SERVER, dst), SERVER6, (547, 546), message)
}

/// A prefix as a router announces it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Prefix {
    pub(crate) prefix: Ipv6Addr,
    pub(crate) length: u8,
    pub(crate) flags: u8,
    pub(crate) valid: u32,
    pub(crate) preferred: u32,
}

impl Prefix {
    /// One that addresses are to be made of.
    pub(crate) fn new(prefix: &str, valid: u32) -> Self {
        let prefix = prefix.parse().unwrap();
        // On-link and autonomous.
        Self { prefix, length: 64, flags: 0xc0, valid, preferred: 0 }
    }
}

/// A router advertisement.
pub(crate) struct Advertisement {
    pub(crate) macs: ([u8; 6], [u8; 6]),
    pub(crate) source: Ipv6Addr,
    pub(crate) hops: u8,
    pub(crate) code: u8,
    pub(crate) prefixes: Vec<Prefix>,
    /// Any bytes behind the options.
    pub(crate) rest: Vec<u8>,
}

impl Advertisement {
    pub(crate) fn new(prefixes: &[Prefix]) -> Self {
        Self {
            macs: (crate::SERVER, GROUP),
            source: SERVER6,
            hops: 255,
            code: 0,
            prefixes: prefixes.to_vec(),
            rest: Vec::new(),
        }
    }

    pub(crate) fn frame(&self) -> Vec<u8> {
        let option = |it: &Prefix| NdpOption {
            option_type: NdpOptionTypes::PrefixInformation,
            length: 4,
            data: [
                &[it.length, it.flags][..],
                &it.valid.to_be_bytes(),
                &it.preferred.to_be_bytes(),
                &[0; 4],
                &it.prefix.octets(),
            ]
            .concat(),
        };
        // The router's own address comes first, as it does mostly.
        let source = NdpOption {
            option_type: NdpOptionTypes::SourceLLAddr,
            length: 1,
            data: self.macs.0.to_vec(),
        };
        let options: Vec<_> = std::iter::once(source)
            .chain(self.prefixes.iter().map(option))
            .collect();
        let length = 16 + 8 + self.prefixes.len() * 32;
        let mut packet =
            MutableRouterAdvertPacket::owned(vec![0; length]).unwrap();
        packet.set_icmpv6_type(Icmpv6Types::RouterAdvert);
        packet.set_icmpv6_code(Icmpv6Code(self.code));
        packet.set_options(&options);
        let message = [packet.packet(), &self.rest].concat();
        let from = (self.source, self.hops);
        ipv6(self.macs, from, IpNextHeaderProtocols::Icmpv6, &message)
    }
}
