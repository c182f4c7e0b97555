//! All numbers of a run, and what stands for them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::case::{Cap, Case, Direction, Load, Question, Way};
use crate::bench::numbers::{median, rounded};

/// The answers of every round to every case.
#[derive(Debug, Default)]
pub(super) struct Figures(BTreeMap<Case, Vec<f64>>);

/// The cell of a table as it is written to the file.
#[derive(Debug, Serialize)]
struct Cell {
    median: f64,
    rounds: Vec<f64>,
}

/// The answers to one question about one load and cap.
#[derive(Debug, Serialize)]
struct Figure {
    question: &'static str,
    load: Load,
    direction: Direction,
    cap: Cap,
    answers: BTreeMap<Way, Cell>,
}

impl Figures {
    /// Adds a round's answer.
    pub(super) fn add(&mut self, case: Case, answer: f64) {
        self.0.entry(case).or_default().push(answer);
    }

    /// The caps under which a question was asked about a load, in ascending
    /// order.
    pub(super) fn caps(&self, question: Question, load: Load) -> Vec<Cap> {
        let asked = self
            .0
            .keys()
            .filter(|case| (case.question, case.load) == (question, load));
        asked
            .map(|case| case.cap)
            .collect::<BTreeSet<_>>()
            .into_iter()
            .collect()
    }

    /// The median of a case's rounds, if it was measured.
    pub(super) fn median(&self, case: Case) -> Option<f64> {
        median(self.0.get(&case)?)
    }

    /// All cases of a way.
    pub(super) fn of(&self, way: Way) -> impl Iterator<Item = Case> {
        self.0.keys().copied().filter(move |case| case.way == way)
    }
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        let mut figures: BTreeMap<_, Figure> = BTreeMap::new();
        for (case, rounds) in &self.0 {
            let Case { question, load, direction, cap, way } = *case;
            let (place, question) =
                ((question, load, direction, cap), question.name());
            let figure = figures.entry(place).or_insert_with(|| {
                let answers = BTreeMap::new();
                Figure { question, load, direction, cap, answers }
            });
            if let Some(median) = median(rounds) {
                let rounds = rounds.iter().copied().map(rounded).collect();
                let cell = Cell { median: rounded(median), rounds };
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
        question: Question::Goodput,
        load: Load::Stream,
        direction: Direction::FromGuest,
        cap: Cap::mbps(10),
        way: Way::Cni,
    };

    #[test]
    fn caps_are_those_that_were_asked_about() {
        let mut figures = Figures::default();
        for cap in [1000, 10, 100, 10] {
            figures.add(Case { cap: Cap::mbps(cap), ..CASE }, 1.0);
        }
        let other = Case { load: Load::Streams, cap: Cap::mbps(1), ..CASE };
        figures.add(other, 1.0);
        let caps = figures.caps(Question::Goodput, Load::Stream);
        assert_eq!(caps, [10, 100, 1000].map(Cap::mbps));
        assert!(figures.caps(Question::Wire, Load::Stream).is_empty());
    }

    #[test]
    fn the_file_has_every_round() {
        let mut figures = Figures::default();
        for answer in [0.98, 0.900_04, 1.0] {
            figures.add(CASE, answer);
        }
        figures.add(Case { way: Way::Vnic, ..CASE }, 0.99);
        let got = serde_json::to_value(&figures).unwrap();
        let want = serde_json::json!([{
            "question": "goodput / what headers leave of the cap",
            "load": "stream",
            "direction": "from-guest",
            "cap": "10M",
            "answers": {
                "vnic": { "median": 0.99, "rounds": [0.99] },
                "cni": { "median": 0.98, "rounds": [0.98, 0.9, 1.0] }
            }
        }]);
        assert_eq!(got, want);
    }
}
