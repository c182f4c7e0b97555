//! Reaching a VNIC's guest end, wherever it is.

use std::io;
use std::os::fd::OwnedFd;

use fabric::{LinkName, Mtu, Torn, Zone};
use netlink_packet_route::link::{LinkAttribute, LinkMessage};

use super::links::{self, GROUP};
use super::netlink::{Netlink, NetlinkError, attribute};
use super::{pair, zones};
use crate::failpoint::{self, Place};

/// A link with the socket that reaches it.
struct End {
    netlink: Netlink,
    index: u32,
    /// Where it is; none: here.
    namespace: Option<OwnedFd>,
}

impl End {
    fn here(netlink: &Netlink, index: u32) -> Self {
        Self { netlink: netlink.clone(), index, namespace: None }
    }

    /// Sets something of the link, at once with all else that is given.
    async fn set<const N: usize>(
        &self,
        what: impl FnOnce() -> String,
        attributes: [LinkAttribute; N],
    ) -> Result<(), NetlinkError> {
        let mut message = LinkMessage::default();
        message.header.index = self.index;
        message.attributes = attributes.into();
        pair::set(&self.netlink, message, what).await?;
        failpoint::after(Place::ChangeEnd);
        Ok(())
    }
}

/// Says that both ends have the same value.
const WHOLE: LinkAttribute = LinkAttribute::Group(GROUP);

/// Changes the MTU of a host end, and of the guest end that belongs to it.
/// Until both have it the host end is marked: a netd that comes later sets both
/// again.
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
    let host = End::here(netlink, message.header.index);
    let guest = find(&host, &message, zone).await;
    let mtu = |mtu: Mtu| LinkAttribute::Mtu(mtu.bytes());
    let what = || format!("set the MTU of {link} to {to}");
    let Some(guest) = guest else {
        return host.set(what, [mtu(to), WHOLE]).await;
    };
    let torn = LinkAttribute::Group(links::torn(Torn::Mtu));
    // A veth drops what its other end could not have sent: the end with the
    // larger MTU is always the one that listens.
    host.set(what, [mtu(from.max(to)), torn]).await?;
    if let Err(error) = guest.set(what, [mtu(to)]).await {
        // The first error is the one to tell.
        let _ = host.set(what, [mtu(from), WHOLE]).await;
        return Err(error);
    }
    if let Err(error) = host.set(what, [mtu(to), WHOLE]).await {
        let _ = guest.set(what, [mtu(from)]).await;
        let _ = host.set(what, [mtu(from), WHOLE]).await;
        return Err(error);
    }
    Ok(())
}

/// Limits how many parts a frame may have that the guest leaves to be cut. It
/// is the guest end's own limit that its network stack heeds; the host end's
/// shows what it is, as nobody sees the guest end from here. Until both have it
/// the host end is marked.
///
/// A guest end that can't be found keeps what it has. A TAP has none.
pub(super) async fn set_gso_segs(
    netlink: &Netlink,
    link: &LinkName,
    zone: Option<&Zone>,
    segs: u32,
) -> Result<(), NetlinkError> {
    let message = netlink.link(link).await?;
    let host = End::here(netlink, message.header.index);
    let what = || format!("limit the frames of {link} to {segs} parts");
    let segs = LinkAttribute::GsoMaxSegs(segs);
    if let Some(guest) = find(&host, &message, zone).await {
        let torn = LinkAttribute::Group(links::torn(Torn::Segs));
        host.set(what, [torn]).await?;
        guest.set(what, [segs.clone()]).await?;
    }
    host.set(what, [segs, WHOLE]).await
}

/// A guest end, for what netlink has no words for.
#[derive(Debug)]
pub(super) struct Located {
    /// Its name now.
    pub(super) name: String,
    /// Where it is; none: here.
    pub(super) namespace: Option<OwnedFd>,
}

/// Finds the guest end of a host end. None where it can't be found, and for a
/// TAP.
pub(super) async fn locate(
    netlink: &Netlink,
    link: &LinkName,
    zone: Option<&Zone>,
) -> Result<Option<Located>, NetlinkError> {
    let message = netlink.link(link).await?;
    let host = End::here(netlink, message.header.index);
    let Some(guest) = find(&host, &message, zone).await else {
        return Ok(None);
    };
    let message = guest.netlink.link_at(guest.index).await?;
    let name = attribute(&message, |at| match at {
        LinkAttribute::IfName(name) => Some(name.clone()),
        _ => None,
    });
    let namespace = guest.namespace;
    Ok(name.map(|name| Located { name, namespace }))
}

/// The guest end of a host end, which `message` describes.
async fn find(
    host: &End,
    message: &LinkMessage,
    zone: Option<&Zone>,
) -> Option<End> {
    let (index, away) = links::peer(message)?;
    if !away {
        return Some(End::here(&host.netlink, index));
    }
    let reached = zone.map(|zone| {
        let namespace = zones::open(zone).map_err(io::Error::other)?;
        // A socket belongs to the namespace that its maker was in.
        let netlink = zones::within(&namespace, Netlink::connect)?;
        io::Result::Ok((namespace, netlink))
    })?;
    let (namespace, netlink) = match reached {
        Ok(reached) => reached,
        Err(error) => {
            tracing::warn!(%error, "a guest end is left as it is");
            return None;
        }
    };
    // A number means a link in one namespace only. This is the right one if
    // its link of that number leads back here.
    let there = netlink.link_at(index).await.ok()?;
    let leads_back = links::peer(&there) == Some((host.index, true));
    let namespace = Some(namespace);
    leads_back.then_some(End { netlink, index, namespace })
}
