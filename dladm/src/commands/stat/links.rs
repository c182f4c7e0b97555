//! dlstat(8): what went through links.
//!
//! A link here has one lane and one ring for each direction, and neither has a
//! name or a number. What illumos counts of interrupts, polls and chains of
//! packets is not counted.

use fabric::LinkClass;
use fabric::api::LinkCounters;
use serde::Serialize;

use super::unit::Unit;
use super::{Part, StatArgs};
use crate::client::Client;
use crate::commands::listing::{Listing, not_with_json};
use crate::commands::{Common, repeat, show_link};
use crate::error::{CommandError, Failure};
use crate::ofmt::{Cell, Column, Page, Table};
use crate::out::Out;

/// The grammar of the plain form, as the manual has it.
pub(crate) const SYNOPSIS: &str = "[-r | -t] [-a | -A] [-i interval] \
    [-z zone] [[-p] -o field,..] [-u R|K|M|G|T|P] [link]";

/// The grammar of show-phys, as the manual has it.
pub(crate) const PHYS_SYNOPSIS: &str = "[-r | -t] [-a] [-i interval] \
    [-z zone] [[-p] -o field,..] [-u R|K|M|G|T|P] [link]";

/// The grammar of show-link, as the manual has it.
pub(crate) const LINK_SYNOPSIS: &str = "[-r [-F] | -t] [-a] [-i interval] \
    [-z zone] [[-p] -o field,..] [-u R|K|M|G|T|P] [link]";

/// What stands before the two options that don't go together.
const BOTH: &str = "the options";

/// List what went through links
///
/// `dlstat show-link` and `dlstat show-phys` show what was received and what was
/// sent apart, of all links or of physical links only.
///
/// With an interval the first table counts from the beginning, and each later
/// one what went through since the one before.
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    stat: StatArgs,
    /// Print the totals of each link, name by name
    #[arg(short = 'a')]
    totals: bool,
    /// Print everything that is counted, name by name
    #[arg(short = 'A')]
    everything: bool,
    /// List only this link
    #[arg(value_name = "LINK")]
    link: Option<String>,
}

/// List what went through physical links, receiving and sending apart
#[derive(Clone, Debug, Default, clap::Args)]
pub(crate) struct PhysArgs {
    #[command(flatten)]
    stat: StatArgs,
    /// Print the totals of each link, name by name
    #[arg(short = 'a')]
    totals: bool,
    /// List only this link
    #[arg(value_name = "LINK")]
    link: Option<String>,
}

/// List what went through links, receiving and sending apart
#[derive(Clone, Debug, Default, clap::Args)]
#[command(disable_help_flag = true)]
pub(crate) struct LinkArgs {
    #[command(flatten)]
    stat: StatArgs,
    /// With -r: how what is received fans out. No link's does here
    #[arg(short = 'F')]
    fanout: bool,
    /// Print the totals of each link, name by name
    #[arg(short = 'a')]
    totals: bool,
    /// Print help
    #[arg(long, action = clap::ArgAction::Help)]
    help: Option<bool>,
    /// List only this link
    #[arg(value_name = "LINK")]
    link: Option<String>,
}

/// What is shown of a link in one row.
struct Row {
    counters: LinkCounters,
    /// Whether it is what was received, where one direction is shown.
    received: Option<bool>,
    unit: Unit,
}

impl Serialize for Row {
    /// The API's object: it has the numbers of both directions.
    fn serialize<S: serde::Serializer>(
        &self,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        self.counters.serialize(to)
    }
}

impl Row {
    fn number(&self, number: u64) -> Cell {
        self.unit.cell(Some(number))
    }

    fn packets(&self) -> u64 {
        match self.received {
            Some(true) => self.counters.ipackets,
            _ => self.counters.opackets,
        }
    }

    fn bytes(&self) -> u64 {
        match self.received {
            Some(true) => self.counters.rbytes,
            _ => self.counters.obytes,
        }
    }
}

const LINK: Column<Row> =
    Column::new("LINK", 15, |row| Cell::from(&row.counters.name));
const TYPE: Column<Row> = Column::new("TYPE", 5, |row| {
    Cell::of(row.received.map(|is| if is { "rx" } else { "tx" }))
});
const ID: Column<Row> = Column::new("ID", 7, |_| Cell::Empty);
const INDEX: Column<Row> = Column::new("INDEX", 6, |_| Cell::Empty);
const PKTS: Column<Row> =
    Column::new("PKTS", 8, |row| row.number(row.packets()));
const BYTES: Column<Row> =
    Column::new("BYTES", 8, |row| row.number(row.bytes()));
const IPKTS: Column<Row> =
    Column::new("IPKTS", 8, |row| row.number(row.counters.ipackets));
