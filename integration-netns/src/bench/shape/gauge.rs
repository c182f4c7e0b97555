//! How fast something comes between two points of time.
//!
//! What a way lets through at once is no answer to how it holds a cap, nor is
//! how a stream gets up to its speed. So nothing counts until what comes is no
//! more than the cap, and until some time has passed.

use std::time::Duration;

use super::case::Cap;
use crate::bench::numbers::float;

/// What comes faster than this many times the cap is still what was saved up.
const BURSTING: f64 = 1.03;

/// How many warm-ups a load gets before it is measured as it is: by then it is
/// known not to be capped.
const PATIENCE: u32 = 8;

/// Looks at a count that grows.
#[derive(Clone, Debug)]
pub(super) struct Gauge {
    /// Bytes per second; none: there is no cap.
    cap: Option<f64>,
    warm: Duration,
    span: Duration,
    /// The point from which the current stretch is measured.
    from: (Duration, u64),
    warming: bool,
}

impl Gauge {
    /// Measures for `span`, after `warm` at least.
    pub(super) fn new(
        cap: Option<Cap>,
        warm: Duration,
        span: Duration,
    ) -> Self {
        let cap = cap.map(Cap::bytes);
        Self { cap, warm, span, from: (Duration::ZERO, 0), warming: true }
    }

    /// Takes what has come until now, `at` after the start. `came`: the count
    /// has just grown. Both points of time are ones at which something came, so
    /// that it doesn't matter how much comes at once.
    ///
    /// Gives bytes per second at the end.
    pub(super) fn saw(
        &mut self,
        at: Duration,
        count: u64,
        came: bool,
    ) -> Option<f64> {
        let (since, before) = self.from;
        let passed = at.saturating_sub(since);
        let wanted = if self.warming { self.warm } else { self.span };
        // What has dried up has no next point.
        if passed < wanted || (!came && passed < 2 * wanted) {
            return None;
        }
        let speed = float(count - before) / passed.as_secs_f64();
        if !self.warming {
            return Some(speed);
        }
        let settled = self.cap.is_none_or(|cap| speed <= cap * BURSTING);
        self.warming = !settled && at < PATIENCE * self.warm;
        self.from = (at, count);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn ms(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    /// 1M is 125 bytes in a millisecond.
    const CAP: Option<Cap> = Some(Cap::mbps(1));

    fn run(points: &[(u64, u64, bool)]) -> Vec<Option<f64>> {
        let mut gauge = Gauge::new(CAP, ms(10), ms(100));
        let points = points.iter();
        points
            .map(|(at, count, came)| gauge.saw(ms(*at), *count, *came))
            .collect()
    }

    #[test]
    fn the_warm_up_does_not_count() {
        let got = run(&[
            (5, 600, true),
            (10, 1250, true),
            (109, 13_000, true),
            (110, 13_750, true),
        ]);
        assert_eq!(got, [None, None, None, Some(125_000.0)]);
    }

    #[test]
    fn a_burst_does_not_count() {
        let got = run(&[
            (10, 900_000, true),
            (20, 905_000, true),
            (30, 906_250, true),
            (129, 918_000, true),
            (130, 918_750, true),
        ]);
        assert_eq!(got, [None, None, None, None, Some(125_000.0)]);
    }

    #[test]
    fn what_is_not_capped_is_measured_at_last() {
        let mut points: Vec<_> =
            (1..=8).map(|n| (n * 10, n * 10_000, true)).collect();
        points.push((180, 180_000, true));
        let got = run(&points);
        assert_eq!(got.iter().flatten().collect::<Vec<_>>(), [&1e6]);
        assert_eq!(got.last(), Some(&Some(1e6)));
    }

    #[test]
    fn both_points_are_those_of_an_arrival() {
        let got = run(&[
            (15, 1250, false),
            (16, 2000, true),
            (120, 2000, false),
            (136, 17_000, true),
        ]);
        assert_eq!(got, [None, None, None, Some(125_000.0)]);
    }

    #[test]
    fn what_dries_up_comes_to_an_end() {
        let got =
            run(&[(10, 1250, true), (209, 1250, false), (210, 1250, false)]);
        assert_eq!(got, [None, None, Some(0.0)]);
        // Nothing has ever come.
        let got = run(&[(20, 0, false), (219, 0, false), (220, 0, false)]);
        assert_eq!(got, [None, None, Some(0.0)]);
    }
}
