//! Another version comes, and another one still, and some of them die on the
//! way: whoever comes next finds its way.

use std::fs;
use std::os::fd::AsFd;
use std::path::Path;

use fabric::datapath::DatapathTables;
use fabric::{DropReason, LinkId, ObservedProgram, Program};
use flows::Datapath;
use flows::datapath::{OBJECT, Outcome, pin_of};
use libbpf_rs::{
    MapCore, MapFlags, MapHandle, MapInfo, MapType, ObjectBuilder, libbpf_sys,
};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};

use crate::lab::{Lab, in_lab, index_of, ip};
use crate::loader::{links, pins, put_all, resolved};

/// Which version of netd.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Version {
    Ours,
    Another,
}

/// How far a version gets before it dies.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Point {
    /// Its tables are there, and empty.
    Opened,
    /// A table is full, the others are empty.
    OneTable,
    /// All rows are written.
    Rows,
    /// A hook has its program.
    OneHook,
    /// All hooks have.
    Hooks,
    /// Its tables are in the place of the others, which are not yet removed.
    Exchanged,
    /// Some of the others are removed.
    HalfRemoved,
    /// Nothing is left of the others.
    Finished,
}

impl Point {
    const ALL: [Self; 8] = [
        Self::Opened,
        Self::OneTable,
        Self::Rows,
        Self::OneHook,
        Self::Hooks,
        Self::Exchanged,
        Self::HalfRemoved,
        Self::Finished,
    ];
}

/// The VNIC whose row is written first, so that it has slot 1: rows are in the
/// order of names.
const FIRST: LinkId = LinkId(10);

/// Where a program is, on the two links of [`scene()`].
fn hooks() -> [(Program, u32); 3] {
    let (bge0, host_end) = (index_of("bge0"), index_of("wire0"));
    [
        (Program::FromLink, bge0),
        (Program::ToLink, bge0),
        (Program::FromVnic, host_end),
    ]
}

/// Tables full of rows, in a directory of their own.
fn model(lab: &Lab) -> (Datapath, DatapathTables) {
    let model = Datapath::open(&lab.other_pins()).unwrap();
    let tables = flows::compile(&resolved());
    put_all(&model, &tables);
    (model, tables)
}

/// A version comes and gets as far as `point`.
fn come(lab: &Lab, model: &Datapath, version: Version, point: Point) {
    let dir = lab.pins();
    let mut datapath = match version {
        Version::Ours => Datapath::open(&dir).unwrap(),
        Version::Another => Datapath::open_another(&dir).unwrap(),
    };
    let moves = datapath.is_moving();
    assert_eq!(moves, !datapath.changes().is_empty());
    let tables = flows::compile(&resolved());
    if point == Point::OneTable && version == Version::Ours {
        let rows = tables.rows();
        let rows =
            rows.filter(|row| matches!(row, fabric::datapath::Row::Vnic(..)));
        rows.for_each(|row| datapath.put(&row, &links()).unwrap());
    }
    if point >= Point::Rows {
        match version {
            Version::Ours => put_all(&datapath, &tables),
            Version::Another => datapath.copy_rows(model).unwrap(),
        }
    }
    let replaced = match point {
        Point::OneHook => 1,
        point if point > Point::OneHook => 3,
        _ => 0,
    };
    for (program, ifindex) in hooks().into_iter().take(replaced) {
        datapath.attach(program, ifindex, true).unwrap();
    }
    match point {
        Point::Exchanged | Point::HalfRemoved if moves => {
            let (maps, new) = (lab.maps(), dir.join("maps-new"));
            let flags = RenameFlags::RENAME_EXCHANGE;
            renameat2(AT_FDCWD, &new, AT_FDCWD, &maps, flags).unwrap();
            if point == Point::HalfRemoved {
                let half = pins(&new).into_iter().step_by(2);
                half.for_each(|pin| fs::remove_file(new.join(pin)).unwrap());
            }
        }
        Point::Finished => datapath.finish().unwrap(),
        _ => {}
    }
    if point == Point::Finished {
        for (program, ifindex) in hooks() {
            let hook = datapath.hook(program, ifindex).unwrap();
            assert_eq!(hook, Some(ObservedProgram::Current), "{version:?}");
        }
        assert_eq!(pins(&dir), ["maps"], "{version:?}");
    }
}

