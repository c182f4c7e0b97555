//! What the kernel tells of a link's queues.

use std::collections::BTreeMap;

use fabric::shaping::{
    Class, ClassId, CodelTime, Leaf, Queue, QueueTree, Ticks,
};
use netlink_packet_core::{DefaultNla, Nla, NlasIterator};
use netlink_packet_route::tc::{
    TcAttribute, TcHandle, TcMessage, TcOption, TcQdiscFqCodelOption, TcStats2,
    TcStatsBasic, TcStatsQueue,
};

use super::message::{
    BFIFO, FQ_CODEL, HTB, INNER_PRIO, MAJOR, TCA_HTB_CEIL64, TCA_HTB_INIT,
    TCA_HTB_PARMS, TCA_HTB_RATE64, queue_handle,
};

/// What a link sends by.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Root {
    /// HTB with our handle. On a link of ours it is ours, with all under it.
    Tree(QueueTree),
    /// Something that somebody else has put there, by its name in tc. Nobody
    /// but them should change it.
    Foreign(String),
}

/// What went through a class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClassStats {
    /// What it sent, in bytes. For a frame that was still to be cut, the
    /// headers of all its parts count.
    pub bytes: u64,
    /// How many frames it sent, each part of one that was still to be cut
    /// for itself.
    pub packets: u64,
    /// How many frames its queue did not take, or threw out. None of an inner
    /// class, which has no queue.
    pub drops: u64,
    /// How often it had to wait for its ceil.
    pub overlimits: u64,
    /// What waits in its queue, in bytes.
    pub backlog: u64,
    /// How many frames wait in its queue.
    pub waiting: u64,
}

/// Where on its link a queue is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seat {
    /// At the root.
    Root,
    /// Where we put a leaf's.
    Leaf(ClassId),
}

/// Where a queue is; none where it is of no interest, as what the kernel has
/// chosen by itself.
pub(super) fn seat(message: &TcMessage) -> Option<Seat> {
    let header = &message.header;
    if header.parent == TcHandle::ROOT {
        // What the kernel chooses has no handle.
        return (header.handle != TcHandle::UNSPEC).then_some(Seat::Root);
    }
    leaf_of(message).map(Seat::Leaf)
}

/// The number of the link that a message is about.
pub(super) fn index(message: &TcMessage) -> u32 {
    message.header.index.cast_unsigned()
}

/// A link's root, with no classes yet.
pub(super) fn root(message: &TcMessage) -> Root {
    match default(message) {
        Some(default) => {
            Root::Tree(QueueTree { default, ..QueueTree::default() })
        }
        None => Root::Foreign(kind(message).unwrap_or_default().to_owned()),
    }
}

/// What a link sends by, by its name in tc, where somebody has chosen it.
pub(super) fn chosen(message: &TcMessage) -> Option<&str> {
    (seat(message)? == Seat::Root).then(|| kind(message))?
}

/// What went through a class, where it is one of ours. `queues` are what the
/// leaves' queues have counted: a class counts what its queue refused, and
/// doesn't hear of what the queue throws out later.
pub(super) fn stats(
    message: &TcMessage,
    queues: &BTreeMap<ClassId, ClassStats>,
) -> Option<(ClassId, ClassStats)> {
    let id = class_id(message.header.handle)?;
    let mut stats = counted(message);
    if let Some(queue) = queues.get(&id) {
        stats.drops = queue.drops;
    }
    Some((id, stats))
}

/// Where a root of ours sends what is of no class.
#[expect(clippy::option_option, reason = "no root of ours; no default")]
pub(super) fn default(root: &TcMessage) -> Option<Option<ClassId>> {
    let handle = TcHandle { major: MAJOR, minor: 0 };
    if kind(root) != Some(HTB) || root.header.handle != handle {
        return None;
    }
    // struct tc_htb_glob.
    let init = option(root, TCA_HTB_INIT)?;
    let class = u16::try_from(number(&init, 8)?).ok()?;
    Some((class != 0).then_some(ClassId(class)))
}

/// Reads a class of ours; none where it is of another root.
pub(super) fn class(
    message: &TcMessage,
    queues: &BTreeMap<ClassId, Queue>,
) -> Option<(ClassId, Class)> {
    let id = class_id(message.header.handle)?;
    let parent = match message.header.parent {
        TcHandle::ROOT => None,
        parent => Some(class_id(parent)?),
    };
    // struct tc_htb_opt.
    let parms = option(message, TCA_HTB_PARMS)?;
    let at = |offset| number(&parms, offset);
    let rate = |kind, offset| -> Option<u64> {
        let wide = option(message, kind);
        let wide = wide.and_then(|bytes| bytes.try_into().ok());
        match wide.map(u64::from_ne_bytes) {
            Some(rate) => Some(rate),
            None => Some(at(offset)?.into()),
        }
    };
    let (level, prio) = (at(36)?, at(40)?);
    let leaf = level == 0 && prio != INNER_PRIO;
    let leaf = leaf.then_some(Leaf {
        quantum: at(32)?,
        prio: u8::try_from(prio).ok()?,
        queue: queues.get(&id).copied().unwrap_or(Queue::Unknown),
    });
    let class = Class {
        parent,
        rate: rate(TCA_HTB_RATE64, 8)?,
        ceil: rate(TCA_HTB_CEIL64, 20)?,
        burst: Ticks(at(24)?),
        cburst: Ticks(at(28)?),
        leaf,
    };
    Some((id, class))
}

