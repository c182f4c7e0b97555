//! Dying on purpose, to see what is found afterwards.
//!
//! `NETD_DIE_AT="after create-pair"` has netd send itself SIGKILL right after
//! the first step of that kind, `NETD_DIE_AT="before commit:2"` right before it
//! commits for the second time. [`Point::all`] lists the points. Only builds
//! with debug assertions have them: a release build doesn't look at the
//! variable, and this module is empty functions.

use std::fmt;

use fabric::{Step, StepKind};

/// The variable that says where to die.
pub const VARIABLE: &str = "NETD_DIE_AT";

/// One list makes the places, their words and the list of all of them.
macro_rules! places {
    ($($(#[$doc:meta])* $place:ident $word:literal,)*) => {
        /// Something that netd can die before and after.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub enum Place {
            /// A step of a plan.
            Step(StepKind),
            $($(#[$doc])* $place,)*
        }

        impl Place {
            /// All but the steps.
            const OTHERS: &[Self] = &[$(Self::$place),*];
        }

        impl fmt::Display for Place {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                match self {
                    Self::Step(kind) => kind.fmt(f),
                    $(Self::$place => f.pad($word),)*
                }
            }
        }
    };
}

places! {
    /// The store is opened: locked, brought to this layout, and rid of what
    /// was temporary.
    OpenStore "open-store",
    /// There is a directory for pins, on a BPF file system.
    PreparePins "prepare-pins",
    /// Maps are pinned, programs are loaded.
    Load "load",
    /// There is a socket, which nobody can connect to yet.
    BindSocket "bind-socket",
    /// A pair, which is there, is closed and described.
    FinishPair "finish-pair",
    /// A TAP, which is there for as long as netd is, gets the mark.
    MarkTap "mark-tap",
    /// A TAP is told to stay.
    KeepTap "keep-tap",
    /// A shaper, which is there, gets its root, is closed and described.
    FinishShaper "finish-shaper",
    /// That is done for one of its ends.
    FinishShaperEnd "finish-shaper-end",
    /// One end of a VNIC is changed, or marked before that.
    ChangeEnd "change-end",
    /// A queue of one kind is deleted, to be one of another kind.
    DeleteQueue "delete-queue",
    /// What waits in queues that are to go is waited for.
    Drain "drain",
    /// Links that were marked for it are deleted all at once.
    DeleteMarked "delete-marked",
    /// Changes of the declared state are written down.
    Commit "commit",
    /// What a guest came by, or lost, is written into the tables.
    WriteLearned "write-learned",
    /// What a guest came by, or asks for, is written down.
    KeepLearned "keep-learned",
}

impl From<&Step> for Place {
    fn from(step: &Step) -> Self {
        Self::Step(step.kind())
    }
}

/// Before or after.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum When {
    /// Nothing of it has been done.
    Before,
    /// All of it has been done, or it failed.
    After,
}

/// Where netd can die.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Point(pub When, pub Place);

impl Point {
    /// Every point.
    ///
    /// Some things have one moment only that is of interest, or is another's:
    /// before a shaper's end is finished is before it is finished, or after the
    /// other end is.
    pub fn all() -> impl Iterator<Item = Self> {
        let steps = StepKind::ALL.iter().copied().map(Place::Step);
        let places = steps.chain(Place::OTHERS.iter().copied());
        let both = |place| [When::Before, When::After].map(|w| Self(w, place));
        places.flat_map(both).filter(|point| !ONCE.contains(point))
    }
}

/// Points that there are not.
const ONCE: [Point; 4] = [
    Point(When::Before, Place::FinishShaperEnd),
    Point(When::Before, Place::ChangeEnd),
    Point(When::Before, Place::DeleteQueue),
    Point(When::After, Place::DeleteMarked),
];

impl fmt::Display for Point {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let word = match self.0 {
            When::Before => "before",
            When::After => "after",
        };
        write!(f, "{word} {}", self.1)
    }
}

/// Dies here, if this is the point.
pub(crate) fn before(place: impl Into<Place>) {
    reach::reached(|| Point(When::Before, place.into()));
}

/// Dies here, if this is the point.
pub(crate) fn after(place: impl Into<Place>) {
    reach::reached(|| Point(When::After, place.into()));
}

#[cfg(not(debug_assertions))]
mod reach {
    use super::Point;

    pub(super) fn reached(_: impl FnOnce() -> Point) {}
}

#[cfg(debug_assertions)]
mod reach {
    use std::sync::OnceLock;
    use std::sync::atomic::{AtomicU32, Ordering};

    use nix::sys::signal::{Signal, kill};
    use nix::unistd::Pid;

    use super::{Point, VARIABLE};

    /// Where to die, and how many times to pass there before.
    struct End {
        point: String,
        passes: AtomicU32,
    }

    static END: OnceLock<Option<End>> = OnceLock::new();

    pub(super) fn reached(point: impl FnOnce() -> Point) {
        let point = point();
        tracing::trace!(%point, "reached");
        let end = END.get_or_init(|| {
            let text = std::env::var(VARIABLE).ok()?;
            let (point, time) = parse(&text);
            Some(End { point, passes: AtomicU32::new(time.saturating_sub(1)) })
        });
        let Some(end) = end else { return };
        if end.point != point.to_string() {
            return;
        }
        let one_less = |left: u32| left.checked_sub(1);
        let passes = &end.passes;
        if passes
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less)
            .is_err()
        {
            // It doesn't return: the signal can't be caught.
            let _ = kill(Pid::this(), Signal::SIGKILL);
        }
    }

    /// A point, and the time at which it counts: the first, unless said.
    fn parse(text: &str) -> (String, u32) {
        let last = text.rsplit_once(':');
        let time = last.and_then(|(point, time)| {
            Some((point.to_owned(), time.parse().ok()?))
        });
        time.unwrap_or_else(|| (text.to_owned(), 1))
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn the_first_time_counts_unless_another_is_named() {
            for (text, want) in [
                ("before commit", ("before commit", 1)),
                ("after put-vnic:3", ("after put-vnic", 3)),
                ("after put-vnic:x", ("after put-vnic:x", 1)),
            ] {
                let (point, time) = parse(text);
                assert_eq!((&*point, time), want, "{text}");
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn every_kind_of_step_has_a_point_before_it_and_after_it() {
        let all: Vec<String> = Point::all().map(|p| p.to_string()).collect();
        for kind in StepKind::ALL {
            for word in ["before", "after"] {
                let point = format!("{word} {kind}");
                assert!(all.contains(&point), "{point}");
            }
        }
        let named: BTreeSet<&String> = all.iter().collect();
        assert_eq!(named.len(), all.len(), "a name is used twice: {all:#?}");
    }
}
