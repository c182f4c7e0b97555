//! The book of addresses: who has which, since a guest came by it.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fabric::LinkId;

use super::record::{Change, Lan, Learned, Method, Moment};

/// The most addresses that one VNIC's guest may have come by in one way. A
/// guest makes up client ids as it likes, and memory is the host's.
pub(super) const ADDRESSES_MAX: usize = 32;

/// What all guests came by.
///
/// A guest has an address once, whichever way it came by it. Another way may
/// take it over when it gives it for longer: a router's prefix and a lease may
/// well make the same address, and the end of the one is not that of the other.
#[derive(Clone, Debug, Default)]
pub(super) struct Book {
    records: BTreeMap<(LinkId, IpAddr), Learned>,
    /// The same, of what ends, by its end.
    ends: BTreeSet<(Moment, LinkId, IpAddr)>,
    /// The same, by where it is.
    holders: BTreeMap<(Lan, IpAddr), LinkId>,
    /// Where each VNIC is. What was kept from before a restart has no place
    /// until the first [`Book::settle`].
    places: BTreeMap<LinkId, Lan>,
}

impl Book {
    /// Takes back what was written down, as it was.
    pub(super) fn restore(&mut self, learned: Learned) {
        self.write(learned);
    }

    /// All of it, by VNIC and address.
    pub(super) fn all(&self) -> impl Iterator<Item = &Learned> {
        self.records.values()
    }

    /// What one guest came by, IPv4 first.
    pub(super) fn of(&self, id: LinkId) -> impl Iterator<Item = &Learned> {
        let lowest = (id, IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let highest = (id, IpAddr::V6(Ipv6Addr::from([0xff; 16])));
        self.records.range(lowest..=highest).map(|(_, learned)| learned)
    }

    /// The record of a guest's address, if it has it.
    pub(super) fn get(&self, id: LinkId, address: IpAddr) -> Option<&Learned> {
        self.records.get(&(id, address))
    }

    /// Writes an address down, unless
    ///
    /// - another guest of the segment and VLAN has it: first come,
    /// - the guest has it for at least as long by another method, or
    /// - it would be one more than [`ADDRESSES_MAX`].
    ///
    /// These are refused without a word. Whoever may have the address is told
    /// so again when the lease is renewed, or the prefix announced.
    pub(super) fn learn(&mut self, new: Learned, changes: &mut Vec<Change>) {
        let Some(lan) = self.places.get(&new.id) else { return };
        let place = (lan.clone(), new.address);
        if self.holders.get(&place).is_some_and(|id| *id != new.id) {
            return;
        }
        let old = self.get(new.id, new.address);
        if old == Some(&new) {
            return;
        }
        let same_way = old.is_some_and(|old| old.method == new.method);
        if !same_way {
            if old.is_some_and(|old| !outlasts(&new, old)) {
                return;
            }
            let alike = self.of(new.id).filter(|old| old.method == new.method);
            if alike.count() >= ADDRESSES_MAX {
                return;
            }
        }
        self.holders.insert(place, new.id);
        self.write(new.clone());
        changes.push(Change::Learn(new));
    }

    /// Strikes an address out, if the guest has it.
    pub(super) fn forget(
        &mut self,
        id: LinkId,
        address: IpAddr,
        changes: &mut Vec<Change>,
    ) {
        let Some(old) = self.records.remove(&(id, address)) else { return };
        if let Some(until) = old.until {
            self.ends.remove(&(until, id, address));
        }
        if let Some(lan) = self.places.get(&id) {
            let place = (lan.clone(), address);
            if self.holders.get(&place) == Some(&id) {
                self.holders.remove(&place);
            }
        }
        changes.push(Change::Forget { id, address });
    }

    /// Strikes an address out, if the guest has it as this lease.
    pub(super) fn forget_lease(
        &mut self,
        id: LinkId,
        address: IpAddr,
        (method, client): (Method, &[u8]),
        changes: &mut Vec<Change>,
    ) {
        let leased = self.get(id, address).is_some_and(|learned| {
            learned.method == method && learned.client == client
        });
        if leased {
            self.forget(id, address, changes);
        }
    }

    /// Strikes out every lease of a client but that of one address.
    pub(super) fn forget_leases_but(
        &mut self,
        address: Option<IpAddr>,
        id: LinkId,
        (method, client): (Method, &[u8]),
        changes: &mut Vec<Change>,
    ) {
        let others: Vec<IpAddr> = self
            .of(id)
            .filter(|old| old.method == method && old.client == client)
            .map(|old| old.address)
            .filter(|old| Some(*old) != address)
            .collect();
        for old in others {
            self.forget(id, old, changes);
        }
    }

    /// Strikes out what has ended.
    pub(super) fn expire(&mut self, now: Moment, changes: &mut Vec<Change>) {
        while self.ends.first().is_some_and(|(until, ..)| *until <= now) {
            if let Some((_, id, address)) = self.ends.pop_first() {
                self.forget(id, address, changes);
            }
        }
    }

    /// When the next address ends.
    pub(super) fn next_end(&self) -> Option<Moment> {
        self.ends.first().map(|(until, ..)| *until)
    }

    /// Takes in where a VNIC is now, and strikes out what is not to be kept,
    /// everything where the VNIC is gone or was elsewhere, and what somebody
    /// has already where it is.
    pub(super) fn settle(
        &mut self,
        id: LinkId,
        lan: Option<Lan>,
        keep: impl Fn(&Learned) -> bool,
        changes: &mut Vec<Change>,
    ) {
        let before = self.places.get(&id);
        let moved = before.is_some() && before != lan.as_ref();
        let gone = lan.is_none() || moved;
        let gone = self.of(id).filter(|learned| gone || !keep(learned));
        let gone: Vec<IpAddr> = gone.map(|learned| learned.address).collect();
        for address in gone {
            self.forget(id, address, changes);
        }
        let Some(lan) = lan else {
            self.places.remove(&id);
            return;
        };
        let mine: Vec<IpAddr> = self.of(id).map(|old| old.address).collect();
        self.places.insert(id, lan.clone());
        for address in mine {
            let place = (lan.clone(), address);
            if *self.holders.entry(place).or_insert(id) != id {
                self.forget(id, address, changes);
            }
        }
    }

    fn write(&mut self, new: Learned) {
        let (id, address) = (new.id, new.address);
        let until = new.until;
        let old = self.records.insert((id, address), new);
        if let Some(old) = old.and_then(|old| old.until) {
            self.ends.remove(&(old, id, address));
        }
        if let Some(until) = until {
            self.ends.insert((until, id, address));
        }
    }
}

/// Whether the one ends later than the other.
fn outlasts(one: &Learned, other: &Learned) -> bool {
    match (one.until, other.until) {
        (_, None) => false,
        (None, Some(_)) => true,
        (Some(one), Some(other)) => one > other,
    }
}
