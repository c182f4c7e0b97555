//! `make demo`: see the module `integration_netns::demo`.

use std::process::ExitCode;

fn main() -> ExitCode {
    integration_netns::demo::main()
}
