//! What travels over netd's socket: HTTP/1.1 with JSON bodies.
//!
//! Requests refuse unknown fields, so that a misspelt option is an error and
//! not a silence. Answers may gain fields; clients ignore what they don't know.

mod drops;
mod fabric;
mod flows;
mod tags;

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

pub use crate::change::{ChangeVnic, SetProps};
pub use crate::link_props::{ChangeLink, SetLinkProps};

use crate::{
    CpuSet, DropReason, Duplex, LinkClass, LinkName, LinkProps, LinkState, Mac,
    MacPrefix, MacType, Mtu, Status, TagName, VlanId, VnicProps, Zone,
};

pub use drops::{DropSample, Drops};
pub use fabric::{
    Action, Applied, Apply, Declared, DeclaredEtherstub, DeclaredFlow,
    DeclaredLink, DeclaredVnic, Document, FabricInfo, FabricStatus, Health,
    Operation, Reason,
};
pub use flows::{ChangeFlow, CreateFlow, FlowCounters, FlowInfo, SetFlowProps};
pub use tags::{ChangeNicTag, CreateNicTag};

/// Where a command finds netd when it is not told.
pub const DEFAULT_SOCKET: &str = "/run/netd/netd.sock";

/// The environment variable that names another socket.
pub const SOCKET_ENV: &str = "NETD_SOCKET";

/// `POST /v1/vnics`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateVnic {
    /// The guest end's name: letters, digits, `_`, `.`, ending in a number, at
    /// most 15 characters.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "net0", max_length = 15)
    )]
    pub name: LinkName,
    /// The link to sit on: a physical link, an aggregation, an etherstub, or a
    /// NIC tag. Where a link and a tag share a name, the link is meant.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "bge0", max_length = 30)
    )]
    pub over: String,
    /// The address; without it netd draws one.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "2:8:20:1:2:3")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// The first three octets of a drawn address.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "2:8:20")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac_prefix: Option<MacPrefix>,
    /// The VLAN; without it the VNIC is untagged.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u16>, minimum = 1, maximum = 4094)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vid: Option<VlanId>,
    /// The network namespace of the guest end: a name under `/run/netns`, an
    /// absolute path, or `pid:N`. Without it the guest end appears in netd's
    /// own namespace. A VNIC with a TAP is only filed under it.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, max_length = 255)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// Link properties.
    #[serde(default)]
    pub props: VnicProps,
    /// Whether the VNIC is gone after the next boot.
    #[serde(default)]
    pub temporary: bool,
}

/// A VNIC, in answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VnicInfo {
    /// The guest end's name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: LinkName,
    /// The name of the guest end's namespace; null: netd's own.
    pub zone: Option<String>,
    /// The link below; null while a NIC tag leads nowhere.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub over: Option<LinkName>,
    /// The NIC tag that it was created on, if it was.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub nic_tag: Option<TagName>,
    /// Speed of the link below in Mb/s; 0: unknown.
    pub speed: u32,
    /// The address, octets without leading zeros.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub mac: Mac,
    /// Where the address came from.
    pub mac_type: MacType,
    /// The VLAN; 0: untagged.
    pub vid: u16,
    /// MTU in bytes; null while it waits for its link.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    pub mtu: Option<Mtu>,
    /// The MTU that it has unless one is set: the NIC tag's, else the largest.
    /// Null while it waits for its link.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_mtu: Option<Mtu>,
    /// The largest MTU that it can have: that of the link below.
    /// Null while it waits for its link.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_mtu: Option<Mtu>,
    /// `up` when the guest has switched its end on; for a TAP, when a virtual
    /// machine has it open.
    pub state: LinkState,
    /// Link properties as they were set.
    pub props: VnicProps,
    /// Link properties from the next boot on, where they are not `props`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_props: Option<VnicProps>,
    /// The CPUs that work on its frames: those of `props` that are there.
    /// Null where nobody has asked for any, or none is there.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cpus_effective: Option<CpuSet>,
    /// How many queues its guest receives on. Null while it waits for its
    /// link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rxrings_effective: Option<usize>,
    /// How many queues its guest sends on. Null while it waits for its link.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub txrings_effective: Option<usize>,
    /// The most queues of either kind that it can have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_rings: Option<u16>,
    /// The addresses that its guest came by, where those are checked.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub learned: Vec<LearnedAddress>,
    /// Whether it is gone after the next boot.
    pub temporary: bool,
    /// Its number, in the order of creation.
    pub id: u32,
    /// The host end's name. A TAP is opened by it, in netd's own namespace.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub host_end: LinkName,
    /// Why it is not working, when it is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<String>,
}

