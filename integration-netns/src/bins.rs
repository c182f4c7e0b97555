//! Where the programs under test are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// The path of a program of the workspace, as Cargo built it.
///
/// # Panics
/// When it has not been built.
#[track_caller]
#[must_use]
pub fn binary(name: &str) -> PathBuf {
    let path = dir().join(name);
    assert!(
        path.is_file(),
        "{} is not there: run `cargo build --workspace` first",
        path.display()
    );
    path
}

/// Where Cargo put the programs of this build: `target/PROFILE`. Tests lie one
/// level below it, in `deps`.
///
/// Asked for the first time before the lab leaves the machine's mount
/// namespace: in a chroot, the kernel can't name this program's file any more
/// after that.
pub(crate) fn dir() -> &'static Path {
    static DIR: OnceLock<PathBuf> = OnceLock::new();
    DIR.get_or_init(|| {
        let own = std::env::current_exe().expect("/proc is mounted");
        let dir = own.parent().expect("a file lies in a directory");
        let dir = if dir.ends_with("deps") { dir.parent() } else { Some(dir) };
        dir.expect("deps lies in a directory").to_owned()
    })
}

/// The program of that name, as `scripts/schemathesis` leaves it.
#[must_use]
pub fn schemathesis() -> PathBuf {
    let target = dir().parent().expect("a profile lies in target");
    target.join("schemathesis/bin/schemathesis")
}

/// `PATH` with the programs of this build before all others, so that they can
/// be called by their names, as people do.
pub(crate) fn path() -> OsString {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let others = std::env::split_paths(&path);
    let dirs = [dir().to_owned()].into_iter().chain(others);
    std::env::join_paths(dirs).expect("no directory of PATH has a colon")
}
