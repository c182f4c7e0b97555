//! What the guests' program takes for one frame, without anything around it.
//!
//! The kernel runs `from_vnic` on a frame again and again (`BPF_PROG_TEST_RUN`)
//! and says how long a run took on average. A machine that does other things can
//! only make a run longer, so the least of many averages stands for it.
//!
//! ```text
//!   net0 of VNIC 1 -- vnic-1 [from_vnic] -- etherstub -- vnic-2   never reached
//! ```
//!
//! A redirect is decided and not made: that is what the rest of the way costs,
//! and `forward` measures it.

mod frames;
mod guests;
mod runner;

use std::fmt;

use serde::Serialize;

use super::machine::Machine;
use super::{Mode, bpffs};
use crate::{Lab, LabError};
use frames::FRAMES;
use guests::Guest;
use runner::Runner;

/// Runs whose average the kernel gives.
const RUNS: u32 = 20_000;

/// How often it is asked, frame by frame in turns.
const TIMES: usize = 200;

/// What was measured.
#[derive(Debug, Serialize)]
pub(in crate::bench) struct Report {
    machine: Machine,
    runs: u32,
    times: usize,
    cases: Vec<Case>,
}

/// One kind of guest and one frame of its.
#[derive(Debug, Serialize)]
struct Case {
    guest: &'static str,
    frame: &'static str,
    /// The least average.
    best_ns: u64,
    median_ns: u64,
}

/// Measures all cases in turns.
pub(super) fn measure(
    machine: Machine,
    mode: Mode,
) -> Result<Report, LabError> {
    let (runs, times) = match mode {
        Mode::Full => (RUNS, TIMES),
        Mode::Quick => (100, 2),
    };
    let lab = Lab::open()?;
    // A test run takes place on the loopback device of the caller's namespace.
    let zone = lab.quiet_zone("program");
    let pins = bpffs::mounted().join("netd");
    let cases = zone.on_thread(|| {
        let mut runner = Runner::new(&pins);
        let mut taken = vec![Vec::with_capacity(times); cases().count()];
        for _ in 0..times {
            let mut dressed = None;
            for (taken, (guest, _, frame)) in taken.iter_mut().zip(cases()) {
                if dressed != Some(guest) {
                    runner.dress(&guest);
                    dressed = Some(guest);
                }
                taken.push(runner.nanoseconds(&frame, runs));
            }
        }
        cases().zip(taken).map(Case::of).collect()
    });
    Ok(Report { machine, runs, times, cases })
}

/// Each guest with each frame that it may send.
fn cases() -> impl Iterator<Item = (Guest, &'static str, Vec<u8>)> {
    Guest::ALL.into_iter().flat_map(|guest| {
        let frames = FRAMES.into_iter();
        let sent = frames.filter(move |(name, _)| guest.sends(name));
        sent.map(move |(name, make)| (guest, name, make()))
    })
}

impl Case {
    fn of(
        ((guest, frame, _), mut taken): (
            (Guest, &'static str, Vec<u8>),
            Vec<u64>,
        ),
    ) -> Self {
        taken.sort_unstable();
        let (best_ns, median_ns) = (taken[0], taken[taken.len() / 2]);
        Self { guest: guest.name(), frame, best_ns, median_ns }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, runs, times, cases } = self;
        writeln!(f, "One run of from_vnic, ns\n")?;
        writeln!(f, "{machine}")?;
        writeln!(f, "{times} averages of {runs} runs, in turns\n")?;
        writeln!(f, "  {:32} {:10} {:>7} {:>7}", "", "", "best", "median")?;
        for Case { guest, frame, best_ns, median_ns } in cases {
            writeln!(f, "  {guest:32} {frame:10} {best_ns:>7} {median_ns:>7}")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_least_average_stands_for_the_case() {
        let case = (Guest::Unprotected, "ARP", Vec::new());
        let Case { best_ns, median_ns, .. } =
            Case::of((case, vec![90, 70, 500, 80, 100]));
        assert_eq!((best_ns, median_ns), (70, 90));
    }
}
