//! Queues: HTB holds what it was told, and does what it says.
//!
//!   host [bge0 .3] ════ [lan0 .1] wire         bge0 stands for a shaper
//!
//! No netd runs here: its functions for queues are called one by one. What is
//! measured by a clock is in the benchmarks; here frames and bytes are counted.

use std::collections::BTreeSet;
use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};

use fabric::shaping::{ClassId, Queue, QueueKind, QueueTree, Shaper};
use fabric::{LinkName, Mtu};
use flows::shape::numbers::{self, UNLIMITED};
use flows::shape::{
    FlowShare, HOST_END_LEAF, Level, TOP, VnicShare, host_end_tree, shaper_tree,
};
use integration_netns::{Lab, Need, Netns, Office, Poll, require};
use netd::kernel::queues::{ClassStats, Queues, Root};
use nix::sys::socket::{setsockopt, sockopt};
use serde_json::Value;

const M: u64 = 1_000_000;
const G: u64 = 1000 * M;

/// A link whose queues are looked after as netd would.
struct Shaped<'a> {
    netns: &'a Netns,
    link: LinkName,
    index: u32,
}

impl<'a> Shaped<'a> {
    fn new(netns: &'a Netns, link: &str) -> Self {
        let shown = netns.ip_json(&format!("link show {link}"));
        let index = shown[0]["ifindex"].as_u64().unwrap();
        let index = index.try_into().unwrap();
        Self { netns, link: link.parse().unwrap(), index }
    }

    /// Asks the kernel, in the link's namespace.
    #[track_caller]
    fn ask<T: Send>(&self, body: impl AsyncFnOnce(Queues) -> T + Send) -> T {
        self.netns.on_thread(|| {
            let mut runtime = tokio::runtime::Builder::new_current_thread();
            let runtime = runtime.enable_all().build().unwrap();
            runtime.block_on(async { body(Queues::connect().unwrap()).await })
        })
    }

    #[track_caller]
    fn kind(&self) -> QueueKind {
        self.ask(async |queues| queues.kind().await.unwrap())
    }

    #[track_caller]
    fn root(&self) -> Option<Root> {
        let links = BTreeSet::from([self.index]);
        self.ask(async |_| Queues::observe(&links).unwrap()).remove(&self.index)
    }

    #[track_caller]
    fn tree(&self) -> Option<QueueTree> {
        self.root().map(|root| match root {
            Root::Tree(tree) => tree,
            Root::Foreign(kind) => panic!("{}: {kind}", self.link),
        })
    }

    /// Takes the steps from what is there, and finds what was wanted.
    #[track_caller]
    fn apply(&self, tree: &QueueTree) {
        let steps = tree.steps(self.tree().as_ref()).unwrap();
        let (link, index) = (&self.link, self.index);
        self.ask(async |queues| {
            for step in &steps {
                let done = queues.step(link, index, step).await;
                done.unwrap_or_else(|error| panic!("{step}: {error:?}"));
            }
        });
        let got = self.tree().unwrap();
        assert_eq!(got, *tree, "got:\n{got}\nwanted:\n{tree}");
        assert_eq!(tree.steps(Some(&got)).unwrap(), []);
    }

    #[track_caller]
    fn stats(&self, class: ClassId) -> ClassStats {
        let links = BTreeSet::from([self.index]);
        let all = self.ask(async |_| Queues::stats(&links).unwrap());
        all[&self.index][&class]
    }

    #[track_caller]
    fn waiting(&self, class: ClassId) -> u64 {
        let (link, index) = (&self.link, self.index);
        self.ask(async |queues| {
            queues.waiting(link, index, class).await.unwrap()
        })
    }

    /// A socket whose frames are of a class, and whose own queue is short.
    #[track_caller]
    fn socket(&self, class: ClassId) -> UdpSocket {
        let socket = self.netns.on_thread(|| {
            let socket = UdpSocket::bind((Office::HOST_V4, 0)).unwrap();
            let class = 0x1_0000 | i32::from(class.0);
            setsockopt(&socket, sockopt::Priority, &class).unwrap();
            socket
        });
        socket.connect((Office::WIRE_V4, 9)).unwrap();
        socket
    }
}

/// A host and a wire that never answers: its address leads to a station that
/// isn't there.
fn silent_office(lab: &Lab) -> Office {
    let office = lab.quiet_office();
    let (v4, nic) = (Office::HOST_V4, Office::NIC);
    office.host.ip(&format!("address add {v4}/24 dev {nic}"));
    let nobody = format!("{} lladdr 2:0:0:0:0:9", Office::WIRE_V4);
    office.host.ip(&format!("neighbour add {nobody} dev {nic}"));
    office
}

