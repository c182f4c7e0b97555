//! From a spec to a plan, and what holds at each step on the way.

use fabric::datapath::DatapathTables;
use fabric::shaping::Shaping;
use fabric::{FabricSpec, Observed, Plan, ResolvedSpec, Step, plan};
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
