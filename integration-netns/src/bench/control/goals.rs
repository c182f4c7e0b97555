//! What netd should take, by itself and beside others.

use super::case::{Case, Features, Question, Way};
use super::figures::Figures;
use crate::bench::numbers::Bound;
use crate::bench::verdict::Verdict;

/// What is wanted of the ratio of two ways.
struct Beside {
    question: Question,
    /// Who should take at most or at least so many times as long as whom.
    ways: [Way; 2],
    bound: Bound,
}

const BESIDE: [Beside; 9] = [
    beside(Question::Create, [Way::NetdBatch, Way::Batch], Bound::AtMost(1.5)),
    beside(
        Question::SingleCreate,
        [Way::Cni, Way::NetdEach],
        Bound::AtLeast(10.0),
    ),
    beside(
        Question::PeersCreate,
        [Way::Cni, Way::NetdEach],
        Bound::AtLeast(10.0),
    ),
    beside(Question::PeersCreate, [Way::Netavark, Way::NetdEach], Bound::None),
    beside(
        Question::PeersCreate,
        [Way::NetdBatch, Way::Batch],
        Bound::AtMost(1.5),
    ),
    beside(Question::Delete, [Way::Ip, Way::NetdBatch], Bound::AtLeast(20.0)),
    beside(Question::Cap, [Way::NetdBatch, Way::Batch], Bound::None),
    beside(Question::Recap, [Way::NetdBatch, Way::Batch], Bound::None),
    beside(Question::PacketAnswered, [Way::NetdEach, Way::Ip], Bound::None),
];

const fn beside(question: Question, ways: [Way; 2], bound: Bound) -> Beside {
    Beside { question, ways, bound }
}

/// What is wanted of a number itself: of the middle one, and of the one that 99
/// of 100 are not above.
pub(super) fn of_itself(question: Question) -> [Bound; 2] {
    match question {
        Question::SingleCreate => [Bound::AtMost(5.0), Bound::AtMost(15.0)],
        Question::StartAnswered | Question::StartHealthy => {
            [Bound::AtMost(2.0), Bound::None]
        }
        Question::IdleCpu => [Bound::AtMost(0.1), Bound::None],
        Question::RssMade | Question::Rss => [Bound::AtMost(40.0), Bound::None],
        _ => [Bound::None; 2],
    }
}

/// Judges all goals wherever there are numbers.
pub(super) fn judge(figures: &Figures) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for question in Question::ALL {
        for features in Features::ALL {
            for count in figures.counts(question, features) {
                let way = Way::NetdEach;
                let case = Case { question, features, count, way };
                verdicts.extend(itself(figures, case));
                verdicts.extend(ratios(figures, case));
            }
        }
    }
    verdicts
}

fn title(case: Case) -> String {
    let Case { question, features, count, .. } = case;
    format!("{}, {count} with {}", question.name(), features.name())
}

fn itself(figures: &Figures, case: Case) -> Vec<Verdict> {
    let [middle, slow] = of_itself(case.question);
    let numbers = [
        ("median", figures.median(case), middle),
        ("p99", figures.p99(case), slow),
    ];
    let verdict = |(what, number, bound): (&str, Option<f64>, Bound)| {
        let goal = format!("{}, {what}", title(case));
        (bound != Bound::None)
            .then(|| Some(Verdict::new(goal, number?, bound)))
            .flatten()
    };
    numbers.into_iter().filter_map(verdict).collect()
}

fn ratios(figures: &Figures, case: Case) -> Vec<Verdict> {
    // The first pays the kernel's grace period, in a batch or not.
    if case.question == Question::Delete && case.count == 1 {
        return Vec::new();
    }
    let asked = BESIDE.iter().filter(|it| it.question == case.question);
    let verdict = |it: &Beside| {
        let [way, to] = it.ways;
        let ratio = figures.ratio(Case { way, ..case }, to)?;
        let (way, to) = (way.name(), to.name());
        let goal = format!("{}: {way} / {to}", title(case));
        Some(Verdict::new(goal, ratio, it.bound))
    };
    asked.filter_map(verdict).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const CASE: Case = Case {
        question: Question::Create,
        features: Features::Plain,
        count: 100,
        way: Way::NetdBatch,
    };

    fn verdicts(numbers: &[(Question, Way, f64)]) -> Vec<(f64, bool)> {
        let mut figures = Figures::default();
        for (question, way, number) in numbers {
            let case = Case { question: *question, way: *way, ..CASE };
            figures.add(case, *number);
        }
        judge(&figures).iter().map(|it| (it.number, it.met)).collect()
    }

    #[test]
    fn goals_are_judged_where_both_were_measured() {
        use Question::{Create, Delete, Rss, SingleCreate};
        use Way::{Batch, Cni, Ip, NetdBatch, NetdEach};
        for (title, numbers, want) in [
            (
                "a batch as dear as it may be",
                &[(Create, NetdBatch, 1.5), (Create, Batch, 1.0)][..],
                &[(1.5, true)][..],
            ),
            ("with nothing beside it", &[(Create, NetdBatch, 1.5)], &[]),
            (
                "one that is quick, and not quick enough",
                &[(SingleCreate, NetdEach, 5.1), (SingleCreate, Cni, 50.0)],
                &[(5.1, false), (5.1, true), (9.804, false)],
            ),
            (
                "a quick end",
                &[(Delete, NetdBatch, 1.0), (Delete, Ip, 21.0)],
                &[(21.0, true)],
            ),
            ("too much memory", &[(Rss, NetdEach, 40.1)], &[(40.1, false)]),
        ] {
            assert_eq!(verdicts(numbers), want, "{title}");
        }
    }
}
