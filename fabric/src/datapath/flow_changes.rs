//! The order in which the tables of flows are written.
//!
//! While rows change one by one, each frame is in the flow that it was in before
//! or in the one that it is in afterwards, and never in a third. For that, what
//! is new comes from the most specific on, and what goes, goes after that from
//! the least specific on. A row comes before its mask is in the list, and goes
//! after the mask. A row that stays and changes what it says changes in place.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use super::{FlowKey, FlowMask, FlowMasksRow, FlowRow, FlowRows};
use crate::LinkId;

/// A change of one row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FlowWrite {
    /// Writes a VNIC's list over the one that may be there.
    PutMasks(LinkId, FlowMasksRow),
    /// Deletes a VNIC's list.
    DeleteMasks(LinkId),
    /// Writes a flow over the one that may be there.
    PutFlow(FlowKey, FlowRow),
    /// Deletes a flow.
    DeleteFlow(FlowKey),
}

impl FlowRows {
    /// The changes that lead from these rows to others, in the order in which
    /// they must be made. In between, each frame is in the flow that it was in
    /// before or in the one that it is in afterwards.
    ///
    /// A crash amid changes may leave a list with more masks than a VNIC's flows
    /// can have. Where [`FlowMasksRow::MAX`] leaves no room for what comes beside
    /// what goes, that goes first, and a frame may for a moment be in a flow that
    /// is less specific than both.
    #[must_use]
    pub fn changes(&self, wanted: &Self) -> Vec<FlowWrite> {
        let (mut rows, mut goals) = (self.by_vnic(), wanted.by_vnic());
        let vnics: BTreeSet<LinkId> =
            rows.keys().chain(goals.keys()).copied().collect();
        let mut writes = Vec::new();
        for vnic in vnics {
            let rows = rows.remove(&vnic).unwrap_or_default();
            let wanted = goals.remove(&vnic).unwrap_or_default();
            let mut change = Change { vnic, rows, wanted, writes: Vec::new() };
            change.make();
            writes.append(&mut change.writes);
        }
        writes
    }

    /// Makes one change.
    pub fn apply(&mut self, write: &FlowWrite) {
        match write {
            FlowWrite::PutMasks(vnic, row) => {
                self.masks.insert(*vnic, row.clone());
            }
            FlowWrite::DeleteMasks(vnic) => {
                self.masks.remove(vnic);
            }
            FlowWrite::PutFlow(key, row) => {
                self.flows.insert(*key, *row);
            }
            FlowWrite::DeleteFlow(key) => {
                self.flows.remove(key);
            }
        }
    }

    /// The rows of each VNIC.
    fn by_vnic(&self) -> BTreeMap<LinkId, Self> {
        let mut vnics = BTreeMap::<LinkId, Self>::new();
        for (vnic, row) in &self.masks {
            let rows = vnics.entry(*vnic).or_default();
            rows.masks.insert(*vnic, row.clone());
        }
        for (key, row) in &self.flows {
            let rows = vnics.entry(key.vnic).or_default();
            rows.flows.insert(*key, *row);
        }
        vnics
    }
}

/// The way from a VNIC's rows to others.
struct Change {
    vnic: LinkId,
    /// As they are after the changes so far.
    rows: FlowRows,
    wanted: FlowRows,
    writes: Vec<FlowWrite>,
}

impl Change {
    fn make(&mut self) {
        self.forget_unseen();
        let masks = |rows: &FlowRows| rows.masks_of(self.vnic).to_vec();
        let mut both: BTreeSet<FlowMask> =
            masks(&self.rows).into_iter().collect();
        both.extend(masks(&self.wanted));
        if both.len() <= FlowMasksRow::MAX {
            self.add();
            self.remove();
        } else {
            self.remove();
            self.add();
        }
        // Masks without a flow, and lists in another order, are left of
        // somebody else's way.
        let list = self.wanted.masks_of(self.vnic).to_vec();
        self.put_masks(list);
    }

    /// Deletes what nobody sees, before its mask is in the list again.
    fn forget_unseen(&mut self) {
        for key in self.unwanted() {
            if !self.rows.masks_of(self.vnic).contains(&key.mask) {
                self.write(FlowWrite::DeleteFlow(key));
            }
        }
    }

