//! CPUs and rings: how many queues a VNIC's ends have, and which CPUs work on
//! what comes out of them.
//!
//!   web [net0 .10] ── vnic-1 ─┐
//!                             host [bge0 .3] ════ [lan0 .1] wire
//!   db  [net0 .11] ── vnic-2 ─┤
//!   vm             ═  vnic-3 ─┘ a TAP, opened once for each queue
//!
//! What an end has is read from the sysfs of its own namespace, which is not
//! the one under the /sys that netd sees. netd is killed and comes back, and
//! once it believes that the machine was booted.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use integration_netns::probe::{self, Datagrams, Frame, Passage, Tap};
use integration_netns::{
    CmdOutput, Lab, Need, Netd, Netns, Office, Poll, Snapshot, require,
};
use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

const WEB: &str = "192.168.1.10";
const DB: &str = "192.168.1.11";

/// What an end is made with.
const PLAIN: &str = "rx 0 tx 0";
/// `cpus=0-1,rxrings=2,txrings=2`, at both ends.
const SPREAD: &str = "rx 3 3 tx 1 2";

/// The office with a VNIC in web, and one in db that nothing is asked of.
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
    fn begin(props: &str) -> Option<Self> {
        if !require(&[Need::Cpus]) {
            return None;
        }
        let lab = Lab::for_story()?;
        let office = lab.office();
        let netd = Netd::start(&lab, &office.host, None);
        let web = lab.zone_with_vnic(&netd, "web", WEB, props);
        let db = lab.zone_with_vnic(&netd, "db", DB, "");
        // The kernel gives links their own addresses in its own time.
        for netns in [&office.host, &web] {
            Poll::PATIENT.until("there are link-local addresses", || {
                let shown = netns.ip("-6 -br addr show scope link");
                if shown.contains("fe80:") { Ok(()) } else { Err(shown) }
            });
        }
        Some(Self { web, db, netd, office, lab })
    }

    /// Sets or resets of web's VNIC; success is silent.
    #[track_caller]
    fn change(&self, words: &str) {
        let done = self.netd.sh(&format!("dladm {words} -z web net0"));
        assert_eq!(done.stderr, "", "{done}");
        assert_eq!(done.check(), "", "{words}");
    }

    /// The queues of web's ends, the host end's first.
    #[track_caller]
    fn ends(&self) -> [String; 2] {
        let host = &self.office.host;
        [queues(host, host, "vnic-1"), queues(host, &self.web, "net0")]
    }

    /// Makes a VNIC for a machine, whose TAP is vnic-3.
    #[track_caller]
    fn create_tap(&self, props: &str) {
        let line = format!("-l bge0 -p zone=vm,mode=tap,{props} net0");
        self.netd.sh(&format!("dladm create-vnic {line}")).check();
    }

    #[track_caller]
    fn tap(&self) -> String {
        queues(&self.office.host, &self.office.host, "vnic-3")
    }

    /// What scripts read of properties.
    #[track_caller]
    fn shown(&self, options: &str) -> String {
        let words = "-c -o value -p cpus,rxrings,txrings net0";
        let line = format!("dladm show-linkprop {options} -z web {words}");
        let text = self.netd.sh(&line).check();
        text.lines().collect::<Vec<_>>().join("|")
    }
}

/// The queues of a link with the CPUs of each, in hexadecimal: RPS of those
/// that it receives on, XPS of those that it sends on.
#[track_caller]
fn queues(host: &Netns, netns: &Netns, link: &str) -> String {
    // Mounts the namespace's own sysfs for the command, in a mount namespace
    // that goes with it. Some of the files can't be read.
    let script = "cd /sys/class/net/$0/queues && \
                  grep -H . rx-*/rps_cpus tx-*/xps_cpus; [ $? -le 2 ]";
    let words = ["netns", "exec", netns.name(), "sh", "-c", script, link];
    let said = host.run("ip", &words).check();
    let list = |kind: &str| {
        let lines = said.lines().filter(|line| line.starts_with(kind));
        let mut queues: Vec<(usize, String)> = lines
            .map(|line| {
                let (path, mask) = line.split_once(':').expect("path:mask");
                let number = path[3..].split('/').next().expect("rx-N/...");
                let mask = mask.replace(',', "");
                let mask = mask.trim_start_matches('0');
                let mask = if mask.is_empty() { "0" } else { mask };
                (number.parse().expect("a number"), mask.to_owned())
            })
            .collect();
        queues.sort();
        let masks = queues.into_iter().map(|(_, mask)| mask);
        masks.collect::<Vec<_>>().join(" ")
    };
    format!("rx {} tx {}", list("rx-"), list("tx-"))
}

