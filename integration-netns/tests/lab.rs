//! The lab itself: what it promises before anything is tested in it.
//!
//!   host [bge0 .3] ════ [lan0 .1] wire
//!
//! No netd runs here.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use integration_netns::probe::{self, Ear, Frame, Session};
use integration_netns::{Lab, Office, Poll, Snapshot};

#[test]
fn host_and_wire_reach_each_other() {
    let Some(lab) = Lab::for_story() else { return };
    let Office { host, wire } = lab.office();
    for addr in [Office::WIRE_V4, Office::WIRE_V6] {
        probe::reaches(&host, addr);
        probe::exchange(&host, &wire, addr);
    }
    for addr in [Office::HOST_V4, Office::HOST_V6] {
        probe::reaches(&wire, addr);
        probe::exchange(&wire, &host, addr);
    }
}

#[test]
fn frames_are_heard_where_they_go_and_nowhere_else() {
    let Some(lab) = Lab::for_story() else { return };
    let Office { host, wire } = lab.quiet_office();
    let other = lab.quiet_zone("other");
    let mut far = Ear::on(&wire, Office::WIRE_LINK);
    let mut near = Ear::on(&host, Office::NIC);
    let elsewhere = Ear::on(&other, "lo");
    let frame = Frame::new(Office::NIC_MAC, Frame::BROADCAST);
    near.say(&frame);
    far.hears(&frame);
    assert!(!elsewhere.heard(&frame), "{elsewhere:?}");
}

#[test]
fn a_session_counts_its_messages() {
    let Some(lab) = Lab::for_story() else { return };
    let Office { host, wire } = lab.office();
    let session = Session::open(&host, &wire, Office::WIRE_V4);
    probe::reaches(&host, Office::WIRE_V4);
    let streak = session.close();
    assert!(streak.messages > 0, "{streak:?}");
    assert!(streak.worst < Duration::from_secs(10), "{streak:?}");
}

#[test]
fn a_snapshot_sees_every_kind_of_change() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let host = &office.host;
    let before = Snapshot::of(host);
    assert_eq!(before, Snapshot::of(host));
    for (change, undo) in [
        ("link add x0 type veth peer name x1", "link del x0"),
        ("addr add 10.9.9.9/32 dev lo", "addr del 10.9.9.9/32 dev lo"),
        ("link set bge0 promisc on", "link set bge0 promisc off"),
        ("link set bge0 mtu 1400", "link set bge0 mtu 1500"),
    ] {
        host.ip(change);
        let after = Snapshot::of(host);
        assert_ne!(before, after, "{change}");
        assert!(!before.difference(&after).is_empty(), "{change}");
        host.ip(undo);
        before.assert_same(host, undo);
    }
    host.run("tc", &["qdisc", "add", "dev", "bge0", "clsact"]).check();
    assert_ne!(before, Snapshot::of(host), "tc qdisc add");
    host.run("tc", &["qdisc", "del", "dev", "bge0", "clsact"]).check();
    let mac = "2:8:20:0:0:1";
    host.run("bridge", &["fdb", "add", mac, "dev", "bge0", "self"]).check();
    assert_ne!(before, Snapshot::of(host), "bridge fdb add");
}

#[test]
fn two_labs_on_one_thread_share_nothing() {
    let Some(lab) = Lab::for_story() else { return };
    let file = lab.file("note", "first");
    let zone = lab.zone("web");
    drop((zone, lab));
    assert!(!Path::new(&file).exists(), "{file} is still there");
    let Some(lab) = Lab::for_story() else { return };
    assert!(!Path::new(&file).exists(), "{file} is there again");
    let zone = lab.zone("web");
    assert_eq!(zone.name(), "web");
}

/// The environment variable that makes the test below its own victim.
const VICTIM: &str = "ARBALEST_LAB_VICTIM";

#[test]
fn nothing_is_left_of_a_lab_that_is_killed() {
    // The lab is too late to ask: see `binary`.
    let own = std::env::current_exe().expect("/proc is mounted");
    let Some(lab) = Lab::for_story() else { return };
    if std::env::var_os(VICTIM).is_some() {
        be_killed(&lab);
    }
    let outer = lab.netns("outer");
    let mut victim = outer.spawn_with(&own, |command| {
        command
            .args(["--exact", "nothing_is_left_of_a_lab_that_is_killed"])
            .args(["--nocapture"])
            .env(VICTIM, "1")
            .stdout(Stdio::piped());
    });
    let said = victim.stdout.take().expect("it was asked for");
    let pid = BufReader::new(said)
        .lines()
        .map(|line| line.expect("the victim writes text"))
        .find_map(|line| Some(line.split_once("pid=")?.1.to_owned()))
        .expect("the victim names its child");
    let child = Path::new("/proc").join(&pid);
    assert!(child.exists(), "{} is not there", child.display());
    victim.kill().expect("the victim is ours");
    victim.wait().expect("the victim is ours");
    Poll::PATIENT.until("the victim's child is gone", || {
        match std::fs::read_to_string(child.join("stat")) {
            // Somebody else may have to reap it; it has let go of everything.
            Ok(stat) if !stat.contains(") Z ") => Err(stat),
            _ => Ok(()),
        }
    });
    assert!(!Path::new("/run/netns/victim").exists());
}

/// What the killed process does: a zone, and a child in it.
fn be_killed(lab: &Lab) -> ! {
    let zone = lab.netns("victim");
    let mut child = zone.spawn_with(Path::new("sleep"), |command| {
        command.arg("1000");
    });
    // Written past libtest's capture: the parent reads it.
    let line = format!("\npid={}\n", child.id());
    std::io::stdout().write_all(line.as_bytes()).expect("the parent reads");
    panic!("{:?} before anybody was killed", child.wait());
}
