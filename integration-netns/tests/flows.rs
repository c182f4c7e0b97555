//! Flows hold what they were told: caps, blocks and priorities of parts of a
//! VNIC's traffic, while they come, change and go, with netd and without it.
//!
//!   web [net0 .10] ─── vnic-1 ─┐
//!                      shape-1 ─ host [bge0 .3] ════ [lan0 .1] wire
//!   db  [net0 .11] ─── vnic-2 ─┘
//!
//! All flows are web's. What it sends waits in the shaper, what it gets at its
//! host end. Who sends more than a cap sends twice as much.

use std::collections::BTreeMap;
use std::io;
use std::net::UdpSocket;
use std::path::Path;

use fabric::FlowProps;
use fabric::api::{CreateFlow, FlowCounters, FlowInfo};
use integration_netns::probe::{self, Cap, Datagrams};
use integration_netns::{Counters, Lab, Netd, Netns, Office, Poll, Snapshot};
use libbpf_rs::{MapCore, MapFlags, MapHandle};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Low enough that a frame takes longer than a busy machine is late.
const M: u64 = 1_000_000;
const WEB: &str = "192.168.1.10";
const DB: &str = "192.168.1.11";
const WIRE: &str = Office::WIRE_V4;

struct Story {
    web: Netns,
    db: Netns,
    netd: Netd,
    office: Office,
    /// The last to go: the others show their state first.
    lab: Lab,
}

impl Story {
    #[track_caller]
    fn begin() -> Option<Self> {
        let lab = Lab::for_story()?;
        let office = lab.office();
        let netd = Netd::start(&lab, &office.host, None);
        let zone = |name, addr| lab.zone_with_vnic(&netd, name, addr, "");
        let (web, db) = (zone("web", WEB), zone("db", DB));
        Some(Self { web, db, netd, office, lab })
    }

    /// A flow of web's: its attributes, properties and name.
    #[track_caller]
    fn add(&self, words: &str) {
        self.flowadm(&format!("add-flow -z web -l net0 -a {words}"));
    }

    #[track_caller]
    fn flowadm(&self, line: &str) {
        self.netd.sh(&format!("flowadm {line}")).check();
    }

    /// Full frames between web's port and the wire, `bits` per second.
    #[track_caller]
    fn flood(&self, way: Way, port: u16, bits: u64) -> Datagrams {
        self.stream(way, port, Datagrams::FULL, bits)
    }

    /// The same with `length` bytes of payload.
    #[track_caller]
    fn stream(
        &self,
        way: Way,
        port: u16,
        length: usize,
        bits: u64,
    ) -> Datagrams {
        let (web, wire) = (&self.web, &self.office.wire);
        let (from, to, addr) = match way {
            Way::From => (web, wire, WIRE),
            Way::To => (wire, web, WEB),
        };
        only_port(web, port, || Datagrams::flow(from, to, addr, length, bits))
    }

    /// A cap holds for a port of web's, both ways.
    #[track_caller]
    fn is_capped(&self, what: &str, port: u16, cap: u64) {
        for way in Way::BOTH {
            let flood = self.flood(way, port, 2 * cap);
            let what = format!("{what}, {way:?} port {port}");
            Cap::of(cap).is_kept_and_used(&what, || flood.bytes());
        }
    }

    /// No cap holds for a port of web's: 12 Mbit/s, more than any cap here,
    /// arrive one and all.
    #[track_caller]
    fn is_free(&self, what: &str, way: Way, port: u16) {
        let free = self.flood(way, port, 12 * M);
        free.go_on(200);
        let free = free.close();
        let all = free.arrived == free.sent;
        assert!(all, "{what}, {way:?} port {port}: {free:?}");
    }

    /// What each flow of web's has counted.
    #[track_caller]
    fn counted(&self) -> BTreeMap<String, FlowCounters> {
        let all: Vec<FlowCounters> = self.netd.api().get("/v1/counters/flows");
        all.into_iter().map(|flow| (flow.name.to_string(), flow)).collect()
    }

    #[track_caller]
    fn told(&self) -> Vec<FlowInfo> {
        self.netd.api().get("/v1/flows")
    }

    /// What flowstat says in some columns of a flow.
    #[track_caller]
    fn flowstat(&self, columns: &str, flow: &str) -> String {
        let line = format!("flowstat -p -o {columns} -z web {flow}");
        self.netd.sh(&line).check().trim().to_owned()
    }

