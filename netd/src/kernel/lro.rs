//! A NIC's merging of received frames (LRO), by ethtool netlink.
//!
//! What LRO has merged can't be cut into the frames that came: the kernel
//! switches it off on a link that it forwards from, and so do we. The `ethtool`
//! crate reads features and sets none, so the message that does is made here.

use std::collections::BTreeSet;
use std::io;

use ::ethtool::{EthtoolAttr, EthtoolFeatureAttr, EthtoolFeatureBit};
use fabric::LinkName;
use futures::{StreamExt, TryStreamExt};
use netlink_packet_core::{
    DecodeError, DefaultNla, Emitable, NLA_F_NESTED, NLM_F_ACK, NLM_F_REQUEST,
    NetlinkMessage, NetlinkPayload, ParseableParametrized,
};
use netlink_packet_generic::{GenlFamily, GenlHeader, GenlMessage};

use super::ethtool::Connection;
use super::netlink::NetlinkError;

/// The kernel's name for it: `ethtool -k` translates it, netlink does not.
const FEATURE: &str = "rx-lro";

/// Finds out which of `links` merge frames and can be told not to.
///
/// A kernel without ethtool netlink (before 5.7), or a driver that does not
/// tell, is no failure: nothing is merged as far as anybody knows.
pub(super) async fn merging(links: &BTreeSet<LinkName>) -> BTreeSet<LinkName> {
    let mut merging = BTreeSet::new();
    let Ok(mut connection) = Connection::open() else { return merging };
    for link in links {
        let get = connection.handle.feature().get(Some(link.as_str()));
        let messages: Vec<_> = match get.execute().await {
            Ok(answers) => answers.try_collect().await.unwrap_or_default(),
            Err(_) => Vec::new(),
        };
        let attributes =
            messages.iter().flat_map(|message| &message.payload.nlas);
        match read(attributes) {
            Merging::No => {}
            Merging::Yes => {
                merging.insert(link.clone());
            }
            Merging::Always => tracing::warn!(
                %link,
                "merges what it receives (LRO) and can't be told not to: \
                 guests can't send on what was merged"
            ),
        }
    }
    merging
}

/// Whether a link merges frames.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Merging {
    No,
    Yes,
    /// And nobody can change it.
    Always,
}

fn read<'a>(attributes: impl Iterator<Item = &'a EthtoolAttr>) -> Merging {
    let has = |bits: &[EthtoolFeatureBit]| {
        bits.iter().any(|bit| bit.name == FEATURE && bit.value)
    };
    let (mut on, mut changeable) = (false, false);
    for attribute in attributes {
        match attribute {
            EthtoolAttr::Feature(EthtoolFeatureAttr::Active(bits)) => {
                on |= has(bits);
            }
            EthtoolAttr::Feature(EthtoolFeatureAttr::Hw(bits)) => {
                changeable |= has(bits);
            }
            _ => {}
        }
    }
    match (on, changeable) {
        (false, _) => Merging::No,
        (true, true) => Merging::Yes,
        (true, false) => Merging::Always,
    }
}

/// Switches it: `ethtool -K LINK lro on|off`.
///
/// A driver that finds it can't after all is not heard of: the kernel says no
/// more than that the wish was taken down.
pub(super) async fn switch(
    link: &LinkName,
    index: u32,
    on: bool,
) -> Result<(), NetlinkError> {
    let failed = |source| {
        let word = if on { "on" } else { "off" };
        let what = format!("switch LRO of {link} {word}");
        NetlinkError { what, source }
    };
    let mut connection = Connection::open().map_err(failed)?;
    let set = SetFeature { index, feature: FEATURE, on };
    let mut request = NetlinkMessage::from(GenlMessage::from_payload(set));
    request.header.flags = NLM_F_REQUEST | NLM_F_ACK;
    let handle = &mut connection.handle.handle;
    let mut answers = match handle.request(request).await {
        Ok(answers) => answers,
        // The kernel doesn't know the family.
        Err(error) => return Err(failed(io::Error::other(error.to_string()))),
    };
    while let Some(answer) = answers.next().await {
        if let Ok(answer) = answer
            && let NetlinkPayload::Error(error) = answer.payload
            && error.code.is_some()
        {
            return Err(failed(error.to_io()));
        }
    }
    Ok(())
}

/// `ETHTOOL_MSG_FEATURES_SET` of linux/ethtool_netlink.h, for one feature.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct SetFeature {
    index: u32,
    feature: &'static str,
    on: bool,
}

impl SetFeature {
    const COMMAND: u8 = 12;

