//! The addresses of one side of a flow.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use super::FlowValueError;
use crate::{AllowedIp, IpFamily};

/// An address, or all that begin alike.
///
/// Its text always has the length of the prefix: `192.168.1.7/32`. A text
/// without one means a single address. Bits behind the prefix may be given and
/// are set to zero, so that two texts of the same addresses are the same value;
/// illumos masks them, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FlowIp(AllowedIp);

impl FlowIp {
    /// Checks an address and the length of its prefix in bits.
    ///
    /// # Errors
    /// [`FlowValueError::Prefix`] for a prefix that is zero or longer than the
    /// address, [`FlowValueError::ZeroIp`] where it has no bit set.
    pub fn new(address: IpAddr, prefix: u8) -> Result<Self, FlowValueError> {
        let behind = |length: u8| match length.checked_sub(prefix) {
            Some(behind) if prefix != 0 => Ok(u32::from(behind)),
            _ => Err(FlowValueError::Prefix),
        };
        let first = match address {
            IpAddr::V4(ip) => {
                let mask = u32::MAX << behind(32)?;
                IpAddr::V4(Ipv4Addr::from_bits(ip.to_bits() & mask))
            }
            IpAddr::V6(ip) => {
                let mask = u128::MAX << behind(128)?;
                IpAddr::V6(Ipv6Addr::from_bits(ip.to_bits() & mask))
            }
        };
        let allowed = AllowedIp::new(first, prefix);
        allowed.map(Self).map_err(|_| FlowValueError::ZeroIp)
    }

    /// The address, or the first of those that are meant.
    #[must_use]
    pub fn address(self) -> IpAddr {
        self.0.address()
    }

    /// How many leading bits count.
    #[must_use]
    pub fn prefix(self) -> u8 {
        self.0.prefix()
    }

    /// The version of IP.
    #[must_use]
    pub fn family(self) -> IpFamily {
        self.0.family()
    }

    /// Whether an address is meant.
    #[must_use]
    pub fn contains(self, address: IpAddr) -> bool {
        self.0.contains(address)
    }
}

impl FromStr for FlowIp {
    type Err = FlowValueError;

    /// As libdladm reads it: what is no prefix at all is found before what is no
    /// address, and what is too long a prefix for the address after it.
    fn from_str(text: &str) -> Result<Self, FlowValueError> {
        let (address, prefix) = match text.split_once('/') {
            Some((address, digits)) => (address, Some(length(digits)?)),
            None => (text, None),
        };
        let address: IpAddr =
            address.parse().map_err(|_| FlowValueError::Ip)?;
        let whole = if address.is_ipv4() { 32 } else { 128 };
        Self::new(address, prefix.unwrap_or(whole))
    }
}

/// A prefix's length, which is not zero.
fn length(digits: &str) -> Result<u8, FlowValueError> {
    let digits = Some(digits).filter(|d| d.bytes().all(|b| b.is_ascii_digit()));
    let length = digits.and_then(|digits| digits.parse().ok());
    length.filter(|&length| length != 0).ok_or(FlowValueError::Prefix)
}

impl fmt::Display for FlowIp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

crate::name::serde_as_text!(FlowIp);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        use FlowValueError::*;
        for (text, want) in [
            ("192.168.1.7", Ok("192.168.1.7/32")),
            ("10.0.0.0/8", Ok("10.0.0.0/8")),
            ("128.0.0.0/1", Ok("128.0.0.0/1")),
            ("2001:DB8::7", Ok("2001:db8::7/128")),
            ("8000::/1", Ok("8000::/1")),
            ("::1", Ok("::1/128")),
            ("0.0.0.1", Ok("0.0.0.1/32")),
            ("10.0.0.1/008", Ok("10.0.0.0/8")),
            // Bits behind the prefix.
            ("10.1.2.3/9", Ok("10.0.0.0/9")),
            ("10.255.2.3/9", Ok("10.128.0.0/9")),
            ("2001:db8:ffff::1/33", Ok("2001:db8:8000::/33")),
            ("10.0.0.0/0", Err(Prefix)),
            ("10.0.0.0/33", Err(Prefix)),
            ("2001:db8::/0", Err(Prefix)),
            ("2001:db8::/129", Err(Prefix)),
            ("10.0.0.1/256", Err(Prefix)),
            ("10.0.0.1/", Err(Prefix)),
            ("10.0.0.1/+8", Err(Prefix)),
            ("10.0.0.1/-8", Err(Prefix)),
            ("10.0.0.1/8/8", Err(Prefix)),
            ("10.0.0.1/255.0.0.0", Err(Prefix)),
            // The prefix is looked at first.
            ("web/0", Err(Prefix)),
            ("web/8", Err(Ip)),
            ("web/99", Err(Ip)),
            ("0.0.0.0", Err(ZeroIp)),
            ("::", Err(ZeroIp)),
            ("0.0.0.0/8", Err(ZeroIp)),
            ("0.0.0.1/31", Err(ZeroIp)),
            ("::1/64", Err(ZeroIp)),
            ("010.0.0.1", Err(Ip)),
            ("10.0.0", Err(Ip)),
            ("fe80::1%eth0", Err(Ip)),
            (" 10.0.0.1", Err(Ip)),
            ("/8", Err(Ip)),
            ("", Err(Ip)),
        ] {
            let got = text.parse::<FlowIp>().map(|ip| ip.to_string());
            assert_eq!(got, want.map(str::to_owned), "{text:?}");
        }
    }

    #[test]
    fn who_is_meant() {
        for (ip, address, want) in [
            ("10.1.2.3/9", "10.127.0.1", true),
            ("10.1.2.3/9", "10.128.0.1", false),
            ("2001:db8::1/64", "2001:db8::2", true),
            ("2001:db8::1/64", "2001:db8:0:1::1", false),
            ("10.0.0.1", "::ffff:10.0.0.1", false),
        ] {
            let got: FlowIp = ip.parse().unwrap();
            let got = got.contains(address.parse().unwrap());
            assert_eq!(got, want, "{address} in {ip}");
        }
    }
}
