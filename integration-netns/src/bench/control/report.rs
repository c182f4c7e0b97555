//! The tables: ways below each other, numbers of VNICs side by side, goals at
//! the end.

use std::fmt;

use serde::Serialize;

use super::case::{Case, Features, Question, Way};
use super::figures::Figures;
use super::goals::of_itself;
use super::model::Model;
use crate::bench::Outcome;
use crate::bench::machine::Machine;
use crate::bench::numbers::Bound;
use crate::bench::verdict::Verdict;

/// What was measured.
#[derive(Debug, Serialize)]
pub(in crate::bench) struct Report {
    pub(super) machine: Machine,
    /// What a reader should know.
    pub(super) notes: Vec<String>,
    pub(super) goals: Vec<Verdict>,
    pub(super) figures: Figures,
}

impl Outcome for Report {}

/// What a reader should know of the ways.
pub(super) fn notes(model: &Model) -> Vec<String> {
    let filter = if model.filters { ", `bridge -batch`" } else { "" };
    let queue = model.queue.split(' ').next().unwrap_or_default();
    vec![
        format!(
            "ip -batch, tc -batch{filter}: a veth pair with its peer born in \
             the zone, alias, three sysctls, netd's own program on a clsact, \
             up; for maxbw HTB with two classes and {queue} each way"
        ),
        "netd writes its tables, its store and checks besides; a connection \
         for each request"
            .to_owned(),
        "ip, one by one: a process for each".to_owned(),
        "CNI: bridge with macspoofchk, and bandwidth for maxbw; netavark: an \
         internal bridge, no maxbw; both beside none of theirs where one is \
         made"
            .to_owned(),
    ]
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, notes, .. } = self;
        writeln!(f, "VNICs come, change and go: medians, in turns")?;
        writeln!(f, "{machine}")?;
        for note in notes {
            writeln!(f, "- {note}")?;
        }
        for question in Question::ALL {
            for features in Features::ALL {
                self.table(f, question, features, false)?;
                if question.has_tail() {
                    self.table(f, question, features, true)?;
                }
            }
        }
        let missed = self.goals.iter().filter(|verdict| !verdict.met).count();
        let judged = |verdict: &&Verdict| verdict.bound != Bound::None;
        let met = self.goals.iter().filter(judged).count() - missed;
        writeln!(f, "\nGoals: {met} met, {missed} missed (!)")?;
        self.goals.iter().try_for_each(|verdict| writeln!(f, "{verdict}"))
    }
}

impl Report {
    fn table(
        &self,
        f: &mut fmt::Formatter<'_>,
        question: Question,
        features: Features,
        tail: bool,
    ) -> fmt::Result {
        let counts = self.figures.counts(question, features);
        if counts.is_empty() {
            return Ok(());
        }
        let what = if tail { ", p99" } else { "" };
        let title = format!("{}, {}{what}", question.name(), features.name());
        writeln!(f, "\n{title}")?;
        write!(f, "  {:22}", "VNICs")?;
        for count in &counts {
            write!(f, " {count:>9}")?;
        }
        writeln!(f)?;
        for way in Way::ALL {
            let cell = |&count: &usize| {
                let case = Case { question, features, count, way };
                self.cell(case, tail)
            };
            let cells: Vec<_> = counts.iter().map(cell).collect();
            if cells.iter().all(Option::is_none) {
                continue;
            }
            write!(f, "  {:22}", way.name())?;
            for cell in cells {
                write!(f, " {:>9}", cell.as_deref().unwrap_or("n/a"))?;
            }
            writeln!(f)?;
        }
        Ok(())
    }

    /// A number, with a `!` before ours where it is not what is wanted of it.
    fn cell(&self, case: Case, tail: bool) -> Option<String> {
        let [middle, slow] = of_itself(case.question);
        let (number, bound) = if tail {
            (self.figures.p99(case)?, slow)
        } else {
            (self.figures.median(case)?, middle)
        };
        let missed = case.way == Way::NetdEach && !bound.met(number);
        let mark = if missed { "!" } else { "" };
        Some(format!("{mark}{number:.2}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_says_what_is_missed() {
        let netd = Case {
            question: Question::SingleCreate,
            features: Features::Plain,
            count: 1,
            way: Way::NetdEach,
        };
        let mut figures = Figures::default();
        figures.add(netd, 2.0);
        figures.add(Case { count: 4096, ..netd }, 15.5);
        figures.add(Case { way: Way::Cni, ..netd }, 50.0);
        let goals = super::super::goals::judge(&figures);
        let (machine, notes) = (Machine::this(), Vec::new());
        let text = Report { machine, notes, goals, figures }.to_string();
        for want in [
            "\ncreate one beside so many, ms, no maxbw\n\
             \x20 VNICs                          1      4096\n\
             \x20 netd, one by one            2.00    !15.50\n\
             \x20 CNI                        50.00       n/a\n",
            "\ncreate one beside so many, ms, no maxbw, p99\n",
            "\nGoals: 3 met, 2 missed (!)\n",
            "\n  !15.500 (<= 15.00): create one beside so many, ms, 4096 with \
             no maxbw, p99\n",
        ] {
            assert!(text.contains(want), "{want}\n{text}");
        }
    }
}
