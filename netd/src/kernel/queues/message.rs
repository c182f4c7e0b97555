//! A change to queues as netlink messages.
//!
//! The crates know no HTB, so what linux/pkt_sched.h says of it is written
//! here. Rate tables (`TCA_HTB_RTAB`) are not: HTB counts by itself, and reads
//! a table only to tell what kind of link an old tc meant, where the message
//! names none (`htb_change_class` in net/sched/sch_htb.c, 6.1 and 6.18).

use fabric::shaping::{Class, ClassId, Queue, QueueStep};
use netlink_packet_core::{
    DefaultNla, Emitable, NLM_F_CREATE, NLM_F_EXCL, NLM_F_REPLACE,
};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::{TcAttribute, TcHandle, TcMessage};

/// The number of the root, and of all classes under it.
pub(super) const MAJOR: u16 = 1;

/// The priority that tells an inner class: no leaf has it. HTB keeps it of
/// every class and looks at it in leaves only, and takes an inner class that
/// has no children yet for a leaf.
pub(super) const INNER_PRIO: u32 = 7;

pub(super) const HTB: &str = "htb";
pub(super) const FQ_CODEL: &str = "fq_codel";
pub(super) const BFIFO: &str = "bfifo";

pub(super) const TCA_OPTIONS: u16 = 2;
pub(super) const TCA_HTB_PARMS: u16 = 1;
pub(super) const TCA_HTB_INIT: u16 = 2;
const TCA_HTB_DIRECT_QLEN: u16 = 5;
pub(super) const TCA_HTB_RATE64: u16 = 6;
pub(super) const TCA_HTB_CEIL64: u16 = 7;

const TCA_FQ_CODEL_TARGET: u16 = 1;
const TCA_FQ_CODEL_LIMIT: u16 = 2;
const TCA_FQ_CODEL_INTERVAL: u16 = 3;
const TCA_FQ_CODEL_ECN: u16 = 4;
const TCA_FQ_CODEL_FLOWS: u16 = 5;
const TCA_FQ_CODEL_QUANTUM: u16 = 6;
const TCA_FQ_CODEL_MEMORY_LIMIT: u16 = 9;

/// Into how many queues fq_codel sorts connections. Its own default, 1,024,
/// takes 70 KiB for each leaf, and a host may have thousands.
const CODEL_FLOWS: u32 = 128;

/// How many frames of no class wait in a root that has a default, while that
/// is not there yet. As many as in a veth's own queue.
const DIRECT_QLEN: u32 = 1000;

/// A message, and the flags that it is sent with.
pub(super) type Request = (RouteNetlinkMessage, u16);

/// The message that makes a change to the queues of the link of that number.
pub(super) fn request(index: u32, step: &QueueStep) -> Request {
    use RouteNetlinkMessage::{DelTrafficClass, NewTrafficClass};
    match step {
        QueueStep::AddRoot { default } => add_root(index, *default),
        QueueStep::AddClass { id, class } => {
            let message = class_message(index, *id, class);
            (NewTrafficClass(message), NLM_F_CREATE | NLM_F_EXCL)
        }
        QueueStep::ChangeClass { id, to, .. } => {
            // Without NLM_F_CREATE: a class that is gone is none to make.
            let message = class_message(index, *id, to);
            (NewTrafficClass(message), NLM_F_REPLACE)
        }
        QueueStep::DeleteClass { id, .. } => {
            let message = message(index, handle(*id), TcHandle::UNSPEC);
            (DelTrafficClass(message), 0)
        }
        QueueStep::PutQueue { id, from, to } => {
            let there = from.and_then(Queue::kind) == to.kind();
            let mut message = message(index, queue_handle(*id), handle(*id));
            message.attributes = queue_attributes(*to, !there);
            let flags = NLM_F_CREATE | NLM_F_REPLACE;
            (RouteNetlinkMessage::NewQueueDiscipline(message), flags)
        }
    }
}

/// The message that takes a leaf's queue away; the kernel gives it one of its
/// own.
pub(super) fn delete_queue(index: u32, id: ClassId) -> Request {
    let message = message(index, TcHandle::UNSPEC, handle(id));
    (RouteNetlinkMessage::DelQueueDiscipline(message), 0)
}

/// The message that asks about one class.
pub(super) fn about_class(index: u32, id: ClassId) -> RouteNetlinkMessage {
    let message = message(index, handle(id), TcHandle::UNSPEC);
    RouteNetlinkMessage::GetTrafficClass(message)
}

