//! Who asks, and what they may.
//!
//! The socket's file lets root and two groups connect (`listen`); here is what
//! each of them may ask for. docs/decisions/0010 says why it is done so.

use std::ffi::CString;
use std::sync::Arc;

use fabric::Status;
use fabric::api::Problem;
use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, User, getgrouplist};
use tokio::sync::OnceCell;

use super::seats::Seat;
use crate::error::FabricError;

/// The group whose members may change the fabric.
pub(crate) const CHANGERS: &str = "netd";
/// The group whose members may look at it.
pub(crate) const READERS: &str = "netd-read";

/// What somebody may do; more of it is greater.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Authority {
    /// Nothing at all.
    Nothing,
    /// Look.
    Read,
    /// Change the fabric.
    Change,
}

/// The other end of a connection, as it was when it connected (SO_PEERCRED).
///
/// Each of its requests carries a clone.
#[derive(Clone, Debug)]
pub(super) struct Peer {
    /// The user.
    pub(super) uid: Uid,
    /// The group that the process ran with.
    gid: Gid,
    /// The process, for the log only: by now it may be another's number.
    pub(super) pid: Option<i32>,
    /// The place that the connection takes.
    pub(super) seat: Arc<Seat>,
    /// Looked up when it is asked for first, so that who may connect can have
    /// nothing looked up that the limit of requests does not count.
    authority: Arc<OnceCell<Authority>>,
}

impl Peer {
    /// The user `uid` with the group `gid`, in a place of its own.
    pub(super) fn new(
        uid: Uid,
        gid: Gid,
        pid: Option<i32>,
        seat: Seat,
    ) -> Self {
        let seat = Arc::new(seat);
        Self { uid, gid, pid, seat, authority: Arc::default() }
    }

    /// What the peer may do. Groups are those of the connection's first
    /// request.
    ///
    /// # Errors
    /// A problem when the users of this host can't be read.
    pub(super) async fn authority(&self) -> Result<Authority, Problem> {
        let (uid, gid) = (self.uid, self.gid);
        let find = async move || {
            if uid.is_root() {
                return Ok(Authority::Change);
            }
            // A directory service may take its time.
            let found =
                tokio::task::spawn_blocking(move || look_up(uid, gid)).await;
            found.unwrap_or(Err(Errno::EIO)).map_err(|source| {
                let name = uid.to_string();
                let source = source.into();
                Problem::from(&FabricError::Users { name, source })
            })
        };
        self.authority.get_or_try_init(find).await.copied()
    }

    /// What to answer to who may do less than that.
    pub(super) fn refusal(&self, needed: Authority) -> Problem {
        let uid = self.uid;
        let (detail, hint) = match needed {
            Authority::Change => (
                format!("user {uid} may not change the fabric"),
                format!("only root and the members of {CHANGERS} may"),
            ),
            _ => (
                format!("user {uid} may not look at the fabric"),
                format!(
                    "only root and the members of {CHANGERS} and {READERS} may"
                ),
            ),
        };
        Problem::new(Status::PermissionDenied, detail).hint(hint)
    }
}

/// A group of this host; none: there is no such group.
///
/// # Errors
/// When the groups can't be read.
pub(super) fn group(name: &str) -> nix::Result<Option<Gid>> {
    let found = known(Group::from_name(name))?;
    Ok(found.map(|group| group.gid))
}

/// What the groups of a user and of the process amount to.
///
/// The user's groups come from the host's database, and not from the process:
/// the kernel tells them by SO_PEERGROUPS, but nobody wraps that in safe code;
/// and /proc tells those of a process that may have become another since it
/// connected. So who is taken out of a group is out of it at the next
/// connection, whatever their session still holds. The file's rights are of the
/// process, so who gave its groups up does not get here.
fn look_up(uid: Uid, gid: Gid) -> nix::Result<Authority> {
    let (changers, readers) = (group(CHANGERS)?, group(READERS)?);
    let mut groups = vec![gid];
    if changers.or(readers).is_some()
        && let Some(user) = known(User::from_uid(uid))?
        && let Ok(name) = CString::new(user.name)
    {
        groups.extend(getgrouplist(&name, user.gid)?);
    }
    Ok(rank(&groups, changers, readers))
}

/// A look into the host's database, where "not found" has many numbers
/// (getgrnam(3)).
fn known<T>(found: nix::Result<Option<T>>) -> nix::Result<Option<T>> {
    match found {
        Err(Errno::ENOENT | Errno::ESRCH | Errno::EBADF | Errno::EPERM) => {
            Ok(None)
        }
        found => found,
    }
}

/// What is a member of these groups.
fn rank(
    groups: &[Gid],
    changers: Option<Gid>,
    readers: Option<Gid>,
) -> Authority {
    let is_in = |group: Option<Gid>| group.is_some_and(|g| groups.contains(&g));
    if is_in(changers) {
        Authority::Change
    } else if is_in(readers) {
        Authority::Read
    } else {
        Authority::Nothing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_decide_and_a_group_that_is_not_there_has_no_members() {
        use Authority::{Change, Nothing, Read};
        let (changers, readers) = (Some(900), Some(901));
        for (groups, changers, readers, want) in [
            (&[100][..], changers, readers, Nothing),
            (&[], changers, readers, Nothing),
            (&[100, 900], changers, readers, Change),
            (&[900], changers, None, Change),
            (&[100, 901], changers, readers, Read),
            (&[901, 900], changers, readers, Change),
            (&[900], None, readers, Nothing),
            (&[901], changers, None, Nothing),
            (&[0, 900, 901], None, None, Nothing),
        ] {
            let groups: Vec<Gid> =
                groups.iter().copied().map(Gid::from_raw).collect();
            let got = rank(
                &groups,
                changers.map(Gid::from_raw),
                readers.map(Gid::from_raw),
            );
            assert_eq!(got, want, "{groups:?} {changers:?} {readers:?}");
        }
    }

    #[test]
    fn who_may_change_may_look() {
        assert!(Authority::Change > Authority::Read);
        assert!(Authority::Read > Authority::Nothing);
    }

    #[test]
    fn a_user_that_nobody_knows_is_in_no_group_by_name() {
        let stranger = Uid::from_raw(3_999_999_999);
        let nowhere = Gid::from_raw(3_999_999_999);
        let got = look_up(stranger, nowhere).unwrap();
        assert_eq!(got, Authority::Nothing);
    }
}