    /// All that flows leave in the kernel: rows of tables and classes.
    #[track_caller]
    fn left_behind(&self) -> Vec<(String, Vec<String>)> {
        let rows = ["flows", "flow_masks"].map(|map| (map.into(), rows(map)));
        let host = &self.office.host;
        let links = host.ip_json("link show");
        let links = links.as_array().expect("it is a list");
        let classes = links.iter().map(|link| {
            let link = link["ifname"].as_str().expect("each has a name");
            // Not as JSON: Debian 12's tc can't. In no order of its own.
            let shown = host.run("tc", &["class", "show", "dev", link]).check();
            // fq_codel shows the connections that wait as classes, too.
            let lines = shown.lines().filter(|line| line.contains(" htb "));
            let mut lines: Vec<_> = lines.map(str::to_owned).collect();
            lines.sort();
            (link.to_owned(), lines)
        });
        rows.into_iter().chain(classes).collect()
    }
}

/// Which way datagrams go, seen from web.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    From,
    To,
}

impl Way {
    const BOTH: [Self; 2] = [Self::From, Self::To];
}

/// Makes a socket while a zone's kernel has one port to give and no other.
#[track_caller]
fn only_port<T>(zone: &Netns, port: u16, make: impl FnOnce() -> T) -> T {
    // Low ports are not given to whoever comes along.
    zone.sysctl("ipv4/ip_unprivileged_port_start", "1");
    let range = "ipv4/ip_local_port_range";
    zone.sysctl(range, &format!("{port} {port}"));
    let made = make();
    zone.sysctl(range, "32768 60999");
    made
}

/// The rows of a table, those of VNICs and flows that are there.
#[track_caller]
fn rows(map: &str) -> Vec<String> {
    let pin = flows::datapath::pin_of(Path::new(Netd::BPFFS), map);
    let map = MapHandle::from_pinned_path(pin);
    let map = map.expect("netd has pinned it");
    let row = |key: Vec<u8>| {
        let value = map.lookup(&key, MapFlags::ANY).expect("it may be read");
        format!("{key:x?} {value:x?}")
    };
    let mut rows: Vec<String> = map.keys().map(row).collect();
    rows.sort();
    rows
}

/// Two sockets that talk to each other.
struct Post {
    web: UdpSocket,
    other: UdpSocket,
}

impl Post {
    /// From and to a port of web's and one of another station's.
    #[track_caller]
    fn new(web: (&Netns, u16), other: (&Netns, &str, u16)) -> Self {
        let bind = |netns: &Netns, at: (&str, u16)| {
            let socket = netns.on_thread(|| UdpSocket::bind(at));
            socket.unwrap_or_else(|error| panic!("{at:?}: {error}"))
        };
        let (web, port) = web;
        let (netns, addr, other_port) = other;
        let web = bind(web, (WEB, port));
        let other = bind(netns, (addr, other_port));
        web.connect((addr, other_port)).expect("it is bound");
        other.connect((WEB, port)).expect("it is bound");
        for socket in [&web, &other] {
            socket.set_nonblocking(true).expect("it is a socket");
        }
        Self { web, other }
    }

    fn ends(&self, way: Way) -> [&UdpSocket; 2] {
        match way {
            Way::From => [&self.web, &self.other],
            Way::To => [&self.other, &self.web],
        }
    }

    #[track_caller]
    fn say(&self, way: Way) {
        let sent = self.ends(way)[0].send(b"hello");
        assert_eq!(sent.expect("it has a route"), 5);
    }

    /// Whether something has come.
    #[track_caller]
    fn has_come(&self, way: Way) -> bool {
        match self.ends(way)[1].recv(&mut [0; 8]) {
            Ok(length) => length == 5,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => false,
            Err(error) => panic!("{way:?}: {error}"),
        }
    }

    /// Says something, which arrives.
    #[track_caller]
    fn passes(&self, way: Way) {
        self.say(way);
        Poll::PATIENT.until("it arrives", || {
            if self.has_come(way) { Ok(()) } else { Err("no".to_owned()) }
        });
    }
}

#[test]
fn one_port_has_a_cap_and_another_has_none() {
    let Some(story) = Story::begin() else { return };
    story.add("transport=udp,local_port=80 -p maxbw=4M http");
    for way in Way::BOTH {
        let http = story.flood(way, 80, 8 * M);
        let ssh = story.stream(way, 22, Datagrams::SMALL, 480_000);
        let what = format!("{way:?} port 80");
        Cap::of(4 * M).is_kept_and_used(&what, || http.bytes());
        // It waits in the same root, and in no queue that is full.
        let ssh = ssh.close();
        assert_eq!(ssh.arrived, ssh.sent, "{way:?}: {ssh:?}");
        story.is_free("beside it", way, 22);
    }
    // And TCP has nothing to do with it.
    story.add("transport=tcp,local_port=80 web");
    story.is_capped("beside one for TCP", 80, 4 * M);
    assert_eq!(story.flowstat("ipkts,opkts", "web"), "0:0");
}

