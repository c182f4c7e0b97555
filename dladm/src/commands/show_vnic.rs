//! `dladm show-vnic`

use fabric::api::{VnicCounters, VnicInfo};

use super::Common;
use super::listing::ListingArgs;
use super::zoned::{CHOOSE_ZONE, ZoneArg, narrow};
use crate::client::Client;
use crate::error::{CommandError, Failure};
use crate::ofmt::{Cell, Column, Table};
use crate::out::Out;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str =
    "[-l link] [-s] [-z zone] [[-p] -o field,..] [vnic]";

/// List VNICs
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// List only the VNICs over this link or NIC tag
    #[arg(short = 'l', long, value_name = "LINK", allow_hyphen_values = true)]
    link: Option<String>,
    /// Show what went through, since the VNIC was created
    #[arg(short = 's', long)]
    statistics: bool,
    /// List only the VNICs of this zone; '' is the host
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
    /// List only this VNIC
    #[arg(value_name = "VNIC")]
    vnic: Option<String>,
}

const TABLE: Table<VnicInfo> = Table::new(&[
    Column::new("LINK", 13, |vnic| Cell::from(&vnic.name)),
    // Unknown where a NIC tag leads nowhere.
    Column::new("OVER", 11, |vnic| Cell::known(vnic.over.as_ref())),
    // Mb/s
    Column::new("SPEED", 6, |vnic| Cell::from(vnic.speed)),
    Column::new("MACADDRESS", 18, |vnic| Cell::from(vnic.mac)),
    Column::new("MACADDRTYPE", 12, |vnic| Cell::from(vnic.mac_type)),
    Column::new("VID", 5, |vnic| Cell::from(vnic.vid)),
    // The host's end: what a TAP is opened by.
    Column::new("DEVICE", 16, |vnic: &VnicInfo| Cell::from(&vnic.host_end))
        .on_request(),
    Column::new("ZONE", 20, |vnic| Cell::of(vnic.zone.as_ref())),
    Column::new("LEARNED", 39, |vnic: &VnicInfo| {
        let learned = vnic.learned.iter();
        let learned: Vec<_> =
            learned.map(|learned| learned.address.to_string()).collect();
        Cell::from(learned.join(","))
    })
    .on_request(),
]);

const COUNTERS: Table<VnicCounters> = Table::new(&[
    Column::new("LINK", 13, |vnic| Cell::from(&vnic.name)),
    // The zone of a VM is named by a UUID: 36 characters.
    Column::new("ZONE", 37, |vnic| Cell::of(vnic.zone.as_ref())),
    Column::new("IPACKETS", 11, |vnic| Cell::from(vnic.ipackets)),
    Column::new("RBYTES", 13, |vnic| Cell::from(vnic.rbytes)),
    Column::new("OPACKETS", 11, |vnic| Cell::from(vnic.opackets)),
    Column::new("OBYTES", 13, |vnic| Cell::from(vnic.obytes)),
    Column::new("DROPS", 9, |vnic| Cell::from(dropped(vnic))),
]);

/// The frames of a guest's and for it that were dropped, for whatever reason.
fn dropped(vnic: &VnicCounters) -> u64 {
    vnic.drops.iter().fold(0, |sum, drop| sum.saturating_add(drop.packets))
}

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    if args.statistics {
        let form = args.listing.form(&COUNTERS, common, out)?;
        let vnics = chosen(args, client)?;
        let mut counters = client.vnic_counters()?;
        counters.retain(|row| {
            vnics.iter().any(|v| v.name == row.name && v.zone == row.zone)
        });
        return form.write(&counters, out);
    }
    let form = args.listing.form(&TABLE, common, out)?;
    let vnics = chosen(args, client)?;
    form.write(&vnics, out)
}

/// The VNICs that the options and the operand mean.
fn chosen(args: &Args, client: &Client) -> Result<Vec<VnicInfo>, CommandError> {
    let name = args.vnic.as_deref();
    let invalid = |why: &str| {
        let name = name.unwrap_or_default();
        Failure::new(format!("invalid vnic name '{name}': {why}"))
    };
    let mut vnics = narrow(client.vnics()?, name, args.zone.as_ref())
        .map_err(|error| invalid(&error.to_string()).hint(CHOOSE_ZONE))?;
    if vnics.is_empty()
        && let Some(name) = name
        && !is_link(client, name, args.zone.as_ref())?
    {
        return Err(invalid("object not found").into());
    }
    if let Some(over) = &args.link {
        vnics.retain(|vnic| sits_on(vnic, over));
        if vnics.is_empty() && !carries(client, over)? {
            let text = format!("invalid link name '{over}': object not found");
            return Err(Failure::new(text).into());
        }
    }
    Ok(vnics)
}

/// Whether a VNIC was created over the link or the NIC tag, or sits there now.
fn sits_on(vnic: &VnicInfo, over: &str) -> bool {
    vnic.over.as_ref().is_some_and(|link| link.as_str() == over)
        || vnic.nic_tag.as_ref().is_some_and(|tag| tag.as_str() == over)
}

/// Whether any link has the name: a link of another class has no VNIC to show,
/// and is no error.
pub(super) fn is_link(
    client: &Client,
    name: &str,
    zone: Option<&ZoneArg>,
) -> Result<bool, CommandError> {
    let links = client.links()?;
    let mut named = links.iter().filter(|link| link.name.as_str() == name);
    Ok(named
        .any(|link| zone.is_none_or(|zone| zone.means(link.zone.as_deref()))))
}

/// Whether a VNIC could sit on something with this name.
fn carries(client: &Client, over: &str) -> Result<bool, CommandError> {
    if is_link(client, over, None)? {
        return Ok(true);
    }
    let tags = client.nic_tags()?.tags;
    Ok(tags.iter().any(|tag| tag.name == over))
}
