//! Declared states of two NICs, and the host that they are on.
//!
//!   bge0  1500  tag admin    stub0  an etherstub
//!   bge1  9000  tag fast     zones web and db; nowhere doesn't run
//!         merges what it receives

use std::sync::Arc;

use fabric::{
    AllowedIp, Bandwidth, Duplex, Etherstub, FabricSpec, Flow, FlowId,
    FlowProps, HostCpus, LinkClass, LinkId, LinkProps, LinkSettings, LinkState,
    Mac, MacType, Mode, Mtu, Observed, ObservedLink, Owner, Priority, Vnic,
    VnicProps,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};
use tagmap::{Config, TagMap};

use crate::common::{Wanted, states};

/// The numbers that VNICs may have. Few, so that two specs share some.
pub(crate) const IDS: std::ops::RangeInclusive<u32> = 1..=7;

pub(crate) fn tags() -> TagMap {
    let text = "admin_nic=2:0:0:0:0:1\nfast_nic=2:0:0:0:0:2\nfast_mtu=4000\n";
    TagMap::from_config(&Config::parse(text).unwrap()).unwrap()
}

pub(crate) fn host() -> Observed {
    let link = |last, mtu| ObservedLink {
        class: LinkClass::Phys,
        mac: Mac::new([2, 0, 0, 0, 0, last]),
        factory_mac: None,
        mtu: Mtu::new(mtu).unwrap(),
        state: LinkState::Up,
        speed: (last == 1).then_some(1000),
        duplex: Duplex::Full,
        promiscuous: false,
        lro: last == 2,
    };
    Observed {
        links: [
            ("bge0".parse().unwrap(), link(1, 1500)),
            ("bge1".parse().unwrap(), link(2, 9000)),
        ]
        .into(),
        zones: ["web", "db"].map(|zone| zone.parse().unwrap()).into(),
        cpus: HostCpus {
            possible: "0-3".parse().unwrap(),
            online: "0-3".parse().unwrap(),
            isolated: "3".parse().unwrap(),
        },
        ..Observed::default()
    }
}

/// What is protected, and what allowed. Few of each, so that two VNICs' or one's
/// before and after have something in common.
pub(crate) fn props(mtu: Option<u16>) -> impl Strategy<Value = VnicProps> {
    let ips =
        ["10.0.0.1", "10.0.0.2", "10.1.0.0/16", "2001:db8::1", "2001::/16"];
    let ids = ["web", "0x0102", "3.1.2:8:20:0:0:1"];
    let words = ["mac-nospoof", "restricted", "ip-nospoof", "dhcp-nospoof"];
    (
        subsequence(words.to_vec(), 0..=4),
        subsequence(ips.to_vec(), 0..=5),
        subsequence(ids.to_vec(), 0..=3),
        any::<bool>(),
        select(vec![None, None, Some(None), Some(Some(1000))]),
        subsequence(vec!["dhcpv4", "dhcpv6", "slaac"], 0..=3),
        // Also the addresses that other VNICs have.
        subsequence((1..=14_u8).collect::<Vec<_>>(), 0..=2),
        any::<bool>(),
    )
        .prop_map(
            move |(words, ips, ids, any_cid, tap, methods, macs, filtered)| {
                let ips: Vec<AllowedIp> =
                    ips.iter().map(|ip| ip.parse().unwrap()).collect();
                let ids: Vec<_> =
                    ids.iter().map(|id| id.parse().unwrap()).collect();
                let words = match words.join(",") {
                    words if words.is_empty() => "none".to_owned(),
                    words => words,
                };
                VnicProps {
                    mtu: mtu.map(|mtu| Mtu::new(mtu.into()).unwrap()),
                    maxbw: None,
                    minbw: None,
                    priority: Priority::OF_VNICS,
                    cpus: None,
                    rxrings: None,
                    txrings: None,
                    protection: words.parse().unwrap(),
                    allowed_ips: ips.try_into().unwrap(),
                    allowed_dhcp_cids: ids.try_into().unwrap(),
                    allow_all_dhcp_cids: any_cid,
                    dynamic_methods: methods
                        .join(",")
                        .parse()
                        .unwrap_or_default(),
                    secondary_macs: macs
                        .into_iter()
                        .map(|last| Mac::new([2, 8, 0x20, 0, 0, last]))
                        .collect::<Vec<_>>()
                        .try_into()
                        .unwrap(),
                    promisc_filtered: filtered,
                    mode: if tap.is_some() { Mode::Tap } else { Mode::Veth },
                    owner: tap.flatten().map(Owner::Uid),
                }
            },
        )
}

/// A cap, a guarantee and a priority. Many have none.
pub(crate) fn bandwidth()
-> impl Strategy<Value = (Option<Bandwidth>, Option<Bandwidth>, Priority)> {
    let mbps = |mbps: u32| Some(Bandwidth::from_mbps(mbps));
    let none = (None, None, Priority::OF_VNICS);
    select(vec![
        none,
        none,
        none,
        (mbps(100), None, Priority::OF_VNICS),
        (mbps(20), mbps(10), Priority::OF_VNICS),
        (Some(Bandwidth::FLOOR), None, Priority::Low),
        (mbps(0), None, Priority::OF_VNICS),
        (None, mbps(300), Priority::Medium),
    ])
}