const RBYTES: Column<Row> =
    Column::new("RBYTES", 8, |row| row.number(row.counters.rbytes));
const OPKTS: Column<Row> =
    Column::new("OPKTS", 8, |row| row.number(row.counters.opackets));
const OBYTES: Column<Row> =
    Column::new("OBYTES", 8, |row| row.number(row.counters.obytes));
const INTRS: Column<Row> = Column::new("INTRS", 8, |_| Cell::Empty);
const POLLS: Column<Row> = Column::new("POLLS", 8, |_| Cell::Empty);
const SHORT: Column<Row> = Column::new("CH<10", 8, |_| Cell::Empty);
const LONGER: Column<Row> = Column::new("CH10-50", 8, |_| Cell::Empty);
const LONG: Column<Row> = Column::new("CH>50", 8, |_| Cell::Empty);
const BLKCNT: Column<Row> = Column::new("BLKCNT", 8, |_| Cell::Empty);
const UBLKCNT: Column<Row> = Column::new("UBLKCNT", 8, |_| Cell::Empty);
const RX_SDROPS: Column<Row> =
    Column::new("SDROPS", 8, |row: &Row| row.unit.cell(row.counters.idrops))
        .on_request();
const TX_SDROPS: Column<Row> =
    Column::new("SDROPS", 8, |row: &Row| row.unit.cell(row.counters.odrops))
        .on_request();
const ZONE: Column<Row> =
    Column::new("ZONE", 20, |row: &Row| Cell::of(row.counters.zone.as_ref()))
        .on_request();

const TOTAL: Table<Row> =
    Table::<Row>::new(&[LINK, IPKTS, RBYTES, OPKTS, OBYTES, ZONE])
        .right_justified();
const TOTAL_RX: Table<Row> = Table::<Row>::new(&[
    LINK, IPKTS, RBYTES, INTRS, POLLS, SHORT, LONGER, LONG, RX_SDROPS, ZONE,
])
.right_justified();
const TOTAL_TX: Table<Row> =
    Table::<Row>::new(&[LINK, OPKTS, OBYTES, BLKCNT, UBLKCNT, TX_SDROPS, ZONE])
        .right_justified();

const RINGS: Table<Row> =
    Table::<Row>::new(&[LINK, TYPE, INDEX, PKTS, BYTES, ID.on_request()])
        .right_justified();
const RINGS_RX: Table<Row> =
    Table::<Row>::new(&[LINK, TYPE, INDEX, IPKTS, RBYTES, ID.on_request()])
        .right_justified();
const RINGS_TX: Table<Row> =
    Table::<Row>::new(&[LINK, TYPE, INDEX, OPKTS, OBYTES, ID.on_request()])
        .right_justified();

const LANES: Table<Row> =
    Table::<Row>::new(&[LINK, TYPE, ID, INDEX, PKTS, BYTES, ZONE])
        .right_justified();
const LANES_RX: Table<Row> = Table::<Row>::new(&[
    LINK, TYPE, ID, INDEX, IPKTS, RBYTES, INTRS, POLLS, SHORT, LONGER, LONG,
    RX_SDROPS, ZONE,
])
.right_justified();
const LANES_TX: Table<Row> = Table::<Row>::new(&[
    LINK, TYPE, ID, INDEX, OPKTS, OBYTES, BLKCNT, UBLKCNT, TX_SDROPS, ZONE,
])
.right_justified();

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let stat = &args.stat;
    stat.check(BOTH, || Ok(()))?;
    if args.totals && args.everything {
        let text = "the options -a and -A are not compatible";
        return Err(Failure::new(text).into());
    }
    check_totals(args.totals, stat)?;
    if args.everything {
        stat.check_everything()?;
    }
    let view = View { stat, link: args.link.as_deref(), phys: false };
    if args.totals || args.everything {
        let option = if args.totals { "-a" } else { "-A" };
        return view.dump(option, common, client, out);
    }
    match stat.part() {
        Part::Both => view.show(&TOTAL, &[None], common, client, out),
        Part::Received => {
            view.show(&TOTAL_RX, &[Some(true)], common, client, out)
        }
        Part::Sent => view.show(&TOTAL_TX, &[Some(false)], common, client, out),
    }
}

pub(crate) fn show_phys(
    args: &PhysArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let stat = &args.stat;
    stat.check(BOTH, || Ok(()))?;
    check_totals(args.totals, stat)?;
    let view = View { stat, link: args.link.as_deref(), phys: true };
    if args.totals {
        return view.dump("-a", common, client, out);
    }
    view.show_apart([&RINGS, &RINGS_RX, &RINGS_TX], common, client, out)
}

