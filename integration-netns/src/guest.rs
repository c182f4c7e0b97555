//! A virtual machine: QEMU without hardware help, a kernel of Debian's and
//! busybox (`guest/init`), which boot in a few seconds.

use std::fs::{self, OpenOptions, Permissions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::time::Duration;

use fabric::Mac;

use crate::lab::FILES;
use crate::luggage::fill;
use crate::{CmdOutput, Lab, Luggage, Netns, bins, note};

/// What a guest boots, as `scripts/guest-kernel` leaves it: the kernel, and the
/// initramfs.
pub(crate) fn files() -> [PathBuf; 2] {
    let target = bins::dir().parent().expect("a profile lies in target");
    ["vmlinuz", "initrd.gz"].map(|file| target.join("guest").join(file))
}

/// A machine's network card.
#[derive(Clone, Copy, Debug)]
pub struct Nic<'a> {
    /// The TAP that it is on.
    pub device: &'a str,
    /// Its address.
    pub mac: Mac,
    /// The machine's IPv4 address and prefix length, where it has one.
    pub v4: Option<&'a str>,
    /// The machine's IPv6 address and prefix length, where it has one.
    pub v6: Option<&'a str>,
    /// Whether frames carry a virtio header, and with it what is left to do of
    /// checksums and large frames.
    pub vnet_hdr: bool,
}

/// A machine that runs.
#[derive(Debug)]
pub struct Guest {
    child: Child,
    commands: ChildStdin,
    answers: Receiver<String>,
}

impl Guest {
    /// Whom QEMU runs as: a user with no rights but over the TAP.
    pub const USER: &str = "nobody";
    /// How long booting or a command may take, with other tests on the same
    /// few CPUs.
    const PATIENCE: Duration = Duration::from_secs(120);
    /// Where the kernel's messages go, and QEMU's.
    const LOGS: [&str; 2] = ["console", "qemu.log"];

    /// Starts a machine in a namespace and waits until it takes commands.
    /// [`Lab::udev_tun`] must have been called, as QEMU isn't root.
    ///
    /// # Panics
    /// When it doesn't come up; shows what the kernel said.
    #[track_caller]
    #[must_use]
    pub fn boot(lab: &Lab, netns: &Netns, nic: &Nic<'_>) -> Self {
        Self::boot_with(lab, netns, nic, "", &Luggage::default())
    }

    /// Starts a machine as [`Guest::boot`] does, with further words for its
    /// kernel and further files.
    ///
    /// # Panics
    /// When it doesn't come up; shows what the kernel said.
    #[track_caller]
    #[must_use]
    pub fn boot_with(
        _lab: &Lab,
        netns: &Netns,
        nic: &Nic<'_>,
        words: &str,
        luggage: &Luggage,
    ) -> Self {
        let [kernel, initrd] = files();
        let kernel = readable(&kernel, &[]);
        let initrd = readable(&initrd, &luggage.archive());
        let [console, log] = Self::LOGS.map(|name| writable(name));
        let serial = format!("file:{console}");
        let mut words = format!("console=ttyS0 quiet panic=-1 {words}");
        for (key, addr) in [("v4", nic.v4), ("v6", nic.v6)] {
            if let Some(addr) = addr {
                words += &format!(" guest.{key}={addr}");
            }
        }
        let vnet_hdr = if nic.vnet_hdr { "on" } else { "off" };
        let netdev = format!(
            "tap,id=nic,ifname={},script=no,downscript=no,vnet_hdr={vnet_hdr}",
            nic.device
        );
        // Without a ROM to boot from, which not every system has.
        let mac = nic.mac.padded();
        let device = format!("virtio-net-pci,netdev=nic,mac={mac},romfile=");
        let mut child = netns.spawn_with("setpriv".as_ref(), |command| {
            // A change of user cancels the signal, so it is asked for again.
            command.args(["--reuid", Self::USER, "--clear-groups"]);
            command.args(["--pdeathsig", "KILL", "--"]);
            // The kernel unpacks into half of it, and programs that were built
            // for tests are large.
            command.args(["qemu-system-x86_64", "-accel", "tcg", "-m", "512"]);
            command.args(["-nodefaults", "-no-user-config", "-no-reboot"]);
            command.args(["-display", "none"]);
            command.args(["-serial", &serial, "-serial", "stdio"]);
            command.args(["-kernel", &kernel, "-initrd", &initrd]);
            command.args(["-append", &words]);
            command.args(["-netdev", &netdev, "-device", &device]);
            let log = OpenOptions::new().append(true).open(&log);
            let log = log.expect("it was just made");
            command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(log);
        });
        let commands = child.stdin.take().expect("it was asked for");
        let output = child.stdout.take().expect("it was asked for");
        let (sender, answers) = mpsc::channel();
        // Ends with QEMU, which dies with the caller's thread.
        std::thread::spawn(move || {
            for line in BufReader::new(output).lines().map_while(Result::ok) {
                if sender.send(line).is_err() {
                    return;
                }
            }
        });
        let guest = Self { child, commands, answers };
        let up = guest.answer("boot");
        assert!(up.ok(), "{up}");
        guest
    }

    /// Runs a line of shell in the machine, as root.
    ///
    /// # Panics
    /// When no answer comes.
    #[track_caller]
    pub fn sh(&mut self, line: &str) -> CmdOutput {
        let sent = writeln!(self.commands, "{line}");
        sent.unwrap_or_else(|error| panic!("QEMU has ended: {error}"));
        self.answer(line)
    }

    /// Waits for what comes of a command.
    #[track_caller]
    fn answer(&self, line: &str) -> CmdOutput {
        let mut stdout = String::new();
        loop {
            let Ok(text) = self.answers.recv_timeout(Self::PATIENCE) else {
                panic!("[guest] {line}: no answer\n{stdout}");
            };
            if let Some(code) = text.strip_prefix("= ") {
                let line = format!("[guest] {line}");
                let (stderr, code) = (String::new(), code.trim().parse().ok());
                return CmdOutput { line, stdout, stderr, code };
            }
            stdout.push_str(&text);
            stdout.push('\n');
        }
    }
}

impl Drop for Guest {
    fn drop(&mut self) {
        if std::thread::panicking() {
            for name in Self::LOGS {
                let path = Path::new(FILES).join(name);
                let text = fs::read_to_string(path).unwrap_or_default();
                note(&format!("--- the guest's {name}\n{text}"));
            }
        }
        // It may have ended by itself; either way it must be reaped.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// A copy of a file, with more behind it, where [`Guest::USER`] can read it:
/// nobody may look into everybody's home.
#[track_caller]
fn readable(file: &Path, more: &[u8]) -> String {
    let name = file.file_name().expect("a file has a name");
    let copy = Path::new(FILES).join(name);
    let copied = fs::read(file).and_then(|mut bytes| {
        fill(&mut bytes);
        fs::write(&copy, [&bytes, more].concat())
    });
    copied.unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    copy.display().to_string()
}

/// An empty file that [`Guest::USER`] can write.
#[track_caller]
fn writable(name: &str) -> String {
    let path = Path::new(FILES).join(name);
    let anybody = Permissions::from_mode(0o666);
    fs::write(&path, "")
        .and_then(|()| fs::set_permissions(&path, anybody))
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    path.display().to_string()
}
