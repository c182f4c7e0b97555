//! What the kernel says by itself: which links and queues have changed, and
//! which zones may have come or gone.
//!
//! A notification is in our socket before the call that caused it returns. So
//! who reads all that is there knows the state as of now, whoever has changed
//! it, and at no other price than that of the changes.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;

use fabric::Zone;
use netlink_packet_core::NetlinkPayload;
use netlink_packet_route::link::LinkMessage;
use netlink_packet_route::tc::TcHandle;
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};
use netlink_sys::{Socket, SocketAddr, protocols::NETLINK_ROUTE};
use nix::errno::Errno;
use nix::libc::MSG_DONTWAIT;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::inotify::{AddWatchFlags, InitFlags, Inotify};
use nix::sys::socket::{setsockopt, sockopt};
use rtnetlink::MulticastGroup;

use super::links::{self, Found};
use super::list::messages;
use super::queues::Word;

/// What waits in the socket while netd is busy, in bytes. The largest change
/// at once is thousands of VNICs, with a few notifications of 1 to 2 KiB each;
/// what finds no room is read anew, in full.
const ROOM: usize = 8 << 20;

/// The largest notification that is read, in bytes. One of a link with all its
/// statistics has 2 KiB; one that lists 128 virtual functions, 40.
const LARGEST: usize = 256 << 10;

/// Changes, as far as they have not been read yet.
#[derive(Debug)]
pub(super) struct News {
    links: Socket,
    zones: Inotify,
    /// Whether the directory of named zones is being watched.
    watched: bool,
    mounts: File,
    /// Where a notification is read to.
    buffer: Vec<u8>,
}

/// What has changed since the last look.
#[derive(Debug, Default)]
pub(super) struct Heard {
    /// Links by number, as they are now; none: gone, or has a name that none
    /// of ours could have.
    pub(super) links: BTreeMap<u32, Option<Found>>,
    /// The last word on each queue, class and filter.
    pub(super) queues: BTreeMap<Object, (bool, Word)>,
    /// Notifications were lost: what is known may be wrong.
    pub(super) lost: bool,
    /// Which zones may have come or gone.
    pub(super) zones: ZoneNews,
}

/// What tells one queue, class or filter from others: its link, what it is,
/// its handle and its parent.
pub(super) type Object = (u32, Kind, u32, u32);

/// What hangs on a link.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Kind {
    /// A queueing discipline.
    Qdisc,
    /// A class of one.
    Class,
    /// A filter, of which programs are a kind.
    Filter,
}

/// What has happened where named zones are kept.
#[derive(Debug, Default)]
pub(super) struct ZoneNews {
    /// Something was mounted, or unmounted. A name becomes a zone by that.
    mounts: bool,
    /// Names that came or went.
    names: BTreeSet<String>,
}

impl ZoneNews {
    /// Whether something was mounted, or unmounted.
    pub(super) fn mounts(&self) -> bool {
        self.mounts
    }

    /// Whether nothing has happened that concerns any zone with a name.
    pub(super) fn is_quiet(&self) -> bool {
        !self.mounts && self.names.is_empty()
    }

    /// Whether it is worth a look if a zone that was running still is, or one
    /// that was not.
    pub(super) fn concerns(&self, zone: &Zone, was_running: bool) -> bool {
        // The others are no names: who mounts or unmounts what says nothing.
        !zone.is_named()
            || (self.mounts && !was_running)
            || self.names.contains(zone.name())
    }
}

impl News {
    /// Listens from now on, in the network namespace of the calling thread.
    pub(super) fn listen() -> io::Result<Self> {
        let mut links = Socket::new(NETLINK_ROUTE)?;
        links.set_non_blocking(true)?;
        // Beyond what is open to everybody, where the kernel lets us.
        let _ = setsockopt(&links, sockopt::RcvBufForce, &ROOM);
        let groups = [MulticastGroup::Link, MulticastGroup::Tc];
        let groups = groups.map(|group| 1 << (group as u32 - 1));
        let groups = groups.into_iter().fold(0, |all, group| all | group);
        links.bind(&SocketAddr::new(0, groups))?;
        let zones =
            Inotify::init(InitFlags::IN_NONBLOCK | InitFlags::IN_CLOEXEC)?;
        let mounts = File::open(MOUNTS)?;
        let buffer = Vec::with_capacity(LARGEST);
        let mut news = Self { links, zones, watched: false, mounts, buffer };
        news.watch_names();
        Ok(news)
    }

