//! Frames that wait, and frames that never pass, by BPF_PROG_TEST_RUN.

use std::collections::BTreeMap;

use fabric::datapath::{
    FdbKey, FdbRow, FloodKey, FloodList, FloodRow, Row, Segment, Shaped,
    VnicRow,
};
use fabric::shaping::ClassId;
use fabric::{DropReason, LinkId, Methods, Program, Protection};
use flows::Counters;

use crate::bench::{Bench, Context, NONE, OTHER, Outcome, SELF, link};
use crate::frames::{BROADCAST, REMOTE, frame, vnic};
use crate::lab::in_lab;

// From the kernel's linux/pkt_cls.h.
const SHOT: i32 = 2;
const STOLEN: i32 = 4;
const REDIRECT: i32 = 7;

/// The ifindex of `lo`, where test runs take place.
const LO: u32 = 1;

/// Two VNICs of an etherstub: [`SELF`] behind `lo`, and [`OTHER`].
#[derive(Clone, Copy, Default)]
struct Two {
    /// Whether what each sends waits.
    waits: [bool; 2],
    /// Whether what each gets waits.
    gets_later: [bool; 2],
    /// Whether nothing of each passes.
    blocked: [bool; 2],
}

impl Two {
    fn rows(self) -> Vec<Row> {
        let segment = Segment::Etherstub(LinkId(3));
        let place = |id| {
            let (segment, list) = (segment.clone(), FloodList::All);
            FloodKey { segment, vid: 0, list, id }
        };
        let mut rows = Vec::new();
        for (at, (id, end, last, next)) in
            [(SELF, "lo", 7, OTHER), (OTHER, "vnic-8", 8, NONE)]
                .into_iter()
                .enumerate()
        {
            let class = ClassId(0x105 + u16::from(last));
            let row = VnicRow {
                id,
                segment: segment.clone(),
                vid: 0,
                mac: vnic(last).into(),
                secondary: false,
                mtu: 1500,
                protection: Protection::DEFAULT,
                allow_all_dhcp_cids: false,
                first: [].into(),
                listed: [].into(),
                methods: Methods::NONE,
                shaped: Some(Shaped {
                    // As good as any: a test run makes no redirect.
                    shaper: link("bge0"),
                    class,
                    waits: self.waits[at],
                }),
                blocked: self.blocked[at],
                flows: false,
            };
            rows.push(Row::Vnic(link(end), row));
            let mac = vnic(last).into();
            let key = FdbKey { segment: segment.clone(), vid: 0, mac };
            let row = FdbRow {
                id,
                host_end: link(end),
                mtu: 1500,
                learns: false,
                class: self.gets_later[at].then_some(ClassId(2)),
                blocked: self.blocked[at],
                flows: false,
                steered: false,
            };
            rows.push(Row::Fdb(key, row));
            let row = FloodRow {
                host_end: Some(link(end)),
                next,
                mtu: 1500,
                blocked: self.blocked[at],
            };
            rows.push(Row::Flood(place(id), row));
        }
        let head =
            FloodRow { host_end: None, next: SELF, mtu: 0, blocked: false };
        rows.push(Row::Flood(place(NONE), head));
        rows
    }
}

fn counted(
    counters: &[(LinkId, u64, u64, Option<DropReason>)],
) -> BTreeMap<LinkId, Counters> {
    let counters = counters.iter().map(|(id, got, sent, drop)| {
        let counters = Counters {
            ipackets: *got,
            rbytes: got * 60,
            opackets: *sent,
            obytes: sent * 60,
            drops: drop.iter().map(|reason| (*reason, 1)).collect(),
        };
        (*id, counters)
    });
    counters.collect()
}

