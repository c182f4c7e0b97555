//! `nictagadm add`, `update`, `delete` and `vms`

use std::collections::BTreeSet;

use fabric::api::{ChangeNicTag, CreateNicTag, NicTags};
use fabric::{LinkName, Mac, Mtu};

use super::Common;
use super::delete_vnic::report_nothing;
use crate::client::{Client, ClientError};
use crate::error::{CommandError, Failure};
use crate::out::Out;
use crate::proplist::{self, Prop};

/// Define a NIC tag, or make an etherstub
///
/// A tag names a NIC by its address, or an aggregation by its name; VNICs are
/// created over the tag. It is written to the configuration file of netd.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct AddArgs {
    /// Make a tag of this host alone: an etherstub, a switch with no wire
    #[arg(short = 'l')]
    local: bool,
    /// What the tag names, and its MTU: mac=MAC or an aggregation, mtu=BYTES
    #[arg(
        short = 'p',
        value_name = "PROP=VALUE[,..]",
        allow_hyphen_values = true
    )]
    props: Option<String>,
    /// The tag
    #[arg(value_name = "NAME", allow_hyphen_values = true)]
    name: String,
    /// What the tag names, in its older place
    #[arg(value_name = "MAC", allow_hyphen_values = true)]
    mac: Option<String>,
}

/// Let a NIC tag name another link, or give it another MTU
///
/// Its VNICs move at once.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct UpdateArgs {
    /// What the tag is to name, and its MTU
    #[arg(
        short = 'p',
        value_name = "PROP=VALUE[,..]",
        allow_hyphen_values = true
    )]
    props: Option<String>,
    /// The tag
    #[arg(value_name = "NAME", allow_hyphen_values = true)]
    name: String,
    /// What the tag is to name, in its older place
    #[arg(value_name = "MAC", allow_hyphen_values = true)]
    mac: Option<String>,
}

/// Delete a NIC tag, or an etherstub
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct DeleteArgs {
    /// Also when VNICs are on the tag: they wait until it is defined again
    #[arg(short = 'f')]
    force: bool,
    /// The tag
    #[arg(value_name = "NAME", allow_hyphen_values = true)]
    name: String,
}

/// List the zones and virtual machines that have VNICs on a NIC tag
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct VmsArgs {
    /// The tag
    #[arg(value_name = "NAME", allow_hyphen_values = true)]
    name: String,
}

pub(crate) fn add(
    args: &AddArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let change = change(args.props.as_deref(), args.mac.as_deref())?;
    let ChangeNicTag { mac, aggr, mtu } = change;
    let (name, local) = (args.name.clone(), args.local);
    let wanted = CreateNicTag { name, local, mac, aggr, mtu };
    let tags = client.create_nic_tag(&wanted).map_err(refused)?;
    tell(tags, &args.name, common, out)
}

pub(crate) fn update(
    args: &UpdateArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let change = change(args.props.as_deref(), args.mac.as_deref())?;
    let tags = client.change_nic_tag(&args.name, &change);
    tell(tags.map_err(refused)?, &args.name, common, out)
}

pub(crate) fn delete(
    args: &DeleteArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    client.delete_nic_tag(&args.name, args.force).map_err(refused)?;
    report_nothing(common, out)
}

pub(crate) fn vms(
    args: &VmsArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let vnics = client.vnics()?;
    let on = vnics.into_iter().filter(|vnic| {
        vnic.nic_tag.as_ref().is_some_and(|tag| tag.as_str() == args.name)
    });
    let zones: BTreeSet<String> = on.filter_map(|vnic| vnic.zone).collect();
    if common.json {
        return Ok(out.json(&zones)?);
    }
    for zone in zones {
        writeln!(out.data(), "{zone}")?;
    }
    Ok(())
}

/// netd's own words are those of the original.
fn refused(error: ClientError) -> CommandError {
    let ClientError::Problem(problem) = error else { return error.into() };
    Failure::new(&problem.detail).because(*problem).into()
}

