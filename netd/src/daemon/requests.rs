//! What clients ask of the fabric: each request becomes a new declared state.

use fabric::api::{
    Applied, ChangeFlow, ChangeLink, ChangeVnic, CreateEtherstub, CreateFlow,
    CreateVnic, Document, Operation,
};
use fabric::{FabricSpec, FlowId, FlowName, LinkId, LinkName, VnicProps, Zone};

use super::Daemon;
use super::draft::Draft;
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
        self.look_for_cpus(&request.props);
        self.edit(|draft| draft.create_vnic(request)).await
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
        self.look_for_cpus(&set);
        self.edit(|draft| draft.change_vnic(name, zone, request)).await
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
        let named = self.spec.vnics_called(name, zone).next();
        if let Some(id) = named.map(|vnic| vnic.id) {
            self.look_at_taps(Some(id)).await;
        }
        self.edit(|draft| draft.delete_vnic(name, zone)).await
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
        self.edit(|draft| draft.create_etherstub(request)).await
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
        self.edit(|draft| draft.change_link(name, request)).await
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
        self.edit(|draft| draft.delete_etherstub(name)).await
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
        self.edit(|draft| draft.create_flows(requests)).await
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
        self.edit(|draft| draft.change_flow(name, zone, request)).await
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
        self.edit(|draft| draft.delete_flow(name, zone)).await
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
        self.edit(|draft| draft.delete_flows(link, zone)).await
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
        self.look_for_all().await;
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
        self.look_for_all().await;
        let mut draft = self.draft();
        draft.become_document(document)?;
        let spec = draft.spec;
        self.apply_spec(spec, dry_run).await
    }

    async fn apply_spec(
        &mut self,
        spec: FabricSpec,
        dry_run: bool,
    ) -> Result<Applied, FabricError> {
        if dry_run {
            return self.try_spec(&spec).await;
        }
        let changes = self.become_spec(spec).await?;
        Ok(Applied { changes, steps: Vec::new() })
    }

    /// Makes an edit of what is declared, and becomes that.
    async fn edit<T>(
        &mut self,
        edit: impl FnOnce(&mut Draft<'_>) -> Result<T, FabricError>,
    ) -> Result<T, FabricError> {
        let mut draft = self.draft();
        let answer = edit(&mut draft)?;
        let spec = draft.spec;
        self.become_spec(spec).await?;
        Ok(answer)
    }

    /// Looks at what many changes may ask for, whether or not they do.
    async fn look_for_all(&mut self) {
        self.observed.cpus = self.kernel.cpus();
        self.look_at_taps(None).await;
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
