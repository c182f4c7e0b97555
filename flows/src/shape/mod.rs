//! Shaping: which queues a link has, and their numbers.
//!
//! What VNICs send is shaped in one place for a segment, its shaper; what a
//! VNIC gets is shaped at its host end. Both are HTB with a tree of classes:
//!
//! ```text
//!   shaper      1:1 link ─┬─ VNIC ─┬─ leaf of what is in no flow
//!                         │        └─ leaf of a flow
//!                         └─ VNIC ─── leaf
//!
//!   host end    1:1 VNIC ─┬─ 1:2 leaf of what is in no flow, and the default
//!                         └─ leaf of a flow
//! ```
//!
//! A leaf may send next to nothing at its own rate. It borrows: from its VNIC,
//! whose rate is the guarantee and is served first, and then from the link, in
//! the order of priorities. A VNIC is always an inner class with a leaf below,
//! also where it has no flows: a leaf that turned into an inner class would
//! lose what waits in it.
//!
//! [`numbers`] has the formulas, this module the trees, [`classes`] gives classes
//! their numbers, and [`place`] leads the rows of a spec's VNICs into them.

mod classes;
pub mod numbers;
mod owners;
mod place;

use fabric::Mtu;
use fabric::shaping::{
    Class, ClassId, CodelTime, Leaf, Queue, QueueKind, QueueTree,
};

pub use classes::{ClassesFull, FIRST_CLASS, LAST_CLASS, allocate};
use numbers::{LEAST, MSEC, UNLIMITED};
pub use place::shape;

/// The class at the top of a tree: a shaper's link, a host end's VNIC.
pub const TOP: ClassId = ClassId(1);

/// The leaf of a host end for what is in no flow, and for what nobody classed.
pub const HOST_END_LEAF: ClassId = ClassId(2);

/// How soon something is served, as a VNIC's or a flow's `priority` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// After the others.
    Low,
    /// What is in no flow, and flows of which nothing is said.
    Medium,
    /// Before the others.
    High,
}

/// What a VNIC has of a link, as far as queues are concerned.
#[derive(Clone, Copy, Debug)]
pub struct VnicShare<'a> {
    /// Its class in the shaper.
    pub class: ClassId,
    /// Its leaf in the shaper, for what is in no flow.
    pub leaf: ClassId,
    /// Its cap in bit/s, each way. 0: it is blocked, which is up to the
    /// programs; what gets past them would leave at one frame a minute.
    pub maxbw: Option<u64>,
    /// What it may send whatever others do, in bit/s.
    pub minbw: Option<u64>,
    /// Its place among VNICs.
    pub priority: Level,
    /// Its MTU.
    pub mtu: Mtu,
    /// Whether its guest's frames are held to [`numbers::gso_segs`]. The guest
    /// end of a veth is; a virtual machine cuts as it likes.
    pub held: bool,
    /// Its flows with a limit or a priority of their own.
    pub flows: &'a [FlowShare],
}

/// What a flow has of its VNIC.
#[derive(Clone, Copy, Debug)]
pub struct FlowShare {
    /// Its leaf.
    pub leaf: ClassId,
    /// Its cap in bit/s. 0: as for a VNIC.
    pub maxbw: Option<u64>,
    /// Its place among its VNIC's flows.
    pub priority: Level,
}