/// The frames that have come out at the other end.
#[track_caller]
fn arrived(wire: &Netns) -> u64 {
    let shown = wire.ip_json(&format!("-s link show {}", Office::WIRE_LINK));
    shown[0]["stats64"]["rx"]["packets"].as_u64().unwrap()
}

fn vnic(class: u16, maxbw: Option<u64>) -> VnicShare<'static> {
    VnicShare {
        class: ClassId(class),
        leaf: ClassId(class + 1),
        maxbw,
        minbw: None,
        priority: Level::High,
        mtu: Mtu::ETHERNET,
        held: true,
        flows: &[],
    }
}

/// The lowest and the highest cap, all magnitudes between, and both sides of
/// where HTB's 32 bits end: 2^32 bytes/s.
const CAPS: [u64; 14] = [
    64_000,
    100_001,
    M,
    10 * M,
    33_333_333,
    100 * M,
    G,
    2_500 * M,
    10 * G,
    8 * (u32::MAX as u64) - 8,
    8 * (u32::MAX as u64),
    8 * (u32::MAX as u64) + 8,
    100 * G,
    400 * G,
];

#[test]
fn the_kernel_holds_what_it_was_told() {
    let Some(lab) = Lab::for_story() else { return };
    let office = silent_office(&lab);
    let bge0 = Shaped::new(&office.host, Office::NIC);
    assert_eq!(bge0.root(), None);

    let flows: Vec<FlowShare> = (0..3u16)
        .zip([Level::Low, Level::Medium, Level::High])
        .map(|(at, priority)| FlowShare {
            leaf: ClassId(0xfff0 + at),
            maxbw: Some(M / 2),
            priority,
        })
        .collect();
    let vnics: Vec<VnicShare<'_>> = (1..)
        .zip(CAPS)
        .map(|(at, cap)| {
            let minbw = (at % 2 == 0).then_some(cap / 2);
            VnicShare { minbw, ..vnic(2 * at, Some(cap)) }
        })
        .chain([
            VnicShare { flows: &flows, ..vnic(100, None) },
            VnicShare { priority: Level::Low, ..vnic(0xfffd, Some(0)) },
        ])
        .collect();
    let kind = bge0.kind();
    let tree = shaper_tree(UNLIMITED, kind, &vnics);
    bge0.apply(&tree);
    as_tc_sees_it(&bge0, &tree);

    // All of it slower, fewer, and other numbers for those that stay.
    let fewer: Vec<VnicShare<'_>> = vnics
        .iter()
        .step_by(2)
        .map(|vnic| VnicShare {
            maxbw: vnic.maxbw.map(|cap| cap / 3),
            priority: Level::Medium,
            ..*vnic
        })
        .collect();
    let slower = shaper_tree(G, kind, &fewer);
    bge0.apply(&slower);
    as_tc_sees_it(&bge0, &slower);
    // A link with no VNIC left, and back again.
    bge0.apply(&shaper_tree(G, kind, &[]));
    bge0.apply(&tree);
    as_tc_sees_it(&bge0, &tree);
}

/// A rate in bytes per second as tc shows it: bits, and units as large as three
/// more digits allow.
fn tc_rate(bytes: u64) -> String {
    let (mut rate, mut unit) = (8 * bytes, 0);
    while rate >= 1000 && (rate % 1000 == 0 || rate >= 1_000_000) {
        rate /= 1000;
        unit += 1;
    }
    format!("{rate}{}bit", ["", "K", "M", "G", "T"][unit])
}

