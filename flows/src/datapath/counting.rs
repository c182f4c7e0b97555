//! What the programs count for a VNIC.

use std::collections::BTreeSet;
use std::sync::MutexGuard;

use fabric::{FlowId, LinkId};
use libbpf_rs::{ErrorKind, MapCore, MapFlags, MapHandle};

use super::Datapath;
use super::layout::fit;
use super::libbpf::{LibbpfError, call, call_for_room};
use super::tables::{MapError, remove, rows_of};
use crate::abi;
use crate::slots::Slots;
use crate::{Counters, FlowCounters, Table};

impl Datapath {
    /// What went through a VNIC, summed over all CPUs.
    ///
    /// # Errors
    /// [`MapError::NoCounters`] when no row of the VNIC's was ever written,
    /// [`MapError::Read`] or [`MapError::Garbled`].
    pub fn counters(&self, id: LinkId) -> Result<Counters, MapError> {
        let slot = self.slots().of(id);
        if slot == Slots::NONE {
            return Err(MapError::NoCounters { id });
        }
        let read = |table, key: Vec<u8>| {
            self.counted(table, &key)?.ok_or(MapError::NoCounters { id })
        };
        let traffic = read(Table::Traffic, abi::slot_key(slot))?;
        let drops = read(Table::Drops, abi::drops_key(id))?;
        abi::sum_counters(&traffic, &drops)
            .ok_or(MapError::Garbled { table: Table::Traffic })
    }

    pub(super) fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    /// What all CPUs have counted at a key, each in a row as this version has
    /// them, also in tables of older layouts. None when this version's has no
    /// such row.
    fn counted(
        &self,
        table: Table,
        key: &[u8],
    ) -> Result<Option<Vec<Vec<u8>>>, MapError> {
        let read = |map: &MapHandle| {
            call(|| map.lookup_percpu(key, MapFlags::ANY))
                .map_err(|source| MapError::Read { table, source })
        };
        let map = self.map(table);
        let Some(mut rows) = read(map)? else { return Ok(None) };
        for older in self.older(table) {
            let counted = read(older)?.into_iter().flatten();
            rows.extend(counted.map(|row| fit(row, map.value_size())));
        }
        Ok(Some(rows))
    }

    /// The tables of older layouts whose counters still count.
    fn older(&self, table: Table) -> impl Iterator<Item = &MapHandle> {
        self.pins.older.get(&table).into_iter().flatten()
    }

    /// Learns from the rows that are there who has which slot. Of another
    /// version's rows it needs the first fields only, which stay where they are
    /// in all versions.
    pub(super) fn read_slots(&self) -> Result<(), MapError> {
        let mut rows = self.rows(Table::Vnics)?;
        if let Some(relieved) = self.pins.relieved(Table::Vnics) {
            rows.extend(rows_of(Table::Vnics, &relieved)?);
        }
        for (_, value) in rows {
            if let Some((id, slot)) = abi::slot_in(&value) {
                self.slots().insert(id, slot);
            }
        }
        Ok(())
    }

    /// Deletes counters whose row is not there. They are made before the row
    /// and deleted after it, so one who dies in between leaves them.
    pub(super) fn drop_strays(&self) -> Result<(), MapError> {
        let vnics = self.rows(Table::Vnics)?;
        let vnics = vnics.iter().filter_map(|(_, value)| abi::slot_in(value));
        let drops = vnics.map(|(id, _)| abi::drops_key(id)).collect();
        self.keep_only(Table::Drops, &drops)?;
        let flows = self.rows(Table::Flows)?;
        let flows = flows.iter().filter_map(|(_, value)| abi::flow_in(value));
        let traffic = flows.map(abi::flow_traffic_key).collect();
        self.keep_only(Table::FlowTraffic, &traffic)
    }

