//! From the ring into memory.

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use flows::DroppedFrame;
use flows::datapath::Ring;
use nix::time::{ClockId, clock_gettime};
use tokio::sync::watch;

use super::{Samples, micros};
use crate::chain::chain;
use crate::kernel::Kernel;

/// The time between two looks. In a storm of drops, reading then costs next to
/// nothing: the ring is 256 KiB, and what it can't hold is not shown.
const PAUSE: Duration = Duration::from_millis(100);

/// How long a look waits where there is nothing. It ends when there is, so this
/// is how often netd wakes up for nothing.
const LOOK: Duration = Duration::from_secs(60);

/// Reads the ring into memory, on a thread of its own, for as long as netd
/// lives. Nobody has to wait for the thread: what it has not read is there for
/// the next netd.
pub(super) fn start(kernel: &Kernel, memory: &Arc<watch::Sender<Samples>>) {
    let memory = Arc::downgrade(memory);
    let ring = kernel.dropped_frames(move |record| {
        if let Some(memory) = memory.upgrade()
            && let Some(frame) = DroppedFrame::decode(record)
        {
            let time = booted() + Duration::from_nanos(frame.at);
            memory.send_modify(|memory| memory.push(micros(time), frame));
        }
    });
    let reading = match ring {
        Ok(ring) => thread::Builder::new()
            .name("drops".to_owned())
            .spawn(move || read(ring))
            .map_err(|error| error.to_string()),
        Err(error) => Err(chain(&error)),
    };
    if let Err(error) = reading {
        tracing::error!(%error, "dropped frames will not be shown");
    }
}

fn read(mut ring: Ring) {
    loop {
        if let Err(error) = ring.read(LOOK) {
            let error = chain(&error);
            tracing::error!(%error, "no more dropped frames are shown");
            return;
        }
        #[expect(
            clippy::disallowed_methods,
            reason = "what comes meanwhile waits in the ring, and that is meant"
        )]
        thread::sleep(PAUSE);
    }
}

/// The time of day at which the boot clock was zero, as of now: people may set
/// the one clock and not the other.
fn booted() -> Duration {
    // These clocks are always there.
    let read = |clock| clock_gettime(clock).map(Duration::from);
    let now = read(ClockId::CLOCK_REALTIME).unwrap_or_default();
    let since = read(ClockId::CLOCK_BOOTTIME).unwrap_or_default();
    now.saturating_sub(since)
}

#[cfg(test)]
mod tests {
    use std::time::SystemTime;

    use super::*;

    #[test]
    fn both_clocks_tell_the_same_time() {
        let boot = clock_gettime(ClockId::CLOCK_BOOTTIME).unwrap();
        let boot = Duration::from(boot);
        let told = SystemTime::UNIX_EPOCH + booted() + boot;
        let off = SystemTime::now().duration_since(told);
        let off = off.unwrap_or_else(|early| early.duration());
        assert!(off < Duration::from_secs(60), "{off:?}");
    }
}
