//! From a frame to the message in it.
//!
//! Stricter than the guard, which must not stop what it can't read: here
//! nothing is lost with a frame that is odd. So a whole packet, in one piece,
//! and IPv6 without extension headers. The guard drops DHCP in pieces, and
//! servers and routers put no header between (RFC 6980 forbids the pieces).

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fabric::Mac;

const IPV4: [u8; 2] = 0x0800_u16.to_be_bytes();
const IPV6: [u8; 2] = 0x86dd_u16.to_be_bytes();
const UDP: u8 = 17;
const ICMPV6: u8 = 58;

/// What a frame is, as far as it matters here.
pub(super) struct Frame<'a> {
    pub(super) destination: Mac,
    pub(super) source: Mac,
    pub(super) packet: Packet<'a>,
}

impl Frame<'_> {
    /// Whether a station takes the frame in that has these addresses: all
    /// take in those for a group.
    pub(super) fn is_for(&self, macs: &[Mac]) -> bool {
        let group = self.destination.octets()[0] & 1 == 1;
        group || macs.contains(&self.destination)
    }
}

/// An IP packet.
pub(super) struct Packet<'a> {
    pub(super) source: IpAddr,
    /// How many routers it may still pass, of 255 at most.
    pub(super) hops: u8,
    pub(super) content: Content<'a>,
}

/// What is in an IP packet.
pub(super) enum Content<'a> {
    /// A datagram, from one port to another.
    Udp { from: u16, to: u16, payload: &'a [u8] },
    /// A message from its type on.
    Icmpv6(&'a [u8]),
}

/// Reads a frame; none: nothing in it matters, or it is not whole.
pub(super) fn read(frame: &[u8]) -> Option<Frame<'_>> {
    let (destination, rest) = frame.split_first_chunk()?;
    let (source, rest) = rest.split_first_chunk()?;
    let (kind, packet) = rest.split_first_chunk()?;
    let packet = match *kind {
        IPV4 => ipv4(packet)?,
        IPV6 => ipv6(packet)?,
        _ => return None,
    };
    let (destination, source) = (Mac::new(*destination), Mac::new(*source));
    Some(Frame { destination, source, packet })
}

/// RFC 791, with options or without.
fn ipv4(packet: &[u8]) -> Option<Packet<'_>> {
    let header: &[u8; 20] = packet.first_chunk()?;
    let (version, words) = (header[0] >> 4, usize::from(header[0] & 0xf));
    let length = usize::from(u16::from_be_bytes([header[2], header[3]]));
    // More fragments, and the offset.
    let fragment = u16::from_be_bytes([header[6], header[7]]) & 0x3fff != 0;
    if version != 4 || words < 5 || fragment || header[9] != UDP {
        return None;
    }
    let [a, b, c, d] = [header[12], header[13], header[14], header[15]];
    Some(Packet {
        source: IpAddr::V4(Ipv4Addr::new(a, b, c, d)),
        hops: header[8],
        content: udp(packet.get(words * 4..length)?)?,
    })
}

/// RFC 8200, without extension headers.
fn ipv6(packet: &[u8]) -> Option<Packet<'_>> {
    let (header, rest) = packet.split_first_chunk::<40>()?;
    let length = usize::from(u16::from_be_bytes([header[4], header[5]]));
    let payload = rest.get(..length)?;
    if header[0] >> 4 != 6 {
        return None;
    }
    let source: [u8; 16] = *header[8..].first_chunk()?;
    let content = match header[6] {
        UDP => udp(payload)?,
        ICMPV6 => Content::Icmpv6(payload),
        _ => return None,
    };
    let source = IpAddr::V6(Ipv6Addr::from(source));
    Some(Packet { source, hops: header[7], content })
}

/// RFC 768. What the packet has beyond the datagram is not part of it.
fn udp(bytes: &[u8]) -> Option<Content<'_>> {
    let header: &[u8; 8] = bytes.first_chunk()?;
    let word = |at| u16::from_be_bytes([header[at], header[at + 1]]);
    let payload = bytes.get(header.len()..usize::from(word(4)))?;
    Some(Content::Udp { from: word(0), to: word(2), payload })
}

/// Whether a host may have this address. What is left out: an address of
/// "this network" (RFC 1122, 3.2.1.3), loopback, groups and everybody; in
/// IPv6 what RFC 4291 reserves at the low end, where loopback and IPv4 in
/// disguise are, groups, and link-local addresses, which a host gives itself.
pub(super) fn is_host(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(ip) => {
            let low = matches!(ip.octets()[0], 0 | 127);
            !low && !ip.is_multicast() && !ip.is_broadcast()
        }
        IpAddr::V6(ip) => {
            let low = ip.segments()[..4] == [0; 4];
            !low && !ip.is_multicast() && !ip.is_unicast_link_local()
        }
    }
}
