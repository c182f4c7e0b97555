//! `flowadm show-flow`

use fabric::api::FlowInfo;

use super::listing::ListingArgs;
use super::zoned::ZoneArg;
use super::{Common, flows};
use crate::client::Client;
use crate::error::{CommandError, Failure};
use crate::ofmt::{Cell, Column, Table};
use crate::out::Out;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str =
    "[-P] [-l link] [-z zone] [[-p] -o field,..] [flow]";

/// List flows
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// List only what will be there after the next boot
    #[arg(short = 'P', long)]
    persistent: bool,
    /// List only the flows of this VNIC
    #[arg(short = 'l', long, value_name = "LINK", allow_hyphen_values = true)]
    link: Option<String>,
    /// List only the flows of VNICs in this zone; '' is the host
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
    /// List only this flow
    #[arg(value_name = "FLOW")]
    flow: Option<String>,
}

const TABLE: Table<FlowInfo> = Table::new(&[
    Column::new("FLOW", 12, |flow| Cell::from(&flow.name)),
    Column::new("LINK", 12, |flow| Cell::from(&flow.link)),
    Column::new("IPADDR", 25, |flow| Cell::from(flow.attrs.addresses())),
    Column::new("PROTO", 7, |flow| Cell::of(flow.attrs.transport())),
    Column::new("LPORT", 8, |flow| Cell::of(flow.attrs.local_port())),
    Column::new("RPORT", 8, |flow| Cell::of(flow.attrs.remote_port())),
    Column::new("DSFLD", 10, |flow| Cell::of(flow.attrs.dsfield())),
    Column::new("ZONE", 20, |flow: &FlowInfo| Cell::of(flow.zone.as_ref()))
        .on_request(),
]);

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let form = args.listing.form(&TABLE, common, out)?;
    let rows = args.chosen(client)?;
    form.write(&rows, out)
}

impl Args {
    fn chosen(&self, client: &Client) -> Result<Vec<FlowInfo>, CommandError> {
        let (name, link) = (self.flow.as_deref(), self.link.as_deref());
        let zone = self.zone.as_ref();
        let invalid = flows::invalid_flow;
        let mut rows = flows::flows(client, name, link, zone, invalid)?;
        if self.persistent {
            lasting(&mut rows, name)?;
        }
        Ok(rows)
    }
}

/// Leaves what will be there after the next boot. A flow that was named must be
/// among it.
pub(super) fn lasting(
    rows: &mut Vec<FlowInfo>,
    name: Option<&str>,
) -> Result<(), Failure> {
    rows.retain(|flow| !flow.temporary);
    match name {
        Some(name) if rows.is_empty() => {
            Err(Failure::new(flows::invalid_flow(name))
                .hint("it is temporary, and will not be there"))
        }
        _ => Ok(()),
    }
}