/// Counts frames where the programs of a directory's maps would.
fn count(maps: &Path, table: &str, key: u32, frames: u64) {
    let map = MapHandle::from_pinned_path(maps.join(table)).unwrap();
    let key = key.to_ne_bytes();
    let mut rows = map.lookup_percpu(&key, MapFlags::ANY).unwrap().unwrap();
    let first = rows[0].first_chunk_mut().unwrap();
    *first = (u64::from_ne_bytes(*first) + frames).to_ne_bytes();
    map.update_percpu(&key, &rows, MapFlags::ANY).unwrap();
}

/// The number of a pinned map.
fn number(path: &Path) -> u32 {
    let map = MapHandle::from_pinned_path(path).unwrap();
    MapInfo::new(map.as_fd()).unwrap().info.id
}

/// Two links that programs can be on.
fn scene() {
    ip("link add bge0 type veth peer name wire0");
}

#[test]
fn whoever_comes_next_goes_on_wherever_the_last_one_died() {
    in_lab(|lab| {
        scene();
        let (model, tables) = model(lab);
        let versions = [Version::Ours, Version::Another];
        for (first, died) in versions.into_iter().zip(versions.iter().rev()) {
            for next in versions {
                for point in Point::ALL {
                    let who = (first, *died, next);
                    let title = format!("{who:?}, the second up to {point:?}");
                    check_next(lab, &model, who, point);
                    // Whoever it was, ours finds everything.
                    if next == Version::Another {
                        come(lab, &model, Version::Ours, Point::Finished);
                    }
                    let ours = Datapath::open(&lab.pins()).unwrap();
                    let rows = ours.observe(&links()).unwrap();
                    assert_eq!(rows, tables, "{title}");
                    let counted = ours.counters(FIRST).unwrap();
                    let spoof = DropReason::MacSpoof;
                    let drops = counted.drops.get(&spoof).copied();
                    let got = (counted.ipackets, drops);
                    assert_eq!(got, (1111, Some(11)), "{title}");
                    let other = ours.counters(LinkId(7)).unwrap();
                    assert_eq!(other.ipackets, 0, "{title}");
                    drop(ours);
                    fs::remove_dir_all(lab.pins()).unwrap();
                }
            }
        }
    });
}

/// A version is there, one comes and dies, one comes and stays. Frames are
/// counted by each, 1,111 in all.
fn check_next(
    lab: &Lab,
    model: &Datapath,
    (first, died, next): (Version, Version, Version),
    point: Point,
) {
    let (maps, new) = (lab.maps(), lab.pins().join("maps-new"));
    // The other gets its counters from ours.
    come(lab, model, Version::Ours, Point::Finished);
    if first == Version::Another {
        come(lab, model, first, Point::Finished);
    }
    count(&maps, "traffic", 1, 1000);
    count(&maps, "drops", FIRST.0, 10);
    come(lab, model, died, point);
    // Where some programs are old and some are new, each counts by itself.
    if new.exists() && (Point::OneHook..=Point::Hooks).contains(&point) {
        count(&new, "traffic", 1, 60);
        count(&maps, "traffic", 1, 40);
    } else {
        count(&maps, "traffic", 1, 100);
    }
    count(&maps, "drops", FIRST.0, 1);
    come(lab, model, next, Point::Finished);
    count(&maps, "traffic", 1, 11);
}

#[test]
fn what_both_versions_use_alike_stays_the_same_map() {
    in_lab(|lab| {
        scene();
        let (model, _) = model(lab);
        let numbers = || {
            ["told_ring", "shown_ring", "drops", "flow_traffic", "scratch"]
                .map(|name| number(&pin_of(&lab.pins(), name)))
        };
        come(lab, &model, Version::Ours, Point::Finished);
        let before = numbers();
        let traffic = number(&pin_of(&lab.pins(), "traffic"));
        let rows = number(&pin_of(&lab.pins(), "client_ids"));
        come(lab, &model, Version::Another, Point::Finished);
        assert_eq!(numbers(), before);
        // Rows refer to each other, so all of them are new.
        assert_ne!(number(&pin_of(&lab.pins(), "client_ids")), rows);
        assert_ne!(number(&pin_of(&lab.pins(), "traffic")), traffic);
        assert_eq!(number(&lab.maps().join("traffic-old-0")), traffic);
        // And back: what there was for a while is used again.
        come(lab, &model, Version::Ours, Point::Finished);
        assert_eq!(numbers(), before);
        assert_eq!(number(&pin_of(&lab.pins(), "traffic")), traffic);
        come(lab, &model, Version::Ours, Point::Finished);
        assert_eq!(numbers(), before);
    });
}

