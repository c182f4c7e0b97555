//! What netd remembers: the declared state, in one SQLite file.
//!
//! Each change is one transaction, on disk before it is acknowledged (WAL,
//! `synchronous=FULL`). What is temporary, a link, a flow or the properties of one,
//! carries the id of the boot that it was made in, and is forgotten by a store
//! that is opened in another. So is what guests came by.

mod change;
mod flows;
mod learned;
mod links;

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use fabric::{
    Etherstub, FabricSpec, FlowId, LinkId, LinkProps, LinkSettings, Vnic,
    VnicProps,
};
use nix::fcntl::{Flock, FlockArg};
use rusqlite::types::FromSql;
use rusqlite::{Connection, ErrorCode, OptionalExtension, Transaction, params};

pub use change::Change;

/// The layout that this netd reads and writes (`PRAGMA user_version`).
const VERSION: u32 = 4;

/// Marks the file as ours (`PRAGMA application_id`): "ARBA".
const APPLICATION: u32 = 0x4152_4241;

/// The way from each layout to the next, the first from an empty file. What
/// has been released is never edited.
const MIGRATIONS: [&str; VERSION as usize] = [
    // 1
    "
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
    ",
    // 2
    "
    CREATE TABLE temporary_props (
        vnic    INTEGER PRIMARY KEY,
        props   TEXT NOT NULL,
        boot_id TEXT NOT NULL
    ) STRICT;
    CREATE TABLE learned (
        vnic    INTEGER NOT NULL,
        address TEXT NOT NULL,
        record  TEXT NOT NULL,
        boot_id TEXT NOT NULL,
        PRIMARY KEY (vnic, address)
    ) STRICT;
    CREATE TABLE pending (
        vnic    INTEGER NOT NULL,
        record  TEXT NOT NULL,
        boot_id TEXT NOT NULL
    ) STRICT;
    CREATE INDEX pending_of ON pending (vnic);
    ",
    // 3
    "
    ALTER TABLE temporary_props RENAME COLUMN vnic TO link;
    CREATE TABLE link_props (
        link    TEXT PRIMARY KEY,
        props   TEXT NOT NULL
    ) STRICT;
    CREATE TABLE temporary_link_props (
        link    TEXT PRIMARY KEY,
        props   TEXT NOT NULL,
        boot_id TEXT NOT NULL
    ) STRICT;
    ",
    // 4
    "
    CREATE TABLE flow (
        id      INTEGER PRIMARY KEY,
        link    INTEGER NOT NULL,
        spec    TEXT NOT NULL,
        boot_id TEXT
    ) STRICT;
    CREATE TABLE temporary_flow_props (
        flow    INTEGER PRIMARY KEY,
        props   TEXT NOT NULL,
        boot_id TEXT NOT NULL
    ) STRICT;
    ALTER TABLE sequence ADD COLUMN next_flow INTEGER NOT NULL DEFAULT 1;
    ",
];

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
    /// The file is of a later netd's layout.
    #[error(
        "{} has layout {found}; this netd knows 1 to {VERSION}",
        path.display()
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
    /// The file is not what SQLite wrote.
    #[error("{} is damaged: {what}", path.display())]
    Corrupt {
        /// The file.
        path: PathBuf,
        /// The first thing that is wrong with it.
        what: String,
    },
    /// A row that netd did not write.
    #[error("{}: the entry of {subject} is damaged", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// The row: a link by its number or name, or a flow by its number.
        subject: String,
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

impl StoreError {
    /// What to try.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        Some(match self {
            Self::Corrupt { path, .. }
            | Self::Damaged { path, .. }
            | Self::Foreign(path) => put_back(path),
            Self::Sqlite { path, source, .. } => match code(source) {
                Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
                    put_back(path)
                }
                Some(
                    ErrorCode::DiskFull
                    | ErrorCode::ReadOnly
                    | ErrorCode::CannotOpen
                    | ErrorCode::SystemIoFailure,
                ) => {
                    let dir = path.parent().unwrap_or(path).display();
                    format!("netd must be able to write to {dir}")
                }
                _ => return None,
            },
            Self::Dir { dir, .. } => {
                format!("netd must be able to write to {}", dir.display())
            }
            Self::Layout { path, .. } => {
                let path = path.display();
                format!(
                    "nothing was changed, and traffic flows on; start the netd \
                     that wrote {path}, or a later one"
                )
            }
            Self::Locked(_) => return None,
        })
    }
}

