//! A running netd.

use std::fs::{self, File, OpenOptions};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::process::{Child, ExitStatus};
use std::time::Duration;

use dladm::Client;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::lab::FILES;
use crate::{Api, CmdOutput, Lab, Netns, Poll, binary, note};

/// The default of `--run-dir` and so of the clients' socket. The lab has a
/// `/run` of its own, so the commands find it without being told.
const RUN_DIR: &str = "/run/netd";

/// A netd that serves a namespace of the lab; killed when dropped.
///
/// Its configuration, store and maps stay in the lab, so that the next one
/// finds them.
#[derive(Debug)]
pub struct Netd {
    host: Netns,
    child: Option<Child>,
}

impl Netd {
    /// Where the store is. netd makes it.
    pub const STATE_DIR: &str = "/run/lab/state";
    /// Where the maps are pinned. netd has to mount it: nothing there is a
    /// bpffs.
    pub const BPFFS: &str = "/run/bpf/netd";
    /// How long it may take to be ready.
    const READY: Poll = Poll::PATIENT;

    /// Starts netd in `host` and waits until it says that it serves.
    ///
    /// # Panics
    /// When it doesn't.
    #[track_caller]
    #[must_use]
    pub fn start(_lab: &Lab, host: &Netns, config: Option<&str>) -> Self {
        let mut netd = Self { host: host.clone(), child: None };
        if let Some(text) = config {
            netd.write_config(text);
        }
        netd.launch();
        netd
    }

    /// Starts it again.
    ///
    /// # Panics
    /// When it runs, or doesn't come up.
    #[track_caller]
    pub fn launch(&mut self) {
        if let Err(status) = self.launch_with(&[]) {
            panic!("netd ended before it was ready: {status}");
        }
    }

    /// Starts it again with some variables in its environment, and waits until
    /// it serves.
    ///
    /// # Errors
    /// How it ended, if it did so first.
    ///
    /// # Panics
    /// When it runs, or neither comes up nor ends.
    #[track_caller]
    pub fn launch_with(
        &mut self,
        variables: &[(&str, &str)],
    ) -> Result<(), ExitStatus> {
        let words = self.spawn(variables);
        let child = self.child.as_mut().expect("it was started");
        let ready = Self::READY.until("netd says READY=1", || {
            if let Ok(Some(status)) = child.try_wait() {
                return Ok(Err(status));
            }
            let mut buffer = [0; 4096];
            match words.recv(&mut buffer) {
                Ok(len) => {
                    let word = String::from_utf8_lossy(&buffer[..len]);
                    if word.lines().any(|line| line == "READY=1") {
                        Ok(Ok(()))
                    } else {
                        Err(format!("{word:?}"))
                    }
                }
                Err(error) => Err(error.to_string()),
            }
        });
        if ready.is_err() {
            self.child = None;
        }
        ready
    }

    /// Starts it again and doesn't wait for anything.
    ///
    /// # Panics
    /// When it runs, or can't be started.
    #[track_caller]
    pub fn launch_unwatched(&mut self) {
        let _ = self.spawn(&[]);
    }

    /// Starts it. What it tells a service manager comes to the socket.
    #[track_caller]
    fn spawn(&mut self, variables: &[(&str, &str)]) -> UnixDatagram {
        assert!(self.child.is_none(), "netd runs already");
        // Bound again each time, so that no old word counts.
        let notify = Self::file("notify.sock");
        let _ = fs::remove_file(&notify);
        let words = UnixDatagram::bind(&notify)
            .unwrap_or_else(|error| panic!("{notify}: {error}"));
        words
            .set_read_timeout(Some(Duration::from_millis(50)))
            .expect("the timeout is not zero");

        let log = Self::open_log();
        let mut command = self.host.command(binary("netd"));
        command
            .args(["--config", &Self::file("config")])
            .args(["--state-dir", Self::STATE_DIR])
            .args(["--run-dir", RUN_DIR])
            .args(["--bpffs", Self::BPFFS])
            .env("NOTIFY_SOCKET", &notify)
            .envs(variables.iter().copied())
            .stdin(std::process::Stdio::null())
            .stdout(log.try_clone().expect("a file can be duplicated"))
            .stderr(log);
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot start netd: {error}"));
        self.child = Some(child);
        words
    }

    /// The namespace that it serves.
    #[must_use]
    pub fn host(&self) -> &Netns {
        &self.host
    }

    /// Writes the configuration that it reads at its next start or reload.
    ///
    /// # Panics
    /// When the file can't be written.
    #[track_caller]
    pub fn write_config(&self, text: &str) {
        let path = Self::file("config");
        fs::write(&path, text)
            .unwrap_or_else(|error| panic!("{path}: {error}"));
    }

