//! Datagrams one after the other, each with its number: some, to see that none
//! is lost, or more than a cap lets pass, to see how many come.

use std::io;
use std::net::{IpAddr, SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError, Sender};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use nix::sched::{CpuSet, sched_getcpu, sched_setaffinity};
use nix::sys::socket::{setsockopt, sockopt};
use nix::unistd::Pid;

use crate::{Netns, Poll};

/// The time between two looks at how many datagrams are due.
const PACE: Duration = Duration::from_millis(1);

/// How much a sender that the machine has kept waiting makes up for. What is
/// older is not sent at all: a heap of datagrams would be another story.
const MADE_UP: Duration = Duration::from_millis(20);

/// Room for what comes between two looks, in bytes: stories are about what is
/// lost on the way to a socket, and not in it.
const ROOM: usize = 16 << 20;

/// What is in front of a datagram's payload on a link, in bytes: Ethernet,
/// IPv4, UDP.
const HEADERS: u64 = 14 + 20 + 8;

/// A stream of datagrams over IPv4, until it is dropped or asked how it went.
#[derive(Debug)]
pub struct Datagrams {
    what: String,
    /// Hanging up is what stops the sender.
    stop: Option<Sender<()>>,
    sender: Option<JoinHandle<io::Result<u64>>>,
    receiver: Option<JoinHandle<io::Result<()>>>,
    heard: Arc<Heard>,
}

/// What the receiver has counted.
#[derive(Debug, Default)]
struct Heard {
    datagrams: AtomicU64,
    bytes: AtomicU64,
    /// Those that came after one with a higher number.
    late: AtomicU64,
    /// Set when nobody wants to know any more.
    done: AtomicBool,
}

/// How a stream went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Passage {
    /// How many were sent.
    pub sent: u64,
    /// How many arrived.
    pub arrived: u64,
    /// How many of them came after one that was sent later.
    pub late: u64,
}

impl Datagrams {
    /// The payload of a full frame (MTU 1,500), in bytes.
    pub const FULL: usize = 1500 - 20 - 8;
    /// A payload that adds next to nothing to the load, in bytes.
    pub const SMALL: usize = 18;

    /// Sends about `bits` per second, as a link counts them, in frames with a
    /// payload of `length` bytes, at least 8, to an address of `to`.
    ///
    /// # Panics
    /// When there is no such address, or no way to it.
    #[track_caller]
    #[must_use]
    pub fn flow(
        from: &Netns,
        to: &Netns,
        addr: &str,
        length: usize,
        bits: u64,
    ) -> Self {
        let what = format!("{} to {addr} in {}", from.name(), to.name());
        let addr: IpAddr = addr.parse().expect("a story knows its addresses");
        let opened = to.on_thread(|| UdpSocket::bind((addr, 0)));
        let receiver = opened.unwrap_or_else(|e| panic!("{what}: {e}"));
        setsockopt(&receiver, sockopt::RcvBufForce, &ROOM)
            .unwrap_or_else(|e| panic!("{what}: {e}"));
        let at = receiver.local_addr().expect("it is bound");
        let mut stream = Self::unheard(from, at, length, bits);
        let heard = Arc::clone(&stream.heard);
        let receiver = std::thread::spawn(move || receive(&receiver, &heard));
        stream.receiver = Some(receiver);
        stream
    }

    /// Sends as [`Datagrams::flow`] does, to somebody who is asked by other
    /// means what has arrived.
    ///
    /// # Panics
    /// When there is no way to the address.
    #[track_caller]
    #[must_use]
    pub fn unheard(
        from: &Netns,
        at: SocketAddr,
        length: usize,
        bits: u64,
    ) -> Self {
        let what = format!("{} to {at}", from.name());
        let opened = from.on_thread(|| {
            let sender = UdpSocket::bind("0.0.0.0:0")?;
            sender.connect(at)?;
            io::Result::Ok(sender)
        });
        let sender = opened.unwrap_or_else(|e| panic!("{what}: {e}"));
        let frame = 8 * (length as u64 + HEADERS);
        let pause = Duration::from_secs_f64(ratio(frame, bits));
        let (stop, stopped) = mpsc::channel();
        Self {
            what,
            stop: Some(stop),
            sender: Some(std::thread::spawn(move || {
                send(&sender, length.max(8), pause, &stopped)
            })),
            receiver: None,
            heard: Arc::default(),
        }
    }

    /// The bytes of the frames that have arrived so far.
    #[must_use]
    pub fn bytes(&self) -> u64 {
        self.heard.bytes.load(Ordering::Relaxed)
    }

    /// How many have arrived so far.
    #[must_use]
    pub fn arrived(&self) -> u64 {
        self.heard.datagrams.load(Ordering::Relaxed)
    }

    /// Waits until so many more have arrived.
    ///
    /// # Panics
    /// When they don't.
    #[track_caller]
    pub fn go_on(&self, more: u64) {
        let want = self.arrived() + more;
        Poll::PATIENT.until(&self.what, || {
            let got = self.arrived();
            if got >= want { Ok(()) } else { Err(format!("{got} of {want}")) }
        });
    }

