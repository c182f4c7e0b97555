//! From the desired state to the data plane's tables.

use std::collections::BTreeMap;

use fabric::datapath::{
    AllowedKey, AllowedRow, ClientIdKey, DatapathTables, FdbKey, FdbRow,
    FloodKey, FloodList, FloodRow, LearnedKey, LinkRef, SegmentRow, Treatment,
    VnicRow,
};
use fabric::{
    AllowedIp, Bandwidth, Ends, IpFamily, LinkId, ResolvedSpec, ResolvedVnic,
    Vnic,
};

use crate::flow_rows;

/// The number that no VNIC has: the head of a flood list and its end.
const NONE: LinkId = LinkId(0);

/// Works out what the tables hold when exactly the VNICs of `resolved` are
/// there.
#[must_use]
pub fn compile(resolved: &ResolvedSpec) -> DatapathTables {
    let mut tables = DatapathTables::default();
    // A VNIC goes in front of those that follow it in its list. Taken from the
    // highest number down, the head always points at the row to come after.
    for vnic in resolved.vnics.values().rev() {
        let host_end = LinkRef::Name(Vnic::host_end(vnic.id));
        let blocked = is_blocked(resolved, vnic);
        let segment = tables.segments.entry(vnic.segment.clone());
        let segment = segment.or_insert(SegmentRow {
            station: vnic.station,
            promiscuous: false,
        });
        segment.promiscuous |= vnic.promiscuous;
        flood(&mut tables.flood, FloodList::All, vnic, &host_end, blocked);
        if vnic.promiscuous {
            let list = FloodList::Unknown;
            flood(&mut tables.flood, list, vnic, &host_end, blocked);
        }
        stations(&mut tables.fdb, vnic, &host_end, blocked);
        allow(&mut tables, vnic);
        let row = VnicRow {
            id: vnic.id,
            segment: vnic.segment.clone(),
            vid: vnic.vid_number(),
            mac: vnic.mac,
            secondary: !vnic.secondary_macs.is_empty(),
            mtu: vnic.mtu.into(),
            protection: vnic.protection,
            allow_all_dhcp_cids: vnic.allow_all_dhcp_cids,
            first: first(vnic),
            listed: families()
                .filter(|v| allowed(vnic, *v).len() > 1)
                .collect(),
            methods: vnic.methods,
            shaped: None,
            blocked,
            flows: !vnic.flows.is_empty(),
        };
        let flows = vnic.flows.iter().map(|flow| {
            let blocked = flow.maxbw == Some(Bandwidth::ZERO);
            (flow.id, flow.attrs, Treatment { blocked, ..Treatment::default() })
        });
        flow_rows::add(&mut tables.flows, vnic.id, flows);
        tables.vnics.insert(host_end, row);
    }
    tables
}

/// Whether nothing of a VNIC's passes: 0 is a cap like any other, but no queue
/// is so slow.
fn is_blocked(resolved: &ResolvedSpec, vnic: &ResolvedVnic) -> bool {
    let segment = resolved.segments.get(&vnic.segment);
    let caps = [vnic.maxbw, segment.and_then(|segment| segment.maxbw)];
    caps.contains(&Some(Bandwidth::ZERO))
}

/// Writes down whom a VNIC may be, also while nothing checks it: to switch a
/// check on or off is a change of one row.
fn allow(tables: &mut DatapathTables, vnic: &ResolvedVnic) {
    let id = vnic.id;
    for family in families() {
        let networks = allowed(vnic, family);
        if networks.len() > 1 {
            let key = AllowedKey { id, family };
            tables.allowed.insert(key, AllowedRow { networks });
        }
    }
    for client_id in vnic.allowed_dhcp_cids.iter() {
        let bytes = client_id.bytes().to_vec();
        tables.client_ids.insert(ClientIdKey { id, bytes }, ());
    }
    for address in &vnic.learned {
        tables.learned.insert(LearnedKey { id, address: *address }, ());
    }
}

fn families() -> impl Iterator<Item = IpFamily> {
    [IpFamily::V4, IpFamily::V6].into_iter()
}

