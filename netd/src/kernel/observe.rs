//! Reading what is there.

use std::collections::{BTreeMap, BTreeSet};

use fabric::shaping::{QueueTree, Shaper};
use fabric::{
    EndRings, HostCpus, HostEnd, LinkName, Observed, ObservedProgram, Program,
    Zone,
};
use flows::LinkIndexes;

use super::links::{self, Found, What};
use super::netlink::Netlink;
use super::queues::{Queues, Root};
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
        // What is yet unread is older than what is read now.
        let _ = self.news.read();
        self.speeds.clear();
        self.keep_pins();
        self.observe_links(&mut observed).await?;
        self.observe_zones(&mut observed, zones);
        observed.cpus = self.cpus();
        observed.rings = self.rings(observed.host_ends.keys());
        let Observed { host_ends, shaper_ends, links, .. } = &observed;
        let links =
            host_ends.keys().chain(shaper_ends.keys().chain(links.keys()));
        observed.programs = self.observe_programs(&observed, links)?;
        observed.tables = self.datapath.observe(&self.indexes)?;
        observed.unicast = self.observe_unicast()?;
        observed.queue_kind = self.queues.kind().await?;
        observed.queues = self.observe_queues(&observed, None)?;
        Ok(observed)
    }

    /// Reads the state of links again, and says whether that is news.
    ///
    /// # Errors
    /// When netlink can't be read.
    pub async fn observe_states(
        &mut self,
        observed: &mut Observed,
    ) -> Result<bool, KernelError> {
        let mut news = false;
        for found in Netlink::links(links::read)? {
            // What has changed besides is about to be said.
            if self.indexes.index_of(&found.name) == Some(found.index) {
                news |= file(observed, found);
            }
        }
        Ok(news)
    }

    /// Reads one host end again, and says whether that is news.
    ///
    /// # Errors
    /// When netlink can't be read.
    pub async fn look_at(
        &mut self,
        observed: &mut Observed,
        host_end: &LinkName,
    ) -> Result<bool, KernelError> {
        let message = self.netlink.link(host_end).await?;
        let found = links::read(&message);
        Ok(found.is_some_and(|found| file(observed, found)))
    }

    /// Reads all links.
    async fn observe_links(
        &mut self,
        observed: &mut Observed,
    ) -> Result<(), KernelError> {
        let all = Netlink::links(links::read)?;
        let mut indexes = LinkIndexes::default();
        observed.links.clear();
        observed.host_ends.clear();
        observed.shaper_ends.clear();
        observed.unfinished.clear();
        observed.torn.clear();
        for found in all {
            found.enter(&mut indexes);
            file(observed, found);
        }
        // The far end of a shaper goes with its near end, finished or not.
        for near in &observed.unfinished {
            if let Some(shaper) = Shaper::of_near_end(near) {
                observed.shaper_ends.remove(&shaper.far_end());
            }
        }
        let old = std::mem::replace(&mut self.indexes, indexes);
        observed
            .refusing
            .retain(|name| self.indexes.index_of(name) == old.index_of(name));
        Ok(())
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

    /// The host's CPUs.
    #[must_use]
    pub fn cpus(&self) -> HostCpus {
        self.sysfs.cpus()
    }

    /// Reads the queues of host ends, at the price of a few small files for
    /// each. One that goes meanwhile is left out.
    pub fn rings<'a>(
        &self,
        host_ends: impl Iterator<Item = &'a LinkName>,
    ) -> BTreeMap<LinkName, EndRings> {
        let read = host_ends.filter_map(|link| {
            match self.sysfs.rings(link.as_str()) {
                Ok(rings) => Some((link.clone(), rings)),
                Err(error) => {
                    tracing::warn!(%link, %error, "its queues are not known");
                    None
                }
            }
        });
        read.collect()
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

    /// Asks the drivers of `links` for their speeds, each once until the link
    /// changes.
    pub async fn observe_speeds(
        &mut self,
        observed: &mut Observed,
        links: &BTreeSet<LinkName>,
    ) {
        let new = |name: &&LinkName| !self.speeds.contains_key(*name);
        let new: BTreeSet<LinkName> =
            links.iter().filter(new).cloned().collect();
        let mut told = ethtool::speeds(&new).await;
        self.speeds.extend(new.into_iter().map(|name| {
            let speed = told.remove(&name);
            (name, speed)
        }));
        for name in links {
            let speed = self.speeds.get(name).copied().flatten();
            if let Some(link) = observed.links.get_mut(name)
                && speed.is_some()
            {
                link.speed = speed;
            }
        }
    }

    /// Looks which of `zones` are running.
    fn observe_zones(&self, observed: &mut Observed, zones: &BTreeSet<Zone>) {
        let running = zones.iter().filter(|zone| Self::is_running(zone));
        observed.zones = running.cloned().collect();
    }

    /// Looks what is on the hooks of links, of those that have any.
    pub(super) fn observe_programs<'a>(
        &self,
        observed: &Observed,
        links: impl Iterator<Item = &'a LinkName>,
    ) -> Result<BTreeMap<(LinkName, Program), ObservedProgram>, KernelError>
    {
        let mut programs = BTreeMap::new();
        for name in links {
            let hooks = hooks(observed, name);
            if hooks.is_empty() {
                continue;
            }
            let index = self.index(name)?;
            for &program in hooks {
                if let Some(state) = self.datapath.hook(program, index)? {
                    programs.insert((name.clone(), program), state);
                }
            }
        }
        Ok(programs)
    }

    /// Reads the queues of links of ours, or of some of them. What somebody
    /// else has put on one is none of ours, and in the way of the first of
    /// ours.
    pub(super) fn observe_queues(
        &self,
        observed: &Observed,
        some: Option<&BTreeSet<LinkName>>,
    ) -> Result<BTreeMap<LinkName, QueueTree>, KernelError> {
        let near = observed.shaper_ends.keys();
        let near = near.filter(|name| Shaper::of_near_end(name).is_some());
        let links = observed.host_ends.keys().chain(near);
        let links =
            links.filter(|name| some.is_none_or(|some| some.contains(*name)));
        let indexes = links.filter_map(|name| self.indexes.index_of(name));
        let roots = Queues::observe(&indexes.collect())?;
        let trees = roots.into_iter().filter_map(|(index, root)| {
            let name = self.indexes.name_of(index)?.clone();
            match root {
                Root::Tree(tree) => Some((name, tree)),
                Root::Foreign(_) => None,
            }
        });
        Ok(trees.collect())
    }

    fn observe_unicast(
        &self,
    ) -> Result<BTreeSet<(LinkName, fabric::Mac)>, KernelError> {
        let entries = Netlink::filters(unicast::read)?.into_iter();
        let named = entries.filter_map(|(index, mac)| {
            self.indexes.name_of(index).map(|name| (name.clone(), mac))
        });
        Ok(named.collect())
    }
}

