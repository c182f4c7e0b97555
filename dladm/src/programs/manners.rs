//! The manners of dladm(8) and its sisters.
//!
//! Every failure exits 1. Messages begin with argv\[0\], and go to stderr.

use std::ffi::OsString;

use clap::FromArgMatches;

use super::{flushed, is_closed_pipe, verb};
use crate::error::{CommandError, Failure};
use crate::getopt::Complaint;
use crate::out::Out;

/// A program: its verbs with their grammar, as the manual has it.
#[derive(Clone, Copy)]
pub(super) struct Manners {
    /// Its name.
    pub(super) name: &'static str,
    /// The verbs, in the order in which usage lists them.
    pub(super) verbs: &'static [(&'static str, &'static str)],
    /// Why a verb of the original is not here; none: it never had such a verb.
    pub(super) elsewhere: fn(&str) -> Option<&'static str>,
}

impl Manners {
    /// Sends on what was written and tells what went wrong. Gives the exit
    /// code.
    pub(super) fn finish(
        &self,
        argv: &[OsString],
        result: Result<(), CommandError>,
        out: &mut Out,
    ) -> u8 {
        finish(result, &self.usage(verb(argv)), out)
    }

    /// Reads a command line; none: all that it asked for has been said.
    pub(super) fn parse<Cli: FromArgMatches>(
        &self,
        argv: &[OsString],
        mut grammar: clap::Command,
        out: &mut Out,
    ) -> Result<Option<Cli>, CommandError> {
        let mut argv = argv.to_vec();
        match verb(&argv) {
            Some("help") => match verb(&argv[1..]) {
                None => {
                    writeln!(out.data(), "{}", self.usage(None))?;
                    return Ok(None);
                }
                Some(topic) if self.synopsis(topic).is_none() => {
                    return Err(self.no_verb(topic));
                }
                // `help VERB` is `VERB --help`.
                Some(topic) => {
                    let topic = OsString::from(topic);
                    argv = vec![self.name.into(), topic, "--help".into()];
                }
            },
            Some(verb) if self.synopsis(verb).is_none() => {
                return Err(self.no_verb(verb));
            }
            _ => {}
        }
        let parsed = grammar
            .try_get_matches_from_mut(&argv)
            .and_then(|matches| Cli::from_arg_matches(&matches));
        match parsed {
            Ok(cli) => Ok(Some(cli)),
            Err(error) => {
                complain(Complaint::new(&error, &grammar), out)?;
                Ok(None)
            }
        }
    }

    /// clap's grammar with the synopses of the manual, which say more.
    pub(super) fn grammar(&self, mut command: clap::Command) -> clap::Command {
        for (verb, synopsis) in self.verbs {
            let usage = format!("{} {verb} {synopsis}", self.name);
            command =
                command.mut_subcommand(verb, |sub| sub.override_usage(usage));
        }
        command
    }

    fn synopsis(&self, verb: &str) -> Option<&'static str> {
        let mut verbs = self.verbs.iter();
        verbs.find(|(name, _)| *name == verb).map(|(_, text)| *text)
    }

    /// A verb that is not here: of the original's, or of nobody's.
    fn no_verb(&self, verb: &str) -> CommandError {
        match (self.elsewhere)(verb) {
            Some(reason) => {
                let text = format!("'{verb}' is not supported: {reason}");
                Failure::new(text).into()
            }
            None => CommandError::Usage(format!("unknown subcommand '{verb}'")),
        }
    }

    /// Usage of a verb, or of the whole program.
    fn usage(&self, verb: Option<&str>) -> String {
        let name = self.name;
        if let Some(verb) = verb
            && let Some(synopsis) = self.synopsis(verb)
        {
            return format!("usage: {name} {verb} {synopsis}");
        }
        let mut text = format!("usage:  {name} <subcommand> <args> ...");
        for (verb, synopsis) in self.verbs {
            text.push_str(&format!("\n        {verb:<17}{synopsis}"));
        }
        text
    }
}

/// Sends on what was written and tells what went wrong: of a command line that
/// is wrong also how it should be. Gives the exit code.
pub(super) fn finish(
    result: Result<(), CommandError>,
    usage: &str,
    out: &mut Out,
) -> u8 {
    let Err(error) = flushed(result, out) else { return 0 };
    match error {
        CommandError::Output(error) if is_closed_pipe(&error) => return 0,
        CommandError::Output(error) => {
            out.complain(&format!("cannot write the output: {error}"));
        }
        CommandError::Told => {}
        CommandError::Usage(message) => {
            out.complain(&message);
            out.words(usage);
        }
        CommandError::Failed(failure) => {
            out.complain(&failure.message);
            failure.explain(out);
        }
    }
    1
}

/// Says in dladm's words what clap found.
pub(super) fn complain(
    complaint: Complaint,
    out: &mut Out,
) -> Result<(), CommandError> {
    let usage = match complaint {
        Complaint::Info(text) => {
            write!(out.data(), "{text}")?;
            return Ok(());
        }
        Complaint::Value(message) => return Err(Failure::new(message).into()),
        Complaint::Twice(option) if option == "-m" => {
            let text = "cannot specify -m option twice";
            return Err(Failure::new(text).into());
        }
        Complaint::Twice(option) => {
            let text = format!(
                "the option {option} cannot be specified more than once"
            );
            return Err(Failure::new(text).into());
        }
        Complaint::Unrecognized(option) => {
            format!("unrecognized option '{option}'")
        }
        Complaint::NeedsValue(option) => {
            format!("option '{option}' requires a value")
        }
        Complaint::Usage(message) => message,
    };
    Err(CommandError::Usage(usage))
}
