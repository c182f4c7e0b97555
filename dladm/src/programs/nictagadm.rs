//! nictagadm(8): NIC tags.
//!
//! It began as a shell script, and keeps the script's manners: errors begin
//! with `Error:`; the reason of a usage error goes to stdout and usage to
//! stderr; exit 2 for usage errors, 1 for failures.

use std::ffi::OsString;

use clap::CommandFactory;
use clap::FromArgMatches;

use super::{GlobalArgs, flushed, is_closed_pipe, verb};
use crate::client::Client;
use crate::commands::{Common, change_nic_tag, nic_tag};
use crate::error::{CommandError, Failure};
use crate::getopt::Complaint;
use crate::out::Out;

/// Manage nic tags
#[derive(Debug, clap::Parser)]
#[command(
    name = "nictagadm",
    disable_help_flag = true,
    disable_help_subcommand = true
)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    /// Say on stderr what is done
    #[arg(short = 'v')]
    verbose: bool,
    #[arg(short = 'h', long = "help", global = true)]
    help: bool,
    #[arg(short = '?')]
    mistake: bool,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Add(change_nic_tag::AddArgs),
    Delete(change_nic_tag::DeleteArgs),
    Exists(nic_tag::ExistsArgs),
    /// Say how nictagadm is used
    Help,
    List(nic_tag::ListArgs),
    Update(change_nic_tag::UpdateArgs),
    Vms(change_nic_tag::VmsArgs),
}

const USAGE: &str = "\
Manage nic tags

Usage:
        nictagadm [OPTIONS] <subcommand> <args...> ...

General Options:
        -v
            Verbose output
        --socket PATH
            The socket of netd
        --json
            Print one JSON document: the list of tags

Subcommands:
        add             [-p prop=value,...] <name> [mac]
        add             -l <name>
        delete          [-f] <name>
        exists          [-l] <name> ...
        help
        list            [-l | -L] [-p] [-d delim]
        update          [-p prop=value,...] <name> [mac]
        vms             <name>";

/// What ended a run early.
enum Stop {
    /// Usage was asked for, and is no error.
    Help,
    /// Usage, with or without a reason.
    Usage(Option<String>),
    Failed(CommandError),
}

impl<E: Into<CommandError>> From<E> for Stop {
    fn from(error: E) -> Self {
        Self::Failed(error.into())
    }
}

/// Runs a command line, argv\[0\] included. Gives the exit code.
pub fn run(argv: &[OsString], out: &mut Out) -> u8 {
    let result = match parse_and_run(argv, out) {
        Ok(()) => Ok(()),
        Err(Stop::Failed(error)) => Err(error),
        Err(Stop::Help) => {
            out.words(USAGE);
            return 0;
        }
        Err(Stop::Usage(reason)) => {
            if let Some(reason) = reason {
                // Whether or not it can be written, the code is the same.
                let _ = writeln!(out.data(), "{reason}");
                let _ = out.flush();
            }
            out.words(USAGE);
            return 2;
        }
    };
    let Err(error) = flushed(result, out) else { return 0 };
    match error {
        CommandError::Output(error) if is_closed_pipe(&error) => return 0,
        CommandError::Output(error) => {
            out.words(&format!("Error: cannot write the output: {error}"));
        }
        CommandError::Told => {}
        CommandError::Usage(message) => out.words(&format!("Error: {message}")),
        CommandError::Failed(failure) => {
            out.words(&format!("Error: {}", failure.message));
            failure.explain(out);
        }
    }
    1
}

fn parse_and_run(argv: &[OsString], out: &mut Out) -> Result<(), Stop> {
    let mut grammar = Cli::command();
    if let Some(verb) = verb(argv)
        && grammar.find_subcommand(verb).is_none()
    {
        let text = format!("unknown command {verb}");
        return Err(Failure::new(text).into());
    }
    let parsed = grammar
        .try_get_matches_from_mut(argv)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => return Err(stop(Complaint::new(&error, &grammar))),
    };
    if cli.mistake {
        return Err(Stop::Usage(None));
    }
    if cli.help {
        return Err(Stop::Help);
    }
    let common = Common { json: cli.global.json };
    let socket = Client::socket_path(cli.global.socket);
    if cli.verbose {
        out.words(&format!("+ asking netd at {}", socket.display()));
    }
    let client = Client::new(socket)?;
    match &cli.verb {
        None => Err(Stop::Usage(Some("no subcommand given".to_owned()))),
        Some(Verb::Help) => Err(Stop::Help),
        Some(Verb::List(args)) => {
            Ok(nic_tag::list(args, common, &client, out)?)
        }
        Some(Verb::Exists(args)) => {
            Ok(nic_tag::exists(args, common, &client, out)?)
        }
        Some(Verb::Add(args)) => {
            Ok(change_nic_tag::add(args, common, &client, out)?)
        }
        Some(Verb::Update(args)) => {
            Ok(change_nic_tag::update(args, common, &client, out)?)
        }
        Some(Verb::Delete(args)) => {
            Ok(change_nic_tag::delete(args, common, &client, out)?)
        }
        Some(Verb::Vms(args)) => {
            Ok(change_nic_tag::vms(args, common, &client, out)?)
        }
    }
}

/// The grammar.
#[must_use]
pub fn grammar() -> clap::Command {
    let command = Cli::command();
    let verbs: Vec<String> = command
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    verbs.iter().fold(command, |command, verb| {
        let usages: Vec<String> = usages(verb).collect();
        command
            .mut_subcommand(verb, |sub| sub.override_usage(usages.join("\n")))
    })
}

/// How a verb is used, as usage has it.
fn usages(verb: &str) -> impl Iterator<Item = String> {
    let lines = USAGE
        .lines()
        .map(str::trim)
        .filter(move |line| line.split_whitespace().next() == Some(verb));
    lines.map(|line| {
        let words: Vec<&str> = line.split_whitespace().collect();
        format!("nictagadm {}", words.join(" "))
    })
}

/// Says in the script's words what clap found.
fn stop(complaint: Complaint) -> Stop {
    let reason = match complaint {
        Complaint::Info(_) => return Stop::Help,
        Complaint::Unrecognized(option) => format!("invalid option: {option}"),
        Complaint::NeedsValue(option) => {
            let letter = option.trim_start_matches('-');
            format!("missing required argument -- {letter}")
        }
        Complaint::Twice(option) => {
            format!("option given more than once: {option}")
        }
        Complaint::Value(reason) | Complaint::Usage(reason) => reason,
    };
    Stop::Usage(Some(reason))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn usage_lists_every_verb() {
        for verb in Cli::command().get_subcommands() {
            assert_ne!(usages(verb.get_name()).count(), 0, "{verb}");
        }
    }
}
