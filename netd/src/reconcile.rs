//! Keeping the fabric as declared, whatever happens to it.
//!
//! The kernel says what changes, and each time that is compared with what is
//! declared. What nobody says, a row or an address filter that was meddled
//! with, is found by reading everything now and then.

mod pace;

use std::io;
use std::os::fd::AsFd;
use std::thread;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use tokio::runtime::Handle;

use crate::kernel::Bells;
use crate::server::Shared;
use pace::Pace;

/// How often everything is read anew. With 4,096 VNICs that takes a third of a
/// second, so this often it is a thousandth of a CPU.
const FULL: Duration = Duration::from_secs(300);

/// Keeps the fabric as declared, on a thread of its own, for as long as netd
/// lives. What it is in the middle of when netd ends is finished by the next.
pub(crate) async fn keep(fabric: &Shared) {
    let bells = fabric.lock().await.kernel().bells();
    let (fabric, runtime) = (fabric.clone(), Handle::current());
    let keeping = bells.and_then(|bells| {
        let keep = move || {
            let error = watch(&fabric, &bells, &runtime);
            tracing::error!(%error, "nobody looks after the fabric any more");
        };
        thread::Builder::new().name("reconcile".to_owned()).spawn(keep)
    });
    if let Err(error) = keeping {
        tracing::error!(%error, "nobody looks after the fabric");
    }
}

/// Looks again and again. Gives why it can't any more.
fn watch(fabric: &Shared, bells: &Bells, runtime: &Handle) -> io::Error {
    let mut pace = Pace::default();
    let mut last = Instant::now();
    let mut full = last + FULL;
    loop {
        let next = pace.again().map_or(full, |again| full.min(last + again));
        if let Err(error) = rings(bells, next) {
            return error;
        }
        // What comes in bursts is taken in at once.
        while let Some(wait) = until(last + pace.least()) {
            thread::park_timeout(wait);
        }
        let mut fabric = fabric.blocking_lock();
        let all = Instant::now() >= full;
        if all {
            full = Instant::now() + FULL;
        }
        let settled = runtime.block_on(fabric.reconcile(all));
        last = Instant::now();
        pace.looked(settled);
    }
}

/// Waits until something rings, or for a moment to come.
fn rings(bells: &Bells, moment: Instant) -> io::Result<()> {
    let wait = until(moment).unwrap_or_default();
    // What is left of a millisecond is waited for by who asked.
    let wait = PollTimeout::try_from(wait).unwrap_or(PollTimeout::MAX);
    let mut fds = [
        PollFd::new(bells.links.as_fd(), PollFlags::POLLIN),
        PollFd::new(bells.names.as_fd(), PollFlags::POLLIN),
        PollFd::new(bells.mounts.as_fd(), PollFlags::POLLPRI),
    ];
    match poll(&mut fds, wait) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The time until a moment; none where it has come.
fn until(moment: Instant) -> Option<Duration> {
    let left = moment.saturating_duration_since(Instant::now());
    (!left.is_zero()).then_some(left)
}
