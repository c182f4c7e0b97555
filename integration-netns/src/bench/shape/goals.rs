//! What a capped VNIC should do, by itself and beside the peers.

use serde::Serialize;

use super::case::{Case, Question, Way};
use super::figures::Figures;
use crate::bench::numbers::{Bound, median, rounded};
use crate::bench::verdict::Verdict;

/// What is wanted of the number itself.
pub(super) fn of_itself(question: Question) -> Bound {
    match question {
        // As much as a cap promises, to two places, and no more.
        Question::Goodput => Bound::Within(0.99, 1.005),
        Question::Wire => Bound::Within(0.99, 1.01),
        Question::TripP99Ms => Bound::AtMost(15.0),
        Question::Again | Question::TripMs | Question::TripLost => Bound::None,
    }
}

/// What is wanted of its ratio to a peer's.
fn beside(question: Question, peer: Way, case: Case) -> Bound {
    match question {
        Question::Again if peer.polices(case.direction) => Bound::AtMost(0.1),
        Question::TripP99Ms => Bound::AtMost(1.0),
        _ => Bound::None,
    }
}

/// What is less stands for none, where something is divided by it.
const NONE: f64 = 0.001;

/// Judges all goals wherever there are numbers.
pub(super) fn judge(figures: &Figures, singles: &[Single]) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for case in figures.of(Way::Vnic) {
        let Some(ours) = figures.median(case) else { continue };
        let place = format!(
            "{}, {}, {}, {}",
            case.question.name(),
            case.load.name(),
            case.direction.name(),
            case.cap
        );
        let bound = of_itself(case.question);
        if bound != Bound::None {
            verdicts.push(Verdict::new(place.clone(), ours, bound));
        }
        for peer in Way::PEERS {
            let bound = beside(case.question, peer, case);
            let theirs = figures.median(Case { way: peer, ..case });
            if let (Some(theirs), true) = (theirs, bound != Bound::None) {
                let goal = format!("{place}: VNIC / {}", peer.name());
                let ratio = ours / theirs.max(NONE);
                verdicts.push(Verdict::new(goal, ratio, bound));
            }
        }
    }
    verdicts.extend(singles.iter().filter_map(Single::verdict));
    verdicts
}

/// A number that only VNICs have.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Single {
    pub(super) name: String,
    bound: Bound,
    rounds: Vec<f64>,
}

impl Single {
    pub(super) fn new(name: String, bound: Bound) -> Self {
        Self { name, bound, rounds: Vec::new() }
    }

    /// Adds a round's answer.
    pub(super) fn add(&mut self, answer: f64) {
        self.rounds.push(rounded(answer));
    }

    /// None where nothing was measured.
    pub(super) fn verdict(&self) -> Option<Verdict> {
        let Self { name, bound, rounds } = self;
        Some(Verdict::new(name.clone(), median(rounds)?, *bound))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::shape::case::{Cap, Direction, Load};

    fn judged(
        question: Question,
        direction: Direction,
        numbers: &[(Way, f64)],
    ) -> Vec<(f64, bool)> {
        let mut figures = Figures::default();
        for (way, number) in numbers {
            let (load, cap, way) = (Load::Streams, Cap::mbps(100), *way);
            let case = Case { question, load, direction, cap, way };
            figures.add(case, *number);
        }
        let verdicts = judge(&figures, &[]);
        verdicts.iter().map(|verdict| (verdict.number, verdict.met)).collect()
    }

    #[test]
    fn ours_is_judged_by_itself() {
        for (question, number, want) in [
            (Question::Goodput, 0.99, Some(true)),
            (Question::Goodput, 0.989, Some(false)),
            (Question::Goodput, 1.006, Some(false)),
            (Question::Wire, 1.01, Some(true)),
            (Question::Wire, 1.011, Some(false)),
            (Question::TripP99Ms, 15.0, Some(true)),
            (Question::TripP99Ms, 15.1, Some(false)),
            (Question::TripMs, 99.0, None),
            (Question::Again, 99.0, None),
        ] {
            let from = Direction::FromGuest;
            let got = judged(question, from, &[(Way::Vnic, number)]);
            let got = got.first().map(|(_, met)| *met);
            assert_eq!(got, want, "{question:?} {number}");
            // Nobody promised anything of the peers.
            assert_eq!(judged(question, from, &[(Way::Cni, number)]), []);
        }
    }

    #[test]
    fn streams_send_less_again_than_where_they_are_policed() {
        use Direction::{FromGuest, ToGuest};
        for (direction, ours, incus, want) in [
            (FromGuest, 1.0, 10.0, &[(0.1, true)][..]),
            (FromGuest, 1.1, 10.0, &[(0.11, false)]),
            (FromGuest, 0.0, 0.0, &[(0.0, true)]),
            (FromGuest, 0.5, 0.0, &[(500.0, false)]),
            (ToGuest, 9.0, 1.0, &[]),
        ] {
            let numbers = [(Way::Vnic, ours), (Way::Incus, incus)];
            let got = judged(Question::Again, direction, &numbers);
            assert_eq!(got, want, "{direction:?} {ours} {incus}");
        }
    }

    #[test]
    fn a_round_trip_is_better_than_every_peers() {
        let numbers = [(Way::Vnic, 10.0), (Way::Cni, 20.0), (Way::Incus, 8.0)];
        let got = judged(Question::TripP99Ms, Direction::ToGuest, &numbers);
        assert_eq!(got, [(10.0, true), (0.5, true), (1.25, false)]);
    }

    #[test]
    fn what_only_we_have_is_judged_if_it_was_measured() {
        let bound = Bound::AtLeast(0.98);
        let mut single = Single::new("x".to_owned(), bound);
        assert_eq!(single.verdict(), None);
        for (answer, met) in [(0.9, false), (0.98, false), (2.0, true)] {
            single.add(answer);
            assert_eq!(single.verdict().unwrap().met, met, "{answer}");
        }
    }
}
