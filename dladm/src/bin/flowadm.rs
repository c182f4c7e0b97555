//! Administers flows: see `flowadm help`.

use std::ffi::OsString;
use std::process::ExitCode;

use dladm::{Out, programs};

fn main() -> ExitCode {
    let argv: Vec<OsString> = std::env::args_os().collect();
    let mut out = Out::standard(programs::name(&argv, "flowadm"));
    ExitCode::from(programs::flowadm::run(&argv, &mut out))
}
