//! From one declared state to another.

use std::collections::BTreeSet;
use std::sync::Arc;

use fabric::api::{Applied, Declared};
use fabric::{Blocked, FabricSpec, LinkId, ResolvedSpec, Scope, Vnic};

use super::Daemon;
use super::building::Target;
use crate::chain::chain;
use crate::error::FabricError;
use crate::failpoint::{self, Place};
use crate::store::Change;

/// The most VNICs that are planned for by themselves. With more the plan for
/// all costs no more than theirs.
const FEW: usize = 64;

impl Daemon {
    /// Goes from the present declared state to another one: all of it, or
    /// nothing. Where nothing is different, nothing is done.
    ///
    /// What can't be taken back comes last: what is new or changed is built,
    /// then all of it is written down, in one piece, and then what is to go
    /// goes. A netd that dies on the way comes back to the one or the other.
    /// Gives what has changed.
    pub(super) async fn become_spec(
        &mut self,
        spec: FabricSpec,
    ) -> Result<Vec<Declared>, FabricError> {
        // Old debts first, so that a failure here is about what was asked.
        self.settle().await;
        let old = Arc::clone(&self.spec);
        let changes = Change::between(&old, &spec);
        if changes.is_empty() {
            return Ok(Vec::new());
        }
        let target = self.check(&spec, &changes).await?;
        let removals = changes.iter().filter(|change| change.is_removal());
        let removals = removals.count();
        if removals == 0 {
            self.build(&target).await?;
        } else if removals < changes.len()
            && let Some(before) = self.without_removals(&spec, &changes)
        {
            self.build(&Target::All(before)).await?;
        }
        if let Err(error) = self.commit(&changes) {
            // What is settled is what could not be written down.
            tracing::error!(error = chain(&error), "taking it back");
            self.settled = false;
            self.settle().await;
            return Err(error);
        }
        if removals > 0
            && let Err(error) = self.build(&target).await
        {
            let back = changes.iter().rev().map(|change| change.inverse());
            let back: Vec<Change<'_>> = back.collect();
            if let Err(again) = self.commit(&back) {
                tracing::error!(
                    error = chain(&again),
                    "the store says something else than what is built"
                );
            }
            self.settled = false;
            self.settle().await;
            return Err(error);
        }
        let told = told(&changes, &old, &spec);
        log(&told);
        let concerned = changes.iter().filter_map(|change| change.vnic());
        let concerned: BTreeSet<LinkId> = concerned.collect();
        self.spec = Arc::new(spec);
        self.watch(&concerned);
        match &target {
            Target::All(resolved) => self.enroll(resolved),
            Target::Few(scope) => self.enroll_some(scope),
        }
        self.adopt(target);
        Ok(told)
    }

    /// Tells what would change by [`Daemon::become_spec`], and what it takes.
    pub(super) async fn try_spec(
        &mut self,
        spec: &FabricSpec,
    ) -> Result<Applied, FabricError> {
        self.settle().await;
        let old = Arc::clone(&self.spec);
        let changes = Change::between(&old, spec);
        let target = self.check(spec, &changes).await?;
        let plan = self.plan(&target)?;
        let steps = plan.steps.iter().map(ToString::to_string).collect();
        Ok(Applied { changes: told(&changes, &old, spec), steps })
    }

