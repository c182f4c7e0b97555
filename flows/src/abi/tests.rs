//! The bytes of every table's rows, and that the programs know the same.

use proptest::prelude::*;

use super::*;

const HEADER: &str = include_str!("../bpf/abi.h");

fn links() -> LinkIndexes {
    let mut links: LinkIndexes =
        [("bge0".parse().unwrap(), 2)].into_iter().collect();
    links.insert("vnic-7".parse().unwrap(), 9);
    links.insert_crossing("vnic-8".parse().unwrap(), 10);
    links
}

fn name(text: &str) -> LinkRef {
    LinkRef::Name(text.parse().unwrap())
}

/// `NAME VALUE` of a `#define`, or `NAME = VALUE,` of an enum.
fn constant(name: &str) -> u64 {
    let value = HEADER
        .lines()
        .find_map(|line| {
            let line = line.trim();
            let rest = line.strip_prefix("#define ").unwrap_or(line);
            let rest = rest.strip_prefix(name)?.strip_prefix(' ')?;
            Some(rest.trim_start_matches("= ").trim_end_matches(','))
        })
        .unwrap_or_else(|| panic!("abi.h has no {name}"));
    match value.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => value.parse(),
    }
    .unwrap_or_else(|error| panic!("{name} {value}: {error}"))
}

#[test]
fn the_header_numbers_drop_reasons_as_the_vocabulary_does() {
    let reasons: Vec<(&str, u64)> = HEADER
        .lines()
        .filter_map(|line| line.trim().split_once(" = "))
        .filter(|(name, _)| name.starts_with("DROP_"))
        .map(|(name, _)| (name, constant(name)))
        .collect();
    // MacSpoof is DROP_MAC_SPOOF.
    let want: Vec<(String, u64)> = DropReason::ALL
        .into_iter()
        .map(|reason| {
            let mut name = "DROP".to_owned();
            for letter in format!("{reason:?}").chars() {
                if letter.is_uppercase() {
                    name.push('_');
                }
                name.push(letter.to_ascii_uppercase());
            }
            (name, reason as u64)
        })
        .collect();
    let want: Vec<(&str, u64)> =
        want.iter().map(|(name, at)| (name.as_str(), *at)).collect();
    assert_eq!(reasons, want);
}

#[test]
fn the_header_has_the_same_constants() {
    for (name, here) in [
        ("SEGMENT_ETHERSTUB", u64::from(SEGMENT_ETHERSTUB)),
        ("GUARD_MAC_NOSPOOF", u64::from(GUARD_MAC_NOSPOOF)),
        ("GUARD_RESTRICTED", u64::from(GUARD_RESTRICTED)),
        ("GUARD_IP_NOSPOOF", u64::from(GUARD_IP_NOSPOOF)),
        ("GUARD_DHCP_NOSPOOF", u64::from(GUARD_DHCP_NOSPOOF)),
        ("GUARD_ANY_CLIENT_ID", u64::from(GUARD_ANY_CLIENT_ID)),
        ("ALLOWED_MAX", AllowedIps::MAX as u64),
        ("CLIENT_ID_MAX", ClientId::MAX as u64),
        ("GUARD_SECONDARY", u64::from(GUARD_SECONDARY)),
        ("GUARD_ALLOWED4", u64::from(GUARD_ALLOWED4)),
        ("GUARD_ALLOWED6", u64::from(GUARD_ALLOWED6)),
        ("GUARD_DHCP4", u64::from(GUARD_DHCP4)),
        ("GUARD_DHCP6", u64::from(GUARD_DHCP6)),
        ("GUARD_SLAAC", u64::from(GUARD_SLAAC)),
        ("VNIC_BLOCKED", u64::from(VNIC_BLOCKED)),
        ("VNIC_WAITS", u64::from(VNIC_WAITS)),
        ("VNIC_FLOWS", u64::from(VNIC_FLOWS)),
        ("FDB_BLOCKED", u64::from(FDB_BLOCKED)),
        ("FDB_FLOWS", u64::from(FDB_FLOWS)),
        ("FDB_STEERED", u64::from(FDB_STEERED)),
        ("FLOOD_BLOCKED", u64::from(FLOOD_BLOCKED)),
        ("FDB_PEER", u64::from(FDB_PEER)),
        ("FDB_LEARNS", u64::from(FDB_LEARNS)),
        ("SEGMENT_PROMISCUOUS", u64::from(SEGMENT_PROMISCUOUS)),
        ("FLOOD_ALL", u64::from(FLOOD_ALL)),
        ("FLOOD_UNKNOWN", u64::from(FLOOD_UNKNOWN)),
        ("FAMILY_IPV4", u64::from(FAMILY_IPV4)),
        ("FAMILY_IPV6", u64::from(FAMILY_IPV6)),
        ("DROP_REASONS_MAX", DROP_REASONS_MAX as u64),
    ] {
        assert_eq!(constant(name), here, "{name}");
    }
}

