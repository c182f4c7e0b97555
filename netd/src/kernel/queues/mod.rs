//! The queues that shape what a link sends: reading them, and changing them
//! one step at a time.
//!
//! What they should be is worked out by [`flows::shape`], and the steps by
//! [`QueueTree::steps`]. Which links are ours is known to who asks: somebody
//! else's HTB may look like ours.
//!
//! [`QueueTree::steps`]: fabric::shaping::QueueTree::steps

mod agree;
mod message;
mod read;
mod shaper;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;

use fabric::shaping::{ClassId, QueueKind, QueueStep, Shaper};
use fabric::{LinkName, Zone};
use netlink_packet_route::tc::TcMessage;
use nix::errno::Errno;
use tokio::sync::OnceCell;

use super::netlink::{Netlink, NetlinkError};
use super::{KernelError, guest_end};
use crate::failpoint::{self, Place};

pub(super) use agree::{agrees, is_of_hooks};
pub use read::{ClassStats, Root};

/// The queues of a network namespace.
#[derive(Clone, Debug)]
pub struct Queues {
    netlink: Netlink,
    /// Asked once: a kernel doesn't lose what it has.
    kind: Arc<OnceCell<QueueKind>>,
}

/// A link with what the kernel tells of its queues.
struct Told<'a> {
    index: u32,
    root: &'a TcMessage,
    qdiscs: Vec<&'a TcMessage>,
    classes: Vec<TcMessage>,
}

impl Queues {
    /// Those of the namespace that the calling thread is in.
    ///
    /// # Errors
    /// When there is no socket to be had.
    pub fn connect() -> io::Result<Self> {
        Ok(Self::of(Netlink::connect()?))
    }

    pub(super) fn of(netlink: Netlink) -> Self {
        Self { netlink, kind: Arc::default() }
    }

    /// The better kind of queue that this kernel has.
    ///
    /// # Errors
    /// When the kernel can't be asked.
    pub async fn kind(&self) -> Result<QueueKind, NetlinkError> {
        let ask = || async {
            let (message, flags) = message::ask_for_fq_codel();
            let what = || "find out about fq_codel".to_owned();
            let refused = self.netlink.send(message, flags, what).await;
            kind(refused)
        };
        self.kind.get_or_try_init(ask).await.copied()
    }