/// An address that a guest came by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LearnedAddress {
    /// The address.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "192.168.1.7")
    )]
    pub address: IpAddr,
    /// How: `dhcpv4`, `dhcpv6` or `slaac`, as in `dynamic-methods`.
    pub method: String,
    /// For how many seconds it is still the guest's; null: for ever.
    pub expires_in: Option<u64>,
}

/// What went through a VNIC since it was created, and what did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VnicCounters {
    /// The guest end's name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: LinkName,
    /// The name of the guest end's namespace; null: netd's own.
    pub zone: Option<String>,
    /// Frames delivered to the guest.
    pub ipackets: u64,
    /// Bytes delivered to the guest, Ethernet headers included.
    pub rbytes: u64,
    /// Frames taken from the guest and sent on.
    pub opackets: u64,
    /// Bytes taken from the guest, Ethernet headers included.
    pub obytes: u64,
    /// Frames of the guest's that were dropped, by reason. Reasons that never
    /// occurred are left out.
    pub drops: Vec<DropCount>,
}

/// What went through a link, and what did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkCounters {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: LinkName,
    /// The name of its namespace; null: netd's own.
    pub zone: Option<String>,
    /// Its class.
    pub class: LinkClass,
    /// Frames received. A VNIC receives what is delivered to its guest.
    pub ipackets: u64,
    /// Bytes received.
    pub rbytes: u64,
    /// Frames that came and could not be received.
    pub ierrors: u64,
    /// Frames sent. A VNIC sends what is taken from its guest.
    pub opackets: u64,
    /// Bytes sent.
    pub obytes: u64,
    /// Frames that could not be sent; of a VNIC, those that were dropped.
    pub oerrors: u64,
    /// Frames for a VNIC's guest that found its queue full; left out where
    /// nothing is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idrops: Option<u64>,
    /// Frames of a VNIC's guest that found its queue full; left out where
    /// nothing is queued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub odrops: Option<u64>,
}

/// A number of dropped frames.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DropCount {
    /// Why.
    pub reason: DropReason,
    /// How many.
    pub packets: u64,
}

/// `POST /v1/etherstubs`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateEtherstub {
    /// Its name, as a VNIC's.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "stub0", max_length = 15)
    )]
    pub name: LinkName,
    /// Whether it is gone after the next boot.
    #[serde(default)]
    pub temporary: bool,
}

/// An etherstub, in answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct EtherstubInfo {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: LinkName,
    /// The largest MTU over it, in bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub mtu: Mtu,
    /// Whether it is gone after the next boot.
    pub temporary: bool,
}

/// A physical link, in answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhysInfo {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: LinkName,
    /// `Ethernet`.
    pub media: String,
    /// Whether it can carry frames.
    pub state: LinkState,
    /// Mb/s; 0: unknown.
    pub speed: u32,
    /// Duplex.
    pub duplex: Duplex,
    /// The name of the device behind it. On Linux, the link's own.
    pub device: String,
    /// The address in use.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub mac: Mac,
    /// MTU in bytes.
    #[cfg_attr(feature = "openapi", schema(value_type = u32))]
    pub mtu: Mtu,
    /// The NIC tags that lead to it.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub nic_tags: Vec<TagName>,
}

/// A link of any class, in answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkInfo {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: LinkName,
    /// The name of its namespace; null: netd's own.
    pub zone: Option<String>,
    /// Its class.
    pub class: LinkClass,
    /// MTU in bytes; null while it waits for its link.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    pub mtu: Option<Mtu>,
    /// Whether it can carry frames.
    pub state: LinkState,
    /// The links below it.
    #[cfg_attr(feature = "openapi", schema(value_type = Vec<String>))]
    pub over: Vec<LinkName>,
    /// Link properties as they were set; only on a link that VNICs can sit on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub props: Option<LinkProps>,
    /// Link properties from the next boot on, where they are not `props`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_props: Option<LinkProps>,
}

/// What stands behind a NIC tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum NicTagType {
    /// A NIC, by its address.
    Normal,
    /// An aggregation, by its name.
    Aggr,
    /// A switch with no wire.
    Etherstub,
}

