//! The data plane: what it should hold, its programs, and how they get into
//! the kernel.
//!
//! [`compile()`] and [`guard()`] are pure: one turns a resolved spec into tables of
//! typed rows, the other is the definition of what a guest may send. So are
//! [`classify()`], the definition of which flow a frame is in, and [`learn`], which
//! follows which addresses guests come by.
//! With the feature `bpf` the crate carries the compiled programs, and
//! `Datapath` loads them, puts them on their hooks and writes the rows.

#[cfg(any(feature = "bpf", test))]
mod abi;
mod classify;
mod compile;
mod counters;
#[cfg(feature = "bpf")]
pub mod datapath;
mod fields;
mod flow_rows;
mod guard;
mod headers;
pub mod learn;
mod link_indexes;
#[cfg(any(feature = "bpf", test))]
mod records;
pub mod shape;
#[cfg(any(feature = "bpf", test))]
mod slots;

#[cfg(any(feature = "bpf", test))]
pub use abi::{EncodeError, Table};
pub use classify::{Direction, FlowTable, classify};
pub use compile::compile;
pub use counters::{Counters, FlowCounters};
#[cfg(feature = "bpf")]
pub use datapath::Datapath;
pub use flow_rows::{compile_flows, lookup};
pub use guard::{Policy, guard};
pub use link_indexes::LinkIndexes;
#[cfg(any(feature = "bpf", test))]
pub use records::{DroppedFrame, Told};
