//! What each change does to HTB, without a kernel.
//!
//! It refuses what the kernel refuses, and also what the kernel does without a
//! word and nobody wants: a class without its parent lands at the top, a leaf
//! that is given a child loses its queue.

use std::collections::BTreeMap;

use super::{Class, ClassId, Queue, QueueStep, QueueTree};

/// A change that does not fit the queues that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum QueueError {
    /// The link has a root already.
    #[error("there is a root")]
    Root,
    /// The link has none.
    #[error("there is no root")]
    NoRoot,
    /// The class that is to be added is there.
    #[error("class {0} is there")]
    There(ClassId),
    /// The class is not there.
    #[error("class {0} is not there")]
    Missing(ClassId),
    /// The class, or its queue, is not what the change changes.
    #[error("class {0} was something else")]
    Differs(ClassId),
    /// The class can't be changed so in place.
    #[error("class {0} can't become that")]
    Fixed(ClassId),
    /// There are classes below the class that is to be deleted.
    #[error("class {0} has children")]
    HasChildren(ClassId),
    /// The class above holds a queue.
    #[error("class {0} is a leaf")]
    IsLeaf(ClassId),
}

/// Changes the queues of a link as the kernel would; none: it has no HTB.
///
/// # Errors
/// [`QueueError`] when the change doesn't fit; they are left as they were.
pub fn follow(
    tree: &mut Option<QueueTree>,
    step: &QueueStep,
) -> Result<(), QueueError> {
    if let QueueStep::AddRoot { default } = step {
        if tree.is_some() {
            return Err(QueueError::Root);
        }
        let (default, classes) = (*default, BTreeMap::new());
        *tree = Some(QueueTree { default, classes });
        return Ok(());
    }
    let classes = &mut tree.as_mut().ok_or(QueueError::NoRoot)?.classes;
    match step {
        QueueStep::AddRoot { .. } => {}
        QueueStep::AddClass { id, class } => {
            if classes.contains_key(id) {
                return Err(QueueError::There(*id));
            }
            if let Some(parent) = class.parent {
                match classes.get(&parent) {
                    None => return Err(QueueError::Missing(parent)),
                    Some(Class { leaf: Some(_), .. }) => {
                        return Err(QueueError::IsLeaf(parent));
                    }
                    Some(_) => {}
                }
            }
            let mut class = class.clone();
            if let Some(leaf) = &mut class.leaf {
                leaf.queue = Queue::Unknown;
            }
            classes.insert(*id, class);
        }
        QueueStep::ChangeClass { id, from, to } => {
            let class = classes.get_mut(id).ok_or(QueueError::Missing(*id))?;
            if class != from {
                return Err(QueueError::Differs(*id));
            }
            if !from.can_become(to) || from.queue() != to.queue() {
                return Err(QueueError::Fixed(*id));
            }
            *class = to.clone();
        }
        QueueStep::DeleteClass { id, class } => {
            if classes.values().any(|below| below.parent == Some(*id)) {
                return Err(QueueError::HasChildren(*id));
            }
            let found = classes.get(id).ok_or(QueueError::Missing(*id))?;
            // What waits in it, and where, goes along.
            if *found != class.with_queue_of(found) {
                return Err(QueueError::Differs(*id));
            }
            classes.remove(id);
        }
        QueueStep::PutQueue { id, from, to } => {
            let class = classes.get_mut(id).ok_or(QueueError::Missing(*id))?;
            let leaf = class.leaf.as_mut().ok_or(QueueError::Fixed(*id))?;
            if leaf.queue != from.unwrap_or(Queue::Unknown) {
                return Err(QueueError::Differs(*id));
            }
            leaf.queue = *to;
        }
    }
    Ok(())
}
