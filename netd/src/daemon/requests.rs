//! What clients ask of the fabric: each request becomes a new declared state.

use fabric::api::{
    Applied, ChangeFlow, ChangeLink, ChangeVnic, CreateEtherstub, CreateFlow,
    CreateVnic, Document, Operation,
};
use fabric::{FlowId, FlowName, LinkId, LinkName, VnicProps, Zone};

use super::Daemon;
use crate::error::FabricError;
use crate::kernel::Kernel;

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
        self.look_for_zones(request.zone.iter());
        self.look_for_cpus([&request.props].into_iter());
        let mut draft = self.draft();
        let id = draft.create_vnic(request)?;
        let spec = draft.spec;
        self.become_spec(spec).await?;
        Ok(id)
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
        let set = request.set.over(&VnicProps::default());
        self.look_for_cpus([&set].into_iter());
        let mut draft = self.draft();
        let id = draft.change_vnic(name, zone, request)?;
        let spec = draft.spec;
        self.become_spec(spec).await?;
        Ok(id)
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
        let mut named = self.spec.vnics_called(name, zone);
        let id = named.next().map(|vnic| vnic.id);
        drop(named);
        if id.is_some() {
            self.look_at_taps(id).await;
        }
        let mut draft = self.draft();
        draft.delete_vnic(name, zone)?;
        let spec = draft.spec;
        self.become_spec(spec).await
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
        let mut draft = self.draft();
        let id = draft.create_etherstub(request)?;
        let spec = draft.spec;
        self.become_spec(spec).await?;
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
        let mut draft = self.draft();
        draft.change_link(name, request)?;
        let spec = draft.spec;
        self.become_spec(spec).await
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
        let mut draft = self.draft();
        draft.delete_etherstub(name)?;
        let spec = draft.spec;
        self.become_spec(spec).await
    }

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
        let mut draft = self.draft();
        let mut ids = Vec::with_capacity(requests.len());
        // Thousands of flows are of a few VNICs, of which there are thousands.
        let mut vnic: Option<(LinkName, Option<String>, LinkId)> = None;
        for request in requests {
            let known = vnic.as_ref().filter(|(link, zone, _)| {
                *link == request.link && *zone == request.zone
            });
            let id = match known {
                Some((.., id)) => *id,
                None => draft
                    .vnic_of_flows(&request.link, request.zone.as_deref())?,
            };
            vnic = Some((request.link.clone(), request.zone.clone(), id));
            ids.push(draft.create_flow_of(id, request)?);
        }
        let spec = draft.spec;
        self.become_spec(spec).await?;
        Ok(ids)
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
        let mut draft = self.draft();
        let id = draft.change_flow(name, zone, request)?;
        let spec = draft.spec;
        self.become_spec(spec).await?;
        Ok(id)
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
        let mut draft = self.draft();
        draft.delete_flow(name, zone)?;
        let spec = draft.spec;
        self.become_spec(spec).await
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
        let mut draft = self.draft();
        draft.delete_flows(link, zone)?;
        let spec = draft.spec;
        self.become_spec(spec).await
    }

    /// Makes many changes: all of them, or none. With `dry_run` it only tells
    /// which, and what they take.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn apply_batch(
        &mut self,
        operations: Vec<Operation>,
        dry_run: bool,
    ) -> Result<Applied, FabricError> {
        self.refresh().await?;
        let zones = operations.iter().filter_map(|operation| match operation {
            Operation::CreateVnic(request) => request.zone.as_ref(),
            _ => None,
        });
        self.look_for_zones(zones);
        let props: Vec<VnicProps> = operations
            .iter()
            .filter_map(|operation| match operation {
                Operation::CreateVnic(request) => Some(request.props.clone()),
                Operation::ChangeVnic { change, .. } => {
                    Some(change.set.over(&VnicProps::default()))
                }
                _ => None,
            })
            .collect();
        self.look_for_cpus(props.iter());
        self.look_at_taps(None).await;
        let mut draft = self.draft();
        for operation in operations {
            draft.take(operation)?;
        }
        let spec = draft.spec;
        self.apply_spec(spec, dry_run).await
    }

    /// Becomes what a document says: all of it, or nothing. With `dry_run` it
    /// only tells what would change, and what it takes.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed.
    pub async fn apply_document(
        &mut self,
        document: Document,
        dry_run: bool,
    ) -> Result<Applied, FabricError> {
        self.refresh().await?;
        let zones = document.vnics.iter();
        self.look_for_zones(zones.filter_map(|vnic| vnic.zone.as_ref()));
        self.look_for_cpus(document.vnics.iter().map(|vnic| &vnic.props));
        self.look_at_taps(None).await;
        let mut draft = self.draft();
        draft.become_document(document)?;
        let spec = draft.spec;
        self.apply_spec(spec, dry_run).await
    }

    /// Looks which of these zones are running. Nobody may have asked about
    /// them before.
    fn look_for_zones<'a>(&mut self, zones: impl Iterator<Item = &'a Zone>) {
        for zone in zones {
            if Kernel::is_running(zone) {
                self.observed.zones.insert(zone.clone());
            } else {
                self.observed.zones.remove(zone);
            }
        }
    }
}
