//! What a packet costs from zone to zone.

use std::process::ExitCode;

fn main() -> ExitCode {
    integration_netns::bench::forward()
}
