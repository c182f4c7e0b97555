//! Whether a goal is met.

use std::fmt;

use serde::Serialize;

use super::numbers::{Bound, rounded};

/// A goal, and the number that it was judged by.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(super) struct Verdict {
    pub(super) goal: String,
    pub(super) number: f64,
    pub(super) bound: Bound,
    pub(super) met: bool,
}

impl Verdict {
    pub(super) fn new(goal: String, number: f64, bound: Bound) -> Self {
        let number = rounded(number);
        Self { goal, number, bound, met: bound.met(number) }
    }
}

impl fmt::Display for Verdict {
    /// A line, with a `!` before what is missed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { goal, number, bound, met } = self;
        let mark = if *met { "" } else { "!" };
        let wanted = match bound {
            Bound::None => "for the record".to_owned(),
            bound => bound.text(),
        };
        write!(f, "  {mark}{number:.3} ({wanted}): {goal}")
    }
}
