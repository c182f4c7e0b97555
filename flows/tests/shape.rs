//! What a cap, a guarantee and a priority become.

use std::collections::{BTreeMap, BTreeSet};

use fabric::Mtu;
use fabric::shaping::{
    Class, ClassId, CodelTime, Leaf, Queue, QueueKind, QueueTree, Ticks,
};
use flows::shape::numbers::{self, LARGEST, LEAST, MSEC, UNLIMITED};
use flows::shape::{
    ClassesFull, FIRST_CLASS, FlowShare, HOST_END_LEAF, LAST_CLASS, Level, TOP,
    VnicShare, allocate, host_end_tree, shaper_tree,
};
use proptest::prelude::*;
use proptest::sample::select;

const K: u64 = 1000;
const M: u64 = 1000 * K;
const G: u64 = 1000 * M;

const LEVELS: [Level; 3] = [Level::Low, Level::Medium, Level::High];

fn mtu(bytes: u32) -> Mtu {
    Mtu::new(bytes).unwrap()
}

/// Any cap that can be asked for, all magnitudes alike.
fn cap() -> impl Strategy<Value = u64> {
    (16..39u32, any::<u64>()).prop_map(|(bits, any)| {
        let low = 1 << bits;
        (low + any % low).clamp(64 * K, 400 * G)
    })
}

fn any_mtu() -> impl Strategy<Value = Mtu> {
    prop_oneof![select(vec![68, 576, 1280, 1500, 9000, 65535]), 68..=65535u32]
        .prop_map(mtu)
}

#[test]
fn numbers_of_a_cap() {
    let held = |cap, bytes| numbers::frame(cap, mtu(bytes), true);
    let limit =
        |cap: u64, frame| numbers::queue_limit(cap / 8, frame, mtu(1500));
    let burst = |cap| numbers::burst(numbers::rate(cap), mtu(1500)).nanos();
    // The cap, then the parts of a frame, the longest frame of a sender that
    // is held to them, burst in us, and queue in bytes.
    for (cap, segs, frame, us, queue) in [
        (64 * K, 1, 1514, 189_250, 3785),
        (M, 1, 1514, 12_112, 3785),
        (10 * M, 1, 1514, 2000, 14_383),
        (100 * M, 16, 24_224, 2000, 150_643),
        (G, 165, LARGEST, 2000, 1_499_617),
        (10 * G, 1651, LARGEST, 2000, 14_999_955),
        (400 * G, 65_535, LARGEST, 2000, 33_554_025),
    ] {
        assert_eq!(numbers::gso_segs(Some(cap), mtu(1500)), segs, "{cap}");
        assert_eq!(held(Some(cap), 1500), frame, "{cap}");
        assert_eq!(burst(cap) / 1000, us, "{cap}");
        assert_eq!(limit(cap, frame), queue, "{cap}");
        let free = numbers::frame(Some(cap), mtu(1500), false);
        assert_eq!(free, LARGEST, "{cap}");
        assert!(limit(cap, free) >= 2 * LARGEST, "{cap}");
    }
    assert_eq!(numbers::gso_segs(None, mtu(1500)), 65_535);
    assert_eq!(held(None, 1500), LARGEST);
    // Every kernel takes it, and HTB would choose it itself.
    assert!((65_536..=200_000).contains(&LARGEST), "{LARGEST}");
}

#[test]
fn nothing_is_too_small_or_too_large_for_a_number() {
    for bits in [0, 1, 7, 8, u64::MAX] {
        let rate = numbers::rate(bits);
        assert!(rate >= LEAST);
        for mtu in [Mtu::MIN, Mtu::ETHERNET, Mtu::MAX] {
            for held in [true, false] {
                let frame = numbers::frame(Some(bits), mtu, held);
                assert!((numbers::on_link(mtu)..=LARGEST).contains(&frame));
                assert!(numbers::burst(rate, mtu).nanos() <= 60_000 * MSEC);
                let limit = numbers::queue_limit(rate, frame, mtu);
                assert!(limit >= 2 * frame);
                assert!(numbers::codel_memory(rate, frame) >= 8 * frame);
                assert!(numbers::codel_target(rate, mtu) >= 5 * MSEC);
            }
        }
    }
    assert_eq!(numbers::part(u64::MAX, 1, u128::from(u64::MAX) * 9), LEAST);
    let most = u64::MAX;
    assert_eq!(numbers::part(most, most, u128::from(most)), most);
}

