//! VNICs come, change and go, and so does the daemon.

use std::collections::{BTreeMap, BTreeSet};

use fabric::LinkId;

use super::record::{Change, Guest, Learned, Method, Moment, Pending};
use super::{Learner, slaac};

impl Learner {
    /// Takes back what an earlier one had learned and what it had pending, in
    /// the same boot. What has ended by `now` is left out, so [`Learner::all`]
    /// is what counts from here.
    ///
    /// Comes before the first [`Learner::enroll`], which strikes out what no
    /// VNIC should have any more. A record does not say on which segment it was
    /// learned: it is taken to be the one that its VNIC is enrolled on.
    pub fn restore(
        &mut self,
        learned: Vec<Learned>,
        pending: Vec<Pending>,
        now: Moment,
    ) {
        for learned in learned {
            self.book.restore(learned);
        }
        for pending in pending {
            self.exchanges.open(pending);
        }
        self.expire(now);
    }

    /// Takes in all VNICs whose guests may come by addresses, as they are now.
    /// One that comes twice counts as it came last.
    ///
    /// What a VNIC learned is forgotten when it is not among them, when it has
    /// moved to another segment or VLAN, and when the method is switched off;
    /// an address made of a MAC address, when the VNIC no longer has that. A
    /// new VNIC learns the addresses of the prefixes that were announced on its
    /// segment and VLAN while another VNIC was there. What is as it was costs a
    /// comparison.
    pub fn enroll(
        &mut self,
        guests: impl IntoIterator<Item = Guest>,
    ) -> Vec<Change> {
        let guests: BTreeMap<LinkId, Guest> =
            guests.into_iter().map(|new| (new.id, new)).collect();
        // Only what is restored has records and no guest yet.
        let restored = self.guests.is_empty();
        let mut changed: BTreeSet<LinkId> = self
            .guests
            .keys()
            .chain(guests.keys())
            .filter(|id| self.guests.get(id) != guests.get(id))
            .copied()
            .collect();
        if restored {
            changed.extend(self.book.all().map(|learned| learned.id));
            changed.extend(self.exchanges.all().map(|pending| pending.id));
        }
        let before = std::mem::replace(&mut self.guests, guests);
        self.follow(&before, changed, restored)
    }

    /// [`Learner::enroll`] of a few: the VNICs `some`, of which `guests` are
    /// those whose guests may come by addresses. All others are as they were.
    pub fn enroll_some(
        &mut self,
        some: &BTreeSet<LinkId>,
        guests: impl IntoIterator<Item = Guest>,
    ) -> Vec<Change> {
        let own = |id: &LinkId| self.guests.remove(id).map(|old| (*id, old));
        let before: BTreeMap<LinkId, Guest> =
            some.iter().filter_map(own).collect();
        let guests = guests.into_iter().filter(|new| some.contains(&new.id));
        self.guests.extend(guests.map(|new| (new.id, new)));
        let is_other = |id: &&LinkId| before.get(id) != self.guests.get(id);
        let changed = some.iter().filter(is_other).copied().collect();
        self.follow(&before, changed, false)
    }

    /// Strikes out and adopts what it takes that `changed` are not as they were
    /// `before`.
    fn follow(
        &mut self,
        before: &BTreeMap<LinkId, Guest>,
        changed: BTreeSet<LinkId>,
        restored: bool,
    ) -> Vec<Change> {
        self.move_stations(before, &changed);

        let mut changes = Vec::new();
        for id in &changed {
            let (old, new) = (before.get(id), self.guests.get(id));
            let lan = new.map(Guest::lan);
            let moved = old.is_some_and(|old| Some(old.lan()) != lan);
            let new = new.filter(|_| !moved);
            let uses = |method| new.filter(|new| new.uses(method));
            self.exchanges.retain(*id, |pending| {
                uses(pending.method).is_some_and(|new| {
                    pending.chaddr.is_none_or(|mac| new.macs.contains(&mac))
                })
            });
            let keep = |learned: &Learned| {
                uses(learned.method).is_some_and(|new| {
                    learned.method != Method::Slaac
                        || slaac::makes(&new.macs, learned.address)
                })
            };
            self.book.settle(*id, lan, keep, &mut changes);
        }
        if restored {
            self.recall_prefixes();
        }
        for id in changed {
            let Some(guest) = self.guests.get(&id) else { continue };
            let prefixes: Vec<_> = self.prefixes.of(&guest.lan()).collect();
            for (prefix, until) in prefixes {
                self.adopt(id, prefix, until, &mut changes);
            }
        }
        changes
    }

    /// Takes in which stations are where, of VNICs that changed. All that is
    /// left goes before anything comes: two may have exchanged an address. A
    /// place that has become empty is left with its prefixes.
    fn move_stations(
        &mut self,
        before: &BTreeMap<LinkId, Guest>,
        changed: &BTreeSet<LinkId>,
    ) {
        for old in changed.iter().filter_map(|id| before.get(id)) {
            if let Some(place) = self.lans.get_mut(&old.lan()) {
                place.guests.remove(&old.id);
                for mac in &old.macs {
                    place.stations.remove(mac);
                }
            }
        }
        for new in changed.iter().filter_map(|id| self.guests.get(id)) {
            let place = self.lans.entry(new.lan()).or_default();
            place.guests.insert(new.id);
            let stations = new.macs.iter().map(|mac| (*mac, new.id));
            place.stations.extend(stations);
        }
        for old in changed.iter().filter_map(|id| before.get(id)) {
            let lan = old.lan();
            if self.lans.get(&lan).is_some_and(|it| it.guests.is_empty()) {
                self.lans.remove(&lan);
                self.prefixes.leave(&lan);
            }
        }
    }

    /// Knows prefixes again by the addresses that were made of them, after a
    /// restart.
    fn recall_prefixes(&mut self) {
        for learned in self.book.all() {
            if learned.method == Method::Slaac
                && let Some(prefix) = slaac::prefix(learned.address)
                && let Some(guest) = self.guests.get(&learned.id)
                && let lan = guest.lan()
                && self.prefixes.of(&lan).all(|(old, _)| old != prefix)
            {
                self.prefixes.announce(&lan, prefix, learned.until);
            }
        }
    }
}
