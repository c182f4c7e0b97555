//! What a frame must have to be in a flow.

use std::num::NonZeroU16;

use serde::{Deserialize, Serialize};

use super::{
    DsField, FlowAttr, FlowAttrName, FlowAttrsError, FlowIp, Transport,
};
use crate::IpFamily;

/// What a frame must have to be in a flow: at least one attribute, each once,
/// and none that contradicts another.
///
/// Its text is the list that `flowadm add-flow -a` takes, `local_ip` first and
/// `dsfield` last; its JSON form an object with the attributes' names.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "Given", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowAttrs {
    /// The addresses on the VNIC's side: one address, or a CIDR prefix.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "192.168.1.7/32")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    local_ip: Option<FlowIp>,
    /// The addresses on the other side, of the same version of IP.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "10.0.0.0/8")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_ip: Option<FlowIp>,
    /// `tcp`, `udp`, `sctp`, `icmp` (IPv4) or `icmpv6` (IPv6).
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "tcp")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    transport: Option<Transport>,
    /// The port on the VNIC's side, of `tcp`, `udp` or `sctp`.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u16>, minimum = 1, maximum = 65535)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    local_port: Option<NonZeroU16>,
    /// The port on the other side, of `tcp`, `udp` or `sctp`.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u16>, minimum = 1, maximum = 65535)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    remote_port: Option<NonZeroU16>,
    /// The DS field (RFC 2474): a value and the bits of it that count.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "0xb8:0xfc")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    dsfield: Option<DsField>,
}

/// The attributes as they come, before they are known to fit together.
#[derive(Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Given {
    local_ip: Option<FlowIp>,
    remote_ip: Option<FlowIp>,
    transport: Option<Transport>,
    local_port: Option<NonZeroU16>,
    remote_port: Option<NonZeroU16>,
    dsfield: Option<DsField>,
}

impl FlowAttrs {
    /// The addresses on the VNIC's side.
    #[must_use]
    pub fn local_ip(&self) -> Option<FlowIp> {
        self.local_ip
    }

    /// The addresses on the other side.
    #[must_use]
    pub fn remote_ip(&self) -> Option<FlowIp> {
        self.remote_ip
    }

    /// The protocol above IP.
    #[must_use]
    pub fn transport(&self) -> Option<Transport> {
        self.transport
    }

    /// The port on the VNIC's side. With it there is a transport.
    #[must_use]
    pub fn local_port(&self) -> Option<NonZeroU16> {
        self.local_port
    }

    /// The port on the other side. With it there is a transport.
    #[must_use]
    pub fn remote_port(&self) -> Option<NonZeroU16> {
        self.remote_port
    }

    /// The DS field.
    #[must_use]
    pub fn dsfield(&self) -> Option<DsField> {
        self.dsfield
    }

    /// The version of IP of its addresses, if it has any.
    #[must_use]
    pub fn family(&self) -> Option<IpFamily> {
        self.local_ip.or(self.remote_ip).map(FlowIp::family)
    }

    /// The attributes, in the order of [`FlowAttrName::ALL`].
    pub fn iter(&self) -> impl Iterator<Item = FlowAttr> + use<> {
        [
            self.local_ip.map(FlowAttr::LocalIp),
            self.remote_ip.map(FlowAttr::RemoteIp),
            self.transport.map(FlowAttr::Transport),
            self.local_port.map(FlowAttr::LocalPort),
            self.remote_port.map(FlowAttr::RemotePort),
            self.dsfield.map(FlowAttr::DsField),
        ]
        .into_iter()
        .flatten()
    }

    /// Which addresses, as `show-flow` prints them: `LCL:10.0.0.1/32`,
    /// `RMT:10.0.0.0/8`, both with a comma between, or nothing.
    #[must_use]
    pub fn addresses(&self) -> String {
        let local = self.local_ip.map(|ip| format!("LCL:{ip}"));
        let remote = self.remote_ip.map(|ip| format!("RMT:{ip}"));
        let both: Vec<String> = local.into_iter().chain(remote).collect();
        both.join(",")
    }
}

impl TryFrom<Vec<FlowAttr>> for FlowAttrs {
    type Error = FlowAttrsError;

    /// Checks a list, in any order.
    fn try_from(list: Vec<FlowAttr>) -> Result<Self, FlowAttrsError> {
        let mut given = Given::default();
        for attr in list {
            let twice = match attr {
                FlowAttr::LocalIp(ip) => given.local_ip.replace(ip).is_some(),
                FlowAttr::RemoteIp(ip) => given.remote_ip.replace(ip).is_some(),
                FlowAttr::Transport(transport) => {
                    given.transport.replace(transport).is_some()
                }
                FlowAttr::LocalPort(port) => {
                    given.local_port.replace(port).is_some()
                }
                FlowAttr::RemotePort(port) => {
                    given.remote_port.replace(port).is_some()
                }
                FlowAttr::DsField(field) => {
                    given.dsfield.replace(field).is_some()
                }
            };
            if twice {
                return Err(FlowAttrsError::Twice(attr.name()));
            }
        }
        given.try_into()
    }
}

impl TryFrom<Given> for FlowAttrs {
    type Error = FlowAttrsError;

    fn try_from(given: Given) -> Result<Self, FlowAttrsError> {
        let Given {
            local_ip,
            remote_ip,
            transport,
            local_port,
            remote_port,
            dsfield,
        } = given;
        let attrs = Self {
            local_ip,
            remote_ip,
            transport,
            local_port,
            remote_port,
            dsfield,
        };
        if attrs.iter().next().is_none() {
            return Err(FlowAttrsError::Nothing);
        }
        let local = local_port.map(|_| FlowAttrName::LocalPort);
        let remote = remote_port.map(|_| FlowAttrName::RemotePort);
        if let Some(port) = local.or(remote) {
            let transport =
                transport.ok_or(FlowAttrsError::PortAlone { port })?;
            if !transport.has_ports() {
                return Err(FlowAttrsError::NoPorts { port, transport });
            }
        }
        if let (Some(local), Some(remote)) = (local_ip, remote_ip)
            && local.family() != remote.family()
        {
            return Err(FlowAttrsError::Families { local, remote });
        }
        if let Some(transport) = transport
            && let (Some(only), Some(family)) =
                (transport.family(), attrs.family())
            && only != family
        {
            return Err(FlowAttrsError::TransportOf { transport, family });
        }
        Ok(attrs)
    }
}
