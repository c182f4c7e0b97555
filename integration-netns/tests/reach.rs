//! Everybody on a segment reaches everybody else.
//!
//!   web [net0 .10] ─┐
//!                   host [bge0 .3] ════ [lan0 .1] wire
//!   db  [net0 .11] ─┘
//!
//! All twelve directions, IPv4 and IPv6, ping and TCP.

use integration_netns::{Lab, Netd, Netns, Office, probe};

#[test]
fn zones_host_and_wire_reach_each_other() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
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
    all_reach_all(&[
        (&web, "192.168.1.10", "fd00::10"),
        (&db, "192.168.1.11", "fd00::11"),
        (&office.host, Office::HOST_V4, Office::HOST_V6),
        (&office.wire, Office::WIRE_V4, Office::WIRE_V6),
    ]);
}

#[test]
fn a_vnic_in_the_hosts_own_namespace_reaches_the_wire() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    netd.sh("dladm create-vnic -l bge0 net0").check();
    // Another subnet, so that the route leads over net0 and not over bge0.
    office.host.plumb("net0", "10.7.0.2/24", "fd07::2/64");
    office.wire.plumb("lan0", "10.7.0.1/24", "fd07::1/64");
    all_reach_all(&[
        (&office.host, "10.7.0.2", "fd07::2"),
        (&office.wire, "10.7.0.1", "fd07::1"),
    ]);
}

#[test]
fn vnics_on_one_vlan_reach_each_other_and_nobody_else() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let zones = [("a", 5, 10), ("b", 5, 11), ("c", 6, 12)].map(
        |(name, vid, number)| {
            let zone = lab.zone(name);
            let line = format!("-l bge0 -v {vid} -p zone={name} net0");
            netd.sh(&format!("dladm create-vnic {line}")).check();
            zone.plumb(
                "net0",
                &format!("192.168.1.{number}/24"),
                &format!("fd00::{number}/64"),
            );
            zone
        },
    );
    let [a, b, c] = &zones;
    all_reach_all(&[
        (a, "192.168.1.10", "fd00::10"),
        (b, "192.168.1.11", "fd00::11"),
    ]);
    probe::assert_apart(&[
        (a, "192.168.1.12"),
        (c, "192.168.1.10"),
        (a, Office::HOST_V4),
        (a, Office::WIRE_V4),
        (&office.host, "192.168.1.10"),
        (&office.wire, "192.168.1.12"),
    ]);
}

/// Checks each direction between stations of (namespace, IPv4, IPv6).
fn all_reach_all(stations: &[(&Netns, &str, &str)]) {
    for (from, ..) in stations {
        for (to, v4, v6) in stations {
            if from.name() == to.name() {
                continue;
            }
            for addr in [v4, v6] {
                probe::reaches(from, addr);
                probe::exchange(from, to, addr);
            }
        }
    }
}