/// A message that no kernel accepts, and that one without fq_codel refuses
/// with `ENOENT`: a root with no queues at all, for the loopback (number 1 in
/// every namespace). A kernel that has it as a module loads it.
pub(super) fn ask_for_fq_codel() -> Request {
    let mut message = message(1, TcHandle::UNSPEC, TcHandle::ROOT);
    message.attributes = attributes(FQ_CODEL, &[number(TCA_FQ_CODEL_FLOWS, 0)]);
    // All three make a new root whatever root is there (tc_modify_qdisc).
    let flags = NLM_F_CREATE | NLM_F_REPLACE | NLM_F_EXCL;
    (RouteNetlinkMessage::NewQueueDiscipline(message), flags)
}

fn add_root(index: u32, default: Option<ClassId>) -> Request {
    let root = TcHandle { major: MAJOR, minor: 0 };
    let mut message = message(index, root, TcHandle::ROOT);
    // struct tc_htb_glob: version, what a rate is divided by for a quantum
    // (each class says its own), default, debug, and a counter.
    let class = u32::from(default.map_or(0, |id| id.0));
    let init = [3, 10, class, 0, 0].map(u32::to_ne_bytes).concat();
    let direct = if default.is_some() { DIRECT_QLEN } else { 0 };
    let options = [
        DefaultNla::new(TCA_HTB_INIT, init),
        number(TCA_HTB_DIRECT_QLEN, direct),
    ];
    message.attributes = attributes(HTB, &options);
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    (RouteNetlinkMessage::NewQueueDiscipline(message), flags)
}

fn class_message(index: u32, id: ClassId, class: &Class) -> TcMessage {
    let parent = class.parent.map_or(TcHandle::ROOT, handle);
    let mut message = message(index, handle(id), parent);
    // An inner class uses no quantum; without one HTB would make one up from
    // the rate, and warn.
    let (quantum, prio) = match &class.leaf {
        Some(leaf) => (leaf.quantum, u32::from(leaf.prio)),
        None => (1000, INNER_PRIO),
    };
    // struct tc_htb_opt: rate, ceil, the numbers, and the level, which is told
    // and not taken.
    let numbers = [class.burst.0, class.cburst.0, quantum, 0, prio];
    let parms = [
        &rate_spec(class.rate)[..],
        &rate_spec(class.ceil),
        &numbers.map(u32::to_ne_bytes).concat(),
    ]
    .concat();
    let mut options = vec![DefaultNla::new(TCA_HTB_PARMS, parms)];
    for (kind, rate) in
        [(TCA_HTB_RATE64, class.rate), (TCA_HTB_CEIL64, class.ceil)]
    {
        if u32::try_from(rate).is_err() {
            let bytes = rate.to_ne_bytes().to_vec();
            options.push(DefaultNla::new(kind, bytes));
        }
    }
    message.attributes = attributes(HTB, &options);
    message
}

/// struct tc_ratespec. What doesn't fit goes beside it in 64 bits, and counts
/// when it is more.
fn rate_spec(rate: u64) -> [u8; 12] {
    const LINKLAYER_ETHERNET: u8 = 1;
    let mut spec = [0; 12];
    spec[1] = LINKLAYER_ETHERNET;
    let rate = u32::try_from(rate).unwrap_or(u32::MAX);
    spec[8..].copy_from_slice(&rate.to_ne_bytes());
    spec
}

fn queue_attributes(queue: Queue, new: bool) -> Vec<TcAttribute> {
    match queue {
        Queue::FqCodel { limit, memory, quantum, target, interval } => {
            let mut options = vec![
                number(TCA_FQ_CODEL_TARGET, target.micros()),
                number(TCA_FQ_CODEL_LIMIT, limit),
                number(TCA_FQ_CODEL_INTERVAL, interval.micros()),
                // Who understands it is told to slow down and loses nothing.
                number(TCA_FQ_CODEL_ECN, 1),
                number(TCA_FQ_CODEL_QUANTUM, quantum),
                number(TCA_FQ_CODEL_MEMORY_LIMIT, memory),
            ];
            // One that is there refuses to be told, the same number, too.
            if new {
                options.push(number(TCA_FQ_CODEL_FLOWS, CODEL_FLOWS));
            }
            attributes(FQ_CODEL, &options)
        }
        Queue::Bfifo { limit } => {
            // struct tc_fifo_qopt, which is no list of attributes.
            let limit = limit.to_ne_bytes().to_vec();
            let options = DefaultNla::new(TCA_OPTIONS, limit);
            let kind = TcAttribute::Kind(BFIFO.to_owned());
            vec![kind, TcAttribute::Other(options)]
        }
        // The kernel refuses it: nothing can be asked to be unknown.
        Queue::Unknown => Vec::new(),
    }
}