/// The programs that a link may have on its hooks.
fn hooks(observed: &Observed, link: &LinkName) -> &'static [Program] {
    if observed.host_ends.contains_key(link) {
        return &[Program::FromVnic];
    }
    if observed.shaper_ends.contains_key(link) {
        let far = Shaper::of_far_end(link).is_some();
        return if far { &[Program::FromShaper] } else { &[] };
    }
    let found = observed.links.get(link);
    match found.is_some_and(|link| link.class.carries_vnics()) {
        true => &[Program::FromLink, Program::ToLink],
        false => &[],
    }
}

/// Files a link under what it is, and says whether that is news to a plan.
pub(super) fn file(observed: &mut Observed, found: Found) -> bool {
    let Found { name, what, .. } = found;
    let Observed { links, host_ends, shaper_ends, torn, unfinished, .. } =
        observed;
    let mut news = false;
    let is_torn = match what {
        What::Ours(_, torn) => torn,
        _ => None,
    };
    news |= torn.get(&name).copied() != is_torn;
    match is_torn {
        Some(is) => torn.insert(name.clone(), is),
        None => torn.remove(&name),
    };
    if !matches!(what, What::Unfinished) {
        news |= unfinished.remove(&name);
    }
    if !matches!(what, What::Foreign(_)) {
        news |= links.remove(&name).is_some();
    }
    if !matches!(what, What::Ours(..)) {
        news |= host_ends.remove(&name).is_some();
    }
    if !matches!(what, What::Shaper(_)) {
        news |= shaper_ends.remove(&name).is_some();
    }
    news | match what {
        // No plan depends on who has carrier.
        What::Ours(end, _) => {
            let was = host_ends.insert(name, end);
            let carrier = end.carrier;
            was.map(|was| HostEnd { carrier, ..was }) != Some(end)
        }
        What::Unfinished => unfinished.insert(name),
        What::Shaper(up) => shaper_ends.insert(name, up) != Some(up),
        What::Foreign(mut link) => {
            // What is asked of drivers is not told here.
            if let Some(was) = links.get(&name) {
                (link.speed, link.duplex) = (was.speed, was.duplex);
                link.lro = was.lro;
            }
            links.insert(name, link.clone()).as_ref() != Some(&link)
        }
        What::Other => false,
    }
}
