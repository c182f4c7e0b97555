//! Dropped frames: what the data plane shows of them, kept for whoever asks.
//!
//! ```text
//! programs -> ring -> reader -> Samples -> Taken -> Wanted: with names -> client
//! ```
//!
//! None of this needs the fabric but the names, which are found when a client
//! asks. So frames are read while a change is under way, and a client that
//! waits for some keeps nobody from changing anything.

mod reader;
mod samples;
mod wanted;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use tokio::sync::watch;
use tokio::time::{Instant, timeout_at};

use crate::kernel::Kernel;

pub use samples::{Sample, Samples, Taken};
pub use wanted::{Subject, Wanted};

/// What netd remembers of dropped frames. Clones share it.
#[derive(Clone, Debug)]
pub struct Drops(watch::Receiver<Samples>);

/// What comes in. Once it is dropped nothing does, and nobody waits for any.
#[derive(Debug)]
#[must_use = "nothing is remembered without it"]
pub struct Feed {
    _memory: Arc<watch::Sender<Samples>>,
}

impl Drops {
    /// Begins to read what the data plane shows.
    ///
    /// When that can't be read nothing is ever shown, and that is all: it is
    /// logged, once. Frames are dropped and counted as ever.
    pub fn follow(kernel: &Kernel) -> (Self, Feed) {
        // Numbers that no earlier netd has given: it would have had to show
        // more than one frame a microsecond.
        let now = SystemTime::now().duration_since(UNIX_EPOCH);
        let base = micros(now.unwrap_or_default());
        let (memory, drops) = watch::channel(Samples::beginning_above(base));
        let memory = Arc::new(memory);
        reader::start(kernel, &memory);
        (Self(drops), Feed { _memory: memory })
    }

    /// What came after a number; without one, all that is remembered.
    #[must_use]
    pub fn after(&mut self, after: Option<u64>) -> Taken {
        self.0.borrow_and_update().after(after)
    }

    /// Waits until there is more than at the last look; false when there is
    /// none until the deadline, or never will be.
    pub async fn more_before(&mut self, deadline: Instant) -> bool {
        matches!(timeout_at(deadline, self.0.changed()).await, Ok(Ok(())))
    }
}

/// A time in microseconds: enough for half a million years.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}
