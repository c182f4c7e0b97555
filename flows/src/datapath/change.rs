//! What a version says of another version's maps.

use std::fmt;

use super::layout::Layout;

/// A map had another layout when this version came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LayoutChange {
    /// The name of the table.
    pub name: String,
    /// The other version's layout.
    pub found: Layout,
    /// This version's.
    pub wanted: Layout,
    /// What becomes of what is in the map.
    pub outcome: Outcome,
}

/// What becomes of what is in a map of another layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Its rows follow from what is declared, and are written into a new one.
    WrittenAnew,
    /// What was counted in it is added to what is counted from now on.
    CountsGoOn,
    /// What was counted in it is lost.
    CountsFromZero,
    /// What was in it is lost: frames that netd was to look at, and has not.
    Emptied,
}

impl fmt::Display for LayoutChange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, found, wanted, outcome } = self;
        let outcome = match outcome {
            Outcome::WrittenAnew => "its rows are written anew",
            Outcome::CountsGoOn => "its counters go on",
            Outcome::CountsFromZero => "its counters begin at zero",
            Outcome::Emptied => "what was in it is lost",
        };
        write!(
            f,
            "the table {name} is now {wanted}, and was {found}: {outcome}"
        )
    }
}
