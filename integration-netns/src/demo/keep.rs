//! Ending the demo, or not: signals, and `KEEP=1`.
//!
//! A lab lives as long as the thread that opened it, so the demo that is asked
//! to stay runs as two processes. The *launcher* has the terminal; it copies
//! what the *holder* prints and leaves when that one is done. The holder has
//! the lab, and is the one process whose end ends everything.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};

use nix::sys::prctl::set_pdeathsig;
use nix::sys::signal::Signal;
use nix::unistd::{dup2_stderr, dup2_stdout, getpid, getppid, setsid};
use tokio::signal::unix::{SignalKind, signal};

use super::complain;
use super::transcript::Transcript;
use crate::{Netns, door};

/// Tells the holder who its launcher is, by pid.
const LAUNCHER_ENV: &str = "ARBALEST_DEMO_LAUNCHER";

/// The holder's last line, for the launcher alone.
const DONE: &str = "\u{4}complete=";

/// What this process is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// It shows the lab and ends.
    Visitor,
    /// It starts a holder and ends.
    Launcher,
    /// It shows the lab and keeps it.
    Holder,
}

impl Role {
    pub(super) fn of_this_process(keep: bool) -> Self {
        match (keep, std::env::var_os(LAUNCHER_ENV)) {
            (false, _) => Self::Visitor,
            (true, None) => Self::Launcher,
            (true, Some(_)) => Self::Holder,
        }
    }
}

/// Makes SIGINT and SIGTERM end the process at once, with a word.
///
/// There is nothing to clean up: every child dies with this process, and the
/// lab with the last of them. No signal is blocked for that: children would
/// inherit it, and netd could not be stopped.
pub(super) fn die_politely_on_signals(role: Role) {
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_io()
            .build()
            .expect("the demo may open files");
        let (name, number) = runtime.block_on(async {
            let listen = |kind| signal(kind).expect("the signal is no fault");
            let mut interrupt = listen(SignalKind::interrupt());
            let mut terminate = listen(SignalKind::terminate());
            tokio::select! {
                _ = interrupt.recv() => ("interrupted", 2),
                _ = terminate.recv() => ("terminated", 15),
            }
        });
        if role == Role::Visitor {
            complain(&format!("{name}; the lab is gone, nothing is left"));
        }
        std::process::exit(128 + number);
    });
}

/// Starts a holder, prints what it prints, and leaves it behind.
pub(super) fn launch(out: &mut Transcript) -> ExitCode {
    let own = std::env::current_exe().expect("/proc is mounted");
    let holder = door::plain(own)
        .env(LAUNCHER_ENV, getpid().to_string())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn();
    let mut holder = match holder {
        Ok(holder) => holder,
        Err(error) => {
            complain(&format!("cannot start the lab's process: {error}"));
            return ExitCode::FAILURE;
        }
    };
    let said = holder.stdout.take().expect("it was asked for");
    for line in BufReader::new(said).lines().map_while(Result::ok) {
        match line.strip_prefix(DONE) {
            Some("true") => return ExitCode::SUCCESS,
            Some(_) => return ExitCode::FAILURE,
            None => out.say(&line),
        }
    }
    // It ended without a last word; it has said why on standard error.
    let _ = holder.wait();
    ExitCode::FAILURE
}

/// The holder's life after the show: says how to enter the lab, lets go of the
/// terminal, and waits for a signal.
pub(super) fn hold(out: &mut Transcript, host: &Netns, complete: bool) -> ! {
    let (pid, bins) = (getpid(), crate::bins::dir());
    host.enter();
    out.say(&format!(
        "\nThe lab stays. To enter its host:\n\n    \
         nsenter --target {pid} --mount --net \
         env PATH={}:$PATH bash\n\n\
         and from there a zone:\n\n    \
         ip netns exec {} bash\n\n\
         To end it, with all that is in it:\n\n    \
         kill {pid}\n",
        bins.display(),
        crate::article::MACHINES[0].zone,
    ));
    // From here on the launcher may go. Its terminal must not end the lab.
    let _ = setsid();
    set_pdeathsig(None).expect("asking for no signal can't fail");
    out.say(&format!("{DONE}{complete}"));
    if let Ok(null) = File::options().write(true).open("/dev/null") {
        let _ = dup2_stdout(&null);
        let _ = dup2_stderr(&null);
    }
    loop {
        // The signals end the process from their own thread.
        std::thread::park();
    }
}

/// Ties the holder to its launcher until the show is over: whoever interrupts
/// the launcher means the lab.
pub(super) fn follow_launcher() {
    let Ok(launcher) = std::env::var(LAUNCHER_ENV) else { return };
    set_pdeathsig(Signal::SIGKILL).expect("SIGKILL is a signal");
    // It may have ended before it could be followed.
    if getppid().to_string() != launcher {
        std::process::exit(1);
    }
}
