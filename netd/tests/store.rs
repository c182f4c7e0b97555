//! The store: what it keeps, and what it refuses to touch.

use std::fs;
use std::path::Path;

use fabric::{
    Bandwidth, Etherstub, FabricSpec, Flow, FlowId, FlowProps, LinkId,
    LinkName, LinkProps, LinkSettings, Mac, MacType, Mtu, Vnic, VnicProps,
};
use flows::learn::{
    self as learning, Awaits, Learned, Method, Moment, Pending,
};
use netd::store::{Change, Store, StoreError};

const BOOT: &str = "5c2f0f8c-boot";

fn open(dir: &Path) -> Store {
    Store::open(dir, BOOT).unwrap()
}

fn vnic(store: &Store, name: &str, edit: fn(&mut Vnic)) -> Vnic {
    let id = store.next_link_id().unwrap();
    let mut vnic = Vnic {
        id,
        name: name.parse().unwrap(),
        zone: Some("web".parse().unwrap()),
        over: "tag:admin".parse().unwrap(),
        mac: Mac::new([2, 8, 0x20, 1, 2, 3]),
        mac_type: MacType::Random,
        vid: Some(fabric::VlanId::new(5).unwrap()),
        props: VnicProps { mtu: Some(Mtu::ETHERNET), ..VnicProps::default() },
        kept: None,
        temporary: false,
    };
    edit(&mut vnic);
    vnic
}

fn flow(store: &Store, link: LinkId, name: &str, edit: fn(&mut Flow)) -> Flow {
    let mut flow = Flow {
        id: store.next_flow_id().unwrap(),
        name: name.parse().unwrap(),
        link,
        attrs: "transport=tcp,local_port=80".parse().unwrap(),
        props: FlowProps::default(),
        kept: None,
        temporary: false,
    };
    edit(&mut flow);
    flow
}

