//! Queues that somebody has meddled with, and a netd that dies: what was
//! declared holds again, and nobody notices the latter.
//!
//!   web [net0 .10] ─── vnic-1, HTB ─┐
//!                      shape-1, HTB ─ host [bge0] ════ [lan0 .1] wire
//!   db  [net0 .11] ─── vnic-2 ──────┘

use integration_netns::probe::{self, Cap, Datagrams};
use integration_netns::{Lab, Netd, Netns, Office, Poll, Snapshot};

const M: u64 = 1_000_000;
const WEB: &str = "192.168.1.10";

struct Story {
    web: Netns,
    _db: Netns,
    netd: Netd,
    office: Office,
    /// The last to go: the others show their state first.
    _lab: Lab,
}

impl Story {
    /// web with a cap, db with a guarantee.
    #[track_caller]
    fn begin() -> Option<Self> {
        let lab = Lab::for_story()?;
        let office = lab.office();
        let netd = Netd::start(&lab, &office.host, None);
        let zone = |name, addr, props| {
            lab.zone_with_vnic(&netd, name, addr, &format!("-p {props}"))
        };
        let web = zone("web", WEB, "maxbw=4M");
        let db = zone("db", "192.168.1.11", "minbw=1M");
        Some(Self { web, _db: db, netd, office, _lab: lab })
    }

    /// The cap of web holds both ways.
    #[track_caller]
    fn the_cap_holds(&self, what: &str) {
        let (web, wire) = (&self.web, &self.office.wire);
        let ways = [(web, wire, Office::WIRE_V4), (wire, web, WEB)];
        let streams = ways.map(|(from, to, addr)| {
            Datagrams::flow(from, to, addr, Datagrams::FULL, 8 * M)
        });
        for stream in &streams {
            Cap::of(4 * M).is_kept_and_used(what, || stream.bytes());
        }
    }
}

#[test]
fn netd_dies_and_comes_back_and_no_datagram_notices() {
    let Some(mut story) = Story::begin() else { return };
    let (web, wire) = (story.web.clone(), story.office.wire.clone());
    let streams = [(&web, &wire, Office::WIRE_V4), (&wire, &web, WEB)].map(
        |(from, to, addr)| {
            Datagrams::flow(from, to, addr, Datagrams::SMALL, 480_000)
        },
    );
    let before = Snapshot::of(&story.office.host);
    for round in ["killed", "killed again", "stopped"] {
        match round {
            "stopped" => story.netd.stop(),
            _ => story.netd.kill(),
        }
        streams.iter().for_each(|stream| stream.go_on(100));
        before.assert_same(&story.office.host, round);
        story.netd.launch();
        before.assert_same(&story.office.host, "netd came back");
    }
    streams.into_iter().for_each(Datagrams::was_whole);
    story.the_cap_holds("netd came back");
}

#[test]
fn a_shaper_that_was_deleted_is_made_anew() {
    let Some(mut story) = Story::begin() else { return };
    let (host, web) = (story.office.host.clone(), story.web.clone());
    let is_back = |end: &str| {
        Poll::PATIENT.until("there is a shaper again", || {
            let shown = host.run("ip", &["link", "show", end, "up"]);
            let up = shown.stdout.contains(end);
            if up { Ok(()) } else { Err(shown.to_string()) }
        });
    };
    for end in ["shape-1", "shaped-1"] {
        // Nobody is asked: netd sees it.
        host.ip(&format!("link delete {end}"));
        is_back(end);
        // It answers when it is done.
        story.netd.sh("dladm show-vnic").check();
        probe::reaches(&web, Office::WIRE_V4);
        story.the_cap_holds(end);

        story.netd.kill();
        host.ip(&format!("link delete {end}"));
        // What has to wait has nowhere to wait, and doesn't pass unshaped.
        probe::assert_apart(&[(&web, Office::WIRE_V4)]);
        story.netd.launch();
        is_back(end);
        probe::reaches(&web, Office::WIRE_V4);
        story.the_cap_holds("netd came back");
    }
}

