//! What is dropped is shown: whose it was, why, and what it said.
//!
//!   mallory [net0 .10] ── host [bge0] ════ [lan0] wire
//!                          │
//!                [shown_ring] ── netd ── dladm show-drops
//!
//!   mallory sends frames that her VNIC's protection forbids, one of them while
//!   nobody runs who could be told. No kernel here speaks by itself.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::time::{Duration, SystemTime};

use fabric::api::Drops;
use integration_netns::probe::{Ear, Frame};
use integration_netns::{Counters, Lab, Netd, Netns, Poll, binary};
use pcap_file::pcapng::blocks::enhanced_packet::EnhancedPacketOption;
use pcap_file::pcapng::{Block, PcapNgReader};

const MALLORY: &str = "2:8:20:0:0:aa";
const MAC: [u8; 6] = [2, 8, 0x20, 0, 0, 0xaa];
const OWN: [u8; 4] = [192, 168, 1, 10];
const OTHERS: [u8; 4] = [192, 168, 1, 11];

/// The host, its netd, and mallory with her VNIC.
fn story(lab: &Lab) -> (Netns, Netd, Netns) {
    let office = lab.quiet_office();
    let netd = Netd::start(lab, &office.host, None);
    let zone = lab.quiet_zone("mallory");
    netd.sh(&format!(
        "dladm create-vnic -l bge0 -m {MALLORY} -p zone=mallory,\
         protection=mac-nospoof,restricted,ip-nospoof,\
         allowed-ips=192.168.1.10 net0"
    ))
    .check();
    zone.ip("link set net0 up");
    (office.wire, netd, zone)
}

/// A broadcast of mallory's: an ARP request, sent as an address.
fn arp(sender: [u8; 4]) -> Vec<u8> {
    let kind = [8, 6, 0, 1, 8, 0, 6, 4, 0, 1];
    let head = [&[0xff; 6][..], &MAC, &kind, &MAC, &sender, &[0; 6]].concat();
    [&head[..], &[192, 168, 1, 1]].concat()
}

/// A broadcast of mallory's: UDP from port 1 to port 2, sent as an address.
fn udp(source: [u8; 4]) -> Vec<u8> {
    let kind = [8, 0, 0x45, 0, 0, 28, 0, 0, 0, 0, 64, 17, 0, 0];
    let head = [&[0xff; 6][..], &MAC, &kind, &source, &[192, 168, 1, 1]];
    [&head.concat()[..], &[0, 1, 0, 2, 0, 8, 0, 0]].concat()
}

/// Waits until a number of frames is shown; gives the lines about them.
#[track_caller]
fn shown(netd: &Netd, number: usize) -> Vec<String> {
    Poll::PATIENT.until("what was dropped is shown", || {
        let line = "dladm show-drops -p -o zone,link,reason,length,summary";
        let text = netd.sh(line).check();
        let lines: Vec<String> =
            text.lines().map(|line| line.replace('\\', "")).collect();
        if lines.len() < number { Err(text) } else { Ok(lines) }
    })
}

#[test]
fn it_names_the_vnic_the_reason_and_the_frame_and_waits_for_netd() {
    let Some(lab) = Lab::for_story() else { return };
    let (_wire, mut netd, zone) = story(&lab);
    let mut mallory = Ear::on(&zone, "net0");
    let before = Counters::read(&netd);
    let began = SystemTime::now();
    mallory.say_bytes(&arp(OWN));
    mallory.say(&Frame::new("2:8:20:0:0:bb", Frame::BROADCAST));
    mallory.say(&Frame::new(MALLORY, Frame::BROADCAST));
    mallory.say_bytes(&arp(OTHERS));
    // The one that was allowed has been sent on.
    before.assert_moved(
        &netd,
        &[
            ("mallory/net0 opackets", 1),
            ("mallory/net0 obytes", 42),
            ("mallory/net0 drops.mac-spoof", 1),
            ("mallory/net0 drops.restricted", 1),
            ("mallory/net0 drops.arp-spoof", 1),
        ],
    );
    let mut lines = shown(&netd, 3);
    let all = "ff:ff:ff:ff:ff:ff";
    let mut want = [
        format!(
            "mallory:net0:mac-spoof:60:2:8:20:0:0:bb > {all} EtherType 0x88b5"
        ),
        format!(
            "mallory:net0:restricted:60:{MALLORY} > {all} EtherType 0x88b5"
        ),
        format!(
            "mallory:net0:arp-spoof:42:{MALLORY} > {all} \
             ARP who-has 192.168.1.1 tell 192.168.1.11"
        ),
    ];
    // Each CPU has its own queue, and nobody said which one was to be first.
    lines.sort();
    want.sort();
    assert_eq!(lines, want);

    // As a capture, each with its reason and its time.
    let file = "/run/lab/drops.pcapng";
    netd.sh(&format!("dladm show-drops -w {file} -z mallory net0")).check();
    let bytes = fs::read(file).expect("it was written");
    let packets = packets(&bytes);
    let mut comments: Vec<_> = packets.iter().map(|(text, _)| text).collect();
    comments.sort();
    let end = "vnic net0, zone mallory";
    assert_eq!(
        comments,
        [
            &format!(
                "arp-spoof: ARP for an address that is not the VNIC's; {end}"
            ),
            &format!("mac-spoof: source MAC is not the VNIC's; {end}"),
            &format!("restricted: not IPv4, IPv6 or ARP; {end}"),
        ]
    );
    for (comment, at) in &packets {
        let at = SystemTime::UNIX_EPOCH + *at;
        // The two clocks are not read in one go.
        let slack = Duration::from_secs(1);
        let fits = began - slack <= at && at <= SystemTime::now() + slack;
        assert!(fits, "{comment}: {at:?}, began {began:?}");
    }

    netd.kill();
    mallory.say_bytes(&udp(OTHERS));
    netd.launch();
    let want = format!(
        "mallory:net0:ip-spoof:42:{MALLORY} > {all} \
         IPv4 192.168.1.11 > 192.168.1.1 UDP 1 > 2"
    );
    assert_eq!(shown(&netd, 1), [want]);

    // A VNIC that is gone is known by its number.
    let id = netd.api().vnics()[0].id;
    netd.sh("dladm delete-vnic net0").check();
    let line = format!("dladm show-drops -p -o zone,link,reason {id}");
    assert_eq!(netd.sh(&line).check(), format!(":{id}:ip-spoof\n"));
    let refused = netd.sh("dladm show-drops net0");
    let want = "dladm: invalid vnic name 'net0': object not found";
    assert_eq!(refused.refusal(), want);
}

