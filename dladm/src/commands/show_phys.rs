//! `dladm show-phys`

use fabric::api::PhysInfo;

use super::Common;
use super::listing::ListingArgs;
use crate::client::Client;
use crate::error::{CommandError, Failure};
use crate::ofmt::{Cell, Column, Table};
use crate::out::Out;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str = "[[-p] -o field,..] [phys-link]";

/// List physical links
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    listing: ListingArgs,
    /// List only this link
    #[arg(value_name = "PHYS-LINK")]
    link: Option<String>,
}

const TABLE: Table<PhysInfo> = Table::new(&[
    Column::new("LINK", 13, |phys| Cell::from(&phys.name)),
    Column::new("MEDIA", 21, |phys| Cell::from(&phys.media)),
    Column::new("STATE", 11, |phys| Cell::from(phys.state)),
    // Mb/s
    Column::new("SPEED", 7, |phys| Cell::from(phys.speed)),
    Column::new("DUPLEX", 10, |phys| Cell::from(phys.duplex)),
    Column::new("DEVICE", 13, |phys| Cell::from(&phys.device)),
    // `r` would be a link whose NIC was removed; Linux forgets those.
    Column::<PhysInfo>::new("FLAGS", 7, |_| Cell::from("-----")).on_request(),
]);

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let form = args.listing.form_in_old_words(&TABLE, common, out)?;
    let mut links = client.phys()?;
    if let Some(name) = &args.link {
        links.retain(|link| link.name.as_str() == name);
        if links.is_empty() {
            let all = client.links()?;
            let other = all.iter().any(|link| link.name.as_str() == name);
            let text = if other {
                format!("'{name}' is not a physical link")
            } else {
                format!("link {name} is not valid: object not found")
            };
            return Err(Failure::new(text).into());
        }
    }
    form.write(&links, out)
}
