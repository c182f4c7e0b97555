//! VLAN identifiers.

use std::fmt;
use std::str::FromStr;

/// An IEEE 802.1Q VLAN identifier, 1 to 4094. "No VLAN" is the absence of one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VlanId(u16);

impl VlanId {
    /// Checks a number.
    ///
    /// # Errors
    /// [`VlanError`] when it is outside of 1 to 4094.
    pub fn new(vid: u16) -> Result<Self, VlanError> {
        if (1..=4094).contains(&vid) { Ok(Self(vid)) } else { Err(VlanError) }
    }

    /// The number.
    #[must_use]
    pub fn get(self) -> u16 {
        self.0
    }

    /// The number of a VLAN, or of none: 0, as in a priority tag.
    #[must_use]
    pub fn number(vid: Option<Self>) -> u16 {
        vid.map_or(0, Self::get)
    }
}

impl FromStr for VlanId {
    type Err = VlanError;

    fn from_str(text: &str) -> Result<Self, VlanError> {
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(VlanError);
        }
        Self::new(text.parse().map_err(|_| VlanError)?)
    }
}

impl fmt::Display for VlanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl serde::Serialize for VlanId {
    fn serialize<S: serde::Serializer>(
        &self,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_u16(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for VlanId {
    fn deserialize<D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Self, D::Error> {
        Self::new(u16::deserialize(from)?).map_err(serde::de::Error::custom)
    }
}

/// A number is no VLAN identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid VLAN identifier")]
pub struct VlanError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_and_4095_are_reserved() {
        for (text, want) in [
            ("0", None),
            ("1", Some(1)),
            ("4094", Some(4094)),
            ("4095", None),
            ("65537", None),
            ("", None),
            ("-1", None),
            ("+1", None),
            ("1x", None),
        ] {
            let got = text.parse::<VlanId>().ok().map(VlanId::get);
            assert_eq!(got, want, "{text:?}");
        }
    }
}
