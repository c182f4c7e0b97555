//! What a flow is: a named part of a VNIC's traffic.
//!
//! A flow is declared by [`FlowAttrs`]: what a frame must have to be in it. They
//! are those of flowadm(8), and any of them may be combined. Where several flows
//! of a VNIC match a frame, the most specific one has it:
//! [`FlowMask`](crate::datapath::FlowMask) says which that is.
//!
//! [`Flow`] is a flow as it is asked for, with what is set of it.
//!
//! *Local* is the side of the VNIC, whoever sends: the source of what its guest
//! sends, the destination of what it is given. *Remote* is the other side.

mod attr;
mod attrs;
mod change;
mod declared;
mod dsfield;
mod error;
mod ip;
mod list;
mod name;
mod rules;
mod together;
mod transport;

use std::fmt;

use serde::{Deserialize, Serialize};

pub use attr::{FlowAttr, FlowAttrName};
pub use attrs::FlowAttrs;
pub use change::{ChangeFlow, FlowProp, SetFlowProps};
pub use declared::{Flow, FlowProps, ResolvedFlow};
pub use dsfield::DsField;
pub use error::{FlowAttrsError, FlowValueError};
pub use ip::FlowIp;
pub use name::{FlowName, FlowNameError};
pub use together::{FLOW_MASKS_MAX, FlowsError, check_flows};
pub use transport::Transport;

/// The number of a flow, from 1. A number is never used again, so that what is
/// counted for it is never another's.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct FlowId(pub u32);

impl FlowId {
    /// The largest number.
    pub const MAX: Self = Self(0x7fff_ffff);

    /// The number after this one; none: it is the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        (self < Self::MAX).then_some(Self(self.0 + 1))
    }
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
