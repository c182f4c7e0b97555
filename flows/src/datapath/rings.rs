//! Reading what the programs write into their rings.

use std::fmt;
use std::os::fd::{AsRawFd, RawFd};
use std::sync::{Arc, Mutex, PoisonError};

use libbpf_rs::{MapHandle, RingBuffer, RingBufferBuilder};

use super::Datapath;
use super::libbpf::{LibbpfError, call};

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
///
/// Its file descriptor becomes readable when there is something.
pub struct Ring {
    what: &'static str,
    buffer: RingBuffer<'static>,
    records: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl fmt::Debug for Ring {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let fd = self.as_raw_fd();
        f.debug_struct("Ring")
            .field("what", &self.what)
            .field("fd", &fd)
            .finish()
    }
}

impl AsRawFd for Ring {
    fn as_raw_fd(&self) -> RawFd {
        self.buffer.epoll_fd()
    }
}

impl Ring {
    fn open(what: &'static str, map: &MapHandle) -> Result<Self, RingError> {
        let records: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let sink = Arc::clone(&records);
        let take = move |record: &[u8]| {
            let mut records =
                sink.lock().unwrap_or_else(PoisonError::into_inner);
            records.push(record.to_vec());
            0
        };
        let buffer = call(|| {
            let mut builder = RingBufferBuilder::new();
            builder.add(map, take)?;
            builder.build()
        })
        .map_err(|source| RingError { what, source })?;
        Ok(Self { what, buffer, records })
    }

    /// Takes all records that are there, in the order in which they were
    /// written.
    ///
    /// # Errors
    /// [`RingError`] when the kernel refuses.
    pub fn take(&mut self) -> Result<Vec<Vec<u8>>, RingError> {
        let what = self.what;
        call(|| self.buffer.consume())
            .map_err(|source| RingError { what, source })?;
        let mut records =
            self.records.lock().unwrap_or_else(PoisonError::into_inner);
        Ok(std::mem::take(&mut *records))
    }
}

impl Datapath {
    /// The ring of frames that may be about the addresses of guests; see
    /// [`crate::Told`]. Only one reader at a time gets a record.
    ///
    /// # Errors
    /// [`RingError`] when it can't be mapped.
    pub fn told(&self) -> Result<Ring, RingError> {
        Ring::open("frames about addresses", &self.told)
    }

    /// The ring of frames that were dropped; see [`crate::DroppedFrame`].
    ///
    /// # Errors
    /// [`RingError`] when it can't be mapped.
    pub fn shown(&self) -> Result<Ring, RingError> {
        Ring::open("dropped frames", &self.shown)
    }
}
