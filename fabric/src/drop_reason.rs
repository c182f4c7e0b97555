//! Why the data plane dropped a frame.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A reason with its number, as `enum drop_reason` of the data plane's `abi.h`
/// has it.
///
/// Numbers are never reused: a retired reason keeps its place.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DropReason {
    /// The source MAC address is not the VNIC's.
    MacSpoof = 0,
    /// The guest put a VLAN tag on the frame.
    GuestTag = 1,
    /// The frame is shorter than an Ethernet header.
    Truncated = 2,
    /// The frame is addressed to its sender.
    Hairpin = 3,
    /// Nobody on an etherstub has the address, and there is no wire to try.
    NoDestination = 4,
    /// The frame could not be changed or sent on.
    Internal = 5,
}

impl DropReason {
    /// Every reason, at its number.
    pub const ALL: [Self; 6] = [
        Self::MacSpoof,
        Self::GuestTag,
        Self::Truncated,
        Self::Hairpin,
        Self::NoDestination,
        Self::Internal,
    ];
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::MacSpoof => "source MAC is not the VNIC's",
            Self::GuestTag => "VLAN tag made by the guest",
            Self::Truncated => "shorter than an Ethernet header",
            Self::Hairpin => "addressed to its sender",
            Self::NoDestination => "no such station on the etherstub",
            Self::Internal => "could not be sent on",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_at_its_number() {
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }
}
