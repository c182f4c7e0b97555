//! The only door to the kernel's network state.
//!
//! [`Kernel::observe`] reads it, [`Kernel::step`] changes it by one
//! [`fabric::Step`]. There are no decisions here: what to change is worked out
//! by [`fabric::plan()`].

mod bpffs;
mod catch_up;
mod ethtool;
mod guest_end;
mod host_end;
mod links;
mod list;
mod lro;
mod netlink;
mod news;
mod observe;
mod pair;
mod promiscuous;
pub mod queues;
mod rings;
mod stats;
mod sysfs;
mod tap;
mod unicast;
mod zones;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use fabric::datapath::Row;
use fabric::shaping::ClassId;
use fabric::{FlowId, LinkId, LinkName, Observed, PhysLink, Step, Zone};
use flows::datapath::{Outcome, Ring, RingError};
use flows::learn::Moment;
use flows::{Counters, Datapath, FlowCounters, LinkIndexes, Told};

use crate::chain::chain;
use crate::failpoint::{self, Place};
use netlink::Netlink;
use news::News;
use queues::ClassStats;
use sysfs::Sysfs;

pub use bpffs::BpffsError;
pub use catch_up::Update;
pub use host_end::SysctlError;
pub use netlink::NetlinkError;
pub(crate) use news::Bells;
pub use rings::EndRingsError;
pub use stats::LinkStats;
pub use tap::TapError;
pub use zones::ZoneError;

