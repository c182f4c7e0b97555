//! Skips: loud, named and counted.
//!
//! A test that can't run here says so on standard error, past libtest's
//! capture, and in the file that `ARBALEST_SKIPS` names. `make test` reads that
//! file: a skipped test is not a passed one. `ARBALEST_NO_SKIP=1` turns every
//! skip into a failure.

use std::fs::OpenOptions;
use std::io::Write;
use std::panic::Location;
use std::path::Path;

use crate::{bins, guest};

/// Names the file that skips are written down in.
const LIST_ENV: &str = "ARBALEST_SKIPS";
/// Turns skips into failures.
const NO_SKIP_ENV: &str = "ARBALEST_NO_SKIP";

/// What a test needs of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Need {
    /// The right to make namespaces.
    Root,
    /// A program in `PATH`, by its name.
    Program(&'static str),
    /// Two CPUs or more.
    Cpus,
    /// What virtual machines boot: `scripts/guest-kernel` fetches it.
    GuestKernel,
    /// schemathesis, which asks an API all that its document allows and more:
    /// `scripts/schemathesis` fetches it.
    Schemathesis,
}

impl Need {
    /// What is missing, where it is.
    fn missing(self) -> Option<String> {
        match self {
            Self::Root => {
                let root = nix::unistd::geteuid().is_root();
                (!root).then(|| "needs root".to_owned())
            }
            Self::Program(name) => {
                let path = std::env::var_os("PATH").unwrap_or_default();
                let found = std::env::split_paths(&path)
                    .any(|dir| dir.join(name).is_file());
                (!found).then(|| format!("needs {name} in PATH"))
            }
            Self::Cpus => {
                let count = std::thread::available_parallelism();
                let several = count.is_ok_and(|count| count.get() > 1);
                (!several).then(|| "needs two CPUs".to_owned())
            }
            Self::GuestKernel => {
                let found = guest::files().iter().all(|file| file.is_file());
                let hint = "needs a guest kernel: scripts/guest-kernel";
                (!found).then(|| hint.to_owned())
            }
            Self::Schemathesis => {
                let found = bins::schemathesis().is_file();
                let hint = "needs schemathesis: scripts/schemathesis";
                (!found).then(|| hint.to_owned())
            }
        }
    }
}

/// Whether a test can run here; where it can't, says so.
///
/// # Panics
/// Where something is missing and `ARBALEST_NO_SKIP=1`.
#[track_caller]
#[must_use]
pub fn require(needs: &[Need]) -> bool {
    let missing: Vec<String> =
        needs.iter().filter_map(|need| need.missing()).collect();
    if missing.is_empty() {
        return true;
    }
    let test = test_name(Location::caller());
    let line = format!("SKIP: {test}: {}", missing.join(", "));
    let forbidden = std::env::var_os(NO_SKIP_ENV).is_some_and(|v| v == "1");
    assert!(!forbidden, "{line}");
    announce(&line);
    false
}

/// libtest names each test's thread after it, but runs them on the main thread
/// when there is only one.
fn test_name(caller: &Location<'_>) -> String {
    let file = suite(Path::new(caller.file()));
    match std::thread::current().name() {
        Some(name) if name != "main" => format!("{file}::{name}"),
        _ => format!("{file}:{}", caller.line()),
    }
}

/// The name of a test file's suite. One of several files has a directory.
fn suite(file: &Path) -> String {
    let mut parts = file.iter().skip_while(|part| *part != "tests").skip(1);
    let part = parts.next().or(file.file_name()).unwrap_or_default();
    let name = Path::new(part).file_stem().unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Writes the line where people and where `make test` look. One `write` each,
/// so that lines of tests that run side by side don't mix.
fn announce(line: &str) {
    let line = format!("{line}\n");
    // Nobody to tell when standard error is closed.
    let _ = std::io::stderr().write_all(line.as_bytes());
    if let Some(list) = std::env::var_os(LIST_ENV) {
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(&list)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        if let Err(error) = written {
            panic!("cannot write {}: {error}", Path::new(&list).display());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_there_is_not_missed() {
        assert_eq!(Need::Program("sh").missing(), None);
        let missing = Need::Program("no-such-program").missing();
        assert_eq!(missing.as_deref(), Some("needs no-such-program in PATH"));
    }

    #[test]
    fn a_suite_is_a_file_or_a_directory_of_tests() {
        for (file, want) in [
            ("lab/tests/kvm.rs", "kvm"),
            ("lab/tests/attacks/guest.rs", "attacks"),
            ("lab/src/skip.rs", "skip"),
        ] {
            assert_eq!(suite(Path::new(file)), want, "{file}");
        }
    }

    #[test]
    fn a_skip_names_its_test() {
        let name = test_name(Location::caller());
        assert!(name.starts_with("skip"), "{name}");
    }
}
