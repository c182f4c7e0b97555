//! The lab: hosts, zones and wires made of network namespaces.
//!
//! A [`Lab`] is a private mount namespace with an empty `/run`. All that it
//! holds is reachable from there alone: named namespaces, netd's socket, store
//! and pinned maps, and every file. Every child dies with the thread that made
//! it. So nothing can leak into the machine, not even when a test is killed in
//! the middle, and tests run side by side under the same names.
//!
//! ```text
//!   Lab ── Netns "host" [bge0 .3] ════ [lan0 .1] Netns "wire"
//!    │        └── Netd: socket, store, maps
//!    └──── Netns "web" [net0 .10]                a zone
//! ```
//!
//! A lab that can't be built is a failed test: the functions here panic where
//! there is nothing to decide, and say what they ran and what came of it.
//! Whatever is dropped while a test panics prints its state first.

pub mod article;
pub mod bench;
mod bins;
mod cmd;
mod counters;
pub mod demo;
mod dnsmasq;
mod door;
mod doorman;
mod guest;
mod http;
mod lab;
mod luggage;
mod netd;
mod netns;
mod poll;
pub mod probe;
mod report;
mod skip;
mod topo;
mod users;

pub use bins::{binary, schemathesis};
pub use cmd::CmdOutput;
pub use counters::Counters;
pub use dnsmasq::Dnsmasq;
pub use guest::{Guest, Nic};
pub use http::{Api, Response};
pub use lab::{Lab, LabError};
pub use luggage::Luggage;
pub use netd::Netd;
pub use netns::Netns;
pub use poll::Poll;
pub use report::{Snapshot, note};
pub use skip::{Need, require};
pub use topo::Office;
pub use users::{Group, User};
