//! NIC tags and `/usbkey/config`, the file that defines them.
//!
//! A *NIC tag* is a name for a physical link that survives the renaming and
//! the exchange of a NIC: whoever makes a VNIC names the tag, and the file
//! says which NIC carries it, by MAC address. [`Config`] is the file as a
//! document that can be edited without disturbing what a person wrote in it,
//! [`TagMap`] is what it says about tags, and [`resolve()`] finds the link
//! below each VNIC of a [`fabric::FabricSpec`].
//!
//! Nothing here opens a file: text comes in and goes out.

mod admin;
mod config;
mod edit;
mod error;
mod find;
mod line;
mod resolve;
mod tags;

pub use admin::AdminAddress;
pub use config::{Assignment, Config};
pub use error::{ConfigError, EditError, Reason, TagError};
pub use resolve::{resolve, shaped_links};
pub use tags::{Aggr, NicTag, TagMap, TagTarget};
