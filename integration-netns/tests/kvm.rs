//! A virtual machine among zones, host and wire.
//!
//!   vm  [eth0 .20] ═ vnic-1, TAP ─┐
//!                                 host [bge0 .3] ════ [lan0 .1] wire
//!   web [net0 .10] ─── vnic-2 ────┘
//!
//! A real kernel in a real QEMU, which runs as a user who owns the TAP and has
//! no other right.

use std::io::Read;
use std::thread;

use fabric::{LinkState, Mac};
use integration_netns::probe::{Cap, Datagrams};
use integration_netns::{
    Counters, Guest, Lab, Need, Netd, Netns, Nic, Office, Poll, Snapshot,
    probe, require,
};

const VM: &str = "2:8:20:0:0:aa";
const WEB: &str = "2:8:20:0:0:bb";

struct Story {
    device: String,
    netd: Netd,
    web: Netns,
    office: Office,
    /// The last to go: the others show their state first.
    lab: Lab,
}

impl Story {
    #[track_caller]
    fn begin() -> Option<Self> {
        let qemu = Need::Program("qemu-system-x86_64");
        if !require(&[qemu, Need::GuestKernel]) {
            return None;
        }
        let lab = Lab::for_story()?;
        lab.udev_tun();
        let office = lab.office();
        let netd = Netd::start(&lab, &office.host, None);
        let props = format!("zone=vm,mode=tap,owner={}", Guest::USER);
        let line = format!("dladm create-vnic -l bge0 -m {VM} -p {props} net0");
        netd.sh(&line).check();
        let device = netd.sh("dladm show-vnic -p -o device -z vm net0");
        let device = device.check().trim().to_owned();
        let web = lab.zone("web");
        let line = format!("-l bge0 -m {WEB} -p zone=web net0");
        netd.sh(&format!("dladm create-vnic {line}")).check();
        web.plumb("net0", "192.168.1.10/24", "fd00::10/64");
        Some(Self { device, netd, web, office, lab })
    }

    #[track_caller]
    fn boot(&self, vnet_hdr: bool) -> Guest {
        let nic = Nic {
            device: &self.device,
            mac: VM.parse::<Mac>().expect("it is one"),
            v4: Some("192.168.1.20/24"),
            v6: Some("fd00::20/64"),
            vnet_hdr,
        };
        let mut guest = Guest::boot(&self.lab, &self.office.host, &nic);
        // Whoever connects hears their own words.
        guest.sh("nc -ll -p 7 -e cat >/dev/null 2>&1 &").check();
        guest
    }

    /// Everybody reaches the machine, and it reaches everybody.
    #[track_caller]
    fn is_among_them(&self, guest: &mut Guest) {
        let Office { host, wire, .. } = &self.office;
        for (netns, v4, v6) in [
            (&self.web, "192.168.1.10", "fd00::10"),
            (host, Office::HOST_V4, Office::HOST_V6),
            (wire, Office::WIRE_V4, Office::WIRE_V6),
        ] {
            for addr in [v4, v6] {
                guest.sh(&format!("ping -c 1 -W 10 {addr}")).check();
            }
            for (ping, echo) in [
                ("192.168.1.20", "192.168.1.20:7"),
                ("fd00::20", "[fd00::20]:7"),
            ] {
                probe::reaches(netns, ping);
                probe::exchange_with_echo(netns, echo);
            }
        }
    }

    /// A stream that the machine opens, and fills.
    #[track_caller]
    fn sends_to(&self, guest: &mut Guest, netns: &Netns, addr: &str) {
        const BYTES: usize = 1_000_003;
        let listener = netns.listen(addr.parse().expect("it is one"));
        let port = listener.local_addr().expect("it is bound").port();
        let reader = thread::spawn(move || {
            let (mut stream, _) = listener.accept()?;
            std::io::copy(&mut stream, &mut std::io::sink())
        });
        let line = format!("head -c {BYTES} /dev/zero | nc {addr} {port}");
        guest.sh(&line).check();
        let got = reader.join().expect("it returns its errors");
        assert_eq!(got.expect("the stream ends well"), BYTES as u64);
    }
}

