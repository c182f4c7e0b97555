//! Making a VNIC's two ends, and changing and deleting host ends of any kind.

use std::os::fd::AsRawFd;

use fabric::{LinkName, Mac, Mtu, VnicKey, Zone};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo,
    LinkMessage,
};

use super::links::{self, Found, GROUP, TRASH, UNFINISHED};
use super::netlink::{Netlink, NetlinkError};
use super::{KernelError, host_end, zones};
use crate::chain::chain;
use crate::failpoint::{self, Place};

/// What [`create`] makes.
#[derive(Debug)]
pub(super) struct Pair<'a> {
    pub(super) host_end: &'a LinkName,
    pub(super) guest_end: &'a LinkName,
    pub(super) zone: Option<&'a Zone>,
    pub(super) mac: Mac,
    pub(super) mtu: Mtu,
    pub(super) over: &'a LinkName,
}

/// Makes both ends, down, and returns the host end.
///
/// One message does it: `ip link add HOST_END mtu N group G type veth peer
/// name GUEST_END address MAC mtu N netns ZONE`. The guest end is born in its
/// zone; moving it there afterwards would cost 16 ms of grace periods. Until
/// the host end is closed and described it is marked as unfinished.
pub(super) async fn create(
    netlink: &Netlink,
    pair: &Pair<'_>,
) -> Result<Found, KernelError> {
    let Pair { host_end: link, guest_end, zone, mac, mtu, over } = pair;
    let namespace = zone.map(zones::open).transpose()?;
    let mut peer = LinkMessage::default();
    peer.attributes = vec![
        LinkAttribute::IfName(guest_end.to_string()),
        LinkAttribute::Address(mac.octets().to_vec()),
        LinkAttribute::Mtu(mtu.bytes()),
    ];
    if let Some(namespace) = &namespace {
        let fd = namespace.as_raw_fd();
        peer.attributes.push(LinkAttribute::NetNsFd(fd));
    }
    let mut message = LinkMessage::default();
    // No ARP: the host end is no station, and never answers for the host.
    message.header.flags = LinkFlags::Noarp;
    message.header.change_mask = LinkFlags::Noarp;
    message.attributes = vec![
        LinkAttribute::IfName(link.to_string()),
        LinkAttribute::Mtu(mtu.bytes()),
        LinkAttribute::Group(UNFINISHED),
        LinkAttribute::LinkInfo(vec![
            LinkInfo::Kind(InfoKind::Veth),
            LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(peer))),
        ]),
    ];
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    let made = netlink
        .send(RouteNetlinkMessage::NewLink(message), flags, || match zone {
            Some(zone) => format!("make link {guest_end} in zone {zone}"),
            None => format!("make link {guest_end}"),
        })
        .await;
    // Open until the kernel has used it.
    drop(namespace);
    made?;

    failpoint::before(Place::FinishPair);
    let finished = finish(netlink, link, guest_end, *zone, over).await;
    failpoint::after(Place::FinishPair);
    if finished.is_err() {
        // The caller was told that nothing was made.
        let _ = delete(netlink, &[(*link).clone()]).await;
    }
    finished
}

async fn finish(
    netlink: &Netlink,
    link: &LinkName,
    guest_end: &LinkName,
    zone: Option<&Zone>,
    over: &LinkName,
) -> Result<Found, KernelError> {
    let made = netlink.link(link).await?;
    let made =
        links::read(&made).ok_or_else(|| KernelError::Gone(link.clone()))?;
    host_end::close(link)?;
    let (zone, name) = (zone.cloned(), guest_end.clone());
    let alias = host_end::description(&VnicKey { zone, name }, over);
    let mut message = LinkMessage::default();
    message.header.index = made.index;
    message.attributes =
        vec![LinkAttribute::IfAlias(alias), LinkAttribute::Group(GROUP)];
    set(netlink, message, || format!("describe {link}")).await?;
    Ok(made)
}

/// Switches a host end on or off.
pub(super) async fn switch(
    netlink: &Netlink,
    link: &LinkName,
    index: u32,
    up: bool,
) -> Result<(), NetlinkError> {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.change_mask = LinkFlags::Up;
    if up {
        message.header.flags = LinkFlags::Up;
    }
    let word = if up { "on" } else { "off" };
    set(netlink, message, || format!("switch {link} {word}")).await
}

/// Deletes host ends, and so their guest ends. A TAP goes even while it is
/// open.
///
/// Several go into the trash group and are deleted by one request, which pays
/// the kernel's grace period once (0.3 ms a link instead of 21).
pub(super) async fn delete(
    netlink: &Netlink,
    links: &[LinkName],
) -> Result<(), NetlinkError> {
    let mut trash = LinkMessage::default();
    let mut marked = Vec::new();
    if let [link] = links {
        trash.header.index = netlink.link(link).await?.header.index;
    } else {
        trash.attributes = vec![LinkAttribute::Group(TRASH)];
        let done = mark(netlink, links, &mut marked).await;
        if done.is_err() {
            unmark(netlink, &marked).await;
            return done;
        }
        failpoint::before(Place::DeleteMarked);
    }
    let what = || {
        let names: Vec<&str> = links.iter().map(LinkName::as_str).collect();
        format!("delete {}", names.join(", "))
    };
    let delete = RouteNetlinkMessage::DelLink(trash);
    let done = netlink.send(delete, 0, what).await;
    if done.is_err() {
        unmark(netlink, &marked).await;
    }
    done
}

/// Puts links into the trash group, and notes down their numbers.
async fn mark(
    netlink: &Netlink,
    links: &[LinkName],
    marked: &mut Vec<u32>,
) -> Result<(), NetlinkError> {
    for link in links {
        let index = netlink.link(link).await?.header.index;
        marked.push(index);
        let what = || format!("mark {link} for deletion");
        set(netlink, group(index, TRASH), what).await?;
    }
    Ok(())
}

/// Takes links out of the trash group, so that none goes along with what is
/// deleted next. One that can't be is gone.
async fn unmark(netlink: &Netlink, marked: &[u32]) {
    for index in marked {
        let what = || format!("unmark link number {index}");
        if let Err(error) = set(netlink, group(*index, GROUP), what).await {
            tracing::warn!(error = chain(&error), "not to be deleted any more");
        }
    }
}

/// What puts a link into a group.
fn group(index: u32, group: u32) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.attributes = vec![LinkAttribute::Group(group)];
    message
}

/// Changes a link.
pub(super) async fn set(
    netlink: &Netlink,
    message: LinkMessage,
    what: impl FnOnce() -> String,
) -> Result<(), NetlinkError> {
    netlink.send(RouteNetlinkMessage::SetLink(message), 0, what).await
}
