//! What is done to the queues of a VNIC's ends.

use super::Step;
use crate::{EndRings, Ends, LinkName, Observed, ResolvedVnic};

/// The change to the rings of a host end and its guest end, where they are not
/// as they should be.
pub(super) fn rings(
    host_end: &LinkName,
    vnic: &ResolvedVnic,
    observed: &Observed,
) -> Option<Step> {
    let from = match observed.rings.get(host_end) {
        Some(rings) => rings.clone(),
        // It went while it was being looked at.
        None if observed.host_ends.contains_key(host_end) => return None,
        None => EndRings::default(),
    };
    let to = match vnic.ends {
        Ends::Pair => vnic.rings.of_veth(&observed.cpus),
        Ends::Tap { .. } => vnic.rings.of_tap(&observed.cpus, &from),
    };
    let (link, zone) = (host_end.clone(), vnic.zone.clone());
    (from != to).then_some(Step::SetRings { link, zone, from, to })
}
