//! `/v1/flows` and `/v1/counters/flows`

use serde::{Deserialize, Serialize};

pub use crate::flow::{ChangeFlow, SetFlowProps};

use crate::{FlowAttrs, FlowName, FlowProps, LinkName};

/// One flow of `POST /v1/flows`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreateFlow {
    /// Its name, which no other flow of the VNIC's zone has: letters, digits,
    /// `_`, `.` and `-`, the first a letter or a digit, at most 127 characters.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "http", max_length = 127)
    )]
    pub name: FlowName,
    /// The VNIC whose traffic it is a part of.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "net0", max_length = 15)
    )]
    pub link: LinkName,
    /// The VNIC's namespace, by its name or as it was written; empty: netd's
    /// own. Needed only when several zones have a VNIC of the name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// What a frame must have to be in it.
    pub attrs: FlowAttrs,
    /// Its properties.
    #[serde(default)]
    pub props: FlowProps,
    /// Whether it is gone after the next boot. A flow of a temporary VNIC
    /// always is.
    #[serde(default)]
    pub temporary: bool,
}

/// A flow, in answers.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowInfo {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: FlowName,
    /// The VNIC whose traffic it is a part of.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub link: LinkName,
    /// The name of the VNIC's namespace; null: netd's own.
    pub zone: Option<String>,
    /// What a frame must have to be in it.
    pub attrs: FlowAttrs,
    /// Properties as they were set.
    pub props: FlowProps,
    /// Properties from the next boot on, where they are not `props`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_props: Option<FlowProps>,
    /// Whether it is gone after the next boot.
    pub temporary: bool,
    /// Its number, in the order of creation.
    pub id: u32,
}

/// What went through a flow, and what did not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowCounters {
    /// Its name.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub name: FlowName,
    /// The VNIC whose traffic it is a part of.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub link: LinkName,
    /// The name of the VNIC's namespace; null: netd's own.
    pub zone: Option<String>,
    /// Its number. A flow that is made again under the same name has another.
    pub id: u32,
    /// Frames delivered to the guest.
    pub ipackets: u64,
    /// Bytes delivered to the guest, Ethernet headers included.
    pub rbytes: u64,
    /// Frames for the guest that were dropped, because the flow is blocked or
    /// its queue was full.
    pub idrops: u64,
    /// Frames taken from the guest and sent on.
    pub opackets: u64,
    /// Bytes taken from the guest, Ethernet headers included.
    pub obytes: u64,
    /// Frames of the guest's that were dropped, for the same reasons.
    pub odrops: u64,
}
