//! What the kernel says of netd's programs: how many instructions the verifier
//! walked through, and what a run takes.

use std::collections::BTreeMap;
use std::path::Path;

use libbpf_rs::query::{ProgInfoIter, ProgInfoQueryOptions, ProgramInfo};
use libbpf_rs::{MapCore, MapHandle};
use serde::Serialize;

use super::case::{Direction, Way};
use crate::Netd;

/// The machine's switch: the kernel takes the time of every run of every
/// program while it is on, which costs some 30 ns each time.
const SWITCH: &str = "/proc/sys/kernel/bpf_stats_enabled";

/// A program with this many runs in one measurement was on the packets' way;
/// with fewer it saw an ARP request or two.
const ON_THE_WAY: u64 = 100;

/// What runs took, on average, in one measurement.
#[derive(Clone, Debug, Serialize)]
pub(super) struct RunTime {
    pub(super) crowd: usize,
    pub(super) direction: Direction,
    pub(super) way: Way,
    pub(super) program: String,
    pub(super) runs: u64,
    pub(super) mean_ns: f64,
}

/// The programs of the lab's netd, among all of the machine's.
#[derive(Debug)]
pub(super) struct Programs {
    names: BTreeMap<u32, String>,
    /// Instructions that the verifier walked through, by name.
    pub(super) verified: BTreeMap<String, u32>,
}

impl Programs {
    /// Finds them by the table that each of them reads.
    pub(super) fn of_netd() -> Self {
        let pin = flows::datapath::pin_of(Path::new(Netd::BPFFS), "fdb");
        let table = MapHandle::from_pinned_path(&pin)
            .and_then(|table| table.info())
            .unwrap_or_else(|error| panic!("{}: {error}", pin.display()));
        let table = table.info.id;
        let options = ProgInfoQueryOptions::default().include_map_ids(true);
        let ours = ProgInfoIter::with_query_opts(options)
            .filter(|info| info.map_ids.contains(&table));
        let mut this =
            Self { names: BTreeMap::new(), verified: BTreeMap::new() };
        for ProgramInfo { id, name, verified_insns, .. } in ours {
            let name = name.to_string_lossy().into_owned();
            this.verified.insert(name.clone(), verified_insns);
            this.names.insert(id, name);
        }
        this
    }

    /// Runs and nanoseconds of each so far.
    fn now(&self) -> BTreeMap<&str, (u64, u64)> {
        ProgInfoIter::default()
            .filter_map(|info| {
                let name = self.names.get(&info.id)?;
                Some((name.as_str(), (info.run_cnt, info.run_time_ns)))
            })
            .collect()
    }

    /// What each took while `load` went on. Only while a [`Timing`] is there
    /// does the kernel take the time.
    pub(super) fn during(&self, load: impl FnOnce()) -> Vec<Mean> {
        let before = self.now();
        load();
        let after = self.now();
        let mean = |(name, after): (&&str, &(u64, u64))| {
            let before = before.get(name).copied().unwrap_or_default();
            mean(name, before, *after)
        };
        after.iter().filter_map(mean).collect()
    }
}

/// A program, its runs, and what one took.
pub(super) type Mean = (String, u64, f64);

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
fn mean(name: &str, before: (u64, u64), after: (u64, u64)) -> Option<Mean> {
    let runs = after.0.checked_sub(before.0)?;
    let time = after.1.checked_sub(before.1)?;
    (runs >= ON_THE_WAY)
        .then(|| (name.to_owned(), runs, time as f64 / runs as f64))
}

/// The kernel takes the time of programs while this is there.
#[derive(Debug)]
pub(super) struct Timing {
    before: String,
}

impl Timing {
    /// Turns the switch; none where the machine doesn't let us.
    pub(super) fn start() -> Option<Self> {
        let before = std::fs::read_to_string(SWITCH).ok()?;
        // From here on dropping it turns it back.
        let this = Self { before };
        std::fs::write(SWITCH, "1").ok()?;
        Some(this)
    }
}

impl Drop for Timing {
    fn drop(&mut self) {
        if let Err(error) = std::fs::write(SWITCH, self.before.trim()) {
            crate::note(&format!("{SWITCH}: {error}"));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mean_is_of_the_runs_between() {
        let (_, runs, mean) = mean("x", (50, 1000), (250, 21_000)).unwrap();
        assert_eq!(runs, 200);
        assert!((mean - 100.0).abs() < f64::EPSILON, "{mean}");
    }

    #[test]
    fn a_program_beside_the_way_has_none() {
        assert_eq!(super::mean("x", (50, 1000), (52, 9000)), None);
        // Another program has its number.
        assert_eq!(super::mean("x", (50, 1000), (2, 10)), None);
    }
}