pub(crate) fn show_link(
    args: &LinkArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let stat = &args.stat;
    stat.check(BOTH, || match args.fanout && !stat.receive {
        true => Err(Failure::new("-F must be used with -r")),
        false => Ok(()),
    })?;
    check_totals(args.totals, stat)?;
    if args.fanout {
        let text = "'-F' is not supported: no link here fans out";
        return Err(Failure::new(text).into());
    }
    let view = View { stat, link: args.link.as_deref(), phys: false };
    if args.totals {
        return view.dump("-a", common, client, out);
    }
    view.show_apart([&LANES, &LANES_RX, &LANES_TX], common, client, out)
}

fn check_totals(totals: bool, stat: &StatArgs) -> Result<(), Failure> {
    if totals && stat.has_form() {
        let text = "the option -a is not compatible with -p, -o, -u, -i";
        return Err(Failure::new(text));
    }
    Ok(())
}

/// Which links a verb is about.
struct View<'a> {
    stat: &'a StatArgs,
    link: Option<&'a str>,
    /// Physical links only.
    phys: bool,
}

impl View<'_> {
    fn counters(
        &self,
        client: &Client,
    ) -> Result<Vec<LinkCounters>, CommandError> {
        let zone = self.stat.zone.as_ref();
        let mut counters = show_link::counters(client, self.link, zone)?;
        counters.retain(|row| !self.phys || row.class == LinkClass::Phys);
        Ok(counters)
    }

    /// Shows what went through so far and, with an interval, then what goes
    /// through in each. A link has a row for each of `directions`.
    fn show(
        &self,
        table: &Table<Row>,
        directions: &[Option<bool>],
        common: Common,
        client: &Client,
        out: &mut Out,
    ) -> Result<(), CommandError> {
        let form = self.stat.form(table, common, out)?;
        // The numbers of both directions are in one object.
        let directions = match form {
            Listing::Json => &directions[..1],
            Listing::Table(_) => directions,
        };
        let unit = self.stat.unit();
        let mut page = Page::new(out.height());
        let mut before = Vec::new();
        repeat(self.stat.interval, out, |out| {
            let counters = self.counters(client)?;
            let rows = counters.iter().flat_map(|now| {
                let counters = show_link::since(&before, now);
                directions.iter().map(move |&received| Row {
                    counters: counters.clone(),
                    received,
                    unit,
                })
            });
            let rows: Vec<Row> = rows.collect();
            before = counters;
            form.go_on(&mut page, &rows, out)
        })
    }

    /// The same with one of three tables: for both directions, for what was
    /// received, and for what was sent.
    fn show_apart(
        &self,
        [both, received, sent]: [&Table<Row>; 3],
        common: Common,
        client: &Client,
        out: &mut Out,
    ) -> Result<(), CommandError> {
        let (table, directions) = match self.stat.part() {
            Part::Both => (both, &[Some(true), Some(false)][..]),
            Part::Received => (received, &[Some(true)][..]),
            Part::Sent => (sent, &[Some(false)][..]),
        };
        self.show(table, directions, common, client, out)
    }

    /// Prints each counter on a line of its own: with `-A` all of them.
    fn dump(
        &self,
        option: &str,
        common: Common,
        client: &Client,
        out: &mut Out,
    ) -> Result<(), CommandError> {
        if common.json {
            return Err(not_with_json(option).into());
        }
        let all = option == "-A";
        let part = self.stat.part();
        for link in self.counters(client)? {
            writeln!(out.data(), "{}", link.name)?;
            let received = [
                ("ipackets", Some(link.ipackets)),
                ("rbytes", Some(link.rbytes)),
                ("ierrors", Some(link.ierrors).filter(|_| all)),
                ("idrops", link.idrops.filter(|_| all)),
            ];
            let sent = [
                ("opackets", Some(link.opackets)),
                ("obytes", Some(link.obytes)),
                ("oerrors", Some(link.oerrors).filter(|_| all)),
                ("odrops", link.odrops.filter(|_| all)),
            ];
            if part != Part::Sent {
                dump_lines("rx", &received, out)?;
            }
            if part != Part::Received {
                dump_lines("tx", &sent, out)?;
            }
            writeln!(out.data(), "{RULE}")?;
        }
        Ok(())
    }
}

/// What ends the counters of a link, as the original has it.
const RULE: &str = "---------------------------------------------------";

fn dump_lines(
    title: &str,
    lines: &[(&str, Option<u64>)],
    out: &mut Out,
) -> Result<(), CommandError> {
    writeln!(out.data(), "  {title}")?;
    for (name, number) in lines {
        if let Some(number) = number {
            writeln!(out.data(), "\t{name:>15}\t\t{number:>15}")?;
        }
    }
    Ok(())
}
