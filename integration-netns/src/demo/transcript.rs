//! What the demo prints.

use std::io::Write;
use std::time::{Duration, Instant};

/// The demo's output. Whoever closes the pipe has seen enough: the demo goes
/// on without a word.
#[derive(Debug, Default)]
pub(super) struct Transcript {
    closed: bool,
}

impl Transcript {
    /// Where the names of steps end and their times begin.
    const WIDTH: usize = 52;

    /// Says some lines.
    pub(super) fn say(&mut self, text: &str) {
        if !self.closed {
            let mut out = std::io::stdout().lock();
            let said = writeln!(out, "{text}").and_then(|()| out.flush());
            self.closed = said.is_err();
        }
    }

    /// Starts a clock.
    pub(super) fn begin(&self) -> Instant {
        Instant::now()
    }

    /// Does a step and says how long it took.
    pub(super) fn step<T>(
        &mut self,
        name: &str,
        step: impl FnOnce() -> T,
    ) -> T {
        let start = self.begin();
        let done = step();
        self.took(name, start);
        done
    }

    /// Says how long something took.
    pub(super) fn took(&mut self, name: &str, start: Instant) {
        let dots = ".".repeat(Self::WIDTH.saturating_sub(name.len()));
        self.say(&format!("  {name} {dots} {}", millis(start.elapsed())));
    }

    /// Shows a file.
    pub(super) fn file(&mut self, path: &str, text: &str) {
        self.say("");
        self.typed(&format!("cat {path}"), text);
    }

    /// Shows a command as one types it on the host, and what it printed.
    pub(super) fn typed(&mut self, line: &str, output: &str) {
        self.say(&format!("host# {line}"));
        if !output.is_empty() {
            self.say(output);
        }
    }
}

fn millis(time: Duration) -> String {
    format!("{:>7.1} ms", time.as_secs_f64() * 1e3)
}
