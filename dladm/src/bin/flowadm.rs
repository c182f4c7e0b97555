//! Administers flows: see `flowadm help`.

use std::ffi::OsString;
use std::process::ExitCode;

use dladm::{Out, complete, programs};

fn main() -> ExitCode {
    if complete::complete("flowadm", programs::flowadm::grammar) {
        return ExitCode::SUCCESS;
    }
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut out = Out::standard(programs::name(&argv, "flowadm"));
    ExitCode::from(programs::flowadm::run(&argv, &mut out))
}
