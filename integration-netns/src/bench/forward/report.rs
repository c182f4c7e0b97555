//! The tables: ways beside each other, crowds side by side, goals below.

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

use super::case::{Case, Direction, Question, Way};
use super::figures::Figures;
use super::goals::{self, GOALS, Verdict};
use super::programs::RunTime;
use crate::bench::machine::Machine;
use crate::bench::numbers::Bound;

/// What was measured.
#[derive(Debug, Serialize)]
pub(in crate::bench) struct Report {
    pub(super) machine: Machine,
    pub(super) rounds: usize,
    pub(super) span_ms: u128,
    /// What a reader should know of the ways.
    pub(super) notes: Vec<String>,
    pub(super) goals: Vec<Verdict>,
    pub(super) figures: Figures,
    /// Instructions that the verifier walked through, by program.
    pub(super) verified: BTreeMap<String, u32>,
    /// With 64-byte UDP, in a round of its own.
    pub(super) run_times: Vec<RunTime>,
}

/// The least width of a table's first column.
const HEAD: usize = 34;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, rounds, span_ms, notes, .. } = self;
        writeln!(
            f,
            "Forwarding: medians of {rounds} rounds in turns, {span_ms} ms each"
        )?;
        writeln!(f, "{machine}")?;
        for note in notes {
            writeln!(f, "- {note}")?;
        }
        for question in Question::ALL {
            let asked = |direction: &Direction| question.asked(*direction);
            for direction in Direction::ALL.into_iter().filter(asked) {
                self.table(f, question, direction)?;
            }
        }
        self.programs(f)?;
        self.summary(f)
    }
}

impl Report {
    fn table(
        &self,
        f: &mut fmt::Formatter<'_>,
        question: Question,
        direction: Direction,
    ) -> fmt::Result {
        let crowds = self.figures.crowds();
        let title = format!("{}, {}", question.name(), direction.name());
        writeln!(f, "\n{title}")?;
        head(f, "guests", &crowds)?;
        for way in Way::ALL {
            let at = |crowd| Case { question, direction, crowd, way };
            let medians = crowds.iter().map(|crowd| {
                let median = self.figures.median(at(*crowd));
                median.map(|median| format!("{median:.2}"))
            });
            row(f, way.name(), medians)?;
        }
        for goal in GOALS.iter().filter(|goal| goal.question == question) {
            let name = format!("all / {}", goal.peer.name());
            let mut any = false;
            let ratios: Vec<_> = crowds
                .iter()
                .map(|crowd| {
                    let (crowd, way) = (*crowd, goal.peer);
                    let case = Case { question, direction, crowd, way };
                    let ratio = self.figures.ratio(Way::VnicAll, case)?;
                    any = true;
                    Some(judged(ratio, goal.bound))
                })
                .collect();
            if any {
                let name = format!("{name} {}", goal.bound.text());
                row(f, &name, ratios.into_iter())?;
            }
        }
        Ok(())
    }

    fn programs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "\nInstructions that the verifier walked through")?;
        for (program, instructions) in &self.verified {
            writeln!(f, "  {program:HEAD$} {instructions:>9}")?;
        }
        if self.run_times.is_empty() {
            return writeln!(f, "\nNo time was taken of programs");
        }
        let crowds = self.figures.crowds();
        writeln!(f, "\nOne run of a program with 64-byte UDP, ns")?;
        head(f, "guests", &crowds)?;
        for (direction, way, program) in self.timed() {
            let means = crowds.iter().map(|crowd| {
                let found = self.run_times.iter().find(|time| {
                    (time.crowd, time.direction, time.way, &*time.program)
                        == (*crowd, direction, way, program)
                });
                found.map(|time| format!("{:.0}", time.mean_ns))
            });
            let way = if way == Way::Vnic { "mac" } else { "all" };
            let name = format!("{}, {way}: {program}", direction.name());
            row(f, &name, means)?;
        }
        Ok(())
    }

    /// Where time was taken, each once.
    fn timed(&self) -> Vec<(Direction, Way, &str)> {
        let place = |time: &RunTime| (time.direction, time.way);
        let mut timed: Vec<_> = self
            .run_times
            .iter()
            .map(|time| (place(time).0, place(time).1, &*time.program))
            .collect();
        timed.sort_unstable();
        timed.dedup();
        timed
    }

    fn summary(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let bound = |verdict: &&Verdict| verdict.bound != Bound::None;
        let (met, missed): (Vec<_>, Vec<_>) =
            self.goals.iter().filter(bound).partition(|verdict| verdict.met);
        let (met, count) = (met.len(), missed.len());
        writeln!(f, "\nGoals: {met} met, {count} missed (marked !)")?;
        let cost = self.goals.iter().filter(|verdict| {
            verdict.met && verdict.bound == goals::CROWD_COST
        });
        for verdict in cost.chain(missed) {
            let Verdict { goal, direction, crowd, ratio, bound, .. } = verdict;
            writeln!(
                f,
                "  {} ({}), {}, {crowd} guests: {goal}",
                judged(*ratio, *bound),
                bound.text(),
                direction.name(),
            )?;
        }
        Ok(())
    }
}

fn judged(ratio: f64, bound: Bound) -> String {
    let mark = if bound.met(ratio) { "" } else { "!" };
    format!("{mark}{ratio:.2}")
}

fn head(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    crowds: &[usize],
) -> fmt::Result {
    row(f, name, crowds.iter().map(|crowd| Some(crowd.to_string())))
}

fn row(
    f: &mut fmt::Formatter<'_>,
    name: &str,
    cells: impl Iterator<Item = Option<String>>,
) -> fmt::Result {
    write!(f, "  {name:HEAD$}")?;
    for cell in cells {
        write!(f, " {:>9}", cell.as_deref().unwrap_or("n/a"))?;
    }
    writeln!(f)
}
