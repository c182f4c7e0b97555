//! A VNIC for a virtual machine: its host end is a TAP that stays with the
//! host, and that whoever runs the machine opens by its name.
//!
//!   a monitor ═ vnic-1, TAP ─┐
//!   vm/net0 :aa              host [bge0 :3c] ════ [lan0] wire
//!   web [net0 :bb] ── vnic-2 ┘
//!
//! The monitor is this test, which reads and writes the machine's frames; the
//! story `kvm` has a real one.

use std::io;
use std::net::UdpSocket;

use fabric::LinkState;
use integration_netns::probe::{self, Ear, Frame, Offload, Taken, Tap};
use integration_netns::{
    CmdOutput, Counters, Lab, Netd, Netns, Office, Poll, Snapshot,
};
use nix::sys::socket::{setsockopt, sockopt};
use pnet::packet::Packet;
use pnet::packet::ethernet::EthernetPacket;
use pnet::packet::ipv4::Ipv4Packet;
use pnet::packet::udp::{UdpPacket, ipv4_checksum};

const VM: &str = "2:8:20:0:0:aa";
const WEB: &str = "2:8:20:0:0:bb";
const TAP: &str = "vnic-1";

/// Makes the machine's VNIC. Nothing has the name `vm` but the VNIC's zone.
fn create_tap(netd: &Netd, props: &str) {
    let line = format!("-l bge0 -m {VM} -p zone=vm,mode=tap{props} net0");
    let done = netd.sh(&format!("dladm create-vnic {line}"));
    assert_eq!(done.check(), "", "success is silent");
}

fn create_web(lab: &Lab, netd: &Netd) -> Netns {
    let web = lab.quiet_zone("web");
    netd.sh(&format!("dladm create-vnic -l bge0 -m {WEB} -p zone=web net0"))
        .check();
    web.ip("link set net0 up");
    web
}

#[track_caller]
fn open(host: &Netns, offload: Offload) -> Tap {
    Tap::open(host, TAP, offload)
        .unwrap_or_else(|error| panic!("cannot open {TAP}: {error}"))
}

#[test]
fn a_tap_is_the_same_in_the_api_and_on_the_host() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    create_tap(&netd, ",mtu=1400,owner=nobody");

    let [vnic] = &netd.api().vnics()[..] else {
        panic!("not one VNIC: {:#?}", netd.api().vnics());
    };
    assert_eq!(vnic.zone.as_deref(), Some("vm"));
    assert_eq!(vnic.host_end.as_str(), TAP);
    assert_eq!(vnic.mac.to_string(), VM);
    let props = serde_json::to_value(&vnic.props).expect("it came as JSON");
    assert_eq!(props["mode"], "tap", "{props}");
    assert_eq!(props["owner"], "65534", "looked up: {props}");
    assert_eq!((vnic.state, &vnic.blocked), (LinkState::Down, &None));
    let device = netd.sh("dladm show-vnic -p -o link,device -z vm net0");
    assert_eq!(device.check(), format!("net0:{TAP}\n"));

    let links = office.host.ip_json("link show");
    let names = links.as_array().expect("a list").iter();
    let names: Vec<_> = names.map(|link| link["ifname"].clone()).collect();
    assert_eq!(names, ["lo", "bge0", TAP], "the TAP is all there is of it");
    let tap = office.host.ip_json(&format!("link show {TAP}"))[0].take();
    assert_eq!(tap["linkinfo"]["info_kind"], "tun", "{tap:#}");
    let data = &tap["linkinfo"]["info_data"];
    assert_eq!(data["type"], "tap", "{tap:#}");
    assert_eq!(data["persist"], true, "{tap:#}");
    assert_eq!(data["user"], "nobody", "{tap:#}");
    assert_eq!(tap["mtu"], 1400, "{tap:#}");
    assert_eq!(tap["ifalias"], "net0 in zone vm over bge0", "{tap:#}");
    let flags = tap["flags"].as_array().expect("a list");
    for flag in ["NOARP", "UP", "NO-CARRIER"] {
        assert!(flags.contains(&flag.into()), "{flag}: {tap:#}");
    }

    let state = || netd.api().vnics()[0].state;
    let monitor = open(&office.host, Offload::None);
    assert_eq!(state(), LinkState::Up, "the monitor has it open");
    drop(monitor);
    assert_eq!(state(), LinkState::Down);
}

