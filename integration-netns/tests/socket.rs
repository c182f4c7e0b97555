//! Clients without manners: they hold nothing, and nobody else notices.
//!
//!   200 who say nothing ──────┐
//!   one in half a sentence ───┤
//!   one with a GiB to say ────┼── netd.sock ── netd ── host [bge0]
//!   bob, who asks in circles ─┤
//!   root and alice ───────────┘ are served all the while

use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::Stdio;

use integration_netns::{Group, Lab, Netd, User};

const GROUPS: [Group; 2] = [("netd", 4001), ("netd-read", 4002)];
const ALICE: User = User { name: "alice", uid: 4101, groups: &["netd"] };
const BOB: User = User { name: "bob", uid: 4102, groups: &["netd-read"] };

/// How many connections root may have; see netd's `limits`.
const ROOTS: usize = 256;

#[test]
fn who_says_nothing_keeps_nobody_from_being_served() {
    let Some(lab) = Lab::for_story() else { return };
    lab.have_users(&[ALICE], &GROUPS);
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    let dladm = lab.lend("dladm");
    let api = netd.api();

    let mut idle: Vec<_> = (0..200).map(|_| api.idle()).collect();
    for (at, client) in idle.iter_mut().enumerate() {
        // Some say nothing at all.
        let half = "POST /v1/vnics HTTP/1.1\r\nhost: netd\r\ncontent-length: 9";
        let said = &half[..at % half.len()];
        client.write_all(said.as_bytes()).expect("netd listens");
    }
    netd.sh("dladm create-vnic -l bge0 net0").check();
    netd.sh("dladm show-vnic").check();

    // Root has more connections than there are seats: who comes then is told
    // to come back. Others have seats of their own.
    idle.extend((idle.len()..ROOTS + 10).map(|_| api.idle()));
    let response = api.request("GET", "/v1/vnics", "");
    assert_eq!(response.status, 503, "{response:#?}");
    let problem = response.problem();
    assert_eq!(problem.detail, "netd has too many clients");
    ALICE.run(&office.host, &dladm, &["delete-vnic", "net0"]).check();

    // A command waits for its seat.
    drop(idle);
    netd.sh("dladm create-vnic -l bge0 net0").check();
    assert!(netd.is_alive(), "{}", netd.log());
}

#[test]
fn who_announces_a_gigabyte_is_refused_before_it_comes() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    for (path, length) in [
        ("/v1/vnics", "1073741824"),
        ("/v1/flows", "1073741824"),
        ("/v1/flows", "18446744073709551615"),
        ("/v1/flows", "18446744073709551616"),
    ] {
        let head = format!(
            "POST {path} HTTP/1.1\r\nhost: netd\r\n\
             content-type: application/json\r\n\
             content-length: {length}\r\n\r\n["
        );
        let mut client = netd.api().idle();
        client.write_all(head.as_bytes()).expect("netd listens");
        let mut answer = String::new();
        let _ = client.read_to_string(&mut answer);
        let status = answer.split(' ').nth(1);
        let refused = matches!(status, Some("400" | "413" | "431"));
        assert!(refused, "{path} {length}: {answer}");
    }
    netd.sh("dladm show-vnic").check();
    assert!(netd.is_alive(), "{}", netd.log());
}

#[test]
fn who_asks_in_circles_is_slowed_down_alone() {
    let Some(lab) = Lab::for_story() else { return };
    lab.have_users(&[ALICE, BOB], &GROUPS);
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    let [dladm, asker] = ["dladm", "ask-in-circles"].map(|name| lab.lend(name));

    let setpriv = Path::new("setpriv");
    let mut flood = office.host.spawn_with(setpriv, |command| {
        command.args(BOB.session()).arg(asker).arg("/run/netd/netd.sock");
        command.stdin(Stdio::null()).stdout(Stdio::piped());
    });
    let said = flood.stdout.take().expect("it is piped");
    let mut line = String::new();
    BufReader::new(said).read_line(&mut line).expect("it is text");
    assert_eq!(line, "429 1\n");

    for round in 0..10 {
        let name = format!("net{round}");
        netd.dladm(&["create-vnic", "-l", "bge0", &name]).check();
        ALICE.run(&office.host, &dladm, &["delete-vnic", &name]).check();
    }
    assert!(matches!(flood.try_wait(), Ok(None)), "it asks no more");
    flood.kill().expect("it runs");
    flood.wait().expect("it was killed");

    // A command of theirs waits as long as it is told to.
    BOB.run(&office.host, &dladm, &["show-vnic"]).check();
    // And the log has not become any longer than it has to.
    let log = netd.log();
    let lines = log.lines().filter(|line| line.contains("too many requests"));
    let lines = lines.count();
    assert!((1..100).contains(&lines), "{lines} lines");
    assert!(netd.is_alive(), "{log}");
}
