//! What a guest end is, and whose.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// What kind of guest a VNIC is for: the `mode` property.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Mode {
    /// A zone: the guest end is a veth in its network namespace.
    #[default]
    Veth,
    /// A virtual machine: the guest end is inside it. The host end is a TAP
    /// that the machine's monitor opens by its name.
    Tap,
}

impl Mode {
    /// Every mode.
    pub const ALL: [Self; 2] = [Self::Veth, Self::Tap];

    /// Whether it is the mode of a VNIC that was not asked about it.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl fmt::Display for Mode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Veth => "veth",
            Self::Tap => "tap",
        })
    }
}

impl FromStr for Mode {
    type Err = ModeError;

    fn from_str(text: &str) -> Result<Self, ModeError> {
        let mode = Self::ALL.into_iter().find(|mode| mode.to_string() == text);
        mode.ok_or(ModeError)
    }
}

/// A text names no mode.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: veth,tap")]
pub struct ModeError;

/// Who besides root may open a TAP: the `owner` property.
///
/// Its text is a number, or a user's name, which netd looks up once: what it
/// keeps is the number.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Owner {
    /// A user by number.
    Uid(u32),
    /// A user by a name that nobody has looked up yet.
    Name(String),
}

impl FromStr for Owner {
    type Err = Infallible;

    /// Takes what is no number for a name. Which names there are is the
    /// host's to say.
    fn from_str(text: &str) -> Result<Self, Infallible> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        Ok(match text.parse() {
            // The highest number is "nobody in particular" to the kernel.
            Ok(uid) if digits && uid != u32::MAX => Self::Uid(uid),
            _ => Self::Name(text.to_owned()),
        })
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Uid(uid) => uid.fmt(f),
            Self::Name(name) => f.pad(name),
        }
    }
}

crate::name::serde_as_text!(Owner);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn modes() {
        for mode in Mode::ALL {
            assert_eq!(mode.to_string().parse(), Ok(mode));
            let json = serde_json::to_string(&mode).unwrap();
            assert_eq!(json, format!("\"{mode}\""));
            assert_eq!(mode.is_default(), mode == Mode::Veth);
        }
        for text in ["", "TAP", "macvtap", "veth,tap"] {
            assert_eq!(text.parse::<Mode>(), Err(ModeError), "{text:?}");
        }
    }

    #[test]
    fn a_user_is_a_number_or_a_name() {
        let name = |text: &str| Owner::Name(text.to_owned());
        for (text, want) in [
            ("0", Owner::Uid(0)),
            ("1000", Owner::Uid(1000)),
            ("4294967294", Owner::Uid(u32::MAX - 1)),
            ("4294967295", name("4294967295")),
            ("+5", name("+5")),
            ("qemu", name("qemu")),
            ("", name("")),
        ] {
            let Ok(owner) = text.parse::<Owner>();
            assert_eq!(owner, want, "{text:?}");
            assert_eq!(owner.to_string(), text);
        }
    }
}
