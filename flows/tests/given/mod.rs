//! Flows and frames that have much to do with each other.
//!
//! Frames are made of bytes here, by what the RFCs say, so that what reads them
//! is not what made them.

pub(crate) mod frames;

use std::collections::HashSet;

use fabric::{DsField, FlowAttr, FlowAttrs, FlowIp, Transport};
use flows::Direction;
use proptest::prelude::*;
use proptest::sample::select;

/// The addresses that frames and flows have in common.
pub(crate) fn addresses(v6: bool) -> Vec<&'static str> {
    if v6 {
        vec!["fd00::1", "fd00::9", "fd00::8", "fd00:0:0:1::1", "fe80::1"]
    } else {
        vec!["10.0.0.1", "10.0.0.9", "10.0.0.8", "10.0.1.1", "192.0.2.1"]
    }
}

pub(crate) fn port() -> impl Strategy<Value = u16> {
    select(vec![22, 53, 443, u16::MAX])
}

pub(crate) fn direction() -> impl Strategy<Value = Direction> {
    select(vec![Direction::FromVnic, Direction::ToVnic])
}

fn ip(v6: bool) -> impl Strategy<Value = FlowIp> {
    let prefixes = if v6 { vec![8, 64, 127, 128] } else { vec![8, 24, 31, 32] };
    (select(addresses(v6)), select(prefixes)).prop_map(|(text, prefix)| {
        FlowIp::new(text.parse().unwrap(), prefix).unwrap()
    })
}

/// What a flow may ask for: few of each, and not much at once, so that many
/// frames have it.
pub(crate) fn attrs() -> impl Strategy<Value = FlowAttrs> {
    any::<bool>().prop_flat_map(attrs_of)
}

fn attrs_of(v6: bool) -> impl Strategy<Value = FlowAttrs> {
    let transport = select(Transport::ALL.to_vec());
    let dsfield = select(vec![(0xb8, 0xfc), (0xb8, 0xff), (0x20, 0xe0)]);
    let dsfield = dsfield.prop_map(|(value, mask)| {
        FlowAttr::DsField(DsField::new(value, mask).unwrap())
    });
    let number = || port().prop_map(|port| port.try_into().unwrap());
    let maybe = |weight, attr: BoxedStrategy<FlowAttr>| {
        proptest::option::weighted(weight, attr)
    };
    let parts = (
        maybe(0.3, ip(v6).prop_map(FlowAttr::LocalIp).boxed()),
        maybe(0.4, ip(v6).prop_map(FlowAttr::RemoteIp).boxed()),
        maybe(0.6, transport.prop_map(FlowAttr::Transport).boxed()),
        maybe(0.3, number().prop_map(FlowAttr::LocalPort).boxed()),
        maybe(0.2, number().prop_map(FlowAttr::RemotePort).boxed()),
        maybe(0.2, dsfield.boxed()),
    );
    parts.prop_filter_map("no contradiction", |(a, b, c, d, e, f)| {
        let list: Vec<_> = [a, b, c, d, e, f].into_iter().flatten().collect();
        list.try_into().ok()
    })
}

/// Flows of one VNIC.
pub(crate) fn flows() -> impl Strategy<Value = Vec<FlowAttrs>> {
    prop::collection::vec(attrs(), 0..24).prop_map(|mut flows| {
        let mut seen = HashSet::new();
        flows.retain(|attrs| seen.insert(*attrs));
        flows
    })
}
