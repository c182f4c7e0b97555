//! What holds for whatever a flow asks for.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::num::NonZeroU16;
use std::sync::Arc;

use fabric::datapath::{FlowKey, FlowMask, FlowTuple};
use fabric::{
    Bandwidth, DsField, FabricSpec, Flow, FlowAttr, FlowAttrs, FlowId, FlowIp,
    FlowName, FlowProps, LinkId, Mac, MacType, Priority, Transport, Vnic,
    VnicProps,
};
use proptest::prelude::*;
use proptest::sample::{select, subsequence};

/// Any address of a version of IP, with any prefix.
fn ip(v6: bool) -> impl Strategy<Value = FlowIp> {
    let prefix = if v6 { 1..=128_u8 } else { 1..=32 };
    let zero = "an address with a bit set";
    (any::<u128>(), prefix).prop_filter_map(zero, move |(bits, prefix)| {
        let [a, b, c, d, ..] = bits.to_be_bytes();
        let address: IpAddr = if v6 {
            Ipv6Addr::from_bits(bits).into()
        } else {
            Ipv4Addr::new(a, b, c, d).into()
        };
        FlowIp::new(address, prefix).ok()
    })
}

/// One of every attribute. Not all go together.
fn each() -> impl Strategy<Value = Vec<FlowAttr>> {
    let port = || any::<NonZeroU16>();
    let dsfield = (1..=u8::MAX, any::<u8>()).prop_map(|(value, more)| {
        FlowAttr::DsField(DsField::new(value, value | more).unwrap())
    });
    any::<bool>().prop_flat_map(ip_pair).prop_flat_map(move |ips| {
        let transport = select(Transport::ALL.to_vec());
        let rest = (transport, port(), port(), dsfield.clone());
        (Just(ips), rest).prop_map(|((a, b), (c, d, e, f))| {
            vec![
                FlowAttr::LocalIp(a),
                FlowAttr::RemoteIp(b),
                FlowAttr::Transport(c),
                FlowAttr::LocalPort(d),
                FlowAttr::RemotePort(e),
                f,
            ]
        })
    })
}

fn ip_pair(v6: bool) -> impl Strategy<Value = (FlowIp, FlowIp)> {
    (ip(v6), ip(v6))
}

/// Attributes that go together.
fn attrs() -> impl Strategy<Value = FlowAttrs> {
    let some = each().prop_flat_map(|all| subsequence(all, 1..=6));
    some.prop_filter_map("no contradiction", |list| list.try_into().ok())
}

/// One of few, so that some meet: three VNICs in two zones, of which the last is
/// temporary, four names, four kinds of traffic.
fn flow() -> impl Strategy<Value = Flow> {
    let attrs = select(vec![
        "transport=tcp",
        "transport=udp",
        "local_ip=10.0.0.0/8",
        "dsfield=1",
    ]);
    let props = || {
        let bps = prop::option::of(select(vec![0, 63_999, 64_000, u64::MAX]));
        let priority = select(Priority::ALL.to_vec());
        (bps, priority).prop_map(|(bps, priority)| FlowProps {
            maxbw: bps.map(Bandwidth::from_bps),
            priority,
        })
    };
    let name = select(vec!["a", "b", "c", "d"]);
    let kept = prop::option::of(props());
    let rest = (1..=3_u32, attrs, props(), kept, any::<bool>());
    (name, rest).prop_map(|(name, (link, attrs, props, kept, temporary))| {
        Flow {
            id: FlowId(0),
            name: name.parse().unwrap(),
            link: LinkId(link),
            attrs: attrs.parse().unwrap(),
            props,
            kept,
            temporary,
        }
    })
}

fn spec(flows: Vec<Flow>) -> FabricSpec {
    let vnics = (1..=3_u8).map(|id| Vnic {
        id: LinkId(id.into()),
        name: format!("net{id}").parse().unwrap(),
        zone: (id > 1).then(|| "web".parse().unwrap()),
        over: "bge0".parse().unwrap(),
        mac: Mac::new([2, 8, 0x20, 0, 0, id]),
        mac_type: MacType::Fixed,
        vid: None,
        props: VnicProps::default(),
        kept: None,
        temporary: id == 3,
    });
    let flows = (1..).map(FlowId).zip(flows);
    FabricSpec {
        vnics: vnics.map(|vnic| (vnic.id, Arc::new(vnic))).collect(),
        flows: flows
            .map(|(id, flow)| (id, Arc::new(Flow { id, ..flow })))
            .collect(),
        ..FabricSpec::default()
    }
}

