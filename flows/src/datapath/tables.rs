//! Reading and writing rows.

use fabric::LinkId;
use fabric::datapath::{DatapathTables, Row};
use libbpf_rs::{ErrorKind, MapCore, MapFlags, MapHandle};

use super::Datapath;
use super::libbpf::{LibbpfError, call, call_for_room};
use crate::abi;
use crate::{EncodeError, LinkIndexes, Table};

/// The bytes of a row.
type KeyAndValue = (Vec<u8>, Vec<u8>);

/// A table could not be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MapError {
    /// The row has no bytes, because it names what is not there.
    #[error("cannot encode the row \"{row}\"")]
    Encode {
        /// The row.
        row: Box<Row>,
        /// What is not there.
        #[source]
        source: EncodeError,
    },
    /// The kernel did not take the row.
    #[error("cannot write the row \"{row}\"")]
    Put {
        /// The row.
        row: Box<Row>,
        /// Why.
        #[source]
        source: LibbpfError,
    },
    /// The kernel did not give the row up.
    #[error("cannot delete the row \"{row}\"")]
    Delete {
        /// The row.
        row: Box<Row>,
        /// Why.
        #[source]
        source: LibbpfError,
    },
    /// The table could not be read.
    #[error("cannot read the table \"{table}\"")]
    Read {
        /// The table.
        table: Table,
        /// Why.
        #[source]
        source: LibbpfError,
    },
    /// The table holds bytes that are no row.
    #[error("the table \"{table}\" holds something that is no row of ours")]
    Garbled {
        /// The table.
        table: Table,
    },
    /// The VNIC has no counters: its row was never written.
    #[error("there are no counters of VNIC {id}")]
    NoCounters {
        /// The VNIC.
        id: LinkId,
    },
}

impl Datapath {
    /// Reads all rows.
    ///
    /// # Errors
    /// [`MapError::Read`] or [`MapError::Garbled`].
    pub fn observe(
        &self,
        links: &LinkIndexes,
    ) -> Result<DatapathTables, MapError> {
        let mut tables = DatapathTables::default();
        for table in Table::ALL {
            if table.counts() {
                continue;
            }
            for (key, value) in self.rows(table)? {
                let row = abi::decode(table, &key, &value, links);
                tables.put(row.ok_or(MapError::Garbled { table })?);
            }
        }
        Ok(tables)
    }

    /// The bytes of a table's rows.
    pub(super) fn rows(
        &self,
        table: Table,
    ) -> Result<Vec<KeyAndValue>, MapError> {
        rows_of(table, self.map(table))
    }

    /// Writes a row. A VNIC's and a flow's counters come with its row: they are
    /// there, at zero, before it.
    ///
    /// # Errors
    /// [`MapError::Encode`] when it names a link that is not in `links`,
    /// [`MapError::Put`] when the kernel refuses, for one because the table is
    /// full.
    pub fn put(&self, row: &Row, links: &LinkIndexes) -> Result<(), MapError> {
        let error =
            |source| MapError::Put { row: Box::new(row.clone()), source };
        match row {
            Row::Vnic(_, vnic) => {
                let fresh = self.start_counting(vnic.id).map_err(error)?;
                self.write(row, links).inspect_err(|_| {
                    if fresh {
                        // The refusal is the news. Counters that stay are
                        // harmless.
                        let _ = self.stop_counting(vnic.id);
                    }
                })
            }
            Row::Flow(_, flow) => {
                let fresh = self.start_flow(flow.id).map_err(error)?;
                self.write(row, links).inspect_err(|_| {
                    if fresh {
                        let _ = self.stop_flow(flow.id);
                    }
                })
            }
            _ => self.write(row, links),
        }
    }

    fn write(&self, row: &Row, links: &LinkIndexes) -> Result<(), MapError> {
        let bytes = abi::encode_key(row, links).and_then(|key| {
            let value = abi::encode_value(row, links, &self.slots())?;
            Ok((key, value))
        });
        let (key, value) = bytes.map_err(|source| MapError::Encode {
            row: Box::new(row.clone()),
            source,
        })?;
        let map = self.map(Table::of(row));
        let write = || map.update(&key, &value, MapFlags::ANY);
        call_for_room(write).map_err(|source| MapError::Put {
            row: Box::new(row.clone()),
            source,
        })
    }

    /// Deletes the row at the same key as `row`; that there is none is no
    /// error. A VNIC's and a flow's counters go after its row.
    ///
    /// # Errors
    /// [`MapError::Encode`] when the key names a link that is not in `links`,
    /// [`MapError::Delete`] when the kernel refuses.
    pub fn delete(
        &self,
        row: &Row,
        links: &LinkIndexes,
    ) -> Result<(), MapError> {
        let key = abi::encode_key(row, links).map_err(|source| {
            MapError::Encode { row: Box::new(row.clone()), source }
        })?;
        let error =
            |source| MapError::Delete { row: Box::new(row.clone()), source };
        remove(self.map(Table::of(row)), &key).map_err(error)?;
        match row {
            Row::Vnic(_, vnic) => self.stop_counting(vnic.id).map_err(error),
            Row::Flow(_, flow) => self.stop_flow(flow.id).map_err(error),
            _ => Ok(()),
        }
    }
}

/// The bytes of a map's rows.
pub(super) fn rows_of(
    table: Table,
    map: &MapHandle,
) -> Result<Vec<KeyAndValue>, MapError> {
    // One batch takes all there is. libbpf-rs would take a batch that the
    // kernel did not fill for the last, and the kernel fills whole buckets.
    let (size, none) = (map.max_entries(), MapFlags::empty());
    let rows = call(|| map.lookup_batch(size, none, none))
        .map_err(|source| MapError::Read { table, source })?;
    let rows: Vec<_> = rows.collect();
    // It also takes a failure for the end.
    if rows.is_empty() && map.keys().next().is_some() {
        let source =
            libbpf_rs::Error::from_raw_os_error(nix::errno::Errno::EIO as i32);
        return Err(MapError::Read { table, source: source.into() });
    }
    Ok(rows)
}

/// Deletes a map's row; that there is none is no error.
pub(super) fn remove(map: &MapHandle, key: &[u8]) -> Result<(), LibbpfError> {
    match call(|| map.delete(key)) {
        Err(refusal) if refusal.kind() == ErrorKind::NotFound => Ok(()),
        deleted => deleted,
    }
}
