//! The fabric as netd keeps it: declared, stored, built.

use std::collections::BTreeSet;

use fabric::api::{CreateEtherstub, CreateVnic};
use fabric::{
    Blocked, Etherstub, FabricSpec, LinkClass, LinkId, LinkName, Mac,
    MacPrefix, MacType, Mode, Mtu, Observed, Over, Owner, ResolvedSpec, Step,
    Vnic, Zone,
};
use rand::RngExt;

use crate::apply::apply;
use crate::chain::chain;
use crate::config::ConfigFile;
use crate::error::FabricError;
use crate::kernel::{Kernel, KernelError};
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
    spec: FabricSpec,
    observed: Observed,
    blocked: Vec<Blocked>,
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
        let spec = store.load()?;
        let mut daemon = Self {
            kernel,
            store,
            config,
            spec,
            observed: Observed::default(),
            blocked: Vec::new(),
        };
        daemon.observe().await?;
        daemon.settle().await;
        daemon.declare_configured_etherstubs().await;
        for blocked in &daemon.blocked {
            tracing::warn!(%blocked, "waits");
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

    fn resolve(&self, spec: &FabricSpec) -> ResolvedSpec {
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
        self.observed = self.kernel.observe(&zones).await?;
        Ok(())
    }

    fn zones(&self) -> BTreeSet<Zone> {
        let vnics = self.spec.vnics.values();
        vnics.filter_map(|vnic| vnic.zone.clone()).collect()
    }

    /// Brings what is known of the file and of the links up to date.
    ///
    /// Only netd changes its programs and tables, so they are read in full
    /// only at the start and when a link went away under them.
    ///
    /// # Errors
    /// When the kernel can't be read.
    pub async fn refresh(&mut self) -> Result<(), FabricError> {
        if self.config.refresh() {
            self.declare_configured_etherstubs().await;
        }
        if self.kernel.observe_links(&mut self.observed).await? {
            let zones = self.zones();
            self.kernel.observe_zones(&mut self.observed, &zones);
        } else {
            self.observe().await?;
        }
        Ok(())
    }

    /// [`Daemon::refresh`], and what drivers say of speed and duplex.
    ///
    /// # Errors
    /// When the kernel can't be read.
    pub async fn refresh_for_reading(&mut self) -> Result<(), FabricError> {
        self.refresh().await?;
        self.kernel.observe_modes(&mut self.observed).await;
        Ok(())
    }

    /// Builds what is declared and missing. What fails is logged and tried
    /// again at the next occasion.
    pub async fn settle(&mut self) {
        let resolved = self.resolved();
        if let Err(error) = self.build(&resolved).await {
            let error = chain(&error);
            tracing::error!(%error, "the fabric is not as declared");
        }
        self.blocked = resolved.blocked;
    }

    /// Plans and applies; after that a new plan must be empty.
    async fn build(
        &mut self,
        resolved: &ResolvedSpec,
    ) -> Result<(), FabricError> {
        let tables = flows::compile(resolved);
        let plan = fabric::plan(resolved, &tables, &self.observed);
        if plan.is_empty() {
            return Ok(());
        }
        tracing::debug!(%plan, "planned");
        if let Err(error) =
            apply(&mut self.kernel, &plan, &mut self.observed).await
        {
            for stuck in &error.stuck {
                tracing::error!(%stuck, "could not be taken back");
            }
            // What is known may be what led astray.
            self.observe().await?;
            return Err(self.explain(error));
        }
        let rest = fabric::plan(resolved, &tables, &self.observed);
        if !rest.is_empty() {
            tracing::error!(%rest, "the plan left something to do");
        }
        Ok(())
    }

    /// Puts the kernel's "exists" into the words of who asked.
    fn explain(&self, error: crate::apply::ApplyError) -> FabricError {
        if let Step::CreatePair { guest_end, zone, .. } = error.step.as_ref()
            && error.source.is_name_taken()
        {
            let key =
                fabric::VnicKey { zone: zone.clone(), name: guest_end.clone() };
            return FabricError::GuestEndTaken { key };
        }
        error.into()
    }

    /// Goes from the present declared state to another one: all of it, or
    /// nothing.
    ///
    /// What can't be taken back comes last. A new link is built, then written
    /// down; the links of one that goes are deleted after it was struck out.
    async fn become_spec(
        &mut self,
        spec: FabricSpec,
        change: Change<'_>,
    ) -> Result<(), FabricError> {
        if let Err(errors) = spec.validate()
            && let Some(error) = errors.into_iter().next()
        {
            return Err(error.into());
        }
        // Old debts first, so that a failure here is about what was asked.
        self.settle().await;
        let resolved = self.resolve(&spec);
        if let Change::AddVnic(vnic) = change
            && let Some(blocked) =
                resolved.blocked.iter().find(|blocked| blocked.id == vnic.id)
        {
            return Err(FabricError::Blocked(blocked.clone()));
        }
        match change {
            Change::AddVnic(_) | Change::AddEtherstub(_) => {
                self.build(&resolved).await?;
                if let Err(error) = self.commit(change) {
                    tracing::error!(error = chain(&error), "taking it back");
                    self.settle().await;
                    return Err(error);
                }
            }
            Change::RemoveVnic(_) | Change::RemoveEtherstub(_) => {
                self.commit(change)?;
                if let Err(error) = self.build(&resolved).await {
                    if let Err(again) = self.commit(change.inverse()) {
                        tracing::error!(
                            error = chain(&again),
                            "the store says less than the kernel does"
                        );
                    }
                    return Err(error);
                }
            }
        }
        self.spec = spec;
        self.blocked = resolved.blocked;
        Ok(())
    }

    /// Writes a change down. The disk may take its time; other tasks run on.
    fn commit(&mut self, change: Change<'_>) -> Result<(), FabricError> {
        tokio::task::block_in_place(|| self.store.commit(&[change]))?;
        Ok(())
    }

    /// What could not be built, each as one line.
    #[must_use]
    pub fn blocked(&self) -> &[Blocked] {
        &self.blocked
    }

    /// Makes a VNIC.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn create_vnic(
        &mut self,
        request: CreateVnic,
    ) -> Result<LinkId, FabricError> {
        self.refresh().await?;
        if let Some(zone) = &request.zone
            && Kernel::is_running(zone)
        {
            self.observed.zones.insert(zone.clone());
        }
        let over = self.find_over(&request.over)?;
        if request.zone.is_none() {
            self.check_free(&request.name)?;
        }
        let mut props = request.props;
        props.owner = props.owner.map(look_up).transpose()?;
        let id = self.store.next_id().ok_or(FabricError::Exhausted)?;
        let (mac, mac_type) = match request.mac {
            Some(mac) => (mac, MacType::Fixed),
            None => {
                let prefix = request.mac_prefix.unwrap_or(MacPrefix::DEFAULT);
                (self.draw_mac(prefix), MacType::Random)
            }
        };
        let vnic = Vnic {
            id,
            name: request.name,
            zone: request.zone,
            over,
            mac,
            mac_type,
            vid: request.vid,
            props,
            temporary: request.temporary,
        };
        let mut spec = self.spec.clone();
        spec.vnics.insert(id, vnic.clone());
        self.become_spec(spec, Change::AddVnic(&vnic)).await?;
        tracing::info!(
            vnic = %vnic.key(), over = %vnic.over, mac = %vnic.mac, "created"
        );
        Ok(id)
    }

    /// What a person means by the name after `-l`.
    fn find_over(&self, text: &str) -> Result<Over, FabricError> {
        let unknown = || FabricError::NoLink(text.to_owned());
        if let Ok(name) = text.parse::<LinkName>() {
            if let Some(link) = self.observed.links.get(&name) {
                if !link.class.carries_vnics() {
                    let (over, class) = (name, link.class);
                    return Err(FabricError::NoCarrier { over, class });
                }
                return Ok(Over::Link(name));
            }
            if self.spec.etherstub(&name).is_some() {
                return Ok(Over::Link(name));
            }
            if self.spec.vnics_called(&name, Some("")).next().is_some() {
                let (over, class) = (name, LinkClass::Vnic);
                return Err(FabricError::NoCarrier { over, class });
            }
        }
        let tag = text.parse().map_err(|_| unknown())?;
        if self.config.tags().get(&tag).is_some() {
            Ok(Over::Tag(tag))
        } else {
            Err(unknown())
        }
    }

    /// Refuses a name that a link of netd's own namespace has and that is not
    /// ours. Ours are told apart by the declared state.
    fn check_free(&self, name: &LinkName) -> Result<(), FabricError> {
        let ours = self.spec.vnics_called(name, Some("")).next().is_some();
        if !ours && self.observed.links.contains_key(name) {
            return Err(FabricError::NameTaken(name.clone()));
        }
        Ok(())
    }

    /// Draws an address that nobody here has.
    fn draw_mac(&self, prefix: MacPrefix) -> Mac {
        loop {
            let mac = prefix.with(rand::rng().random());
            let vnics = self.spec.vnics.values().any(|vnic| vnic.mac == mac);
            let links = self.observed.links.values();
            if !vnics && !links.into_iter().any(|link| link.mac == mac) {
                return mac;
            }
        }
    }

    /// Deletes the one VNIC that a name means.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn delete_vnic(
        &mut self,
        name: &LinkName,
        zone: Option<&str>,
    ) -> Result<(), FabricError> {
        self.refresh().await?;
        let found: Vec<&Vnic> = self.spec.vnics_called(name, zone).collect();
        let vnic = match found[..] {
            [vnic] => vnic.clone(),
            [] => return Err(self.no_such(name, "a", "vnic")),
            _ => {
                let zone = |vnic: &&Vnic| match &vnic.zone {
                    Some(zone) => zone.name().to_owned(),
                    None => "the host".to_owned(),
                };
                let zones = found.iter().map(zone).collect();
                let name = name.clone();
                return Err(FabricError::Ambiguous { name, zones });
            }
        };
        self.check_closed(&vnic)?;
        let mut spec = self.spec.clone();
        spec.vnics.remove(&vnic.id);
        self.become_spec(spec, Change::RemoveVnic(&vnic)).await?;
        tracing::info!(vnic = %vnic.key(), "deleted");
        Ok(())
    }

    /// Refuses to pull a TAP from under a virtual machine. The monitor would
    /// find its file in a state that it can neither read nor wait for: QEMU
    /// then uses up a CPU.
    fn check_closed(&self, vnic: &Vnic) -> Result<(), FabricError> {
        let device = Vnic::host_end(vnic.id);
        let end = self.observed.host_ends.get(&device);
        if vnic.props.mode == Mode::Tap && end.is_some_and(|end| end.carrier) {
            let name = vnic.name.clone();
            return Err(FabricError::Open { name, device });
        }
        Ok(())
    }

    /// Why a name means nothing of a class: it means something of another, or
    /// nothing at all.
    fn no_such(
        &self,
        name: &LinkName,
        article: &'static str,
        wanted: &'static str,
    ) -> FabricError {
        let known = self.observed.links.contains_key(name)
            || self.spec.etherstub(name).is_some()
            || self.spec.vnics_called(name, Some("")).next().is_some();
        let name = name.clone();
        if known {
            FabricError::WrongClass { name, article, wanted }
        } else {
            FabricError::NotFound(name)
        }
    }

    /// Makes an etherstub.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn create_etherstub(
        &mut self,
        request: CreateEtherstub,
    ) -> Result<LinkId, FabricError> {
        self.refresh().await?;
        self.declare_etherstub(request).await
    }

    async fn declare_etherstub(
        &mut self,
        request: CreateEtherstub,
    ) -> Result<LinkId, FabricError> {
        self.check_free(&request.name)?;
        let id = self.store.next_id().ok_or(FabricError::Exhausted)?;
        let stub = Etherstub {
            id,
            name: request.name,
            mtu: Mtu::ETHERSTUB,
            temporary: request.temporary,
        };
        let mut spec = self.spec.clone();
        spec.etherstubs.insert(id, stub.clone());
        self.become_spec(spec, Change::AddEtherstub(&stub)).await?;
        tracing::info!(etherstub = %stub.name, "created");
        Ok(id)
    }

    /// Deletes an etherstub that no VNIC sits on.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn delete_etherstub(
        &mut self,
        name: &LinkName,
    ) -> Result<(), FabricError> {
        self.refresh().await?;
        let Some(stub) = self.spec.etherstub(name) else {
            return Err(self.no_such(name, "an", "etherstub"));
        };
        let stub = stub.clone();
        let sits = |vnic: &&Vnic| match &vnic.over {
            Over::Link(over) => over == name,
            Over::Tag(tag) => tag.as_str() == name.as_str(),
        };
        let vnics = self.spec.vnics.values().filter(sits);
        let vnics: Vec<String> =
            vnics.map(|vnic| vnic.key().to_string()).collect();
        if !vnics.is_empty() {
            return Err(FabricError::InUse { name: name.clone(), vnics });
        }
        let mut spec = self.spec.clone();
        spec.etherstubs.remove(&stub.id);
        self.become_spec(spec, Change::RemoveEtherstub(&stub)).await?;
        tracing::info!(etherstub = %name, "deleted");
        Ok(())
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

/// Finds the number of an owner. A name that nobody has stays one, which no
/// valid spec has.
fn look_up(owner: Owner) -> Result<Owner, FabricError> {
    let Owner::Name(name) = owner else { return Ok(owner) };
    // Where users are kept may be far away.
    let uid = tokio::task::block_in_place(|| Kernel::uid_of(&name));
    match uid {
        Ok(Some(uid)) => Ok(Owner::Uid(uid)),
        Ok(None) => Ok(Owner::Name(name)),
        Err(source) => Err(FabricError::Users { name, source }),
    }
}
