//! Bandwidth properties: what is promised fits the link, is kept as long as it
//! was meant to be, and is refused with the sum that doesn't come out.
//!
//!   web [net0] ─┐
//!               host [bge0, 10 Gb/s] ════ [lan0] wire
//!   db  [net0] ─┘  [bge1, 10 Gb/s] ═════ [lan1] wire
//!   stub0, which has no speed
//!
//!   A tag leads from one NIC to the other, which may carry less.

use fabric::api::{EtherstubInfo, LinkInfo, VnicInfo};
use integration_netns::{Lab, Netd, Netns, Office, Snapshot};

const ON_BGE0: &str = "admin_nic=9c:b6:54:bb:c3:3c\n";
const ON_BGE1: &str = "admin_nic=9c:b6:54:bb:c3:3d\n";

fn office(lab: &Lab) -> Office {
    let office = lab.office();
    let mac = "9c:b6:54:bb:c3:3d";
    lab.nic(&office.host, "bge1", mac, &office.wire, "lan1");
    office
}

/// `maxbw|minbw|priority` of a link, as scripts read them.
#[track_caller]
fn shown(netd: &Netd, words: &str) -> String {
    let words = format!("-c -o value -p maxbw,minbw,priority {words}");
    let text = netd.sh(&format!("dladm show-linkprop {words}"));
    text.check().lines().collect::<Vec<_>>().join("|")
}

/// Success is silent.
#[track_caller]
fn dladm(netd: &Netd, words: &str) {
    let done = netd.sh(&format!("dladm {words}"));
    assert_eq!(done.stderr, "", "{done}");
    assert_eq!(done.check(), "", "{words}");
}

/// All that netd says of links.
fn told(netd: &Netd) -> (Vec<VnicInfo>, Vec<LinkInfo>, Vec<EtherstubInfo>) {
    let api = netd.api();
    (api.vnics(), api.get("/v1/links"), api.get("/v1/etherstubs"))
}

/// Refused with a reason, and nothing has changed.
#[track_caller]
fn refused(netd: &Netd, words: &str, reason: &str) {
    let before = told(netd);
    let output = netd.sh(&format!("dladm {words}"));
    assert_eq!(output.code, Some(1), "{output}");
    assert!(output.stderr.contains("not enough bandwidth"), "{output}");
    let reason = format!("reason: {reason}\n");
    assert!(output.stderr.contains(&reason), "{output}");
    assert_eq!(told(netd), before, "{words}");
}

#[test]
fn what_is_set_lasts_and_what_is_temporary_lasts_until_the_boot() {
    let Some(lab) = Lab::for_story() else { return };
    let office = office(&lab);
    let mut netd = Netd::start(&lab, &office.host, None);
    let _web = lab.zone("web");
    let props = "zone=web,maxbw=50,minbw=1200k,priority=low";
    dladm(&netd, &format!("create-vnic -l bge0 -p {props} net0"));
    dladm(&netd, "create-etherstub stub0");
    dladm(&netd, "set-linkprop -p maxbw=1G bge0");
    dladm(&netd, "set-linkprop -p maxbw=2G stub0");
    let kept = ["   50|    1.200|low", " 1000|--|--", " 2000|--|--"];
    let links = ["net0", "bge0", "stub0"];
    let all = |netd: &Netd, options: &str| {
        links.map(|link| shown(netd, &format!("{options} {link}")))
    };
    assert_eq!(all(&netd, ""), kept);
    assert_eq!(all(&netd, "-P"), kept);

    dladm(&netd, "set-linkprop -t -p maxbw=64K,priority=MEDIUM,minbw=64k net0");
    dladm(&netd, "set-linkprop -t -p maxbw=0 stub0");
    dladm(&netd, "reset-linkprop -t bge0");
    let now = ["    0.064|    0.064|medium", "|--|--", "    0|--|--"];
    for round in ["set", "killed and started", "read again"] {
        assert_eq!(all(&netd, ""), now, "{round}");
        assert_eq!(all(&netd, "-P"), kept, "{round}");
        match round {
            "set" => {
                netd.kill();
                netd.launch();
            }
            _ => netd.reload(),
        }
    }
    netd.stop();
    lab.feign_boot();
    netd.launch();
    assert_eq!(all(&netd, ""), kept);

    for link in links {
        dladm(&netd, &format!("reset-linkprop {link}"));
    }
    let default = ["||high", "|--|--", "|--|--"];
    assert_eq!(all(&netd, ""), default);
    netd.kill();
    netd.launch();
    assert_eq!(all(&netd, "-P"), default);
}