#[test]
fn a_frame_waits_where_its_rows_say_and_is_counted_when_it_has_waited() {
    use DropReason::{Blocked, BlockedFor, MacSpoof};
    let nothing = Two::default();
    let waits = Two { waits: [true, false], ..nothing };
    let waited = Two { waits: [false, true], ..nothing };
    let later = Two { gets_later: [false, true], ..nothing };
    let both = Two { waits: [true, false], ..later };
    let mute = Two { blocked: [true, false], ..both };
    let deaf = Two { blocked: [false, true], ..nothing };
    let (near, far) = (Program::FromVnic, Program::FromShaper);
    let unicast = (vnic(8), vnic(7));
    let forged = (vnic(8), REMOTE);
    let to_all = (BROADCAST, vnic(7));
    let sent = |id| (id, 0, 1, None);
    let got = |id| (id, 1, 0, None);
    let dropped = |id, reason| (id, 0, 0, Some(reason));
    // A title, the VNICs, a program, a mark and a frame before; a verdict, a
    // mark, a priority and what was counted after.
    for (title, two, program, mark, macs, verdict, after, priority, counters) in [
        (
            "nobody waits",
            nothing,
            near,
            0,
            unicast,
            REDIRECT,
            0,
            0,
            vec![sent(SELF), got(OTHER)],
        ),
        (
            "the sender waits",
            waits,
            near,
            0,
            unicast,
            REDIRECT,
            LO,
            0x1_010c,
            vec![],
        ),
        (
            "a guest's own mark and class are nothing",
            waits,
            near,
            8,
            unicast,
            REDIRECT,
            LO,
            0x1_010c,
            vec![],
        ),
        (
            "the sender waits no more",
            waited,
            near,
            0,
            unicast,
            REDIRECT,
            0,
            0,
            vec![sent(SELF), got(OTHER)],
        ),
        (
            "the sender waits with what is for all",
            waits,
            near,
            0,
            to_all,
            REDIRECT,
            LO,
            0x1_010c,
            vec![],
        ),
        (
            "what is forged does not wait",
            waits,
            near,
            0,
            forged,
            SHOT,
            0,
            0,
            vec![dropped(SELF, MacSpoof)],
        ),
        (
            "the sender has waited",
            waits,
            far,
            LO,
            unicast,
            REDIRECT,
            0,
            0,
            vec![sent(SELF), got(OTHER)],
        ),
        (
            "the sender has waited, the receiver waits",
            both,
            far,
            LO,
            unicast,
            REDIRECT,
            0,
            0x1_0002,
            vec![sent(SELF), got(OTHER)],
        ),
        (
            "the receiver waits",
            later,
            near,
            0,
            unicast,
            REDIRECT,
            0,
            0x1_0002,
            vec![sent(SELF), got(OTHER)],
        ),
        (
            "the host speaks into the shaper",
            waits,
            far,
            0,
            unicast,
            SHOT,
            0,
            0,
            vec![],
        ),
        (
            "a VNIC that has gone while its frame waited",
            waits,
            far,
            99,
            unicast,
            SHOT,
            99,
            0,
            vec![],
        ),
        (
            "the sender is blocked",
            mute,
            near,
            0,
            unicast,
            SHOT,
            0,
            0,
            vec![dropped(SELF, Blocked)],
        ),
        (
            "the receiver is blocked",
            deaf,
            near,
            0,
            unicast,
            SHOT,
            0,
            0,
            vec![(SELF, 0, 1, None), dropped(OTHER, BlockedFor)],
        ),
        (
            "one of all is blocked",
            deaf,
            near,
            0,
            to_all,
            STOLEN,
            0,
            0,
            vec![(SELF, 0, 1, None), dropped(OTHER, BlockedFor)],
        ),
    ] {
        in_lab(move |lab| {
            let bench = Bench::new(lab);
            bench.put(two.rows());
            let context = Context { mark, ..Context::default() };
            let frame = frame(macs.0, macs.1);
            let got = bench.run(program, &context, &frame);
            let want = Outcome {
                verdict,
                mark: after,
                priority,
                frame,
                counters: counted(&counters),
            };
            assert_eq!(got, want, "{title}");
        });
    }
}