#[test]
fn both_ends_have_what_was_asked_for_and_netd_finds_it_again() {
    let props = "-p cpus=0-1,rxrings=2,txrings=sw";
    let Some(mut story) = Story::begin(props) else { return };
    // The guest receives what its host end sends.
    let want = ["rx 3 tx 1 2", "rx 3 3 tx 0"].map(str::to_owned);
    assert_eq!(story.ends(), want);
    let host = &story.office.host.clone();
    assert_eq!(queues(host, host, "vnic-2"), PLAIN);
    assert_eq!(queues(host, &story.db, "net0"), PLAIN);
    let words = "-c -o property,perm,value,default,possible \
                 -p cpus,cpus-effective,rxrings,rxrings-effective,\
                 txrings,txrings-effective -z web net0";
    let most = fs::read_to_string("/sys/devices/system/cpu/possible");
    let most = most.expect("every Linux has it");
    let most = most.trim().rsplit('-').next().expect("0-N").to_owned();
    let most = most.parse::<u32>().expect("a number") + 1;
    assert_eq!(
        story.netd.sh(&format!("dladm show-linkprop {words}")).check(),
        format!(
            "cpus:rw:0-1::\n\
             cpus-effective:r-:0-1::\n\
             rxrings:rw:2::sw,<1-{most}>\n\
             rxrings-effective:r-:2::\n\
             txrings:rw:sw::sw,<1-{most}>\n\
             txrings-effective:r-:1::\n"
        )
    );

    let vnics = story.netd.api().vnics();
    let before = [host, &story.web].map(Snapshot::of);
    let mounts = |netd: &Netd| {
        let path = format!("/proc/{}/mountinfo", netd.pid());
        let text = fs::read_to_string(&path).expect("netd runs");
        text.lines().filter(|line| line.contains(" sysfs ")).count()
    };
    let mounted = mounts(&story.netd);
    story.change("set-linkprop -p txrings=2");
    assert_eq!(mounts(&story.netd), mounted, "nothing is left mounted");
    story.change("set-linkprop -p txrings=sw");
    for _ in 0..2 {
        story.netd.kill();
        story.netd.launch();
        assert_eq!(story.netd.api().vnics(), vnics);
        assert_eq!(story.ends(), want);
    }
    for (netns, before) in [host, &story.web].into_iter().zip(&before) {
        before.assert_same(netns, "netd came back");
    }
    probe::exchange(&story.web, &story.db, DB);
}

#[test]
fn what_changes_under_traffic_loses_no_datagram() {
    let Some(mut story) = Story::begin("") else { return };
    assert_eq!(story.ends(), [PLAIN, PLAIN]);
    let (web, wire) = (story.web.clone(), story.office.wire.clone());
    // A frame that goes another way may overtake one that waits for a CPU.
    let flow = |from, to, addr| {
        Datagrams::flow(from, to, addr, Datagrams::SMALL, 2_000_000)
    };
    let streams = [flow(&web, &wire, Office::WIRE_V4), flow(&wire, &web, WEB)];
    let set = "set-linkprop -p";
    for (words, host_end, guest_end) in [
        (format!("{set} cpus=1"), "rx 2 tx 0", "rx 2 tx 0"),
        (
            format!("{set} rxrings=2,txrings=2"),
            "rx 2 2 tx 2 2",
            "rx 2 2 tx 2 2",
        ),
        (format!("{set} cpus=0-1"), SPREAD, SPREAD),
        (format!("{set} rxrings=1"), "rx 3 3 tx 0", "rx 3 tx 1 2"),
        (format!("{set} rxrings=2,txrings=sw"), "rx 3 tx 1 2", "rx 3 3 tx 0"),
        ("reset-linkprop -p cpus".to_owned(), "rx 0 tx 0 0", "rx 0 0 tx 0"),
        ("reset-linkprop".to_owned(), PLAIN, PLAIN),
        (format!("{set} cpus=0,1,rxrings=2,txrings=2"), SPREAD, SPREAD),
    ] {
        story.change(&words);
        assert_eq!(story.ends(), [host_end, guest_end], "{words}");
        streams.iter().for_each(|stream| stream.go_on(50));
    }
    story.netd.kill();
    streams.iter().for_each(|stream| stream.go_on(50));
    story.netd.launch();
    story.change("reset-linkprop -p cpus,rxrings,txrings");
    assert_eq!(story.ends(), [PLAIN, PLAIN]);
    for stream in streams {
        let Passage { sent, arrived, .. } = stream.close();
        assert!(sent > 0, "nothing was sent");
        assert_eq!(arrived, sent);
    }
}