    /// Deletes what a table has at other keys.
    fn keep_only(
        &self,
        table: Table,
        keys: &BTreeSet<Vec<u8>>,
    ) -> Result<(), MapError> {
        let there: Vec<Vec<u8>> = self.map(table).keys().collect();
        for key in there.iter().filter(|key| !keys.contains(*key)) {
            remove(self.map(table), key)
                .map_err(|source| MapError::Read { table, source })?;
        }
        Ok(())
    }

    /// Sees to it that a VNIC has counters; whether it had none.
    pub(super) fn start_counting(
        &self,
        id: LinkId,
    ) -> Result<bool, LibbpfError> {
        let slot = self.slots().take(id);
        let Some(slot) = slot else {
            // Of another version it may have its slot only.
            self.start(Table::Drops, &abi::drops_key(id))?;
            return Ok(false);
        };
        self.zero(slot)
            .and_then(|()| self.start(Table::Drops, &abi::drops_key(id)))
            .inspect_err(|_| self.slots().free(id))?;
        Ok(true)
    }

    /// Forgets what was counted in a slot before.
    fn zero(&self, slot: u32) -> Result<(), LibbpfError> {
        let cpus = call(libbpf_rs::num_possible_cpus)?;
        let key = abi::slot_key(slot);
        let table = Table::Traffic;
        for map in self.older(table).chain([self.map(table)]) {
            let zero = vec![fit(Vec::new(), map.value_size()); cpus];
            match call(|| map.update_percpu(&key, &zero, MapFlags::ANY)) {
                // It has fewer slots.
                Err(refusal) if has_no_place(&refusal) => {}
                done => done?,
            }
        }
        Ok(())
    }

    /// Sees to it that there is a row of counters; whether there was none.
    fn start(&self, table: Table, key: &[u8]) -> Result<bool, LibbpfError> {
        let map = self.map(table);
        let started = call_for_room(|| {
            let cpus = libbpf_rs::num_possible_cpus()?;
            let zero = vec![fit(Vec::new(), map.value_size()); cpus];
            map.update_percpu(key, &zero, MapFlags::NO_EXIST)
        });
        match started {
            Ok(()) => Ok(true),
            Err(refusal) if refusal.kind() == ErrorKind::AlreadyExists => {
                Ok(false)
            }
            Err(refusal) => Err(refusal),
        }
    }

    /// What went through a flow, summed over all CPUs. None when no row of the
    /// flow's was ever written.
    ///
    /// # Errors
    /// [`MapError::Read`] or [`MapError::Garbled`].
    pub fn flow_counters(
        &self,
        id: FlowId,
    ) -> Result<Option<FlowCounters>, MapError> {
        let table = Table::FlowTraffic;
        let cpus = self.counted(table, &abi::flow_traffic_key(id))?;
        let Some(cpus) = cpus else { return Ok(None) };
        let sum = abi::sum_flow_counters(&cpus);
        Ok(Some(sum.ok_or(MapError::Garbled { table })?))
    }

    /// Sees to it that a flow has counters; whether it had none.
    pub(super) fn start_flow(&self, id: FlowId) -> Result<bool, LibbpfError> {
        self.start(Table::FlowTraffic, &abi::flow_traffic_key(id))
    }

    pub(super) fn stop_flow(&self, id: FlowId) -> Result<(), LibbpfError> {
        self.stop(Table::FlowTraffic, &abi::flow_traffic_key(id))
    }

    pub(super) fn stop_counting(&self, id: LinkId) -> Result<(), LibbpfError> {
        self.stop(Table::Drops, &abi::drops_key(id))?;
        self.slots().free(id);
        Ok(())
    }

    /// Deletes a row of counters, wherever it is.
    fn stop(&self, table: Table, key: &[u8]) -> Result<(), LibbpfError> {
        let mut maps = [self.map(table)].into_iter().chain(self.older(table));
        maps.try_for_each(|map| remove(map, key))
    }
}

/// Whether the kernel says that an array has no row of that number.
fn has_no_place(refusal: &LibbpfError) -> bool {
    refusal.kind() == ErrorKind::TooBig
}