/// The addresses of one version of IP that are allowed to a VNIC, ascending.
fn allowed(vnic: &ResolvedVnic, family: IpFamily) -> Vec<AllowedIp> {
    let networks = vnic.allowed_ips.iter();
    let mut networks: Vec<_> =
        networks.filter(|ip| ip.family() == family).collect();
    networks.sort_unstable();
    networks
}

/// The addresses for a VNIC's own row.
fn first(vnic: &ResolvedVnic) -> BTreeMap<IpFamily, AllowedIp> {
    let first = |family| allowed(vnic, family).first().copied();
    families()
        .filter_map(|family| first(family).map(|ip| (family, ip)))
        .collect()
}

/// Makes a station of each of a VNIC's addresses.
fn stations(
    fdb: &mut BTreeMap<FdbKey, FdbRow>,
    vnic: &ResolvedVnic,
    host_end: &LinkRef,
    blocked: bool,
) {
    for station in vnic.stations() {
        let row = FdbRow {
            id: vnic.id,
            host_end: host_end.clone(),
            mtu: vnic.mtu.into(),
            learns: !vnic.methods.is_none(),
            class: None,
            blocked,
            flows: !vnic.flows.is_empty(),
            steered: vnic.ends == Ends::Pair && !vnic.rings.cpus.is_empty(),
        };
        fdb.insert(station, row);
    }
}

/// Puts a VNIC at the front of a list.
fn flood(
    flood: &mut BTreeMap<FloodKey, FloodRow>,
    list: FloodList,
    vnic: &ResolvedVnic,
    host_end: &LinkRef,
    blocked: bool,
) {
    let key = |id| {
        let (segment, vid) = (vnic.segment.clone(), vnic.vid_number());
        FloodKey { segment, vid, list, id }
    };
    let front =
        FloodRow { host_end: None, next: vnic.id, mtu: 0, blocked: false };
    let next = flood.insert(key(NONE), front).map_or(NONE, |head| head.next);
    let (host_end, mtu) = (Some(host_end.clone()), vnic.mtu.into());
    flood.insert(key(vnic.id), FloodRow { host_end, next, mtu, blocked });
}

#[cfg(test)]
mod tests {
    use fabric::datapath::{Row, Segment};
    use std::collections::BTreeSet;

    use fabric::{
        AllowedIps, ClientIds, Mac, Methods, Mtu, Priority, Protection,
        SecondaryMacs, VlanId, WantedRings,
    };
    use proptest::prelude::*;

    use super::*;

    const STATION: [u8; 6] = [2, 0, 0, 0, 0, 0xfe];

    fn link(name: &str) -> Segment {
        Segment::Link(LinkRef::Name(name.parse().unwrap()))
    }

    fn vnic(id: u32, segment: Segment, vid: u16) -> ResolvedVnic {
        let stub = matches!(segment, Segment::Etherstub(_));
        let [.., c, d] = id.to_be_bytes();
        ResolvedVnic {
            id: LinkId(id),
            name: "net0".parse().unwrap(),
            zone: None,
            over: "bge0".parse().unwrap(),
            segment,
            station: (!stub).then(|| Mac::new(STATION)),
            mac: Mac::new([2, 8, 0x20, 0, c, d]),
            vid: VlanId::new(vid).ok(),
            mtu: Mtu::ETHERNET,
            maxbw: None,
            minbw: None,
            priority: Priority::OF_VNICS,
            rings: WantedRings::default(),
            flows: Vec::new(),
            protection: Protection::DEFAULT,
            allowed_ips: AllowedIps::default(),
            allowed_dhcp_cids: ClientIds::default(),
            allow_all_dhcp_cids: false,
            secondary_macs: SecondaryMacs::default(),
            promiscuous: false,
            methods: Methods::NONE,
            learned: BTreeSet::new(),
            ends: Ends::Pair,
        }
    }

    fn resolved(vnics: impl IntoIterator<Item = ResolvedVnic>) -> ResolvedSpec {
        let vnics = vnics.into_iter().map(|vnic| (vnic.id, vnic)).collect();
        ResolvedSpec { vnics, ..ResolvedSpec::default() }
    }

    fn rows(tables: &DatapathTables) -> Vec<String> {
        tables.rows().map(|row: Row| row.to_string()).collect()
    }

