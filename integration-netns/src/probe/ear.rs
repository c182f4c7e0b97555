//! Raw Ethernet frames: sent as no kernel would send them, and listened for.

use std::fmt;
use std::io::{self, BufRead, IoSliceMut};
use std::os::fd::{AsFd, AsRawFd, IntoRawFd, OwnedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::libc;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::{
    AddressFamily, ControlMessageOwned, MsgFlags, SockFlag, SockType, recvmsg,
    setsockopt, socket, sockopt,
};
use pnet::datalink::{self, Channel, Config, DataLinkSender};

use super::Frame;
use crate::{Netns, Poll};

/// An ear, and a mouth, on a link: a raw socket.
pub struct Ear {
    place: String,
    sender: Box<dyn DataLinkSender>,
    receiver: OwnedFd,
    heard: Vec<Frame>,
    all: Vec<Vec<u8>>,
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
        Poll::PATIENT.until(&format!("{place} lets frames out"), || {
            lets_out(netns, link)
        });
        let opened = netns.on_thread(|| open(link));
        let (sender, receiver) = opened.unwrap_or_else(|error| {
            panic!("cannot listen on {place}: {error}")
        });
        Self { place, sender, receiver, heard: Vec::new(), all: Vec::new() }
    }

    /// Sends a frame out of the link.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn say(&mut self, frame: &Frame) {
        self.say_bytes(&frame.bytes());
    }

    /// Sends the bytes of a frame out of the link.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn say_bytes(&mut self, frame: &[u8]) {
        let sent = self.sender.send_to(frame, None);
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

    /// Waits for the bytes of a frame.
    ///
    /// # Panics
    /// When they don't come; shows all that came.
    #[track_caller]
    pub fn hears_bytes(&mut self, frame: &[u8]) {
        let start = Instant::now();
        while !self.all.iter().any(|heard| heard == frame) {
            assert!(
                start.elapsed() < Self::DEADLINE,
                "{} did not hear {frame:02x?}\nheard: {:02x?}",
                self.place,
                self.all
            );
            self.listen();
        }
    }

    /// Every frame so far as the wire has it, in the order of their coming.
    /// Only means something after one has been heard that was sent later.
    #[must_use]
    pub fn all(&self) -> &[Vec<u8>] {
        &self.all
    }

    /// Where it listens: namespace and link.
    #[must_use]
    pub fn place(&self) -> &str {
        &self.place
    }

    /// Takes what has come, or waits a little.
    fn listen(&mut self) {
        let mut buffer = vec![0; LARGEST];
        match receive(&self.receiver, &mut buffer) {
            Ok((bytes, tag)) => {
                self.heard.extend(Frame::read(bytes));
                self.all.push(tag.put_back(bytes));
            }
            Err(Errno::EAGAIN) => {
                let fd = PollFd::new(self.receiver.as_fd(), PollFlags::POLLIN);
                let step = PollTimeout::from(50_u8);
                poll(&mut [fd], step).expect("the socket is open");
            }
            Err(error) => panic!("cannot listen on {}: {error}", self.place),
        }
    }
}

/// Whether the kernel has drawn its conclusions from a link's carrier. It does
/// so a moment later, and loses what is sent out of the link until then.
fn lets_out(netns: &Netns, link: &str) -> Result<(), String> {
    let shown = netns.run("ip", &["-j", "link", "show", "dev", link]).stdout;
    let carrier = shown.contains("\"LOWER_UP\"");
    let late = ["DOWN", "LOWERLAYERDOWN"]
        .iter()
        .any(|state| shown.contains(&format!("\"operstate\":\"{state}\"")));
    if carrier && late { Err(shown) } else { Ok(()) }
}

/// The largest frame that any offload makes.
const LARGEST: usize = 1 << 16;

/// The tag that the kernel keeps beside a frame's bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Tag([u8; 4]);

impl Tag {
    /// The tag in a `struct tpacket_auxdata` (packet(7)).
    fn read(aux: &[u8]) -> Self {
        /// `TP_STATUS_VLAN_VALID`: there is one.
        const VALID: u32 = 1 << 4;
        let status = aux.first_chunk().map_or(0, |at| u32::from_ne_bytes(*at));
        match aux.get(16..20) {
            Some(&[a, b, c, d]) if status & VALID != 0 => {
                // TCI and TPID, each in the machine's order.
                let number = |bytes| u16::from_ne_bytes(bytes).to_be_bytes();
                let ([a, b], [c, d]) = (number([a, b]), number([c, d]));
                Self([c, d, a, b])
            }
            _ => Self::default(),
        }
    }