#[test]
fn priorities() {
    use Level::{High, Low, Medium};
    for (vnic, want) in [(High, 0..3), (Medium, 2..5), (Low, 4..7)] {
        let got = [High, Medium, Low].map(|flow| numbers::prio(vnic, flow));
        assert_eq!(got.to_vec(), want.collect::<Vec<u8>>(), "{vnic:?}");
    }
}

/// HTB's arithmetic for one class (net/sched/sch_htb.c): how long a frame
/// takes, and what may be made up for.
struct Model {
    mult: u64,
    shift: u32,
    buffer: i64,
}

impl Model {
    /// `psched_ratecfg_precompute__` of net/sched/sch_generic.c.
    fn new(rate: u64, buffer: Ticks) -> Self {
        let (mut factor, mut shift) = (1_000_000_000u64, 0);
        let mult = loop {
            let mult = factor / rate;
            if mult & (1 << 31) != 0 || factor & (1 << 63) != 0 {
                break mult;
            }
            factor <<= 1;
            shift += 1;
        };
        assert!(mult <= u64::from(u32::MAX), "HTB keeps 32 bits of it");
        let buffer = i64::try_from(buffer.nanos()).unwrap();
        Self { mult, shift, buffer }
    }

    fn nanos(&self, bytes: u32) -> i64 {
        let product = u64::from(bytes).checked_mul(self.mult).unwrap();
        i64::try_from(product >> self.shift).unwrap()
    }

    /// How long `frames` frames that wait take to leave, when HTB wakes up as
    /// late as `late` says each time. What was left of the burst at the end is
    /// accounted for.
    fn send(&self, frames: u32, bytes: u32, late: &[i64]) -> i64 {
        let (mut now, mut tokens) = (0, self.buffer);
        let mut late = late.iter().cycle();
        for _ in 0..frames {
            if tokens < 0 {
                let slept = -tokens + late.next().unwrap();
                now += slept;
                tokens = (tokens + slept).min(self.buffer);
            }
            tokens -= self.nanos(bytes);
        }
        now + self.buffer - tokens
    }
}

