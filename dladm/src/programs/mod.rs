//! The programs: each its grammar, its messages and its exit codes.
//!
//! A program is a function from a command line and an [`Out`] to
//! an exit code, so that a test or another program can run it.

pub mod dladm;
pub mod dlstat;
pub mod flowadm;
pub mod flowstat;
mod manners;
pub mod nictagadm;

use std::ffi::OsString;
use std::io;

use crate::error::CommandError;
use crate::out::Out;

/// The name in argv\[0\], or a default where there is none.
#[must_use]
pub fn name(argv: &[OsString], default: &str) -> String {
    match argv.first() {
        Some(name) if !name.is_empty() => name.to_string_lossy().into_owned(),
        _ => default.to_owned(),
    }
}

/// The options of every verb of every program.
#[derive(Debug, clap::Args)]
struct GlobalArgs {
    /// The socket of netd
    ///
    /// Without it, the environment variable `NETD_SOCKET`, or else
    /// /run/netd/netd.sock.
    #[arg(long, global = true, value_name = "PATH")]
    socket: Option<std::path::PathBuf>,
    /// Print one JSON document: the list of what is shown or was made
    #[arg(long, global = true)]
    json: bool,
}

/// The verb on a command line: the first word that is neither an option nor an
/// option's value. It is looked up before the rest is parsed, because what an
/// option means depends on it.
fn verb(argv: &[OsString]) -> Option<&str> {
    let mut words = argv.iter().skip(1).map(|word| word.to_str());
    while let Some(Some(word)) = words.next() {
        match word {
            "--socket" => {
                words.next();
            }
            _ if word.starts_with('-') => {}
            _ => return Some(word),
        }
    }
    None
}

/// Sends on what the program wrote. That must succeed for the program to have
/// succeeded.
fn flushed(
    result: Result<(), CommandError>,
    out: &mut Out,
) -> Result<(), CommandError> {
    // After a failure the first error is the one to tell.
    let flushed = out.flush().map_err(CommandError::from);
    result.and(flushed)
}

/// Whether output failed only because nobody reads on.
fn is_closed_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_verb_is_the_first_word_that_stands_alone() {
        for (line, want) in [
            ("dladm", None),
            ("dladm show-vnic", Some("show-vnic")),
            ("dladm --json show-vnic", Some("show-vnic")),
            ("dladm --socket /s show-vnic -p", Some("show-vnic")),
            ("dladm --socket=/s show-vnic", Some("show-vnic")),
            ("dladm --socket show-vnic", None),
            ("dladm -h", None),
        ] {
            let argv: Vec<OsString> =
                line.split(' ').map(OsString::from).collect();
            assert_eq!(verb(&argv), want, "{line}");
        }
    }
}
