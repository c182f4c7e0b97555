//! Times, and the numbers that stand for them.

use std::time::Duration;

use serde::{Serialize, Serializer};

/// How long one way of doing something took, each time it was done.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Sample {
    pub(super) name: &'static str,
    #[serde(serialize_with = "millis")]
    pub(super) median_ms: Duration,
    #[serde(serialize_with = "millis")]
    pub(super) p95_ms: Duration,
    #[serde(serialize_with = "millis")]
    pub(super) best_ms: Duration,
    times: usize,
    /// The median, where that of `ip link add` is 1.
    pub(super) ratio_to_ip: f64,
}

impl Sample {
    /// # Panics
    /// When there is not one time.
    pub(super) fn new(name: &'static str, mut times: Vec<Duration>) -> Self {
        times.sort_unstable();
        let at = |percent: usize| times[(times.len() - 1) * percent / 100];
        Self {
            name,
            median_ms: at(50),
            p95_ms: at(95),
            best_ms: at(0),
            times: times.len(),
            ratio_to_ip: 1.0,
        }
    }

    /// Sets the ratio.
    pub(super) fn compare(&mut self, ip: Duration) {
        let ratio = self.median_ms.as_secs_f64() / ip.as_secs_f64();
        self.ratio_to_ip = (ratio * 1e3).round() / 1e3;
    }
}

fn millis<S: Serializer>(time: &Duration, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_f64((time.as_secs_f64() * 1e6).round() / 1e3)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn order_does_not_matter() {
        let times = [5, 1, 4, 2, 3].map(Duration::from_millis);
        let sample = Sample::new("x", times.to_vec());
        assert_eq!(sample.best_ms, Duration::from_millis(1));
        assert_eq!(sample.median_ms, Duration::from_millis(3));
        assert_eq!(sample.p95_ms, Duration::from_millis(4));
    }
}
