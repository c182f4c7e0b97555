//! All numbers of a run, and what stands for them: medians and ratios.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::case::{Case, Direction, Question, Way};
use crate::bench::numbers::{median, rounded};

/// The answers of every round to every case.
#[derive(Debug, Default)]
pub(super) struct Figures(BTreeMap<Case, Answers>);

/// The answers to one case.
#[derive(Debug, Default)]
struct Answers {
    /// How many guests the host really had.
    guests: usize,
    rounds: Vec<f64>,
}

/// The cell of a table as it is written to the file.
#[derive(Debug, Serialize)]
struct Cell {
    guests: usize,
    median: f64,
    /// Of the median to those of other ways.
    ratio_to: BTreeMap<Way, f64>,
    rounds: Vec<f64>,
}

/// The answers to one question in one direction and crowd.
#[derive(Debug, Serialize)]
struct Figure {
    question: &'static str,
    direction: Direction,
    crowd: usize,
    answers: BTreeMap<Way, Cell>,
}

/// The ways that others are compared with.
const PEERS: [Way; 5] =
    [Way::Veth, Way::Bridge, Way::BridgeNft, Way::Cni, Way::Macvlan];

impl Figures {
    /// Adds a round's answer.
    pub(super) fn add(&mut self, case: Case, guests: usize, answer: f64) {
        let answers = self.0.entry(case).or_default();
        answers.guests = guests;
        answers.rounds.push(answer);
    }

    /// The crowds, in ascending order.
    pub(super) fn crowds(&self) -> Vec<usize> {
        let crowds = self.0.keys().map(|case| case.crowd);
        crowds.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The median of a case's rounds, if it was measured.
    pub(super) fn median(&self, case: Case) -> Option<f64> {
        median(&self.0.get(&case)?.rounds)
    }

    /// The ratio of a way's median to another's, if both were measured.
    pub(super) fn ratio(&self, way: Way, to: Case) -> Option<f64> {
        let ratio = self.median(Case { way, ..to })? / self.median(to)?;
        Some(rounded(ratio))
    }

    fn cell(&self, case: Case, answers: &Answers) -> Option<Cell> {
        let ratio = |peer| {
            let to = Case { way: peer, ..case };
            let ratio = self.ratio(case.way, to)?;
            (peer != case.way).then_some((peer, ratio))
        };
        Some(Cell {
            guests: answers.guests,
            median: rounded(self.median(case)?),
            ratio_to: PEERS.into_iter().filter_map(ratio).collect(),
            rounds: answers.rounds.iter().copied().map(rounded).collect(),
        })
    }
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut figures: BTreeMap<(Question, Direction, usize), Figure> =
            BTreeMap::new();
        for (case, answers) in &self.0 {
            let Case { question, direction, crowd, way } = *case;
            let figure = figures
                .entry((question, direction, crowd))
                .or_insert_with(|| Figure {
                    question: question.name(),
                    direction,
                    crowd,
                    answers: BTreeMap::new(),
                });
            if let Some(cell) = self.cell(*case, answers) {
                figure.answers.insert(way, cell);
            }
        }
        to.collect_seq(figures.values())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: Case = Case {
        question: Question::Kpps,
        direction: Direction::ZoneToZone,
        crowd: 2,
        way: Way::Bridge,
    };

    #[test]
    fn ratios_are_of_medians() {
        let mut figures = Figures::default();
        let vnic = Case { way: Way::Vnic, ..CASE };
        for (bridge, ours) in [(100.0, 110.0), (1.0, 120.0), (101.0, 999.0)] {
            figures.add(CASE, 2, bridge);
            figures.add(vnic, 4, ours);
        }
        assert_eq!(figures.ratio(Way::Vnic, CASE), Some(1.2));
        assert_eq!(figures.ratio(Way::Cni, CASE), None);
        let elsewhere = Case { crowd: 16, ..CASE };
        assert_eq!(figures.ratio(Way::Vnic, elsewhere), None);
    }

    #[test]
    fn the_file_has_every_round_and_every_ratio() {
        let mut figures = Figures::default();
        figures.add(CASE, 2, 200.0);
        figures.add(Case { way: Way::VnicAll, ..CASE }, 4, 250.000_04);
        let got = serde_json::to_value(&figures).unwrap();
        let want = serde_json::json!([{
            "question": "64-byte UDP, kpps",
            "direction": "zone-to-zone",
            "crowd": 2,
            "answers": {
                "bridge": {
                    "guests": 2, "median": 200.0, "ratio_to": {},
                    "rounds": [200.0]
                },
                "vnic-all": {
                    "guests": 4, "median": 250.0,
                    "ratio_to": { "bridge": 1.25 }, "rounds": [250.0]
                }
            }
        }]);
        assert_eq!(got, want);
    }
}