fn stub(store: &Store, name: &str, temporary: bool) -> Etherstub {
    Etherstub {
        id: store.next_link_id().unwrap(),
        name: name.parse().unwrap(),
        mtu: Mtu::ETHERSTUB,
        settings: LinkSettings::default(),
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
        let vnic = vnic(&store, "net0", |vnic| {
            vnic.props.cpus = "0-1,3".parse().ok();
            vnic.props.rxrings = "2".parse().ok();
            vnic.props.txrings = "sw".parse().ok();
        });
        store.commit(&[Change::AddVnic(&vnic)]).unwrap();
        want.etherstubs.insert(stub.id, stub);
        want.vnics.insert(vnic.id, vnic.into());
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
    assert!(store.next_link_id().unwrap() > first);
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
    assert_eq!(store.next_link_id(), Some(one.id));
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
fn properties_for_this_boot_end_with_it() {
    let dir = tempfile::tempdir().unwrap();
    let was = {
        let mut store = open(dir.path());
        let was = vnic(&store, "net0", |_| {});
        store.commit(&[Change::AddVnic(&was)]).unwrap();
        was
    };
    let id = was.id;
    let props = |mtu| VnicProps {
        mtu: Some(Mtu::new(mtu).unwrap()),
        ..VnicProps::default()
    };
    let with = |now, kept: Option<u32>| Vnic {
        props: props(now),
        kept: kept.map(props),
        ..was.clone()
    };
    let read = |boot| Store::open(dir.path(), boot).unwrap().load().unwrap();
    let (passing, lasting) = (with(1400, Some(1500)), with(1300, None));
    for (title, change, now, later) in [
        (
            "for this boot",
            Change::UpdateVnic { was: &was, now: &passing },
            Some(&passing),
            Some(with(1500, None)),
        ),
        (
            "to stay",
            Change::UpdateVnic { was: &was, now: &lasting },
            Some(&lasting),
            Some(lasting.clone()),
        ),
        (
            "for this boot, and taken back",
            Change::UpdateVnic { was: &lasting, now: &passing }.inverse(),
            Some(&lasting),
            Some(lasting.clone()),
        ),
        ("of a VNIC that goes", Change::RemoveVnic(&passing), None, None),
        (
            "of a VNIC that is back",
            Change::RemoveVnic(&passing).inverse(),
            Some(&passing),
            Some(with(1500, None)),
        ),
    ] {
        open(dir.path()).commit(&[change]).unwrap();
        let vnics = read(BOOT).vnics;
        assert_eq!(vnics.get(&id).map(AsRef::as_ref), now, "{title}");
        // Looking from another boot forgets; a copy is looked at.
        let copy = tempfile::tempdir().unwrap();
        let file = |dir: &Path| dir.join("netd.db");
        fs::copy(file(dir.path()), file(copy.path())).unwrap();
        for boot in ["another-boot", BOOT] {
            let spec = Store::open(copy.path(), boot).unwrap().load().unwrap();
            let vnic = spec.vnics.get(&id).map(AsRef::as_ref);
            assert_eq!(vnic, later.as_ref(), "{title}: {boot}");
        }
    }
}

#[test]
fn what_is_set_of_links_lasts_or_ends_with_the_boot() {
    let dir = tempfile::tempdir().unwrap();
    let maxbw =
        |mbps: Option<u32>| LinkProps { maxbw: mbps.map(Bandwidth::from_mbps) };
    let with = |now, kept: Option<Option<u32>>| LinkSettings {
        props: maxbw(now),
        kept: kept.map(maxbw),
    };
    let none = LinkSettings::default();
    let link: LinkName = "bge0".parse().unwrap();
    let stub = {
        let mut store = open(dir.path());
        let stub = stub(&store, "stub0", false);
        let other: LinkName = "eth0".parse().unwrap();
        let now = with(Some(7), None);
        let change = Change::SetLink { link: &other, was: none, now };
        store.commit(&[Change::AddEtherstub(&stub), change]).unwrap();
        stub
    };
    let mut was = none;
    for (title, now, later) in [
        ("to stay", with(Some(50), None), with(Some(50), None)),
        ("for now", with(Some(0), Some(Some(50))), with(Some(50), None)),
        ("none for now", with(None, Some(Some(50))), with(Some(50), None)),
        ("not set", none, none),
        ("only for now", with(Some(9), Some(None)), none),
        ("to stay again", with(Some(8), None), with(Some(8), None)),
    ] {
        let stub_with = |settings| Etherstub { settings, ..stub.clone() };
        let (old, new) = (stub_with(was), stub_with(now));
        let changes = [
            Change::SetLink { link: &link, was, now },
            Change::UpdateEtherstub { was: &old, now: &new },
        ];
        let read = |dir: &Path, boot| {
            let spec = Store::open(dir, boot).unwrap().load().unwrap();
            assert!(!spec.links.values().any(LinkSettings::is_default));
            let of_stub = spec.etherstubs[&stub.id].settings;
            (spec.settings(&link), of_stub)
        };
        open(dir.path()).commit(&changes).unwrap();
        assert_eq!(read(dir.path(), BOOT), (now, now), "{title}");
        open(dir.path()).commit(&changes.map(Change::inverse)).unwrap();
        assert_eq!(read(dir.path(), BOOT), (was, was), "{title}");
        open(dir.path()).commit(&changes).unwrap();
        // Looking from another boot forgets; a copy is looked at.
        let copy = tempfile::tempdir().unwrap();
        let file = |dir: &Path| dir.join("netd.db");
        fs::copy(file(dir.path()), file(copy.path())).unwrap();
        for boot in ["another-boot", BOOT] {
            let got = read(copy.path(), boot);
            assert_eq!(got, (later, later), "{title}: {boot}");
        }
        was = now;
    }
    // Nothing is left of an etherstub that goes, for the next one.
    let stub = Etherstub { settings: with(Some(9), Some(None)), ..stub };
    let add = Change::AddEtherstub(&stub);
    let mut store = open(dir.path());
    store.commit(&[add.inverse(), add, add.inverse()]).unwrap();
    let reader = rusqlite::Connection::open(dir.path().join("netd.db"));
    let count = "SELECT count(*) FROM temporary_props";
    let left = reader.unwrap().query_row(count, (), |row| row.get(0));
    assert_eq!(left, Ok(0_u32));
    let fresh = Etherstub { settings: none, ..stub.clone() };
    store.commit(&[Change::AddEtherstub(&fresh)]).unwrap();
    assert_eq!(store.load().unwrap().etherstubs[&stub.id], fresh);
}

#[test]
fn an_etherstub_that_is_not_there_cannot_change() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let stub = stub(&store, "stub0", false);
    let change = Change::UpdateEtherstub { was: &stub, now: &stub };
    let error = store.commit(&[change]).unwrap_err();
    assert!(matches!(error, StoreError::Sqlite { .. }), "{error:?}");
    assert_eq!(store.load().unwrap(), FabricSpec::default());
}

#[test]
fn a_vnic_that_is_not_there_cannot_change() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let vnic = vnic(&store, "net0", |_| {});
    let change = Change::UpdateVnic { was: &vnic, now: &vnic };
    let error = store.commit(&[change]).unwrap_err();
    assert!(matches!(error, StoreError::Sqlite { .. }), "{error:?}");
    assert_eq!(store.load().unwrap(), FabricSpec::default());
}

