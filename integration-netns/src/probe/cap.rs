//! Whether a cap is kept, and used.
//!
//! A cap is a promise about time, so it is the one thing here that a clock is
//! asked about. The clock is stopped by bytes and not bytes by the clock, so a
//! busy machine makes a measurement longer, and never one that passes fail
//! because it was too fast.

use std::time::{Duration, Instant};

use crate::Poll;

/// A cap that somebody sends more than.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cap {
    bits: u64,
}

impl Cap {
    /// How late HTB may be and still make up for it: the burst of a class
    /// (docs/datapath.md, "Queues"), or a full frame where that takes longer.
    const BURST: Duration = Duration::from_millis(2);
    /// The longest frame of a story, in bytes.
    const FRAME: u64 = 1514;
    /// The part of a cap that may be missing, in percent. HTB wakes up late on
    /// a machine that is busy, and makes up for a burst only.
    const USED: u64 = 80;

    /// One of `bits` per second.
    #[must_use]
    pub const fn of(bits: u64) -> Self {
        Self { bits }
    }

    /// Checks that what passes is no more than the cap at any time, and that
    /// it is used for a second: `passed` gives the bytes that have passed so
    /// far, as the receiver's link counts them, and somebody sends more than
    /// the cap all the time.
    ///
    /// Measured again while the machine is too busy for it to be used. Each
    /// time it must be kept.
    ///
    /// # Panics
    /// When more passes, or less for as long as anybody waits.
    #[track_caller]
    pub fn is_kept_and_used(self, what: &str, passed: impl Fn() -> u64) {
        let what = format!("{what}, {} bit/s", self.bits);
        Poll::PATIENT.until(&format!("{what}: the cap is used"), || {
            let (bytes, span) = self.measured(&passed);
            self.check(&what, bytes, span);
            let least = self.in_time(span) * Self::USED / 100;
            let said = || format!("{bytes} bytes in {span:?}, not {least}");
            if bytes >= least { Ok(()) } else { Err(said()) }
        });
    }

    /// The bytes of a second at the cap, and how long they took.
    #[track_caller]
    fn measured(self, passed: &impl Fn() -> u64) -> (u64, Duration) {
        let enough = self.bits / 8;
        let start = Instant::now();
        let before = passed();
        let bytes = Poll::PATIENT.until("a second's bytes pass", || {
            let bytes = passed() - before;
            let said = || format!("{bytes} of {enough}");
            if bytes >= enough { Ok(bytes) } else { Err(said()) }
        });
        (bytes, start.elapsed())
    }

    /// At most 1 % more than the cap, a burst, and a frame at either end.
    #[track_caller]
    fn check(self, what: &str, bytes: u64, span: Duration) {
        let burst = self.in_time(Self::BURST).max(Self::FRAME);
        let most = self.in_time(span) * 101 / 100 + burst + 2 * Self::FRAME;
        assert!(bytes <= most, "{what}: {bytes} in {span:?}, not {most}");
    }

    /// Bytes at the cap.
    fn in_time(self, span: Duration) -> u64 {
        let bytes = u128::from(self.bits) * span.as_nanos() / 8_000_000_000;
        u64::try_from(bytes).unwrap_or(u64::MAX)
    }
}

#[cfg(test)]
mod tests {
    use std::panic::catch_unwind;

    use super::*;

    #[test]
    fn more_than_a_cap_is_noticed() {
        let cap = Cap::of(8_000_000);
        let check = |bytes| cap.check("a cap", bytes, Duration::from_secs(1));
        let most = 1_010_000 + 2_000 + 2 * 1514;
        check(most);
        catch_unwind(|| check(most + 1)).unwrap_err();
    }
}
