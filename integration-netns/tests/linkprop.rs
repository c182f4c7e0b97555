//! Link properties: what a VNIC may do changes while it does it, and nobody
//! who is honest notices.
//!
//!   web [net0 .10 :aa] ─┐
//!                       host [bge0 .3] ════ [lan0 .1] wire
//!   db  [net0 .11]     ─┘
//!
//!   web pings the wire without a pause and forges a frame now and then. Its
//!   protection is switched on and off meanwhile; netd is killed and comes
//!   back; once it believes that the machine was booted.

use std::io::Read;
use std::process::Stdio;

use fabric::DropReason;
use fabric::api::{LinkCounters, VnicCounters, VnicInfo};
use integration_netns::probe::{self, Ear, Frame};
use integration_netns::{
    CmdOutput, Lab, Netd, Netns, Office, Snapshot, article,
};

const WEB: &str = "2:8:20:0:0:aa";
const SOMEBODY: &str = "2:8:20:0:0:bb";

/// All four protections, with web's own addresses.
const ALL: &str = "protection=mac-nospoof,restricted,ip-nospoof,dhcp-nospoof,\
                   allowed-ips=192.168.1.10,fd00::10";

fn create(lab: &Lab, netd: &Netd, over: &str, props: &str) -> Netns {
    let web = lab.zone("web");
    let line = format!("-l {over} -m {WEB} -p zone=web,{props} net0");
    netd.sh(&format!("dladm create-vnic {line}")).check();
    web.plumb("net0", "192.168.1.10/24", "fd00::10/64");
    probe::reaches(&web, Office::WIRE_V4);
    web
}

/// Sets or resets; success is silent.
#[track_caller]
fn change(netd: &Netd, words: &str) {
    let done = netd.sh(&format!("dladm {words} net0"));
    assert_eq!(done.stderr, "", "{done}");
    assert_eq!(done.check(), "", "{words}");
}

/// `protection|mtu|allowed-ips` as scripts read them.
#[track_caller]
fn shown(netd: &Netd, options: &str) -> String {
    let words = "-c -o value -p protection,mtu,allowed-ips net0";
    let text = netd.sh(&format!("dladm show-linkprop {options} {words}"));
    text.check().lines().collect::<Vec<_>>().join("|")
}

#[track_caller]
fn mtu(netns: &Netns, link: &str) -> u64 {
    let link = netns.ip_json(&format!("link show {link}"))[0].take();
    link["mtu"].as_u64().unwrap_or_else(|| panic!("{link:#}"))
}

fn drops(netd: &Netd) -> Vec<(DropReason, u64)> {
    let all: Vec<VnicCounters> = netd.api().get("/v1/counters/vnics");
    let drops = all.into_iter().flat_map(|vnic| vnic.drops);
    drops.map(|drop| (drop.reason, drop.packets)).collect()
}

#[test]
fn protection_changes_at_once_under_traffic_that_loses_nothing() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let web = create(&lab, &netd, "bge0", "protection=none");
    let mut mouth = Ear::on(&web, "net0");
    let mut ear = Ear::on(&office.wire, Office::WIRE_LINK);
    assert_eq!(drops(&netd), []);

    // 500 requests in five seconds, whatever happens meanwhile.
    let mut ping = web.spawn_with("ping".as_ref(), |command| {
        let words = ["-n", "-c", "500", "-i", "0.01", "-W", "2"];
        command.args(words).arg(Office::WIRE_V4).stdout(Stdio::piped());
    });
    let forged = || Frame::new(SOMEBODY, Frame::BROADCAST);
    let mut dropped = Vec::new();
    let mut rounds = 0;
    while let Ok(None) = ping.try_wait() {
        for props in ["protection=mac-nospoof", ALL] {
            change(&netd, &format!("set-linkprop -p {props}"));
            // The very next frame.
            let frame = forged();
            mouth.say(&frame);
            dropped.push(frame);
            probe::reaches(&web, Office::HOST_V6);
            let want = [(DropReason::MacSpoof, dropped.len() as u64)];
            assert_eq!(drops(&netd), want, "{props}");
        }
        change(&netd, "set-linkprop -p protection=none");
        let frame = forged();
        mouth.say(&frame);
        ear.hears(&frame);
        for frame in &dropped {
            assert!(!ear.heard(frame), "{frame:?} was heard");
        }
        change(&netd, "reset-linkprop -p allowed-ips");
        rounds += 1;
    }
    let mut said = String::new();
    let mut stdout = ping.stdout.take().expect("it is piped");
    stdout.read_to_string(&mut said).expect("ping writes text");
    let all = "500 packets transmitted, 500 received, 0% packet loss";
    assert!(said.contains(all), "{said}");
    assert!(rounds > 2, "{rounds} rounds in five seconds");

    // What was dropped is what could not be sent.
    let links: Vec<LinkCounters> = netd.api().get("/v1/counters/links");
    let of = |name: &str| {
        let link = links.iter().find(|link| link.name.as_str() == name);
        link.unwrap_or_else(|| panic!("no {name}: {links:#?}"))
    };
    assert_eq!(of("net0").oerrors, dropped.len() as u64);
    for name in ["net0", "bge0"] {
        let link = of(name);
        assert!(link.ipackets >= 500 && link.opackets >= 500, "{link:#?}");
        assert!(link.rbytes >= 500 * 98 && link.obytes >= 500 * 98);
    }
}

