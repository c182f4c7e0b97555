//! The fabric as netd keeps it: declared, stored, built.

mod becoming;
mod building;
mod counting;
mod draft;
mod learning;
mod requests;
mod rings;
mod tags;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fabric::api::CreateEtherstub;
use fabric::{
    Blocked, FabricSpec, LinkId, LinkName, Mode, Observed, ResolvedSpec, Vnic,
    Zone,
};

use flows::learn::Learner;

pub use counting::QueueStats;
pub use tags::NicTagError;

use crate::chain::chain;
use crate::config::ConfigFile;
use crate::error::FabricError;
use crate::kernel::{Kernel, KernelError, LinkStats, Update};
use crate::seldom::Seldom;
use crate::store::Store;

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
    /// The declared state with links and zones found, as it is built where
    /// `settled`.
    resolved: ResolvedSpec,
    /// The VNICs that have something which changes by itself and of which
    /// nobody tells.
    watched: BTreeSet<LinkId>,
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
            resolved: ResolvedSpec::default(),
            watched: BTreeSet::new(),
            learner: Learner::new(),
            learning_told: Seldom::new(learning::TOLD),
            settled: false,
            trouble: None,
        };
        daemon.watch(&daemon.spec.vnics.keys().copied().collect());
        daemon.observe().await?;
        daemon.recall();
        daemon.settle().await;
        daemon.declare_configured_etherstubs().await;
        for blocked in &daemon.resolved.blocked {
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
            vnics: [(vnic.id, Arc::new(vnic.clone()))].into(),
            ..FabricSpec::default()
        })
    }

    fn resolve(&self, spec: &FabricSpec) -> ResolvedSpec {
        let mut resolved = self.find(spec);
        self.add_learned(resolved.vnics.values_mut());
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
        let watched = self.watched.iter();
        let watched = watched.filter_map(|id| self.spec.vnics.get(id));
        let unnamed = watched.filter_map(|vnic| vnic.zone.as_ref());
        let observed = &mut self.observed;
        let update = self.kernel.catch_up(observed, zones, unnamed).await?;
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
        let tap = |vnic: &&Arc<Vnic>| {
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

    /// What could not be built, each as one line.
    #[must_use]
    pub fn blocked(&self) -> &[Blocked] {
        &self.resolved.blocked
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
