//! What is declared is what there is, whatever somebody does to the host, and
//! nobody has to ask for it.
//!
//!   web [net0 .10] ── vnic-1 ─┐
//!                             host [bge0 .3] ════ [lan0 .1] wire
//!   db  [net0 .11] ── vnic-2 ─┘

use std::path::Path;

use fabric::api::{FabricInfo, Health, VnicCounters};
use flows::datapath::pin_of;
use integration_netns::{Lab, Netd, Netns, Office, Poll, Snapshot, probe};

const WEB: &str = "192.168.1.10";
const DB: &str = "192.168.1.11";

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
    fn begin(config: Option<&str>) -> Option<Self> {
        let lab = Lab::for_story()?;
        let office = lab.office();
        let netd = Netd::start(&lab, &office.host, config);
        let web = lab.zone_with_vnic(&netd, "web", WEB, "");
        let db = lab.zone_with_vnic(&netd, "db", DB, "");
        Some(Self { web, db, netd, office, lab })
    }

    #[track_caller]
    fn is_well(&self, when: &str) {
        assert_eq!(how_is(&self.netd), (Health::Ok, Vec::new()), "{when}");
        for (from, to) in [(&self.web, DB), (&self.db, WEB)] {
            probe::reaches(from, to);
            probe::reaches(from, Office::WIRE_V4);
            probe::reaches(from, Office::HOST_V4);
        }
    }

    /// Waits until a link of the host's is there, and on or off.
    #[track_caller]
    fn until(&self, link: &str, want: Option<bool>) {
        Poll::PATIENT.until(link, || {
            let shown = self.office.host.run("ip", &["link", "show", link]);
            let up =
                shown.stdout.contains(",UP") || shown.stdout.contains("<UP");
            let is = (!shown.stdout.is_empty()).then_some(up);
            if is == want { Ok(()) } else { Err(shown.to_string()) }
        });
    }
}

/// What netd says of itself: its health, and the reasons.
#[track_caller]
fn how_is(netd: &Netd) -> (Health, Vec<String>) {
    let fabric: FabricInfo = netd.api().get("/v1/fabric");
    let reasons = fabric.status.reasons.into_iter();
    let reasons = reasons.map(|r| format!("{}: {}", r.subject, r.reason));
    (fabric.status.health, reasons.collect())
}

#[test]
fn what_is_done_by_hand_is_put_right_without_a_question() {
    let Some(story) = Story::begin(None) else { return };
    let host = &story.office.host;
    // Somebody else's, which nobody may touch.
    let mine = "filter add dev bge0 ingress prio 7 protocol ip \
                u32 match ip dport 9 0xffff flowid 1:1";
    host.run("tc", &mine.split_whitespace().collect::<Vec<_>>()).check();
    story.is_well("before");
    let before = Snapshot::of(host);
    for by_hand in [
        "ip link set vnic-1 down",
        "ip link set vnic-1 mtu 1400",
        "tc filter del dev vnic-1 ingress",
        "tc qdisc del dev vnic-1 clsact",
        "tc filter del dev bge0 ingress prio 4096",
        "tc filter del dev bge0 egress prio 4096",
    ] {
        let mut words = by_hand.split_whitespace();
        let program = words.next().expect("no line is empty");
        host.run(program, &words.collect::<Vec<_>>()).check();
        Poll::PATIENT.until(by_hand, || {
            let difference = before.difference(&Snapshot::of(host));
            if difference.is_empty() { Ok(()) } else { Err(difference) }
        });
        story.is_well(by_hand);
    }
    let log = story.netd.log();
    assert!(!log.contains("ERROR"), "{log}");
}

#[test]
fn a_host_end_that_was_deleted_is_made_anew() {
    let Some(story) = Story::begin(None) else { return };
    let host = &story.office.host;
    host.ip("link delete vnic-1");
    story.until("vnic-1", Some(true));
    // The guest end took its addresses along.
    story.web.plumb("net0", &format!("{WEB}/24"), "fd00::10/64");
    story.is_well("made anew");
}

#[test]
fn tables_are_pinned_again_where_somebody_unmounted_them() {
    let Some(mut story) = Story::begin(None) else { return };
    story.is_well("before");
    let counted = |netd: &Netd| -> u64 {
        let all: Vec<VnicCounters> = netd.api().get("/v1/counters/vnics");
        all.iter().map(|vnic| vnic.opackets).sum()
    };
    let before = counted(&story.netd);
    assert!(before > 0);
    let pin = pin_of(Path::new(Netd::BPFFS), "vnics");
    let host = &story.office.host;
    let pins = |host: &Netns| {
        let dir = pin.parent().and_then(Path::to_str).unwrap();
        host.run("ls", &[dir]).stdout
    };
    let before_that = pins(host);
    assert!(before_that.contains("vnics"), "{before_that}");
    host.run("umount", &[Netd::BPFFS]).check();
    Poll::PATIENT.until("the pins are back", || {
        let now = pins(host);
        if now == before_that { Ok(()) } else { Err(now) }
    });
    story.is_well("pinned again");
    // The next netd finds the same tables: nothing is made anew.
    story.netd.kill();
    story.netd.launch();
    story.is_well("after another start");
    assert!(counted(&story.netd) > before, "counted from zero");
}

