//! What holds for a plan that is taken back.

use std::collections::{BTreeMap, BTreeSet};

use fabric::datapath::DatapathTables;
use fabric::shaping::QueueTree;
use fabric::{
    EndRings, HostEnd, LinkName, Mac, Observed, ObservedLink, Plan, Program,
    Step,
};

/// Checks that whatever has been done of a plan can be taken back: all of it,
/// or all that came after the last pair that was deleted or the last program that
/// was exchanged.
pub(crate) fn check_undo(states: &[Observed], plan: &Plan) {
    for done in 0..=plan.steps.len() {
        let steps = &plan.steps[..done];
        let mut state = states[done].clone();
        for undo in Step::undo_all(steps) {
            if let Err(error) = state.apply(&undo) {
                panic!("cannot {undo}, after {done} steps: {error}\n{plan}");
            }
        }
        let back = steps.iter().rposition(Step::is_final);
        let back = back.map_or(0, |at| at + 1);
        let what = format!("{done} steps and back to {back} of\n{plan}");
        assert_eq!(sight(&state), sight(&states[back]), "{what}");
    }
}

/// All of a state that a plan can put back. A program can't: an old one that
/// was replaced or taken off is not kept, so it counts only that there is one.
type Sight<'a> = (
    &'a DatapathTables,
    &'a BTreeMap<LinkName, HostEnd>,
    &'a BTreeMap<LinkName, EndRings>,
    &'a BTreeSet<(LinkName, Mac)>,
    &'a BTreeMap<LinkName, ObservedLink>,
    Vec<&'a (LinkName, Program)>,
    &'a BTreeMap<LinkName, bool>,
    BTreeMap<&'a LinkName, &'a QueueTree>,
);

fn sight(state: &Observed) -> Sight<'_> {
    let hooks = state.programs.keys().collect();
    let Observed { tables, host_ends, rings, unicast, links, .. } = state;
    // A root without classes stays, and does nothing.
    let queues = state.queues.iter();
    let queues = queues.filter(|(_, tree)| !tree.classes.is_empty()).collect();
    let ends = &state.shaper_ends;
    (tables, host_ends, rings, unicast, links, hooks, ends, queues)
}
