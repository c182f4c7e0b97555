//! dlstat(8): what went through links.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use super::manners::{complain, finish};
use super::{GlobalArgs, verb};
use crate::client::Client;
use crate::commands::Common;
use crate::commands::stat::{history, links};
use crate::error::{CommandError, Failure};
use crate::getopt::Complaint;
use crate::out::Out;

/// Show what went through links
#[derive(Debug, clap::Parser)]
#[command(name = "dlstat", version, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    // What was meant where no verb is named.
    #[command(name = PLAIN)]
    Plain(links::Args),
    ShowPhys(links::PhysArgs),
    ShowLink(links::LinkArgs),
}

/// The verb of the plain form, which nobody types.
const PLAIN: &str = "show";

/// The forms of the command, in the order in which usage lists them.
const SYNOPSES: [(&str, &str, &str); 3] = [
    (PLAIN, "dlstat", links::SYNOPSIS),
    ("show-phys", "dlstat show-phys", links::PHYS_SYNOPSIS),
    ("show-link", "dlstat show-link", links::LINK_SYNOPSIS),
];

/// What can't stand before `show-link -h`.
const NOT_WITH_HISTORY: &str = "-r, -F, -t, -i, -p, -o, -u, -a";

/// Runs a command line, argv\[0\] included. Gives the exit code.
pub fn run(argv: &[OsString], out: &mut Out) -> u8 {
    let result = parse_and_run(argv, out);
    let named = verb(argv).filter(|verb| synopsis(verb).is_some());
    finish(result, &usage(named), out)
}

fn parse_and_run(argv: &[OsString], out: &mut Out) -> Result<(), CommandError> {
    let mut argv = argv.to_vec();
    match verb(&argv) {
        Some("help") => {
            writeln!(out.data(), "{}", usage(None))?;
            return Ok(());
        }
        Some("show-aggr") => {
            let text = "'show-aggr' is not supported: \
                        bonds are listed by dladm show-link";
            return Err(Failure::new(text).into());
        }
        Some("show-link") => history(&argv, NOT_WITH_HISTORY)?,
        Some("show-phys") => {}
        // What is no verb is a link, or an option's value.
        _ => argv.insert(1.min(argv.len()), PLAIN.into()),
    }
    let mut grammar = grammar();
    let parsed = grammar
        .try_get_matches_from_mut(&argv)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let Cli { global, verb } = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            return complain(Complaint::new(&error, &grammar), out);
        }
    };
    let common = Common { json: global.json };
    let client = Client::new(Client::socket_path(global.socket))?;
    match verb {
        Verb::Plain(args) => links::run(&args, common, &client, out),
        Verb::ShowPhys(args) => links::show_phys(&args, common, &client, out),
        Verb::ShowLink(args) => links::show_link(&args, common, &client, out),
    }
}

/// clap's grammar with the synopses of the manual, which say more.
#[must_use]
pub fn grammar() -> clap::Command {
    let mut command = Cli::command();
    for (verb, called, synopsis) in SYNOPSES {
        command = command.mut_subcommand(verb, |sub| {
            sub.override_usage(format!("{called} {synopsis}"))
        });
    }
    command
}

/// The synopsis of a verb that can be typed.
fn synopsis(verb: &str) -> Option<&'static str> {
    let mut verbs = SYNOPSES.iter().filter(|(name, ..)| *name != PLAIN);
    verbs.find(|(name, ..)| *name == verb).map(|(.., text)| *text)
}

/// Usage of a verb, or of the whole program.
fn usage(verb: Option<&str>) -> String {
    if let Some(verb) = verb
        && let Some(synopsis) = synopsis(verb)
    {
        return format!("usage: dlstat {verb} {synopsis}");
    }
    let forms = SYNOPSES.iter();
    let forms =
        forms.map(|(_, called, synopsis)| format!("{called} {synopsis}"));
    let forms: Vec<_> = forms.collect();
    format!("usage:  {}", forms.join("\n        "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_grammar_holds_together() {
        grammar().debug_assert();
    }
}
