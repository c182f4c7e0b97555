//! flowstat(8): what went through flows.

use std::collections::HashMap;

use fabric::api::{FlowCounters, FlowInfo};
use fabric::{FlowName, LinkName};
use serde::Serialize;

use super::unit::Unit;
use super::{Part, StatArgs};
use crate::client::Client;
use crate::commands::listing::not_with_json;
use crate::commands::{Common, flows, repeat};
use crate::error::CommandError;
use crate::ofmt::{Cell, Column, Page, Table};
use crate::out::Out;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str = "[-r | -t | -A] [-i interval] [-l link] \
    [-z zone] [[-p] -o field,..] [-u R|K|M|G|T|P] [flow]";

/// List what went through flows
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    stat: StatArgs,
    /// List only the flows of this VNIC
    #[arg(short = 'l', long, value_name = "LINK", allow_hyphen_values = true)]
    link: Option<String>,
    /// Print everything that is counted, name by name
    #[arg(short = 'A')]
    everything: bool,
    /// List only this flow
    #[arg(value_name = "FLOW")]
    flow: Option<String>,
}

/// What went through a flow. A flow that is not counted has no numbers.
#[derive(Serialize)]
struct Row {
    name: FlowName,
    link: LinkName,
    /// Where the flow's VNIC is; null: netd's own namespace.
    zone: Option<String>,
    ipackets: Option<u64>,
    rbytes: Option<u64>,
    idrops: Option<u64>,
    opackets: Option<u64>,
    obytes: Option<u64>,
    odrops: Option<u64>,
    #[serde(skip)]
    unit: Unit,
}

const FLOW: Column<Row> = Column::new("FLOW", 15, |row| Cell::from(&row.name));
const IPKTS: Column<Row> =
    Column::new("IPKTS", 8, |row| row.unit.cell(row.ipackets));
const RBYTES: Column<Row> =
    Column::new("RBYTES", 8, |row| row.unit.cell(row.rbytes));
const IERRS: Column<Row> =
    Column::new("IERRS", 8, |row| row.unit.cell(row.idrops));
const OPKTS: Column<Row> =
    Column::new("OPKTS", 8, |row| row.unit.cell(row.opackets));
const OBYTES: Column<Row> =
    Column::new("OBYTES", 8, |row| row.unit.cell(row.obytes));
const OERRS: Column<Row> =
    Column::new("OERRS", 8, |row| row.unit.cell(row.odrops));
const LINK: Column<Row> =
    Column::new("LINK", 15, |row: &Row| Cell::from(&row.link)).on_request();
const ZONE: Column<Row> =
    Column::new("ZONE", 20, |row: &Row| Cell::of(row.zone.as_ref()))
        .on_request();

// `-o` can name any column, whichever are shown without it.
const BOTH: Table<Row> = Table::<Row>::new(&[
    FLOW, IPKTS, RBYTES, IERRS, OPKTS, OBYTES, OERRS, LINK, ZONE,
])
.right_justified();
const RECEIVED: Table<Row> = Table::<Row>::new(&[
    FLOW,
    IPKTS,
    RBYTES,
    IERRS,
    OPKTS.on_request(),
    OBYTES.on_request(),
    OERRS.on_request(),
    LINK,
    ZONE,
])
.right_justified();
const SENT: Table<Row> = Table::<Row>::new(&[
    FLOW,
    IPKTS.on_request(),
    RBYTES.on_request(),
    IERRS.on_request(),
    OPKTS,
    OBYTES,
    OERRS,
    LINK,
    ZONE,
])
.right_justified();

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let stat = &args.stat;
    stat.check("the option", || Ok(()))?;
    if args.everything {
        stat.check_everything()?;
        return args.dump(common, client, out);
    }
    let table = match stat.part() {
        Part::Both => &BOTH,
        Part::Received => &RECEIVED,
        Part::Sent => &SENT,
    };
    let form = stat.form(table, common, out)?;
    let unit = stat.unit();
    let mut page = Page::new(out.height());
    let mut before = Counted::new();
    repeat(stat.interval, out, |out| {
        let (flows, counted) = args.counted(client)?;
        let rows = flows.into_iter().map(|flow| {
            let now = counted.get(&flow.id);
            let moved = now.map(|now| since(before.get(&flow.id), now));
            row(flow, moved.as_ref(), unit)
        });
        let rows: Vec<Row> = rows.collect();
        before = counted;
        form.go_on(&mut page, &rows, out)
    })
}

