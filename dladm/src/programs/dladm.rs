//! dladm(8): links, VNICs and etherstubs.

use std::ffi::OsString;

use clap::CommandFactory;

use super::GlobalArgs;
use super::manners::Manners;
use crate::client::Client;
use crate::commands::{
    Common, apply, create_vnic, delete_vnic, elsewhere, etherstub,
    set_linkprop, show_drops, show_link, show_linkprop, show_phys, show_vnic,
};
use crate::error::CommandError;
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
    Apply(apply::ApplyArgs),
    ShowFabric(apply::ShowArgs),
}

/// The verbs with their grammar, in the order in which usage lists them.
const SYNOPSES: [(&str, &str); 14] = [
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
    ("apply", apply::APPLY_SYNOPSIS),
    ("show-fabric", apply::SHOW_SYNOPSIS),
];

const MANNERS: Manners =
    Manners { name: "dladm", verbs: &SYNOPSES, elsewhere: elsewhere::reason };

/// Runs a command line, argv\[0\] included. Gives the exit code.
pub fn run(argv: &[OsString], out: &mut Out) -> u8 {
    let result = parse_and_run(argv, out);
    MANNERS.finish(argv, result, out)
}

fn parse_and_run(argv: &[OsString], out: &mut Out) -> Result<(), CommandError> {
    let Some(Cli { global, verb }) = MANNERS.parse(argv, grammar(), out)?
    else {
        return Ok(());
    };
    let common = Common { json: global.json };
    let client = Client::new(Client::socket_path(global.socket))?;
    let verb = verb.unwrap_or(Verb::ShowLink(show_link::Args::default()));
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
            Self::Apply(args) => apply::apply(args, common, client, out),
            Self::ShowFabric(args) => apply::show(args, common, client, out),
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
            let orders =
                ["List", "Create", "Delete", "Set", "Reset", "Declare", "Show"];
            assert!(orders.contains(&word), "{}: {about}", sub.get_name());
            assert!(!about.ends_with('.'), "{}: {about}", sub.get_name());
        }
    }
}
