//! The fabric as netd keeps it: declared, stored, built.

mod counting;
mod draft;
mod learning;
mod requests;
mod rings;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fabric::api::{Applied, CreateEtherstub, Declared};
use fabric::datapath::DatapathTables;
use fabric::shaping::Shaping;
use fabric::{
    Blocked, FabricSpec, LinkId, LinkName, Mode, Observed, ResolvedSpec, Step,
    Vnic, Zone,
};

use flows::learn::Learner;

pub use counting::QueueStats;

use crate::apply::{ApplyError, apply};
use crate::chain::chain;
use crate::config::ConfigFile;
use crate::error::FabricError;
use crate::failpoint::{self, Place};
use crate::kernel::{Kernel, KernelError, LinkStats, Update};
use crate::seldom::Seldom;
use crate::store::{Change, Store};

/// The fabric of one network namespace.
///
/// Every change goes the same way: a new [`FabricSpec`] is checked, resolved,
/// planned against what the kernel has, applied, and written down. Whatever
/// fails on the way is taken back, so the store says what the kernel does.
#[derive(Debug)]
pub struct Daemon {
    kernel: Kernel,
    store: Store,
    config: ConfigFile,
    spec: Arc<FabricSpec>,
    observed: Observed,
    blocked: Vec<Blocked>,
    learner: Learner,
    /// Guests may come by addresses and give them back all day.
    learning_told: Seldom,
    /// Whether the last plan, on what is known of the host, was empty.
    settled: bool,
    /// Why the fabric is not as declared, if it is not.
    trouble: Option<String>,
}

impl Daemon {
    /// Takes over the fabric as the store declares it. What the kernel has of
    /// it already is adopted; what is missing is built; what nobody declares
    /// any more is removed.
    ///
    /// # Errors
    /// When the kernel or the store can't be read. A part of the fabric that
    /// can't be built is no error: it is blocked, and logged.
    pub async fn start(
        kernel: Kernel,
        store: Store,
        config: ConfigFile,
    ) -> Result<Self, FabricError> {
        let spec = Arc::new(store.load()?);
        let mut daemon = Self {
            kernel,
            store,
            config,
            spec,
            observed: Observed::default(),
            blocked: Vec::new(),
            learner: Learner::new(),
            learning_told: Seldom::new(learning::TOLD),
            settled: false,
            trouble: None,
        };
        daemon.observe().await?;
        daemon.recall();
        daemon.settle().await;
        daemon.declare_configured_etherstubs().await;
        for blocked in &daemon.blocked {
            tracing::warn!(%blocked, "waits");
        }
        for error in daemon.resolved().overcommitted() {
            tracing::warn!(%error, "not all of what is promised can hold");
        }
        Ok(daemon)
    }

    /// The declared state.
    #[must_use]
    pub fn spec(&self) -> &FabricSpec {
        &self.spec
    }

    /// The kernel's state as of the last look.
    #[must_use]
    pub fn observed(&self) -> &Observed {
        &self.observed
    }

    /// The configuration file.
    #[must_use]
    pub fn config(&self) -> &ConfigFile {
        &self.config
    }

    /// The declared state with links and zones found.
    #[must_use]
    pub fn resolved(&self) -> ResolvedSpec {
        self.resolve(&self.spec)
    }

    /// One VNIC of it: what others are declared makes no difference to where a
    /// VNIC sits.
    #[must_use]
    pub fn resolved_one(&self, vnic: &Vnic) -> ResolvedSpec {
        self.resolve(&FabricSpec {
            etherstubs: self.spec.etherstubs.clone(),
            vnics: [(vnic.id, vnic.clone())].into(),
            ..FabricSpec::default()
        })
    }

    fn resolve(&self, spec: &FabricSpec) -> ResolvedSpec {
        let mut resolved = self.find(spec);
        self.add_learned(&mut resolved);
        resolved
    }

    /// Finds links and zones, and says nothing of what guests came by.
    fn find(&self, spec: &FabricSpec) -> ResolvedSpec {
        tagmap::resolve(spec, self.config.tags(), &self.observed)
    }

    /// Access to the kernel for reading.
    #[must_use]
    pub fn kernel(&self) -> &Kernel {
        &self.kernel
    }

    /// Reads the whole state of the kernel.
    async fn observe(&mut self) -> Result<(), KernelError> {
        let zones = self.zones();
        let refusing = self.observed.refusing.clone();
        self.observed = self.kernel.observe(&zones, refusing).await?;
        self.observe_speeds(None).await;
        Ok(())
    }

    /// Asks for the speed of each link where it decides something: in the
    /// state as declared, or in another one.
    async fn observe_speeds(&mut self, spec: Option<&FabricSpec>) {
        let spec = spec.unwrap_or_else(|| &*self.spec);
        let tags = self.config.tags();
        let links = tagmap::shaped_links(spec, tags, &self.observed);
        self.kernel.observe_speeds(&mut self.observed, &links).await;
    }

