//! MAC addresses, read and written as dladm does.

use std::fmt;
use std::str::FromStr;

use macaddr::MacAddr6;
use serde::{Deserialize, Serialize};

/// A 48-bit MAC address.
///
/// Its text has octets without leading zeros (`8:0:20:fe:4e:a5`), as on
/// illumos; [`Mac::padded`] gives the two-digit form of SmartOS's scripts.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mac(MacAddr6);

impl Mac {
    /// Makes an address of six octets, first on the wire first.
    #[must_use]
    pub fn new(octets: [u8; 6]) -> Self {
        Self(MacAddr6::from(octets))
    }

    /// The six octets, first on the wire first.
    #[must_use]
    pub fn octets(self) -> [u8; 6] {
        self.0.into_array()
    }

    /// Whether a station may have this address: not multicast, not all zero.
    #[must_use]
    pub fn is_unicast(self) -> bool {
        self.0.is_unicast() && !self.0.is_nil()
    }

    /// The form with two digits an octet: `08:00:20:fe:4e:a5`.
    #[must_use]
    pub fn padded(self) -> String {
        let [a, b, c, d, e, f] = self.octets();
        format!("{a:02x}:{b:02x}:{c:02x}:{d:02x}:{e:02x}:{f:02x}")
    }
}

impl FromStr for Mac {
    type Err = MacParseError;

    /// Reads six groups of one or two hexadecimal digits between colons.
    fn from_str(text: &str) -> Result<Self, MacParseError> {
        octets::<6>(text).map(Self::new)
    }
}

/// Reads `N` groups of one or two hexadecimal digits between colons.
fn octets<const N: usize>(text: &str) -> Result<[u8; N], MacParseError> {
    let mut octets = [0; N];
    let mut groups = text.split(':');
    for octet in &mut octets {
        let group = groups.next().ok_or(MacParseError)?;
        let digits = (1..=2).contains(&group.len())
            && group.bytes().all(|b| b.is_ascii_hexdigit());
        if !digits {
            return Err(MacParseError);
        }
        *octet = u8::from_str_radix(group, 16).map_err(|_| MacParseError)?;
    }
    groups.next().is_none().then_some(octets).ok_or(MacParseError)
}

impl fmt::Display for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c, d, e, g] = self.octets();
        f.pad(&format!("{a:x}:{b:x}:{c:x}:{d:x}:{e:x}:{g:x}"))
    }
}

impl fmt::Debug for Mac {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

crate::name::serde_as_text!(Mac);

/// The first three octets of the random addresses that netd hands out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MacPrefix([u8; 3]);

impl MacPrefix {
    /// illumos's default, `02:08:20`: locally administered, so it collides
    /// with no vendor's NIC.
    pub const DEFAULT: Self = Self([0x02, 0x08, 0x20]);

    /// Completes the prefix with three octets of the caller's choosing.
    #[must_use]
    pub fn with(self, rest: [u8; 3]) -> Mac {
        let ([a, b, c], [d, e, f]) = (self.0, rest);
        Mac::new([a, b, c, d, e, f])
    }
}

impl FromStr for MacPrefix {
    type Err = MacParseError;

    /// Reads three octets; a multicast prefix (lowest bit of the first octet
    /// set) could address no station and is refused.
    fn from_str(text: &str) -> Result<Self, MacParseError> {
        let prefix = octets::<3>(text)?;
        if prefix[0] & 1 == 1 { Err(MacParseError) } else { Ok(Self(prefix)) }
    }
}

impl fmt::Display for MacPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [a, b, c] = self.0;
        write!(f, "{a:x}:{b:x}:{c:x}")
    }
}

crate::name::serde_as_text!(MacPrefix);

/// A text is no MAC address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid MAC address")]
pub struct MacParseError;

/// Where a VNIC's address came from: the MACADDRTYPE column.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum MacType {
    /// The creator named the address.
    Fixed,
    /// netd drew it.
    Random,
}

impl fmt::Display for MacType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Fixed => "fixed",
            Self::Random => "random",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_no_leading_zeros_and_input_may() {
        for (text, want) in [
            ("08:00:20:fe:4e:a5", Some("8:0:20:fe:4e:a5")),
            ("72:e4:dc:7c:a9:2", Some("72:e4:dc:7c:a9:2")),
            ("AA:bb:Cc:0:00:1", Some("aa:bb:cc:0:0:1")),
            ("08:00:20:fe:4e", None),
            ("08:00:20:fe:4e:a5:00", None),
            ("08:00:20:fe:4e:", None),
            ("08-00-20-fe-4e-a5", None),
            ("008:0:20:fe:4e:a5", None),
            ("+8:0:20:fe:4e:a5", None),
            ("g8:0:20:fe:4e:a5", None),
            ("fixed", None),
            ("", None),
        ] {
            let got = text.parse::<Mac>().ok().map(|mac| mac.to_string());
            assert_eq!(got.as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn stations_have_unicast_addresses() {
        for (text, want) in [
            ("2:8:20:0:0:1", true),
            ("ff:ff:ff:ff:ff:ff", false),
            ("1:2:3:4:5:6", false),
            ("0:0:0:0:0:0", false),
        ] {
            let mac: Mac = text.parse().unwrap();
            assert_eq!(mac.is_unicast(), want, "{text}");
        }
    }

    #[test]
    fn every_address_survives_its_text() {
        proptest::proptest!(|(octets: [u8; 6])| {
            let mac = Mac::new(octets);
            proptest::prop_assert_eq!(mac.to_string().parse(), Ok(mac));
            proptest::prop_assert_eq!(mac.padded().parse(), Ok(mac));
        });
    }
}