proptest! {
    #[test]
    fn in_the_long_run_a_cap_is_met_within_a_hundredth(
        cap in cap(),
        late in prop::collection::vec(0..2_000_000i64, 1..20),
    ) {
        let rate = numbers::rate(cap);
        for held in [true, false] {
            let frame = numbers::frame(Some(cap), Mtu::ETHERNET, held);
            let burst = numbers::burst(rate, Mtu::ETHERNET);
            let model = Model::new(rate, burst);
            for bytes in [1514, frame] {
                // HTB counts whole nanoseconds, and such a frame has few then.
                // Nobody sends 8 million a second through one lock.
                if bytes == 1514 && cap > 100 * G {
                    continue;
                }
                // Ten seconds, or many times as late as it gets.
                let frames = (10 * rate).div_ceil(u64::from(bytes));
                let frames = u32::try_from(frames).unwrap().min(300_000);
                let nanos = model.send(frames, bytes, &late);
                let bits = f64::from(frames) * f64::from(bytes) * 8e9;
                #[expect(clippy::cast_precision_loss, reason = "a ratio")]
                let part = bits / nanos as f64 / cap as f64;
                prop_assert!((0.99..1.01).contains(&part), "{bytes}: {part}");
            }
        }
    }

    #[test]
    fn a_cap_is_never_rounded_up(cap in cap()) {
        let rate = numbers::rate(cap);
        prop_assert!(8 * rate <= cap && 8 * rate + 8 > cap);
    }

    #[test]
    fn numbers_stay_in_their_ranges(
        cap in cap(), mtu in any_mtu(), held: bool,
    ) {
        let full = numbers::on_link(mtu);
        let segs = numbers::gso_segs(Some(cap), mtu);
        prop_assert!((1..=65_535).contains(&segs));
        // One frame is 2 ms at the cap, unless that is less than one.
        let two_ms = u128::from(numbers::rate(cap)) * 2 / 1000;
        let frame = u128::from(segs) * u128::from(full);
        prop_assert!(segs == 1 || frame <= two_ms);

        let (rate, frame) =
            (numbers::rate(cap), numbers::frame(Some(cap), mtu, held));
        prop_assert!((full..=LARGEST).contains(&frame), "{frame}");
        let burst = numbers::burst(rate, mtu);
        prop_assert!((2 * MSEC..=20_000 * MSEC).contains(&burst.nanos()));
        let limit = numbers::queue_limit(rate, frame, mtu);
        prop_assert!((2 * frame..=32 << 20).contains(&limit), "{limit}");
        let quantum = numbers::quantum(limit);
        // What the queue holds, it sends in a turn.
        prop_assert!(quantum >= limit.min(LARGEST));
        prop_assert!((frame..=200_000).contains(&quantum), "{quantum}");
    }

    #[test]
    fn shares_of_a_link(
        capacity in cap(),
        vnics in prop::collection::vec(
            (
                prop::option::of(cap()),
                prop::option::of(cap()),
                select(LEVELS.to_vec()),
                any_mtu(),
                any::<bool>(),
                prop::collection::vec(
                    (prop::option::of(cap()), select(LEVELS.to_vec())),
                    0..4,
                ),
            ),
            0..6,
        ),
        kind in select(vec![QueueKind::FqCodel, QueueKind::Bfifo]),
    ) {
        let mut next = HOST_END_LEAF.0;
        let mut id = || { next += 1; ClassId(next) };
        let flows: Vec<Vec<FlowShare>> = vnics.iter().map(|vnic| {
            let flow = |&(maxbw, priority): &(Option<u64>, Level)| {
                FlowShare { leaf: id(), maxbw, priority }
            };
            vnic.5.iter().map(flow).collect()
        }).collect();
        let shares: Vec<VnicShare<'_>> = vnics.iter().zip(&flows).map(
            |(&(maxbw, minbw, priority, mtu, held, _), flows)| VnicShare {
                class: id(), leaf: id(), maxbw, minbw, priority, mtu, held,
                flows,
            },
        ).collect();
        let tree = shaper_tree(capacity, kind, &shares);
        check(&tree)?;
        let link = &tree.classes[&TOP];
        prop_assert_eq!(link.rate, numbers::rate(capacity));

        let under = |id| {
            tree.classes.values().filter(move |c| c.parent == Some(id))
        };
        let sum: u64 = under(TOP).map(|class| class.rate).sum();
        prop_assert!(sum <= link.rate + shares.len() as u64);
        let promised: u64 =
            shares.iter().filter_map(|vnic| vnic.minbw).sum();
        for vnic in &shares {
            let class = &tree.classes[&vnic.class];
            let want = vnic.maxbw.map_or(u64::MAX, numbers::rate);
            prop_assert_eq!(class.ceil, want.min(link.ceil));
            if promised <= capacity {
                let want = vnic.minbw.map_or(LEAST, numbers::rate);
                prop_assert_eq!(class.rate, want.min(class.ceil));
            }
            let quanta: BTreeSet<u32> = under(vnic.class)
                .filter_map(|c| Some(c.leaf.as_ref()?.quantum))
                .collect();
            prop_assert_eq!(quanta.len(), 1, "equal parts");
            prop_assert!(tree.classes[&vnic.leaf].ceil == class.ceil);
        }

        for vnic in &shares {
            let tree = host_end_tree(kind, vnic);
            check(&tree)?;
            prop_assert_eq!(tree.default, Some(HOST_END_LEAF));
            let rate = numbers::rate(vnic.maxbw.unwrap_or(UNLIMITED));
            let top = &tree.classes[&TOP];
            prop_assert_eq!((top.rate, top.ceil), (rate, rate));
            prop_assert_eq!(tree.classes.len(), 2 + vnic.flows.len());
        }
    }
}