    fn zones(&self) -> BTreeSet<Zone> {
        let vnics = self.spec.vnics.values();
        vnics.filter_map(|vnic| vnic.zone.clone()).collect()
    }

    /// Brings what is known of the file and of the kernel up to date.
    ///
    /// The kernel says what has changed, so it is read in full only at the
    /// start, when a link of the fabric went away, and when somebody asks for
    /// it: [`Daemon::reconcile`].
    ///
    /// # Errors
    /// When the kernel can't be read.
    pub async fn refresh(&mut self) -> Result<(), FabricError> {
        if self.config.refresh() {
            self.settled = false;
            self.declare_configured_etherstubs().await;
        }
        let vnics = self.spec.vnics.values();
        let zones = vnics.filter_map(|vnic| vnic.zone.as_ref());
        let update = self.kernel.catch_up(&mut self.observed, zones).await?;
        match update {
            Update::Same => {}
            Update::Changed => {
                self.settled = false;
                self.observe_speeds(None).await;
            }
            Update::Stale => {
                self.settled = false;
                self.observe().await?;
            }
        }
        if self.observe_rings() {
            self.settled = false;
        }
        Ok(())
    }

    /// Looks at the host, at `all` of it or at what has changed, and builds what
    /// is declared and missing. Says whether that went well; what fails is
    /// logged.
    pub async fn reconcile(&mut self, all: bool) -> bool {
        let looked = match all {
            true => self.look_again().await,
            false => self.refresh().await,
        };
        match looked {
            Ok(()) => self.settle().await,
            Err(error) => {
                let error = chain(&error);
                tracing::error!(%error, "cannot look at the host");
                false
            }
        }
    }

    /// [`Daemon::refresh`], and all that the kernel has, whoever has changed
    /// it.
    ///
    /// # Errors
    /// When the kernel can't be read.
    async fn look_again(&mut self) -> Result<(), FabricError> {
        self.settled = false;
        self.observe().await?;
        self.refresh().await
    }

    /// [`Daemon::refresh`], and what drivers say of speed and duplex.
    ///
    /// # Errors
    /// When the kernel can't be read.
    pub async fn refresh_for_reading(&mut self) -> Result<(), FabricError> {
        self.refresh_states().await?;
        self.kernel.observe_modes(&mut self.observed).await;
        Ok(())
    }

    /// [`Daemon::refresh`], and who has carrier at this moment. The kernel says
    /// that in its own time, and at most once a second of some links.
    ///
    /// # Errors
    /// When the kernel can't be read.
    pub async fn refresh_states(&mut self) -> Result<(), FabricError> {
        self.refresh().await?;
        if self.kernel.observe_states(&mut self.observed).await? {
            self.settled = false;
        }
        Ok(())
    }

    /// Looks who has TAPs open at this moment: of one VNIC, or of all.
    pub(super) async fn look_at_taps(&mut self, of: Option<LinkId>) {
        let tap = |vnic: &&Vnic| {
            vnic.props.mode == Mode::Tap && of.is_none_or(|id| id == vnic.id)
        };
        let taps = self.spec.vnics.values().filter(tap);
        let taps: Vec<LinkName> =
            taps.map(|vnic| Vnic::host_end(vnic.id)).collect();
        for tap in taps {
            // One that is not there is open to nobody.
            let looked = self.kernel.look_at(&mut self.observed, &tap).await;
            self.settled &= !looked.unwrap_or_default();
        }
    }

    /// [`Daemon::refresh`], and what the kernel has counted on its links.
    ///
    /// # Errors
    /// When the kernel can't be read.
    pub async fn refresh_for_counting(
        &mut self,
    ) -> Result<BTreeMap<LinkName, LinkStats>, FabricError> {
        self.refresh().await?;
        Ok(self.kernel.link_stats().await?)
    }

    /// Builds what is declared and missing, and says whether that went well.
    /// What fails is logged and tried again at the next occasion.
    pub async fn settle(&mut self) -> bool {
        if self.settled {
            return true;
        }
        let mut resolved = self.find(&self.spec);
        self.enroll(&resolved);
        self.add_learned(&mut resolved);
        let built = self.build(&resolved).await;
        self.trouble = built.err().map(|error| chain(&error));
        if let Some(error) = &self.trouble {
            tracing::error!(%error, "the fabric is not as declared");
        }
        self.blocked = resolved.blocked;
        self.settled
    }

