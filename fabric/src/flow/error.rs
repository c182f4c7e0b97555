//! What can be wrong with attributes, one by one and together.

use super::{FlowAttrName, FlowIp, Transport};
use crate::{IpFamily, Status};

/// Why a text is no value of an attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowValueError {
    /// No address.
    #[error("an address is of IPv4 or IPv6, with a prefix or without")]
    Ip,
    /// A prefix that is no number, 0, or longer than the address.
    #[error("a prefix is at least 1 bit long, and no longer than the address")]
    Prefix,
    /// An address whose prefix has no bit set.
    #[error("nobody has the address zero")]
    ZeroIp,
    /// No protocol that a flow can have.
    #[error("a transport is tcp, udp, sctp, icmp or icmpv6")]
    Transport,
    /// No port, or 0.
    #[error("a port is a number from 1 to 65535")]
    Port,
    /// No value of a DS field, or 0.
    #[error("a DS field is hexadecimal, from 1 to ff")]
    DsField,
    /// No mask of a DS field, or 0.
    #[error("the mask of a DS field is hexadecimal, from 1 to ff")]
    DsFieldMask,
    /// A DS field that no frame has under its mask.
    #[error("the mask {mask:#04x} leaves bits of {value:#04x} out")]
    DsFieldOutside {
        /// The value.
        value: u8,
        /// Its mask.
        mask: u8,
    },
}

impl FlowValueError {
    /// The status word for it.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::Ip => Status::InvalidIp,
            Self::Prefix => Status::InvalidIpPrefix,
            // The kernel of illumos says so, not its library.
            Self::ZeroIp => Status::InvalidArgument,
            Self::Transport => Status::InvalidProtocol,
            Self::Port => Status::InvalidPort,
            Self::DsField | Self::DsFieldOutside { .. } => {
                Status::InvalidDsField
            }
            Self::DsFieldMask => Status::InvalidDsFieldMask,
        }
    }
}

/// Why there is no flow with these attributes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowAttrsError {
    /// A part of a list that is not `attribute=value`.
    #[error("{0:?} is not of the form attribute=value")]
    Form(String),
    /// No attribute of flowadm(8).
    #[error("no attribute is named {0:?}")]
    Unknown(String),
    /// The same attribute again.
    #[error("{0} is there twice")]
    Twice(FlowAttrName),
    /// A value that the attribute can't have.
    #[error("{attr} cannot be {value:?}")]
    Value {
        /// The attribute.
        attr: FlowAttrName,
        /// The text.
        value: String,
        /// Why not.
        source: FlowValueError,
    },
    /// No attribute at all: that would be all of the VNIC's traffic.
    #[error("a flow has at least one attribute")]
    Nothing,
    /// A port of what?
    #[error("{port} needs a transport")]
    PortAlone {
        /// The first port that is there.
        port: FlowAttrName,
    },
    /// A port of a protocol that has none.
    #[error("{transport} has no {port}")]
    NoPorts {
        /// The first port that is there.
        port: FlowAttrName,
        /// The protocol.
        transport: Transport,
    },
    /// IPv4 on one side, IPv6 on the other.
    #[error("no packet is from {local} to {remote}")]
    Families {
        /// The addresses on the VNIC's side.
        local: FlowIp,
        /// Those on the other side.
        remote: FlowIp,
    },
    /// A protocol of one version of IP, addresses of the other.
    #[error("{transport} is not a protocol of {family}")]
    TransportOf {
        /// The protocol.
        transport: Transport,
        /// The addresses' version of IP.
        family: IpFamily,
    },
}

impl FlowAttrsError {
    /// The status word for it. flowadm(8) prints
    /// [`Status::InvalidFlowAttr`] alone, because it finds that out by itself,
    /// and any other after `add flow failed: `.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Form(_) | Self::Unknown(_) | Self::Twice(_) => {
                Status::InvalidFlowAttr
            }
            Self::Value { source, .. } => source.status(),
            Self::PortAlone { .. } => Status::PortNeedsTransport,
            Self::Nothing
            | Self::NoPorts { .. }
            | Self::Families { .. }
            | Self::TransportOf { .. } => Status::InvalidArgument,
        }
    }
}
