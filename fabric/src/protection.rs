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
}

impl Protection {
    /// All that exists.
    pub const DEFAULT: Self = Self { mac_nospoof: true };
    /// No check.
    pub const NONE: Self = Self { mac_nospoof: false };
    /// The words of the property, in the order in which they are shown.
    pub const WORDS: [&'static str; 1] = ["mac-nospoof"];
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
            match word {
                "mac-nospoof" => protection.mac_nospoof = true,
                _ => return Err(ProtectionError),
            }
        }
        Ok(protection)
    }
}

impl fmt::Display for Protection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(if self.mac_nospoof { "mac-nospoof" } else { "none" })
    }
}

crate::name::serde_as_text!(Protection);

/// A text names no protection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: mac-nospoof,none")]
pub struct ProtectionError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        let on = Ok(Protection { mac_nospoof: true });
        for (text, want) in [
            ("mac-nospoof", on),
            ("mac-nospoof,mac-nospoof", on),
            ("none", Ok(Protection::NONE)),
            ("", Err(ProtectionError)),
            ("MAC-nospoof", Err(ProtectionError)),
            ("mac-nospoof,", Err(ProtectionError)),
            ("none,mac-nospoof", Err(ProtectionError)),
            ("dhcp-nospoof", Err(ProtectionError)),
        ] {
            assert_eq!(text.parse::<Protection>(), want, "{text:?}");
        }
        for protection in [Protection::DEFAULT, Protection::NONE] {
            assert_eq!(protection.to_string().parse(), Ok(protection));
        }
    }
}
