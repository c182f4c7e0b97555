//! Names of flows.

use std::fmt;
use std::str::FromStr;

use super::FlowAttrName;

/// The name of a flow: 1 to 127 letters, digits, `_`, `.` and `-`, the first a
/// letter or a digit. It is unique in its zone, over all links.
///
/// illumos takes any character. Here a name is also part of a URL and a line of
/// a table. Names of attributes are none, as there: flowadm(8) takes one for a
/// list of attributes that went astray.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowName(String);

impl FlowName {
    /// The longest name, in bytes: illumos's.
    pub const MAX: usize = 127;

    /// The name as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for FlowName {
    type Err = FlowNameError;

    fn from_str(text: &str) -> Result<Self, FlowNameError> {
        let Some(first) = text.chars().next() else {
            return Err(FlowNameError::Missing);
        };
        if FlowAttrName::ALL.iter().any(|name| name.as_str() == text) {
            return Err(FlowNameError::Missing);
        }
        if text.len() > Self::MAX {
            return Err(FlowNameError::TooLong);
        }
        let legal = |c: char| c.is_ascii_alphanumeric() || "_.-".contains(c);
        if let Some(bad) = text.chars().find(|&c| !legal(c)) {
            return Err(FlowNameError::Character(bad));
        }
        if !first.is_ascii_alphanumeric() {
            return Err(FlowNameError::First(first));
        }
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for FlowName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for FlowName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

crate::name::serde_as_text!(FlowName);

/// Why a text is no flow name. The first two are flowadm(8)'s own words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowNameError {
    /// No text at all, or an attribute's name.
    #[error("flow name is required")]
    Missing,
    /// More than [`FlowName::MAX`] bytes.
    #[error("flow name too long")]
    TooLong,
    /// A character that no flow name may have.
    #[error("a flow name cannot contain {0:?}")]
    Character(char),
    /// A character that no flow name may begin with.
    #[error("a flow name cannot begin with {0:?}")]
    First(char),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        use FlowNameError::*;
        let long = "f".repeat(127);
        let longer = "f".repeat(128);
        for (text, want) in [
            ("http-1", Ok(())),
            ("a_b.c", Ok(())),
            ("0", Ok(())),
            ("tcp", Ok(())),
            ("Transport", Ok(())),
            (&long, Ok(())),
            (&longer, Err(TooLong)),
            ("", Err(Missing)),
            ("transport", Err(Missing)),
            ("dsfield", Err(Missing)),
            ("local_ip", Err(Missing)),
            ("-f", Err(First('-'))),
            ("..", Err(First('.'))),
            ("_f", Err(First('_'))),
            ("a b", Err(Character(' '))),
            ("a/b", Err(Character('/'))),
            ("a:b", Err(Character(':'))),
            ("a,b", Err(Character(','))),
            ("flöw", Err(Character('ö'))),
            ("a\n", Err(Character('\n'))),
        ] {
            let got = text.parse::<FlowName>().map(|_| ());
            assert_eq!(got, want, "{text:?}");
        }
    }
}
