//! Small numbers for VNICs, by which programs find their traffic in an array.

use std::collections::{BTreeMap, BTreeSet};

use fabric::LinkId;

/// Who has which slot. A VNIC has one from before its first row is written
/// until its row in the table of VNICs is deleted.
///
/// Rows carry slots, so whoever opens the tables knows from them who has which.
/// Nothing else remembers them: to the planner a row is the same whatever its
/// slot.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Slots {
    of: BTreeMap<LinkId, u32>,
    taken: BTreeSet<u32>,
}

impl Slots {
    /// Nobody's: what is counted there is never read.
    pub(crate) const NONE: u32 = 0;

    /// Notes down a slot that is in a row already.
    pub(crate) fn insert(&mut self, id: LinkId, slot: u32) {
        if slot != Self::NONE && self.taken.insert(slot) {
            self.free(id);
            self.of.insert(id, slot);
        }
    }

    /// A VNIC's slot; [`Slots::NONE`] when it has none.
    pub(crate) fn of(&self, id: LinkId) -> u32 {
        self.of.get(&id).copied().unwrap_or(Self::NONE)
    }

    /// Gives a VNIC the lowest slot that is free. That it had one already is
    /// the answer none.
    pub(crate) fn take(&mut self, id: LinkId) -> Option<u32> {
        if self.of.contains_key(&id) {
            return None;
        }
        let mut slot = Self::NONE + 1;
        for taken in &self.taken {
            if *taken != slot {
                break;
            }
            slot += 1;
        }
        self.insert(id, slot);
        Some(slot)
    }

    /// Takes a VNIC's slot back.
    pub(crate) fn free(&mut self, id: LinkId) {
        if let Some(slot) = self.of.remove(&id) {
            self.taken.remove(&slot);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lowest_that_is_free_for_as_long_as_the_vnic_is_there() {
        let mut slots = Slots::default();
        let [a, b, c] = [7, 5, 9].map(LinkId);
        assert_eq!(slots.of(a), Slots::NONE);
        assert_eq!([a, b].map(|id| slots.take(id)), [Some(1), Some(2)]);
        assert_eq!(slots.take(a), None);
        slots.free(a);
        assert_eq!(slots.take(c), Some(1));
        assert_eq!([a, b, c].map(|id| slots.of(id)), [Slots::NONE, 2, 1]);
    }

    #[test]
    fn what_rows_say_counts_unless_another_row_said_so_first() {
        let mut slots = Slots::default();
        let [a, b, c] = [1, 2, 3].map(LinkId);
        slots.insert(a, 2);
        slots.insert(b, 2);
        slots.insert(b, Slots::NONE);
        assert_eq!([a, b].map(|id| slots.of(id)), [2, Slots::NONE]);
        slots.insert(a, 4);
        assert_eq!([b, c].map(|id| slots.take(id)), [Some(1), Some(2)]);
        assert_eq!([a, b, c].map(|id| slots.of(id)), [4, 1, 2]);
    }
}
