//! `dladm show-link`

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use fabric::api::{LinkCounters, LinkInfo};

use super::listing::{Listing, ListingArgs};
use super::zoned::{CHOOSE_ZONE, ZoneArg, narrow};
use super::{Common, interval, repeat};
use crate::client::Client;
use crate::error::{CommandError, Failure};
use crate::ofmt::{Cell, Column, Table};
use crate::out::Out;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str =
    "[-s [-i interval]] [-z zone] [[-p] -o field,..] [link]";

/// List links of every class
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Show what went through
    ///
    /// Errors of a VNIC are the frames of its guest's that were dropped.
    #[arg(short = 's', long)]
    statistics: bool,
    /// With -s: go on, and show every so many seconds what went through since
    #[arg(
        short = 'i',
        long,
        value_name = "SECONDS",
        value_parser = interval,
        allow_hyphen_values = true
    )]
    interval: Option<NonZeroU32>,
    /// List only the links of this zone; '' is the host
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
    /// List only this link
    #[arg(value_name = "LINK")]
    link: Option<String>,
}

const TABLE: Table<LinkInfo> = Table::<LinkInfo>::new(&[
    Column::new("LINK", 12, |link| Cell::from(&link.name)),
    Column::new("CLASS", 10, |link| Cell::from(link.class)),
    Column::new("MTU", 7, |link| Cell::of(link.mtu)),
    Column::new("STATE", 9, |link| Cell::from(link.state)),
    // No link of ours is in an illumos bridge.
    Column::new("BRIDGE", 11, |_| Cell::Empty),
    Column::new("OVER", 30, |link| Cell::list(&link.over)),
])
.wrapped();

const COUNTERS: Table<LinkCounters> = Table::new(&[
    Column::new("LINK", 15, |link| Cell::from(&link.name)),
    Column::new("IPACKETS", 10, |link| Cell::from(link.ipackets)),
    Column::new("RBYTES", 8, |link| Cell::from(link.rbytes)),
    Column::new("IERRORS", 10, |link| Cell::from(link.ierrors)),
    Column::new("OPACKETS", 12, |link| Cell::from(link.opackets)),
    Column::new("OBYTES", 12, |link| Cell::from(link.obytes)),
    Column::new("OERRORS", 8, |link| Cell::from(link.oerrors)),
    Column::new("ZONE", 20, |link: &LinkCounters| Cell::of(link.zone.as_ref()))
        .on_request(),
]);

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    if args.statistics {
        let form = args.listing.form_in_old_words(&COUNTERS, common, out)?;
        return count(args, &form, client, out);
    }
    if args.interval.is_some() {
        let text = "the option -i can be used only with -s";
        return Err(Failure::new(text).into());
    }
    let form = args.listing.form_in_old_words(&TABLE, common, out)?;
    let links = named(client, args.link.as_deref(), args.zone.as_ref())?;
    form.write(&links, out)
}

/// The links that a name and a zone mean. Without a name that may be none.
pub(super) fn named(
    client: &Client,
    name: Option<&str>,
    zone: Option<&ZoneArg>,
) -> Result<Vec<LinkInfo>, CommandError> {
    let invalid = |why: &str| {
        let name = name.unwrap_or_default();
        Failure::new(format!("link {name} is not valid: {why}"))
    };
    let links = narrow(client.links()?, name, zone)
        .map_err(|error| invalid(&error.to_string()).hint(CHOOSE_ZONE))?;
    if name.is_some() && links.is_empty() {
        return Err(invalid("object not found").into());
    }
    Ok(links)
}

/// Shows what went through so far and, with an interval, then what goes
/// through in each, until nobody reads on.
fn count(
    args: &Args,
    form: &Listing<LinkCounters>,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let mut before = Vec::new();
    repeat(args.interval, out, |out| {
        let name = args.link.as_deref();
        let counters = counters(client, name, args.zone.as_ref())?;
        let rows: Vec<_> =
            counters.iter().map(|row| since(&before, row)).collect();
        before = counters;
        form.write(&rows, out)
    })
}

/// What went through the links that a name and a zone mean.
pub(super) fn counters(
    client: &Client,
    name: Option<&str>,
    zone: Option<&ZoneArg>,
) -> Result<Vec<LinkCounters>, CommandError> {
    let links = named(client, name, zone)?;
    let meant: BTreeSet<_> =
        links.iter().map(|link| (&link.name, &link.zone)).collect();
    let mut counters = client.link_counters()?;
    counters.retain(|row| meant.contains(&(&row.name, &row.zone)));
    Ok(counters)
}

/// What a link's counters have moved by. One that fell has begun anew.
pub(super) fn since(
    before: &[LinkCounters],
    now: &LinkCounters,
) -> LinkCounters {
    let same = |row: &&LinkCounters| {
        row.name == now.name && row.zone == now.zone && row.class == now.class
    };
    let Some(was) = before.iter().find(same) else { return now.clone() };
    let by = |now: u64, was: u64| now.checked_sub(was).unwrap_or(now);
    LinkCounters {
        ipackets: by(now.ipackets, was.ipackets),
        rbytes: by(now.rbytes, was.rbytes),
        ierrors: by(now.ierrors, was.ierrors),
        opackets: by(now.opackets, was.opackets),
        obytes: by(now.obytes, was.obytes),
        oerrors: by(now.oerrors, was.oerrors),
        idrops: now.idrops.map(|now| by(now, was.idrops.unwrap_or(0))),
        odrops: now.odrops.map(|now| by(now, was.odrops.unwrap_or(0))),
        ..now.clone()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_shows_what_moved_in_it() {
        let row = |name: &str, n: u64| LinkCounters {
            name: name.parse().unwrap(),
            zone: None,
            class: fabric::LinkClass::Phys,
            ipackets: n,
            rbytes: n,
            ierrors: n,
            opackets: n,
            obytes: n,
            oerrors: n,
            idrops: Some(n),
            odrops: None,
        };
        for (before, now, want) in [
            (None, 7, 7),
            (Some(row("bge0", 5)), 7, 2),
            (Some(row("bge0", 9)), 7, 7),
            (Some(row("bge1", 5)), 7, 7),
        ] {
            let before: Vec<_> = before.into_iter().collect();
            let got = since(&before, &row("bge0", now));
            assert_eq!(got, row("bge0", want), "{before:?}");
        }
    }
}
