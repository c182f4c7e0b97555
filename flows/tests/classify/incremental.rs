//! While rows change one by one, a frame is in its old flow or in its new one.

use std::collections::HashMap;

use fabric::datapath::{FlowMasksRow, FlowRow, FlowRows, Treatment};
use fabric::{FlowAttrs, FlowId};
use flows::{Direction, FlowTable, compile_flows, lookup};
use proptest::prelude::*;
use proptest::sample::Index;

use crate::VNIC;
use crate::given::frames::{Sent, any_sent};
use crate::given::{direction, flows};

/// Flows of three moments, of which each has some of the one before, and what
/// is done with each flow at each.
#[derive(Clone, Debug)]
struct Moments {
    flows: Vec<FlowAttrs>,
    there: Vec<[bool; 3]>,
    classes: Vec<[u16; 3]>,
}

fn moments() -> impl Strategy<Value = Moments> {
    flows().prop_flat_map(|flows| {
        let number = flows.len();
        let there = prop::collection::vec(any::<[bool; 3]>(), number);
        let class = [0..2_u16, 0..2, 0..2];
        let classes = prop::collection::vec(class, number);
        let flows = Just(flows);
        (flows, there, classes).prop_map(|(flows, there, classes)| Moments {
            flows,
            there,
            classes,
        })
    })
}

impl Moments {
    /// The rows of one of the moments.
    fn rows(&self, moment: usize) -> FlowRows {
        let mut list = Vec::new();
        for (at, attrs) in self.flows.iter().enumerate() {
            if self.there[at][moment] {
                let from_vnic = self.classes[at][moment];
                let treatment = Treatment { from_vnic, ..Treatment::default() };
                let id = FlowId(u32::try_from(at).unwrap() + 1);
                list.push((id, *attrs, treatment));
            }
        }
        compile_flows([(VNIC, &FlowTable::new(&list).unwrap())])
    }
}

type Frame = (Direction, Vec<u8>);

fn answers(rows: &FlowRows, frames: &[Frame]) -> Vec<Option<FlowRow>> {
    let frames = frames.iter();
    frames.map(|(way, bytes)| lookup(rows, VNIC, *way, bytes)).collect()
}

/// Changes rows one by one, as far as told, and looks after each change.
fn check(
    now: &mut FlowRows,
    wanted: &FlowRows,
    frames: &[Frame],
    steps: impl FnOnce(usize) -> usize,
) -> Result<(), TestCaseError> {
    let (old, new) = (answers(now, frames), answers(wanted, frames));
    let writes = now.changes(wanted);
    for write in &writes[..steps(writes.len())] {
        now.apply(write);
        prop_assert!(now.masks_of(VNIC).len() <= FlowMasksRow::MAX);
        prop_assert!(now.masks_of(VNIC).is_sorted());
        for (at, got) in answers(now, frames).into_iter().enumerate() {
            prop_assert!(
                got == old[at] || got == new[at],
                "after {write}: {got:?}, not {:?} or {:?}",
                old[at],
                new[at]
            );
        }
    }
    Ok(())
}

fn frames() -> impl Strategy<Value = Vec<(Direction, Sent)>> {
    prop::collection::vec((direction(), any_sent()), 1..8)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1000))]

    /// Also when the changes before were never finished.
    #[test]
    fn a_frame_is_in_its_old_flow_or_in_its_new_one(
        moments in moments(), frames in frames(), crash: Index,
    ) {
        let frames: Vec<Frame> =
            frames.into_iter().map(|(way, sent)| (way, sent.bytes())).collect();
        let mut now = moments.rows(0);
        let crashed = |steps| crash.index(steps + 1);
        check(&mut now, &moments.rows(1), &frames, crashed)?;
        check(&mut now, &moments.rows(2), &frames, |steps| steps)?;
        prop_assert_eq!(&now, &moments.rows(2));
        prop_assert!(now.changes(&moments.rows(2)).is_empty());
    }

    /// One flow more or less is one row, and the list only where its mask is
    /// new or has no other flow.
    #[test]
    fn one_flow_is_at_most_two_changes(attrs in flows(), which: Index) {
        prop_assume!(!attrs.is_empty());
        let at = which.index(attrs.len());
        let numbers: HashMap<_, _> = attrs.iter().copied().zip(1..).collect();
        let rows = |attrs: &[FlowAttrs]| {
            let flow = |attrs: &FlowAttrs| {
                (FlowId(numbers[attrs]), *attrs, Treatment::default())
            };
            let list: Vec<_> = attrs.iter().map(flow).collect();
            compile_flows([(VNIC, &FlowTable::new(&list).unwrap())])
        };
        let with = rows(&attrs);
        let mut fewer = attrs.clone();
        fewer.remove(at);
        let without = rows(&fewer);
        let lists = usize::from(with.masks != without.masks);
        prop_assert_eq!(with.changes(&without).len(), 1 + lists);
        prop_assert_eq!(without.changes(&with).len(), 1 + lists);
    }
}
