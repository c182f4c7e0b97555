//! Another version of the data plane, for the tests of upgrades.
//!
//! There never was such a version. Its rows of VNICs and its counters of
//! traffic have a field more, and its table of stations has another name, as if
//! its rows meant something else; what its programs do is the same.

use std::path::Path;

use libbpf_rs::{MapCore, MapFlags};

use super::layout::fit;
use super::libbpf::{LibbpfError, call_for_room};
use super::tables::MapError;
use super::{Aligned, Datapath, OpenError};
use crate::Table;

static ANOTHER: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/another.bpf.o")));

/// The other version could not fill its tables.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// This version's could not be read.
    #[error(transparent)]
    Read(#[from] MapError),
    /// A row was not taken.
    #[error("cannot copy a row of the table \"{table}\"")]
    Write {
        /// The table.
        table: Table,
        /// Why.
        #[source]
        source: LibbpfError,
    },
}

impl Datapath {
    /// [`Datapath::open`] as the other version does it. Of what the result can
    /// do, only programs, [`Datapath::copy_rows`] and [`Datapath::finish`] are of
    /// use.
    ///
    /// # Errors
    /// [`OpenError`].
    pub fn open_another(pin_dir: &Path) -> Result<Self, OpenError> {
        Self::open_object(&ANOTHER.0, pin_dir)
    }

    /// Fills the other version's tables, as its netd would, from those of this
    /// one.
    ///
    /// # Errors
    /// [`CopyError`].
    pub fn copy_rows(&self, from: &Self) -> Result<(), CopyError> {
        let tables = Table::ALL.into_iter().filter(|table| !table.counts());
        for table in tables {
            let map = self.map(table);
            for (key, value) in from.rows(table)? {
                let value = fit(value, map.value_size());
                call_for_room(|| map.update(&key, &value, MapFlags::ANY))
                    .map_err(|source| CopyError::Write { table, source })?;
            }
        }
        Ok(())
    }
}
