//! How soon to look again.

use std::time::Duration;

/// The least time between two looks: twenty in a second are no load, and
/// nobody notices a twentieth of a second. Somebody who undoes at once what
/// netd does makes it do it this often and not more.
const LEAST: Duration = Duration::from_millis(50);

/// The time after the first failure.
const FIRST: Duration = Duration::from_millis(100);

/// The longest time after a failure.
const LONGEST: Duration = Duration::from_secs(30);

/// The time between looks: short while all goes well, doubled with each failure
/// in a row.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Pace {
    failures: u32,
}

impl Pace {
    /// Takes note of a look, and whether all was as declared after it.
    pub(super) fn looked(&mut self, settled: bool) {
        self.failures =
            if settled { 0 } else { self.failures.saturating_add(1) };
    }

    /// The least time from the last look to the next, whatever happens.
    pub(super) fn least(self) -> Duration {
        self.again().unwrap_or(LEAST)
    }

    /// The time from the last look to the next where nothing happens; none:
    /// there is no need to try again.
    pub(super) fn again(self) -> Option<Duration> {
        let doubled = 2u32.saturating_pow(self.failures.checked_sub(1)?);
        Some(FIRST.saturating_mul(doubled).min(LONGEST))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_slow_down_and_success_makes_good() {
        let mut pace = Pace::default();
        assert_eq!(pace.least(), LEAST);
        assert_eq!(pace.again(), None);
        for want in [100, 200, 400, 800, 1600, 3200, 6400, 12800, 25600] {
            pace.looked(false);
            assert_eq!(pace.again(), Some(Duration::from_millis(want)));
            assert_eq!(pace.least(), Duration::from_millis(want));
        }
        for _ in 0..100 {
            pace.looked(false);
            assert_eq!(pace.again(), Some(LONGEST));
        }
        pace.looked(true);
        assert_eq!(pace.again(), None);
        assert_eq!(pace.least(), LEAST);
    }
}
