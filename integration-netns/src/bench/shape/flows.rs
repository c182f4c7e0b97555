//! What flows cost the frames of their VNIC. They are told apart by ports, so
//! they have one mask: a frame is looked up once, among one or ten thousand.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Serialize, Serializer};

use super::goals::Single;
use super::hosts::{FlowHost, PORT, VnicHost, sent_in_last};
use crate::Lab;
use crate::bench::Mode;
use crate::bench::numbers::{Bound, median, rounded};

/// How often each VNIC takes its turn in a round.
const TURNS: u32 = 4;

/// What more flows than one may cost, in all.
pub(super) const WANTED: f64 = 1.1;

/// The VNICs, and what they were good for so far.
#[derive(Debug)]
pub(super) struct Flows {
    host: FlowHost,
    kpps: Kpps,
}

impl Flows {
    pub(super) fn new(lab: &Lab, vnics: &VnicHost, mode: Mode) -> Self {
        let counts: &[u16] = match mode {
            Mode::Full => &[0, 1, 100, 10_000],
            Mode::Quick => &[0, 1, 100],
        };
        let host = FlowHost::new(lab, vnics.netd(), counts);
        Self { host, kpps: Kpps::default() }
    }

    /// One round: each VNIC sends for so long.
    pub(super) fn ask(&mut self, span: Duration) {
        let mut kpps = BTreeMap::new();
        for _ in 0..TURNS {
            for (count, pair) in self.host.pairs() {
                *kpps.entry(count).or_insert(0.0) +=
                    pair.kpps_at(PORT, span / TURNS) / f64::from(TURNS);
            }
        }
        self.kpps.add(&kpps);
    }

    /// What was measured, of frames that were in the last flow of their VNIC
    /// indeed.
    ///
    /// # Panics
    /// When they were in none.
    pub(super) fn done(self, vnics: &VnicHost) -> Kpps {
        let sent = sent_in_last(vnics.netd());
        let with_flows = self.host.pairs().filter(|(count, _)| *count > 0);
        assert_eq!(sent.len(), with_flows.count(), "{sent:?}");
        assert!(sent.iter().all(|frames| *frames > 0), "{sent:?}");
        self.kpps
    }
}

/// Thousands of packets a second of every round, by the flows of the VNIC that
/// sent them.
#[derive(Clone, Debug, Default)]
pub(super) struct Kpps(BTreeMap<u16, Vec<f64>>);

/// The answers as they are written to the file.
#[derive(Debug, Serialize)]
struct Cell {
    flows: u16,
    median: f64,
    rounds: Vec<f64>,
}

impl Kpps {
    /// Adds a round's answers.
    fn add(&mut self, kpps: &BTreeMap<u16, f64>) {
        for (count, kpps) in kpps {
            self.0.entry(*count).or_default().push(*kpps);
        }
    }

    /// How many flows there were, and the median.
    pub(super) fn medians(&self) -> Vec<(u16, f64)> {
        let medians = self.0.iter();
        medians.filter_map(|(at, all)| Some((*at, median(all)?))).collect()
    }

    /// What a packet costs with so many flows, as a ratio to what it costs with
    /// one, in every round.
    pub(super) fn costs(&self, count: u16) -> Vec<f64> {
        let of = |count| self.0.get(&count).map_or(&[][..], Vec::as_slice);
        let pairs = of(1).iter().zip(of(count));
        pairs.map(|(one, many)| one / many).collect()
    }

    /// The goals: more flows cost nothing.
    pub(super) fn singles(&self) -> Vec<Single> {
        let many = self.0.keys().filter(|count| **count > 1);
        many.map(|count| {
            let name = format!(
                "cost of a 64-byte frame from zone to zone, the VNIC with \
                 {count} flows / with 1"
            );
            let mut single = Single::new(name, Bound::AtMost(WANTED));
            for cost in self.costs(*count) {
                single.add(cost);
            }
            single
        })
        .collect()
    }
}

impl Serialize for Kpps {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().filter_map(|(flows, all)| {
            let median = rounded(median(all)?);
            let rounds = all.iter().copied().map(rounded).collect();
            Some(Cell { flows: *flows, median, rounds })
        }))
    }
}

/// Answers for tests: with none, with one and with many flows.
#[cfg(test)]
pub(super) fn example() -> Kpps {
    let mut kpps = Kpps::default();
    for (none, one, many) in
        [(660.0, 600.0, 400.0), (990.0, 900.0, 900.0), (330.0, 300.0, 250.0)]
    {
        kpps.add(&[(0, none), (1, one), (10_000, many)].into());
    }
    kpps
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn costs_are_compared_within_a_round() {
        let kpps = example();
        assert_eq!(kpps.medians(), [(0, 660.0), (1, 600.0), (10_000, 400.0)]);
        assert_eq!(kpps.costs(10_000), [1.5, 1.0, 1.2]);
        assert_eq!(kpps.costs(100), [0.0; 0]);
        assert_eq!(Kpps::default().costs(1), [0.0; 0]);
    }

    #[test]
    fn only_more_flows_than_one_have_a_goal() {
        let verdicts: Vec<_> =
            example().singles().iter().filter_map(Single::verdict).collect();
        let told: Vec<_> = verdicts
            .iter()
            .map(|verdict| (verdict.number, verdict.bound, verdict.met))
            .collect();
        assert_eq!(told, [(1.2, Bound::AtMost(1.1), false)]);
        assert!(verdicts[0].goal.contains(" 10000 flows"), "{verdicts:?}");
    }

    #[test]
    fn the_file_has_every_round() {
        let got = serde_json::to_value(example()).unwrap();
        let want = serde_json::json!({
            "flows": 10_000, "median": 400.0, "rounds": [400.0, 900.0, 250.0],
        });
        assert_eq!(got[2], want, "{got}");
        assert_eq!(got.as_array().map(Vec::len), Some(3));
    }
}
