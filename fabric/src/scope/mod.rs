//! Planning for a few VNICs of many.
//!
//! What a change takes hardly ever depends on more VNICs than those that change
//! and a few beside them. A [`Scope`] is such a few: to plan for them alone, as
//! if there were no others, comes to the same steps as to plan for all. So the
//! price of a change is that of what changes, however many VNICs there are.
//!
//! What ties VNICs together, and who is in a scope because of it:
//!
//! - A flood list is a chain: those before and after a VNIC that comes or goes.
//! - A segment's row, the programs on its link and its shaper are there as long
//!   as some VNIC needs them: one that stays and does.
//! - A link's filter has one entry for an address, on whatever VLANs: who shares
//!   an address with one that changes.
//! - Classes have numbers, and shapers too: those that others have are noted
//!   down as taken ([`Elsewhere`]).
//!
//! A change that concerns everybody on a segment has no scope: one after which
//! all have to wait for their turn and before had not, or the other way round,
//! a link that carries something else than before, or less than is promised on
//! it, or that refuses addresses; and so has one by which a VNIC has to wait for
//! its link or its zone.

mod around;
mod within;

use std::collections::{BTreeMap, BTreeSet};

use crate::datapath::{FdbKey, FloodKey, FloodList, Segment};
use crate::shaping::{ClassId, Shaper};
use crate::{
    Guarantee, LinkId, LinkName, Mac, Observed, ResolvedSegment, ResolvedSpec,
    ResolvedVnic, VlanId, VnicKey,
};

/// The VNICs that decide what a change takes, as they were and as they are to
/// be.
#[derive(Clone, Debug, Default)]
pub struct Scope {
    /// Those that come, go or change.
    changed: BTreeSet<LinkId>,
    /// All of them, as they were.
    before: BTreeMap<LinkId, ResolvedVnic>,
    /// All of them that stay or come, as they are to be; nothing waits. Of the
    /// segments there are only the limits.
    after: ResolvedSpec,
}

/// What VNICs outside of a scope have of what is given out by number.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Elsewhere {
    /// Shapers that no VNIC of the scope has a place in.
    pub shapers: BTreeSet<Shaper>,
    /// Classes of the others, by near end of a shaper.
    pub classes: BTreeMap<LinkName, BTreeSet<ClassId>>,
}

impl Scope {
    /// Finds the scope of a change of the VNICs `changed`, which may come, go
    /// or be others than they were.
    ///
    /// `before` are all VNICs as they are built, and `observed` is what came of
    /// that: a plan for them must be empty. `after` has to have those of
    /// `changed` that are to be and everybody whom they could be in the way of
    /// ([`FabricSpec::around`](crate::FabricSpec::around)).
    ///
    /// None: it takes a plan for all.
    #[must_use]
    pub fn of(
        changed: &BTreeSet<LinkId>,
        before: &ResolvedSpec,
        after: &ResolvedSpec,
        observed: &Observed,
    ) -> Option<Self> {
        let waits = |id| before.blocked.iter().any(|one| one.id == id);
        if !after.blocked.is_empty() || changed.iter().any(|id| waits(*id)) {
            return None;
        }
        let mut scope = Self { changed: changed.clone(), ..Self::default() };
        for id in changed {
            let (was, is) = (before.vnics.get(id), after.vnics.get(id));
            scope.before.extend(was.map(|vnic| (*id, vnic.clone())));
            scope.after.vnics.extend(is.map(|vnic| (*id, vnic.clone())));
        }
        let touched: BTreeSet<Segment> =
            scope.versions().map(|vnic| vnic.segment.clone()).collect();
        for segment in touched {
            let limits = limits(&segment, changed, before, after)?;
            if segment
                .physical()
                .is_some_and(|link| observed.refusing.contains(link))
            {
                return None;
            }
            scope.after.segments.insert(segment, limits);
        }
        // Whom the change is in the way of, or gets out of the way of.
        let others = after.vnics.values();
        for vnic in others.filter(|vnic| !changed.contains(&vnic.id)) {
            let was = before.vnics.get(&vnic.id)?;
            if !is_same(was, vnic) {
                return None;
            }
            // It may have one of their addresses on another VLAN.
            if scope.after.segments.contains_key(&vnic.segment) {
                scope.add(was);
            }
        }
        scope.add_witnesses(before, observed)?;
        scope.add_neighbours(before, observed)?;
        Some(scope)
    }

    /// Those of the VNICs that are to be, for what changes by itself: the
    /// addresses that their guests came by.
    pub fn vnics_mut(&mut self) -> impl Iterator<Item = &mut ResolvedVnic> {
        self.after.vnics.values_mut()
    }