    /// Files that become readable when there is something to read here, and
    /// one that becomes so exceptionally when mounts change.
    pub(super) fn bells(&self) -> io::Result<Bells> {
        let links = self.links.as_fd().try_clone_to_owned()?;
        let names = self.zones.as_fd().try_clone_to_owned()?;
        // One of its own: an event is told to each open file once.
        let mounts = File::open(MOUNTS)?.into();
        Ok(Bells { links, names, mounts })
    }

    /// Reads all there is.
    pub(super) fn read(&mut self) -> Heard {
        let mut heard = Heard::default();
        loop {
            self.buffer.clear();
            match self.links.recv_from(&mut self.buffer, MSG_DONTWAIT) {
                Ok(_) => heard.take_all(&self.buffer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    break;
                }
                // ENOBUFS, which is told once, and whatever else there may be.
                Err(error) => {
                    heard.lost = true;
                    if error.raw_os_error() != Some(Errno::ENOBUFS as i32) {
                        break;
                    }
                }
            }
        }
        heard.zones = self.read_zones();
        heard
    }

    fn read_zones(&mut self) -> ZoneNews {
        let mut fds = [PollFd::new(self.mounts.as_fd(), PollFlags::POLLPRI)];
        // A look that fails is a reason for a closer one.
        let mounts = poll(&mut fds, PollTimeout::ZERO) != Ok(0);
        let mut names = BTreeSet::new();
        while let Ok(events) = self.zones.read_events() {
            for event in events {
                // The directory itself went, or events were lost.
                let gone =
                    AddWatchFlags::IN_IGNORED | AddWatchFlags::IN_Q_OVERFLOW;
                if event.mask.intersects(gone) {
                    self.watched = false;
                }
                let name = event.name.and_then(|name| name.into_string().ok());
                names.extend(name);
            }
        }
        if mounts && !self.watched {
            self.watch_names();
        }
        ZoneNews { mounts, names }
    }

    /// The directory is made by who makes the first zone.
    fn watch_names(&mut self) {
        let flags = AddWatchFlags::IN_CREATE
            | AddWatchFlags::IN_DELETE
            | AddWatchFlags::IN_MOVE;
        let dir = Path::new(Zone::NAMES);
        self.watched = self.zones.add_watch(dir, flags).is_ok();
    }
}

/// Where the kernel lists what is mounted.
const MOUNTS: &str = "/proc/self/mounts";

/// What rings when there is news.
#[derive(Debug)]
pub(crate) struct Bells {
    /// Becomes readable when a link or a queue has changed.
    pub(crate) links: OwnedFd,
    /// Becomes readable when a name of a zone came or went.
    pub(crate) names: OwnedFd,
    /// Becomes exceptional when mounts have changed.
    pub(crate) mounts: OwnedFd,
}

impl Heard {
    /// Takes in a datagram, which may hold several notifications. One that the
    /// library can't read is of no link that we could read in a list, either.
    fn take_all(&mut self, datagram: &[u8]) {
        for message in messages(datagram) {
            if let NetlinkPayload::InnerMessage(message) = message {
                self.take(&message);
            }
        }
    }

    fn take(&mut self, message: &RouteNetlinkMessage) {
        use RouteNetlinkMessage as Said;
        let (kind, there, header, word) = match message {
            Said::NewLink(link) => return self.take_link(link, true),
            Said::DelLink(link) => return self.take_link(link, false),
            Said::NewQueueDiscipline(queue) => {
                (Kind::Qdisc, true, &queue.header, Word::of_qdisc(queue))
            }
            Said::DelQueueDiscipline(queue) => {
                (Kind::Qdisc, false, &queue.header, Word::of_qdisc(queue))
            }
            Said::NewTrafficClass(class) => {
                (Kind::Class, true, &class.header, Word::of_class(class))
            }
            Said::DelTrafficClass(class) => {
                (Kind::Class, false, &class.header, Word::of_class(class))
            }
            Said::NewTrafficFilter(filter) => {
                (Kind::Filter, true, &filter.header, Word::Hooks)
            }
            Said::DelTrafficFilter(filter) => {
                (Kind::Filter, false, &filter.header, Word::Hooks)
            }
            _ => return,
        };
        let number = |handle: TcHandle| {
            u32::from(handle.major) << 16 | u32::from(handle.minor)
        };
        let index = header.index.cast_unsigned();
        let object =
            (index, kind, number(header.handle), number(header.parent));
        self.queues.insert(object, (there, word));
    }

    fn take_link(&mut self, link: &LinkMessage, there: bool) {
        // Bridges speak of their ports by the same messages.
        if link.header.interface_family == AddressFamily::Unspec {
            let index = link.header.index;
            let found = there.then(|| links::read(link)).flatten();
            self.links.insert(index, found);
        }
    }
}
