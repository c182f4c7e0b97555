//! The `allowed-ips` property: the IP addresses that a guest may speak as.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::Status;

/// A version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum IpFamily {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

impl fmt::Display for IpFamily {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::V4 => "IPv4",
            Self::V6 => "IPv6",
        })
    }
}

/// An address, or all that begin alike.
///
/// Its text always has the length of the prefix: `192.168.1.7/32`. A text
/// without one means a single address. Bits behind the prefix are zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AllowedIp {
    address: IpAddr,
    prefix: u8,
}

impl AllowedIp {
    /// Checks an address and the length of its prefix.
    ///
    /// # Errors
    /// [`AllowedIpError`] for 0.0.0.0 and `::`, for a prefix that is longer than
    /// the address or zero, and for an address with bits behind the prefix.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, AllowedIpError> {
        let allowed = Self { address, prefix };
        let inside = match address {
            IpAddr::V4(_) => prefix <= 32,
            IpAddr::V6(_) => prefix <= 128,
        };
        let legal = inside && prefix != 0 && !address.is_unspecified();
        // Only now there is a mask.
        if legal && allowed.is_exact() {
            Ok(allowed)
        } else {
            Err(AllowedIpError)
        }
    }

    /// The address, or the first of those that are meant.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.address
    }

    /// How many leading bits count.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.prefix
    }

    /// The version of IP.
    #[must_use]
    pub fn family(self) -> IpFamily {
        match self.address {
            IpAddr::V4(_) => IpFamily::V4,
            IpAddr::V6(_) => IpFamily::V6,
        }
    }

    /// The bits that count, as an address.
    #[must_use]
    pub fn mask(self) -> IpAddr {
        let prefix = u32::from(self.prefix);
        match self.address {
            IpAddr::V4(_) => {
                let mask = u32::MAX.checked_shl(32 - prefix).unwrap_or(0);
                IpAddr::V4(Ipv4Addr::from_bits(mask))
            }
            IpAddr::V6(_) => {
                let mask = u128::MAX.checked_shl(128 - prefix).unwrap_or(0);
                IpAddr::V6(Ipv6Addr::from_bits(mask))
            }
        }
    }

    /// Whether an address is meant.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        match (self.address, self.mask(), address) {
            (IpAddr::V4(own), IpAddr::V4(mask), IpAddr::V4(other)) => {
                other & mask == own & mask
            }
            (IpAddr::V6(own), IpAddr::V6(mask), IpAddr::V6(other)) => {
                other & mask == own & mask
            }
            _ => false,
        }
    }

    /// Whether no bit is set behind the prefix.
    fn is_exact(self) -> bool {
        match (self.address, self.mask()) {
            (IpAddr::V4(own), IpAddr::V4(mask)) => own & mask == own,
            (IpAddr::V6(own), IpAddr::V6(mask)) => own & mask == own,
            _ => false,
        }
    }
}

impl FromStr for AllowedIp {
    type Err = AllowedIpError;

    fn from_str(text: &str) -> Result<Self, AllowedIpError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, prefix)) => (address, Some(prefix)),
            None => (text, None),
        };
        let address: IpAddr = address.parse().map_err(|_| AllowedIpError)?;
        let prefix = match prefix {
            None if address.is_ipv4() => 32,
            None => 128,
            Some(digits) if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().map_err(|_| AllowedIpError)?
            }
            Some(_) => return Err(AllowedIpError),
        };
        Self::new(address, prefix)
    }
}

impl fmt::Display for AllowedIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{}/{}", self.address, self.prefix))
    }
}

crate::name::serde_as_text!(AllowedIp);

/// A text is no address that can be allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid IP address")]
pub struct AllowedIpError;

/// The whole property: addresses in the order in which they were given.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "Vec<AllowedIp>", into = "Vec<AllowedIp>")]
pub struct AllowedIps(Vec<AllowedIp>);

impl AllowedIps {
    /// The most that a VNIC may have.
    pub const MAX: usize = 32;

    /// The addresses.
    pub fn iter(&self) -> impl Iterator<Item = AllowedIp> {
        self.0.iter().copied()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether there is one of a version of IP.
    #[must_use]
    pub fn has(&self, family: IpFamily) -> bool {
        self.iter().any(|allowed| allowed.family() == family)
    }

    /// Whether an address is among those that are meant.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.iter().any(|allowed| allowed.contains(address))
    }
}

impl TryFrom<Vec<AllowedIp>> for AllowedIps {
    type Error = AllowedIpsError;

    /// Checks a list. An address may stand there once, whatever its prefix.
    fn try_from(list: Vec<AllowedIp>) -> Result<Self, AllowedIpsError> {
        if list.len() > Self::MAX {
            return Err(AllowedIpsError::TooMany);
        }
        let twice = list.iter().enumerate().find(|(at, allowed)| {
            list[..*at].iter().any(|other| other.address == allowed.address)
        });
        match twice {
            Some((_, allowed)) => Err(AllowedIpsError::Twice(allowed.address)),
            None => Ok(Self(list)),
        }
    }
}