fn message(index: u32, handle: TcHandle, parent: TcHandle) -> TcMessage {
    let mut message = TcMessage::with_index(index.cast_signed());
    message.header.handle = handle;
    message.header.parent = parent;
    message
}

fn attributes(kind: &str, options: &[DefaultNla]) -> Vec<TcAttribute> {
    let mut bytes = vec![0; options.buffer_len()];
    options.emit(&mut bytes);
    let options = DefaultNla::new(TCA_OPTIONS, bytes);
    vec![TcAttribute::Kind(kind.to_owned()), TcAttribute::Other(options)]
}

fn number(kind: u16, number: u32) -> DefaultNla {
    DefaultNla::new(kind, number.to_ne_bytes().to_vec())
}

fn handle(id: ClassId) -> TcHandle {
    TcHandle { major: MAJOR, minor: id.0 }
}

/// The handle of a leaf's queue.
pub(super) fn queue_handle(id: ClassId) -> TcHandle {
    TcHandle { major: id.0, minor: 0 }
}

#[cfg(test)]
mod tests {
    use fabric::shaping::{CodelTime, Leaf, Ticks};
    use netlink_packet_route::RouteNetlinkMessage as Message;

    use super::*;

    fn bytes(message: &Message) -> Vec<u8> {
        let mut bytes = vec![0; message.buffer_len()];
        message.emit(&mut bytes);
        bytes
    }

    const INDEX: [u8; 8] = [0, 0, 0, 0, 7, 0, 0, 0];
    const HTB_KIND: [u8; 8] = [8, 0, 1, 0, b'h', b't', b'b', 0];

    /// struct tcmsg of linux/rtnetlink.h: family, index, handle, parent, info.
    fn header(handle: u32, parent: u32) -> Vec<u8> {
        let numbers = [handle, parent, 0].map(u32::to_le_bytes).concat();
        [&INDEX[..], &numbers].concat()
    }

    const ADD: u16 = NLM_F_CREATE | NLM_F_EXCL;
    const PUT: u16 = NLM_F_CREATE | NLM_F_REPLACE;