    #[test]
    fn no_vnic_no_row() {
        assert_eq!(
            compile(&ResolvedSpec::default()),
            DatapathTables::default()
        );
    }

    #[test]
    fn one_vnic() {
        let got = compile(&resolved([vnic(7, link("bge0"), 5)]));
        assert_eq!(
            rows(&got),
            [
                "segment bge0 station 2:0:0:0:0:fe",
                "vnic vnic-7 id 7 segment bge0 vid 5 mac 2:8:20:0:0:7 \
                 mtu 1500 protection mac-nospoof",
                "fdb bge0 vid 5 mac 2:8:20:0:0:7 -> vnic-7 id 7 mtu 1500",
                "flood bge0 vid 5 id 7 -> vnic-7 mtu 1500 next 0",
                "flood bge0 vid 5 id 0 next 7",
            ]
        );
    }

    #[test]
    fn whom_a_vnic_may_be() {
        let mut vnic = vnic(7, link("bge0"), 0);
        let ips = ["10.0.0.9", "2001:db8::7", "10.0.0.0/30"];
        let ips = ips.map(|ip| ip.parse().unwrap()).to_vec();
        vnic.allowed_ips = AllowedIps::try_from(ips).unwrap();
        let ids = ["web", "0x01"].map(|id| id.parse().unwrap()).to_vec();
        vnic.allowed_dhcp_cids = ClientIds::try_from(ids).unwrap();
        vnic.allow_all_dhcp_cids = true;
        vnic.methods = "addrconf".parse().unwrap();
        let learned = ["10.0.0.77", "2001:db8::77"];
        vnic.learned = learned.map(|ip| ip.parse().unwrap()).into();
        assert_eq!(
            rows(&compile(&resolved([vnic])))[..8],
            [
                "segment bge0 station 2:0:0:0:0:fe",
                "allowed id 7 IPv4 10.0.0.0/30 10.0.0.9/32",
                "client-id id 7 0x01",
                "client-id id 7 0x776562",
                "learned id 7 10.0.0.77",
                "learned id 7 2001:db8::77",
                "vnic vnic-7 id 7 segment bge0 vid 0 mac 2:8:20:0:0:7 \
                 mtu 1500 protection mac-nospoof any client-id as 10.0.0.0/30 \
                 as 2001:db8::7/128 listed IPv4 learns dhcpv6,slaac",
                "fdb bge0 vid 0 mac 2:8:20:0:0:7 -> vnic-7 id 7 mtu 1500 \
                 learns",
            ]
        );
    }

    #[test]
    fn further_addresses_are_further_stations() {
        let mut vnic = vnic(7, link("bge0"), 5);
        let macs = ["2:8:20:0:1:1", "2:8:20:0:1:2"];
        let macs = macs.map(|mac| mac.parse().unwrap()).to_vec();
        vnic.secondary_macs = macs.try_into().unwrap();
        vnic.mtu = Mtu::new(1400).unwrap();
        assert_eq!(
            rows(&compile(&resolved([vnic])))[1..5],
            [
                "vnic vnic-7 id 7 segment bge0 vid 5 mac 2:8:20:0:0:7 and \
                 more mtu 1400 protection mac-nospoof",
                "fdb bge0 vid 5 mac 2:8:20:0:0:7 -> vnic-7 id 7 mtu 1400",
                "fdb bge0 vid 5 mac 2:8:20:0:1:1 -> vnic-7 id 7 mtu 1400",
                "fdb bge0 vid 5 mac 2:8:20:0:1:2 -> vnic-7 id 7 mtu 1400",
            ]
        );
    }

    #[test]
    fn who_gets_frames_for_stations_that_nobody_knows() {
        let mut open = vnic(8, link("bge0"), 5);
        open.promiscuous = true;
        let got = rows(&compile(&resolved([
            vnic(7, link("bge0"), 5),
            open,
            vnic(9, link("bge0"), 0),
        ])));
        assert_eq!(got[0], "segment bge0 station 2:0:0:0:0:fe promiscuous");
        let unknown: Vec<&str> = got
            .iter()
            .filter_map(|row| row.strip_prefix("flood-unknown "))
            .collect();
        let want = [
            "bge0 vid 5 id 8 -> vnic-8 mtu 1500 next 0",
            "bge0 vid 5 id 0 next 8",
        ];
        assert_eq!(unknown, want);
    }

