//! Benchmarks: what a VNIC costs beside what the kernel alone would cost.
//!
//! Machines are noisy and shared, so nothing here is judged by a clock alone:
//! what is compared runs in turns, in one run, and medians are compared.

mod bpffs;
mod cni;
mod control;
mod counter;
mod cpu;
mod forward;
mod links;
mod machine;
mod numbers;
mod pair;
mod program;
mod shape;
mod svg;
mod verdict;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use control::Part;
use machine::Machine;
use serde::Serialize;

use crate::LabError;

/// Where results are written, below the working directory.
const RESULTS: &str = "bench/results";

/// Runs the benchmark of VNICs that come, change and go, prints its tables and
/// writes its results. `--only PART` runs a part alone, and writes nothing.
#[must_use]
pub fn control() -> ExitCode {
    let mut args: Vec<_> = std::env::args().skip(1).collect();
    let asked = take_part(&mut args).and_then(|only| {
        let mode = Mode::of(args.into_iter())?;
        let whole = only.is_none();
        let measure = |machine, mode| control::measure(machine, mode, only);
        run("control", mode, whole, measure)
    });
    exit_code("control", asked)
}

/// Runs the benchmark of forwarding, prints its tables and writes its results.
#[must_use]
pub fn forward() -> ExitCode {
    finish("forward", forward::measure)
}

/// Runs the benchmark of the guests' program on single frames, prints its table
/// and writes its results.
#[must_use]
pub fn program() -> ExitCode {
    finish("program", program::measure)
}

/// Runs the benchmark of shaping, prints its tables and writes its results.
#[must_use]
pub fn shape() -> ExitCode {
    finish("shape", shape::measure)
}

/// What a benchmark comes to: a table for people, numbers for programs.
trait Outcome: Display + Serialize {
    /// Pictures as SVG, and the names of their files.
    fn plots(&self) -> Vec<(String, String)> {
        Vec::new()
    }
}

impl Outcome for forward::Report {}
impl Outcome for program::Report {}

/// How much is measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    /// What the results are made of.
    Full,
    /// As little as shows that the benchmark itself works. The numbers mean
    /// nothing, so they are not written.
    Quick,
}

impl Mode {
    fn of(args: impl Iterator<Item = String>) -> Result<Self, BenchError> {
        let mut mode = Self::Full;
        for arg in args {
            match arg.as_str() {
                "--quick" => mode = Self::Quick,
                _ => return Err(BenchError::Argument(arg)),
            }
        }
        Ok(mode)
    }
}

/// Takes `--only PART` out of the arguments.
fn take_part(args: &mut Vec<String>) -> Result<Option<Part>, BenchError> {
    let Some(at) = args.iter().position(|arg| arg == "--only") else {
        return Ok(None);
    };
    args.remove(at);
    let name = if at < args.len() { args.remove(at) } else { String::new() };
    let part = Part::ALL.into_iter().find(|part| part.name() == name);
    part.map(Some).ok_or(BenchError::Part(name))
}

fn finish<R: Outcome>(
    name: &str,
    measure: fn(Machine, Mode) -> Result<R, LabError>,
) -> ExitCode {
    let mode = Mode::of(std::env::args().skip(1));
    exit_code(name, mode.and_then(|mode| run(name, mode, true, measure)))
}

fn exit_code(name: &str, done: Result<(), BenchError>) -> ExitCode {
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            crate::note(&format!("bench {name}: {error}"));
            ExitCode::FAILURE
        }
    }
}

/// A benchmark can't be run, or its results not written.
#[derive(Debug, thiserror::Error)]
enum BenchError {
    /// Nobody knows what is meant.
    #[error("no argument is known but --quick, and not {0:?}")]
    Argument(String),
    /// A benchmark has no such part.
    #[error(
        "--only takes one of {parts}, and not {0:?}",
        parts = Part::ALL.map(Part::name).join(", ")
    )]
    Part(String),
    /// There is no lab.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// The results can't be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

fn run<R: Outcome>(
    name: &str,
    mode: Mode,
    whole: bool,
    measure: impl FnOnce(Machine, Mode) -> Result<R, LabError>,
) -> Result<(), BenchError> {
    let report = measure(Machine::this(), mode)?;
    // Whoever closed the pipe has seen enough; the file is written all the
    // same.
    let _ = write!(std::io::stdout(), "{report}");
    let text = serde_json::to_string_pretty(&report)
        .expect("a report has text keys only");
    if mode == Mode::Quick {
        let _ = writeln!(std::io::stdout(), "\nnot written: --quick");
        return Ok(());
    }
    if !whole {
        let _ = writeln!(std::io::stdout(), "\nnot written: --only");
        return Ok(());
    }
    let mut files = report.plots();
    files.insert(0, (format!("{name}.json"), text + "\n"));
    for (file, text) in files {
        let path = format!("{RESULTS}/{file}");
        std::fs::create_dir_all(RESULTS)
            .and_then(|()| std::fs::write(&path, text))
            .map_err(|source| BenchError::Write {
                path: path.clone(),
                source,
            })?;
        let _ = writeln!(std::io::stdout(), "\nwritten to {path}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_known_is_taken() {
        let mode = |args: &[&str]| {
            Mode::of(args.iter().copied().map(str::to_owned)).ok()
        };
        assert_eq!(mode(&[]), Some(Mode::Full));
        assert_eq!(mode(&["--quick"]), Some(Mode::Quick));
        assert_eq!(mode(&["--quick", "forward"]), None);
    }

    #[test]
    fn a_part_is_taken_and_the_rest_left() {
        for (args, want, left) in [
            (&["--quick"][..], Some(None), &["--quick"][..]),
            (
                &["--only", "single", "--quick"],
                Some(Some(Part::Single)),
                &["--quick"],
            ),
            (&["--only", "all"], None, &[]),
            (&["--quick", "--only"], None, &["--quick"]),
        ] {
            let mut rest: Vec<_> =
                args.iter().copied().map(str::to_owned).collect();
            assert_eq!(take_part(&mut rest).ok(), want, "{args:?}");
            assert_eq!(rest, left, "{args:?}");
        }
    }
}
