//! A TAP from the inside: what a virtual machine's monitor does with it,
//! without the virtual machine.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use super::Frame;
use crate::{Netns, Poll};

/// What the monitor takes over of the kernel's work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Offload {
    /// Nothing: frames are as on a wire.
    None,
    /// Checksums, and cutting TCP streams into frames: each frame has a header
    /// that says what is left to do.
    VirtioNet,
}

/// A frame as the monitor reads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// The frame's bytes.
    pub bytes: Vec<u8>,
    /// Whether a checksum in it is left to do.
    pub needs_checksum: bool,
}

/// A TAP that somebody has open.
#[derive(Debug)]
pub struct Tap {
    place: String,
    file: File,
    /// Dropped after the file. None: another queue of it is dropped later.
    closing: Option<Closing>,
    offload: Offload,
    taken: Vec<Taken>,
}

/// Waits until the kernel has closed a TAP.
///
/// A child that another thread is just starting has every file of this process
/// open until it becomes another program.
#[derive(Debug)]
struct Closing {
    netns: Netns,
    link: String,
}

impl Closing {
    /// Whether the kernel has drawn its conclusions from the TAP being open, or
    /// closed. It does so a moment later, and drops what is for the TAP until
    /// then.
    fn concluded(&self, open: bool) -> Result<(), String> {
        let words = ["-j", "link", "show", "dev", &self.link];
        let shown = self.netns.run("ip", &words).stdout;
        // From one that is off or gone nothing is concluded.
        let on = shown.contains("\"UP\"");
        let sign = if open { "\"operstate\":\"UP\"" } else { "\"NO-CARRIER\"" };
        if on && !shown.contains(sign) { Err(shown) } else { Ok(()) }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if std::thread::panicking() {
            return;
        }
        let closed = Poll::PATIENT.try_until(|| self.concluded(false));
        if let Err(shown) = closed {
            crate::note(&format!("{} stays open: {shown}", self.link));
        }
    }
}

/// The length of `struct virtio_net_hdr`.
const HEADER: usize = 10;

/// The first byte of that header when a checksum is left to do.
const NEEDS_CSUM: u8 = 1;

impl Tap {
    /// How long a frame may be on its way.
    const DEADLINE: Duration = Duration::from_secs(10);

    /// Opens a TAP of a namespace by its name, as QEMU does, and waits until
    /// the kernel lets frames in.
    ///
    /// # Errors
    /// What the kernel says; for one that the TAP is open.
    ///
    /// # Panics
    /// When it lets none in.
    pub fn open(
        netns: &Netns,
        link: &str,
        offload: Offload,
    ) -> io::Result<Self> {
        let place = format!("{}/{link}", netns.name());
        let file = netns.on_thread(|| open(link, offload, false))?;
        let closing = Closing { netns: netns.clone(), link: link.to_owned() };
        Poll::PATIENT.until("the TAP is open", || closing.concluded(true));
        let closing = Some(closing);
        Ok(Self { place, file, closing, offload, taken: Vec::new() })
    }

    /// Opens a TAP once for each of some queues, as QEMU does with `queues=N`.
    ///
    /// # Errors
    /// What the kernel says; for one that no TAP of several rings is there.
    ///
    /// # Panics
    /// When it lets no frames in.
    pub fn open_queues(
        netns: &Netns,
        link: &str,
        queues: usize,
    ) -> io::Result<Vec<Self>> {
        let offload = Offload::None;
        let mut taps = Vec::new();
        for queue in 0..queues {
            let place = format!("{}/{link} queue {queue}", netns.name());
            let file = netns.on_thread(|| open(link, offload, true))?;
            let taken = Vec::new();
            taps.push(Self { place, file, closing: None, offload, taken });
        }
        let closing = Closing { netns: netns.clone(), link: link.to_owned() };
        Poll::PATIENT.until("the TAP is open", || closing.concluded(true));
        // The last to go.
        if let Some(tap) = taps.last_mut() {
            tap.closing = Some(closing);
        }
        Ok(taps)
    }

    /// Sends a frame, as the guest would.
    ///
    /// # Panics
    /// When the kernel refuses.
    #[track_caller]
    pub fn say(&mut self, frame: &Frame) {
        let header = match self.offload {
            Offload::None => &[][..],
            Offload::VirtioNet => &[0; HEADER][..],
        };
        let bytes = [header, &frame.bytes()].concat();
        self.file.write_all(&bytes).unwrap_or_else(|error| {
            panic!("cannot send from {}: {error}", self.place)
        });
    }

    /// Waits for a frame.
    ///
    /// # Panics
    /// When it doesn't come; shows all that came.
    #[track_caller]
    pub fn hears(&mut self, frame: &Frame) {
        let what = format!("{frame:?}");
        self.takes(&what, |taken| Frame::read(&taken.bytes) == Some(*frame));
    }