/// Something that the kernel would not do.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum KernelError {
    /// A netlink request.
    #[error(transparent)]
    Netlink(#[from] NetlinkError),
    /// A TAP.
    #[error(transparent)]
    Tap(#[from] TapError),
    /// A setting of a host end.
    #[error(transparent)]
    Sysctl(#[from] SysctlError),
    /// The queues of a VNIC's end.
    #[error(transparent)]
    Rings(#[from] EndRingsError),
    /// A zone's namespace.
    #[error(transparent)]
    Zone(#[from] ZoneError),
    /// A table of the data plane.
    #[error(transparent)]
    Map(#[from] flows::datapath::MapError),
    /// A program of the data plane could not be attached.
    #[error(transparent)]
    Attach(#[from] flows::datapath::AttachError),
    /// A program of the data plane could not be detached.
    #[error(transparent)]
    Detach(#[from] flows::datapath::DetachError),
    /// What is attached could not be found out.
    #[error(transparent)]
    Hook(#[from] flows::datapath::HookError),
    /// A step names a link that is not there.
    #[error("link {0} is gone")]
    Gone(LinkName),
}

impl KernelError {
    /// Whether the obstacle is a link that has the name already.
    #[must_use]
    pub fn is_name_taken(&self) -> bool {
        matches!(
            self,
            Self::Netlink(error)
                if error.errno() == Some(nix::errno::Errno::EEXIST)
        )
    }

    /// Whether a driver says that its filter can't take an address: not this
    /// way, not of this kind, or not one more. What a driver returns for it is
    /// up to the driver.
    #[must_use]
    pub fn is_filter_refusal(&self) -> bool {
        use nix::errno::Errno::{EINVAL, ENOMEM, ENOSPC, EOPNOTSUPP};
        // ENOTSUP is EOPNOTSUPP on Linux.
        let refusals = [EOPNOTSUPP, EINVAL, ENOSPC, ENOMEM];
        matches!(
            self,
            Self::Netlink(error)
                if error.errno().is_some_and(|no| refusals.contains(&no))
        )
    }
}

/// netd can't start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// No netlink socket.
    #[error("cannot open a netlink socket")]
    Netlink(#[source] io::Error),
    /// No sysfs.
    #[error("cannot open a sysfs")]
    Sysfs(#[source] io::Error),
    /// No place for the tables.
    #[error(transparent)]
    Bpffs(#[from] BpffsError),
    /// The data plane can't be loaded.
    #[error(transparent)]
    Datapath(#[from] flows::datapath::OpenError),
}

/// The network namespace that netd serves, and its data plane.
#[derive(Debug)]
pub struct Kernel {
    netlink: Netlink,
    sysfs: Sysfs,
    queues: queues::Queues,
    datapath: Datapath,
    /// What has changed since the last look.
    news: News,
    /// The links' numbers as of the last look.
    indexes: LinkIndexes,
    /// The speeds in Mb/s that drivers have told since their links changed.
    speeds: BTreeMap<LinkName, Option<u32>>,
    /// Where the tables are pinned, and why not all of them are.
    pins: PathBuf,
    unpinned: Option<String>,
}

/// The links of the calling thread's namespace that are none of ours and can
/// carry VNICs.
///
/// # Errors
/// When netlink can't be read.
pub(crate) fn host_links() -> Result<Vec<PhysLink>, NetlinkError> {
    let mut observed = Observed::default();
    for found in Netlink::links(links::read)? {
        observe::file(&mut observed, found);
    }
    Ok(observed.phys())
}

/// What links of the calling thread's namespace send by, by the queue's name
/// in tc. Those with a queue of the kernel's own choice are left out.
///
/// # Errors
/// When netlink can't be read.
pub(crate) fn root_queues() -> Result<BTreeMap<LinkName, String>, NetlinkError>
{
    let mut chosen = queues::Queues::chosen()?;
    let links = Netlink::links(links::read)?.into_iter();
    let named = links.filter_map(|link| {
        chosen.remove(&link.index).map(|kind| (link.name, kind))
    });
    Ok(named.collect())
}

impl Kernel {
    /// Connects to the kernel, and loads the data plane on the tables that are
    /// pinned in `pins`, or on new ones: also where another version's are there
    /// that this one can't use. Changes no packet.
    ///
    /// # Errors
    /// [`OpenError`] when a socket, a file system or the programs can't
    /// be had.
    pub fn open(pins: &Path) -> Result<Self, OpenError> {
        let netlink = Netlink::connect().map_err(OpenError::Netlink)?;
        let sysfs = Sysfs::of_this_thread().map_err(OpenError::Sysfs)?;
        failpoint::before(Place::PreparePins);
        bpffs::prepare(pins)?;
        failpoint::after(Place::PreparePins);
        failpoint::before(Place::Load);
        let datapath = Datapath::open(pins)?;
        failpoint::after(Place::Load);
        for change in datapath.changes() {
            match change.outcome {
                Outcome::WrittenAnew | Outcome::CountsGoOn => {
                    tracing::info!(%change, "another version was here");
                }
                Outcome::CountsFromZero | Outcome::Emptied => {
                    tracing::warn!(%change, "another version was here");
                }
            }
        }
        let queues = queues::Queues::of(netlink.clone());
        let news = News::listen().map_err(OpenError::Netlink)?;
        Ok(Self {
            netlink,
            sysfs,
            queues,
            datapath,
            news,
            indexes: LinkIndexes::default(),
            speeds: BTreeMap::new(),
            pins: pins.to_owned(),
            unpinned: None,
        })
    }

    /// Sees to it that the tables are still pinned: somebody may have unmounted
    /// the file system. Traffic doesn't notice, but the next netd would not find
    /// them.
    fn keep_pins(&mut self) {
        let place = bpffs::prepare(&self.pins).map_err(|error| chain(&error));
        let mut renew =
            || self.datapath.renew_pins().map_err(|error| chain(&error));
        self.unpinned = match place.and_then(|()| renew()) {
            Ok(true) => {
                tracing::warn!(dir = %self.pins.display(), "pinned anew");
                None
            }
            Ok(false) => None,
            Err(error) => {
                tracing::error!(%error, "the tables are not pinned");
                Some(error)
            }
        };
    }

    /// Why the tables are not all pinned, if they are not.
    #[must_use]
    pub fn unpinned(&self) -> Option<&str> {
        self.unpinned.as_deref()
    }

    /// What rings when something has changed that [`Kernel::catch_up`] takes
    /// in.
    ///
    /// # Errors
    /// When no more files can be opened.
    pub(crate) fn bells(&self) -> io::Result<Bells> {
        self.news.bells()
    }

    /// Gives the tables of another version up, where there are some: nothing
    /// reads them any more. What fails is logged; traffic doesn't notice.
    pub fn finish_upgrade(&mut self) {
        if !self.datapath.is_moving() {
            return;
        }
        match self.datapath.finish() {
            Ok(()) => tracing::info!("the other version's tables are given up"),
            Err(error) => {
                let error = chain(&error);
                tracing::error!(%error, "older tables are still there");
            }
        }
    }

    /// Whether a zone's namespace is there.
    #[must_use]
    pub fn is_running(zone: &Zone) -> bool {
        zones::open(zone).is_ok()
    }

    /// The number of a user of this host.
    ///
    /// # Errors
    /// When the users can't be read; a name that nobody has is none.
    pub fn uid_of(name: &str) -> io::Result<Option<u32>> {
        let user = nix::unistd::User::from_name(name)?;
        Ok(user.map(|user| user.uid.as_raw()))
    }

    /// The queues of the namespace that netd serves.
    #[must_use]
    pub fn queues(&self) -> &queues::Queues {
        &self.queues
    }

    /// The ring of what the data plane tells, for a reader of its records.
    ///
    /// # Errors
    /// When it can't be mapped.
    pub fn telling(
        &self,
        reader: impl FnMut(&[u8]) + Send + 'static,
    ) -> Result<Ring, RingError> {
        self.datapath.told(reader)
    }

    /// Reads a record of that ring; none when it is no record of ours.
    #[must_use]
    pub fn told(&self, record: &[u8]) -> Option<Told> {
        Told::decode(record, &self.indexes)
    }

    /// The time since the boot.
    #[must_use]
    pub fn now() -> Moment {
        let clock = nix::time::ClockId::CLOCK_BOOTTIME;
        // Every kernel that runs the programs has this clock.
        let now = clock.now().map_or(0, |now| now.tv_sec());
        Moment(u64::try_from(now).unwrap_or_default())
    }

    /// What went through a VNIC.
    ///
    /// # Errors
    /// When the table can't be read.
    pub fn counters(&self, id: LinkId) -> Result<Counters, KernelError> {
        Ok(self.datapath.counters(id)?)
    }

    /// What went through a flow; none when it has no row.
    ///
    /// # Errors
    /// When the table can't be read.
    pub fn flow_counters(
        &self,
        id: FlowId,
    ) -> Result<Option<FlowCounters>, KernelError> {
        Ok(self.datapath.flow_counters(id)?)
    }

    /// What went through the classes of links of ours.
    ///
    /// # Errors
    /// When netlink can't be read.
    pub fn queue_stats<'a>(
        &self,
        links: impl Iterator<Item = &'a LinkName>,
    ) -> Result<BTreeMap<LinkName, BTreeMap<ClassId, ClassStats>>, KernelError>
    {
        let indexes: BTreeSet<u32> =
            links.filter_map(|name| self.indexes.index_of(name)).collect();
        if indexes.is_empty() {
            return Ok(BTreeMap::new());
        }
        let stats = queues::Queues::stats(&indexes)?.into_iter();
        let named = stats.filter_map(|(index, stats)| {
            Some((self.indexes.name_of(index)?.clone(), stats))
        });
        Ok(named.collect())
    }

    /// Waits until nothing waits in some leaves that no row leads into any more.
    /// A queue holds 12 ms, one of a very low cap a few frames; what is still
    /// there after half a second is given up. The price is that of these leaves,
    /// however many there are.
    pub async fn drain(&self, leaves: &[(LinkName, ClassId)]) {
        const STEP: Duration = Duration::from_millis(2);
        let deadline = Instant::now() + Duration::from_millis(500);
        for (link, class) in leaves {
            let Ok(index) = self.index(link) else { continue };
            loop {
                match self.queues.waiting(link, index, *class).await {
                    Ok(0) => break,
                    Ok(_) if Instant::now() < deadline => {
                        tokio::time::sleep(STEP).await;
                    }
                    Ok(_) => return,
                    Err(error) => {
                        let error = chain(&error);
                        tracing::warn!(%error, "queues go as they are");
                        return;
                    }
                }
            }
        }
    }

    /// Writes a row of the data plane's tables.
    ///
    /// # Errors
    /// [`KernelError::Map`]; nothing has been changed then.
    pub fn put(&self, row: &Row) -> Result<(), KernelError> {
        Ok(self.datapath.put(row, &self.indexes)?)
    }

    /// Deletes a row of the data plane's tables.
    ///
    /// # Errors
    /// [`KernelError::Map`]; nothing has been changed then.
    pub fn delete(&self, row: &Row) -> Result<(), KernelError> {
        Ok(self.datapath.delete(row, &self.indexes)?)
    }

    /// The ring of frames that were dropped, for a reader of its records. Only
    /// one reader at a time gets a frame.
    ///
    /// # Errors
    /// When it can't be mapped.
    pub fn dropped_frames(
        &self,
        reader: impl FnMut(&[u8]) + Send + 'static,
    ) -> Result<Ring, RingError> {
        self.datapath.shown(reader)
    }

    /// Makes one change.
    ///
    /// A link that can't be told to merge no frames is left as it is, with a
    /// warning.
    ///
    /// # Errors
    /// [`KernelError`]; nothing has been changed then.
    pub async fn step(&mut self, step: &Step) -> Result<(), KernelError> {
        let netlink = &self.netlink;
        match step {
            Step::CreatePair { link, guest_end, zone, mac, mtu, over } => {
                let pair = pair::Pair {
                    host_end: link,
                    guest_end,
                    zone: zone.as_ref(),
                    mac: *mac,
                    mtu: *mtu,
                    over,
                };
                let made = pair::create(netlink, &pair).await?;
                made.enter(&mut self.indexes);
            }
            Step::CreateTap { link, vnic, owner, several, mtu, over } => {
                let (owner, several, mtu) = (*owner, *several, *mtu);
                let tap = tap::Tap { link, vnic, owner, several, mtu, over };
                let made = tap::create(netlink, &tap).await?;
                made.enter(&mut self.indexes);
            }
            Step::DeletePair { link } => {
                self.delete_pairs(std::slice::from_ref(link)).await?;
            }
            Step::LinkUp { link } | Step::LinkDown { link } => {
                let up = matches!(step, Step::LinkUp { .. });
                let index = self.index(link)?;
                pair::switch(netlink, link, index, up).await?;
            }
            Step::SetMtu { link, zone, from, to } => {
                let zone = zone.as_ref();
                guest_end::set_mtu(netlink, link, zone, *from, *to).await?;
            }
            Step::SetSegs { link, zone, to, .. } => {
                let zone = zone.as_ref();
                guest_end::set_gso_segs(netlink, link, zone, *to).await?;
            }
            Step::SetRings { link, zone, from, to } => {
                let zone = zone.as_ref();
                rings::set(netlink, &self.sysfs, link, zone, from, to).await?;
            }
            Step::CreateShaper { shaper, over } => {
                let made = self.queues.create_shaper(*shaper, over.as_ref());
                for (link, index) in made.await? {
                    self.indexes.insert(link, index);
                }
            }
            Step::DeleteShaper { shaper } => {
                pair::delete(netlink, &[shaper.near_end()]).await?;
            }
            Step::Queue { link, step } => {
                let index = self.index(link)?;
                self.queues.step(link, index, step).await?;
            }
            Step::Attach { link, program, replace } => {
                let index = self.index(link)?;
                self.datapath.attach(*program, index, *replace)?;
            }
            Step::Detach { link, program } => {
                let index = self.index(link)?;
                self.datapath.detach(*program, index)?;
            }
            Step::PutRow { row, .. } => self.put(row)?,
            Step::DeleteRow { row } => self.delete(row)?,
            Step::AcceptUnicast { link, mac } => {
                let index = self.index(link)?;
                unicast::accept(netlink, link, index, *mac).await?;
            }
            Step::RejectUnicast { link, mac } => {
                let index = self.index(link)?;
                unicast::reject(netlink, link, index, *mac).await?;
            }
            Step::Promiscuous { link, on } => {
                let index = self.index(link)?;
                promiscuous::switch(netlink, link, index, *on).await?;
            }
            Step::Lro { link, on } => {
                let index = self.index(link)?;
                // VNICs work without, if not for everybody at all times.
                if let Err(error) = lro::switch(link, index, *on).await {
                    let error = chain(&error);
                    tracing::warn!(%link, %error, "LRO is left as it is");
                }
            }
        }
        Ok(())
    }

    /// Deletes VNICs' ends, many at the price of one.
    ///
    /// # Errors
    /// When the kernel refuses; none of them may be gone then.
    pub async fn delete_pairs(
        &self,
        links: &[LinkName],
    ) -> Result<(), KernelError> {
        Ok(pair::delete(&self.netlink, links).await?)
    }

    fn index(&self, link: &LinkName) -> Result<u32, KernelError> {
        let index = self.indexes.index_of(link);
        index.ok_or_else(|| KernelError::Gone(link.clone()))
    }
}

#[cfg(test)]
mod tests {
    use nix::errno::Errno;

    use super::*;

    #[test]
    fn a_full_filter_is_told_from_a_failure() {
        for (errno, want) in [
            (Errno::EOPNOTSUPP, true),
            (Errno::ENOTSUP, true),
            (Errno::EINVAL, true),
            (Errno::ENOSPC, true),
            (Errno::ENOMEM, true),
            (Errno::EPERM, false),
            (Errno::ENODEV, false),
            (Errno::ENOBUFS, false),
        ] {
            let (what, source) = ("accept".to_owned(), errno.into());
            let error = KernelError::from(NetlinkError { what, source });
            assert_eq!(error.is_filter_refusal(), want, "{errno}");
        }
        let gone = KernelError::Gone("bge0".parse().unwrap());
        assert!(!gone.is_filter_refusal());
    }
}
