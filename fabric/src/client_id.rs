//! The `allowed-dhcp-cids` property: whom a guest may say to be when it asks
//! for an address.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{Mac, Status};

/// A DHCP client identifier: the content of option 61 of DHCPv4, or a DUID of
/// DHCPv6.
///
/// Three forms of text say the bytes: `0x` and hexadecimal digits; a DUID as
/// `TYPE.FIELDS` (`1.hw.time.mac`, `2.enterprise.hex`, `3.hw.mac`); anything
/// else is its own ASCII. The text is kept as it was written.
#[derive(Clone, Debug)]
pub struct ClientId {
    text: String,
    bytes: Vec<u8>,
}

impl ClientId {
    /// The longest in bytes.
    pub const MAX: usize = 256;

    /// The bytes, as they stand in a message.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The identifier of some bytes, 1 to [`ClientId::MAX`] of them.
    ///
    /// # Errors
    /// [`ClientIdError`] for none or more.
    pub fn of_bytes(bytes: &[u8]) -> Result<Self, ClientIdError> {
        let digits: String =
            bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        Self::checked(format!("0x{digits}"), bytes.to_vec())
    }

    fn checked(text: String, bytes: Vec<u8>) -> Result<Self, ClientIdError> {
        if (1..=Self::MAX).contains(&bytes.len()) {
            Ok(Self { text, bytes })
        } else {
            Err(ClientIdError)
        }
    }
}

/// Two texts of the same bytes are the same identifier.
impl PartialEq for ClientId {
    fn eq(&self, other: &Self) -> bool {
        self.bytes == other.bytes
    }
}

impl Eq for ClientId {}

impl FromStr for ClientId {
    type Err = ClientIdError;

    fn from_str(text: &str) -> Result<Self, ClientIdError> {
        let bytes = if let Some(digits) = text.strip_prefix("0x") {
            hex(digits)?
        } else if let Some((kind, fields)) = typed(text) {
            duid(kind, fields)?
        } else if text.bytes().all(|b| b.is_ascii_graphic() || b == b' ') {
            text.as_bytes().to_vec()
        } else {
            return Err(ClientIdError);
        };
        Self::checked(text.to_owned(), bytes)
    }
}

/// `TYPE.FIELDS`: digits, a dot, and the rest. A host name may have dots, but
/// its first label is no number.
fn typed(text: &str) -> Option<(&str, &str)> {
    let (kind, fields) = text.split_once('.')?;
    let digits = !kind.is_empty() && kind.bytes().all(|b| b.is_ascii_digit());
    digits.then_some((kind, fields))
}

/// The bytes of a DUID (RFC 8415, section 11).
fn duid(kind: &str, fields: &str) -> Result<Vec<u8>, ClientIdError> {
    let fields: Vec<&str> = fields.split('.').collect();
    let number = |text: &str| -> Result<u32, ClientIdError> {
        let digits = text.bytes().all(|b| b.is_ascii_digit());
        let number = text.parse().map_err(|_| ClientIdError)?;
        if digits { Ok(number) } else { Err(ClientIdError) }
    };
    let hardware = |text: &str| -> Result<[u8; 2], ClientIdError> {
        let kind = u16::try_from(number(text)?).map_err(|_| ClientIdError)?;
        Ok(kind.to_be_bytes())
    };
    let mac = |text: &str| -> Result<[u8; 6], ClientIdError> {
        text.parse().map(Mac::octets).map_err(|_| ClientIdError)
    };
    Ok(match (kind, &fields[..]) {
        ("1", [kind, time, address]) => [
            &[0, 1][..],
            &hardware(kind)?,
            &number(time)?.to_be_bytes(),
            &mac(address)?,
        ]
        .concat(),
        ("2", [enterprise, id]) => {
            let enterprise = number(enterprise)?.to_be_bytes();
            [&[0, 2][..], &enterprise, &hex(id)?].concat()
        }
        ("3", [kind, address]) => {
            [&[0, 3][..], &hardware(kind)?, &mac(address)?].concat()
        }
        _ => return Err(ClientIdError),
    })
}

fn hex(digits: &str) -> Result<Vec<u8>, ClientIdError> {
    let digits = digits.as_bytes();
    let (pairs, []) = digits.as_chunks::<2>() else {
        return Err(ClientIdError);
    };
    let value = |digit: u8| char::from(digit).to_digit(16);
    let byte = |[high, low]: &[u8; 2]| {
        u8::try_from(value(*high)? * 16 + value(*low)?).ok()
    };
    let bytes: Option<Vec<u8>> = pairs.iter().map(byte).collect();
    bytes.filter(|bytes| !bytes.is_empty()).ok_or(ClientIdError)
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

crate::name::serde_as_text!(ClientId);

/// A text is no client identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a client id is 0x and an even number of hexadecimal digits, a DUID as \
     TYPE.FIELDS, or ASCII; up to {} bytes",
    ClientId::MAX
)]
pub struct ClientIdError;

