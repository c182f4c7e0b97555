//! dladm