/// The queues of a segment's shaper, for what its VNICs send.
///
/// `capacity` is the link's own speed or its `maxbw`, whichever is lower, in
/// bit/s; [`UNLIMITED`] where there is neither. Guarantees that add up to more,
/// because the link has become slower since they were given, are all cut by
/// the same part.
///
/// A frame of no class is dropped there: the programs name one for each.
#[must_use]
pub fn shaper_tree(
    capacity: u64,
    kind: QueueKind,
    vnics: &[VnicShare<'_>],
) -> QueueTree {
    let capacity = numbers::rate(capacity.min(UNLIMITED));
    let wanted = |vnic: &VnicShare<'_>| vnic.minbw.map_or(0, numbers::rate);
    let promised: u128 = vnics.iter().map(|v| u128::from(wanted(v))).sum();

    let mut tree = QueueTree::default();
    let link = inner(None, capacity, capacity, Mtu::ETHERNET);
    tree.classes.insert(TOP, link);
    for vnic in vnics {
        let ceil = vnic.maxbw.map_or(capacity, numbers::rate).min(capacity);
        let rate = numbers::part(wanted(vnic), capacity, promised).min(ceil);
        let class = inner(Some(TOP), rate, ceil, vnic.mtu);
        tree.classes.insert(vnic.class, class);
        tree.classes.extend(leaves(kind, vnic, (vnic.class, vnic.leaf), ceil));
    }
    tree
}

/// The queues of a VNIC's host end, for what it gets. Of `vnic` only the caps,
/// priorities, MTU and flows count, and the flows' leaves are those of the host
/// end.
///
/// What nobody classed is shaped, too.
#[must_use]
pub fn host_end_tree(kind: QueueKind, vnic: &VnicShare<'_>) -> QueueTree {
    let default = Some(HOST_END_LEAF);
    let mut tree = QueueTree { default, ..QueueTree::default() };
    let ceil = numbers::rate(vnic.maxbw.unwrap_or(UNLIMITED).min(UNLIMITED));
    tree.classes.insert(TOP, inner(None, ceil, ceil, vnic.mtu));
    // Whoever sends to it is not held to the VNIC's cap.
    let vnic = VnicShare { held: false, ..*vnic };
    tree.classes.extend(leaves(kind, &vnic, (TOP, HOST_END_LEAF), ceil));
    tree
}

/// A class that shares out what it has.
fn inner(parent: Option<ClassId>, rate: u64, ceil: u64, mtu: Mtu) -> Class {
    let burst = numbers::burst(rate, mtu);
    let cburst = numbers::burst(ceil, mtu);
    Class { parent, rate, ceil, burst, cburst, leaf: None }
}

/// A leaf before its VNIC's quantum is known.
struct Draft {
    id: ClassId,
    ceil: u64,
    prio: u8,
    /// The longest frame to expect in it.
    frame: u32,
}

/// The leaves of a VNIC that may send `ceil`.
fn leaves(
    kind: QueueKind,
    vnic: &VnicShare<'_>,
    (parent, rest): (ClassId, ClassId),
    ceil: u64,
) -> Vec<(ClassId, Class)> {
    let draft = |id, maxbw: Option<u64>, level| {
        let lower = maxbw.filter(|cap| vnic.maxbw.is_none_or(|all| *cap < all));
        // A guest knows its VNIC's cap and not its flows'.
        let held = vnic.held && lower.is_none();
        let frame = numbers::frame(lower.or(vnic.maxbw), vnic.mtu, held);
        let ceil = lower.map_or(ceil, numbers::rate).min(ceil);
        Draft { id, ceil, prio: numbers::prio(vnic.priority, level), frame }
    };
    let flows = vnic.flows.iter();
    let flows = flows.map(|flow| draft(flow.leaf, flow.maxbw, flow.priority));
    let drafts: Vec<Draft> =
        [draft(rest, None, Level::Medium)].into_iter().chain(flows).collect();

    // One for all leaves of a VNIC, so that they have equal parts of it.
    let limit = |d: &Draft| numbers::queue_limit(d.ceil, d.frame, vnic.mtu);
    let limits = drafts.iter().map(limit);
    let quantum = numbers::quantum(limits.max().unwrap_or_default());
    let leaf = |draft: Draft| {
        let Draft { id, ceil, prio, frame } = draft;
        let queue = queue(kind, ceil, frame, vnic.mtu);
        let leaf = Some(Leaf { quantum, prio, queue });
        (id, Class { leaf, ..inner(Some(parent), LEAST, ceil, vnic.mtu) })
    };
    drafts.into_iter().map(leaf).collect()
}

fn queue(kind: QueueKind, ceil: u64, frame: u32, mtu: Mtu) -> Queue {
    match kind {
        QueueKind::Bfifo => {
            Queue::Bfifo { limit: numbers::queue_limit(ceil, frame, mtu) }
        }
        QueueKind::FqCodel => {
            let target = numbers::codel_target(ceil, mtu);
            Queue::FqCodel {
                limit: numbers::CODEL_FRAMES,
                memory: numbers::codel_memory(ceil, frame),
                quantum: numbers::on_link(mtu),
                target: CodelTime::from_nanos(target),
                interval: CodelTime::from_nanos(95 * MSEC + target),
            }
        }
    }
}
