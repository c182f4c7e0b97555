//! `dladm apply` and `show-fabric`

use std::fs;
use std::io::{self, Read};
use std::path::PathBuf;

use fabric::api::{Apply, FabricInfo, Health, Reason};

use super::Common;
use super::listing::{Listing, ListingArgs};
use crate::client::Client;
use crate::error::{CommandError, Failure};
use crate::ofmt::{Cell, Column, Table};
use crate::out::Out;

/// The grammar of apply, as the manual would have it.
pub(crate) const APPLY_SYNOPSIS: &str = "[-n] -f file";

/// Declare the whole fabric anew, or make many changes at once
///
/// The file is what `show-fabric --json` prints: what it names becomes as it
/// says, and what it doesn't name goes. Or it has a `batch`, a list of changes.
/// All of it happens, or nothing.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ApplyArgs {
    /// The file, JSON; `-`: the standard input
    #[arg(short = 'f', long, value_name = "FILE")]
    file: PathBuf,
    /// Only print what would be done
    #[arg(short = 'n', long)]
    dry_run: bool,
}

pub(crate) fn apply(
    args: &ApplyArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let request = read(&args.file)?;
    let applied = client
        .apply(&request, args.dry_run)
        .map_err(|error| CommandError::status("apply failed", error))?;
    if common.json {
        return Ok(out.json(&applied)?);
    }
    for change in &applied.changes {
        writeln!(out.data(), "{change}")?;
    }
    for step in &applied.steps {
        writeln!(out.data(), "  {step}")?;
    }
    Ok(())
}

/// Reads what is to be applied. netd checks what it says; here it only has to
/// be JSON of the right shape, so that the line at fault can be named.
fn read(file: &PathBuf) -> Result<Apply, Failure> {
    let text = if file.as_os_str() == "-" {
        let mut text = String::new();
        io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        fs::read_to_string(file)
    };
    let name = file.display();
    let text = text.map_err(|error| {
        Failure::new(format!("cannot read {name}: {error}"))
    })?;
    serde_json::from_str(&text).map_err(|error| {
        Failure::new(format!("{name}: {error}"))
            .hint("dladm show-fabric --json shows what it looks like")
    })
}

/// The grammar of show-fabric, as the manual would have it.
pub(crate) const SHOW_SYNOPSIS: &str = "[-p] [-o field,..]";

/// Show whether the host is as it is declared to be
///
/// With `--json` it shows all that is declared besides: `dladm apply` takes it.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    listing: ListingArgs,
}

/// Something to be shown, and how it is.
#[derive(Debug, serde::Serialize)]
struct Row {
    health: Health,
    reason: Option<Reason>,
}

const TABLE: Table<Row> = Table::new(&[
    Column::new("HEALTH", 9, |row| Cell::from(row.health.to_string())),
    Column::new("SUBJECT", 22, |row| {
        let subject = row.reason.as_ref().map(|reason| &reason.subject);
        Cell::from(subject.map_or("fabric", String::as_str))
    }),
    Column::new("REASON", 48, |row| {
        let reason = row.reason.as_ref().map(|reason| &reason.reason);
        Cell::from(reason.map_or("--", String::as_str))
    }),
]);

pub(crate) fn show(
    args: &ShowArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let form = args.listing.form(&TABLE, common, out)?;
    let fabric = client.fabric()?;
    if matches!(form, Listing::Json) {
        return Ok(out.json(&fabric)?);
    }
    form.write(&rows(fabric), out)
}

/// A row for each reason, and one where there is none.
fn rows(fabric: FabricInfo) -> Vec<Row> {
    let health = fabric.status.health;
    let reasons = fabric.status.reasons.into_iter().map(Some);
    let mut rows: Vec<Row> =
        reasons.map(|reason| Row { health, reason }).collect();
    if rows.is_empty() {
        rows.push(Row { health, reason: None });
    }
    rows
}