#[test]
fn a_blocked_flow_sends_and_gets_nothing_and_says_so() {
    let Some(story) = Story::begin() else { return };
    let Story { web, netd, office, .. } = &story;
    let wire = &office.wire;
    story.add("transport=udp,remote_port=25 -p maxbw=0 smtp");
    story.add("transport=udp,local_port=80 -p maxbw=0 http");
    let smtp = Post::new((web, 1025), (wire, WIRE, 25));
    let http = Post::new((web, 80), (wire, WIRE, 1080));
    let other = Post::new((web, 1026), (wire, WIRE, 1026));
    for (name, post, way, drop, columns, want) in [
        ("smtp", &smtp, Way::From, "flow-blocked", "ierrs,oerrs", "0:3"),
        ("http", &http, Way::To, "flow-blocked-for", "ierrs,oerrs", "3:0"),
    ] {
        let before = Counters::read(netd);
        for _ in 0..3 {
            post.say(way);
        }
        // Behind them on the same way.
        other.passes(way);
        assert!(!post.has_come(way), "{name}");
        let moved = Counters::read(netd).since(&before);
        let drops = moved.iter().filter(|(name, _)| name.contains("drops"));
        let drops: Vec<_> = drops.collect();
        let counter = format!("web/net0 drops.{drop}");
        assert_eq!(drops, [(&counter, &3)], "{moved:#?}");
        assert_eq!(story.flowstat(columns, name), want, "{name}");
        let passed = story.flowstat("ipkts,opkts", name);
        assert_eq!(passed, "0:0", "{name}");
        Poll::PATIENT.until("the drops are shown", || {
            let line = "dladm show-drops -p -o zone,link,reason";
            let text = netd.sh(line).check();
            let want = format!("web:net0:{drop}");
            let found = text.lines().any(|line| line == want);
            if found { Ok(()) } else { Err(text) }
        });
    }
    // No limit is one, too.
    for name in ["smtp", "http"] {
        story.flowadm(&format!("reset-flowprop -p maxbw {name}"));
    }
    smtp.passes(Way::From);
    http.passes(Way::To);
    assert_eq!(story.flowstat("opkts,oerrs", "smtp"), "1:3");
    assert_eq!(story.flowstat("ipkts,ierrs", "http"), "1:3");
}

#[test]
fn flows_come_change_and_go_and_no_other_loses_a_datagram() {
    let Some(story) = Story::begin() else { return };
    // Whoever sends takes frames of others out of the root's queues. On two
    // CPUs one may be slower than the other to pass them on.
    let mut cpu = CpuSet::new();
    cpu.set(0).expect("it is the first");
    sched_setaffinity(Pid::from_raw(0), &cpu).expect("every machine has it");
    story.add("transport=udp,local_port=53 -p maxbw=100M dns");
    for way in Way::BOTH {
        let small = Datagrams::SMALL;
        let dns = story.stream(way, 53, small, 480_000);
        let rest = story.stream(way, 22, small, 480_000);
        let http = story.flood(way, 80, 4 * M);
        for round in 0..3 {
            story.add("transport=udp,local_port=80 http");
            for change in [
                "set-flowprop -p maxbw=2M http",
                "set-flowprop -p priority=high http",
                "reset-flowprop -p maxbw http",
                "set-flowprop -p maxbw=0 http",
                "set-flowprop -p maxbw=50M http",
                "reset-flowprop http",
                "set-flowprop -p maxbw=1M,priority=low http",
                "remove-flow http",
            ] {
                story.flowadm(change);
                // Some meet what has just been set, some two changes in a row.
                let more = if round % 2 == 0 { 20 } else { 0 };
                for stream in [&dns, &rest] {
                    stream.go_on(more);
                }
            }
        }
        // It was there all the time, and is free again.
        http.go_on(20);
        drop(http);
        dns.was_whole();
        rest.was_whole();
    }
}

