//! Frames on real devices: who gets what, to the byte.
//!
//! ```text
//!   guest 1 ── vnic-1 ─┐                  ┌─ vnic-5 ── guest 5
//!   guest 2 ── vnic-2 ─┤                  ├─ vnic-6 ── guest 6
//!   host ──────────────┼─ bge0 ── wire    etherstub
//!   guest 3 ── vnic-3 ─┤ VLAN 5
//!   guest 4 ── vnic-4 ─┘ VLAN 5
//! ```
//!
//! Every device is a TAP, so the test reads what left it, tags included, and
//! the kernel takes the tags of what arrives out of the bytes, as it does with
//! a NIC's.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::os::fd::{AsRawFd, OwnedFd};

use fabric::datapath::{LinkRef, Segment};
use fabric::{
    DropReason, Ends, LinkId, Methods, Mtu, Priority, Program, Protection,
    ResolvedSpec, ResolvedVnic, SecondaryMacs, VlanId, Vnic, WantedRings,
};
use flows::{Counters, Datapath, LinkIndexes};
use nix::libc;
use nix::sys::socket::{
    AddressFamily, LinkAddr, SockFlag, SockProtocol, SockType, recvfrom, socket,
};
use pnet::datalink::{self, Channel, DataLinkSender};

use crate::frames::{
    Address, BROADCAST, GROUP, REMOTE, STATION, frame, tagged,
    tagged_by_provider, vnic,
};
use crate::lab::{Lab, Tap, collect, in_lab, index_of, ip, links};

/// Who sends or receives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Party {
    Guest(u8),
    /// The host's stack, on its link.
    Host,
    Wire,
}

use Party::{Guest, Host, Wire};

const GUESTS: [u8; 6] = [1, 2, 3, 4, 5, 6];

/// The picture, built.
struct Scene {
    datapath: Datapath,
    guests: BTreeMap<u8, Tap>,
    wire: Tap,
    /// What the host's stack is given.
    host_in: OwnedFd,
    /// What the host's stack sends.
    host_out: Box<dyn DataLinkSender>,
}

fn resolved() -> ResolvedSpec {
    let vnics = GUESTS.map(|id| {
        let stub = id >= 5;
        ResolvedVnic {
            id: LinkId(id.into()),
            name: "net0".parse().unwrap(),
            zone: None,
            over: "bge0".parse().unwrap(),
            segment: if stub {
                Segment::Etherstub(LinkId(20))
            } else {
                Segment::Link(LinkRef::Name("bge0".parse().unwrap()))
            },
            station: (!stub).then(|| STATION.into()),
            mac: vnic(id).into(),
            vid: VlanId::new(if [3, 4].contains(&id) { 5 } else { 0 }).ok(),
            mtu: Mtu::ETHERNET,
            maxbw: None,
            minbw: None,
            priority: Priority::OF_VNICS,
            rings: WantedRings::default(),
            flows: Vec::new(),
            protection: Protection::DEFAULT,
            allowed_ips: fabric::AllowedIps::default(),
            allowed_dhcp_cids: fabric::ClientIds::default(),
            allow_all_dhcp_cids: false,
            secondary_macs: SecondaryMacs::default(),
            promiscuous: false,
            methods: Methods::NONE,
            learned: BTreeSet::new(),
            ends: Ends::Tap { owner: 0, several: false },
        }
    });
    ResolvedSpec {
        vnics: vnics.into_iter().map(|vnic| (vnic.id, vnic)).collect(),
        ..ResolvedSpec::default()
    }
}

