//! `dladm set-linkprop` and `dladm reset-linkprop`
//!
//! Properties that are named together change together, or not at all. Every
//! fault is told, each as a warning in the original's words.

use fabric::api::{
    ChangeLink, ChangeVnic, LinkInfo, SetLinkProps, SetProps, VnicInfo,
};
use fabric::{LinkClass, Status};
use serde::Serialize;

use super::Common;
use super::link_props::{
    LinkProp, PROPS, Refusal, Target, cannot, read, read_names,
};
use super::show_link;
use super::zoned::ZoneArg;
use crate::client::{Client, ClientError};
use crate::error::{CommandError, Failure};
use crate::out::Out;
use crate::proplist::{self, Prop};

/// The grammar of set-linkprop, as the manual has it.
pub(crate) const SET_SYNOPSIS: &str = "[-t] [-z zone] -p prop=value[,..] link";

/// The grammar of reset-linkprop, as the manual has it.
pub(crate) const RESET_SYNOPSIS: &str = "[-t] [-z zone] [-p prop[,..]] link";

/// What both verbs are told.
#[derive(Clone, Debug, clap::Args)]
struct ChangeArgs {
    /// Forget the change at the next boot
    #[arg(short = 't', long)]
    temporary: bool,
    /// The zone that the link is in; '' is the host
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
    /// The link
    #[arg(value_name = "LINK")]
    link: String,
}

/// Set properties of a link
///
/// `show-linkprop` lists a link's properties, and which of them can be set.
/// Those named in one command change together: if one of them can't be set,
/// none is. Traffic goes on meanwhile.
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

/// Reset properties of a link to their defaults
///
/// Without `-p`, all that can be set.
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

pub(crate) fn set(
    args: &SetArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let list = parse(&args.prop)?;
    if list.is_empty() {
        return Err(Failure::new("link property must be specified").into());
    }
    let link = args.change.find(client)?;
    let target = Target::Link(link.name.as_str(), link.class);
    let set = read(target, &list).map_err(|refusals| tell(&refusals, out))?;
    let names: Vec<_> = list.iter().map(|prop| prop.name.as_str()).collect();
    let changed = args
        .change
        .ask(client, &link, set, &[])
        .map_err(|error| refused("set", &names, &link, error, out))?;
    report(&[changed], common, out)
}

pub(crate) fn reset(
    args: &ResetArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let list = parse(&args.prop)?;
    if list.iter().any(|prop| !prop.values.is_empty()) {
        let hint = "reset-linkprop takes names only";
        return Err(Failure::new(INVALID_LIST).hint(hint).into());
    }
    let link = args.change.find(client)?;
    let target = Target::Link(link.name.as_str(), link.class);
    let props = if list.is_empty() {
        PROPS.iter().filter(|prop| prop.can_change(link.class)).collect()
    } else {
        read_names(target, &list).map_err(|refusals| tell(&refusals, out))?
    };
    if props.is_empty() {
        return report(&[], common, out);
    }
    let names: Vec<_> = props.iter().map(|prop| prop.name).collect();
    let changed =
        args.change
            .ask(client, &link, SetProps::default(), &props)
            .map_err(|error| refused("reset", &names, &link, error, out))?;
    report(&[changed], common, out)
}

/// A link as it is now.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Changed {
    /// One that VNICs sit on.
    Link(LinkInfo),
    Vnic(Box<VnicInfo>),
}

pub(super) const INVALID_LIST: &str = "invalid link properties specified";

/// Reads what all `-p` said; no `-p` is the empty list.
pub(super) fn parse(texts: &[String]) -> Result<Vec<Prop>, Failure> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let text = proplist::join(texts)
        .map_err(|error| Failure::new(error.to_string()))?;
    proplist::parse(&text)
        .map_err(|error| Failure::new(INVALID_LIST).hint(error.to_string()))
}

impl ChangeArgs {
    /// The one link that is meant.
    fn find(&self, client: &Client) -> Result<LinkInfo, CommandError> {
        let name = Some(self.link.as_str());
        let links = show_link::named(client, name, self.zone.as_ref())?;
        let mut links = links.into_iter();
        Ok(links.next().expect("a name that is given is found, or an error"))
    }

    /// Has netd change a link: of a VNIC, its own properties, else what is
    /// about the VNICs over it.
    fn ask(
        &self,
        client: &Client,
        link: &LinkInfo,
        set: SetProps,
        reset: &[&LinkProp],
    ) -> Result<Changed, ClientError> {
        let temporary = self.temporary;
        if link.class != LinkClass::Vnic {
            let set = SetLinkProps { maxbw: set.maxbw };
            let reset = reset.iter().filter_map(|prop| prop.link).collect();
            let change = ChangeLink { set, reset, temporary };
            let changed = client.change_link(&link.name, &change)?;
            return Ok(Changed::Link(changed));
        }
        let reset = reset.iter().filter_map(|prop| prop.vnic).collect();
        let change = ChangeVnic { set, reset, temporary };
        let named = self.zone.as_ref().map(ZoneArg::text);
        let found = || link.zone.clone().unwrap_or_default();
        let zone = named.unwrap_or_else(found);
        let changed = client.change_vnic(&link.name, Some(&zone), &change)?;
        Ok(Changed::Vnic(Box::new(changed)))
    }
}

/// Warns of every property that can't be what was asked for, and hints at the
/// first.
fn tell(refusals: &[Refusal], out: &mut Out) -> CommandError {
    for refusal in refusals {
        out.warn(&refusal.warning);
    }
    let hint = refusals.iter().find_map(|refusal| refusal.hint.clone());
    if let Some(hint) = hint {
        Failure::new("").hint(hint).explain(out);
    }
    CommandError::Told
}

/// Says why netd changed nothing: of the property that it speaks of, where
/// that can be told, or else of all.
fn refused(
    verb: &str,
    names: &[&str],
    link: &LinkInfo,
    error: ClientError,
    out: &mut Out,
) -> CommandError {
    let ClientError::Problem(problem) = error else { return error.into() };
    let named = |prop: &&str| {
        names.iter().copied().find(|name| name.eq_ignore_ascii_case(prop))
    };
    let guilty = match suspects(problem.code).iter().find_map(named) {
        Some(name) => vec![name],
        None => names.to_vec(),
    };
    for name in guilty {
        let link = link.name.as_str();
        out.warn(&cannot(verb, name, link, &problem.title));
    }
    Failure::new("").because(*problem).explain(out);
    CommandError::Told
}

/// The properties that a refusal of netd's can be about, whatever else was
/// asked: the first of them that was named is.
fn suspects(status: Status) -> &'static [&'static str] {
    match status {
        Status::MtuRange => &["mtu"],
        Status::MacInUse | Status::MacReserved => &["secondary-macs"],
        Status::MaxBwFloor => &["maxbw"],
        Status::MinBwFloor => &["minbw"],
        Status::NoSuchProcessor | Status::ProcessorOffline => &["cpus"],
        // Too many of them, or not for this TAP.
        Status::InvalidValue | Status::NotSupported => &["rxrings", "txrings"],
        Status::NoBandwidth => &["minbw", "maxbw"],
        _ => &[],
    }
}

fn report(
    changed: &[Changed],
    common: Common,
    out: &mut Out,
) -> Result<(), CommandError> {
    if common.json {
        out.json(&changed)?;
    }
    Ok(())
}