    /// The VNICs that come, go or change.
    #[must_use]
    pub fn changed(&self) -> &BTreeSet<LinkId> {
        &self.changed
    }

    /// What is to be of it.
    #[must_use]
    pub fn resolved(&self) -> &ResolvedSpec {
        &self.after
    }

    /// Adds one that doesn't change.
    fn add(&mut self, vnic: &ResolvedVnic) {
        self.before.insert(vnic.id, vnic.clone());
        self.after.vnics.insert(vnic.id, vnic.clone());
    }

    /// Every VNIC as it was and as it is to be.
    fn versions(&self) -> impl Iterator<Item = &ResolvedVnic> {
        self.before.values().chain(self.after.vnics.values())
    }

    /// The stations that the VNICs have and had.
    fn stations(&self) -> BTreeSet<FdbKey> {
        self.versions().flat_map(ResolvedVnic::stations).collect()
    }

    /// Adds, of each segment, one VNIC for each thing that is there because
    /// somebody needs it, where somebody who doesn't change does; none: what
    /// the change needs concerns all of them.
    fn add_witnesses(
        &mut self,
        before: &ResolvedSpec,
        observed: &Observed,
    ) -> Option<()> {
        let shaped = self.shaped(observed);
        let found = self.witnesses(before, observed, &shaped);
        for (segment, limits) in &self.after.segments {
            let others = limits.maxbw.is_some()
                || found.contains_key(&(segment, Need::Turns));
            let contend = |vnics: &BTreeMap<LinkId, ResolvedVnic>| {
                let mut here =
                    vnics.values().filter(|vnic| vnic.segment == *segment);
                here.any(ResolvedVnic::contends)
            };
            // Who has waited for a turn will, and the other way round.
            if !others && contend(&self.before) != contend(&self.after.vnics) {
                return None;
            }
            // One that waits for its zone keeps its segment, and nobody knows
            // here which that is.
            let mut vnics = self.after.vnics.values();
            let empty = !found.contains_key(&(segment, Need::Segment))
                && !vnics.any(|vnic| vnic.segment == *segment);
            if empty && !before.blocked.is_empty() {
                return None;
            }
        }
        let witnesses = found.into_values().chain(shaped.into_values());
        for id in witnesses.collect::<BTreeSet<_>>() {
            self.add(before.vnics.get(&id)?);
        }
        Some(())
    }

    /// Of each segment, one VNIC that doesn't change and has a place in its
    /// shaper.
    fn shaped(&self, observed: &Observed) -> BTreeMap<Segment, LinkId> {
        let mut shaped = BTreeMap::new();
        for row in observed.tables.vnics.values() {
            if shaped.len() == self.after.segments.len() {
                break;
            }
            if row.shaped.is_some()
                && self.after.segments.contains_key(&row.segment)
                && !self.changed.contains(&row.id)
            {
                shaped.entry(row.segment.clone()).or_insert(row.id);
            }
        }
        shaped
    }

    /// Of each segment, one VNIC that doesn't change for each of its needs.
    /// They are looked for only as long as there may be more: what nobody needs
    /// is not there.
    fn witnesses(
        &self,
        before: &ResolvedSpec,
        observed: &Observed,
        shaped: &BTreeMap<Segment, LinkId>,
    ) -> BTreeMap<(&Segment, Need), LinkId> {
        let mut wanted = BTreeSet::new();
        for segment in self.after.segments.keys() {
            let Some(row) = observed.tables.segments.get(segment) else {
                continue;
            };
            wanted.insert((segment, Need::Segment));
            if row.promiscuous {
                wanted.insert((segment, Need::Unknown));
            }
            if shaped.contains_key(segment) {
                wanted.insert((segment, Need::Turns));
            }
        }
        let mut found = BTreeMap::new();
        for vnic in before.vnics.values() {
            if wanted.is_empty() {
                break;
            }
            let place = self.after.segments.get_key_value(&vnic.segment);
            let Some((segment, _)) = place else { continue };
            if self.changed.contains(&vnic.id) {
                continue;
            }
            let needs = [
                (true, Need::Segment),
                (vnic.promiscuous, Need::Unknown),
                (vnic.contends(), Need::Turns),
            ];
            for (_, need) in needs.into_iter().filter(|(has, _)| *has) {
                if wanted.remove(&(segment, need)) {
                    found.insert((segment, need), vnic.id);
                }
            }
        }
        found
    }

