//! The unix socket file.

use std::fs;
use std::io;
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, PermissionsExt};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};

use nix::unistd::{Gid, chown};
use tokio::net::UnixListener;

use super::acl;
use super::peer::{CHANGERS, READERS, group};
use crate::chain::chain;
use crate::failpoint::{self, Place};

/// The socket can't be had.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListenError {
    /// Somebody answers there.
    #[error("another netd serves {}", .0.display())]
    Taken(PathBuf),
    /// Something else is in the place of the socket.
    #[error("{} is there and is no socket", .0.display())]
    NotASocket(PathBuf),
    /// The system refused.
    #[error("cannot serve {}", path.display())]
    Refused {
        /// The socket.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

/// The listening socket; its file goes away with it.
#[derive(Debug)]
pub struct Socket {
    /// The file.
    pub path: PathBuf,
}

impl Drop for Socket {
    fn drop(&mut self) {
        // Clients then learn at once that nobody serves.
        let _ = fs::remove_file(&self.path);
    }
}

/// Listens at `DIR/netd.sock`, mode 0660, owned by root and by the group
/// `netd` where there is one. Members of the group `netd-read` may connect,
/// too, by an entry in the file's access control list. What anybody may ask for
/// then is up to the gate (docs/decisions/0010).
///
/// # Errors
/// [`ListenError`] when another netd serves there, or the system refuses.
pub fn listen(dir: &Path) -> Result<(UnixListener, Socket), ListenError> {
    let path = dir.join("netd.sock");
    let refused = |source| ListenError::Refused { path: path.clone(), source };
    fs::DirBuilder::new()
        .recursive(true)
        .mode(0o755)
        .create(dir)
        .map_err(refused)?;
    clear(&path)?;
    // Bound under another name until its permissions are right: connect()
    // checks them, and there is no moment at which just anybody may. Always the
    // same name, so that what a killed netd leaves is cleared away by the next.
    let draft = dir.join(".netd.sock.new");
    let _ = fs::remove_file(&draft);
    failpoint::before(Place::BindSocket);
    let listener = UnixListener::bind(&draft).map_err(refused)?;
    failpoint::after(Place::BindSocket);
    let settle = || -> io::Result<()> {
        if let Some(changers) = known_group(CHANGERS) {
            chown(&draft, None, Some(changers))?;
        }
        fs::set_permissions(&draft, fs::Permissions::from_mode(0o660))?;
        if let Some(readers) = known_group(READERS)
            && let Err(error) = acl::admit(&draft, readers)
        {
            let (path, group) = (path.display(), READERS);
            tracing::warn!(%path, group, %error, "the group cannot connect");
        }
        fs::rename(&draft, &path)
    };
    settle().map_err(|source| {
        let _ = fs::remove_file(&draft);
        refused(source)
    })?;
    Ok((listener, Socket { path }))
}

/// A group of this host. Where groups can't be read, root can still do
/// everything, and that is better than no netd.
fn known_group(name: &str) -> Option<Gid> {
    group(name).unwrap_or_else(|error| {
        let error = chain(&error);
        tracing::warn!(group = name, %error, "cannot look up a group");
        None
    })
}

/// Removes the socket that a netd left behind when it was killed.
fn clear(path: &Path) -> Result<(), ListenError> {
    let refused =
        |source| ListenError::Refused { path: path.to_owned(), source };
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(refused(error)),
        Ok(meta) if !meta.file_type().is_socket() => {
            Err(ListenError::NotASocket(path.to_owned()))
        }
        Ok(_) if UnixStream::connect(path).is_ok() => {
            Err(ListenError::Taken(path.to_owned()))
        }
        Ok(_) => fs::remove_file(path).map_err(refused),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn one_serves_and_its_file_goes_with_it() {
        let dir = tempfile::tempdir().unwrap();
        let (listener, socket) = listen(dir.path()).unwrap();
        let mode = fs::metadata(&socket.path).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o660);
        let second = listen(dir.path()).unwrap_err();
        assert!(matches!(second, ListenError::Taken(_)), "{second:?}");
        let path = socket.path.clone();
        drop((listener, socket));
        assert!(!path.exists());
    }

    #[tokio::test]
    async fn a_dead_socket_is_replaced_and_another_file_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("netd.sock");
        drop(std::os::unix::net::UnixListener::bind(&path).unwrap());
        drop(listen(dir.path()).unwrap());
        fs::write(&path, "precious").unwrap();
        let error = listen(dir.path()).unwrap_err();
        assert!(matches!(error, ListenError::NotASocket(_)), "{error:?}");
        assert_eq!(fs::read_to_string(&path).unwrap(), "precious");
    }
}
