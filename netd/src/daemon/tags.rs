//! NIC tags: defined in the configuration file, and changed there.

use fabric::api::{ChangeNicTag, CreateEtherstub, CreateNicTag};
use fabric::{LinkClass, LinkName, Mac, Mtu, Over, Status, TagName};
use tagmap::TagTarget;

use super::Daemon;
use crate::config::ConfigEditError;
use crate::error::FabricError;

/// A NIC tag could not be defined, changed or deleted. The file is as it was.
///
/// The words are those of the original nictagadm.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NicTagError {
    /// A tag or an etherstub has the name.
    #[error("nic tag '{0}' already exists")]
    Exists(String),
    /// Nothing has the name.
    #[error("nic tag '{0}' does not exist")]
    Missing(String),
    /// VNICs are on it.
    #[error("nic tag '{name}' is in use")]
    InUse {
        /// The tag.
        name: String,
        /// The VNICs.
        vnics: Vec<String>,
    },
    /// No tag can have the name.
    #[error("nic tag name is invalid")]
    Name,
    /// No NIC of the host has the address.
    #[error("No physical nic found with MAC address '{}'", .0.padded())]
    NoNic(Mac),
    /// Neither the host nor the file has the aggregation.
    #[error("aggregation '{0}' does not exist")]
    NoAggr(LinkName),
    /// A tag that names nothing.
    #[error("create non-local tag, but no mac address specified")]
    NoTarget,
    /// A tag that names two things.
    #[error("mac address specified twice")]
    TwoTargets,
    /// An etherstub on a NIC.
    #[error("create local tag, but mac address specified")]
    LocalTarget,
    /// An etherstub with an MTU of its own.
    #[error("Cannot specify MTU for local nic tag")]
    LocalMtu,
    /// An etherstub is to name something.
    #[error("cannot update a local tag")]
    LocalUpdate,
    /// Nothing is to change.
    #[error("nothing to update")]
    Nothing,
    /// An MTU that no tag may have.
    #[error("mtu must be between 1500-9000")]
    Mtu,
    /// The file can't be changed.
    #[error(transparent)]
    File(#[from] ConfigEditError),
}

impl NicTagError {
    /// The status word for it.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Exists(_) => Status::ObjectExists,
            Self::Missing(_) => Status::ObjectNotFound,
            Self::InUse { .. } => Status::LinkBusy,
            Self::NoNic(_) | Self::NoAggr(_) => Status::InvalidLink,
            Self::Name
            | Self::NoTarget
            | Self::TwoTargets
            | Self::LocalTarget
            | Self::LocalMtu
            | Self::LocalUpdate
            | Self::Nothing => Status::InvalidArgument,
            Self::Mtu => Status::InvalidValue,
            Self::File(_) => Status::IoError,
        }
    }

    /// What to try, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Name => Some(
                "a tag is 1 to 30 letters, digits and _, the first a letter; \
                 a local one ends in a number, and has 15 at most"
                    .to_owned(),
            ),
            Self::InUse { name, vnics } => {
                let vnics = vnics.join(", ");
                Some(format!("VNICs on {name}: {vnics}"))
            }
            Self::NoNic(_) | Self::NoAggr(_) => {
                Some("dladm show-phys -m lists addresses".to_owned())
            }
            Self::Missing(_) => Some("nictagadm list".to_owned()),
            Self::File(error) => error.hint(),
            _ => None,
        }
    }
}

/// The greatest MTU that nictagadm(8) gives a tag. The file may ask for more.
const MAX_MTU: u32 = 9000;

impl Daemon {
    /// Defines a NIC tag, or makes an etherstub, for good.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed then.
    pub async fn create_nic_tag(
        &mut self,
        request: CreateNicTag,
    ) -> Result<(), FabricError> {
        self.refresh().await?;
        let CreateNicTag { name, local, mac, aggr, mtu } = request;
        let change = ChangeNicTag { mac, aggr, mtu };
        if local {
            return self.create_local_tag(name, &change).await;
        }
        if mac.is_none() && change.aggr.is_none() {
            return Err(NicTagError::NoTarget.into());
        }
        let mtu = check_mtu(mtu)?;
        if self.is_tag_taken(&name) {
            return Err(NicTagError::Exists(name).into());
        }
        let target = self.tag_target(&change)?;
        let tag = tag_name(&name)?;
        self.edit_config(|config| config.set_tag(&tag, target.as_ref(), mtu))
            .await
    }

    /// Makes the etherstub first: a name that can't be made is not written.
    async fn create_local_tag(
        &mut self,
        name: String,
        change: &ChangeNicTag,
    ) -> Result<(), FabricError> {
        if change.mac.is_some() || change.aggr.is_some() {
            return Err(NicTagError::LocalTarget.into());
        }
        if change.mtu.is_some() {
            return Err(NicTagError::LocalMtu.into());
        }
        if self.is_tag_taken(&name) {
            return Err(NicTagError::Exists(name).into());
        }
        let stub = LinkName::for_new_link(&name);
        let stub = stub.map_err(|_| NicTagError::Name)?;
        // For good, so that VNICs on it can be.
        let request = CreateEtherstub { name: stub.clone(), temporary: false };
        self.declare_etherstub(request).await?;
        let written =
            self.edit_config(|config| config.add_etherstub(&stub)).await;
        if written.is_err() {
            // It was made a moment ago, so nothing can be on it.
            let _ = self.delete_etherstub(&stub).await;
        }
        written
    }

