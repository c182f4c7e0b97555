//! Who goes first.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Whose traffic goes first where not all of it can: the `priority` property.
///
/// It divides what no guarantee has taken.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Priority {
    /// After all others.
    Low,
    /// Between the two.
    Medium,
    /// Before all others.
    High,
}

impl Priority {
    /// Every priority, the lowest first.
    pub const ALL: [Self; 3] = [Self::Low, Self::Medium, Self::High];
    /// What a VNIC starts with, as on illumos.
    pub const OF_VNICS: Self = Self::High;
    /// What a flow starts with, as on illumos. What is in no flow has it, too.
    pub const OF_FLOWS: Self = Self::Medium;
}

impl fmt::Display for Priority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        })
    }
}

impl FromStr for Priority {
    type Err = PriorityError;

    /// Letter case does not matter, as in illumos's other enumerations.
    fn from_str(text: &str) -> Result<Self, PriorityError> {
        let is_meant =
            |priority: &Self| priority.to_string().eq_ignore_ascii_case(text);
        Self::ALL.into_iter().find(is_meant).ok_or(PriorityError)
    }
}

/// A text names no priority.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("must be one of: {}", PriorityError::CHOICES)]
pub struct PriorityError;

impl PriorityError {
    /// The words to choose from.
    pub const CHOICES: &'static str = "low,medium,high";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words() {
        for priority in Priority::ALL {
            let word = priority.to_string();
            assert_eq!(word.parse(), Ok(priority));
            assert_eq!(word.to_ascii_uppercase().parse(), Ok(priority));
            assert_eq!(serde_json::to_value(priority).unwrap(), word);
        }
        for text in ["", "highest", "low,high", "1", "hıgh", " low"] {
            assert_eq!(text.parse::<Priority>(), Err(PriorityError), "{text}");
        }
        let words = Priority::ALL.map(|priority| priority.to_string());
        assert_eq!(words.join(","), PriorityError::CHOICES);
        assert!(Priority::ALL.is_sorted());
    }
}