#[test]
fn the_header_asserts_the_same_sizes() {
    for (name, size) in [
        ("vnic", size_of::<VnicAbi>()),
        ("network4", size_of::<Network4Abi>()),
        ("allowed4", size_of::<Allowed4Abi>()),
        ("network6", size_of::<Network6Abi>()),
        ("allowed6", size_of::<Allowed6Abi>()),
        ("client_id", size_of::<ClientIdAbi>()),
        ("learned", size_of::<LearnedAbi>()),
        ("fdb_key", size_of::<FdbKeyAbi>()),
        ("fdb_entry", size_of::<FdbEntryAbi>()),
        ("flood_key", size_of::<FloodKeyAbi>()),
        ("flood_entry", size_of::<FloodEntryAbi>()),
        ("segment", size_of::<SegmentAbi>()),
        ("traffic", size_of::<TrafficAbi>()),
        ("drops", size_of::<DropsAbi>()),
    ] {
        let want = format!("_Static_assert(sizeof(struct {name}) == {size},");
        assert!(HEADER.contains(&want), "abi.h lacks {want}");
    }
}

fn networks(texts: &[&str]) -> AllowedRow {
    let networks = texts.iter().map(|text| text.parse().unwrap());
    AllowedRow { networks: networks.collect() }
}

fn first(texts: &[&str]) -> BTreeMap<IpFamily, AllowedIp> {
    let ips = texts.iter().map(|text| text.parse().unwrap());
    ips.map(|ip: AllowedIp| (ip.family(), ip)).collect()
}

/// VNIC 7 has slot 3.
fn slots() -> Slots {
    let mut slots = Slots::default();
    slots.insert(LinkId(7), 3);
    slots
}

/// A class of `vnic-8`, as if it were a shaper.
fn shaped(waits: bool) -> Option<Shaped> {
    Some(Shaped { shaper: name("vnic-8"), class: ClassId(0x102), waits })
}

fn vnic_value(
    head: [u32; 5],
    first4: [u32; 2],
    first6: [u32; 8],
    shaped: [u32; 2],
) -> Vec<u32> {
    [&head[..], &[3], &first4, &first6, &shaped].concat()
}

fn padded(words: &[u32], length: usize) -> Vec<u32> {
    let mut words = words.to_vec();
    words.resize(length, 0);
    words
}

#[test]
fn what_is_too_long_for_its_place_is_refused() {
    let id = LinkId(7);
    let too_long = |length| Err(EncodeError::TooLong { length });
    let row = Row::ClientId(ClientIdKey { id, bytes: vec![0; 257] });
    assert_eq!(encode_key(&row, &links()), too_long(257));
    let ip = "10.0.0.1".parse().unwrap();
    for family in [IpFamily::V4, IpFamily::V6] {
        let networks = AllowedRow { networks: vec![ip; 33] };
        let row = Row::Allowed(AllowedKey { id, family }, networks);
        let value = encode_value(&row, &links(), &slots());
        assert_eq!(value, too_long(33));
        assert!(encode_key(&row, &links()).is_ok(), "it can be deleted");
    }
}

#[test]
fn a_list_that_is_not_ours_is_read_as_empty() {
    let id = LinkId(7);
    let key = AllowedKey { id, family: IpFamily::V4 };
    let ours = Row::Allowed(key, networks(&["10.1.0.0/16"]));
    let bytes = encode_value(&ours, &links(), &slots()).unwrap();
    let empty = Row::Allowed(key, AllowedRow::default());
    for (title, at, byte) in [
        ("a count beyond the end", 0, 33),
        ("an address behind the prefix", 7, 1),
        ("a mask with a hole", 11, 1),
        ("no mask", 8, 0),
    ] {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        let key = id.0.as_bytes();
        let got = decode(Table::Allowed4, key, &bytes, &links());
        assert_eq!(got, Some(empty.clone()), "{title}");
    }
    let mut key = vec![0; 264];
    key[5] = 2;
    let got = decode(Table::ClientIds, &key, &[0; 4], &links());
    assert_eq!(got, None, "a client id beyond its end");
}

