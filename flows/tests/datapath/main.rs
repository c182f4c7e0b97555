//! The data plane in the kernel.
//!
//! Each test has a network namespace and a BPF file system of its own, which
//! go with its thread. All of it needs root.

mod bench;
mod flows;
mod frames;
#[path = "../given/mod.rs"]
mod given;
mod guard;
mod lab;
mod loader;
mod packets;
mod rings;
mod upgrade;
mod verdicts;
mod waiting;
mod wire;
