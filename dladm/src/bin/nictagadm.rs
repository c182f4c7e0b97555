//! Manages NIC tags: see `nictagadm help`.

use std::ffi::OsString;
use std::process::ExitCode;

use dladm::{Out, programs};

fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut out = Out::standard(programs::name(&argv, "nictagadm"));
    ExitCode::from(programs::nictagadm::run(&argv, &mut out))
}