impl Scene {
    fn new(lab: &Lab) -> Self {
        let wire = Tap::new("bge0");
        let [a, b, c, d, e, f] = STATION.0;
        ip(&format!(
            "link set bge0 address {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"
        ));
        let names = GUESTS.map(|id| format!("vnic-{id}"));
        let guests = GUESTS
            .into_iter()
            .zip(&names)
            .map(|(id, name)| (id, Tap::new(name)))
            .collect();
        let mut all: Vec<&str> = names.iter().map(String::as_str).collect();
        all.push("bge0");
        let links: LinkIndexes = links(&all);
        let datapath = Datapath::open(&lab.pins()).unwrap();
        for row in flows::compile(&resolved()).rows() {
            datapath.put(&row, &links).unwrap();
        }
        let bge0 = index_of("bge0");
        datapath.attach(Program::FromLink, bge0, false).unwrap();
        datapath.attach(Program::ToLink, bge0, false).unwrap();
        for name in &names {
            let host_end = index_of(name);
            datapath.attach(Program::FromVnic, host_end, false).unwrap();
        }
        // One protocol, not all: such a socket is given what the programs at
        // ingress have let pass.
        let host_in = socket(
            AddressFamily::Packet,
            SockType::Raw,
            SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
            SockProtocol::EthIp,
        )
        .unwrap();
        let interfaces = datalink::interfaces();
        let bge0 = interfaces.iter().find(|found| found.name == "bge0");
        let channel = datalink::channel(bge0.unwrap(), Default::default());
        let Ok(Channel::Ethernet(host_out, _)) = channel else {
            panic!("no packet socket");
        };
        Self { datapath, guests, wire, host_in, host_out }
    }

    /// Has the tables hold something else.
    fn rewrite(&self, resolved: &ResolvedSpec) {
        let names = GUESTS.map(|id| format!("vnic-{id}"));
        let names = names.iter().map(String::as_str).chain(["bge0"]);
        let links = links(&names.collect::<Vec<_>>());
        for row in flows::compile(resolved).rows() {
            self.datapath.put(&row, &links).unwrap();
        }
    }

    fn send(&mut self, from: Party, frame: &[u8]) {
        match from {
            Guest(id) => self.guests.get_mut(&id).unwrap().send(frame),
            Wire => self.wire.send(frame),
            Host => match self.host_out.send_to(frame, None).unwrap() {
                Ok(()) => {}
                // The host is told when its frame was dropped.
                Err(error) => {
                    assert_eq!(error.raw_os_error(), Some(libc::ENOBUFS));
                }
            },
        }
    }

    /// What each party was given, waiting for those that are sure to be.
    fn receive(&mut self, sure: &Deliveries) -> Deliveries {
        let count = |party| sure.0.get(&party).map_or(0, Vec::len);
        let mut given = BTreeMap::new();
        for (id, tap) in &mut self.guests {
            given.insert(Guest(*id), tap.receive(count(Guest(*id))));
        }
        given.insert(Wire, self.wire.receive(count(Wire)));
        let socket = self.host_in.as_raw_fd();
        let host = collect(&self.host_in, count(Host), || {
            let mut buffer = vec![0; 2048];
            let (length, from) = recvfrom::<LinkAddr>(socket, &mut buffer)?;
            buffer.truncate(length);
            Ok((buffer, from.unwrap().pkttype()))
        });
        // A frame on a VLAN that the host has no device for is somebody
        // else's, and its tag is not among the bytes.
        let host = host.into_iter().filter_map(|(frame, kind)| match kind {
            libc::PACKET_OUTGOING => None,
            libc::PACKET_OTHERHOST => Some([b"tagged ", &frame[..]].concat()),
            _ => Some(frame),
        });
        given.insert(Host, host.collect());
        given.retain(|_, frames| !frames.is_empty());
        Deliveries(given)
    }

    fn counters(&self) -> BTreeMap<u8, Counters> {
        let counters = |id: u8| self.datapath.counters(LinkId(id.into()));
        GUESTS.into_iter().map(|id| (id, counters(id).unwrap())).collect()
    }
}

/// Who was given which frames.
#[derive(Clone, PartialEq, Eq)]
struct Deliveries(BTreeMap<Party, Vec<Vec<u8>>>);

impl fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (party, frames) in &self.0 {
            for frame in frames {
                write!(f, "\n  {party:?}: {:02x?}", &frame[..24])?;
            }
        }
        Ok(())
    }
}

/// A frame, and what becomes of it.
struct Case {
    title: &'static str,
    from: Party,
    frame: Vec<u8>,
    deliveries: BTreeMap<Party, Vec<Vec<u8>>>,
    lost: Option<DropReason>,
}

fn goes<const N: usize>(
    title: &'static str,
    from: Party,
    frame: Vec<u8>,
    to: [(Party, Vec<u8>); N],
) -> Case {
    let to = to.map(|(party, frame)| (party, vec![frame]));
    Case { title, from, frame, deliveries: to.into(), lost: None }
}