/// Compares with what tc shows, in its own units.
#[track_caller]
fn as_tc_sees_it(link: &Shaped<'_>, tree: &QueueTree) {
    let name = link.link.as_str();
    // Not as JSON: Debian 12's tc can't.
    let shown = link.netns.run("tc", &["class", "show", "dev", name]).check();
    assert_eq!(shown.lines().count(), tree.classes.len());
    for (id, class) in &tree.classes {
        let line = format!("class htb {id} ");
        let line = shown.lines().find(|shown| shown.starts_with(&line));
        let line = line.unwrap_or_else(|| panic!("no {id}: {shown}"));
        let words: Vec<&str> = line.split_whitespace().collect();
        let word = |key: &str| {
            let at = words.iter().position(|word| *word == key)?;
            words.get(at + 1).copied()
        };
        assert_eq!(word("rate"), Some(&*tc_rate(class.rate)), "{line}");
        assert_eq!(word("ceil"), Some(&*tc_rate(class.ceil)), "{line}");
        let parent = class.parent.map(|parent| parent.to_string());
        assert_eq!(word("parent"), parent.as_deref(), "{line}");
        let leaf = class.leaf.as_ref();
        let prio = leaf.map(|leaf| leaf.prio.to_string());
        let queue = leaf.map(|_| format!("{:x}:", id.0));
        if leaf.is_some() {
            assert_eq!(word("prio"), prio.as_deref(), "{line}");
        }
        assert_eq!(word("leaf"), queue.as_deref(), "{line}");
    }

    let shown = link.netns.tc_json(&format!("qdisc show dev {name}"));
    let shown = shown.as_array().unwrap();
    for (id, class) in &tree.classes {
        let Some(leaf) = &class.leaf else { continue };
        let handle = Value::from(format!("{:x}:", id.0));
        let found = shown.iter().find(|one| one["handle"] == handle);
        let found = found.unwrap_or_else(|| panic!("no {id}: {shown:?}"));
        assert_eq!(found["parent"], id.to_string());
        let options = &found["options"];
        match leaf.queue {
            Queue::Bfifo { limit } => {
                assert_eq!(found["kind"], "bfifo");
                assert_eq!(options["limit"], limit, "{found}");
            }
            Queue::FqCodel { limit, memory, quantum, .. } => {
                assert_eq!(found["kind"], "fq_codel");
                assert_eq!(options["limit"], limit, "{found}");
                assert_eq!(options["memory_limit"], memory, "{found}");
                assert_eq!(options["quantum"], quantum, "{found}");
            }
            Queue::Unknown => panic!("{id}"),
        }
    }
}

#[test]
fn a_leafs_queue_that_is_not_ours_is_made_ours() {
    let Some(lab) = Lab::for_story() else { return };
    let office = silent_office(&lab);
    let bge0 = Shaped::new(&office.host, Office::NIC);
    let tc = |words: &str| {
        let words: Vec<&str> = words.split(' ').collect();
        office.host.run("tc", &words).check();
    };
    let tree = host_end_tree(bge0.kind(), &vnic(2, Some(M)));
    bge0.apply(&tree);
    for words in [
        // What it has until it is given another.
        &["qdisc del dev bge0 parent 1:2"][..],
        &["qdisc replace dev bge0 parent 1:2 handle 77: pfifo"],
        // At our place, and something else.
        &[
            "qdisc del dev bge0 parent 1:2",
            "qdisc add dev bge0 parent 1:2 handle 2: pfifo limit 7",
        ],
    ] {
        for words in words {
            tc(words);
        }
        let classes = bge0.tree().unwrap().classes;
        let leaf = classes[&HOST_END_LEAF].leaf.clone().unwrap();
        assert_eq!(leaf.queue, Queue::Unknown, "{words:?}");
        bge0.apply(&tree);
    }
}

#[test]
fn what_others_have_put_on_a_link_stays() {
    let Some(lab) = Lab::for_story() else { return };
    let office = silent_office(&lab);
    let bge0 = Shaped::new(&office.host, Office::NIC);
    let tree = host_end_tree(bge0.kind(), &vnic(2, Some(M)));
    for (theirs, kind) in
        [("handle 7: pfifo limit 5", "pfifo"), ("handle 7: htb", "htb")]
    {
        let words = format!("qdisc add dev bge0 root {theirs}");
        let words: Vec<&str> = words.split(' ').collect();
        office.host.run("tc", &words).check();
        assert_eq!(bge0.root(), Some(Root::Foreign(kind.to_owned())));
        let before = office.host.tc_json("qdisc show dev bge0");
        let first = tree.steps(None).unwrap().remove(0);
        let (link, index) = (&bge0.link, bge0.index);
        let refused = bge0.ask(async |queues| {
            queues.step(link, index, &first).await.unwrap_err()
        });
        assert_eq!(refused.errno(), Some(nix::errno::Errno::EEXIST));
        assert_eq!(
            refused.to_string(),
            "the kernel refused to add htb default 1:2 on bge0"
        );
        assert_eq!(office.host.tc_json("qdisc show dev bge0"), before);
        let words = "qdisc del dev bge0 root".split(' ').collect::<Vec<_>>();
        office.host.run("tc", &words).check();
    }
    // One that looks like ours, on a link that nobody says is ours.
    bge0.apply(&tree);
    let others = BTreeSet::from([bge0.index + 1]);
    let seen = bge0.ask(async |_| Queues::observe(&others).unwrap());
    assert!(seen.is_empty(), "{seen:?}");
}

