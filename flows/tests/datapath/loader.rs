//! Loading, tables, hooks: what stays, what goes, what is refused.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use fabric::datapath::{DatapathTables, FdbKey, FdbRow, LinkRef, Row, Segment};
use fabric::{
    AllowedIps, ClientIds, Ends, LinkId, Methods, Mtu, ObservedProgram,
    Priority, Program, Protection, ResolvedSpec, ResolvedVnic, SecondaryMacs,
    VlanId, Vnic, WantedRings,
};
use flows::datapath::{HANDLE, MapError, OBJECT, OpenError, PRIORITY};
use flows::{Counters, Datapath, EncodeError, LinkIndexes};
use libbpf_rs::query::ProgInfoIter;
use libbpf_rs::{
    ErrorKind, MapCore, MapFlags, MapHandle, Object, ObjectBuilder, TC_EGRESS,
    TC_INGRESS, TcAttachPoint, TcHook,
};

use crate::frames::{STATION, vnic};
use crate::lab::{in_lab, index_of, ip, tc};

fn ips(texts: &[&str]) -> AllowedIps {
    let ips = texts.iter().map(|text| text.parse().unwrap());
    AllowedIps::try_from(ips.collect::<Vec<_>>()).unwrap()
}

fn client_ids(texts: &[&str]) -> ClientIds {
    let ids = texts.iter().map(|text| text.parse().unwrap());
    ClientIds::try_from(ids.collect::<Vec<_>>()).unwrap()
}

/// Two VNICs on a physical link, one of them on a VLAN, and two on an
/// etherstub.
pub(crate) fn resolved() -> ResolvedSpec {
    let bge0 = || Segment::Link(LinkRef::Name("bge0".parse().unwrap()));
    let stub = || Segment::Etherstub(LinkId(3));
    let vnics =
        [(7, bge0(), 0), (8, bge0(), 5), (9, stub(), 0), (10, stub(), 0)];
    let vnics = vnics.map(|(id, segment, vid)| ResolvedVnic {
        id: LinkId(id.into()),
        name: "net0".parse().unwrap(),
        zone: None,
        over: "bge0".parse().unwrap(),
        station: matches!(segment, Segment::Link(_)).then(|| STATION.into()),
        segment,
        mac: vnic(id).into(),
        vid: VlanId::new(vid).ok(),
        mtu: Mtu::ETHERNET,
        maxbw: None,
        minbw: None,
        priority: Priority::OF_VNICS,
        rings: WantedRings::default(),
        flows: Vec::new(),
        protection: Protection::DEFAULT,
        allowed_ips: ips(&["192.168.1.7", "2001:db8::/64"]),
        allowed_dhcp_cids: client_ids(&["web", "0x0102"]),
        allow_all_dhcp_cids: id == 7,
        secondary_macs: SecondaryMacs::default(),
        promiscuous: false,
        methods: Methods::NONE,
        learned: BTreeSet::new(),
        ends: Ends::Pair,
    });
    ResolvedSpec {
        vnics: vnics.into_iter().map(|vnic| (vnic.id, vnic)).collect(),
        ..ResolvedSpec::default()
    }
}

/// Numbers for the links of [`resolved()`]; tables don't mind that there are
/// no such links.
pub(crate) fn links() -> LinkIndexes {
    let mut links = LinkIndexes::default();
    links.insert("bge0".parse().unwrap(), 1000);
    links.insert(Vnic::host_end(LinkId(7)), 1007);
    for id in 8..=10 {
        links.insert_crossing(Vnic::host_end(LinkId(id)), 1000 + id);
    }
    links
}

pub(crate) fn put_all(datapath: &Datapath, tables: &DatapathTables) {
    for row in tables.rows() {
        datapath.put(&row, &links()).unwrap();
    }
}

