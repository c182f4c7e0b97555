//! The difference of two sets of tables.

use std::collections::BTreeMap;

use super::Step;
use crate::datapath::{
    DatapathTables, FloodKey, FloodRow, FlowRows, FlowWrite, Row,
};

/// The steps from `old` to `new`, in an order that is right at each moment for
/// a program that reads the tables meanwhile: rows at new keys, then changed
/// rows, then deletions. A list's changed row points at a row that is there
/// already, and a row is deleted when nothing points at it any more.
///
/// What a VNIC is allowed is there before its row asks for it and goes after,
/// so that a guest's good frames pass at every moment. The first address of a
/// list is in the VNIC's row as well, so for a moment a guest may still be the
/// old first one and one of the new others.
pub(super) fn rows(old: &DatapathTables, new: &DatapathTables) -> Vec<Step> {
    let mut diff = Diff::default();
    // In the order in which new rows are written: what a row refers to comes
    // before it.
    diff.table(&old.segments, &new.segments, Row::Segment);
    diff.table(&old.allowed, &new.allowed, Row::Allowed);
    diff.table(&old.client_ids, &new.client_ids, |key, ()| Row::ClientId(key));
    diff.table(&old.learned, &new.learned, |key, ()| Row::Learned(key));
    diff.flows(&old.flows, &new.flows);
    diff.table(&old.vnics, &new.vnics, Row::Vnic);
    diff.table(&old.fdb, &new.fdb, Row::Fdb);
    diff.lists(&old.flood, &new.flood);
    // Deleted in the opposite order: a list's head goes first, a station
    // before the VNIC that it leads to.
    let Diff { added, changed, deleted, flows } = diff;
    let deleted = deleted.into_iter().rev();
    let steps = flows.into_iter().chain(added).chain(changed);
    steps.chain(deleted).collect()
}

#[derive(Default)]
struct Diff {
    /// They have an order of their own, and nothing leads to them that they
    /// could be too late or too early for.
    flows: Vec<Step>,
    added: Vec<Step>,
    changed: Vec<Step>,
    deleted: Vec<Step>,
}

impl Diff {
    fn table<K: Ord + Clone, V: Eq + Clone>(
        &mut self,
        old: &BTreeMap<K, V>,
        new: &BTreeMap<K, V>,
        row: fn(K, V) -> Row,
    ) {
        self.rows(old, new, new.iter(), old.iter(), row);
    }

    /// A list is written from its end, so that no row points at one that is
    /// not there yet.
    fn lists(
        &mut self,
        old: &BTreeMap<FloodKey, FloodRow>,
        new: &BTreeMap<FloodKey, FloodRow>,
    ) {
        let (wanted, there) = (new.iter().rev(), old.iter().rev());
        self.rows(old, new, wanted, there, Row::Flood);
    }

    fn flows(&mut self, old: &FlowRows, new: &FlowRows) {
        if old == new {
            return;
        }
        let mut now = old.clone();
        for write in old.changes(new) {
            self.flows.push(match &write {
                FlowWrite::PutMasks(id, row) => {
                    let was = now.masks.get(id).cloned();
                    let was = was.map(|was| Row::FlowMasks(*id, was));
                    let row = Row::FlowMasks(*id, row.clone());
                    Step::PutRow { row, was }
                }
                FlowWrite::DeleteMasks(id) => {
                    let row = now.masks.get(id).cloned().unwrap_or_default();
                    Step::DeleteRow { row: Row::FlowMasks(*id, row) }
                }
                FlowWrite::PutFlow(key, row) => {
                    let was = now.flows.get(key);
                    let was = was.map(|was| Row::Flow(*key, *was));
                    Step::PutRow { row: Row::Flow(*key, *row), was }
                }
                FlowWrite::DeleteFlow(key) => match now.flows.get(key) {
                    Some(row) => Step::DeleteRow { row: Row::Flow(*key, *row) },
                    None => continue,
                },
            });
            now.apply(&write);
        }
    }

    /// Only what differs is cloned: most plans touch few rows of many.
    fn rows<'a, K: Ord + Clone + 'a, V: Eq + Clone + 'a>(
        &mut self,
        old: &BTreeMap<K, V>,
        new: &BTreeMap<K, V>,
        wanted: impl Iterator<Item = (&'a K, &'a V)>,
        there: impl Iterator<Item = (&'a K, &'a V)>,
        row: impl Fn(K, V) -> Row,
    ) {
        let row = |key: &K, value: &V| row(key.clone(), value.clone());
        for (key, value) in wanted {
            match old.get(key) {
                None => {
                    let row = row(key, value);
                    self.added.push(Step::PutRow { row, was: None });
                }
                Some(was) if was != value => {
                    let was = Some(row(key, was));
                    let row = row(key, value);
                    self.changed.push(Step::PutRow { row, was });
                }
                Some(_) => {}
            }
        }
        for (key, value) in there.filter(|(key, _)| !new.contains_key(*key)) {
            let row = row(key, value);
            self.deleted.push(Step::DeleteRow { row });
        }
    }
}
