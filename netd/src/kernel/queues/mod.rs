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
use netlink_packet_core::NLM_F_ECHO;
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::tc::TcMessage;
use nix::errno::Errno;
use tokio::sync::OnceCell;

use super::netlink::{Netlink, NetlinkError};
use super::{KernelError, guest_end};
use crate::failpoint::{self, Place};

pub(super) use agree::Word;
use read::Seat;
pub use read::{ClassStats, Root};

/// The queues of a network namespace.
#[derive(Clone, Debug)]
pub struct Queues {
    netlink: Netlink,
    /// Asked once: a kernel doesn't lose what it has.
    kind: Arc<OnceCell<QueueKind>>,
}

/// Roots, and something about each leaf's queue, by link.
type Told<T> = BTreeMap<u32, (Root, BTreeMap<ClassId, T>)>;

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

    /// What links of the calling thread's namespace send by. Those with a queue
    /// of the kernel's own choice are left out.
    ///
    /// # Errors
    /// When netlink can't be read.
    pub fn observe(
        links: &BTreeSet<u32>,
    ) -> Result<BTreeMap<u32, Root>, NetlinkError> {
        let told = told(links, read::queue)?.into_iter();
        let whole = told.map(|(index, (mut root, queues))| {
            if let Root::Tree(tree) = &mut root {
                let class = |message: &TcMessage| read::class(message, &queues);
                tree.classes =
                    Netlink::classes(index, class)?.into_iter().collect();
            }
            Ok((index, root))
        });
        whole.collect()
    }

    /// What went through the classes of links of the calling thread's
    /// namespace. Those without a tree are left out.
    ///
    /// # Errors
    /// When netlink can't be read.
    pub fn stats(
        links: &BTreeSet<u32>,
    ) -> Result<BTreeMap<u32, BTreeMap<ClassId, ClassStats>>, NetlinkError>
    {
        let told = told(links, read::counted)?.into_iter();
        let trees = told.filter(|(_, (root, _))| matches!(root, Root::Tree(_)));
        let whole = trees.map(|(index, (_, queues))| {
            let stats = |message: &TcMessage| read::stats(message, &queues);
            let stats = Netlink::classes(index, stats)?;
            Ok((index, stats.into_iter().collect()))
        });
        whole.collect()
    }

    /// How many frames wait in a leaf. In one that is not there, none do.
    ///
    /// # Errors
    /// When the kernel refuses for another reason.
    pub async fn waiting(
        &self,
        link: &LinkName,
        index: u32,
        id: ClassId,
    ) -> Result<u64, NetlinkError> {
        let message = message::about_class(index, id);
        let what = || format!("look up class {id} of {link}");
        // A kernel before 6.7 tells all who listen, and who asked only so.
        match self.netlink.ask(message, NLM_F_ECHO, what).await {
            Ok(answers) => {
                let told = answers.iter().find_map(|answer| match answer {
                    RouteNetlinkMessage::NewTrafficClass(class) => {
                        Some(read::counted(class).waiting)
                    }
                    _ => None,
                });
                Ok(told.unwrap_or_default())
            }
            Err(error) if error.errno() == Some(Errno::ENOENT) => Ok(0),
            Err(error) => Err(error),
        }
    }

    /// What links of the calling thread's namespace send by, whosever they are,
    /// by the queue's name in tc. Those with a queue of the kernel's own choice
    /// are left out.
    ///
    /// # Errors
    /// When netlink can't be read.
    pub(super) fn chosen() -> Result<BTreeMap<u32, String>, NetlinkError> {
        let chosen = Netlink::qdiscs(|message| {
            let kind = read::chosen(message)?.to_owned();
            Some((read::index(message), kind))
        })?;
        Ok(chosen.into_iter().collect())
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
}

/// Lists the queues of `links`, with what `of` makes of a leaf's. The kernel
/// lists all links' queues at once, and classes link by link.
fn told<T>(
    links: &BTreeSet<u32>,
    of: impl Fn(&TcMessage) -> T,
) -> Result<Told<T>, NetlinkError> {
    enum One<T> {
        Root(Root),
        Leaf(ClassId, T),
    }
    let all = Netlink::qdiscs(|message| {
        let index = read::index(message);
        let seat = links.contains(&index).then(|| read::seat(message));
        let one = match seat.flatten()? {
            Seat::Root => One::Root(read::root(message)),
            Seat::Leaf(id) => One::Leaf(id, of(message)),
        };
        Some((index, one))
    })?;
    let (mut told, mut leaves) = (Told::new(), Vec::new());
    for (index, one) in all {
        match one {
            One::Root(root) => {
                told.insert(index, (root, BTreeMap::new()));
            }
            One::Leaf(id, leaf) => leaves.push((index, id, leaf)),
        }
    }
    for (index, id, leaf) in leaves {
        if let Some((_, leaves)) = told.get_mut(&index) {
            leaves.insert(id, leaf);
        }
    }
    Ok(told)
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
