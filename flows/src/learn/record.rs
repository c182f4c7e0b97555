//! The words: who is listened for, what is heard, and what comes of it.

use std::net::IpAddr;

use fabric::datapath::Segment;
use fabric::{LinkId, Mac, Methods};
use serde::{Deserialize, Serialize};

/// A time: seconds of the host's boot clock (`CLOCK_BOOTTIME`), which counts on
/// while the host is suspended, as the lifetimes of addresses do. It means
/// nothing after the next boot.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct Moment(pub u64);

impl Moment {
    /// The time so many seconds later; the end of time where there is none.
    #[must_use]
    pub fn after(self, seconds: u64) -> Self {
        Self(self.0.saturating_add(seconds))
    }

    /// When a lifetime of so many seconds ends that begins now; none: never.
    /// DHCPv4 (RFC 2131, 3.3), DHCPv6 (RFC 8415, 7.7) and routers (RFC 4861,
    /// 4.6.2) all write "for ever" as 0xffffffff.
    #[must_use]
    pub fn end_of(self, lifetime: u32) -> Option<Self> {
        (lifetime != u32::MAX).then(|| self.after(u64::from(lifetime)))
    }
}

/// Stations that reach each other directly: a segment, and a VLAN on it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Lan {
    pub(super) segment: Segment,
    /// 0: untagged.
    pub(super) vid: u16,
}

/// A VNIC whose guest may come by addresses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guest {
    /// The VNIC.
    pub id: LinkId,
    /// Its segment.
    pub segment: Segment,
    /// Its VLAN; 0: untagged.
    pub vid: u16,
    /// Its addresses, its own first. No other VNIC of the segment and VLAN
    /// has any of them.
    pub macs: Vec<Mac>,
    /// How its guest may come by addresses: the methods in effect. A VNIC
    /// without `ip-nospoof` needs none, as it may speak as any address; with
    /// one it could not be the server or router of that method.
    pub methods: Methods,
}

impl Guest {
    pub(super) fn lan(&self) -> Lan {
        Lan { segment: self.segment.clone(), vid: self.vid }
    }

    /// Whether its guest may come by addresses in this way.
    pub(super) fn uses(&self, method: Method) -> bool {
        match method {
            Method::Dhcpv4 => self.methods.dhcpv4,
            Method::Dhcpv6 => self.methods.dhcpv6,
            Method::Slaac => self.methods.slaac,
        }
    }
}

/// A frame that the data plane copied: untagged Ethernet. What is cut short is
/// not read, and no checksum is looked at, because the sender may have left it
/// to a device.
#[derive(Clone, Debug)]
pub enum Heard<'a> {
    /// A VNIC's guest sent it, and the guard let it pass.
    From {
        /// The VNIC.
        id: LinkId,
        /// From the Ethernet header on.
        frame: &'a [u8],
    },
    /// It is on its way to VNICs: to one, or to a group.
    On {
        /// Their segment.
        segment: Segment,
        /// Their VLAN; 0: untagged.
        vid: u16,
        /// The VNIC whose guest sent it; none: it came by the link.
        by: Option<LinkId>,
        /// From the Ethernet header on.
        frame: &'a [u8],
    },
}

/// How a guest came by an address.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Method {
    /// A lease of a DHCP server's (RFC 2131).
    Dhcpv4,
    /// A lease of a DHCPv6 server's (RFC 8415).
    Dhcpv6,
    /// A router's prefix (RFC 4862).
    Slaac,
}

/// An address that a guest came by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Learned {
    /// The guest's VNIC.
    pub id: LinkId,
    /// The address.
    pub address: IpAddr,
    /// How it came by it.
    pub method: Method,
    /// Until when; none: for ever.
    pub until: Option<Moment>,
    /// Whose the lease is. DHCPv4: the client id, or the hardware address of a
    /// client that gave none. DHCPv6: the DUID, then the four bytes of the
    /// IAID. Empty where a router's prefix is all there is.
    pub client: Vec<u8>,
}

/// What follows from something heard, or from time.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// The guest may use an address; or may have been using it, and one of the
    /// other fields has changed.
    Learn(Learned),
    /// The guest must stop using an address.
    Forget {
        /// The guest's VNIC.
        id: LinkId,
        /// The address.
        address: IpAddr,
    },
}

impl Change {
    /// The VNIC and the address that it is about.
    #[must_use]
    pub fn subject(&self) -> (LinkId, IpAddr) {
        match self {
            Self::Learn(learned) => (learned.id, learned.address),
            Self::Forget { id, address } => (*id, *address),
        }
    }
}

/// What a client awaits of a server, the more binding later in order.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "lowercase")]
pub enum Awaits {
    /// Offers to choose from.
    Offers,
    /// Offers, or a lease at once: Rapid Commit (RFC 4039; RFC 8415, 5.1).
    Rapid,
    /// A lease.
    Lease,
}

/// An address that a server offered.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Offer {
    /// The address.
    pub address: IpAddr,
    /// DHCPv6: the identity association that it is for. DHCPv4: 0.
    pub iaid: u32,
    /// When it counts no more.
    pub until: Moment,
}

/// A guest's request that a DHCP server may still answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pending {
    /// The guest's VNIC.
    pub id: LinkId,
    /// DHCPv4 or DHCPv6.
    pub method: Method,
    /// The exchange's number, of the client's choosing: 32 bits in DHCPv4, 24
    /// in DHCPv6.
    pub xid: u32,
    /// DHCPv4: the hardware address in the request, one of the VNIC's.
    pub chaddr: Option<Mac>,
    /// Who asks. DHCPv4: the client id, or the hardware address of a client
    /// that gave none. DHCPv6: the DUID.
    pub client: Vec<u8>,
    /// What for.
    pub awaits: Awaits,
    /// What servers offered in this exchange.
    pub offers: Vec<Offer>,
    /// When an answer comes too late.
    pub until: Moment,
}

impl Pending {
    /// What was offered and still counts, each with its identity association.
    pub(super) fn offered(
        &self,
        now: Moment,
    ) -> impl Iterator<Item = (IpAddr, u32)> {
        let offers = self.offers.iter().filter(move |it| it.until > now);
        offers.map(|offer| (offer.address, offer.iaid))
    }
}