/// The whole property: identifiers in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<ClientId>", into = "Vec<ClientId>")]
pub struct ClientIds(Vec<ClientId>);

impl ClientIds {
    /// The most that a VNIC may have.
    pub const MAX: usize = 32;

    /// The identifiers.
    pub fn iter(&self) -> impl Iterator<Item = &ClientId> {
        self.0.iter()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether some bytes are one of them.
    #[must_use]
    pub fn contains(&self, bytes: &[u8]) -> bool {
        self.0.iter().any(|id| id.bytes == bytes)
    }
}

impl TryFrom<Vec<ClientId>> for ClientIds {
    type Error = ClientIdsError;

    fn try_from(list: Vec<ClientId>) -> Result<Self, ClientIdsError> {
        if list.len() > Self::MAX {
            return Err(ClientIdsError::TooMany);
        }
        let mut known = list.iter().enumerate();
        match known.find(|(at, id)| list[..*at].contains(id)) {
            Some((_, id)) => Err(ClientIdsError::Twice(id.text.clone())),
            None => Ok(Self(list)),
        }
    }
}

impl From<ClientIds> for Vec<ClientId> {
    fn from(list: ClientIds) -> Self {
        list.0
    }
}

/// A list of client identifiers that can't be allowed together.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ClientIdsError {
    /// More than 32.
    #[error("at most {} client ids can be allowed", ClientIds::MAX)]
    TooMany,
    /// The same bytes.
    #[error("the client id {0} is there twice")]
    Twice(String),
}

impl ClientIdsError {
    /// The status word for it.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::TooMany => Status::ValueCount,
            Self::Twice(_) => Status::InvalidArgument,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        let long = format!("0x{}", "ab".repeat(256));
        let longer = format!("0x{}", "ab".repeat(257));
        let ascii = "a".repeat(257);
        for (text, want) in [
            ("0x01", Some(vec![1])),
            ("0x00fFaB", Some(vec![0, 0xff, 0xab])),
            (&long, Some(vec![0xab; 256])),
            (&longer, None),
            ("0x", None),
            ("0x1", None),
            ("0x0g", None),
            ("0x+1", None),
            (
                "1.1.1000.2:8:20:0:0:7",
                Some(vec![0, 1, 0, 1, 0, 0, 3, 0xe8, 2, 8, 0x20, 0, 0, 7]),
            ),
            ("1.1.2:8:20:0:0:7", None),
            ("1.65536.0.2:8:20:0:0:7", None),
            ("2.9.c0ffee", Some(vec![0, 2, 0, 0, 0, 9, 0xc0, 0xff, 0xee])),
            ("2.9.", None),
            ("2.9", None),
            ("2.+9.c0", None),
            ("3.1.2:8:20:0:0:7", Some(vec![0, 3, 0, 1, 2, 8, 0x20, 0, 0, 7])),
            ("3.1.web", None),
            ("4.1.2:8:20:0:0:7", None),
            // Names, with dots and without.
            ("web", Some(b"web".to_vec())),
            ("web.example", Some(b"web.example".to_vec())),
            (".web", Some(b".web".to_vec())),
            ("two words", Some(b"two words".to_vec())),
            ("wéb", None),
            ("a\tb", None),
            (&ascii, None),
            ("", None),
        ] {
            let got = text.parse::<ClientId>();
            let bytes = got.as_ref().ok().map(|id| id.bytes().to_vec());
            assert_eq!(bytes, want, "{text:?}");
            if let Ok(id) = got {
                assert_eq!(id.to_string(), text);
                assert_eq!(ClientId::of_bytes(id.bytes()), Ok(id));
            }
        }
        assert_eq!(ClientId::of_bytes(&[]), Err(ClientIdError));
        assert_eq!(ClientId::of_bytes(&[7, 255]).unwrap().text, "0x07ff");
    }

    #[test]
    fn lists() {
        let list = |texts: &[&str]| -> Vec<ClientId> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let many = |n: u8| -> Vec<ClientId> {
            (1..=n).map(|n| ClientId::of_bytes(&[n]).unwrap()).collect()
        };
        let twice = ClientIdsError::Twice("0x776562".to_owned());
        for (list, want) in [
            (vec![], Ok(())),
            (list(&["web", "0x01"]), Ok(())),
            (list(&["web", "0x01", "0x776562"]), Err(twice.clone())),
            (many(32), Ok(())),
            (many(33), Err(ClientIdsError::TooMany)),
        ] {
            let got = ClientIds::try_from(list.clone()).map(|_| ());
            assert_eq!(got, want, "{list:?}");
        }
        assert_eq!(ClientIdsError::TooMany.status(), Status::ValueCount);
        assert_eq!(twice.status(), Status::InvalidArgument);
        let ids = ClientIds::try_from(list(&["web"])).unwrap();
        assert!(ids.contains(b"web") && !ids.contains(b"we"));
        assert!(!ids.is_empty());
    }
}