    #[test]
    fn an_etherstub_has_no_station() {
        let stub = Segment::Etherstub(LinkId(3));
        let got = compile(&resolved([vnic(7, stub.clone(), 0)]));
        let row = SegmentRow { station: None, promiscuous: false };
        assert_eq!(got.segments[&stub], row);
    }

    #[test]
    fn protection_is_the_vnics_own() {
        let mut open = vnic(7, link("bge0"), 0);
        open.protection = Protection::NONE;
        let got = compile(&resolved([open, vnic(8, link("bge0"), 0)]));
        let protection: Vec<_> =
            got.vnics.values().map(|row| row.protection).collect();
        assert_eq!(protection, [Protection::NONE, Protection::DEFAULT]);
    }

    #[test]
    fn each_vlan_of_each_segment_has_a_list_in_ascending_order() {
        // 9 before 10: by number, not by the host end's text.
        let got = compile(&resolved([
            vnic(10, link("bge0"), 0),
            vnic(9, link("bge0"), 0),
            vnic(11, link("bge0"), 5),
            vnic(12, link("bge1"), 0),
            vnic(13, Segment::Etherstub(LinkId(3)), 0),
            vnic(8, link("bge0"), 0),
        ]));
        let flood: Vec<String> = got
            .flood
            .iter()
            .map(|(key, row)| Row::Flood(key.clone(), row.clone()).to_string())
            .collect();
        assert_eq!(
            flood,
            [
                "flood bge0 vid 0 id 0 next 8",
                "flood bge0 vid 0 id 8 -> vnic-8 mtu 1500 next 9",
                "flood bge0 vid 0 id 9 -> vnic-9 mtu 1500 next 10",
                "flood bge0 vid 0 id 10 -> vnic-10 mtu 1500 next 0",
                "flood bge0 vid 5 id 0 next 11",
                "flood bge0 vid 5 id 11 -> vnic-11 mtu 1500 next 0",
                "flood bge1 vid 0 id 0 next 12",
                "flood bge1 vid 0 id 12 -> vnic-12 mtu 1500 next 0",
                "flood stub-3 vid 0 id 0 next 13",
                "flood stub-3 vid 0 id 13 -> vnic-13 mtu 1500 next 0",
            ]
        );
    }

    fn any_vnic() -> impl Strategy<Value = ResolvedVnic> {
        let segment = prop_oneof![
            Just(link("bge0")),
            Just(link("bge1")),
            Just(Segment::Etherstub(LinkId(3))),
        ];
        (1..200_u32, segment, 0..3_u16)
            .prop_map(|(id, segment, vid)| vnic(id, segment, vid))
    }

    proptest! {
        #[test]
        fn a_walk_of_the_lists_meets_every_vnic_once(
            vnics in prop::collection::vec(any_vnic(), 0..40),
        ) {
            let resolved = resolved(vnics);
            let tables = compile(&resolved);
            let mut met = Vec::new();
            for head in tables.flood.keys().filter(|key| key.id == NONE) {
                let mut key = head.clone();
                while tables.flood[&key].next != NONE {
                    key.id = tables.flood[&key].next;
                    met.push(key.id);
                }
            }
            met.sort_unstable();
            prop_assert!(met.iter().eq(resolved.vnics.keys()));
        }

        #[test]
        fn a_vnic_changes_no_row_of_another_list(
            vnics in prop::collection::vec(any_vnic(), 1..40),
        ) {
            let all = resolved(vnics);
            let (last, without) = {
                let mut without = all.clone();
                let (_, last) = without.vnics.pop_last().unwrap();
                (last, without)
            };
            let strip = |mut tables: DatapathTables| {
                tables.segments.remove(&last.segment);
                tables.fdb.retain(|_, row| row.id != last.id);
                tables.vnics.retain(|_, row| row.id != last.id);
                tables.flood.retain(|key, _| {
                    (&key.segment, key.vid) != (&last.segment, last.vid_number())
                });
                tables
            };
            prop_assert_eq!(strip(compile(&all)), strip(compile(&without)));
        }
    }
}
