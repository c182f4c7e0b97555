//! The data plane in the kernel.
//!
//! Each test has a network namespace and a BPF file system of its own, which
//! go with its thread. All of it needs root.

mod frames;
mod lab;
mod loader;
mod verdicts;
mod wire;
