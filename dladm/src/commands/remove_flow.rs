//! `flowadm remove-flow`

use fabric::{FlowName, Status};

use super::delete_vnic::report_nothing;
use super::zoned::ZoneArg;
use super::{Common, flows};
use crate::client::Client;
use crate::error::{CommandError, Failure};
use crate::out::Out;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str = "[-t] [-z zone] {-l link | flow}";

/// Remove a flow, or all flows of a VNIC
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Accepted, and changes nothing: what is removed does not come back
    #[arg(short = 't', long)]
    temporary: bool,
    /// The zone that the VNIC is in; '' is the host
    ///
    /// Needed only where several zones have a flow or a link of this name.
    #[arg(
        short = 'z',
        long,
        value_name = "ZONE",
        value_parser = ZoneArg::parse,
        allow_hyphen_values = true
    )]
    zone: Option<ZoneArg>,
    /// Remove all flows of this VNIC
    #[arg(short = 'l', long, value_name = "LINK", allow_hyphen_values = true)]
    link: Option<String>,
    /// The flow
    #[arg(value_name = "FLOW")]
    flow: Option<String>,
}

const FAILED: &str = "remove flow failed";

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let removed = match (&args.link, &args.flow) {
        (Some(name), None) => {
            let link = flows::link(client, name, args.zone.as_ref())?;
            let zone = link.zone.unwrap_or_default();
            client.delete_flows_of(&link.name, Some(&zone))
        }
        (None, Some(name)) => {
            let zone = args.zone.as_ref().map(ZoneArg::text);
            let name = existing_name(name)?;
            client.delete_flow(&name, zone.as_deref())
        }
        _ => {
            let text = "either a flow or the option -l is required";
            return Err(CommandError::Usage(text.to_owned()));
        }
    };
    removed.map_err(|error| CommandError::status(FAILED, error))?;
    report_nothing(common, out)
}

/// Reads the name of something to remove. What can't be a name names nothing,
/// which netd need not be asked.
fn existing_name(text: &str) -> Result<FlowName, Failure> {
    let nothing = Status::ObjectNotFound;
    text.parse().map_err(|_| Failure::new(format!("{FAILED}: {nothing}")))
}