#[test]
fn what_is_set_lasts_and_what_is_temporary_lasts_until_the_boot() {
    let Some(mut story) = Story::begin("-p cpus=1") else { return };
    story.change("set-linkprop -t -p cpus=0-1,rxrings=2,txrings=2");
    let (now, kept) = ("0-1|2|2", "1||");
    let both = |story: &Story| (story.shown(""), story.shown("-P"));
    assert_eq!(both(&story), (now.to_owned(), kept.to_owned()));
    story.netd.kill();
    story.netd.launch();
    assert_eq!(both(&story), (now.to_owned(), kept.to_owned()));
    assert_eq!(story.ends(), [SPREAD, SPREAD]);

    story.netd.stop();
    story.lab.feign_boot();
    story.netd.launch();
    assert_eq!(both(&story), (kept.to_owned(), kept.to_owned()));
    assert_eq!(story.ends(), ["rx 2 tx 0", "rx 2 tx 0"]);
    story.change("reset-linkprop");
    assert_eq!(both(&story), ("||".to_owned(), "||".to_owned()));
    assert_eq!(story.ends(), [PLAIN, PLAIN]);
}

/// A connection of which one end only sends and the other only receives.
struct Line {
    sender: TcpStream,
    receiver: TcpStream,
}

impl Line {
    #[track_caller]
    fn between(from: &Netns, to: &Netns, addr: &str) -> Self {
        const PATIENCE: Duration = Duration::from_secs(10);
        let listener = to.listen(addr.parse().expect("it is an address"));
        let at = listener.local_addr().expect("it is bound");
        let sender = from.connect(at, PATIENCE).expect("there is a way");
        sender.set_nodelay(true).expect("it is connected");
        let (receiver, _) = listener.accept().expect("it is connected");
        receiver.set_read_timeout(Some(PATIENCE)).expect("it is not 0");
        Self { sender, receiver }
    }

    /// Sends from a CPU; gives the one that received it.
    #[track_caller]
    fn lands(&mut self, cpu: usize) -> u32 {
        let mut cpus = CpuSet::new();
        cpus.set(cpu).expect("few machines have so many");
        let sender = &mut self.sender;
        std::thread::scope(|scope| {
            let sent = scope.spawn(|| {
                sched_setaffinity(Pid::from_raw(0), &cpus)?;
                sender.write_all(&[7])
            });
            sent.join().expect("it returns its errors").expect("it is sent");
        });
        self.receiver.read_exact(&mut [0]).expect("it arrives");
        rustix::net::sockopt::socket_incoming_cpu(&self.receiver)
            .expect("the kernel keeps it")
    }
}

#[test]
fn frames_are_worked_on_by_the_cpus_that_were_named() {
    let Some(story) = Story::begin("") else { return };
    let (web, db, wire) = (&story.web, &story.db, &story.office.wire);
    let mut lines = [
        ("a guest receives from another", Line::between(db, web, WEB)),
        ("a guest receives from the wire", Line::between(wire, web, WEB)),
        ("what a guest sends", Line::between(web, db, DB)),
    ];
    let mut land = |props: &str, want: fn(usize) -> u32| {
        for (what, line) in &mut lines {
            for cpu in [0, 1, 1, 0, 1, 0] {
                let got = line.lands(cpu);
                assert_eq!(got, want(cpu), "{props}: {what}, from CPU {cpu}");
            }
        }
    };
    let sender = |cpu: usize| if cpu == 0 { 0 } else { 1 };
    land("nothing is set", sender);
    for (cpus, want) in [("0", 0), ("1", 1), ("0", 0)] {
        story.change(&format!("set-linkprop -p cpus={cpus}"));
        let want: fn(usize) -> u32 = if want == 0 { |_| 0 } else { |_| 1 };
        land(cpus, want);
    }
    story.change("set-linkprop -p cpus=1,rxrings=2,txrings=2");
    land("of two rings each", |_| 1);
    story.change("reset-linkprop");
    land("all is reset", sender);
}