    /// Writes what is wanted: all flows of one mask, then the mask.
    fn add(&mut self) {
        let wanted = self.wanted.clone();
        for mask in wanted.masks_of(self.vnic) {
            let flows = wanted.flows.iter();
            for (key, row) in flows.filter(|(key, _)| key.mask == *mask) {
                if self.rows.flows.get(key) != Some(row) {
                    self.write(FlowWrite::PutFlow(*key, *row));
                }
            }
            let mut list = self.rows.masks_of(self.vnic).to_vec();
            if !list.contains(mask) {
                list.push(*mask);
                list.sort_unstable();
                self.put_masks(list);
            }
        }
    }

    /// Deletes what is not wanted: a mask that has no further flow, then the
    /// flow.
    fn remove(&mut self) {
        let mut left = BTreeMap::<FlowMask, usize>::new();
        for key in self.rows.flows.keys() {
            *left.entry(key.mask).or_default() += 1;
        }
        for key in self.unwanted().into_iter().rev() {
            let others = left.get(&key.mask).map_or(0, |n| n.saturating_sub(1));
            left.insert(key.mask, others);
            if others == 0 {
                let mut list = self.rows.masks_of(self.vnic).to_vec();
                list.retain(|mask| *mask != key.mask);
                self.put_masks(list);
            }
            self.write(FlowWrite::DeleteFlow(key));
        }
    }

    /// The flows that are there and not wanted, the most specific first: a
    /// key's order is its mask's.
    fn unwanted(&self) -> Vec<FlowKey> {
        let keys = self.rows.flows.keys().copied();
        keys.filter(|key| !self.wanted.flows.contains_key(key)).collect()
    }

    fn put_masks(&mut self, masks: Vec<FlowMask>) {
        if masks == self.rows.masks_of(self.vnic) {
            return;
        }
        self.write(if masks.is_empty() {
            FlowWrite::DeleteMasks(self.vnic)
        } else {
            FlowWrite::PutMasks(self.vnic, FlowMasksRow { masks })
        });
    }

    fn write(&mut self, write: FlowWrite) {
        self.rows.apply(&write);
        self.writes.push(write);
    }
}

