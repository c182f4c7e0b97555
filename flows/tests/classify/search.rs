//! The search in the tables finds what the definition says.

use fabric::FlowAttrs;
use fabric::datapath::FlowMask;
use flows::{Direction, classify, compile_flows, lookup};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::strategy::ValueTree;
use proptest::test_runner::TestRunner;

use crate::given::frames::{Part, Sent, any_sent};
use crate::given::{direction, flows};
use crate::{VNIC, numbered};

/// How a frame is damaged.
#[derive(Clone, Debug)]
enum Damage {
    Cut(Index),
    Set(Index, u8),
}

fn damage() -> impl Strategy<Value = Damage> {
    prop_oneof![
        any::<Index>().prop_map(Damage::Cut),
        (any::<Index>(), any::<u8>()).prop_map(|(at, b)| Damage::Set(at, b)),
    ]
}

/// Whether the packet has all that a flow asks for: the definition again,
/// without a look at bytes.
fn has(sent: &Sent, attrs: &FlowAttrs, direction: Direction) -> bool {
    let [from, to] = sent.ports;
    let sides = [(sent.source, from), (sent.destination, to)];
    let [(local, local_port), (remote, remote_port)] = match direction {
        Direction::FromVnic => sides,
        Direction::ToVnic => [sides[1], sides[0]],
    };
    let readable = sent.source.is_ipv4() || sent.chain().len() <= 8;
    let shown = sent.part != Part::Later && readable;
    let ported = shown && [6, 17, 132].contains(&sent.protocol);
    attrs.local_ip().is_none_or(|ip| ip.contains(local))
        && attrs.remote_ip().is_none_or(|ip| ip.contains(remote))
        && attrs
            .dsfield()
            .is_none_or(|field| sent.dsfield & field.mask() == field.value())
        && attrs
            .transport()
            .is_none_or(|t| shown && t.protocol() == sent.protocol)
        && attrs
            .local_port()
            .is_none_or(|port| ported && port.get() == local_port)
        && attrs
            .remote_port()
            .is_none_or(|port| ported && port.get() == remote_port)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    #[test]
    fn the_definition_says_what_the_packet_is(
        attrs in flows(), direction in direction(), sent in any_sent(),
    ) {
        let matching =
            attrs.iter().filter(|attrs| has(&sent, attrs, direction));
        let want = matching.min_by_key(|attrs| FlowMask::of(attrs));
        let table = numbered(attrs.iter().copied());
        let got = classify(&table, direction, &sent.bytes());
        let mut flows = table.iter();
        let got = flows.find(|(id, ..)| Some(*id) == got);
        prop_assert_eq!(got.map(|(_, attrs, _)| attrs), want);
    }

    #[test]
    fn the_search_finds_what_the_definition_says(
        attrs in flows(),
        direction in direction(),
        sent in any_sent(),
        damage in prop::collection::vec(damage(), 0..3),
    ) {
        let table = numbered(attrs);
        let rows = compile_flows([(VNIC, &table)]);
        let mut frame = sent.bytes();
        for damage in damage {
            match damage {
                Damage::Cut(length) => {
                    frame.truncate(length.index(frame.len() + 1));
                }
                Damage::Set(at, byte) if !frame.is_empty() => {
                    let at = at.index(frame.len());
                    frame[at] = byte;
                }
                Damage::Set(..) => {}
            }
            let want = classify(&table, direction, &frame);
            let got = lookup(&rows, VNIC, direction, &frame);
            prop_assert_eq!(got.map(|row| row.id), want);
        }
        let want = classify(&table, direction, &frame);
        let got = lookup(&rows, VNIC, direction, &frame);
        prop_assert_eq!(got.map(|row| row.id), want);
    }

    #[test]
    fn any_bytes_are_in_a_flow_or_in_none(
        attrs in flows(),
        direction in direction(),
        mut frame in prop::collection::vec(any::<u8>(), 0..120),
        v6: bool,
    ) {
        if let Some(kind) = frame.get_mut(12..14) {
            kind.copy_from_slice(if v6 { &[0x86, 0xdd] } else { &[8, 0] });
        }
        let table = numbered(attrs);
        let rows = compile_flows([(VNIC, &table)]);
        let want = classify(&table, direction, &frame);
        let got = lookup(&rows, VNIC, direction, &frame);
        prop_assert_eq!(got.map(|row| row.id), want);
    }
}

/// The properties above say little of frames that are in no flow.
#[test]
fn many_of_the_frames_are_in_one_flow_and_many_in_several() {
    let mut runner = TestRunner::deterministic();
    let case = (flows(), any_sent());
    let (mut one, mut several) = (0, 0);
    for _ in 0..1000 {
        let (attrs, sent) = case.new_tree(&mut runner).unwrap().current();
        let matches = |attrs: &&_| has(&sent, attrs, Direction::FromVnic);
        match attrs.iter().filter(matches).count() {
            0 => {}
            1 => one += 1,
            _ => several += 1,
        }
    }
    assert!(one > 200 && several > 100, "{one} in one, {several} in several");
}
