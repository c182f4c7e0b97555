//! What the programs count for a VNIC.

use std::sync::MutexGuard;

use fabric::{FlowId, LinkId};
use libbpf_rs::{ErrorKind, MapCore, MapFlags};

use super::Datapath;
use super::libbpf::{LibbpfError, call, call_for_room};
use super::tables::MapError;
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
            let map = self.map(table);
            call(|| map.lookup_percpu(&key, MapFlags::ANY))
                .map_err(|source| MapError::Read { table, source })?
                .ok_or(MapError::NoCounters { id })
        };
        let traffic = read(Table::Traffic, abi::slot_key(slot))?;
        let drops = read(Table::Drops, abi::drops_key(id))?;
        abi::sum_counters(&traffic, &drops)
            .ok_or(MapError::Garbled { table: Table::Traffic })
    }

    pub(super) fn slots(&self) -> MutexGuard<'_, Slots> {
        self.slots.lock().unwrap_or_else(|broken| broken.into_inner())
    }

    /// Learns from the rows that are there who has which slot.
    pub(super) fn read_slots(&self) -> Result<(), MapError> {
        for (_, value) in self.rows(Table::Vnics)? {
            if let Some((id, slot)) = abi::slot_in(&value) {
                self.slots().insert(id, slot);
            }
        }
        Ok(())
    }

    /// Sees to it that a VNIC has counters; whether it had none.
    pub(super) fn start_counting(
        &self,
        id: LinkId,
    ) -> Result<bool, LibbpfError> {
        let Some(slot) = self.slots().take(id) else {
            return Ok(false);
        };
        self.zero(id, slot).inspect_err(|_| self.slots().free(id))?;
        Ok(true)
    }

    fn zero(&self, id: LinkId, slot: u32) -> Result<(), LibbpfError> {
        let cpus = call(libbpf_rs::num_possible_cpus)?;
        let (traffic, drops) = (abi::no_traffic(), abi::no_drops());
        let map = self.map(Table::Traffic);
        let zero = vec![traffic; cpus];
        call(|| map.update_percpu(&abi::slot_key(slot), &zero, MapFlags::ANY))?;
        let map = self.map(Table::Drops);
        let zero = vec![drops; cpus];
        let key = abi::drops_key(id);
        call_for_room(|| map.update_percpu(&key, &zero, MapFlags::ANY))
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
        let map = self.map(table);
        let key = abi::flow_traffic_key(id);
        let cpus = call(|| map.lookup_percpu(&key, MapFlags::ANY))
            .map_err(|source| MapError::Read { table, source })?;
        let Some(cpus) = cpus else { return Ok(None) };
        let sum = abi::sum_flow_counters(&cpus);
        Ok(Some(sum.ok_or(MapError::Garbled { table })?))
    }

    /// Sees to it that a flow has counters; whether it had none.
    pub(super) fn start_flow(&self, id: FlowId) -> Result<bool, LibbpfError> {
        let map = self.map(Table::FlowTraffic);
        let started = call_for_room(|| {
            let cpus = libbpf_rs::num_possible_cpus()?;
            let zero = vec![abi::no_flow_traffic(); cpus];
            let key = abi::flow_traffic_key(id);
            map.update_percpu(&key, &zero, MapFlags::NO_EXIST)
        });
        match started {
            Ok(()) => Ok(true),
            Err(refusal) if refusal.kind() == ErrorKind::AlreadyExists => {
                Ok(false)
            }
            Err(refusal) => Err(refusal),
        }
    }

    pub(super) fn stop_flow(&self, id: FlowId) -> Result<(), LibbpfError> {
        self.remove(Table::FlowTraffic, &abi::flow_traffic_key(id))
    }

    pub(super) fn stop_counting(&self, id: LinkId) -> Result<(), LibbpfError> {
        self.remove(Table::Drops, &abi::drops_key(id))?;
        self.slots().free(id);
        Ok(())
    }
}
