//! Requests of guests that a DHCP server may still answer.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fabric::LinkId;

use super::record::{Method, Moment, Offer, Pending};

/// How long a request waits for its answer, in seconds, and an offer for its
/// request. Clients repeat theirs sooner: after 4 to 64 seconds (RFC 2131,
/// 4.1), or 1 to 30 (RFC 8415, 7.6). It is illumos's number as well.
pub(super) const PATIENCE: u64 = 60;
/// The most requests of one VNIC's guest. A client has one or two; the guest
/// makes up as many numbers as it likes.
const PENDING_MAX: usize = 64;
/// The most offers to one request. Few networks have more than two servers.
const OFFERS_MAX: usize = 8;

/// What tells one request from all others. The number comes first, because
/// that is what an answer has.
type Key = (Method, u32, LinkId);

/// All requests.
#[derive(Clone, Debug, Default)]
pub(super) struct Exchanges {
    pending: BTreeMap<Key, Pending>,
    /// The same, by their end.
    ends: BTreeSet<(Moment, Key)>,
    /// The same, by guest, the oldest first: all of them wait equally long.
    ages: BTreeSet<(LinkId, Moment, Key)>,
}

fn key(pending: &Pending) -> Key {
    (pending.method, pending.xid, pending.id)
}

impl Exchanges {
    /// All of them.
    pub(super) fn all(&self) -> impl Iterator<Item = &Pending> {
        self.pending.values()
    }

    /// Enters a request, or one that is repeated: then it waits anew, and what
    /// was offered stays. Another client's with the same number takes the
    /// place of the first. With one too many the guest's oldest goes.
    pub(super) fn open(&mut self, mut new: Pending) {
        let key = key(&new);
        if let Some(old) = self.close(key)
            && (old.chaddr, &old.client) == (new.chaddr, &new.client)
        {
            new.awaits = new.awaits.max(old.awaits);
            new.offers = old.offers;
        }
        let oldest = self.of(new.id).next();
        if let Some(oldest) = oldest
            && self.of(new.id).count() >= PENDING_MAX
        {
            self.close(oldest);
        }
        self.ends.insert((new.until, key));
        self.ages.insert((new.id, new.until, key));
        self.pending.insert(key, new);
    }

    /// Ends a request.
    pub(super) fn close(&mut self, key: Key) -> Option<Pending> {
        let old = self.pending.remove(&key)?;
        self.ends.remove(&(old.until, key));
        self.ages.remove(&(old.id, old.until, key));
        Some(old)
    }

    /// One guest's request of a number.
    pub(super) fn get(&self, key: Key) -> Option<&Pending> {
        self.pending.get(&key)
    }

    /// Every guest's request of a number.
    pub(super) fn numbered(
        &self,
        method: Method,
        xid: u32,
    ) -> impl Iterator<Item = &Pending> {
        let keys = (method, xid, LinkId(0))..=(method, xid, LinkId(u32::MAX));
        self.pending.range(keys).map(|(_, pending)| pending)
    }

    /// Adds an offer to a request. One that is repeated counts anew; one too
    /// many is not remembered.
    pub(super) fn offer(&mut self, key: Key, new: Offer, now: Moment) {
        let Some(pending) = self.pending.get_mut(&key) else { return };
        pending.offers.retain(|old| {
            let same = (old.address, old.iaid) == (new.address, new.iaid);
            old.until > now && !same
        });
        if pending.offers.len() < OFFERS_MAX {
            pending.offers.push(new);
        }
    }

    /// One guest's requests, the oldest first.
    fn of(&self, id: LinkId) -> impl Iterator<Item = Key> {
        let lowest = (id, Moment(0), LOWEST);
        let highest = (id, Moment(u64::MAX), HIGHEST);
        self.ages.range(lowest..=highest).map(|(.., key)| *key)
    }

    /// What a client was offered, in whichever exchange, and still counts.
    pub(super) fn offers(
        &self,
        id: LinkId,
        (method, client): (Method, &[u8]),
        now: Moment,
    ) -> BTreeSet<(IpAddr, u32)> {
        self.of(id)
            .filter_map(|key| self.pending.get(&key))
            .filter(|old| old.method == method && old.client == client)
            .flat_map(|old| old.offered(now))
            .collect()
    }

    /// Ends every request that has waited too long.
    pub(super) fn expire(&mut self, now: Moment) {
        while self.ends.first().is_some_and(|(until, _)| *until <= now) {
            if let Some((_, key)) = self.ends.pop_first() {
                self.close(key);
            }
        }
    }

    /// When the next request has waited too long.
    pub(super) fn next_end(&self) -> Option<Moment> {
        self.ends.first().map(|(until, _)| *until)
    }

    /// Ends those requests of a guest that are not to be kept.
    pub(super) fn retain(
        &mut self,
        id: LinkId,
        keep: impl Fn(&Pending) -> bool,
    ) {
        let gone = self.of(id).filter(|key| !self.get(*key).is_some_and(&keep));
        let gone: Vec<Key> = gone.collect();
        for key in gone {
            self.close(key);
        }
    }
}

/// The ends of what a guest may have pending.
const LOWEST: Key = (Method::Dhcpv4, 0, LinkId(0));
const HIGHEST: Key = (Method::Slaac, u32::MAX, LinkId(u32::MAX));
