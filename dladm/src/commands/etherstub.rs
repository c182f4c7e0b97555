//! `dladm create-etherstub`, `delete-etherstub` and `show-etherstub`

use fabric::api::{CreateEtherstub, EtherstubInfo};

use super::delete_vnic::{deletion_failed, existing_name, report_nothing};
use super::listing::ListingArgs;
use super::show_vnic::is_link;
use super::{Common, new_name};
use crate::client::Client;
use crate::error::{CommandError, Failure};
use crate::ofmt::{Cell, Column, Table, is_all};
use crate::out::Out;

/// The grammar of create-etherstub, as the manual has it.
pub(crate) const CREATE_SYNOPSIS: &str = "[-t] etherstub";

/// Create an etherstub
///
/// An etherstub is a switch with no wire: VNICs on it reach each other and
/// nobody else. Its name is letters, digits, `_` and `.`, and ends in a number.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct CreateArgs {
    /// Forget it at the next boot
    #[arg(short = 't', long)]
    temporary: bool,
    /// The name
    #[arg(value_name = "ETHERSTUB")]
    etherstub: String,
}

pub(crate) fn create(
    args: &CreateArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let name = new_name(&args.etherstub)?;
    let wanted = CreateEtherstub { name, temporary: args.temporary };
    let made = client.create_etherstub(&wanted).map_err(|error| {
        CommandError::status("etherstub creation failed", error)
    })?;
    if common.json {
        out.json(&[made])?;
    }
    Ok(())
}

/// The grammar of delete-etherstub, as the manual has it.
pub(crate) const DELETE_SYNOPSIS: &str = "[-t] etherstub";

/// Delete an etherstub
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// Accepted, and changes nothing: what is deleted does not come back
    #[arg(short = 't', long)]
    temporary: bool,
    /// The etherstub
    #[arg(value_name = "ETHERSTUB")]
    etherstub: String,
}

pub(crate) fn delete(
    args: &DeleteArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let name = existing_name(&args.etherstub)?;
    client
        .delete_etherstub(&name)
        .map_err(|error| deletion_failed(&name, error))?;
    report_nothing(common, out)
}

/// The grammar of show-etherstub, as the manual has it.
pub(crate) const SHOW_SYNOPSIS: &str = "[-t] [-p] [etherstub]";

/// List etherstubs
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct ShowArgs {
    /// Accepted, and changes nothing
    #[arg(short = 't', long)]
    temporary: bool,
    #[arg(short = 'l', long, hide = true, value_parser = no_link)]
    link: Option<String>,
    #[command(flatten)]
    listing: ListingArgs,
    /// List only this etherstub
    #[arg(value_name = "ETHERSTUB")]
    etherstub: Option<String>,
}

fn no_link(_: &str) -> Result<String, &'static str> {
    Err("option not supported for this command")
}

const TABLE: Table<EtherstubInfo> =
    Table::new(&[Column::new("LINK", 13, |stub| Cell::from(&stub.name))]);

pub(crate) fn show(
    args: &ShowArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let mut listing = args.listing.clone();
    // One column, so `-p` need not say which: NIC tag scripts rely on it.
    if listing.parsable && listing.output.as_deref().is_none_or(is_all) {
        listing.output = Some("link".to_owned());
    }
    let form = listing.form(&TABLE, common, out)?;
    let mut stubs = client.etherstubs()?;
    if let Some(name) = &args.etherstub {
        stubs.retain(|stub| stub.name.as_str() == name);
        if stubs.is_empty() && !is_link(client, name, None)? {
            // The original shares show-vnic's code, and this message.
            let text = format!("invalid vnic name '{name}': object not found");
            return Err(Failure::new(text).into());
        }
    }
    form.write(&stubs, out)
}
