//! The protocol of a flow.

use std::fmt;
use std::str::FromStr;

use super::FlowValueError;
use crate::IpFamily;

/// A protocol above IP that a flow can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Transport {
    /// TCP.
    Tcp,
    /// UDP.
    Udp,
    /// SCTP.
    Sctp,
    /// ICMP of IPv4.
    Icmp,
    /// ICMP of IPv6, Neighbor Discovery included.
    Icmpv6,
}

impl Transport {
    /// All.
    pub const ALL: [Self; 5] =
        [Self::Tcp, Self::Udp, Self::Sctp, Self::Icmp, Self::Icmpv6];

    /// Its number among the protocols of IP, as IANA has it.
    #[must_use]
    pub fn protocol(self) -> u8 {
        match self {
            Self::Icmp => 1,
            Self::Tcp => 6,
            Self::Udp => 17,
            Self::Icmpv6 => 58,
            Self::Sctp => 132,
        }
    }

    /// Whether it has ports.
    #[must_use]
    pub fn has_ports(self) -> bool {
        matches!(self, Self::Tcp | Self::Udp | Self::Sctp)
    }

    /// The one version of IP that it is of, if there is one.
    #[must_use]
    pub fn family(self) -> Option<IpFamily> {
        match self {
            Self::Icmp => Some(IpFamily::V4),
            Self::Icmpv6 => Some(IpFamily::V6),
            Self::Tcp | Self::Udp | Self::Sctp => None,
        }
    }

    /// Its name, which flowadm(8) prints in lower case.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Tcp => "tcp",
            Self::Udp => "udp",
            Self::Sctp => "sctp",
            Self::Icmp => "icmp",
            Self::Icmpv6 => "icmpv6",
        }
    }
}

impl FromStr for Transport {
    type Err = FlowValueError;

    /// Whole names only, in any case. The original takes what begins like one.
    fn from_str(text: &str) -> Result<Self, FlowValueError> {
        let mut all = Self::ALL.into_iter();
        all.find(|transport| transport.as_str().eq_ignore_ascii_case(text))
            .ok_or(FlowValueError::Transport)
    }
}

impl fmt::Display for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

crate::name::serde_as_text!(Transport);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        for (text, want) in [
            ("tcp", Some(6)),
            ("TCP", Some(6)),
            ("Udp", Some(17)),
            ("sctp", Some(132)),
            ("icmp", Some(1)),
            ("ICMPv6", Some(58)),
            ("t", None),
            ("icmpv", None),
            ("icmpv66", None),
            ("6", None),
            ("tcp ", None),
            ("", None),
        ] {
            let got = text.parse::<Transport>().ok();
            assert_eq!(got.map(Transport::protocol), want, "{text:?}");
            if let Some(transport) = got {
                assert_eq!(transport.to_string(), text.to_lowercase());
            }
        }
    }
}
