//! A declared state as it is being drawn up: one request's, or that of many
//! which become one change.
//!
//! Nothing is done here, and nothing is asked of the kernel. What a draft
//! breaks of the rules is found when it is finished.

mod document;
mod flows;
mod links;

use fabric::api::Operation;
use fabric::{
    FabricSpec, FlowId, FlowName, LinkClass, LinkId, LinkName, Mac, MacPrefix,
    Observed, Over, Owner, Vnic, VnicProps,
};
use rand::RngExt;
use tagmap::TagMap;

use super::Daemon;
use super::rings::asks;
use crate::error::FabricError;
use crate::kernel::Kernel;

/// A state that is to be declared, and what it is drawn up by.
#[derive(Debug)]
pub(super) struct Draft<'a> {
    pub(super) spec: FabricSpec,
    observed: &'a Observed,
    tags: &'a TagMap,
    next_link: Option<LinkId>,
    next_flow: Option<FlowId>,
}

impl Daemon {
    /// A draft of what is declared now.
    pub(super) fn draft(&self) -> Draft<'_> {
        Draft {
            spec: FabricSpec::clone(&self.spec),
            observed: &self.observed,
            tags: self.config.tags(),
            next_link: self.store.next_link_id(),
            next_flow: self.store.next_flow_id(),
        }
    }
}

impl Draft<'_> {
    /// Makes one change of many.
    pub(super) fn take(
        &mut self,
        operation: Operation,
    ) -> Result<(), FabricError> {
        match operation {
            Operation::CreateEtherstub(request) => {
                self.create_etherstub(request).map(drop)
            }
            Operation::DeleteEtherstub { name } => self.delete_etherstub(&name),
            Operation::ChangeLink { name, change } => {
                self.change_link(&name, &change)
            }
            Operation::CreateVnic(request) => {
                self.create_vnic(request).map(drop)
            }
            Operation::ChangeVnic { name, zone, change } => {
                self.change_vnic(&name, zone.as_deref(), &change).map(drop)
            }
            Operation::DeleteVnic { name, zone } => {
                self.delete_vnic(&name, zone.as_deref())
            }
            Operation::CreateFlow(request) => {
                self.create_flow(request).map(drop)
            }
            Operation::ChangeFlow { name, zone, change } => {
                self.change_flow(&name, zone.as_deref(), &change).map(drop)
            }
            Operation::DeleteFlow { name, zone } => {
                self.delete_flow(&name, zone.as_deref())
            }
        }
    }

    /// Refuses CPUs and rings that the host doesn't have.
    fn check_rings(&self, props: &VnicProps) -> Result<(), FabricError> {
        if asks(props) {
            self.observed.cpus.check(props)?;
        }
        Ok(())
    }

    fn link_id(&mut self) -> Result<LinkId, FabricError> {
        let id = self.next_link.ok_or(FabricError::Exhausted("links"))?;
        self.next_link = id.next();
        Ok(id)
    }

    fn flow_id(&mut self) -> Result<FlowId, FabricError> {
        let id = self.next_flow.ok_or(FabricError::Exhausted("flows"))?;
        self.next_flow = id.next();
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
        let tag = text.strip_prefix("tag:").unwrap_or(text);
        let tag = tag.parse().map_err(|_| unknown())?;
        if self.tags.get(&tag).is_some() {
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
    fn the_vnic(
        &self,
        name: &LinkName,
        zone: Option<&str>,
    ) -> Result<Vnic, FabricError> {
        let found: Vec<&Vnic> = self.spec.vnics_called(name, zone).collect();
        match found[..] {
            [vnic] => Ok(vnic.clone()),
            [] => Err(self.no_such(name, "a", "vnic")),
            _ => {
                let zones = found.iter().map(|vnic| place(vnic)).collect();
                let name = name.clone();
                Err(FabricError::Ambiguous { name, zones })
            }
        }
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

    /// The one flow that a name means.
    fn the_flow(
        &self,
        name: &FlowName,
        zone: Option<&str>,
    ) -> Result<fabric::Flow, FabricError> {
        let found: Vec<_> = self.spec.flows_called(name, zone).collect();
        match found[..] {
            [(flow, _)] => Ok(flow.clone()),
            [] => Err(FabricError::NoFlow(name.clone())),
            _ => {
                let zones = found.iter().map(|(_, vnic)| place(vnic));
                let (name, zones) = (name.clone(), zones.collect());
                Err(FabricError::AmbiguousFlow { name, zones })
            }
        }
    }
}

/// Where a VNIC is, for people.
fn place(vnic: &Vnic) -> String {
    match &vnic.zone {
        Some(zone) => zone.name().to_owned(),
        None => "the host".to_owned(),
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
