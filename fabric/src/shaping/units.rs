//! Time as the kernel's queues keep it.

use std::fmt;

/// Time in the ticks of the kernel's packet scheduler, 64 ns each
/// (`PSCHED_SHIFT` of net/pkt_sched.h), up to 274 s.
///
/// HTB measures a burst by the time that it takes at the class's rate. It
/// shifts ticks into nanoseconds and back, so ticks come back as they went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Ticks(pub u32);

impl Ticks {
    /// One tick in nanoseconds.
    const NANOS: u64 = 64;

    /// So many nanoseconds, rounded up to a whole tick. What is more than the
    /// longest time is the longest time.
    #[must_use]
    pub fn from_nanos(nanos: u64) -> Self {
        Self(u32::try_from(nanos.div_ceil(Self::NANOS)).unwrap_or(u32::MAX))
    }

    /// The time in nanoseconds.
    #[must_use]
    pub fn nanos(self) -> u64 {
        u64::from(self.0) * Self::NANOS
    }
}

impl fmt::Display for Ticks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}ns", self.nanos())
    }
}

/// Time in the units of the kernel's CoDel, 1,024 ns each (`CODEL_SHIFT` of
/// net/codel.h).
///
/// It travels in microseconds and is rounded down on both ways, so a time
/// written as one number is read as a smaller one. [`Self::micros`] and
/// [`Self::from_read`] are made so that a time comes back as it went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CodelTime(u32);

impl CodelTime {
    /// One unit in nanoseconds.
    const NANOS: u64 = 1024;
    /// The longest: a minute. No queue waits so long, and microseconds of it
    /// are far from the end of their 32 bits.
    const MAX_NANOS: u64 = 60_000_000_000;

    /// So many nanoseconds, rounded up to a whole unit. What is more than a
    /// minute is a minute.
    #[must_use]
    pub fn from_nanos(nanos: u64) -> Self {
        let units = nanos.min(Self::MAX_NANOS).div_ceil(Self::NANOS);
        Self(u32::try_from(units).expect("a minute is 58,593,750 units"))
    }

    /// The time of a number of microseconds that the kernel told. It had
    /// `units * 1024 / 1000`, rounded down, so the units are the only whole
    /// number in `told / 1.024 .. (told + 1) / 1.024`, which is shorter than 1.
    #[must_use]
    pub fn from_read(told: u32) -> Self {
        let units = (u64::from(told) * 1000).div_ceil(Self::NANOS);
        Self(u32::try_from(units).expect("less than `told`"))
    }

    /// The number of microseconds to write: the smallest that the kernel makes
    /// this time of.
    #[must_use]
    pub fn micros(self) -> u32 {
        let micros = (u64::from(self.0) * Self::NANOS).div_ceil(1000);
        u32::try_from(micros).unwrap_or(u32::MAX)
    }
}

impl fmt::Display for CodelTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}us", self.micros())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_round_up() {
        for (nanos, want) in [
            (0, 0),
            (1, 1),
            (64, 1),
            (65, 2),
            (2_000_000, 31_250),
            (274_877_906_880, u32::MAX),
            (u64::MAX, u32::MAX),
        ] {
            assert_eq!(Ticks::from_nanos(nanos), Ticks(want), "{nanos}");
        }
    }

    /// What net/codel.h and net/sched/sch_fq_codel.c do with a time.
    fn kernel(micros: u32) -> u32 {
        let units = (u64::from(micros) * 1000) >> 10;
        u32::try_from((units << 10) / 1000).unwrap()
    }

    #[test]
    fn a_time_comes_back_as_it_went() {
        for nanos in (0..3_000_000).step_by(511).chain([
            5_000_000,
            100_000_000,
            CodelTime::MAX_NANOS,
            u64::MAX,
        ]) {
            let time = CodelTime::from_nanos(nanos);
            let back = CodelTime::from_read(kernel(time.micros()));
            assert_eq!(back, time, "{nanos}");
            assert!(u64::from(time.0) * 1024 >= nanos.min(60_000_000_000));
        }
        // tc's own default is not one that the kernel keeps.
        assert_eq!(kernel(5000), 4999);
        assert_eq!(CodelTime::from_read(u32::MAX).micros(), u32::MAX);
    }
}