#[test]
fn what_is_done_by_hand_is_put_right() {
    let props = "-p cpus=0-1,rxrings=2,txrings=2";
    let Some(mut story) = Story::begin(props) else { return };
    assert_eq!(story.ends(), [SPREAD, SPREAD]);
    let host = &story.office.host.clone();
    for by_hand in [
        "echo 2 > vnic-1/queues/rx-0/rps_cpus",
        "echo 0 > vnic-1/queues/rx-1/rps_cpus",
        "echo 1 > vnic-1/queues/tx-1/xps_cpus",
        "echo 1 > vnic-2/queues/rx-0/rps_cpus",
    ] {
        let script = format!("cd /sys/class/net && {by_hand}");
        let words = ["netns", "exec", host.name(), "sh", "-c", &script];
        host.run("ip", &words).check();
        story.netd.reload();
        Poll::PATIENT.until(by_hand, || {
            let db = queues(host, host, "vnic-2");
            match story.ends() {
                ends if ends == [SPREAD, SPREAD] && db == PLAIN => Ok(()),
                ends => Err(format!("{ends:?} {db}")),
            }
        });
    }
    // As after a netd that died on its way.
    let script = "echo 2 > /sys/class/net/vnic-1/queues/rx-0/rps_cpus";
    story.netd.kill();
    let words = ["netns", "exec", host.name(), "sh", "-c", script];
    host.run("ip", &words).check();
    story.netd.launch();
    assert_eq!(story.ends(), [SPREAD, SPREAD]);
}

#[test]
fn a_guest_end_that_was_taken_elsewhere_keeps_what_it_has() {
    let props = "-p cpus=0-1,rxrings=2,txrings=2";
    let Some(story) = Story::begin(props) else { return };
    let host = &story.office.host;
    story.web.ip("link set net0 down");
    story.web.ip("link set net0 name eth0");
    story.change("set-linkprop -p cpus=1");
    assert_eq!(queues(host, &story.web, "eth0"), "rx 2 2 tx 2 2");
    story.web.ip("link set eth0 netns db");
    story.change("set-linkprop -p cpus=0,rxrings=1,txrings=1");
    assert_eq!(queues(host, &story.db, "eth0"), "rx 2 2 tx 2 2");
    assert_eq!(queues(host, &story.db, "net0"), PLAIN);
    assert_eq!(queues(host, host, "vnic-1"), "rx 1 tx 0");
    // Beside its host end it is found as well.
    story
        .netd
        .sh("dladm create-vnic -l bge0 -p cpus=1,rxrings=2 here0")
        .check();
    assert_eq!(queues(host, host, "here0"), "rx 2 2 tx 0");
    assert_eq!(queues(host, host, "vnic-3"), "rx 2 tx 2 2");
}

#[test]
fn a_tap_of_several_rings_is_opened_for_each() {
    let Some(story) = Story::begin("") else { return };
    let host = &story.office.host;
    story.create_tap("cpus=1,rxrings=2,txrings=2");
    assert_eq!(story.tap(), "rx 2 tx 0");
    let shown = || {
        let props = "rxrings-effective,cpus-effective";
        let words = format!("-c -o value -p {props} -z vm net0");
        let text = story.netd.sh(&format!("dladm show-linkprop {words}"));
        text.check().lines().collect::<Vec<_>>().join("|")
    };
    assert_eq!(shown(), "1|1");
    let mut taps = Tap::open_queues(host, "vnic-3", 2)
        .unwrap_or_else(|error| panic!("cannot open vnic-3: {error}"));
    let bound = |want: &str| {
        Poll::PATIENT.until("netd sees to the queues", || match story.tap() {
            now if now == want => Ok(()),
            now => Err(now),
        });
    };
    bound("rx 2 2 tx 0 0");
    assert_eq!(shown(), "2|1");
    let mac = story.netd.api().vnics()[2].mac.to_string();
    let mut ear = probe::Ear::on(&story.office.wire, Office::WIRE_LINK);
    for tap in &mut taps {
        let frame = Frame::new(&mac, Frame::BROADCAST);
        tap.say(&frame);
        ear.hears(&frame);
    }
    let done = story.netd.sh("dladm set-linkprop -p cpus=0 -z vm net0");
    done.check();
    assert_eq!(story.tap(), "rx 1 1 tx 0 0");
    // The other kind is another TAP.
    for words in [
        "set-linkprop -p rxrings=1,txrings=1",
        "reset-linkprop -p rxrings,txrings",
    ] {
        let refused = story.netd.sh(&format!("dladm {words} -z vm net0"));
        assert_eq!(refused.code, Some(1), "{refused}");
        let why = "'rxrings' on 'net0': operation not supported\n";
        assert!(refused.stderr.contains(why), "{refused}");
        let hint = "hint: delete the VNIC, and create it with -p rxrings=";
        assert!(refused.stderr.contains(hint), "{refused}");
    }
    story.netd.sh("dladm set-linkprop -p rxrings=1 -z vm net0").check();
    assert_eq!(story.tap(), "rx 1 1 tx 0 0");
    drop(taps);
    assert_eq!(story.tap(), "rx 1 tx 0");
    story.netd.sh("dladm delete-vnic -z vm net0").check();

    // One that was made for one ring takes no second.
    let line = "-l bge0 -p zone=vm,mode=tap,rxrings=sw net0";
    story.netd.sh(&format!("dladm create-vnic {line}")).check();
    let refused = Tap::open_queues(host, "vnic-4", 2);
    assert!(refused.is_err(), "{refused:?}");
}