#[test]
fn an_upgrade_that_is_given_up_leaves_nothing_but_what_it_counted() {
    in_lab(|lab| {
        scene();
        let (model, _) = model(lab);
        come(lab, &model, Version::Ours, Point::Finished);
        let before = pins(&lab.maps());
        let rows = number(&pin_of(&lab.pins(), "vnics"));
        come(lab, &model, Version::Another, Point::Opened);
        assert_eq!(pins(&lab.pins()), ["maps", "maps-new"]);
        let ours = Datapath::open(&lab.pins()).unwrap();
        assert!(!ours.is_moving());
        assert_eq!(number(&pin_of(&lab.pins(), "vnics")), rows);
        assert_eq!(pins(&lab.pins()), ["maps"]);
        let counts = "traffic-old-0".to_owned();
        let mut want = before;
        want.push(counts);
        want.sort();
        assert_eq!(pins(&lab.maps()), want);
    });
}

#[test]
fn what_changes_is_said_and_what_becomes_of_it() {
    in_lab(|lab| {
        drop(Datapath::open_another(&lab.pins()).unwrap());
        let make = |name, pin: &str, kind, key, value, rows| {
            let options = libbpf_sys::bpf_map_create_opts {
                sz: size_of::<libbpf_sys::bpf_map_create_opts>() as _,
                ..Default::default()
            };
            let made =
                MapHandle::create(kind, Some(name), key, value, rows, &options);
            let pin = lab.maps().join(pin);
            fs::remove_file(&pin).unwrap();
            made.unwrap().pin(pin).unwrap();
        };
        // The same bytes that mean something else, and a ring that is smaller.
        let array = MapType::PercpuArray;
        make("scratch_2", "scratch", array, 4, 264, 1);
        make("flow_traffic_2", "flow_traffic", array, 4, 48, 1);
        make("told_ring", "told_ring", MapType::RingBuf, 0, 0, 4096);
        let ours = Datapath::open(&lab.pins()).unwrap();
        let said: Vec<(&str, Outcome)> = ours
            .changes()
            .iter()
            .map(|change| (change.name.as_str(), change.outcome))
            .collect();
        assert_eq!(
            said,
            [
                ("fdb", Outcome::WrittenAnew),
                ("flow_traffic", Outcome::CountsFromZero),
                ("scratch", Outcome::Emptied),
                ("told_ring", Outcome::Emptied),
                ("traffic", Outcome::CountsGoOn),
                ("vnics", Outcome::WrittenAnew),
            ]
        );
        let text = ours.changes()[0].to_string();
        for words in ["table fdb is now fdb, ", "was fdb_2, ", "12 + 20 bytes"]
        {
            assert!(text.contains(words), "{words}: {text}");
        }
        let text = ours.changes()[5].to_string();
        for words in ["4 + 72 bytes", "4 + 80 bytes"] {
            assert!(text.contains(words), "{words}: {text}");
        }
    });
}

#[test]
fn what_is_in_the_way_of_new_maps_goes() {
    in_lab(|lab| {
        drop(Datapath::open_another(&lab.pins()).unwrap());
        let new = lab.pins().join("maps-new");
        fs::create_dir(&new).unwrap();
        let object = ObjectBuilder::default().open_memory(OBJECT).unwrap();
        let object = object.load().unwrap();
        let mut programs = object.progs_mut();
        programs.next().unwrap().pin(new.join("vnics")).unwrap();
        let mut ours = Datapath::open(&lab.pins()).unwrap();
        assert!(ours.is_moving());
        ours.finish().unwrap();
        assert!(!ours.is_moving());
        ours.finish().unwrap();
        assert_eq!(pins(&lab.pins()), ["maps"]);
        drop(ours);
        let again = Datapath::open(&lab.pins()).unwrap();
        assert_eq!(again.changes(), []);
    });
}
