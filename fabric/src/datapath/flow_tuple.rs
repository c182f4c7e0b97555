//! What flows ask of a frame, as the tables have it.

use std::net::IpAddr;
use std::num::NonZeroU16;

use crate::{FlowAttrs, FlowIp, IpFamily, Transport};

/// What flows ask of a frame, in fields of fixed width.
///
/// A field that the frame does not have is zero, and so is one that a mask takes
/// out. No flow asks for zero anywhere, so a missing field matches nothing. An
/// address of IPv4 is in the first four bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowTuple {
    /// The address on the VNIC's side, as on the wire.
    pub local: [u8; 16],
    /// The address on the other side.
    pub remote: [u8; 16],
    /// The port on the VNIC's side.
    pub local_port: u16,
    /// The port on the other side.
    pub remote_port: u16,
    /// The protocol above IP, by its number.
    pub protocol: u8,
    /// The DS field.
    pub dsfield: u8,
    /// The version of IP: 4 or 6.
    pub family: u8,
}

impl FlowTuple {
    /// What is in a frame that a flow asks for, as far as it asks.
    #[must_use]
    pub fn of(attrs: &FlowAttrs) -> Self {
        let port = |port: Option<NonZeroU16>| port.map_or(0, NonZeroU16::get);
        let ip = |ip: Option<FlowIp>| {
            ip.map_or([0; 16], |ip| Self::address(ip.address()))
        };
        Self {
            local: ip(attrs.local_ip()),
            remote: ip(attrs.remote_ip()),
            local_port: port(attrs.local_port()),
            remote_port: port(attrs.remote_port()),
            protocol: attrs.transport().map_or(0, Transport::protocol),
            dsfield: attrs.dsfield().map_or(0, |field| field.value()),
            family: attrs.family().map_or(0, Self::version),
        }
    }

    /// An address as it stands in a tuple.
    #[must_use]
    pub fn address(address: IpAddr) -> [u8; 16] {
        match address {
            IpAddr::V4(ip) => {
                let mut bytes = [0; 16];
                bytes[..4].copy_from_slice(&ip.octets());
                bytes
            }
            IpAddr::V6(ip) => ip.octets(),
        }
    }

    /// A version of IP as it stands in a tuple.
    #[must_use]
    pub fn version(family: IpFamily) -> u8 {
        match family {
            IpFamily::V4 => 4,
            IpFamily::V6 => 6,
        }
    }

    /// The bits that are set in both.
    #[must_use]
    pub fn masked(&self, mask: &Self) -> Self {
        let both = |a: [u8; 16], b: [u8; 16]| {
            (u128::from_ne_bytes(a) & u128::from_ne_bytes(b)).to_ne_bytes()
        };
        Self {
            local: both(self.local, mask.local),
            remote: both(self.remote, mask.remote),
            local_port: self.local_port & mask.local_port,
            remote_port: self.remote_port & mask.remote_port,
            protocol: self.protocol & mask.protocol,
            dsfield: self.dsfield & mask.dsfield,
            family: self.family & mask.family,
        }
    }
}
