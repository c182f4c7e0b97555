//! A plan for few, held against the plan for all.

mod common;
mod given;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fabric::{
    Bandwidth, FabricSpec, Flow, LinkId, Observed, Plan, ResolvedSpec, Scope,
    VnicProps, plan,
};
use proptest::prelude::*;
use proptest::sample::subsequence;
use proptest::strategy::ValueTree as _;
use proptest::test_runner::{Config, TestRunner};

use common::{Wanted, states};
use given::{IDS, any_spec, built, spec, tags, vnic};

/// The VNICs that are not the same, themselves or by a flow.
fn changed(before: &FabricSpec, after: &FabricSpec) -> BTreeSet<LinkId> {
    let flows = |spec: &FabricSpec, id| -> Vec<Flow> {
        spec.flows_of(id).cloned().collect()
    };
    let all = before.vnics.keys().chain(after.vnics.keys());
    let differ = all.filter(|id| {
        before.vnics.get(id) != after.vnics.get(id)
            || flows(before, **id) != flows(after, **id)
    });
    differ.copied().collect()
}

/// What was built of a state, and the way from it to another by a scope.
struct Change {
    start: Observed,
    before: ResolvedSpec,
    after: FabricSpec,
    scope: Option<Scope>,
}

impl Change {
    fn new(before: &FabricSpec, after: &FabricSpec) -> Self {
        let start = built(before);
        let changed = changed(before, after);
        let around = after.around(before, &changed);
        let around = tagmap::resolve(&around, &tags(), &start);
        let before = tagmap::resolve(before, &tags(), &start);
        let scope = Scope::of(&changed, &before, &around, &start);
        Self { start, before, after: after.clone(), scope }
    }

    /// The plan for few; none: there is no scope.
    fn few(&self) -> Option<Plan> {
        let scope = self.scope.as_ref()?;
        let there = self.start.within(scope);
        let resolved = scope.resolved();
        let mut tables = flows::compile(resolved);
        let shaping = flows::shape::shape(resolved, &there, &mut tables);
        Some(plan(resolved, &tables, &shaping.unwrap(), &there))
    }

    /// Checks that the plan for few is the plan for all. Says whether there is
    /// one.
    fn check(&self) -> bool {
        let Some(few) = self.few() else { return false };
        let wanted = Wanted::new(&self.after, &tags(), &self.start);
        let all = wanted.plan(&self.start);
        assert_eq!(
            few.to_string(),
            Plan { blocked: vec![], ..all }.to_string()
        );
        let end = states(&self.start, &few).pop().unwrap();
        let rest = Wanted::new(&self.after, &tags(), &end).plan(&end);
        assert!(rest.is_empty(), "{rest}after\n{few}");
        let scope = self.scope.clone().unwrap();
        // Nothing is left to do for the scope either.
        let again = Self { start: end.clone(), ..self.clone_with(&scope) };
        let again = again.few().unwrap();
        assert!(again.is_empty(), "{again}after\n{few}");
        let mut resolved = self.before.clone();
        resolved.adopt(scope);
        let want = tagmap::resolve(&self.after, &tags(), &end);
        assert_eq!(resolved, want, "{few}");
        true
    }

    fn clone_with(&self, scope: &Scope) -> Self {
        Self {
            start: Observed::default(),
            before: self.before.clone(),
            after: self.after.clone(),
            scope: Some(scope.clone()),
        }
    }
}

/// A state, and the one after somebody changed up to two VNICs of it.
fn few_changes() -> impl Strategy<Value = (FabricSpec, FabricSpec)> {
    let ids: Vec<u32> = IDS.collect();
    let both = (any_spec(), any_spec(), subsequence(ids, 0..=2));
    let changes = both.prop_map(|(before, other, ids)| {
        let mut after = before.clone();
        for id in ids.into_iter().map(LinkId) {
            after.vnics.remove(&id);
            after.flows.retain(|_, flow| flow.link != id);
            if let Some(vnic) = other.vnics.get(&id) {
                after.vnics.insert(id, vnic.clone());
                let flows = other.flows_of(id).cloned();
                after.flows.extend(flows.map(|flow| (flow.id, Arc::new(flow))));
            }
        }
        (before, after)
    });
    changes.prop_filter("no state", |(before, _)| before.validate().is_ok())
}

