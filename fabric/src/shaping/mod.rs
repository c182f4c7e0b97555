//! The queues that shape a link's traffic, as typed rows.
//!
//! A link that shapes has HTB (tc-htb(8)) as its root, and under it a
//! [`QueueTree`]: inner classes, which share bandwidth out, and leaves, which
//! hold a queue each. Numbers are kept as the kernel keeps them, so what was
//! written is read back as the same value and compared without a tolerance.
//! What the numbers should be is worked out by `flows::shape`.

mod diff;
mod model;
mod shaper;
mod units;

use std::collections::BTreeMap;
use std::fmt;

use crate::LinkName;

pub use diff::{DefaultDiffers, QueueStep};
pub use model::{QueueError, follow};
pub use shaper::Shaper;
pub use units::{CodelTime, Ticks};

/// The number of a class: its minor, the major of all being the root's.
///
/// 0 is no class. A leaf's queue has the same number as its class, so the
/// root's own number 1 can only be an inner class's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClassId(pub u16);

impl fmt::Display for ClassId {
    /// As tc does, in hexadecimal.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "1:{:x}", self.0)
    }
}

/// A class of a [`QueueTree`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Class {
    /// The inner class that it borrows from; none at the top.
    pub parent: Option<ClassId>,
    /// What it may send without asking anybody, in bytes per second, from 1.
    pub rate: u64,
    /// What it may send when its parents have some to lend, in bytes per
    /// second, from 1.
    pub ceil: u64,
    /// What it may be behind its rate and make up for at once.
    pub burst: Ticks,
    /// What it may be behind its ceil and make up for at once.
    pub cburst: Ticks,
    /// What a leaf has beside; none: an inner class.
    pub leaf: Option<Leaf>,
}

/// What only a leaf has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaf {
    /// How much it sends before leaves of the same priority have their turn,
    /// in bytes.
    pub quantum: u32,
    /// When it is served: 0 first, 6 last.
    pub prio: u8,
    /// Where its frames wait.
    pub queue: Queue,
}

/// Which of the two kinds of queues leaves get.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum QueueKind {
    /// tc-fq_codel(8): fair among the connections in it, and short.
    FqCodel,
    /// tc-bfifo(8): first come, first served. Every kernel with HTB has it.
    #[default]
    Bfifo,
}

/// Where a leaf's frames wait.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queue {
    /// tc-fq_codel(8).
    FqCodel {
        /// How many frames wait at most.
        limit: u32,
        /// How much of the kernel's memory they take at most, in bytes.
        memory: u32,
        /// How much one connection sends before others have their turn, in
        /// bytes.
        quantum: u32,
        /// How long a frame may wait.
        target: CodelTime,
        /// For how long all frames have to wait longer before one is dropped.
        interval: CodelTime,
    },
    /// tc-bfifo(8).
    Bfifo {
        /// How much waits at most, in bytes.
        limit: u32,
    },
    /// Something that netd did not put there: the kernel's own, which a leaf
    /// has until it is given another, or a stranger's. No tree that we want
    /// has one.
    Unknown,
}

impl Queue {
    /// Which kind it is; none where that is not known.
    #[must_use]
    pub fn kind(self) -> Option<QueueKind> {
        match self {
            Self::FqCodel { .. } => Some(QueueKind::FqCodel),
            Self::Bfifo { .. } => Some(QueueKind::Bfifo),
            Self::Unknown => None,
        }
    }
}

impl fmt::Display for Queue {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::FqCodel { limit, memory, quantum, target, interval } => {
                write!(
                    f,
                    "fq_codel limit {limit} memory {memory} \
                     quantum {quantum} target {target} interval {interval}"
                )
            }
            Self::Bfifo { limit } => write!(f, "bfifo limit {limit}"),
            Self::Unknown => write!(f, "unknown"),
        }
    }
}

impl Class {
    /// Whether the class in the kernel can become `other` in place: it can
    /// neither move nor turn from a leaf into an inner class or back.
    fn can_become(&self, other: &Self) -> bool {
        self.parent == other.parent
            && self.leaf.is_some() == other.leaf.is_some()
    }

    /// The same but for a leaf's queue, which is changed by itself.
    #[must_use]
    pub fn with_queue_of(&self, other: &Self) -> Self {
        let mut class = self.clone();
        if let (Some(leaf), Some(other)) = (&mut class.leaf, &other.leaf) {
            leaf.queue = other.queue;
        }
        class
    }

    /// A leaf's queue.
    fn queue(&self) -> Option<Queue> {
        self.leaf.as_ref().map(|leaf| leaf.queue)
    }
}

impl fmt::Display for Class {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.parent {
            Some(parent) => write!(f, "parent {parent}")?,
            None => write!(f, "root")?,
        }
        write!(
            f,
            " rate {} ceil {} burst {} cburst {}",
            self.rate, self.ceil, self.burst, self.cburst
        )?;
        match &self.leaf {
            Some(Leaf { quantum, prio, queue }) => {
                write!(f, " prio {prio} quantum {quantum} {queue}")
            }
            None => Ok(()),
        }
    }
}

/// How the links of a host are to shape.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shaping {
    /// The queues of host ends and of shapers' near ends, by name.
    pub queues: BTreeMap<LinkName, QueueTree>,
    /// The shapers, and the link of each one's segment.
    pub shapers: BTreeMap<Shaper, LinkName>,
    /// How many parts a frame may have that is left to be cut, by host end.
    pub segs: BTreeMap<LinkName, u32>,
}

/// All classes of a link, with the root that they are under.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct QueueTree {
    /// Where a frame goes that is of no class. None: it is dropped.
    ///
    /// HTB takes it when it is made and never again.
    pub default: Option<ClassId>,
    /// The classes. A class's parent is one of them, and no leaf.
    pub classes: BTreeMap<ClassId, Class>,
}

impl fmt::Display for QueueTree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.default {
            Some(default) => writeln!(f, "htb default {default}")?,
            None => writeln!(f, "htb")?,
        }
        for (id, class) in &self.classes {
            writeln!(f, "class {id} {class}")?;
        }
        Ok(())
    }
}
