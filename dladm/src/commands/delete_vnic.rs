//! `dladm delete-vnic`

use fabric::{LinkName, Status};

use super::Common;
use super::zoned::ZoneArg;
use crate::client::{Client, ClientError};
use crate::error::{CommandError, Failure};
use crate::out::Out;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str = "[-t] [-z zone] vnic";

/// Delete a VNIC
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Accepted, and changes nothing: what is deleted does not come back
    #[arg(short = 't', long)]
    temporary: bool,
    /// The zone that the VNIC is in; '' is the host
    ///
    /// Needed only where several zones have a VNIC of this name.
    #[arg(
        short = 'z',
        long,
        value_name = "ZONE",
        value_parser = ZoneArg::parse,
        allow_hyphen_values = true
    )]
    zone: Option<ZoneArg>,
    /// The VNIC
    #[arg(value_name = "VNIC")]
    vnic: String,
}

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let name = existing_name(&args.vnic)?;
    let zone = args.zone.as_ref().map(ZoneArg::text);
    client
        .delete_vnic(&name, zone.as_deref())
        .map_err(|error| deletion_failed(&name, error))?;
    report_nothing(common, out)
}

/// Reads the name of something to delete. What can't be a name names nothing,
/// which netd need not be asked.
pub(super) fn existing_name(text: &str) -> Result<LinkName, Failure> {
    text.parse()
        .map_err(|_| Failure::new(format!("invalid link name '{text}'")))
}

/// Says why a VNIC or an etherstub is still there. Both are `vnic deletion`,
/// as in the original.
pub(super) fn deletion_failed(
    name: &LinkName,
    error: ClientError,
) -> CommandError {
    let ClientError::Problem(problem) = error else { return error.into() };
    let message = match problem.code {
        Status::ObjectNotFound => format!("invalid link name '{name}'"),
        // "'x' is not a vnic", or the zones that have one.
        Status::InvalidLink | Status::InvalidArgument => problem.detail.clone(),
        _ => format!("vnic deletion failed: {}", problem.title),
    };
    Failure::new(message).because(*problem).into()
}

/// A deletion leaves nothing to show: silence, or the empty JSON list.
pub(super) fn report_nothing(
    common: Common,
    out: &mut Out,
) -> Result<(), CommandError> {
    if common.json {
        out.json::<[(); 0]>(&[])?;
    }
    Ok(())
}