    /// Lets a NIC tag name another link, or gives it another MTU. Its VNICs
    /// move at once.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed then.
    pub async fn change_nic_tag(
        &mut self,
        name: &str,
        change: &ChangeNicTag,
    ) -> Result<(), FabricError> {
        self.refresh().await?;
        if *change == ChangeNicTag::default() {
            return Err(NicTagError::Nothing.into());
        }
        if self.local_tag(name).is_some() {
            return Err(NicTagError::LocalUpdate.into());
        }
        let tag = self.known_tag(name)?;
        let mtu = check_mtu(change.mtu)?;
        let target = self.tag_target(change)?;
        self.edit_config(|config| config.set_tag(&tag, target.as_ref(), mtu))
            .await
    }

    /// Deletes a NIC tag, or an etherstub. One of a link that VNICs are on is
    /// deleted only by `force`: they wait until it is defined again.
    ///
    /// # Errors
    /// [`FabricError`]; nothing has been changed then.
    pub async fn delete_nic_tag(
        &mut self,
        name: &str,
        force: bool,
    ) -> Result<(), FabricError> {
        self.refresh().await?;
        if let Some(stub) = self.local_tag(name) {
            return self.delete_local_tag(&stub).await;
        }
        let tag = self.known_tag(name)?;
        let vnics = self.vnics_on(&Over::Tag(tag.clone()));
        if !force && !vnics.is_empty() {
            let name = name.to_owned();
            return Err(NicTagError::InUse { name, vnics }.into());
        }
        self.edit_config(|config| {
            config.remove_tag(&tag);
            Ok(())
        })
        .await
    }

    /// The file first: what it names would be made again.
    async fn delete_local_tag(
        &mut self,
        stub: &LinkName,
    ) -> Result<(), FabricError> {
        let vnics = self.vnics_on(&Over::Link(stub.clone()));
        if !vnics.is_empty() {
            let name = stub.to_string();
            return Err(NicTagError::InUse { name, vnics }.into());
        }
        self.edit_config(|config| config.remove_etherstub(stub)).await?;
        match self.spec.etherstub(stub) {
            Some(_) => self.delete_etherstub(stub).await,
            None => Ok(()),
        }
    }

    /// Writes the file anew, and builds what it says now.
    async fn edit_config(
        &mut self,
        edit: impl FnOnce(&mut tagmap::Config) -> Result<(), tagmap::EditError>,
    ) -> Result<(), FabricError> {
        self.config.edit(edit).map_err(NicTagError::from)?;
        self.refresh().await?;
        self.settle().await;
        Ok(())
    }

    fn is_tag_taken(&self, name: &str) -> bool {
        self.local_tag(name).is_some() || self.known_tag(name).is_ok()
    }

    fn known_tag(&self, name: &str) -> Result<TagName, NicTagError> {
        let tag: Option<TagName> = name.parse().ok();
        tag.filter(|tag| self.config.tags().get(tag).is_some())
            .ok_or_else(|| NicTagError::Missing(name.to_owned()))
    }

    /// The etherstub of the name, made or only wanted by the file.
    fn local_tag(&self, name: &str) -> Option<LinkName> {
        let name: LinkName = name.parse().ok()?;
        let wanted = self.config.tags().etherstubs().any(|stub| *stub == name);
        (wanted || self.spec.etherstub(&name).is_some()).then_some(name)
    }

    /// What a tag is to name: a NIC of the host, or an aggregation of the
    /// host's or the file's; none: what it names already.
    fn tag_target(
        &self,
        change: &ChangeNicTag,
    ) -> Result<Option<TagTarget>, NicTagError> {
        let links = self.observed.phys();
        match (change.mac, &change.aggr) {
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(NicTagError::TwoTargets),
            (Some(mac), None) => {
                let has = links.iter().any(|link| {
                    link.mac == mac || link.factory_mac == Some(mac)
                });
                match has {
                    true => Ok(Some(TagTarget::Nic(mac))),
                    false => Err(NicTagError::NoNic(mac)),
                }
            }
            (None, Some(aggr)) => {
                let made = links.iter().any(|link| {
                    link.name == *aggr && link.class == LinkClass::Aggr
                });
                let wanted =
                    || self.config.tags().aggrs().any(|(name, _)| name == aggr);
                match made || wanted() {
                    true => Ok(Some(TagTarget::Aggr(aggr.clone()))),
                    false => Err(NicTagError::NoAggr(aggr.clone())),
                }
            }
        }
    }

    fn vnics_on(&self, over: &Over) -> Vec<String> {
        let vnics = self.spec.vnics.values();
        let on = vnics.filter(|vnic| vnic.over == *over);
        on.map(|vnic| vnic.key().to_string()).collect()
    }
}

fn check_mtu(mtu: Option<Mtu>) -> Result<Option<Mtu>, NicTagError> {
    let legal = Mtu::ETHERNET.bytes()..=MAX_MTU;
    match mtu {
        Some(mtu) if !legal.contains(&mtu.bytes()) => Err(NicTagError::Mtu),
        mtu => Ok(mtu),
    }
}

/// A tag's name is the beginning of a key of the file, too.
fn tag_name(name: &str) -> Result<TagName, NicTagError> {
    let first = name.chars().next();
    let tag: Option<TagName> = name.parse().ok();
    tag.filter(|_| first.is_some_and(|c| c.is_ascii_alphabetic()))
        .ok_or(NicTagError::Name)
}
