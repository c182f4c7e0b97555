//! How much anybody may ask of netd, in numbers.

use std::num::NonZeroU32;
use std::time::Duration;

use governor::clock::{Clock, DefaultClock};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use governor::state::{InMemoryState, NotKeyed};
use governor::{Quota, RateLimiter};
use nix::unistd::Uid;

use super::seats::Bounds;

/// The largest request body, in bytes, but of those that list flows. The
/// largest honest one is under 1 KiB.
pub(super) const MAX_BODY: usize = 64 * 1024;

/// How long a client may take to say what it wants, and to begin with: from
/// its connecting, or the end of the answer before, to the end of the head.
pub(super) const HEAD_TIME: Duration = Duration::from_secs(10);

/// How long a body may take. The largest is 16 MiB, from the same machine.
pub(super) const BODY_TIME: Duration = Duration::from_secs(30);

/// How long a client may leave its answer lying without taking a byte of it.
pub(super) const ANSWER_TIME: Duration = Duration::from_secs(30);

/// Connections that are served, and work that goes on although its client has
/// hung up. Each is a descriptor, and a service has 1,024 unless its unit says
/// otherwise; the fabric itself needs few. A person's loop has one at a time,
/// `xargs -P` some tens.
pub(super) const CONNECTIONS: Bounds =
    Bounds { root: 256, user: 64, users: 256 };

/// Further connections, which are only told to come back.
pub(super) const TURNED_AWAY: Bounds = Bounds { root: 32, user: 16, users: 64 };

/// After how many seconds who was turned away may come back.
pub(super) const COME_BACK: u64 = 1;

/// Requests of root per second. To create a VNIC takes the kernel about a
/// millisecond, so what makes thousands of them in a row never gets there; a
/// program that asks in circles does, and leaves room for the others.
const ROOT_RATE: NonZeroU32 = NonZeroU32::new(1000).unwrap();
/// Requests of root at once: as many VNICs as a host may have.
const ROOT_BURST: NonZeroU32 = NonZeroU32::new(4096).unwrap();

/// Requests per second of any other user. A loop of commands in a shell makes
/// some hundred.
const USER_RATE: NonZeroU32 = NonZeroU32::new(200).unwrap();
/// Requests of any other user at once.
const USER_BURST: NonZeroU32 = NonZeroU32::new(1000).unwrap();

/// From how many users on it is looked who has not asked lately, so that the
/// memory of them stays small. Most hosts never have as many.
const MANY_USERS: usize = 256;

/// The limit of requests, for each user.
#[derive(Debug)]
pub(super) struct Rates<C: Clock = DefaultClock> {
    root: RateLimiter<NotKeyed, InMemoryState, C, NoOpMiddleware<C::Instant>>,
    users:
        RateLimiter<u32, HashMapStateStore<u32>, C, NoOpMiddleware<C::Instant>>,
    clock: C,
}

impl<C: Clock + Clone> Rates<C> {
    /// Nobody has asked for anything yet.
    pub(super) fn new(clock: C) -> Self {
        let root = Quota::per_second(ROOT_RATE).allow_burst(ROOT_BURST);
        let user = Quota::per_second(USER_RATE).allow_burst(USER_BURST);
        Self {
            root: RateLimiter::direct_with_clock(root, clock.clone()),
            users: RateLimiter::hashmap_with_clock(user, clock.clone()),
            clock,
        }
    }

    /// Counts a request.
    ///
    /// # Errors
    /// When the user may ask again; the request is not counted then.
    pub(super) fn count(&self, uid: Uid) -> Result<(), Duration> {
        let counted = if uid.is_root() {
            self.root.check()
        } else {
            if self.users.len() > MANY_USERS {
                self.users.retain_recent();
                self.users.shrink_to_fit();
            }
            self.users.check_key(&uid.as_raw())
        };
        counted.map_err(|early| early.wait_time_from(self.clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;

    use super::*;

    fn asked(rates: &Rates<FakeRelativeClock>, uid: u32) -> u32 {
        let uid = Uid::from_raw(uid);
        (0..100_000).find(|_| rates.count(uid).is_err()).unwrap()
    }

    #[test]
    fn each_user_has_a_burst_then_a_rate_of_their_own() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::new(clock.clone());
        for (uid, burst, rate) in [
            (0, ROOT_BURST, ROOT_RATE),
            (7, USER_BURST, USER_RATE),
            (8, USER_BURST, USER_RATE),
        ] {
            assert_eq!(asked(&rates, uid), burst.get(), "{uid}");
            clock.advance(Duration::from_secs(1));
            assert_eq!(asked(&rates, uid), rate.get(), "{uid}");
        }
    }

    #[test]
    fn who_waits_as_long_as_told_is_served() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::new(clock.clone());
        for uid in [0, 7].map(Uid::from_raw) {
            asked(&rates, uid.as_raw());
            let wait = rates.count(uid).unwrap_err();
            assert!(wait <= Duration::from_secs(COME_BACK), "{wait:?}");
            clock.advance(wait);
            assert_eq!(rates.count(uid), Ok(()), "{uid}");
        }
    }

    #[test]
    fn who_does_not_ask_any_more_is_forgotten() {
        let clock = FakeRelativeClock::default();
        let rates = Rates::new(clock.clone());
        for uid in 1..10_000 {
            assert_eq!(rates.count(Uid::from_raw(uid)), Ok(()));
            clock.advance(Duration::from_millis(10));
        }
        let known = rates.users.len();
        assert!(known <= MANY_USERS + 1, "{known}");
    }
}
