//! The programs on single frames, by BPF_PROG_TEST_RUN.

use std::collections::BTreeMap;

use fabric::datapath::{LinkRef, Row};
use fabric::{LinkId, LinkName, Program};
use flows::{Counters, Datapath, LinkIndexes};
use libbpf_rs::{Object, ObjectBuilder, ProgramInput};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::lab::Lab;

/// The head of a list, and its end.
pub(crate) const NONE: LinkId = LinkId(0);
/// The VNIC whose host end, or on whose link, the program runs.
pub(crate) const SELF: LinkId = LinkId(7);
/// Another one of its segment and VLAN.
pub(crate) const OTHER: LinkId = LinkId(8);

/// `struct __sk_buff` of linux/bpf.h.
#[derive(
    Clone, Debug, Default, FromBytes, IntoBytes, Immutable, KnownLayout,
)]
#[repr(C)]
pub(crate) struct Context {
    pub(crate) len: u32,
    pub(crate) pkt_type: u32,
    pub(crate) mark: u32,
    pub(crate) unused_1: [u32; 5],
    pub(crate) priority: u32,
    pub(crate) unused_3: u32,
    pub(crate) ifindex: u32,
    pub(crate) unused_2: [u32; 27],
    pub(crate) tstamp: u64,
    pub(crate) wire_len: u32,
    pub(crate) gso_segs: u32,
    pub(crate) sk: u64,
    pub(crate) gso_size: u32,
    pub(crate) tstamp_type: u32,
    pub(crate) hwtstamp: u64,
}

const _: () = assert!(size_of::<Context>() == 192);
const _: () = assert!(std::mem::offset_of!(Context, gso_size) == 176);

/// The programs twice: as the loader has them, and as an object that can be
/// run, on the same tables.
pub(crate) struct Bench {
    pub(crate) datapath: Datapath,
    pub(crate) object: Object,
    pub(crate) links: LinkIndexes,
}

/// What a run changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Outcome {
    pub(crate) verdict: i32,
    pub(crate) mark: u32,
    pub(crate) priority: u32,
    pub(crate) frame: Vec<u8>,
    pub(crate) counters: BTreeMap<LinkId, Counters>,
}

impl Bench {
    pub(crate) fn new(lab: &Lab) -> Self {
        let datapath = Datapath::open(&lab.pins()).unwrap();
        let mut object = ObjectBuilder::default()
            .open_memory(flows::datapath::OBJECT)
            .unwrap();
        for mut map in object.maps_mut() {
            let name = map.name().to_string_lossy();
            let pin = flows::datapath::pin_of(&lab.pins(), &name);
            map.reuse_pinned_map(pin).unwrap();
        }
        let object = object.load().unwrap();
        // Devices that are not there are as good as any: a test run makes no
        // redirect.
        let named = |(name, ifindex): (&str, u32)| -> (LinkName, u32) {
            (name.parse().unwrap(), ifindex)
        };
        let links = [("lo", 1), ("bge0", 1000), ("vnic-8", 1008)];
        let links = links.map(named).into_iter().collect();
        Self { datapath, object, links }
    }

    pub(crate) fn put(&self, rows: impl IntoIterator<Item = Row>) {
        for row in rows {
            self.datapath.put(&row, &self.links).unwrap();
        }
    }

    pub(crate) fn delete(&self, row: &Row) {
        self.datapath.delete(row, &self.links).unwrap();
    }

    fn all_counters(&self) -> BTreeMap<LinkId, Counters> {
        [SELF, OTHER]
            .into_iter()
            .filter_map(|id| Some((id, self.datapath.counters(id).ok()?)))
            .collect()
    }

    /// Runs a program on a frame, whatever comes of it.
    pub(crate) fn just_run(
        &self,
        program: Program,
        context: &Context,
        frame: &[u8],
    ) {
        let name = program.to_string();
        let mut programs = self.object.progs_mut();
        let found = programs.find(|found| found.name() == name.as_str());
        let mut context_in = context.as_bytes().to_vec();
        found
            .unwrap()
            .test_run(ProgramInput {
                context_in: Some(&mut context_in),
                data_in: Some(frame),
                ..ProgramInput::default()
            })
            .unwrap();
    }

    /// Runs a program on a frame.
    pub(crate) fn run(
        &self,
        program: Program,
        context: &Context,
        frame: &[u8],
    ) -> Outcome {
        let before = self.all_counters();
        let name = program.to_string();
        let mut programs = self.object.progs_mut();
        let found = programs.find(|found| found.name() == name.as_str());
        let mut context_in = context.as_bytes().to_vec();
        let mut context_out = vec![0; size_of::<Context>()];
        let mut data_out = vec![0; frame.len() + 64];
        let output = found
            .unwrap()
            .test_run(ProgramInput {
                context_in: Some(&mut context_in),
                context_out: Some(&mut context_out),
                data_in: Some(frame),
                data_out: Some(&mut data_out),
                ..ProgramInput::default()
            })
            .unwrap();
        let verdict = output.return_value.cast_signed();
        let frame = output.data.unwrap().to_vec();
        let context = Context::read_from_bytes(&context_out).unwrap();
        let Context { mark, priority, .. } = context;
        let mut counters = self.all_counters();
        counters.retain(|id, now| {
            *now = difference(&before[id], now);
            *now != Counters::default()
        });
        Outcome { verdict, mark, priority, frame, counters }
    }
}

fn difference(before: &Counters, after: &Counters) -> Counters {
    let mut drops = after.drops.clone();
    for (reason, packets) in &mut drops {
        *packets -= before.drops.get(reason).copied().unwrap_or_default();
    }
    drops.retain(|_, packets| *packets != 0);
    Counters {
        ipackets: after.ipackets - before.ipackets,
        rbytes: after.rbytes - before.rbytes,
        opackets: after.opackets - before.opackets,
        obytes: after.obytes - before.obytes,
        drops,
    }
}

pub(crate) fn link(name: &str) -> LinkRef {
    LinkRef::Name(name.parse().unwrap())
}
