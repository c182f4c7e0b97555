//! libdladm's status words.

use std::fmt;

use serde::{Deserialize, Serialize};

/// What went wrong, in the words that follow the colon in dladm's messages
/// (`dladm_status2str()` of illumos).
///
/// Its JSON form is a stable code in kebab case; its text is for people.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[non_exhaustive]
pub enum Status {
    /// EINVAL.
    InvalidArgument,
    /// A failure with no better word.
    OperationFailed,
    /// ENOTSUP.
    NotSupported,
    /// ENOENT.
    ObjectNotFound,
    /// EEXIST.
    ObjectExists,
    /// A value outside of what its property takes.
    InvalidValue,
    /// Too many values for one property.
    ValueCount,
    /// A text that is no IP address that can be used.
    InvalidIp,
    /// The named link can't be what it was named for.
    InvalidLink,
    /// EPERM.
    PermissionDenied,
    /// A property that can be looked at only.
    ReadOnly,
    /// EIO.
    IoError,
    /// EBUSY.
    LinkBusy,
    /// A VID outside of 1 to 4094.
    InvalidVlan,
    /// EAGAIN.
    TryAgain,
    /// A text that is no MAC address.
    MacSyntax,
    /// An address that no station may have.
    InvalidMac,
    /// The address of the link below.
    MacReserved,
    /// An address that another VNIC of the segment has.
    MacInUse,
    /// An MTU above the link's.
    MtuRange,
    /// A persistent object on a temporary one.
    PersistentOnTemporary,
    /// A cap below what can be asked for.
    MaxBwFloor,
    /// A guarantee below what can be asked for.
    MinBwFloor,
    /// A guarantee that its VNIC or the link below has no room for. illumos
    /// has no guarantees, and no word for it.
    NoBandwidth,
    /// `-m factory` where the NIC has no spare addresses.
    FactoryMacNotSupported,
    /// A list of a flow's attributes that can't be read.
    InvalidFlowAttr,
    /// A prefix that is zero or too long for its address.
    InvalidIpPrefix,
    /// A text that is no protocol of a flow.
    InvalidProtocol,
    /// A port outside of 1 to 65535.
    InvalidPort,
    /// A value that no DS field can have, or none under its mask.
    InvalidDsField,
    /// A mask of a DS field outside of 1 to ff.
    InvalidDsFieldMask,
    /// A port of a flow without a protocol.
    PortNeedsTransport,
    /// Attributes that another flow of the link has.
    IdenticalFlow,
    /// A CPU that the host doesn't have.
    NoSuchProcessor,
    /// A CPU that is off, or works for others only.
    ProcessorOffline,
    /// A range that ends before it begins.
    InvalidRange,
    /// Queues of the hardware's, where there is none.
    HwRings,
}

impl Status {
    /// Every status.
    pub const ALL: [Self; 37] = [
        Self::InvalidArgument,
        Self::OperationFailed,
        Self::NotSupported,
        Self::ObjectNotFound,
        Self::ObjectExists,
        Self::InvalidValue,
        Self::ValueCount,
        Self::InvalidIp,
        Self::InvalidLink,
        Self::PermissionDenied,
        Self::ReadOnly,
        Self::IoError,
        Self::LinkBusy,
        Self::InvalidVlan,
        Self::TryAgain,
        Self::MacSyntax,
        Self::InvalidMac,
        Self::MacReserved,
        Self::MacInUse,
        Self::MtuRange,
        Self::PersistentOnTemporary,
        Self::MaxBwFloor,
        Self::MinBwFloor,
        Self::NoBandwidth,
        Self::FactoryMacNotSupported,
        Self::InvalidFlowAttr,
        Self::InvalidIpPrefix,
        Self::InvalidProtocol,
        Self::InvalidPort,
        Self::InvalidDsField,
        Self::InvalidDsFieldMask,
        Self::PortNeedsTransport,
        Self::IdenticalFlow,
        Self::NoSuchProcessor,
        Self::ProcessorOffline,
        Self::InvalidRange,
        Self::HwRings,
    ];
}

impl fmt::Display for Status {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::InvalidArgument => "invalid argument",
            Self::OperationFailed => "operation failed",
            Self::NotSupported => "operation not supported",
            Self::ObjectNotFound => "object not found",
            Self::ObjectExists => "object already exists",
            Self::InvalidValue => "invalid value",
            Self::ValueCount => "invalid number of values",
            Self::InvalidIp => "invalid IP address",
            Self::InvalidLink => "invalid link",
            Self::PermissionDenied => "permission denied",
            Self::ReadOnly => "read-only property",
            Self::IoError => "I/O error",
            Self::LinkBusy => "link busy",
            Self::InvalidVlan => "invalid VLAN identifier",
            Self::TryAgain => "try again later",
            Self::MacSyntax => "invalid MAC address",
            Self::InvalidMac => "invalid MAC address value",
            Self::MacReserved => {
                "MAC address reserved for use by underlying data-link"
            }
            Self::MacInUse => "MAC address is already in use",
            Self::MtuRange => {
                "MTU check failed, MTU outside of device's supported range"
            }
            Self::PersistentOnTemporary => {
                "can't create persistent object on top of temporary object"
            }
            Self::MaxBwFloor => "minimum value for maxbw is 64K",
            Self::MinBwFloor => "minimum value for minbw is 64K",
            Self::NoBandwidth => "not enough bandwidth",
            Self::FactoryMacNotSupported => {
                "factory MAC address slots not supported"
            }
            Self::InvalidFlowAttr => "invalid flow attribute specified",
            Self::InvalidIpPrefix => "invalid IP prefix length",
            Self::InvalidProtocol => "invalid IP protocol",
            Self::InvalidPort => "invalid port number",
            Self::InvalidDsField => "invalid dsfield",
            Self::InvalidDsFieldMask => "invalid dsfield mask",
            Self::PortNeedsTransport => {
                "local or remote port requires transport"
            }
            Self::IdenticalFlow => "a flow with identical attributes exists",
            Self::NoSuchProcessor => "non-existent processor ID",
            Self::ProcessorOffline => "processor not online",
            Self::InvalidRange => "invalid range",
            Self::HwRings => "request hw rings failed",
        })
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_status_has_a_code_and_a_text_of_its_own() {
        let mut seen = BTreeSet::new();
        for status in Status::ALL {
            let code = serde_json::to_string(&status).unwrap();
            assert_eq!(serde_json::from_str::<Status>(&code).unwrap(), status);
            assert!(seen.insert(code));
            assert!(seen.insert(status.to_string()));
        }
    }
}
