//! What clients ask of flows.

use std::collections::BTreeMap;

use fabric::api::{ChangeFlow, CreateFlow};
use fabric::{Flow, FlowId, FlowName, LinkClass, LinkName, Vnic};

use super::Daemon;
use crate::error::FabricError;
use crate::store::Change;

impl Daemon {
    /// Makes flows: all of them, or none. However many there are, it is one
    /// change.
    ///
    /// # Errors
    /// [`FabricError`], which names the first flow that can't be; nothing has
    /// been changed.
    pub async fn create_flows(
        &mut self,
        requests: Vec<CreateFlow>,
    ) -> Result<Vec<FlowId>, FabricError> {
        self.refresh().await?;
        let mut ids = self.store.next_flow_ids();
        let mut flows = Vec::with_capacity(requests.len());
        // Thousands of flows are of a few VNICs, of which there are thousands.
        let mut vnics: BTreeMap<(LinkName, Option<String>), &Vnic> =
            BTreeMap::new();
        for request in requests {
            let CreateFlow { name, link, zone, attrs, props, temporary } =
                request;
            let place = (link, zone);
            let vnic = match vnics.get(&place) {
                Some(vnic) => *vnic,
                None => {
                    let (link, zone) = &place;
                    let vnic = self.vnic_of_flows(link, zone.as_deref())?;
                    vnics.insert(place, vnic);
                    vnic
                }
            };
            let id = ids.next().ok_or(FabricError::Exhausted("flows"))?;
            let temporary = temporary || vnic.temporary;
            let (link, kept) = (vnic.id, None);
            flows.push(Flow { id, name, link, attrs, props, kept, temporary });
        }
        if flows.is_empty() {
            return Ok(Vec::new());
        }
        let mut spec = self.spec.clone();
        spec.flows.extend(flows.iter().map(|flow| (flow.id, flow.clone())));
        self.become_spec(spec, &[Change::AddFlows(&flows)]).await?;
        for flow in &flows {
            tracing::debug!(flow = %flow.name, attrs = %flow.attrs, "created");
        }
        tracing::info!(flows = flows.len(), first = %flows[0].name, "created");
        Ok(flows.iter().map(|flow| flow.id).collect())
    }

    /// The one VNIC that a name means, for flows. Other links have none.
    fn vnic_of_flows(
        &self,
        name: &LinkName,
        zone: Option<&str>,
    ) -> Result<&Vnic, FabricError> {
        let id = match self.the_vnic(name, zone) {
            Ok(vnic) => vnic.id,
            Err(FabricError::WrongClass { .. }) => {
                return Err(match self.class_of(name, zone) {
                    Some(class) => {
                        FabricError::NoFlows { link: name.clone(), class }
                    }
                    None => FabricError::NotFound(name.clone()),
                });
            }
            Err(error) => return Err(error),
        };
        self.spec.vnics.get(&id).ok_or(FabricError::Vanished(id))
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

    /// The one flow that a name means.
    fn the_flow(
        &self,
        name: &FlowName,
        zone: Option<&str>,
    ) -> Result<Flow, FabricError> {
        let found: Vec<_> = self.spec.flows_called(name, zone).collect();
        match found[..] {
            [(flow, _)] => Ok(flow.clone()),
            [] => Err(FabricError::NoFlow(name.clone())),
            _ => {
                let zone = |(_, vnic): &(_, &Vnic)| match &vnic.zone {
                    Some(zone) => zone.name().to_owned(),
                    None => "the host".to_owned(),
                };
                let zones = found.iter().map(zone).collect();
                let name = name.clone();
                Err(FabricError::AmbiguousFlow { name, zones })
            }
        }
    }

    /// Changes properties of the one flow that a name means.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn change_flow(
        &mut self,
        name: &FlowName,
        zone: Option<&str>,
        request: &ChangeFlow,
    ) -> Result<FlowId, FabricError> {
        self.refresh().await?;
        let was = self.the_flow(name, zone)?;
        let now = request.of(&was)?;
        if now == was {
            return Ok(was.id);
        }
        let mut spec = self.spec.clone();
        spec.flows.insert(now.id, now.clone());
        let change = Change::UpdateFlow { was: &was, now: &now };
        self.become_spec(spec, &[change]).await?;
        tracing::info!(flow = %name, request.temporary, "changed");
        Ok(now.id)
    }

    /// Deletes the one flow that a name means.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn delete_flow(
        &mut self,
        name: &FlowName,
        zone: Option<&str>,
    ) -> Result<(), FabricError> {
        self.refresh().await?;
        let flow = self.the_flow(name, zone)?;
        let mut spec = self.spec.clone();
        spec.flows.remove(&flow.id);
        let change = Change::RemoveFlows(std::slice::from_ref(&flow));
        self.become_spec(spec, &[change]).await?;
        tracing::info!(flow = %name, "deleted");
        Ok(())
    }

    /// Deletes all flows of the one VNIC that a name means.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn delete_flows(
        &mut self,
        link: &LinkName,
        zone: Option<&str>,
    ) -> Result<(), FabricError> {
        self.refresh().await?;
        let vnic = self.vnic_of_flows(link, zone)?.id;
        let flows: Vec<Flow> = self.spec.flows_of(vnic).cloned().collect();
        if flows.is_empty() {
            return Ok(());
        }
        let mut spec = self.spec.clone();
        spec.flows.retain(|_, flow| flow.link != vnic);
        self.become_spec(spec, &[Change::RemoveFlows(&flows)]).await?;
        tracing::info!(%link, flows = flows.len(), "flows deleted");
        Ok(())
    }
}
