//! The store: what it keeps, and what it refuses to touch.

use std::fs;
use std::path::Path;

use fabric::{
    Etherstub, FabricSpec, LinkId, Mac, MacType, Mtu, Vnic, VnicProps,
};
use netd::store::{Change, Store, StoreError};

const BOOT: &str = "5c2f0f8c-boot";

fn open(dir: &Path) -> Store {
    Store::open(dir, BOOT).unwrap()
}

fn vnic(store: &Store, name: &str, edit: fn(&mut Vnic)) -> Vnic {
    let id = store.next_id().unwrap();
    let mut vnic = Vnic {
        id,
        name: name.parse().unwrap(),
        zone: Some("web".parse().unwrap()),
        over: "tag:admin".parse().unwrap(),
        mac: Mac::new([2, 8, 0x20, 1, 2, 3]),
        mac_type: MacType::Random,
        vid: Some(fabric::VlanId::new(5).unwrap()),
        props: VnicProps { mtu: Some(Mtu::ETHERNET), ..VnicProps::default() },
        temporary: false,
    };
    edit(&mut vnic);
    vnic
}

fn stub(store: &Store, name: &str, temporary: bool) -> Etherstub {
    Etherstub {
        id: store.next_id().unwrap(),
        name: name.parse().unwrap(),
        mtu: Mtu::ETHERSTUB,
        temporary,
    }
}

#[test]
fn what_was_committed_is_there_after_reopening() {
    let dir = tempfile::tempdir().unwrap();
    let mut want = FabricSpec::default();
    {
        let mut store = open(dir.path());
        let stub = stub(&store, "stub0", false);
        store.commit(&[Change::AddEtherstub(&stub)]).unwrap();
        let vnic = vnic(&store, "net0", |_| {});
        store.commit(&[Change::AddVnic(&vnic)]).unwrap();
        want.etherstubs.insert(stub.id, stub);
        want.vnics.insert(vnic.id, vnic);
        assert_eq!(store.load().unwrap(), want);
    }
    assert_eq!(open(dir.path()).load().unwrap(), want);
}

#[test]
fn a_number_is_never_given_twice() {
    let dir = tempfile::tempdir().unwrap();
    let first = {
        let mut store = open(dir.path());
        let vnic = vnic(&store, "net0", |_| {});
        store.commit(&[Change::AddVnic(&vnic)]).unwrap();
        store.commit(&[Change::AddVnic(&vnic).inverse()]).unwrap();
        vnic.id
    };
    let store = open(dir.path());
    assert_eq!(store.load().unwrap(), FabricSpec::default());
    assert!(store.next_id().unwrap() > first);
}

#[test]
fn a_change_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let one = vnic(&store, "net0", |_| {});
    let twin = vnic(&store, "net0", |vnic| vnic.id = LinkId(9));
    let error = store
        .commit(&[Change::AddVnic(&one), Change::AddVnic(&twin)])
        .unwrap_err();
    assert!(matches!(error, StoreError::Sqlite { .. }), "{error:?}");
    assert_eq!(store.load().unwrap(), FabricSpec::default());
    assert_eq!(store.next_id(), Some(one.id));
}

#[test]
fn temporary_links_end_with_the_boot() {
    let dir = tempfile::tempdir().unwrap();
    let kept = {
        let mut store = open(dir.path());
        let lasting = stub(&store, "stub0", false);
        store.commit(&[Change::AddEtherstub(&lasting)]).unwrap();
        let passing = stub(&store, "stub1", true);
        store.commit(&[Change::AddEtherstub(&passing)]).unwrap();
        let vnic = vnic(&store, "net0", |vnic| vnic.temporary = true);
        store.commit(&[Change::AddVnic(&vnic)]).unwrap();
        lasting
    };
    let same_boot = open(dir.path()).load().unwrap();
    assert_eq!((same_boot.etherstubs.len(), same_boot.vnics.len()), (2, 1));
    let next_boot = Store::open(dir.path(), "another-boot").unwrap();
    let want = FabricSpec {
        etherstubs: [(kept.id, kept)].into(),
        ..FabricSpec::default()
    };
    assert_eq!(next_boot.load().unwrap(), want);
}

#[test]
fn only_one_netd_uses_a_directory() {
    let dir = tempfile::tempdir().unwrap();
    let _held = open(dir.path());
    let error = Store::open(dir.path(), BOOT).unwrap_err();
    assert!(matches!(error, StoreError::Locked(_)), "{error:?}");
}

#[test]
fn files_that_are_not_ours_are_left_alone() {
    for (title, make) in [
        (
            "not a database",
            (|path| {
                fs::write(path, "admin_nic=9c:b6:54:bb:c3:3c\n".repeat(99))
                    .unwrap();
            }) as fn(&Path),
        ),
        ("another program's database", |path| {
            let other = rusqlite::Connection::open(path).unwrap();
            other.execute_batch("CREATE TABLE t (x)").unwrap();
        }),
        ("a later layout", |path| {
            drop(open(path.parent().unwrap()));
            let later = rusqlite::Connection::open(path).unwrap();
            later.pragma_update(None, "user_version", 2).unwrap();
        }),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("netd.db");
        make(&path);
        let before = fs::read(&path).unwrap();
        let error = Store::open(dir.path(), BOOT).unwrap_err();
        assert!(
            matches!(
                error,
                StoreError::Sqlite { .. }
                    | StoreError::Foreign(_)
                    | StoreError::Layout { found: 2, .. }
            ),
            "{title}: {error:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), before, "{title}");
    }
}

#[test]
fn a_damaged_entry_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let vnic = vnic(&store, "net0", |_| {});
    store.commit(&[Change::AddVnic(&vnic)]).unwrap();
    let path = dir.path().join("netd.db");
    let meddler = rusqlite::Connection::open(path).unwrap();
    meddler.execute("UPDATE vnic SET spec = '{}'", ()).unwrap();
    let error = store.load().unwrap_err();
    assert!(
        matches!(error, StoreError::Damaged { id, .. } if id == vnic.id.0),
        "{error:?}"
    );
}
