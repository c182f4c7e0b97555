//! What clients ask of the fabric: each request becomes a new declared state.

use fabric::api::{ChangeLink, ChangeVnic, CreateEtherstub, CreateVnic};
use fabric::{
    Etherstub, Flow, LinkClass, LinkId, LinkName, LinkSettings, Mac, MacPrefix,
    MacType, Mode, Mtu, Over, Owner, Vnic,
};
use rand::RngExt;

use super::Daemon;
use crate::error::FabricError;
use crate::kernel::Kernel;
use crate::store::Change;

impl Daemon {
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
        let id = self.store.next_id().ok_or(FabricError::Exhausted("links"))?;
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
            kept: None,
            temporary: request.temporary,
        };
        let mut spec = self.spec.clone();
        spec.vnics.insert(id, vnic.clone());
        self.become_spec(spec, &[Change::AddVnic(&vnic)]).await?;
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

    /// The one VNIC that a name means.
    pub(super) fn the_vnic(
        &self,
        name: &LinkName,
        zone: Option<&str>,
    ) -> Result<Vnic, FabricError> {
        let found: Vec<&Vnic> = self.spec.vnics_called(name, zone).collect();
        match found[..] {
            [vnic] => Ok(vnic.clone()),
            [] => Err(self.no_such(name, "a", "vnic")),
            _ => {
                let zone = |vnic: &&Vnic| match &vnic.zone {
                    Some(zone) => zone.name().to_owned(),
                    None => "the host".to_owned(),
                };
                let zones = found.iter().map(zone).collect();
                let name = name.clone();
                Err(FabricError::Ambiguous { name, zones })
            }
        }
    }

    /// Changes properties of the one VNIC that a name means.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn change_vnic(
        &mut self,
        name: &LinkName,
        zone: Option<&str>,
        request: &ChangeVnic,
    ) -> Result<LinkId, FabricError> {
        self.refresh().await?;
        let was = self.the_vnic(name, zone)?;
        let now = request.of(&was)?;
        if now == was {
            return Ok(was.id);
        }
        let mut spec = self.spec.clone();
        spec.vnics.insert(now.id, now.clone());
        let change = Change::UpdateVnic { was: &was, now: &now };
        self.become_spec(spec, &[change]).await?;
        let temporary = request.temporary;
        tracing::info!(vnic = %now.key(), temporary, "changed");
        Ok(now.id)
    }

    /// Deletes the one VNIC that a name means, with its flows.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn delete_vnic(
        &mut self,
        name: &LinkName,
        zone: Option<&str>,
    ) -> Result<(), FabricError> {
        self.refresh().await?;
        let vnic = self.the_vnic(name, zone)?;
        self.check_closed(&vnic)?;
        let mut spec = self.spec.clone();
        spec.vnics.remove(&vnic.id);
        spec.flows.retain(|_, flow| flow.link != vnic.id);
        let flows: Vec<Flow> = self.spec.flows_of(vnic.id).cloned().collect();
        let changes = [Change::RemoveFlows(&flows), Change::RemoveVnic(&vnic)];
        self.become_spec(spec, &changes).await?;
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

    pub(super) async fn declare_etherstub(
        &mut self,
        request: CreateEtherstub,
    ) -> Result<LinkId, FabricError> {
        self.check_free(&request.name)?;
        let id = self.store.next_id().ok_or(FabricError::Exhausted("links"))?;
        let stub = Etherstub {
            id,
            name: request.name,
            mtu: Mtu::ETHERSTUB,
            settings: LinkSettings::default(),
            temporary: request.temporary,
        };
        let mut spec = self.spec.clone();
        spec.etherstubs.insert(id, stub.clone());
        self.become_spec(spec, &[Change::AddEtherstub(&stub)]).await?;
        tracing::info!(etherstub = %stub.name, "created");
        Ok(id)
    }

    /// Changes properties of a link that VNICs can sit on.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn change_link(
        &mut self,
        name: &LinkName,
        request: &ChangeLink,
    ) -> Result<(), FabricError> {
        self.refresh().await?;
        let mut spec = self.spec.clone();
        if let Some(was) = self.spec.etherstub(name).cloned() {
            let settings = request.of(was.settings, was.temporary)?;
            if settings == was.settings {
                return Ok(());
            }
            let now = Etherstub { settings, ..was.clone() };
            spec.etherstubs.insert(now.id, now.clone());
            let change = Change::UpdateEtherstub { was: &was, now: &now };
            self.become_spec(spec, &[change]).await?;
        } else {
            self.check_carries(name)?;
            let was = self.spec.settings(name);
            let now = request.of(was, false)?;
            if now == was {
                return Ok(());
            }
            spec.links.remove(name);
            if !now.is_default() {
                spec.links.insert(name.clone(), now);
            }
            let change = Change::SetLink { link: name, was, now };
            self.become_spec(spec, &[change]).await?;
        }
        tracing::info!(link = %name, request.temporary, "changed");
        Ok(())
    }

    /// Refuses a name that is not that of a link of the host's which can carry
    /// VNICs.
    fn check_carries(&self, name: &LinkName) -> Result<(), FabricError> {
        let vnic = self.spec.vnics_called(name, Some("")).next();
        let link = self.observed.links.get(name);
        let class = match (vnic, link) {
            (Some(_), _) => LinkClass::Vnic,
            (None, Some(link)) if link.class.carries_vnics() => return Ok(()),
            (None, Some(link)) => link.class,
            (None, None) => return Err(FabricError::NotFound(name.clone())),
        };
        Err(FabricError::NoCarrier { over: name.clone(), class })
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
        self.become_spec(spec, &[Change::RemoveEtherstub(&stub)]).await?;
        tracing::info!(etherstub = %name, "deleted");
        Ok(())
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