/// The class that a handle names, if it is one of ours.
pub(super) fn class_id(handle: TcHandle) -> Option<ClassId> {
    let class = handle.major == MAJOR && handle.minor != 0;
    class.then_some(ClassId(handle.minor))
}

/// Whose queue it is, if it is where we put a leaf's.
pub(super) fn leaf_of(message: &TcMessage) -> Option<ClassId> {
    let id = class_id(message.header.parent)?;
    (message.header.handle == queue_handle(id)).then_some(id)
}

pub(super) fn queue(message: &TcMessage) -> Queue {
    let queue = match kind(message) {
        Some(BFIFO) => {
            let limit = raw_options(message).and_then(|b| number(b, 0));
            limit.map(|limit| Queue::Bfifo { limit })
        }
        Some(FQ_CODEL) => fq_codel(message),
        _ => None,
    };
    queue.unwrap_or(Queue::Unknown)
}

fn fq_codel(message: &TcMessage) -> Option<Queue> {
    use TcQdiscFqCodelOption as Told;
    let (mut limit, mut memory, mut quantum) = (None, None, None);
    let (mut target, mut interval) = (None, None);
    for option in options(message) {
        let TcOption::FqCodel(option) = option else { continue };
        match option {
            Told::Limit(frames) => limit = Some(*frames),
            Told::MemoryLimit(bytes) => memory = Some(*bytes),
            Told::Quantum(bytes) => quantum = Some(*bytes),
            Told::Target(us) => target = Some(CodelTime::from_read(*us)),
            Told::Interval(us) => interval = Some(CodelTime::from_read(*us)),
            _ => {}
        }
    }
    Some(Queue::FqCodel {
        limit: limit?,
        memory: memory?,
        quantum: quantum?,
        target: target?,
        interval: interval?,
    })
}

/// What a queue or a class has counted by itself.
pub(super) fn counted(message: &TcMessage) -> ClassStats {
    /// `TCA_STATS_PKT64`: all the packets, where 32 bits don't hold them.
    const PACKETS: u16 = 8;

    let mut stats = ClassStats::default();
    let all = message.attributes.iter().filter_map(|at| match at {
        TcAttribute::Stats2(all) => Some(all),
        _ => None,
    });
    let mut wide = None;
    for told in all.flatten() {
        match told {
            TcStats2::Basic(TcStatsBasic { bytes, packets, .. }) => {
                stats.bytes = *bytes;
                stats.packets = (*packets).into();
            }
            TcStats2::Queue(TcStatsQueue {
                qlen,
                backlog,
                drops,
                overlimits,
                ..
            }) => {
                stats.waiting = (*qlen).into();
                stats.backlog = (*backlog).into();
                stats.drops = (*drops).into();
                stats.overlimits = (*overlimits).into();
            }
            TcStats2::Other(nla) if nla.kind() == PACKETS => {
                wide = value(nla).try_into().ok().map(u64::from_ne_bytes);
            }
            _ => {}
        }
    }
    stats.packets = wide.unwrap_or(stats.packets);
    stats
}

fn kind(message: &TcMessage) -> Option<&str> {
    message.attributes.iter().find_map(|at| match at {
        TcAttribute::Kind(kind) => Some(kind.as_str()),
        _ => None,
    })
}

fn options(message: &TcMessage) -> impl Iterator<Item = &TcOption> {
    let options = message.attributes.iter().filter_map(|at| match at {
        TcAttribute::Options(options) => Some(options),
        _ => None,
    });
    options.flatten()
}

/// The bytes of a message's options, where the crate does not know them.
fn raw_options(message: &TcMessage) -> Option<Vec<u8>> {
    options(message).find_map(|option| match option {
        TcOption::Other(nla) => Some(value(nla)),
        _ => None,
    })
}

/// One of HTB's options.
fn option(message: &TcMessage, kind: u16) -> Option<Vec<u8>> {
    let bytes = raw_options(message)?;
    let mut nlas = NlasIterator::new(&bytes[..]).filter_map(Result::ok);
    nlas.find(|nla| nla.kind() == kind).map(|nla| nla.value().to_vec())
}

fn value(nla: &DefaultNla) -> Vec<u8> {
    let mut bytes = vec![0; nla.value_len()];
    nla.emit_value(&mut bytes);
    bytes
}

/// The number at an offset.
fn number(bytes: impl AsRef<[u8]>, offset: usize) -> Option<u32> {
    let bytes = bytes.as_ref().get(offset..offset + 4)?;
    Some(u32::from_ne_bytes(bytes.try_into().ok()?))
}

#[cfg(test)]
mod tests;
