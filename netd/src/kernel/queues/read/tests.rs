//! By hand from linux/pkt_sched.h, linux/gen_stats.h and linux/rtnetlink.h, as
//! net/sched/sch_htb.c, sch_fifo.c and sch_fq_codel.c fill them.

use netlink_packet_core::Parseable;

use super::*;

/// An attribute.
fn nla(kind: u16, value: &[u8]) -> Vec<u8> {
    let length = u16::try_from(4 + value.len()).unwrap();
    let mut bytes = [length.to_ne_bytes(), kind.to_ne_bytes()].concat();
    bytes.extend(value);
    bytes.resize(bytes.len().next_multiple_of(4), 0);
    bytes
}

fn words(words: &[u32]) -> Vec<u8> {
    words.iter().flat_map(|word| word.to_ne_bytes()).collect()
}

/// A message about the link of number 7.
fn told(handle: u32, parent: u32, kind: &str, rest: &[u8]) -> TcMessage {
    let kind = nla(1, &[kind.as_bytes(), b"\0"].concat());
    let header = words(&[0, 7, handle, parent, 0]);
    TcMessage::parse(&[&header, &kind, rest].concat()[..]).unwrap()
}

const ROOT: u32 = 0xffff_ffff;

fn htb(handle: u32, defcls: u32) -> TcMessage {
    let init = nla(2, &words(&[3, 10, defcls, 0, 99]));
    let options = [init, nla(5, &words(&[1000]))].concat();
    told(handle, ROOT, "htb", &nla(2, &options))
}

/// `numbers` are rate, ceil, burst, cburst, quantum, level and priority.
fn htb_class(
    id: u32,
    parent: u32,
    numbers: [u32; 7],
    rest: &[u8],
) -> TcMessage {
    let [rate, ceil, numbers @ ..] = numbers;
    let spec = |rate| [words(&[0x100]), words(&[0, rate])].concat();
    let parms = [spec(rate), spec(ceil), words(&numbers)].concat();
    let options = [nla(1, &parms), rest.to_vec()].concat();
    told(id, parent, "htb", &nla(2, &options))
}

fn fifo(handle: u32, parent: u32, limit: u32) -> TcMessage {
    told(handle, parent, "bfifo", &nla(2, &words(&[limit])))
}

fn tree(qdiscs: &[TcMessage], classes: &[TcMessage]) -> Root {
    let mut root = root(&qdiscs[0]);
    if let Root::Tree(tree) = &mut root {
        let leaf = |message| match seat(message)? {
            Seat::Leaf(id) => Some((id, queue(message))),
            Seat::Root => None,
        };
        let queues = qdiscs.iter().filter_map(leaf).collect();
        let classes = classes.iter().filter_map(|m| class(m, &queues));
        tree.classes = classes.collect();
    }
    root
}

#[test]
fn a_tree() {
    let wide = |kind, rate: u64| nla(kind, &rate.to_ne_bytes());
    let most = u32::MAX;
    let codel = [
        nla(1, &words(&[4999])),
        nla(2, &words(&[10_240])),
        nla(3, &words(&[99_999])),
        nla(4, &words(&[1])),
        nla(6, &words(&[1514])),
        nla(9, &words(&[65_536])),
        nla(5, &words(&[128])),
    ]
    .concat();
    let qdiscs = [
        htb(0x1_0000, 3),
        fifo(0x3_0000, 0x1_0003, 3028),
        told(0x5_0000, 0x1_0005, "fq_codel", &nla(2, &codel)),
        // A stranger's, and one of ours in a stranger's place.
        told(0x6_0000, 0x1_0006, "pfifo", &nla(2, &words(&[5]))),
        fifo(0x99_0000, 0x1_0007, 1),
        fifo(0x8_0000, 0x2_0008, 1),
    ];
    let classes = [
        htb_class(
            0x1_0001,
            ROOT,
            [most, most, 1, 2, 1000, 7, 7],
            &[wide(6, 1 << 32), wide(7, 1 << 40)].concat(),
        ),
        // An inner class that has no children yet, and one that a stranger
        // gave a child.
        htb_class(0x1_0002, 0x1_0001, [5, 6, 1, 2, 1000, 0, 7], &[]),
        htb_class(0x1_0004, 0x1_0001, [5, 6, 1, 2, 1000, 6, 0], &[]),
        htb_class(0x1_0003, 0x1_0002, [1, 9, 3, 4, 76, 0, 2], &[]),
        htb_class(0x1_0005, 0x1_0002, [1, most, 3, 4, 76, 0, 6], &[]),
        htb_class(0x1_0006, 0x1_0002, [1, 9, 3, 4, 76, 0, 2], &[]),
        htb_class(0x1_0007, 0x1_0002, [1, 9, 3, 4, 76, 0, 2], &[]),
        // Of another root somewhere below.
        htb_class(0x2_0008, 0x2_0000, [1, 9, 3, 4, 76, 0, 2], &[]),
    ];
    let Root::Tree(tree) = tree(&qdiscs, &classes) else { panic!() };
    assert_eq!(
        tree.to_string(),
        "htb default 1:3\n\
         class 1:1 root rate 4294967296 ceil 1099511627776 burst 64ns \
         cburst 128ns\n\
         class 1:2 parent 1:1 rate 5 ceil 6 burst 64ns cburst 128ns\n\
         class 1:3 parent 1:2 rate 1 ceil 9 burst 192ns cburst 256ns \
         prio 2 quantum 76 bfifo limit 3028\n\
         class 1:4 parent 1:1 rate 5 ceil 6 burst 64ns cburst 128ns\n\
         class 1:5 parent 1:2 rate 1 ceil 4294967295 burst 192ns cburst 256ns \
         prio 6 quantum 76 fq_codel limit 10240 memory 65536 quantum 1514 \
         target 5000us interval 100000us\n\
         class 1:6 parent 1:2 rate 1 ceil 9 burst 192ns cburst 256ns \
         prio 2 quantum 76 unknown\n\
         class 1:7 parent 1:2 rate 1 ceil 9 burst 192ns cburst 256ns \
         prio 2 quantum 76 unknown\n"
    );
}

