//! The vocabulary of the fabric, its desired state and its planner.
//!
//! A [`FabricSpec`] says what should exist: VNICs, flows and etherstubs. An
//! [`Observed`] says what the kernel has. [`plan()`] turns the difference into an
//! ordered list of [`Step`]s. Nothing here reads a clock, a file or a socket,
//! so every test runs as any user on any system.
//!
//! The nouns: a [`Vnic`] is a virtual NIC over a *link*, either a physical link
//! or an [`Etherstub`] (a switch with no wire). A link with the VNICs on it is
//! one *segment*. A VNIC has two ends: the *guest end* in the zone, the
//! *host end* that stays with the host. They are a veth pair; or the host end
//! is a TAP, and the guest end is in the virtual machine that has it open. A
//! *NIC tag* names a physical link by the MAC address of its NIC. A *flow* is a
//! named part of a VNIC's traffic, told by its [`FlowAttrs`].

mod allowed_ips;
pub mod api;
mod bandwidth;
mod change;
mod client_id;
mod cpus;
pub mod datapath;
mod drop_reason;
mod flow;
mod guarantee;
mod link;
mod link_props;
mod mac;
mod methods;
mod mode;
mod model;
mod mtu;
mod name;
mod observed;
mod plan;
mod priority;
mod protection;
mod rings;
mod scope;
mod secondary_macs;
pub mod shaping;
mod spec;
mod status;
mod vlan;
mod vnic;
mod zone;

pub use allowed_ips::{
    AllowedIp, AllowedIpError, AllowedIps, AllowedIpsError, IpFamily,
};
pub use bandwidth::{Bandwidth, BandwidthError, FloorError};
pub use change::{ChangeError, ChangeVnic, SetProps, VnicProp};
pub use client_id::{ClientId, ClientIdError, ClientIds, ClientIdsError};
pub use cpus::{CpuSet, CpuSetError, HostCpus, HostCpusError};
pub use drop_reason::DropReason;
pub use flow::{
    ChangeFlow, DsField, FLOW_MASKS_MAX, Flow, FlowAttr, FlowAttrName,
    FlowAttrs, FlowAttrsError, FlowId, FlowIp, FlowName, FlowNameError,
    FlowProp, FlowProps, FlowValueError, FlowsError, ResolvedFlow,
    SetFlowProps, Transport, check_flows,
};
pub use guarantee::{Guarantee, GuaranteeError, ResolvedSegment};
pub use link::{Duplex, LinkClass, LinkState, PhysLink};
pub use link_props::{LinkProp, LinkProps, LinkSettings};
pub use mac::{Mac, MacParseError, MacPrefix, MacType};
pub use methods::{Methods, MethodsError};
pub use mode::{Mode, ModeError, Owner};
pub use model::ModelError;
pub use mtu::{Mtu, MtuError};
pub use name::{LinkName, NameError, TagName, TagNameError};
pub use observed::{
    HostEnd, Observed, ObservedLink, ObservedProgram, Program, Torn,
};
pub use plan::{Blocked, Plan, Step, StepKind, first_used, plan};
pub use priority::{Priority, PriorityError};
pub use protection::{Protection, ProtectionError};
pub use rings::{EndRings, Rings, RingsError, WantedRings};
pub use scope::{Elsewhere, Scope};
pub use secondary_macs::{SecondaryMacs, SecondaryMacsError};
pub use spec::{
    Ends, Etherstub, FabricSpec, LinkId, ResolvedSpec, ResolvedVnic, SpecError,
};
pub use status::Status;
pub use vlan::{VlanError, VlanId};
pub use vnic::{Over, Vnic, VnicKey, VnicProps};
pub use zone::{Zone, ZoneError};