#[test]
fn what_was_set_holds_after_each_change() {
    let Some(story) = Story::begin() else { return };
    story.add("transport=udp,local_port=80 http");
    for way in Way::BOTH {
        let http = story.flood(way, 80, 20 * M);
        for cap in [8, 2, 0, 10, 4] {
            story.flowadm(&format!("set-flowprop -p maxbw={cap}M http"));
            if cap == 0 {
                let errors = || {
                    let flow = &story.counted()["http"];
                    flow.idrops + flow.odrops
                };
                let before = errors();
                Poll::PATIENT.until("it is blocked", || {
                    let more = errors() - before;
                    if more >= 100 { Ok(()) } else { Err(more.to_string()) }
                });
                continue;
            }
            let what = format!("{way:?} at {cap}M");
            Cap::of(cap * M).is_kept_and_used(&what, || http.bytes());
        }
        drop(http);
        for change in ["reset-flowprop -p maxbw http", "remove-flow http"] {
            story.flowadm(change);
            story.is_free(change, way, 80);
        }
        story.add("transport=udp,local_port=80 http");
    }
}

#[test]
fn the_most_specific_flow_has_the_frame() {
    let Some(story) = Story::begin() else { return };
    let Story { web, db, office, .. } = &story;
    let wire = &office.wire;
    let posts = [
        ("dns of the wire", Post::new((web, 1000), (wire, WIRE, 53))),
        ("the wire", Post::new((web, 1001), (wire, WIRE, 99))),
        ("dns of db", Post::new((web, 1002), (db, DB, 53))),
        ("db", Post::new((web, 1003), (db, DB, 99))),
    ];
    // Whoever comes first has it: the order of adding is of no matter.
    for (add, want) in [
        ("remote_ip=192.168.1.0/24 net", ["net"; 4]),
        ("transport=udp,remote_port=53 dns", ["dns", "net", "dns", "net"]),
        ("remote_ip=192.168.1.1 peer", ["peer", "peer", "dns", "net"]),
        ("remote_ip=192.168.1.0/28 near", ["peer", "peer", "dns", "near"]),
        (
            "remote_ip=192.168.1.1,transport=udp,remote_port=53 both",
            ["both", "peer", "dns", "near"],
        ),
    ] {
        story.add(add);
        for ((what, post), want) in posts.iter().zip(want) {
            for way in Way::BOTH {
                let before = story.counted();
                post.passes(way);
                let now = story.counted();
                let has_moved = |name: &&String| {
                    let sum = |counted: &BTreeMap<String, FlowCounters>| {
                        let flow = &counted[*name];
                        flow.ipackets + flow.opackets
                    };
                    sum(&now) > before.get(*name).map_or(0, |_| sum(&before))
                };
                let moved: Vec<_> = now.keys().filter(has_moved).collect();
                assert_eq!(moved, [want], "{what}, {way:?}, with {add}");
            }
        }
    }
    // What is blocked is what is in the flow, and nothing else.
    let [both, peer, dns, near] = posts;
    for (name, blocked, free) in [
        ("both", &both, [&peer, &dns, &near]),
        ("peer", &peer, [&both, &dns, &near]),
        ("dns", &dns, [&both, &peer, &near]),
        ("near", &near, [&both, &peer, &dns]),
    ] {
        story.flowadm(&format!("set-flowprop -p maxbw=0 {name}"));
        for way in Way::BOTH {
            let (_, post) = blocked;
            post.say(way);
            free.iter().for_each(|(_, post)| post.passes(way));
            assert!(!post.has_come(way), "{name}, {way:?}");
        }
        story.flowadm(&format!("reset-flowprop -p maxbw {name}"));
    }
}

