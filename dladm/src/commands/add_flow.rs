//! `flowadm add-flow`
//!
//! The order in which faults are found is part of the interface: the link, the
//! name, the two lists, and then what the library or netd says.

use fabric::api::{CreateFlow, FlowInfo};
use fabric::{
    FlowAttrs, FlowAttrsError, FlowName, FlowNameError, FlowProps, Status,
};

use super::zoned::ZoneArg;
use super::{Common, flow_props, flows};
use crate::client::Client;
use crate::error::{CommandError, Failure};
use crate::out::Out;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str = "[-t] [-z zone] -l link \
    -a attr=value[,..] [-p prop=value[,..]] flow";

/// Add a flow to a VNIC
///
/// Attributes: `local_ip` and `remote_ip`, an address or a CIDR prefix;
/// `transport`, one of tcp, udp, sctp, icmp and icmpv6; `local_port` and
/// `remote_port`, 1 to 65535, with a transport; `dsfield`, a value and a mask,
/// both hexadecimal. Local is the VNIC's side, whoever sends. Any of them go
/// together, and a frame must have all of them.
///
/// Properties: `maxbw`, the most that is sent and received in the flow, a number
/// with K, M or G, and 0 to block it; `priority`, what the VNIC sends first: low,
/// medium or high.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Forget it at the next boot
    #[arg(short = 't', long)]
    temporary: bool,
    /// The zone that the VNIC is in; '' is the host
    ///
    /// Needed only where several zones have a link of this name.
    #[arg(
        short = 'z',
        long,
        value_name = "ZONE",
        value_parser = ZoneArg::parse,
        allow_hyphen_values = true
    )]
    zone: Option<ZoneArg>,
    /// The VNIC
    #[arg(short = 'l', long, value_name = "LINK", allow_hyphen_values = true)]
    link: Option<String>,
    /// What a frame must have to be in it
    #[arg(
        short = 'a',
        long,
        value_name = "ATTR=VALUE[,..]",
        allow_hyphen_values = true
    )]
    attr: Vec<String>,
    /// Set a property
    #[arg(
        short = 'p',
        long,
        value_name = "PROP=VALUE[,..]",
        allow_hyphen_values = true
    )]
    prop: Vec<String>,
    /// The name
    #[arg(value_name = "FLOW")]
    flow: Vec<String>,
}

const FAILED: &str = "add flow failed";

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let made = add(args, client)?;
    if common.json {
        out.json(&made)?;
    }
    Ok(())
}

fn add(args: &Args, client: &Client) -> Result<Vec<FlowInfo>, CommandError> {
    let zone = args.zone.as_ref();
    let link = args.link.as_deref();
    let link = link.map(|name| flows::link(client, name, zone)).transpose()?;
    let link = link.ok_or_else(|| Failure::new("link is required"))?;
    let name = name(&args.flow)?;
    let attrs = args.attr.join(",").parse::<FlowAttrs>();
    // What is no list is found before the properties are looked at, and a value
    // that can't be after them.
    if let Err(error) = &attrs
        && error.status() == Status::InvalidFlowAttr
    {
        let text = "invalid flow attribute specified";
        return Err(Failure::new(text).hint(error.to_string()).into());
    }
    let text = "invalid flow property specified";
    let props = flow_props::parse(&args.prop, text)?;
    let attrs = attrs.map_err(|error| bad_attrs(&error))?;
    let props = flow_props::read(&props).map_err(|bad| bad_props(&bad))?;
    let wanted = CreateFlow {
        name,
        zone: Some(link.zone.unwrap_or_default()),
        link: link.name,
        attrs,
        props: props.over(FlowProps::default()),
        temporary: args.temporary,
    };
    client
        .create_flows(&[wanted])
        .map_err(|error| CommandError::status(FAILED, error))
}

/// The one operand. Several are an attribute list that went astray.
fn name(operands: &[String]) -> Result<FlowName, Failure> {
    let [text] = operands else {
        return Err(Failure::new(FlowNameError::Missing.to_string()));
    };
    text.parse().map_err(|error: FlowNameError| match error {
        FlowNameError::Missing | FlowNameError::TooLong => {
            Failure::new(error.to_string())
        }
        _ => Failure::new(format!("invalid flow name '{text}'"))
            .hint(error.to_string()),
    })
}

fn bad_attrs(error: &FlowAttrsError) -> Failure {
    let failure = Failure::new(format!("{FAILED}: {}", error.status()));
    // The value's own rule says more than that it is broken.
    match error {
        FlowAttrsError::Value { source, .. } => {
            failure.hint(format!("{error}: {source}"))
        }
        _ => failure.hint(error.to_string()),
    }
}

fn bad_props(bad: &[flow_props::BadValue]) -> Failure {
    let first = bad.first();
    let status = first.map_or(Status::InvalidArgument, |bad| bad.status);
    let hint = first.and_then(|bad| match flow_props::choices(bad.prop) {
        Some(words) => Some(format!("{} must be one of: {words}", bad.prop)),
        None => bad.hint.clone(),
    });
    let failure = Failure::new(format!("{FAILED}: {status}"));
    match hint {
        Some(hint) => failure.hint(hint),
        None => failure,
    }
}