fn lost(
    title: &'static str,
    from: Party,
    frame: Vec<u8>,
    why: DropReason,
) -> Case {
    let deliveries = BTreeMap::new();
    Case { title, from, frame, deliveries, lost: Some(why) }
}

/// A frame on a VLAN, as the host's stack is given it.
fn host_tagged(frame: &[u8]) -> Vec<u8> {
    [b"tagged ", frame].concat()
}

#[test]
fn everybody_gets_what_is_theirs() {
    in_lab(|lab| {
        let mut scene = Scene::new(lab);
        let f = frame;
        let on_5 = |frame: &[u8]| tagged(frame, 5, 0);
        let everybody = |src: Address| f(BROADCAST, src);
        let (one, three, five) = (vnic(1), vnic(3), vnic(5));
        use DropReason::*;
        let cases = vec![
            // Unicast from a guest.
            goes(
                "guest to guest",
                Guest(1),
                f(vnic(2), one),
                [(Guest(2), f(vnic(2), one))],
            ),
            goes(
                "guest to guest on a VLAN",
                Guest(3),
                f(vnic(4), three),
                [(Guest(4), f(vnic(4), three))],
            ),
            goes(
                "guest to guest on an etherstub",
                Guest(5),
                f(vnic(6), five),
                [(Guest(6), f(vnic(6), five))],
            ),
            goes(
                "guest to host",
                Guest(1),
                f(STATION, one),
                [(Host, f(STATION, one))],
            ),
            goes(
                "guest to host on a VLAN",
                Guest(3),
                f(STATION, three),
                [(Host, host_tagged(&f(STATION, three)))],
            ),
            goes(
                "guest to wire",
                Guest(1),
                f(REMOTE, one),
                [(Wire, f(REMOTE, one))],
            ),
            goes(
                "guest to wire on a VLAN",
                Guest(3),
                f(REMOTE, three),
                [(Wire, on_5(&f(REMOTE, three)))],
            ),
            // A guest of another VLAN is as far away as one of another host.
            goes(
                "guest to another VLAN",
                Guest(1),
                f(vnic(3), one),
                [(Wire, f(vnic(3), one))],
            ),
            goes(
                "guest to another segment",
                Guest(1),
                f(vnic(5), one),
                [(Wire, f(vnic(5), one))],
            ),
            lost(
                "guest out of an etherstub",
                Guest(5),
                f(REMOTE, five),
                NoDestination,
            ),
            lost("guest to itself", Guest(1), f(one, one), Hairpin),
            lost("guest forging", Guest(1), f(vnic(2), REMOTE), MacSpoof),
            lost(
                "guest forging a group",
                Guest(1),
                f(vnic(2), GROUP),
                MacSpoof,
            ),
            // The kernel takes this tag out of the bytes.
            lost(
                "guest tagging",
                Guest(1),
                tagged(&f(vnic(2), one), 5, 0),
                GuestTag,
            ),
            lost(
                "guest tagging with a priority only",
                Guest(1),
                tagged(&f(vnic(2), one), 0, 3),
                GuestTag,
            ),
            lost(
                "guest tagging as a provider",
                Guest(1),
                tagged_by_provider(&f(vnic(2), one), 5),
                GuestTag,
            ),
            lost(
                "guest tagging twice",
                Guest(3),
                tagged(&tagged(&f(vnic(2), three), 7, 0), 5, 0),
                GuestTag,
            ),
            // Groups from a guest.
            goes(
                "guest to everybody",
                Guest(1),
                everybody(one),
                [
                    (Guest(2), everybody(one)),
                    (Host, everybody(one)),
                    (Wire, everybody(one)),
                ],
            ),
            goes(
                "guest to a group",
                Guest(2),
                f(GROUP, vnic(2)),
                [
                    (Guest(1), f(GROUP, vnic(2))),
                    (Host, f(GROUP, vnic(2))),
                    (Wire, f(GROUP, vnic(2))),
                ],
            ),
            goes(
                "guest to everybody on a VLAN",
                Guest(3),
                everybody(three),
                [
                    (Guest(4), everybody(three)),
                    (Host, host_tagged(&everybody(three))),
                    (Wire, on_5(&everybody(three))),
                ],
            ),
            goes(
                "guest to everybody on an etherstub",
                Guest(5),
                everybody(five),
                [(Guest(6), everybody(five))],
            ),
            // From the wire.
            goes(
                "wire to guest",
                Wire,
                f(one, REMOTE),
                [(Guest(1), f(one, REMOTE))],
            ),
            goes(
                "wire to guest with a priority",
                Wire,
                tagged(&f(one, REMOTE), 0, 5),
                [(Guest(1), f(one, REMOTE))],
            ),
            goes(
                "wire to guest on a VLAN",
                Wire,
                tagged(&f(three, REMOTE), 5, 6),
                [(Guest(3), f(three, REMOTE))],
            ),
            // What stands behind the VLAN's tag is the guest's business.
            goes(
                "wire to guest on a VLAN, two tags",
                Wire,
                on_5(&tagged(&f(three, REMOTE), 7, 1)),
                [(Guest(3), tagged(&f(three, REMOTE), 7, 1))],
            ),
            goes(
                "wire to host",
                Wire,
                f(STATION, REMOTE),
                [(Host, f(STATION, REMOTE))],
            ),
            goes(
                "wire to guest on the wrong VLAN",
                Wire,
                on_5(&f(one, REMOTE)),
                [(Host, host_tagged(&f(one, REMOTE)))],
            ),
            goes(
                "wire to an etherstub's guest",
                Wire,
                f(five, REMOTE),
                [(Host, host_tagged(&f(five, REMOTE)))],
            ),
            goes(
                "wire to everybody",
                Wire,
                everybody(REMOTE),
                [
                    (Guest(1), everybody(REMOTE)),
                    (Guest(2), everybody(REMOTE)),
                    (Host, everybody(REMOTE)),
                ],
            ),
            goes(
                "wire to everybody on a VLAN",
                Wire,
                tagged(&everybody(REMOTE), 5, 3),
                [
                    (Guest(3), everybody(REMOTE)),
                    (Guest(4), everybody(REMOTE)),
                    (Host, host_tagged(&everybody(REMOTE))),
                ],
            ),
            goes(
                "wire to everybody on a VLAN of nobody's",
                Wire,
                tagged(&everybody(REMOTE), 6, 3),
                [(Host, host_tagged(&everybody(REMOTE)))],
            ),
            // From the host. Its stack has the tag in the bytes here, as a raw
            // socket sends it.
            goes(
                "host to guest",
                Host,
                f(one, STATION),
                [(Guest(1), f(one, STATION))],
            ),
            goes(
                "host to guest on a VLAN",
                Host,
                tagged(&f(three, STATION), 5, 2),
                [(Guest(3), f(three, STATION))],
            ),
            goes(
                "host to wire",
                Host,
                f(REMOTE, STATION),
                [(Wire, f(REMOTE, STATION))],
            ),
            goes(
                "host to wire on a VLAN",
                Host,
                tagged(&f(REMOTE, STATION), 5, 2),
                [(Wire, tagged(&f(REMOTE, STATION), 5, 2))],
            ),
            goes(
                "host to everybody",
                Host,
                everybody(STATION),
                [
                    (Guest(1), everybody(STATION)),
                    (Guest(2), everybody(STATION)),
                    (Wire, everybody(STATION)),
                ],
            ),
            goes(
                "host to everybody on a VLAN, with a priority",
                Host,
                tagged(&everybody(STATION), 5, 6),
                [
                    (Guest(3), everybody(STATION)),
                    (Guest(4), everybody(STATION)),
                    (Wire, tagged(&everybody(STATION), 5, 6)),
                ],
            ),
            goes(
                "host to everybody on a VLAN, two tags",
                Host,
                on_5(&tagged(&everybody(STATION), 7, 1)),
                [
                    (Guest(3), tagged(&everybody(STATION), 7, 1)),
                    (Guest(4), tagged(&everybody(STATION), 7, 1)),
                    (Wire, on_5(&tagged(&everybody(STATION), 7, 1))),
                ],
            ),
            goes(
                "host to everybody behind a provider's tag",
                Host,
                tagged_by_provider(&everybody(STATION), 5),
                [(Wire, tagged_by_provider(&everybody(STATION), 5))],
            ),
        ];
        for case in cases {
            let title = case.title;
            let mut counters = scene.counters();
            scene.send(case.from, &case.frame);
            let want = Deliveries(case.deliveries);
            assert_eq!(scene.receive(&want), want, "{title}");

            if let Guest(id) = case.from {
                let sender = counters.get_mut(&id).unwrap();
                if let Some(reason) = case.lost {
                    *sender.drops.entry(reason).or_default() += 1;
                }
                // What is dropped was never taken.
                if case.lost.is_none() {
                    sender.opackets += 1;
                    sender.obytes += case.frame.len() as u64;
                }
            }
            for (party, frames) in &want.0 {
                let Guest(id) = party else { continue };
                let receiver = counters.get_mut(id).unwrap();
                for frame in frames {
                    receiver.ipackets += 1;
                    receiver.rbytes += frame.len() as u64;
                }
            }
            assert_eq!(scene.counters(), counters, "{title}");
        }
    });
}

