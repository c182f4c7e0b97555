//! What can go wrong between a command and netd.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

use fabric::api::Problem;

/// Why netd gave no answer, or a bad one.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// This process could not get ready to ask.
    #[error("cannot start the client")]
    Runtime(#[source] io::Error),
    /// Nobody listens at the socket.
    #[error("cannot connect to netd at {}", socket.display())]
    Connect {
        /// The socket.
        socket: PathBuf,
        /// What connect(2) said.
        source: io::Error,
    },
    /// The socket is not for this user.
    #[error("permission denied on netd's socket {}", socket.display())]
    Permission {
        /// The socket.
        socket: PathBuf,
    },
    /// The connection broke, or what came back was no HTTP.
    #[error("no valid answer from {}", socket.display())]
    Broken {
        /// The socket.
        socket: PathBuf,
        /// What was wrong with it.
        source: hyper::Error,
    },
    /// The answer was HTTP, and not what was asked for.
    #[error("netd's answer to {request} makes no sense: {what}")]
    Garbled {
        /// Method and path.
        request: String,
        /// What is wrong with it.
        what: String,
    },
    /// The answer was longer than any that netd gives.
    #[error("netd's answer to {request} is longer than {limit} bytes")]
    TooLarge {
        /// Method and path.
        request: String,
        /// The limit.
        limit: usize,
    },
    /// netd did not answer in time.
    #[error("netd did not answer {request} within {} s", after.as_secs())]
    TimedOut {
        /// Method and path.
        request: String,
        /// The time it had.
        after: Duration,
    },
    /// netd refused, and says why.
    #[error("{}", .0.title)]
    Problem(Box<Problem>),
}

impl ClientError {
    /// What a person may try next.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        let hint = match self {
            Self::Connect { source, .. }
                if source.kind() == io::ErrorKind::WouldBlock =>
            {
                "netd has too many clients waiting; try again"
            }
            Self::Connect { .. } => {
                "is netd running? start it, or name its socket with \
                 --socket or NETD_SOCKET"
            }
            Self::Permission { .. } => {
                "only root and the members of the groups netd and netd-read \
                 may talk to netd"
            }
            Self::Broken { .. } | Self::Garbled { .. } => {
                "is that netd's socket, and netd of the same version?"
            }
            Self::TimedOut { .. } => {
                "what was asked may still happen; look before asking again"
            }
            Self::Problem(problem) => return problem.hint.clone(),
            Self::Runtime(_) | Self::TooLarge { .. } => return None,
        };
        Some(hint.to_owned())
    }
}
