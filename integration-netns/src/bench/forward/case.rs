//! What is asked: which way, from where to where, what, and in what crowd.

use serde::Serialize;

/// A way to connect guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// One veth pair from guest to guest: the limit.
    Veth,
    /// A Linux bridge, no rule.
    Bridge,
    /// A Linux bridge with base chains for each NIC against forged addresses.
    BridgeNft,
    /// What the CNI plugin `bridge` makes, with `macspoofchk`.
    Cni,
    /// macvlan devices in bridge mode: no policy, and no way to the host.
    Macvlan,
    /// VNICs, with mac-nospoof.
    Vnic,
    /// VNICs with all four protections and a list of allowed addresses.
    VnicAll,
}

impl Way {
    pub(super) const ALL: [Self; 7] = [
        Self::Veth,
        Self::Bridge,
        Self::BridgeNft,
        Self::Cni,
        Self::Macvlan,
        Self::Vnic,
        Self::VnicAll,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Veth => "veth pair (the limit)",
            Self::Bridge => "bridge, no rule",
            Self::BridgeNft => "bridge + nftables",
            Self::Cni => "CNI bridge, macspoofchk",
            Self::Macvlan => "macvlan, no policy",
            Self::Vnic => "VNIC, mac-nospoof",
            Self::VnicAll => "VNIC, all protections",
        }
    }
}

/// From which station to which.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Direction {
    ZoneToZone,
    ZoneToWire,
    WireToZone,
    ZoneToHost,
    HostToZone,
}

impl Direction {
    pub(super) const ALL: [Self; 5] = [
        Self::ZoneToZone,
        Self::ZoneToWire,
        Self::WireToZone,
        Self::ZoneToHost,
        Self::HostToZone,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::ZoneToZone => "zone to zone",
            Self::ZoneToWire => "zone to wire",
            Self::WireToZone => "wire to zone",
            Self::ZoneToHost => "zone to host",
            Self::HostToZone => "host to zone",
        }
    }
}

/// What is asked of two stations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Question {
    Kpps,
    Gbps,
    TripUs,
}

impl Question {
    pub(super) const ALL: [Self; 3] = [Self::Kpps, Self::Gbps, Self::TripUs];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Kpps => "64-byte UDP, kpps",
            Self::Gbps => "one TCP stream, Gbit/s",
            Self::TripUs => "TCP request and answer, us",
        }
    }

    /// Whether it is asked: a round trip is one, whoever began it.
    pub(super) fn asked(self, direction: Direction) -> bool {
        let back = [Direction::WireToZone, Direction::HostToZone];
        self != Self::TripUs || !back.contains(&direction)
    }
}

/// One cell of the tables.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Case {
    pub(super) question: Question,
    pub(super) direction: Direction,
    /// How many guests the host was to have.
    pub(super) crowd: usize,
    pub(super) way: Way,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_trip_is_asked_once_for_each_two_stations() {
        let asked = |question: Question| {
            let all = Direction::ALL.into_iter();
            all.filter(|direction| question.asked(*direction)).count()
        };
        assert_eq!(Question::ALL.map(asked), [5, 5, 3]);
    }
}
