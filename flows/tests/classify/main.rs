//! Which flow a frame is in.
//!
//!   guest 10.0.0.1, fd00::1 ──── VNIC 7 ──── 10.0.0.9, fd00::9, and others

#[path = "../given/mod.rs"]
mod given;
mod incremental;
mod search;
mod table;

use fabric::datapath::Treatment;
use fabric::{FlowAttrs, FlowId, LinkId};
use flows::FlowTable;

/// The VNIC.
const VNIC: LinkId = LinkId(7);

/// Flows with numbers from 1 on.
fn numbered(attrs: impl IntoIterator<Item = FlowAttrs>) -> FlowTable {
    let flows = (1..).zip(attrs);
    let flows: Vec<_> = flows
        .map(|(id, attrs)| (FlowId(id), attrs, Treatment::default()))
        .collect();
    FlowTable::new(&flows).unwrap()
}
