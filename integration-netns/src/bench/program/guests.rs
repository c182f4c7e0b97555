//! The guests whose frames are measured: the same VNIC under other policies.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use fabric::datapath::{DatapathTables, Segment};
use fabric::{
    AllowedIps, ClientIds, Ends, LinkId, Mac, Methods, Mtu, Priority,
    Protection, ResolvedSpec, ResolvedVnic, SecondaryMacs, WantedRings,
};

/// The guest's number, and its neighbour's.
pub(super) const SELF: LinkId = LinkId(1);
pub(super) const OTHER: LinkId = LinkId(2);

/// Their addresses.
pub(super) const MAC: [u8; 6] = [2, 8, 0x20, 0, 0, 1];
pub(super) const OTHER_MAC: [u8; 6] = [2, 8, 0x20, 0, 0, 2];
pub(super) const IP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 10);
pub(super) const OTHER_IP: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 11);
pub(super) const IP6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x10);
pub(super) const OTHER_IP6: Ipv6Addr =
    Ipv6Addr::new(0xfd00, 0, 0, 0, 0, 0, 0, 0x11);

const STUB: LinkId = LinkId(3);

/// What a guest is checked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Guest {
    /// Nothing.
    Unprotected,
    /// Its MAC address: what every VNIC has that nobody says more of.
    MacNospoof,
    /// All four protections, its addresses listed.
    Listed,
    /// All four protections, its address leased.
    Leased,
}

impl Guest {
    pub(super) const ALL: [Self; 4] =
        [Self::Unprotected, Self::MacNospoof, Self::Listed, Self::Leased];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Unprotected => "no protection",
            Self::MacNospoof => "mac-nospoof",
            Self::Listed => "all four, allowed-ips",
            Self::Leased => "all four, address by DHCP",
        }
    }

    /// Whether a frame is measured of it. Where nothing looks behind the
    /// addresses of Ethernet, one frame is as good as any; a lease is of IPv4.
    pub(super) fn sends(self, frame: &str) -> bool {
        match self {
            Self::Unprotected | Self::MacNospoof => frame == "IPv4 UDP",
            Self::Listed => true,
            Self::Leased => !frame.starts_with("IPv6"),
        }
    }

    fn protection(self) -> Protection {
        let words = match self {
            Self::Unprotected => "none",
            Self::MacNospoof => "mac-nospoof",
            Self::Listed | Self::Leased => {
                "mac-nospoof,restricted,ip-nospoof,dhcp-nospoof"
            }
        };
        words.parse().expect("they are protections")
    }

    /// What the tables hold of it and its neighbour.
    pub(super) fn tables(self) -> DatapathTables {
        let mut own = vnic(SELF, MAC);
        own.protection = self.protection();
        match self {
            Self::Unprotected | Self::MacNospoof => {}
            Self::Listed => {
                let all = [IP.to_string(), IP6.to_string()];
                let parse = |ip: String| ip.parse().expect("an address");
                let all: Vec<_> = all.into_iter().map(parse).collect();
                own.allowed_ips =
                    AllowedIps::try_from(all).expect("two are not too many");
            }
            Self::Leased => {
                own.methods = Methods { dhcpv4: true, ..Methods::NONE };
                own.learned = [IpAddr::V4(IP)].into();
            }
        }
        let vnics = [(SELF, own), (OTHER, vnic(OTHER, OTHER_MAC))].into();
        flows::compile(&ResolvedSpec { vnics, ..ResolvedSpec::default() })
    }
}

fn vnic(id: LinkId, mac: [u8; 6]) -> ResolvedVnic {
    ResolvedVnic {
        id,
        name: "net0".parse().expect("a legal name"),
        zone: None,
        over: "stub0".parse().expect("a legal name"),
        segment: Segment::Etherstub(STUB),
        station: None,
        mac: Mac::new(mac),
        vid: None,
        mtu: Mtu::ETHERNET,
        maxbw: None,
        minbw: None,
        priority: Priority::OF_VNICS,
        rings: WantedRings::default(),
        flows: Vec::new(),
        protection: Protection::DEFAULT,
        allowed_ips: AllowedIps::default(),
        allowed_dhcp_cids: ClientIds::default(),
        allow_all_dhcp_cids: false,
        secondary_macs: SecondaryMacs::default(),
        promiscuous: false,
        methods: Methods::NONE,
        learned: [].into(),
        ends: Ends::Tap { owner: 0, several: false },
    }
}
