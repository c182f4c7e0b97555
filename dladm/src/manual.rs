//! Manual pages, out of a program's grammar and the prose that goes around it.
//!
//! What a program takes and what it says of it (`--help`) is written once, in
//! its grammar. A page is a template of docs/man with lines of its own for what
//! comes from there:
//!
//! - `@VERBS@`: a section for each verb, with its options;
//! - `@OPTIONS@`: the options of the program itself;
//! - `@OPTIONS VERB@`: those of one verb.

use std::fmt::Write;

use clap::{Arg, Command};

/// Options of every verb: they are told once.
const EVERYWHERE: [&str; 3] = ["help", "json", "socket"];

/// A template with what a grammar says in its places.
///
/// # Panics
/// When the template asks for a verb that isn't there.
#[must_use]
pub fn page(template: &str, grammar: &Command) -> String {
    let mut grammar = grammar.clone();
    grammar.build();
    let mut page = String::new();
    for line in template.lines() {
        let asked = line.strip_prefix('@').and_then(|l| l.strip_suffix('@'));
        match asked.map(|asked| asked.split_once(' ').unwrap_or((asked, ""))) {
            Some(("VERBS", _)) => verbs(&grammar, &mut page),
            Some(("OPTIONS", "")) => options(&grammar, |_| true, &mut page),
            Some(("OPTIONS", verb)) => {
                let verb = grammar.find_subcommand(verb);
                let verb = verb.expect("the program has the verb");
                options(verb, is_own, &mut page);
            }
            _ => {
                page.push_str(line);
                page.push('\n');
            }
        }
    }
    page
}

fn is_own(arg: &Arg) -> bool {
    !EVERYWHERE.contains(&arg.get_id().as_str())
}

fn verbs(grammar: &Command, page: &mut String) {
    for verb in grammar.get_subcommands() {
        if verb.get_name() == "help" || verb.is_hide_set() {
            continue;
        }
        let usage = verb.clone().render_usage().to_string();
        let usage = usage.trim_start_matches("Usage: ").trim();
        for line in usage.lines() {
            let _ = writeln!(page, ".SS \"{}\"", quoted(line.trim()));
        }
        let about = verb.get_long_about().or(verb.get_about());
        if let Some(about) = about {
            paragraphs(&about.to_string(), ".PP", page);
        }
        options(verb, is_own, page);
    }
}

/// Options and operands, each under its names.
fn options(
    command: &Command,
    wanted: impl Fn(&Arg) -> bool,
    page: &mut String,
) {
    let shown = command.get_arguments().filter(|arg| !arg.is_hide_set());
    let (mut operands, mut options): (Vec<&Arg>, Vec<&Arg>) =
        shown.filter(|arg| wanted(arg)).partition(|arg| arg.is_positional());
    let letter = |arg: &Arg| arg.get_short().unwrap_or('~');
    options.sort_by_key(|arg| {
        (letter(arg).to_ascii_lowercase(), letter(arg), arg.get_long())
    });
    options.append(&mut operands);
    for arg in options {
        let _ = writeln!(page, ".TP\n{}", names(arg));
        let help = arg.get_long_help().or(arg.get_help());
        let help = help.map(ToString::to_string).unwrap_or_default();
        paragraphs(&help, ".IP", page);
        let values = arg.get_possible_values();
        let values: Vec<_> = values.iter().map(|v| v.get_name()).collect();
        if arg.get_action().takes_values() && !values.is_empty() {
            let _ = writeln!(page, "One of {}.", escaped(&values.join(", ")));
        }
        let defaults = arg.get_default_values().iter();
        let defaults: Vec<_> =
            defaults.map(|value| value.to_string_lossy()).collect();
        if arg.get_action().takes_values() && !defaults.is_empty() {
            let _ = writeln!(
                page,
                "Without it, {}.",
                escaped(&defaults.join(", "))
            );
        }
    }
}

/// `-l, --link LINK`, as roff has it.
fn names(arg: &Arg) -> String {
    let mut names = Vec::new();
    names.extend(arg.get_short().map(|c| format!("\\fB\\-{c}\\fR")));
    let long = arg.get_long();
    names.extend(long.map(|l| format!("\\fB\\-\\-{}\\fR", escaped(l))));
    let mut text = names.join(", ");
    let takes = arg.get_action().takes_values();
    let values = arg.get_value_names().unwrap_or_default();
    if (takes || arg.is_positional()) && !values.is_empty() {
        let values: Vec<_> =
            values.iter().map(|v| format!("\\fI{}\\fR", escaped(v))).collect();
        if !text.is_empty() {
            text.push(' ');
        }
        text.push_str(&values.join(" "));
    }
    text
}

/// Text as roff has it, its paragraphs after the first begun by a macro.
fn paragraphs(text: &str, macro_: &str, page: &mut String) {
    for (at, paragraph) in text.split("\n\n").enumerate() {
        if at > 0 || macro_ == ".PP" {
            let _ = writeln!(page, "{macro_}");
        }
        // A sentence that began as the summary has no full stop.
        let stop = if paragraph.ends_with(['.', ':']) { "" } else { "." };
        let text = code(&escaped(paragraph.trim()));
        let _ = writeln!(page, "{text}{stop}");
    }
}

/// What stands between back quotes is set in bold.
fn code(text: &str) -> String {
    let mut bold = false;
    let parts = text.split('`').map(|part| {
        let part =
            if bold { format!("\\fB{part}\\fR") } else { part.to_owned() };
        bold = !bold;
        part
    });
    parts.collect()
}

/// Keeps roff from reading anything in a text.
fn escaped(text: &str) -> String {
    let mut lines = Vec::new();
    for line in text.lines() {
        let line = line.replace('\\', "\\e").replace('-', "\\-");
        let first = line.starts_with(['.', '\'']);
        lines.push(if first { format!("\\&{line}") } else { line });
    }
    lines.join("\n")
}

/// An argument of a macro, between quotes.
fn quoted(text: &str) -> String {
    escaped(text).replace('"', "\\(dq")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn grammar() -> Command {
        Command::new("tool")
            .arg(
                Arg::new("socket")
                    .long("socket")
                    .value_name("PATH")
                    .help("Where netd is"),
            )
            .subcommand(
                Command::new("make-it")
                    .about("Make \"it\"")
                    .long_about("Make it\n\nAs `-x` says.")
                    .override_usage("tool make-it [-x value] it")
                    .arg(
                        Arg::new("x")
                            .short('x')
                            .long("ex-ample")
                            .value_name("VALUE")
                            .default_value("a\\b")
                            .help("Set a value\n\n.It is one"),
                    )
                    .arg(Arg::new("it").value_name("IT").help("The thing")),
            )
    }

    #[test]
    fn a_page() {
        let template = ".TH TOOL 8\n@VERBS@\n.SH OPTIONS\n@OPTIONS@\n@x\n";
        let want = "\
.TH TOOL 8
.SS \"tool make\\-it [\\-x value] it\"
.PP
Make it.
.PP
As \\fB\\-x\\fR says.
.TP
\\fB\\-x\\fR, \\fB\\-\\-ex\\-ample\\fR \\fIVALUE\\fR
Set a value.
.IP
\\&.It is one.
Without it, a\\eb.
.TP
\\fIIT\\fR
The thing.
.SH OPTIONS
.TP
\\fB\\-h\\fR, \\fB\\-\\-help\\fR
Print help.
.TP
\\fB\\-\\-socket\\fR \\fIPATH\\fR
Where netd is.
@x
";
        assert_eq!(page(template, &grammar()), want);
    }
}
