//! The way from what is to what should be.
//!
//! A plan has two halves. The first takes away: rows of VNICs that go are
//! deleted, then their links, then programs that nothing needs. The second
//! builds: links, programs on empty hooks, then rows and what they ask of a NIC,
//! and last each host end is switched on, so a guest's first frame meets complete
//! tables. Queues are there before a row leads to them, and go after.
//! Taking away comes first because what is built may reuse a name or an address
//! that it frees.
//!
//! A program that is exchanged for a newer one sees traffic all the while, and the
//! newer one may read tables that were empty when the plan was made. So programs
//! are exchanged when all rows are there, and before anything goes that only the
//! older ones lead to.
//!
//! Before all that goes what an earlier netd had begun to make when it died: a
//! link that is half made is deleted, and made anew where it is wanted. What it
//! had begun to change of a host end is set again, because nobody sees from
//! here how far it got at the guest end.
//!
//! [`plan()`] is total: what can't be built now is listed as [`Blocked`] and the
//! rest goes ahead. A VNIC that was built and has lost its link is not deleted:
//! its guest end would take its addresses and routes along. It is *parked*, as
//! if its cable had been pulled: off, and without rows, until the link is back.

mod diff;
mod kind;
mod nic;
mod queues;
mod rings;
mod step;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::datapath::DatapathTables;
use crate::shaping::Shaping;
use crate::{
    Ends, HostEnd, LinkName, Observed, ObservedProgram, Program, ResolvedSpec,
    ResolvedVnic, Status, Torn, Vnic, VnicKey,
};

pub use kind::StepKind;
pub use nic::first_used;
pub use step::Step;

/// An ordered list of steps, and what is left out.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// What to do, first to last.
    pub steps: Vec<Step>,
    /// What has to wait, and why.
    pub blocked: Vec<Blocked>,
}

impl Plan {
    /// Whether there is nothing to do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.steps.is_empty()
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for step in &self.steps {
            writeln!(f, "{step}")?;
        }
        for blocked in &self.blocked {
            writeln!(f, "blocked {blocked}")?;
        }
        Ok(())
    }
}

/// A part of the desired state that can't be built now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocked {
    /// Whose turn it isn't.
    pub id: crate::LinkId,
    /// Its name, for people.
    pub subject: String,
    /// The kind of obstacle.
    pub status: Status,
    /// The obstacle in a few words.
    pub reason: String,
}

impl fmt::Display for Blocked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.subject, self.reason)
    }
}

