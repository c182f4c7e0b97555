//! The queues of VNICs' ends: what is asked of them, and what becomes of those
//! that somebody else opens and closes.

use std::collections::BTreeSet;

use fabric::{LinkId, Vnic, VnicProps, Zone};

use super::Daemon;

impl Daemon {
    /// Looks which CPUs there are, where these properties name any.
    pub(super) fn look_for_cpus(&mut self, props: &VnicProps) {
        if asks(props) {
            self.observed.cpus = self.kernel.cpus();
        }
    }

    /// Notes down which of some VNICs have to be looked at each time.
    pub(super) fn watch(&mut self, changed: &BTreeSet<LinkId>) {
        for id in changed {
            let vnic = self.spec.vnics.get(id);
            let unnamed = |zone: &Zone| !zone.is_named();
            let watched = vnic.is_some_and(|vnic| {
                asks(&vnic.props) || vnic.zone.as_ref().is_some_and(unnamed)
            });
            match watched {
                true => self.watched.insert(*id),
                false => self.watched.remove(id),
            };
        }
    }

    /// Those of them of whose rings somebody has asked anything.
    fn asking(&self) -> impl Iterator<Item = &Vnic> {
        let vnics = self.watched.iter();
        let vnics = vnics.filter_map(|id| self.spec.vnics.get(id));
        vnics.map(AsRef::as_ref).filter(|vnic| asks(&vnic.props))
    }

    /// Reads what changes by itself of what somebody has asked for: which CPUs
    /// there are, and how many queues of a TAP are open. Says whether that is
    /// news.
    pub(super) fn observe_rings(&mut self) -> bool {
        let mut changed = false;
        if self.asking().next().is_some() {
            let cpus = self.kernel.cpus();
            changed |= cpus != self.observed.cpus;
            self.observed.cpus = cpus;
        }
        let host_ends: Vec<_> = self.taps().collect();
        for (end, now) in self.kernel.rings(host_ends.iter()) {
            let was = self.observed.rings.insert(end, now.clone());
            changed |= was != Some(now);
        }
        changed
    }

    /// Binds the queues of TAPs that were opened since the last look. The
    /// kernel tells nobody when a monitor, or the machine, takes one more.
    pub async fn follow_taps(&mut self) {
        let host_ends: Vec<_> = self.taps().collect();
        let there = self.kernel.rings(host_ends.iter());
        let known = &self.observed.rings;
        let mut there = there.iter();
        if there.all(|(host_end, now)| known.get(host_end) == Some(now)) {
            return;
        }
        self.reconcile(false).await;
    }

    /// The TAPs whose queues come and go with who has them open, and of which
    /// something is asked.
    fn taps(&self) -> impl Iterator<Item = fabric::LinkName> {
        let vnics = self.asking();
        let vnics = vnics.filter(|vnic| vnic.props.mode == fabric::Mode::Tap);
        let host_ends = vnics.map(|vnic| Vnic::host_end(vnic.id));
        host_ends.filter(|end| self.observed.host_ends.contains_key(end))
    }
}

/// Whether somebody has asked anything of a VNIC's rings.
pub(super) fn asks(props: &VnicProps) -> bool {
    let VnicProps { cpus, rxrings, txrings, .. } = props;
    cpus.is_some() || rxrings.is_some() || txrings.is_some()
}
