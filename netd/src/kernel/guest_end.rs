//! Reaching a VNIC's guest end, wherever it is.

use std::io;
use std::os::fd::OwnedFd;

use fabric::{LinkName, Mtu, Zone};
use netlink_packet_route::link::{LinkAttribute, LinkMessage};
use nix::sched::{CloneFlags, setns};

use super::netlink::{Netlink, NetlinkError};
use super::{links, pair, zones};

/// A link with the socket that reaches it.
struct End {
    netlink: Netlink,
    index: u32,
}

impl End {
    async fn set_mtu(
        &self,
        link: &LinkName,
        mtu: Mtu,
    ) -> Result<(), NetlinkError> {
        let mut message = LinkMessage::default();
        message.header.index = self.index;
        message.attributes = vec![LinkAttribute::Mtu(mtu.bytes())];
        let what = || format!("set the MTU of {link} to {mtu}");
        pair::set(&self.netlink, message, what).await
    }
}

/// Changes the MTU of a host end, and of the guest end that belongs to it.
///
/// A guest end that can't be found keeps its own: its zone may have lost its
/// name, or its owner may have moved it. A TAP has none.
pub(super) async fn set_mtu(
    netlink: &Netlink,
    link: &LinkName,
    zone: Option<&Zone>,
    from: Mtu,
    to: Mtu,
) -> Result<(), NetlinkError> {
    let message = netlink.link(link).await?;
    let host = End { netlink: netlink.clone(), index: message.header.index };
    let guest = find(&host, &message, zone).await;
    // A veth drops what its other end could not have sent: the end with the
    // larger MTU is always the one that listens.
    let ends = match (guest, to < from) {
        (None, _) => vec![host],
        (Some(guest), true) => vec![guest, host],
        (Some(guest), false) => vec![host, guest],
    };
    for (at, end) in ends.iter().enumerate() {
        if let Err(error) = end.set_mtu(link, to).await {
            for end in &ends[..at] {
                // The first error is the one to tell.
                let _ = end.set_mtu(link, from).await;
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Limits how many parts a frame may have that the guest leaves to be cut. It
/// is the guest end's own limit that its network stack heeds; the host end's
/// shows what it is, as nobody sees the guest end from here.
///
/// A guest end that can't be found keeps what it has. A TAP has none.
pub(super) async fn set_gso_segs(
    netlink: &Netlink,
    link: &LinkName,
    zone: Option<&Zone>,
    segs: u32,
) -> Result<(), NetlinkError> {
    let message = netlink.link(link).await?;
    let host = End { netlink: netlink.clone(), index: message.header.index };
    let guest = find(&host, &message, zone).await;
    for end in guest.iter().chain([&host]) {
        let mut message = LinkMessage::default();
        message.header.index = end.index;
        message.attributes = vec![LinkAttribute::GsoMaxSegs(segs)];
        let what = || format!("limit the frames of {link} to {segs} parts");
        pair::set(&end.netlink, message, what).await?;
    }
    Ok(())
}

/// The guest end of a host end, which `message` describes.
async fn find(
    host: &End,
    message: &LinkMessage,
    zone: Option<&Zone>,
) -> Option<End> {
    let (index, away) = links::peer(message)?;
    if !away {
        return Some(End { netlink: host.netlink.clone(), index });
    }
    let netlink = match zone.map(zones::open)? {
        Ok(namespace) => connect(&namespace),
        Err(error) => Err(io::Error::other(error)),
    };
    let netlink = match netlink {
        Ok(netlink) => netlink,
        Err(error) => {
            tracing::warn!(%error, "a guest end is left as it is");
            return None;
        }
    };
    // A number means a link in one namespace only. This is the right one if
    // its link of that number leads back here.
    let there = netlink.link_at(index).await.ok()?;
    let leads_back = links::peer(&there) == Some((host.index, true));
    leads_back.then_some(End { netlink, index })
}

/// Connects to the routing netlink of another namespace. A socket belongs to
/// the namespace that its maker was in, so a thread goes there to make it.
fn connect(namespace: &OwnedFd) -> io::Result<Netlink> {
    let runtime = tokio::runtime::Handle::current();
    let make = || {
        setns(namespace, CloneFlags::CLONE_NEWNET)?;
        let _guard = runtime.enter();
        Netlink::connect()
    };
    std::thread::scope(|scope| {
        let made = scope.spawn(make).join();
        made.unwrap_or_else(|_| Err(io::Error::other("the thread panicked")))
    })
}