    /// What these links send by. Those with a queue of the kernel's own choice
    /// are left out.
    ///
    /// # Errors
    /// When netlink can't be read.
    pub async fn observe(
        &self,
        links: &BTreeSet<u32>,
    ) -> Result<BTreeMap<u32, Root>, NetlinkError> {
        let qdiscs = self.netlink.qdiscs().await?;
        let told = self.told(links, &qdiscs).await?;
        let root = |told: Told<'_>| {
            let qdiscs = told.qdiscs.into_iter();
            (told.index, read::root(told.root, qdiscs, &told.classes))
        };
        Ok(told.into_iter().map(root).collect())
    }

    /// What went through the classes of these links. Those without a tree are
    /// left out.
    ///
    /// # Errors
    /// When netlink can't be read.
    pub async fn stats(
        &self,
        links: &BTreeSet<u32>,
    ) -> Result<BTreeMap<u32, BTreeMap<ClassId, ClassStats>>, NetlinkError>
    {
        let qdiscs = self.netlink.qdiscs().await?;
        let told = self.told(links, &qdiscs).await?;
        let trees = told.into_iter().filter(|told| read::is_tree(told.root));
        let stats = |told: Told<'_>| {
            let qdiscs = told.qdiscs.into_iter();
            (told.index, read::stats(qdiscs, &told.classes))
        };
        Ok(trees.map(stats).collect())
    }

    /// Makes one change to a link's queues.
    ///
    /// A queue that becomes one of another kind loses what waits in it, and the
    /// leaf has one of the kernel's own for a moment.
    ///
    /// # Errors
    /// When the kernel refuses. Nothing has been changed then, but for a queue
    /// of another kind, which may be gone.
    pub async fn step(
        &self,
        link: &LinkName,
        index: u32,
        step: &QueueStep,
    ) -> Result<(), NetlinkError> {
        if let QueueStep::PutQueue { id, from: Some(from), to } = step
            && from.kind() != to.kind()
        {
            let (message, flags) = message::delete_queue(index, *id);
            let what = || format!("delete queue {id} of {link}");
            let gone = self.netlink.send(message, flags, what).await;
            // The kernel's own can't be deleted, nor need it be.
            if from.kind().is_some() {
                gone?;
            }
            failpoint::after(Place::DeleteQueue);
        }
        let (message, flags) = message::request(index, step);
        let what = || format!("{step} on {link}");
        self.netlink.send(message, flags, what).await
    }

    /// Makes a segment's shaper, both ends off, and gives them with their
    /// numbers. It has a root and no classes.
    ///
    /// # Errors
    /// [`KernelError`]; there is none then.
    pub async fn create_shaper(
        &self,
        shaper: Shaper,
        over: Option<&LinkName>,
    ) -> Result<[(LinkName, u32); 2], KernelError> {
        shaper::create(self, shaper, over).await
    }

    /// Has a VNIC's guest send frames of no more than so many parts, if `link`,
    /// its host end, is a veth. A guest end that can't be found keeps what it
    /// has.
    ///
    /// # Errors
    /// When the kernel refuses.
    pub async fn set_gso_segs(
        &self,
        link: &LinkName,
        zone: Option<&Zone>,
        segs: u32,
    ) -> Result<(), NetlinkError> {
        guest_end::set_gso_segs(&self.netlink, link, zone, segs).await
    }

    /// Asks for the classes of those of `links` that have a tree. The kernel
    /// lists all links' queues at once, and classes link by link.
    async fn told<'a>(
        &self,
        links: &BTreeSet<u32>,
        qdiscs: &'a [TcMessage],
    ) -> Result<Vec<Told<'a>>, NetlinkError> {
        let mut by_link: BTreeMap<u32, Vec<&TcMessage>> = BTreeMap::new();
        for message in qdiscs {
            by_link.entry(read::index(message)).or_default().push(message);
        }
        let mut told = Vec::new();
        for (index, root) in read::roots(qdiscs) {
            if !links.contains(&index) {
                continue;
            }
            let classes = if read::is_tree(root) {
                self.netlink.classes(index).await?
            } else {
                Vec::new()
            };
            let qdiscs = by_link.remove(&index).unwrap_or_default();
            told.push(Told { index, root, qdiscs, classes });
        }
        Ok(told)
    }
}

/// What the answer to the question for fq_codel means.
fn kind(refused: Result<(), NetlinkError>) -> Result<QueueKind, NetlinkError> {
    match refused {
        Err(error) if error.errno() == Some(Errno::ENOENT) => {
            Ok(QueueKind::Bfifo)
        }
        // It knows what we speak of well enough to refuse it.
        Err(error)
            if matches!(error.errno(), Some(Errno::EINVAL | Errno::ERANGE)) =>
        {
            Ok(QueueKind::FqCodel)
        }
        Err(error) => Err(error),
        Ok(()) => Ok(QueueKind::FqCodel),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_answer_about_fq_codel() {
        for (errno, want) in [
            (Errno::ENOENT, Some(QueueKind::Bfifo)),
            (Errno::EINVAL, Some(QueueKind::FqCodel)),
            (Errno::ERANGE, Some(QueueKind::FqCodel)),
            (Errno::EPERM, None),
            (Errno::ENODEV, None),
        ] {
            let (what, source) = ("ask".to_owned(), errno.into());
            let got = kind(Err(NetlinkError { what, source })).ok();
            assert_eq!(got, want, "{errno}");
        }
    }
}
