//! The `dynamic-methods` property: how a guest may come by addresses.

use std::fmt;
use std::str::FromStr;

use crate::IpFamily;

/// The ways by which a guest with `ip-nospoof` may come by addresses that
/// nobody has listed in `allowed-ips`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Methods {
    /// A lease of a DHCP server's (RFC 2131).
    pub dhcpv4: bool,
    /// A lease of a DHCPv6 server's (RFC 8415).
    pub dhcpv6: bool,
    /// An address made of a router's prefix and the VNIC's own MAC address
    /// (RFC 4862, RFC 4291).
    pub slaac: bool,
}

impl Methods {
    /// None of them.
    pub const NONE: Self = Self { dhcpv4: false, dhcpv6: false, slaac: false };
    /// The words of the property, in the order in which they are shown.
    pub const WORDS: [&'static str; 3] = ["dhcpv4", "dhcpv6", "slaac"];

    /// Whether none is set.
    #[must_use]
    pub fn is_none(&self) -> bool {
        *self == Self::NONE
    }

    /// Whether addresses of a version of IP can be come by.
    #[must_use]
    pub fn gives(self, family: IpFamily) -> bool {
        match family {
            IpFamily::V4 => self.dhcpv4,
            IpFamily::V6 => self.dhcpv6 || self.slaac,
        }
    }

    /// Whether DHCP of a version of IP is among them.
    #[must_use]
    pub fn has_dhcp(self, family: IpFamily) -> bool {
        match family {
            IpFamily::V4 => self.dhcpv4,
            IpFamily::V6 => self.dhcpv6,
        }
    }
}

impl FromStr for Methods {
    type Err = MethodsError;

    /// Reads a comma list of [`Methods::WORDS`], in any letter case; `addrconf`
    /// is both of IPv6. Naming one twice is harmless.
    fn from_str(text: &str) -> Result<Self, MethodsError> {
        let mut methods = Self::NONE;
        for word in text.split(',') {
            match word.to_ascii_lowercase().as_str() {
                "dhcpv4" => methods.dhcpv4 = true,
                "dhcpv6" => methods.dhcpv6 = true,
                "slaac" => methods.slaac = true,
                "addrconf" => (methods.dhcpv6, methods.slaac) = (true, true),
                _ => return Err(MethodsError),
            }
        }
        Ok(methods)
    }
}

impl fmt::Display for Methods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flags = [self.dhcpv4, self.dhcpv6, self.slaac];
        let flags = flags.into_iter().zip(Self::WORDS);
        let words: Vec<&str> =
            flags.filter(|(on, _)| *on).map(|(_, word)| word).collect();
        f.pad(&words.join(","))
    }
}

/// Written as a list, because that is what it is on the command line.
impl serde::Serialize for Methods {
    fn serialize<S: serde::Serializer>(
        &self,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        let text = self.to_string();
        to.collect_seq(text.split(',').filter(|word| !word.is_empty()))
    }
}

impl<'de> serde::Deserialize<'de> for Methods {
    fn deserialize<D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Self, D::Error> {
        let words = Vec::<String>::deserialize(from)?;
        if words.is_empty() {
            return Ok(Self::NONE);
        }
        words.join(",").parse().map_err(serde::de::Error::custom)
    }
}

/// A text names no method.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {}", MethodsError::CHOICES)]
pub struct MethodsError;

impl MethodsError {
    /// The words to choose from.
    pub const CHOICES: &'static str = "dhcpv4,dhcpv6,slaac,addrconf";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let (v4, v6) = (IpFamily::V4, IpFamily::V6);
        for (text, shown, dhcp4, dhcp6, gives6) in [
            ("dhcpv4", "dhcpv4", true, false, false),
            ("SLAAC,dhcpv4", "dhcpv4,slaac", true, false, true),
            ("addrconf", "dhcpv6,slaac", false, true, true),
            ("slaac,slaac", "slaac", false, false, true),
        ] {
            let methods: Methods = text.parse().unwrap();
            assert_eq!(methods.to_string(), shown, "{text}");
            assert_eq!(methods.has_dhcp(v4), dhcp4, "{text}");
            assert_eq!(methods.gives(v4), dhcp4, "{text}");
            assert_eq!(methods.has_dhcp(v6), dhcp6, "{text}");
            assert_eq!(methods.gives(v6), gives6, "{text}");
            assert!(!methods.is_none());
        }
        for text in ["", "dhcp", "dhcpv4,", "none"] {
            assert_eq!(text.parse::<Methods>(), Err(MethodsError), "{text:?}");
        }
    }

    #[test]
    fn every_set_survives_its_json() {
        for bits in 0..8_u8 {
            let methods = Methods {
                dhcpv4: bits & 1 != 0,
                dhcpv6: bits & 2 != 0,
                slaac: bits & 4 != 0,
            };
            let json = serde_json::to_string(&methods).unwrap();
            let read: Methods = serde_json::from_str(&json).unwrap();
            assert_eq!(read, methods, "{json}");
        }
        assert!(serde_json::from_str::<Methods>(r#"["dhcp"]"#).is_err());
        assert!(serde_json::from_str::<Methods>(r#"[""]"#).is_err());
    }
}
