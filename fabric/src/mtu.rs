//! The largest payload of a frame.

use std::fmt;
use std::str::FromStr;

/// A maximum transmission unit in bytes: what one frame carries after its
/// Ethernet header, 68 (the least IPv4 allows, RFC 791) to 65535.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mtu(u16);

impl Mtu {
    /// Ethernet's own.
    pub const ETHERNET: Self = Self(1500);
    /// What an etherstub starts with, as on illumos: there is no wire to fit.
    pub const ETHERSTUB: Self = Self(9000);
    /// The smallest.
    pub const MIN: Self = Self(68);
    /// The largest.
    pub const MAX: Self = Self(u16::MAX);

    /// Checks a number of bytes.
    ///
    /// # Errors
    /// [`MtuError`] when it is outside of 68 to 65535.
    pub fn new(bytes: u32) -> Result<Self, MtuError> {
        match u16::try_from(bytes) {
            Ok(n) if n >= Self::MIN.0 => Ok(Self(n)),
            _ => Err(MtuError),
        }
    }

    /// The number of bytes.
    #[must_use]
    pub fn bytes(self) -> u32 {
        u32::from(self.0)
    }
}

impl From<Mtu> for u16 {
    fn from(mtu: Mtu) -> Self {
        mtu.0
    }
}

impl FromStr for Mtu {
    type Err = MtuError;

    fn from_str(text: &str) -> Result<Self, MtuError> {
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(MtuError);
        }
        Self::new(text.parse().map_err(|_| MtuError)?)
    }
}

impl fmt::Display for Mtu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl serde::Serialize for Mtu {
    fn serialize<S: serde::Serializer>(
        &self,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_u16(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Mtu {
    fn deserialize<D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Self, D::Error> {
        Self::new(u32::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// A number is no MTU.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("an MTU is a whole number of bytes from 68 to 65535")]
pub struct MtuError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn range_is_what_ipv4_and_the_header_field_allow() {
        for (text, want) in [
            ("67", None),
            ("68", Some(68)),
            ("1500", Some(1500)),
            ("65535", Some(65535)),
            ("65536", None),
            ("4294967296", None),
            ("", None),
            ("+1500", None),
            ("1500 ", None),
        ] {
            let got = text.parse::<Mtu>().ok().map(Mtu::bytes);
            assert_eq!(got, want, "{text:?}");
        }
    }
}
