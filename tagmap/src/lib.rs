//! tagmap