#[test]
fn no_more_is_promised_than_a_link_carries() {
    let Some(lab) = Lab::for_story() else { return };
    let office = office(&lab);
    let mut netd = Netd::start(&lab, &office.host, Some(ON_BGE0));
    let (web, db) = (lab.zone("web"), lab.zone("db"));
    dladm(&netd, "create-vnic -l bge0 -p zone=web,minbw=7G net0");
    // By the tag it is the same link.
    dladm(&netd, "create-vnic -l admin -p zone=db,minbw=3G net0");
    dladm(&netd, "create-etherstub stub0");
    dladm(&netd, "create-vnic -l stub0 net2");
    let before = [&web, &db].map(Snapshot::of);

    refused(
        &netd,
        "create-vnic -l bge0 -p minbw=64K net1",
        "guarantees on bge0 add up to 10000.064 Mb/s (net0 in zone web 7000, \
         net0 in zone db 3000, net1 0.064), and bge0 has 10000 Mb/s",
    );
    refused(
        &netd,
        "set-linkprop -z db -p mtu=1400,minbw=4G net0",
        "guarantees on bge0 add up to 11000 Mb/s (net0 in zone web 7000, \
         net0 in zone db 4000), and bge0 has 10000 Mb/s",
    );
    refused(
        &netd,
        "set-linkprop -t -p maxbw=9G bge0",
        "guarantees on bge0 add up to 10000 Mb/s (net0 in zone web 7000, \
         net0 in zone db 3000), and maxbw of bge0 is 9000 Mb/s",
    );
    refused(
        &netd,
        "set-linkprop -z web -p maxbw=6G net0",
        "minbw of \"net0\", 7000 Mb/s, is above its maxbw, 6000 Mb/s",
    );
    refused(
        &netd,
        "set-linkprop -p minbw=64K net2",
        "guarantees on stub0 add up to 0.064 Mb/s (net2 0.064), and stub0 is \
         an etherstub, without a speed or a maxbw",
    );
    // What holds it now has to hold it after the boot as well.
    dladm(&netd, "set-linkprop -t -p maxbw=1G stub0");
    let later = "guarantees on stub0 add up to 0.064 Mb/s (net2 0.064), and \
                 stub0 is an etherstub, without a speed or a maxbw";
    refused(&netd, "set-linkprop -p minbw=64K net2", later);
    dladm(&netd, "set-linkprop -p maxbw=1G stub0");
    dladm(&netd, "set-linkprop -p minbw=1G net2");
    refused(
        &netd,
        "reset-linkprop -p maxbw stub0",
        "guarantees on stub0 add up to 1000 Mb/s (net2 1000), and stub0 is \
         an etherstub, without a speed or a maxbw",
    );
    // Shared anew within the sum, one after the other.
    refused(
        &netd,
        "set-linkprop -z db -p minbw=4G net0",
        "guarantees on bge0 add up to 11000 Mb/s (net0 in zone web 7000, \
         net0 in zone db 4000), and bge0 has 10000 Mb/s",
    );
    dladm(&netd, "set-linkprop -z web -p minbw=6G net0");
    dladm(&netd, "set-linkprop -z db -p minbw=4G net0");
    // Guarantees are kept on the host; nothing in a zone has changed.
    for (netns, before) in [&web, &db].into_iter().zip(&before) {
        before.assert_same(netns, "nothing but properties has changed");
    }
    let last = told(&netd);
    netd.kill();
    netd.launch();
    assert_eq!(told(&netd), last);
}

#[test]
fn a_link_that_carries_less_than_was_promised_keeps_nobody_from_work() {
    let Some(lab) = Lab::for_story() else { return };
    let office = office(&lab);
    let mut netd = Netd::start(&lab, &office.host, Some(ON_BGE0));
    let web: Netns = lab.zone("web");
    dladm(&netd, "create-vnic -l admin -p zone=web,minbw=700 net0");
    dladm(&netd, "create-vnic -l bge1 net1");
    dladm(&netd, "set-linkprop -p maxbw=100 bge1");
    netd.write_config(ON_BGE1);
    netd.reload();
    assert_eq!(netd.api().vnics()[0].over, "bge1".parse().ok());

    netd.kill();
    netd.launch();
    let log = netd.log();
    let warning = "guarantees on bge1 add up to 700 Mb/s (net0 700), and \
                   maxbw of bge1 is 100 Mb/s";
    assert!(log.contains(warning), "{log}");
    assert_eq!(shown(&netd, "net0"), "|  700|high");
    assert_eq!(netd.api().vnics()[0].blocked, None);
    // Whatever doesn't make it worse.
    dladm(&netd, "set-linkprop -p mtu=1400 net0");
    dladm(&netd, "create-vnic -l bge1 net2");
    dladm(&netd, "set-linkprop -p minbw=600 net0");
    dladm(&netd, "set-linkprop -p maxbw=110 bge1");
    refused(
        &netd,
        "set-linkprop -p minbw=64K net1",
        "guarantees on bge1 add up to 600.064 Mb/s (net0 600, net1 0.064), \
         and maxbw of bge1 is 110 Mb/s",
    );
    dladm(&netd, "delete-vnic net2");
    dladm(&netd, "set-linkprop -p minbw=110 net0");
    refused(
        &netd,
        "set-linkprop -p minbw=111 net0",
        "guarantees on bge1 add up to 111 Mb/s (net0 111), and maxbw of bge1 \
         is 110 Mb/s",
    );
    dladm(&netd, "delete-vnic net0");
    drop(web);
}