#[test]
fn a_machine_reaches_everybody_as_itself_only() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let netd = Netd::start(&lab, &office.host, None);
    create_tap(&netd, "");
    let web = create_web(&lab, &netd);
    let mut web = Ear::on(&web, "net0");
    let mut host = Ear::on(&office.host, Office::NIC);
    let mut wire = Ear::on(&office.wire, Office::WIRE_LINK);
    // One monitor after the other, each with its own idea of a frame.
    for offload in [Offload::None, Offload::VirtioNet, Offload::None] {
        let mut vm = open(&office.host, offload);
        let before = Counters::read(&netd);
        let forged = [WEB, Office::NIC_MAC, "2:8:20:9:9:9"]
            .map(|from| Frame::new(from, Frame::BROADCAST));
        for frame in &forged {
            vm.say(frame);
        }
        let to_web = Frame::new(VM, WEB);
        let to_host = Frame::new(VM, Office::NIC_MAC);
        let to_wire = Frame::new(VM, "2:8:20:7:7:7");
        let to_all = Frame::new(VM, Frame::BROADCAST);
        for frame in [&to_web, &to_host, &to_wire, &to_all] {
            vm.say(frame);
        }
        for (ear, own, others) in [
            (&mut web, &to_web, [&to_host, &to_wire]),
            (&mut host, &to_host, [&to_web, &to_web]),
            (&mut wire, &to_wire, [&to_web, &to_host]),
        ] {
            ear.hears(own);
            ear.hears(&to_all);
            for frame in forged.iter().chain(others) {
                assert!(!ear.heard(frame), "{frame:?} was heard: {ear:#?}");
            }
        }

        let from_web = Frame::new(WEB, VM);
        web.say(&from_web);
        vm.hears(&from_web);
        let from_host = Frame::new(Office::NIC_MAC, VM);
        host.say(&from_host);
        vm.hears(&from_host);
        let not_for_vm = Frame::new("2:8:20:7:7:7", WEB);
        wire.say(&not_for_vm);
        let from_wire = Frame::new("2:8:20:7:7:7", VM);
        wire.say(&from_wire);
        vm.hears(&from_wire);
        assert!(!vm.heard(&not_for_vm), "{vm:#?}");
        let from_all = Frame::new(WEB, Frame::BROADCAST);
        web.say(&from_all);
        vm.hears(&from_all);
        before.assert_moved(
            &netd,
            &[
                ("vm/net0 drops.mac-spoof", 3),
                ("vm/net0 opackets", 4),
                ("vm/net0 obytes", 4 * Frame::LEN),
                ("vm/net0 ipackets", 4),
                ("vm/net0 rbytes", 4 * Frame::LEN),
                ("web/net0 ipackets", 3),
                ("web/net0 rbytes", 3 * Frame::LEN),
                ("web/net0 opackets", 2),
                ("web/net0 obytes", 2 * Frame::LEN),
            ],
        );
    }
}

/// The payload of a UDP datagram over IPv4, and whether its checksum is right.
fn datagram(taken: &Taken) -> Option<(Vec<u8>, bool)> {
    let frame = EthernetPacket::new(&taken.bytes)?;
    let ip = Ipv4Packet::new(frame.payload())?;
    let udp = UdpPacket::new(ip.payload())?;
    let (from, to) = (ip.get_source(), ip.get_destination());
    let right = ipv4_checksum(&udp, &from, &to) == udp.get_checksum();
    (udp.get_destination() == 7).then(|| (udp.payload().to_vec(), right))
}

