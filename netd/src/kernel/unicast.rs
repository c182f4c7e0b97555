//! The unicast filter of a NIC: which addresses besides its own it accepts.

use fabric::{LinkName, Mac};
use netlink_packet_core::NLM_F_CREATE;
use netlink_packet_route::neighbour::{
    NeighbourAttribute, NeighbourFlags, NeighbourMessage, NeighbourState,
};
use netlink_packet_route::{AddressFamily, RouteNetlinkMessage};

use super::netlink::{Netlink, NetlinkError};

/// Adds an address: `bridge fdb add MAC dev LINK self permanent`. A NIC that
/// can't filter goes promiscuous by the kernel's own doing
/// (`__dev_set_rx_mode()`). Some drivers refuse all the same, and some when they
/// have no room left.
pub(super) async fn accept(
    netlink: &Netlink,
    link: &LinkName,
    index: u32,
    mac: Mac,
) -> Result<(), NetlinkError> {
    let message = RouteNetlinkMessage::NewNeighbour(entry(index, mac));
    let what = || format!("accept {mac} on {link}");
    // Without NLM_F_EXCL: somebody else's entry for the address serves too.
    let added = netlink.send(message, NLM_F_CREATE, what).await;
    forgive(added, nix::errno::Errno::EEXIST)
}

/// Removes an address: `bridge fdb del MAC dev LINK self`.
pub(super) async fn reject(
    netlink: &Netlink,
    link: &LinkName,
    index: u32,
    mac: Mac,
) -> Result<(), NetlinkError> {
    let message = RouteNetlinkMessage::DelNeighbour(entry(index, mac));
    let what = || format!("reject {mac} on {link}");
    let removed = netlink.send(message, 0, what).await;
    forgive(removed, nix::errno::Errno::ENOENT)
}

/// What is already as it should be is no failure.
fn forgive(
    done: Result<(), NetlinkError>,
    already: nix::errno::Errno,
) -> Result<(), NetlinkError> {
    match done {
        Err(error) if error.errno() == Some(already) => Ok(()),
        other => other,
    }
}

fn entry(index: u32, mac: Mac) -> NeighbourMessage {
    let mut message = NeighbourMessage::default();
    message.header.family = AddressFamily::Bridge;
    message.header.ifindex = index;
    message.header.state = NeighbourState::Permanent;
    message.header.flags = NeighbourFlags::Own;
    let octets = mac.octets().to_vec();
    message.attributes.push(NeighbourAttribute::LinkLayerAddress(octets));
    message
}

/// Reads an entry of a link's own filter: the link's number and the address.
pub(super) fn read(message: &NeighbourMessage) -> Option<(u32, Mac)> {
    let own = message.header.flags.contains(NeighbourFlags::Own);
    let mac = message.attributes.iter().find_map(|at| match at {
        NeighbourAttribute::LinkLayerAddress(octets) => {
            octets.as_slice().try_into().ok().map(Mac::new)
        }
        _ => None,
    })?;
    (own && mac.is_unicast()).then_some((message.header.ifindex, mac))
}
