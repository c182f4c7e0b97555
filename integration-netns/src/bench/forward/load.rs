//! Load between two namespaces: small packets, a stream, and round trips.
//!
//! What is counted arrives at the receiver's IP, whatever link it came by: a
//! packet that a program hands to the host's stack is in no link's counters.

use std::fs::File;
use std::io::{self, Read, Seek, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use super::case::Question;
use crate::Netns;

/// How long anything may take that takes microseconds.
const PATIENCE: Duration = Duration::from_secs(5);

/// The payload that makes a frame of 64 bytes, the checksum of 4 included: the
/// least that Ethernet carries.
const SMALL: usize = 64 - 4 - 14 - 20 - 8;

/// Packets between two looks at the clock.
const BURST: usize = 64;

/// Two stations.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    pub(super) from: &'a Netns,
    pub(super) to: &'a Netns,
    pub(super) to_addr: Ipv4Addr,
}

impl Pair<'_> {
    /// Answers a question; what is measured takes `span`.
    pub(super) fn ask(&self, question: Question, span: Duration) -> f64 {
        match question {
            Question::Kpps => self.kpps(span),
            Question::Gbps => self.gbps(span),
            Question::TripUs => self.trip_us(span),
        }
    }

    /// Thousands of packets a second that arrive, from one sender that does
    /// nothing else. It pays for all of the way: the kernel carries its packets
    /// to the other socket on its own CPU.
    pub(super) fn kpps(&self, span: Duration) -> f64 {
        let mut received = Received::of(self.to);
        // Nobody reads: what fills up is the socket, behind all that is
        // measured.
        let sink = self.at_receiver(UdpSocket::bind);
        let at = sink.local_addr().expect("it is bound");
        let any = (Ipv4Addr::UNSPECIFIED, 0);
        let from = self.from.on_thread(|| UdpSocket::bind(any));
        let from = from.expect("a port is free");
        from.connect(at).expect("there is a route");
        let before = received.count();
        let span = on_cpu(0, || {
            let start = Instant::now();
            while start.elapsed() < span {
                for _ in 0..BURST {
                    // A full queue is the answer to the question, not a
                    // failure.
                    let _ = from.send(&[0; SMALL]);
                }
            }
            start.elapsed()
        });
        float(received.count() - before) / span.as_secs_f64() / 1e3
    }

    /// Gbit/s of one TCP stream; sender and receiver have a CPU each.
    fn gbps(&self, span: Duration) -> f64 {
        let listener = self.at_receiver(TcpListener::bind);
        let mut sender = self.connected(&listener);
        let (mut stream, _) = listener.accept().expect("it connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let stop = &stop;
            scope.spawn(move || {
                stay_on(0);
                let block = vec![0; 128 * 1024];
                while !stop.load(Ordering::Relaxed) {
                    if sender.write_all(&block).is_err() {
                        break;
                    }
                }
            });
            on_cpu(1, || {
                let mut block = vec![0; 256 * 1024];
                let mut read = || stream.read(&mut block).expect("data comes");
                // The stream gets up to its speed.
                let start = Instant::now();
                while start.elapsed() < span / 8 {
                    read();
                }
                let mut bytes = 0;
                let start = Instant::now();
                while start.elapsed() < span {
                    bytes += read();
                }
                let span = start.elapsed();
                stop.store(true, Ordering::Relaxed);
                // The sender may wait for room: the end of the stream wakes
                // it up.
                drop(stream);
                float(bytes as u64) * 8.0 / span.as_secs_f64() / 1e9
            })
        })
    }

    /// Microseconds from a small request over TCP to its answer; the median.
    /// Both sides share a CPU: to wake another one costs more than any of the
    /// ways does.
    fn trip_us(&self, span: Duration) -> f64 {
        let listener = self.at_receiver(TcpListener::bind);
        let mut asker = self.connected(&listener);
        let (mut echo, _) = listener.accept().expect("it connects");
        for stream in [&asker, &echo] {
            stream.set_nodelay(true).expect("it is TCP");
            stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        }
        let mut trips = std::thread::scope(|scope| {
            scope.spawn(move || {
                stay_on(0);
                let mut word = [0; SMALL];
                // Until the asker has gone.
                while echo.read_exact(&mut word).is_ok() {
                    if echo.write_all(&word).is_err() {
                        break;
                    }
                }
            });
            on_cpu(0, move || {
                let mut word = [0; SMALL];
                let mut trips = Vec::new();
                let begin = Instant::now();
                while begin.elapsed() < span {
                    let start = Instant::now();
                    asker.write_all(&word).expect("the link is up");
                    asker.read_exact(&mut word).expect("the echo answers");
                    trips.push(start.elapsed());
                }
                trips
            })
        });
        trips.sort_unstable();
        trips[trips.len() / 2].as_secs_f64() * 1e6
    }

    /// A socket of the receiver's, at its address.
    fn at_receiver<T: Send>(
        &self,
        bind: impl FnOnce(SocketAddr) -> io::Result<T> + Send,
    ) -> T {
        let at = SocketAddr::new(IpAddr::V4(self.to_addr), 0);
        self.to
            .on_thread(|| bind(at))
            .unwrap_or_else(|error| panic!("{at}: {error}"))
    }

    /// A stream from the sender. The kernel answers for a listener that has
    /// not accepted yet.
    fn connected(&self, listener: &TcpListener) -> std::net::TcpStream {
        let at = listener.local_addr().expect("it is bound");
        self.from.connect(at, PATIENCE).unwrap_or_else(|error| {
            let (from, to) = (self.from.name(), self.to.name());
            panic!("{from} to {to}: {error}")
        })
    }
}

/// A namespace's count of IPv4 packets that arrived. The file keeps to the
/// namespace that it was opened in.
struct Received(File);

impl Received {
    fn of(netns: &Netns) -> Self {
        let path = "/proc/thread-self/net/snmp";
        Self(netns.on_thread(|| File::open(path)).expect("every kernel has it"))
    }

    fn count(&mut self) -> u64 {
        let mut text = String::new();
        self.0.rewind().expect("the kernel writes it anew");
        self.0.read_to_string(&mut text).expect("it is text");
        received(&text).expect("every kernel counts what IP receives")
    }
}

/// Finds `InReceives` in the two lines of `Ip:`, names and numbers.
fn received(snmp: &str) -> Option<u64> {
    let mut lines = snmp.lines().filter_map(|line| line.strip_prefix("Ip: "));
    let names = lines.next()?.split_whitespace();
    let mut named = names.zip(lines.next()?.split_whitespace());
    named.find(|(name, _)| *name == "InReceives")?.1.parse().ok()
}

/// Does something on one CPU, on a thread of its own, so that the caller stays
/// free to go where it wants.
fn on_cpu<T: Send>(cpu: usize, body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            stay_on(cpu);
            body()
        });
        thread.join().unwrap_or_else(|why| std::panic::resume_unwind(why))
    })
}

/// Keeps the calling thread on one CPU. A machine may have only one, and then
/// all share it anyhow.
fn stay_on(cpu: usize) {
    let mut cpus = CpuSet::new();
    if cpus.set(cpu).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &cpus);
    }
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_counter_is_found_by_its_name() {
        let text = "Ip: Forwarding DefaultTTL InReceives InHdrErrors\n\
                    Ip: 2 64 4711 0\nIcmp: InMsgs\nIcmp: 3\n";
        assert_eq!(received(text), Some(4711));
        for text in ["", "Ip: InReceives\n", "Ip: A\nIp: 1\n"] {
            assert_eq!(received(text), None, "{text:?}");
        }
    }
}