pub(crate) fn pins(path: &Path) -> Vec<String> {
    let entries = fs::read_dir(path).unwrap();
    let mut names: Vec<String> = entries
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

#[test]
fn rows_are_read_as_they_were_written() {
    in_lab(|lab| {
        let datapath = Datapath::open(&lab.pins()).unwrap();
        let none = DatapathTables::default();
        assert_eq!(datapath.observe(&links()).unwrap(), none);
        let tables = flows::compile(&resolved());
        put_all(&datapath, &tables);
        assert_eq!(datapath.observe(&links()).unwrap(), tables);
        // Once more is no error and no change.
        put_all(&datapath, &tables);
        assert_eq!(datapath.observe(&links()).unwrap(), tables);
        let zero = Counters::default();
        assert_eq!(datapath.counters(LinkId(7)).unwrap(), zero);

        let rows: Vec<Row> = tables.rows().collect();
        for row in rows.iter().rev() {
            datapath.delete(row, &links()).unwrap();
            datapath.delete(row, &links()).unwrap();
        }
        assert_eq!(datapath.observe(&links()).unwrap(), none);
        let gone = datapath.counters(LinkId(7)).unwrap_err();
        assert!(matches!(gone, MapError::NoCounters { .. }), "{gone}");
    });
}

#[test]
fn counters_without_a_row_go_when_the_tables_are_opened() {
    in_lab(|lab| {
        let datapath = Datapath::open(&lab.pins()).unwrap();
        let tables = flows::compile(&resolved());
        put_all(&datapath, &tables);
        let keys = |table: &str| -> BTreeSet<Vec<u8>> {
            let pin = lab.maps().join(table);
            MapHandle::from_pinned_path(pin).unwrap().keys().collect()
        };
        let tables = ["drops", "flow_traffic"];
        let before = tables.map(keys);
        assert_eq!(before[0].len(), 4, "{before:?}");
        // As who died between the counters and the row left them.
        for table in tables {
            let map = MapHandle::from_pinned_path(lab.maps().join(table));
            let map = map.unwrap();
            let cpus = libbpf_rs::num_possible_cpus().unwrap();
            let length = usize::try_from(map.value_size()).unwrap();
            let zero = vec![vec![0; length]; cpus];
            let key = 4711_u32.to_ne_bytes();
            map.update_percpu(&key, &zero, MapFlags::ANY).unwrap();
        }
        assert_ne!(tables.map(keys), before);
        drop(datapath);
        let datapath = Datapath::open(&lab.pins()).unwrap();
        assert_eq!(tables.map(keys), before);
        let zero = Counters::default();
        assert_eq!(datapath.counters(LinkId(7)).unwrap(), zero);
    });
}

#[test]
fn rows_of_links_that_are_gone_can_be_deleted() {
    in_lab(|lab| {
        let datapath = Datapath::open(&lab.pins()).unwrap();
        let tables = flows::compile(&resolved());
        put_all(&datapath, &tables);
        let nothing = LinkIndexes::default();
        let orphans = datapath.observe(&nothing).unwrap();
        let key = LinkRef::Gone(1007);
        assert_eq!(orphans.vnics[&key].id, LinkId(7), "{orphans:?}");
        for row in orphans.rows() {
            datapath.delete(&row, &nothing).unwrap();
        }
        let left = datapath.observe(&links()).unwrap();
        assert_eq!(left, DatapathTables::default());
    });
}

#[test]
fn a_row_for_a_link_that_is_not_there_is_refused() {
    in_lab(|lab| {
        let datapath = Datapath::open(&lab.pins()).unwrap();
        let name: fabric::LinkName = "bge9".parse().unwrap();
        let segment = Segment::Link(LinkRef::Name(name.clone()));
        let key = FdbKey { segment, vid: 0, mac: vnic(7).into() };
        let host_end = LinkRef::Name(Vnic::host_end(LinkId(7)));
        let row = Row::Fdb(
            key,
            FdbRow {
                id: LinkId(7),
                host_end,
                mtu: 1500,
                learns: false,
                class: None,
                blocked: false,
                flows: false,
                steered: false,
            },
        );
        for error in [
            datapath.put(&row, &links()).unwrap_err(),
            datapath.delete(&row, &links()).unwrap_err(),
        ] {
            let MapError::Encode { source, .. } = error else {
                panic!("{error}");
            };
            assert_eq!(source, EncodeError::NoSuchLink(name.clone()));
        }
    });
}

#[test]
fn whoever_comes_back_finds_what_it_left() {
    in_lab(|lab| {
        ip("link add bge0 type veth peer name wire0");
        let bge0 = index_of("bge0");
        let tables = flows::compile(&resolved());
        {
            let first = Datapath::open(&lab.pins()).unwrap();
            put_all(&first, &tables);
            first.attach(Program::FromLink, bge0, false).unwrap();
        }
        let second = Datapath::open(&lab.pins()).unwrap();
        assert_eq!(second.observe(&links()).unwrap(), tables);
        assert_eq!(second.counters(LinkId(9)).unwrap(), Counters::default());
        let hook = second.hook(Program::FromLink, bge0).unwrap();
        assert_eq!(hook, Some(ObservedProgram::Current));
        let names = [
            "allowed4",
            "allowed6",
            "client_ids",
            "drops",
            "fdb",
            "flood",
            "flow_masks",
            "flow_traffic",
            "flows",
            "learned_addresses",
            "scratch",
            "segments",
            "shown_ring",
            "telling_place",
            "told_ring",
            "traffic",
            "vnics",
        ];
        assert_eq!(pins(&lab.pins()), ["maps"]);
        assert_eq!(pins(&lab.maps()), names);

        // Another directory is another data plane.
        let third = Datapath::open(&lab.other_pins()).unwrap();
        let none = DatapathTables::default();
        assert_eq!(third.observe(&links()).unwrap(), none);
        let hook = third.hook(Program::FromLink, bge0).unwrap();
        assert_eq!(hook, Some(ObservedProgram::Outdated));
        third.attach(Program::FromLink, bge0, true).unwrap();
        let hook = third.hook(Program::FromLink, bge0).unwrap();
        assert_eq!(hook, Some(ObservedProgram::Current));
        let hook = second.hook(Program::FromLink, bge0).unwrap();
        assert_eq!(hook, Some(ObservedProgram::Outdated));
    });
}

#[test]
fn a_pin_that_is_no_map_is_refused_and_kept() {
    in_lab(|lab| {
        fs::create_dir_all(lab.maps()).unwrap();
        let object = own_object();
        let mut programs = object.progs_mut();
        programs.next().unwrap().pin(lab.maps().join("vnics")).unwrap();
        let error = Datapath::open(&lab.pins()).unwrap_err();
        let OpenError::Pin { path, .. } = &error else { panic!("{error}") };
        assert_eq!(*path, lab.maps().join("vnics"));
        assert_eq!(pins(&lab.pins()), ["maps"]);
        assert_eq!(pins(&lab.maps()), ["vnics"]);
    });
}

#[test]
fn pins_need_a_bpf_file_system() {
    in_lab(|_| {
        let place = tempfile::tempdir().unwrap();
        let dir = place.path().join("netd");
        let error = Datapath::open(&dir).unwrap_err();
        assert!(matches!(error, OpenError::NotBpffs { .. }), "{error}");
        assert!(!dir.exists(), "{error}");
    });
}

/// The programs once more, on maps that are nobody else's.
fn own_object() -> Object {
    ObjectBuilder::default().open_memory(OBJECT).unwrap().load().unwrap()
}

/// The filter at one place of a link, which need not be ours.
fn place(
    object: &Object,
    program: Program,
    ifindex: u32,
    direction: TcAttachPoint,
    (priority, handle): (u32, u32),
) -> TcHook {
    let name = program.to_string();
    let mut programs = object.progs();
    let found = programs.find(|found| found.name() == OsStr::new(&name));
    let mut hook = TcHook::new(found.unwrap().as_fd());
    hook.ifindex(ifindex.try_into().unwrap())
        .attach_point(direction)
        .priority(priority)
        .handle(handle);
    hook
}

#[test]
fn a_hook_from_empty_to_empty() {
    in_lab(|lab| {
        ip("link add bge0 type veth peer name wire0");
        let bge0 = index_of("bge0");
        let datapath = Datapath::open(&lab.pins()).unwrap();
        for program in Program::ALL {
            assert_eq!(datapath.hook(program, bge0).unwrap(), None);
            datapath.detach(program, bge0).unwrap();
        }
        assert!(!tc("qdisc show dev bge0").contains("clsact"));

        datapath.attach(Program::FromLink, bge0, false).unwrap();
        let current = Some(ObservedProgram::Current);
        assert_eq!(datapath.hook(Program::FromLink, bge0).unwrap(), current);
        assert_eq!(datapath.hook(Program::ToLink, bge0).unwrap(), None);
        let filters = tc("filter show dev bge0 ingress");
        for word in ["pref 4096", "handle 0xa4ba", "from_link", "direct-action"]
        {
            assert!(filters.contains(word), "{word}: {filters}");
        }

        // A second one is refused and changes nothing, unless it replaces.
        let error = datapath.attach(Program::FromLink, bge0, false);
        let error = error.unwrap_err();
        assert_eq!(error.source.kind(), ErrorKind::AlreadyExists, "{error:?}");
        assert_eq!(tc("filter show dev bge0 ingress"), filters);
        datapath.attach(Program::FromLink, bge0, true).unwrap();
        assert_eq!(tc("filter show dev bge0 ingress"), filters);
        // To replace nothing is to attach.
        datapath.attach(Program::ToLink, bge0, true).unwrap();
        assert_eq!(datapath.hook(Program::ToLink, bge0).unwrap(), current);

        datapath.detach(Program::FromLink, bge0).unwrap();
        assert_eq!(datapath.hook(Program::FromLink, bge0).unwrap(), None);
        assert_eq!(datapath.hook(Program::ToLink, bge0).unwrap(), current);
        datapath.detach(Program::ToLink, bge0).unwrap();
        assert_eq!(datapath.hook(Program::ToLink, bge0).unwrap(), None);
        // The qdisc stays: to delete it would cost the host frames.
        assert!(tc("qdisc show dev bge0").contains("clsact"));
        for direction in ["ingress", "egress"] {
            assert_eq!(tc(&format!("filter show dev bge0 {direction}")), "");
        }

        let error = datapath.attach(Program::FromLink, 9999, false);
        let text = format!("{:?}", error.unwrap_err());
        assert!(text.contains("No such device"), "{text}");
        assert!(datapath.hook(Program::FromLink, 9999).is_err());
    });
}

#[test]
fn what_is_at_our_place_and_not_ours_is_outdated() {
    in_lab(|lab| {
        ip("link add bge0 type veth peer name wire0");
        let bge0 = index_of("bge0");
        let datapath = Datapath::open(&lab.pins()).unwrap();
        let object = own_object();
        let hook = || datapath.hook(Program::FromLink, bge0).unwrap();
        // The program on other maps; and another program on our maps, which
        // the other hook's is.
        let at = |program| {
            let ours = (PRIORITY, HANDLE);
            place(&object, program, bge0, TC_INGRESS, ours)
        };
        let mut other_maps = at(Program::FromLink);
        other_maps.create().unwrap();
        other_maps.attach().unwrap();
        assert_eq!(hook(), Some(ObservedProgram::Outdated));
        datapath.attach(Program::FromLink, bge0, true).unwrap();
        assert_eq!(hook(), Some(ObservedProgram::Current));
        datapath.attach(Program::FromVnic, bge0, true).unwrap();
        assert_eq!(hook(), Some(ObservedProgram::Outdated));
        let mut other_program = at(Program::ToLink);
        other_program.replace(true).attach().unwrap();
        assert_eq!(hook(), Some(ObservedProgram::Outdated));
        datapath.detach(Program::FromLink, bge0).unwrap();
        assert_eq!(hook(), None);
    });
}

#[test]
fn filters_of_others_stay() {
    in_lab(|lab| {
        ip("link add bge0 type veth peer name wire0");
        let bge0 = index_of("bge0");
        let datapath = Datapath::open(&lab.pins()).unwrap();
        let object = own_object();
        for (title, direction, place_of_theirs) in [
            ("our priority", TC_INGRESS, (PRIORITY, HANDLE + 1)),
            ("our handle", TC_INGRESS, (PRIORITY + 1, HANDLE)),
            ("the other direction", TC_EGRESS, (PRIORITY, HANDLE)),
        ] {
            let mut theirs = place(
                &object,
                Program::ToLink,
                bge0,
                direction,
                place_of_theirs,
            );
            theirs.create().unwrap();
            theirs.attach().unwrap();
            let id = theirs.query().unwrap();
            let hook = || datapath.hook(Program::FromLink, bge0).unwrap();
            assert_eq!(hook(), None, "{title}");
            datapath.attach(Program::FromLink, bge0, false).unwrap();
            assert_eq!(hook(), Some(ObservedProgram::Current), "{title}");
            datapath.attach(Program::FromLink, bge0, true).unwrap();
            assert_eq!(theirs.query().unwrap(), id, "{title}");
            datapath.detach(Program::FromLink, bge0).unwrap();
            assert_eq!(hook(), None, "{title}");
            assert_eq!(theirs.query().unwrap(), id, "{title}");
            tc("qdisc del dev bge0 clsact");
        }
    });
}

#[test]
fn a_priority_that_is_taken_is_left_to_its_owner() {
    in_lab(|lab| {
        ip("link add bge0 type veth peer name wire0");
        let bge0 = index_of("bge0");
        let datapath = Datapath::open(&lab.pins()).unwrap();
        tc("qdisc add dev bge0 clsact");
        tc(
            "filter add dev bge0 ingress prio 4096 protocol all u32 match u32 0 0",
        );
        let before = tc("filter show dev bge0 ingress");
        for replace in [false, true] {
            let error = datapath.attach(Program::FromLink, bge0, replace);
            let text = format!("{:?}", error.unwrap_err());
            assert!(text.contains("kind"), "the kernel's words: {text}");
            assert_eq!(datapath.hook(Program::FromLink, bge0).unwrap(), None);
            datapath.detach(Program::FromLink, bge0).unwrap();
            assert_eq!(tc("filter show dev bge0 ingress"), before);
        }
    });
}

/// The work that the verifier has with each program, and so the time that
/// loading takes. docs/datapath.md has the numbers.
#[test]
fn the_verifier_is_done_soon() {
    in_lab(|_| {
        let object = own_object();
        let steps = Program::ALL.map(|program| {
            let name = program.to_string();
            let mut programs = object.progs();
            let found = programs.find(|found| found.name() == name.as_str());
            let id = libbpf_rs::Program::id_from_fd(found.unwrap().as_fd());
            let id = id.unwrap();
            let info = ProgInfoIter::default().find(|info| info.id == id);
            (program, info.unwrap().verified_insns)
        });
        // Linux 6.1 takes up to five times as many for some as 6.18.
        let soon = |(_, steps): &(_, u32)| (1..=30_000).contains(steps);
        assert!(steps.iter().all(soon), "{steps:?}");
    });
}