#[test]
fn one_guest_that_is_down_keeps_nobody_else_from_their_copy() {
    in_lab(|lab| {
        let mut scene = Scene::new(lab);
        ip("link set vnic-1 down");
        let everybody = frame(BROADCAST, REMOTE);
        scene.send(Wire, &everybody);
        let want = [Guest(2), Host].map(|who| (who, vec![everybody.clone()]));
        let want = Deliveries(want.into());
        assert_eq!(scene.receive(&want), want);
        let counters = scene.counters();
        assert_eq!(counters[&1], Counters::default());
        assert_eq!(counters[&2].ipackets, 1);
    });
}

#[test]
fn without_the_link_up_guests_still_reach_each_other() {
    in_lab(|lab| {
        let mut scene = Scene::new(lab);
        ip("link set bge0 down");
        let everybody = frame(BROADCAST, vnic(1));
        scene.send(Guest(1), &everybody);
        let want = Deliveries([(Guest(2), vec![everybody])].into());
        assert_eq!(scene.receive(&want), want);
    });
}

/// What comes back from a wire that reflects has been everywhere already.
#[test]
fn a_guests_own_frame_from_the_wire_goes_nowhere() {
    in_lab(|lab| {
        let mut scene = Scene::new(lab);
        let everybody = frame(BROADCAST, vnic(1));
        let on_5 = tagged(&frame(GROUP, vnic(3)), 5, 0);
        for (id, reflected) in [(1, everybody), (3, on_5)] {
            scene.send(Wire, &reflected);
            let nobody = Deliveries(BTreeMap::new());
            assert_eq!(scene.receive(&nobody), nobody);
            let drops = &scene.counters()[&id].drops;
            assert_eq!(*drops, [(DropReason::Reflected, 1)].into());
        }
        // On another VLAN it is a stranger's.
        let stranger = tagged(&frame(BROADCAST, vnic(1)), 5, 0);
        scene.send(Wire, &stranger);
        let untagged = frame(BROADCAST, vnic(1));
        let want = Deliveries(
            [
                (Guest(3), vec![untagged.clone()]),
                (Guest(4), vec![untagged.clone()]),
                (Host, vec![host_tagged(&untagged)]),
            ]
            .into(),
        );
        assert_eq!(scene.receive(&want), want);
    });
}