#[test]
fn bytes() {
    let mac = Mac::new([2, 8, 0x20, 1, 2, 3]);
    let stub = Segment::Etherstub(LinkId(3));
    let bge0 = Segment::Link(name("bge0"));
    let id = LinkId(7);
    let plain = VnicRow {
        id,
        segment: bge0.clone(),
        vid: 0,
        mac,
        secondary: false,
        mtu: 1500,
        protection: Protection::NONE,
        allow_all_dhcp_cids: false,
        first: [].into(),
        listed: [].into(),
        methods: Methods::NONE,
        shaped: None,
        blocked: false,
        flows: false,
    };
    let all = VnicRow {
        secondary: true,
        protection: Protection::ALL,
        allow_all_dhcp_cids: true,
        first: first(&["10.1.0.0/16", "2001:db8::7"]),
        listed: [IpFamily::V4, IpFamily::V6].into(),
        methods: "dhcpv4,addrconf".parse().unwrap(),
        shaped: shaped(true),
        ..plain.clone()
    };
    let on_stub = VnicRow {
        segment: stub.clone(),
        vid: 5,
        protection: Protection::DEFAULT,
        first: first(&["10.0.0.7"]),
        listed: [IpFamily::V6].into(),
        methods: "dhcpv4".parse().unwrap(),
        shaped: shaped(false),
        blocked: true,
        ..plain.clone()
    };
    let on_link = |vid| FdbKey { segment: bge0.clone(), vid, mac };
    let place = |vid, list, id| FloodKey {
        segment: bge0.clone(),
        vid,
        list,
        id: LinkId(id),
    };
    let cases: Vec<(Row, Vec<u32>, Vec<u32>)> = vec![
        (
            Row::Segment(
                bge0.clone(),
                SegmentRow { station: Some(mac), promiscuous: false },
            ),
            vec![2],
            vec![2, 0x0802_0000, 0x0302_0120],
        ),
        (
            Row::Segment(
                stub.clone(),
                SegmentRow { station: None, promiscuous: true },
            ),
            vec![0x8000_0003],
            vec![0, 1, 0],
        ),
        (
            Row::Vnic(name("vnic-7"), on_stub),
            vec![9],
            vnic_value(
                [7, 0x8000_0003, 0x0181_0005, 0x0120_0802, 0x05dc_0302],
                [0x0700_000a, !0],
                [0, 0, 0, 0, !0, !0, !0, !0],
                [10, 0x0001_0102],
            ),
        ),
        (
            Row::Vnic(LinkRef::Gone(99), plain),
            vec![99],
            vnic_value(
                [7, 2, 0, 0x0120_0802, 0x05dc_0302],
                [0, !0],
                [0, 0, 0, 0, !0, !0, !0, !0],
                [0, 0],
            ),
        ),
        (
            Row::Vnic(name("vnic-7"), all),
            vec![9],
            vnic_value(
                [7, 2, 0x07ff_0000, 0x0120_0802, 0x05dc_0302],
                [0x010a, 0xffff],
                [0xb80d_0120, 0, 0, 0x0700_0000, !0, !0, !0, !0],
                [10, 0x0002_0102],
            ),
        ),
        (
            Row::Allowed(
                AllowedKey { id, family: IpFamily::V4 },
                networks(&["10.1.0.0/16", "192.168.1.7"]),
            ),
            vec![7],
            padded(&[2, 0x010a, 0xffff, 0x0701_a8c0, 0xffff_ffff], 260 / 4),
        ),
        (
            Row::Allowed(
                AllowedKey { id, family: IpFamily::V6 },
                networks(&["2001:db8::/33"]),
            ),
            vec![7],
            padded(
                &[1, 0xb80d_0120, 0, 0, 0, 0xffff_ffff, 0x80, 0, 0],
                1028 / 4,
            ),
        ),
        (
            Row::ClientId(ClientIdKey { id, bytes: vec![1, 2, 3, 4, 5] }),
            padded(&[7, 5, 0x0403_0201, 5], 264 / 4),
            vec![0],
        ),
        (
            Row::Learned(LearnedKey {
                id,
                address: "192.168.1.7".parse().unwrap(),
            }),
            vec![7, 4, 0x0701_a8c0, 0, 0, 0],
            vec![0],
        ),
        (
            Row::Learned(LearnedKey {
                id,
                address: "2001:db8::7".parse().unwrap(),
            }),
            vec![7, 6, 0xb80d_0120, 0, 0, 0x0700_0000],
            vec![0],
        ),
        (
            Row::Fdb(
                on_link(5),
                FdbRow {
                    id,
                    host_end: name("vnic-7"),
                    mtu: 1400,
                    learns: true,
                    class: Some(ClassId(2)),
                    blocked: true,
                    flows: false,
                    steered: false,
                },
            ),
            vec![2, 0x0005_0802, 0x0302_0120],
            vec![9, 7, 0x0578_0006, 3, 2],
        ),
        (
            Row::Fdb(
                on_link(0),
                FdbRow {
                    id: LinkId(8),
                    host_end: name("vnic-8"),
                    mtu: 9000,
                    learns: false,
                    class: None,
                    blocked: false,
                    flows: false,
                    steered: true,
                },
            ),
            vec![2, 0x0802, 0x0302_0120],
            vec![10, 8, 0x2328_0011, 0, 0],
        ),
        (
            Row::Flood(
                FloodKey { segment: stub, ..place(5, FloodList::All, 0) },
                FloodRow { host_end: None, next: id, mtu: 0, blocked: false },
            ),
            vec![0x8000_0003, 5, 0],
            vec![0, 7, 0, 0],
        ),
        (
            Row::Flood(
                place(5, FloodList::Unknown, 7),
                FloodRow {
                    host_end: Some(name("vnic-7")),
                    next: LinkId(0),
                    mtu: 1500,
                    blocked: true,
                },
            ),
            vec![2, 0x0001_0005, 7],
            vec![9, 0, 3, 0x0001_05dc],
        ),
    ];
    // The words above are written for little-endian machines.
    if cfg!(target_endian = "big") {
        return;
    }
    for (row, want_key, want_value) in cases {
        let key = encode_key(&row, &links()).unwrap();
        let value = encode_value(&row, &links(), &slots()).unwrap();
        assert_eq!(key, want_key.as_bytes(), "key of {row}");
        assert_eq!(value, want_value.as_bytes(), "value of {row}");
        let back = decode(Table::of(&row), &key, &value, &links());
        assert_eq!(back, Some(row));
    }
}