#[test]
fn every_frame_is_sent_or_counted_as_dropped() {
    let Some(lab) = Lab::for_story() else { return };
    let office = silent_office(&lab);
    let bge0 = Shaped::new(&office.host, Office::NIC);
    let kind = bge0.kind();
    let at = |cap| shaper_tree(100 * M, kind, &[vnic(2, Some(cap))]);
    let leaf = ClassId(3);
    bge0.apply(&at(M));
    let (socket, before) = (bge0.socket(leaf), arrived(&office.wire));

    let mut sent = 0;
    for round in 0..40 {
        for _ in 0..200 {
            socket.send(&[0; 1472]).unwrap();
            sent += 1;
        }
        // Ever faster and slower while it is full.
        let caps = [M, 50 * M, 2 * M, 100 * M];
        bge0.apply(&at(caps[round % caps.len()]));
    }
    // Asked about alone it says the same. A frame takes 0.2 s now.
    bge0.apply(&at(64_000));
    while bge0.waiting(leaf) == 0 {
        socket.send(&[0; 1472]).unwrap();
        sent += 1;
    }
    assert_eq!(bge0.waiting(ClassId(99)), 0, "there is none");
    bge0.apply(&at(100 * M));
    Poll::PATIENT.until("the queue runs empty", || match bge0.waiting(leaf) {
        0 => Ok(()),
        waiting => Err(format!("{waiting} frames")),
    });
    let stats = bge0.stats(leaf);
    assert_eq!(stats.waiting, 0);
    // What fq_codel has to let go of because it becomes shorter, only the root
    // counts (fq_codel_change, qdisc_tree_reduce_backlog).
    let root = office.host.tc_json("-s qdisc show dev bge0 root");
    let drops = root[0]["drops"].as_u64().unwrap();
    assert_eq!(stats.packets + drops, sent, "{stats:?}");
    let all_told = drops == stats.drops || kind == QueueKind::FqCodel;
    assert!(all_told && drops >= stats.drops, "{drops}: {stats:?}");
    assert!(stats.drops > 0, "never full: {stats:?}");
    assert_eq!(stats.bytes, 1514 * stats.packets);
    assert_eq!(stats.backlog, 0);
    assert_eq!(arrived(&office.wire) - before, stats.packets);
    // The classes above sent the same, and have no queue.
    for above in [ClassId(2), TOP] {
        let above = bge0.stats(above);
        assert_eq!((above.packets, above.bytes), (stats.packets, stats.bytes));
        assert_eq!(above.drops, 0);
    }
}

#[test]
fn frames_of_no_class_are_dropped_in_a_shaper_and_shaped_in_a_host_end() {
    let Some(lab) = Lab::for_story() else { return };
    for host_end in [false, true] {
        let office = silent_office(&lab);
        let bge0 = Shaped::new(&office.host, Office::NIC);
        let vnic = vnic(2, Some(100 * M));
        let (tree, leaf) = if host_end {
            (host_end_tree(bge0.kind(), &vnic), HOST_END_LEAF)
        } else {
            (shaper_tree(G, bge0.kind(), &[vnic]), vnic.leaf)
        };
        bge0.apply(&tree);
        let before = arrived(&office.wire);
        // A class that is not there, and an inner one.
        for class in [ClassId(0x77), TOP] {
            bge0.socket(class).send(b"?").unwrap();
        }
        bge0.socket(leaf).send(b"!").unwrap();
        let want = if host_end { 3 } else { 1 };
        Poll::PATIENT.until("what is sent arrives", || {
            let got = arrived(&office.wire) - before;
            (got == want).then_some(()).ok_or(format!("{got} of {want}"))
        });
        let stats = bge0.stats(leaf);
        assert_eq!((stats.packets, stats.drops), (want, 0), "{host_end}");
        let shown = office.host.tc_json("-s qdisc show dev bge0 root");
        let drops = if host_end { 0 } else { 2 };
        assert_eq!(shown[0]["drops"], drops, "{shown}");
    }
}

