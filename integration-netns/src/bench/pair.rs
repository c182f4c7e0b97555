//! Two stations, and the one load that more than one benchmark asks for.

use std::io;
use std::net::{
    IpAddr, Ipv4Addr, SocketAddr, TcpListener, TcpStream, UdpSocket,
};
use std::time::{Duration, Instant};

use super::counter::Counter;
use super::cpu::on_cpu;
use super::numbers::float;
use crate::Netns;

/// How long anything may take that takes microseconds.
pub(super) const PATIENCE: Duration = Duration::from_secs(5);

/// The payload that makes a frame of 64 bytes, the checksum of 4 included: the
/// least that Ethernet carries.
pub(super) const SMALL: usize = 64 - 4 - 14 - 20 - 8;

/// Packets between two looks at the clock.
pub(super) const BURST: usize = 64;

/// A port that the kernel chooses.
const ANY: u16 = 0;

/// Two stations.
#[derive(Clone, Copy, Debug)]
pub(super) struct Pair<'a> {
    pub(super) from: &'a Netns,
    pub(super) to: &'a Netns,
    pub(super) to_addr: Ipv4Addr,
}

impl Pair<'_> {
    /// Thousands of packets a second that arrive, from one sender that does
    /// nothing else. It pays for all of the way: the kernel carries its packets
    /// to the other socket on its own CPU.
    ///
    /// What is counted arrives at the receiver's IP, whatever link it came by:
    /// a packet that a program hands to the host's stack is in no link's
    /// counters.
    pub(super) fn kpps(&self, span: Duration) -> f64 {
        self.kpps_at(ANY, span)
    }

    /// The same to a port of the receiver's.
    pub(super) fn kpps_at(&self, port: u16, span: Duration) -> f64 {
        let mut counter = Counter::snmp(self.to);
        let mut received = || counter.protocol("Ip", "InReceives");
        let (_sink, from) = self.datagrams_at(port);
        let before = received();
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
        float(received() - before) / span.as_secs_f64() / 1e3
    }

    /// A socket of the receiver's that nobody reads, and one of the sender's
    /// connected to it. What fills up is the first, behind all that is
    /// measured.
    pub(super) fn datagrams(&self) -> (UdpSocket, UdpSocket) {
        self.datagrams_at(ANY)
    }

    fn datagrams_at(&self, port: u16) -> (UdpSocket, UdpSocket) {
        let sink = self.at_receiver(|mut at| {
            at.set_port(port);
            UdpSocket::bind(at)
        });
        let at = sink.local_addr().expect("it is bound");
        let any = (Ipv4Addr::UNSPECIFIED, 0);
        let from = self.from.on_thread(|| UdpSocket::bind(any));
        let from = from.expect("a port is free");
        from.connect(at).expect("there is a route");
        (sink, from)
    }

    /// A stream, its sender's end and its receiver's.
    pub(super) fn stream(&self, listener: &TcpListener) -> [TcpStream; 2] {
        let sender = self.connected(listener);
        let (receiver, _) = listener.accept().expect("it connects");
        [sender, receiver]
    }

    /// A socket of the receiver's, at its address.
    pub(super) fn at_receiver<T: Send>(
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
    fn connected(&self, listener: &TcpListener) -> TcpStream {
        let at = listener.local_addr().expect("it is bound");
        self.from.connect(at, PATIENCE).unwrap_or_else(|error| {
            let (from, to) = (self.from.name(), self.to.name());
            panic!("{from} to {to}: {error}")
        })
    }
}
