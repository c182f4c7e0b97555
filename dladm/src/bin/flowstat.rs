//! Shows what went through flows: see `flowstat --help`.

use std::ffi::OsString;
use std::process::ExitCode;

use dladm::{Out, complete, programs};

fn main() -> ExitCode {
    if complete::complete("flowstat", programs::flowstat::grammar) {
        return ExitCode::SUCCESS;
    }
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut out = Out::standard(programs::name(&argv, "flowstat"));
    ExitCode::from(programs::flowstat::run(&argv, &mut out))
}
