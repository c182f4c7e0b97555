//! Benchmarks: what a VNIC costs beside what the kernel alone would cost.
//!
//! Machines are noisy and shared, so nothing here is judged by a clock alone:
//! what is compared runs in turns, in one run, and medians are compared.

mod forward;
mod links;
mod machine;
mod sample;
mod vnic_create;

use std::fmt::Display;
use std::io::Write;
use std::process::ExitCode;

use machine::Machine;
use serde::Serialize;

use crate::LabError;

/// Where results are written, below the working directory.
const RESULTS: &str = "bench/results";

/// Runs the benchmark of creating VNICs, prints its table and writes its
/// results.
#[must_use]
pub fn create() -> ExitCode {
    finish("vnic_create", vnic_create::measure)
}

/// Runs the benchmark of forwarding, prints its table and writes its results.
#[must_use]
pub fn forward() -> ExitCode {
    finish("forward", forward::measure)
}

fn finish<R: Display + Serialize>(
    name: &str,
    measure: fn(Machine) -> Result<R, LabError>,
) -> ExitCode {
    match run(name, measure) {
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

fn run<R: Display + Serialize>(
    name: &str,
    measure: fn(Machine) -> Result<R, LabError>,
) -> Result<(), BenchError> {
    let report = measure(Machine::this())?;
    // Whoever closed the pipe has seen enough; the file is written all the
    // same.
    let _ = write!(std::io::stdout(), "{report}");
    let path = format!("{RESULTS}/{name}.json");
    let text = serde_json::to_string_pretty(&report)
        .expect("a report has text keys only");
    std::fs::create_dir_all(RESULTS)
        .and_then(|()| std::fs::write(&path, text + "\n"))
        .map_err(|source| BenchError::Write { path: path.clone(), source })?;
    let _ = writeln!(std::io::stdout(), "\nwritten to {path}");
    Ok(())
}
