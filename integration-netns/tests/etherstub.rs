//! An etherstub: a switch with no wire.
//!
//!   web [net0 .10] ─┐
//!                   stub0        host [bge0 .3] ════ [lan0 .1] wire
//!   db  [net0 .11] ─┘
//!                   stub1
//!   lone [net0 .12] ┘

use fabric::api::EtherstubInfo;
use integration_netns::probe::{Ear, Frame};
use integration_netns::{Counters, Lab, Netd, Office, Snapshot, probe};

#[test]
fn zones_on_a_stub_reach_each_other_and_nobody_else() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    netd.sh("dladm create-etherstub stub0").check();
    netd.sh("dladm create-etherstub stub1").check();
    let zones =
        [("web", "stub0", 10), ("db", "stub0", 11), ("lone", "stub1", 12)].map(
            |(name, stub, number)| {
                let zone = lab.zone(name);
                let line = format!("-l {stub} -p zone={name} net0");
                netd.sh(&format!("dladm create-vnic {line}")).check();
                zone.plumb(
                    "net0",
                    &format!("192.168.1.{number}/24"),
                    &format!("fd00::{number}/64"),
                );
                zone
            },
        );
    let [web, db, lone] = &zones;
    // The etherstub's own MTU: there is no wire to fit.
    assert_eq!(web.ip_json("link show net0")[0]["mtu"], 9000);
    for (from, to, v4, v6) in [
        (web, db, "192.168.1.11", "fd00::11"),
        (db, web, "192.168.1.10", "fd00::10"),
    ] {
        for addr in [v4, v6] {
            probe::reaches(from, addr);
            probe::exchange(from, to, addr);
        }
    }
    probe::assert_apart(&[
        (web, Office::HOST_V4),
        (web, Office::WIRE_V4),
        (web, "192.168.1.12"),
        (lone, "192.168.1.10"),
        (&office.host, "192.168.1.10"),
        (&office.wire, "192.168.1.10"),
        (&office.wire, "fd00::12"),
    ]);
}

#[test]
fn a_frame_to_nobody_is_dropped_and_counted() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let netd = Netd::start(&lab, &office.host, None);
    netd.sh("dladm create-etherstub stub0").check();
    let macs = ["2:8:20:0:0:aa", "2:8:20:0:0:bb"];
    let zones = [("web", macs[0]), ("db", macs[1])].map(|(name, mac)| {
        let zone = lab.quiet_zone(name);
        let line = format!("-l stub0 -m {mac} -p zone={name} net0");
        netd.sh(&format!("dladm create-vnic {line}")).check();
        zone.ip("link set net0 up");
        zone
    });
    let [mut web, mut db] = zones.each_ref().map(|zone| Ear::on(zone, "net0"));
    let mut wire = Ear::on(&office.wire, Office::WIRE_LINK);
    let before = Counters::read(&netd);
    let lost = Frame::new(macs[0], "2:8:20:7:7:7");
    web.say(&lost);
    let last = Frame::new(macs[0], Frame::BROADCAST);
    web.say(&last);
    db.hears(&last);
    assert!(!db.heard(&lost), "{db:#?}");
    before.assert_moved(
        &netd,
        &[
            ("web/net0 drops.no-destination", 1),
            ("web/net0 opackets", 1),
            ("web/net0 obytes", Frame::LEN),
            ("db/net0 ipackets", 1),
            ("db/net0 rbytes", Frame::LEN),
        ],
    );
    // The wire hears the host's own frame, and so would have heard the others.
    let mut host = Ear::on(&office.host, Office::NIC);
    let own = Frame::new(Office::NIC_MAC, Frame::BROADCAST);
    host.say(&own);
    wire.hears(&own);
    assert!(!wire.heard(&lost) && !wire.heard(&last), "{wire:#?}");
    assert!(!host.heard(&lost) && !host.heard(&last), "{host:#?}");
}

#[test]
fn a_stub_in_use_stays_and_an_unused_one_goes() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let before = Snapshot::of(&office.host);
    netd.sh("dladm create-etherstub stub0").check();
    netd.sh("dladm create-vnic -l stub0 net0").check();
    assert_eq!(netd.sh("dladm show-etherstub -p").check(), "stub0\n");
    netd.sh("dladm delete-etherstub stub0").refusal();
    let stubs: Vec<EtherstubInfo> = netd.api().get("/v1/etherstubs");
    assert_eq!(stubs.len(), 1, "{stubs:?}");
    netd.sh("dladm delete-vnic net0").check();
    netd.sh("dladm delete-etherstub stub0").check();
    assert_eq!(netd.sh("dladm show-etherstub -p").check(), "");
    before.assert_same(&office.host, "all was deleted");
}
