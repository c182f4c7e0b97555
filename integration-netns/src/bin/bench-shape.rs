//! How well a guest's bandwidth is capped.

use std::process::ExitCode;

fn main() -> ExitCode {
    integration_netns::bench::shape()
}
