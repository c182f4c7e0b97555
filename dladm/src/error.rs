//! Why a command did not do what it was asked.

use std::io;

use fabric::api::Problem;

use crate::client::ClientError;
use crate::out::Out;

/// Why a command did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommandError {
    /// The command line was wrong; the verb's usage says how it should be.
    #[error("{0}")]
    Usage(String),
    /// It was understood and could not be done.
    #[error("{}", .0.message)]
    Failed(Failure),
    /// The answer is no, and all about it has been said.
    #[error("no")]
    Told,
    /// Data could not be written. A closed pipe is among these, and is no
    /// failure.
    #[error("cannot write the output")]
    Output(#[source] io::Error),
}

/// What could not be done, why, and what to try.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Failure {
    /// The line that scripts match on, less the program's name.
    pub(crate) message: String,
    /// What the message can't say in its fixed shape.
    pub(crate) reason: Option<String>,
    /// What to try next.
    pub(crate) hint: Option<String>,
}

impl Failure {
    /// A failure that one line describes.
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), reason: None, hint: None }
    }

    /// Adds what to try.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Takes the reason and the hint from netd's problem. A detail that only
    /// repeats the message is no reason.
    pub(crate) fn because(mut self, problem: Problem) -> Self {
        let says_more = !problem.detail.is_empty()
            && problem.detail != problem.title
            && problem.detail != self.message;
        self.reason = says_more.then_some(problem.detail);
        self.hint = problem.hint;
        self
    }

    /// Writes the lines that follow the message: `reason: …`, `hint: …`.
    pub(crate) fn explain(&self, out: &mut Out) {
        if let Some(reason) = &self.reason {
            out.words(&format!("reason: {reason}"));
        }
        if let Some(hint) = &self.hint {
            out.words(&format!("hint: {hint}"));
        }
    }
}

impl CommandError {
    /// A failure in libdladm's shape: `CONTEXT: STATUS`. Errors that are not
    /// netd's answer keep their own words.
    pub(crate) fn status(context: &str, error: ClientError) -> Self {
        match error {
            ClientError::Problem(problem) => {
                let message = format!("{context}: {}", problem.title);
                Failure::new(message).because(*problem).into()
            }
            error => error.into(),
        }
    }
}

impl From<Failure> for CommandError {
    fn from(failure: Failure) -> Self {
        Self::Failed(failure)
    }
}

impl From<io::Error> for CommandError {
    fn from(error: io::Error) -> Self {
        Self::Output(error)
    }
}

impl From<ClientError> for CommandError {
    /// One line for the whole chain of causes, and the hint.
    fn from(error: ClientError) -> Self {
        let hint = error.hint();
        let message = one_line(&error);
        let failure = match error {
            ClientError::Problem(problem) => {
                Failure::new(message).because(*problem)
            }
            _ => Failure { message, reason: None, hint },
        };
        Self::Failed(failure)
    }
}

/// An error and its causes, joined by colons.
fn one_line(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use fabric::Status;

    use super::*;

    #[test]
    fn the_first_line_keeps_its_shape_and_the_rest_says_more() {
        let title = Status::MacInUse.to_string();
        for (detail, reason) in [
            ("net0 in zone web has it", Some("net0 in zone web has it")),
            (title.as_str(), None),
            ("", None),
        ] {
            let problem = Problem::new(Status::MacInUse, detail).hint("wait");
            let error = ClientError::Problem(Box::new(problem));
            let error = CommandError::status("it failed", error);
            let CommandError::Failed(failure) = error else {
                panic!("{error:?}");
            };
            let want = "it failed: MAC address is already in use";
            assert_eq!(failure.message, want);
            assert_eq!(failure.reason.as_deref(), reason, "{detail:?}");
            assert_eq!(failure.hint.as_deref(), Some("wait"));
        }
    }
}
