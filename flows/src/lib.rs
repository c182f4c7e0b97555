//! The data plane: what it should hold, its programs, and how they get into
//! the kernel.
//!
//! [`compile()`] and [`guard()`] are pure: one turns a resolved spec into tables of
//! typed rows, the other is the definition of what a guest may send. So is
//! [`learn`]: it follows which addresses guests come by.
//! With the feature `bpf` the crate carries the compiled programs, and
//! `Datapath` loads them, puts them on their hooks and writes the rows.

#[cfg(any(feature = "bpf", test))]
mod abi;
mod compile;
mod counters;
#[cfg(feature = "bpf")]
pub mod datapath;
mod guard;
mod headers;
pub mod learn;
mod link_indexes;
#[cfg(any(feature = "bpf", test))]
mod records;
#[cfg(feature = "bpf")]
mod slots;

#[cfg(any(feature = "bpf", test))]
pub use abi::{EncodeError, Table};
pub use compile::compile;
pub use counters::Counters;
#[cfg(feature = "bpf")]
pub use datapath::Datapath;
pub use guard::{Policy, guard};
pub use link_indexes::LinkIndexes;
#[cfg(any(feature = "bpf", test))]
pub use records::{DroppedFrame, Told};
