//! What a frame shows of itself to flows.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fabric::datapath::FlowTuple;

use crate::classify::Direction;
use crate::headers::{
    ETHERNET, IPV4, IPV4_OFFSET, IPV6, behind_extensions, part, read,
};

/// What flows can ask of a frame, seen from its VNIC.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Fields {
    pub(crate) local: IpAddr,
    pub(crate) remote: IpAddr,
    pub(crate) dsfield: u8,
    /// None in a later fragment, and where the chain of IPv6 headers can't be
    /// followed to its end.
    pub(crate) protocol: Option<u8>,
    /// The local and the remote port, if the frame has both: what would be ports
    /// of any protocol. A flow that asks for one asks for a transport that has
    /// ports, too.
    pub(crate) ports: Option<[u16; 2]>,
}

impl Fields {
    /// Reads a frame; none if it is not IP, or lacks a part of the IP header.
    ///
    /// It reads what bytes there are and asks no length that the packet says to
    /// have: a large (GSO) frame may say 0, and whoever lies about it is heard by
    /// nobody.
    pub(crate) fn of(frame: &[u8], direction: Direction) -> Option<Self> {
        let kind = read(frame, 12, ETHERNET).map(u16::from_be_bytes);
        let mut fields = match kind? {
            IPV4 => Self::ipv4(frame),
            IPV6 => Self::ipv6(frame),
            _ => None,
        }?;
        // So far local is the source, as in what the guest sends.
        if direction == Direction::ToVnic {
            std::mem::swap(&mut fields.local, &mut fields.remote);
            fields.ports = fields.ports.map(|[from, to]| [to, from]);
        }
        Some(fields)
    }

    /// RFC 791.
    fn ipv4(frame: &[u8]) -> Option<Self> {
        let header: [u8; 20] = read(frame, ETHERNET, frame.len())?;
        let (version, words) = (header[0] >> 4, usize::from(header[0] & 0xf));
        if version != 4 || words < 5 {
            return None;
        }
        let fragment = u16::from_be_bytes(part(&header, 6));
        let first = fragment & IPV4_OFFSET == 0;
        let protocol = first.then_some(header[9]);
        let at = ETHERNET + words * 4;
        Some(Self {
            local: Ipv4Addr::from(part::<4>(&header, 12)).into(),
            remote: Ipv4Addr::from(part::<4>(&header, 16)).into(),
            dsfield: header[1],
            protocol,
            ports: protocol.and_then(|_| ports(frame, at)),
        })
    }

    /// RFC 8200.
    fn ipv6(frame: &[u8]) -> Option<Self> {
        let header: [u8; 40] = read(frame, ETHERNET, frame.len())?;
        if header[0] >> 4 != 6 {
            return None;
        }
        let at = ETHERNET + header.len();
        let carried = behind_extensions(frame, header[6], at, frame.len());
        let carried = carried.ok().flatten();
        Some(Self {
            local: Ipv6Addr::from(part::<16>(&header, 8)).into(),
            remote: Ipv6Addr::from(part::<16>(&header, 24)).into(),
            dsfield: header[0] << 4 | header[1] >> 4,
            protocol: carried.as_ref().map(|carried| carried.protocol),
            ports: carried.and_then(|carried| ports(frame, carried.at)),
        })
    }

    /// The same as the tables have it.
    pub(crate) fn tuple(&self) -> FlowTuple {
        let [local_port, remote_port] = self.ports.unwrap_or_default();
        FlowTuple {
            local: FlowTuple::address(self.local),
            remote: FlowTuple::address(self.remote),
            local_port,
            remote_port,
            protocol: self.protocol.unwrap_or_default(),
            dsfield: self.dsfield,
            family: if self.local.is_ipv4() { 4 } else { 6 },
        }
    }
}

/// The source's and the destination's port.
fn ports(frame: &[u8], at: usize) -> Option<[u16; 2]> {
    let [a, b, c, d] = read(frame, at, frame.len())?;
    Some([u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d])])
}
