//! dladm(8): links, VNICs and etherstubs.
//!
//! Every failure exits 1. Messages begin with argv\[0\], and go to stderr.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use super::{GlobalArgs, flushed, is_closed_pipe, verb};
use crate::client::Client;
use crate::commands::{
    Common, create_vnic, delete_vnic, elsewhere, etherstub, set_linkprop,
    show_drops, show_link, show_linkprop, show_phys, show_vnic,
};
use crate::error::{CommandError, Failure};
use crate::getopt::Complaint;
use crate::out::Out;

/// Administer data links
#[derive(Debug, clap::Parser)]
#[command(name = "dladm", version, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    ShowLink(show_link::Args),
    ShowPhys(show_phys::Args),
    CreateVnic(create_vnic::Args),
    DeleteVnic(delete_vnic::Args),
    ShowVnic(show_vnic::Args),
    ShowDrops(show_drops::Args),
    CreateEtherstub(etherstub::CreateArgs),
    DeleteEtherstub(etherstub::DeleteArgs),
    ShowEtherstub(etherstub::ShowArgs),
    SetLinkprop(set_linkprop::SetArgs),
    ResetLinkprop(set_linkprop::ResetArgs),
    ShowLinkprop(show_linkprop::Args),
}

/// The verbs with their grammar, in the order in which usage lists them.
const SYNOPSES: [(&str, &str); 12] = [
    ("show-link", show_link::SYNOPSIS),
    ("show-phys", show_phys::SYNOPSIS),
    ("create-vnic", create_vnic::SYNOPSIS),
    ("delete-vnic", delete_vnic::SYNOPSIS),
    ("show-vnic", show_vnic::SYNOPSIS),
    ("show-drops", show_drops::SYNOPSIS),
    ("create-etherstub", etherstub::CREATE_SYNOPSIS),
    ("delete-etherstub", etherstub::DELETE_SYNOPSIS),
    ("show-etherstub", etherstub::SHOW_SYNOPSIS),
    ("set-linkprop", set_linkprop::SET_SYNOPSIS),
    ("reset-linkprop", set_linkprop::RESET_SYNOPSIS),
    ("show-linkprop", show_linkprop::SYNOPSIS),
];

/// Runs a command line, argv\[0\] included. Gives the exit code.
pub fn run(argv: &[OsString], out: &mut Out) -> u8 {
    let result = parse_and_run(argv, out);
    let Err(error) = flushed(result, out) else { return 0 };
    match error {
        CommandError::Output(error) if is_closed_pipe(&error) => return 0,
        CommandError::Output(error) => {
            out.complain(&format!("cannot write the output: {error}"));
        }
        CommandError::Told => {}
        CommandError::Usage(message) => {
            out.complain(&message);
            out.words(&usage(verb(argv)));
        }
        CommandError::Failed(failure) => {
            out.complain(&failure.message);
            failure.explain(out);
        }
    }
    1
}

fn parse_and_run(argv: &[OsString], out: &mut Out) -> Result<(), CommandError> {
    let mut grammar = grammar();
    let mut argv = argv.to_vec();
    match verb(&argv) {
        Some("help") => match verb(&argv[1..]) {
            None => {
                writeln!(out.data(), "{}", usage(None))?;
                return Ok(());
            }
            Some(topic) if synopsis(topic).is_none() => {
                return Err(no_verb(topic));
            }
            // `help VERB` is `VERB --help`.
            Some(topic) => {
                let topic = OsString::from(topic);
                argv = vec!["dladm".into(), topic, "--help".into()];
            }
        },
        Some(verb) if synopsis(verb).is_none() => return Err(no_verb(verb)),
        _ => {}
    }
    let parsed = grammar
        .try_get_matches_from_mut(&argv)
        .and_then(|matches| Cli::from_arg_matches(&matches));
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            return complain(Complaint::new(&error, &grammar), out);
        }
    };
    let common = Common { json: cli.global.json };
    let client = Client::new(Client::socket_path(cli.global.socket))?;
    let verb = cli.verb.unwrap_or(Verb::ShowLink(show_link::Args::default()));
    verb.run(common, &client, out)
}

