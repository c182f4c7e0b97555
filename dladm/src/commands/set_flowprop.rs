//! `flowadm set-flowprop` and `flowadm reset-flowprop`
//!
//! Properties that are named together change together, or not at all. Every
//! fault is told, each as a warning in the original's words.

use fabric::api::{ChangeFlow, SetFlowProps};
use fabric::{FlowName, FlowProp, Status};

use super::zoned::ZoneArg;
use super::{Common, flow_props};
use crate::client::{Client, ClientError};
use crate::error::{CommandError, Failure};
use crate::out::Out;

/// The grammar of set-flowprop, as the manual has it.
pub(crate) const SET_SYNOPSIS: &str = "[-t] [-z zone] -p prop=value[,..] flow";

/// The grammar of reset-flowprop, as the manual has it.
pub(crate) const RESET_SYNOPSIS: &str = "[-t] [-z zone] [-p prop[,..]] flow";

/// What both verbs are told.
#[derive(Clone, Debug, clap::Args)]
struct ChangeArgs {
    /// Forget the change at the next boot
    #[arg(short = 't', long)]
    temporary: bool,
    /// The zone that the flow's VNIC is in; '' is the host
    ///
    /// Needed only where several zones have a flow of this name.
    #[arg(
        short = 'z',
        long,
        value_name = "ZONE",
        value_parser = ZoneArg::parse,
        allow_hyphen_values = true
    )]
    zone: Option<ZoneArg>,
    /// The flow
    #[arg(value_name = "FLOW")]
    flow: Option<String>,
}

/// Set properties of a flow
///
/// `show-flowprop` lists a flow's properties. Those named in one command change
/// together: if one of them can't be set, none is. Traffic goes on meanwhile.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct SetArgs {
    #[command(flatten)]
    change: ChangeArgs,
    /// The properties with their values
    #[arg(
        short = 'p',
        long,
        value_name = "PROP=VALUE[,..]",
        allow_hyphen_values = true
    )]
    prop: Vec<String>,
}

/// Reset properties of a flow to their defaults
///
/// Without `-p`, all of them.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ResetArgs {
    #[command(flatten)]
    change: ChangeArgs,
    /// The properties
    #[arg(
        short = 'p',
        long,
        value_name = "PROP[,..]",
        allow_hyphen_values = true
    )]
    prop: Vec<String>,
}

const INVALID_LIST: &str = "invalid flow property specified";

pub(crate) fn set(
    args: &SetArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let flow = args.change.flow()?;
    let list = flow_props::parse(&args.prop, INVALID_LIST)?;
    if list.is_empty() {
        return Err(Failure::new("flow property must be specified").into());
    }
    let set = flow_props::read(&list).map_err(|bad| tell(flow, &bad, out))?;
    let props: Vec<FlowProp> = list.iter().map(|(prop, _)| *prop).collect();
    args.change.ask("set", &props, set, &[], common, client, out)
}

pub(crate) fn reset(
    args: &ResetArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    args.change.flow()?;
    let mut props = flow_props::parse_names(&args.prop, INVALID_LIST)?;
    if props.is_empty() {
        props = FlowProp::ALL.to_vec();
    }
    let set = SetFlowProps::default();
    args.change.ask("reset", &props, set, &props, common, client, out)
}

impl ChangeArgs {
    /// The operand.
    fn flow(&self) -> Result<&str, Failure> {
        let missing = || Failure::new("flow name must be specified");
        self.flow.as_deref().ok_or_else(missing)
    }

    /// Has netd change the flow, and says why it didn't.
    #[expect(clippy::too_many_arguments, reason = "what both verbs say of it")]
    fn ask(
        &self,
        verb: &str,
        props: &[FlowProp],
        set: SetFlowProps,
        reset: &[FlowProp],
        common: Common,
        client: &Client,
        out: &mut Out,
    ) -> Result<(), CommandError> {
        let flow = self.flow()?;
        // What can't be a name names nothing, which netd need not be asked.
        let Ok(name) = flow.parse::<FlowName>() else {
            for prop in props {
                out.warn(&cannot(verb, *prop, flow, Status::ObjectNotFound));
            }
            return Err(CommandError::Told);
        };
        let (reset, temporary) = (reset.to_vec(), self.temporary);
        let change = ChangeFlow { set, reset, temporary };
        let zone = self.zone.as_ref().map(ZoneArg::text);
        match client.change_flow(&name, zone.as_deref(), &change) {
            Ok(changed) if common.json => Ok(out.json(&[changed])?),
            Ok(_) => Ok(()),
            Err(ClientError::Problem(problem)) => {
                for prop in props {
                    out.warn(&cannot(verb, *prop, flow, problem.code));
                }
                Failure::new("").because(*problem).explain(out);
                Err(CommandError::Told)
            }
            Err(error) => Err(error.into()),
        }
    }
}

/// Warns of every value that can't be, and hints at the first.
fn tell(
    flow: &str,
    bad: &[flow_props::BadValue],
    out: &mut Out,
) -> CommandError {
    for flow_props::BadValue { prop, value, status, .. } in bad {
        let choices = flow_props::choices(*prop);
        out.warn(&match (value, status, choices) {
            (None, ..) => format!("no value specified for '{prop}'"),
            (Some(_), Status::InvalidValue, Some(words)) => {
                format!("flow property '{prop}' must be one of: {words}")
            }
            (Some(value), Status::InvalidValue, None) => {
                format!("{value} is an invalid value for flow property {prop}")
            }
            _ => cannot("set", *prop, flow, *status),
        });
    }
    let hint = bad.iter().find_map(|bad| bad.hint.clone());
    if let Some(hint) = hint {
        Failure::new("").hint(hint).explain(out);
    }
    CommandError::Told
}

fn cannot(verb: &str, prop: FlowProp, flow: &str, status: Status) -> String {
    format!("cannot {verb} flow property '{prop}' on '{flow}': {status}")
}
