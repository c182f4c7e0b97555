//! netd: the daemon that owns the fabric.
//!
//! ```text
//! request -> server -> daemon: new spec -> tagmap::resolve -> flows::compile
//!                                 |                                |
//!                                 |        fabric::plan(.., observed)
//!                                 |                                |
//!                               store  <------- apply -> kernel <--+
//! ```
//!
//! [`kernel`] is the only module that touches the network, [`store`] and
//! [`config`] the only ones that touch files, [`server`] the only one that
//! talks to clients. [`daemon`] ties them together, and `reconcile` has it look
//! again whenever something has changed. [`drops`] stands beside all that: it
//! reads what the data plane shows of dropped frames.

pub mod apply;
pub mod args;
pub mod chain;
pub mod config;
pub mod daemon;
pub mod doctor;
pub mod drops;
pub mod error;
pub mod failpoint;
mod heap;
pub mod kernel;
pub mod logging;
mod reconcile;
pub mod run;
mod seldom;
pub mod server;
pub mod store;
mod telling;
pub mod views;
