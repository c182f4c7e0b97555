//! Raw Ethernet frames: sent as no kernel would send them, and listened for.

use std::fmt;
use std::io;
use std::os::fd::IntoRawFd;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fabric::Mac;
use nix::sys::socket::{AddressFamily, SockFlag, SockType, socket};
use pnet::datalink::{self, Channel, Config, DataLinkReceiver, DataLinkSender};
use pnet::packet::ethernet::{
    EtherType, EthernetPacket, MutableEthernetPacket,
};
use pnet::util::MacAddr;

use crate::Netns;

/// Local experimental EtherType 1 (IEEE 802): no stack answers it.
const ETHER_TYPE: EtherType = EtherType(0x88b5);

/// The length of a [`Frame`]: the least that a wire would carry.
const LEN: usize = 60;

/// A frame of a story, told from every other by a number in its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where it goes.
    pub to: Mac,
    /// Where it says that it comes from.
    pub from: Mac,
    number: u64,
}

impl Frame {
    /// Its length in bytes: what it adds to a byte counter.
    pub const LEN: u64 = LEN as u64;

    /// Everybody's address.
    pub const BROADCAST: &str = "ff:ff:ff:ff:ff:ff";

    /// Makes a frame.
    ///
    /// # Panics
    /// When an address isn't one.
    #[track_caller]
    #[must_use]
    pub fn new(from: &str, to: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mac = |text: &str| text.parse().expect("a story knows its MACs");
        Self { to: mac(to), from: mac(from), number }
    }

    pub(super) fn bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut packet =
            MutableEthernetPacket::new(&mut bytes).expect("60 is above 14");
        packet.set_destination(MacAddr::from(self.to.octets()));
        packet.set_source(MacAddr::from(self.from.octets()));
        packet.set_ethertype(ETHER_TYPE);
        bytes[14..22].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let packet = EthernetPacket::new(bytes)?;
        let number = bytes.get(14..22)?.try_into().ok()?;
        let mac = |mac: MacAddr| Mac::new(mac.octets());
        (packet.get_ethertype() == ETHER_TYPE).then(|| Self {
            to: mac(packet.get_destination()),
            from: mac(packet.get_source()),
            number: u64::from_be_bytes(number),
        })
    }
}

/// An ear, and a mouth, on a link: a raw socket.
pub struct Ear {
    place: String,
    sender: Box<dyn DataLinkSender>,
    receiver: Box<dyn DataLinkReceiver>,
    heard: Vec<Frame>,
}

impl fmt::Debug for Ear {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ear = f.debug_struct("Ear");
        ear.field("place", &self.place).field("heard", &self.heard);
        ear.finish_non_exhaustive()
    }
}

impl Ear {
    /// How long a frame may be on its way.
    const DEADLINE: Duration = Duration::from_secs(10);

    /// Listens on a link: to what comes in and what goes out.
    ///
    /// # Panics
    /// When there is no such link.
    #[track_caller]
    #[must_use]
    pub fn on(netns: &Netns, link: &str) -> Self {
        let place = format!("{}/{link}", netns.name());
        let channel = netns.on_thread(|| open(link));
        match channel {
            Ok(Channel::Ethernet(sender, receiver)) => {
                Self { place, sender, receiver, heard: Vec::new() }
            }
            Ok(_) => unreachable!("no other kind was asked for"),
            Err(error) => panic!("cannot listen on {place}: {error}"),
        }
    }

    /// Sends a frame out of the link.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn say(&mut self, frame: &Frame) {
        self.say_bytes(&frame.bytes());
    }

    /// Sends any bytes out of the link.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn say_bytes(&mut self, bytes: &[u8]) {
        let sent = self.sender.send_to(bytes, None);
        sent.expect("Linux's sender always tries").unwrap_or_else(|error| {
            panic!("cannot send from {}: {error}", self.place)
        });
    }

    /// Waits for a frame.
    ///
    /// # Panics
    /// When it doesn't come; shows all that came.
    #[track_caller]
    pub fn hears(&mut self, frame: &Frame) {
        let start = Instant::now();
        while !self.heard.contains(frame) {
            assert!(
                start.elapsed() < Self::DEADLINE,
                "{} did not hear {frame:?}\nheard: {:#?}",
                self.place,
                self.heard
            );
            self.listen();
        }
    }

    /// Whether a frame has come so far. Only means something after
    /// [`Ear::hears`] has heard one that was sent later on the same way.
    #[must_use]
    pub fn heard(&self, frame: &Frame) -> bool {
        self.heard.contains(frame)
    }

    /// Takes what has come, or waits a little.
    fn listen(&mut self) {
        match self.receiver.next() {
            Ok(bytes) => self.heard.extend(Frame::read(bytes)),
            Err(error) if error.kind() == io::ErrorKind::TimedOut => {}
            Err(error) => panic!("cannot listen on {}: {error}", self.place),
        }
    }
}

/// Opens a raw socket on a link of the calling thread's namespace.
fn open(link: &str) -> io::Result<Channel> {
    let all = datalink::interfaces();
    let link = all.iter().find(|found| found.name == link);
    let link = link.ok_or(io::ErrorKind::NotFound)?;
    // A socket that is born with a protocol hears every link until it is bound
    // to one, and changing that takes 10 ms of grace periods.
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
    let config = Config {
        read_timeout: Some(Duration::from_millis(50)),
        // Listening must not change what the link accepts.
        promiscuous: false,
        // From here on it is the channel's.
        socket_fd: Some(socket.into_raw_fd()),
        ..Config::default()
    };
    datalink::channel(link, config)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_itself_after_the_wire() {
        let frame = Frame::new("2:8:20:0:0:1", Frame::BROADCAST);
        assert_eq!(Frame::read(&frame.bytes()), Some(frame));
        assert_ne!(frame, Frame::new("2:8:20:0:0:1", Frame::BROADCAST));
    }
}
