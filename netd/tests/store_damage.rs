//! A store whose file has suffered: what was cut off or turned over is noticed,
//! and what is read is what was written at some time.

use std::fs;
use std::path::Path;

use fabric::{
    Etherstub, FabricSpec, LinkId, LinkSettings, Mac, MacType, Mtu, Vnic,
    VnicProps,
};
use netd::store::{Change, Store, StoreError};
use tempfile::TempDir;

const BOOT: &str = "5c2f0f8c-boot";
const FILES: [&str; 2] = ["netd.db", "netd.db-wal"];

fn vnic(number: u32) -> Vnic {
    Vnic {
        id: LinkId(number),
        name: format!("net{number}").parse().unwrap(),
        zone: Some("web".parse().unwrap()),
        over: "bge0".parse().unwrap(),
        mac: Mac::new([2, 8, 0x20, 0, 0, number.try_into().unwrap()]),
        mac_type: MacType::Fixed,
        vid: None,
        props: VnicProps::default(),
        kept: None,
        temporary: false,
    }
}

fn stub(number: u32) -> Etherstub {
    Etherstub {
        id: LinkId(number),
        name: format!("stub{number}").parse().unwrap(),
        mtu: Mtu::ETHERSTUB,
        settings: LinkSettings::default(),
        temporary: false,
    }
}

/// A directory that no disk has to keep, where there is one.
fn memory() -> TempDir {
    let memory = Path::new("/dev/shm");
    let made = tempfile::tempdir_in(memory);
    made.or_else(|_| tempfile::tempdir()).unwrap()
}

/// The files after a number of commits, as a netd that dies leaves them, and
/// what was declared before the first of them and after each.
fn written() -> (Vec<Vec<u8>>, Vec<FabricSpec>) {
    let dir = memory();
    let mut store = Store::open(dir.path(), BOOT).unwrap();
    let mut states = vec![store.load().unwrap()];
    for number in 1..=9 {
        let (one, two) = (vnic(2 * number), stub(2 * number + 1));
        // A change of several rows: all of them hold, or none.
        let all = [Change::AddVnic(&one), Change::AddEtherstub(&two)];
        store.commit(&all).unwrap();
        states.push(store.load().unwrap());
        let now = Vnic { mac_type: MacType::Random, ..one.clone() };
        let change = Change::UpdateVnic { was: &one, now: &now };
        if number > 1 {
            store.commit(&[change, Change::RemoveEtherstub(&two)]).unwrap();
            states.push(store.load().unwrap());
        }
    }
    let files = FILES.map(|name| fs::read(dir.path().join(name)).unwrap());
    (files.into(), states)
}

fn put(dir: &Path, files: &[&[u8]]) {
    for (name, bytes) in FILES.iter().zip(files) {
        fs::write(dir.join(name), bytes).unwrap();
    }
}

/// Numbers that look random, and are the same each time.
fn scattered(seed: u64) -> impl Iterator<Item = u64> {
    let next = |state: &u64| {
        let state = state ^ (state << 13);
        let state = state ^ (state >> 7);
        Some(state ^ (state << 17))
    };
    std::iter::successors(Some(seed), next)
}

#[test]
fn a_log_that_was_cut_off_holds_what_was_committed_before() {
    let (files, states) = written();
    let [db, wal] = &files[..] else { unreachable!() };
    assert!(
        wal.len() > 100_000,
        "{} bytes: there is nothing to cut",
        wal.len()
    );
    let mut seen = vec![0; states.len()];
    let mut last = 0;
    let lengths = (0..wal.len()).step_by(512).chain([wal.len()]);
    for length in lengths {
        let dir = memory();
        put(dir.path(), &[db, &wal[..length]]);
        let store = Store::open(dir.path(), BOOT)
            .unwrap_or_else(|error| panic!("{length} bytes: {error:?}"));
        let found = store.load().unwrap();
        let state = states.iter().position(|state| *state == found);
        let state = state.unwrap_or_else(|| {
            panic!("{length} bytes hold what nobody committed: {found:#?}")
        });
        assert!(state >= last, "{length} bytes hold less than fewer did");
        last = state;
        seen[state] += 1;
    }
    // Each was on the disk at some length.
    assert!(seen.iter().all(|times| *times > 0), "{seen:?}");
}