#[test]
fn what_is_set_lasts_and_what_is_temporary_lasts_until_the_boot() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    let web = create(&lab, &netd, "bge0", "mtu=1450");
    let mut mouth = Ear::on(&web, "net0");
    let mut ear = Ear::on(&office.wire, Office::WIRE_LINK);
    change(&netd, "set-linkprop -p allowed-ips=192.168.1.10");
    change(&netd, "set-linkprop -t -p protection=none,mtu=1400");
    let now = "none|1400|192.168.1.10/32";
    let kept = "mac-nospoof|1450|192.168.1.10/32";
    assert_eq!((&*shown(&netd, ""), &*shown(&netd, "-P")), (now, kept));

    netd.kill();
    netd.launch();
    assert_eq!((&*shown(&netd, ""), &*shown(&netd, "-P")), (now, kept));
    let forged = Frame::new(SOMEBODY, Frame::BROADCAST);
    mouth.say(&forged);
    ear.hears(&forged);
    for (netns, link) in [(&web, "net0"), (&office.host, "vnic-1")] {
        assert_eq!(mtu(netns, link), 1400, "{link}");
    }

    netd.stop();
    lab.feign_boot();
    netd.launch();
    assert_eq!((&*shown(&netd, ""), &*shown(&netd, "-P")), (kept, kept));
    mouth.say(&Frame::new(SOMEBODY, Frame::BROADCAST));
    probe::reaches(&web, Office::WIRE_V4);
    assert_eq!(drops(&netd), [(DropReason::MacSpoof, 1)]);
    for (netns, link) in [(&web, "net0"), (&office.host, "vnic-1")] {
        assert_eq!(mtu(netns, link), 1450, "{link}");
    }

    change(&netd, "reset-linkprop");
    let default = "mac-nospoof|1500|";
    assert_eq!(shown(&netd, ""), default);
}

#[test]
fn an_mtu_is_both_ends_wherever_the_guest_end_is() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let web = create(&lab, &netd, "bge0", "mtu=1450");
    netd.sh("dladm create-vnic -l bge0 here0").check();
    for bytes in [1400, 1500] {
        change(&netd, &format!("set-linkprop -p mtu={bytes}"));
        netd.sh(&format!("dladm set-linkprop -p mtu={bytes} here0")).check();
        for (netns, link) in [
            (&web, "net0"),
            (&office.host, "vnic-1"),
            (&office.host, "here0"),
            (&office.host, "vnic-2"),
        ] {
            assert_eq!(mtu(netns, link), bytes, "{link}");
        }
        probe::reaches(&web, Office::WIRE_V6);
    }

    // A guest end under another name is still the guest end; one that was
    // taken elsewhere is left alone, and so is what has its number here.
    web.ip("link set net0 down");
    web.ip("link set net0 name eth0");
    change(&netd, "set-linkprop -p mtu=1300");
    assert_eq!(mtu(&web, "eth0"), 1300);
    let db = lab.zone("db");
    web.ip("link set eth0 netns db");
    change(&netd, "set-linkprop -p mtu=1280");
    assert_eq!((mtu(&db, "eth0"), mtu(&office.host, "vnic-1")), (1300, 1280));
}

#[test]
fn a_vnic_that_waits_for_its_nic_comes_back_as_it_was_set_meanwhile() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, Some(article::CONFIG));
    let web = create(&lab, &netd, "admin", "mtu=1500");
    netd.write_config("admin_nic=2:8:20:9:9:9\n");
    netd.reload();
    let blocked = |netd: &Netd| netd.api().vnics()[0].blocked.is_some();
    assert!(blocked(&netd), "{:#?}", netd.api().vnics());
    change(&netd, "set-linkprop -p protection=none");
    assert_eq!(shown(&netd, ""), "none||");

    netd.write_config(article::CONFIG);
    netd.reload();
    assert!(!blocked(&netd), "{:#?}", netd.api().vnics());
    assert_eq!(shown(&netd, ""), "none|1500|");
    let mut ear = Ear::on(&office.wire, Office::WIRE_LINK);
    let mut mouth = Ear::on(&web, "net0");
    probe::reaches(&web, Office::WIRE_V4);
    let forged = Frame::new(SOMEBODY, Frame::BROADCAST);
    mouth.say(&forged);
    ear.hears(&forged);
}

