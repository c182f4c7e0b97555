//! Why the data plane dropped a frame.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A reason with its number, as `enum drop_reason` of the data plane's `abi.h`
/// has it.
///
/// Numbers are never reused: a retired reason keeps its place.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[repr(u8)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum DropReason {
    /// The source MAC address is not the VNIC's.
    MacSpoof = 0,
    /// The guest put a VLAN tag on the frame.
    GuestTag = 1,
    /// The frame is shorter than an Ethernet header.
    Truncated = 2,
    /// The frame is addressed to its sender.
    Hairpin = 3,
    /// Nobody on an etherstub has the address, and there is no wire to try.
    NoDestination = 4,
    /// The frame could not be changed or sent on.
    Internal = 5,
    /// The frame is neither IPv4, IPv6 nor ARP.
    Restricted = 6,
    /// The source IP address is not allowed to the VNIC.
    IpSpoof = 7,
    /// ARP speaks for an address that is not the VNIC's; or RARP.
    ArpSpoof = 8,
    /// Neighbor Discovery speaks for an address that is not the VNIC's.
    NdSpoof = 9,
    /// Neighbor Discovery stands in a fragment or behind extension headers.
    NdHidden = 10,
    /// The guest advertises itself as a router, or redirects.
    RouterSpoof = 11,
    /// The headers can't be followed to what has to be checked.
    Unreadable = 12,
    /// DHCP speaks for a client that is not the VNIC.
    DhcpSpoof = 13,
    /// DHCP speaks as a server or a relay.
    DhcpServer = 14,
    /// DHCP stands in a fragment, or has options outside of their place.
    DhcpHidden = 15,
    /// The VNIC's addresses are fixed, and it has nothing to ask DHCP for.
    DhcpOff = 16,
    /// The frame is longer than the VNIC's MTU.
    TooLong = 17,
    /// A frame for the guest is longer than the VNIC's MTU.
    TooLongFor = 18,
    /// A frame of the guest's for a group has come back from the wire.
    Reflected = 19,
    /// The VNIC's `maxbw` is 0, or its link's.
    Blocked = 20,
    /// The `maxbw` of the VNIC that the frame is for is 0, or its link's.
    BlockedFor = 21,
    /// The frame is in a flow whose `maxbw` is 0.
    FlowBlocked = 22,
    /// A frame for the guest is in a flow whose `maxbw` is 0.
    FlowBlockedFor = 23,
}

impl DropReason {
    /// Every reason, at its number.
    pub const ALL: [Self; 24] = [
        Self::MacSpoof,
        Self::GuestTag,
        Self::Truncated,
        Self::Hairpin,
        Self::NoDestination,
        Self::Internal,
        Self::Restricted,
        Self::IpSpoof,
        Self::ArpSpoof,
        Self::NdSpoof,
        Self::NdHidden,
        Self::RouterSpoof,
        Self::Unreadable,
        Self::DhcpSpoof,
        Self::DhcpServer,
        Self::DhcpHidden,
        Self::DhcpOff,
        Self::TooLong,
        Self::TooLongFor,
        Self::Reflected,
        Self::Blocked,
        Self::BlockedFor,
        Self::FlowBlocked,
        Self::FlowBlockedFor,
    ];
}

impl DropReason {
    /// Whether the frame was on its way to the guest. All others the guest has
    /// sent.
    #[must_use]
    pub fn is_inbound(self) -> bool {
        matches!(
            self,
            Self::TooLongFor
                | Self::Reflected
                | Self::BlockedFor
                | Self::FlowBlockedFor
        )
    }

    /// The word for it, as in JSON: `mac-spoof`.
    #[must_use]
    pub fn word(self) -> &'static str {
        match self {
            Self::MacSpoof => "mac-spoof",
            Self::GuestTag => "guest-tag",
            Self::Truncated => "truncated",
            Self::Hairpin => "hairpin",
            Self::NoDestination => "no-destination",
            Self::Internal => "internal",
            Self::Restricted => "restricted",
            Self::IpSpoof => "ip-spoof",
            Self::ArpSpoof => "arp-spoof",
            Self::NdSpoof => "nd-spoof",
            Self::NdHidden => "nd-hidden",
            Self::RouterSpoof => "router-spoof",
            Self::Unreadable => "unreadable",
            Self::DhcpSpoof => "dhcp-spoof",
            Self::DhcpServer => "dhcp-server",
            Self::DhcpHidden => "dhcp-hidden",
            Self::DhcpOff => "dhcp-off",
            Self::TooLong => "too-long",
            Self::TooLongFor => "too-long-for",
            Self::Reflected => "reflected",
            Self::Blocked => "blocked",
            Self::BlockedFor => "blocked-for",
            Self::FlowBlocked => "flow-blocked",
            Self::FlowBlockedFor => "flow-blocked-for",
        }
    }

    /// The reason of a number.
    #[must_use]
    pub fn of(number: u32) -> Option<Self> {
        Self::ALL.get(usize::try_from(number).ok()?).copied()
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::MacSpoof => "source MAC is not the VNIC's",
            Self::GuestTag => "VLAN tag made by the guest",
            Self::Truncated => "shorter than an Ethernet header",
            Self::Hairpin => "addressed to its sender",
            Self::NoDestination => "no such station on the etherstub",
            Self::Internal => "could not be sent on",
            Self::Restricted => "not IPv4, IPv6 or ARP",
            Self::IpSpoof => "source IP is not allowed to the VNIC",
            Self::ArpSpoof => "ARP for an address that is not the VNIC's",
            Self::NdSpoof => "ND for an address that is not the VNIC's",
            Self::NdHidden => "ND in a fragment or behind other headers",
            Self::RouterSpoof => "router advertisement or redirect",
            Self::Unreadable => "headers that can't be followed",
            Self::DhcpSpoof => "DHCP for a client that is not the VNIC",
            Self::DhcpServer => "DHCP of a server or relay",
            Self::DhcpHidden => "DHCP that can't be looked into",
            Self::DhcpOff => "DHCP beside fixed addresses",
            Self::TooLong => "longer than the VNIC's MTU",
            Self::TooLongFor => "on its way in, longer than the VNIC's MTU",
            Self::Reflected => "on its way in, the guest's own",
            Self::Blocked => "maxbw is 0",
            Self::BlockedFor => "on its way in, maxbw is 0",
            Self::FlowBlocked => "maxbw of its flow is 0",
            Self::FlowBlockedFor => "on its way in, maxbw of its flow is 0",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_stands_at_its_number() {
        for (index, reason) in DropReason::ALL.into_iter().enumerate() {
            assert_eq!(reason as usize, index);
        }
    }

    #[test]
    fn every_reason_has_one_word() {
        for reason in DropReason::ALL {
            let json = serde_json::to_value(reason).unwrap();
            assert_eq!(json, reason.word());
        }
    }
}