    /// Adds those before and after each VNIC that changes, in the lists that it
    /// is in or will be in.
    fn add_neighbours(
        &mut self,
        before: &ResolvedSpec,
        observed: &Observed,
    ) -> Option<()> {
        let mut found = BTreeSet::new();
        for vnic in self.versions() {
            if !self.changed.contains(&vnic.id) {
                continue;
            }
            for list in [FloodList::All, FloodList::Unknown] {
                let (segment, vid) = (vnic.segment.clone(), vnic.vid_number());
                let key = FloodKey { segment, vid, list, id: vnic.id };
                let head = FloodKey { id: LinkId(0), ..key.clone() };
                let end = FloodKey { id: LinkId(u32::MAX), ..key.clone() };
                let flood = &observed.tables.flood;
                let ahead = flood.range(&head..&key).next_back();
                let behind = flood.range(&key..=&end).find(|(k, _)| **k != key);
                let beside = ahead.into_iter().chain(behind);
                found.extend(beside.map(|(key, _)| key.id));
            }
        }
        found.remove(&LinkId(0));
        for id in found {
            if !self.changed.contains(&id) {
                self.add(before.vnics.get(&id)?);
            }
        }
        Some(())
    }
}

/// What a VNIC needs of its segment that is there once for all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Need {
    /// Its row, and the programs on its link.
    Segment,
    /// Frames for stations that nobody knows.
    Unknown,
    /// That everybody waits for their turn.
    Turns,
}

/// The limits of a segment, where they are the same before and after and hold
/// what is promised.
fn limits(
    segment: &Segment,
    changed: &BTreeSet<LinkId>,
    before: &ResolvedSpec,
    after: &ResolvedSpec,
) -> Option<ResolvedSegment> {
    let (was, is) = (before.segments.get(segment), after.segments.get(segment));
    if let (Some(was), Some(is)) = (was, is)
        && (&was.over, was.speed, was.maxbw) != (&is.over, is.speed, is.maxbw)
    {
        return None;
    }
    let promises = |of: Option<&ResolvedSegment>, new: bool| -> u128 {
        let shares = of.into_iter().flat_map(|of| &of.guarantees);
        let shares = shares.filter(|(id, _)| changed.contains(id) == new);
        shares.map(|(_, share)| u128::from(share.minbw.bps())).sum()
    };
    let any = is.or(was)?;
    let others = promises(was, false);
    let most = others + promises(was, true).max(promises(is, true));
    let capacity = any.capacity().map_or(0, |capacity| capacity.bps());
    let guarantees = BTreeMap::new();
    (most <= u128::from(capacity))
        .then(|| ResolvedSegment { guarantees, ..any.clone() })
}

impl ResolvedVnic {
    /// Whether it is worth nothing to this VNIC what it is given unless
    /// everybody on its segment waits for their turn.
    #[must_use]
    pub fn contends(&self) -> bool {
        self.minbw.is_some() || self.priority != crate::Priority::OF_VNICS
    }

    /// Its VLAN as the tables write it; 0: untagged.
    #[must_use]
    pub fn vid_number(&self) -> u16 {
        VlanId::number(self.vid)
    }

    /// The addresses of its guest, its own first.
    pub fn macs(&self) -> impl Iterator<Item = Mac> {
        std::iter::once(self.mac).chain(self.secondary_macs.iter())
    }

    /// Where its guest's addresses are found.
    pub fn stations(&self) -> impl Iterator<Item = FdbKey> {
        self.macs().map(|mac| {
            let (segment, vid) = (self.segment.clone(), self.vid_number());
            FdbKey { segment, vid, mac }
        })
    }
}

/// Whether a VNIC is the same but for what its guest came by.
fn is_same(was: &ResolvedVnic, is: &ResolvedVnic) -> bool {
    let learned = was.learned.clone();
    *was == ResolvedVnic { learned, ..is.clone() }
}

impl ResolvedSpec {
    /// Becomes what it is after the change of a scope.
    pub fn adopt(&mut self, scope: Scope) {
        let Scope { changed, before, mut after } = scope;
        for id in &changed {
            self.vnics.remove(id);
        }
        for (segment, limits) in after.segments {
            let place = self.segments.entry(segment).or_insert(limits);
            place.guarantees.retain(|id, _| !changed.contains(id));
        }
        let left = before.into_values().map(|vnic| vnic.segment);
        let left: BTreeSet<Segment> = left.collect();
        after.vnics.retain(|id, _| changed.contains(id));
        for vnic in after.vnics.values() {
            if let Some(minbw) = vnic.minbw
                && let Some(place) = self.segments.get_mut(&vnic.segment)
            {
                let (zone, name) = (vnic.zone.clone(), vnic.name.clone());
                let vnic_key = VnicKey { zone, name };
                let share = Guarantee { vnic: vnic_key, minbw };
                place.guarantees.insert(vnic.id, share);
            }
        }
        self.vnics.append(&mut after.vnics);
        for segment in left {
            let mut vnics = self.vnics.values();
            if !vnics.any(|vnic| vnic.segment == segment) {
                self.segments.remove(&segment);
            }
        }
    }
}
