//! What netd remembers: the declared state, in one SQLite file.
//!
//! Each change is one transaction, on disk before it is acknowledged (WAL,
//! `synchronous=FULL`). Temporary links carry the id of the boot that they
//! were made in, and are forgotten by a store that is opened in another.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use fabric::{Etherstub, FabricSpec, LinkId, Vnic};
use nix::fcntl::{Flock, FlockArg};
use rusqlite::{Connection, OptionalExtension, Transaction, params};

/// The layout that this netd reads and writes (`PRAGMA user_version`).
const VERSION: u32 = 1;

/// Marks the file as ours (`PRAGMA application_id`): "ARBA".
const APPLICATION: u32 = 0x4152_4241;

/// The largest number of a link: the data plane keeps the highest bit for
/// itself.
const MAX_ID: u32 = 0x7fff_ffff;

const LAYOUT: &str = "
    CREATE TABLE etherstub (
        id      INTEGER PRIMARY KEY,
        name    TEXT NOT NULL UNIQUE,
        spec    TEXT NOT NULL,
        boot_id TEXT
    ) STRICT;
    CREATE TABLE vnic (
        id      INTEGER PRIMARY KEY,
        zone    TEXT NOT NULL,
        name    TEXT NOT NULL,
        spec    TEXT NOT NULL,
        boot_id TEXT,
        UNIQUE (zone, name)
    ) STRICT;
    CREATE TABLE sequence (next INTEGER NOT NULL) STRICT;
    INSERT INTO sequence VALUES (1);
";

/// The store can't be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StoreError {
    /// The directory can't be made or locked.
    #[error("cannot use the state directory {}", dir.display())]
    Dir {
        /// The directory.
        dir: PathBuf,
        /// Why not.
        #[source]
        source: io::Error,
    },
    /// Another netd uses the directory.
    #[error("another netd uses the state directory {}", .0.display())]
    Locked(PathBuf),
    /// The file is some other program's, or of another netd's layout.
    #[error(
        "{} has layout {found}; this netd knows {VERSION}", path.display()
    )]
    Layout {
        /// The file.
        path: PathBuf,
        /// Its layout.
        found: u32,
    },
    /// The file belongs to another program.
    #[error("{} is not netd's", .0.display())]
    Foreign(PathBuf),
    /// A row that netd did not write.
    #[error("{}: the entry of link {id} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The row.
        id: u32,
        /// What is wrong with it.
        #[source]
        source: serde_json::Error,
    },
    /// SQLite refused.
    #[error("cannot {what} {}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What was tried: `read` or `write`.
        what: &'static str,
        /// Why.
        #[source]
        source: rusqlite::Error,
    },
}

