//! A BPF file system of the lab's own, for pins of the benchmarks'.

use std::path::{Path, PathBuf};

use nix::mount::{MsFlags, mount};

use crate::lab::FILES;

/// Mounts it, and says where.
///
/// # Panics
/// When the kernel refuses, or a benchmark has mounted it before.
pub(super) fn mounted() -> PathBuf {
    let dir = Path::new(FILES).join("bpf");
    let (none, nothing) = (MsFlags::empty(), None::<&str>);
    let mounted = std::fs::create_dir(&dir).and_then(|()| {
        Ok(mount(Some("bpf"), &dir, Some("bpf"), none, nothing)?)
    });
    mounted.unwrap_or_else(|error| panic!("{}: {error}", dir.display()));
    dir
}
