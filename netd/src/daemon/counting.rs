//! What was counted: by the programs, and by the queues.

use std::collections::BTreeMap;

use fabric::datapath::{LinkRef, Treatment};
use fabric::shaping::ClassId;
use fabric::{FlowId, LinkId, LinkName, Vnic};
use flows::FlowCounters;

use super::Daemon;
use crate::error::FabricError;
use crate::kernel::queues::ClassStats;

/// What went through the classes of each link that has queues.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueStats(BTreeMap<LinkName, BTreeMap<ClassId, ClassStats>>);

impl QueueStats {
    /// Frames that a class's queue had no room for; none where there is no such
    /// class.
    fn drops(&self, link: &LinkName, class: ClassId) -> Option<u64> {
        Some(self.0.get(link)?.get(&class)?.drops)
    }

    /// The same of all classes of a link; none where it has no queues.
    fn all_drops(&self, link: &LinkName) -> Option<u64> {
        let classes = self.0.get(link)?.values();
        Some(classes.map(|class| class.drops).sum())
    }
}

impl Daemon {
    /// Asks what went through queues, at the price of two dumps and one for each
    /// link that has any.
    ///
    /// # Errors
    /// When the kernel can't be read.
    pub fn queue_stats(&self) -> Result<QueueStats, FabricError> {
        let links = self.observed.queues.keys();
        Ok(QueueStats(self.kernel.queue_stats(links)?))
    }

    /// Frames for each VNIC's guest, and of it, that found a queue full; none
    /// where there is no queue.
    #[must_use]
    pub fn queue_drops(
        &self,
        stats: &QueueStats,
    ) -> BTreeMap<LinkId, [Option<u64>; 2]> {
        let mut flows = BTreeMap::<LinkId, Vec<ClassId>>::new();
        for (key, row) in &self.observed.tables.flows.flows {
            let class = ClassId(row.treatment.from_vnic);
            flows.entry(key.vnic).or_default().push(class);
        }
        let drops = |vnic: LinkId| {
            let host_end = Vnic::host_end(vnic);
            let outbound = || {
                let (shaper, class) = self.shaped(&host_end)?;
                let classes = flows.get(&vnic).into_iter().flatten();
                let of_flows = classes
                    .filter_map(|class| stats.drops(shaper, *class))
                    .sum::<u64>();
                Some(stats.drops(shaper, class)? + of_flows)
            };
            [stats.all_drops(&host_end), outbound()]
        };
        self.spec.vnics.keys().map(|id| (*id, drops(*id))).collect()
    }

    /// The shaper that a VNIC's frames wait in, and their class; none where
    /// they don't wait.
    fn shaped(&self, host_end: &LinkName) -> Option<(&LinkName, ClassId)> {
        let host_end = LinkRef::Name(host_end.clone());
        let row = self.observed.tables.vnics.get(&host_end)?;
        let shaped = row.shaped.as_ref()?;
        let LinkRef::Name(shaper) = &shaped.shaper else { return None };
        Some((shaper, shaped.class))
    }

    /// What went through each flow that is counted.
    ///
    /// # Errors
    /// When the kernel can't be read.
    pub fn flow_counters(
        &self,
        stats: &QueueStats,
    ) -> Result<BTreeMap<FlowId, FlowCounters>, FabricError> {
        let mut all = BTreeMap::new();
        for (key, row) in &self.observed.tables.flows.flows {
            let counted = self.kernel.flow_counters(row.id);
            let Some(mut counters) = counted? else { continue };
            let host_end = Vnic::host_end(key.vnic);
            let Treatment { from_vnic, to_vnic, .. } = row.treatment;
            let full = stats.drops(&host_end, ClassId(to_vnic));
            counters.idrops += full.unwrap_or_default();
            if let Some((shaper, _)) = self.shaped(&host_end) {
                let full = stats.drops(shaper, ClassId(from_vnic));
                counters.odrops += full.unwrap_or_default();
            }
            all.insert(row.id, counters);
        }
        Ok(all)
    }
}
