//! Completion of command lines while they are typed.
//!
//! The shell runs the program itself, with `COMPLETE` in the environment, and is
//! told what may come next: verbs and options by the grammar, and names by netd,
//! as they are at that moment. `COMPLETE=bash dladm` prints what has the shell
//! do so; `make install` puts that in place.

use std::collections::BTreeSet;
use std::env;
use std::ffi::OsStr;
use std::time::Duration;

use clap::{Arg, Command};
use clap_complete::CompleteEnv;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};

use crate::client::{Client, ClientError};

/// How long netd may take to name what there is. Nobody waits longer for a key.
const PATIENCE: Duration = Duration::from_millis(500);

/// Answers the shell, if it is the shell that asks, and says whether it was.
///
/// What can't be answered is nothing: a half-typed line is no place for errors.
pub fn complete(name: &'static str, grammar: fn() -> Command) -> bool {
    let grammar = move || with_names(grammar());
    let asked = CompleteEnv::with_factory(grammar).bin(name).completer(name);
    let place = env::current_dir().ok();
    // The error is the shell's own: one that this version doesn't know.
    asked.try_complete(env::args_os(), place.as_deref()).unwrap_or(true)
}

/// The grammar, which also knows what there is.
fn with_names(mut command: Command) -> Command {
    let verbs: Vec<String> = command
        .get_subcommands()
        .map(|verb| verb.get_name().to_owned())
        .collect();
    for verb in verbs {
        command = command.mut_subcommand(verb, with_names);
    }
    let verb = command.get_name().to_owned();
    command.mut_args(|arg| match completer(&verb, &arg) {
        Some(completer) => arg.add(completer),
        None => arg,
    })
}

/// What completes an argument, known by the name of its value; none: what it
/// takes is nobody's name yet, or a text.
fn completer(verb: &str, arg: &Arg) -> Option<ArgValueCompleter> {
    let is_new = arg.is_positional()
        && ["create-vnic", "create-etherstub", "add-flow", "add"]
            .contains(&verb);
    let value = arg.get_value_names()?.first()?.as_str();
    Some(match value {
        _ if is_new => return None,
        "LINK" if verb == "create-vnic" => ArgValueCompleter::new(carriers),
        "LINK" | "PHYS-LINK" => ArgValueCompleter::new(links),
        "VNIC" => ArgValueCompleter::new(vnics),
        "ETHERSTUB" => ArgValueCompleter::new(etherstubs),
        "FLOW" => ArgValueCompleter::new(flows),
        "NAME" => ArgValueCompleter::new(tags),
        "ZONE" => ArgValueCompleter::new(zones),
        _ => return None,
    })
}

fn links(typed: &OsStr) -> Vec<CompletionCandidate> {
    among(typed, |client| {
        let links = client.links()?.into_iter();
        Ok(links.map(|link| link.name.to_string()).collect())
    })
}

/// What VNICs can sit on.
fn carriers(typed: &OsStr) -> Vec<CompletionCandidate> {
    among(typed, |client| {
        let links = client.links()?.into_iter();
        let carriers = links.filter(|link| link.class.carries_vnics());
        let mut names: Vec<_> =
            carriers.map(|link| link.name.to_string()).collect();
        let tags = client.nic_tags()?.tags.into_iter();
        names.extend(tags.map(|tag| tag.name));
        Ok(names)
    })
}

fn vnics(typed: &OsStr) -> Vec<CompletionCandidate> {
    among(typed, |client| {
        let vnics = client.vnics()?.into_iter();
        Ok(vnics.map(|vnic| vnic.name.to_string()).collect())
    })
}

fn etherstubs(typed: &OsStr) -> Vec<CompletionCandidate> {
    among(typed, |client| {
        let stubs = client.etherstubs()?.into_iter();
        Ok(stubs.map(|stub| stub.name.to_string()).collect())
    })
}

fn flows(typed: &OsStr) -> Vec<CompletionCandidate> {
    among(typed, |client| {
        let flows = client.flows()?.into_iter();
        Ok(flows.map(|flow| flow.name.to_string()).collect())
    })
}

fn tags(typed: &OsStr) -> Vec<CompletionCandidate> {
    among(typed, |client| {
        let tags = client.nic_tags()?.tags.into_iter();
        Ok(tags.map(|tag| tag.name).collect())
    })
}

fn zones(typed: &OsStr) -> Vec<CompletionCandidate> {
    among(typed, |client| {
        let vnics = client.vnics()?.into_iter();
        Ok(vnics.filter_map(|vnic| vnic.zone).collect())
    })
}

/// The names that begin with what is typed, each once.
fn among(
    typed: &OsStr,
    ask: impl FnOnce(&Client) -> Result<Vec<String>, ClientError>,
) -> Vec<CompletionCandidate> {
    let Some(typed) = typed.to_str() else { return Vec::new() };
    let client = Client::new(Client::socket_path(None));
    let client = client.map(|client| client.patience(PATIENCE));
    let names = client.and_then(|client| ask(&client)).unwrap_or_default();
    let names: BTreeSet<String> = names.into_iter().collect();
    let fitting = names.into_iter().filter(|name| name.starts_with(typed));
    fitting.map(CompletionCandidate::new).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::programs::{dladm, dlstat, flowadm, flowstat, nictagadm};

    #[test]
    fn grammars_hold_together_with_names() {
        for grammar in [
            dladm::grammar,
            dlstat::grammar,
            flowadm::grammar,
            flowstat::grammar,
            nictagadm::grammar,
        ] {
            with_names(grammar()).debug_assert();
        }
    }

    #[test]
    fn what_exists_is_completed_and_what_is_made_is_not() {
        for (verb, arg, want) in [
            ("create-vnic", "vnic", false),
            ("create-vnic", "link", true),
            ("delete-vnic", "vnic", true),
            ("delete-vnic", "zone", true),
            ("create-etherstub", "etherstub", false),
            ("delete-etherstub", "etherstub", true),
            ("set-linkprop", "link", true),
            ("show-link", "output", false),
        ] {
            let grammar = dladm::grammar();
            let found = grammar.find_subcommand(verb).unwrap();
            let mut args = found.get_arguments();
            let found = args.find(|found| found.get_id() == arg);
            let found = found.unwrap_or_else(|| panic!("{verb} {arg}"));
            assert_eq!(completer(verb, found).is_some(), want, "{verb} {arg}");
        }
    }
}
