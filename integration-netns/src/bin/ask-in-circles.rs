//! Asks netd without end, for a story that wants somebody else to do so:
//! `ask-in-circles SOCKET`.

fn main() -> std::io::Result<()> {
    let socket = std::env::args_os().nth(1).unwrap_or_default();
    let out = std::io::stdout().lock();
    integration_netns::probe::ask_in_circles(socket.as_ref(), out)
}
