//! netd, the daemon that owns the fabric.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use netd::args::Args;
use netd::chain::chain;

fn main() -> ExitCode {
    let args = match Args::try_parse() {
        Ok(args) => args,
        Err(error) => {
            // --help and --version come this way, too.
            let _ = error.print();
            return ExitCode::from(u8::from(error.use_stderr()));
        }
    };
    netd::logging::start(args.log_format);
    let runtime = tokio::runtime::Runtime::new();
    let done = match runtime {
        Ok(runtime) => runtime
            .block_on(netd::run::run(&args))
            .map_err(|error| (chain(&error), error.hint())),
        Err(error) => Err((chain(&error), None)),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err((reason, hint)) => {
            tracing::error!(%reason, "stopped");
            let mut stderr = std::io::stderr();
            let _ = writeln!(stderr, "netd: {reason}");
            if let Some(hint) = hint {
                let _ = writeln!(stderr, "hint: {hint}");
            }
            ExitCode::FAILURE
        }
    }
}
