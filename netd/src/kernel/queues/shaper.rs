//! Making a segment's shaper.

use fabric::shaping::Shaper;
use fabric::{LinkName, Mtu};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo,
    LinkMessage,
};

use super::super::links::GROUP;
use super::super::netlink::Netlink;
use super::super::{KernelError, host_end, pair};

/// Makes both ends and switches them on.
///
/// Both carry the mark from the message that creates them, and are closed like
/// host ends: what comes out at the far end and meets no program goes nowhere.
/// Their MTU is the largest there is, because what a VNIC may send has been
/// checked before.
pub(super) async fn create(
    netlink: &Netlink,
    shaper: Shaper,
    over: &LinkName,
) -> Result<(u32, u32), KernelError> {
    let (near, far) = (shaper.near_end(), shaper.far_end());
    let mut message = end(&near);
    message.attributes.push(LinkAttribute::LinkInfo(vec![
        LinkInfo::Kind(InfoKind::Veth),
        LinkInfo::Data(InfoData::Veth(InfoVeth::Peer(end(&far)))),
    ]));
    let flags = NLM_F_CREATE | NLM_F_EXCL;
    netlink
        .send(RouteNetlinkMessage::NewLink(message), flags, || {
            format!("make shaper {shaper}")
        })
        .await?;

    let finished = finish(netlink, &near, &far, over).await;
    if finished.is_err() {
        // The caller was told that nothing was made.
        let _ = pair::delete(netlink, &[near]).await;
    }
    finished
}

/// One end as it is born. No ARP: it is no station.
fn end(name: &LinkName) -> LinkMessage {
    let mut message = LinkMessage::default();
    message.header.flags = LinkFlags::Noarp;
    message.header.change_mask = LinkFlags::Noarp;
    message.attributes = vec![
        LinkAttribute::IfName(name.to_string()),
        LinkAttribute::Mtu(Mtu::MAX.bytes()),
        LinkAttribute::Group(GROUP),
    ];
    message
}

async fn finish(
    netlink: &Netlink,
    near: &LinkName,
    far: &LinkName,
    over: &LinkName,
) -> Result<(u32, u32), KernelError> {
    let mut indexes = [0; 2];
    for (link, index) in [near, far].into_iter().zip(&mut indexes) {
        *index = netlink.link(link).await?.header.index;
        host_end::close(link)?;
        let mut message = LinkMessage::default();
        message.header.index = *index;
        let alias = format!("what VNICs over {over} send");
        message.attributes = vec![LinkAttribute::IfAlias(alias)];
        pair::set(netlink, message, || format!("describe {link}")).await?;
    }
    for (link, index) in [near, far].into_iter().zip(indexes) {
        pair::switch(netlink, link, index, true).await?;
    }
    Ok(indexes.into())
}
