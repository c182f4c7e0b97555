//! Frames of flows, by BPF_PROG_TEST_RUN: the definition is `flows::classify`.

use std::cell::RefCell;
use std::collections::BTreeMap;

use fabric::datapath::{
    DatapathTables, FdbKey, FdbRow, FlowRows, Row, Segment, Shaped, Treatment,
    VnicRow,
};
use fabric::shaping::ClassId;
use fabric::{
    DropReason, FlowAttrs, FlowId, LinkId, Mac, Methods, Program, Protection,
};
use flows::{Direction, FlowCounters, FlowTable, classify, compile_flows};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

use crate::bench::{Bench, Context, OTHER, SELF, link};
use crate::frames::vnic;
use crate::given::frames::{any_sent, sent};
use crate::given::{direction, flows};
use crate::lab::in_lab;

// From the kernel's linux/pkt_cls.h.
const SHOT: i32 = 2;
const REDIRECT: i32 = 7;

/// `SHAPE_ROOT` of `abi.h`.
const ROOT: u32 = 0x1_0000;
/// The class of what is in no flow, in the shaper and at the host end.
const REST: u32 = 2;
/// The class of the first flow, in the shaper and at the host end.
const FIRST: [u16; 2] = [0x100, 0x200];

/// The ifindex of `lo`, where test runs take place.
const LO: u32 = 1;

/// [`SELF`] and [`OTHER`] on an etherstub.
fn two(waits: bool) -> Vec<Row> {
    let segment = Segment::Etherstub(LinkId(3));
    let mut rows = Vec::new();
    for (id, end, last) in [(SELF, "lo", 7), (OTHER, "vnic-8", 8)] {
        let class = ClassId(u16::try_from(REST).unwrap());
        let row = VnicRow {
            id,
            segment: segment.clone(),
            vid: 0,
            mac: vnic(last).into(),
            secondary: false,
            mtu: 1500,
            protection: Protection::NONE,
            allow_all_dhcp_cids: false,
            first: [].into(),
            listed: [].into(),
            methods: Methods::NONE,
            shaped: Some(Shaped { shaper: link("bge0"), class, waits }),
            blocked: false,
            flows: true,
        };
        rows.push(Row::Vnic(link(end), row));
        let (segment, mac) = (segment.clone(), vnic(last).into());
        let row = FdbRow {
            id,
            host_end: link(end),
            mtu: 1500,
            learns: false,
            class: Some(class),
            blocked: false,
            flows: true,
            steered: false,
        };
        rows.push(Row::Fdb(FdbKey { segment, vid: 0, mac }, row));
    }
    rows
}

/// Flows with numbers from 1 on, each with classes of its own.
fn classed(attrs: &[FlowAttrs]) -> FlowTable {
    let flows = (1..).zip(attrs).map(|(id, attrs)| {
        let class = |first: u16| first + u16::try_from(id).unwrap();
        let [from_vnic, to_vnic] = FIRST.map(class);
        let treatment = Treatment { from_vnic, to_vnic, blocked: false };
        (FlowId(id), *attrs, treatment)
    });
    FlowTable::new(&flows.collect::<Vec<_>>()).unwrap()
}

fn rows_of(flows: &FlowRows) -> Vec<Row> {
    let tables =
        DatapathTables { flows: flows.clone(), ..DatapathTables::default() };
    tables.rows().collect()
}

/// From [`SELF`] to [`OTHER`].
fn addressed(mut frame: Vec<u8>) -> Vec<u8> {
    frame[..6].copy_from_slice(&Mac::from(vnic(8)).octets());
    frame[6..12].copy_from_slice(&Mac::from(vnic(7)).octets());
    frame
}

/// What may happen to a frame behind its Ethernet header. A test run takes none
/// that ends within its IP header.
fn damaged(mut frame: Vec<u8>, damage: &[(Index, Option<u8>)]) -> Vec<u8> {
    let least = if frame[12..14] == [8, 0] { 34 } else { 54 };
    for (at, byte) in damage {
        match byte {
            Some(byte) => {
                let room = frame.len() - 14;
                frame[14 + at.index(room)] = *byte;
            }
            None => {
                let room = frame.len() - least;
                frame.truncate(least + at.index(room + 1));
            }
        }
    }
    frame
}

