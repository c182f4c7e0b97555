//! Flows as clients see them.

use fabric::api::FlowInfo;
use fabric::{Flow, FlowId};

use super::zone_name;
use crate::daemon::Daemon;
use crate::error::FabricError;

/// All flows, in the order of their creation.
#[must_use]
pub fn flows(daemon: &Daemon) -> Vec<FlowInfo> {
    let flows = daemon.spec().flows.values();
    flows.filter_map(|flow| view(daemon, flow)).collect()
}

/// One flow.
///
/// # Errors
/// When there is none of that number.
pub fn flow(daemon: &Daemon, id: FlowId) -> Result<FlowInfo, FabricError> {
    let flow = daemon.spec().flows.get(&id);
    flow.and_then(|flow| view(daemon, flow))
        .ok_or(FabricError::VanishedFlow(id))
}

fn view(daemon: &Daemon, flow: &Flow) -> Option<FlowInfo> {
    let vnic = daemon.spec().vnics.get(&flow.link)?;
    Some(FlowInfo {
        name: flow.name.clone(),
        link: vnic.name.clone(),
        zone: zone_name(vnic.zone.as_ref()),
        attrs: flow.attrs,
        props: flow.props,
        kept_props: flow.kept,
        temporary: flow.temporary,
        id: flow.id.0,
    })
}
