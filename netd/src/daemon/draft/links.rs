//! VNICs, etherstubs and the host's links in a draft.

use std::sync::Arc;

use fabric::api::{ChangeLink, ChangeVnic, CreateEtherstub, CreateVnic};
use fabric::{
    Etherstub, LinkClass, LinkId, LinkName, LinkSettings, MacPrefix, MacType,
    Mode, Mtu, Over, Vnic, VnicProps,
};

use super::{Draft, look_up};
use crate::error::FabricError;

impl Draft<'_> {
    /// Adds a VNIC.
    pub(in crate::daemon) fn create_vnic(
        &mut self,
        request: CreateVnic,
    ) -> Result<LinkId, FabricError> {
        let over = self.find_over(&request.over)?;
        if request.zone.is_none() {
            self.check_free(&request.name)?;
        }
        self.check_rings(&request.props)?;
        let mut props = request.props;
        props.owner = props.owner.map(look_up).transpose()?;
        let (mac, mac_type) = match request.mac {
            Some(mac) => (mac, MacType::Fixed),
            None => {
                let prefix = request.mac_prefix.unwrap_or(MacPrefix::DEFAULT);
                (self.draw_mac(prefix), MacType::Random)
            }
        };
        let id = self.link_id()?;
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
        self.spec.vnics.insert(id, Arc::new(vnic));
        Ok(id)
    }

    /// Changes properties of the one VNIC that a name means.
    pub(in crate::daemon) fn change_vnic(
        &mut self,
        name: &LinkName,
        zone: Option<&str>,
        request: &ChangeVnic,
    ) -> Result<LinkId, FabricError> {
        let now = request.of(&self.the_vnic(name, zone)?)?;
        self.check_rings(&request.set.over(&VnicProps::default()))?;
        let id = now.id;
        self.spec.vnics.insert(id, Arc::new(now));
        Ok(id)
    }

    /// Takes the one VNIC out that a name means, with its flows.
    pub(in crate::daemon) fn delete_vnic(
        &mut self,
        name: &LinkName,
        zone: Option<&str>,
    ) -> Result<(), FabricError> {
        let vnic = self.the_vnic(name, zone)?;
        self.check_closed(&vnic)?;
        self.remove_vnic(vnic.id);
        Ok(())
    }

    pub(super) fn remove_vnic(&mut self, id: LinkId) {
        self.spec.vnics.remove(&id);
        self.spec.flows.retain(|_, flow| flow.link != id);
    }

    /// Refuses to pull a TAP from under a virtual machine. The monitor would
    /// find its file in a state that it can neither read nor wait for: QEMU
    /// then uses up a CPU.
    pub(super) fn check_closed(&self, vnic: &Vnic) -> Result<(), FabricError> {
        let device = Vnic::host_end(vnic.id);
        let end = self.observed.host_ends.get(&device);
        if vnic.props.mode == Mode::Tap && end.is_some_and(|end| end.carrier) {
            let name = vnic.name.clone();
            return Err(FabricError::Open { name, device });
        }
        Ok(())
    }

    /// Adds an etherstub.
    pub(in crate::daemon) fn create_etherstub(
        &mut self,
        request: CreateEtherstub,
    ) -> Result<LinkId, FabricError> {
        self.check_free(&request.name)?;
        let id = self.link_id()?;
        let stub = Etherstub {
            id,
            name: request.name,
            mtu: Mtu::ETHERSTUB,
            settings: LinkSettings::default(),
            temporary: request.temporary,
        };
        self.spec.etherstubs.insert(id, stub);
        Ok(id)
    }

    /// Takes an etherstub out that no VNIC sits on.
    pub(in crate::daemon) fn delete_etherstub(
        &mut self,
        name: &LinkName,
    ) -> Result<(), FabricError> {
        let Some(stub) = self.spec.etherstub(name) else {
            return Err(self.no_such(name, "an", "etherstub"));
        };
        let id = stub.id;
        self.check_unused(name)?;
        self.spec.etherstubs.remove(&id);
        Ok(())
    }

    pub(super) fn check_unused(
        &self,
        name: &LinkName,
    ) -> Result<(), FabricError> {
        let sits = |vnic: &&Arc<Vnic>| match &vnic.over {
            Over::Link(over) => over == name,
            Over::Tag(tag) => tag.as_str() == name.as_str(),
        };
        let vnics = self.spec.vnics.values().filter(sits);
        let vnics: Vec<String> =
            vnics.map(|vnic| vnic.key().to_string()).collect();
        if vnics.is_empty() {
            return Ok(());
        }
        Err(FabricError::InUse { name: name.clone(), vnics })
    }

    /// Changes properties of a link that VNICs can sit on.
    pub(in crate::daemon) fn change_link(
        &mut self,
        name: &LinkName,
        request: &ChangeLink,
    ) -> Result<(), FabricError> {
        let stubs = self.spec.etherstubs.values_mut();
        if let Some(stub) = stubs.into_iter().find(|stub| stub.name == *name) {
            stub.settings = request.of(stub.settings, stub.temporary)?;
            return Ok(());
        }
        self.check_carries(name)?;
        let now = request.of(self.spec.settings(name), false)?;
        self.spec.links.remove(name);
        if !now.is_default() {
            self.spec.links.insert(name.clone(), now);
        }
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
}
