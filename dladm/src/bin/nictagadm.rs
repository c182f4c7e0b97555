//! Manages NIC tags: see `nictagadm help`.

use std::ffi::OsString;
use std::process::ExitCode;

use dladm::{Out, complete, programs};

fn main() -> ExitCode {
    if complete::complete("nictagadm", programs::nictagadm::grammar) {
        return ExitCode::SUCCESS;
    }
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut out = Out::standard(programs::name(&argv, "nictagadm"));
    ExitCode::from(programs::nictagadm::run(&argv, &mut out))
}