#[test]
fn checksums_and_large_frames_are_finished_for_a_machine_that_does_not() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let netd = Netd::start(&lab, &office.host, None);
    create_tap(&netd, "");
    let web = create_web(&lab, &netd);
    web.ip("address add 10.7.0.2/24 dev net0");
    web.ip(&format!("neigh add 10.7.0.1 lladdr {VM} dev net0"));
    let socket = web.on_thread(|| UdpSocket::bind("10.7.0.2:0"));
    let socket = socket.expect("the address is there");

    // A datagram's checksum is left to the device. A machine without offloads
    // gets it done; one with them is told that it isn't.
    for (offload, done) in [
        (Offload::VirtioNet, false),
        // What the machine before it could do is forgotten.
        (Offload::None, true),
    ] {
        let mut vm = open(&office.host, offload);
        let text = format!("{offload:?}");
        socket.send_to(text.as_bytes(), "10.7.0.1:7").expect("a route");
        let taken = vm.takes("the datagram", |taken| {
            datagram(taken).is_some_and(|(got, _)| got == text.as_bytes())
        });
        assert_eq!(taken.needs_checksum, !done, "{offload:?}: {taken:x?}");
        let (_, right) = datagram(&taken).expect("it is one");
        assert_eq!(right, done, "{offload:?}: {taken:x?}");
    }

    // Ten datagrams in one large frame, which neither machine asked for.
    setsockopt(&socket, sockopt::UdpGsoSegment, &1000).expect("Linux 4.18");
    let large: Vec<u8> = (0..10).flat_map(|n| vec![n; 1000]).collect();
    for offload in [Offload::None, Offload::VirtioNet] {
        let mut vm = open(&office.host, offload);
        let before = Counters::read(&netd);
        socket.send_to(&large, "10.7.0.1:7").expect("a route");
        for n in 0..10 {
            let taken = vm.takes("each datagram", |taken| {
                datagram(taken).is_some_and(|(got, _)| got == [n; 1000])
            });
            let (_, right) = datagram(&taken).expect("it is one");
            assert_ne!(right, taken.needs_checksum, "{offload:?}: {taken:x?}");
        }
        // Ethernet, IPv4, UDP.
        let bytes = 10 * (14 + 20 + 8 + 1000);
        before.assert_moved(
            &netd,
            &[
                ("vm/net0 ipackets", 10),
                ("vm/net0 rbytes", bytes),
                ("web/net0 opackets", 10),
                ("web/net0 obytes", bytes),
            ],
        );
    }
}

/// Has a user without any right over networks open the TAP. `ip` does so to
/// delete it.
fn taken_by_user(host: &Netns, uid: &str, device: &str) -> CmdOutput {
    let reuid = format!("--reuid={uid}");
    let ip = ["ip", "tuntap", "del", "dev", device, "mode", "tap"];
    host.run("setpriv", &[&[&*reuid, "--clear-groups"], &ip[..]].concat())
}

#[test]
fn only_root_and_the_owner_can_open_it() {
    let Some(lab) = Lab::for_story() else { return };
    lab.udev_tun();
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    create_tap(&netd, "");
    let refused = taken_by_user(&office.host, "1000", TAP);
    assert!(refused.stderr.contains("not permitted"), "{refused}");
    netd.sh("dladm create-vnic -l bge0 -p mode=tap,owner=1000 net1").check();
    let device = netd.api().vnics()[1].host_end.to_string();
    for (uid, owns) in [("1001", false), ("1000", true)] {
        let done = taken_by_user(&office.host, uid, &device);
        assert_eq!(done.ok(), owns, "{done}");
    }
}

