//! Sends frames out of a link, for a virtual machine that has no other way:
//! `say-frames LINK`, and a frame in each line of standard input, as hex.

fn main() -> std::io::Result<()> {
    let link = std::env::args().nth(1).unwrap_or_default();
    integration_netns::probe::say_lines(&link, std::io::stdin().lock())
}