/// Whether a command refused with code 1 and warnings only, none of them twice.
fn refused(output: &CmdOutput) -> bool {
    let mut lines: Vec<&str> = output.stderr.lines().collect();
    lines.retain(|line| {
        !line.starts_with("reason: ") && !line.starts_with("hint: ")
    });
    let count = lines.len();
    lines.sort_unstable();
    lines.dedup();
    output.code == Some(1)
        && output.stdout.is_empty()
        && !lines.is_empty()
        && lines.len() == count
        && lines.iter().all(|line| line.starts_with("dladm: "))
}

#[test]
fn what_cannot_be_set_changes_nothing() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    let web = create(&lab, &netd, "bge0", "mtu=1450");
    let _db = lab.zone("db");
    netd.sh(&format!(
        "dladm create-vnic -l bge0 -m {SOMEBODY} -p zone=db net1"
    ))
    .check();
    netd.sh("dladm create-etherstub stub0").check();
    let vnics = netd.api().vnics();
    let before = [&office.host, &web].map(Snapshot::of);
    let mut wrong = String::new();
    for line in [
        "set-linkprop net0",
        "set-linkprop -p mtu net0",
        "set-linkprop -p mtu= net0",
        "set-linkprop -p mtu=67 net0",
        "set-linkprop -p mtu=9000 net0",
        "set-linkprop -t -p mtu=9000 net0",
        "set-linkprop -p protection=none,mtu=9000 net0",
        "set-linkprop -p protection=none,colour=red net0",
        "set-linkprop -p protection=none,allowed-ips=10.0.0.1/8 net0",
        "set-linkprop -p allowed-ips=10.0.0.1,10.0.0.1 net0",
        "set-linkprop -p allowed-dhcp-cids=0x1 net0",
        "set-linkprop -p allow-all-dhcp-cids=maybe net0",
        "set-linkprop -p dynamic-methods=bootp net0",
        "set-linkprop -p promisc-filtered=1 net0",
        "set-linkprop -p secondary-macs=2:8:20 net0",
        "set-linkprop -p maxbw=63K net0",
        "set-linkprop -p maxbw=1.5G net0",
        "set-linkprop -p maxbw=50% net0",
        "set-linkprop -p maxbw=-1 net0",
        "set-linkprop -p maxbw=50,60 net0",
        "set-linkprop -p maxbw=99999999999999999999 net0",
        "set-linkprop -p minbw=0 net0",
        "set-linkprop -p maxbw=50,minbw=60 net0",
        "set-linkprop -t -p mtu=1400,minbw=11G net0",
        "set-linkprop -p priority=urgent net0",
        "set-linkprop -p maxbw=63K bge0",
        "set-linkprop -p minbw=50 bge0",
        "set-linkprop -p maxbw=1K stub0",
        "set-linkprop -p priority=low stub0",
        // Its own, its neighbour's, its link's.
        "set-linkprop -p secondary-macs=2:8:20:0:0:aa net0",
        "set-linkprop -p secondary-macs=2:8:20:0:0:bb net0",
        "set-linkprop -p mtu=1400,secondary-macs=9c:b6:54:bb:c3:3c net0",
        "set-linkprop -p zone=db net0",
        "set-linkprop -p mode=tap net0",
        "set-linkprop -p owner=root net0",
        "set-linkprop -p state=down net0",
        "set-linkprop -p mtu=1400 net9",
        "set-linkprop -z nowhere -p mtu=1400 net0",
        "set-linkprop -p mtu=1400 bge0",
        "set-linkprop -p mtu=1400 stub0",
        "reset-linkprop -p zone net0",
        "reset-linkprop -p mtu,colour net0",
        "reset-linkprop -p mtu=1400 net0",
        "reset-linkprop net9",
        "show-linkprop net9",
        "show-linkprop -c net0",
    ] {
        let output = netd.sh(&format!("dladm {line}"));
        if !refused(&output) {
            wrong += &output.to_string();
        }
        assert_eq!(netd.api().vnics(), vnics, "{line}");
    }
    assert!(wrong.is_empty(), "not refused with code 1:\n{wrong}");
    let same = |vnics: Vec<VnicInfo>| assert_eq!(vnics, netd.api().vnics());
    same(vnics.clone());
    for (netns, before) in [&office.host, &web].into_iter().zip(&before) {
        before.assert_same(netns, "all was refused");
    }
    assert_eq!(drops(&netd), []);
    netd.kill();
    netd.launch();
    assert_eq!(netd.api().vnics(), vnics, "nor was anything written down");
}