    /// Whether a frame has come so far. Only means something after
    /// [`Tap::hears`] has heard one that was sent later on the same way.
    #[must_use]
    pub fn heard(&self, frame: &Frame) -> bool {
        let heard = |taken: &Taken| Frame::read(&taken.bytes) == Some(*frame);
        self.taken.iter().any(heard)
    }

    /// Waits for a frame of a kind, and gives the first.
    ///
    /// # Panics
    /// When none comes; shows all that came.
    #[track_caller]
    pub fn takes(
        &mut self,
        what: &str,
        wanted: impl Fn(&Taken) -> bool,
    ) -> Taken {
        let start = Instant::now();
        loop {
            if let Some(taken) = self.taken.iter().find(|taken| wanted(taken)) {
                return taken.clone();
            }
            assert!(
                start.elapsed() < Self::DEADLINE,
                "{} did not take {what}\ntaken: {:x?}",
                self.place,
                self.taken
            );
            self.listen();
        }
    }

    /// Takes what has come, or waits a little.
    fn listen(&mut self) {
        // The largest that any offload makes.
        let mut buffer = vec![0; HEADER + (1 << 16)];
        match self.file.read(&mut buffer) {
            Ok(length) => {
                buffer.truncate(length);
                let header = match self.offload {
                    Offload::None => 0,
                    Offload::VirtioNet => HEADER,
                };
                let bytes = buffer.split_off(header);
                let needs_checksum =
                    buffer.first().is_some_and(|flags| flags & NEEDS_CSUM != 0);
                self.taken.push(Taken { bytes, needs_checksum });
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let file = PollFd::new(self.file.as_fd(), PollFlags::POLLIN);
                let step = PollTimeout::from(50_u8);
                poll(&mut [file], step).expect("the file is open");
            }
            Err(error) => panic!("cannot listen on {}: {error}", self.place),
        }
    }
}

/// Opens a TAP of the calling thread's namespace, which must be there.
fn open(link: &str, offload: Offload, several: bool) -> io::Result<File> {
    // Opening one that isn't there would make it.
    nix::net::if_::if_nametoindex(link)?;
    let file = OpenOptions::new()
        .read(true)
        .write(true)
        .custom_flags(nix::libc::O_NONBLOCK)
        .open("/dev/net/tun")?;
    ioctl::attach(&file, link, offload, several)?;
    Ok(file)
}

#[expect(unsafe_code, reason = "TAPs are opened by ioctl")]
mod ioctl {
    use super::{AsRawFd, File, Offload, io};

    /// `struct ifreq`, as far as TUNSETIFF reads it.
    #[repr(C)]
    struct Request {
        name: [u8; 16],
        flags: u16,
        rest: [u8; 22],
    }

    const _: () =
        assert!(size_of::<Request>() == size_of::<nix::libc::ifreq>());

    const IFF_TAP: u16 = 0x0002;
    const IFF_MULTI_QUEUE: u16 = 0x0100;
    const IFF_NO_PI: u16 = 0x1000;
    const IFF_VNET_HDR: u16 = 0x4000;

    /// `TUN_F_CSUM`, `TUN_F_TSO4`, `TUN_F_TSO6`.
    const OFFLOADS: i32 = 0x7;

    nix::ioctl_readwrite_bad!(tunsetiff, 0x4004_54ca, Request);
    nix::ioctl_write_int_bad!(tunsetoffload, 0x4004_54d0);

    /// Attaches the file to a TAP.
    pub(super) fn attach(
        file: &File,
        link: &str,
        offload: Offload,
        several: bool,
    ) -> io::Result<()> {
        let mut name = [0; 16];
        name[..link.len()].copy_from_slice(link.as_bytes());
        let (header, offloads) = match offload {
            Offload::None => (0, 0),
            Offload::VirtioNet => (IFF_VNET_HDR, OFFLOADS),
        };
        let queues = if several { IFF_MULTI_QUEUE } else { 0 };
        let flags = IFF_TAP | IFF_NO_PI | header | queues;
        let mut request = Request { name, flags, rest: [0; 22] };
        // SAFETY: the kernel copies a `struct ifreq` from the address and back
        // to it: as many bytes as `request` has (asserted above), which may be
        // any. `request` outlives the call, and `file` is open.
        unsafe { tunsetiff(file.as_raw_fd(), &raw mut request) }?;
        // Whoever had it open before may have left others, so they are always
        // set, as by QEMU.
        // SAFETY: the argument is a number, no address. `file` is open.
        unsafe { tunsetoffload(file.as_raw_fd(), offloads) }?;
        Ok(())
    }
}
