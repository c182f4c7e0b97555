//! Reading what is there.

use std::collections::{BTreeMap, BTreeSet};

use fabric::shaping::{QueueTree, Shaper};
use fabric::{LinkName, Observed, Program, Zone};
use flows::LinkIndexes;

use super::links::{self, What};
use super::queues::Root;
use super::{Kernel, KernelError, ethtool, lro, unicast};

impl Kernel {
    /// Reads everything: links, programs, tables, filters, and which of
    /// `zones` are running. What `refusing` says of links that are still the
    /// same is kept; the kernel doesn't know.
    ///
    /// # Errors
    /// When netlink or a table can't be read.
    pub async fn observe(
        &mut self,
        zones: &BTreeSet<Zone>,
        refusing: BTreeSet<LinkName>,
    ) -> Result<Observed, KernelError> {
        let mut observed = Observed { refusing, ..Observed::default() };
        self.observe_links(&mut observed).await?;
        self.observe_zones(&mut observed, zones);
        observed.programs.clear();
        let host_ends = observed.host_ends.keys();
        let vnics = host_ends.map(|name| (name, &[Program::FromVnic][..]));
        let links = observed.links.iter().filter_map(|(name, link)| {
            let hooks = &[Program::FromLink, Program::ToLink][..];
            link.class.carries_vnics().then_some((name, hooks))
        });
        let far = observed.shaper_ends.keys();
        let far = far.filter(|name| Shaper::of_far_end(name).is_some());
        let far = far.map(|name| (name, &[Program::FromShaper][..]));
        let mut programs = Vec::new();
        for (name, hooks) in vnics.chain(links).chain(far) {
            let index = self.index(name)?;
            for &program in hooks {
                if let Some(state) = self.datapath.hook(program, index)? {
                    programs.push(((name.clone(), program), state));
                }
            }
        }
        observed.programs = programs.into_iter().collect();
        observed.tables = self.datapath.observe(&self.indexes)?;
        observed.unicast = self.observe_unicast().await?;
        observed.queue_kind = self.queues.kind().await?;
        observed.queues = self.observe_queues(&observed).await?;
        Ok(observed)
    }

    /// Reads the links again, at the price of one dump. What hangs on links is
    /// left as it was.
    ///
    /// Returns whether that is still true of the same links: `false` means
    /// that a link went away or changed its number, and with it what is known
    /// of its programs and rows.
    ///
    /// # Errors
    /// When netlink can't be read.
    pub async fn observe_links(
        &mut self,
        observed: &mut Observed,
    ) -> Result<bool, KernelError> {
        let messages = self.netlink.links().await?;
        let mut indexes = LinkIndexes::default();
        let known: Vec<LinkName> = observed
            .links
            .keys()
            .chain(observed.host_ends.keys())
            .chain(observed.shaper_ends.keys())
            .cloned()
            .collect();
        observed.links.clear();
        observed.host_ends.clear();
        observed.shaper_ends.clear();
        for message in messages {
            let Some(found) = links::read(&message) else { continue };
            found.enter(&mut indexes);
            match found.what {
                What::Ours(end) => {
                    observed.host_ends.insert(found.name, end);
                }
                What::Foreign(link) => {
                    observed.links.insert(found.name, link);
                }
                What::Shaper(up) => {
                    observed.shaper_ends.insert(found.name, up);
                }
                What::Other => {}
            }
        }
        let old = std::mem::replace(&mut self.indexes, indexes);
        let same =
            |name: &LinkName| self.indexes.index_of(name) == old.index_of(name);
        observed.refusing.retain(same);
        Ok(known.iter().all(same))
    }

    /// Asks the drivers of `links` whether they merge what they receive.
    pub async fn observe_lro(
        &self,
        observed: &mut Observed,
        links: &BTreeSet<LinkName>,
    ) {
        if links.is_empty() {
            return;
        }
        for name in lro::merging(links).await {
            if let Some(link) = observed.links.get_mut(&name) {
                link.lro = true;
            }
        }
    }

    /// Asks drivers for speed and duplex.
    pub async fn observe_modes(&self, observed: &mut Observed) {
        let modes = ethtool::modes().await;
        for (name, link) in &mut observed.links {
            if let Some(mode) = modes.get(name.as_str()) {
                link.speed = mode.speed;
                link.duplex = mode.duplex;
            }
        }
    }

    /// Asks the drivers of `links` for their speeds.
    pub async fn observe_speeds(
        &self,
        observed: &mut Observed,
        links: &BTreeSet<LinkName>,
    ) {
        for (name, speed) in ethtool::speeds(links).await {
            if let Some(link) = observed.links.get_mut(&name) {
                link.speed = Some(speed);
            }
        }
    }

    /// Looks which of `zones` are running.
    pub fn observe_zones(
        &self,
        observed: &mut Observed,
        zones: &BTreeSet<Zone>,
    ) {
        let running = zones.iter().filter(|zone| Self::is_running(zone));
        observed.zones = running.cloned().collect();
    }

    /// Reads the queues of links of ours. What somebody else has put on one is
    /// none of ours, and in the way of the first of ours.
    async fn observe_queues(
        &self,
        observed: &Observed,
    ) -> Result<BTreeMap<LinkName, QueueTree>, KernelError> {
        let near = observed.shaper_ends.keys();
        let near = near.filter(|name| Shaper::of_near_end(name).is_some());
        let links = observed.host_ends.keys().chain(near);
        let indexes = links.filter_map(|name| self.indexes.index_of(name));
        let roots = self.queues.observe(&indexes.collect()).await?;
        let trees = roots.into_iter().filter_map(|(index, root)| {
            let name = self.indexes.name_of(index)?.clone();
            match root {
                Root::Tree(tree) => Some((name, tree)),
                Root::Foreign(_) => None,
            }
        });
        Ok(trees.collect())
    }

    async fn observe_unicast(
        &self,
    ) -> Result<BTreeSet<(LinkName, fabric::Mac)>, KernelError> {
        let entries = self.netlink.filters().await?;
        Ok(entries
            .iter()
            .filter_map(unicast::read)
            .filter_map(|(index, mac)| {
                self.indexes.name_of(index).map(|name| (name.clone(), mac))
            })
            .collect())
    }
}