#[test]
fn a_plan_for_few_is_the_plan_for_all() {
    const CASES: u32 = 2048;
    let mut runner = TestRunner::new(Config {
        failure_persistence: None,
        ..Config::with_cases(CASES)
    });
    let scopes = std::cell::Cell::new(0);
    let run = runner.run(&few_changes(), |(before, after)| {
        if after.validate().is_ok() {
            let found = Change::new(&before, &after).check();
            scopes.set(scopes.get() + u32::from(found));
        }
        Ok(())
    });
    run.unwrap_or_else(|error| panic!("{error}"));
    // Or else this shows nothing.
    let scopes = scopes.get();
    assert!(scopes > CASES / 8, "{scopes} scopes");
}

proptest! {
    #![proptest_config(Config::with_cases(2048))]

    #[test]
    fn who_is_around_decides((before, after) in few_changes()) {
        let around = after.around(&before, &changed(&before, &after));
        prop_assert_eq!(around.validate().is_ok(), after.validate().is_ok());
    }
}

/// `net1` to `net7` over bge0, each with properties of its own.
fn seven(props: impl Fn(u32) -> VnicProps) -> FabricSpec {
    let mut runner = TestRunner::deterministic();
    let vnics = IDS.map(|id| {
        let any = vnic(id).new_tree(&mut runner).unwrap().current();
        fabric::Vnic {
            over: "bge0".parse().unwrap(),
            zone: None,
            vid: None,
            mac: fabric::Mac::new([2, 8, 0x20, 0, 0, id.try_into().unwrap()]),
            props: props(id),
            ..any
        }
    });
    spec(vnics.collect::<Vec<_>>())
}

/// How many VNICs a change is planned for, of one like `edit` makes; none: all.
fn size(
    props: impl Fn(u32) -> VnicProps,
    edit: impl Fn(&mut BTreeMap<LinkId, Arc<fabric::Vnic>>),
) -> Option<usize> {
    let before = seven(props);
    let mut after = before.clone();
    edit(&mut after.vnics);
    let change = Change::new(&before, &after);
    let size = change.scope.as_ref().map(|scope| scope.resolved().vnics.len());
    assert_eq!(change.check(), size.is_some());
    size
}

#[test]
fn who_is_in_a_scope() {
    let plain = |_| VnicProps::default();
    let mbps = |mbps| Some(Bandwidth::from_mbps(mbps));
    let capped = |_| VnicProps { maxbw: mbps(10), ..VnicProps::default() };
    let remove = |id| move |v: &mut BTreeMap<_, _>| drop(v.remove(&LinkId(id)));
    let edit = |id, edit: fn(&mut VnicProps)| {
        move |vnics: &mut BTreeMap<LinkId, Arc<fabric::Vnic>>| {
            let vnic = vnics.get_mut(&LinkId(id)).unwrap();
            edit(&mut Arc::make_mut(vnic).props);
        }
    };
    // In the middle, at the ends, and how it ends with the first: the witness
    // of the segment is the lowest.
    assert_eq!(size(plain, remove(4)), Some(3));
    assert_eq!(size(plain, remove(1)), Some(1));
    assert_eq!(size(plain, remove(7)), Some(2));
    let cap = |props: &mut VnicProps| props.maxbw = Some(Bandwidth::FLOOR);
    assert_eq!(size(plain, edit(4, cap)), Some(4));
    // The others have places in the shaper that has to stay: so has the
    // lowest.
    assert_eq!(size(capped, edit(4, cap)), Some(4));
    assert_eq!(size(capped, remove(4)), Some(3));
    // Everybody has to wait for their turn from now on.
    let promise = |props: &mut VnicProps| props.minbw = Some(Bandwidth::FLOOR);
    assert_eq!(size(plain, edit(4, promise)), None);
    // They did already.
    let promised = |_| VnicProps { minbw: mbps(10), ..VnicProps::default() };
    assert_eq!(size(promised, edit(4, promise)), Some(4));
}
