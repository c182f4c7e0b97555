//! From the queues that are there to those that should be.
//!
//! Classes change in place. What is deleted and made again is only what HTB
//! can't change: a class that moves, or turns from a leaf into an inner class
//! or back. Whoever numbers classes avoids that.
//!
//! The order keeps promises from the first step to the last. A class's rate is
//! a guarantee, which HTB gives without asking the class above. So what goes
//! and what is lowered comes first, from the leaves up, then what is raised and
//! what is new, from the top down: at no time do the guarantees under a class
//! add up to more than it has, if they don't before and after.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{Class, ClassId, Queue, QueueTree};

/// One change to a link's queues. It leaves no choice to whoever makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum QueueStep {
    /// Make HTB the link's root. It stays until the link goes.
    AddRoot {
        /// Where a frame goes that is of no class.
        default: Option<ClassId>,
    },
    /// Add a class. A leaf has the kernel's own queue until the next step.
    AddClass {
        /// The class.
        id: ClassId,
        /// What it is like.
        class: Class,
    },
    /// Change a class in place, all but its queue.
    ChangeClass {
        /// The class.
        id: ClassId,
        /// What it was like.
        from: Class,
        /// What it becomes, with the queue that it has.
        to: Class,
    },
    /// Delete a class, and with it what waits in its queue.
    DeleteClass {
        /// The class.
        id: ClassId,
        /// What it was like.
        class: Class,
    },
    /// Give a leaf its queue, or change it. What waits stays, unless the queue
    /// becomes one of another kind.
    PutQueue {
        /// The leaf.
        id: ClassId,
        /// What it had; none: it is new.
        from: Option<Queue>,
        /// What it gets.
        to: Queue,
    },
}

impl QueueStep {
    /// Whether it takes something away. Such steps wait until no frame is put
    /// into the class any more, all others come before one is.
    #[must_use]
    pub fn takes_away(&self) -> bool {
        matches!(self, Self::DeleteClass { .. })
    }

    /// The steps that take this one back, as far as that can be done: frames
    /// that waited in a queue are gone with it, and the root stays.
    #[must_use]
    pub fn undo(&self) -> Vec<Self> {
        match self.clone() {
            Self::AddRoot { .. } => Vec::new(),
            Self::AddClass { id, class } => {
                vec![Self::DeleteClass { id, class }]
            }
            Self::ChangeClass { id, from, to } => {
                vec![Self::ChangeClass { id, from: to, to: from }]
            }
            Self::DeleteClass { id, class } => add(id, &class).collect(),
            Self::PutQueue { id, from: Some(from), to } => {
                // The kernel's own queue can't be asked for.
                let known = from.kind().is_some();
                let back = Self::PutQueue { id, from: Some(to), to: from };
                known.then_some(back).into_iter().collect()
            }
            Self::PutQueue { from: None, .. } => Vec::new(),
        }
    }
}

impl fmt::Display for QueueStep {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::AddRoot { default: Some(default) } => {
                write!(f, "add htb default {default}")
            }
            Self::AddRoot { default: None } => write!(f, "add htb"),
            Self::AddClass { id, class } => write!(f, "add class {id} {class}"),
            Self::ChangeClass { id, to, .. } => {
                write!(f, "change class {id} {to}")
            }
            Self::DeleteClass { id, .. } => write!(f, "delete class {id}"),
            Self::PutQueue { id, to, .. } => write!(f, "put queue {id} {to}"),
        }
    }
}

/// The root that is there sends frames of no class somewhere else, and HTB
/// can't be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "frames of no class go to {}, and that can't be changed to {}",
    shown(*observed), shown(*wanted)
)]
pub struct DefaultDiffers {
    /// Where they go.
    pub observed: Option<ClassId>,
    /// Where they should go.
    pub wanted: Option<ClassId>,
}

fn shown(class: Option<ClassId>) -> String {
    class.map_or("nobody".to_owned(), |class| class.to_string())
}

impl QueueTree {
    /// The changes that make the queues of a link these, in their order. None
    /// where `observed` has them already.
    ///
    /// # Errors
    /// [`DefaultDiffers`] when the root that is there is none to build on.
    pub fn steps(
        &self,
        observed: Option<&Self>,
    ) -> Result<Vec<QueueStep>, DefaultDiffers> {
        let nothing = BTreeMap::new();
        let mut steps = Vec::new();
        let old = match observed {
            None => {
                steps.push(QueueStep::AddRoot { default: self.default });
                &nothing
            }
            Some(tree) if tree.default == self.default => &tree.classes,
            Some(tree) => {
                let (observed, wanted) = (tree.default, self.default);
                return Err(DefaultDiffers { observed, wanted });
            }
        };
        let new = &self.classes;
        let (down, up) = (downwards(new), downwards(old));
        let stays = staying(old, new, &down);

        for id in up.iter().rev().filter(|id| !stays.contains(id)) {
            let class = old[id].clone();
            steps.push(QueueStep::DeleteClass { id: *id, class });
        }
        for id in down.iter().rev().filter(|id| stays.contains(id)) {
            if new[id].rate < old[id].rate {
                steps.extend(change(*id, &old[id], &new[id]));
            }
        }
        for id in &down {
            let class = &new[id];
            if !stays.contains(id) {
                steps.extend(add(*id, class));
                continue;
            }
            if class.rate >= old[id].rate {
                steps.extend(change(*id, &old[id], class));
            }
            if let (Some(from), Some(to)) = (old[id].queue(), class.queue())
                && from != to
            {
                let from = Some(from);
                steps.push(QueueStep::PutQueue { id: *id, from, to });
            }
        }
        Ok(steps)
    }
}

fn add(id: ClassId, class: &Class) -> impl Iterator<Item = QueueStep> {
    let queue = class.queue().filter(|queue| queue.kind().is_some());
    let put = queue.map(|to| QueueStep::PutQueue { id, from: None, to });
    [QueueStep::AddClass { id, class: class.clone() }].into_iter().chain(put)
}

fn change(id: ClassId, from: &Class, to: &Class) -> Option<QueueStep> {
    let (from, to) = (from.clone(), to.with_queue_of(from));
    (from != to).then_some(QueueStep::ChangeClass { id, from, to })
}

/// The classes that can stay where they are.
fn staying(
    old: &BTreeMap<ClassId, Class>,
    new: &BTreeMap<ClassId, Class>,
    down: &[ClassId],
) -> BTreeSet<ClassId> {
    let mut stays = BTreeSet::new();
    for id in down {
        let class = &new[id];
        let parent_stays = class.parent.is_none_or(|id| stays.contains(&id));
        if parent_stays && old.get(id).is_some_and(|c| c.can_become(class)) {
            stays.insert(*id);
        }
    }
    stays
}

/// All classes, each after its parent.
fn downwards(classes: &BTreeMap<ClassId, Class>) -> Vec<ClassId> {
    let mut ids: Vec<ClassId> = classes.keys().copied().collect();
    ids.sort_by_cached_key(|id| {
        let parent = |id: &ClassId| classes.get(id)?.parent;
        let above = std::iter::successors(Some(*id), parent);
        // HTB has eight levels; a ring would have no end.
        above.take(9).count()
    });
    ids
}
