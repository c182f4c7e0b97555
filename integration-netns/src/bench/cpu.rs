//! Which CPU does what: a load's two sides must not wander.

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

/// Does something on one CPU, on a thread of its own, so that the caller stays
/// free to go where it wants.
pub(super) fn on_cpu<T: Send>(
    cpu: usize,
    body: impl FnOnce() -> T + Send,
) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            stay_on(cpu);
            body()
        });
        thread.join().unwrap_or_else(|why| std::panic::resume_unwind(why))
    })
}

/// Keeps the calling thread on one CPU. A machine may have only one, and then
/// all share it anyhow.
pub(super) fn stay_on(cpu: usize) {
    let mut cpus = CpuSet::new();
    if cpus.set(cpu).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &cpus);
    }
}
