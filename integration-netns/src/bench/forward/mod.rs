//! What a packet costs from zone to zone, beside other ways to connect them.
//!
//! ```text
//!   a [net0 .10] ──┐
//!                  host: one of the ways ── a crowd of other guests
//!   b [net0 .11] ──┘
//! ```
//!
//! In each round every way takes its turn at every question, so that what the
//! machine does meanwhile falls on all of them alike.

mod load;
mod way;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::machine::Machine;
use crate::{Lab, LabError};
use load::Pair;
use way::{Rig, Way};

/// The first round warms up and is not counted.
const ROUNDS: usize = 6;

/// Guests on the host, the two that talk among them.
const CROWDS: [usize; 3] = [2, 64, 512];

/// A question, its unit and how to ask it.
type Question = (&'static str, fn(&Pair<'_>) -> f64);

const QUESTIONS: [Question; 3] = [
    ("64-byte UDP, kpps", |pair| pair.kpps()),
    ("one TCP stream, Gbit/s", |pair| pair.gbps()),
    ("UDP round trip, us", |pair| pair.trip_us()),
];

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    machine: Machine,
    rounds: usize,
    figures: Vec<Figure>,
}

/// The answers to one question in one crowd.
#[derive(Debug, Serialize)]
struct Figure {
    guests: usize,
    question: &'static str,
    answers: BTreeMap<Way, Answer>,
}

#[derive(Debug, Serialize)]
struct Answer {
    median: f64,
    /// Of the median to that of the bridge without rules.
    ratio_to_bridge: f64,
    /// Each round's.
    rounds: Vec<f64>,
}

/// Measures all ways in turns.
pub(super) fn measure(machine: Machine) -> Result<Report, LabError> {
    let lab = Lab::open()?;
    let mut rigs = Way::ALL.map(|way| (way, Rig::new(&lab, way)));
    let mut figures = Vec::new();
    for guests in CROWDS {
        for (_, rig) in &mut rigs {
            rig.crowd_to(guests);
        }
        let mut all: BTreeMap<(usize, Way), Vec<f64>> = BTreeMap::new();
        for round in 0..ROUNDS {
            for (number, (_, ask)) in QUESTIONS.iter().enumerate() {
                for (way, rig) in &rigs {
                    let answer = ask(&rig.pair());
                    if round > 0 {
                        all.entry((number, *way)).or_default().push(answer);
                    }
                }
            }
        }
        for (number, (question, _)) in QUESTIONS.iter().enumerate() {
            let median_of = |way| median(&all[&(number, way)]);
            let bridge = median_of(Way::Bridge);
            let answers = Way::ALL.map(|way| {
                let median = median_of(way);
                let ratio_to_bridge = rounded(median / bridge);
                let rounds =
                    all[&(number, way)].iter().copied().map(rounded).collect();
                let median = rounded(median);
                (way, Answer { median, ratio_to_bridge, rounds })
            });
            let answers = answers.into();
            figures.push(Figure { guests, question, answers });
        }
    }
    Ok(Report { machine, rounds: ROUNDS - 1, figures })
}

fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, rounds, figures } = self;
        writeln!(
            f,
            "From zone to zone, medians of {rounds} rounds in turns\n"
        )?;
        writeln!(f, "{machine}")?;
        for Figure { guests, question, answers } in figures {
            writeln!(f, "\n{question}, {guests} guests")?;
            for (way, answer) in answers {
                let Answer { median, ratio_to_bridge, .. } = answer;
                writeln!(
                    f,
                    "  {:24} {median:>9.2}  {ratio_to_bridge:>6.2} x bridge",
                    way.name()
                )?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_median_is_the_middle_one() {
        assert!((median(&[9.0, 1.0, 5.0]) - 5.0).abs() < f64::EPSILON);
    }
}