    /// The frame as the wire has it.
    fn put_back(self, frame: &[u8]) -> Vec<u8> {
        match frame.split_at_checked(12) {
            Some((addresses, rest)) if self.0 != [0; 4] => {
                [addresses, &self.0, rest].concat()
            }
            _ => frame.to_vec(),
        }
    }
}

/// Takes a frame, and the tag beside it.
fn receive<'a>(
    socket: &OwnedFd,
    buffer: &'a mut [u8],
) -> nix::Result<(&'a [u8], Tag)> {
    let mut space = nix::cmsg_space!([u8; 20]);
    let (length, tag) = {
        let mut slices = [IoSliceMut::new(buffer)];
        let fd = socket.as_raw_fd();
        let flags = MsgFlags::empty();
        let got = recvmsg::<()>(fd, &mut slices, Some(&mut space), flags)?;
        let aux = got.cmsgs()?.find_map(|message| match message {
            ControlMessageOwned::Unknown(aux) => Some(aux.data_bytes),
            _ => None,
        });
        (got.bytes, Tag::read(&aux.unwrap_or_default()))
    };
    Ok((&buffer[..length], tag))
}

nix::setsockopt_impl!(
    Auxdata,
    libc::SOL_PACKET,
    libc::PACKET_AUXDATA,
    bool,
    nix::sys::socket::sockopt::SetBool
);

/// Says that frames come with their tags.
#[derive(Clone, Copy, Debug)]
struct Auxdata;

/// Room for what comes between two looks, in bytes: some 50,000 frames.
const ROOM: usize = 64 << 20;

/// Opens a raw socket on a link of the calling thread's namespace, and gives it
/// once to send from and once to receive from.
fn open(link: &str) -> io::Result<(Box<dyn DataLinkSender>, OwnedFd)> {
    let all = datalink::interfaces();
    let link = all.iter().find(|found| found.name == link);
    let link = link.ok_or(io::ErrorKind::NotFound)?;
    // A socket that is born with a protocol hears every link until it is bound
    // to one, and changing that takes 10 ms of grace periods.
    let flags = SockFlag::SOCK_CLOEXEC;
    let socket = socket(AddressFamily::Packet, SockType::Raw, flags, None)?;
    setsockopt(&socket, Auxdata, &true)?;
    // Stories go on for seconds between two looks, and what comes meanwhile
    // must not push out what they wait for.
    setsockopt(&socket, sockopt::RcvBufForce, &ROOM)?;
    let receiver = socket.try_clone()?;
    let config = Config {
        // Listening must not change what the link accepts.
        promiscuous: false,
        write_buffer_size: LARGEST,
        // From here on it is the channel's.
        socket_fd: Some(socket.into_raw_fd()),
        ..Config::default()
    };
    match datalink::channel(link, config)? {
        Channel::Ethernet(sender, _) => Ok((sender, receiver)),
        _ => unreachable!("no other kind was asked for"),
    }
}

/// Sends frames out of a link of the calling thread's namespace: one for each
/// line, as hex.
///
/// # Errors
/// What the kernel says; a line that is no frame is invalid data.
pub fn say_lines(link: &str, lines: impl BufRead) -> io::Result<()> {
    let (mut sender, _) = open(link)?;
    for line in lines.lines() {
        let frame = bytes(&line?).ok_or(io::ErrorKind::InvalidData)?;
        let sent = sender.send_to(&frame, None);
        sent.expect("Linux's sender always tries")?;
    }
    Ok(())
}

/// The bytes of hex.
fn bytes(hex: &str) -> Option<Vec<u8>> {
    let byte = |digits: &[u8]| {
        u8::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()
    };
    hex.as_bytes().chunks(2).map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tag_beside_the_bytes_goes_where_it_belongs() {
        let frame = [1; 14];
        // TP_STATUS_VLAN_VALID | TP_STATUS_VLAN_TPID_VALID, VLAN 5.
        let mut aux = [0; 20];
        aux[..4].copy_from_slice(&0x50_u32.to_ne_bytes());
        aux[16..18].copy_from_slice(&5_u16.to_ne_bytes());
        aux[18..].copy_from_slice(&0x8100_u16.to_ne_bytes());
        let tagged = [&[1; 12][..], &[0x81, 0, 0, 5, 1, 1]].concat();
        assert_eq!(Tag::read(&aux).put_back(&frame), tagged);
        assert_eq!(Tag::read(&[0; 20]).put_back(&frame), frame);
    }

    #[test]
    fn hex_is_bytes() {
        assert_eq!(bytes("00ffa5"), Some(vec![0, 0xff, 0xa5]));
        assert_eq!(bytes("0g"), None);
    }
}
