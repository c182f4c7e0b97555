//! Reading what the programs write into their rings.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

use libbpf_rs::{ErrorKind, MapHandle, RingBuffer, RingBufferBuilder};

use super::Datapath;
use super::libbpf::{LibbpfError, call};

/// The map of the ring of [`Datapath::told`].
pub(super) const TOLD: &str = "told_ring";

/// The map of the ring of [`Datapath::shown`].
pub(super) const SHOWN: &str = "shown_ring";

/// A ring could not be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the ring of {what}")]
pub struct RingError {
    /// What is in it.
    pub what: &'static str,
    /// Why.
    #[source]
    pub source: LibbpfError,
}

/// One of the rings that the programs write. What is in it waits there for
/// whoever reads it next, also while nobody is there to do so; when it is full,
/// what comes is lost and what is there stays.
pub struct Ring {
    what: &'static str,
    buffer: RingBuffer<'static>,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ring").field("what", &self.what).finish_non_exhaustive()
    }
}

impl Ring {
    fn open(
        what: &'static str,
        map: &MapHandle,
        mut reader: impl FnMut(&[u8]) + Send + 'static,
    ) -> Result<Self, RingError> {
        let reader = move |record: &[u8]| {
            // libbpf could not pass a panic on. The record has been read; the
            // panic has been reported where panics are.
            let _ = catch_unwind(AssertUnwindSafe(|| reader(record)));
            0
        };
        let buffer = call(|| {
            let mut builder = RingBufferBuilder::new();
            builder.add(map, reader)?;
            builder.build()
        })
        .map_err(|source| RingError { what, source })?;
        Ok(Self { what, buffer })
    }

    /// Waits until there is something, but not longer than `most`, and hands
    /// each record that is there to the reader, in the order in which they were
    /// written. A record is gone when the reader has returned, and no sooner:
    /// one that somebody dies over is there for whoever comes next.
    ///
    /// # Errors
    /// [`RingError`] when the kernel refuses; a signal is no failure.
    pub fn read(&mut self, most: Duration) -> Result<(), RingError> {
        let what = self.what;
        match call(|| self.buffer.poll(most)) {
            Err(refusal) if refusal.kind() == ErrorKind::Interrupted => Ok(()),
            read => read.map_err(|source| RingError { what, source }),
        }
    }
}

impl Datapath {
    /// The ring of frames that may be about the addresses of guests; see
    /// [`crate::Told`]. Only one reader at a time gets a record.
    ///
    /// # Errors
    /// [`RingError`] when it can't be mapped.
    pub fn told(
        &self,
        reader: impl FnMut(&[u8]) + Send + 'static,
    ) -> Result<Ring, RingError> {
        Ring::open("frames about addresses", self.named(TOLD), reader)
    }

    /// The ring of frames that were dropped; see [`crate::DroppedFrame`].
    ///
    /// # Errors
    /// [`RingError`] when it can't be mapped.
    pub fn shown(
        &self,
        reader: impl FnMut(&[u8]) + Send + 'static,
    ) -> Result<Ring, RingError> {
        Ring::open("dropped frames", self.named(SHOWN), reader)
    }
}
