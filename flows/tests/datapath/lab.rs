//! A network namespace and a BPF file system for one test.

use std::fs;
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

use fabric::LinkName;
use flows::LinkIndexes;
use nix::mount::{MntFlags, MsFlags, mount, umount2};
use nix::net::if_::if_nametoindex;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sched::{CloneFlags, unshare};
use tempfile::TempDir;

/// How long a frame may take that is sure to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What a test may use, and nobody else sees.
pub(crate) struct Lab {
    bpffs: TempDir,
}

/// Runs a test in a lab of its own.
pub(crate) fn in_lab<F: FnOnce(&Lab) + Send + 'static>(body: F) {
    // The body is a closure of the test, and named after it.
    let name = std::any::type_name::<F>().trim_end_matches("::{{closure}}");
    if !nix::unistd::Uid::effective().is_root() {
        skip(name, "needs root");
        return;
    }
    // The namespaces are the thread's and end with it, whoever's thread this
    // is now.
    let thread = thread::Builder::new().name(name.to_owned());
    let running = thread.spawn(move || body(&Lab::new())).unwrap();
    if let Err(panic) = running.join() {
        std::panic::resume_unwind(panic);
    }
}

/// Says that a test did not run, where both people and CI can't miss it.
fn skip(test: &str, why: &str) {
    let line = format!("SKIP: {test}: {why}\n");
    assert!(std::env::var_os("ARBALEST_NO_SKIP").is_none(), "{line}");
    // Not eprint!(), which the test runner hides when a test passes.
    io::stderr().write_all(line.as_bytes()).unwrap();
    if let Some(path) = std::env::var_os("ARBALEST_SKIPS") {
        let mut file = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(path)
            .unwrap();
        file.write_all(line.as_bytes()).unwrap();
    }
}

impl Lab {
    fn new() -> Self {
        unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS).unwrap();
        let nothing = None::<&str>;
        let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
        mount(nothing, "/", nothing, private, nothing).unwrap();
        let bpffs = tempfile::tempdir().unwrap();
        let none = MsFlags::empty();
        mount(Some("bpf"), bpffs.path(), Some("bpf"), none, nothing).unwrap();
        // Only frames of the test's making are to be seen.
        for scope in ["all", "default"] {
            let path = format!("/proc/sys/net/ipv6/conf/{scope}/disable_ipv6");
            if Path::new(&path).exists() {
                fs::write(path, "1").unwrap();
            }
        }
        ip("link set lo up");
        Self { bpffs }
    }

    /// A directory for pins.
    pub(crate) fn pins(&self) -> PathBuf {
        self.bpffs.path().join("netd")
    }

    /// Where maps that are in use are pinned.
    pub(crate) fn maps(&self) -> PathBuf {
        self.pins().join("maps")
    }

    /// A second directory for pins.
    pub(crate) fn other_pins(&self) -> PathBuf {
        self.bpffs.path().join("other")
    }
}

impl Drop for Lab {
    fn drop(&mut self) {
        umount2(self.bpffs.path(), MntFlags::MNT_DETACH).unwrap();
    }
}

/// Runs ip(8) and returns what it says.
pub(crate) fn ip(arguments: &str) -> String {
    run("ip", arguments)
}

/// Runs tc(8) and returns what it says.
pub(crate) fn tc(arguments: &str) -> String {
    run("tc", arguments)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a test sets its scene with the tools that people use, and takes \
              their word as a second opinion"
)]
fn run(program: &str, arguments: &str) -> String {
    let mut command = Command::new(program);
    let output = command.args(arguments.split_whitespace()).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{program} {arguments}: {error}");
    String::from_utf8(output.stdout).unwrap()
}

/// The number of a link of this namespace.
pub(crate) fn index_of(name: &str) -> u32 {
    if_nametoindex(name).unwrap()
}

/// Links of this namespace, by name.
pub(crate) fn links(names: &[&str]) -> LinkIndexes {
    let numbered = |name: &&str| -> (LinkName, u32) {
        (name.parse().unwrap(), index_of(name))
    };
    names.iter().map(numbered).collect()
}

/// An Ethernet device whose far side is this test: what is written arrives at
/// the device, what the device sends can be read.
pub(crate) struct Tap {
    file: fs::File,
}

/// `struct ifreq`, as far as TUNSETIFF reads it.
#[repr(C)]
struct Request {
    name: [u8; 16],
    flags: u16,
    rest: [u8; 22],
}

mod ioctl {
    nix::ioctl_write_ptr_bad!(tunsetiff, 0x4004_54ca, super::Request);
}

impl Tap {
    /// Makes a TAP device and switches it on.
    pub(crate) fn new(name: &str) -> Self {
        const IFF_TAP: u16 = 0x0002;
        const IFF_NO_PI: u16 = 0x1000;
        let file = fs::OpenOptions::new()
            .read(true)
            .write(true)
            .custom_flags(nix::libc::O_NONBLOCK)
            .open("/dev/net/tun")
            .unwrap();
        let mut request = Request {
            name: [0; 16],
            flags: IFF_TAP | IFF_NO_PI,
            rest: [0; 22],
        };
        request.name[..name.len()].copy_from_slice(name.as_bytes());
        #[expect(unsafe_code, reason = "no crate makes TAPs without it")]
        // SAFETY: the kernel reads and writes within `request`, which is as
        // long as its `struct ifreq`.
        unsafe { ioctl::tunsetiff(file.as_raw_fd(), &raw const request) }
            .unwrap();
        ip(&format!("link set {name} up"));
        Self { file }
    }

    /// Sends a frame to the device.
    pub(crate) fn send(&mut self, frame: &[u8]) {
        self.file.write_all(frame).unwrap();
    }

    /// The frames that the device has sent. Waits for as many as are `sure` to
    /// come.
    pub(crate) fn receive(&mut self, sure: usize) -> Vec<Vec<u8>> {
        let mut buffer = [0; 2048];
        let fd = self.file.as_fd().try_clone_to_owned().unwrap();
        collect(&fd, sure, || {
            let length = self.file.read(&mut buffer)?;
            Ok(buffer[..length].to_vec())
        })
    }
}

/// Takes everything that can be had without waiting, and waits for as many as
/// are sure to come.
pub(crate) fn collect<T>(
    fd: &impl AsFd,
    sure: usize,
    mut take: impl FnMut() -> io::Result<T>,
) -> Vec<T> {
    let deadline = Instant::now() + PATIENCE;
    let mut taken = Vec::new();
    loop {
        match take() {
            Ok(one) => taken.push(one),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = deadline.saturating_duration_since(Instant::now());
                if taken.len() >= sure || left.is_zero() {
                    return taken;
                }
                let timeout = PollTimeout::try_from(left).unwrap();
                let fd = PollFd::new(fd.as_fd(), PollFlags::POLLIN);
                poll(&mut [fd], timeout).unwrap();
            }
            Err(error) => panic!("{error}"),
        }
    }
}
