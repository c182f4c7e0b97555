//! Carrying a plan out, and back.

use fabric::shaping::{ClassId, QueueStep};
use fabric::{LinkName, ModelError, Observed, Plan, Step};

use crate::failpoint::{self, Place};
use crate::kernel::{Kernel, KernelError};

/// A plan that could not be carried out. What had been done of it was taken
/// back, as far as it can be.
#[derive(Debug, thiserror::Error)]
#[error("cannot {step}")]
pub struct ApplyError {
    /// The step that failed.
    pub step: Box<Step>,
    /// Why.
    #[source]
    pub source: KernelError,
    /// Steps that could not be taken back either, each with its reason. The
    /// kernel's state is then neither the old nor the new one.
    pub stuck: Vec<String>,
}

impl ApplyError {
    /// The link whose driver would not accept a further address.
    #[must_use]
    pub fn refused_by(&self) -> Option<&LinkName> {
        match self.step.as_ref() {
            Step::AcceptUnicast { link, .. }
                if self.source.is_filter_refusal() =>
            {
                Some(link)
            }
            _ => None,
        }
    }
}

/// Makes the changes of a plan in order. After a failure the changes already
/// made are taken back in reverse order; all that can be taken back is, even
/// when some of it can't.
///
/// `observed` follows what was really done.
///
/// # Errors
/// [`ApplyError`] names the step that failed.
pub async fn apply(
    kernel: &mut Kernel,
    plan: &Plan,
    observed: &mut Observed,
) -> Result<(), ApplyError> {
    let steps = &plan.steps;
    let mut at = 0;
    let mut drained = false;
    while at < steps.len() {
        // They come last, so one wait is for all of them.
        if !drained && leaf(&steps[at]).is_some() {
            let going: Vec<_> = steps[at..].iter().filter_map(leaf).collect();
            failpoint::before(Place::Drain);
            kernel.drain(&going).await;
            failpoint::after(Place::Drain);
            drained = true;
        }
        let doomed = doomed(&steps[at..]);
        failpoint::before(&steps[at]);
        let done = if doomed.len() > 1 {
            kernel.delete_pairs(&doomed).await
        } else {
            kernel.step(&steps[at]).await
        };
        failpoint::after(&steps[at]);
        if let Err(source) = done {
            let step = Box::new(steps[at].clone());
            let stuck = take_back(kernel, &steps[..at], observed).await;
            return Err(ApplyError { step, source, stuck });
        }
        let count = doomed.len().max(1);
        for step in &steps[at..at + count] {
            tracing::debug!(%step, "applied");
        }
        if doomed.is_empty() {
            follow(observed, &steps[at]);
        } else if let Err(error) = observed.delete(&doomed.iter().collect()) {
            stale(&steps[at], &error);
        }
        at += count;
    }
    Ok(())
}

/// The leaf that a step deletes, with what waits in it.
fn leaf(step: &Step) -> Option<(LinkName, ClassId)> {
    match step {
        Step::Queue { link, step: QueueStep::DeleteClass { id, class } } => {
            class.leaf.as_ref().map(|_| (link.clone(), *id))
        }
        _ => None,
    }
}

/// The links that a run of deletions at the start of `steps` names.
fn doomed(steps: &[Step]) -> Vec<LinkName> {
    let deletion = |step: &Step| match step {
        Step::DeletePair { link } => Some(link.clone()),
        _ => None,
    };
    steps.iter().map_while(deletion).collect()
}

async fn take_back(
    kernel: &mut Kernel,
    done: &[Step],
    observed: &mut Observed,
) -> Vec<String> {
    let mut stuck = Vec::new();
    for undo in Step::undo_all(done) {
        failpoint::before(&undo);
        let undone = kernel.step(&undo).await;
        failpoint::after(&undo);
        match undone {
            Ok(()) => follow(observed, &undo),
            Err(error) => {
                stuck.push(format!("{undo}: {}", crate::chain::chain(&error)));
            }
        }
    }
    stuck
}

/// Keeps the picture in step with the kernel.
pub(crate) fn follow(observed: &mut Observed, step: &Step) {
    if let Err(error) = observed.apply(step) {
        stale(step, &error);
    }
}

/// The picture was older than the kernel's state. The next full look puts it
/// right; nothing was decided on it but this plan.
fn stale(step: &Step, error: &ModelError) {
    tracing::warn!(%step, %error, "the picture of the kernel was stale");
}
