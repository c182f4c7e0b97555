//! Administers data links: see `dladm help`.

use std::ffi::OsString;
use std::process::ExitCode;

use dladm::{Out, complete, programs};

fn main() -> ExitCode {
    if complete::complete("dladm", programs::dladm::grammar) {
        return ExitCode::SUCCESS;
    }
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut out = Out::standard(programs::name(&argv, "dladm"));
    ExitCode::from(programs::dladm::run(&argv, &mut out))
}
