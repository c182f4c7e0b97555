//! flowstat(8): what went through flows.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use super::GlobalArgs;
use super::manners::{complain, finish};
use crate::client::Client;
use crate::commands::Common;
use crate::commands::stat::{flows, history};
use crate::error::CommandError;
use crate::getopt::Complaint;
use crate::out::Out;

/// Show what went through flows
///
/// With an interval the first table counts from the beginning, and each later
/// one what went through since the one before.
#[derive(Debug, clap::Parser)]
#[command(name = "flowstat", version, disable_help_flag = true)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(flatten)]
    args: flows::Args,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
}

/// What can't stand before `-h`.
const NOT_WITH_HISTORY: &str = "-r, -t, -p, -o, -u, -i, -A";

/// Runs a command line, argv\[0\] included. Gives the exit code.
pub fn run(argv: &[OsString], out: &mut Out) -> u8 {
    let result = parse_and_run(argv, out);
    finish(result, &format!("usage: flowstat {}", flows::SYNOPSIS), out)
}

fn parse_and_run(argv: &[OsString], out: &mut Out) -> Result<(), CommandError> {
    history(argv, NOT_WITH_HISTORY)?;
    let mut grammar = grammar();
    let parsed = grammar
        .try_get_matches_from_mut(argv)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let Cli { global, args, help: _ } = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            return complain(Complaint::new(&error, &grammar), out);
        }
    };
    let common = Common { json: global.json };
    let client = Client::new(Client::socket_path(global.socket))?;
    flows::run(&args, common, &client, out)
}

/// The grammar, with the synopses of the manual.
#[must_use]
pub fn grammar() -> clap::Command {
    Cli::command().override_usage(format!("flowstat {}", flows::SYNOPSIS))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        grammar().debug_assert();
    }
}
