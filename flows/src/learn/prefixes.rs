//! The prefixes that routers announced, by where they did.

use std::collections::{BTreeMap, BTreeSet};

use super::record::{Lan, Moment};

/// The most prefixes of a segment and VLAN. Routers announce one or two; whoever
/// is on the wire can announce as many as it likes.
const PREFIXES_MAX: usize = 16;

/// The first half of an address.
pub(super) type Prefix = [u8; 8];

/// All prefixes, each with when it ends; none: never.
#[derive(Clone, Debug, Default)]
pub(super) struct Prefixes {
    known: BTreeMap<(Lan, Prefix), Option<Moment>>,
    /// Those that end, by their end.
    ends: BTreeSet<(Moment, Lan, Prefix)>,
}

impl Prefixes {
    /// Those of one segment and VLAN.
    pub(super) fn of(
        &self,
        lan: &Lan,
    ) -> impl Iterator<Item = (Prefix, Option<Moment>)> {
        let all = (lan.clone(), [0; 8])..=(lan.clone(), [0xff; 8]);
        self.known.range(all).map(|((_, prefix), until)| (*prefix, *until))
    }

    /// Enters a prefix, or what has become of it; false: it would be one too
    /// many.
    pub(super) fn announce(
        &mut self,
        lan: &Lan,
        prefix: Prefix,
        until: Option<Moment>,
    ) -> bool {
        let key = (lan.clone(), prefix);
        match self.known.get(&key) {
            Some(Some(old)) => {
                self.ends.remove(&(*old, lan.clone(), prefix));
            }
            Some(None) => {}
            None if self.of(lan).count() >= PREFIXES_MAX => return false,
            None => {}
        }
        if let Some(until) = until {
            self.ends.insert((until, lan.clone(), prefix));
        }
        self.known.insert(key, until);
        true
    }

    /// Leaves out what has ended.
    pub(super) fn expire(&mut self, now: Moment) {
        while self.ends.first().is_some_and(|(until, ..)| *until <= now) {
            if let Some((_, lan, prefix)) = self.ends.pop_first() {
                self.known.remove(&(lan, prefix));
            }
        }
    }

    /// When the next prefix ends.
    pub(super) fn next_end(&self) -> Option<Moment> {
        self.ends.first().map(|(until, ..)| *until)
    }

    /// Leaves out those of a place.
    pub(super) fn leave(&mut self, lan: &Lan) {
        let gone: Vec<_> = self.of(lan).collect();
        for (prefix, until) in gone {
            self.known.remove(&(lan.clone(), prefix));
            if let Some(until) = until {
                self.ends.remove(&(until, lan.clone(), prefix));
            }
        }
    }
}
