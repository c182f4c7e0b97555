//! A draft that becomes what a document says, all of it.
//!
//! What is there under the same name becomes what is declared; it is made anew
//! only where its two ends would have to be others. What the document doesn't
//! name goes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fabric::api::{DeclaredEtherstub, DeclaredFlow, DeclaredVnic, Document};
use fabric::{
    Etherstub, Flow, FlowName, LinkId, LinkName, LinkSettings, MacPrefix,
    MacType, Mtu, SpecError, Vnic, VnicKey,
};

use super::{Draft, look_up};
use crate::error::FabricError;

impl Draft<'_> {
    /// Becomes what a document says.
    pub(in crate::daemon) fn become_document(
        &mut self,
        document: Document,
    ) -> Result<(), FabricError> {
        let Document { etherstubs, links, vnics, flows } = document;
        self.declare_etherstubs(etherstubs)?;
        self.spec.links.clear();
        for link in links {
            let settings =
                LinkSettings { props: link.props, kept: link.kept_props };
            let name = link.name.clone();
            if self.spec.links.insert(link.name, settings).is_some() {
                return Err(SpecError::Duplicate { name }.into());
            }
        }
        self.spec.links.retain(|_, settings| !settings.is_default());
        self.declare_vnics(vnics)?;
        self.declare_flows(flows)
    }

    fn declare_etherstubs(
        &mut self,
        declared: Vec<DeclaredEtherstub>,
    ) -> Result<(), FabricError> {
        let mut there: BTreeMap<LinkName, Etherstub> =
            std::mem::take(&mut self.spec.etherstubs)
                .into_values()
                .map(|stub| (stub.name.clone(), stub))
                .collect();
        let mut named = BTreeSet::new();
        for stub in declared {
            let name = stub.name;
            if !named.insert(name.clone()) {
                return Err(SpecError::Duplicate { name }.into());
            }
            let settings =
                LinkSettings { props: stub.props, kept: stub.kept_props };
            let temporary = stub.temporary;
            let (id, mtu) = match there.remove(&name) {
                Some(was) => (was.id, was.mtu),
                None => {
                    self.check_free(&name)?;
                    (self.link_id()?, Mtu::ETHERSTUB)
                }
            };
            let stub = Etherstub { id, name, mtu, settings, temporary };
            self.spec.etherstubs.insert(id, stub);
        }
        // The configuration file declares these as well.
        for name in self.tags.etherstubs() {
            if let Some(stub) = there.remove(name) {
                self.spec.etherstubs.insert(stub.id, stub);
            }
        }
        Ok(())
    }

    fn declare_vnics(
        &mut self,
        declared: Vec<DeclaredVnic>,
    ) -> Result<(), FabricError> {
        let there: BTreeMap<VnicKey, LinkId> = self
            .spec
            .vnics
            .values()
            .map(|vnic| (vnic.key(), vnic.id))
            .collect();
        let mut named = BTreeSet::new();
        for vnic in declared {
            let key =
                VnicKey { zone: vnic.zone.clone(), name: vnic.name.clone() };
            let id = there.get(&key).copied();
            let was = id.and_then(|id| self.spec.vnics.get(&id)).cloned();
            if !named.insert(key) {
                let name = vnic.name;
                return Err(SpecError::Duplicate { name }.into());
            }
            let now = self.declare_vnic(vnic, was.as_deref())?;
            if let Some(was) = was
                && was.id != now.id
            {
                self.check_closed(&was)?;
                self.remove_vnic(was.id);
            }
            self.spec.vnics.insert(now.id, Arc::new(now));
        }
        let gone = there.into_iter().filter(|(key, _)| !named.contains(key));
        let gone: BTreeSet<LinkId> = gone.map(|(_, id)| id).collect();
        for id in &gone {
            if let Some(vnic) = self.spec.vnics.get(id) {
                self.check_closed(vnic)?;
            }
        }
        self.spec.vnics.retain(|id, _| !gone.contains(id));
        let vnics = &self.spec.vnics;
        self.spec.flows.retain(|_, flow| vnics.contains_key(&flow.link));
        Ok(())
    }

    /// The VNIC that is declared, which `was` may have become.
    fn declare_vnic(
        &mut self,
        declared: DeclaredVnic,
        was: Option<&Vnic>,
    ) -> Result<Vnic, FabricError> {
        let DeclaredVnic { name, zone, over, mac, vid, .. } = declared;
        let (mut props, mut kept) = (declared.props, declared.kept_props);
        props.owner = props.owner.map(look_up).transpose()?;
        if let Some(kept) = &mut kept {
            kept.owner = kept.owner.take().map(look_up).transpose()?;
        }
        if was.is_none_or(|was| was.props != props) {
            self.check_rings(&props)?;
        }
        // One that is away is known by its name only.
        let over = match was {
            Some(was) if was.over.to_string() == over => was.over.clone(),
            _ => self.find_over(&over)?,
        };
        let (mac, mac_type) = match (mac, was) {
            (None, Some(was)) => (was.mac, was.mac_type),
            (Some(mac), Some(was)) if mac == was.mac => (mac, was.mac_type),
            (Some(mac), _) => (mac, MacType::Fixed),
            (None, None) => {
                (self.draw_mac(MacPrefix::DEFAULT), MacType::Random)
            }
        };
        // What the two ends were made as.
        let stays = |was: &&Vnic| {
            was.mac == mac
                && was.props.mode == props.mode
                && was.props.owner == props.owner
        };
        let id = match was.filter(stays) {
            Some(was) => was.id,
            None => {
                if zone.is_none() {
                    self.check_free(&name)?;
                }
                self.link_id()?
            }
        };
        let temporary = declared.temporary;
        Ok(Vnic {
            id,
            name,
            zone,
            over,
            mac,
            mac_type,
            vid,
            props,
            kept,
            temporary,
        })
    }

    fn declare_flows(
        &mut self,
        declared: Vec<DeclaredFlow>,
    ) -> Result<(), FabricError> {
        let vnics: BTreeMap<VnicKey, LinkId> = self
            .spec
            .vnics
            .values()
            .map(|vnic| (vnic.key(), vnic.id))
            .collect();
        let mut there: BTreeMap<(LinkId, FlowName), Arc<Flow>> =
            std::mem::take(&mut self.spec.flows)
                .into_values()
                .map(|flow| ((flow.link, flow.name.clone()), flow))
                .collect();
        for flow in declared {
            let DeclaredFlow { name, link, zone, attrs, props, .. } = flow;
            let (kept, temporary) = (flow.kept_props, flow.temporary);
            let key = VnicKey { zone, name: link };
            let Some(&link) = vnics.get(&key) else {
                return Err(FabricError::NotFound(key.name));
            };
            let was = there.remove(&(link, name.clone()));
            let id = match was {
                Some(was) if was.attrs == attrs => was.id,
                _ => self.flow_id()?,
            };
            let flow = Flow { id, name, link, attrs, props, kept, temporary };
            self.spec.flows.insert(id, Arc::new(flow));
        }
        Ok(())
    }
}