#[test]
fn it_stays_through_a_crash_and_comes_back_when_it_is_deleted() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    let mut netd = Netd::start(&lab, &office.host, None);
    netd.break_in();
    netd.sh("dladm create-vnic -l bge0 -p mode=tap first1").check();
    netd.sh("dladm delete-vnic first1").check();
    let empty = Snapshot::of(&office.host);
    let line = format!("-l bge0 -m {VM} -p zone=vm,mode=tap net0");
    netd.sh(&format!("dladm create-vnic {line}")).check();
    let device = netd.api().vnics()[0].host_end.to_string();
    let open = || Tap::open(&office.host, &device, Offload::None);
    let mut wire = Ear::on(&office.wire, Office::WIRE_LINK);

    let mut vm = open().expect("the TAP is there");
    let before = Snapshot::of(&office.host);
    let vnics = netd.api().vnics();
    netd.kill();
    let frame = Frame::new(VM, Frame::BROADCAST);
    vm.say(&frame);
    wire.hears(&frame);
    netd.launch();
    assert_eq!(netd.api().vnics(), vnics);
    before.assert_same(&office.host, "netd came back");
    let frame = Frame::new("2:8:20:7:7:7", VM);
    wire.say(&frame);
    vm.hears(&frame);

    // One monitor at a time, and nothing is pulled from under it.
    let second = open().map(drop).unwrap_err();
    assert_eq!(second.kind(), io::ErrorKind::ResourceBusy, "{second}");
    let refused = netd.sh("dladm delete-vnic net0");
    assert!(refused.refusal().ends_with("link busy"), "{refused}");
    before.assert_same(&office.host, "the deletion was refused");
    drop(vm);

    // Somebody deletes the TAP by hand. SIGHUP puts right what is wrong.
    office.host.ip(&format!("link delete {device}"));
    netd.reload();
    let mut vm = Poll::PATIENT.until("the TAP comes back", || {
        open().map_err(|error| error.to_string())
    });
    Poll::PATIENT.until("it is on", || match netd.api().vnics()[0].state {
        LinkState::Up => Ok(()),
        state => Err(state.to_string()),
    });
    let frame = Frame::new(VM, Frame::BROADCAST);
    vm.say(&frame);
    wire.hears(&frame);
    drop(vm);

    netd.sh("dladm delete-vnic net0").check();
    empty.assert_same(&office.host, "the VNIC was deleted");
}

#[test]
fn a_tap_that_nobody_declared_goes_and_somebodys_stays() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.quiet_office();
    office.host.ip("tuntap add dev vnic-98 mode tap");
    let before = Snapshot::of(&office.host);
    // As netd leaves it when it dies before the VNIC is written down; a
    // monitor that is quick has it open.
    office.host.ip("tuntap add dev vnic-99 mode tap");
    office.host.ip("link set vnic-99 group 1095909953 up");
    let monitor = Tap::open(&office.host, "vnic-99", Offload::None);
    let netd = Netd::start(&lab, &office.host, None);
    before.assert_same(&office.host, "netd has tidied up");
    assert_eq!(netd.api().vnics(), []);
    drop(monitor);
}

#[test]
fn what_makes_no_tap_is_refused_and_nothing_changes() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    netd.break_in();
    // Somebody's TAP has the name that the VNIC would get.
    office.host.ip("tuntap add dev vnic-2 mode tap");
    let before = Snapshot::of(&office.host);
    for (props, status, reason) in [
        ("owner=0", "invalid value", "has no TAP for anybody to own"),
        ("mode=veth,owner=0", "invalid value", "has no TAP"),
        ("mode=tap,owner=no-such-user", "invalid value", "is no user here"),
        ("mode=tap", "operation failed", "cannot make TAP vnic-2"),
    ] {
        let line = format!("dladm create-vnic -l bge0 -p {props} net0");
        let refused = netd.sh(&line);
        assert!(refused.refusal().ends_with(status), "{refused}");
        assert!(refused.stderr.contains(reason), "{refused}");
        before.assert_same(&office.host, props);
        assert_eq!(netd.api().vnics(), [], "{props}");
    }
    // Veths are not kept from it.
    office.host.ip("link delete vnic-2");
    create_tap(&netd, "");
    let web = create_web(&lab, &netd);
    web.ip("addr add 192.168.1.10/24 dev net0");
    probe::reaches(&web, Office::WIRE_V4);
}
