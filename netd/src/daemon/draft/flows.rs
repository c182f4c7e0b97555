//! Flows in a draft.

use std::sync::Arc;

use fabric::api::{ChangeFlow, CreateFlow};
use fabric::{Flow, FlowId, FlowName, LinkClass, LinkId, LinkName};

use super::Draft;
use crate::error::FabricError;

impl Draft<'_> {
    /// Adds a flow.
    pub(in crate::daemon) fn create_flow(
        &mut self,
        request: CreateFlow,
    ) -> Result<FlowId, FabricError> {
        let vnic =
            self.vnic_of_flows(&request.link, request.zone.as_deref())?;
        self.create_flow_of(vnic, request)
    }

    /// Adds flows, which may be thousands of a few VNICs.
    pub(in crate::daemon) fn create_flows(
        &mut self,
        requests: Vec<CreateFlow>,
    ) -> Result<Vec<FlowId>, FabricError> {
        let mut ids = Vec::with_capacity(requests.len());
        // To find one of thousands of VNICs takes its time.
        let mut vnic: Option<(LinkName, Option<String>, LinkId)> = None;
        for request in requests {
            let known = vnic.as_ref().filter(|(link, zone, _)| {
                *link == request.link && *zone == request.zone
            });
            let id = match known {
                Some((.., id)) => *id,
                None => {
                    let (link, zone) = (&request.link, &request.zone);
                    self.vnic_of_flows(link, zone.as_deref())?
                }
            };
            vnic = Some((request.link.clone(), request.zone.clone(), id));
            ids.push(self.create_flow_of(id, request)?);
        }
        Ok(ids)
    }

    /// Adds a flow of a VNIC that is known already.
    fn create_flow_of(
        &mut self,
        link: LinkId,
        request: CreateFlow,
    ) -> Result<FlowId, FabricError> {
        let CreateFlow { name, attrs, props, temporary, .. } = request;
        let id = self.flow_id()?;
        let vnic = self.spec.vnics.get(&link);
        let temporary = temporary || vnic.is_some_and(|vnic| vnic.temporary);
        let kept = None;
        let flow = Flow { id, name, link, attrs, props, kept, temporary };
        self.spec.flows.insert(id, Arc::new(flow));
        Ok(id)
    }

    /// The one VNIC that a name means, for flows. Other links have none.
    fn vnic_of_flows(
        &self,
        name: &LinkName,
        zone: Option<&str>,
    ) -> Result<LinkId, FabricError> {
        match self.the_vnic(name, zone) {
            Ok(vnic) => Ok(vnic.id),
            Err(FabricError::WrongClass { .. }) => {
                Err(match self.class_of(name, zone) {
                    Some(class) => {
                        FabricError::NoFlows { link: name.clone(), class }
                    }
                    None => FabricError::NotFound(name.clone()),
                })
            }
            Err(error) => Err(error),
        }
    }

    /// The class of a link that is no VNIC. All of these are the host's own.
    fn class_of(
        &self,
        name: &LinkName,
        zone: Option<&str>,
    ) -> Option<LinkClass> {
        let elsewhere = zone.is_some_and(|zone| !zone.is_empty());
        let is_vnic = self.spec.vnics_called(name, Some("")).next().is_some();
        if elsewhere || is_vnic {
            return None;
        }
        if self.spec.etherstub(name).is_some() {
            return Some(LinkClass::Etherstub);
        }
        self.observed.links.get(name).map(|link| link.class)
    }

    /// Changes properties of the one flow that a name means.
    pub(in crate::daemon) fn change_flow(
        &mut self,
        name: &FlowName,
        zone: Option<&str>,
        request: &ChangeFlow,
    ) -> Result<FlowId, FabricError> {
        let now = request.of(&self.the_flow(name, zone)?)?;
        let id = now.id;
        self.spec.flows.insert(id, Arc::new(now));
        Ok(id)
    }

    /// Takes the one flow out that a name means.
    pub(in crate::daemon) fn delete_flow(
        &mut self,
        name: &FlowName,
        zone: Option<&str>,
    ) -> Result<(), FabricError> {
        let id = self.the_flow(name, zone)?.id;
        self.spec.flows.remove(&id);
        Ok(())
    }

    /// Takes all flows out of the one VNIC that a name means.
    pub(in crate::daemon) fn delete_flows(
        &mut self,
        link: &LinkName,
        zone: Option<&str>,
    ) -> Result<(), FabricError> {
        let vnic = self.vnic_of_flows(link, zone)?;
        self.spec.flows.retain(|_, flow| flow.link != vnic);
        Ok(())
    }
}
