//! Load between two namespaces: small packets, a stream, and round trips.

use std::io::{Read, Write};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_setaffinity};
use nix::unistd::Pid;

use crate::Netns;

/// How long one measurement of a rate takes.
const SPAN: Duration = Duration::from_millis(1000);

/// Round trips of one measurement.
const TRIPS: usize = 4000;

/// The payload that makes a frame of 64 bytes, the checksum of 4 included: the
/// least that Ethernet carries.
const SMALL: usize = 64 - 4 - 14 - 20 - 8;

/// Two stations and the receiver's link.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    pub(super) from: &'a Netns,
    pub(super) to: &'a Netns,
    pub(super) to_link: &'a str,
    pub(super) to_addr: Ipv4Addr,
}

impl Pair<'_> {
    /// Thousands of packets a second that arrive at the receiver's link, from
    /// one sender that does nothing else.
    pub(super) fn kpps(&self) -> f64 {
        stay_on(0);
        // Nobody reads: what fills up is the socket, behind the link.
        let (_sink, at) = self.udp_at_receiver();
        let from = self.udp_at_sender(at);
        let before = self.received();
        let start = Instant::now();
        while start.elapsed() < SPAN {
            for _ in 0..64 {
                // A full queue is the answer to the question, not a failure.
                let _ = from.send(&[0; SMALL]);
            }
        }
        let span = start.elapsed();
        let packets = self.received() - before;
        #[expect(clippy::cast_precision_loss, reason = "under 2^53")]
        let packets = packets as f64;
        packets / span.as_secs_f64() / 1e3
    }

    /// Gbit/s of one TCP stream.
    pub(super) fn gbps(&self) -> f64 {
        let addr = IpAddr::V4(self.to_addr);
        let listener = self
            .to
            .on_thread(|| TcpListener::bind((addr, 0)))
            .expect("a port is free");
        let at = listener.local_addr().expect("it is bound");
        // The kernel answers for a listener that has not accepted yet.
        let sender = self.from.connect(at, Duration::from_secs(5));
        let mut sender = sender.expect("the receiver listens");
        let stop = AtomicBool::new(false);
        stay_on(1);
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
            let (mut stream, _) = listener.accept().expect("it connects");
            let mut block = vec![0; 256 * 1024];
            let mut bytes = 0;
            let start = Instant::now();
            while start.elapsed() < SPAN {
                bytes += stream.read(&mut block).expect("the sender writes");
            }
            let span = start.elapsed();
            stop.store(true, Ordering::Relaxed);
            #[expect(clippy::cast_precision_loss, reason = "under 2^53")]
            let bits = bytes as f64 * 8.0;
            bits / span.as_secs_f64() / 1e9
        })
    }

    /// Microseconds of a small UDP round trip; the median. Both sides share a
    /// CPU: to wake another one costs more than any of the ways does.
    pub(super) fn trip_us(&self) -> f64 {
        stay_on(0);
        let (echo, at) = self.udp_at_receiver();
        let from = self.udp_at_sender(at);
        let patience = Some(Duration::from_secs(1));
        echo.set_read_timeout(patience).expect("not zero");
        from.set_read_timeout(patience).expect("not zero");
        let mut trips = std::thread::scope(|scope| {
            scope.spawn(|| {
                let mut word = [0; SMALL];
                for _ in 0..TRIPS {
                    let Ok((_, back)) = echo.recv_from(&mut word) else {
                        return;
                    };
                    let _ = echo.send_to(&word, back);
                }
            });
            let mut word = [0; SMALL];
            let mut trips = Vec::with_capacity(TRIPS);
            for _ in 0..TRIPS {
                let start = Instant::now();
                from.send(&word).expect("the link is up");
                from.recv(&mut word).expect("the echo answers");
                trips.push(start.elapsed());
            }
            trips
        });
        trips.sort_unstable();
        trips[TRIPS / 2].as_secs_f64() * 1e6
    }

    fn udp_at_receiver(&self) -> (UdpSocket, SocketAddr) {
        let addr = IpAddr::V4(self.to_addr);
        let socket = self
            .to
            .on_thread(|| UdpSocket::bind((addr, 0)))
            .expect("a port is free");
        let at = socket.local_addr().expect("it is bound");
        (socket, at)
    }

    fn udp_at_sender(&self, to: SocketAddr) -> UdpSocket {
        let any = (Ipv4Addr::UNSPECIFIED, 0);
        let socket = self
            .from
            .on_thread(|| UdpSocket::bind(any))
            .expect("a port is free");
        socket.connect(to).expect("there is a route");
        socket
    }

    fn received(&self) -> u64 {
        let words = format!("-s link show dev {}", self.to_link);
        let link = self.to.ip_json(&words);
        link[0]["stats64"]["rx"]["packets"].as_u64().expect("ip counts")
    }
}

/// Keeps the calling thread, and those that it starts, on one CPU. A machine
/// may have only one, and then they share it anyhow.
fn stay_on(cpu: usize) {
    let mut cpus = CpuSet::new();
    if cpus.set(cpu).is_ok() {
        let _ = sched_setaffinity(Pid::from_raw(0), &cpus);
    }
}