/// Whether a command refused with code 1, and with these words.
fn refused(output: &CmdOutput, word: &str) -> bool {
    output.code == Some(1)
        && output.stdout.is_empty()
        && output.stderr.contains(&format!(": {word}\n"))
}

#[test]
fn what_cannot_be_set_changes_nothing() {
    let Some(mut story) = Story::begin("-p cpus=1,rxrings=2") else { return };
    story.create_tap("cpus=0");
    let ends = [story.ends().join(" "), story.tap()];
    let vnics = story.netd.api().vnics();
    let before = [&story.office.host, &story.web].map(Snapshot::of);
    let mut wrong = String::new();
    for (line, word) in [
        ("set-linkprop -p cpus=8191 -z web net0", "non-existent processor ID"),
        (
            "set-linkprop -p cpus=0,9999 -z web net0",
            "non-existent processor ID",
        ),
        ("set-linkprop -p cpus=1-0 -z web net0", "invalid range"),
        ("set-linkprop -p cpus=0,0 -z web net0", "invalid value"),
        ("set-linkprop -p cpus=all -z web net0", "invalid value"),
        ("set-linkprop -p cpus=-1 -z web net0", "invalid value"),
        (
            "set-linkprop -t -p cpus=0,8191 -z web net0",
            "non-existent processor ID",
        ),
        ("set-linkprop -p rxrings=0 -z web net0", "invalid value"),
        ("set-linkprop -p rxrings=4097 -z web net0", "invalid value"),
        ("set-linkprop -p cpus=0,txrings=70000 -z web net0", "invalid value"),
        ("set-linkprop -p rxrings=hw -z web net0", "request hw rings failed"),
        ("set-linkprop -p txrings=1,2 -z web net0", "invalid number of values"),
        ("set-linkprop -p cpus-effective=1 -z web net0", "read-only property"),
        (
            "set-linkprop -p rxrings-effective=1 -z web net0",
            "read-only property",
        ),
        (
            "reset-linkprop -p txrings-effective -z web net0",
            "read-only property",
        ),
        ("set-linkprop -p cpus=1 bge0", "operation not supported"),
        ("set-linkprop -p rxrings=2 -z vm net0", "operation not supported"),
        (
            "set-linkprop -p cpus=1,txrings=2 -z vm net0",
            "operation not supported",
        ),
        ("create-vnic -l bge0 -p cpus=8191 net9", "non-existent processor ID"),
        ("create-vnic -l bge0 -p rxrings=hw net9", "request hw rings failed"),
        ("create-vnic -l bge0 -p rxrings=4097 net9", "invalid value"),
    ] {
        let output = story.netd.sh(&format!("dladm {line}"));
        if !refused(&output, word) {
            wrong += &format!("{output}  want: {word}\n");
        }
        assert_eq!(story.netd.api().vnics(), vnics, "{line}");
        assert_eq!([story.ends().join(" "), story.tap()], ends, "{line}");
    }
    assert!(wrong.is_empty(), "not refused as it should be:\n{wrong}");
    let there = [&story.office.host, &story.web];
    for (netns, before) in there.into_iter().zip(&before) {
        before.assert_same(netns, "all was refused");
    }
    story.netd.kill();
    story.netd.launch();
    assert_eq!(story.netd.api().vnics(), vnics, "nor was anything kept");
    assert_eq!([story.ends().join(" "), story.tap()], ends);
}
