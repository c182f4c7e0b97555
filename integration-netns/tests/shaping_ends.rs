//! What has waited leaves nothing behind: VNICs with caps that are deleted under
//! load, on two VLANs of a NIC and on an etherstub.
//!
//!   a, b [net0 .10, .11] ─┐
//!                         ├─ host [bge0] ════ [lan0 .1] wire
//!   c, d [net0 .10, .11] ─┘
//!   e, f [net0 .10, .11] ── stub0
//!
//!   In the last story a and b are on VLAN 5, c and d on VLAN 6, and the two
//!   talk to each other.

use integration_netns::probe::{Cap, Datagrams};
use integration_netns::{Lab, Netd, Netns, Office, Poll, Snapshot};

const M: u64 = 1_000_000;
const WIRE: &str = "192.168.1.1";

struct Story {
    netd: Netd,
    office: Office,
    /// The last to go: the others show their state first.
    lab: Lab,
}

impl Story {
    #[track_caller]
    fn begin() -> Option<Self> {
        let lab = Lab::for_story()?;
        let office = lab.quiet_office();
        let wire = &office.wire;
        wire.ip(&format!("addr add {WIRE}/24 dev {}", Office::WIRE_LINK));
        wire.ip(&format!("link set {} up", Office::WIRE_LINK));
        let netd = Netd::start(&lab, &office.host, None);
        netd.break_in();
        Some(Self { netd, office, lab })
    }

    #[track_caller]
    fn dladm(&self, line: &str) {
        self.netd.sh(&format!("dladm {line}")).check();
    }

    /// A zone with a VNIC.
    #[track_caller]
    fn zone(&self, name: &str, over: &str, props: &str, v4: &str) -> Netns {
        let zone = self.lab.quiet_zone(name);
        let line = format!("create-vnic {over} -p zone={name},{props} net0");
        self.dladm(&line);
        zone.ip(&format!("addr add {v4}/24 dev net0"));
        zone.ip("link set net0 up");
        zone
    }
}

#[track_caller]
fn flood(from: &Netns, to: &Netns, addr: &str) -> Datagrams {
    Datagrams::flow(from, to, addr, Datagrams::FULL, 8 * M)
}

#[test]
fn a_vnic_that_is_deleted_under_load_leaves_nothing_of_its_queues() {
    let Some(story) = Story::begin() else { return };
    let Office { host, wire } = &story.office;
    let empty = Snapshot::of(host);
    let a = story.zone("a", "-l bge0", "maxbw=4M", "192.168.1.10");
    let alone = Snapshot::of(host);
    // Again and again: places are taken and given back.
    for _ in 0..3 {
        let props = "maxbw=2M,priority=low";
        let b = story.zone("b", "-l bge0", props, "192.168.1.11");
        let streams = [
            flood(&a, wire, WIRE),
            flood(wire, &a, "192.168.1.10"),
            flood(&b, wire, WIRE),
            flood(wire, &b, "192.168.1.11"),
            flood(&b, &a, "192.168.1.10"),
            flood(&a, &b, "192.168.1.11"),
        ];
        streams.iter().for_each(|stream| stream.go_on(20));
        story.dladm("delete-vnic -z b net0");
        alone.assert_same(host, "b was deleted");
        // a goes on as if nothing had been.
        let [out, back, ..] = &streams;
        out.go_on(20);
        back.go_on(20);
    }
    let out = flood(&a, wire, WIRE);
    let back = flood(wire, &a, "192.168.1.10");
    out.go_on(20);
    back.go_on(20);
    Cap::of(4 * M).is_kept_and_used("a is left", || out.bytes());
    story.dladm("delete-vnic -z a net0");
    empty.assert_same(host, "the last one was deleted");
}

#[test]
fn a_zone_that_ends_under_load_leaves_nothing_of_its_queues() {
    let Some(story) = Story::begin() else { return };
    let Office { host, wire } = &story.office;
    let empty = Snapshot::of(host);
    let a = story.zone("a", "-l bge0", "maxbw=4M", "192.168.1.10");
    let streams = [flood(&a, wire, WIRE), flood(wire, &a, "192.168.1.10")];
    streams.iter().for_each(|stream| stream.go_on(20));
    // A socket keeps its namespace.
    drop(streams);
    drop(a);
    Poll::PATIENT.until("the host end has gone with the zone", || {
        let links = host.ip("-br link show");
        if links.contains("vnic-") { Err(links) } else { Ok(()) }
    });
    story.dladm("delete-vnic -z a net0");
    empty.assert_same(host, "the zone has ended");
}

#[test]
fn vlans_and_etherstubs_have_their_caps_and_leave_nothing() {
    let Some(story) = Story::begin() else { return };
    let host = &story.office.host;
    let empty = Snapshot::of(host);
    story.dladm("create-etherstub stub0");
    story.dladm("set-linkprop -p maxbw=6M stub0");
    let zones = [
        ("a", "-l bge0 -v 5", "maxbw=4M", "192.168.1.10"),
        ("b", "-l bge0 -v 5", "maxbw=2M", "192.168.1.11"),
        ("c", "-l bge0 -v 6", "maxbw=2M", "192.168.1.10"),
        ("d", "-l bge0 -v 6", "priority=low", "192.168.1.11"),
        ("e", "-l stub0", "maxbw=4M", "192.168.1.10"),
        ("f", "-l stub0", "minbw=3M", "192.168.1.11"),
    ]
    .map(|(name, over, props, v4)| story.zone(name, over, props, v4));
    let [a, b, c, d, e, f] = &zones;
    // The lower one of sender's, receiver's and link's cap; all at once.
    let streams = [
        ("a to b", 2, flood(a, b, "192.168.1.11")),
        ("b to a", 2, flood(b, a, "192.168.1.10")),
        ("c to d", 2, flood(c, d, "192.168.1.11")),
        ("d to c", 2, flood(d, c, "192.168.1.10")),
        ("f to e", 4, flood(f, e, "192.168.1.10")),
    ];
    for (what, cap, stream) in &streams {
        Cap::of(cap * M).is_kept_and_used(what, || stream.bytes());
    }
    drop(streams);
    let both = [flood(e, f, "192.168.1.11"), flood(f, e, "192.168.1.10")];
    let sum = || both.iter().map(Datagrams::bytes).sum();
    Cap::of(6 * M).is_kept_and_used("all on stub0", sum);
    for zone in ["a", "d", "f", "b", "e", "c"] {
        story.dladm(&format!("delete-vnic -z {zone} net0"));
    }
    drop(both);
    story.dladm("delete-etherstub stub0");
    empty.assert_same(host, "all were deleted");
}
