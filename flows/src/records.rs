//! What the programs write into their rings, as values.

use std::mem::size_of;

use fabric::datapath::Segment;
use fabric::{DropReason, LinkId};
use zerocopy::{FromBytes, Immutable, IntoBytes, KnownLayout};

use crate::LinkIndexes;
use crate::abi::{abi, read, segment};

/// The most bytes of a dropped frame that are shown.
const SHOWN_MAX: usize = 256;

abi! {
    /// `struct told`
    ToldAbi: 16 {
        0 id: u32,
        4 segment: u32,
        8 vid: u16,
        10 asks: u16,
        12 length: u32,
    }
    /// `struct shown`
    ShownAbi: 288 {
        0 at: u64,
        8 id: u32,
        12 reason: u32,
        16 frame_length: u32,
        20 length: u32,
        24 tci: u16,
        26 tagged: u16,
        28 bytes: [u8; SHOWN_MAX],
        284 pad: [u8; 4],
    }
}

/// A frame that may be about the addresses of guests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told {
    /// The VNIC whose guest sent it; none: it came by the link.
    pub from: Option<LinkId>,
    /// Whether it is to get an address; else it is on its way to guests, and
    /// may give them one.
    pub asks: bool,
    /// The segment that it is on.
    pub segment: Segment,
    /// Its VLAN; 0: untagged.
    pub vid: u16,
    /// The frame without a tag, or its first 2048 bytes.
    pub frame: Vec<u8>,
}

impl Told {
    /// Reads a record of the ring; none when it is not as long as it says.
    #[must_use]
    pub fn decode(bytes: &[u8], links: &LinkIndexes) -> Option<Self> {
        let (head, frame) = bytes.split_at_checked(size_of::<ToldAbi>())?;
        let head: ToldAbi = read(head)?;
        Some(Self {
            from: (head.id != 0).then_some(LinkId(head.id)),
            segment: segment(head.segment, links),
            vid: head.vid,
            asks: head.asks != 0,
            frame: frame.get(..usize::try_from(head.length).ok()?)?.to_vec(),
        })
    }
}

/// A frame that was dropped.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DroppedFrame {
    /// When, in ns of the host's boot clock (CLOCK_BOOTTIME).
    pub at: u64,
    /// The VNIC whose guest sent it, or was to receive it.
    pub id: LinkId,
    /// Why.
    pub reason: DropReason,
    /// Its length in bytes, without a tag that is not among its bytes.
    pub length: u32,
    /// The priority and the VLAN of an 802.1Q or 802.1ad tag that is not among
    /// its bytes.
    pub tci: Option<u16>,
    /// Its first 256 bytes.
    pub bytes: Vec<u8>,
}

impl DroppedFrame {
    /// Reads a record of the ring; none when no program of ours wrote it.
    #[must_use]
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        let record: ShownAbi = read(bytes)?;
        let length = usize::try_from(record.length).ok()?;
        Some(Self {
            at: record.at,
            id: LinkId(record.id),
            reason: DropReason::of(record.reason)?,
            length: record.frame_length,
            tci: (record.tagged != 0).then_some(record.tci),
            bytes: record.bytes.get(..length)?.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEADER: &str = include_str!("bpf/abi.h");

    #[test]
    fn the_header_asserts_the_same_sizes() {
        for (name, size) in
            [("told", size_of::<ToldAbi>()), ("shown", size_of::<ShownAbi>())]
        {
            let want =
                format!("_Static_assert(sizeof(struct {name}) == {size},");
            assert!(HEADER.contains(&want), "abi.h lacks {want}");
        }
        let want = format!("#define SHOWN_MAX {SHOWN_MAX}\n");
        assert!(HEADER.contains(&want), "abi.h lacks {want}");
    }

    #[test]
    fn what_is_told() {
        let links = LinkIndexes::default();
        let head =
            ToldAbi { id: 7, segment: 0x8000_0003, vid: 5, asks: 1, length: 2 };
        let bytes = [head.as_bytes(), &[1, 2, 9]].concat();
        let told = Told {
            from: Some(LinkId(7)),
            segment: Segment::Etherstub(LinkId(3)),
            vid: 5,
            asks: true,
            frame: vec![1, 2],
        };
        assert_eq!(Told::decode(&bytes, &links), Some(told.clone()));
        let head = ToldAbi { id: 0, asks: 0, ..head };
        let bytes = [head.as_bytes(), &[1, 2]].concat();
        let told = Told { from: None, asks: false, ..told };
        assert_eq!(Told::decode(&bytes, &links), Some(told));
        for short in [&bytes[..17], &bytes[..15], &[]] {
            assert_eq!(Told::decode(short, &links), None);
        }
    }

    #[test]
    fn what_is_shown() {
        let mut bytes = [0; SHOWN_MAX];
        bytes[..3].copy_from_slice(&[1, 2, 3]);
        let record = ShownAbi {
            at: 11,
            id: 7,
            reason: DropReason::Hairpin as u32,
            frame_length: 1514,
            length: 3,
            tci: 5,
            tagged: 1,
            bytes,
            pad: [0; 4],
        };
        let shown = DroppedFrame {
            at: 11,
            id: LinkId(7),
            reason: DropReason::Hairpin,
            length: 1514,
            tci: Some(5),
            bytes: vec![1, 2, 3],
        };
        let got = DroppedFrame::decode(record.as_bytes());
        assert_eq!(got, Some(shown.clone()));
        let untagged = ShownAbi { tagged: 0, ..record };
        let got = DroppedFrame::decode(untagged.as_bytes());
        assert_eq!(got, Some(DroppedFrame { tci: None, ..shown }));
        for record in [
            ShownAbi { reason: 31, ..record },
            ShownAbi { length: 257, ..record },
        ] {
            assert_eq!(DroppedFrame::decode(record.as_bytes()), None);
        }
        assert_eq!(DroppedFrame::decode(&record.as_bytes()[1..]), None);
    }
}
