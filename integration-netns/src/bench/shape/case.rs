//! What is asked: which way, under which cap and load, in which direction, and
//! what of it.

use serde::{Serialize, Serializer};

/// A way to cap a guest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// A VNIC with `maxbw`.
    Vnic,
    /// What the CNI plugin `bandwidth` makes.
    Cni,
    /// What Incus makes of `limits.ingress` and `limits.egress`.
    Incus,
    /// What libvirt makes of `<bandwidth>`.
    Libvirt,
}

impl Way {
    pub(super) const ALL: [Self; 4] =
        [Self::Vnic, Self::Cni, Self::Incus, Self::Libvirt];

    /// All but ours.
    pub(super) const PEERS: [Self; 3] = [Self::Cni, Self::Incus, Self::Libvirt];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Vnic => "VNIC, maxbw",
            Self::Cni => "CNI bandwidth",
            Self::Incus => "Incus limits",
            Self::Libvirt => "libvirt bandwidth",
        }
    }

    /// Whether it drops what is too much at once, and lets nothing wait.
    pub(super) fn polices(self, direction: Direction) -> bool {
        matches!(self, Self::Incus | Self::Libvirt)
            && direction == Direction::FromGuest
    }
}

/// Which way the load goes, between a guest and the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Direction {
    FromGuest,
    ToGuest,
}

impl Direction {
    pub(super) const ALL: [Self; 2] = [Self::FromGuest, Self::ToGuest];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::FromGuest => "from the guest",
            Self::ToGuest => "to the guest",
        }
    }
}

/// Who sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Load {
    /// One TCP stream.
    Stream,
    /// 32 TCP streams.
    Streams,
    /// UDP, more than the cap lets through, 1400 bytes in each datagram.
    Large,
    /// The same in frames of 64 bytes.
    Small,
}

impl Load {
    pub(super) const ALL: [Self; 4] =
        [Self::Stream, Self::Streams, Self::Large, Self::Small];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Stream => "one TCP stream",
            Self::Streams => "32 TCP streams",
            Self::Large => "UDP, 1400-byte datagrams",
            Self::Small => "UDP, 64-byte frames",
        }
    }
}

/// What is asked of a load.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Question {
    /// What TCP's receivers read, of what headers leave of the cap.
    Goodput,
    /// What arrives at the receiver's link, of the cap.
    Wire,
    /// How many segments were sent again for 1,000 new ones.
    Again,
    /// A probe's round trip through the load.
    TripMs,
    /// The same of the slowest in a hundred.
    TripP99Ms,
    /// Of 1,000 probes, how many were lost.
    TripLost,
}

impl Question {
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Goodput => "goodput / what headers leave of the cap",
            Self::Wire => "on the wire / cap",
            Self::Again => "segments sent again for 1,000 new ones",
            Self::TripMs => "round trip through it, median, ms",
            Self::TripP99Ms => "round trip through it, p99, ms",
            Self::TripLost => "probes lost, of 1,000",
        }
    }
}

/// The tables, in the order in which they are printed.
pub(super) const TABLES: [(Question, Load); 8] = [
    (Question::Goodput, Load::Stream),
    (Question::Goodput, Load::Streams),
    (Question::Again, Load::Stream),
    (Question::Again, Load::Streams),
    (Question::Wire, Load::Large),
    (Question::Wire, Load::Small),
    (Question::TripMs, Load::Streams),
    (Question::TripP99Ms, Load::Streams),
];

/// A cap. Its text is as one writes it: `100M`, `1G`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Cap(u64);

impl Cap {
    pub(super) const fn mbps(mbps: u64) -> Self {
        Self(mbps * 1_000_000)
    }

    /// Bits per second.
    pub(super) const fn bps(self) -> u64 {
        self.0
    }

    /// Bytes per second.
    pub(super) fn bytes(self) -> f64 {
        crate::bench::numbers::float(self.0) / 8.0
    }
}

impl std::fmt::Display for Cap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self.0 / 1_000_000 {
            mbps if mbps % 1000 == 0 => write!(f, "{}G", mbps / 1000),
            mbps => write!(f, "{mbps}M"),
        }
    }
}

impl Serialize for Cap {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.collect_str(self)
    }
}

/// One cell of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Case {
    pub(super) question: Question,
    pub(super) load: Load,
    pub(super) direction: Direction,
    pub(super) cap: Cap,
    pub(super) way: Way,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_is_written_as_people_and_commands_do() {
        for (mbps, want) in [
            (1, "1M"),
            (100, "100M"),
            (1000, "1G"),
            (5000, "5G"),
            (1500, "1500M"),
        ] {
            let cap = Cap::mbps(mbps);
            assert_eq!(cap.to_string(), want);
            let read: fabric::Bandwidth = want.parse().unwrap();
            assert_eq!(read.bps(), cap.bps(), "{want}");
        }
    }
}
