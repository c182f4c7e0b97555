//! `ping`, from iputils: somebody else's idea of reachability.

use std::net::IpAddr;
use std::process::Stdio;
use std::time::Duration;

use crate::{CmdOutput, Netns, Poll};

/// One echo request, and a second for its reply.
const ARGS: [&str; 5] = ["-n", "-c", "1", "-W", "1"];

/// A ping that came back.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Reply {
    /// The round trip.
    pub time: Duration,
}

/// Sends one echo request and waits a second for the reply.
#[track_caller]
pub fn ping(from: &Netns, addr: IpAddr) -> CmdOutput {
    let addr = addr.to_string();
    from.run("ping", &[&ARGS[..], &[&addr]].concat())
}

/// Pings until a reply comes: the first request may meet a neighbour table
/// that is just being filled, or a link that is just coming up.
///
/// # Errors
/// What the last `ping` said.
#[track_caller]
pub fn try_ping(
    from: &Netns,
    addr: IpAddr,
    poll: Poll,
) -> Result<Reply, CmdOutput> {
    let mut last = None;
    poll.try_until(|| {
        let output = ping(from, addr);
        let reply = output.ok().then(|| reply(&output.stdout)).flatten();
        let reason = output.stdout.clone();
        last = Some(output);
        reply.ok_or(reason)
    })
    .map_err(|_| last.expect("until() asks at least once"))
}

/// Waits until `from` reaches `addr`.
///
/// # Panics
/// When it doesn't.
#[track_caller]
pub fn reaches(from: &Netns, addr: &str) -> Reply {
    let addr: IpAddr = addr.parse().expect("a story knows its addresses");
    match try_ping(from, addr, Poll::PATIENT) {
        Ok(reply) => reply,
        Err(output) => {
            panic!("[{}] does not reach {addr}\n{output}", from.name())
        }
    }
}

/// Checks that nobody reaches whom they are paired with. All ping at once, so
/// that the whole takes as long as one.
///
/// # Panics
/// When a reply comes.
#[track_caller]
pub fn assert_apart(pairs: &[(&Netns, &str)]) {
    let pings: Vec<_> = pairs
        .iter()
        .map(|(from, addr)| {
            let child = from.spawn_with("ping".as_ref(), |command| {
                command.args(ARGS).arg(addr).stdout(Stdio::piped());
                command.stderr(Stdio::null());
            });
            (from.name(), addr, child)
        })
        .collect();
    for (from, addr, child) in pings {
        let output = child.wait_with_output().expect("the child is ours");
        let said = String::from_utf8_lossy(&output.stdout);
        assert_eq!(output.status.code(), Some(1), "[{from}] {addr}: {said}");
    }
}

/// The round trip in `64 bytes from …: icmp_seq=1 ttl=64 time=0.030 ms`.
fn reply(text: &str) -> Option<Reply> {
    let (_, rest) = text.split_once("time=")?;
    let (millis, _) = rest.split_once(" ms")?;
    let time = Duration::from_secs_f64(millis.parse::<f64>().ok()? / 1e3);
    Some(Reply { time })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_round_trip_is_read() {
        let text = "64 bytes from fd00::1: icmp_seq=1 ttl=64 time=0.030 ms\n";
        let time = Duration::from_micros(30);
        assert_eq!(reply(text), Some(Reply { time }));
        assert_eq!(reply("100% packet loss"), None);
    }
}
