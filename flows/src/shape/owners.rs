//! Whose the classes are that are there.

use std::collections::{BTreeMap, BTreeSet};

use fabric::datapath::Treatment;
use fabric::shaping::{ClassId, QueueTree};
use fabric::{FlowId, LinkId, Observed};

/// Whose a class is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Owner {
    /// The class of a VNIC.
    Vnic(LinkId),
    /// The leaf of what is in none of its flows.
    Leaf(LinkId),
    /// The leaf of a flow.
    Flow(FlowId),
    /// Nobody's that is known: it goes.
    Nobody(ClassId),
}

/// The flows of each VNIC that are there, with their classes.
pub(super) type Flows = BTreeMap<LinkId, Vec<(FlowId, Treatment)>>;

pub(super) fn flows_of(observed: &Observed) -> Flows {
    let mut flows = Flows::new();
    for (key, row) in &observed.tables.flows.flows {
        flows.entry(key.vnic).or_default().push((row.id, row.treatment));
    }
    flows
}

/// The classes that a VNIC's flows have at one of the two places.
pub(super) fn flow_owners(
    flows: &Flows,
    vnic: LinkId,
    class: impl Fn(&Treatment) -> u16,
) -> BTreeMap<Owner, ClassId> {
    let flows = flows.get(&vnic).into_iter().flatten();
    let owners = flows
        .map(|(id, treatment)| (Owner::Flow(*id), ClassId(class(treatment))));
    owners.filter(|(_, class)| class.0 != 0).collect()
}

/// Notes down the classes that are there and nobody's. `known` are not.
pub(super) fn own_the_rest(
    owners: &mut BTreeMap<Owner, ClassId>,
    there: Option<&QueueTree>,
    mut known: BTreeSet<ClassId>,
) {
    known.extend(owners.values());
    let all = there.into_iter().flat_map(|tree| tree.classes.keys());
    let nobodys = all.filter(|class| !known.contains(class));
    let nobodys = nobodys.map(|class| (Owner::Nobody(*class), *class));
    owners.extend(nobodys.collect::<Vec<_>>());
}