#[test]
fn a_learned_address_that_is_not_ours_is_no_row() {
    let address = "10.0.0.7".parse().unwrap();
    let row = Row::Learned(LearnedKey { id: LinkId(7), address });
    let key = encode_key(&row, &links()).unwrap();
    for (at, byte) in [(4, 5), (23, 1)] {
        let mut key = key.clone();
        key[at] = byte;
        let got = decode(Table::Learned, &key, &[0; 4], &links());
        assert_eq!(got, None, "{at}");
    }
}

#[test]
fn a_link_that_is_not_there_is_named() {
    let mac = Mac::new([2; 6]);
    let row = |segment: &str, host_end: &str| {
        let segment = Segment::Link(name(segment));
        Row::Fdb(
            FdbKey { segment, vid: 0, mac },
            FdbRow {
                id: LinkId(7),
                host_end: name(host_end),
                mtu: 1500,
                learns: false,
                class: None,
                blocked: false,
                flows: false,
                steered: false,
            },
        )
    };
    let gone = |name: &str| EncodeError::NoSuchLink(name.parse().unwrap());
    let lost = row("bge1", "vnic-7");
    assert_eq!(encode_key(&lost, &links()), Err(gone("bge1")));
    let lost = row("bge0", "vnic-9");
    assert!(encode_key(&lost, &links()).is_ok(), "it can be deleted");
    let value = encode_value(&lost, &links(), &slots());
    assert_eq!(value, Err(gone("vnic-9")));
}

