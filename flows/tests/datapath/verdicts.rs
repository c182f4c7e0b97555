//! What each program decides, run on single frames by BPF_PROG_TEST_RUN.
//!
//! The kernel runs the program on the loopback device, so rows for `lo` make
//! it a host end or a physical link. A redirect is decided but not made, while
//! clones are really sent. A tag stays in the bytes here; where it really is,
//! beside them, the tests of the wire have it.

use std::collections::BTreeMap;

use fabric::datapath::{
    FdbKey, FdbRow, FloodKey, FloodList, FloodRow, Row, Segment, SegmentRow,
    VnicRow,
};
use fabric::{DropReason, LinkId, Methods, Program, Protection};
use flows::{Counters, Datapath};
use pnet::packet::ethernet::EtherTypes;

use crate::bench::{Bench, Context, NONE, OTHER, Outcome, SELF, link};
use crate::frames::{
    Address, BROADCAST, GROUP, REMOTE, STATION, ethernet, frame, tagged,
    tagged_by_provider, vnic,
};
use crate::lab::in_lab;

// From the kernel's linux/pkt_cls.h.
const UNSPEC: i32 = -1;
const SHOT: i32 = 2;
const STOLEN: i32 = 4;
const REDIRECT: i32 = 7;

/// The mark of `abi.h`.
const MARK: u32 = 0xa4ba_1e57;

/// The row of [`SELF`] behind `lo`.
fn vnic_row(segment: &Segment, vid: u16, protection: Protection) -> Row {
    let row = VnicRow {
        id: SELF,
        segment: segment.clone(),
        vid,
        mac: vnic(7).into(),
        secondary: false,
        mtu: 1500,
        protection,
        allow_all_dhcp_cids: false,
        first: [].into(),
        listed: [].into(),
        methods: Methods::NONE,
        shaped: None,
        blocked: false,
        flows: false,
    };
    Row::Vnic(link("lo"), row)
}

/// A row of a VNIC with another MTU.
fn with_mtu(mtu: u16) -> impl Fn(Row) -> Row {
    move |mut row| {
        match &mut row {
            Row::Vnic(_, row) => row.mtu = mtu,
            Row::Fdb(_, row) => row.mtu = mtu,
            Row::Flood(_, row) => row.mtu = mtu,
            _ => {}
        }
        row
    }
}

/// The station that [`SELF`] is.
fn own_station(segment: &Segment, vid: u16) -> Row {
    let (segment, mac) = (segment.clone(), vnic(7).into());
    let host_end = link("lo");
    let row = FdbRow {
        id: SELF,
        host_end,
        mtu: 1500,
        learns: false,
        class: None,
        blocked: false,
        flows: false,
        steered: false,
    };
    Row::Fdb(FdbKey { segment, vid, mac }, row)
}

/// The rows that make [`OTHER`] a member of the segment and VLAN.
fn other_rows(segment: &Segment, vid: u16) -> [Row; 4] {
    let segment = segment.clone();
    let row = VnicRow {
        id: OTHER,
        segment: segment.clone(),
        vid,
        mac: vnic(8).into(),
        secondary: false,
        mtu: 1500,
        protection: Protection::DEFAULT,
        allow_all_dhcp_cids: false,
        first: [].into(),
        listed: [].into(),
        methods: Methods::NONE,
        shaped: None,
        blocked: false,
        flows: false,
    };
    let station = FdbKey { segment: segment.clone(), vid, mac: vnic(8).into() };
    let place = |id| {
        let (segment, list) = (segment.clone(), FloodList::All);
        FloodKey { segment, vid, list, id }
    };
    let host_end = link("vnic-8");
    let to_other = FdbRow {
        id: OTHER,
        host_end,
        mtu: 1500,
        learns: false,
        class: None,
        blocked: false,
        flows: false,
        steered: false,
    };
    [
        Row::Vnic(link("vnic-8"), row),
        Row::Fdb(station, to_other),
        Row::Flood(
            place(OTHER),
            FloodRow {
                host_end: Some(link("vnic-8")),
                next: NONE,
                mtu: 1500,
                blocked: false,
            },
        ),
        Row::Flood(
            place(NONE),
            FloodRow { host_end: None, next: OTHER, mtu: 0, blocked: false },
        ),
    ]
}

fn sent(frame: &[u8]) -> Counters {
    let obytes = frame.len() as u64;
    Counters { opackets: 1, obytes, ..Counters::default() }
}

