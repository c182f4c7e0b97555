//! The program in the kernel, and the clock that the kernel runs it by.

use std::path::Path;

use fabric::datapath::DatapathTables;
use fabric::{Program, Vnic};
use flows::{Datapath, LinkIndexes};
use libbpf_rs::{Object, ObjectBuilder, ProgramInput};

use super::guests::{Guest, OTHER, SELF};

/// `TC_ACT_REDIRECT` of linux/pkt_cls.h: what becomes of every frame here.
const REDIRECT: u32 = 7;

/// The loopback device's number in every namespace: the kernel runs a program
/// for a test there, which makes it the guest's host end.
const LOOPBACK: u32 = 1;

/// The tables as the loader has them, and on the same tables an object whose
/// programs can be run.
pub(super) struct Runner {
    datapath: Datapath,
    object: Object,
    links: LinkIndexes,
    tables: DatapathTables,
}

impl Runner {
    /// Loads the programs.
    pub(super) fn new(pins: &Path) -> Self {
        let datapath = Datapath::open(pins).expect("root may load programs");
        let mut object = ObjectBuilder::default()
            .open_memory(flows::datapath::OBJECT)
            .expect("it is what the loader has just opened");
        for mut map in object.maps_mut() {
            let name = map.name().to_string_lossy();
            let pin = flows::datapath::pin_of(pins, &name);
            map.reuse_pinned_map(pin).expect("the loader has pinned it");
        }
        let object = object.load().expect("the loader has just loaded it");
        let mut links = LinkIndexes::default();
        links.insert(Vnic::host_end(SELF), LOOPBACK);
        // No device is needed where no redirect is made.
        links.insert_crossing(Vnic::host_end(OTHER), 1000);
        Self { datapath, object, links, tables: DatapathTables::default() }
    }

    /// Writes the tables of a guest in place of the last one's.
    pub(super) fn dress(&mut self, guest: &Guest) {
        let rows: Vec<_> = self.tables.rows().collect();
        for row in rows.iter().rev() {
            self.datapath.delete(row, &self.links).expect("it was put there");
        }
        self.tables = guest.tables();
        for row in self.tables.rows() {
            self.datapath.put(&row, &self.links).expect("there is room");
        }
    }

    /// What a run on a frame takes, on the average of `runs`.
    pub(super) fn nanoseconds(&self, frame: &[u8], runs: u32) -> u64 {
        let name = Program::FromVnic.to_string();
        let found =
            self.object.progs_mut().find(|found| found.name() == name.as_str());
        let output = found
            .expect("the object has every program")
            .test_run(ProgramInput {
                data_in: Some(frame),
                repeat: runs,
                ..ProgramInput::default()
            })
            .expect("the kernel runs programs on whole frames");
        // Another way through the program would be another number.
        assert_eq!(output.return_value, REDIRECT, "{frame:02x?}");
        u64::try_from(output.duration.as_nanos()).expect("not that long")
    }
}