#[test]
fn a_log_with_a_bit_turned_over_holds_what_was_committed_before() {
    let (files, states) = written();
    let [db, wal] = &files[..] else { unreachable!() };
    for at in scattered(0x5eed).take(200) {
        let bit = usize::try_from(at).unwrap() % (8 * wal.len());
        let mut wal = wal.clone();
        wal[bit / 8] ^= 1 << (bit % 8);
        let dir = memory();
        put(dir.path(), &[db, &wal]);
        let found = Store::open(dir.path(), BOOT).unwrap().load().unwrap();
        assert!(states.contains(&found), "bit {bit}: {found:#?}");
    }
}

/// The database alone, with everything in it.
fn closed() -> (Vec<u8>, FabricSpec) {
    let (files, states) = written();
    let dir = memory();
    put(dir.path(), &[&files[0], &files[1]]);
    drop(Store::open(dir.path(), BOOT).unwrap());
    let db = fs::read(dir.path().join(FILES[0])).unwrap();
    (db, states.into_iter().next_back().unwrap())
}

#[test]
fn a_damaged_page_is_noticed_when_the_store_is_opened() {
    let (db, _) = closed();
    let page = 4096;
    for (title, from, to) in [
        ("the header", 0, 16),
        ("the first page", 100, 400),
        ("all of a page", page, 2 * page),
        ("the end", db.len() - page, db.len()),
        ("everything", 0, db.len()),
    ] {
        let mut bytes = db.clone();
        for (byte, noise) in bytes[from..to].iter_mut().zip(scattered(7)) {
            *byte = noise.to_le_bytes()[3];
        }
        let dir = memory();
        put(dir.path(), &[&bytes]);
        let error = Store::open(dir.path(), BOOT).unwrap_err();
        let said = netd::chain::chain(&error);
        assert!(said.contains("netd.db"), "{title}: {said}");
        assert_eq!(said.lines().count(), 1, "{title}: {said}");
        let hint = error.hint().unwrap_or_default();
        assert!(hint.contains("put a copy"), "{title}: {said}: {hint}");
        let after = fs::read(dir.path().join(FILES[0])).unwrap();
        assert!(after == bytes, "{title}: it was written to");
    }
}

#[test]
fn a_database_that_was_cut_off_is_refused_or_whole() {
    let (db, state) = closed();
    for length in (512..db.len()).step_by(4096) {
        let dir = memory();
        put(dir.path(), &[&db[..length]]);
        match Store::open(dir.path(), BOOT) {
            Err(StoreError::Sqlite { .. } | StoreError::Corrupt { .. }) => {}
            Err(other) => panic!("{length} of {} bytes: {other:?}", db.len()),
            // Nothing was behind the cut.
            Ok(store) => assert_eq!(store.load().unwrap(), state, "{length}"),
        }
    }
}

#[test]
fn a_bit_turned_over_does_no_harm_beyond_the_text_that_it_is_in() {
    let (db, state) = closed();
    for at in scattered(0xb17).take(400) {
        let bit = usize::try_from(at).unwrap() % (8 * db.len());
        let mut bytes = db.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let dir = memory();
        put(dir.path(), &[&bytes]);
        // Refused, or read: SQLite has no checksum over what is in a row.
        let Ok(store) = Store::open(dir.path(), BOOT) else { continue };
        let Ok(found) = store.load() else { continue };
        let (links, all) = (found.vnics.len(), state.vnics.len());
        assert_eq!(links, all, "bit {bit}: a VNIC is lost");
    }
}
