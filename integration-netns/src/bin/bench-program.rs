//! What the guests' program takes for one frame.

use std::process::ExitCode;

fn main() -> ExitCode {
    integration_netns::bench::program()
}
