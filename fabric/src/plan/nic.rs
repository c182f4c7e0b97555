//! What a NIC needs so that frames for VNICs arrive as they were sent.
//!
//! A NIC carries no mark of ours, and whoever else set something on it may not
//! be asked. So what is ours there is what the tables in the kernel account for:
//! a row is written before what it asks of the NIC and deleted after it, and
//! what no row asks for is somebody else's.
//!
//! Each station of a link has an entry in the link's filter. Where the driver
//! refuses further entries the link is promiscuous instead, as it is for VNICs
//! that want frames for unknown stations; a station without an entry accounts
//! for that.

use std::collections::BTreeSet;

use super::Step;
use crate::datapath::{DatapathTables, Segment};
use crate::{LinkName, Mac, Observed};

/// The physical links that `tables` give their first VNIC.
///
/// Some of what a plan does to a link is for these only, and so is looked up
/// for these only: [`ObservedLink::lro`](crate::ObservedLink::lro).
#[must_use]
pub fn first_used(
    tables: &DatapathTables,
    observed: &Observed,
) -> BTreeSet<LinkName> {
    &used(tables) - &used(&observed.tables)
}

/// The links of a state of the tables.
pub(super) fn used(tables: &DatapathTables) -> BTreeSet<LinkName> {
    tables.segments.keys().filter_map(Segment::physical).cloned().collect()
}

/// What to do to the NICs, in the order of the parts of a plan.
#[derive(Debug, Default)]
pub(super) struct Nics {
    /// Before any row.
    pub(super) before: Vec<Step>,
    /// With what is taken away, before the rows that go.
    pub(super) away: Vec<Step>,
    /// With what is built, after the rows that come.
    pub(super) built: Vec<Step>,
}

/// Works it out.
pub(super) fn nics(tables: &DatapathTables, observed: &Observed) -> Nics {
    let Observed { links, refusing, .. } = observed;
    let wanted = Wants::of(tables, observed);
    let ours = Wants::of(&observed.tables, observed);

    let merges = |link: &LinkName| links.get(link).is_some_and(|l| l.lro);
    let before = used(tables).into_iter().filter(merges);

    let is_on =
        |link: &LinkName| links.get(link).is_some_and(|l| l.promiscuous);
    let on = &wanted.unknown | &(&links_of(&wanted.lacking) & refusing);
    let off = &(&ours.unknown | &links_of(&ours.lacking)) - &on;
    // Stations that have depended on it so far get their entries first. After
    // a restart nobody knows yet that these will be refused: it stays on then.
    let depend = links_of(&(&wanted.stations & &ours.lacking));
    let (late, early): (Vec<_>, Vec<_>) =
        off.into_iter().filter(is_on).partition(|link| depend.contains(link));

    let rejected = ours.stations.difference(&wanted.stations);
    let rejected =
        rejected.filter(|station| observed.unicast.contains(station)).cloned();
    let accepted = wanted.lacking.into_iter();
    let accepted = accepted.filter(|(link, _)| !refusing.contains(link));

    let promiscuous = |on| move |link| Step::Promiscuous { link, on };
    let away = early.into_iter().map(promiscuous(false));
    let away = away
        .chain(rejected.map(|(link, mac)| Step::RejectUnicast { link, mac }));
    let built = on.into_iter().filter(|link| !is_on(link));
    let built = built
        .map(promiscuous(true))
        .chain(accepted.map(|(link, mac)| Step::AcceptUnicast { link, mac }))
        .chain(late.into_iter().map(promiscuous(false)));
    Nics {
        before: before.map(|link| Step::Lro { link, on: false }).collect(),
        away: away.collect(),
        built: built.collect(),
    }
}

/// What a state of the tables asks of NICs.
#[derive(Debug)]
struct Wants {
    /// Every station of a physical link.
    stations: BTreeSet<(LinkName, Mac)>,
    /// The stations that the links' filters lack: few or none.
    lacking: BTreeSet<(LinkName, Mac)>,
    /// The links with a VNIC that wants frames for unknown stations.
    unknown: BTreeSet<LinkName>,
}

impl Wants {
    fn of(tables: &DatapathTables, observed: &Observed) -> Self {
        let stations = tables.fdb.keys().filter_map(|key| {
            key.segment.physical().map(|link| (link.clone(), key.mac))
        });
        let stations: BTreeSet<_> = stations.collect();
        let lacking = stations.difference(&observed.unicast).cloned();
        let unknown = tables.segments.iter().filter(|(_, row)| row.promiscuous);
        let unknown = unknown.filter_map(|(segment, _)| segment.physical());
        Self {
            lacking: lacking.collect(),
            unknown: unknown.cloned().collect(),
            stations,
        }
    }
}

fn links_of(stations: &BTreeSet<(LinkName, Mac)>) -> BTreeSet<LinkName> {
    stations.iter().map(|(link, _)| link.clone()).collect()
}
