//! What came of a command.

use std::fmt;
use std::process::{Child, Command, Output, Stdio};
use std::sync::mpsc;
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a command may take before it counts as stuck.
const DEADLINE: Duration = Duration::from_secs(60);

/// What came of a command that has ended.
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use = "check() it, or look at its code"]
pub struct CmdOutput {
    /// The command as one would type it.
    pub line: String,
    /// What it wrote to standard output.
    pub stdout: String,
    /// What it wrote to standard error.
    pub stderr: String,
    /// Its exit code; none: a signal ended it.
    pub code: Option<i32>,
}

impl CmdOutput {
    /// Runs a command to its end.
    ///
    /// # Panics
    /// When it can't be started or doesn't end.
    #[track_caller]
    pub(crate) fn run(line: String, mut command: Command) -> Self {
        command.stdin(Stdio::null());
        command.stdout(Stdio::piped()).stderr(Stdio::piped());
        let child = command
            .spawn()
            .unwrap_or_else(|error| panic!("cannot run {line}: {error}"));
        let output = wait(&line, child);
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Self {
            line,
            stdout: text(&output.stdout),
            stderr: text(&output.stderr),
            code: output.status.code(),
        }
    }

    /// Whether it ended well.
    #[must_use]
    pub fn ok(&self) -> bool {
        self.code == Some(0)
    }

    /// Gives its standard output.
    ///
    /// # Panics
    /// When it failed.
    #[track_caller]
    pub fn check(self) -> String {
        assert!(self.ok(), "{self}");
        self.stdout
    }

    /// Gives the line that it refused with.
    ///
    /// # Panics
    /// When it didn't refuse as [`CmdOutput::refused`] wants it.
    #[track_caller]
    pub fn refusal(&self) -> &str {
        self.refused().unwrap_or_else(|| {
            panic!("wanted a refusal of one line and exit code 1:\n{self}")
        })
    }

    /// The line that it refused with, if it did so as every command should:
    /// code 1, nothing on standard output, and one line on standard error.
    /// Warnings about properties may come before it, a line `reason:` and one
    /// `hint:` after it.
    #[must_use]
    pub fn refused(&self) -> Option<&str> {
        let mut lines = self.stderr.lines().peekable();
        while lines.next_if(|line| line.contains(": warning: ")).is_some() {}
        let line = lines.next()?;
        lines.next_if(|line| line.starts_with("reason: "));
        lines.next_if(|line| line.starts_with("hint: "));
        let alone = lines.next().is_none() && self.stdout.is_empty();
        (self.code == Some(1) && alone).then_some(line)
    }
}

impl fmt::Display for CmdOutput {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => writeln!(f, "$ {}    # exit {code}", self.line)?,
            None => writeln!(f, "$ {}    # ended by a signal", self.line)?,
        }
        for (name, text) in [("out", &self.stdout), ("err", &self.stderr)] {
            for line in text.lines() {
                writeln!(f, "  {name}: {line}")?;
            }
        }
        Ok(())
    }
}

/// Collects a child's output, and kills it when it doesn't end.
#[track_caller]
fn wait(line: &str, child: Child) -> Output {
    let pid = Pid::from_raw(child.id().cast_signed());
    let (done, ended) = mpsc::channel();
    std::thread::scope(|scope| {
        scope.spawn(move || {
            // The receiver lives until this thread has been joined.
            let _ = done.send(child.wait_with_output());
        });
        match ended.recv_timeout(DEADLINE) {
            Ok(output) => output.unwrap_or_else(|error| {
                panic!("cannot wait for {line}: {error}")
            }),
            Err(_) => {
                // It may end by itself in this very moment.
                let _ = kill(pid, Signal::SIGKILL);
                panic!("{line}: did not end within {DEADLINE:?}");
            }
        }
    })
}
