//! What can be said of any link.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::{LinkName, Mac, Mtu};

/// The kind of a link: the CLASS column.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LinkClass {
    /// A NIC, or what is one from inside a container: a veth whose other end
    /// is in another namespace.
    Phys,
    /// A Linux bond or team.
    Aggr,
    /// An 802.1Q device of the kernel's.
    Vlan,
    /// A Linux bridge.
    Bridge,
    /// A switch with no wire.
    Etherstub,
    /// A virtual NIC of ours.
    Vnic,
}

impl LinkClass {
    /// Every class.
    pub const ALL: [Self; 6] = [
        Self::Phys,
        Self::Aggr,
        Self::Vlan,
        Self::Bridge,
        Self::Etherstub,
        Self::Vnic,
    ];

    /// Whether a VNIC may sit on a link of this class (dladm(8) create-vnic).
    #[must_use]
    pub fn carries_vnics(self) -> bool {
        matches!(self, Self::Phys | Self::Aggr | Self::Etherstub)
    }
}

impl fmt::Display for LinkClass {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Phys => "phys",
            Self::Aggr => "aggr",
            Self::Vlan => "vlan",
            Self::Bridge => "bridge",
            Self::Etherstub => "etherstub",
            Self::Vnic => "vnic",
        })
    }
}

/// Whether a link can carry frames: the STATE column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LinkState {
    /// It has carrier and is switched on.
    Up,
    /// It has no carrier or is switched off.
    Down,
    /// It has no notion of carrier.
    Unknown,
}

impl LinkState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Up, Self::Down, Self::Unknown];
}

impl fmt::Display for LinkState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Up => "up",
            Self::Down => "down",
            Self::Unknown => "unknown",
        })
    }
}

/// Whether both sides may send at once: the DUPLEX column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Duplex {
    /// Both at once.
    Full,
    /// One at a time.
    Half,
    /// The driver doesn't say.
    Unknown,
}

impl fmt::Display for Duplex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Full => "full",
            Self::Half => "half",
            Self::Unknown => "unknown",
        })
    }
}

/// A link that is not ours and that VNICs may sit on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PhysLink {
    /// Its name.
    pub name: LinkName,
    /// Its class: [`LinkClass::Phys`] or [`LinkClass::Aggr`].
    pub class: LinkClass,
    /// The address in use.
    pub mac: Mac,
    /// The address burnt in, where the driver tells. A NIC that joined a bond
    /// uses the bond's address and is still found by its own.
    pub factory_mac: Option<Mac>,
    /// Its MTU.
    pub mtu: Mtu,
    /// Whether it can carry frames.
    pub state: LinkState,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_the_same_for_people_and_for_json() {
        for class in LinkClass::ALL {
            let json = serde_json::to_value(class).unwrap();
            assert_eq!(json, class.to_string());
        }
        for state in LinkState::ALL {
            let json = serde_json::to_value(state).unwrap();
            assert_eq!(json, state.to_string());
        }
    }
}