#[test]
fn what_is_done_to_queues_by_hand_is_put_right() {
    let Some(mut story) = Story::begin() else { return };
    let host = &story.office.host.clone();
    let before = shape(host);
    // The shaper's classes are 1:2 and 1:3 of one, 1:4 and 1:5 of the other.
    for by_hand in [
        "ip link set shape-1 down",
        "ip link set shaped-1 down",
        "tc class del dev shape-1 classid 1:3",
        "tc class del dev vnic-1 classid 1:2",
        "tc class change dev shape-1 parent 1: classid 1:1 htb rate 1mbit",
        "tc class change dev vnic-1 parent 1: classid 1:1 htb rate 900mbit",
        "tc class add dev shape-1 parent 1:1 classid 1:77 htb rate 5mbit",
        "tc class add dev vnic-1 parent 1: classid 1:3 htb rate 5mbit",
        "tc qdisc replace dev shape-1 parent 1:3 handle 99: pfifo limit 9",
        "tc qdisc del dev shape-1 parent 1:3",
        "tc qdisc del dev shape-1 root",
        "tc qdisc del dev vnic-1 root",
        "tc filter del dev shaped-1 ingress",
    ] {
        let mut words = by_hand.split_whitespace();
        let program = words.next().expect("no line is empty");
        host.run(program, &words.collect::<Vec<_>>()).check();
        story.netd.reload();
        Poll::PATIENT.until(by_hand, || {
            let now = shape(host);
            let said = || format!("{now:#?}\nnot\n{before:#?}");
            if now == before { Ok(()) } else { Err(said()) }
        });
    }
    story.the_cap_holds("all was put right");
    let settled = Snapshot::of(host);
    story.netd.kill();
    story.netd.launch();
    settled.assert_same(host, "nothing was left to do");
}

#[test]
fn a_root_of_somebodys_keeps_nobody_from_work() {
    let Some(story) = Story::begin() else { return };
    let Story { netd, office, .. } = &story;
    let dladm = |line: &str| netd.sh(&format!("dladm {line}"));
    // Where nothing waits: db has a guarantee and no cap.
    let tc = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        office.host.run("tc", &words).check()
    };
    tc("qdisc add dev vnic-2 root handle 1: htb default 5");
    netd.reload();
    dladm("create-vnic -l bge0 -p maxbw=5M net9").check();
    dladm("set-linkprop -z db -p minbw=2M net0").check();
    dladm("delete-vnic net9").check();
    let shown = tc("qdisc show dev vnic-2 root");
    assert!(shown.contains("default 0x5"), "{shown}");
    // Its own cap would need the place, and says so.
    let refused = dladm("set-linkprop -z db -p maxbw=5M net0");
    assert!(refused.stderr.contains("on vnic-2: File exists"), "{refused}");
    tc("qdisc del dev vnic-2 root");
    dladm("set-linkprop -z db -p maxbw=5M net0").check();

    // On a shaper that is to go.
    dladm("delete-vnic -z db net0").check();
    // In one go: what is missing netd puts back at once.
    tc("qdisc replace dev shape-1 root handle 7: htb default 5");
    netd.reload();
    dladm("delete-vnic -z web net0").check();
    let links = office.host.ip("-br link show");
    assert!(!links.contains("shape"), "{links}");
}

/// The queues of the story's links, their classes and whether the links and the
/// program are in their places, as tc and ip show them. Without the numbers of
/// classes: one that was deleted may get another; and without what passed while
/// a class was away.
#[track_caller]
fn shape(host: &Netns) -> Vec<String> {
    let mut lines = Vec::new();
    for link in ["shape-1", "shaped-1", "vnic-1", "vnic-2"] {
        for what in ["class", "qdisc"] {
            let shown = host.run("tc", &[what, "show", "dev", link]).check();
            let named = |line: &str| {
                let line = line.split(" direct_packets_stat").next();
                let words = line.unwrap_or_default().split_whitespace();
                let words = words.filter(|word| !word.contains(':'));
                words.fold(link.to_owned(), |line, word| line + " " + word)
            };
            // fq_codel shows the connections that wait as classes, too.
            let ours = |line: &&str| what == "qdisc" || line.contains(" htb ");
            lines.extend(shown.lines().filter(ours).map(named));
        }
        let filters = ["filter", "show", "dev", link, "ingress"];
        let shown = host.run("tc", &filters).check();
        let programs = shown.matches("direct-action").count();
        let up = host.run("ip", &["link", "show", link, "up"]).check();
        let up = !up.is_empty();
        lines.push(format!("{link} {programs} programs, up: {up}"));
    }
    lines.sort();
    lines
}
