//! What netd answers when it does not do what was asked.

use fabric::api::Problem;
use fabric::{
    ChangeError, FlowId, FlowName, GuaranteeError, HostCpusError, LinkId,
    LinkName, SpecError, Status, VnicKey,
};

use flows::shape::ClassesFull;

use crate::apply::ApplyError;
use crate::chain::chain;
use crate::daemon::NicTagError;
use crate::kernel::KernelError;
use crate::store::StoreError;

/// A request that was refused or failed. Nothing has been changed then.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FabricError {
    /// What VNICs should sit on is no link, etherstub or tag.
    #[error("invalid link name '{0}'")]
    NoLink(String),
    /// The link exists and can carry no VNICs.
    #[error("'{over}' cannot carry VNICs: it is a {class}")]
    NoCarrier {
        /// The link.
        over: LinkName,
        /// What it is.
        class: fabric::LinkClass,
    },
    /// No such VNIC or etherstub.
    #[error("invalid link name '{0}'")]
    NotFound(LinkName),
    /// The name belongs to a link of another kind.
    #[error("'{name}' is not {article} {wanted}")]
    WrongClass {
        /// The link.
        name: LinkName,
        /// `a` or `an`.
        article: &'static str,
        /// What was asked for.
        wanted: &'static str,
    },
    /// More than one zone has a VNIC of that name.
    #[error("vnic '{name}' is in several zones: {}", zones.join(", "))]
    Ambiguous {
        /// The name.
        name: LinkName,
        /// The zones that have it.
        zones: Vec<String>,
    },
    /// Only VNICs have flows.
    #[error("'{link}' cannot have flows: its class is {class}")]
    NoFlows {
        /// The link.
        link: LinkName,
        /// What it is.
        class: fabric::LinkClass,
    },
    /// No such flow.
    #[error("no flow is named '{0}'")]
    NoFlow(FlowName),
    /// More than one zone has a flow of that name.
    #[error("flow '{name}' is in several zones: {}", zones.join(", "))]
    AmbiguousFlow {
        /// The name.
        name: FlowName,
        /// The zones that have it.
        zones: Vec<String>,
    },
    /// VNICs sit on the etherstub.
    #[error("etherstub '{name}' has VNICs: {}", vnics.join(", "))]
    InUse {
        /// The etherstub.
        name: LinkName,
        /// The VNICs.
        vnics: Vec<String>,
    },
    /// A virtual machine runs on the VNIC's TAP.
    #[error("vnic '{name}' is in use: {device} is open")]
    Open {
        /// The VNIC.
        name: LinkName,
        /// Its TAP.
        device: LinkName,
    },
    /// The users of this host can't be read.
    #[error("cannot look up user \"{name}\"")]
    Users {
        /// Whom they were asked for.
        name: String,
        /// Why not.
        #[source]
        source: std::io::Error,
    },
    /// A link that is not ours has the name.
    #[error("a link named '{0}' exists already")]
    NameTaken(LinkName),
    /// No link of ours has the number.
    #[error("link {0} is gone")]
    Vanished(LinkId),
    /// No flow has the number.
    #[error("flow {0} is gone")]
    VanishedFlow(FlowId),
    /// Every number is used up, of links or of flows.
    #[error("no more {0} can be numbered")]
    Exhausted(&'static str),
    /// A NIC tag can't be defined, changed or deleted.
    #[error(transparent)]
    NicTag(#[from] NicTagError),
    /// The request breaks a rule.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// More would be promised than a link can carry.
    #[error(transparent)]
    Guarantee(#[from] GuaranteeError),
    /// The host lacks CPUs or rings that are asked for.
    #[error(transparent)]
    HostCpus(#[from] HostCpusError),
    /// A link has no room for more queues.
    #[error(transparent)]
    Queues(#[from] ClassesFull),
    /// A link can't be changed like that.
    #[error(transparent)]
    Change(#[from] ChangeError),
    /// The request can't be built now.
    #[error("{}", .0.reason)]
    Blocked(fabric::Blocked),
    /// The name is taken where the guest end would go.
    #[error("{key}: the name is taken by a link that is not netd's")]
    GuestEndTaken {
        /// The VNIC.
        key: VnicKey,
    },
    /// The kernel refused a change.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// The kernel would not be read.
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The store refused a change.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl FabricError {
    /// The status word for it.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::NoLink(_) => Status::InvalidLink,
            Self::NoCarrier { .. } => Status::InvalidArgument,
            Self::NotFound(_) | Self::NoFlow(_) => Status::ObjectNotFound,
            Self::NoFlows { .. } => Status::NotSupported,
            Self::WrongClass { .. } => Status::InvalidLink,
            Self::Ambiguous { .. } | Self::AmbiguousFlow { .. } => {
                Status::InvalidArgument
            }
            Self::InUse { .. } | Self::Open { .. } => Status::LinkBusy,
            Self::NameTaken(_) | Self::GuestEndTaken { .. } => {
                Status::ObjectExists
            }
            Self::NicTag(error) => error.status(),
            Self::Spec(error) => error.status(),
            Self::Guarantee(_) => Status::NoBandwidth,
            Self::Change(error) => error.status(),
            Self::HostCpus(error) => error.status(),
            Self::Blocked(blocked) => blocked.status,
            Self::Vanished(_)
            | Self::VanishedFlow(_)
            | Self::Exhausted(_)
            | Self::Queues(_)
            | Self::Users { .. }
            | Self::Apply(_)
            | Self::Kernel(_) => Status::OperationFailed,
            Self::Store(_) => Status::IoError,
        }
    }

    /// What to try, where there is something.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoLink(_) | Self::NoCarrier { .. } => {
                "dladm show-phys, dladm show-etherstub and nictagadm list \
                 show what VNICs can sit on"
                    .to_owned()
            }
            Self::Ambiguous { name, .. } => {
                format!("name the zone: -z ZONE {name}; -z '' is the host")
            }
            Self::AmbiguousFlow { name, .. } => {
                format!("name the zone: -z ZONE {name}; -z '' is the host")
            }
            Self::NoFlows { .. } => {
                "flows belong to VNICs; dladm show-vnic lists them".to_owned()
            }
            Self::InUse { name, .. } => format!("dladm show-vnic -l {name}"),
            Self::Open { .. } => "stop the virtual machine first".to_owned(),
            Self::Spec(SpecError::OwnerOfVeth { .. }) => {
                "a VNIC has a TAP with mode=tap".to_owned()
            }
            Self::Spec(SpecError::TransientZone { .. }) => {
                "make the VNIC temporary (-t), or name the zone".to_owned()
            }
            Self::Guarantee(error) => error.hint(),
            Self::Change(error) => return error.hint(),
            Self::NicTag(error) => return error.hint(),
            Self::Blocked(_)
            | Self::Spec(_)
            | Self::HostCpus(_)
            | Self::NotFound(_)
            | Self::NoFlow(_)
            | Self::WrongClass { .. }
            | Self::NameTaken(_)
            | Self::GuestEndTaken { .. }
            | Self::Users { .. }
            | Self::Vanished(_)
            | Self::VanishedFlow(_)
            | Self::Exhausted(_)
            | Self::Queues(_) => return None,
            Self::Store(error) => {
                let hint = error.hint();
                hint.unwrap_or_else(|| "netd's log says more".to_owned())
            }
            Self::Apply(_) | Self::Kernel(_) => {
                "netd's log says more".to_owned()
            }
        })
    }
}

impl From<&FabricError> for Problem {
    fn from(error: &FabricError) -> Self {
        let mut problem = Self::new(error.status(), chain(error));
        problem.hint = error.hint();
        problem
    }
}
