//! From a state that is wanted to the kernel.

use std::borrow::Cow;

use fabric::datapath::DatapathTables;
use fabric::shaping::Shaping;
use fabric::{Observed, Plan, ResolvedSpec, Scope, Step, VnicKey};

use super::Daemon;
use crate::apply::{ApplyError, apply};
use crate::chain::chain;
use crate::error::FabricError;
use crate::heap;

/// What a plan is made for.
#[derive(Debug)]
pub(super) enum Target {
    /// All VNICs.
    All(ResolvedSpec),
    /// A few of them, where all others are as they should be.
    Few(Box<Scope>),
}

impl Target {
    pub(super) fn resolved(&self) -> &ResolvedSpec {
        match self {
            Self::All(resolved) => resolved,
            Self::Few(scope) => scope.resolved(),
        }
    }

    /// What there is of it.
    fn sight<'a>(&self, observed: &'a Observed) -> Cow<'a, Observed> {
        match self {
            Self::All(_) => Cow::Borrowed(observed),
            Self::Few(scope) => Cow::Owned(observed.within(scope)),
        }
    }
}

impl Daemon {
    /// Builds what is declared and missing, and says whether that went well.
    /// What fails is logged and tried again at the next occasion.
    pub async fn settle(&mut self) -> bool {
        if self.settled {
            return true;
        }
        let mut resolved = self.find(&self.spec);
        self.enroll(&resolved);
        self.add_learned(resolved.vnics.values_mut());
        let target = Target::All(resolved);
        let built = self.build(&target).await;
        self.trouble = built.err().map(|error| chain(&error));
        if let Some(error) = &self.trouble {
            tracing::error!(%error, "the fabric is not as declared");
        }
        self.adopt(target);
        self.settled
    }

    /// Plans and applies; after that a new plan must be empty.
    pub(super) async fn build(
        &mut self,
        target: &Target,
    ) -> Result<(), FabricError> {
        let resolved = target.resolved();
        // At most once more for each link that turns out to refuse addresses.
        loop {
            let sight = target.sight(&self.observed);
            let (tables, shaping) = compile(resolved, &sight)?;
            let links = fabric::first_used(&tables, &sight);
            drop(sight);
            self.kernel.observe_lro(&mut self.observed, &links).await;
            let plan = |observed: &Observed| {
                let sight = target.sight(observed);
                fabric::plan(resolved, &tables, &shaping, &sight)
            };
            let steps = plan(&self.observed);
            if steps.is_empty() {
                self.rest();
                return Ok(());
            }
            self.settled = false;
            tracing::debug!(plan = %steps, "planned");
            let Err(error) =
                apply(&mut self.kernel, &steps, &mut self.observed).await
            else {
                let rest = plan(&self.observed);
                if rest.is_empty() {
                    self.rest();
                } else {
                    tracing::error!(%rest, "the plan left something to do");
                }
                return Ok(());
            };
            for stuck in &error.stuck {
                tracing::error!(%stuck, "could not be taken back");
            }
            // What is known may be what led astray.
            if let Err(blind) = self.observe().await {
                tracing::error!(error = chain(&blind), "cannot look again");
            }
            match error.refused_by() {
                Some(link) if self.observed.refusing.insert(link.clone()) => {
                    let error = chain(&error);
                    tracing::warn!(%link, %error, "becomes promiscuous");
                }
                _ => return Err(explain(error)),
            }
        }
    }

    /// What it would take to build a target.
    pub(super) fn plan(&self, target: &Target) -> Result<Plan, FabricError> {
        let resolved = target.resolved();
        let sight = target.sight(&self.observed);
        let (tables, shaping) = compile(resolved, &sight)?;
        Ok(fabric::plan(resolved, &tables, &shaping, &sight))
    }

    /// Nothing is left to do: every hook has this version's program.
    fn rest(&mut self) {
        self.settled = true;
        self.kernel.finish_upgrade();
    }

    /// Notes down what is wanted from now on.
    pub(super) fn adopt(&mut self, target: Target) {
        match target {
            Target::All(resolved) => {
                self.resolved = resolved;
                heap::give_back();
            }
            Target::Few(scope) => {
                self.resolved.adopt(*scope);
                debug_assert!(self.is_built(), "a scope was too small");
            }
        }
    }

    /// Whether all is as declared, by a plan for all. A link's speed may have
    /// become known since, because somebody has looked at it.
    fn is_built(&self) -> bool {
        let mut known = self.resolved.clone();
        self.add_learned(known.vnics.values_mut());
        let mut resolved = self.resolved();
        for (segment, found) in &mut resolved.segments {
            found.speed = known.segments.get(segment).and_then(|s| s.speed);
        }
        let same = known == resolved;
        let plan = self.plan(&Target::All(known));
        let plan = plan.expect("it has been planned in parts");
        if !same || !plan.is_empty() {
            tracing::error!(%plan, same, "a part was not all");
        }
        same && plan.is_empty()
    }
}

/// Works out rows and queues. Where a VNIC has a place in a queue it keeps it,
/// so they depend on what is there.
fn compile(
    resolved: &ResolvedSpec,
    observed: &Observed,
) -> Result<(DatapathTables, Shaping), FabricError> {
    let mut tables = flows::compile(resolved);
    let shaping = flows::shape::shape(resolved, observed, &mut tables)?;
    Ok((tables, shaping))
}

/// Puts the kernel's "exists" into the words of who asked.
fn explain(error: ApplyError) -> FabricError {
    if let Step::CreatePair { guest_end, zone, .. } = error.step.as_ref()
        && error.source.is_name_taken()
    {
        let key = VnicKey { zone: zone.clone(), name: guest_end.clone() };
        return FabricError::GuestEndTaken { key };
    }
    error.into()
}
