//! `dladm show-drops`: what the guard drops, and why.

mod capture;
mod sink;
mod summary;
mod utc;

use std::num::NonZeroU32;
use std::path::PathBuf;
use std::time::Duration;

use fabric::api::{DropSample, Drops};

use super::listing::ListingArgs;
use super::zoned::ZoneArg;
use super::{Common, interval};
use crate::client::{Client, ClientError, WhichDrops};
use crate::error::{CommandError, Failure};
use crate::ofmt::{Cell, Column, Table};
use crate::out::Out;
use sink::Sink;

/// Its grammar.
pub(crate) const SYNOPSIS: &str =
    "[-i interval] [-w file] [-z zone] [[-p] -o field,..] [link]";

/// How long netd waits for a frame in one go when we follow, in seconds: less
/// than the client's patience.
const WAIT: u32 = 20;

/// List frames that were dropped lately
///
/// netd remembers the last 4096 of them; of each reason and VNIC it is shown
/// at most one in 100 ms. `show-vnic -s` counts them all.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    /// Go on for ever, with a pause of this many seconds after each look
    ///
    /// With `--json`, each frame is a document on a line of its own.
    #[arg(
        short = 'i',
        long,
        value_name = "SECONDS",
        value_parser = interval,
        allow_hyphen_values = true
    )]
    interval: Option<NonZeroU32>,
    /// Write the frames to this file as pcapng; - is standard output
    #[arg(short = 'w', long, value_name = "FILE", allow_hyphen_values = true)]
    write: Option<PathBuf>,
    /// List only the frames of this zone's VNICs; '' is the host
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
    /// List only the frames of this VNIC: its name, or the number that is left
    /// of one that is gone
    #[arg(value_name = "LINK")]
    link: Option<String>,
}

const TABLE: Table<DropSample> = Table::new(&[
    Column::new("TIME", 28, |drop| utc::text(drop.time_us).into()),
    Column::new("LINK", 13, |drop: &DropSample| match &drop.name {
        Some(name) => Cell::from(name),
        None => Cell::from(drop.id),
    }),
    Column::new("ZONE", 20, |drop| Cell::of(drop.zone.as_ref())),
    Column::new("REASON", 15, |drop| drop.reason.word().into()),
    Column::new("LENGTH", 7, |drop| Cell::from(drop.length)),
    Column::new("SUMMARY", 80, |drop| {
        summary::summary(&drop.bytes, drop.tci).into()
    }),
]);

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let follows = args.interval.is_some();
    let file = args.write.as_deref();
    let mut sink = match file {
        Some(file) => {
            args.check_no_table(common)?;
            Sink::capture(file)
        }
        None => {
            let form = args.listing.form(&TABLE, common, out)?;
            Sink::listing(form, follows, out.height())
        }
    };
    let zone = args.zone.as_ref().map(ZoneArg::text);
    let mut which = WhichDrops {
        link: args.link.as_deref(),
        zone: zone.as_deref(),
        ..WhichDrops::default()
    };
    let mut got = client.drops(&which).map_err(|error| args.refused(error))?;
    loop {
        sink.write(&got.drops, out)?;
        let Some(seconds) = args.interval else { return Ok(()) };
        let interval = Duration::from_secs(seconds.get().into());
        // Nothing is held back while nothing comes.
        out.flush()?;
        which.after = Some(got.next);
        which.wait = WAIT;
        got = next(client, &which, interval, out)
            .map_err(|error| args.refused(error))?;
        if got.missed > 0 {
            let text = "forgotten before they could be shown";
            out.warn(&format!("dropped frames {text}: {}", got.missed));
        }
    }
}

/// What comes next, after a pause. A netd that goes away is waited for: what is
/// dropped meanwhile waits, too.
fn next(
    client: &Client,
    which: &WhichDrops<'_>,
    interval: Duration,
    out: &mut Out,
) -> Result<Drops, ClientError> {
    let mut gone = false;
    loop {
        #[expect(
            clippy::disallowed_methods,
            reason = "-i asks for a pause, and there is nothing to wait for"
        )]
        std::thread::sleep(interval);
        match client.drops(which) {
            Err(ClientError::Connect { .. } | ClientError::Broken { .. }) => {
                if !gone {
                    out.warn("netd is gone; waiting until it is back");
                }
                gone = true;
            }
            answer => return answer,
        }
    }
}

impl Args {
    /// What says how a table looks means nothing to a capture file.
    fn check_no_table(&self, common: Common) -> Result<(), Failure> {
        let options = [
            ("-p", self.listing.parsable),
            ("-o", self.listing.output.is_some()),
            ("--json", common.json),
        ];
        match options.into_iter().find(|(_, given)| *given) {
            None => Ok(()),
            Some((option, _)) => {
                let text =
                    format!("the option {option} cannot be used with -w");
                Err(Failure::new(text))
            }
        }
    }

    fn refused(&self, error: ClientError) -> CommandError {
        match &self.link {
            Some(link) => {
                let context = format!("invalid vnic name '{link}'");
                CommandError::status(&context, error)
            }
            None => error.into(),
        }
    }
}
