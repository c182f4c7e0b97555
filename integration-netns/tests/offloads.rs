//! Large frames: what a sender leaves to its device, checksums and the cutting
//! into frames, arrives whole, and is counted as the wire would see it.
//!
//!   a [net0 .10] ─┐
//!                 host [bge0 .3] ════ [lan0 .1] wire
//!   b [net0 .11] ─┘
//!
//! a and b are on the link, untagged or on a VLAN, or on an etherstub, which
//! takes frames of 9000 bytes. Only what the stories send is on the network.
//! `kvm` has the same from and to a machine, with a virtio header and without.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use fabric::api::VnicCounters;
use integration_netns::probe::{Ear, Frame, Offload, Tap};
use integration_netns::{Counters, Lab, Netd, Netns, Office, Poll};

/// A stream's length: no multiple of anything.
const BYTES: usize = 4_000_037;
/// Ethernet, IPv4 and TCP with a time stamp: what each frame of a stream has.
const HEADERS: u64 = 14 + 20 + 32;
const PATIENCE: Duration = Duration::from_secs(10);

const A: &str = "2:8:20:0:0:aa";
const B: &str = "2:8:20:0:0:bb";

struct Story {
    netd: Netd,
    a: Netns,
    b: Netns,
    office: Office,
    /// The last to go: the others show their state first.
    _lab: Lab,
}

impl Story {
    #[track_caller]
    fn begin(options: &str, props: &str) -> Option<Self> {
        let lab = Lab::for_story()?;
        let office = lab.quiet_office();
        let netd = Netd::start(&lab, &office.host, None);
        netd.sh("dladm create-etherstub stub0").check();
        let [a, b] = [("a", A, 10), ("b", B, 11)].map(|(name, mac, number)| {
            let zone = lab.quiet_zone(name);
            let props = format!("-p zone={name}{props}");
            let line = format!("{options} -m {mac} {props} net0");
            netd.sh(&format!("dladm create-vnic {line}")).check();
            zone.ip(&format!("addr add 192.168.1.{number}/24 dev net0"));
            zone.ip("link set net0 up");
            zone
        });
        let Office { host, wire } = &office;
        for (netns, link, addr) in [
            (host, Office::NIC, Office::HOST_V4),
            (wire, Office::WIRE_LINK, Office::WIRE_V4),
        ] {
            netns.ip(&format!("addr add {addr}/24 dev {link}"));
        }
        Some(Self { netd, a, b, office, _lab: lab })
    }

    #[track_caller]
    fn counters(&self, zone: &str) -> VnicCounters {
        let all: Vec<VnicCounters> = self.netd.api().get("/v1/counters/vnics");
        let mut all = all.into_iter();
        all.find(|vnic| vnic.zone.as_deref() == Some(zone))
            .expect("it is there")
    }

    #[track_caller]
    fn assert_nothing_dropped(&self) {
        for zone in ["a", "b"] {
            assert_eq!(self.counters(zone).drops, [], "{zone}");
        }
    }

    /// Streams from a to b: each counter of one has its like at the other. The
    /// least of data that a frame of them must have on average is given.
    #[track_caller]
    fn a_sends_to_b(&self, least: u64, most: u64) {
        let frames = packets(&self.a, "tx");
        stream(&self.a, &self.b, "192.168.1.11");
        // The stream's last words may still be on their way.
        let a = Poll::PATIENT.until("each end has what the other sent", || {
            let (a, b) = (self.counters("a"), self.counters("b"));
            let there = (a.opackets, a.obytes) == (b.ipackets, b.rbytes);
            let back = (b.opackets, b.obytes) == (a.ipackets, a.rbytes);
            if there && back { Ok(a) } else { Err(format!("{a:?} {b:?}")) }
        });
        let frames = packets(&self.a, "tx") - frames;
        adds_up(a.opackets, a.obytes, frames);
        let mean = BYTES as u64 / a.opackets;
        assert!((least..=most).contains(&mean), "{mean} bytes in each: {a:?}");
        self.assert_nothing_dropped();
    }
}

/// How many frames a link has had, large ones counted as one each.
#[track_caller]
fn packets(netns: &Netns, way: &str) -> u64 {
    let shown = netns.ip_json("-s link show net0");
    let packets = shown[0]["stats64"][way]["packets"].as_u64();
    packets.expect("it counts them")
}

/// Checks that there were large frames, that they count as many, and that all
/// bytes are there; some may have been sent again.
#[track_caller]
fn adds_up(packets: u64, bytes: u64, frames: u64) {
    assert!(2 * frames < packets, "{frames} frames, counted as {packets}");
    let data = bytes - packets * HEADERS;
    // The others are ARP, whose frames are shorter than the headers, and the
    // first of the stream, whose is longer.
    let all = BYTES as u64;
    assert!(data + 100 > all, "{data} bytes of data in {packets}");
    assert!(data < all + all / 4, "{data} bytes of data in {packets}");
}