/// Prints the tag as an object, where that is asked for.
fn tell(
    tags: NicTags,
    name: &str,
    common: Common,
    out: &mut Out,
) -> Result<(), CommandError> {
    if common.json {
        let tags = tags.tags.into_iter().filter(|tag| tag.name == name);
        out.json(&tags.collect::<Vec<_>>())?;
    }
    Ok(())
}

/// Reads what a tag is to name, from the list of properties or from its own
/// place, and the MTU.
fn change(
    props: Option<&str>,
    mac: Option<&str>,
) -> Result<ChangeNicTag, Failure> {
    let mut change = ChangeNicTag::default();
    let mut named = mac.map(str::to_owned);
    let list =
        props.map_or(Ok(Vec::new()), proplist::parse).map_err(|error| {
            Failure::new("invalid property list").hint(error.to_string())
        })?;
    for Prop { name, mut values } in list {
        let invalid = || Failure::new(format!("invalid property: {name}"));
        let value = values.pop().filter(|_| values.is_empty());
        let value = value.ok_or_else(invalid)?;
        match name.as_str() {
            "mac" if named.is_some() => {
                return Err(Failure::new("mac address specified twice"));
            }
            "mac" => named = Some(value),
            "mtu" => change.mtu = Some(mtu(&value)?),
            _ => return Err(invalid()),
        }
    }
    if let Some(named) = named {
        match (named.parse::<Mac>(), LinkName::for_new_link(&named)) {
            (Ok(mac), _) => change.mac = Some(mac),
            (Err(_), Ok(aggr)) => change.aggr = Some(aggr),
            (Err(_), Err(_)) => {
                let text = format!("MAC address '{named}' is invalid");
                return Err(Failure::new(text));
            }
        }
    }
    Ok(change)
}

/// Which MTUs a tag may have is for netd to say; this is about those that no
/// link has.
fn mtu(text: &str) -> Result<Mtu, Failure> {
    let invalid = || Failure::new(format!("invalid mtu: {text}"));
    let bytes: u64 = text.parse().map_err(|_| invalid())?;
    let range = || Failure::new("mtu must be between 1500-9000");
    let bytes = u32::try_from(bytes).map_err(|_| range())?;
    Mtu::new(bytes).map_err(|_| range())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_tag_is_to_name() {
        let nic: Option<Mac> = "2:8:20:0:0:1".parse().ok();
        let aggr: Option<LinkName> = "aggr0".parse().ok();
        let (m, n) = (Mtu::new(9000).ok(), None);
        for (props, mac, want) in [
            (None, None, Ok((None, n.clone(), None))),
            (None, Some("2:8:20:0:0:1"), Ok((nic, n.clone(), None))),
            (None, Some("aggr0"), Ok((None, aggr.clone(), None))),
            (Some("mac=02:08:20:00:00:01,mtu=9000"), None, Ok((nic, n, m))),
            (Some("mtu=9000"), Some("aggr0"), Ok((None, aggr, m))),
            (
                Some("mac=aggr0"),
                Some("aggr1"),
                Err("mac address specified twice"),
            ),
            (Some("mtu=x"), None, Err("invalid mtu: x")),
            (Some("mtu=-1"), None, Err("invalid mtu: -1")),
            (Some("mtu=5"), None, Err("mtu must be between 1500-9000")),
            (
                Some("mtu=99999999999"),
                None,
                Err("mtu must be between 1500-9000"),
            ),
            (Some("mac"), None, Err("invalid property: mac")),
            (Some("vlan=1"), None, Err("invalid property: vlan")),
            (Some("mtu=1,"), None, Err("invalid property list")),
            (None, Some("2:8:20"), Err("MAC address '2:8:20' is invalid")),
            (None, Some(""), Err("MAC address '' is invalid")),
        ] {
            let got = change(props, mac);
            let got = got.map(|change| (change.mac, change.aggr, change.mtu));
            let want = want.map_err(str::to_owned);
            assert_eq!(got.map_err(|f| f.message), want, "{props:?} {mac:?}");
        }
    }
}
