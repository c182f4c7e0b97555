//! The file system that keeps the data plane's tables.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

/// The directory for pins can't be had.
#[derive(Debug, thiserror::Error)]
#[error("cannot keep BPF tables in {}", dir.display())]
pub struct BpffsError {
    /// The directory asked for.
    pub dir: PathBuf,
    /// Why not.
    #[source]
    pub source: io::Error,
}

/// Where the kernel offers a mount point for a BPF file system.
const STANDARD: &str = "/sys/fs/bpf";

/// Makes `dir` a directory on a BPF file system.
///
/// Most hosts have one at `/sys/fs/bpf`; where `dir` is below it, or below
/// any other, the directory is made. Where there is none, one is mounted: at
/// `/sys/fs/bpf` if `dir` is below that, else at `dir` itself.
pub(super) fn prepare(dir: &Path) -> Result<(), BpffsError> {
    let failed = |source| BpffsError { dir: dir.to_owned(), source };
    let standard = Path::new(STANDARD);
    if dir.starts_with(standard) && !is_bpffs(standard) {
        mount_at(standard).map_err(failed)?;
    }
    let existing = dir.ancestors().find(|dir| dir.exists());
    if existing.is_some_and(is_bpffs) {
        return fs::create_dir_all(dir).map_err(failed);
    }
    fs::create_dir_all(dir).map_err(failed)?;
    mount_at(dir).map_err(failed)
}

fn is_bpffs(dir: &Path) -> bool {
    statfs(dir).is_ok_and(|kind| kind.filesystem_type() == BPF_FS_MAGIC)
}

fn mount_at(dir: &Path) -> io::Result<()> {
    let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV | MsFlags::MS_NOEXEC;
    mount(Some("bpf"), dir, Some("bpf"), flags, Some("mode=0700"))?;
    Ok(())
}