/// Sends a stream, and checks what arrives.
#[track_caller]
fn stream(from: &Netns, to: &Netns, addr: &str) {
    let listener = to.listen(addr.parse().expect("it is an address"));
    let at = listener.local_addr().expect("it is bound");
    let mut sender = from
        .connect(at, PATIENCE)
        .unwrap_or_else(|error| panic!("[{}] {at}: {error}", from.name()));
    let (mut receiver, _) = listener.accept().expect("it is connected");
    sender.set_write_timeout(Some(PATIENCE)).expect("it is not 0");
    receiver.set_read_timeout(Some(PATIENCE)).expect("it is not 0");
    let sent: Vec<u8> = (0..251).cycle().take(BYTES).collect();
    let mut got = Vec::new();
    std::thread::scope(|scope| {
        let sent = &sent;
        let writer = scope.spawn(move || {
            sender.write_all(sent)?;
            sender.shutdown(Shutdown::Write)
        });
        receiver.read_to_end(&mut got).expect("the stream goes on");
        writer.join().expect("it returns its errors").expect("it is taken");
    });
    assert!(got == sent, "{} of {BYTES} bytes, changed", got.len());
}

#[test]
fn zones_host_and_wire_exchange_large_frames() {
    let Some(story) = Story::begin("-l bge0", "") else { return };
    story.a_sends_to_b(1300, 1448);
    let Office { host, wire } = &story.office;
    for (peer, addr) in [(host, Office::HOST_V4), (wire, Office::WIRE_V4)] {
        let (before, frames) = (story.counters("a"), packets(&story.a, "tx"));
        stream(&story.a, peer, addr);
        let (after, tx) = (story.counters("a"), packets(&story.a, "tx"));
        let sent = after.opackets - before.opackets;
        adds_up(sent, after.obytes - before.obytes, tx - frames);

        let (before, frames) = (story.counters("a"), packets(&story.a, "rx"));
        stream(peer, &story.a, "192.168.1.10");
        let (after, rx) = (story.counters("a"), packets(&story.a, "rx"));
        let got = after.ipackets - before.ipackets;
        adds_up(got, after.rbytes - before.rbytes, rx - frames);
    }
    story.assert_nothing_dropped();
}

#[test]
fn large_frames_cross_a_vlan() {
    let Some(story) = Story::begin("-l bge0 -v 5", "") else { return };
    story.a_sends_to_b(1300, 1448);
}

#[test]
fn large_frames_are_cut_to_a_small_mtu() {
    let Some(story) = Story::begin("-l bge0", ",mtu=1280") else { return };
    story.a_sends_to_b(1100, 1228);
}

#[test]
fn an_etherstub_takes_frames_of_nine_thousand_bytes() {
    let Some(story) = Story::begin("-l stub0", "") else { return };
    story.a_sends_to_b(6000, 8948);
}

/// A frame with much in it.
fn long(from: &str, to: &str) -> Vec<u8> {
    let mut frame = Frame::new(from, to).bytes().to_vec();
    frame.resize(14 + 4000, 0xab);
    frame
}

#[test]
fn what_is_too_long_for_its_receiver_is_counted_there_and_seen_nowhere() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let netd = Netd::start(&lab, &office.host, None);
    netd.sh("dladm create-etherstub stub0").check();
    let zones = [("a", A, 9000), ("b", B, 1500), ("c", "2:8:20:0:0:cc", 9000)]
        .map(|(name, mac, mtu)| {
            let zone = lab.quiet_zone(name);
            let props = format!("-p zone={name},mtu={mtu}");
            let line = format!("-l stub0 -m {mac} {props} net0");
            netd.sh(&format!("dladm create-vnic {line}")).check();
            zone.ip("link set net0 up");
            zone
        });
    let vm = "2:8:20:0:0:dd";
    let line = format!("-l stub0 -m {vm} -p zone=vm,mode=tap,mtu=1500 net0");
    netd.sh(&format!("dladm create-vnic {line}")).check();
    let device = netd.sh("dladm show-vnic -p -o device -z vm net0").check();
    let [mut a, mut b, mut c] =
        zones.each_ref().map(|zone| Ear::on(zone, "net0"));
    for offload in [Offload::None, Offload::VirtioNet] {
        let mut tap = Tap::open(&office.host, device.trim(), offload)
            .unwrap_or_else(|error| panic!("{device}: {error}"));
        let before = Counters::read(&netd);
        let to_all = long(A, Frame::BROADCAST);
        for frame in [&long(A, B), &long(A, vm), &to_all] {
            a.say_bytes(frame);
        }
        let last = Frame::new(A, Frame::BROADCAST);
        a.say(&last);
        let short = last.bytes();
        tap.hears(&last);
        for ear in [&mut b, &mut c] {
            ear.hears(&last);
        }
        assert!(b.all().iter().all(|heard| heard.len() == short.len()));
        assert_eq!(c.all()[c.all().len() - 2..], [to_all, short.to_vec()]);
        let only = tap.takes("a frame", |_| true);
        assert_eq!(only.bytes, short, "the first that it took");
        let (length, long) = (Frame::LEN, 14 + 4000);
        before.assert_moved(
            &netd,
            &[
                ("a/net0 opackets", 4),
                ("a/net0 obytes", length + 3 * long),
                ("b/net0 drops.too-long-for", 2),
                ("b/net0 ipackets", 1),
                ("b/net0 rbytes", length),
                ("c/net0 ipackets", 2),
                ("c/net0 rbytes", length + long),
                ("vm/net0 drops.too-long-for", 2),
                ("vm/net0 ipackets", 1),
                ("vm/net0 rbytes", length),
            ],
        );
    }
}