/// What the first netd wrote, to the letter.
const LAYOUT_1: &str = r#"
    CREATE TABLE etherstub (
        id      INTEGER PRIMARY KEY,
        name    TEXT NOT NULL UNIQUE,
        spec    TEXT NOT NULL,
        boot_id TEXT
    ) STRICT;
    CREATE TABLE vnic (
        id      INTEGER PRIMARY KEY,
        zone    TEXT NOT NULL,
        name    TEXT NOT NULL,
        spec    TEXT NOT NULL,
        boot_id TEXT,
        UNIQUE (zone, name)
    ) STRICT;
    CREATE TABLE sequence (next INTEGER NOT NULL) STRICT;
    INSERT INTO sequence VALUES (3);
    INSERT INTO etherstub VALUES (1, 'stub0',
        '{"id":1,"name":"stub0","mtu":9000,"temporary":true}',
        '5c2f0f8c-boot');
    INSERT INTO vnic VALUES (2, 'web', 'net0',
        '{"id":2,"name":"net0","zone":"web","over":"tag:admin",
          "mac":"2:8:20:1:2:3","mac_type":"random","vid":5,
          "props":{"mtu":1500,"protection":"mac-nospoof"},
          "temporary":false}',
        NULL);
    PRAGMA application_id = 0x41524241;
    PRAGMA user_version = 1;
"#;

#[test]
fn a_store_of_the_first_layout_is_taken_over() {
    let dir = tempfile::tempdir().unwrap();
    let old = rusqlite::Connection::open(dir.path().join("netd.db")).unwrap();
    old.execute_batch(LAYOUT_1).unwrap();
    drop(old);
    for round in ["migrated", "opened again"] {
        let mut store = open(dir.path());
        assert_eq!(store.next_link_id(), Some(LinkId(3)), "{round}");
        let spec = store.load().unwrap();
        assert_eq!(spec.etherstubs[&LinkId(1)].name.as_str(), "stub0");
        let mut want = vnic(&store, "net0", |vnic| vnic.id = LinkId(2));
        assert_eq!(*spec.vnics[&LinkId(2)], want, "{round}");
        // And it can hold what the new layout is for.
        want.kept = Some(VnicProps::default());
        let change =
            Change::UpdateVnic { was: &spec.vnics[&LinkId(2)], now: &want };
        store.commit(&[change]).unwrap();
        let vnics = store.load().unwrap().vnics;
        assert_eq!(*vnics[&LinkId(2)], want, "{round}");
        store.commit(&[change.inverse()]).unwrap();
    }
}

/// What the next layout added, to the letter.
const LAYOUT_2: &str = r#"
    CREATE TABLE temporary_props (
        vnic    INTEGER PRIMARY KEY,
        props   TEXT NOT NULL,
        boot_id TEXT NOT NULL
    ) STRICT;
    CREATE TABLE learned (
        vnic    INTEGER NOT NULL,
        address TEXT NOT NULL,
        record  TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        PRIMARY KEY (vnic, address)
    ) STRICT;
    CREATE TABLE pending (
        vnic    INTEGER NOT NULL,
        record  TEXT NOT NULL,
        boot_id TEXT NOT NULL
    ) STRICT;
    CREATE INDEX pending_of ON pending (vnic);
    INSERT INTO temporary_props VALUES (2,
        '{"mtu":1400,"protection":"mac-nospoof"}', '5c2f0f8c-boot');
    PRAGMA user_version = 2;
"#;

#[test]
fn a_store_of_the_second_layout_keeps_what_is_temporary() {
    let dir = tempfile::tempdir().unwrap();
    let old = rusqlite::Connection::open(dir.path().join("netd.db")).unwrap();
    old.execute_batch(LAYOUT_1).unwrap();
    old.execute_batch(LAYOUT_2).unwrap();
    drop(old);
    let link: LinkName = "bge0".parse().unwrap();
    let props = LinkProps { maxbw: Some(Bandwidth::ZERO) };
    let now = LinkSettings { props, kept: None };
    for round in ["migrated", "opened again"] {
        let mut store = open(dir.path());
        let spec = store.load().unwrap();
        let vnic = &spec.vnics[&LinkId(2)];
        assert_eq!(vnic.props.mtu, Mtu::new(1400).ok(), "{round}");
        assert_eq!(vnic.kept_props().mtu, Some(Mtu::ETHERNET), "{round}");
        assert!(spec.etherstubs[&LinkId(1)].settings.is_default());
        assert!(spec.links.is_empty(), "{round}");
        // And it can hold what the new layout is for.
        let was = LinkSettings::default();
        let change = Change::SetLink { link: &link, was, now };
        store.commit(&[change]).unwrap();
        assert_eq!(store.load().unwrap().settings(&link), now, "{round}");
        store.commit(&[change.inverse()]).unwrap();
    }
}