/// A NIC tag, in answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NicTagInfo {
    /// Its name.
    pub name: String,
    /// The NIC's address; null on aggregations and etherstubs.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub mac: Option<Mac>,
    /// The link that the tag leads to; null when it leads nowhere now.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub link: Option<LinkName>,
    /// What stands behind it.
    #[serde(rename = "type")]
    pub kind: NicTagType,
    /// MTU in bytes, where the configuration names one.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<u32>))]
    pub mtu: Option<Mtu>,
    /// Why `link` is null.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `GET /v1/nictags`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct NicTags {
    /// The tags, sorted: normal and aggregations first, then etherstubs.
    pub tags: Vec<NicTagInfo>,
    /// What is wrong with the configuration file as it is on disk now; the
    /// tags are then those of its last good state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub warning: Option<String>,
}

/// `GET /v1/status`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DaemonStatus {
    /// netd's version.
    pub version: String,
    /// What could not be built, each as one line.
    pub blocked: Vec<String>,
    /// What a person should do next, where there is something.
    pub hints: Vec<String>,
}

/// An error, as a problem document (RFC 9457).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `about:blank`: `code` says more.
    #[serde(rename = "type")]
    pub kind: String,
    /// The status in words.
    pub title: String,
    /// The HTTP status.
    pub status: u16,
    /// The status as a stable code.
    pub code: Status,
    /// What was wrong, in one line.
    pub detail: String,
    /// What to try, where there is something.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hint: Option<String>,
}

impl Problem {
    /// The media type of a problem document.
    pub const MEDIA_TYPE: &'static str = "application/problem+json";

    /// Writes a problem down.
    #[must_use]
    pub fn new(code: Status, detail: impl Into<String>) -> Self {
        Self {
            kind: "about:blank".to_owned(),
            title: code.to_string(),
            status: http_status(code),
            code,
            detail: detail.into(),
            hint: None,
        }
    }

    /// Adds what to try.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// The HTTP status that a [`Status`] travels with.
fn http_status(code: Status) -> u16 {
    match code {
        Status::ObjectNotFound => 404,
        Status::PermissionDenied => 403,
        Status::ObjectExists
        | Status::LinkBusy
        | Status::MacInUse
        | Status::MacReserved
        | Status::IdenticalFlow
        | Status::ReadOnly
        | Status::PersistentOnTemporary
        | Status::NoBandwidth => 409,
        Status::TryAgain => 503,
        Status::OperationFailed | Status::IoError => 500,
        // 501 would say that netd doesn't know the method.
        Status::NotSupported
        | Status::FactoryMacNotSupported
        | Status::InvalidArgument
        | Status::InvalidValue
        | Status::ValueCount
        | Status::InvalidIp
        | Status::InvalidLink
        | Status::InvalidVlan
        | Status::MacSyntax
        | Status::InvalidMac
        | Status::MaxBwFloor
        | Status::MinBwFloor
        | Status::MtuRange
        | Status::InvalidFlowAttr
        | Status::InvalidIpPrefix
        | Status::InvalidProtocol
        | Status::InvalidPort
        | Status::InvalidDsField
        | Status::InvalidDsFieldMask
        | Status::PortNeedsTransport
        | Status::NoSuchProcessor
        | Status::ProcessorOffline
        | Status::InvalidRange
        | Status::HwRings => 400,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_what_it_does_not_know() {
        for (body, want) in [
            (r#"{"name":"net0","over":"bge0"}"#, None),
            (
                r#"{"name":"net0","over":"bge0","vlan":4}"#,
                Some("unknown field `vlan`"),
            ),
            (
                r#"{"name":"net0","over":"bge0","props":{"maxbww":1}}"#,
                Some("unknown field `maxbww`"),
            ),
            (r#"{"name":"net0"}"#, Some("missing field `over`")),
            (
                r#"{"name":"net0","over":"bge0","vid":4095}"#,
                Some("invalid VLAN identifier"),
            ),
            (
                r#"{"name":"net0","over":"bge0","mac":"fixed"}"#,
                Some("invalid MAC address"),
            ),
        ] {
            let got = serde_json::from_str::<CreateVnic>(body).err();
            match (got.map(|error| error.to_string()), want) {
                (None, None) => {}
                (Some(got), Some(want)) => {
                    assert!(got.starts_with(want), "{body}: {got}");
                }
                (got, _) => panic!("{body}: {got:?}"),
            }
        }
    }
}