    /// Ends the stream, waits until all that was sent has arrived, and says
    /// how it went.
    ///
    /// # Panics
    /// When the stream broke.
    #[track_caller]
    #[must_use]
    pub fn close(mut self) -> Passage {
        let sent = self.end();
        let sent = sent.unwrap_or_else(|e| panic!("{}: {e}", self.what));
        // What doesn't come is for the caller to complain of.
        let all = || match self.arrived() {
            arrived if arrived >= sent => Ok(()),
            arrived => Err(arrived.to_string()),
        };
        let _ = Poll::PATIENT.try_until(all);
        let late = self.heard.late.load(Ordering::Relaxed);
        Passage { sent, arrived: self.arrived(), late }
    }

    /// Ends the stream.
    ///
    /// # Panics
    /// When it was not whole: each datagram once, in the order of sending.
    #[track_caller]
    pub fn was_whole(self) {
        let what = self.what.clone();
        let Passage { sent, arrived, late } = self.close();
        assert!(sent > 0, "{what}: nothing was sent");
        assert_eq!((arrived, late), (sent, 0), "{what}: arrived, late");
    }

    /// Has the sender stop; gives how many it has sent.
    fn end(&mut self) -> io::Result<u64> {
        drop(self.stop.take());
        let sender = self.sender.take().map(JoinHandle::join);
        sender.expect("it ends once").expect("it returns its errors")
    }
}

/// The parts of `bytes` that each stream has, in percent, when `first` bytes
/// have passed: bursts, and what fills the queues.
///
/// # Panics
/// When they don't pass.
#[track_caller]
#[must_use]
pub fn parts(streams: &[Datagrams], first: u64, bytes: u64) -> Vec<u64> {
    let passed = || streams.iter().map(Datagrams::bytes).collect::<Vec<u64>>();
    let until = |total: u64| {
        Poll::PATIENT.until("bytes pass", || {
            let passed = passed();
            let sum: u64 = passed.iter().sum();
            (sum >= total).then_some(passed).ok_or(format!("{sum} of {total}"))
        })
    };
    let from = until(passed().iter().sum::<u64>() + first);
    let to = until(from.iter().sum::<u64>() + bytes);
    let each: Vec<u64> =
        to.iter().zip(&from).map(|(to, from)| to - from).collect();
    let sum: u64 = each.iter().sum();
    each.iter().map(|each| (100 * each + sum / 2) / sum).collect()
}

impl Drop for Datagrams {
    fn drop(&mut self) {
        drop(self.stop.take());
        self.heard.done.store(true, Ordering::Relaxed);
        // Whether they ended well doesn't matter any more.
        let _ = self.sender.take().map(JoinHandle::join);
        let _ = self.receiver.take().map(JoinHandle::join);
    }
}

/// Keeps the calling thread on the CPU that it is on. What waits there for a
/// veth's other end would be overtaken by what is sent on another CPU.
fn stay() {
    let mut cpus = CpuSet::new();
    if let Ok(cpu) = sched_getcpu()
        && cpus.set(cpu).is_ok()
    {
        let _ = sched_setaffinity(Pid::from_raw(0), &cpus);
    }
}

/// Sends a datagram each `pause` until it is stopped.
fn send(
    socket: &UdpSocket,
    length: usize,
    pause: Duration,
    stopped: &Receiver<()>,
) -> io::Result<u64> {
    stay();
    let mut payload = vec![0; length];
    let mut sent: u64 = 0;
    let mut due = Instant::now();
    loop {
        let now = Instant::now();
        due = due.max(now.checked_sub(MADE_UP).unwrap_or(now));
        while due <= now {
            payload[..8].copy_from_slice(&sent.to_be_bytes());
            match socket.send(&payload) {
                Ok(_) => sent += 1,
                // The sender's own queue is full: it was not sent.
                Err(e) if e.raw_os_error() == Some(NO_BUFFERS) => {}
                // Somebody has answered that nobody is there (ICMP), which
                // says nothing of this one.
                Err(e) if e.kind() == io::ErrorKind::ConnectionRefused => {}
                Err(e) => return Err(e),
            }
            due += pause;
        }
        match stopped.recv_timeout(PACE) {
            Err(RecvTimeoutError::Timeout) => {}
            Ok(()) | Err(RecvTimeoutError::Disconnected) => return Ok(sent),
        }
    }
}

/// `ENOBUFS`.
const NO_BUFFERS: i32 = nix::libc::ENOBUFS;

/// Counts until nobody wants to know any more.
fn receive(socket: &UdpSocket, heard: &Heard) -> io::Result<()> {
    let mut payload = vec![0; 1 << 16];
    let mut next = 0;
    socket.set_read_timeout(Some(Duration::from_millis(50)))?;
    while !heard.done.load(Ordering::Relaxed) {
        let length = match socket.recv(&mut payload) {
            Ok(length) => length,
            Err(e) if e.kind() == io::ErrorKind::WouldBlock => continue,
            Err(e) => return Err(e),
        };
        let Some(number) = payload[..length].first_chunk() else { continue };
        let number = u64::from_be_bytes(*number);
        if number < next {
            heard.late.fetch_add(1, Ordering::Relaxed);
        }
        next = next.max(number + 1);
        heard.bytes.fetch_add(length as u64 + HEADERS, Ordering::Relaxed);
        heard.datagrams.fetch_add(1, Ordering::Relaxed);
    }
    Ok(())
}

#[expect(clippy::cast_precision_loss, reason = "both stay below 2^53")]
fn ratio(a: u64, b: u64) -> f64 {
    a as f64 / b as f64
}