/// What the third layout added, to the letter.
const LAYOUT_3: &str = r#"
    ALTER TABLE temporary_props RENAME COLUMN vnic TO link;
    CREATE TABLE link_props (
        link    TEXT PRIMARY KEY,
        props   TEXT NOT NULL
    ) STRICT;
    CREATE TABLE temporary_link_props (
        link    TEXT PRIMARY KEY,
        props   TEXT NOT NULL,
        boot_id TEXT NOT NULL
    ) STRICT;
    INSERT INTO link_props VALUES ('bge0', '{"maxbw":50000000}');
    PRAGMA user_version = 3;
"#;

#[test]
fn a_store_of_the_third_layout_can_hold_flows() {
    let dir = tempfile::tempdir().unwrap();
    let old = rusqlite::Connection::open(dir.path().join("netd.db")).unwrap();
    for layout in [LAYOUT_1, LAYOUT_2, LAYOUT_3] {
        old.execute_batch(layout).unwrap();
    }
    drop(old);
    let link: LinkName = "bge0".parse().unwrap();
    for (round, id) in [("migrated", FlowId(1)), ("opened again", FlowId(2))] {
        let mut store = open(dir.path());
        let spec = store.load().unwrap();
        assert_eq!(spec.vnics.len(), 1, "{round}");
        let maxbw = Some(Bandwidth::from_mbps(50));
        assert_eq!(spec.settings(&link).props.maxbw, maxbw, "{round}");
        assert!(spec.flows.is_empty(), "{round}");
        assert_eq!(store.next_link_id(), Some(LinkId(3)), "{round}");
        assert_eq!(store.next_flow_id(), Some(id), "{round}");
        let flow = flow(&store, LinkId(2), "http", |_| {});
        let change = Change::AddFlow(&flow);
        store.commit(&[change]).unwrap();
        let flows = store.load().unwrap().flows;
        assert_eq!(flows, [(id, flow.clone().into())].into());
        store.commit(&[change.inverse()]).unwrap();
    }
}

/// What the fourth layout added, to the letter.
const LAYOUT_4: &str = r#"
    CREATE TABLE flow (
        id      INTEGER PRIMARY KEY,
        link    INTEGER NOT NULL,
        spec    TEXT NOT NULL,
        boot_id TEXT
    ) STRICT;
    CREATE TABLE temporary_flow_props (
        flow    INTEGER PRIMARY KEY,
        props   TEXT NOT NULL,
        boot_id TEXT NOT NULL
    ) STRICT;
    ALTER TABLE sequence ADD COLUMN next_flow INTEGER NOT NULL DEFAULT 1;
    INSERT INTO flow VALUES (1, 2,
        '{"id":1,"name":"http","link":2,
          "attrs":{"transport":"tcp","local_port":80},
          "props":{},"temporary":false}',
        NULL);
    UPDATE sequence SET next_flow = 2;
    PRAGMA user_version = 4;
"#;

/// All that a file has, but for how its statements are laid out.
fn schema(dir: &Path) -> Vec<String> {
    let file = rusqlite::Connection::open(dir.join("netd.db")).unwrap();
    let version = file
        .pragma_query_value(None, "user_version", |row| row.get::<_, u32>(0));
    let query = "SELECT sql FROM sqlite_schema WHERE sql <> '' ORDER BY name";
    let mut query = file.prepare(query).unwrap();
    let rows = query.query_map((), |row| row.get::<_, String>(0)).unwrap();
    let words =
        |sql: String| sql.split_whitespace().collect::<Vec<_>>().join(" ");
    let rows = rows.map(|sql| words(sql.unwrap()));
    rows.chain([format!("layout {}", version.unwrap())]).collect()
}

