//! Dropped frames as pcapng, which wireshark and tcpdump read.

use std::borrow::Cow;
use std::time::Duration;

use fabric::api::DropSample;
use pcap_file::DataLink;
use pcap_file::pcapng::PcapNgWriter;
use pcap_file::pcapng::blocks::enhanced_packet::{
    EnhancedPacketBlock, EnhancedPacketOption,
};
use pcap_file::pcapng::blocks::interface_description::{
    InterfaceDescriptionBlock, InterfaceDescriptionOption,
};

/// Where an Ethernet header has its tag, and how long that is.
const TAG_AT: usize = 12;
const TAG_LEN: u32 = 4;

/// The EtherType of a tag. Which of the two kinds it was is not known.
const TAG: [u8; 2] = [0x81, 0x00];

/// A capture that is being written.
pub(super) struct Capture(PcapNgWriter<Vec<u8>>);

impl Capture {
    /// A capture without frames.
    pub(super) fn new() -> Self {
        let mut writer = PcapNgWriter::new(Vec::new()).expect(MEMORY);
        let interface = InterfaceDescriptionBlock {
            linktype: DataLink::ETHERNET,
            // No limit: frames are as long as they are.
            snaplen: 0,
            options: vec![
                InterfaceDescriptionOption::IfName("netd".into()),
                // The library writes nanoseconds, and a reader has to be told.
                InterfaceDescriptionOption::IfTsResol(9),
            ],
        };
        writer.write_pcapng_block(interface).expect(MEMORY);
        Self(writer)
    }

    /// What is to be appended to the file for more frames; the first time, with
    /// the file's header.
    pub(super) fn blocks(&mut self, drops: &[DropSample]) -> Vec<u8> {
        for drop in drops {
            self.0.write_pcapng_block(packet(drop)).expect(MEMORY);
        }
        std::mem::take(self.0.get_mut())
    }
}

/// Why writing can't fail.
const MEMORY: &str = "blocks of the one interface are written to memory";

/// A frame, with its tag back in its place, and what is known about its end.
fn packet(drop: &DropSample) -> EnhancedPacketBlock<'_> {
    let tag = drop.tci.filter(|_| drop.bytes.len() >= TAG_AT);
    let (data, original_len) = match tag {
        None => (Cow::Borrowed(drop.bytes.as_slice()), drop.length),
        Some(tci) => {
            let (addresses, rest) = drop.bytes.split_at(TAG_AT);
            let tci = tci.to_be_bytes();
            let tagged = [addresses, &TAG, &tci, rest].concat();
            (Cow::Owned(tagged), drop.length.saturating_add(TAG_LEN))
        }
    };
    EnhancedPacketBlock {
        interface_id: 0,
        timestamp: Duration::from_micros(drop.time_us),
        original_len,
        data,
        options: vec![EnhancedPacketOption::Comment(comment(drop).into())],
    }
}

/// Why and whose: `mac-spoof: source MAC is not the VNIC's; vnic net0, zone
/// web`.
fn comment(drop: &DropSample) -> String {
    let (word, reason) = (drop.reason.word(), drop.reason);
    let mut text = format!("{word}: {reason}; vnic ");
    match &drop.name {
        Some(name) => text.push_str(name.as_str()),
        None => text.push_str(&drop.id.to_string()),
    }
    if let Some(zone) = &drop.zone {
        text.push_str(", zone ");
        text.push_str(zone);
    }
    text
}

#[cfg(test)]
mod tests {
    use fabric::DropReason;
    use pcap_file::pcapng::{Block, PcapNgReader};

    use super::*;

    fn sample(tci: Option<u16>, length: usize) -> DropSample {
        DropSample {
            seq: 1,
            time_us: 1_770_091_506_123_456,
            id: 7,
            name: Some("net0".parse().unwrap()),
            zone: Some("web".to_owned()),
            reason: DropReason::MacSpoof,
            length: 1514,
            tci,
            bytes: (0..=255).cycle().take(length).collect(),
        }
    }

    #[test]
    fn a_reader_finds_all_of_it() {
        let untagged = sample(None, 256);
        let tagged = sample(Some(5), 60);
        let gone = DropSample { name: None, zone: None, ..sample(Some(5), 7) };
        let mut capture = Capture::new();
        let mut file = capture.blocks(&[]);
        file.extend(capture.blocks(&[untagged.clone(), tagged.clone()]));
        file.extend(capture.blocks(std::slice::from_ref(&gone)));

        let mut reader = PcapNgReader::new(file.as_slice()).unwrap();
        let mut packets = Vec::new();
        while let Some(block) = reader.next_block() {
            match block.unwrap() {
                Block::InterfaceDescription(interface) => {
                    assert_eq!(interface.linktype, DataLink::ETHERNET);
                    let nanos = InterfaceDescriptionOption::IfTsResol(9);
                    assert!(interface.options.contains(&nanos));
                }
                Block::EnhancedPacket(packet) => {
                    let [EnhancedPacketOption::Comment(comment)] =
                        packet.options.as_slice()
                    else {
                        panic!("{packet:?}");
                    };
                    assert_eq!(
                        packet.timestamp,
                        Duration::new(1_770_091_506, 123_456_000)
                    );
                    packets.push((
                        packet.original_len,
                        packet.data.to_vec(),
                        comment.to_string(),
                    ));
                }
                other => panic!("{other:?}"),
            }
        }
        let mut bytes = tagged.bytes;
        bytes.splice(12..12, [0x81, 0, 0, 5]);
        let why = "mac-spoof: source MAC is not the VNIC's";
        let web = format!("{why}; vnic net0, zone web");
        let want = [
            (1514, untagged.bytes, web.clone()),
            (1518, bytes, web),
            (1514, gone.bytes, format!("{why}; vnic 7")),
        ];
        assert_eq!(packets, want);
    }

    /// The library reads the time as it writes it; other readers go by the
    /// format.
    #[test]
    fn the_time_is_as_the_format_has_it() {
        let mut capture = Capture::new();
        let header = capture.blocks(&[]).len();
        let block = capture.blocks(&[sample(None, 60)]);
        assert!(header.is_multiple_of(4) && block.len().is_multiple_of(4));
        let word = |at: usize| {
            let bytes = block[at..at + 4].try_into().unwrap();
            u64::from(u32::from_ne_bytes(bytes))
        };
        assert_eq!((word(0), word(4)), (6, block.len() as u64));
        assert_eq!(word(12) << 32 | word(16), 1_770_091_506_123_456_000);
        assert_eq!((word(20), word(24)), (60, 1514));
    }
}