    /// Checks that a state can be built by some changes, and finds its links.
    async fn check(
        &mut self,
        spec: &FabricSpec,
        changes: &[Change<'_>],
    ) -> Result<Target, FabricError> {
        if let Some(scope) = self.scope(spec, changes).await? {
            return Ok(Target::Few(Box::new(scope)));
        }
        if let Err(errors) = spec.validate()
            && let Some(error) = errors.into_iter().next()
        {
            return Err(error.into());
        }
        self.observe_speeds(Some(spec)).await;
        let resolved = self.resolve(spec);
        // What has to wait now, because its link is away, may be declared all
        // the same; and nothing waits because something goes.
        if changes.iter().any(|change| !change.is_removal()) {
            let before = &self.resolved.blocked;
            if let Some(blocked) = newly_blocked(before, &resolved) {
                return Err(FabricError::Blocked(blocked.clone()));
            }
            self.check_guarantees(spec, &resolved)?;
        }
        Ok(Target::All(resolved))
    }

    /// The scope of a few changes, where they have one and nothing is wrong
    /// with them.
    async fn scope(
        &mut self,
        spec: &FabricSpec,
        changes: &[Change<'_>],
    ) -> Result<Option<Scope>, FabricError> {
        let changed = changes.iter().map(|change| change.vnic());
        let Some(changed) = changed.collect::<Option<BTreeSet<LinkId>>>()
        else {
            return Ok(None);
        };
        let removals = changes.iter().filter(|change| change.is_removal());
        let removals = removals.count();
        let mixed = ![0, changes.len()].contains(&removals);
        if !self.settled || mixed || changed.len() > FEW {
            return Ok(None);
        }
        let around = spec.around(&self.spec, &changed);
        if around.validate().is_err() {
            return Ok(None);
        }
        self.observe_speeds(Some(&around)).await;
        let after = self.find(&around);
        let before = &self.resolved;
        let Some(mut scope) =
            Scope::of(&changed, before, &after, &self.observed)
        else {
            return Ok(None);
        };
        self.add_learned(scope.vnics_mut());
        // What is taken away promises nothing.
        if removals == 0 && promises(&around) {
            self.check_guarantees(spec, &self.find(spec))?;
        }
        Ok(Some(scope))
    }

    /// The state after those of the changes that take nothing away; none where
    /// there can't be such a one, as when a name or an address is passed on.
    fn without_removals(
        &self,
        spec: &FabricSpec,
        changes: &[Change<'_>],
    ) -> Option<ResolvedSpec> {
        let mut spec = spec.clone();
        for change in changes {
            match change {
                Change::RemoveVnic(vnic) => {
                    let vnic = Arc::new((*vnic).clone());
                    spec.vnics.insert(vnic.id, vnic);
                }
                Change::RemoveEtherstub(stub) => {
                    spec.etherstubs.insert(stub.id, (*stub).clone());
                }
                Change::RemoveFlow(flow) => {
                    let flow = Arc::new((*flow).clone());
                    spec.flows.insert(flow.id, flow);
                }
                _ => {}
            }
        }
        spec.validate().ok()?;
        Some(self.resolve(&spec))
    }

    /// Refuses a state in which more is promised than links can carry, now or
    /// after the next boot, unless it is so already.
    fn check_guarantees(
        &self,
        spec: &FabricSpec,
        resolved: &ResolvedSpec,
    ) -> Result<(), FabricError> {
        if !promises(spec) {
            return Ok(());
        }
        resolved.check_guarantees(&self.find(&self.spec))?;
        let later = self.find(&spec.next_boot());
        later.check_guarantees(&self.find(&self.spec.next_boot()))?;
        Ok(())
    }

    /// Writes changes down. The disk may take its time; other tasks run on.
    fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), FabricError> {
        failpoint::before(Place::Commit);
        tokio::task::block_in_place(|| self.store.commit(changes))?;
        failpoint::after(Place::Commit);
        Ok(())
    }
}

/// Whether some VNIC has a guarantee, now or after the next boot.
fn promises(spec: &FabricSpec) -> bool {
    let promised = |vnic: &Arc<Vnic>| {
        vnic.props.minbw.or(vnic.kept_props().minbw).is_some()
    };
    spec.vnics.values().any(promised)
}

/// What has to wait and did not before.
fn newly_blocked<'a>(
    before: &[Blocked],
    after: &'a ResolvedSpec,
) -> Option<&'a Blocked> {
    let waited = |id| before.iter().any(|blocked| blocked.id == id);
    after.blocked.iter().find(|blocked| !waited(blocked.id))
}

/// Changes as clients are told of them.
fn told(
    changes: &[Change<'_>],
    old: &FabricSpec,
    new: &FabricSpec,
) -> Vec<Declared> {
    changes.iter().map(|change| change.told(old, new)).collect()
}

/// Writes changes into the log; many of them as one line.
fn log(changes: &[Declared]) {
    const MANY: usize = 16;
    for change in changes {
        if changes.len() < MANY {
            tracing::info!(%change, "declared");
        } else {
            tracing::debug!(%change, "declared");
        }
    }
    if changes.len() >= MANY {
        tracing::info!(changes = changes.len(), "declared");
    }
}