#[test]
fn a_store_of_any_layout_becomes_one_of_the_present_with_all_that_it_has() {
    let new = tempfile::tempdir().unwrap();
    drop(open(new.path()));
    let layouts = [LAYOUT_1, LAYOUT_2, LAYOUT_3, LAYOUT_4];
    for from in 1..=layouts.len() {
        let dir = tempfile::tempdir().unwrap();
        let old = dir.path().join("netd.db");
        let old = rusqlite::Connection::open(old).unwrap();
        for layout in &layouts[..from] {
            old.execute_batch(layout).unwrap();
        }
        drop(old);
        for round in ["migrated", "opened again"] {
            let title = format!("layout {from}, {round}");
            let store = open(dir.path());
            assert_eq!(schema(dir.path()), schema(new.path()), "{title}");
            let spec = store.load().unwrap();
            let counts = [
                spec.etherstubs.len(),
                spec.vnics.len(),
                usize::from(spec.vnics[&LinkId(2)].kept.is_some()),
                spec.links.len(),
                spec.flows.len(),
            ];
            let since = |layout| usize::from(from >= layout);
            let want = [1, 1, since(2), since(3), since(4)];
            assert_eq!(counts, want, "{title}");
            assert_eq!(store.next_link_id(), Some(LinkId(3)), "{title}");
            let flow = FlowId(if from >= 4 { 2 } else { 1 });
            let next = store.next_flow_id();
            assert_eq!(next, Some(flow), "{title}");
        }
    }
}

#[test]
fn flows_last_or_end_with_the_boot_and_so_do_their_properties() {
    let dir = tempfile::tempdir().unwrap();
    let (vnic, was) = {
        let mut store = open(dir.path());
        let vnic = vnic(&store, "net0", |_| {});
        let was = flow(&store, vnic.id, "http", |_| {});
        let changes = [Change::AddVnic(&vnic), Change::AddFlow(&was)];
        store.commit(&changes).unwrap();
        (vnic, was)
    };
    let id = was.id;
    let props = |mbps| FlowProps {
        maxbw: Some(Bandwidth::from_mbps(mbps)),
        ..FlowProps::default()
    };
    let with = |now, kept: Option<u32>| Flow {
        props: props(now),
        kept: kept.map(props),
        ..was.clone()
    };
    let read = |boot| Store::open(dir.path(), boot).unwrap().load().unwrap();
    let (passing, lasting) = (with(40, Some(50)), with(30, None));
    let temporary = Flow { id: FlowId(7), temporary: true, ..lasting.clone() };
    let batch = [passing.clone(), temporary.clone()];
    let both = Some(vec![&passing, &temporary]);
    let add: Vec<_> = batch.iter().map(Change::AddFlow).collect();
    let remove: Vec<_> = batch.iter().map(Change::RemoveFlow).collect();
    for (title, changes, now, later) in [
        (
            "for this boot",
            vec![Change::UpdateFlow { was: &was, now: &passing }],
            Some(vec![&passing]),
            Some(with(50, None)),
        ),
        (
            "to stay",
            vec![Change::UpdateFlow { was: &passing, now: &lasting }],
            Some(vec![&lasting]),
            Some(lasting.clone()),
        ),
        (
            "for this boot, and taken back",
            vec![Change::UpdateFlow { was: &lasting, now: &passing }.inverse()],
            Some(vec![&lasting]),
            Some(lasting.clone()),
        ),
        (
            "anew, beside a temporary one",
            [vec![Change::RemoveFlow(&lasting)], add.clone()].concat(),
            both.clone(),
            Some(with(50, None)),
        ),
        ("all gone", remove.clone(), None, None),
        (
            "all back",
            remove.iter().map(|change| change.inverse()).collect(),
            both.clone(),
            Some(with(50, None)),
        ),
        (
            "gone with their VNIC",
            [remove, vec![Change::RemoveVnic(&vnic)]].concat(),
            None,
            None,
        ),
    ] {
        open(dir.path()).commit(&changes).unwrap();
        let flows = read(BOOT).flows;
        let want = now.unwrap_or_default();
        let there = flows.values().map(AsRef::as_ref);
        assert!(there.eq(want), "{title}: {flows:#?}");
        // Looking from another boot forgets; a copy is looked at.
        let copy = tempfile::tempdir().unwrap();
        let file = |dir: &Path| dir.join("netd.db");
        fs::copy(file(dir.path()), file(copy.path())).unwrap();
        for boot in ["another-boot", BOOT] {
            let spec = Store::open(copy.path(), boot).unwrap().load().unwrap();
            let flow = spec.flows.get(&id).map(AsRef::as_ref);
            assert_eq!(flow, later.as_ref(), "{title}: {boot}");
            assert_eq!(spec.flows.len(), usize::from(later.is_some()));
        }
    }
    // Nothing is left, and no number is given again.
    let reader = rusqlite::Connection::open(dir.path().join("netd.db"));
    let count = "SELECT count(*) FROM temporary_flow_props";
    let left = reader.unwrap().query_row(count, (), |row| row.get(0));
    assert_eq!(left, Ok(0_u32));
    let next = open(dir.path()).next_flow_id();
    assert_eq!(next, Some(FlowId(8)));
}

