//! A TCP session that goes on while something else happens.

use std::io::{self, Read, Write};
use std::net::{IpAddr, TcpStream};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::tcp::send_back;
use crate::Netns;

/// How long one message may take before the session counts as dead.
const DEADLINE: Duration = Duration::from_secs(10);

/// The time between two messages: short beside whatever a story does meanwhile,
/// and long enough to leave the machine to it.
const PACE: Duration = Duration::from_millis(1);

/// A session that sends messages back and forth until it is asked how that
/// went.
#[derive(Debug)]
pub struct Session {
    /// Hanging up is what stops it.
    stop: Option<Sender<()>>,
    client: Option<JoinHandle<io::Result<Streak>>>,
    echo: Option<JoinHandle<io::Result<()>>>,
}

/// How a session went.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Streak {
    /// Messages that went there and back.
    pub messages: u64,
    /// The longest that one of them took.
    pub worst: Duration,
}

impl Session {
    /// Opens a session from `from` to an address of `to`.
    ///
    /// # Panics
    /// When it can't be opened.
    #[track_caller]
    #[must_use]
    pub fn open(from: &Netns, to: &Netns, addr: &str) -> Self {
        let addr: IpAddr = addr.parse().expect("a story knows its addresses");
        let listener = to.listen(addr);
        let at = listener.local_addr().expect("a bound socket has an address");
        let stream = from
            .connect(at, DEADLINE)
            .unwrap_or_else(|error| panic!("session to {at}: {error}"));
        let (echo, _) = listener
            .accept()
            .unwrap_or_else(|error| panic!("session at {at}: {error}"));
        for end in [&stream, &echo] {
            end.set_nodelay(true).expect("TCP has the option");
        }
        let (stop, stopped) = mpsc::channel();
        Self {
            stop: Some(stop),
            client: Some(std::thread::spawn(move || talk(&stream, &stopped))),
            echo: Some(std::thread::spawn(move || send_back(echo))),
        }
    }

    /// Ends the session and says how it went.
    ///
    /// # Panics
    /// When it broke.
    #[track_caller]
    #[must_use]
    pub fn close(mut self) -> Streak {
        drop(self.stop.take());
        let client = self.client.take().expect("close() is called once");
        let streak = client.join().expect("it returns its errors");
        let echo = self.echo.take().expect("close() is called once");
        let echoed = echo.join().expect("it returns its errors");
        match (streak, echoed) {
            (Ok(streak), Ok(())) => streak,
            broken => panic!("the session broke: {broken:?}"),
        }
    }
}

fn talk(mut stream: &TcpStream, stopped: &Receiver<()>) -> io::Result<Streak> {
    stream.set_read_timeout(Some(DEADLINE))?;
    stream.set_write_timeout(Some(DEADLINE))?;
    let mut streak = Streak::default();
    // At least one, however soon the session is closed.
    loop {
        let sent = streak.messages.to_be_bytes().repeat(128);
        let mut back = vec![0; sent.len()];
        let start = Instant::now();
        stream.write_all(&sent)?;
        stream.read_exact(&mut back)?;
        if back != sent {
            return Err(io::Error::other("other bytes came back"));
        }
        streak.worst = streak.worst.max(start.elapsed());
        streak.messages += 1;
        match stopped.recv_timeout(PACE) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(streak),
        }
    }
}

/// How many TCP segments of these namespaces were lost on their way, since the
/// namespaces were made.
///
/// A segment that is sent again was lost, unless the receiver reports that the
/// first one had arrived after all (RFC 2883): then it was only late, as on a
/// machine that is busy with other things.
///
/// # Panics
/// When the kernel doesn't count them.
#[track_caller]
#[must_use]
pub fn segments_lost(netns: &[&Netns]) -> u64 {
    let count = |netns: &&Netns| {
        let again = counter(netns, "snmp", "Tcp:", "RetransSegs");
        let needless = counter(netns, "netstat", "TcpExt:", "TCPDSACKRecv");
        again.saturating_sub(needless)
    };
    netns.iter().map(count).sum()
}

/// A counter of `/proc/net`: a line of names, then a line of values.
#[track_caller]
fn counter(netns: &Netns, file: &str, table: &str, name: &str) -> u64 {
    let path = format!("/proc/thread-self/net/{file}");
    let text = netns.on_thread(|| std::fs::read_to_string(&path));
    let text = text.unwrap_or_else(|error| panic!("{path}: {error}"));
    let mut lines = text.lines().filter_map(|line| line.strip_prefix(table));
    let mut words = || lines.next().unwrap_or_default().split_whitespace();
    let (names, values) = (words(), words());
    names
        .zip(values)
        .find(|(key, _)| *key == name)
        .and_then(|(_, value)| value.parse().ok())
        .unwrap_or_else(|| panic!("no {name} in {path}:\n{text}"))
}