#[test]
fn netd_dies_and_comes_back_and_flows_hold() {
    let Some(mut story) = Story::begin() else { return };
    story.add("transport=udp,local_port=80 -p maxbw=4M http");
    story.add("transport=udp,local_port=53 -p maxbw=2M -t dns");
    let (web, wire) = (story.web.clone(), story.office.wire.clone());
    let post = Post::new((&web, 1025), (&wire, WIRE, 25));
    story.add("transport=udp,remote_port=25 -p maxbw=0 smtp");
    story.is_capped("before", 80, 4 * M);
    let host = Snapshot::of(&story.office.host);
    let left = story.left_behind();
    for word in ["killed", "stopped"] {
        let before = story.counted();
        let flood = story.flood(Way::From, 80, 8 * M);
        if word == "killed" {
            story.netd.kill();
        } else {
            story.netd.stop();
        }
        Cap::of(4 * M).is_kept_and_used(word, || flood.bytes());
        post.say(Way::From);
        story.netd.launch();
        let http = |story: &Story| story.counted()["http"].opackets;
        let now = http(&story);
        // A second's frames, at least.
        assert!(now >= before["http"].opackets + 300, "{word}: {now}");
        flood.go_on(20);
        assert!(http(&story) >= now + 20, "{word}");
        drop(flood);
        let smtp = &story.counted()["smtp"];
        assert_eq!(smtp.odrops, before["smtp"].odrops + 1, "{word}");
        assert!(!post.has_come(Way::From), "{word}");
        assert_eq!(story.left_behind(), left, "{word}");
        host.assert_same(&story.office.host, word);
        story.is_capped(word, 80, 4 * M);
        story.is_capped(word, 53, 2 * M);
    }
    story.netd.stop();
    story.lab.feign_boot();
    story.netd.launch();
    let names: Vec<_> =
        story.told().iter().map(|flow| flow.name.to_string()).collect();
    assert_eq!(names, ["http", "smtp"]);
    story.is_capped("booted", 80, 4 * M);
    for way in Way::BOTH {
        story.is_free("booted", way, 53);
    }
    post.say(Way::From);
    Poll::PATIENT.until("it is dropped", || {
        let drops = story.counted()["smtp"].odrops;
        if drops == 3 { Ok(()) } else { Err(drops.to_string()) }
    });
}

#[test]
fn ten_thousand_flows_hold_and_leave_nothing() {
    const FIRST: u16 = 10_001;
    const LAST: u16 = 20_000;
    // One in so many has a cap. For each class that comes or goes the kernel
    // looks at all others of its root (docs/datapath.md, "Known limits").
    const EVERY: u16 = 5;
    let Some(story) = Story::begin() else { return };
    // A root stays, once made.
    story.add("transport=udp,local_port=80 -p maxbw=4M http");
    story.flowadm("remove-flow http");
    let host = Snapshot::of(&story.office.host);
    let left = story.left_behind();
    let flow = |port: u16| CreateFlow {
        name: format!("port{port}").parse().unwrap(),
        link: "net0".parse().unwrap(),
        zone: Some("web".to_owned()),
        attrs: format!("transport=udp,local_port={port}").parse().unwrap(),
        props: FlowProps {
            maxbw: port.is_multiple_of(EVERY).then(|| "2M".parse().unwrap()),
            ..FlowProps::default()
        },
        temporary: false,
    };
    let flows: Vec<CreateFlow> = (FIRST..=LAST).map(flow).collect();
    let body = serde_json::to_string(&flows).unwrap();
    let answer = story.netd.api().request("POST", "/v1/flows", &body);
    assert_eq!(answer.status, 201, "{}", answer.body);
    assert_eq!(story.told().len(), flows.len());
    assert_eq!(rows("flows").len(), flows.len());
    assert_eq!(rows("flow_masks").len(), 1);
    for port in [FIRST.next_multiple_of(EVERY), 15_000, LAST] {
        story.is_capped("one of many", port, 2 * M);
    }
    for (way, port) in [(Way::From, FIRST), (Way::To, LAST - 1)] {
        story.is_free("one of many", way, port);
    }
    story.flowadm("remove-flow -z web -l net0");
    assert_eq!(story.told(), []);
    assert_eq!(story.left_behind(), left);
    host.assert_same(&story.office.host, "all flows are gone");
    let counted: Vec<FlowCounters> = story.netd.api().get("/v1/counters/flows");
    assert_eq!(counted, []);
}

#[test]
fn the_higher_priority_goes_first_under_the_vnics_cap() {
    let Some(story) = Story::begin() else { return };
    let cap = "dladm set-linkprop -z web -p maxbw=4M net0";
    story.netd.sh(cap).check();
    story.add("transport=udp,local_port=80 http");
    story.add("transport=udp,local_port=22 ssh");
    for [http, ssh] in [["high", "medium"], ["medium", "low"]] {
        story.flowadm(&format!("set-flowprop -p priority={http} http"));
        story.flowadm(&format!("set-flowprop -p priority={ssh} ssh"));
        for way in Way::BOTH {
            // Begun anew: who goes first is decided when a queue fills up.
            let streams = [80, 22].map(|port| story.flood(way, port, 6 * M));
            let parts = probe::parts(&streams, 125_000, 500_000);
            let said = format!("{way:?}, {http} and {ssh}: {parts:?}");
            assert!(parts[0] >= 90, "{said}");
            // The first ends first: the other's sender waits for it.
            streams.into_iter().for_each(drop);
        }
    }
}