impl fmt::Display for FlowWrite {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::PutMasks(vnic, row) => {
                write!(f, "write flow-masks id {vnic} {row}")
            }
            Self::DeleteMasks(vnic) => write!(f, "delete flow-masks id {vnic}"),
            Self::PutFlow(key, row) => write!(f, "write {key} -> {row}"),
            Self::DeleteFlow(key) => write!(f, "delete {key}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FlowId;
    use crate::datapath::Treatment;

    const VNIC: LinkId = LinkId(7);

    /// The rows of flows, each of which has a number and attributes.
    fn rows(flows: &[(u32, &str)]) -> FlowRows {
        let mut rows = FlowRows::default();
        for (id, attrs) in flows {
            let key = FlowKey::of(VNIC, &attrs.parse().unwrap());
            let id = FlowId(*id);
            let treatment = Treatment::default();
            rows.flows.insert(key, FlowRow { id, treatment });
        }
        let masks: BTreeSet<_> =
            rows.flows.keys().map(|key| key.mask).collect();
        if !masks.is_empty() {
            let masks = masks.into_iter().collect();
            rows.masks.insert(VNIC, FlowMasksRow { masks });
        }
        rows
    }

    fn texts(from: &FlowRows, to: &FlowRows) -> Vec<String> {
        from.changes(to).iter().map(FlowWrite::to_string).collect()
    }

    #[test]
    fn what_comes_comes_from_the_most_specific_on_and_goes_the_other_way() {
        let none = rows(&[]);
        let all = rows(&[
            (1, "transport=tcp"),
            (2, "transport=tcp,local_port=443"),
            (3, "transport=udp,local_port=53"),
            (4, "dsfield=b8:fc,local_ip=10.0.0.0/8"),
        ]);
        let come = [
            "write flow id 7 mask transport,local-port protocol 17 \
             local-port 53 -> flow 3 class 0 to 0",
            "write flow id 7 mask transport,local-port protocol 6 \
             local-port 443 -> flow 2 class 0 to 0",
            "write flow-masks id 7 transport,local-port",
            "write flow id 7 mask transport protocol 6 -> \
             flow 1 class 0 to 0",
            "write flow-masks id 7 transport,local-port transport",
            "write flow id 7 mask IPv4,local/8,dsfield/0xfc local 10.0.0.0 \
             dsfield 0xb8 -> flow 4 class 0 to 0",
            "write flow-masks id 7 transport,local-port transport \
             IPv4,local/8,dsfield/0xfc",
        ];
        assert_eq!(texts(&none, &all), come);
        let go = [
            "write flow-masks id 7 transport,local-port transport",
            "delete flow id 7 mask IPv4,local/8,dsfield/0xfc local 10.0.0.0 \
             dsfield 0xb8",
            "write flow-masks id 7 transport,local-port",
            "delete flow id 7 mask transport protocol 6",
        ];
        let got = texts(&all, &none);
        assert_eq!(got[..4], go);
        assert_eq!(got[5], "delete flow-masks id 7");
        assert_eq!(got.len(), 7);
    }

    #[test]
    fn a_flow_that_changes_is_written_over() {
        let before = rows(&[(1, "transport=tcp"), (2, "transport=udp")]);
        let mut after = rows(&[(1, "transport=tcp"), (3, "transport=udp")]);
        for row in after.flows.values_mut() {
            if row.id == FlowId(3) {
                row.treatment =
                    Treatment { from_vnic: 0x1a, to_vnic: 3, blocked: true };
            }
        }
        assert_eq!(
            texts(&before, &after),
            ["write flow id 7 mask transport protocol 17 -> \
              flow 3 class 1a to 3 blocked"]
        );
        assert_eq!(texts(&after, &after), Vec::<String>::new());
    }

    #[test]
    fn a_mask_that_other_flows_have_stays() {
        let two = rows(&[(1, "transport=tcp"), (2, "transport=udp")]);
        let one = rows(&[(1, "transport=tcp")]);
        let delete = "delete flow id 7 mask transport protocol 17";
        assert_eq!(texts(&two, &one), [delete]);
    }

    #[test]
    fn a_row_that_nobody_sees_goes_before_it_is_seen() {
        let mut rest = rows(&[(1, "transport=tcp")]);
        rest.masks.clear();
        let wanted = rows(&[(2, "transport=udp")]);
        assert_eq!(
            texts(&rest, &wanted),
            [
                "delete flow id 7 mask transport protocol 6",
                "write flow id 7 mask transport protocol 17 -> \
                 flow 2 class 0 to 0",
                "write flow-masks id 7 transport",
            ]
        );
    }

    #[test]
    fn a_list_of_somebody_elses_is_put_in_order() {
        let wanted = rows(&[(1, "transport=tcp"), (2, "dsfield=b8")]);
        let list = "write flow-masks id 7 transport dsfield/0xff";
        let (tcp, field) = (wanted.masks_of(VNIC)[0], wanted.masks_of(VNIC)[1]);
        let other = FlowMask::of(&"local_ip=10.0.0.1".parse().unwrap());
        for masks in [vec![field, tcp], vec![tcp, other, field]] {
            let mut now = wanted.clone();
            now.masks.insert(VNIC, FlowMasksRow { masks });
            assert_eq!(texts(&now, &wanted), [list]);
        }
        let mut now = FlowRows::default();
        now.masks.insert(VNIC, FlowMasksRow { masks: vec![other] });
        let delete = "delete flow-masks id 7";
        assert_eq!(texts(&now, &rows(&[])), [delete]);
    }

    #[test]
    fn a_list_is_never_too_long() {
        let kinds = |bits: std::ops::RangeInclusive<u8>, side: &str| {
            let kind =
                |bits| (u32::from(bits), format!("{side}=fd00::/{bits}"));
            bits.map(kind).collect::<Vec<_>>()
        };
        let rows = |flows: &[(u32, String)]| {
            let flows: Vec<_> =
                flows.iter().map(|(id, text)| (*id, text.as_str())).collect();
            rows(&flows)
        };
        for (before, after) in [
            // All that may be at once: room for both.
            (kinds(9..=40, "remote_ip"), kinds(41..=72, "remote_ip")),
            // What a crash may have left, and others.
            (kinds(9..=72, "remote_ip"), kinds(9..=40, "local_ip")),
        ] {
            let (mut now, after) = (rows(&before), rows(&after));
            let mut longest = now.masks_of(VNIC).len();
            for write in now.changes(&after) {
                now.apply(&write);
                longest = longest.max(now.masks_of(VNIC).len());
            }
            assert_eq!(now, after);
            assert_eq!(longest, FlowMasksRow::MAX);
        }
    }
}
