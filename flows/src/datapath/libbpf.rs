//! What libbpf says when it fails.

use std::cell::RefCell;
use std::fmt;
use std::sync::Once;
use std::time::Duration;

use libbpf_rs::{ErrorKind, PrintLevel, set_print};

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

/// The time in which the kernel gets memory for some more rows.
const REFILL: Duration = Duration::from_millis(1);

/// How often a row is tried at most: for half a second, when there is no memory
/// indeed.
const TRIES: u32 = 500;

/// Calls libbpf to write a row, again as long as the kernel has no memory at
/// hand.
///
/// Tables are not preallocated. The kernel takes a new row's memory from a small
/// store, which it fills up in its own time (kernel/bpf/memalloc.c), that of
/// per-CPU rows by way of a work queue. Who writes thousands of rows in a row is
/// faster, and is told `ENOMEM` on a machine that has plenty.
pub(super) fn call_for_room(
    mut f: impl FnMut() -> libbpf_rs::Result<()>,
) -> Result<(), LibbpfError> {
    for _ in 1..TRIES {
        match call(&mut f) {
            Err(refusal) if refusal.kind() == ErrorKind::OutOfMemory => {
                wait();
            }
            done => return done,
        }
    }
    call(f)
}

#[expect(
    clippy::disallowed_methods,
    reason = "nobody tells when there is memory again"
)]
fn wait() {
    std::thread::sleep(REFILL);
}

#[expect(clippy::needless_pass_by_value, reason = "the type is libbpf-rs's")]
fn keep(_: PrintLevel, message: String) {
    SAID.with_borrow_mut(|said| {
        said.push_str(message.strip_prefix("libbpf: ").unwrap_or(&message));
        let start = said.ceil_char_boundary(said.len().saturating_sub(KEPT));
        said.drain(..start);
    });
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn only_a_want_of_memory_is_waited_for() {
        for (refusal, times, calls, want) in [
            (Errno::ENOMEM, 0, 1, None),
            (Errno::ENOMEM, 3, 4, None),
            (Errno::ENOMEM, 499, 500, None),
            (Errno::ENOMEM, 500, 500, Some(ErrorKind::OutOfMemory)),
            (Errno::EEXIST, 1, 1, Some(ErrorKind::AlreadyExists)),
        ] {
            let mut called = 0;
            let done = call_for_room(|| {
                called += 1;
                let refused = libbpf_rs::Error::from_raw_os_error;
                if called > times {
                    Ok(())
                } else {
                    Err(refused(refusal as i32))
                }
            });
            let got = done.err().map(|error| error.kind());
            assert_eq!((got, called), (want, calls), "{refusal} {times}");
        }
    }
}
