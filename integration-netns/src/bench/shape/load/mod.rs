//! Load on a guest's cap, and what comes through beside it.

mod echo;
mod flood;
mod streams;
mod trips;

use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

pub(super) use echo::Echo;
pub(super) use flood::{Crowd, Flood, LARGE};
pub(super) use streams::{Delivered, Streams};
pub(super) use trips::Trips;

/// How long a load's sides may wait before they look whether all is over.
const LOOK: Duration = Duration::from_millis(20);

/// Says that all is over when it is dropped, also by a panic: nobody sends on.
#[derive(Debug)]
pub(super) struct Over<'a>(pub(super) &'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Waits until some of them are ready, and says which. Nothing is ready when
/// the time is over.
fn ready<F: AsFd>(files: &[F], flags: PollFlags, wait: Duration) -> Vec<bool> {
    let mut fds: Vec<_> =
        files.iter().map(|file| PollFd::new(file.as_fd(), flags)).collect();
    let wait = PollTimeout::try_from(wait).expect("no wait is that long");
    // A signal is no news.
    let _ = poll(&mut fds, wait);
    fds.iter().map(|fd| fd.any().unwrap_or(false)).collect()
}
