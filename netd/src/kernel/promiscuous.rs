//! A NIC's promiscuous mode: whether it accepts frames for anybody.

use fabric::LinkName;
use netlink_packet_route::link::{LinkFlags, LinkMessage};

use super::netlink::{Netlink, NetlinkError};
use super::pair;

/// Switches it: `ip link set LINK promisc on|off`.
///
/// That is one bit, which is ours and the administrator's in common. The kernel
/// counts it once, beside what bridges, packet sockets and their like ask for:
/// none of those is touched by it.
pub(super) async fn switch(
    netlink: &Netlink,
    link: &LinkName,
    index: u32,
    on: bool,
) -> Result<(), NetlinkError> {
    let mut message = LinkMessage::default();
    message.header.index = index;
    message.header.change_mask = LinkFlags::Promisc;
    if on {
        message.header.flags = LinkFlags::Promisc;
    }
    let word = if on { "on" } else { "off" };
    let what = || format!("switch promiscuous mode of {link} {word}");
    pair::set(netlink, message, what).await
}