/// What holds for every class of every tree.
fn check(tree: &QueueTree) -> Result<(), TestCaseError> {
    for (id, class) in &tree.classes {
        prop_assert!(class.rate >= LEAST && class.rate <= class.ceil, "{id}");
        let Some(parent) = class.parent else {
            prop_assert_eq!(*id, TOP);
            prop_assert!(class.leaf.is_none());
            continue;
        };
        let parent = &tree.classes[&parent];
        prop_assert!(parent.leaf.is_none() && class.ceil <= parent.ceil);
        if let Some(leaf) = &class.leaf {
            prop_assert!(class.parent.is_some() && *id != TOP);
            prop_assert_eq!(class.rate, LEAST);
            prop_assert!(leaf.prio <= 6);
            // What HTB takes off a leaf's account with a frame is never more
            // than a turn adds, so no account falls for ever.
            if let Queue::Bfifo { limit } = leaf.queue {
                prop_assert!(leaf.quantum >= limit.min(LARGEST), "{id}");
            }
        }
    }
    Ok(())
}

fn share(flows: &[FlowShare]) -> VnicShare<'_> {
    VnicShare {
        class: ClassId(2),
        leaf: ClassId(3),
        maxbw: Some(10 * M),
        minbw: None,
        priority: Level::High,
        mtu: Mtu::ETHERNET,
        held: true,
        flows,
    }
}

#[test]
fn a_shaper_in_words() {
    let flows = [FlowShare {
        leaf: ClassId(4),
        maxbw: Some(2 * M),
        priority: Level::Low,
    }];
    let vnics = [
        share(&flows),
        VnicShare {
            class: ClassId(5),
            leaf: ClassId(6),
            maxbw: None,
            minbw: Some(400 * M),
            priority: Level::Medium,
            ..share(&[])
        },
    ];
    let tree = shaper_tree(G, QueueKind::Bfifo, &vnics);
    assert_eq!(
        tree.to_string(),
        "htb\n\
         class 1:1 root rate 125000000 ceil 125000000 \
         burst 2000000ns cburst 2000000ns\n\
         class 1:2 parent 1:1 rate 1 ceil 1250000 \
         burst 2000000ns cburst 2000000ns\n\
         class 1:3 parent 1:2 rate 1 ceil 1250000 \
         burst 2000000ns cburst 2000000ns \
         prio 1 quantum 76114 bfifo limit 14383\n\
         class 1:4 parent 1:2 rate 1 ceil 250000 \
         burst 2000000ns cburst 6056000ns \
         prio 2 quantum 76114 bfifo limit 153671\n\
         class 1:5 parent 1:1 rate 50000000 ceil 125000000 \
         burst 2000000ns cburst 2000000ns\n\
         class 1:6 parent 1:5 rate 1 ceil 125000000 \
         burst 2000000ns cburst 2000000ns \
         prio 3 quantum 76114 bfifo limit 1499617\n"
    );
    // The same link at a tenth of its speed: 400 of 100 Mbit/s.
    let slow = shaper_tree(100 * M, QueueKind::Bfifo, &vnics);
    assert_eq!(slow.classes[&ClassId(5)].rate, 12_500_000);
}

#[test]
fn a_host_end_in_words() {
    let blocked = VnicShare { maxbw: Some(0), ..share(&[]) };
    let tree = host_end_tree(QueueKind::FqCodel, &blocked);
    let burst = Ticks(31_250);
    let class = |parent, leaf| Class {
        parent,
        rate: 1,
        ceil: 1,
        burst,
        cburst: burst,
        leaf,
    };
    let queue = Queue::FqCodel {
        limit: 10_240,
        memory: 8 * LARGEST,
        quantum: 1514,
        target: CodelTime::from_nanos(u64::MAX),
        interval: CodelTime::from_nanos(u64::MAX),
    };
    let leaf = Leaf { quantum: LARGEST, prio: 1, queue };
    let classes = [
        (TOP, class(None, None)),
        (HOST_END_LEAF, class(Some(TOP), Some(leaf))),
    ];
    let classes = BTreeMap::from(classes);
    assert_eq!(tree, QueueTree { default: Some(HOST_END_LEAF), classes });
}

/// Nobody else has any number.
const OTHERS: BTreeSet<ClassId> = BTreeSet::new();

fn ids(pairs: &[(char, u16)]) -> BTreeMap<char, ClassId> {
    pairs.iter().map(|&(key, id)| (key, ClassId(id))).collect()
}

