//! Bringing what is known of the kernel up to date, by what it says itself.

use std::collections::{BTreeMap, BTreeSet};

use fabric::{LinkName, Observed, Program, Zone};

use super::links::{Found, What};
use super::news::Heard;
use super::observe::file;
use super::queues::Word;
use super::{Kernel, KernelError};
use crate::heap;

/// Of so much news at once the memory is worth giving back.
const MUCH: usize = 1000;

/// What a look at the news came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Update {
    /// All is as it was known to be.
    Same,
    /// Something has changed, and is known now.
    Changed,
    /// More has changed than is told: all has to be read anew.
    Stale,
}

impl Kernel {
    /// Takes in what the kernel has said since the last look, of its own
    /// accord: somebody's changes and our own. `zones` are those that somebody
    /// asks about, and `unnamed` those of them that nobody tells of.
    ///
    /// The price is that of the changes, however many links there are. What
    /// the news agrees with is not read again.
    ///
    /// # Errors
    /// When netlink can't be read.
    pub async fn catch_up(
        &mut self,
        observed: &mut Observed,
        zones: impl Iterator<Item = &Zone>,
        unnamed: impl Iterator<Item = &Zone>,
    ) -> Result<Update, KernelError> {
        let mut heard = self.news.read();
        if heard.lost {
            tracing::warn!("the kernel said more than could be heard");
            return Ok(Update::Stale);
        }
        let mut changed = false;
        for (index, found) in std::mem::take(&mut heard.links) {
            match self.take_link(observed, index, found) {
                Update::Same => {}
                Update::Changed => changed = true,
                Update::Stale => return Ok(Update::Stale),
            }
        }
        if heard.zones.mounts() {
            self.keep_pins();
        }
        // There may be thousands, and hardly ever any news.
        changed |= match heard.zones.is_quiet() {
            true => take_zones(observed, unnamed, &heard),
            false => take_zones(observed, zones, &heard),
        };
        changed |= self.take_queues(observed, &heard)?;
        let much = heard.links.len() + heard.queues.len() > MUCH;
        drop(heard);
        if much {
            heap::give_back();
        }
        Ok(if changed { Update::Changed } else { Update::Same })
    }

    /// Takes in what a link is now; none: it is gone, or has a name that none
    /// of ours could have.
    fn take_link(
        &mut self,
        observed: &mut Observed,
        index: u32,
        found: Option<Found>,
    ) -> Update {
        let mut changed = false;
        let was = self.indexes.name_of(index).cloned();
        if let Some(was) = was
            && found.as_ref().is_none_or(|found| found.name != was)
        {
            self.indexes.remove(index);
            self.speeds.remove(&was);
            // With it went what hung on it, and what rows say of it.
            if carries(observed, &was) {
                tracing::debug!(link = %was, "is gone with what it carried");
                return Update::Stale;
            }
            observed.refusing.remove(&was);
            changed |= observed.links.remove(&was).is_some();
            changed |= observed.unfinished.remove(&was);
        }
        if let Some(found) = found {
            let known = self.indexes.index_of(&found.name);
            if known.is_some_and(|known| known != index)
                && carries(observed, &found.name)
            {
                tracing::debug!(link = %found.name, "is another link now");
                return Update::Stale;
            }
            if matches!(found.what, What::Foreign(_)) {
                self.speeds.remove(&found.name);
            }
            found.enter(&mut self.indexes);
            changed |= file(observed, found);
        }
        if changed { Update::Changed } else { Update::Same }
    }

    /// Takes in what became of queues and programs. What is told is what was
    /// known already, where we did it ourselves.
    fn take_queues(
        &self,
        observed: &mut Observed,
        heard: &Heard,
    ) -> Result<bool, KernelError> {
        let (mut queues, mut hooks) = (BTreeSet::new(), BTreeSet::new());
        for ((index, ..), (there, word)) in &heard.queues {
            let Some(name) = self.indexes.name_of(*index) else { continue };
            if *word == Word::Hooks {
                hooks.insert(name.clone());
                continue;
            }
            let ours = observed.host_ends.contains_key(name)
                || observed.shaper_ends.contains_key(name);
            let tree = observed.queues.get(name);
            if ours && !word.agrees(*there, tree) {
                tracing::debug!(link = %name, ?word, there, "not as known");
                queues.insert(name.clone());
            }
        }
        let mut changed = false;
        if !hooks.is_empty() {
            let found = self.observe_programs(observed, hooks.iter())?;
            let mut known = BTreeMap::new();
            for hook in hooks.iter().flat_map(|name| {
                Program::ALL.map(|program| (name.clone(), program))
            }) {
                known.extend(observed.programs.remove_entry(&hook));
            }
            changed |= known != found;
            observed.programs.extend(found);
        }
        if !queues.is_empty() {
            let found = self.observe_queues(observed, Some(&queues))?;
            let known = observed.queues.iter();
            let known = known.filter(|(name, _)| queues.contains(*name));
            changed |= !known.eq(found.iter());
            observed.queues.retain(|name, _| !queues.contains(name));
            observed.queues.extend(found);
        }
        Ok(changed)
    }
}

/// Whether something of ours hangs on a link, so that it can't go alone.
fn carries(observed: &Observed, link: &LinkName) -> bool {
    observed.host_ends.contains_key(link)
        || observed.shaper_ends.contains_key(link)
        || observed.unicast.iter().any(|(on, _)| on == link)
        || observed.programs.keys().any(|(on, _)| on == link)
}

fn take_zones<'a>(
    observed: &mut Observed,
    zones: impl Iterator<Item = &'a Zone>,
    heard: &Heard,
) -> bool {
    let mut changed = false;
    let mut looked = BTreeSet::new();
    for zone in zones {
        let was = observed.zones.contains(zone);
        if !heard.zones.concerns(zone, was) || !looked.insert(zone) {
            continue;
        }
        let is = Kernel::is_running(zone);
        changed |= is != was;
        if is {
            observed.zones.insert(zone.clone());
        } else {
            observed.zones.remove(zone);
        }
    }
    changed
}
