//! Log lines that somebody else can cause at will.

use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};

/// Lines per second, for as long as it takes: a day of them is some 10 MB.
const RATE: NonZeroU32 = NonZeroU32::new(1).unwrap();

/// Keeps a kind of log lines from filling the disk.
#[derive(Debug)]
pub(crate) struct Seldom<C: Clock = DefaultClock> {
    limit: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
    unsaid: AtomicU64,
}

impl Seldom {
    /// Nothing has been said. `burst` is how many lines may be said at once: as
    /// many as an ordinary day has.
    pub(crate) fn new(burst: NonZeroU32) -> Self {
        Self::by(DefaultClock::default(), burst)
    }
}

impl<C: Clock> Seldom<C> {
    fn by(clock: C, burst: NonZeroU32) -> Self {
        let quota = Quota::per_second(RATE).allow_burst(burst);
        let limit = RateLimiter::direct_with_clock(quota, clock);
        Self { limit, unsaid: AtomicU64::new(0) }
    }

    /// Whether a line may be written now, and how many were not since the last
    /// one that was.
    pub(crate) fn may_say(&self) -> Option<u64> {
        if self.limit.check().is_ok() {
            Some(self.unsaid.swap(0, Ordering::Relaxed))
        } else {
            self.unsaid.fetch_add(1, Ordering::Relaxed);
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use governor::clock::FakeRelativeClock;

    use super::*;

    #[test]
    fn what_is_not_said_is_counted() {
        let clock = FakeRelativeClock::default();
        let burst = NonZeroU32::new(20).unwrap();
        let seldom = Seldom::by(clock.clone(), burst);
        for line in 0..burst.get() {
            assert_eq!(seldom.may_say(), Some(0), "{line}");
        }
        for _ in 0..70 {
            assert_eq!(seldom.may_say(), None);
        }
        clock.advance(Duration::from_secs(1));
        assert_eq!(seldom.may_say(), Some(70));
        assert_eq!(seldom.may_say(), None);
        clock.advance(Duration::from_secs(1));
        assert_eq!(seldom.may_say(), Some(1));
    }
}
