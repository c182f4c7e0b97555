//! `make bench-control`: see the module `integration_netns::bench`.

use std::process::ExitCode;

fn main() -> ExitCode {
    integration_netns::bench::control()
}