/// Frames for stations that nobody knows reach those who asked for them, on
/// their own VLAN, from everywhere.
#[test]
fn strangers_frames_reach_those_who_asked() {
    in_lab(|lab| {
        let mut scene = Scene::new(lab);
        let mut resolved = resolved();
        for id in [2, 4, 6] {
            let vnic = resolved.vnics.get_mut(&LinkId(id)).unwrap();
            vnic.promiscuous = true;
        }
        scene.rewrite(&resolved);
        let f = frame;
        let cases = vec![
            goes(
                "from a guest",
                Guest(1),
                f(REMOTE, vnic(1)),
                [(Guest(2), f(REMOTE, vnic(1))), (Wire, f(REMOTE, vnic(1)))],
            ),
            goes(
                "from itself",
                Guest(2),
                f(REMOTE, vnic(2)),
                [(Wire, f(REMOTE, vnic(2)))],
            ),
            goes(
                "from a guest on a VLAN",
                Guest(3),
                f(REMOTE, vnic(3)),
                [
                    (Guest(4), f(REMOTE, vnic(3))),
                    (Wire, tagged(&f(REMOTE, vnic(3)), 5, 0)),
                ],
            ),
            goes(
                "on an etherstub",
                Guest(5),
                f(REMOTE, vnic(5)),
                [(Guest(6), f(REMOTE, vnic(5)))],
            ),
            lost(
                "from the only one who would get it",
                Guest(6),
                f(vnic(6), vnic(6)),
                DropReason::Hairpin,
            ),
            goes(
                "to the host",
                Guest(1),
                f(STATION, vnic(1)),
                [(Host, f(STATION, vnic(1)))],
            ),
            goes(
                "to a guest",
                Guest(2),
                f(vnic(1), vnic(2)),
                [(Guest(1), f(vnic(1), vnic(2)))],
            ),
            goes(
                "from the wire to a stranger",
                Wire,
                f(vnic(9), REMOTE),
                [(Guest(2), f(vnic(9), REMOTE))],
            ),
            goes(
                "from the wire to a stranger on a VLAN",
                Wire,
                tagged(&f(vnic(9), REMOTE), 5, 0),
                [(Guest(4), f(vnic(9), REMOTE))],
            ),
            goes(
                "from the wire to the host",
                Wire,
                f(STATION, REMOTE),
                [(Host, f(STATION, REMOTE))],
            ),
            goes(
                "from the host to a stranger",
                Host,
                f(REMOTE, STATION),
                [(Guest(2), f(REMOTE, STATION)), (Wire, f(REMOTE, STATION))],
            ),
        ];
        for mut case in cases {
            // What is not for the host is given to whoever listens there.
            if case.from == Wire && !case.deliveries.contains_key(&Host) {
                let frame = case.deliveries.values().next().unwrap()[0].clone();
                case.deliveries.insert(Host, vec![host_tagged(&frame)]);
            }
            let title = case.title;
            scene.send(case.from, &case.frame);
            let want = Deliveries(case.deliveries);
            assert_eq!(scene.receive(&want), want, "{title}");
        }
    });
}