    #[test]
    #[cfg(target_endian = "little")]
    fn a_root_in_bytes() {
        for (default, class, direct) in [
            (None, [0, 0], [0, 0]),
            (Some(ClassId(0x1fe)), [0xfe, 1], [0xe8, 3]),
        ] {
            let (got, flags) = request(7, &QueueStep::AddRoot { default });
            assert!(matches!(got, Message::NewQueueDiscipline(_)));
            assert_eq!(flags, ADD);
            let want = [
                &header(0x1_0000, 0xffff_ffff)[..],
                &HTB_KIND,
                &[36, 0, 2, 0], // TCA_OPTIONS
                &[24, 0, 2, 0, 3, 0, 0, 0, 10, 0, 0, 0], // TCA_HTB_INIT
                &[class[0], class[1], 0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
                &[8, 0, 5, 0, direct[0], direct[1], 0, 0], // _DIRECT_QLEN
            ]
            .concat();
            assert_eq!(bytes(&got), want, "{default:?}");
        }
    }

    fn class(rate: u64, ceil: u64, leaf: Option<Leaf>) -> Class {
        let parent = leaf.as_ref().map(|_| ClassId(2));
        let (burst, cburst) = (Ticks(31_250), Ticks(0x0102_0304));
        Class { parent, rate, ceil, burst, cburst, leaf }
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn classes_in_bytes() {
        let queue = Queue::Bfifo { limit: 1 };
        let leaf = Leaf { quantum: 76_114, prio: 2, queue };
        let leaf = class(1, 0xffff_ffff, Some(leaf));
        let inner = class(0xffff_ffff, 0x1_0000_0000, None);
        let id = ClassId(0xabcd);
        let leafs = [
            &[8, 0, 1, 0, b'h', b't', b'b', 0][..],
            &[52, 0, 2, 0],                        // TCA_OPTIONS
            &[48, 0, 1, 0],                        // TCA_HTB_PARMS
            &[0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0], // rate
            &[0, 1, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255], // ceil
            &[0x12, 0x7a, 0, 0, 4, 3, 2, 1],       // burst, cburst
            &[0x52, 0x29, 1, 0, 0, 0, 0, 0, 2, 0, 0, 0], // quantum, prio
        ]
        .concat();
        let inners = [
            &[8, 0, 1, 0, b'h', b't', b'b', 0][..],
            &[64, 0, 2, 0], // TCA_OPTIONS
            &[48, 0, 1, 0], // TCA_HTB_PARMS
            &[0, 1, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255],
            &[0, 1, 0, 0, 0, 0, 0, 0, 255, 255, 255, 255],
            &[0x12, 0x7a, 0, 0, 4, 3, 2, 1],
            &[0xe8, 3, 0, 0, 0, 0, 0, 0, 7, 0, 0, 0],
            &[12, 0, 7, 0, 0, 0, 0, 0, 1, 0, 0, 0], // TCA_HTB_CEIL64
        ]
        .concat();
        let (from, to) = (leaf.clone(), leaf.clone());
        for (step, flags, parent, want) in [
            (
                QueueStep::AddClass { id, class: leaf.clone() },
                ADD,
                0x1_0002,
                &leafs,
            ),
            (
                QueueStep::ChangeClass { id, from, to },
                NLM_F_REPLACE,
                0x1_0002,
                &leafs,
            ),
            (
                QueueStep::AddClass { id, class: inner },
                ADD,
                0xffff_ffff,
                &inners,
            ),
        ] {
            let (got, got_flags) = request(7, &step);
            assert!(matches!(got, Message::NewTrafficClass(_)), "{step}");
            assert_eq!(got_flags, flags, "{step}");
            let want = [header(0x1_abcd, parent), want.clone()].concat();
            assert_eq!(bytes(&got), want, "{step}");
        }
        let (got, flags) =
            request(7, &QueueStep::DeleteClass { id, class: leaf });
        assert!(matches!(got, Message::DelTrafficClass(_)));
        assert_eq!((bytes(&got), flags), (header(0x1_abcd, 0), 0));
    }

    #[test]
    #[cfg(target_endian = "little")]
    fn queues_in_bytes() {
        let fifo = Queue::Bfifo { limit: 3028 };
        let codel = Queue::FqCodel {
            limit: 10_240,
            memory: 0x10000,
            quantum: 1514,
            target: CodelTime::from_nanos(5_000_000),
            interval: CodelTime::from_nanos(100_000_000),
        };
        let fifos = [
            10, 0, 1, 0, b'b', b'f', b'i', b'f', b'o', 0, 0,
            0, // TCA_KIND
            8, 0, 2, 0, 0xd4, 0x0b, 0, 0, // TCA_OPTIONS
        ];
        let kind =
            [13, 0, 1, 0, b'f', b'q', b'_', b'c', b'o', b'd', b'e', b'l'];
        let codels = [
            [8, 0, 1, 0, 0x89, 0x13, 0, 0], // target, 5,001 us
            [8, 0, 2, 0, 0, 0x28, 0, 0],    // limit
            [8, 0, 3, 0, 0xa1, 0x86, 1, 0], // interval, 100,001 us
            [8, 0, 4, 0, 1, 0, 0, 0],       // ECN
            [8, 0, 6, 0, 0xea, 5, 0, 0],    // quantum
            [8, 0, 9, 0, 0, 0, 1, 0],       // memory
        ]
        .concat();
        let kind = [&kind[..], &[0, 0, 0, 0]].concat();
        let fresh = [
            &kind[..],
            &[60, 0, 2, 0],
            &codels,
            &[8, 0, 5, 0, 128, 0, 0, 0], // flows
        ]
        .concat();
        let there = [&kind[..], &[52, 0, 2, 0], &codels].concat();
        for (from, to, want) in [
            (None, fifo, &fifos[..]),
            (Some(fifo), fifo, &fifos),
            (None, codel, &fresh),
            (Some(fifo), codel, &fresh),
            (Some(Queue::Unknown), codel, &fresh),
            (Some(codel), codel, &there),
        ] {
            let step = QueueStep::PutQueue { id: ClassId(0x2a), from, to };
            let (got, flags) = request(7, &step);
            assert!(matches!(got, Message::NewQueueDiscipline(_)), "{step}");
            assert_eq!(flags, PUT, "{step}");
            let want = [&header(0x2a_0000, 0x1_002a)[..], want].concat();
            assert_eq!(bytes(&got), want, "{from:?} {step}");
        }
        let (got, flags) = delete_queue(7, ClassId(0x2a));
        assert!(matches!(got, Message::DelQueueDiscipline(_)));
        assert_eq!((bytes(&got), flags), (header(0, 0x1_002a), 0));
    }

    #[test]
    fn the_question_for_fq_codel_is_never_granted() {
        let (got, _) = ask_for_fq_codel();
        // No queues at all: fq_codel_change() accepts 1 to 65536.
        let none = [8, 0, 5, 0, 0, 0, 0, 0];
        assert!(bytes(&got).ends_with(&none));
    }
}
