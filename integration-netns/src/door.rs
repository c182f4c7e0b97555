//! The one door through which the lab starts other programs.
//!
//! A child is sent SIGKILL when the thread that started it ends, however that
//! happens (prctl(2), `PR_SET_PDEATHSIG`); the setting survives each `execve`
//! that follows it. `nsenter --net` needs no fork, so the process that was
//! started becomes the program itself, and its pid is the child's.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Command;

use crate::bins;

/// A parent that was killed before the child could ask for its signal will
/// never send one. So the child looks whether it is an orphan before it becomes
/// anything else. `$0` is the parent's pid.
const UNLESS_ORPHANED: &str = r#"[ "$PPID" = "$0" ] && exec "$@""#;

/// A command in the network namespace of a file, or in the caller's.
pub(crate) fn command(netns: Option<&Path>, program: &OsStr) -> Command {
    let mut command = plain("setpriv");
    command.args(["--pdeathsig", "KILL", "--"]);
    command.args(["sh", "-c", UNLESS_ORPHANED]);
    command.arg(std::process::id().to_string());
    if let Some(netns) = netns {
        command.arg("nsenter");
        command.arg(format!("--net={}", netns.display())).arg("--");
    }
    command.arg(program);
    // What a test sees must not depend on who runs it.
    command.env("LC_ALL", "C").env("PATH", bins::path());
    command.env_remove(fabric::api::SOCKET_ENV);
    for key in ["COLUMNS", "NOTIFY_SOCKET", "RUST_LOG"] {
        command.env_remove(key);
    }
    command
}

/// A command that outlives the thread that starts it. Only the demo that is
/// asked to stay wants one, and only of itself.
pub(crate) fn plain(program: impl AsRef<OsStr>) -> Command {
    #[expect(
        clippy::disallowed_methods,
        reason = "the lab's one door to other programs"
    )]
    Command::new(program)
}
