//! An access control list of a file, as the kernel keeps it.

use std::io;
use std::path::Path;

use nix::unistd::Gid;
use rustix::fs::{XattrFlags, lsetxattr};

/// The extended attribute that is the list (acl(5), xattr(7)).
const ATTRIBUTE: &str = "system.posix_acl_access";
/// The form of the list that every kernel knows.
const VERSION: u32 = 2;
/// What an entry without an id has in its place.
const NO_ID: u32 = u32::MAX;
/// Read and write: connect(2) asks for write.
const READ_WRITE: u16 = 6;

/// Lets a group use a file of mode 0660 beside the one that it belongs to. The
/// mode stays what it was, and stays true: its middle digit is the most that
/// any group has.
///
/// # Errors
/// What the kernel said; EOPNOTSUPP where the file system has no lists.
pub(super) fn admit(path: &Path, group: Gid) -> io::Result<()> {
    let list = list(group.as_raw());
    Ok(lsetxattr(path, ATTRIBUTE, &list, XattrFlags::empty())?)
}

/// The list, entry by entry in the order that the kernel wants.
fn list(group: u32) -> Vec<u8> {
    let mut bytes = VERSION.to_le_bytes().to_vec();
    for (tag, rights, id) in [
        (0x01_u16, READ_WRITE, NO_ID), // the file's user
        (0x04, READ_WRITE, NO_ID),     // the file's group
        (0x08, READ_WRITE, group),     // one more group
        (0x10, READ_WRITE, NO_ID),     // the most that a group has
        (0x20, 0, NO_ID),              // anybody else
    ] {
        bytes.extend_from_slice(&tag.to_le_bytes());
        bytes.extend_from_slice(&rights.to_le_bytes());
        bytes.extend_from_slice(&id.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_list_is_what_setfacl_writes() {
        // getfattr -e hex, after setfacl -m g:4002:rw on a file of mode 0660.
        let want = [
            &[2, 0, 0, 0][..],
            &[0x01, 0, 6, 0, 0xff, 0xff, 0xff, 0xff],
            &[0x04, 0, 6, 0, 0xff, 0xff, 0xff, 0xff],
            &[0x08, 0, 6, 0, 0xa2, 0x0f, 0x00, 0x00],
            &[0x10, 0, 6, 0, 0xff, 0xff, 0xff, 0xff],
            &[0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
        ];
        assert_eq!(list(4002), want.concat());
    }
}
