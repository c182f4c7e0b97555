//! The tables: ways beside each other, caps side by side, goals at the end.

use std::fmt;

use serde::Serialize;

use super::case::{Cap, Case, Direction, Question, TABLES, Way};
use super::figures::Figures;
use super::flows::{Kpps, WANTED};
use super::goals::{Single, of_itself};
use super::plots::plots;
use crate::bench::Outcome;
use crate::bench::machine::Machine;
use crate::bench::numbers::median;
use crate::bench::verdict::Verdict;

/// What was measured.
#[derive(Debug, Serialize)]
pub(in crate::bench) struct Report {
    pub(super) machine: Machine,
    pub(super) rounds: usize,
    /// What a reader should know of the ways.
    pub(super) notes: Vec<String>,
    pub(super) goals: Vec<Verdict>,
    pub(super) figures: Figures,
    /// What a VNIC sends, by the flows that it has.
    pub(super) flows: Kpps,
    /// What only VNICs have.
    pub(super) singles: Vec<Single>,
}

/// The least width of a table's first column.
const HEAD: usize = 20;

impl Outcome for Report {
    fn plots(&self) -> Vec<(String, String)> {
        plots(&self.figures, &self.flows)
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, rounds, notes, .. } = self;
        writeln!(f, "Shaping: medians of {rounds} rounds in turns")?;
        writeln!(f, "{machine}")?;
        for note in notes {
            writeln!(f, "- {note}")?;
        }
        for (question, load) in TABLES {
            let caps = self.figures.caps(question, load);
            for direction in Direction::ALL {
                if caps.is_empty() {
                    continue;
                }
                let title = format!(
                    "{}, {}, {}",
                    question.name(),
                    load.name(),
                    direction.name()
                );
                writeln!(f, "\n{title}")?;
                let cell = |cap: &Cap| Some(cap.to_string());
                row(f, "cap", caps.iter().map(cell))?;
                for way in Way::ALL {
                    let cells = caps.iter().map(|cap| {
                        let cap = *cap;
                        let case = Case { question, load, direction, cap, way };
                        self.cell(case)
                    });
                    row(f, way.name(), cells)?;
                }
            }
        }
        self.flows(f)?;
        writeln!(f, "\nOf VNICs alone")?;
        for verdict in self.singles.iter().filter_map(Single::verdict) {
            writeln!(f, "{verdict}")?;
        }
        self.summary(f)
    }
}

impl Report {
    /// A median, a `!` before ours where it is not what is wanted of it, and
    /// `+N` behind a round trip where N of 1,000 probes were lost.
    fn cell(&self, case: Case) -> Option<String> {
        let median = self.figures.median(case)?;
        let wanted = of_itself(case.question);
        let missed = case.way == Way::Vnic && !wanted.met(median);
        let places = match case.question {
            Question::Goodput | Question::Wire => 3,
            _ => 2,
        };
        let mark = if missed { "!" } else { "" };
        let lost = Case { question: Question::TripLost, ..case };
        let lost = match case.question {
            Question::TripP99Ms => self.figures.median(lost).unwrap_or(0.0),
            _ => 0.0,
        };
        let lost =
            if lost > 0.0 { format!("+{lost:.0}") } else { String::new() };
        Some(format!("{mark}{median:.places$}{lost}"))
    }

    /// What flows cost.
    fn flows(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "\n64-byte frames from zone to zone, of a VNIC with flows"
        )?;
        let medians = self.flows.medians();
        let cells = medians.iter().map(|(count, _)| Some(count.to_string()));
        row(f, "flows", cells)?;
        let cells = medians.iter().map(|(_, kpps)| Some(format!("{kpps:.0}")));
        row(f, "kpps", cells)?;
        let cells = medians.iter().map(|(count, _)| {
            let cost = median(&self.flows.costs(*count))?;
            let missed = *count > 1 && cost > WANTED;
            Some(format!("{}{cost:.2}", if missed { "!" } else { "" }))
        });
        row(f, "cost / that with 1", cells)
    }

    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (met, missed): (Vec<_>, Vec<_>) =
            self.goals.iter().partition(|verdict| verdict.met);
        let (met, count) = (met.len(), missed.len());
        writeln!(f, "\nGoals: {met} met, {count} missed")?;
        missed.into_iter().try_for_each(|verdict| writeln!(f, "{verdict}"))
    }
}

fn row(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    cells: impl Iterator<Item = Option<String>>,
) -> fmt::Result {
    write!(f, "  {name:HEAD$}")?;
    for cell in cells {
        write!(f, " {:>10}", cell.as_deref().unwrap_or("n/a"))?;
    }
    writeln!(f)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::shape::case::Load;
    use crate::bench::shape::flows::example;

    #[test]
    fn a_cell_says_what_is_missed_and_what_is_lost() {
        let case = Case {
            question: Question::TripP99Ms,
            load: Load::Streams,
            direction: Direction::FromGuest,
            cap: Cap::mbps(100),
            way: Way::Vnic,
        };
        let lost = Question::TripLost;
        let peer = Case { way: Way::Incus, ..case };
        let mut figures = Figures::default();
        figures.add(case, 16.0);
        figures.add(peer, 320.0);
        figures.add(Case { question: lost, ..case }, 0.0);
        figures.add(Case { question: lost, ..peer }, 7.0);
        let report = Report {
            machine: Machine::this(),
            rounds: 1,
            notes: Vec::new(),
            goals: Vec::new(),
            figures,
            flows: example(),
            singles: Vec::new(),
        };
        let text = report.to_string();
        let costs = "cost / that with 1         0.91       1.00      !1.20\n";
        assert!(text.contains(costs), "{text}");
        for (case, want) in [
            (case, Some("!16.00")),
            (peer, Some("320.00+7")),
            (Case { way: Way::Cni, ..case }, None),
        ] {
            assert_eq!(report.cell(case).as_deref(), want, "{case:?}");
        }
    }
}
