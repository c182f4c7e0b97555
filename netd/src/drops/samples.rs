//! How many dropped frames are remembered, and under which numbers.

use std::collections::VecDeque;
use std::sync::Arc;

use flows::DroppedFrame;

/// The most frames that are remembered. One takes less than 400 bytes, so
/// together they take less than 2 MB.
const MOST: usize = 4096;

/// A dropped frame with its place in the order of all of them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sample {
    /// Its number.
    pub seq: u64,
    /// When: microseconds since 1970-01-01 00:00 UTC.
    pub time_us: u64,
    /// The frame.
    pub frame: DroppedFrame,
}

/// The last frames that were dropped.
#[derive(Debug)]
pub struct Samples {
    /// The number that all are above.
    base: u64,
    /// The number of the last one, remembered or not.
    last: u64,
    kept: VecDeque<Arc<Sample>>,
}

/// What came after a number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The number of the last one that there was.
    pub next: u64,
    /// How many were forgotten.
    ///
    /// Numbers from before the first are another netd's, who can't be asked.
    pub missed: u64,
    /// The others, oldest first.
    pub samples: Vec<Arc<Sample>>,
}

impl Samples {
    /// Nothing yet. Numbers begin above this one.
    #[must_use]
    pub fn beginning_above(base: u64) -> Self {
        Self { base, last: base, kept: VecDeque::new() }
    }

    /// Remembers a frame; the oldest is forgotten when there are too many.
    pub fn push(&mut self, time_us: u64, frame: DroppedFrame) {
        if self.kept.len() == MOST {
            self.kept.pop_front();
        }
        self.last += 1;
        let sample = Sample { seq: self.last, time_us, frame };
        self.kept.push_back(Arc::new(sample));
    }

    /// What came after a number; without one, all that is remembered. So it is
    /// with a number that is yet to come, too: it is from a time when the clock
    /// was ahead.
    #[must_use]
    pub fn after(&self, after: Option<u64>) -> Taken {
        let kept = u64::try_from(self.kept.len()).unwrap_or(u64::MAX);
        let forgotten = self.last.saturating_sub(kept);
        let after = after.filter(|after| *after <= self.last);
        let after = after.unwrap_or(forgotten);
        let seen = after.saturating_sub(forgotten);
        let seen = usize::try_from(seen).unwrap_or(usize::MAX);
        Taken {
            next: self.last,
            missed: forgotten.saturating_sub(after.max(self.base)),
            samples: self.kept.iter().skip(seen).cloned().collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use fabric::{DropReason, LinkId};

    use super::*;

    fn frame(id: u32) -> DroppedFrame {
        DroppedFrame {
            at: 0,
            id: LinkId(id),
            reason: DropReason::MacSpoof,
            length: 60,
            tci: None,
            bytes: vec![0; 60],
        }
    }

    /// The first and the last number, and how many were missed.
    fn taken(samples: &Samples, after: Option<u64>) -> (u64, u64, u64) {
        let Taken { next, missed, samples } = samples.after(after);
        let first = samples.first().map_or(0, |sample| sample.seq);
        let last = samples.last().map_or(next, |sample| sample.seq);
        assert_eq!(last, next);
        (first, next, missed)
    }

    #[test]
    fn nothing_is_told_twice_and_what_is_lost_is_said() {
        let mut samples = Samples::beginning_above(100);
        assert_eq!(taken(&samples, None), (0, 100, 0));
        for id in 1..=3 {
            samples.push(0, frame(id));
        }
        for (after, want) in [
            (None, (101, 103, 0)),
            (Some(100), (101, 103, 0)),
            (Some(102), (103, 103, 0)),
            (Some(103), (0, 103, 0)),
            // From an earlier netd, or one whose clock was ahead.
            (Some(7), (101, 103, 0)),
            (Some(104), (101, 103, 0)),
            (Some(u64::MAX), (101, 103, 0)),
        ] {
            assert_eq!(taken(&samples, after), want, "{after:?}");
        }
    }

    #[test]
    fn the_oldest_are_forgotten() {
        let mut samples = Samples::beginning_above(0);
        for id in 1..=10_000 {
            samples.push(0, frame(id));
        }
        assert_eq!(samples.kept.len(), MOST);
        for (after, want) in [
            (None, (5905, 10_000, 0)),
            (Some(5903), (5905, 10_000, 1)),
            (Some(5904), (5905, 10_000, 0)),
            (Some(5905), (5906, 10_000, 0)),
            (Some(0), (5905, 10_000, 5904)),
        ] {
            assert_eq!(taken(&samples, after), want, "{after:?}");
        }
    }
}
