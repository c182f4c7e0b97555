//! All numbers of a run, and what stands for them.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Serialize, Serializer};

use super::case::{Case, Features, Question, Way};
use crate::bench::numbers::{median, rounded};

/// The answers to every case.
#[derive(Debug, Default)]
pub(super) struct Figures(BTreeMap<Case, Vec<f64>>);

/// The answers to a case as they are written to the file.
#[derive(Debug, Serialize)]
struct Figure {
    question: &'static str,
    features: Features,
    count: usize,
    way: Way,
    median: f64,
    #[serde(skip_serializing_if = "Option::is_none")]
    p99: Option<f64>,
    all: Vec<f64>,
}

impl Figures {
    /// Adds an answer.
    pub(super) fn add(&mut self, case: Case, answer: f64) {
        self.0.entry(case).or_default().push(answer);
    }

    /// For how many VNICs a question was asked, in ascending order.
    pub(super) fn counts(
        &self,
        question: Question,
        features: Features,
    ) -> Vec<usize> {
        let asked = |case: &&Case| {
            case.question == question && case.features == features
        };
        let counts = self.0.keys().filter(asked).map(|case| case.count);
        counts.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The middle one of a case's answers.
    pub(super) fn median(&self, case: Case) -> Option<f64> {
        median(self.0.get(&case)?)
    }

    /// The one that 99 of 100 are not above.
    pub(super) fn p99(&self, case: Case) -> Option<f64> {
        p99(self.0.get(&case)?)
    }

    /// How many times as much one way takes as another.
    pub(super) fn ratio(&self, case: Case, to: Way) -> Option<f64> {
        let to = Case { way: to, ..case };
        Some(self.median(case)? / self.median(to)?)
    }
}

fn p99(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let last = values.len().checked_sub(1)?;
    values.get((last * 99).div_ceil(100)).copied()
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_seq(self.0.iter().map(|(case, all)| {
            let Case { question, features, count, way } = *case;
            let tail = question.has_tail();
            Figure {
                question: question.name(),
                features,
                count,
                way,
                median: rounded(median(all).unwrap_or_default()),
                p99: p99(all).filter(|_| tail).map(rounded),
                all: all.iter().copied().map(rounded).collect(),
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slowest_of_a_hundred_counts() {
        let upto = |last: u32| (1..=last).map(f64::from).collect::<Vec<_>>();
        for (last, want) in
            [(0, None), (1, Some(1.0)), (100, Some(100.0)), (200, Some(199.0))]
        {
            assert_eq!(p99(&upto(last)), want, "{last}");
        }
    }

    #[test]
    fn the_file_has_all_answers() {
        let case = Case {
            question: Question::SingleCreate,
            features: Features::Maxbw,
            count: 4096,
            way: Way::NetdEach,
        };
        let many = Case { question: Question::Create, ..case };
        let mut figures = Figures::default();
        for answer in [3.0, 1.000_04, 9.0] {
            figures.add(case, answer);
        }
        figures.add(many, 2.0);
        figures.add(Case { way: Way::Batch, ..many }, 0.5);
        assert_eq!(figures.ratio(many, Way::Batch), Some(4.0));
        assert_eq!(figures.ratio(many, Way::Cni), None);
        let counts = figures.counts(Question::Create, Features::Maxbw);
        assert_eq!(counts, [4096]);
        let got = serde_json::to_value(&figures).unwrap();
        let want = serde_json::json!({
            "question": "create one beside so many, ms",
            "features": "maxbw", "count": 4096, "way": "netd-each",
            "median": 3.0, "p99": 9.0, "all": [3.0, 1.0, 9.0]
        });
        assert_eq!(got[0], want);
        assert!(got[1]["p99"].is_null(), "{got}");
    }
}