    /// Plans and applies; after that a new plan must be empty.
    async fn build(
        &mut self,
        resolved: &ResolvedSpec,
    ) -> Result<(), FabricError> {
        // At most once more for each link that turns out to refuse addresses.
        loop {
            let (tables, shaping) = self.compile(resolved)?;
            let links = fabric::first_used(&tables, &self.observed);
            self.kernel.observe_lro(&mut self.observed, &links).await;
            let plan =
                fabric::plan(resolved, &tables, &shaping, &self.observed);
            if plan.is_empty() {
                self.rest();
                return Ok(());
            }
            self.settled = false;
            tracing::debug!(%plan, "planned");
            let Err(error) =
                apply(&mut self.kernel, &plan, &mut self.observed).await
            else {
                let rest =
                    fabric::plan(resolved, &tables, &shaping, &self.observed);
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

    /// Nothing is left to do: every hook has this version's program.
    fn rest(&mut self) {
        self.settled = true;
        self.kernel.finish_upgrade();
    }

    /// Works out rows and queues. Where a VNIC has a place in a queue it keeps
    /// it, so they depend on what is there.
    fn compile(
        &self,
        resolved: &ResolvedSpec,
    ) -> Result<(DatapathTables, Shaping), FabricError> {
        let mut tables = flows::compile(resolved);
        let shaping =
            flows::shape::shape(resolved, &self.observed, &mut tables)?;
        Ok((tables, shaping))
    }

    /// Goes from the present declared state to another one: all of it, or
    /// nothing. Where nothing is different, nothing is done.
    ///
    /// What can't be taken back comes last: what is new or changed is built,
    /// then all of it is written down, in one piece, and then what is to go
    /// goes. A netd that dies on the way comes back to the one or the other.
    /// Gives what has changed.
    async fn become_spec(
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
        let resolved = self.check(&spec, &changes).await?;
        let removals = changes.iter().filter(|change| change.is_removal());
        let removals = removals.count();
        if removals == 0 {
            self.build(&resolved).await?;
        } else if removals < changes.len()
            && let Some(before) = self.without_removals(&spec, &changes)
        {
            self.build(&before).await?;
        }
        if let Err(error) = self.commit(&changes) {
            // What is settled is what could not be written down.
            tracing::error!(error = chain(&error), "taking it back");
            self.settled = false;
            self.settle().await;
            return Err(error);
        }
        if removals > 0
            && let Err(error) = self.build(&resolved).await
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
        self.spec = Arc::new(spec);
        self.enroll(&resolved);
        self.blocked = resolved.blocked;
        Ok(told)
    }

    /// Tells what would change by [`Daemon::become_spec`], and what it takes.
    async fn try_spec(
        &mut self,
        spec: &FabricSpec,
    ) -> Result<Applied, FabricError> {
        self.settle().await;
        let old = Arc::clone(&self.spec);
        let changes = Change::between(&old, spec);
        let resolved = self.check(spec, &changes).await?;
        let (tables, shaping) = self.compile(&resolved)?;
        let plan = fabric::plan(&resolved, &tables, &shaping, &self.observed);
        let steps = plan.steps.iter().map(ToString::to_string).collect();
        Ok(Applied { changes: told(&changes, &old, spec), steps })
    }

    /// Checks that a state can be built by some changes, and finds its links.
    async fn check(
        &mut self,
        spec: &FabricSpec,
        changes: &[Change<'_>],
    ) -> Result<ResolvedSpec, FabricError> {
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
            if let Some(blocked) = newly_blocked(&self.blocked, &resolved) {
                return Err(FabricError::Blocked(blocked.clone()));
            }
            self.check_guarantees(spec, &resolved)?;
        }
        Ok(resolved)
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
                    spec.vnics.insert(vnic.id, (*vnic).clone());
                }
                Change::RemoveEtherstub(stub) => {
                    spec.etherstubs.insert(stub.id, (*stub).clone());
                }
                Change::RemoveFlow(flow) => {
                    spec.flows.insert(flow.id, (*flow).clone());
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
        let kept = |vnic: &Vnic| vnic.kept_props().minbw.is_some();
        let now = |vnic: &Vnic| vnic.props.minbw.is_some();
        if !spec.vnics.values().any(|vnic| now(vnic) || kept(vnic)) {
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

    /// What could not be built, each as one line.
    #[must_use]
    pub fn blocked(&self) -> &[Blocked] {
        &self.blocked
    }

    /// Why the fabric is not as declared, if what is built is not.
    #[must_use]
    pub fn trouble(&self) -> Option<&str> {
        self.trouble.as_deref()
    }

    /// Makes the etherstubs that the configuration file names, for this boot:
    /// the file will name them again at the next.
    async fn declare_configured_etherstubs(&mut self) {
        let names: Vec<LinkName> =
            self.config.tags().etherstubs().cloned().collect();
        for name in names {
            if self.spec.etherstub(&name).is_some() {
                continue;
            }
            let request = CreateEtherstub { name, temporary: true };
            if let Err(error) = self.declare_etherstub(request).await {
                tracing::error!(
                    error = chain(&error),
                    "an etherstub of the configuration file cannot be made"
                );
            }
        }
    }
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

/// Puts the kernel's "exists" into the words of who asked.
fn explain(error: ApplyError) -> FabricError {
    if let Step::CreatePair { guest_end, zone, .. } = error.step.as_ref()
        && error.source.is_name_taken()
    {
        let key =
            fabric::VnicKey { zone: zone.clone(), name: guest_end.clone() };
        return FabricError::GuestEndTaken { key };
    }
    error.into()
}
