//! Whom a change could be in the way of.

use std::collections::BTreeSet;

use crate::{FabricSpec, FlowName, LinkId, LinkName, Mac, Over, Vnic, Zone};

impl FabricSpec {
    /// The part of a declared state that decides whether the VNICs `changed`
    /// can be as it says, when they were as `before` says and all others are
    /// the same: those VNICs, everybody who has a name or an address that one of
    /// them has or had, and the flows of all these.
    ///
    /// Where `before` breaks no rule, the part breaks one if and only if the
    /// whole does ([`FabricSpec::validate`]).
    #[must_use]
    pub fn around(&self, before: &Self, changed: &BTreeSet<LinkId>) -> Self {
        let about = About::new([before, self], changed);
        let mut vnics: BTreeSet<LinkId> = self
            .vnics
            .keys()
            .filter(|id| changed.contains(id))
            .copied()
            .collect();
        let others = self.vnics.values().filter(|vnic| about.concerns(vnic));
        vnics.extend(others.map(|vnic| vnic.id));
        if !about.flows.is_empty() {
            let flows = self.flows.values().filter(|flow| {
                let vnic = self.vnics.get(&flow.link);
                let zone = vnic.map(|vnic| vnic.zone.as_ref());
                zone.is_some_and(|z| about.flows.contains(&(z, &flow.name)))
            });
            vnics.extend(flows.map(|flow| flow.link));
        }
        let flows = self.flows.iter();
        let flows = flows.filter(|(_, flow)| vnics.contains(&flow.link));
        let flows = flows.map(|(id, flow)| (*id, flow.clone())).collect();
        let vnics = vnics.iter().filter_map(|id| self.vnics.get_key_value(id));
        Self {
            etherstubs: self.etherstubs.clone(),
            links: self.links.clone(),
            vnics: vnics.map(|(id, vnic)| (*id, vnic.clone())).collect(),
            flows,
        }
    }
}

/// What VNICs have that others can't have as well.
#[derive(Default)]
struct About<'a> {
    /// Names come first: they are sooner compared than zones.
    names: BTreeSet<(&'a LinkName, Option<&'a Zone>)>,
    macs: BTreeSet<Mac>,
    /// The links below them. A VNIC of such a name carries none.
    overs: BTreeSet<&'a LinkName>,
    /// Their own names, of those in no zone: what is over these is over a VNIC.
    here: BTreeSet<&'a LinkName>,
    flows: BTreeSet<(Option<&'a Zone>, &'a FlowName)>,
}

impl<'a> About<'a> {
    fn new(specs: [&'a FabricSpec; 2], changed: &BTreeSet<LinkId>) -> Self {
        let mut about = Self::default();
        for spec in specs {
            let vnics = changed.iter().filter_map(|id| spec.vnics.get(id));
            for vnic in vnics {
                about.names.insert((&vnic.name, vnic.zone.as_ref()));
                about.macs.extend(vnic.macs());
                if let Over::Link(over) = &vnic.over {
                    about.overs.insert(over);
                }
                if vnic.zone.is_none() {
                    about.here.insert(&vnic.name);
                }
            }
            for flow in spec.flows.values() {
                if changed.contains(&flow.link)
                    && let Some(vnic) = spec.vnics.get(&flow.link)
                {
                    about.flows.insert((vnic.zone.as_ref(), &flow.name));
                }
            }
        }
        about
    }

    fn concerns(&self, vnic: &Vnic) -> bool {
        let over = match &vnic.over {
            Over::Link(over) => self.here.contains(over),
            Over::Tag(_) => false,
        };
        over || self.names.contains(&(&vnic.name, vnic.zone.as_ref()))
            || vnic.macs().any(|mac| self.macs.contains(&mac))
            || (vnic.zone.is_none() && self.overs.contains(&vnic.name))
    }
}