#[test]
fn a_machine_lives_among_the_others() {
    let Some(mut story) = Story::begin() else { return };
    let mut guest = story.boot(true);
    story.is_among_them(&mut guest);
    story.sends_to(&mut guest, &story.web, "192.168.1.10");
    story.sends_to(&mut guest, &story.office.wire, Office::WIRE_V4);

    // netd dies; the machine does not notice.
    let before = Snapshot::of(&story.office.host);
    let vnics = story.netd.api().vnics();
    story.netd.kill();
    story.is_among_them(&mut guest);
    story.netd.launch();
    before.assert_same(&story.office.host, "netd came back");
    assert_eq!(story.netd.api().vnics(), vnics);
    assert_eq!(vnics[0].state, LinkState::Up);
    story.is_among_them(&mut guest);

    // It speaks as web does, then as nobody does. Its kernel says nothing of
    // its own accord without IPv6.
    guest.sh("sysctl -w net.ipv6.conf.all.disable_ipv6=1").check();
    for forged in [WEB, "2:8:20:9:9:9"] {
        let padded = forged.parse::<Mac>().expect("it is one").padded();
        let before = Counters::read(&story.netd);
        guest.sh(&format!("ip link set eth0 address {padded}")).check();
        // Asked by everybody's address; no answer can come back.
        for addr in ["192.168.1.10", Office::HOST_V4, Office::WIRE_V4] {
            let asked = guest.sh(&format!("arping -c 1 -w 1 -I eth0 {addr}"));
            assert!(!asked.ok(), "{asked}");
        }
        let moved = || Counters::read(&story.netd).since(&before);
        let dropped = moved().get("vm/net0 drops.mac-spoof").copied();
        assert!(dropped.is_some_and(|n| n >= 3), "{:?}", moved());
        assert_eq!(moved().get("vm/net0 opackets"), None, "{:?}", moved());
        for netns in [&story.web, &story.office.host, &story.office.wire] {
            let known = netns.ip("neigh show to 192.168.1.20");
            assert!(!known.contains(&padded), "[{}] {known}", netns.name());
        }
    }
}

#[test]
fn a_machine_is_restarted_on_its_tap() {
    let Some(story) = Story::begin() else { return };
    let state = || story.netd.api().vnics()[0].state;
    assert_eq!(state(), LinkState::Down);
    // What one machine can do says nothing about the next.
    for vnet_hdr in [true, false] {
        let mut guest = story.boot(vnet_hdr);
        story.is_among_them(&mut guest);
        story.sends_to(&mut guest, &story.web, "192.168.1.10");
        assert_eq!(state(), LinkState::Up);
        let refused = story.netd.sh("dladm delete-vnic -z vm net0");
        assert!(refused.refusal().ends_with("link busy"), "{refused}");
        drop(guest);
        Poll::PATIENT.until("the TAP is let go", || match state() {
            LinkState::Down => Ok(()),
            state => Err(state.to_string()),
        });
    }
    story.netd.sh("dladm delete-vnic -z vm net0").check();
    let links = story.office.host.ip_json("link show");
    assert!(!links.to_string().contains(&story.device), "{links:#}");
}

#[test]
fn a_machine_sends_and_gets_no_more_than_its_cap() {
    const M: u64 = 1_000_000;
    let Some(story) = Story::begin() else { return };
    let mut guest = story.boot(true);
    let cap = |mbits: u64| {
        let props = format!("-z vm -p maxbw={mbits}M net0");
        story.netd.sh(&format!("dladm set-linkprop {props}")).check();
        Cap::of(mbits * M)
    };
    // A stream without an end.
    let listener = story.web.listen("192.168.1.10".parse().expect("it is"));
    let port = listener.local_addr().expect("it is bound").port();
    cap(4);
    let line = format!("nc 192.168.1.10 {port} </dev/zero >/dev/null 2>&1 &");
    guest.sh(&line).check();
    let (mut stream, _) = listener.accept().expect("the machine connects");
    // Ends with the machine.
    thread::spawn(move || {
        let mut buffer = vec![0; 1 << 16];
        while let Ok(1..) = stream.read(&mut buffer) {}
    });
    // What the stream delivers comes in leaps, where a segment was lost.
    let sent = || {
        let shown = &story.web.ip_json("-s link show net0")[0];
        shown["stats64"]["rx"]["bytes"].as_u64().expect("it is counted")
    };
    // Its stack has no use for them, but its TAP has had them.
    let (wire, full) = (&story.office.wire, Datagrams::FULL);
    let at = "192.168.1.20:9".parse().expect("it is one");
    let _flood = Datagrams::unheard(wire, at, full, 8 * M);
    let taken = || {
        let line = format!("-s link show {}", story.device);
        let shown = &story.office.host.ip_json(&line)[0];
        shown["stats64"]["tx"]["bytes"].as_u64().expect("it is counted")
    };
    for mbits in [4, 2] {
        let cap = cap(mbits);
        cap.is_kept_and_used("from the machine", sent);
        cap.is_kept_and_used("to the machine", taken);
    }
}