impl Verb {
    fn run(
        &self,
        common: Common,
        client: &Client,
        out: &mut Out,
    ) -> Result<(), CommandError> {
        match self {
            Self::ShowLink(args) => show_link::run(args, common, client, out),
            Self::ShowPhys(args) => show_phys::run(args, common, client, out),
            Self::CreateVnic(args) => {
                create_vnic::run(args, common, client, out)
            }
            Self::DeleteVnic(args) => {
                delete_vnic::run(args, common, client, out)
            }
            Self::ShowVnic(args) => show_vnic::run(args, common, client, out),
            Self::ShowDrops(args) => show_drops::run(args, common, client, out),
            Self::CreateEtherstub(args) => {
                etherstub::create(args, common, client, out)
            }
            Self::DeleteEtherstub(args) => {
                etherstub::delete(args, common, client, out)
            }
            Self::ShowEtherstub(args) => {
                etherstub::show(args, common, client, out)
            }
            Self::SetLinkprop(args) => {
                set_linkprop::set(args, common, client, out)
            }
            Self::ResetLinkprop(args) => {
                set_linkprop::reset(args, common, client, out)
            }
            Self::ShowLinkprop(args) => {
                show_linkprop::run(args, common, client, out)
            }
        }
    }
}

/// clap's grammar with the synopses of the manual, which say more.
fn grammar() -> clap::Command {
    let mut command = Cli::command();
    for (verb, synopsis) in SYNOPSES {
        command = command.mut_subcommand(verb, |sub| {
            sub.override_usage(format!("dladm {verb} {synopsis}"))
        });
    }
    command
}

fn synopsis(verb: &str) -> Option<&'static str> {
    SYNOPSES.iter().find(|(name, _)| *name == verb).map(|(_, text)| *text)
}

/// A verb that is not here: of the original's, or of nobody's.
fn no_verb(verb: &str) -> CommandError {
    match elsewhere::reason(verb) {
        Some(reason) => {
            Failure::new(format!("'{verb}' is not supported: {reason}")).into()
        }
        None => CommandError::Usage(format!("unknown subcommand '{verb}'")),
    }
}

/// Usage of a verb, or of the whole program.
fn usage(verb: Option<&str>) -> String {
    if let Some(verb) = verb
        && let Some(synopsis) = synopsis(verb)
    {
        return format!("usage: dladm {verb} {synopsis}");
    }
    let mut text = "usage:  dladm <subcommand> <args> ...".to_owned();
    for (verb, synopsis) in SYNOPSES {
        text.push_str(&format!("\n        {verb:<17}{synopsis}"));
    }
    text
}

/// Says in dladm's words what clap found.
fn complain(complaint: Complaint, out: &mut Out) -> Result<(), CommandError> {
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

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn usage_lists_every_verb() {
        let known: BTreeSet<_> =
            SYNOPSES.iter().map(|(verb, _)| *verb).collect();
        let command = Cli::command();
        let parsed: BTreeSet<_> =
            command.get_subcommands().map(clap::Command::get_name).collect();
        assert_eq!(known, parsed);
        for verb in known {
            assert_eq!(elsewhere::reason(verb), None, "{verb} is here");
        }
    }

    #[test]
    fn the_grammar_holds_together() {
        grammar().debug_assert();
    }

    #[test]
    fn help_begins_with_an_order_and_no_full_stop() {
        for sub in grammar().get_subcommands() {
            let about = sub.get_about().unwrap().to_string();
            let word = about.split(' ').next().unwrap();
            let orders = ["List", "Create", "Delete", "Set", "Reset"];
            assert!(orders.contains(&word), "{}: {about}", sub.get_name());
            assert!(!about.ends_with('.'), "{}: {about}", sub.get_name());
        }
    }
}
