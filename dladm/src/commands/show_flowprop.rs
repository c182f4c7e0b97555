//! `flowadm show-flowprop`

use fabric::api::FlowInfo;
use fabric::{FlowName, FlowProp, FlowProps, LinkName};
use serde::Serialize;

use super::listing::PropListingArgs;
use super::show_flow::lasting;
use super::show_linkprop::unpadded;
use super::zoned::ZoneArg;
use super::{Common, flow_props, flows};
use crate::client::Client;
use crate::error::CommandError;
use crate::ofmt::{Cell, Column, Table};
use crate::out::Out;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str =
    "[-P] [-l link] [-z zone] [[-c] -o field,..] [-p prop[,..]] [flow]";

/// List properties of flows
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Show what will hold after the next boot
    #[arg(short = 'P', long)]
    persistent: bool,
    /// List only properties of the flows of this VNIC
    #[arg(short = 'l', long, value_name = "LINK", allow_hyphen_values = true)]
    link: Option<String>,
    /// List only properties of the flows of VNICs in this zone; '' is the host
    #[arg(
        short = 'z',
        long,
        value_name = "ZONE",
        value_parser = ZoneArg::parse,
        allow_hyphen_values = true
    )]
    zone: Option<ZoneArg>,
    #[command(flatten)]
    listing: PropListingArgs,
    /// List only these properties
    #[arg(
        short = 'p',
        long,
        value_name = "PROP[,..]",
        allow_hyphen_values = true
    )]
    prop: Vec<String>,
    /// List only the properties of this flow
    #[arg(value_name = "FLOW")]
    flow: Option<String>,
}

/// A property of a flow.
#[derive(Debug, Serialize)]
struct Row {
    flow: FlowName,
    link: LinkName,
    /// Where the flow's VNIC is; null: netd's own namespace.
    zone: Option<String>,
    property: FlowProp,
    #[serde(serialize_with = "unpadded")]
    value: Vec<String>,
    #[serde(serialize_with = "unpadded")]
    default: Vec<String>,
    possible: Vec<String>,
}

const TABLE: Table<Row> = Table::new(&[
    Column::new("FLOW", 13, |row| Cell::from(&row.flow)),
    Column::new("PROPERTY", 16, |row| Cell::from(row.property)),
    Column::new("VALUE", 15, |row| Cell::list(&row.value)),
    Column::new("DEFAULT", 15, |row| Cell::list(&row.default)),
    Column::new("POSSIBLE", 21, |row| Cell::list(&row.possible)),
]);

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let form = args.listing.form(&TABLE, common, out)?;
    let message = "invalid flow properties specified";
    let mut props = flow_props::parse_names(&args.prop, message)?;
    if props.is_empty() {
        props = FlowProp::ALL.to_vec();
    }
    let (name, link) = (args.flow.as_deref(), args.link.as_deref());
    let zone = args.zone.as_ref();
    let mut found =
        flows::flows(client, name, link, zone, flows::invalid_flow)?;
    if args.persistent {
        lasting(&mut found, name)?;
    }
    let rows = found.iter().flat_map(|flow| {
        props.iter().map(|prop| row(flow, *prop, args.persistent))
    });
    let rows: Vec<Row> = rows.collect();
    form.write(&rows, out)
}

fn row(flow: &FlowInfo, property: FlowProp, persistent: bool) -> Row {
    let kept = flow.kept_props.filter(|_| persistent);
    let possible = flow_props::choices(property).unwrap_or_default();
    let possible = possible.split(',').filter(|word| !word.is_empty());
    Row {
        flow: flow.name.clone(),
        link: flow.link.clone(),
        zone: flow.zone.clone(),
        property,
        value: flow_props::value(kept.unwrap_or(flow.props), property),
        default: flow_props::value(FlowProps::default(), property),
        possible: possible.map(str::to_owned).collect(),
    }
}
