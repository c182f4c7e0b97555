//! TCP streams that send all they can.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::libc::linger;
use nix::poll::PollFlags;
use nix::sys::socket::{setsockopt, sockopt};

use super::{LOOK, Over, ready};
use crate::bench::counter::Counter;
use crate::bench::cpu::{on_cpu, stay_on};
use crate::bench::numbers::float;
use crate::bench::pair::Pair;
use crate::bench::shape::gauge::Gauge;

/// Streams between two stations, all connected.
#[derive(Debug)]
pub(in crate::bench::shape) struct Streams {
    senders: Vec<TcpStream>,
    receivers: Vec<TcpStream>,
    sent: Counter,
}

/// What came of them.
#[derive(Clone, Copy, Debug)]
pub(in crate::bench::shape) struct Delivered {
    /// Bytes per second that the receivers read.
    pub(in crate::bench::shape) bytes: f64,
    /// How many segments were sent again for 1,000 new ones, those of the
    /// warm-up among them.
    pub(in crate::bench::shape) again: f64,
}

impl Streams {
    /// Connects `count` streams.
    pub(in crate::bench::shape) fn open(pair: &Pair, count: usize) -> Self {
        let listener = pair.at_receiver(TcpListener::bind);
        let streams = (0..count).map(|_| pair.stream(&listener));
        let (senders, receivers) = streams
            .map(|[sender, receiver]| {
                for end in [&sender, &receiver] {
                    end.set_nonblocking(true).expect("it is a socket");
                }
                // What nobody has sent when all is over, nobody shall send.
                let now = linger { l_onoff: 1, l_linger: 0 };
                setsockopt(&sender, sockopt::Linger, &now)
                    .expect("TCP has the option");
                (sender, receiver)
            })
            .unzip();
        Self { senders, receivers, sent: Counter::snmp(pair.from) }
    }

    /// Sends until the gauge is satisfied.
    pub(in crate::bench::shape) fn measure(
        mut self,
        mut gauge: Gauge,
    ) -> Delivered {
        let before = self.segments();
        let mut bytes = 0.0;
        self.drive(|at, count, came| {
            let speed = gauge.saw(at, count, came);
            bytes = speed.unwrap_or(bytes);
            speed.is_some()
        });
        let after = self.segments();
        let [sent, again] = [0, 1].map(|at| float(after[at] - before[at]));
        Delivered { bytes, again: 1e3 * again / sent.max(1.0) }
    }

    /// Sends until somebody else has had enough.
    pub(in crate::bench::shape) fn send_until(&mut self, enough: &AtomicBool) {
        self.drive(|_, _, _| enough.load(Ordering::Relaxed));
    }

    /// Segments that TCP has sent for the first time (RFC 4022 has `OutSegs`
    /// so), and sent again.
    fn segments(&mut self) -> [u64; 2] {
        ["OutSegs", "RetransSegs"].map(|name| self.sent.protocol("Tcp", name))
    }

    /// Sends and reads until `watch` is told enough: the time since the start,
    /// how many bytes have come, and whether some just did. Senders and
    /// receivers have a CPU each.
    fn drive(
        &mut self,
        mut watch: impl FnMut(Duration, u64, bool) -> bool + Send,
    ) {
        let Self { senders, receivers, .. } = self;
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let stop = &stop;
            scope.spawn(move || {
                stay_on(0);
                let block = vec![0; 128 * 1024];
                while !stop.load(Ordering::Relaxed) {
                    let ready = ready(senders, PollFlags::POLLOUT, LOOK);
                    let ready = senders.iter_mut().zip(ready);
                    for (stream, _) in ready.filter(|(_, ready)| *ready) {
                        // Full again, or closed: the receivers' side sees it.
                        let _ = stream.write(&block);
                    }
                }
            });
            on_cpu(1, move || {
                let _over = Over(stop);
                let mut block = vec![0; 256 * 1024];
                let mut count = 0;
                let start = Instant::now();
                loop {
                    let before = count;
                    let ready = ready(receivers, PollFlags::POLLIN, LOOK);
                    let ready = receivers.iter_mut().zip(ready);
                    for (stream, _) in ready.filter(|(_, ready)| *ready) {
                        count += stream.read(&mut block).unwrap_or(0) as u64;
                    }
                    if watch(start.elapsed(), count, count > before) {
                        break;
                    }
                }
            });
        });
    }
}