    /// Where the configuration is.
    #[must_use]
    pub fn config_path(&self) -> String {
        Self::file("config")
    }

    /// Has it read its configuration again. What comes of it is for the story
    /// to wait for.
    ///
    /// # Panics
    /// When it doesn't run.
    #[track_caller]
    pub fn reload(&self) {
        self.signal(Signal::SIGHUP);
    }

    /// Stops it as a service manager does.
    ///
    /// # Panics
    /// When it doesn't end, or not cleanly.
    #[track_caller]
    pub fn stop(&mut self) {
        self.signal(Signal::SIGTERM);
        let status = self.ended();
        assert!(status.success(), "netd ended with {status} on SIGTERM");
    }

    /// Kills it in the middle of whatever it does.
    ///
    /// # Panics
    /// When it doesn't run.
    #[track_caller]
    pub fn kill(&mut self) {
        self.signal(Signal::SIGKILL);
        self.ended();
    }

    /// Waits until it has ended by itself, and says how.
    ///
    /// # Panics
    /// When it doesn't.
    #[track_caller]
    pub fn wait(&mut self) -> ExitStatus {
        self.ended()
    }

    /// Whether the process that was started still runs.
    #[must_use]
    pub fn is_alive(&mut self) -> bool {
        let child = self.child.as_mut();
        child.is_some_and(|child| matches!(child.try_wait(), Ok(None)))
    }

    /// Its process id.
    ///
    /// # Panics
    /// When it doesn't run.
    #[track_caller]
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.as_ref().expect("netd was started").id()
    }

    /// Runs `dladm` as one would on the host.
    #[track_caller]
    pub fn dladm(&self, args: &[&str]) -> CmdOutput {
        self.command_line("dladm", args)
    }

    /// Runs `nictagadm` as one would on the host.
    #[track_caller]
    pub fn nictagadm(&self, args: &[&str]) -> CmdOutput {
        self.command_line("nictagadm", args)
    }

    /// Makes and deletes the NIC's first VNIC of the boot. It leaves an empty
    /// clsact on the NIC, at the price of a few frames of the host's; from
    /// then on VNICs come and go without either.
    ///
    /// # Panics
    /// When a command fails.
    #[track_caller]
    pub fn break_in(&self) {
        self.sh("dladm create-vnic -l bge0 first0").check();
        self.sh("dladm delete-vnic first0").check();
    }

    /// Runs a command of ours on the host. Words are between blanks.
    #[track_caller]
    pub fn sh(&self, line: &str) -> CmdOutput {
        let mut words = line.split_whitespace();
        let program = words.next().expect("a command has a name");
        self.command_line(program, &words.collect::<Vec<_>>())
    }

    #[track_caller]
    fn command_line(&self, program: &str, args: &[&str]) -> CmdOutput {
        // Called by its name, as people do: messages begin with it.
        let _ = binary(program);
        self.host.run(program, args)
    }

    /// The client library, asking it.
    ///
    /// # Panics
    /// When this process has no descriptors left.
    #[track_caller]
    #[must_use]
    pub fn client(&self) -> Client {
        Client::new(socket()).expect("a test may open files")
    }

    /// Its API, byte by byte.
    #[must_use]
    pub fn api(&self) -> Api {
        Api::new(socket())
    }

    /// What it has written to its log since the lab was opened.
    #[must_use]
    pub fn log(&self) -> String {
        fs::read_to_string(Self::file("netd.log")).unwrap_or_default()
    }

    fn file(name: &str) -> String {
        format!("{FILES}/{name}")
    }

    fn open_log() -> File {
        let path = Self::file("netd.log");
        OpenOptions::new()
            .create(true)
            .append(true)
            .open(&path)
            .unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    #[track_caller]
    fn signal(&self, signal: Signal) {
        let pid = Pid::from_raw(self.pid().cast_signed());
        kill(pid, signal).unwrap_or_else(|error| {
            panic!("cannot send {signal} to netd: {error}")
        });
    }

    #[track_caller]
    fn ended(&mut self) -> ExitStatus {
        let mut child = self.child.take().expect("netd was started");
        let status = Poll::PATIENT.try_until(|| match child.try_wait() {
            Ok(Some(status)) => Ok(status),
            other => Err(format!("{other:?}")),
        });
        status.unwrap_or_else(|reason| {
            let _ = child.kill();
            panic!("netd does not end: {reason}")
        })
    }
}

/// Its socket.
pub(crate) fn socket() -> PathBuf {
    Path::new(RUN_DIR).join("netd.sock")
}

impl Drop for Netd {
    fn drop(&mut self) {
        if std::thread::panicking() {
            note(&format!("--- netd's log\n{}", self.log()));
        }
        if let Some(mut child) = self.child.take() {
            // It may have ended by itself; either way it must be reaped.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}
