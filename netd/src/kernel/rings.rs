//! The queues of a VNIC's ends, and the CPUs that work on them.
//!
//! How many there are is told to ethtool netlink, the CPUs to sysfs. Both speak
//! of the links of one namespace, so for a guest end a thread goes there first.

use std::io;

use ::ethtool::EthtoolError;
use fabric::{EndRings, LinkName, Zone};

use super::ethtool::Connection;
use super::netlink::Netlink;
use super::sysfs::Sysfs;
use super::{KernelError, guest_end, zones};

/// The queues of an end could not be changed.
#[derive(Debug, thiserror::Error)]
#[error("cannot {what} of {link}")]
pub struct EndRingsError {
    /// The end, by the name that it has where it is.
    pub link: String,
    /// What failed.
    pub what: &'static str,
    /// The kernel's reason.
    #[source]
    pub source: io::Error,
}

/// Changes the queues of a host end, and those of the guest end that belongs to
/// it to their mirror image.
///
/// A guest end that can't be found keeps what it has. A TAP has none, and as
/// many queues as are open.
pub(super) async fn set(
    netlink: &Netlink,
    sysfs: &Sysfs,
    link: &LinkName,
    zone: Option<&Zone>,
    from: &EndRings,
    to: &EndRings,
) -> Result<(), KernelError> {
    let failed = |source| {
        let (link, what) = (link.to_string(), "reach the queues");
        EndRingsError { link, what, source }
    };
    let ethtool = Connection::open().map_err(failed)?;
    let mut guest = None;
    if let Some(found) = guest_end::locate(netlink, link, zone).await? {
        let open = || Ok((Sysfs::of_this_thread()?, Connection::open()?));
        let opened = match &found.namespace {
            Some(namespace) => zones::within(namespace, open),
            None => open(),
        };
        guest = Some((found.name, opened.map_err(failed)?));
    }
    let host = End { link: link.as_str(), sysfs, ethtool: &ethtool };
    let guest = guest.as_ref().map(|(link, (sysfs, ethtool))| End {
        link: link.as_str(),
        sysfs,
        ethtool,
    });
    if let Err(error) = turn(&host, guest.as_ref(), from, to).await {
        // The first error is the one to tell.
        let _ = turn(&host, guest.as_ref(), to, from).await;
        return Err(error.into());
    }
    Ok(())
}

/// An end, and what its queues are changed by.
struct End<'a> {
    link: &'a str,
    sysfs: &'a Sysfs,
    ethtool: &'a Connection,
}

impl End<'_> {
    /// `ethtool -L LINK rx RX tx TX`. The kernel does nothing where the end has
    /// as many already.
    async fn set_counts(&self, counts: Counts) -> Result<(), EndRingsError> {
        let [rx, tx] = [counts.rx, counts.tx]
            .map(|count| u32::try_from(count).unwrap_or(u32::MAX));
        let mut channels = self.ethtool.handle.clone().channel();
        let set = channels.set(self.link).rx_count(rx).tx_count(tx);
        set.execute().await.map_err(|error| {
            self.failed("change the number of queues")(match error {
                EthtoolError::NetlinkError(message) => message.to_io(),
                other => io::Error::other(other.to_string()),
            })
        })
    }

    fn set_cpus(&self, rings: &EndRings) -> Result<(), EndRingsError> {
        let done = self.sysfs.set_cpus(self.link, rings);
        done.map_err(self.failed("set the CPUs"))
    }

    fn failed(
        &self,
        what: &'static str,
    ) -> impl FnOnce(io::Error) -> EndRingsError + use<> {
        let link = self.link.to_owned();
        move |source| EndRingsError { link, what, source }
    }
}

async fn turn(
    host: &End<'_>,
    guest: Option<&End<'_>>,
    from: &EndRings,
    to: &EndRings,
) -> Result<(), EndRingsError> {
    for stage in stages(Counts::of(from), Counts::of(to)) {
        host.set_counts(stage.host).await?;
        if let Some(guest) = guest {
            guest.set_counts(stage.guest).await?;
        }
    }
    host.set_cpus(to)?;
    match guest {
        Some(guest) => guest.set_cpus(&to.mirrored()),
        None => Ok(()),
    }
}

/// How many queues an end receives on, and sends on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Counts {
    rx: usize,
    tx: usize,
}

impl Counts {
    fn of(rings: &EndRings) -> Self {
        Self { rx: rings.rx.len(), tx: rings.tx.len() }
    }

    fn mirrored(self) -> Self {
        Self { rx: self.tx, tx: self.rx }
    }
}

/// A stage on the way to other numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Stage {
    host: Counts,
    guest: Counts,
}

/// The stages between numbers of the host end's, the last one included. At each
/// of them no end sends on a queue that the other doesn't receive on: the
/// kernel would complain of that in its log.
fn stages(from: Counts, to: Counts) -> Vec<Stage> {
    let most = Counts { rx: from.rx.max(to.rx), tx: from.tx.max(to.tx) };
    let open = |sent: Counts| Stage {
        host: Counts { rx: most.rx, tx: sent.tx },
        guest: Counts { rx: most.tx, tx: sent.rx },
    };
    let still =
        |counts: Counts| Stage { host: counts, guest: counts.mirrored() };
    let mut stages = vec![still(from), open(from), open(to), still(to)];
    stages.dedup();
    stages.split_off(1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_end_never_sends_what_the_other_does_not_receive() {
        let count = |rx, tx| Counts { rx, tx };
        for (from, to, want) in [
            ((1, 1), (1, 1), 0),
            ((1, 1), (2, 2), 2),
            ((2, 2), (1, 1), 2),
            ((1, 1), (3, 1), 2),
            ((3, 1), (1, 1), 2),
            ((4, 1), (1, 4), 3),
            ((2, 3), (3, 2), 3),
        ] {
            let (from, to) = (count(from.0, from.1), count(to.0, to.1));
            let stages = stages(from, to);
            assert_eq!(stages.len(), want, "{stages:?}");
            let mut was = Stage { host: from, guest: from.mirrored() };
            for stage in stages {
                // The ends change one after the other.
                for host in [was.host, stage.host] {
                    for guest in [was.guest, stage.guest] {
                        let heard = host.tx <= guest.rx && guest.tx <= host.rx;
                        assert!(heard, "{was:?} to {stage:?}");
                    }
                }
                was = stage;
            }
            assert_eq!((was.host, was.guest), (to, to.mirrored()));
        }
    }
}
