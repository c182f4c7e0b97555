//! Making a TAP, and reading who has it open.
//!
//! Netlink can't make TAPs, so this is done by ioctl, and nothing in here but
//! that is unsafe. A TAP comes to be in one piece all the same: while it is
//! being marked and closed it lives by our file descriptor alone, and is made
//! to stay as the last thing. A netd that dies before that leaves nothing.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::AsRawFd;

use fabric::{LinkName, Mtu, VnicKey};
use netlink_packet_route::link::{LinkAttribute, LinkFlags, LinkMessage};

use super::links::{self, Found, GROUP};
use super::netlink::Netlink;
use super::{KernelError, host_end, pair};
use crate::failpoint::{self, Place};

/// Where TAPs are made.
const DEVICE: &str = "/dev/net/tun";

/// What [`create`] makes.
#[derive(Debug)]
pub(super) struct Tap<'a> {
    pub(super) link: &'a LinkName,
    pub(super) vnic: &'a VnicKey,
    /// The number of the user who may open it besides root.
    pub(super) owner: u32,
    /// Whether it can be opened several times at once.
    pub(super) several: bool,
    pub(super) mtu: Mtu,
    pub(super) over: &'a LinkName,
}

/// A TAP could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot make TAP {link}: cannot {what}")]
pub struct TapError {
    /// The TAP.
    pub link: LinkName,
    /// What failed.
    pub what: &'static str,
    /// The kernel's reason.
    #[source]
    pub source: io::Error,
}

/// Makes a TAP, down.
///
/// `ip tuntap add LINK mode tap user OWNER [multi_queue]`, with the mark, the description and
/// the settings of a host end, in an order in which a crash leaves all or
/// nothing.
pub(super) async fn create(
    netlink: &Netlink,
    tap: &Tap<'_>,
) -> Result<Found, KernelError> {
    let Tap { link, vnic, owner, several, mtu, over } = tap;
    // Until it is told to stay, the TAP goes when this is dropped.
    let file = Unfinished::open(link, *several)?;
    failpoint::before(Place::MarkTap);
    let index = netlink.link(link).await?.header.index;
    let mut message = LinkMessage::default();
    message.header.index = index;
    // As for a host end that is a veth: it is no station.
    message.header.flags = LinkFlags::Noarp;
    message.header.change_mask = LinkFlags::Noarp;
    message.attributes = vec![
        LinkAttribute::Mtu(mtu.bytes()),
        LinkAttribute::Group(GROUP),
        LinkAttribute::IfAlias(host_end::description(vnic, over)),
    ];
    pair::set(netlink, message, || format!("mark {link}")).await?;
    failpoint::after(Place::MarkTap);
    host_end::close(link)?;
    file.give_to(*owner)?;
    let made = netlink.link(link).await?;
    let made =
        links::read(&made).ok_or_else(|| KernelError::Gone((*link).clone()))?;
    failpoint::before(Place::KeepTap);
    file.keep()?;
    failpoint::after(Place::KeepTap);
    Ok(made)
}

/// A TAP that lives by an open file.
struct Unfinished<'a> {
    link: &'a LinkName,
    file: File,
}

impl<'a> Unfinished<'a> {
    fn open(link: &'a LinkName, several: bool) -> Result<Self, TapError> {
        let failed =
            |what| move |source| TapError { link: link.clone(), what, source };
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .open(DEVICE)
            .map_err(failed("open /dev/net/tun"))?;
        ioctl::attach(&file, link, several).map_err(failed("take the name"))?;
        Ok(Self { link, file })
    }

    fn give_to(&self, owner: u32) -> Result<(), TapError> {
        ioctl::set_owner(&self.file, owner)
            .map_err(self.failed("set the owner"))
    }

    /// Has it stay, and lets go of it: where one file at a time can have it
    /// open, that is not for us.
    fn keep(self) -> Result<(), TapError> {
        ioctl::set_persistent(&self.file)
            .map_err(self.failed("make it persistent"))
    }

    fn failed(
        &self,
        what: &'static str,
    ) -> impl FnOnce(io::Error) -> TapError + use<> {
        let link = self.link.clone();
        move |source| TapError { link, what, source }
    }
}

/// The requests of `linux/if_tun.h` that have no other way.
#[expect(unsafe_code, reason = "TAPs are made by ioctl")]
mod ioctl {
    use super::{AsRawFd, File, LinkName, io};

    /// `struct ifreq`, as far as TUNSETIFF reads it.
    #[repr(C)]
    struct Request {
        name: [u8; 16],
        flags: u16,
        rest: [u8; 22],
    }

    const _: () =
        assert!(size_of::<Request>() == size_of::<nix::libc::ifreq>());

    /// A whole Ethernet frame each time.
    const IFF_TAP: u16 = 0x0002;
    /// No header of the kernel's own before it. Who opens the TAP afterwards
    /// chooses again, and also whether frames carry a virtio header.
    const IFF_NO_PI: u16 = 0x1000;
    /// Opened once for each queue.
    const IFF_MULTI_QUEUE: u16 = 0x0100;
    /// Without it, somebody's TAP of that name would be ours.
    const IFF_TUN_EXCL: u16 = 0x8000;

    // Their numbers speak of pointers to an int. What the kernel takes is a
    // `struct ifreq`, which it fills in, and twice the argument itself.
    nix::ioctl_readwrite_bad!(tunsetiff, 0x4004_54ca, Request);
    nix::ioctl_write_int_bad!(tunsetpersist, 0x4004_54cb);
    nix::ioctl_write_int_bad!(tunsetowner, 0x4004_54cc);

    /// Makes a TAP and attaches it to the file.
    pub(super) fn attach(
        file: &File,
        link: &LinkName,
        several: bool,
    ) -> io::Result<()> {
        let mut name = [0; 16];
        let text = link.as_str().as_bytes();
        name[..text.len()].copy_from_slice(text);
        let queues = if several { IFF_MULTI_QUEUE } else { 0 };
        let flags = IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL | queues;
        let mut request = Request { name, flags, rest: [0; 22] };
        // SAFETY: the kernel copies a `struct ifreq` from the address and back
        // to it: as many bytes as `request` has (asserted above), which may be
        // any. `request` outlives the call, and `file` is open.
        unsafe { tunsetiff(file.as_raw_fd(), &raw mut request) }?;
        Ok(())
    }

    /// Says who may attach it besides root.
    pub(super) fn set_owner(file: &File, owner: u32) -> io::Result<()> {
        // SAFETY: the argument is a number, no address. `file` is open.
        unsafe { tunsetowner(file.as_raw_fd(), owner.cast_signed()) }?;
        Ok(())
    }

    /// Has it stay when the file is closed.
    pub(super) fn set_persistent(file: &File) -> io::Result<()> {
        // SAFETY: the argument is a number, no address. `file` is open.
        unsafe { tunsetpersist(file.as_raw_fd(), 1) }?;
        Ok(())
    }
}