#[test]
fn guarantees_of_seventy_and_thirty_are_kept() {
    let Some(lab) = Lab::for_story() else { return };
    let office = silent_office(&lab);
    let bge0 = Shaped::new(&office.host, Office::NIC);
    // The one with less may go first with what is left. There is nothing.
    let vnics = [(2, 14, Level::Low), (4, 6, Level::High)].map(
        |(class, minbw, priority)| VnicShare {
            minbw: Some(minbw * M),
            priority,
            ..vnic(class, None)
        },
    );
    bge0.apply(&shaper_tree(20 * M, bge0.kind(), &vnics));
    let sockets = vnics.map(|vnic| bge0.socket(vnic.leaf));
    let sent = || vnics.map(|vnic| bge0.stats(vnic.leaf).bytes);
    let until = |total: u64| {
        Poll::PATIENT.until("bytes pass", || {
            let sent = sent();
            let sum = sent[0] + sent[1];
            (sum >= total).then_some(sent).ok_or(format!("{sum} of {total}"))
        })
    };

    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        for socket in &sockets {
            // As fast as the socket takes it, which is a full queue's length
            // ahead of the link.
            scope.spawn(|| {
                while !stop.load(Ordering::Relaxed) {
                    socket.send(&[0; 1472]).unwrap();
                }
            });
        }
        let split =
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                // Not the bursts that both begin with.
                let from = until(500_000);
                let to = until(from[0] + from[1] + 2_000_000);
                [to[0] - from[0], to[1] - from[1]]
            }));
        stop.store(true, Ordering::Relaxed);
        let [more, less] =
            split.unwrap_or_else(|p| std::panic::resume_unwind(p));
        let percent = 100 * more / (more + less);
        assert!((65..=75).contains(&percent), "{more} and {less}");
    });
}

#[test]
fn a_shaper_is_a_closed_pair_of_ours() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let host = Shaped::new(&office.host, Office::NIC);
    let shaper = Shaper(0x8000_0003);
    let over = &host.link;
    let over = Some(over);
    let made = host
        .ask(async |queues| queues.create_shaper(shaper, over).await.unwrap());
    let [(_, near), (_, far)] = made;
    for (name, index, other) in [
        ("shape-80000003", near, "shaped-80000003"),
        ("shaped-80000003", far, "shape-80000003"),
    ] {
        let shown = &office.host.ip_json(&format!("link show {name}"))[0];
        assert_eq!(shown["ifindex"], index);
        assert_eq!(shown["link"], other);
        assert_eq!(shown["group"], "1095909953");
        assert_eq!(shown["mtu"], 65_535);
        assert_eq!(shown["ifalias"], "what VNICs over bge0 send");
        let flags = shown["flags"].as_array().unwrap();
        assert!(flags.contains(&"NOARP".into()), "{shown}");
        assert!(!flags.contains(&"UP".into()), "{shown}");
        for (key, want) in [
            ("ipv4/conf/IF/forwarding", "0"),
            ("ipv4/conf/IF/rp_filter", "1"),
            ("ipv6/conf/IF/disable_ipv6", "1"),
        ] {
            let file = format!("/proc/sys/net/{}", key.replace("IF", name));
            let got = office.host.on_thread(|| std::fs::read_to_string(&file));
            assert_eq!(got.unwrap().trim(), want, "{file}");
        }
    }
    let again = host.ask(async |queues| {
        queues.create_shaper(shaper, over).await.unwrap_err()
    });
    assert!(again.is_name_taken(), "{again:?}");
    // Taken for what it is: the one that was there is still there.
    let near = Shaped::new(&office.host, "shape-80000003");
    assert_eq!(near.tree(), Some(QueueTree::default()));
    near.apply(&shaper_tree(G, near.kind(), &[vnic(2, Some(M))]));
}

#[test]
fn a_guests_frames_are_cut_where_the_guest_is() {
    let Some(lab) = Lab::for_story() else { return };
    let (host, web) = (lab.quiet_zone("host"), lab.quiet_zone("web"));
    host.ip("link add vnic-7 type veth peer name net0 netns web");
    let end = Shaped::new(&host, "vnic-7");
    let zone = web.name().parse().unwrap();
    for cap in [Some(M), Some(100 * M), None] {
        let segs = numbers::gso_segs(cap, Mtu::ETHERNET);
        let link = &end.link;
        let set = end.ask(async |queues| {
            queues.set_gso_segs(link, Some(&zone), segs).await
        });
        set.unwrap();
        let shown = &web.ip_json("link show net0")[0];
        assert_eq!(shown["gso_max_segs"], segs);
        assert_eq!(shown["gso_max_size"], 65_536);
        // What netd sees of it.
        let shown = &host.ip_json("link show vnic-7")[0];
        assert_eq!(shown["gso_max_segs"], segs);
    }
}

#[test]
fn fq_codel_is_there_if_tc_can_have_it() {
    // Not every machine's tc can tell.
    if !require(&[Need::Program("tc")]) {
        return;
    }
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let bge0 = Shaped::new(&office.host, Office::NIC);
    let lo = || office.host.tc_json("qdisc show dev lo");
    let before = lo();
    let kind = bge0.kind();
    assert_eq!(lo(), before, "nothing has been changed");
    let words = ["qdisc", "add", "dev", "lo", "root", "fq_codel"];
    let there = office.host.run("tc", &words).ok();
    assert_eq!(there, kind == QueueKind::FqCodel);
}