fn put_back(path: &Path) -> String {
    let path = path.display();
    format!(
        "put a copy of {path} back; without one netd forgets every VNIC and \
         deletes it"
    )
}

fn code(error: &rusqlite::Error) -> Option<ErrorCode> {
    error.sqlite_error_code()
}

/// The numbers that are given next.
#[derive(Clone, Copy, Debug)]
struct Next {
    link: u32,
    flow: u32,
}

impl Next {
    /// Takes a number out of circulation.
    fn pass_link(&mut self, LinkId(id): LinkId) {
        self.link = self.link.max(id.saturating_add(1));
    }

    /// Takes a number out of circulation.
    fn pass_flow(&mut self, FlowId(id): FlowId) {
        self.flow = self.flow.max(id.saturating_add(1));
    }
}

/// The open file.
#[derive(Debug)]
pub struct Store {
    path: PathBuf,
    connection: Connection,
    boot_id: String,
    next: Next,
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
        let layout = check(&connection, &path)?;
        connection
            .pragma_update(None, "journal_mode", "wal")
            .and_then(|()| {
                connection.pragma_update(None, "synchronous", "full")
            })
            .map_err(failed)?;
        migrate(&mut connection, layout).map_err(failed)?;
        let next = begin_boot(&mut connection, boot_id).map_err(failed)?;
        let boot_id = boot_id.to_owned();
        Ok(Self { path, connection, boot_id, next, _lock: lock })
    }

    /// The number for the next link; none when they are used up.
    #[must_use]
    pub fn next_link_id(&self) -> Option<LinkId> {
        let next = LinkId(self.next.link);
        (next <= LinkId::MAX).then_some(next)
    }

    /// The number for the next flow; none when they are used up.
    #[must_use]
    pub fn next_flow_id(&self) -> Option<FlowId> {
        let next = FlowId(self.next.flow);
        (next <= FlowId::MAX).then_some(next)
    }

    /// Reads the declared state.
    ///
    /// # Errors
    /// [`StoreError`] for a file that can't be read or is damaged.
    pub fn load(&self) -> Result<FabricSpec, StoreError> {
        let etherstubs = self.rows("SELECT id, spec FROM etherstub")?;
        let vnics = self.rows("SELECT id, spec FROM vnic")?;
        let mut etherstubs: BTreeMap<LinkId, Etherstub> =
            etherstubs.into_iter().collect();
        let mut vnics: BTreeMap<LinkId, Vnic> = vnics.into_iter().collect();
        let temporary: Vec<(LinkId, VnicProps)> = self.rows(
            "SELECT link, props FROM temporary_props
             WHERE link IN (SELECT id FROM vnic)",
        )?;
        for (id, props) in temporary {
            if let Some(vnic) = vnics.get_mut(&id) {
                vnic.kept = Some(std::mem::replace(&mut vnic.props, props));
            }
        }
        let temporary: Vec<(LinkId, LinkProps)> = self.rows(
            "SELECT link, props FROM temporary_props
             WHERE link IN (SELECT id FROM etherstub)",
        )?;
        for (id, props) in temporary {
            if let Some(stub) = etherstubs.get_mut(&id) {
                let kept = Some(stub.settings.props);
                stub.settings = LinkSettings { props, kept };
            }
        }
        let links = self.load_links()?;
        let flows = self.load_flows()?;
        let vnics = vnics.into_iter();
        let vnics = vnics.map(|(id, vnic)| (id, Arc::new(vnic))).collect();
        let flows = flows.into_iter();
        let flows = flows.map(|(id, flow)| (id, Arc::new(flow))).collect();
        Ok(FabricSpec { etherstubs, links, vnics, flows })
    }

    /// Reads rows of a link's number and something as JSON.
    fn rows<T: serde::de::DeserializeOwned>(
        &self,
        query: &str,
    ) -> Result<Vec<(LinkId, T)>, StoreError> {
        let entries = self.entries(query, "link")?.into_iter();
        Ok(entries.map(|(id, link)| (LinkId(id), link)).collect())
    }

    /// Reads rows of what tells a link or a flow, the `noun`, and something as
    /// JSON.
    fn entries<K: FromSql + ToString, T: serde::de::DeserializeOwned>(
        &self,
        query: &str,
        noun: &str,
    ) -> Result<Vec<(K, T)>, StoreError> {
        let failed = |source| sqlite(&self.path, "read", source);
        let mut query = self.connection.prepare(query).map_err(failed)?;
        let rows = query
            .query_map((), |row| Ok((row.get(0)?, row.get(1)?)))
            .map_err(failed)?;
        let mut entries = Vec::new();
        for row in rows {
            let (key, spec): (K, String) = row.map_err(failed)?;
            let entry = serde_json::from_str(&spec).map_err(|source| {
                let path = self.path.clone();
                let subject = format!("{noun} {}", key.to_string());
                StoreError::Damaged { path, subject, source }
            })?;
            entries.push((key, entry));
        }
        Ok(entries)
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

    fn write(&mut self, changes: &[Change<'_>]) -> rusqlite::Result<Next> {
        let boot_id = self.boot_id.as_str();
        let mut next = self.next;
        let transaction = self.connection.transaction()?;
        for change in changes {
            apply(&transaction, change, boot_id, &mut next)?;
        }
        transaction.execute(
            "UPDATE sequence SET next = ?1, next_flow = ?2",
            [next.link, next.flow],
        )?;
        transaction.commit()?;
        Ok(next)
    }
}

/// Makes one change. `next` follows the numbers that it takes.
fn apply(
    transaction: &Transaction<'_>,
    change: &Change<'_>,
    boot_id: &str,
    next: &mut Next,
) -> rusqlite::Result<()> {
    let boot = |temporary: bool| temporary.then_some(boot_id);
    match change {
        Change::AddVnic(vnic) => {
            // NULLs are distinct in SQL, and no zone is named "".
            let zone = vnic.zone.as_ref().map(ToString::to_string);
            let mut add = transaction.prepare_cached(
                "INSERT INTO vnic (id, zone, name, spec, boot_id)
                 VALUES (?1, ?2, ?3, ?4, ?5)",
            )?;
            add.execute(params![
                vnic.id.0,
                zone.unwrap_or_default(),
                vnic.name.as_str(),
                kept(vnic)?,
                boot(vnic.temporary),
            ])?;
            next.pass_link(vnic.id);
            put_props_of_vnic(transaction, vnic, boot_id)
        }
        Change::RemoveVnic(Vnic { id, .. }) => {
            let mut remove =
                transaction.prepare_cached("DELETE FROM vnic WHERE id = ?1")?;
            remove.execute([id.0])?;
            forget_temporary_props(transaction, *id)
        }
        Change::UpdateVnic { now, .. } => {
            let mut update = transaction.prepare_cached(
                "UPDATE vnic SET spec = ?2, boot_id = ?3 WHERE id = ?1",
            )?;
            let boot = boot(now.temporary);
            let updated =
                update.execute(params![now.id.0, kept(now)?, boot])?;
            if updated != 1 {
                return Err(rusqlite::Error::StatementChangedRows(updated));
            }
            put_props_of_vnic(transaction, now, boot_id)
        }
        Change::AddEtherstub(stub) => {
            transaction.execute(
                "INSERT INTO etherstub (id, name, spec, boot_id)
                 VALUES (?1, ?2, ?3, ?4)",
                params![
                    stub.id.0,
                    stub.name.as_str(),
                    kept_stub(stub)?,
                    boot(stub.temporary),
                ],
            )?;
            next.pass_link(stub.id);
            put_props_of_stub(transaction, stub, boot_id)
        }
        Change::RemoveEtherstub(Etherstub { id, .. }) => {
            transaction
                .execute("DELETE FROM etherstub WHERE id = ?1", [id.0])?;
            forget_temporary_props(transaction, *id)
        }
        Change::UpdateEtherstub { now, .. } => {
            let updated = transaction.execute(
                "UPDATE etherstub SET spec = ?2, boot_id = ?3 WHERE id = ?1",
                params![now.id.0, kept_stub(now)?, boot(now.temporary)],
            )?;
            if updated != 1 {
                return Err(rusqlite::Error::StatementChangedRows(updated));
            }
            put_props_of_stub(transaction, now, boot_id)
        }
        Change::SetLink { link, now, .. } => {
            links::put(transaction, link, now, boot_id)
        }
        Change::AddFlow(flow) => {
            next.pass_flow(flow.id);
            flows::add(transaction, flow, boot_id)
        }
        Change::RemoveFlow(flow) => flows::remove(transaction, flow),
        Change::UpdateFlow { now, .. } => {
            flows::update(transaction, now, boot_id)
        }
    }
}

/// A VNIC's row: the VNIC as it will be after the next boot.
fn kept(vnic: &Vnic) -> rusqlite::Result<String> {
    let props = vnic.kept_props().clone();
    json(&Vnic { props, kept: None, ..vnic.clone() })
}

/// An etherstub's row: the etherstub as it will be after the next boot.
fn kept_stub(stub: &Etherstub) -> rusqlite::Result<String> {
    let settings = stub.settings.next_boot();
    json(&Etherstub { settings, ..stub.clone() })
}

fn put_props_of_vnic(
    transaction: &Transaction<'_>,
    Vnic { id, props, kept, .. }: &Vnic,
    boot_id: &str,
) -> rusqlite::Result<()> {
    let props = kept.is_some().then_some(props);
    put_temporary_props(transaction, *id, props, boot_id)
}

fn put_props_of_stub(
    transaction: &Transaction<'_>,
    Etherstub { id, settings, .. }: &Etherstub,
    boot_id: &str,
) -> rusqlite::Result<()> {
    let props = settings.kept.is_some().then_some(&settings.props);
    put_temporary_props(transaction, *id, props, boot_id)
}

/// Writes down the properties that hold for this boot only, if there are any.
fn put_temporary_props(
    transaction: &Transaction<'_>,
    id: LinkId,
    props: Option<&impl serde::Serialize>,
    boot_id: &str,
) -> rusqlite::Result<()> {
    forget_temporary_props(transaction, id)?;
    if let Some(props) = props {
        transaction.execute(
            "INSERT INTO temporary_props (link, props, boot_id)
             VALUES (?1, ?2, ?3)",
            params![id.0, json(props)?, boot_id],
        )?;
    }
    Ok(())
}

fn forget_temporary_props(
    transaction: &Transaction<'_>,
    id: LinkId,
) -> rusqlite::Result<()> {
    let mut forget = transaction
        .prepare_cached("DELETE FROM temporary_props WHERE link = ?1")?;
    forget.execute([id.0])?;
    Ok(())
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

/// Checks that a file is ours and of a layout that we know; gives the layout,
/// 0 for a file that is new and empty.
fn check(connection: &Connection, path: &Path) -> Result<u32, StoreError> {
    let read = |source| sqlite(path, "read", source);
    let tables: u32 = connection
        .query_row("SELECT count(*) FROM sqlite_schema", (), |row| row.get(0))
        .map_err(read)?;
    if tables == 0 {
        return Ok(0);
    }
    let pragma = |name| {
        connection.pragma_query_value(None, name, |row| row.get::<_, u32>(0))
    };
    if pragma("application_id").map_err(read)? != APPLICATION {
        return Err(StoreError::Foreign(path.to_owned()));
    }
    let found = pragma("user_version").map_err(read)?;
    if !(1..=VERSION).contains(&found) {
        return Err(StoreError::Layout { path: path.to_owned(), found });
    }
    // Not when somebody asks for the first row on a damaged page, which may be
    // in the middle of a change.
    let what: String = connection
        .query_row("PRAGMA quick_check(1)", (), |row| row.get(0))
        .map_err(read)?;
    if what != "ok" {
        // It lists what it finds in lines.
        let what = what.replace('\n', " ");
        return Err(StoreError::Corrupt { path: path.to_owned(), what });
    }
    Ok(found)
}

/// Brings a file from the layout `from` to ours, all the way or not at all.
fn migrate(connection: &mut Connection, from: u32) -> rusqlite::Result<()> {
    if from == VERSION {
        return Ok(());
    }
    let transaction = connection.transaction()?;
    for migration in &MIGRATIONS[from as usize..] {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "application_id", APPLICATION)?;
    transaction.pragma_update(None, "user_version", VERSION)?;
    transaction.commit()
}

/// Forgets what is temporary and of other boots; returns the next numbers.
fn begin_boot(
    connection: &mut Connection,
    boot_id: &str,
) -> rusqlite::Result<Next> {
    let transaction = connection.transaction()?;
    let tables = [
        "vnic",
        "etherstub",
        "temporary_props",
        "temporary_link_props",
        "flow",
        "temporary_flow_props",
        "learned",
        "pending",
    ];
    for table in tables {
        transaction.execute(
            &format!(
                "DELETE FROM {table}
                 WHERE boot_id IS NOT NULL AND boot_id <> ?1"
            ),
            [boot_id],
        )?;
    }
    let next = transaction
        .query_row("SELECT next, next_flow FROM sequence", (), |row| {
            Ok(Next { link: row.get(0)?, flow: row.get(1)? })
        })
        .optional()?;
    transaction.commit()?;
    next.ok_or(rusqlite::Error::QueryReturnedNoRows)
}