/// A change of the declared state.
#[derive(Clone, Copy, Debug)]
pub enum Change<'a> {
    /// A new VNIC.
    AddVnic(&'a Vnic),
    /// A VNIC is gone.
    RemoveVnic(&'a Vnic),
    /// A new etherstub.
    AddEtherstub(&'a Etherstub),
    /// An etherstub is gone.
    RemoveEtherstub(&'a Etherstub),
}

impl Change<'_> {
    /// The change that takes this one back.
    #[must_use]
    pub fn inverse(self) -> Self {
        match self {
            Self::AddVnic(vnic) => Self::RemoveVnic(vnic),
            Self::RemoveVnic(vnic) => Self::AddVnic(vnic),
            Self::AddEtherstub(stub) => Self::RemoveEtherstub(stub),
            Self::RemoveEtherstub(stub) => Self::AddEtherstub(stub),
        }
    }
}

/// The open file.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    boot_id: String,
    next: u32,
    /// Held for as long as the store is open.
    _lock: Flock<fs::File>,
}

impl Store {
    /// Opens the store in `dir`, which is made if need be, for a host whose
    /// present boot is `boot_id`. Temporary links of another boot are
    /// forgotten.
    ///
    /// # Errors
    /// [`StoreError`]; the file is left as it was.
    pub fn open(dir: &Path, boot_id: &str) -> Result<Self, StoreError> {
        let lock = lock(dir)?;
        let path = dir.join("netd.db");
        let failed = |source| sqlite(&path, "open", source);
        let mut connection = Connection::open(&path).map_err(failed)?;
        // Before the first write of any kind: the file may be another's.
        let is_new = check(&connection, &path)?;
        connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| {
                connection.pragma_update(None, "synchronous", "full")
            })
            .map_err(failed)?;
        if is_new {
            lay_out(&mut connection).map_err(failed)?;
        }
        let next = begin_boot(&mut connection, boot_id).map_err(failed)?;
        let boot_id = boot_id.to_owned();
        Ok(Self { path, connection, boot_id, next, _lock: lock })
    }

    /// The number for the next link; none when they are used up.
    #[must_use]
    pub fn next_id(&self) -> Option<LinkId> {
        (self.next <= MAX_ID).then_some(LinkId(self.next))
    }

    /// Reads the declared state.
    ///
    /// # Errors
    /// [`StoreError`] for a file that can't be read or is damaged.
    pub fn load(&self) -> Result<FabricSpec, StoreError> {
        Ok(FabricSpec {
            etherstubs: self.rows("SELECT id, spec FROM etherstub")?,
            vnics: self.rows("SELECT id, spec FROM vnic")?,
        })
    }

    fn rows<T: serde::de::DeserializeOwned>(
        &self,
        query: &str,
    ) -> Result<BTreeMap<LinkId, T>, StoreError> {
        let failed = |source| sqlite(&self.path, "read", source);
        let mut query = self.connection.prepare(query).map_err(failed)?;
        let rows = query
            .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(failed)?;
        let mut links = BTreeMap::new();
        for row in rows {
            let (id, spec): (u32, String) = row.map_err(failed)?;
            let path = self.path.clone();
            let link = serde_json::from_str(&spec)
                .map_err(|source| StoreError::Damaged { path, id, source })?;
            links.insert(LinkId(id), link);
        }
        Ok(links)
    }

    /// Writes changes down, all or none.
    ///
    /// # Errors
    /// [`StoreError`]; nothing was written.
    pub fn commit(&mut self, changes: &[Change<'_>]) -> Result<(), StoreError> {
        let path = self.path.clone();
        let next = self
            .write(changes)
            .map_err(|source| sqlite(&path, "write", source))?;
        self.next = next;
        Ok(())
    }

    fn write(&mut self, changes: &[Change<'_>]) -> rusqlite::Result<u32> {
        let boot_id = self.boot_id.as_str();
        let mut next = self.next;
        let transaction = self.connection.transaction()?;
        for change in changes {
            if let Some(id) = apply(&transaction, change, boot_id)? {
                next = next.max(id.0.saturating_add(1));
            }
        }
        transaction.execute("UPDATE sequence SET next = ?1", [next])?;
        transaction.commit()?;
        Ok(next)
    }
}

/// Makes one change; returns the number that a new link has taken.
fn apply(
    transaction: &Transaction<'_>,
    change: &Change<'_>,
    boot_id: &str,
) -> rusqlite::Result<Option<LinkId>> {
    let boot = |temporary: bool| temporary.then_some(boot_id);
    match change {
        Change::AddVnic(vnic) => {
            // NULLs are distinct in SQL, and no zone is named "".
            let zone = vnic.zone.as_ref().map(ToString::to_string);
            transaction.execute(
                "INSERT INTO vnic (id, zone, name, spec, boot_id)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
                params![
                    vnic.id.0,
                    zone.unwrap_or_default(),
                    vnic.name.as_str(),
                    json(vnic)?,
                    boot(vnic.temporary),
                ],
            )?;
            Ok(Some(vnic.id))
        }
        Change::RemoveVnic(Vnic { id, .. }) => {
            transaction.execute("DELETE FROM vnic WHERE id = ?1", [id.0])?;
            Ok(None)
        }
        Change::AddEtherstub(stub) => {
            transaction.execute(
                "INSERT INTO etherstub (id, name, spec, boot_id)
                 VALUES (?1, ?2, ?3, ?4)",
                params![
                    stub.id.0,
                    stub.name.as_str(),
                    json(stub)?,
                    boot(stub.temporary),
                ],
            )?;
            Ok(Some(stub.id))
        }
        Change::RemoveEtherstub(Etherstub { id, .. }) => {
            transaction
                .execute("DELETE FROM etherstub WHERE id = ?1", [id.0])?;
            Ok(None)
        }
    }
}

fn json(value: &impl serde::Serialize) -> rusqlite::Result<String> {
    serde_json::to_string(value)
        .map_err(|error| rusqlite::Error::ToSqlConversionFailure(error.into()))
}

fn sqlite(
    path: &Path,
    what: &'static str,
    source: rusqlite::Error,
) -> StoreError {
    StoreError::Sqlite { path: path.to_owned(), what, source }
}

/// Makes the directory and keeps every other netd out of it.
fn lock(dir: &Path) -> Result<Flock<fs::File>, StoreError> {
    let failed = |source| StoreError::Dir { dir: dir.to_owned(), source };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(dir)
        .map_err(failed)?;
    let file = fs::File::create(dir.join("lock")).map_err(failed)?;
    Flock::lock(file, FlockArg::LockExclusiveNonblock).map_err(|(_, errno)| {
        match errno {
            nix::errno::Errno::EWOULDBLOCK => {
                StoreError::Locked(dir.to_owned())
            }
            other => failed(other.into()),
        }
    })
}

/// Checks that a file is ours and of our layout; says whether it is new and
/// empty.
fn check(connection: &Connection, path: &Path) -> Result<bool, StoreError> {
    let read = |source| sqlite(path, "read", source);
    let tables: u32 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(read)?;
    if tables == 0 {
        return Ok(true);
    }
    let pragma = |name| {
        connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0))
    };
    if pragma("application_id").map_err(read)? != APPLICATION {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    let found = pragma("user_version").map_err(read)?;
    if found == VERSION {
        Ok(false)
    } else {
        Err(StoreError::Layout { path: path.to_owned(), found })
    }
}

fn lay_out(connection: &mut Connection) -> rusqlite::Result<()> {
    let transaction = connection.transaction()?;
    transaction.execute_batch(LAYOUT)?;
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Forgets temporary links of other boots; returns the next number.
fn begin_boot(
    connection: &mut Connection,
    boot_id: &str,
) -> rusqlite::Result<u32> {
    let transaction = connection.transaction()?;
    for table in ["vnic", "etherstub"] {
        transaction.execute(
            &format!(
                "DELETE FROM {table}
                 WHERE boot_id IS NOT NULL AND boot_id <> ?1"
            ),
            [boot_id],
        )?;
    }
    let next = transaction
        .query_row("SELECT next FROM sequence", (), |row| row.get(0))
        .optional()?;
    transaction.commit()?;
    next.ok_or(rusqlite::Error::QueryReturnedNoRows)
}
