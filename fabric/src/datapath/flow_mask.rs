//! Which of a frame's fields a flow asks for, and which flow is the more
//! specific one.

use std::cmp::{Ordering, Reverse};
use std::fmt;

use super::FlowTuple;
use crate::{FlowAttrs, FlowIp, IpFamily};

/// Which of a frame's fields a flow asks for: its kind.
///
/// Masks are ordered by how specific they are, the most specific first. The
/// order is total, and of two masks one of which asks for all that the other
/// does and more, that one is first. So whoever looks a frame up under one mask
/// after the other may stop at the first flow that is found. Compared are, each
/// only where those before it are equal:
///
/// 1. whether it asks for one remote address, all of it;
/// 2. how many ports it asks for;
/// 3. the local port before the remote one;
/// 4. the transport;
/// 5. the length of the remote prefix;
/// 6. the length of the local prefix;
/// 7. how many bits of the DS field count;
/// 8. which, the higher number first; and IPv4 before IPv6.
///
/// docs/decisions/0009 says why in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FlowMask {
    /// Set where there is a prefix, and only there: a flow without addresses is
    /// of both versions.
    family: Option<IpFamily>,
    /// The length of the local prefix in bits; 0: none.
    local: u8,
    /// The length of the remote prefix in bits; 0: none.
    remote: u8,
    transport: bool,
    local_port: bool,
    remote_port: bool,
    /// The bits of the DS field that count.
    dsfield: u8,
}

/// Bits of a mask's number, above three bytes of prefixes and DS field.
const TRANSPORT: u32 = 1 << 24;
const LOCAL_PORT: u32 = 1 << 25;
const REMOTE_PORT: u32 = 1 << 26;
const V4: u32 = 1 << 27;
const V6: u32 = 1 << 28;

impl FlowMask {
    /// The mask of a flow.
    #[must_use]
    pub fn of(attrs: &FlowAttrs) -> Self {
        Self {
            family: attrs.family(),
            local: attrs.local_ip().map_or(0, FlowIp::prefix),
            remote: attrs.remote_ip().map_or(0, FlowIp::prefix),
            transport: attrs.transport().is_some(),
            local_port: attrs.local_port().is_some(),
            remote_port: attrs.remote_port().is_some(),
            dsfield: attrs.dsfield().map_or(0, |field| field.mask()),
        }
    }

    /// The number that stands for the mask in the tables. It is made of the mask
    /// alone, so a row stays where it is when other flows come and go. Never 0.
    #[must_use]
    pub fn number(self) -> u32 {
        let flag = |set: bool, bit: u32| if set { bit } else { 0 };
        u32::from_be_bytes([0, self.remote, self.local, self.dsfield])
            | flag(self.transport, TRANSPORT)
            | flag(self.local_port, LOCAL_PORT)
            | flag(self.remote_port, REMOTE_PORT)
            | flag(self.family == Some(IpFamily::V4), V4)
            | flag(self.family == Some(IpFamily::V6), V6)
    }

    /// The mask of a number, if it is one that some flow can have.
    #[must_use]
    pub fn from_number(number: u32) -> Option<Self> {
        let [_, remote, local, dsfield] = number.to_be_bytes();
        let (family, longest) = match number & (V4 | V6) {
            0 => (None, 0),
            V4 => (Some(IpFamily::V4), 32),
            V6 => (Some(IpFamily::V6), 128),
            _ => return None,
        };
        let mask = Self {
            family,
            local,
            remote,
            transport: number & TRANSPORT != 0,
            local_port: number & LOCAL_PORT != 0,
            remote_port: number & REMOTE_PORT != 0,
            dsfield,
        };
        let longer = local.max(remote);
        let legal = number != 0
            && mask.number() == number
            && longer <= longest
            && (longer != 0) == family.is_some()
            && (mask.transport || !mask.local_port && !mask.remote_port);
        legal.then_some(mask)
    }

    /// The mask's bits, as a tuple that is all ones where the mask asks.
    #[must_use]
    pub fn bits(self) -> FlowTuple {
        let prefix = |length: u8| {
            let behind = 128 - u32::from(length);
            u128::MAX.checked_shl(behind).unwrap_or(0).to_be_bytes()
        };
        let all = |set: bool| if set { u16::MAX } else { 0 };
        FlowTuple {
            local: prefix(self.local),
            remote: prefix(self.remote),
            local_port: all(self.local_port),
            remote_port: all(self.remote_port),
            protocol: if self.transport { u8::MAX } else { 0 },
            dsfield: self.dsfield,
            family: if self.family.is_some() { u8::MAX } else { 0 },
        }
    }

    /// What the order compares; the greater the more specific.
    fn rank(self) -> impl Ord {
        let whole = match self.family {
            Some(IpFamily::V4) => self.remote == 32,
            Some(IpFamily::V6) => self.remote == 128,
            None => false,
        };
        (
            whole,
            u8::from(self.local_port) + u8::from(self.remote_port),
            self.local_port,
            self.transport,
            self.remote,
            self.local,
            self.dsfield.count_ones(),
            self.dsfield,
            Reverse(self.family),
        )
    }
}

impl Ord for FlowMask {
    fn cmp(&self, other: &Self) -> Ordering {
        other.rank().cmp(&self.rank())
    }
}

