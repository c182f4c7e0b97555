//! Frames of IP, byte by byte.

use std::net::IpAddr;

use proptest::prelude::*;
use proptest::sample::select;

use super::{addresses, port};

/// Which part of a datagram a packet has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    Whole,
    First,
    Later,
}

/// A packet, before it is bytes.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) source: IpAddr,
    pub(crate) destination: IpAddr,
    pub(crate) dsfield: u8,
    pub(crate) protocol: u8,
    pub(crate) ports: [u16; 2],
    pub(crate) part: Part,
    /// Words of options of IPv4, up to 10.
    pub(crate) options: u8,
    /// Extension headers of IPv6, each with the number in its length field.
    pub(crate) extensions: Vec<(u8, u8)>,
}

/// A whole packet of TCP from the guest's port 443 to port 50,000.
pub(crate) fn sent(source: &str, destination: &str) -> Sent {
    Sent {
        source: source.parse().unwrap(),
        destination: destination.parse().unwrap(),
        dsfield: 0,
        protocol: 6,
        ports: [443, 50_000],
        part: Part::Whole,
        options: 0,
        extensions: Vec::new(),
    }
}

impl Sent {
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut frame = vec![2, 8, 0x20, 0, 0, 1, 2, 8, 0x20, 0, 0, 9];
        match (self.source, self.destination) {
            (IpAddr::V4(source), IpAddr::V4(destination)) => {
                let words = 5 + self.options;
                let length = u16::from(words) * 4 + 20;
                // More fragments, or an offset.
                let fragment: u16 = match self.part {
                    Part::Whole => 0x4000,
                    Part::First => 0x2000,
                    Part::Later => 0x00b9,
                };
                frame.extend([0x08, 0x00, 0x40 | words, self.dsfield]);
                frame.extend(length.to_be_bytes());
                frame.extend([0, 7]);
                frame.extend(fragment.to_be_bytes());
                frame.extend([64, self.protocol, 0, 0]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
                frame.extend(vec![1; usize::from(self.options) * 4]);
            }
            (IpAddr::V6(source), IpAddr::V6(destination)) => {
                let chain = self.chain();
                let word = 6 << 28 | u32::from(self.dsfield) << 20 | 0xbeef;
                frame.extend([0x86, 0xdd]);
                frame.extend(u32::to_be_bytes(word));
                let headers: Vec<u8> = self.headers(&chain);
                let length = u16::try_from(headers.len() + 20).unwrap();
                frame.extend(length.to_be_bytes());
                let first = chain.first().map_or(self.protocol, |(k, _)| *k);
                frame.extend([first, 64]);
                frame.extend(source.octets());
                frame.extend(destination.octets());
                frame.extend(headers);
            }
            _ => panic!("of two versions: {self:?}"),
        }
        for port in self.ports {
            frame.extend(port.to_be_bytes());
        }
        frame.extend([0; 16]);
        frame
    }

    /// The extension headers, that of a fragment as the last.
    pub(crate) fn chain(&self) -> Vec<(u8, u8)> {
        let mut chain = self.extensions.clone();
        if self.part != Part::Whole {
            chain.push((44, 0));
        }
        chain
    }

    fn headers(&self, chain: &[(u8, u8)]) -> Vec<u8> {
        let mut bytes = Vec::new();
        for (at, (kind, number)) in chain.iter().enumerate() {
            let next = chain.get(at + 1).map_or(self.protocol, |(k, _)| *k);
            // AH counts words less two, others units of eight bytes less one.
            let length = match kind {
                44 => 8,
                51 => (usize::from(*number) + 2) * 4,
                _ => (usize::from(*number) + 1) * 8,
            };
            let mut header = vec![0; length.max(8)];
            header[0] = next;
            header[1] = *number;
            if *kind == 44 {
                let fragment: u16 = match self.part {
                    Part::Later => 0x00b9 << 3,
                    Part::First => 1,
                    // RFC 6946: a fragment that is all there is.
                    Part::Whole => 0,
                };
                header[1] = 0;
                header[2..4].copy_from_slice(&fragment.to_be_bytes());
            }
            bytes.extend(header);
        }
        bytes
    }
}

/// Any packet.
pub(crate) fn any_sent() -> impl Strategy<Value = Sent> {
    let sides = any::<bool>()
        .prop_flat_map(|v6| (select(addresses(v6)), select(addresses(v6))));
    let kinds = vec![0, 43, 44, 51, 60, 135, 139, 140];
    let part = select(vec![
        Part::Whole,
        Part::Whole,
        Part::Whole,
        Part::First,
        Part::Later,
    ]);
    (
        sides,
        select(vec![0, 0xb8, 0xb9, 0x20, 0x3f]),
        select(vec![6, 6, 17, 17, 132, 1, 58, 47, 50]),
        [port(), port()],
        part,
        0..=10_u8,
        prop_oneof![
            2 => Just(Vec::new()),
            1 => prop::collection::vec((select(kinds), 0..3_u8), 0..10),
        ],
    )
        .prop_map(
            |(sides, dsfield, protocol, ports, part, options, mut chain)| {
                // One fragment header is enough, and a later fragment has its
                // own; AH is never shorter than its fields.
                if part == Part::Later {
                    chain.retain(|(kind, _)| *kind != 44);
                }
                for (kind, number) in &mut chain {
                    if *kind == 51 {
                        *number += 1;
                    }
                }
                Sent {
                    dsfield,
                    protocol,
                    ports,
                    part,
                    options,
                    extensions: chain,
                    ..sent(sides.0, sides.1)
                }
            },
        )
}
