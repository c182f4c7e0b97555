//! Flows as clients see them.

use fabric::api::{FlowCounters, FlowInfo};
use fabric::{Flow, FlowId};

use super::zone_name;
use crate::daemon::{Daemon, QueueStats};
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

/// The counters of those flows that are counted, in the order of their creation.
///
/// # Errors
/// When the kernel can't be read.
pub fn flow_counters(
    daemon: &Daemon,
    queues: &QueueStats,
) -> Result<Vec<FlowCounters>, FabricError> {
    let counted = daemon.flow_counters(queues)?.into_iter();
    let counters = counted.filter_map(|(id, counters)| {
        let flow = daemon.spec().flows.get(&id)?;
        let vnic = daemon.spec().vnics.get(&flow.link)?;
        Some(FlowCounters {
            name: flow.name.clone(),
            link: vnic.name.clone(),
            zone: zone_name(vnic.zone.as_ref()),
            id: id.0,
            ipackets: counters.ipackets,
            rbytes: counters.rbytes,
            idrops: counters.idrops,
            opackets: counters.opackets,
            obytes: counters.obytes,
            odrops: counters.odrops,
        })
    });
    Ok(counters.collect())
}
