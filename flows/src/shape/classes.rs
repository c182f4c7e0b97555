//! The numbers of classes.
//!
//! A class's number is in the programs' tables and in the kernel's queues, so
//! it stays as long as what it stands for. It is nobody's property beyond
//! that: nothing is stored, what is there says which numbers are taken.

use std::collections::{BTreeMap, BTreeSet};

use fabric::shaping::ClassId;

/// The lowest number given: 0 is no class and 1 the top of every tree.
pub const FIRST_CLASS: ClassId = ClassId(2);

/// The highest number given. A leaf's queue has its class's number as its
/// handle, and clsact has the one above.
pub const LAST_CLASS: ClassId = ClassId(0xfffe);

/// There are more classes than numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{wanted} queues on one link, and there can be {most}")]
pub struct ClassesFull {
    /// How many are wanted.
    pub wanted: usize,
    /// How many there can be, those that `allocate` was told to leave out
    /// taken off.
    pub most: usize,
}

/// Gives each of `wanted` a number of its own from `first` on, and to nobody
/// else. Who has one in `observed` keeps it; others get the lowest that is free.
///
/// A number that somebody has who is not wanted any more is given only when
/// there is no other, so that a class can be added before that one is deleted.
/// Where two claim the same number, or one that is not to be given, the first
/// of them keeps it if it can be kept, and the others get new ones.
///
/// `others` are the numbers of classes that nothing here is about. They are
/// nobody's to have.
///
/// # Errors
/// [`ClassesFull`] when there are not enough numbers.
pub fn allocate<K: Clone + Ord>(
    observed: &BTreeMap<K, ClassId>,
    wanted: &BTreeSet<K>,
    first: ClassId,
    others: &BTreeSet<ClassId>,
) -> Result<BTreeMap<K, ClassId>, ClassesFull> {
    let numbers = first.max(FIRST_CLASS)..=LAST_CLASS;
    let most =
        usize::from((numbers.end().0 + 1).saturating_sub(numbers.start().0));
    let wanted_in_all = wanted.len() + others.range(numbers.clone()).count();
    if wanted_in_all > most {
        return Err(ClassesFull { wanted: wanted_in_all, most });
    }

    let mut given = BTreeMap::new();
    let mut taken = BTreeSet::new();
    for (key, id) in observed {
        let kept = wanted.contains(key)
            && numbers.contains(id)
            && !others.contains(id);
        if kept && taken.insert(*id) {
            given.insert(key.clone(), *id);
        }
    }
    let all = || (numbers.start().0..=numbers.end().0).map(ClassId);
    let all = || all().filter(|id| !others.contains(id));
    let leaving: BTreeSet<ClassId> =
        observed.values().filter(|id| !taken.contains(id)).copied().collect();
    let free = all().filter(|id| !taken.contains(id) && !leaving.contains(id));
    let last = all().filter(|id| leaving.contains(id));
    let new: Vec<K> =
        wanted.iter().filter(|key| !given.contains_key(key)).cloned().collect();
    // Enough of them: `wanted` fits, and each has at most one.
    given.extend(new.into_iter().zip(free.chain(last)));
    Ok(given)
}
