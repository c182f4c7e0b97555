//! Shows what went through links: see `dlstat --help`.

use std::ffi::OsString;
use std::process::ExitCode;

use dladm::{Out, complete, programs};

fn main() -> ExitCode {
    if complete::complete("dlstat", programs::dlstat::grammar) {
        return ExitCode::SUCCESS;
    }
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut out = Out::standard(programs::name(&argv, "dlstat"));
    ExitCode::from(programs::dlstat::run(&argv, &mut out))
}
