//! What guests came by, kept from one netd to the next.
//!
//! It means nothing after the next boot, so a change need not be on the disk
//! before it counts: SQLite's `synchronous=NORMAL` saves the wait, and a crash
//! of netd alone loses nothing. Guests ask often; the declared state changes
//! seldom.

use std::collections::BTreeSet;

use fabric::LinkId;
use flows::learn::{Change, Learned, Pending};
use rusqlite::{Connection, params};

use super::{Store, StoreError, json, sqlite};

impl Store {
    /// Reads what guests came by in this boot, and what they were asking for.
    ///
    /// # Errors
    /// [`StoreError`] for a file that can't be read or is damaged.
    pub fn load_learned(
        &self,
    ) -> Result<(Vec<Learned>, Vec<Pending>), StoreError> {
        let learned = self.rows("SELECT vnic, record FROM learned")?;
        let pending = self.rows("SELECT vnic, record FROM pending")?;
        let learned = learned.into_iter().map(|(_, learned)| learned);
        let pending = pending.into_iter().map(|(_, pending)| pending);
        Ok((learned.collect(), pending.collect()))
    }

    /// Writes down what guests came by and what is no longer theirs, and all
    /// that the VNICs in `asking` ask for now, which is in `pending`. All of it
    /// or nothing.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was written.
    pub fn keep_learned(
        &mut self,
        changes: &[Change],
        asking: &BTreeSet<LinkId>,
        pending: &[Pending],
    ) -> Result<(), StoreError> {
        let path = self.path.clone();
        let failed = |source| sqlite(&path, "write", source);
        let set = |connection: &Connection, mode| {
            connection.pragma_update(None, "synchronous", mode)
        };
        set(&self.connection, "normal").map_err(failed)?;
        let written = self.write_learned(changes, asking, pending);
        // Back, whatever has become of that.
        set(&self.connection, "full").map_err(failed)?;
        written.map_err(failed)
    }

    fn write_learned(
        &mut self,
        changes: &[Change],
        asking: &BTreeSet<LinkId>,
        pending: &[Pending],
    ) -> rusqlite::Result<()> {
        let boot_id = self.boot_id.as_str();
        let transaction = self.connection.transaction()?;
        for change in changes {
            match change {
                Change::Learn(learned) => {
                    let address = learned.address.to_string();
                    transaction.execute(
                        "INSERT OR REPLACE INTO learned
                         (vnic, address, record, boot_id)
                         VALUES (?1, ?2, ?3, ?4)",
                        params![learned.id.0, address, json(learned)?, boot_id],
                    )?;
                }
                Change::Forget { id, address } => {
                    transaction.execute(
                        "DELETE FROM learned
                         WHERE vnic = ?1 AND address = ?2",
                        params![id.0, address.to_string()],
                    )?;
                }
            }
        }
        for id in asking {
            transaction
                .execute("DELETE FROM pending WHERE vnic = ?1", [id.0])?;
        }
        for pending in pending {
            transaction.execute(
                "INSERT INTO pending (vnic, record, boot_id)
                 VALUES (?1, ?2, ?3)",
                params![pending.id.0, json(pending)?, boot_id],
            )?;
        }
        transaction.commit()
    }
}
