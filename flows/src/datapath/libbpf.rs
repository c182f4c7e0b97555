//! What libbpf says when it fails.

use std::cell::RefCell;
use std::fmt;
use std::sync::Once;

use libbpf_rs::{PrintLevel, set_print};

/// The most of libbpf's words that an error keeps: the end of a verifier's log
/// is where it says what is wrong.
const KEPT: usize = 2000;

thread_local! {
    /// libbpf speaks on the thread that called it.
    static SAID: RefCell<String> = const { RefCell::new(String::new()) };
}

/// libbpf or the kernel refused.
#[derive(Debug)]
pub struct LibbpfError {
    cause: libbpf_rs::Error,
    said: String,
}

impl LibbpfError {
    /// The kind of refusal.
    #[must_use]
    pub fn kind(&self) -> libbpf_rs::ErrorKind {
        self.cause.kind()
    }
}

impl fmt::Display for LibbpfError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:#}", self.cause)?;
        match self.said.trim() {
            "" => Ok(()),
            said => write!(f, " ({said})"),
        }
    }
}

impl std::error::Error for LibbpfError {}

impl From<libbpf_rs::Error> for LibbpfError {
    fn from(cause: libbpf_rs::Error) -> Self {
        Self { cause, said: String::new() }
    }
}

/// Calls libbpf and keeps what it says for the error, instead of having it
/// print that on standard error.
pub(super) fn call<T>(
    f: impl FnOnce() -> libbpf_rs::Result<T>,
) -> Result<T, LibbpfError> {
    static QUIET: Once = Once::new();
    QUIET.call_once(|| {
        set_print(Some((PrintLevel::Warn, keep)));
    });
    SAID.take();
    f().map_err(|cause| LibbpfError { cause, said: SAID.take() })
}

#[expect(clippy::needless_pass_by_value, reason = "the type is libbpf-rs's")]
fn keep(_: PrintLevel, message: String) {
    SAID.with_borrow_mut(|said| {
        said.push_str(message.strip_prefix("libbpf: ").unwrap_or(&message));
        let start = said.ceil_char_boundary(said.len().saturating_sub(KEPT));
        said.drain(..start);
    });
}
