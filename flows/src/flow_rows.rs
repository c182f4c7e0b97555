//! From flows to the rows that the programs look them up by, and the lookup
//! itself.
//!
//! The lookup is a tuple-space search: under each mask of the VNIC, from the most
//! specific to the least, what is left of the frame's fields is looked up in one
//! hash. The first hit is the answer. So a frame costs one lookup for each mask,
//! however many flows there are.

use std::collections::BTreeSet;

use fabric::datapath::{
    FlowKey, FlowMask, FlowMasksRow, FlowRow, FlowRows, Treatment,
};
use fabric::{FlowAttrs, FlowId, LinkId};

use crate::classify::{Direction, FlowTable};
use crate::fields::Fields;

/// The rows of the flows of each VNIC, each of which is there once.
#[must_use]
pub fn compile_flows<'a>(
    vnics: impl IntoIterator<Item = (LinkId, &'a FlowTable)>,
) -> FlowRows {
    let mut rows = FlowRows::default();
    for (vnic, table) in vnics {
        add(&mut rows, vnic, table.iter().copied());
    }
    rows
}

/// Adds the rows of a VNIC's flows.
pub(crate) fn add(
    rows: &mut FlowRows,
    vnic: LinkId,
    flows: impl Iterator<Item = (FlowId, FlowAttrs, Treatment)>,
) {
    let mut masks = BTreeSet::new();
    for (id, attrs, treatment) in flows {
        let row = FlowRow { id, treatment };
        rows.flows.insert(FlowKey::of(vnic, &attrs), row);
        masks.insert(FlowMask::of(&attrs));
    }
    if !masks.is_empty() {
        let masks = masks.into_iter().collect();
        rows.masks.insert(vnic, FlowMasksRow { masks });
    }
}

/// Looks up the flow that a VNIC's frame is in, as the programs do. It finds what
/// [`classify`](crate::classify()) says.
#[must_use]
pub fn lookup(
    rows: &FlowRows,
    vnic: LinkId,
    direction: Direction,
    frame: &[u8],
) -> Option<FlowRow> {
    let masks = rows.masks_of(vnic);
    // A VNIC without flows pays for no look at the frame.
    if masks.is_empty() {
        return None;
    }
    let fields = Fields::of(frame, direction)?.tuple();
    masks.iter().find_map(|&mask| {
        let tuple = fields.masked(&mask.bits());
        rows.flows.get(&FlowKey { vnic, mask, tuple }).copied()
    })
}
