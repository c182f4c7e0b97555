//! Link protection: what a VNIC may claim to be.

use std::fmt;
use std::str::FromStr;

/// The checks on what a guest sends: the `protection` property.
///
/// A VNIC starts with [`Protection::DEFAULT`]. On illumos it starts with none;
/// here nobody should have to ask for isolation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Protection {
    /// The source MAC address of every frame is the VNIC's own.
    pub mac_nospoof: bool,
    /// Nothing but IPv4, IPv6 and ARP.
    pub restricted: bool,
    /// The source IP address of every packet is one of `allowed-ips`, and so
    /// is what ARP and Neighbor Discovery claim. No routers.
    pub ip_nospoof: bool,
    /// DHCP is spoken as a client, and for the VNIC itself.
    pub dhcp_nospoof: bool,
}

impl Protection {
    /// What a VNIC starts with.
    pub const DEFAULT: Self = Self { mac_nospoof: true, ..Self::NONE };
    /// No check.
    pub const NONE: Self = Self {
        mac_nospoof: false,
        restricted: false,
        ip_nospoof: false,
        dhcp_nospoof: false,
    };
    /// Every check.
    pub const ALL: Self = Self {
        mac_nospoof: true,
        restricted: true,
        ip_nospoof: true,
        dhcp_nospoof: true,
    };
    /// The words of the property, in the order in which they are shown.
    pub const WORDS: [&'static str; 4] =
        ["mac-nospoof", "restricted", "ip-nospoof", "dhcp-nospoof"];

    /// The checks in the order of [`Protection::WORDS`].
    fn flags(self) -> [bool; 4] {
        [self.mac_nospoof, self.restricted, self.ip_nospoof, self.dhcp_nospoof]
    }
}

impl Default for Protection {
    fn default() -> Self {
        Self::DEFAULT
    }
}

impl FromStr for Protection {
    type Err = ProtectionError;

    /// Reads a comma list of [`Protection::WORDS`], or `none`. Words are
    /// case-sensitive, and naming one twice is harmless, as on illumos.
    fn from_str(text: &str) -> Result<Self, ProtectionError> {
        if text == "none" {
            return Ok(Self::NONE);
        }
        let mut protection = Self::NONE;
        for word in text.split(',') {
            let flag = match word {
                "mac-nospoof" => &mut protection.mac_nospoof,
                "restricted" => &mut protection.restricted,
                "ip-nospoof" => &mut protection.ip_nospoof,
                "dhcp-nospoof" => &mut protection.dhcp_nospoof,
                _ => return Err(ProtectionError),
            };
            *flag = true;
        }
        Ok(protection)
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.pad("none");
        }
        let flags = self.flags().into_iter().zip(Self::WORDS);
        let words: Vec<&str> =
            flags.filter(|(on, _)| *on).map(|(_, word)| word).collect();
        f.pad(&words.join(","))
    }
}

crate::name::serde_as_text!(Protection);

/// A text names no protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {}", ProtectionError::CHOICES)]
pub struct ProtectionError;

impl ProtectionError {
    /// The words to choose from.
    pub const CHOICES: &'static str =
        "mac-nospoof,restricted,ip-nospoof,dhcp-nospoof,none";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let none = Protection::NONE;
        let mac = Protection { mac_nospoof: true, ..none };
        let two = Protection { restricted: true, dhcp_nospoof: true, ..none };
        let all = "mac-nospoof,restricted,ip-nospoof,dhcp-nospoof";
        for (text, want) in [
            ("mac-nospoof", Ok(mac)),
            ("mac-nospoof,mac-nospoof", Ok(mac)),
            ("dhcp-nospoof,restricted", Ok(two)),
            ("ip-nospoof", Ok(Protection { ip_nospoof: true, ..none })),
            (all, Ok(Protection::ALL)),
            ("none", Ok(none)),
            ("", Err(ProtectionError)),
            ("MAC-nospoof", Err(ProtectionError)),
            ("mac-nospoof,", Err(ProtectionError)),
            ("none,mac-nospoof", Err(ProtectionError)),
            ("mac-nospoof,none", Err(ProtectionError)),
            ("ip-spoof", Err(ProtectionError)),
        ] {
            assert_eq!(text.parse::<Protection>(), want, "{text:?}");
        }
        assert_eq!(two.to_string(), "restricted,dhcp-nospoof");
        assert_eq!(Protection::ALL.to_string(), all);
        assert_eq!(all, Protection::WORDS.join(","));
        assert_eq!(ProtectionError::CHOICES, format!("{all},none"));
    }

    #[test]
    fn every_set_survives_its_text() {
        for bits in 0..16_u8 {
            let protection = Protection {
                mac_nospoof: bits & 1 != 0,
                restricted: bits & 2 != 0,
                ip_nospoof: bits & 4 != 0,
                dhcp_nospoof: bits & 8 != 0,
            };
            assert_eq!(protection.to_string().parse(), Ok(protection));
        }
    }
}