#[test]
fn whose_root_it_is() {
    let ours =
        |default| Root::Tree(QueueTree { default, ..QueueTree::default() });
    let foreign = |kind: &str| Root::Foreign(kind.to_owned());
    let pfifo = told(0x1_0000, ROOT, "pfifo", &nla(2, &words(&[5])));
    let mute = told(0x1_0000, ROOT, "htb", &nla(2, &[]));
    let short = told(0x1_0000, ROOT, "htb", &nla(2, &nla(2, &words(&[3, 1]))));
    for (message, want) in [
        (htb(0x1_0000, 0), ours(None)),
        (htb(0x1_0000, 0xffff), ours(Some(ClassId(0xffff)))),
        (htb(0x1_0000, 0x1_0000), foreign("htb")),
        (htb(0x2_0000, 0), foreign("htb")),
        (pfifo, foreign("pfifo")),
        (mute, foreign("htb")),
        (short, foreign("htb")),
    ] {
        assert_eq!(tree(&[message], &[]), want);
    }
}

#[test]
fn where_a_queue_is() {
    for (message, want) in [
        (htb(0x2_0000, 0), Some(Seat::Root)),
        (fifo(0x3_0000, 0x1_0003, 3028), Some(Seat::Leaf(ClassId(3)))),
        // In a leaf's place, and not ours.
        (fifo(0x4_0000, 0x1_0003, 3028), None),
        // What the kernel chose itself, and the place of programs.
        (told(0, ROOT, "noqueue", &[]), None),
        (told(0xffff_0000, 0xffff_fff1, "clsact", &[]), None),
    ] {
        assert_eq!(seat(&message), want, "{message:?}");
        assert_eq!(index(&message), 7);
    }
}

/// `TCA_STATS2`: bytes, packets; waiting, backlog, drops, requeues, overlimits.
fn stats2(basic: (u64, u32), queue: [u32; 5], packets: Option<u64>) -> Vec<u8> {
    let basic =
        [&basic.0.to_ne_bytes()[..], &basic.1.to_ne_bytes(), &[0; 4]].concat();
    let mut all = [nla(1, &basic), nla(3, &words(&queue))].concat();
    all.extend(packets.into_iter().flat_map(|n| nla(8, &n.to_ne_bytes())));
    nla(7, &all)
}

#[test]
fn what_went_through() {
    let class = |id, rest: &[u8]| told(id, 0x1_0001, "htb", rest);
    let classes = [
        class(0x1_0003, &stats2((1 << 40, 6), [1, 1514, 7, 0, 9], None)),
        class(0x1_0004, &stats2((5, 6), [0; 5], Some(6 + (1 << 32)))),
        class(0x1_0005, &[]),
        class(0x2_0003, &stats2((5, 6), [0; 5], None)),
    ];
    // The queue threw out one more than the class heard of.
    let fifo = stats2((0, 0), [1, 1514, 8, 0, 0], None);
    let fifo = told(0x3_0000, 0x1_0003, "bfifo", &fifo);
    let queues = [(ClassId(3), counted(&fifo))].into();
    let got: BTreeMap<_, _> =
        classes.iter().filter_map(|class| stats(class, &queues)).collect();
    let nothing = ClassStats::default();
    let first = ClassStats {
        bytes: 1 << 40,
        packets: 6,
        drops: 8,
        overlimits: 9,
        backlog: 1514,
        waiting: 1,
    };
    let packets = 6 + (1 << 32);
    let second = ClassStats { bytes: 5, packets, ..nothing };
    let want = [(3, first), (4, second), (5, nothing)];
    assert_eq!(got, want.map(|(id, stats)| (ClassId(id), stats)).into());
}
