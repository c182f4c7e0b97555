//! `dladm show-link`

use fabric::api::LinkInfo;

use super::Common;
use super::listing::ListingArgs;
use super::zoned::{CHOOSE_ZONE, ZoneArg, narrow};
use crate::client::Client;
use crate::error::{CommandError, Failure};
use crate::ofmt::{Cell, Column, Table};
use crate::out::Out;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str = "[-z zone] [[-p] -o field,..] [link]";

/// List links of every class
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// List only the links of this zone; '' is the host
    #[arg(
        short = 'z',
        long,
        value_name = "ZONE",
        value_parser = ZoneArg::parse,
        allow_hyphen_values = true
    )]
    zone: Option<ZoneArg>,
    #[command(flatten)]
    listing: ListingArgs,
    /// List only this link
    #[arg(value_name = "LINK")]
    link: Option<String>,
}

const TABLE: Table<LinkInfo> = Table::<LinkInfo>::new(&[
    Column::new("LINK", 12, |link| Cell::from(&link.name)),
    Column::new("CLASS", 10, |link| Cell::from(link.class)),
    Column::new("MTU", 7, |link| Cell::of(link.mtu)),
    Column::new("STATE", 9, |link| Cell::from(link.state)),
    // No link of ours is in an illumos bridge.
    Column::new("BRIDGE", 11, |_| Cell::Empty),
    Column::new("OVER", 30, |link| Cell::list(&link.over)),
])
.wrapped();

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let form = args.listing.form_in_old_words(&TABLE, common, out)?;
    let name = args.link.as_deref();
    let invalid = |why: &str| {
        let name = name.unwrap_or_default();
        Failure::new(format!("link {name} is not valid: {why}"))
    };
    let links = narrow(client.links()?, name, args.zone.as_ref())
        .map_err(|error| invalid(&error.to_string()).hint(CHOOSE_ZONE))?;
    if name.is_some() && links.is_empty() {
        return Err(invalid("object not found").into());
    }
    form.write(&links, out)
}