/// A frame that is too long for the one whom it is for is dropped and counted
/// there, whichever way it comes; so is one that is too long for its sender.
#[test]
fn what_is_too_long_is_dropped_and_counted() {
    in_lab(|lab| {
        let mut scene = Scene::new(lab);
        let mut resolved = resolved();
        for id in [2, 4] {
            let vnic = resolved.vnics.get_mut(&LinkId(id)).unwrap();
            vnic.mtu = Mtu::new(1000).unwrap();
        }
        scene.rewrite(&resolved);
        let long = |dst, src, length: usize| {
            let mut frame = frame(dst, src);
            frame.resize(14 + length, 0);
            frame
        };
        for (title, from, frame, receiver, want) in [
            ("it fits", Guest(1), long(vnic(2), vnic(1), 1000), 2, None),
            (
                "from a guest",
                Guest(1),
                long(vnic(2), vnic(1), 1001),
                2,
                Some(DropReason::TooLongFor),
            ),
            (
                "from the wire",
                Wire,
                long(vnic(2), REMOTE, 1001),
                2,
                Some(DropReason::TooLongFor),
            ),
            (
                "from the wire, tagged",
                Wire,
                tagged(&long(vnic(4), REMOTE, 1001), 5, 0),
                4,
                Some(DropReason::TooLongFor),
            ),
            (
                "from the wire, tagged, and it fits",
                Wire,
                tagged(&long(vnic(4), REMOTE, 1000), 5, 0),
                4,
                None,
            ),
            (
                "from the host",
                Host,
                long(vnic(2), STATION, 1001),
                2,
                Some(DropReason::TooLongFor),
            ),
            (
                "to all",
                Guest(1),
                long(BROADCAST, vnic(1), 1001),
                2,
                Some(DropReason::TooLongFor),
            ),
            (
                "from a guest that is not allowed as much",
                Guest(2),
                long(vnic(1), vnic(2), 1001),
                2,
                Some(DropReason::TooLong),
            ),
        ] {
            let before = scene.counters()[&receiver].clone();
            scene.send(from, &frame);
            let count = u64::from(want.is_none());
            let sure = match want {
                None => [(Guest(receiver), vec![Vec::new()])].into(),
                Some(_) => BTreeMap::new(),
            };
            scene.receive(&Deliveries(sure));
            let after = scene.counters()[&receiver].clone();
            assert_eq!(after.ipackets, before.ipackets + count, "{title}");
            for reason in [DropReason::TooLong, DropReason::TooLongFor] {
                let drops = |counters: &Counters| {
                    counters.drops.get(&reason).copied().unwrap_or_default()
                };
                let more = u64::from(want == Some(reason));
                assert_eq!(drops(&after), drops(&before) + more, "{title}");
            }
        }
    });
}

