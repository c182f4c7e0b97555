//! What can be built on a host, and why the rest can't.
//!
//!   bge0 02:..:01, tag admin, 1500     br0    a bridge
//!   bge1 02:..:02, tags big and jumbo, 9000
//!   aggr0 02:..:03, tag pair, 9000     stub0  an etherstub, 9000

use std::sync::Arc;

use fabric::{
    Bandwidth, Duplex, Ends, Etherstub, FabricSpec, Flow, FlowId, FlowProps,
    LinkClass, LinkId, LinkProps, LinkSettings, LinkState, Mac, MacType, Mode,
    Mtu, Observed, ObservedLink, Owner, Priority, ResolvedVnic, Status, VlanId,
    Vnic, VnicProps,
};
use tagmap::{Config, TagMap, resolve, shaped_links};

const TAGS: &str = "\
admin_nic=2:0:0:0:0:1
big_nic=2:0:0:0:0:2
jumbo_nic=2:0:0:0:0:2
jumbo_mtu=9000
odd_nic=2:0:0:0:0:1
odd_mtu=9000
pair_nic=aggr0
lost_nic=2:0:0:0:0:9
";

fn mac(last: u8) -> Mac {
    Mac::new([2, 0, 0, 0, 0, last])
}

fn host() -> Observed {
    let link = |class, last, mtu| ObservedLink {
        class,
        mac: mac(last),
        factory_mac: None,
        mtu: Mtu::new(mtu).unwrap(),
        state: LinkState::Up,
        speed: Some(1000),
        duplex: Duplex::Full,
        promiscuous: false,
        lro: false,
    };
    let links = [
        ("bge0", link(LinkClass::Phys, 1, 1500)),
        ("bge1", link(LinkClass::Phys, 2, 9000)),
        ("aggr0", link(LinkClass::Aggr, 3, 9000)),
        ("br0", link(LinkClass::Bridge, 4, 1500)),
    ];
    Observed {
        links: links
            .into_iter()
            .map(|(name, link)| (name.parse().unwrap(), link))
            .collect(),
        zones: ["web".parse().unwrap()].into(),
        ..Observed::default()
    }
}

fn vnic(id: u32, over: &str) -> Vnic {
    Vnic {
        id: LinkId(id),
        name: format!("net{id}").parse().unwrap(),
        zone: None,
        over: over.parse().unwrap(),
        mac: Mac::new([2, 8, 0x20, 0, 0, id.try_into().unwrap()]),
        mac_type: MacType::Fixed,
        vid: None,
        props: VnicProps::default(),
        kept: None,
        temporary: false,
    }
}