#[test]
fn an_etherstub_number_leaves_the_highest_bit() {
    let id = LinkId(SEGMENT_ETHERSTUB);
    let row = SegmentRow { station: None, promiscuous: false };
    let row = Row::Segment(Segment::Etherstub(id), row);
    let want = Err(EncodeError::EtherstubNumber(id));
    assert_eq!(encode_key(&row, &links()), want);
}

#[test]
fn counters_add_up_over_cpus() {
    let traffic = |n: u64| {
        TrafficAbi {
            ipackets: n,
            rbytes: 10 * n,
            opackets: 100 * n,
            obytes: 1000 * n,
        }
        .as_bytes()
        .to_vec()
    };
    let drops = |n: u64| {
        let mut drops = DropsAbi::new_zeroed();
        drops.frames[DropReason::Hairpin as usize] = n;
        drops.as_bytes().to_vec()
    };
    let want = Counters {
        ipackets: 3,
        rbytes: 30,
        opackets: 300,
        obytes: 3000,
        drops: [(DropReason::Hairpin, 3)].into(),
    };
    let sum = sum_counters(
        &[traffic(1), traffic(2)],
        &[drops(1), drops(0), drops(2)],
    );
    assert_eq!(sum, Some(want));
    let none = sum_counters(&[no_traffic()], &[no_drops()]);
    assert_eq!(none, Some(Counters::default()));
    assert_eq!(sum_counters(&[no_drops()], &[]), None);
    assert_eq!(drops_key(LinkId(7)), 7_u32.as_bytes());
    assert_eq!(slot_key(3), 3_u32.as_bytes());
}

#[test]
fn bytes_of_another_length_are_no_row() {
    for table in Table::ALL {
        assert_eq!(decode(table, &[0; 3], &[0; 3], &links()), None);
    }
}

proptest! {
    #[test]
    fn whatever_a_table_holds_can_be_deleted(
        key: [u8; 12], value in any::<[[u8; 32]; 33]>(),
    ) {
        let value = value.as_flattened();
        for (table, key_size, value_size) in [
            (Table::Vnics, 4, 72),
            (Table::Allowed4, 4, 260),
            (Table::Allowed6, 4, 1028),
            (Table::Fdb, 12, 20),
            (Table::Flood, 12, 16),
            (Table::Segments, 4, 12),
        ] {
            let (mut key, value) =
                (key[..key_size].to_vec(), &value[..value_size]);
            if table == Table::Flood {
                // There are two lists.
                (key[6], key[7]) = (key[6] & 1, 0);
            }
            let row = decode(table, &key, value, &links()).unwrap();
            prop_assert_eq!(Table::of(&row), table);
            prop_assert_eq!(encode_key(&row, &links()), Ok(key));
        }
    }
}

#[test]
fn the_slot_of_another_versions_vnic_is_found_where_it_has_always_been() {
    let mut value = vec![0xff; 24];
    value[..4].copy_from_slice(&7_u32.to_ne_bytes());
    value[20..].copy_from_slice(&3_u32.to_ne_bytes());
    let found = Some((LinkId(7), 3));
    assert_eq!(slot_in(&value), found);
    assert_eq!(slot_in(&[&value[..], &[1; 99]].concat()), found);
    assert_eq!(slot_in(&value[..23]), None);
}

/// What the layouts of `abi.h` were when somebody last thought about it.
const LAYOUTS: u64 = 0xe58e_3c12_487d_4ec5;

/// One version knows another's tables by their sizes and by their names. So who
/// changes what is here has to answer: does a row of the same size mean
/// something else now? Then its map in maps.h gets the next number behind its
/// name (`fdb_2`). When that is done, or needs not be, the new number goes into
/// [`LAYOUTS`].
#[test]
fn a_change_of_what_rows_mean_is_not_made_in_passing() {
    let mut code = String::new();
    let mut rest = HEADER;
    while let Some((before, comment)) = rest.split_once("/*") {
        code += before;
        rest = comment.split_once("*/").unwrap().1;
    }
    code += rest;
    // FNV-1a: one that will be the same with every compiler.
    let hash = code
        .split_whitespace()
        .flat_map(str::bytes)
        .fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
    assert_eq!(hash, LAYOUTS, "{hash:#x}: see the comment above this test");
}