/// CPUs and numbers of rings. Many have none; some ask for what is not there.
pub(crate) fn rings()
-> impl Strategy<Value = (&'static str, &'static str, &'static str)> {
    select(vec![
        ("", "", ""),
        ("", "", ""),
        ("1", "", "sw"),
        ("", "2", ""),
        ("0-1", "2", "3"),
        ("2-7", "9", "1"),
        ("3", "", "2"),
    ])
}

/// A VNIC of a number. Addresses are few, so some VNICs are blocked for them.
pub(crate) fn vnic(id: u32) -> impl Strategy<Value = Vnic> {
    let over = ["bge0", "bge1", "stub0", "tag:admin", "tag:fast", "tag:none"];
    let zone = [None, Some("web"), Some("db"), Some("nowhere")];
    (
        select(over.to_vec()),
        select(zone.to_vec()),
        select(vec![None, None, Some(5)]),
        select(vec![None, None, Some(1400), Some(4000)]).prop_flat_map(props),
        bandwidth(),
        rings(),
        1..=9_u8,
    )
        .prop_map(
            move |(over, zone, vid, props, bandwidth, rings, mac)| Vnic {
                id: LinkId(id),
                name: format!("net{id}").parse().unwrap(),
                zone: zone.map(|zone| zone.parse().unwrap()),
                over: over.parse().unwrap(),
                mac: Mac::new([2, 8, 0x20, 0, 0, mac]),
                mac_type: MacType::Fixed,
                vid: vid.map(|vid: u16| fabric::VlanId::new(vid).unwrap()),
                props: VnicProps {
                    maxbw: bandwidth.0,
                    minbw: bandwidth.1,
                    priority: bandwidth.2,
                    cpus: rings.0.parse().ok(),
                    rxrings: rings.1.parse().ok(),
                    txrings: rings.2.parse().ok(),
                    ..props
                },
                kept: None,
                temporary: false,
            },
        )
}

pub(crate) fn spec(vnics: impl IntoIterator<Item = Vnic>) -> FabricSpec {
    let id = LinkId(100);
    let name = "stub0".parse().unwrap();
    let settings = LinkSettings::default();
    let temporary = false;
    let stub = Etherstub { id, name, mtu: Mtu::ETHERSTUB, settings, temporary };
    FabricSpec {
        etherstubs: [(id, stub)].into(),
        vnics: vnics
            .into_iter()
            .map(|vnic| (vnic.id, Arc::new(vnic)))
            .collect(),
        ..FabricSpec::default()
    }
}

pub(crate) fn any_spec() -> impl Strategy<Value = FabricSpec> {
    let ids: Vec<u32> = IDS.collect();
    let all: Vec<_> = ids.iter().map(|id| vnic(*id)).collect();
    let caps = vec![None, None, None, Some(0), Some(50)];
    let parts = (all, subsequence(ids, 0..=7), select(caps), any_flows());
    parts.prop_map(|(all, ids, cap, flows)| {
        let vnics = all.into_iter().filter(|vnic| ids.contains(&vnic.id.0));
        let mut spec = spec(vnics);
        let there = |flow: &Flow| spec.vnics.contains_key(&flow.link);
        let flows = flows.into_iter().filter(there);
        spec.flows = flows.map(|flow| (flow.id, Arc::new(flow))).collect();
        if let Some(cap) = cap {
            let maxbw = Some(Bandwidth::from_mbps(cap));
            let props = LinkProps { maxbw };
            let settings = LinkSettings { props, kept: None };
            spec.links.insert("bge0".parse().unwrap(), settings);
        }
        spec
    })
}

/// Flows of a few VNICs, some with limits. A number is always of the same VNIC
/// and asks for the same, as flows do.
pub(crate) fn any_flows() -> impl Strategy<Value = Vec<Flow>> {
    let attrs = [
        "transport=tcp,local_port=80",
        "transport=tcp",
        "remote_ip=10.0.0.0/8",
        "transport=udp,remote_port=53",
    ];
    let all: Vec<(u32, u32, &str)> = (1..=3)
        .flat_map(|vnic| (0..).zip(attrs).map(move |(n, a)| (vnic, n, a)))
        .collect();
    let mbps = |mbps: u32| Some(Bandwidth::from_mbps(mbps));
    let props = select(vec![
        (None, Priority::Medium),
        (mbps(5), Priority::Medium),
        (mbps(0), Priority::Medium),
        (None, Priority::High),
        (mbps(30), Priority::Low),
    ]);
    let some = (subsequence(all, 0..=8), prop::collection::vec(props, 8));
    some.prop_map(|(flows, props)| {
        let flow =
            |((vnic, n, attrs), (maxbw, priority)): ((u32, u32, &str), _)| {
                Flow {
                    id: FlowId(vnic * 10 + n),
                    name: format!("flow{vnic}{n}").parse().unwrap(),
                    link: LinkId(vnic),
                    attrs: attrs.parse().unwrap(),
                    props: FlowProps { maxbw, priority },
                    kept: None,
                    temporary: false,
                }
            };
        flows.into_iter().zip(props).map(flow).collect()
    })
}

/// The host with a fabric on it.
pub(crate) fn built(spec: &FabricSpec) -> Observed {
    let plan = Wanted::new(spec, &tags(), &host()).plan(&host());
    states(&host(), &plan).pop().unwrap()
}