    fn attributes(&self) -> [DefaultNla; 2] {
        const FEATURES_HEADER: u16 = 1;
        const HEADER_DEV_INDEX: u16 = 1;
        const HEADER_FLAGS: u16 = 3;
        const OMIT_REPLY: u32 = 1 << 1;
        const FEATURES_WANTED: u16 = 3;
        const BITSET_BITS: u16 = 3;
        const BITS_BIT: u16 = 1;
        const BIT_NAME: u16 = 2;
        const BIT_VALUE: u16 = 3;

        let number = |kind, number: u32| {
            DefaultNla::new(kind, number.to_ne_bytes().to_vec())
        };
        let header = nest(
            FEATURES_HEADER,
            &[
                number(HEADER_DEV_INDEX, self.index),
                number(HEADER_FLAGS, OMIT_REPLY),
            ],
        );
        // A string ends with a 0. A bit's value is that the attribute is there.
        let name = [self.feature.as_bytes(), b"\0"].concat();
        let mut bit = vec![DefaultNla::new(BIT_NAME, name)];
        bit.extend(self.on.then(|| DefaultNla::new(BIT_VALUE, Vec::new())));
        // Only the features that are listed change: there is a mask unless the
        // message says otherwise (ETHTOOL_A_BITSET_NOMASK).
        let bits = nest(BITSET_BITS, &[nest(BITS_BIT, &bit)]);
        [header, nest(FEATURES_WANTED, &[bits])]
    }
}

fn nest(kind: u16, attributes: &[DefaultNla]) -> DefaultNla {
    let mut bytes = vec![0; attributes.buffer_len()];
    attributes.emit(&mut bytes);
    DefaultNla::new(kind | NLA_F_NESTED, bytes)
}

impl Emitable for SetFeature {
    fn buffer_len(&self) -> usize {
        self.attributes().as_slice().buffer_len()
    }

    fn emit(&self, buffer: &mut [u8]) {
        self.attributes().as_slice().emit(buffer);
    }
}

impl GenlFamily for SetFeature {
    fn family_name() -> &'static str {
        "ethtool"
    }

    fn command(&self) -> u8 {
        Self::COMMAND
    }

    fn version(&self) -> u8 {
        1
    }
}

impl ParseableParametrized<[u8], GenlHeader> for SetFeature {
    fn parse_with_param(_: &[u8], _: GenlHeader) -> Result<Self, DecodeError> {
        Err("no answer was asked for".into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bit(name: &str, value: bool) -> EthtoolFeatureBit {
        EthtoolFeatureBit { index: 15, name: name.to_owned(), value }
    }

    #[test]
    fn a_link_merges_if_it_is_on_and_can_be_told_if_the_driver_says_so() {
        use EthtoolFeatureAttr::{Active, Hw};
        for (attributes, want) in [
            (vec![], Merging::No),
            (vec![Hw(vec![bit(FEATURE, true)])], Merging::No),
            (
                vec![
                    Hw(vec![bit(FEATURE, true)]),
                    Active(vec![bit("rx-gro", true)]),
                ],
                Merging::No,
            ),
            (
                vec![
                    Hw(vec![bit("rx-gro", true), bit(FEATURE, true)]),
                    Active(vec![bit(FEATURE, true)]),
                ],
                Merging::Yes,
            ),
            (
                vec![
                    Hw(vec![bit("rx-gro", true), bit(FEATURE, false)]),
                    Active(vec![bit(FEATURE, true)]),
                ],
                Merging::Always,
            ),
            (vec![Active(vec![bit(FEATURE, true)])], Merging::Always),
        ] {
            let attributes: Vec<_> =
                attributes.into_iter().map(EthtoolAttr::Feature).collect();
            assert_eq!(read(attributes.iter()), want, "{attributes:?}");
        }
    }

    /// By hand from linux/ethtool_netlink.h.
    #[test]
    #[cfg(target_endian = "little")]
    fn the_message_in_bytes() {
        let header = [
            20, 0, 1, 0x80, // ETHTOOL_A_FEATURES_HEADER, nested
            8, 0, 1, 0, 7, 0, 0, 0, // ETHTOOL_A_HEADER_DEV_INDEX
            8, 0, 3, 0, 2, 0, 0, 0, // ETHTOOL_A_HEADER_FLAGS: omit reply
        ];
        let off = [
            24, 0, 3, 0x80, // ETHTOOL_A_FEATURES_WANTED, nested
            20, 0, 3, 0x80, // ETHTOOL_A_BITSET_BITS, nested
            16, 0, 1, 0x80, // ETHTOOL_A_BITSET_BITS_BIT, nested
            11, 0, 2, 0, // ETHTOOL_A_BITSET_BIT_NAME
            b'r', b'x', b'-', b'l', b'r', b'o', 0, 0, // and padding
        ];
        let on = [
            28, 0, 3, 0x80, // as above, four bytes longer
            24, 0, 3, 0x80, //
            20, 0, 1, 0x80, //
            11, 0, 2, 0, //
            b'r', b'x', b'-', b'l', b'r', b'o', 0, 0, //
            4, 0, 3, 0, // ETHTOOL_A_BITSET_BIT_VALUE
        ];
        for (set, want) in [(false, &off[..]), (true, &on[..])] {
            let message = SetFeature { index: 7, feature: FEATURE, on: set };
            let mut bytes = vec![0; message.buffer_len()];
            message.emit(&mut bytes);
            assert_eq!(bytes, [&header[..], want].concat(), "{set}");
            assert_eq!(message.command(), 12);
        }
    }
}
