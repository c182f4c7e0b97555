//! `netd doctor`: whether this host can carry a fabric, and what to do where
//! it can't.
//!
//! What the kernel can do is not read off versions and modules: a fabric is
//! made in namespaces that end with the question ([`rehearsal`]). What is as it
//! should be on the host itself is only looked at ([`host`]).

mod host;
mod rehearsal;

use std::fmt;
use std::io::{self, Write};

use crate::args::Args;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Verdict {
    /// As it should be.
    Good,
    /// netd works, and something could be better.
    Wanting,
    /// netd can't work, or a part of it can't.
    Bad,
}

/// What was found out about one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How it is.
    pub verdict: Verdict,
    /// What was looked at, in a word or two.
    pub subject: String,
    /// What was seen, in a line.
    pub text: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Finding {
    fn new(verdict: Verdict, subject: &str, text: impl Into<String>) -> Self {
        let (subject, text) = (subject.to_owned(), text.into());
        Self { verdict, subject, text, hint: None }
    }

    fn good(subject: &str, text: impl Into<String>) -> Self {
        Self::new(Verdict::Good, subject, text)
    }

    fn wanting(subject: &str, text: impl Into<String>) -> Self {
        Self::new(Verdict::Wanting, subject, text)
    }

    fn bad(subject: &str, text: impl Into<String>) -> Self {
        Self::new(Verdict::Bad, subject, text)
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let verdict = match self.verdict {
            Verdict::Good => "ok",
            Verdict::Wanting => "note",
            Verdict::Bad => "BAD",
        };
        write!(f, "{verdict:<5}{:<18}{}", self.subject, self.text)?;
        match &self.hint {
            Some(hint) => write!(f, "\n     hint: {hint}"),
            None => Ok(()),
        }
    }
}

/// Looks at everything. Nothing on the host is changed.
#[must_use]
pub fn examine(args: &Args) -> Vec<Finding> {
    let mut findings = host::kernel();
    findings.extend(rehearsal::rehearse());
    findings.extend(host::look(args));
    findings
}

/// Prints what was found and what it comes to; says whether netd can work.
///
/// # Errors
/// When it can't be written.
pub fn print(findings: &[Finding], out: &mut impl Write) -> io::Result<bool> {
    for finding in findings {
        writeln!(out, "{finding}")?;
    }
    let count = |verdict| {
        findings.iter().filter(|finding| finding.verdict == verdict).count()
    };
    let (bad, notes) = (count(Verdict::Bad), count(Verdict::Wanting));
    match (bad, notes) {
        (0, 0) => writeln!(out, "\nall is well")?,
        (0, notes) => writeln!(out, "\nnetd can work; {notes} to note")?,
        (bad, notes) => {
            writeln!(out, "\n{bad} in the way of netd; {notes} to note")?;
        }
    }
    Ok(bad == 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_printed() {
        let good = Finding::good("kernel", "Linux 6.18");
        let note = Finding::wanting("NIC tags", "none is defined")
            .hint("write \"admin_nic=2:8:20:0:0:1\" to /usbkey/config");
        let bad = Finding::bad("programs", "the kernel refused to load them");
        for (findings, want, works) in [
            (
                vec![good.clone()],
                "ok   kernel            Linux 6.18\n\nall is well\n",
                true,
            ),
            (
                vec![good, note.clone()],
                "ok   kernel            Linux 6.18\n\
                 note NIC tags          none is defined\n     \
                 hint: write \"admin_nic=2:8:20:0:0:1\" to /usbkey/config\n\n\
                 netd can work; 1 to note\n",
                true,
            ),
            (
                vec![bad, note],
                "BAD  programs          the kernel refused to load them\n\
                 note NIC tags          none is defined\n     \
                 hint: write \"admin_nic=2:8:20:0:0:1\" to /usbkey/config\n\n\
                 1 in the way of netd; 1 to note\n",
                false,
            ),
        ] {
            let mut out = Vec::new();
            assert_eq!(print(&findings, &mut out).unwrap(), works);
            assert_eq!(String::from_utf8(out).unwrap(), want);
        }
    }
}
