//! A guest within a guest: `promisc-filtered=off` lets frames in for stations
//! that nobody here knows, and has the NIC take them from the wire.
//!
//!   inner [eth0 .20] ── macvlan ── web [net0 .10] ─┐
//!                                                  host [bge0 .3] ════ [lan0 .1] wire
//!                                  db  [net0 .11] ─┘
//!
//!   bge0 is promiscuous while web has such a VNIC. db has none, and hears
//!   nothing of it.

use integration_netns::probe::{self, Ear, Frame};
use integration_netns::{Lab, Netd, Netns, Office, Snapshot};
use serde_json::{Value, json};

/// Makes a VNIC `net0` that hears everybody's frames and may speak as anybody.
fn open_vnic(netd: &Netd, zone: &str) {
    let request = serde_json::from_value(json!({
        "name": "net0", "over": "bge0", "zone": zone,
        "props": {"protection": "none", "promisc_filtered": false},
    }));
    let request = request.expect("the story knows the API");
    netd.client().create_vnic(&request).expect("netd creates it");
}

/// The NIC with its addresses as `ip -j` shows it, and apart from that whether
/// somebody has made it promiscuous. The count of those who have is left out:
/// the kernel is one of them, as a veth filters nothing.
fn nic(host: &Netns) -> (Value, bool) {
    let mut nic = host.ip_json("addr show bge0")[0].take();
    nic["promiscuity"].take();
    let flags = nic["flags"].as_array_mut().expect("a link has flags");
    let all = flags.len();
    flags.retain(|flag| flag != "PROMISC");
    let promiscuous = flags.len() < all;
    (nic, promiscuous)
}

#[test]
fn a_guest_within_a_guest_is_reached_from_the_wire() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let (web, db, inner) = (lab.zone("web"), lab.zone("db"), lab.zone("inner"));
    netd.sh("dladm create-vnic -l bge0 -p zone=db net0").check();
    db.plumb("net0", "192.168.1.11/24", "fd00::11/64");
    let before = Snapshot::of(&office.host);
    let (untouched, promiscuous) = nic(&office.host);
    assert!(!promiscuous, "nobody has asked for it yet");

    open_vnic(&netd, "web");
    web.plumb("net0", "192.168.1.10/24", "fd00::10/64");
    web.ip("link add link net0 name eth0 address 2:8:20:7:7:7 netns inner \
         type macvlan mode bridge");
    inner.plumb("eth0", "192.168.1.20/24", "fd00::20/64");
    assert_eq!(nic(&office.host), (untouched.clone(), true));

    for addr in ["192.168.1.20", "fd00::20"] {
        for from in [&office.wire, &office.host, &db] {
            probe::reaches(from, addr);
            probe::exchange(from, &inner, addr);
        }
    }
    probe::reaches(&office.wire, "192.168.1.10");
    probe::reaches(&office.wire, "192.168.1.11");

    netd.sh("dladm delete-vnic -z web net0").check();
    assert_eq!(nic(&office.host), (untouched, false));
    before.assert_same(&office.host, "the open VNIC is gone");
}

#[test]
fn a_frame_for_nobody_arrives_at_the_open_vnic_and_at_no_other() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let netd = Netd::start(&lab, &office.host, None);
    let (web, db) = (lab.quiet_zone("web"), lab.quiet_zone("db"));
    open_vnic(&netd, "web");
    netd.sh("dladm create-vnic -l bge0 -p zone=db net0").check();
    let mut ears = [&web, &db].map(|zone| {
        zone.ip("link set net0 up");
        Ear::on(zone, "net0")
    });
    let [web, db] = &mut ears;
    let mut wire = Ear::on(&office.wire, Office::WIRE_LINK);

    let stray = Frame::new("2:0:0:0:0:1", "2:8:20:7:7:7");
    wire.say(&stray);
    let last = Frame::new("2:0:0:0:0:1", Frame::BROADCAST);
    wire.say(&last);
    web.hears(&stray);
    db.hears(&last);
    assert!(!db.heard(&stray), "{db:#?}");
}

#[test]
fn the_nic_is_promiscuous_until_the_last_open_vnic_goes() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    let _zones = ["web", "db", "mail"].map(|zone| lab.zone(zone));
    let promiscuous = || nic(&office.host).1;
    netd.sh("dladm create-vnic -l bge0 -p zone=mail net0").check();
    assert!(!promiscuous(), "an ordinary VNIC");
    open_vnic(&netd, "web");
    open_vnic(&netd, "db");
    assert!(promiscuous(), "two open VNICs");
    netd.sh("dladm delete-vnic -z web net0").check();
    assert!(promiscuous(), "one open VNIC is left");

    netd.kill();
    assert!(promiscuous(), "netd was killed");
    netd.launch();
    assert!(promiscuous(), "netd came back");

    office.host.ip("link set bge0 promisc off");
    netd.sh("dladm create-vnic -l bge0 -p zone=web net0").check();
    assert!(promiscuous(), "the next change puts it right");

    netd.sh("dladm delete-vnic -z db net0").check();
    assert!(!promiscuous(), "the last open VNIC is gone");

    // What nobody here asked for is nobody's here to switch off.
    office.host.ip("link set bge0 promisc on");
    for zone in ["web", "mail"] {
        netd.sh(&format!("dladm delete-vnic -z {zone} net0")).check();
    }
    assert!(promiscuous(), "it is the administrator's");
}
