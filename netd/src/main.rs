//! netd, the daemon that owns the fabric.

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use netd::args::{Args, Task};
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
    if args.check_config {
        return say(netd::config::check(&args.config));
    }
    if args.task == Some(Task::Doctor) {
        let findings = netd::doctor::examine(&args);
        return match netd::doctor::print(&findings, &mut std::io::stdout()) {
            Ok(true) => ExitCode::SUCCESS,
            Ok(false) | Err(_) => ExitCode::FAILURE,
        };
    }
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

/// Prints what came out, or what is wrong.
fn say(outcome: Result<String, String>) -> ExitCode {
    match outcome {
        Ok(text) => {
            let _ = writeln!(std::io::stdout(), "{text}");
            ExitCode::SUCCESS
        }
        Err(reason) => {
            let _ = writeln!(std::io::stderr(), "netd: {reason}");
            ExitCode::FAILURE
        }
    }
}
