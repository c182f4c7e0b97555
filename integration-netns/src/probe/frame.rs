//! Frames that are told apart.

use std::sync::atomic::{AtomicU64, Ordering};

use fabric::Mac;
use pnet::packet::ethernet::{
    EtherType, EthernetPacket, MutableEthernetPacket,
};
use pnet::util::MacAddr;

/// Local experimental EtherType 1 (IEEE 802): no stack answers it.
const ETHER_TYPE: EtherType = EtherType(0x88b5);

/// The length of a [`Frame`]: the least that a wire would carry.
const LEN: usize = 60;

/// A frame of a story, told from every other by a number in its payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// Where it goes.
    pub to: Mac,
    /// Where it says that it comes from.
    pub from: Mac,
    number: u64,
}

impl Frame {
    /// Its length in bytes: what it adds to a byte counter.
    pub const LEN: u64 = LEN as u64;

    /// Everybody's address.
    pub const BROADCAST: &str = "ff:ff:ff:ff:ff:ff";

    /// Makes a frame.
    ///
    /// # Panics
    /// When an address isn't one.
    #[track_caller]
    #[must_use]
    pub fn new(from: &str, to: &str) -> Self {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let mac = |text: &str| text.parse().expect("a story knows its MACs");
        Self { to: mac(to), from: mac(from), number }
    }

    /// Its bytes.
    ///
    /// # Panics
    /// Never: there is room for a header.
    #[must_use]
    pub fn bytes(&self) -> [u8; LEN] {
        let mut bytes = [0; LEN];
        let mut packet =
            MutableEthernetPacket::new(&mut bytes).expect("60 is above 14");
        packet.set_destination(MacAddr::from(self.to.octets()));
        packet.set_source(MacAddr::from(self.from.octets()));
        packet.set_ethertype(ETHER_TYPE);
        bytes[14..22].copy_from_slice(&self.number.to_be_bytes());
        bytes
    }

    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let packet = EthernetPacket::new(bytes)?;
        let number = bytes.get(14..22)?.try_into().ok()?;
        let mac = |mac: MacAddr| Mac::new(mac.octets());
        (packet.get_ethertype() == ETHER_TYPE).then(|| Self {
            to: mac(packet.get_destination()),
            from: mac(packet.get_source()),
            number: u64::from_be_bytes(number),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_is_itself_after_the_wire() {
        let frame = Frame::new("2:8:20:0:0:1", Frame::BROADCAST);
        assert_eq!(Frame::read(&frame.bytes()), Some(frame));
        assert_ne!(frame, Frame::new("2:8:20:0:0:1", Frame::BROADCAST));
    }
}