/// A zone's end of a veth is reached without a detour over the host end, and
/// gets frames that it takes for its own.
#[test]
fn a_veth_in_a_zone_is_handed_its_frames() {
    in_lab(|lab| {
        let mut wire = Tap::new("bge0");
        ip("link add vnic-7 type veth peer name net0");
        let zone = Zone::with("net0");
        ip("link set vnic-7 up");
        let mut resolved = resolved();
        let mut vnic_7 = resolved.vnics.remove(&LinkId(1)).unwrap();
        vnic_7.id = LinkId(7);
        vnic_7.mac = vnic(7).into();
        resolved.vnics = [(LinkId(7), vnic_7)].into();
        let tables = flows::compile(&resolved);
        let datapath = Datapath::open(&lab.pins()).unwrap();
        let host_end = index_of("vnic-7");
        let bge0 = index_of("bge0");
        datapath.attach(Program::FromLink, bge0, false).unwrap();
        for crosses in [true, false] {
            let mut links = links(&["bge0"]);
            let name = Vnic::host_end(LinkId(7));
            if crosses {
                links.insert_crossing(name, host_end);
            } else {
                links.insert(name, host_end);
            }
            for row in tables.rows() {
                datapath.put(&row, &links).unwrap();
            }
            let frame = frame(vnic(7), REMOTE);
            let sent_before = sent_by("vnic-7");
            wire.send(&frame);
            assert_eq!(zone.receive(), (frame, libc::PACKET_HOST), "{crosses}");
            // What skips the host end is not counted there.
            let sent = sent_by("vnic-7") - sent_before;
            assert_eq!(sent, u64::from(!crosses), "{crosses}");
        }
    });
}

/// The frames that a device has sent, by its own account.
fn sent_by(name: &str) -> u64 {
    let stats = ip(&format!("-s -o link show {name}"));
    let (_, sent) = stats.split_once("TX:").unwrap();
    let words: Vec<&str> = sent.split_whitespace().collect();
    // TX: bytes packets errors dropped carrier collsns\ <bytes> <packets>
    let at = words.iter().position(|word| word.ends_with('\\')).unwrap();
    words[at + 2].parse().unwrap()
}

/// A network namespace beside the test's own, with a device that listens.
struct Zone {
    socket: OwnedFd,
    /// The thread lives in the namespace, and the namespace by the thread.
    _done: std::sync::mpsc::Sender<()>,
}

impl Zone {
    /// Makes the namespace and moves a device of this one there.
    fn with(device: &'static str) -> Self {
        use std::sync::mpsc::channel;
        let (tid, told) = channel();
        let (moved, wait) = channel::<()>();
        let (socket_to, socket_from) = channel();
        let (done, ended) = channel::<()>();
        std::thread::spawn(move || {
            nix::sched::unshare(nix::sched::CloneFlags::CLONE_NEWNET).unwrap();
            tid.send(nix::unistd::gettid()).unwrap();
            wait.recv().unwrap();
            let [a, b, c, d, e, f] = vnic(7).0;
            ip(&format!(
                "link set {device} up address \
                 {a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}"
            ));
            let socket = socket(
                AddressFamily::Packet,
                SockType::Raw,
                SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC,
                SockProtocol::EthIp,
            );
            socket_to.send(socket.unwrap()).unwrap();
            // Until the test has ended.
            let _ = ended.recv();
        });
        let tid = told.recv().unwrap();
        ip(&format!("link set {device} netns {tid}"));
        moved.send(()).unwrap();
        Self { socket: socket_from.recv().unwrap(), _done: done }
    }

    /// The next frame, and whose the kernel takes it for.
    fn receive(&self) -> (Vec<u8>, u8) {
        let socket = self.socket.as_raw_fd();
        let mut frames = collect(&self.socket, 1, || {
            let mut buffer = vec![0; 2048];
            let (length, from) = recvfrom::<LinkAddr>(socket, &mut buffer)?;
            buffer.truncate(length);
            Ok((buffer, from.unwrap().pkttype()))
        });
        assert_eq!(frames.len(), 1, "{frames:02x?}");
        frames.remove(0)
    }
}