#[test]
fn a_vnic_waits_for_its_zone() {
    let Some(story) = Story::begin(None) else { return };
    let Story { web, db, netd, office, lab } = story;
    drop(web);
    Poll::PATIENT.until("its VNIC has gone with it", || {
        let links = office.host.ip("-br link show");
        if links.contains("vnic-1") { Err(links) } else { Ok(()) }
    });
    let want = "net0 in zone web: zone \"web\" is not running";
    assert_eq!(how_is(&netd), (Health::Degraded, vec![want.to_owned()]));
    let shown = netd.sh("dladm show-fabric -p -o health,subject");
    assert_eq!(shown.check(), "degraded:net0 in zone web\n");
    // As soon as it is there, and nobody has asked.
    let web = lab.zone("web");
    let story = Story { web, db, netd, office, lab };
    story.until("vnic-1", Some(true));
    story.web.plumb("net0", &format!("{WEB}/24"), "fd00::10/64");
    story.is_well("it is back");
}

#[test]
fn a_nic_that_was_pulled_out_comes_back_under_another_number() {
    let Some(story) = Story::begin(None) else { return };
    let Story { office, lab, .. } = &story;
    let (host, wire) = (&office.host, &office.wire);
    let number =
        |host: &Netns| host.ip_json("link show bge0")[0]["ifindex"].clone();
    let before = number(host);
    host.ip("link delete bge0");
    for end in ["vnic-1", "vnic-2"] {
        story.until(end, Some(false));
    }
    let (health, reasons) = how_is(&story.netd);
    assert_eq!(health, Health::Degraded);
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    assert!(reasons[0].contains("bge0"), "{reasons:?}");
    lab.nic(host, Office::NIC, Office::NIC_MAC, wire, Office::WIRE_LINK);
    host.plumb("bge0", "192.168.1.3/24", "fd00::3/64");
    wire.plumb("lan0", "192.168.1.1/24", "fd00::1/64");
    assert_ne!(number(host), before);
    for end in ["vnic-1", "vnic-2"] {
        story.until(end, Some(true));
    }
    story.is_well("it is back");
}

#[test]
fn a_nic_by_its_name_and_a_nic_by_its_tag() {
    let config = format!("admin_nic={}\n", Office::NIC_MAC);
    let Some(story) = Story::begin(Some(&config)) else { return };
    let Story { netd, office, lab, .. } = &story;
    let tagged = lab.zone("tagged");
    netd.sh("dladm create-vnic -l admin -p zone=tagged net0").check();
    tagged.plumb("net0", "192.168.1.12/24", "fd00::12/64");
    probe::reaches(&tagged, Office::WIRE_V4);
    let host = &office.host;
    let rename = |from: &str, to: &str| {
        host.ip(&format!("link set {from} down"));
        host.ip(&format!("link set {from} name {to}"));
        host.ip(&format!("link set {to} up"));
    };
    rename("bge0", "bge9");
    // Who names the link waits for one of that name, and says so.
    for (end, up) in [("vnic-1", false), ("vnic-2", false), ("vnic-3", true)] {
        story.until(end, Some(up));
    }
    probe::reaches(&tagged, Office::WIRE_V4);
    let (health, reasons) = how_is(&story.netd);
    assert_eq!(health, Health::Degraded);
    assert_eq!(reasons.len(), 2, "{reasons:?}");
    rename("bge9", "bge0");
    for end in ["vnic-1", "vnic-2", "vnic-3"] {
        story.until(end, Some(true));
    }
    Poll::PATIENT.until("all is well", || match how_is(&story.netd) {
        (Health::Ok, _) => Ok(()),
        degraded => Err(format!("{degraded:?}")),
    });
    story.is_well("it has its name back");
    probe::reaches(&tagged, Office::WIRE_V4);
}

#[test]
fn a_link_that_goes_down_or_gets_another_mtu_takes_its_vnics_along() {
    let Some(story) = Story::begin(None) else { return };
    let (host, wire) = (&story.office.host, &story.office.wire);
    let mtu = |netns: &Netns, link: &str| {
        netns.ip_json(&format!("link show {link}"))[0]["mtu"].clone()
    };
    wire.ip("link set lan0 mtu 1400");
    host.ip("link set bge0 mtu 1400");
    Poll::PATIENT.until("the MTU", || {
        let seen = [mtu(host, "vnic-1"), mtu(&story.web, "net0")];
        if seen == [1400, 1400] { Ok(()) } else { Err(format!("{seen:?}")) }
    });
    story.is_well("smaller");
    host.ip("link set bge0 mtu 1500");
    wire.ip("link set lan0 mtu 1500");
    Poll::PATIENT.until("the MTU", || {
        let seen = [mtu(host, "vnic-1"), mtu(&story.web, "net0")];
        if seen == [1500, 1500] { Ok(()) } else { Err(format!("{seen:?}")) }
    });
    host.ip("link set bge0 down");
    // Those over it still have each other.
    probe::reaches(&story.web, DB);
    host.ip("link set bge0 up");
    story.is_well("up again");
}
