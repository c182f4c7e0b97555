//! The difference of two sets of tables.

use super::Step;
use crate::datapath::{DatapathTables, Row};

/// The steps from `old` to `new`, in an order that is right at each moment for
/// a program that reads the tables meanwhile: rows at new keys, then changed
/// rows, then deletions. A list's changed row points at a row that is there
/// already, and a row is deleted when nothing points at it any more.
pub(super) fn rows(old: &DatapathTables, new: &DatapathTables) -> Vec<Step> {
    let mut added = Vec::new();
    let mut changed = Vec::new();
    for row in new.rows() {
        match old.at_key_of(&row) {
            None => added.push(Step::PutRow { row, was: None }),
            Some(was) if was != row => {
                changed.push(Step::PutRow { row, was: Some(was) });
            }
            Some(_) => {}
        }
    }
    let gone: Vec<Row> =
        old.rows().filter(|row| new.at_key_of(row).is_none()).collect();
    // The opposite order to writing: a list's head goes first, a station
    // before the VNIC that it leads to.
    let deleted = gone.into_iter().rev().map(|row| Step::DeleteRow { row });
    added.into_iter().chain(changed).chain(deleted).collect()
}
