//! What stands for many round trips.

use std::time::Duration;

/// How long a probe is waited for. One that is lost counts as having taken
/// that long: who waits for it does not know better.
pub(super) const LOST: Duration = Duration::from_secs(1);

/// The round trips of probes through a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bench::shape) struct Trips {
    /// The middle one.
    pub(in crate::bench::shape) median: Duration,
    /// Of a hundred, 99 are no longer.
    pub(in crate::bench::shape) p99: Duration,
    pub(in crate::bench::shape) sent: usize,
    pub(in crate::bench::shape) lost: usize,
}

impl Trips {
    /// Takes the times of all probes that were sent; none for a lost one.
    pub(super) fn of(trips: impl Iterator<Item = Option<Duration>>) -> Self {
        let trips: Vec<_> = trips.collect();
        let lost = trips.iter().filter(|trip| trip.is_none()).count();
        let mut times: Vec<_> =
            trips.iter().map(|trip| trip.unwrap_or(LOST)).collect();
        times.sort_unstable();
        // The first that is not less than so many of a hundred.
        let at = |percent: usize| {
            let rank = (times.len() * percent).div_ceil(100).max(1);
            times.get(rank - 1).copied().unwrap_or(LOST)
        };
        Self { median: at(50), p99: at(99), sent: times.len(), lost }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    #[test]
    fn percentiles_are_ranks() {
        for (count, median, p99) in [
            (1, 1, 1),
            (2, 1, 2),
            (100, 50, 99),
            (101, 51, 100),
            (200, 100, 198),
        ] {
            // Order doesn't matter.
            let trips = (1..=count).rev().map(|trip| Some(ms(trip)));
            let got = Trips::of(trips);
            assert_eq!((got.median, got.p99), (ms(median), ms(p99)), "{count}");
            assert_eq!(got.lost, 0);
        }
    }

    #[test]
    fn a_lost_probe_is_a_long_one() {
        let trips = [Some(ms(3)), None, Some(ms(2)), Some(ms(1))];
        let got = Trips::of(trips.into_iter());
        let want = Trips { median: ms(2), p99: LOST, sent: 4, lost: 1 };
        assert_eq!(got, want);
        let none = Trips::of(std::iter::empty());
        assert_eq!((none.median, none.sent), (LOST, 0));
    }
}