#[test]
fn who_gets_which_number() {
    for (observed, wanted, want) in [
        (&[][..], "ab", &[('a', 2), ('b', 3)][..]),
        (&[('a', 2), ('b', 3)], "ab", &[('a', 2), ('b', 3)]),
        // The lowest that is free, and what goes is not.
        (&[('a', 3), ('b', 5)], "abc", &[('a', 3), ('b', 5), ('c', 2)]),
        (&[('a', 2), ('b', 3)], "bc", &[('b', 3), ('c', 4)]),
        // Nonsense: a number twice, and numbers that nobody may have.
        (&[('a', 7), ('b', 7)], "ab", &[('a', 7), ('b', 2)]),
        (
            &[('a', 0), ('b', 1), ('c', 0xffff)],
            "abc",
            &[('a', 2), ('b', 3), ('c', 4)],
        ),
    ] {
        let wanted = wanted.chars().collect();
        let got =
            allocate(&ids(observed), &wanted, FIRST_CLASS, &OTHERS).unwrap();
        assert_eq!(got, ids(want), "{observed:?}");
    }
    let got = allocate(&ids(&[('a', 2)]), &['a'].into(), ClassId(3), &OTHERS)
        .unwrap();
    assert_eq!(got, ids(&[('a', 3)]), "2 is a host end's own leaf");
    let others = [2, 4].map(ClassId).into();
    let had = ids(&[('a', 3), ('b', 4)]);
    let wanted = ['a', 'b', 'c'].into();
    let got = allocate(&had, &wanted, FIRST_CLASS, &others).unwrap();
    assert_eq!(got, ids(&[('a', 3), ('b', 5), ('c', 6)]), "2 and 4 are taken");
}

#[test]
fn numbers_run_out() {
    let most = u32::from(LAST_CLASS.0 - FIRST_CLASS.0) + 1;
    assert_eq!(most, 65_533);
    let nobody = BTreeMap::new();
    let all = (0..most).collect();
    let full = allocate(&nobody, &all, FIRST_CLASS, &OTHERS).unwrap();
    // One goes, and its number is the only one left.
    let mut others = all.clone();
    others.remove(&100);
    others.insert(most);
    let next = allocate(&full, &others, FIRST_CLASS, &OTHERS).unwrap();
    assert_eq!(next[&most], full[&100]);

    let others = [ClassId(9)].into();
    let error = allocate(&full, &all, FIRST_CLASS, &others).unwrap_err();
    assert_eq!(error, ClassesFull { wanted: 65_534, most: 65_533 });

    let more = (0..=most).collect();
    let error = allocate(&full, &more, FIRST_CLASS, &OTHERS).unwrap_err();
    assert_eq!(error, ClassesFull { wanted: 65_534, most: 65_533 });
    let text = "65534 queues on one link, and there can be 65533";
    assert_eq!(error.to_string(), text);
}

proptest! {
    #[test]
    fn everybody_has_one_and_keeps_it(
        observed in prop::collection::btree_map(0..30u8, 0..20u16, 0..20),
        wanted in prop::collection::btree_set(0..30u8, 0..20),
    ) {
        let observed: BTreeMap<u8, ClassId> =
            observed.into_iter().map(|(key, id)| (key, ClassId(id))).collect();
        let given = allocate(&observed, &wanted, FIRST_CLASS, &OTHERS).unwrap();
        prop_assert_eq!(given.keys().copied().collect::<BTreeSet<_>>(), wanted);
        let distinct: BTreeSet<ClassId> = given.values().copied().collect();
        prop_assert_eq!(distinct.len(), given.len());
        for (key, id) in &given {
            prop_assert!((FIRST_CLASS..=LAST_CLASS).contains(id));
            // What is new is nobody's, also not of one who goes.
            let holders = observed.iter().filter(|(_, had)| *had == id);
            let holders: BTreeSet<u8> = holders.map(|(key, _)| *key).collect();
            prop_assert!(holders.is_empty() || holders.contains(key));
        }
        // Once given, it stays.
        let again = allocate(&given, &given.keys().copied().collect(), FIRST_CLASS, &OTHERS);
        prop_assert_eq!(again, Ok(given));
    }
}
