//! One attribute of a flow.

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use super::{DsField, FlowIp, FlowValueError, Transport};

/// The name of an attribute, in the case in which it must be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowAttrName {
    /// `local_ip`
    LocalIp,
    /// `remote_ip`
    RemoteIp,
    /// `transport`
    Transport,
    /// `local_port`
    LocalPort,
    /// `remote_port`
    RemotePort,
    /// `dsfield`
    DsField,
}

impl FlowAttrName {
    /// All, in the order of libdladm's table.
    pub const ALL: [Self; 6] = [
        Self::LocalIp,
        Self::RemoteIp,
        Self::Transport,
        Self::LocalPort,
        Self::RemotePort,
        Self::DsField,
    ];

    /// The name as text.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::LocalIp => "local_ip",
            Self::RemoteIp => "remote_ip",
            Self::Transport => "transport",
            Self::LocalPort => "local_port",
            Self::RemotePort => "remote_port",
            Self::DsField => "dsfield",
        }
    }
}

impl fmt::Display for FlowAttrName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// One attribute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FlowAttr {
    /// The addresses on the VNIC's side.
    LocalIp(FlowIp),
    /// The addresses on the other side.
    RemoteIp(FlowIp),
    /// The protocol above IP.
    Transport(Transport),
    /// The port on the VNIC's side.
    LocalPort(NonZeroU16),
    /// The port on the other side.
    RemotePort(NonZeroU16),
    /// The DS field.
    DsField(DsField),
}

impl FlowAttr {
    /// Reads the value of an attribute.
    ///
    /// # Errors
    /// [`FlowValueError`] says which rule was broken.
    pub fn parse(
        name: FlowAttrName,
        value: &str,
    ) -> Result<Self, FlowValueError> {
        Ok(match name {
            FlowAttrName::LocalIp => Self::LocalIp(value.parse()?),
            FlowAttrName::RemoteIp => Self::RemoteIp(value.parse()?),
            FlowAttrName::Transport => Self::Transport(value.parse()?),
            FlowAttrName::LocalPort => Self::LocalPort(port(value)?),
            FlowAttrName::RemotePort => Self::RemotePort(port(value)?),
            FlowAttrName::DsField => Self::DsField(value.parse()?),
        })
    }

    /// Which attribute it is.
    #[must_use]
    pub fn name(self) -> FlowAttrName {
        match self {
            Self::LocalIp(_) => FlowAttrName::LocalIp,
            Self::RemoteIp(_) => FlowAttrName::RemoteIp,
            Self::Transport(_) => FlowAttrName::Transport,
            Self::LocalPort(_) => FlowAttrName::LocalPort,
            Self::RemotePort(_) => FlowAttrName::RemotePort,
            Self::DsField(_) => FlowAttrName::DsField,
        }
    }
}

impl fmt::Display for FlowAttr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name();
        match self {
            Self::LocalIp(ip) | Self::RemoteIp(ip) => write!(f, "{name}={ip}"),
            Self::Transport(transport) => write!(f, "{name}={transport}"),
            Self::LocalPort(port) | Self::RemotePort(port) => {
                write!(f, "{name}={port}")
            }
            Self::DsField(field) => write!(f, "{name}={field}"),
        }
    }
}

/// A port in decimal digits.
fn port(text: &str) -> Result<NonZeroU16, FlowValueError> {
    let digits = Some(text).filter(|t| t.bytes().all(|b| b.is_ascii_digit()));
    let port = digits.and_then(|digits| NonZeroU16::from_str(digits).ok());
    port.ok_or(FlowValueError::Port)
}