fn received(frame: &[u8]) -> Counters {
    let rbytes = frame.len() as u64;
    Counters { ipackets: 1, rbytes, ..Counters::default() }
}

fn dropped(reason: DropReason) -> Counters {
    Counters { drops: [(reason, 1)].into(), ..Counters::default() }
}

/// A title, a mark and a frame before; a verdict, a mark and counters after.
type FromVnicCase =
    (&'static str, u32, Vec<u8>, i32, u32, Vec<(LinkId, Counters)>);

fn check_from_vnic(bench: &Bench, cases: Vec<FromVnicCase>) {
    for (title, mark, frame, verdict, mark_after, counters) in cases {
        let context = Context { mark, ..Context::default() };
        let got = bench.run(Program::FromVnic, &context, &frame);
        // Where a VLAN's tag is pushed, it stands beside the bytes.
        let want = Outcome {
            priority: 0,
            verdict,
            mark: mark_after,
            frame,
            counters: counters.into_iter().collect(),
        };
        assert_eq!(got, want, "{title}");
    }
}

#[test]
fn from_vnic_on_a_physical_link() {
    in_lab(|lab| {
        use DropReason::*;
        let bench = Bench::new(lab);
        let bge0 = Segment::Link(link("bge0"));
        let station = Some(STATION.into());
        let own = |dst: Address| frame(dst, vnic(7));
        let short = {
            let mut frame = tagged(&own(REMOTE), 5, 0);
            frame.truncate(14);
            frame
        };
        let forged = frame(REMOTE, vnic(8));
        let group = frame(REMOTE, GROUP);
        let tag = tagged(&own(REMOTE), 5, 0);
        let provider = tagged_by_provider(&own(REMOTE), 5);
        for vid in [0, 5] {
            bench.put([
                Row::Segment(
                    bge0.clone(),
                    SegmentRow { station, promiscuous: false },
                ),
                vnic_row(&bge0, vid, Protection::DEFAULT),
                own_station(&bge0, vid),
            ]);
            bench.put(other_rows(&bge0, vid));
            let out = vec![(SELF, sent(&own(REMOTE)))];
            let local = vec![
                (SELF, sent(&own(vnic(8)))),
                (OTHER, received(&own(vnic(8)))),
            ];
            let drop = |reason| vec![(SELF, dropped(reason))];
            check_from_vnic(
                &bench,
                vec![
                    ("wire", 0, own(REMOTE), REDIRECT, MARK, out.clone()),
                    ("host", 0, own(STATION), REDIRECT, MARK, out.clone()),
                    ("VNIC", 0, own(vnic(8)), REDIRECT, 0, local.clone()),
                    ("VNIC, with a mark", 9, own(vnic(8)), REDIRECT, 0, local),
                    // The member's device is not there, so its copy fails and
                    // is not counted, and the flood goes on.
                    (
                        "everybody",
                        0,
                        own(BROADCAST),
                        REDIRECT,
                        MARK,
                        out.clone(),
                    ),
                    ("a group", 0, own(GROUP), REDIRECT, MARK, out),
                    (
                        "itself",
                        0,
                        own(vnic(7)),
                        SHOT,
                        0,
                        vec![(SELF, dropped(Hairpin))],
                    ),
                    ("forged", 0, forged.clone(), SHOT, 0, drop(MacSpoof)),
                    ("from a group", 0, group.clone(), SHOT, 0, drop(MacSpoof)),
                    ("tag", MARK, tag.clone(), SHOT, 0, drop(GuestTag)),
                    ("half a tag", 0, short.clone(), SHOT, 0, drop(GuestTag)),
                    ("ad tag", 0, provider.clone(), SHOT, 0, drop(GuestTag)),
                ],
            );
            // Rows of the other VLAN must not be what makes it work.
            for row in other_rows(&bge0, vid) {
                bench.delete(&row);
            }
        }
        bench.put([vnic_row(&bge0, 0, Protection::NONE)]);
        let out = vec![(SELF, sent(&forged))];
        let drop = |reason| vec![(SELF, dropped(reason))];
        check_from_vnic(
            &bench,
            vec![
                ("forged, unguarded", 0, forged, REDIRECT, MARK, out),
                ("from a group, unguarded", 0, group, SHOT, 0, drop(MacSpoof)),
                ("tag, unguarded", 0, tag, SHOT, 0, drop(GuestTag)),
            ],
        );
    });
}

#[test]
fn from_vnic_on_an_etherstub() {
    in_lab(|lab| {
        use DropReason::*;
        let bench = Bench::new(lab);
        let stub = Segment::Etherstub(LinkId(3));
        let own = |dst: Address| frame(dst, vnic(7));
        bench.put([vnic_row(&stub, 0, Protection::DEFAULT)]);
        bench.put(other_rows(&stub, 0));
        let out = sent(&own(REMOTE));
        let lost = vec![(SELF, dropped(NoDestination))];
        let local =
            vec![(SELF, sent(&own(vnic(8)))), (OTHER, received(&own(vnic(8))))];
        let cases = || {
            vec![
                ("nobody", 0, own(REMOTE), SHOT, 0, lost.clone()),
                ("VNIC", 0, own(vnic(8)), REDIRECT, 0, local.clone()),
                (
                    "everybody",
                    0,
                    own(BROADCAST),
                    STOLEN,
                    0,
                    vec![(SELF, out.clone())],
                ),
                // No station is not station zero.
                ("zero", 0, own(Address([0; 6])), SHOT, 0, lost.clone()),
            ]
        };
        // Without its row, and with it.
        check_from_vnic(&bench, cases());
        bench.put([Row::Segment(
            stub,
            SegmentRow { station: None, promiscuous: false },
        )]);
        check_from_vnic(&bench, cases());
    });
}

#[test]
fn a_host_end_that_nobody_knows_lets_nothing_in() {
    in_lab(|lab| {
        let bench = Bench::new(lab);
        let bge0 = Segment::Link(link("bge0"));
        bench.put(other_rows(&bge0, 0));
        for dst in [vnic(8), STATION, REMOTE, BROADCAST] {
            let frame = frame(dst, vnic(7));
            let got = bench.run(Program::FromVnic, &Context::default(), &frame);
            let want = Outcome {
                priority: 0,
                verdict: SHOT,
                mark: 0,
                frame,
                counters: BTreeMap::new(),
            };
            assert_eq!(got, want, "{dst:?}");
        }
    });
}

#[test]
fn a_link_and_its_host() {
    in_lab(|lab| {
        let bench = Bench::new(lab);
        // The program runs on `lo`, which is the physical link now.
        let lo = Segment::Link(link("lo"));
        let from = |dst: Address| frame(dst, REMOTE);
        let here = from(vnic(8));
        let half = {
            let mut frame = tagged(&here, 0, 0);
            frame.truncate(15);
            frame
        };
        for vid in [0, 5] {
            bench.put(other_rows(&lo, vid));
            let on_vlan = |frame: &[u8], priority: u8| match (vid, priority) {
                (0, 0) => frame.to_vec(),
                _ => tagged(frame, vid, priority),
            };
            let none = Vec::new;
            let hit = || vec![(OTHER, received(&here))];
            // A title, a mark and a frame before; a verdict, a mark, a frame
            // and counters after. A tag that is put back stands beside the
            // bytes.
            let cases = vec![
                (
                    "VNIC",
                    0,
                    on_vlan(&here, 0),
                    REDIRECT,
                    0,
                    here.clone(),
                    hit(),
                ),
                (
                    "VNIC, with the host's mark",
                    9,
                    on_vlan(&here, 0),
                    REDIRECT,
                    0,
                    here.clone(),
                    hit(),
                ),
                (
                    "VNIC, with a priority",
                    0,
                    on_vlan(&here, 5),
                    REDIRECT,
                    0,
                    here.clone(),
                    hit(),
                ),
                (
                    "seen before",
                    MARK,
                    on_vlan(&here, 0),
                    UNSPEC,
                    0,
                    on_vlan(&here, 0),
                    none(),
                ),
                (
                    "seen before, everybody",
                    MARK,
                    on_vlan(&from(BROADCAST), 0),
                    UNSPEC,
                    0,
                    on_vlan(&from(BROADCAST), 0),
                    none(),
                ),
                (
                    "nobody here",
                    9,
                    on_vlan(&from(vnic(9)), 3),
                    UNSPEC,
                    9,
                    on_vlan(&from(vnic(9)), 3),
                    none(),
                ),
                (
                    "another VLAN",
                    0,
                    tagged(&here, 6, 0),
                    UNSPEC,
                    0,
                    tagged(&here, 6, 0),
                    none(),
                ),
                (
                    "everybody",
                    9,
                    on_vlan(&from(BROADCAST), 0),
                    UNSPEC,
                    9,
                    from(BROADCAST),
                    none(),
                ),
                (
                    "a group on another VLAN",
                    9,
                    tagged(&from(GROUP), 6, 3),
                    UNSPEC,
                    9,
                    tagged(&from(GROUP), 6, 3),
                    none(),
                ),
                (
                    "a provider's tag",
                    0,
                    tagged_by_provider(&here, vid),
                    UNSPEC,
                    0,
                    tagged_by_provider(&here, vid),
                    none(),
                ),
                (
                    "a provider's tag, everybody",
                    0,
                    tagged_by_provider(&from(BROADCAST), vid),
                    UNSPEC,
                    0,
                    tagged_by_provider(&from(BROADCAST), vid),
                    none(),
                ),
                (
                    "half a tag",
                    9,
                    half.clone(),
                    UNSPEC,
                    9,
                    half.clone(),
                    none(),
                ),
            ];
            for program in [Program::FromLink, Program::ToLink] {
                for (title, mark, frame, verdict, after, out, counters) in
                    cases.clone()
                {
                    let context = Context { mark, ..Context::default() };
                    let got = bench.run(program, &context, &frame);
                    let want = Outcome {
                        priority: 0,
                        verdict,
                        mark: after,
                        frame: out,
                        counters: counters.into_iter().collect(),
                    };
                    assert_eq!(got, want, "{program}, VLAN {vid}: {title}");
                }
            }
            for row in other_rows(&lo, vid) {
                bench.delete(&row);
            }
        }
    });
}

#[test]
fn a_large_frame_counts_as_what_it_will_be_cut_into() {
    in_lab(|lab| {
        let bench = Bench::new(lab);
        let bge0 = Segment::Link(link("bge0"));
        bench.put(other_rows(&bge0, 0).map(with_mtu(9000)));
        bench.put([with_mtu(9000)(vnic_row(&bge0, 0, Protection::DEFAULT))]);
        let payload = |head: &[u8]| {
            let mut payload = head.to_vec();
            payload.resize(head.len() + 3000, 0);
            payload
        };
        let ipv4 = |protocol: u8, transport: &[u8]| {
            let mut head = vec![0; 20];
            (head[0], head[9]) = (0x45, protocol);
            (EtherTypes::Ipv4, payload(&[&head, transport].concat()))
        };
        let ipv6 = |next: u8, transport: &[u8]| {
            let mut head = vec![0; 40];
            (head[0], head[6]) = (0x60, next);
            (EtherTypes::Ipv6, payload(&[&head, transport].concat()))
        };
        // A TCP header of eight words.
        let mut tcp = [0; 32];
        tcp[12] = 0x80;
        let udp = [0; 8];
        for (title, (kind, payload), segs, want_packets, want_headers) in [
            ("not large", ipv4(6, &tcp), None, 1, 0),
            ("TCP over IPv4", ipv4(6, &tcp), Some(3), 3, 14 + 20 + 32),
            ("TCP over IPv6", ipv6(6, &tcp), Some(3), 3, 14 + 40 + 32),
            ("UDP over IPv4", ipv4(17, &udp), Some(3), 3, 14 + 20 + 8),
            ("UDP over IPv6", ipv6(17, &udp), Some(3), 3, 14 + 40 + 8),
            ("not counted yet", ipv4(6, &tcp), Some(0), 3, 14 + 20 + 32),
            ("an extension header", ipv6(0, &udp), Some(3), 3, 14 + 40),
            ("no IP", (EtherTypes::Arp, payload(&[0])), Some(3), 3, 14),
        ] {
            let frame = ethernet(vnic(8), vnic(7), kind, &payload);
            let context = Context {
                gso_segs: segs.unwrap_or_default(),
                gso_size: if segs.is_some() { 1000 } else { 0 },
                ..Context::default()
            };
            let got = bench.run(Program::FromVnic, &context, &frame);
            let bytes = frame.len() as u64 + (want_packets - 1) * want_headers;
            let sent = Counters {
                opackets: want_packets,
                obytes: bytes,
                ..Counters::default()
            };
            let received = Counters {
                ipackets: want_packets,
                rbytes: bytes,
                ..Counters::default()
            };
            let want = Outcome {
                priority: 0,
                verdict: REDIRECT,
                mark: 0,
                frame,
                counters: [(SELF, sent), (OTHER, received)].into(),
            };
            assert_eq!(got, want, "{title}");
        }
        let frame = ethernet(vnic(8), REMOTE, EtherTypes::Arp, &payload(&[0]));
        let context =
            Context { gso_segs: 3, gso_size: 1000, ..Context::default() };
        let got = bench.run(Program::FromVnic, &context, &frame).counters;
        let spoof = [(DropReason::MacSpoof, 3)].into();
        let want = Counters { drops: spoof, ..Counters::default() };
        assert_eq!(got, [(SELF, want)].into(), "dropped");
    });
}

/// What counts for a VNIC passes to another when it goes, and the other starts
/// from nothing.
#[test]
fn a_new_vnic_has_counted_nothing_yet() {
    in_lab(|lab| {
        let bench = Bench::new(lab);
        let bge0 = Segment::Link(link("bge0"));
        bench.put([vnic_row(&bge0, 0, Protection::DEFAULT)]);
        bench.put(other_rows(&bge0, 0));
        let frame = frame(vnic(8), vnic(7));
        bench.run(Program::FromVnic, &Context::default(), &frame);
        assert_eq!(bench.datapath.counters(SELF).unwrap(), sent(&frame));
        assert_eq!(bench.datapath.counters(OTHER).unwrap(), received(&frame));

        let old = vnic_row(&bge0, 0, Protection::DEFAULT);
        bench.delete(&old);
        let Row::Vnic(_, row) = old else { unreachable!() };
        let new = VnicRow { id: LinkId(77), ..row };
        bench.put([Row::Vnic(link("lo"), new)]);
        assert!(bench.datapath.counters(SELF).is_err());
        let none = bench.datapath.counters(LinkId(77)).unwrap();
        assert_eq!(none, Counters::default());
        bench.just_run(Program::FromVnic, &Context::default(), &frame);
        let new = bench.datapath.counters(LinkId(77)).unwrap();
        assert_eq!(new, sent(&frame));
        // Whoever opens the tables knows whose is what.
        let again = Datapath::open(&lab.pins()).unwrap();
        assert_eq!(again.counters(LinkId(77)).unwrap(), new);
        let both = again.counters(OTHER).unwrap();
        assert_eq!(both.ipackets, 2);
    });
}

/// A large frame is as long as what it is cut into.
#[test]
fn a_large_frame_is_too_long_when_its_parts_are() {
    in_lab(|lab| {
        let bench = Bench::new(lab);
        let bge0 = Segment::Link(link("bge0"));
        bench.put([vnic_row(&bge0, 0, Protection::DEFAULT)]);
        bench.put(other_rows(&bge0, 0).map(with_mtu(1400)));
        let ipv4 = |protocol: u8, transport: &[u8]| {
            let mut packet = vec![0; 20];
            (packet[0], packet[9]) = (0x45, protocol);
            packet.extend(transport);
            packet.resize(3000, 0);
            packet
        };
        let mut tcp = [0; 20];
        tcp[12] = 0x50;
        // Parts of `size` have 40 bytes of headers, or 28.
        for (title, to, packet, size, want) in [
            ("TCP", 8, ipv4(6, &tcp), 1360, None),
            ("TCP", 8, ipv4(6, &tcp), 1361, Some(DropReason::TooLongFor)),
            ("TCP to the wire", 99, ipv4(6, &tcp), 1460, None),
            (
                "TCP to the wire",
                99,
                ipv4(6, &tcp),
                1461,
                Some(DropReason::TooLong),
            ),
            // They may be fragments, which have 20.
            ("UDP", 8, ipv4(17, &[0; 8]), 1380, None),
            ("UDP", 8, ipv4(17, &[0; 8]), 1381, Some(DropReason::TooLongFor)),
            ("parts of any length", 8, ipv4(132, &[0; 8]), 0xffff, None),
        ] {
            bench.put([Row::Segment(
                bge0.clone(),
                SegmentRow { station: None, promiscuous: false },
            )]);
            let frame = ethernet(vnic(to), vnic(7), EtherTypes::Ipv4, &packet);
            let context =
                Context { gso_segs: 3, gso_size: size, ..Context::default() };
            let got = bench.run(Program::FromVnic, &context, &frame);
            let drops: Vec<DropReason> = got
                .counters
                .values()
                .flat_map(|counters| counters.drops.keys().copied())
                .collect();
            assert_eq!(drops, Vec::from_iter(want), "{title} {size}");
        }
    });
}
