//! Statistics: what dlstat(8) and flowstat(8) have in common.

pub(crate) mod flows;
pub(crate) mod links;
mod unit;

use std::num::NonZeroU32;

use super::Common;
use super::listing::{Listing, ListingArgs, not_with_json};
use super::{interval, zoned};
use crate::error::Failure;
use crate::ofmt::{Table, is_all};
use crate::out::Out;

use unit::Unit;
use zoned::ZoneArg;

/// The options of all statistics.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct StatArgs {
    /// Only what was received
    #[arg(short = 'r', long)]
    receive: bool,
    /// Only what was sent
    #[arg(short = 't', long)]
    transmit: bool,
    /// Go on, and show every so many seconds what went through since
    #[arg(
        short = 'i',
        long,
        value_name = "SECONDS",
        value_parser = interval,
        allow_hyphen_values = true
    )]
    interval: Option<NonZeroU32>,
    #[command(flatten)]
    listing: ListingArgs,
    /// Show numbers in this unit: R (as they are), K, M, G, T or P
    ///
    /// Without it each number has the unit that suits it, from 1000 on.
    #[arg(
        short = 'u',
        long,
        value_name = "UNIT",
        value_parser = Unit::parse,
        allow_hyphen_values = true
    )]
    unit: Option<Unit>,
    /// List only what is in this zone; '' is the host
    #[arg(
        short = 'z',
        long,
        value_name = "ZONE",
        value_parser = ZoneArg::parse,
        allow_hyphen_values = true
    )]
    zone: Option<ZoneArg>,
}

/// Which part of what is counted is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Part {
    Both,
    Received,
    Sent,
}

impl StatArgs {
    /// Refuses options that don't go together, in the order of the originals.
    /// `between` says what a verb has to add between the first two and `-p`.
    fn check(
        &self,
        both: &str,
        between: impl FnOnce() -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.receive && self.transmit {
            return Err(Failure::new(format!(
                "{both} -t and -r are not compatible"
            )));
        }
        if self.unit.is_some() && self.listing.parsable {
            return Err(Failure::new(format!(
                "{both} -u and -p are not compatible"
            )));
        }
        between()?;
        match &self.listing.output {
            None if self.listing.parsable => {
                Err(Failure::new("-p requires -o"))
            }
            Some(all) if self.listing.parsable && is_all(all) => {
                Err(Failure::new("\"-o all\" is invalid with -p"))
            }
            _ => Ok(()),
        }
    }

    /// Refuses options that `-A` doesn't go with: its form is always the same.
    fn check_everything(&self) -> Result<(), Failure> {
        if self.has_form() || self.part() != Part::Both {
            let text =
                "the option -A is not compatible with -r, -t, -p, -o, -u, -i";
            return Err(Failure::new(text));
        }
        Ok(())
    }

    /// Whether any option is there that says what a table looks like, or how
    /// often there is one.
    fn has_form(&self) -> bool {
        self.listing.parsable
            || self.listing.output.is_some()
            || self.unit.is_some()
            || self.interval.is_some()
    }

    fn part(&self) -> Part {
        match (self.receive, self.transmit) {
            (true, _) => Part::Received,
            (_, true) => Part::Sent,
            _ => Part::Both,
        }
    }

    /// The unit of every number. Scripts are given all digits.
    fn unit(&self) -> Unit {
        match self.listing.parsable {
            true => Unit::Raw,
            false => self.unit.unwrap_or_default(),
        }
    }

    /// Decides on the form. `-o all` is all that is shown without `-o`.
    fn form<R>(
        &self,
        table: &Table<R>,
        common: Common,
        out: &mut Out,
    ) -> Result<Listing<R>, crate::error::CommandError> {
        if common.json && self.unit.is_some() {
            return Err(not_with_json("-u").into());
        }
        let mut listing = self.listing.clone();
        if listing.output.as_deref().is_some_and(is_all) && !common.json {
            listing.output = None;
        }
        listing.form(table, common, out)
    }
}

/// Looks for `-h`, which is no help here: it asks for history, and what follows
/// it has another meaning. `others` are the options that can't stand before it.
pub(crate) fn history(
    argv: &[std::ffi::OsString],
    others: &str,
) -> Result<(), Failure> {
    let words = argv.iter().skip(1).map(|word| word.to_string_lossy());
    let mut options = Vec::new();
    for word in words {
        if word == "-h" {
            let own = |option: &String| !option.starts_with("--");
            return Err(match options.iter().any(own) {
                true => Failure::new(format!(
                    "the option -h is not compatible with {others}"
                )),
                false => {
                    Failure::new("'-h' is not supported: not in this version")
                }
            });
        }
        if word.starts_with('-') {
            options.push(word.into_owned());
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn history_is_asked_for_before_all_else() {
        let none = "";
        let not_yet = "'-h' is not supported: not in this version";
        let mixed = "the option -h is not compatible with -r, -t";
        for (line, want) in [
            ("flowstat", none),
            ("flowstat -r --help", none),
            ("flowstat -h", not_yet),
            ("flowstat --json -h -a -f /var/log/flows", not_yet),
            ("flowstat http -h", not_yet),
            ("flowstat -r -h", mixed),
        ] {
            let argv: Vec<std::ffi::OsString> =
                line.split(' ').map(Into::into).collect();
            let got = history(&argv, "-r, -t").err();
            let got = got.map(|failure| failure.message).unwrap_or_default();
            assert_eq!(got, want, "{line}");
        }
    }
}
