//! Frames to send and to expect.

use fabric::Mac;
use pnet::packet::Packet;
use pnet::packet::ethernet::{EtherType, EtherTypes, MutableEthernetPacket};
use pnet::packet::vlan::{ClassOfService, MutableVlanPacket};
use pnet::util::MacAddr;

/// Everybody.
pub(crate) const BROADCAST: Address = Address([0xff; 6]);
/// The group of all IPv6 nodes.
pub(crate) const GROUP: Address = Address([0x33, 0x33, 0, 0, 0, 1]);
/// The physical link's own address.
pub(crate) const STATION: Address = Address([2, 0, 0, 0, 0, 0xfe]);
/// A station somewhere on the wire.
pub(crate) const REMOTE: Address = Address([2, 0, 0, 0, 0, 0xaa]);

/// An address that can be a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Address(pub(crate) [u8; 6]);

impl From<Address> for Mac {
    fn from(mac: Address) -> Self {
        Self::new(mac.0)
    }
}

/// The address of the VNIC of a number.
pub(crate) const fn vnic(id: u8) -> Address {
    Address([2, 8, 0x20, 0, 0, id])
}

/// An IPv4 frame with nothing sensible in it, which no stack answers.
pub(crate) fn frame(dst: Address, src: Address) -> Vec<u8> {
    ethernet(dst, src, EtherTypes::Ipv4, &[0xee; 46])
}

/// An untagged frame.
pub(crate) fn ethernet(
    dst: Address,
    src: Address,
    kind: EtherType,
    payload: &[u8],
) -> Vec<u8> {
    let room = MutableEthernetPacket::minimum_packet_size() + payload.len();
    let mut packet = MutableEthernetPacket::owned(vec![0; room]).unwrap();
    packet.set_destination(MacAddr::from(dst.0));
    packet.set_source(MacAddr::from(src.0));
    packet.set_ethertype(kind);
    packet.set_payload(payload);
    packet.packet().to_vec()
}

/// The same frame behind an 802.1Q tag.
pub(crate) fn tagged(frame: &[u8], vid: u16, priority: u8) -> Vec<u8> {
    behind(frame, EtherTypes::Vlan, vid, priority)
}

/// The same frame behind a provider's 802.1ad tag.
pub(crate) fn tagged_by_provider(frame: &[u8], vid: u16) -> Vec<u8> {
    behind(frame, EtherTypes::PBridge, vid, 0)
}

fn behind(frame: &[u8], kind: EtherType, vid: u16, priority: u8) -> Vec<u8> {
    let (addresses, rest) = frame.split_at(12);
    let (inner, payload) = rest.split_at(2);
    let room = MutableVlanPacket::minimum_packet_size() + payload.len();
    let mut tag = MutableVlanPacket::owned(vec![0; room]).unwrap();
    tag.set_priority_code_point(ClassOfService::new(priority));
    tag.set_vlan_identifier(vid);
    let inner = u16::from_be_bytes([inner[0], inner[1]]);
    tag.set_ethertype(EtherType::new(inner));
    tag.set_payload(payload);
    [addresses, &kind.0.to_be_bytes(), tag.packet()].concat()
}