fn spec(vnics: Vec<Vnic>) -> FabricSpec {
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

fn tags(text: &str) -> TagMap {
    TagMap::from_config(&Config::parse(text).unwrap()).unwrap()
}

/// Each VNIC as `name over segment station mtu`, or `name: status: reason`.
fn outcome(vnics: Vec<Vnic>) -> Vec<String> {
    let resolved = resolve(&spec(vnics), &tags(TAGS), &host());
    let built = resolved.vnics.values().map(|vnic| {
        let station = vnic.station.map_or("-".to_owned(), |m| m.to_string());
        format!(
            "{} {} {} {station} {}",
            vnic.name, vnic.over, vnic.segment, vnic.mtu
        )
    });
    let blocked = resolved
        .blocked
        .iter()
        .map(|b| format!("{}: {:?}: {}", b.subject, b.status, b.reason));
    built.chain(blocked).collect()
}

fn with(mut vnic: Vnic, edit: impl FnOnce(&mut Vnic)) -> Vnic {
    edit(&mut vnic);
    vnic
}

fn with_mtu(vnic: Vnic, mtu: u32) -> Vnic {
    with(vnic, |vnic| vnic.props.mtu = Some(Mtu::new(mtu).unwrap()))
}

fn in_zone(vnic: Vnic, zone: &str) -> Vnic {
    with(vnic, |vnic| vnic.zone = Some(zone.parse().unwrap()))
}

#[test]
fn one_vnic() {
    for (title, vnic, want) in [
        ("a link", vnic(1, "bge0"), "net1 bge0 bge0 2:0:0:0:0:1 1500"),
        ("a tag", vnic(1, "tag:admin"), "net1 bge0 bge0 2:0:0:0:0:1 1500"),
        (
            "an aggregation by tag",
            vnic(1, "tag:pair"),
            "net1 aggr0 aggr0 2:0:0:0:0:3 9000",
        ),
        ("an etherstub", vnic(1, "stub0"), "net1 stub0 stub-100 - 9000"),
        (
            "an etherstub as a tag",
            vnic(1, "tag:stub0"),
            "net1 stub0 stub-100 - 9000",
        ),
        (
            "a zone that runs",
            in_zone(vnic(1, "bge0"), "web"),
            "net1 bge0 bge0 2:0:0:0:0:1 1500",
        ),
        (
            "an MTU of its own",
            with_mtu(vnic(1, "tag:jumbo"), 4000),
            "net1 bge1 bge1 2:0:0:0:0:2 4000",
        ),
        (
            "the tag's MTU",
            vnic(1, "tag:jumbo"),
            "net1 bge1 bge1 2:0:0:0:0:2 9000",
        ),
        (
            "the link's MTU",
            vnic(1, "tag:big"),
            "net1 bge1 bge1 2:0:0:0:0:2 9000",
        ),
        (
            "no link",
            vnic(1, "bge7"),
            "net1: InvalidLink: link \"bge7\" does not exist",
        ),
        (
            "a bridge",
            vnic(1, "br0"),
            "net1: InvalidLink: link \"br0\" is a bridge, which carries no \
             VNICs",
        ),
        (
            "itself",
            vnic(1, "net1"),
            "net1: InvalidLink: link \"net1\" is a vnic, which carries no \
             VNICs",
        ),
        (
            "no tag",
            vnic(1, "tag:none"),
            "net1: InvalidLink: nic tag \"none\" does not exist",
        ),
        (
            "a tag without its NIC",
            in_zone(vnic(1, "tag:lost"), "web"),
            "net1 in zone web: InvalidLink: no NIC has the MAC address \
             02:00:00:00:00:09 of nic tag \"lost\"",
        ),
        (
            "no zone",
            in_zone(vnic(1, "bge0"), "db"),
            "net1 in zone db: InvalidValue: zone \"db\" is not running",
        ),
        (
            "too large for the link",
            with_mtu(vnic(1, "bge0"), 1501),
            "net1: MtuRange: mtu 1501 is above 1500 of link \"bge0\"",
        ),
        (
            "a tag that asks for more than its link has",
            vnic(1, "tag:odd"),
            "net1: MtuRange: mtu 9000 is above 1500 of link \"bge0\"",
        ),
        (
            "too large for the etherstub",
            with_mtu(vnic(1, "stub0"), 9001),
            "net1: MtuRange: mtu 9001 is above 9000 of link \"stub0\"",
        ),
        (
            "the link's own address",
            with(vnic(1, "tag:admin"), |vnic| vnic.mac = mac(1)),
            "net1: MacReserved: 2:0:0:0:0:1 is the address of link \"bge0\" \
             itself",
        ),
    ] {
        assert_eq!(outcome(vec![vnic]), [want], "{title}");
    }
}

#[test]
fn one_address_twice_by_tag_and_by_name() {
    let same = |vnic: Vnic| with(vnic, |vnic| vnic.mac = mac(7));
    let vlan = |vnic| with(same(vnic), |vnic| vnic.vid = VlanId::new(5).ok());
    let taken = "net2: MacInUse: another VNIC over \"bge0\" has the address \
         2:0:0:0:0:7";
    for (title, first, second, want) in [
        (
            "the later one waits",
            same(vnic(1, "tag:admin")),
            same(vnic(2, "bge0")),
            vec!["net1 bge0 bge0 2:0:0:0:0:1 1500", taken],
        ),
        (
            "also for one whose zone is not there yet",
            in_zone(same(vnic(1, "bge0")), "db"),
            same(vnic(2, "tag:admin")),
            vec![
                "net1 in zone db: InvalidValue: zone \"db\" is not running",
                taken,
            ],
        ),
        (
            "not for one that has no link",
            same(vnic(1, "tag:lost")),
            same(vnic(2, "bge0")),
            vec![
                "net2 bge0 bge0 2:0:0:0:0:1 1500",
                "net1: InvalidLink: no NIC has the MAC address \
                 02:00:00:00:00:09 of nic tag \"lost\"",
            ],
        ),
        (
            "another VLAN is another matter",
            same(vnic(1, "tag:admin")),
            vlan(vnic(2, "bge0")),
            vec![
                "net1 bge0 bge0 2:0:0:0:0:1 1500",
                "net2 bge0 bge0 2:0:0:0:0:1 1500",
            ],
        ),
    ] {
        assert_eq!(outcome(vec![first, second]), want, "{title}");
    }
}

#[test]
fn a_blocked_vnic_is_known_by_its_number() {
    let resolved = resolve(
        &spec(vec![vnic(3, "bge7"), vnic(4, "bge0")]),
        &TagMap::default(),
        &host(),
    );
    let [blocked] = &resolved.blocked[..] else { panic!("{resolved:?}") };
    assert_eq!((blocked.id, blocked.status), (LinkId(3), Status::InvalidLink));
    assert_eq!(resolved.vnics.keys().collect::<Vec<_>>(), [&LinkId(4)]);
}

#[test]
fn a_tap_needs_no_zone_and_is_always_somebodys() {
    let tap = |owner| {
        with(in_zone(vnic(1, "bge0"), "nowhere"), |vnic| {
            vnic.props.mode = Mode::Tap;
            vnic.props.owner = owner;
        })
    };
    for (vnic, want) in [
        (vnic(1, "bge0"), Ends::Pair),
        (tap(None), Ends::Tap { owner: 0, several: false }),
        (
            tap(Some(Owner::Uid(1000))),
            Ends::Tap { owner: 1000, several: false },
        ),
        // No valid spec has one; it is root's then, and not everybody's.
        (
            with(tap(None), |vnic| vnic.props.txrings = "2".parse().ok()),
            Ends::Tap { owner: 0, several: true },
        ),
        (
            tap(Some(Owner::Name("qemu".to_owned()))),
            Ends::Tap { owner: 0, several: false },
        ),
    ] {
        let resolved = resolve(&spec(vec![vnic]), &tags(TAGS), &host());
        let ends: Vec<Ends> =
            resolved.vnics.values().map(|vnic| vnic.ends).collect();
        assert_eq!(ends, [want]);
    }
}

/// What each VNIC of `net1` and so on is promised, in Mb/s.
fn promised(
    vnics: Vec<Vnic>,
    edit: impl FnOnce(&mut FabricSpec),
) -> FabricSpec {
    let vnics = vnics.into_iter().map(|vnic| {
        let minbw = Bandwidth::from_mbps(vnic.id.0);
        with(vnic, |vnic| vnic.props.minbw = Some(minbw))
    });
    let mut spec = spec(vnics.collect());
    edit(&mut spec);
    spec
}

fn maxbw(mbps: u32) -> LinkSettings {
    let props = LinkProps { maxbw: Some(Bandwidth::from_mbps(mbps)) };
    LinkSettings { props, kept: Some(LinkProps::default()) }
}

/// Each segment as `link speed maxbw: net1 1, net2 2`.
fn segments(spec: &FabricSpec, observed: &Observed) -> Vec<String> {
    let text = |bandwidth: Option<Bandwidth>| {
        bandwidth.map_or("-".to_owned(), |bandwidth| bandwidth.to_string())
    };
    let resolved = resolve(spec, &tags(TAGS), observed);
    let segments = resolved.segments.values();
    segments
        .map(|segment| {
            let shares = segment.guarantees.values();
            let shares: Vec<_> = shares
                .map(|share| format!("{} {}", share.vnic, share.minbw))
                .collect();
            let shares = shares.join(", ");
            let (speed, maxbw) = (text(segment.speed), text(segment.maxbw));
            format!("{} {speed} {maxbw}: {shares}", segment.over)
        })
        .collect()
}

#[test]
fn what_is_promised_counts_on_the_segment_however_it_is_named() {
    let vnics = || {
        vec![
            vnic(1, "bge0"),
            vnic(2, "tag:admin"),
            vnic(3, "stub0"),
            // Its zone may start at any moment.
            in_zone(vnic(4, "bge0"), "nowhere"),
            // Where these belong, or whether, nobody knows.
            vnic(5, "tag:lost"),
            with(vnic(6, "bge0"), |v| v.mac = mac(1)),
            with_mtu(vnic(7, "bge0"), 9000),
        ]
    };
    let spec = promised(vnics(), |_| {});
    let want = [
        "bge0 1000 -: net1 1, net2 2, net4 in zone nowhere 4",
        "stub0 - -: net3 3",
    ];
    assert_eq!(segments(&spec, &host()), want);

    let spec = promised(vnics(), |spec| {
        spec.links.insert("bge0".parse().unwrap(), maxbw(50));
        spec.links.insert("bge1".parse().unwrap(), maxbw(60));
        let stub = spec.etherstubs.get_mut(&LinkId(100)).unwrap();
        stub.settings = maxbw(70);
    });
    let want = [
        "bge0 1000 50: net1 1, net2 2, net4 in zone nowhere 4",
        "stub0 - 70: net3 3",
    ];
    assert_eq!(segments(&spec, &host()), want);
    // What is kept apart is not of now.
    let want = [
        "bge0 1000 -: net1 1, net2 2, net4 in zone nowhere 4",
        "stub0 - -: net3 3",
    ];
    assert_eq!(segments(&spec.next_boot(), &host()), want);

    // A segment is there without a promise; an unknown speed has two names.
    let spec = self::spec(vec![vnic(1, "bge0")]);
    for speed in [None, Some(0)] {
        let mut host = host();
        host.links.get_mut(&"bge0".parse().unwrap()).unwrap().speed = speed;
        assert_eq!(segments(&spec, &host), ["bge0 - -: "]);
    }
}

#[test]
fn only_links_that_decide_something_are_asked_for_their_speed() {
    let low = |vnic| with(vnic, |v| v.props.priority = Priority::Low);
    let capped = |vnic| with(vnic, |v| v.props.maxbw = Some(Bandwidth::ZERO));
    let later = |vnic: Vnic| {
        let kept = capped(vnic.clone()).props;
        with(vnic, |v| v.kept = Some(kept))
    };
    let shaped = |vnics: Vec<Vnic>, link: Option<&str>| {
        let mut spec = spec(vnics);
        let links = link.map(|link| (link.parse().unwrap(), maxbw(1)));
        spec.links.extend(links);
        let links = shaped_links(&spec, &tags(TAGS), &host());
        let links: Vec<_> = links.iter().map(ToString::to_string).collect();
        links.join(" ")
    };
    for (title, vnics, link, want) in [
        ("nothing", vec![], None, ""),
        ("plain VNICs", vec![vnic(1, "bge0"), vnic(2, "tag:big")], None, ""),
        ("a cap", vec![capped(vnic(1, "bge0")), vnic(2, "bge1")], None, "bge0"),
        ("by tag", vec![low(vnic(1, "tag:pair"))], None, "aggr0"),
        ("from the next boot on", vec![later(vnic(1, "bge1"))], None, "bge1"),
        ("an etherstub", vec![low(vnic(1, "stub0"))], None, ""),
        ("no link", vec![low(vnic(1, "tag:lost"))], None, ""),
        ("a link's own", vec![vnic(1, "bge0")], Some("bge1"), "bge1"),
        ("an absent link's own", vec![], Some("bge9"), ""),
        ("both", vec![low(vnic(1, "bge1"))], Some("bge0"), "bge0 bge1"),
    ] {
        assert_eq!(shaped(vnics, link), want, "{title}");
    }
}

fn flow(id: u32, link: u32, props: FlowProps, kept: Option<FlowProps>) -> Flow {
    Flow {
        id: FlowId(id),
        name: format!("f{id}").parse().unwrap(),
        link: LinkId(link),
        attrs: format!("transport=tcp,local_port={id}").parse().unwrap(),
        props,
        kept,
        temporary: false,
    }
}

#[test]
fn a_vnic_has_its_flows_in_the_order_of_their_numbers() {
    let (plain, blocked) = (
        FlowProps::default(),
        FlowProps { maxbw: Some(Bandwidth::ZERO), priority: Priority::Low },
    );
    let mut spec =
        spec(vec![vnic(1, "bge0"), vnic(2, "bge0"), vnic(3, "tag:lost")]);
    let flows = [
        flow(3, 1, blocked, Some(plain)),
        flow(4, 3, plain, None),
        flow(7, 1, plain, Some(blocked)),
        flow(8, 2, plain, None),
    ];
    spec.flows =
        flows.into_iter().map(|flow| (flow.id, Arc::new(flow))).collect();
    let resolved = resolve(&spec, &tags(TAGS), &host());
    let told = |vnic: &ResolvedVnic| -> Vec<String> {
        let flows = vnic.flows.iter();
        let told = flows.map(|flow| {
            let maxbw = flow.maxbw.map(|maxbw| maxbw.to_string());
            format!("{} {maxbw:?} {} {}", flow.id, flow.priority, flow.attrs)
        });
        told.collect()
    };
    let got: Vec<_> = resolved.vnics.values().map(told).collect();
    let want = vec![
        vec![
            r#"3 Some("0") low transport=tcp,local_port=3"#,
            "7 None medium transport=tcp,local_port=7",
        ],
        vec!["8 None medium transport=tcp,local_port=8"],
    ];
    assert_eq!(got, want);
}

#[test]
fn a_flow_that_is_promised_or_denied_something_asks_for_the_speed() {
    let plain = FlowProps::default();
    let first = FlowProps { priority: Priority::High, ..plain };
    let capped = FlowProps { maxbw: Some(Bandwidth::FLOOR), ..plain };
    for (title, flow, want) in [
        ("plain", flow(1, 1, plain, None), ""),
        ("first", flow(1, 1, first, None), "bge0"),
        ("capped", flow(1, 2, capped, None), "bge1"),
        ("capped later", flow(1, 2, plain, Some(capped)), "bge1"),
        ("capped so far", flow(1, 2, capped, Some(plain)), "bge1"),
        ("of nobody", flow(1, 9, capped, None), ""),
    ] {
        let mut spec = spec(vec![vnic(1, "bge0"), vnic(2, "bge1")]);
        spec.flows = [(flow.id, Arc::new(flow))].into();
        let links = shaped_links(&spec, &tags(TAGS), &host());
        let links: Vec<_> = links.iter().map(ToString::to_string).collect();
        assert_eq!(links.join(" "), want, "{title}");
    }
}