#[test]
fn the_programs_find_the_flow_that_the_definition_says() {
    in_lab(|lab| {
        let bench = Bench::new(lab);
        let mut runner = TestRunner::new(Config {
            cases: 256,
            failure_persistence: None,
            ..Config::default()
        });
        let damage = (any::<Index>(), any::<Option<u8>>());
        let frames = prop::collection::vec(
            (any_sent(), prop::collection::vec(damage, 0..2)),
            48,
        );
        let hits = RefCell::new([0_u32; 2]);
        let there: RefCell<Vec<Row>> = RefCell::default();
        let run = runner.run(
            &(flows(), direction(), frames),
            |(attrs, direction, frames)| {
                for row in there.take() {
                    bench.delete(&row);
                }
                let table = classed(&attrs);
                let out = direction == Direction::FromVnic;
                bench.put(two(out));
                let whose = if out { SELF } else { OTHER };
                let rows = rows_of(&compile_flows([(whose, &table)]));
                bench.put(rows.clone());
                there.replace(rows);
                for (sent, damage) in frames {
                    let frame = addressed(damaged(sent.bytes(), &damage));
                    let want = classify(&table, direction, &frame);
                    let context = Context::default();
                    let got = bench.run(Program::FromVnic, &context, &frame);
                    let first = FIRST[usize::from(!out)];
                    let class = want.map_or(REST, |id| u32::from(first) + id.0);
                    prop_assert_eq!(got.verdict, REDIRECT);
                    prop_assert_eq!(
                        got.priority,
                        ROOT | class,
                        "{:02x?}",
                        frame
                    );
                    hits.borrow_mut()[usize::from(want.is_some())] += 1;
                }
                Ok(())
            },
        );
        run.unwrap();
        let [missed, hit] = hits.into_inner();
        assert!(missed > 1000 && hit > 1000, "{missed} and {hit}");
    });
}

/// A title, whether the sender waits, which flow of whose is blocked; the
/// program and the mark; the verdict, what the flow counted, and why the frame
/// was dropped.
type Case = (
    &'static str,
    bool,
    LinkId,
    bool,
    Program,
    u32,
    i32,
    FlowCounters,
    Option<DropReason>,
);

#[test]
fn a_frame_of_a_flow_is_counted_where_it_passes_or_is_stopped() {
    use DropReason::{FlowBlocked, FlowBlockedFor};
    use Program::{FromShaper, FromVnic};
    let none = FlowCounters::default();
    let sent_one = FlowCounters { opackets: 1, obytes: 54, ..none };
    let got_one = FlowCounters { ipackets: 1, rbytes: 54, ..none };
    let cases: [Case; 8] = [
        ("sent", false, SELF, false, FromVnic, 0, REDIRECT, sent_one, None),
        ("on its way", true, SELF, false, FromVnic, 0, REDIRECT, none, None),
        ("waited", true, SELF, false, FromShaper, LO, REDIRECT, sent_one, None),
        (
            "blocked",
            false,
            SELF,
            true,
            FromVnic,
            0,
            SHOT,
            FlowCounters { odrops: 1, ..none },
            Some(FlowBlocked),
        ),
        (
            "blocked before it waits",
            true,
            SELF,
            true,
            FromVnic,
            0,
            SHOT,
            FlowCounters { odrops: 1, ..none },
            Some(FlowBlocked),
        ),
        ("got", false, OTHER, false, FromVnic, 0, REDIRECT, got_one, None),
        (
            "got of one who waited",
            true,
            OTHER,
            false,
            FromShaper,
            LO,
            REDIRECT,
            got_one,
            None,
        ),
        (
            "blocked on its way in",
            false,
            OTHER,
            true,
            FromVnic,
            0,
            SHOT,
            FlowCounters { idrops: 1, ..none },
            Some(FlowBlockedFor),
        ),
    ];
    in_lab(move |lab| {
        let bench = Bench::new(lab);
        let mut frame = addressed(sent("10.0.0.1", "10.0.0.9").bytes());
        frame.truncate(54);
        for (title, waits, whose, blocked, program, mark, verdict, want, why) in
            cases
        {
            bench.put(two(waits));
            let attrs: FlowAttrs = "transport=tcp".parse().unwrap();
            let treatment = Treatment { blocked, ..Treatment::default() };
            let table =
                FlowTable::new(&[(FlowId(9), attrs, treatment)]).unwrap();
            let rows = rows_of(&compile_flows([(whose, &table)]));
            bench.put(rows.clone());
            let context = Context { mark, ..Context::default() };
            let got = bench.run(program, &context, &frame);
            assert_eq!(got.verdict, verdict, "{title}");
            let counted = bench.datapath.flow_counters(FlowId(9)).unwrap();
            assert_eq!(counted, Some(want), "{title}");
            let drops: BTreeMap<LinkId, Vec<DropReason>> = got
                .counters
                .iter()
                .filter(|(_, counters)| !counters.drops.is_empty())
                .map(|(id, c)| (*id, c.drops.keys().copied().collect()))
                .collect();
            let want = why.map(|why| (whose, vec![why])).into_iter().collect();
            assert_eq!(drops, want, "{title}");
            // The rest of the VNIC's is where it was.
            assert!(
                got.priority == 0 || got.priority == ROOT | REST,
                "{title}"
            );
            for row in &rows {
                bench.delete(row);
            }
            let gone = bench.datapath.flow_counters(FlowId(9)).unwrap();
            assert_eq!(gone, None, "{title}");
        }
    });
}
