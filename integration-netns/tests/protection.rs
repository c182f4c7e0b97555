//! All four protections: root in a zone can't take an address, and nobody who
//! is honest notices that anything is checked.
//!
//!   mallory [net0 .10] ─┐
//!                       host [bge0 .3] ════ [lan0 .1] wire
//!   alice   [net0 .11] ─┘
//!
//!   mallory's kernel is given addresses that are alice's, the host's, the
//!   wire's or nobody's, and speaks as them: ARP, Neighbor Discovery, ping.

use fabric::DropReason;
use fabric::api::VnicCounters;
use integration_netns::{Lab, Netd, Netns, Office, Poll, probe};

/// A zone with one VNIC that may be two addresses and nothing else.
fn guarded(lab: &Lab, netd: &Netd, name: &str, number: u8) -> Netns {
    let zone = lab.zone(name);
    let (v4, v6) = (format!("192.168.1.{number}"), format!("fd00::{number}"));
    netd.sh(&format!(
        "dladm create-vnic -l bge0 -p zone={name},\
         protection=mac-nospoof,restricted,ip-nospoof,dhcp-nospoof,\
         allowed-ips={v4},{v6} net0"
    ))
    .check();
    // Duplicate address detection is part of ordinary life.
    zone.sysctl("ipv6/conf/net0/accept_dad", "1");
    zone.ip(&format!("addr add {v4}/24 dev net0"));
    zone.ip(&format!("addr add {v6}/64 dev net0"));
    zone.ip("link set net0 up");
    // Until it has ended the kernel may speak as ::1, for want of better.
    Poll::PATIENT.until("no duplicate address was found", || {
        let link = zone.ip_json("addr show net0")[0].take();
        let addrs = link["addr_info"].as_array().into_iter().flatten();
        let mut addrs = addrs.filter(|addr| addr["tentative"] == true);
        addrs.next().map_or(Ok(()), |addr| Err(addr.to_string()))
    });
    zone
}

fn counters(netd: &Netd, zone: &str) -> VnicCounters {
    let all: Vec<VnicCounters> = netd.api().get("/v1/counters/vnics");
    let mut all = all.into_iter();
    all.find(|vnic| vnic.zone.as_deref() == Some(zone)).expect("it is there")
}

fn dropped(netd: &Netd, zone: &str, reason: DropReason) -> u64 {
    let drops = counters(netd, zone).drops;
    let found = drops.iter().find(|drop| drop.reason == reason);
    found.map_or(0, |drop| drop.packets)
}

#[test]
fn ordinary_life_goes_on_and_nothing_is_dropped() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let mallory = guarded(&lab, &netd, "mallory", 10);
    let alice = guarded(&lab, &netd, "alice", 11);
    let everybody = [
        (&mallory, "192.168.1.10", "fd00::10"),
        (&alice, "192.168.1.11", "fd00::11"),
        (&office.host, Office::HOST_V4, Office::HOST_V6),
        (&office.wire, Office::WIRE_V4, Office::WIRE_V6),
    ];
    for (from, ..) in &everybody {
        for (to, v4, v6) in &everybody {
            if from.name() == to.name() {
                continue;
            }
            for addr in [v4, v6] {
                probe::reaches(from, addr);
                probe::exchange(from, to, addr);
            }
        }
    }
    for zone in ["mallory", "alice"] {
        assert_eq!(counters(&netd, zone).drops, [], "{zone}");
    }
}

#[test]
fn root_in_a_zone_cannot_take_an_address() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let mallory = guarded(&lab, &netd, "mallory", 10);
    let alice = guarded(&lab, &netd, "alice", 11);
    for addr in ["192.168.1.11", "fd00::11"] {
        probe::reaches(&office.wire, addr);
    }
    let neighbours = |netns: &Netns, addr: &str| {
        netns.ip_json(&format!("neigh show {addr}"))[0]["lladdr"].clone()
    };
    let before = ["192.168.1.11", "fd00::11"]
        .map(|addr| (addr, neighbours(&office.wire, addr)));

    for (addr, length, to, reasons) in [
        // alice's
        ("192.168.1.11", 24, Office::WIRE_V4, [DropReason::ArpSpoof; 2]),
        (
            "fd00::11",
            64,
            Office::WIRE_V6,
            [DropReason::NdSpoof, DropReason::IpSpoof],
        ),
        // the host's, asked of alice
        ("192.168.1.3", 24, "192.168.1.11", [DropReason::ArpSpoof; 2]),
        ("fd00::3", 64, "fd00::11", [DropReason::NdSpoof, DropReason::IpSpoof]),
        // nobody's
        ("192.168.1.99", 24, Office::HOST_V4, [DropReason::ArpSpoof; 2]),
        (
            "fd00::99",
            64,
            Office::HOST_V6,
            [DropReason::NdSpoof, DropReason::IpSpoof],
        ),
    ] {
        let sum = || -> u64 {
            let mut reasons = reasons.to_vec();
            reasons.dedup();
            let of = |reason| dropped(&netd, "mallory", reason);
            reasons.into_iter().map(of).sum()
        };
        let drops = sum();
        // An address that nobody was asked about beforehand.
        let nodad = if addr.contains(':') { "nodad" } else { "" };
        mallory.ip(&format!("addr add {addr}/{length} dev net0 {nodad}"));
        mallory.ip("neigh flush dev net0");
        let words = ["-c1", "-W1", "-I", addr, to];
        let output = mallory.run("ping", &words);
        assert_eq!(output.code, Some(1), "as {addr}: {output}");
        assert!(sum() > drops, "as {addr} nothing was dropped: {output}");
        mallory.ip(&format!("addr del {addr}/{length} dev net0"));
    }

    // Nobody has come to believe it, and alice is who she was.
    for (addr, mac) in &before {
        assert_eq!(neighbours(&office.wire, addr), *mac, "{addr}");
        probe::reaches(&office.wire, addr);
    }
    probe::reaches(&mallory, "192.168.1.11");
    assert_eq!(counters(&netd, "alice").drops, []);
    probe::reaches(&alice, Office::HOST_V6);
}
