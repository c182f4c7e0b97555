//! The client side of the fabric: what `dladm` and its sisters are made of.
//!
//! Three parts are meant to be built upon:
//!
//! - [`Client`] asks netd: one blocking method for each endpoint, typed answers
//!   from [`fabric::api`], typed errors.
//! - [`ofmt`] prints tables as illumos does: padded for people, `-p -o` for
//!   scripts, from one list of columns.
//! - [`Out`] is the one door through which a program prints.
//!
//! ```no_run
//! use dladm::Client;
//!
//! let client = Client::new(Client::socket_path(None))?;
//! for vnic in client.vnics()? {
//!     let zone = vnic.zone.as_deref().unwrap_or("the host");
//!     println!("{} in {zone}: {}", vnic.name, vnic.mac);
//! }
//! # Ok::<(), dladm::ClientError>(())
//! ```
//!
//! The rest is the commands themselves. [`programs`] has one module for each
//! binary: its grammar, its messages, its exit codes. The verbs hold no logic:
//! they parse, ask, print.

mod client;
mod commands;
pub mod complete;
mod error;
mod getopt;
pub mod manual;
pub mod ofmt;
mod out;
pub mod programs;
pub mod proplist;

pub use client::{Client, ClientError, WhichDrops};
pub use out::Out;
