//! The `secondary-macs` property: further addresses of a VNIC.

use serde::{Deserialize, Serialize};

use crate::{Mac, Status};

/// Addresses that a VNIC's guest has besides the VNIC's own, in the order in
/// which they were given. Frames for them reach the guest, and it may send from
/// them.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<Mac>", into = "Vec<Mac>")]
pub struct SecondaryMacs(Vec<Mac>);

impl SecondaryMacs {
    /// The most that a VNIC may have.
    pub const MAX: usize = 32;

    /// The addresses.
    pub fn iter(&self) -> impl Iterator<Item = Mac> {
        self.0.iter().copied()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl TryFrom<Vec<Mac>> for SecondaryMacs {
    type Error = SecondaryMacsError;

    /// Checks a list: addresses of stations, each there once.
    fn try_from(list: Vec<Mac>) -> Result<Self, SecondaryMacsError> {
        if list.len() > Self::MAX {
            return Err(SecondaryMacsError::TooMany);
        }
        for (at, mac) in list.iter().enumerate() {
            if !mac.is_unicast() {
                return Err(SecondaryMacsError::NoStation(*mac));
            }
            if list[..at].contains(mac) {
                return Err(SecondaryMacsError::Twice(*mac));
            }
        }
        Ok(Self(list))
    }
}

impl From<SecondaryMacs> for Vec<Mac> {
    fn from(list: SecondaryMacs) -> Self {
        list.0
    }
}

/// A list of addresses that no VNIC can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SecondaryMacsError {
    /// More than 32.
    #[error("at most {} secondary addresses", SecondaryMacs::MAX)]
    TooMany,
    /// A multicast address, or none.
    #[error("{0} is no station's address")]
    NoStation(Mac),
    /// The same address.
    #[error("the address {0} is there twice")]
    Twice(Mac),
}

impl SecondaryMacsError {
    /// The status word for it.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::TooMany => Status::ValueCount,
            Self::NoStation(_) => Status::InvalidMac,
            Self::Twice(_) => Status::InvalidArgument,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists() {
        let mac = |last| Mac::new([2, 8, 0x20, 0, 0, last]);
        let many = |n: u8| (1..=n).map(mac).collect::<Vec<_>>();
        let group = Mac::new([1, 0, 0x5e, 0, 0, 1]);
        let nobody = Mac::new([0; 6]);
        use SecondaryMacsError::*;
        for (list, want) in [
            (vec![], Ok(())),
            (vec![mac(2), mac(1)], Ok(())),
            (many(32), Ok(())),
            (many(33), Err(TooMany)),
            (vec![mac(1), mac(2), mac(1)], Err(Twice(mac(1)))),
            (vec![group], Err(NoStation(group))),
            (vec![mac(1), nobody], Err(NoStation(nobody))),
        ] {
            let got = SecondaryMacs::try_from(list.clone()).map(|_| ());
            assert_eq!(got, want, "{list:?}");
        }
    }

    #[test]
    fn json_keeps_the_order() {
        let text = r#"["2:8:20:0:0:2","2:8:20:0:0:1"]"#;
        let list: SecondaryMacs = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&list).unwrap(), text);
        assert!(serde_json::from_str::<SecondaryMacs>(r#"["x"]"#).is_err());
    }
}
