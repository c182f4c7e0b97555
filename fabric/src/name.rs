//! Names of links and NIC tags, checked once when they enter.

use std::cmp::Ordering;
use std::fmt;
use std::io::Write;
use std::str::FromStr;

/// The name of a link as Linux knows it: 1 to 15 bytes (`IFNAMSIZ` less the
/// terminating zero), no white space, `/` or `:`.
///
/// Any link of the host has such a name. A link that *we* make must also pass
/// [`LinkName::for_new_link`], the grammar of dladm(8).
///
/// Names are the keys of almost everything, by the thousand. So a name is its
/// bytes, with zeros after them, and has nothing on the heap.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct LinkName([u8; LinkName::MAX + 1]);

impl Ord for LinkName {
    /// As text: no name holds a zero, so what fills it up comes before all
    /// that a longer one goes on with.
    fn cmp(&self, other: &Self) -> Ordering {
        u128::from_be_bytes(self.0).cmp(&u128::from_be_bytes(other.0))
    }
}

impl PartialOrd for LinkName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl LinkName {
    /// The longest name, in bytes.
    pub const MAX: usize = 15;

    /// Checks a name for a link that is about to be made.
    ///
    /// The rules of dladm(8): letters, digits, `_` and `.`; a letter first; a
    /// decimal number at the end, without a leading zero.
    ///
    /// # Errors
    /// [`NameError`] says which rule was broken.
    pub fn for_new_link(text: &str) -> Result<Self, NameError> {
        let name: Self = text.parse()?;
        name.check_new()?;
        Ok(name)
    }

    /// Checks the rules of [`LinkName::for_new_link`] on a name that has
    /// already entered.
    ///
    /// # Errors
    /// [`NameError`] says which rule was broken.
    pub fn check_new(&self) -> Result<(), NameError> {
        let text = self.as_str();
        if !text.starts_with(|c: char| c.is_ascii_alphabetic()) {
            return Err(NameError::FirstNotLetter);
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || "_.".contains(c);
        if let Some(bad) = text.chars().find(|&c| !legal(c)) {
            return Err(NameError::Character(bad));
        }
        let stem = text.trim_end_matches(|c: char| c.is_ascii_digit());
        let number = &text[stem.len()..];
        if number.is_empty() {
            return Err(NameError::NoNumber);
        }
        if number.len() > 1 && number.starts_with('0') {
            return Err(NameError::LeadingZero);
        }
        // dladm(8): 0 to 4294967294.
        match number.parse::<u32>() {
            Ok(n) if n < u32::MAX => Ok(()),
            _ => Err(NameError::NumberTooLarge),
        }
    }

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        let fill = u128::from_be_bytes(self.0).trailing_zeros() / 8;
        let length = self.0.len().saturating_sub(fill as usize);
        // It was checked when it entered.
        str::from_utf8(&self.0[..length]).unwrap_or_default()
    }

    /// A name that is ours to give: a prefix of at most five characters and a
    /// number.
    pub(crate) fn numbered(prefix: &str, number: u32) -> Self {
        let mut bytes = [0; Self::MAX + 1];
        let mut rest = &mut bytes[..];
        // Ten digits at most, so there is room.
        let _ = write!(rest, "{prefix}{number}");
        Self(bytes)
    }
}

impl FromStr for LinkName {
    type Err = NameError;

    /// Accepts what the kernel's `dev_valid_name()` accepts, less what no
    /// table of ours could print.
    fn from_str(text: &str) -> Result<Self, NameError> {
        if text.is_empty() {
            return Err(NameError::Empty);
        }
        if text.len() > Self::MAX {
            return Err(NameError::TooLong);
        }
        if text == "." || text == ".." {
            return Err(NameError::Character('.'));
        }
        let bad = |c: char| !c.is_ascii_graphic() || c == '/' || c == ':';
        match text.chars().find(|&c| bad(c)) {
            Some(c) => Err(NameError::Character(c)),
            None => {
                let mut bytes = [0; Self::MAX + 1];
                bytes[..text.len()].copy_from_slice(text.as_bytes());
                Ok(Self(bytes))
            }
        }
    }
}

impl fmt::Display for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl fmt::Debug for LinkName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.as_str())
    }
}

