//! UDP from senders that do nothing else.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::sys::socket::{setsockopt, sockopt};

use crate::Netns;
use crate::bench::counter::Counter;
use crate::bench::cpu::{on_cpu, stay_on};
use crate::bench::pair::{BURST, Pair};
use crate::bench::shape::gauge::Gauge;

/// What a socket may have on its way, in bytes: more than any way's queue holds
/// of datagrams. With less, the sender would wait for the queue, and never
/// overload it.
const ROOM: usize = 8 << 20;

/// The time between two looks at the receiver's link.
const LOOK: Duration = Duration::from_millis(1);

/// A flood from one station to another, counted at the receiver's link.
#[derive(Debug)]
pub(in crate::bench::shape) struct Flood<'a> {
    sockets: (UdpSocket, UdpSocket),
    arrived: Counter,
    link: &'a str,
}

impl<'a> Flood<'a> {
    /// Makes it ready; `link` is the receiver's.
    pub(in crate::bench::shape) fn open(pair: &Pair, link: &'a str) -> Self {
        let sockets = sockets(pair);
        Self { sockets, arrived: Counter::links(pair.to), link }
    }

    /// Sends datagrams of `size` bytes until the gauge is satisfied, and gives
    /// the bytes per second that arrive.
    pub(in crate::bench::shape) fn measure(
        mut self,
        size: usize,
        mut gauge: Gauge,
    ) -> f64 {
        let (_sink, from) = &self.sockets;
        let (arrived, link) = (&mut self.arrived, self.link);
        on_cpu(0, move || {
            let datagram = vec![0; size];
            let begin = arrived.bytes_received(link);
            let mut last = begin;
            let start = Instant::now();
            let mut look = LOOK;
            loop {
                for _ in 0..BURST {
                    // What is too much is what is asked for.
                    let _ = from.send(&datagram);
                }
                if start.elapsed() < look {
                    continue;
                }
                let now = arrived.bytes_received(link);
                let at = start.elapsed();
                if let Some(speed) = gauge.saw(at, now - begin, now > last) {
                    return speed;
                }
                (last, look) = (now, at + LOOK);
            }
        })
    }
}

/// Floods from many stations at once. They share a CPU.
#[derive(Debug)]
pub(in crate::bench::shape) struct Crowd(Vec<(UdpSocket, UdpSocket)>);

impl Crowd {
    /// Makes them ready.
    pub(in crate::bench::shape) fn open(from: &[Netns], to: Pair) -> Self {
        let pairs = from.iter().map(|from| Pair { from, ..to });
        Self(pairs.map(|pair| sockets(&pair)).collect())
    }

    /// Sends full frames in turns until somebody else has had enough.
    pub(in crate::bench::shape) fn send_until(&self, enough: &AtomicBool) {
        stay_on(0);
        for (_, from) in &self.0 {
            from.set_nonblocking(true).expect("it is a socket");
        }
        while !enough.load(Ordering::Relaxed) {
            for (_, from) in &self.0 {
                for _ in 0..BURST {
                    let _ = from.send(&[0; LARGE]);
                }
            }
        }
    }
}

/// The payload of large datagrams.
pub(in crate::bench::shape) const LARGE: usize = 1400;

fn sockets(pair: &Pair) -> (UdpSocket, UdpSocket) {
    let (sink, from) = pair.datagrams();
    setsockopt(&from, sockopt::SndBufForce, &ROOM).expect("root may");
    (sink, from)
}