/// Works out the steps from `observed` to `resolved`, whose tables and queues
/// `tables` and `shaping` are.
#[must_use]
pub fn plan(
    resolved: &ResolvedSpec,
    tables: &DatapathTables,
    shaping: &Shaping,
    observed: &Observed,
) -> Plan {
    let wanted: BTreeMap<LinkName, &ResolvedVnic> = resolved
        .vnics
        .values()
        .map(|vnic| (Vnic::host_end(vnic.id), vnic))
        .collect();
    let missing: BTreeSet<LinkName> = wanted
        .keys()
        .filter(|name| !observed.host_ends.contains_key(*name))
        .cloned()
        .collect();
    let waiting: BTreeSet<LinkName> =
        resolved.blocked.iter().map(|vnic| Vnic::host_end(vnic.id)).collect();
    let (parked, surplus): (BTreeSet<LinkName>, BTreeSet<LinkName>) = observed
        .host_ends
        .keys()
        .filter(|name| !wanted.contains_key(*name))
        .cloned()
        .partition(|name| waiting.contains(name));
    // What the tables hold between the halves: all that is wanted, less what
    // names links that are yet to be made.
    let between = if missing.is_empty() {
        Cow::Borrowed(tables)
    } else {
        Cow::Owned(tables.without(&missing))
    };

    let nics = nic::nics(tables, observed);
    let queues = queues::queues(shaping, &missing, observed);
    let unfinished = observed.unfinished.iter().cloned();
    let mut steps: Vec<Step> =
        unfinished.map(|link| Step::DeletePair { link }).collect();
    steps.extend(nics.before);
    steps.extend(queues.before);
    steps.extend(
        (&parked | &surplus)
            .iter()
            .filter(|link| observed.host_ends[*link].up)
            .map(|link| Step::LinkDown { link: link.clone() }),
    );
    steps.extend(nics.away);
    steps.extend(diff::rows(&observed.tables, &between));
    let hooks = hooks(&wanted, tables);
    let programs = observed.programs.keys();
    // A shaper's goes with it.
    let programs = programs.filter(|(_, p)| *p != Program::FromShaper);
    for (link, program) in programs {
        // A hook on a host end goes with the link, and closes one that waits.
        let stays = hooks.contains(&(link.clone(), *program));
        let host_end = parked.contains(link) || surplus.contains(link);
        if !stays && !host_end {
            let (link, program) = (link.clone(), *program);
            steps.push(Step::Detach { link, program });
        }
    }
    steps.extend(surplus.into_iter().map(|link| Step::DeletePair { link }));

    for name in &missing {
        steps.push(create(name, wanted[name]));
    }
    let mut exchanged = queues.exchanged;
    for (link, program) in hooks {
        let key = (link.clone(), program);
        let (replace, place) = match observed.programs.get(&key) {
            Some(ObservedProgram::Current) => continue,
            Some(ObservedProgram::Outdated) => (true, &mut exchanged),
            None => (false, &mut steps),
        };
        place.push(Step::Attach { link, program, replace });
    }
    for (name, vnic) in &wanted {
        let torn = |what| observed.torn.get(name) == Some(&what);
        if let Some(end) = observed.host_ends.get(name)
            && (end.mtu != vnic.mtu || torn(Torn::Mtu))
        {
            let (link, from, to) = (name.clone(), end.mtu, vnic.mtu);
            let zone = vnic.zone.clone();
            steps.push(Step::SetMtu { link, zone, from, to });
        }
        let end = observed.host_ends.get(name);
        let from = end.map_or(HostEnd::MOST_SEGS, |end| end.segs);
        if let Some(&to) = shaping.segs.get(name)
            && (from != to || torn(Torn::Segs))
        {
            let (link, zone) = (name.clone(), vnic.zone.clone());
            steps.push(Step::SetSegs { link, zone, from, to });
        }
        steps.extend(rings::rings(name, vnic, observed));
    }
    steps.extend(queues.built);
    steps.extend(diff::rows(&between, tables));
    steps.extend(nics.built);
    steps.extend(exchanged);
    for name in wanted.keys() {
        if !observed.host_ends.get(name).is_some_and(|end| end.up) {
            steps.push(Step::LinkUp { link: name.clone() });
        }
    }
    steps.extend(queues.after);
    Plan { steps, blocked: resolved.blocked.clone() }
}

fn create(host_end: &LinkName, vnic: &ResolvedVnic) -> Step {
    let (link, zone) = (host_end.clone(), vnic.zone.clone());
    let (mtu, over) = (vnic.mtu, vnic.over.clone());
    match vnic.ends {
        Ends::Pair => {
            let (guest_end, mac) = (vnic.name.clone(), vnic.mac);
            Step::CreatePair { link, guest_end, zone, mac, mtu, over }
        }
        Ends::Tap { owner, several } => {
            let vnic = VnicKey { zone, name: vnic.name.clone() };
            Step::CreateTap { link, vnic, owner, several, mtu, over }
        }
    }
}

/// The hooks that need a program.
fn hooks(
    wanted: &BTreeMap<LinkName, &ResolvedVnic>,
    tables: &DatapathTables,
) -> BTreeSet<(LinkName, Program)> {
    let host_ends = wanted.keys().map(|name| (name.clone(), Program::FromVnic));
    let links = nic::used(tables).into_iter().flat_map(|name| {
        [Program::FromLink, Program::ToLink]
            .map(|program| (name.clone(), program))
    });
    host_ends.chain(links).collect()
}