/// Why a text is no link name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NameError {
    /// No text at all.
    #[error("a link name cannot be empty")]
    Empty,
    /// More than [`LinkName::MAX`] bytes.
    #[error("a link name has at most {} characters", LinkName::MAX)]
    TooLong,
    /// A character that no link name may have.
    #[error("a link name cannot contain {0:?}")]
    Character(char),
    /// A new link's name begins with something other than a letter.
    #[error("a link name must begin with a letter")]
    FirstNotLetter,
    /// A new link's name does not end in a number.
    #[error("a link name must end in a number")]
    NoNumber,
    /// The number at the end has a leading zero.
    #[error("the number at the end of a link name has no leading zero")]
    LeadingZero,
    /// The number at the end is above 4294967294.
    #[error("the number at the end of a link name is at most 4294967294")]
    NumberTooLarge,
}

/// The name of a NIC tag: 1 to 30 of `[A-Za-z0-9_]` (nictagadm(8)).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TagName(String);

impl TagName {
    /// The longest tag name, in bytes.
    pub const MAX: usize = 30;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TagName {
    type Err = TagNameError;

    fn from_str(text: &str) -> Result<Self, TagNameError> {
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_';
        let fits = (1..=Self::MAX).contains(&text.len());
        if fits && text.chars().all(legal) {
            Ok(Self(text.to_owned()))
        } else {
            Err(TagNameError)
        }
    }
}

impl fmt::Display for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for TagName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

/// A text is no NIC tag name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("nic tag name is invalid")]
pub struct TagNameError;

/// Gives a type that is written as one word its serde form: a JSON string.
macro_rules! serde_as_text {
    ($type:ty) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(
                &self,
                to: S,
            ) -> Result<S::Ok, S::Error> {
                to.collect_str(self)
            }
        }
        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(
                from: D,
            ) -> Result<Self, D::Error> {
                let text = <std::borrow::Cow<'de, str>>::deserialize(from)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}
pub(crate) use serde_as_text;

serde_as_text!(LinkName);
serde_as_text!(TagName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_their_text() {
        let texts = ["a", "a!", "a0", "ab", "abcdefghijklmno", "b", "vnic-7"];
        for one in texts {
            let name: LinkName = one.parse().unwrap();
            assert_eq!(name.as_str(), one);
            for other in texts {
                let order = name.cmp(&other.parse().unwrap());
                assert_eq!(order, one.cmp(other), "{one} {other}");
            }
        }
        for number in [0, 7, u32::MAX] {
            let name = LinkName::numbered("vnic-", number);
            assert_eq!(Ok(name), format!("vnic-{number}").parse());
        }
    }

    #[test]
    fn new_link_names_follow_dladm() {
        use NameError::*;
        for (text, want) in [
            ("net0", Ok(())),
            ("a_b.c12", Ok(())),
            ("vnic4294967294", Ok(())),
            ("n4294967295", Err(NumberTooLarge)),
            ("n99999999999999", Err(NumberTooLarge)),
            ("net", Err(NoNumber)),
            ("0net1", Err(FirstNotLetter)),
            ("_net1", Err(FirstNotLetter)),
            ("net01", Err(LeadingZero)),
            ("net00", Err(LeadingZero)),
            ("net-1", Err(Character('-'))),
            ("", Err(Empty)),
            ("abcdefghijklmno1", Err(TooLong)),
            ("né1", Err(Character('é'))),
            ("a/b1", Err(Character('/'))),
            ("a b1", Err(Character(' '))),
        ] {
            let got = LinkName::for_new_link(text).map(|_| ());
            assert_eq!(got, want, "{text:?}");
        }
    }

    #[test]
    fn existing_links_are_named_as_linux_names_them() {
        for text in ["eth0", "enp3s0f1", "enx9cb654bbc33c", "vnic-7", "br0.5"] {
            assert!(text.parse::<LinkName>().is_ok(), "{text:?}");
        }
        for text in ["", ".", "..", "a/b", "a:b", "a b", "a\n", "x\0", "é"] {
            assert!(text.parse::<LinkName>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn tag_names_are_checked_at_both_ends() {
        for (text, want) in [
            ("admin", true),
            ("External_1", true),
            ("a".repeat(30).as_str(), true),
            ("a".repeat(31).as_str(), false),
            ("", false),
            ("foo-bar", false),
            ("admin ", false),
            ("sdc_overlay/7", false),
        ] {
            assert_eq!(text.parse::<TagName>().is_ok(), want, "{text:?}");
        }
    }
}
