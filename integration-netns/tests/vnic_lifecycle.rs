//! A VNIC's life: made, seen from all sides, kept, gone without a trace.
//!
//!   web [net0 .10] ── vnic-1 ─┐
//!                             host [bge0 .3] ════ [lan0 .1] wire
//!   db  [net0 .11] ── vnic-2 ─┘
//!                             netd is killed and comes back

use fabric::{LinkState, MacType, Status};
use integration_netns::{Lab, Netd, Netns, Snapshot, probe};
use serde_json::Value;

/// A link as `ip -j` shows it.
fn link(netns: &Netns, name: &str) -> Value {
    netns.ip_json(&format!("link show {name}"))[0].take()
}

#[test]
fn a_vnic_is_the_same_in_the_api_in_its_zone_and_on_the_host() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let web = lab.zone("web");
    let done = netd.sh(
        "dladm create-vnic -l bge0 -m 2:8:20:0:0:a -p zone=web,mtu=1400 net0",
    );
    assert_eq!(done.check(), "", "success is silent");

    let [vnic] = &netd.api().vnics()[..] else {
        panic!("not one VNIC: {:#?}", netd.api().vnics());
    };
    assert_eq!(vnic.name.as_str(), "net0");
    assert_eq!(vnic.zone.as_deref(), Some("web"));
    assert_eq!(
        vnic.over.as_ref().map(ToString::to_string),
        Some("bge0".into())
    );
    assert_eq!(vnic.mac.padded(), "02:08:20:00:00:0a");
    assert_eq!(vnic.mac_type, MacType::Fixed);
    assert_eq!((vnic.vid, vnic.temporary), (0, false));
    assert_eq!(vnic.mtu.map(fabric::Mtu::bytes), Some(1400));
    assert_eq!(vnic.state, LinkState::Down, "the guest switches it on");
    assert_eq!(vnic.blocked, None);

    let guest_end = link(&web, "net0");
    assert_eq!(guest_end["address"], "02:08:20:00:00:0a", "{guest_end:#}");
    assert_eq!(guest_end["mtu"], 1400, "{guest_end:#}");
    assert_eq!(guest_end["operstate"], "DOWN", "{guest_end:#}");
    let addrs = web.ip_json("addr show net0");
    assert_eq!(addrs[0]["addr_info"], Value::Array(vec![]), "{addrs:#}");

    let host_end = link(&office.host, vnic.host_end.as_str());
    assert_eq!(host_end["linkinfo"]["info_kind"], "veth", "{host_end:#}");
    assert_eq!(host_end["mtu"], 1400, "{host_end:#}");

    web.ip("link set net0 up");
    let state = netd.api().vnics()[0].state;
    assert_eq!(state, LinkState::Up);
}

#[test]
fn without_a_zone_the_guest_end_appears_beside_the_host_end() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    netd.sh("dladm create-vnic -l bge0 net0").check();
    let vnic = &netd.api().vnics()[0];
    assert_eq!((vnic.zone.as_deref(), vnic.mac_type), (None, MacType::Random));
    let guest_end = link(&office.host, "net0");
    assert_eq!(guest_end["address"], vnic.mac.padded(), "{guest_end:#}");
    office.host.plumb("net0", "10.7.0.1/24", "fd07::1/64");
}

#[test]
fn a_deleted_vnic_leaves_nothing() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let (web, db) = (lab.zone("web"), lab.zone("db"));
    netd.break_in();
    let before = [&office.host, &web, &db].map(Snapshot::of);
    for zone in ["web", "db"] {
        let line = format!("dladm create-vnic -l bge0 -p zone={zone} net0");
        netd.sh(&line).check();
    }
    let one = Snapshot::of(&office.host);
    netd.sh("dladm create-vnic -l bge0 net9").check();
    netd.sh("dladm delete-vnic net9").check();
    one.assert_same(&office.host, "one of three VNICs deleted");
    for zone in ["web", "db"] {
        netd.sh(&format!("dladm delete-vnic -z {zone} net0")).check();
    }
    assert_eq!(netd.api().vnics(), []);
    assert_eq!(netd.client().vnic_counters().expect("netd answers"), []);
    for (zone, before) in [&office.host, &web, &db].into_iter().zip(&before) {
        before.assert_same(zone, "all VNICs deleted");
    }
    netd.sh("dladm delete-vnic net0").refusal();
}

#[test]
fn what_is_taken_is_refused_and_nothing_changes() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let web = lab.zone("web");
    netd.sh("dladm create-etherstub stub0").check();
    netd.sh("dladm create-vnic -l bge0 -m 2:8:20:0:0:a -p zone=web net0")
        .check();
    netd.sh("dladm create-vnic -l stub0 -p zone=web net1").check();
    // A link that somebody else has put there.
    web.ip("link add foreign0 type veth peer name foreign1");

    let vnics = netd.api().vnics();
    let before = [&office.host, &web].map(Snapshot::of);
    let status = |status: Status| status.to_string();
    for (line, reason) in [
        ("create-vnic -l bge0 -p zone=web net0", status(Status::ObjectExists)),
        (
            "create-vnic -l bge0 -p zone=web foreign0",
            status(Status::ObjectExists),
        ),
        ("create-vnic -l bge0 -m 2:8:20:0:0:a net5", status(Status::MacInUse)),
        (
            "create-vnic -l bge0 -m 9c:b6:54:bb:c3:3c net5",
            status(Status::MacReserved),
        ),
        ("create-vnic -l bge7 net5", "invalid link name 'bge7'".into()),
        ("create-vnic -l stub0 -p mtu=9001 net5", status(Status::MtuRange)),
        ("create-etherstub stub0", status(Status::ObjectExists)),
        ("delete-etherstub stub0", status(Status::LinkBusy)),
    ] {
        let output = netd.sh(&format!("dladm {line}"));
        let said = output.refusal();
        assert!(said.ends_with(&reason), "wanted {reason:?}:\n{output}");
        assert_eq!(netd.api().vnics(), vnics, "{line}");
    }
    for (netns, before) in [&office.host, &web].into_iter().zip(&before) {
        before.assert_same(netns, "all was refused");
    }
}

#[test]
fn a_killed_netd_takes_nothing_with_it_and_finds_all_of_it_again() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    let (web, db) = (lab.zone("web"), lab.zone("db"));
    for (zone, number) in [(&web, 10), (&db, 11)] {
        let line = format!("-l bge0 -p zone={} net0", zone.name());
        netd.sh(&format!("dladm create-vnic {line}")).check();
        zone.plumb(
            "net0",
            &format!("192.168.1.{number}/24"),
            &format!("fd00::{number}/64"),
        );
    }
    let vnics = netd.api().vnics();
    let before = [&office.host, &web, &db].map(Snapshot::of);

    netd.kill();
    probe::exchange(&web, &db, "192.168.1.11");
    probe::exchange(&office.wire, &web, "fd00::10");
    probe::reaches(&office.host, "192.168.1.10");

    netd.launch();
    assert_eq!(netd.api().vnics(), vnics);
    for (netns, before) in [&office.host, &web, &db].into_iter().zip(&before) {
        before.assert_same(netns, "netd came back");
    }
    probe::exchange(&web, &db, "192.168.1.11");

    netd.stop();
    probe::exchange(&web, &db, "192.168.1.11");
    netd.launch();
    netd.sh("dladm delete-vnic -z web net0").check();
    netd.sh("dladm delete-vnic net0").check();
    assert_eq!(netd.api().vnics(), []);
    assert_eq!(db.ip_json("link show")[1], Value::Null, "only lo is left");
}