impl PartialOrd for FlowMask {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl fmt::Display for FlowMask {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let family = self.family.map(|family| family.to_string());
        let prefix = |name: &str, length: u8| {
            (length != 0).then(|| format!("{name}/{length}"))
        };
        let flag = |name: &str, set: bool| set.then(|| name.to_owned());
        let dsfield = (self.dsfield != 0)
            .then(|| format!("dsfield/{:#04x}", self.dsfield));
        let parts = [
            family,
            prefix("local", self.local),
            prefix("remote", self.remote),
            flag("transport", self.transport),
            flag("local-port", self.local_port),
            flag("remote-port", self.remote_port),
            dsfield,
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        f.pad(&parts.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mask(attrs: &str) -> FlowMask {
        FlowMask::of(&attrs.parse().unwrap())
    }

    #[test]
    fn from_the_most_specific_to_the_least() {
        let order = [
            "remote_ip=10.0.0.9,local_ip=10.0.0.1,transport=tcp,\
             local_port=1,remote_port=2,dsfield=b8",
            "remote_ip=10.0.0.9,transport=tcp,local_port=22",
            "remote_ip=10.0.0.9,transport=tcp,remote_port=22",
            "remote_ip=10.0.0.9,transport=tcp",
            // IPv6's is longer. No frame is of both.
            "remote_ip=fd00::9,local_ip=fd00::1",
            "remote_ip=fd00::9",
            "remote_ip=10.0.0.9,local_ip=10.0.0.1",
            "remote_ip=10.0.0.9,local_ip=10.0.0.0/24",
            "remote_ip=10.0.0.9,dsfield=b8",
            "remote_ip=10.0.0.9",
            // A service before a network, and before the VNIC's own address.
            "transport=tcp,local_port=1,remote_port=2",
            "transport=tcp,local_port=22,remote_ip=10.0.0.0/24",
            "transport=tcp,local_port=22,local_ip=10.0.0.1",
            "transport=tcp,local_port=22,dsfield=b8",
            "transport=tcp,local_port=22",
            "transport=tcp,remote_port=22",
            "transport=tcp,remote_ip=10.0.0.0/24",
            "transport=tcp",
            "remote_ip=fd00::/64",
            "remote_ip=10.0.0.0/31,local_ip=10.0.0.1",
            "remote_ip=10.0.0.0/31",
            "remote_ip=10.0.0.0/24",
            "remote_ip=fd00::/24",
            "remote_ip=10.0.0.0/23,local_ip=10.0.0.1",
            "local_ip=10.0.0.1",
            "local_ip=10.0.0.0/24",
            "dsfield=b8",
            "dsfield=b8:fc",
            "dsfield=01:3f",
            "dsfield=80:80",
            "dsfield=01:01",
        ];
        for pair in order.windows(2) {
            let (first, second) = (mask(pair[0]), mask(pair[1]));
            assert!(first < second, "{} is not before {}", pair[0], pair[1]);
        }
    }

    #[test]
    fn numbers_and_bits() {
        for (attrs, number, text) in [
            ("dsfield=b8:fc", 0xfc, "dsfield/0xfc"),
            ("transport=tcp", 0x0100_0000, "transport"),
            ("transport=tcp,local_port=1", 0x0300_0000, "transport,local-port"),
            ("remote_ip=10.0.0.0/8", 0x0808_0000, "IPv4,remote/8"),
            (
                "local_ip=fd00::1,remote_ip=fd00::/8,transport=udp,\
                 local_port=1,remote_port=2,dsfield=1",
                0x1708_80ff,
                "IPv6,local/128,remote/8,transport,local-port,remote-port,\
                 dsfield/0xff",
            ),
        ] {
            let mask = mask(attrs);
            assert_eq!(mask.number(), number, "{attrs}");
            assert_eq!(FlowMask::from_number(number), Some(mask), "{attrs}");
            assert_eq!(mask.to_string(), text);
        }
        let ones = |number: u8| {
            let mut bytes = [0; 16];
            bytes[..usize::from(number / 8)].fill(0xff);
            bytes
        };
        assert_eq!(
            mask("local_ip=10.0.0.0/24,transport=tcp,remote_port=9").bits(),
            FlowTuple {
                local: ones(24),
                remote_port: 0xffff,
                protocol: 0xff,
                family: 0xff,
                ..FlowTuple::default()
            }
        );
        assert_eq!(mask("local_ip=fd00::1").bits().local, ones(128));
        assert_eq!(mask("local_ip=fe00::/7").bits().local[..2], [0xfe, 0]);
    }

    #[test]
    fn numbers_that_no_flow_has() {
        for number in [
            0,
            // A port without a transport.
            LOCAL_PORT,
            REMOTE_PORT | 1,
            // A version without a prefix, a prefix without a version, or two.
            V4,
            V6 | TRANSPORT,
            0x0000_2000,
            V4 | V6 | 0x2000,
            // Too long.
            V4 | 0x2100,
            V4 | 0x0021_0000,
            V6 | 0x8100,
            V6 | 0x0081_0000,
            // Bits that mean nothing.
            TRANSPORT | 1 << 29,
            TRANSPORT | 1 << 31,
        ] {
            assert_eq!(FlowMask::from_number(number), None, "{number:#x}");
        }
    }
}
