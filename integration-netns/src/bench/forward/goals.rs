//! What the ways are to each other, and what the VNICs should be.

use serde::Serialize;

use super::case::{Case, Direction, Question, Way};
use super::figures::Figures;
use crate::bench::numbers::{Bound, rounded};

/// The ratio that is wanted of VNICs with all protections to a peer, in every
/// crowd and direction that has both.
#[derive(Clone, Copy, Debug)]
pub(super) struct Goal {
    pub(super) question: Question,
    pub(super) peer: Way,
    pub(super) bound: Bound,
}

pub(super) const GOALS: [Goal; 6] = [
    goal(Question::Kpps, Way::Bridge, Bound::AtLeast(1.15)),
    goal(Question::Kpps, Way::Macvlan, Bound::AtLeast(0.9)),
    goal(Question::Kpps, Way::BridgeNft, Bound::None),
    goal(Question::Kpps, Way::Cni, Bound::None),
    goal(Question::Gbps, Way::Bridge, Bound::AtLeast(1.0)),
    goal(Question::TripUs, Way::Veth, Bound::AtMost(1.1)),
];

const fn goal(question: Question, peer: Way, bound: Bound) -> Goal {
    Goal { question, peer, bound }
}

/// What the greatest crowd may add to the cost of a packet.
pub(super) const CROWD_COST: Bound = Bound::AtMost(1.05);

/// Whether a goal is met somewhere.
#[derive(Clone, Debug, Serialize)]
pub(super) struct Verdict {
    pub(super) goal: String,
    pub(super) direction: Direction,
    pub(super) crowd: usize,
    pub(super) ratio: f64,
    pub(super) bound: Bound,
    pub(super) met: bool,
}

/// Judges all goals wherever there are numbers.
pub(super) fn judge(figures: &Figures) -> Vec<Verdict> {
    let mut verdicts = Vec::new();
    for Goal { question, peer, bound } in GOALS {
        for direction in Direction::ALL {
            for crowd in figures.crowds() {
                let case = Case { question, direction, crowd, way: peer };
                let Some(ratio) = figures.ratio(Way::VnicAll, case) else {
                    continue;
                };
                let (us, them) = (Way::VnicAll.name(), peer.name());
                let goal = format!("{}: {us} / {them}", question.name());
                let met = bound.met(ratio);
                let verdict =
                    Verdict { goal, direction, crowd, ratio, bound, met };
                verdicts.push(verdict);
            }
        }
    }
    verdicts.extend(crowd_cost(figures));
    verdicts
}

/// The cost of a packet in the greatest crowd to that in the least.
///
/// Minutes lie between the two, in which the machine may have become another
/// one. So each cost is taken as a multiple of what a packet cost a bare veth
/// pair in the same rounds.
fn crowd_cost(figures: &Figures) -> Option<Verdict> {
    let crowds = figures.crowds();
    let (least, greatest) = (*crowds.first()?, *crowds.last()?);
    let direction = Direction::ZoneToZone;
    let speed = |crowd| {
        let (question, way) = (Question::Kpps, Way::Veth);
        figures.ratio(Way::VnicAll, Case { question, direction, crowd, way })
    };
    let ratio = rounded(speed(least)? / speed(greatest)?);
    let (bound, crowd) = (CROWD_COST, greatest);
    let goal = format!(
        "cost per packet with {greatest} VNICs / with {least}, each beside \
         the veth pair of its rounds"
    );
    let met = bound.met(ratio);
    Some(Verdict { goal, direction, crowd, ratio, bound, met })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures(numbers: &[(Question, usize, Way, f64)]) -> Figures {
        let mut figures = Figures::default();
        for (question, crowd, way, number) in numbers {
            let direction = Direction::ZoneToZone;
            let (question, crowd, way) = (*question, *crowd, *way);
            let case = Case { question, direction, crowd, way };
            figures.add(case, crowd, *number);
        }
        figures
    }

    #[test]
    fn a_goal_is_judged_where_both_were_measured() {
        let verdicts = judge(&figures(&[
            (Question::Kpps, 2, Way::Bridge, 200.0),
            (Question::Kpps, 2, Way::VnicAll, 240.0),
            (Question::Kpps, 4096, Way::VnicAll, 240.0),
            (Question::TripUs, 2, Way::Veth, 10.0),
            (Question::TripUs, 2, Way::VnicAll, 12.0),
        ]));
        let short =
            |verdict: &Verdict| (verdict.crowd, verdict.ratio, verdict.met);
        let got: Vec<_> = verdicts.iter().map(short).collect();
        assert_eq!(got, [(2, 1.2, true), (2, 1.2, false)], "{verdicts:?}");
    }

    #[test]
    fn a_machine_that_slows_down_is_not_the_crowds_fault() {
        let verdicts = judge(&figures(&[
            (Question::Kpps, 2, Way::Veth, 300.0),
            (Question::Kpps, 2, Way::VnicAll, 270.0),
            (Question::Kpps, 4096, Way::Veth, 200.0),
            (Question::Kpps, 4096, Way::VnicAll, 150.0),
        ]));
        let [verdict] = verdicts.as_slice() else {
            panic!("{verdicts:?}");
        };
        assert!((verdict.ratio - 1.2).abs() < 1e-9, "{verdict:?}");
        assert!(!verdict.met, "{verdict:?}");
    }
}
