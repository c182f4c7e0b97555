//! What is different from one declared state to another.

use std::borrow::Borrow;
use std::collections::BTreeMap;

use fabric::api::{Action, Declared};
use fabric::{
    Etherstub, FabricSpec, Flow, LinkId, LinkName, LinkSettings, Vnic, Zone,
};

/// A change of the declared state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Change<'a> {
    /// A new VNIC.
    AddVnic(&'a Vnic),
    /// A VNIC is gone.
    RemoveVnic(&'a Vnic),
    /// A VNIC has other properties.
    UpdateVnic {
        /// As it was.
        was: &'a Vnic,
        /// As it is now.
        now: &'a Vnic,
    },
    /// A new etherstub.
    AddEtherstub(&'a Etherstub),
    /// An etherstub is gone.
    RemoveEtherstub(&'a Etherstub),
    /// An etherstub has other properties.
    UpdateEtherstub {
        /// As it was.
        was: &'a Etherstub,
        /// As it is now.
        now: &'a Etherstub,
    },
    /// Other properties were set of a link of the host's.
    SetLink {
        /// The link.
        link: &'a LinkName,
        /// What was set before.
        was: LinkSettings,
        /// What is set now.
        now: LinkSettings,
    },
    /// A new flow.
    AddFlow(&'a Flow),
    /// A flow is gone.
    RemoveFlow(&'a Flow),
    /// A flow has other properties.
    UpdateFlow {
        /// As it was.
        was: &'a Flow,
        /// As it is now.
        now: &'a Flow,
    },
}

impl<'a> Change<'a> {
    /// The way from one declared state to another. What goes comes first: what
    /// comes may take over its name.
    #[must_use]
    pub fn between(old: &'a FabricSpec, new: &'a FabricSpec) -> Vec<Self> {
        let mut changes = Vec::new();
        let (gone, mut rest) = differences(&old.flows, &new.flows);
        changes.extend(gone.map(Self::RemoveFlow));
        let flows: Vec<_> = rest
            .by_ref()
            .map(|(was, now)| match was {
                None => Self::AddFlow(now),
                Some(was) => Self::UpdateFlow { was, now },
            })
            .collect();
        let (gone, rest) = differences(&old.vnics, &new.vnics);
        changes.extend(gone.map(Self::RemoveVnic));
        let vnics: Vec<_> = rest
            .map(|(was, now)| match was {
                None => Self::AddVnic(now),
                Some(was) => Self::UpdateVnic { was, now },
            })
            .collect();
        let (gone, rest) = differences(&old.etherstubs, &new.etherstubs);
        changes.extend(gone.map(Self::RemoveEtherstub));
        changes.extend(rest.map(|(was, now)| match was {
            None => Self::AddEtherstub(now),
            Some(was) => Self::UpdateEtherstub { was, now },
        }));
        let unset = LinkSettings::default();
        let links = old.links.keys();
        let new_links = new.links.keys();
        let new_links = new_links.filter(|link| !old.links.contains_key(*link));
        changes.extend(links.chain(new_links).filter_map(|link| {
            let was = old.links.get(link).copied().unwrap_or(unset);
            let now = new.links.get(link).copied().unwrap_or(unset);
            (was != now).then_some(Self::SetLink { link, was, now })
        }));
        changes.extend(vnics);
        changes.extend(flows);
        changes
    }

    /// The VNIC that is not as it was, itself or by a flow; none: an etherstub
    /// or a link of the host's is not.
    #[must_use]
    pub fn vnic(self) -> Option<LinkId> {
        match self {
            Self::AddVnic(vnic)
            | Self::RemoveVnic(vnic)
            | Self::UpdateVnic { now: vnic, .. } => Some(vnic.id),
            Self::AddFlow(flow)
            | Self::RemoveFlow(flow)
            | Self::UpdateFlow { now: flow, .. } => Some(flow.link),
            Self::AddEtherstub(_)
            | Self::RemoveEtherstub(_)
            | Self::UpdateEtherstub { .. }
            | Self::SetLink { .. } => None,
        }
    }

    /// Whether a link goes, or a flow does.
    #[must_use]
    pub fn is_removal(self) -> bool {
        matches!(
            self,
            Self::RemoveVnic(_)
                | Self::RemoveEtherstub(_)
                | Self::RemoveFlow(_)
        )
    }

    /// The change that takes this one back.
    #[must_use]
    pub fn inverse(self) -> Self {
        match self {
            Self::AddVnic(vnic) => Self::RemoveVnic(vnic),
            Self::RemoveVnic(vnic) => Self::AddVnic(vnic),
            Self::UpdateVnic { was, now } => {
                Self::UpdateVnic { was: now, now: was }
            }
            Self::AddEtherstub(stub) => Self::RemoveEtherstub(stub),
            Self::RemoveEtherstub(stub) => Self::AddEtherstub(stub),
            Self::UpdateEtherstub { was, now } => {
                Self::UpdateEtherstub { was: now, now: was }
            }
            Self::SetLink { link, was, now } => {
                Self::SetLink { link, was: now, now: was }
            }
            Self::AddFlow(flow) => Self::RemoveFlow(flow),
            Self::RemoveFlow(flow) => Self::AddFlow(flow),
            Self::UpdateFlow { was, now } => {
                Self::UpdateFlow { was: now, now: was }
            }
        }
    }

    /// The change as clients are told of it. A flow is told by its VNIC's zone,
    /// which `old` or `new` knows.
    #[must_use]
    pub fn told(self, old: &FabricSpec, new: &FabricSpec) -> Declared {
        let action = match self {
            Self::AddVnic(_) | Self::AddEtherstub(_) | Self::AddFlow(_) => {
                Action::Create
            }
            Self::RemoveVnic(_)
            | Self::RemoveEtherstub(_)
            | Self::RemoveFlow(_) => Action::Delete,
            Self::UpdateVnic { .. }
            | Self::UpdateEtherstub { .. }
            | Self::SetLink { .. }
            | Self::UpdateFlow { .. } => Action::Change,
        };
        let zone = |zone: Option<&Zone>| zone.map(|z| z.name().to_owned());
        let (kind, name, zone) = match self {
            Self::AddVnic(vnic)
            | Self::RemoveVnic(vnic)
            | Self::UpdateVnic { now: vnic, .. } => {
                ("vnic", vnic.name.to_string(), zone(vnic.zone.as_ref()))
            }
            Self::AddEtherstub(stub)
            | Self::RemoveEtherstub(stub)
            | Self::UpdateEtherstub { now: stub, .. } => {
                ("etherstub", stub.name.to_string(), None)
            }
            Self::SetLink { link, .. } => ("link", link.to_string(), None),
            Self::AddFlow(flow)
            | Self::RemoveFlow(flow)
            | Self::UpdateFlow { now: flow, .. } => {
                let vnic = new.vnics.get(&flow.link);
                let vnic = vnic.or_else(|| old.vnics.get(&flow.link));
                let of = vnic.and_then(|vnic| vnic.zone.as_ref());
                ("flow", flow.name.to_string(), zone(of))
            }
        };
        Declared { action, kind: kind.to_owned(), name, zone }
    }
}

/// What `old` has and `new` has not, and what `new` has and `old` has not so.
///
/// One walk along both: there may be thousands, and hardly ever any difference.
fn differences<'a, K: Ord, V: PartialEq + Borrow<T>, T: 'a>(
    old: &'a BTreeMap<K, V>,
    new: &'a BTreeMap<K, V>,
) -> (
    impl Iterator<Item = &'a T> + use<'a, K, V, T>,
    impl Iterator<Item = (Option<&'a T>, &'a T)> + use<'a, K, V, T>,
) {
    let (mut gone, mut rest) = (Vec::new(), Vec::new());
    let mut there = old.iter().peekable();
    for (key, now) in new {
        while let Some((_, was)) = there.next_if(|(old, _)| *old < key) {
            gone.push(was.borrow());
        }
        let was = there.next_if(|(old, _)| *old == key).map(|(_, was)| was);
        if was != Some(now) {
            rest.push((was.map(Borrow::borrow), now.borrow()));
        }
    }
    gone.extend(there.map(|(_, was)| was.borrow()));
    (gone.into_iter(), rest.into_iter())
}
