//! Whether what the kernel says of a queue is what is known of it already.

use std::collections::BTreeMap;

use fabric::shaping::{Class, ClassId, Queue, QueueTree};
use netlink_packet_route::tc::{TcHandle, TcMessage};

use super::message::{MAJOR, queue_handle};
use super::read::{class, class_id, default, leaf_of, queue};

/// What the kernel has said of something that hangs on a link, as far as it
/// matters. Thousands wait to be compared when thousands of VNICs were made, so
/// none of them is as large as the message that it came in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::kernel) enum Word {
    /// The place of programs, or a program.
    Hooks,
    /// A queue at the root.
    Root {
        /// Whether it has our handle.
        ours: bool,
        /// Where it sends what is of no class, if it is such as we make.
        default: Option<Option<ClassId>>,
    },
    /// A queue in the place of a leaf's.
    Leaf {
        /// The leaf.
        id: ClassId,
        /// Whether it has the handle that we give it.
        ours: bool,
        /// What it is.
        queue: Queue,
    },
    /// A class of ours, if it can be read.
    Class(ClassId, Option<Class>),
    /// Nothing of ours.
    Other,
}

impl Word {
    /// What a message about a queueing discipline says.
    pub(in crate::kernel) fn of_qdisc(message: &TcMessage) -> Self {
        let (handle, parent) = (message.header.handle, message.header.parent);
        if parent == TcHandle::CLSACT {
            return Self::Hooks;
        }
        if parent == TcHandle::ROOT {
            let ours = handle == TcHandle { major: MAJOR, minor: 0 };
            return Self::Root { ours, default: default(message) };
        }
        match class_id(parent) {
            Some(id) => Self::Leaf {
                id,
                ours: handle == queue_handle(id),
                queue: leaf_of(message)
                    .map_or(Queue::Unknown, |_| queue(message)),
            },
            None => Self::Other,
        }
    }

    /// What a message about a class says.
    pub(in crate::kernel) fn of_class(message: &TcMessage) -> Self {
        match class_id(message.header.handle) {
            // A class doesn't tell what queue it has.
            Some(id) => {
                let class = class(message, &BTreeMap::new());
                Self::Class(id, class.map(|(_, class)| class))
            }
            None => Self::Other,
        }
    }

    /// Whether what is known of a link's queues, none where they are none of
    /// ours, agrees with it, now that it is `there` or gone.
    ///
    /// What is put somewhere and gone again by the time it is compared may well
    /// disagree. Then the link is looked at once more, and no harm is done.
    pub(in crate::kernel) fn agrees(
        &self,
        there: bool,
        tree: Option<&QueueTree>,
    ) -> bool {
        let known = |id| tree.and_then(|tree| tree.classes.get(&id));
        match self {
            Self::Hooks | Self::Other => true,
            Self::Root { ours, default } => match (there, default) {
                (true, Some(default)) => {
                    tree.is_some_and(|tree| tree.default == *default)
                }
                // Somebody's is in the place, or what the kernel chooses is.
                (true, None) => tree.is_none(),
                (false, _) => !ours || tree.is_none(),
            },
            Self::Leaf { id, ours, queue } => {
                let Some(known) =
                    known(*id).and_then(|known| known.leaf.as_ref())
                else {
                    // The class that it was a queue of has gone since, or is
                    // told of besides.
                    return true;
                };
                match there {
                    true => *ours && known.queue == *queue,
                    false => !ours || known.queue == Queue::Unknown,
                }
            }
            Self::Class(id, told) => match (there, told, known(*id)) {
                (false, _, known) => known.is_none(),
                (true, Some(told), Some(known)) => {
                    told.clone().with_queue_of(known) == *known
                }
                (true, ..) => false,
            },
        }
    }
}
