//! Finding the namespaces of zones.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

use fabric::Zone;
use nix::sched::{CloneFlags, setns};
use nix::sys::statfs::{FsType, fstatfs};

/// `NSFS_MAGIC` of `linux/magic.h`: the file system of namespace files.
const NSFS_MAGIC: FsType = FsType(0x6e73_6673);

/// A zone that is not running.
#[derive(Debug, thiserror::Error)]
#[error("zone \"{zone}\" is not running")]
pub struct ZoneError {
    /// The zone.
    pub zone: Zone,
    /// Why its namespace can't be had.
    #[source]
    pub source: io::Error,
}

/// Opens a zone's network namespace.
///
/// A file that was left behind where a namespace used to be mounted is no
/// namespace.
pub(super) fn open(zone: &Zone) -> Result<OwnedFd, ZoneError> {
    let absent = |source| ZoneError { zone: zone.clone(), source };
    let file = File::open(zone.path()).map_err(absent)?;
    let kind = fstatfs(&file).map_err(|errno| absent(errno.into()))?;
    if kind.filesystem_type() == NSFS_MAGIC {
        Ok(file.into())
    } else {
        Err(absent(io::Error::other("the file is no namespace")))
    }
}

/// Does something in another network namespace, on a thread that goes there.
pub(super) fn within<T: Send>(
    namespace: &OwnedFd,
    done: impl FnOnce() -> io::Result<T> + Send,
) -> io::Result<T> {
    let runtime = tokio::runtime::Handle::current();
    let go = || {
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        let _guard = runtime.enter();
        done()
    };
    std::thread::scope(|scope| {
        let done = scope.spawn(go).join();
        done.unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
    })
}
