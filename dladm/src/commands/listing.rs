//! What every listing has in common: `-p`, `-o` and `--json`.

use serde::Serialize;

use super::Common;
use crate::error::{CommandError, Failure};
use crate::ofmt::{Mode, Page, SelectError, Selection, Table};
use crate::out::Out;

/// The options that say what a listing looks like.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ListingArgs {
    /// Print fields for scripts, between colons
    ///
    /// Needs `-o`. There is no header; `:` and `\` inside a field are preceded
    /// by `\` unless it is the only field.
    #[arg(short = 'p', long, alias = "parseable")]
    pub(super) parsable: bool,
    /// Print these columns, or `all`
    #[arg(
        short = 'o',
        long,
        value_name = "FIELD,..",
        allow_hyphen_values = true
    )]
    pub(super) output: Option<String>,
}

/// How a listing is to be written: as one list of objects, or as a table.
#[derive(Debug)]
pub(super) enum Listing<R: 'static> {
    Json,
    Table(Selection<R>),
}

impl ListingArgs {
    /// Decides on the form, before netd is asked. A person who named unknown
    /// columns is warned here.
    pub(super) fn form<R>(
        &self,
        table: &Table<R>,
        common: Common,
        out: &mut Out,
    ) -> Result<Listing<R>, CommandError> {
        self.form_in_words(table, common, out, ToString::to_string)
    }

    /// The same, in the words of the older verbs: show-link and show-phys.
    pub(super) fn form_in_old_words<R>(
        &self,
        table: &Table<R>,
        common: Common,
        out: &mut Out,
    ) -> Result<Listing<R>, CommandError> {
        self.form_in_words(table, common, out, |error| match error {
            SelectError::FieldsMissing => "-p requires -o".to_owned(),
            SelectError::AllFields => {
                "\"-o all\" is invalid with -p".to_owned()
            }
            _ => error.to_string(),
        })
    }

    fn form_in_words<R>(
        &self,
        table: &Table<R>,
        common: Common,
        out: &mut Out,
        words: fn(&SelectError) -> String,
    ) -> Result<Listing<R>, CommandError> {
        if common.json {
            self.check_alone()?;
            return Ok(Listing::Json);
        }
        let fields = self.output.as_deref();
        let mode = match self.parsable {
            true => Mode::Parsable(fields),
            false => Mode::Human(fields),
        };
        let selection =
            table.select(mode).map_err(|error| Failure::new(words(&error)))?;
        if let Some(warning) = selection.warning() {
            out.complain(&warning);
        }
        Ok(Listing::Table(selection))
    }

    /// Neither `-p` nor `-o` was given: they mean nothing to `--json`.
    fn check_alone(&self) -> Result<(), Failure> {
        let taken = match (self.parsable, &self.output) {
            (true, _) => "-p",
            (false, Some(_)) => "-o",
            (false, None) => return Ok(()),
        };
        Err(not_with_json(taken))
    }
}

/// An option that means nothing to `--json`.
pub(super) fn not_with_json(option: &str) -> Failure {
    Failure::new(format!("the option {option} cannot be used with --json"))
}

/// The same options for a listing of properties, whose `-p` names these.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct PropListingArgs {
    /// Print fields for scripts, between colons
    ///
    /// Needs `-o`. There is no header; `:` and `\` inside a field are preceded
    /// by `\` unless it is the only field.
    #[arg(short = 'c', long, alias = "parseable")]
    pub(super) parsable: bool,
    /// Print these columns, or `all`
    #[arg(
        short = 'o',
        long,
        value_name = "FIELD,..",
        allow_hyphen_values = true
    )]
    output: Option<String>,
}

impl PropListingArgs {
    /// Decides on the form, as [`ListingArgs::form`] does.
    pub(super) fn form<R>(
        &self,
        table: &Table<R>,
        common: Common,
        out: &mut Out,
    ) -> Result<Listing<R>, CommandError> {
        if common.json && self.parsable {
            return Err(not_with_json("-c").into());
        }
        let (parsable, output) = (self.parsable, self.output.clone());
        ListingArgs { parsable, output }.form(table, common, out)
    }
}

impl<R: Serialize> Listing<R> {
    /// Writes more rows of a listing that is `page` far.
    pub(super) fn go_on(
        &self,
        page: &mut Page,
        rows: &[R],
        out: &mut Out,
    ) -> Result<(), CommandError> {
        match self {
            Self::Json => out.json(&rows)?,
            Self::Table(selection) => {
                selection.go_on(page, rows, out.data())?;
            }
        }
        Ok(())
    }

    /// Writes the rows.
    pub(super) fn write(
        &self,
        rows: &[R],
        out: &mut Out,
    ) -> Result<(), CommandError> {
        match self {
            Self::Json => out.json(&rows)?,
            Self::Table(selection) => {
                let height = out.height();
                selection.write(rows, height, out.data())?;
            }
        }
        Ok(())
    }
}