impl From<AllowedIps> for Vec<AllowedIp> {
    fn from(list: AllowedIps) -> Self {
        list.0
    }
}

/// A list of addresses that can't be allowed together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AllowedIpsError {
    /// More than 32.
    #[error("at most {} addresses can be allowed", AllowedIps::MAX)]
    TooMany,
    /// The same address, whatever the prefix.
    #[error("the address {0} is there twice")]
    Twice(IpAddr),
}

impl AllowedIpsError {
    /// The status word for it.
    #[must_use]
    pub fn status(self) -> Status {
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
    fn texts() {
        for (text, want) in [
            ("192.168.1.7", Some("192.168.1.7/32")),
            ("192.168.1.7/32", Some("192.168.1.7/32")),
            ("10.0.0.0/8", Some("10.0.0.0/8")),
            ("128.0.0.0/1", Some("128.0.0.0/1")),
            ("2001:DB8::7", Some("2001:db8::7/128")),
            ("2001:db8::/32", Some("2001:db8::/32")),
            ("8000::/1", Some("8000::/1")),
            // Bits behind the prefix.
            ("10.0.0.1/8", None),
            ("2001:db8::1/64", None),
            // Nobody's address, and everybody's.
            ("0.0.0.0", None),
            ("0.0.0.0/8", None),
            ("::", None),
            ("10.0.0.0/0", None),
            ("2001:db8::/0", None),
            ("0.0.0.0/0", None),
            ("10.0.0.0/33", None),
            ("2001:db8::/129", None),
            ("10.0.0.1/", None),
            ("10.0.0.1/+8", None),
            ("10.0.0.1/256", None),
            ("10.0.0", None),
            ("10.0.0.1/255.0.0.0", None),
            ("010.0.0.1", None),
            ("fe80::1%eth0", None),
            ("web", None),
            ("", None),
        ] {
            let got = text.parse::<AllowedIp>().ok().map(|ip| ip.to_string());
            assert_eq!(got.as_deref(), want, "{text:?}");
        }
    }

    #[test]
    fn who_is_meant() {
        for (allowed, address, want) in [
            ("10.0.0.7", "10.0.0.7", true),
            ("10.0.0.7", "10.0.0.6", false),
            ("10.0.0.0/8", "10.255.0.1", true),
            ("10.0.0.0/8", "11.0.0.0", false),
            ("2001:db8::/33", "2001:db8:7fff::1", true),
            ("2001:db8::/33", "2001:db8:8000::1", false),
            ("2001:db8::7", "2001:db8::7", true),
            // An IPv4 address in an IPv6 one is another address.
            ("10.0.0.7", "::ffff:10.0.0.7", false),
        ] {
            let ip: AllowedIp = allowed.parse().unwrap();
            let got = ip.contains(address.parse().unwrap());
            assert_eq!(got, want, "{address} in {allowed}");
            let list = AllowedIps::try_from(vec![ip]).unwrap();
            assert_eq!(list.contains(address.parse().unwrap()), want);
            assert!(list.has(ip.family()) && !list.is_empty());
        }
    }

    #[test]
    fn lists() {
        let list = |texts: &[&str]| -> Vec<AllowedIp> {
            texts.iter().map(|text| text.parse().unwrap()).collect()
        };
        let many = |n: u8| -> Vec<AllowedIp> {
            (1..=n).map(|n| format!("10.0.0.{n}").parse().unwrap()).collect()
        };
        let twice = AllowedIpsError::Twice("10.0.0.0".parse().unwrap());
        for (list, want) in [
            (vec![], Ok(())),
            (list(&["10.0.0.7", "2001:db8::7", "10.0.0.0/8"]), Ok(())),
            (list(&["10.0.0.0/8", "10.0.0.0/16"]), Err(twice)),
            (list(&["10.0.0.0", "10.1.0.0", "10.0.0.0"]), Err(twice)),
            (many(32), Ok(())),
            (many(33), Err(AllowedIpsError::TooMany)),
        ] {
            let got = AllowedIps::try_from(list.clone()).map(|_| ());
            assert_eq!(got, want, "{list:?}");
        }
        assert_eq!(AllowedIpsError::TooMany.status(), Status::ValueCount);
        assert_eq!(twice.status(), Status::InvalidArgument);
    }

    #[test]
    fn json_keeps_the_order() {
        let text = r#"["10.0.0.7/32","2001:db8::/32","10.0.0.6/32"]"#;
        let list: AllowedIps = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::to_string(&list).unwrap(), text);
        let twice = r#"["10.0.0.7","10.0.0.7"]"#;
        let error = serde_json::from_str::<AllowedIps>(twice).unwrap_err();
        assert_eq!(error.to_string(), "the address 10.0.0.7 is there twice");
    }
}