proptest! {
    /// The rules said again, flow against flow.
    #[test]
    fn a_spec_is_valid_when_no_flow_is_in_the_way_of_another(
        flows in prop::collection::vec(flow(), 0..4),
    ) {
        let spec = spec(flows);
        let flows: Vec<&Flow> = spec.flows.values().map(Arc::as_ref).collect();
        let least = |props: FlowProps| {
            props.maxbw.is_none_or(|bw| bw.bps() == 0 || bw.bps() >= 64_000)
        };
        let alone = |flow: &&Flow| {
            let kept = flow.temporary || least(flow.kept_props());
            least(flow.props) && kept && (flow.link.0 < 3 || flow.temporary)
        };
        let beside = |a: &Flow, b: &Flow| {
            let zone = |flow: &Flow| flow.link.0 > 1;
            (a.name != b.name || zone(a) != zone(b))
                && (a.attrs != b.attrs || a.link != b.link)
        };
        let want = flows.iter().all(alone)
            && flows.iter().enumerate().all(|(at, a)| {
                flows[..at].iter().all(|b| beside(a, b))
            });
        prop_assert_eq!(spec.validate().is_ok(), want, "{:#?}", flows);
        let later = spec.next_boot();
        prop_assert_eq!(&later.next_boot(), &later);
        if want {
            prop_assert_eq!(later.validate(), Ok(()));
        }
        let json = serde_json::to_string(&spec).unwrap();
        let read: FabricSpec = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read, spec, "{}", json);
    }

    #[test]
    fn what_is_printed_is_read(attrs in attrs()) {
        let text = attrs.to_string();
        prop_assert_eq!(text.parse(), Ok(attrs), "{}", text);
        let json = serde_json::to_string(&attrs).unwrap();
        let read: FlowAttrs = serde_json::from_str(&json).unwrap();
        prop_assert_eq!(read, attrs, "{}", json);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "(?s).{0,40}") {
        let _: Result<FlowAttrs, _> = text.parse();
        let _: Result<FlowIp, _> = text.parse();
        let _: Result<DsField, _> = text.parse();
        let _: Result<Transport, _> = text.parse();
        if let Ok(name) = text.parse::<FlowName>() {
            prop_assert_eq!(name.as_str(), text);
        }
    }

    /// Texts that are nearly lists, and what they become is read again.
    #[test]
    fn a_list_that_is_read_is_printed_so(
        text in "((local_ip|remote_ip|transport|local_port|dsfield)=\
                 (tcp|icmp|1?[0-9]{1,4}(:f?[fc])?|fd00::[0-9]/[0-9]{1,2}\
                 |10[.]0[.]0[.][0-9](/[0-9]{1,2})?),?){0,4}",
    ) {
        match text.parse::<FlowAttrs>() {
            Ok(attrs) => prop_assert_eq!(attrs.to_string().parse(), Ok(attrs)),
            Err(error) => prop_assert!(!error.to_string().is_empty()),
        }
    }

    #[test]
    fn attributes_and_keys_stand_for_each_other(
        one in attrs(), other in attrs(),
    ) {
        let key = |attrs| FlowKey::of(LinkId(7), attrs);
        prop_assert_eq!(key(&one) == key(&other), one == other);
        let FlowKey { mask, tuple, .. } = key(&one);
        prop_assert_eq!(FlowMask::from_number(mask.number()), Some(mask));
        // Nothing is asked for outside of the mask, and nothing inside is zero:
        // what a frame has not, it can't have by accident.
        let FlowTuple { local, remote, .. } = tuple;
        prop_assert_eq!(tuple.masked(&mask.bits()), tuple);
        prop_assert_eq!(local != [0; 16], one.local_ip().is_some());
        prop_assert_eq!(remote != [0; 16], one.remote_ip().is_some());
        prop_assert_eq!(tuple.local_port != 0, one.local_port().is_some());
        prop_assert_eq!(tuple.remote_port != 0, one.remote_port().is_some());
        prop_assert_eq!(tuple.protocol != 0, one.transport().is_some());
        prop_assert_eq!(tuple.dsfield != 0, one.dsfield().is_some());
        prop_assert_eq!(tuple.family != 0, one.family().is_some());
    }

    #[test]
    fn numbers_of_masks_are_read_or_refused(number: u32) {
        let mask = FlowMask::from_number(number);
        prop_assert!(mask.is_none_or(|mask| mask.number() == number));
    }

    #[test]
    fn masks_have_a_total_order(a in attrs(), b in attrs(), c in attrs()) {
        let [a, b, c] = [a, b, c].map(|attrs| FlowMask::of(&attrs));
        prop_assert_eq!(a.cmp(&b), b.cmp(&a).reverse());
        prop_assert_eq!(a.cmp(&b).is_eq(), a == b);
        prop_assert_eq!(a == b, a.number() == b.number());
        if a <= b && b <= c {
            prop_assert!(a <= c);
        }
    }

    /// More attributes, or more bits of one, are more specific.
    #[test]
    fn who_asks_for_more_is_first(attrs in attrs(), drop: u8, bits in 1..128_u8) {
        let more = FlowMask::of(&attrs);
        let list: Vec<FlowAttr> = attrs.iter().collect();
        let at = usize::from(drop) % list.len();
        let mut without = list.clone();
        without.remove(at);
        if let Ok(without) = FlowAttrs::try_from(without) {
            prop_assert!(more < FlowMask::of(&without), "{}", without);
        }
        let shorter = |ip: FlowIp| {
            let prefix = ip.prefix().saturating_sub(bits);
            FlowIp::new(ip.address(), prefix).ok()
        };
        let less = match list[at] {
            FlowAttr::LocalIp(ip) => shorter(ip).map(FlowAttr::LocalIp),
            FlowAttr::RemoteIp(ip) => shorter(ip).map(FlowAttr::RemoteIp),
            FlowAttr::DsField(field) => {
                let mask = field.mask() & bits;
                let field = DsField::new(field.value() & mask, mask).ok();
                field.filter(|f| f.mask() != attrs.dsfield().unwrap().mask())
                    .map(FlowAttr::DsField)
            }
            _ => None,
        };
        if let Some(less) = less {
            let mut list = list;
            list[at] = less;
            let less = FlowAttrs::try_from(list).unwrap();
            prop_assert!(more < FlowMask::of(&less), "{} {}", attrs, less);
        }
    }
}
