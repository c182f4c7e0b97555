//! The tables that tell which flow a frame is in.
//!
//! A frame is looked up under each mask of its VNIC, from the most specific to
//! the least, and the first flow that is found has it. So a row is seen when it
//! is there and its mask is in the VNIC's list.

use std::collections::BTreeMap;
use std::fmt;

use super::{FlowMask, FlowTuple};
use crate::{FLOW_MASKS_MAX, FlowAttrs, FlowId, LinkId};

/// What is done with the frames of a flow.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Treatment {
    /// The class of what the guest sends, by its minor number; 0: none of its
    /// own.
    pub from_vnic: u16,
    /// The class of what the guest is given, by its minor number; 0: none of
    /// its own.
    pub to_vnic: u16,
    /// Whether all of it is dropped.
    pub blocked: bool,
}

/// What a frame of a flow looks like under the flow's mask.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FlowKey {
    /// The VNIC.
    pub vnic: LinkId,
    /// What is looked at.
    pub mask: FlowMask,
    /// What is there, and zero where nobody looks.
    pub tuple: FlowTuple,
}

impl FlowKey {
    /// Where a flow of a VNIC is found.
    #[must_use]
    pub fn of(vnic: LinkId, attrs: &FlowAttrs) -> Self {
        let (mask, tuple) = (FlowMask::of(attrs), FlowTuple::of(attrs));
        Self { vnic, mask, tuple }
    }
}

/// A flow, as a frame meets it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FlowRow {
    /// Its number, for whoever counts.
    pub id: FlowId,
    /// What is done with the frame.
    pub treatment: Treatment,
}

/// The masks of a VNIC's flows, the most specific first: all in one row, so that
/// a program finds the old list or the new one. A VNIC without flows has none.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowMasksRow {
    /// The masks, each once.
    pub masks: Vec<FlowMask>,
}

impl FlowMasksRow {
    /// The most masks in a list. While the flows of a VNIC change, those that go
    /// and those that come are in it.
    pub const MAX: usize = 2 * FLOW_MASKS_MAX;
}

/// All rows about flows.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowRows {
    /// By VNIC.
    pub masks: BTreeMap<LinkId, FlowMasksRow>,
    /// By what a frame looks like.
    pub flows: BTreeMap<FlowKey, FlowRow>,
}

impl FlowRows {
    /// The masks of a VNIC, the most specific first.
    #[must_use]
    pub fn masks_of(&self, vnic: LinkId) -> &[FlowMask] {
        self.masks.get(&vnic).map_or(&[], |row| &row.masks)
    }
}

impl fmt::Display for FlowKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bits = self.mask.bits();
        let address = |bytes: [u8; 16]| -> std::net::IpAddr {
            match bytes {
                [a, b, c, d, ..] if self.tuple.family == 4 => {
                    [a, b, c, d].into()
                }
                _ => bytes.into(),
            }
        };
        write!(f, "flow id {} mask {}", self.vnic, self.mask)?;
        if bits.local != [0; 16] {
            write!(f, " local {}", address(self.tuple.local))?;
        }
        if bits.remote != [0; 16] {
            write!(f, " remote {}", address(self.tuple.remote))?;
        }
        if bits.protocol != 0 {
            write!(f, " protocol {}", self.tuple.protocol)?;
        }
        if bits.local_port != 0 {
            write!(f, " local-port {}", self.tuple.local_port)?;
        }
        if bits.remote_port != 0 {
            write!(f, " remote-port {}", self.tuple.remote_port)?;
        }
        if bits.dsfield != 0 {
            write!(f, " dsfield {:#04x}", self.tuple.dsfield)?;
        }
        Ok(())
    }
}

impl fmt::Display for FlowRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Treatment { from_vnic, to_vnic, blocked } = self.treatment;
        write!(f, "flow {} class {from_vnic:x} to {to_vnic:x}", self.id)?;
        if blocked { write!(f, " blocked") } else { Ok(()) }
    }
}

impl fmt::Display for FlowMasksRow {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let masks: Vec<_> = self.masks.iter().map(|m| m.to_string()).collect();
        f.write_str(&masks.join(" "))
    }
}
