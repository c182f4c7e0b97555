//! From a spec to a plan, and what holds at each step on the way.

use std::collections::{BTreeMap, BTreeSet};

use fabric::datapath::DatapathTables;
use fabric::shaping::{QueueTree, Shaping};
use fabric::{
    EndRings, FabricSpec, HostEnd, LinkName, Mac, Observed, ObservedLink, Plan,
    Program, ResolvedSpec, Step, plan,
};
use tagmap::TagMap;

/// A desired state on a host, worked out down to the tables.
#[derive(Debug)]
pub(crate) struct Wanted {
    pub(crate) resolved: ResolvedSpec,
    pub(crate) tables: DatapathTables,
    pub(crate) shaping: Shaping,
}

impl Wanted {
    pub(crate) fn new(
        spec: &FabricSpec,
        tags: &TagMap,
        observed: &Observed,
    ) -> Self {
        let resolved = tagmap::resolve(spec, tags, observed);
        let mut tables = flows::compile(&resolved);
        let shaping = flows::shape::shape(&resolved, observed, &mut tables);
        let shaping = shaping.expect("there are few VNICs");
        Self { resolved, tables, shaping }
    }

    pub(crate) fn plan(&self, observed: &Observed) -> Plan {
        plan(&self.resolved, &self.tables, &self.shaping, observed)
    }
}

/// The states that a plan leads through: first `start`, last the state after
/// the last step. Panics where a step does not fit, or asks a driver again that
/// is known to refuse. To take a step back may be to ask it: what it has just
/// given up it takes again.
pub(crate) fn states(start: &Observed, plan: &Plan) -> Vec<Observed> {
    let mut states = vec![start.clone()];
    for step in &plan.steps {
        if let Step::AcceptUnicast { link, .. } = step {
            assert!(!start.refusing.contains(link), "{step} in:\n{plan}");
        }
        let mut next = states[states.len() - 1].clone();
        if let Err(error) = next.apply(step) {
            panic!("cannot {step}: {error}\nof the plan:\n{plan}");
        }
        states.push(next);
    }
    states
}

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
