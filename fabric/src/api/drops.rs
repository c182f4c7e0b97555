//! `GET /v1/drops`

use serde::{Deserialize, Serialize};

use crate::{DropReason, LinkName};

/// What netd remembers of dropped frames: at most one for each reason, VNIC,
/// CPU and 100 ms. The counters know of all of them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Drops {
    /// What to ask for as `after` to be given what comes next.
    pub next: u64,
    /// How many frames after `after` were forgotten before they were asked
    /// for, whosever they were.
    pub missed: u64,
    /// The frames, oldest first.
    pub drops: Vec<DropSample>,
}

/// A frame that was dropped.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DropSample {
    /// Its number. Later frames have higher ones, also those that a netd
    /// started later tells of.
    pub seq: u64,
    /// When: microseconds since 1970-01-01 00:00 UTC.
    pub time_us: u64,
    /// The number of the VNIC whose guest sent it, or was to receive it.
    pub id: u32,
    /// The VNIC's name; null: the VNIC is gone.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<String>))]
    pub name: Option<LinkName>,
    /// The name of the VNIC's namespace; null: netd's own, or the VNIC is
    /// gone.
    pub zone: Option<String>,
    /// Why.
    pub reason: DropReason,
    /// Its length in bytes, without a tag that is not among its bytes. A frame
    /// that was yet to be cut into many counts as one.
    pub length: u32,
    /// The priority and the VLAN of a tag that is not among its bytes.
    pub tci: Option<u16>,
    /// How it begins, as far as it is kept: two hexadecimal digits a byte.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    #[serde(with = "hex")]
    pub bytes: Vec<u8>,
}

/// Bytes as text.
mod hex {
    use serde::de::Error;
    use serde::{Deserialize, Deserializer, Serializer};

    const DIGITS: [char; 16] = [
        '0', '1', '2', '3', '4', '5', '6', '7', '8', '9', 'a', 'b', 'c', 'd',
        'e', 'f',
    ];

    pub(super) fn serialize<S: Serializer>(
        bytes: &[u8],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let digits = bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]);
        let text: String =
            digits.map(|digit| DIGITS[usize::from(digit)]).collect();
        serializer.serialize_str(&text)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Vec<u8>, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| D::Error::custom("not a row of bytes"))
    }

    fn parse(text: &str) -> Option<Vec<u8>> {
        let digits: Option<Vec<u32>> =
            text.chars().map(|c| c.to_digit(16)).collect();
        let (pairs, rest) = digits.as_ref()?.as_chunks::<2>();
        if !rest.is_empty() {
            return None;
        }
        let byte = |[high, low]: &[u32; 2]| u8::try_from(high << 4 | low).ok();
        pairs.iter().map(byte).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_travel_as_digits() {
        let sample = DropSample {
            seq: 1,
            time_us: 2,
            id: 3,
            name: None,
            zone: None,
            reason: DropReason::Hairpin,
            length: 60,
            tci: None,
            bytes: vec![0, 0x1f, 0xa0, 0xff],
        };
        let json = serde_json::to_value(&sample).unwrap();
        assert_eq!(json["bytes"], "001fa0ff");
        let back: DropSample = serde_json::from_value(json.clone()).unwrap();
        assert_eq!(back, sample);
        for (bytes, ok) in
            [("", true), ("0A", true), ("0", false), ("0g", false)]
        {
            let mut json = json.clone();
            json["bytes"] = bytes.into();
            let back = serde_json::from_value::<DropSample>(json);
            assert_eq!(back.is_ok(), ok, "{bytes:?}");
        }
    }
}
