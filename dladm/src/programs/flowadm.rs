//! flowadm(8): flows, the named parts of VNICs' traffic.

use std::ffi::OsString;

use clap::CommandFactory;

use super::GlobalArgs;
use super::manners::Manners;
use crate::client::Client;
use crate::commands::{
    Common, add_flow, remove_flow, set_flowprop, show_flow, show_flowprop,
};
use crate::error::CommandError;
use crate::out::Out;

/// Administer flows of VNICs
///
/// A flow is a named part of a VNIC's traffic, told by its attributes, with a
/// bandwidth and a priority of its own. A frame that several flows of a VNIC
/// match is in the most specific of them. Without a subcommand, flowadm lists
/// the flows.
#[derive(Debug, clap::Parser)]
#[command(name = "flowadm", version, disable_help_subcommand = true)]
struct Cli {
    #[command(flatten)]
    global: GlobalArgs,
    #[command(subcommand)]
    verb: Option<Verb>,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    AddFlow(add_flow::Args),
    RemoveFlow(remove_flow::Args),
    SetFlowprop(set_flowprop::SetArgs),
    ResetFlowprop(set_flowprop::ResetArgs),
    ShowFlow(show_flow::Args),
    ShowFlowprop(show_flowprop::Args),
}

/// The verbs with their grammar, in the order in which usage lists them.
const SYNOPSES: [(&str, &str); 6] = [
    ("add-flow", add_flow::SYNOPSIS),
    ("remove-flow", remove_flow::SYNOPSIS),
    ("set-flowprop", set_flowprop::SET_SYNOPSIS),
    ("reset-flowprop", set_flowprop::RESET_SYNOPSIS),
    ("show-flow", show_flow::SYNOPSIS),
    ("show-flowprop", show_flowprop::SYNOPSIS),
];

const MANNERS: Manners =
    Manners { name: "flowadm", verbs: &SYNOPSES, elsewhere };

/// Why a verb of the original is not here.
fn elsewhere(verb: &str) -> Option<&'static str> {
    (verb == "init-flow").then_some("netd sets flows up by itself")
}

/// Runs a command line, argv\[0\] included. Gives the exit code.
pub fn run(argv: &[OsString], out: &mut Out) -> u8 {
    let result = parse_and_run(argv, out);
    MANNERS.finish(argv, result, out)
}

fn parse_and_run(argv: &[OsString], out: &mut Out) -> Result<(), CommandError> {
    let grammar = grammar();
    let Some(Cli { global, verb }) = MANNERS.parse(argv, grammar, out)? else {
        return Ok(());
    };
    let common = Common { json: global.json };
    let client = Client::new(Client::socket_path(global.socket))?;
    let client = &client;
    match verb.unwrap_or(Verb::ShowFlow(show_flow::Args::default())) {
        Verb::AddFlow(args) => add_flow::run(&args, common, client, out),
        Verb::RemoveFlow(args) => remove_flow::run(&args, common, client, out),
        Verb::SetFlowprop(args) => {
            set_flowprop::set(&args, common, client, out)
        }
        Verb::ResetFlowprop(args) => {
            set_flowprop::reset(&args, common, client, out)
        }
        Verb::ShowFlow(args) => show_flow::run(&args, common, client, out),
        Verb::ShowFlowprop(args) => {
            show_flowprop::run(&args, common, client, out)
        }
    }
}

/// The grammar, with the synopses of the manual.
#[must_use]
pub fn grammar() -> clap::Command {
    MANNERS.grammar(Cli::command())
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
            assert_eq!(elsewhere(verb), None, "{verb} is here");
        }
    }

    #[test]
    fn the_grammar_holds_together() {
        grammar().debug_assert();
    }
}
