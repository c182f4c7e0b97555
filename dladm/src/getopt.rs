//! What is wrong with a command line, in getopt's words.
//!
//! clap does the parsing. People and scripts know the originals' messages,
//! which are built on getopt(3): this is where clap's errors become those.

use clap::error::{ContextKind, ContextValue, ErrorKind};

/// What became of a command line that clap did not accept.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Complaint {
    /// It asked for help or for the version: the text.
    Info(String),
    /// An option's value is bad: the whole message.
    Value(String),
    /// An option is unknown: as it was typed.
    Unrecognized(String),
    /// An option has no value: its shortest spelling.
    NeedsValue(String),
    /// A single-use option came twice: its shortest spelling.
    Twice(String),
    /// Something else; usage says the rest.
    Usage(String),
}

impl Complaint {
    /// Reads clap's error. `command` is the grammar that gave it.
    pub(crate) fn new(error: &clap::Error, command: &clap::Command) -> Self {
        let subject = || subject(error).map(|arg| spelling(command, &arg));
        match error.kind() {
            ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => {
                Self::Info(error.to_string())
            }
            ErrorKind::ValueValidation => Self::Value(cause(error)),
            ErrorKind::UnknownArgument => match subject() {
                Some(arg) if arg.starts_with('-') => Self::Unrecognized(arg),
                Some(arg) => Self::Usage(format!("unexpected operand '{arg}'")),
                None => Self::Usage(cause(error)),
            },
            // The only values that clap itself checks are missing ones.
            ErrorKind::InvalidValue => match subject() {
                Some(arg) => Self::NeedsValue(arg),
                None => Self::Usage(cause(error)),
            },
            // Two different options never exclude each other in clap's eyes.
            ErrorKind::ArgumentConflict => match subject() {
                Some(arg) => Self::Twice(arg),
                None => Self::Usage(cause(error)),
            },
            ErrorKind::MissingRequiredArgument => match subject() {
                Some(arg) if arg.starts_with('-') => {
                    Self::Usage(format!("the option {arg} is required"))
                }
                Some(arg) => Self::Usage(format!("missing operand: {arg}")),
                None => Self::Usage(cause(error)),
            },
            _ => Self::Usage(cause(error)),
        }
    }
}

/// The argument that an error is about, as clap shows it.
fn subject(error: &clap::Error) -> Option<String> {
    match error.get(ContextKind::InvalidArg)? {
        ContextValue::String(arg) => Some(arg.clone()),
        ContextValue::Strings(args) => args.first().cloned(),
        _ => None,
    }
}

/// Turns clap's `--link <LINK>` into getopt's `-l`, and its `<VNIC>` into
/// `vnic`. What is no argument of the grammar is left as it was typed.
fn spelling(command: &clap::Command, shown: &str) -> String {
    // Only what is built can be shown, and clap builds no more than it needs.
    let mut command = command.clone();
    command.build();
    let args = command
        .get_arguments()
        .chain(command.get_subcommands().flat_map(|c| c.get_arguments()));
    let mut args = args.filter(|arg| arg.to_string() == shown);
    let Some(arg) = args.next() else { return shown.to_owned() };
    match (arg.get_short(), arg.get_long()) {
        (Some(short), _) => format!("-{short}"),
        (None, Some(long)) => format!("--{long}"),
        (None, None) => arg.get_id().to_string(),
    }
}

/// An error's own words: those of a value's parser, else clap's first line.
fn cause(error: &clap::Error) -> String {
    if let Some(source) = std::error::Error::source(error) {
        return source.to_string();
    }
    let text = error.to_string();
    let line = text.lines().next().unwrap_or_default();
    line.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    /// Do a thing
    #[derive(Debug, Parser)]
    #[command(name = "do")]
    struct Args {
        #[arg(short = 'l', long = "link", allow_hyphen_values = true)]
        link: String,
        #[arg(short = 'v', long = "vlan-id", value_parser = odd)]
        vid: Option<u16>,
        #[arg(short = 't', long = "temporary")]
        temporary: bool,
        #[arg(long = "json")]
        json: bool,
        vnic: String,
    }

    fn odd(text: &str) -> Result<u16, String> {
        text.parse().map_err(|_| format!("invalid VLAN identifier '{text}'"))
    }

    #[test]
    fn clap_speaks_as_getopt_does() {
        use Complaint::{NeedsValue, Twice, Unrecognized, Usage, Value};
        let text = str::to_owned;
        for (line, want) in [
            ("-l", NeedsValue(text("-l"))),
            ("net0 --link", NeedsValue(text("-l"))),
            ("-tl", NeedsValue(text("-l"))),
            ("-l a net0 -x", Unrecognized(text("-x"))),
            ("-l a net0 -tx", Unrecognized(text("-x"))),
            ("-l a net0 --nonsense=5", Unrecognized(text("--nonsense"))),
            ("-l a -l b net0", Twice(text("-l"))),
            ("-t -l b --temporary net0", Twice(text("-t"))),
            ("--json --json -l b net0", Twice(text("--json"))),
            ("-l a net0 net1", Usage(text("unexpected operand 'net1'"))),
            ("net0", Usage(text("the option -l is required"))),
            ("-l a", Usage(text("missing operand: vnic"))),
            ("-v x", Value(text("invalid VLAN identifier 'x'"))),
            // A bad value is found before what is missing.
            ("-v x net0 -l", Value(text("invalid VLAN identifier 'x'"))),
            // What follows an option is its value, whatever it looks like.
            ("-l -t", Usage(text("missing operand: vnic"))),
        ] {
            let argv = std::iter::once("do").chain(line.split(' '));
            let error = Args::try_parse_from(argv).unwrap_err();
            let command = <Args as clap::CommandFactory>::command();
            assert_eq!(Complaint::new(&error, &command), want, "{line:?}");
        }
        let help = Args::try_parse_from(["do", "-h"]).unwrap_err();
        let command = <Args as clap::CommandFactory>::command();
        let Complaint::Info(text) = Complaint::new(&help, &command) else {
            panic!("{help:?}");
        };
        assert!(text.starts_with("Do a thing"), "{text}");
    }
}
