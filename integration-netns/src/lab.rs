//! A private mount namespace that holds everything else.

use std::fs;
use std::marker::PhantomData;
use std::path::Path;

use nix::fcntl::AT_FDCWD;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::sched::{CloneFlags, unshare};
use nix::sys::stat::{FchmodatFlags, Mode, SFlag, fchmodat, makedev, mknod};
use nix::unistd::mkdir;

use crate::{Need, Netns, bins, require, topo};

/// Where the lab is mounted: over the machine's own `/run`, which the lab's
/// thread and its children don't see any more.
pub(crate) const ROOT: &str = "/run";

/// Where the lab keeps files of its own.
pub(crate) const FILES: &str = "/run/lab";

/// A lab, bound to the thread that opened it.
///
/// The thread leaves the machine's mount namespace for good. When the lab is
/// dropped, or the thread ends, everything in it is gone.
#[derive(Debug)]
pub struct Lab {
    /// Children are started and die with this thread.
    _thread: PhantomData<*const ()>,
}

/// A lab can't be opened.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LabError {
    /// Only root may make namespaces.
    #[error("the lab needs root: it makes network namespaces")]
    NotRoot,
    /// The kernel refused.
    #[error("cannot {what}")]
    Kernel {
        /// What was tried.
        what: &'static str,
        /// Why not.
        source: nix::Error,
    },
    /// A file can't be made.
    #[error("cannot make {path}")]
    File {
        /// The file.
        path: String,
        /// Why not.
        source: std::io::Error,
    },
}

impl Lab {
    /// Opens a lab for a test, or says why the test is skipped.
    ///
    /// # Panics
    /// When root can't open a lab.
    #[track_caller]
    #[must_use]
    pub fn for_story() -> Option<Self> {
        // Both are in every Debian; elsewhere they may not be.
        let tools = ["bridge", "ip", "nsenter", "ping", "setpriv", "tc"];
        let needs = tools.map(Need::Program);
        if !require(&[&[Need::Root], &needs[..]].concat()) {
            return None;
        }
        match Self::open() {
            Ok(lab) => Some(lab),
            Err(error) => panic!("cannot open a lab: {error:?}"),
        }
    }

    /// Opens a lab.
    ///
    /// # Errors
    /// [`LabError::NotRoot`] for anybody else; otherwise what the kernel
    /// refused.
    pub fn open() -> Result<Self, LabError> {
        if !nix::unistd::geteuid().is_root() {
            return Err(LabError::NotRoot);
        }
        let _ = bins::dir();
        let kernel = |what| move |source| LabError::Kernel { what, source };
        unshare(CloneFlags::CLONE_NEWNS)
            .map_err(kernel("leave the mount namespace"))?;
        // Without this, mounts made here would appear on the machine.
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(None::<&str>, "/", None::<&str>, private, None::<&str>)
            .map_err(kernel("make the mounts private"))?;
        let flags = MsFlags::MS_NOSUID | MsFlags::MS_NODEV;
        mount(Some("lab"), ROOT, Some("tmpfs"), flags, Some("mode=0755"))
            .map_err(kernel("mount a tmpfs over /run"))?;
        // From here on dropping it undoes what was done.
        let lab = Self { _thread: PhantomData };
        for dir in [FILES, topo::NETNS_DIR] {
            fs::create_dir(dir).map_err(|source| LabError::File {
                path: dir.to_owned(),
                source,
            })?;
        }
        Ok(lab)
    }

    /// Makes a namespace; `lo` is up.
    ///
    /// # Panics
    /// When the name is taken.
    #[track_caller]
    #[must_use]
    pub fn netns(&self, name: &str) -> Netns {
        let netns = Netns::create(name)
            .unwrap_or_else(|error| panic!("cannot make {name}: {error}"));
        netns.ip("link set lo up");
        netns
    }

    /// Has `/dev/net/tun` in the lab look as udev makes it: anybody may open
    /// it, and what they may do with it is up to the TAP.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn udev_tun(&self) {
        let done = || -> nix::Result<()> {
            let dir = Path::new(FILES).join("dev");
            mkdir(&dir, Mode::S_IRWXU)?;
            // The lab's own tmpfs takes no devices.
            let flags = MsFlags::MS_NOSUID;
            let nothing = None::<&str>;
            mount(Some("dev"), &dir, Some("tmpfs"), flags, nothing)?;
            let node = dir.join("tun");
            let any = Mode::from_bits_truncate(0o666);
            mknod(&node, SFlag::S_IFCHR, Mode::empty(), makedev(10, 200))?;
            // Whatever the umask is.
            fchmodat(AT_FDCWD, &node, any, FchmodatFlags::FollowSymlink)?;
            let bind = MsFlags::MS_BIND;
            mount(Some(&node), "/dev/net/tun", nothing, bind, nothing)
        };
        done().unwrap_or_else(|error| panic!("/dev/net/tun: {error}"));
    }

    /// Has the machine look, to programs that start from now on, as if it had
    /// been booted again. The kernel keeps what it has.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn feign_boot(&self) {
        let id = self.file("boot_id", "00000000-0000-4000-8000-000000000001");
        let (bind, nothing) = (MsFlags::MS_BIND, None::<&str>);
        let path = "/proc/sys/kernel/random/boot_id";
        mount(Some(id.as_str()), path, nothing, bind, nothing)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Writes a file of the lab's own and gives its path.
    ///
    /// # Panics
    /// When it can't be written.
    #[track_caller]
    pub fn file(&self, name: &str, text: &str) -> String {
        let path = Path::new(FILES).join(name);
        fs::write(&path, text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path.display().to_string()
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        // Everything below goes with it: files, namespaces' names, bpffs. What
        // remains without a mount is gone once no process uses it.
        if let Err(error) = umount2(ROOT, MntFlags::MNT_DETACH) {
            crate::note(&format!("cannot unmount the lab: {error}"));
        }
    }
}