#[test]
fn a_batch_of_flows_is_all_or_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = open(dir.path());
    let vnic = vnic(&store, "net0", |_| {});
    store.commit(&[Change::AddVnic(&vnic)]).unwrap();
    let one = flow(&store, vnic.id, "a", |_| {});
    let twins = [one.clone(), Flow { name: "b".parse().unwrap(), ..one }];
    let missing = Change::UpdateFlow { was: &twins[0], now: &twins[1] };
    for changes in [twins.iter().map(Change::AddFlow).collect(), vec![missing]]
    {
        let error = store.commit(&changes).unwrap_err();
        assert!(matches!(error, StoreError::Sqlite { .. }), "{error:?}");
        assert!(store.load().unwrap().flows.is_empty());
        assert_eq!(store.next_flow_id(), Some(FlowId(1)));
    }
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
            later.pragma_update(None, "user_version", 5).unwrap();
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
                    | StoreError::Layout { found: 5, .. }
            ),
            "{title}: {error:?}"
        );
        assert_eq!(fs::read(&path).unwrap(), before, "{title}");
        let hint = error.hint().unwrap_or_default();
        let later = matches!(error, StoreError::Layout { .. });
        assert_eq!(hint.contains("or a later one"), later, "{title}: {hint}");
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
    let id = format!("link {}", vnic.id);
    assert!(
        matches!(&error, StoreError::Damaged { subject, .. } if *subject == id),
        "{error:?}"
    );
    store.commit(&[Change::RemoveVnic(&vnic), Change::AddVnic(&vnic)]).unwrap();
    let flow = flow(&store, vnic.id, "http", |_| {});
    store.commit(&[Change::AddFlow(&flow)]).unwrap();
    meddler.execute("UPDATE flow SET spec = '{}'", ()).unwrap();
    let error = store.load().unwrap_err();
    assert!(error.to_string().contains("flow 1 is damaged"), "{error}");
}

fn learned(id: u32, address: &str) -> Learned {
    Learned {
        id: LinkId(id),
        address: address.parse().unwrap(),
        method: Method::Dhcpv4,
        until: Some(Moment(700)),
        client: vec![1, 2, 3],
    }
}

fn pending(id: u32, xid: u32) -> Pending {
    Pending {
        id: LinkId(id),
        method: Method::Dhcpv4,
        xid,
        chaddr: Some(Mac::new([2, 8, 0x20, 1, 2, 3])),
        client: vec![1, 2, 3],
        awaits: Awaits::Lease,
        offers: Vec::new(),
        until: Moment(160),
    }
}

#[test]
fn what_guests_came_by_is_kept_until_the_next_boot() {
    let dir = tempfile::tempdir().unwrap();
    let both = [LinkId(7), LinkId(8)].into();
    {
        let mut store = open(dir.path());
        assert_eq!(store.load_learned().unwrap(), (vec![], vec![]));
        let first = learned(7, "192.168.1.7");
        let changes = [&first, &learned(8, "192.168.1.8")]
            .map(|learned| learning::Change::Learn(learned.clone()));
        let asked = [pending(7, 1), pending(8, 2)];
        store.keep_learned(&changes, &both, &asked).unwrap();
        // Learned again, forgotten, asked anew; of others nothing is said.
        let later = Learned { until: None, ..first };
        let changes = [
            learning::Change::Learn(later),
            learning::Change::Forget {
                id: LinkId(8),
                address: "192.168.1.8".parse().unwrap(),
            },
        ];
        let asked = [pending(7, 3)];
        store.keep_learned(&changes, &[LinkId(7)].into(), &asked).unwrap();
    }
    let want = Learned { until: None, ..learned(7, "192.168.1.7") };
    let got = open(dir.path()).load_learned().unwrap();
    assert_eq!(got, (vec![want], vec![pending(8, 2), pending(7, 3)]));
    let store = Store::open(dir.path(), "another boot").unwrap();
    assert_eq!(store.load_learned().unwrap(), (vec![], vec![]));
}
