//! Questions to the network: who reaches whom, who hears what.

mod asker;
mod cap;
mod datagrams;
mod ear;
mod frame;
mod ping;
mod session;
mod tap;
mod tcp;
mod watch;

pub use asker::ask_in_circles;
pub use cap::Cap;
pub use datagrams::{Datagrams, Passage, parts};
pub use ear::{Ear, say_lines};
pub use frame::Frame;
pub use ping::{Reply, assert_apart, ping, reaches, try_ping};
pub use session::{Session, Streak, segments_lost};
pub use tap::{Offload, Taken, Tap};
pub use tcp::{exchange, exchange_with_echo};
pub use watch::Watch;
