//! Making a segment's shaper.

use fabric::shaping::{QueueStep, Shaper};
use fabric::{LinkName, Mtu};
use netlink_packet_core::{NLM_F_CREATE, NLM_F_EXCL};
use netlink_packet_route::RouteNetlinkMessage;
use netlink_packet_route::link::{
    InfoData, InfoKind, InfoVeth, LinkAttribute, LinkFlags, LinkInfo,
    LinkMessage,
};

use super::super::links::{GROUP, UNFINISHED};
use super::super::{KernelError, host_end, pair};
use super::Queues;
use crate::failpoint::{self, Place};

/// Makes both ends, and the near end's root: what is sent into a shaper that has
/// no classes yet goes nowhere.
///
/// Both carry the mark from the message that creates them, as unfinished until
/// the near end, last of all, is told to be finished. They are closed like host
/// ends: what comes out at the far end and meets no program goes nowhere.
/// Their MTU is the largest there is, because what a VNIC may send has been
/// checked before.
pub(super) async fn create(
    queues: &Queues,
    shaper: Shaper,
    over: Option<&LinkName>,
) -> Result<[(LinkName, u32); 2], KernelError> {
    let netlink = &queues.netlink;
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

    failpoint::before(Place::FinishShaper);
    let finished = finish(queues, &near, &far, over).await;
    failpoint::after(Place::FinishShaper);
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
        LinkAttribute::Group(UNFINISHED),
    ];
    message
}

async fn finish(
    queues: &Queues,
    near: &LinkName,
    far: &LinkName,
    over: Option<&LinkName>,
) -> Result<[(LinkName, u32); 2], KernelError> {
    let netlink = &queues.netlink;
    let near_index = netlink.link(near).await?.header.index;
    let far_index = netlink.link(far).await?.header.index;
    let root = QueueStep::AddRoot { default: None };
    queues.step(near, near_index, &root).await?;
    for (link, index) in [(far, far_index), (near, near_index)] {
        host_end::close(link)?;
        let mut message = LinkMessage::default();
        message.header.index = index;
        message.attributes = vec![LinkAttribute::Group(GROUP)];
        let alias = over.map(|over| format!("what VNICs over {over} send"));
        message.attributes.extend(alias.map(LinkAttribute::IfAlias));
        pair::set(netlink, message, || format!("describe {link}")).await?;
        failpoint::after(Place::FinishShaperEnd);
    }
    Ok([(near.clone(), near_index), (far.clone(), far_index)])
}