/// The comments of a capture, and when the packets were seen.
fn packets(bytes: &[u8]) -> Vec<(String, Duration)> {
    let mut reader = PcapNgReader::new(bytes).expect("it is pcapng");
    let mut packets = Vec::new();
    while let Some(block) = reader.next_block() {
        let block = block.expect("all of it is pcapng");
        let Block::EnhancedPacket(packet) = block else { continue };
        let comments = packet.options.iter().filter_map(|o| match o {
            EnhancedPacketOption::Comment(text) => Some(text.to_string()),
            _ => None,
        });
        packets.push((comments.collect(), packet.timestamp));
    }
    packets
}

#[test]
fn who_follows_sees_it_come_and_outlives_netd() {
    let Some(lab) = Lab::for_story() else { return };
    let (_wire, mut netd, zone) = story(&lab);
    let mut mallory = Ear::on(&zone, "net0");
    let words =
        ["words.out", "words.err"].map(|name| format!("/run/lab/{name}"));
    let dladm = binary("dladm");
    let mut follower = netd.host().spawn_with(&dladm, |command| {
        let [out, err] = words
            .each_ref()
            .map(|path| File::create(path).expect("the lab has files"));
        command.args(["show-drops", "-i", "1", "-p", "-o", "link,reason"]);
        command.stdout(out).stderr(err);
    });
    let says = |path: &str, want: &str| {
        Poll::PATIENT.until(want, || {
            let text = fs::read_to_string(path).unwrap_or_default();
            if text == want { Ok(()) } else { Err(text) }
        });
    };
    mallory.say_bytes(&arp(OTHERS));
    says(&words[0], "net0:arp-spoof\n");
    // Who waits is answered at once, and keeps netd from nothing.
    netd.stop();
    assert!(!netd.log().contains("still connected"), "{}", netd.log());
    // It is called as no person would, by its path.
    let gone = "warning: netd is gone; waiting until it is back";
    says(&words[1], &format!("{}: {gone}\n", dladm.display()));
    mallory.say_bytes(&udp(OTHERS));
    netd.launch();
    says(&words[0], "net0:arp-spoof\nnet0:ip-spoof\n");
    let _ = follower.kill();
    follower.wait().expect("it was started");
}

#[test]
fn a_flood_of_bad_frames_costs_netd_next_to_nothing() {
    const FRAMES: u64 = 50_000;
    let Some(lab) = Lab::for_story() else { return };
    let (_wire, netd, zone) = story(&lab);
    let mut mallory = Ear::on(&zone, "net0");
    let before = Counters::read(&netd);
    let memory = resident(&netd);
    let client = netd.client().patience(Duration::from_secs(5));
    let mut answers = 0;
    std::thread::scope(|scope| {
        let flood = scope.spawn(move || {
            let frame = Frame::new("2:8:20:0:0:bb", Frame::BROADCAST);
            for _ in 0..FRAMES {
                mallory.say(&frame);
            }
        });
        while !flood.is_finished() {
            client.status().expect("netd answers all the same");
            answers += 1;
        }
    });
    assert!(answers > 0, "the flood was over before anything was asked");
    before.assert_moved(&netd, &[("mallory/net0 drops.mac-spoof", FRAMES)]);
    let drops: Drops = netd.api().get("/v1/drops?wait=20");
    let mut by_reason = BTreeMap::new();
    for drop in &drops.drops {
        *by_reason.entry(drop.reason.word()).or_insert(0) += 1;
    }
    // One in 100 ms of each CPU.
    let shown = by_reason.remove("mac-spoof").unwrap_or(0);
    assert!((1..FRAMES / 10).contains(&shown), "{shown} were shown");
    assert_eq!(by_reason, BTreeMap::new());
    let grown = resident(&netd).saturating_sub(memory);
    assert!(grown < 16 * 1024, "netd has grown by {grown} KiB");
}

/// How much memory netd has, in KiB.
fn resident(netd: &Netd) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", netd.pid()))
        .expect("netd runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let words = line.and_then(|line| line.split_whitespace().next());
    words.and_then(|word| word.parse().ok()).expect("proc(5)")
}
