//! What the kernel has counted on its links.

use std::collections::BTreeMap;

use fabric::LinkName;
use netlink_packet_route::link::{LinkAttribute, LinkMessage};

use super::netlink::{Netlink, attribute};
use super::{Kernel, KernelError, links};

/// What went through a link since it was made, and what did not.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct LinkStats {
    /// Frames received.
    pub ipackets: u64,
    /// Bytes received.
    pub rbytes: u64,
    /// Frames that came broken, or for which there was no room.
    pub ierrors: u64,
    /// Frames sent.
    pub opackets: u64,
    /// Bytes sent.
    pub obytes: u64,
    /// Frames that could not be sent.
    pub oerrors: u64,
}

impl Kernel {
    /// The counters of every link of the namespace.
    ///
    /// # Errors
    /// When netlink can't be read.
    pub async fn link_stats(
        &self,
    ) -> Result<BTreeMap<LinkName, LinkStats>, KernelError> {
        let read = |link: &LinkMessage| {
            let found = links::read(link)?;
            Some((found.name, stats(link)?))
        };
        let all = Netlink::links_with_stats(read)?;
        Ok(all.into_iter().collect())
    }
}

fn stats(link: &LinkMessage) -> Option<LinkStats> {
    attribute(link, |at| match at {
        LinkAttribute::Stats64(stats) => Some(LinkStats {
            ipackets: stats.rx_packets,
            rbytes: stats.rx_bytes,
            ierrors: stats.rx_errors,
            opackets: stats.tx_packets,
            obytes: stats.tx_bytes,
            oerrors: stats.tx_errors,
        }),
        _ => None,
    })
}