/// The counters of flows by number. A flow that is made again under its old name
/// begins anew.
type Counted = HashMap<u32, FlowCounters>;

impl Args {
    /// The flows that are meant, and what is counted of all.
    fn counted(
        &self,
        client: &Client,
    ) -> Result<(Vec<FlowInfo>, Counted), CommandError> {
        let (name, link) = (self.flow.as_deref(), self.link.as_deref());
        let zone = self.stat.zone.as_ref();
        let invalid = |name: &str| format!("invalid flow {name}");
        let flows = flows::flows(client, name, link, zone, invalid)?;
        let counters = client.flow_counters()?.into_iter();
        let counted = counters.map(|counters| (counters.id, counters));
        Ok((flows, counted.collect()))
    }

    /// Prints each counter on a line of its own.
    fn dump(
        &self,
        common: Common,
        client: &Client,
        out: &mut Out,
    ) -> Result<(), CommandError> {
        if common.json {
            return Err(not_with_json("-A").into());
        }
        let (flows, counted) = self.counted(client)?;
        for flow in flows {
            writeln!(out.data(), "{}", flow.name)?;
            let Some(counters) = counted.get(&flow.id) else { continue };
            for (name, number) in [
                ("ipackets", counters.ipackets),
                ("rbytes", counters.rbytes),
                ("ierrors", counters.idrops),
                ("opackets", counters.opackets),
                ("obytes", counters.obytes),
                ("oerrors", counters.odrops),
            ] {
                writeln!(out.data(), "\t{name:>15}\t{number:>15}")?;
            }
        }
        Ok(())
    }
}

/// What a flow's counters have moved by. One that fell has begun anew.
fn since(was: Option<&FlowCounters>, now: &FlowCounters) -> FlowCounters {
    let Some(was) = was else { return now.clone() };
    let by = |now: u64, was: u64| now.checked_sub(was).unwrap_or(now);
    FlowCounters {
        ipackets: by(now.ipackets, was.ipackets),
        rbytes: by(now.rbytes, was.rbytes),
        idrops: by(now.idrops, was.idrops),
        opackets: by(now.opackets, was.opackets),
        obytes: by(now.obytes, was.obytes),
        odrops: by(now.odrops, was.odrops),
        ..now.clone()
    }
}

fn row(flow: FlowInfo, counters: Option<&FlowCounters>, unit: Unit) -> Row {
    Row {
        name: flow.name,
        link: flow.link,
        zone: flow.zone,
        ipackets: counters.map(|counters| counters.ipackets),
        rbytes: counters.map(|counters| counters.rbytes),
        idrops: counters.map(|counters| counters.idrops),
        opackets: counters.map(|counters| counters.opackets),
        obytes: counters.map(|counters| counters.obytes),
        odrops: counters.map(|counters| counters.odrops),
        unit,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_shows_what_moved_in_it() {
        let counters = |n: u64| FlowCounters {
            name: "http".parse().unwrap(),
            link: "net0".parse().unwrap(),
            zone: None,
            id: 1,
            ipackets: n,
            rbytes: n + 1,
            idrops: n + 2,
            opackets: n + 3,
            obytes: n + 4,
            odrops: n + 5,
        };
        assert_eq!(since(None, &counters(7)), counters(7));
        // What fell begins anew, and the others have moved by nothing.
        assert_eq!(since(Some(&counters(9)), &counters(7)), counters(7));
        let moved = since(Some(&counters(5)), &counters(7));
        let all = [
            moved.ipackets,
            moved.rbytes,
            moved.idrops,
            moved.opackets,
            moved.obytes,
            moved.odrops,
        ];
        assert_eq!(all, [2; 6]);
    }
}
