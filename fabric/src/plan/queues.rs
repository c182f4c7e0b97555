//! What is done to queues, and when.
//!
//! A row may send frames into a class from the moment when it is written, and
//! until it is written anew. So classes are added and changed before all rows,
//! those of a host end that is yet to be made right after it, and deleted last.
//! The same goes for shapers.

use std::collections::BTreeSet;

use super::Step;
use crate::shaping::{QueueStep, QueueTree, Shaper, Shaping};
use crate::{LinkName, Observed, ObservedProgram, Program};

/// What to do to queues, in the order of the parts of a plan.
#[derive(Debug, Default)]
pub(super) struct Queues {
    /// Before any row.
    pub(super) before: Vec<Step>,
    /// When all links are there, before the rows that come.
    pub(super) built: Vec<Step>,
    /// After the rows that come: programs of shapers for newer ones.
    pub(super) exchanged: Vec<Step>,
    /// After all rows, and after all programs.
    pub(super) after: Vec<Step>,
}

/// Works it out. `missing` are host ends that are yet to be made.
pub(super) fn queues(
    shaping: &Shaping,
    missing: &BTreeSet<LinkName>,
    observed: &Observed,
) -> Queues {
    let mut queues = Queues::default();
    for (link, tree) in &shaping.queues {
        if let Some(shaper) = Shaper::of_near_end(link) {
            let over = shaping.shapers.get(&shaper).cloned();
            let (exchanged, before): (Vec<_>, Vec<_>) =
                open(shaper, over, observed).into_iter().partition(exchanges);
            queues.before.extend(before);
            queues.exchanged.extend(exchanged);
        }
        let (late, early): (Vec<QueueStep>, Vec<_>) =
            steps(link, tree, observed).partition(QueueStep::takes_away);
        let step = |step| Step::Queue { link: link.clone(), step };
        let place = match missing.contains(link) {
            true => &mut queues.built,
            false => &mut queues.before,
        };
        place.extend(early.into_iter().map(step));
        queues.after.extend(late.into_iter().map(step));
    }
    let unwanted = observed.shaper_ends.keys();
    let unwanted = unwanted.filter(|link| !shaping.queues.contains_key(*link));
    let unwanted = unwanted.filter_map(Shaper::of_near_end);
    queues.after.extend(unwanted.flat_map(|shaper| close(shaper, observed)));
    queues
}

/// The changes to a link's queues. It may have been made in this plan.
fn steps(
    link: &LinkName,
    tree: &QueueTree,
    observed: &Observed,
) -> impl Iterator<Item = QueueStep> {
    let new = QueueTree::default();
    let made = Shaper::of_near_end(link).is_some()
        && !observed.shaper_ends.contains_key(link);
    let there = observed.queues.get(link).or(made.then_some(&new));
    // A root that can't be built on is none of ours.
    let steps = tree.steps(there).or_else(|_| tree.steps(None));
    steps.unwrap_or_default().into_iter()
}

/// Whether a step puts a program in the place of an older one.
fn exchanges(step: &Step) -> bool {
    matches!(step, Step::Attach { replace: true, .. })
}

/// Takes away a shaper that no frame passes any more, a step at a time: each can
/// be taken back.
fn close(shaper: Shaper, observed: &Observed) -> Vec<Step> {
    let (near, far) = (shaper.near_end(), shaper.far_end());
    let mut steps: Vec<Step> = Vec::new();
    if let Some(there) = observed.queues.get(&near) {
        // A root that is none of ours goes with the shaper, and so do its
        // classes.
        let none = QueueTree::default();
        let classes = none.steps(Some(there)).unwrap_or_default().into_iter();
        let link = || near.clone();
        steps.extend(classes.map(|step| Step::Queue { link: link(), step }));
    }
    for link in [&near, &far] {
        if observed.shaper_ends.get(link) == Some(&true) {
            steps.push(Step::LinkDown { link: link.clone() });
        }
    }
    let program = Program::FromShaper;
    let hook = (far, program);
    if observed.programs.contains_key(&hook) {
        let (link, program) = hook;
        steps.push(Step::Detach { link, program });
    }
    steps.push(Step::DeleteShaper { shaper });
    steps
}

/// Makes a shaper that frames can pass.
fn open(
    shaper: Shaper,
    over: Option<LinkName>,
    observed: &Observed,
) -> Vec<Step> {
    let (near, far) = (shaper.near_end(), shaper.far_end());
    let mut steps = Vec::new();
    if !observed.shaper_ends.contains_key(&near) {
        steps.push(Step::CreateShaper { shaper, over });
    }
    let program = Program::FromShaper;
    let hook = (far.clone(), program);
    let replace = match observed.programs.get(&hook) {
        Some(ObservedProgram::Current) => None,
        Some(ObservedProgram::Outdated) => Some(true),
        None => Some(false),
    };
    let link = far.clone();
    steps.extend(replace.map(|replace| Step::Attach {
        link,
        program,
        replace,
    }));
    for link in [far, near] {
        if observed.shaper_ends.get(&link) != Some(&true) {
            steps.push(Step::LinkUp { link });
        }
    }
    steps
}
