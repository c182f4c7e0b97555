//! Topologies: who is connected to whom, as code.

use crate::{Lab, Netd, Netns};

/// Where named namespaces are kept (ip-netns(8)).
pub(crate) const NETNS_DIR: &str = "/run/netns";

/// The host of the article with its NIC, and somebody on the wire.
///
/// ```text
///   host [bge0 192.168.1.3 fd00::3] ════ [lan0 192.168.1.1 fd00::1] wire
/// ```
#[derive(Debug)]
pub struct Office {
    /// The host.
    pub host: Netns,
    /// The peer on the LAN.
    pub wire: Netns,
}

impl Office {
    /// The host's NIC.
    pub const NIC: &str = "bge0";
    /// Its address.
    pub const NIC_MAC: &str = "9c:b6:54:bb:c3:3c";
    /// The host's IPv4 address on it.
    pub const HOST_V4: &str = "192.168.1.3";
    /// The host's IPv6 address on it.
    pub const HOST_V6: &str = "fd00::3";
    /// The peer's IPv4 address.
    pub const WIRE_V4: &str = "192.168.1.1";
    /// The peer's IPv6 address.
    pub const WIRE_V6: &str = "fd00::1";
    /// The peer's link.
    pub const WIRE_LINK: &str = "lan0";
}

impl Lab {
    /// Makes the [`Office`].
    #[track_caller]
    #[must_use]
    pub fn office(&self) -> Office {
        let (host, wire) = (self.zone("host"), self.zone("wire"));
        self.connect(&host, &wire);
        host.plumb(
            Office::NIC,
            &format!("{}/24", Office::HOST_V4),
            &format!("{}/64", Office::HOST_V6),
        );
        wire.plumb(
            Office::WIRE_LINK,
            &format!("{}/24", Office::WIRE_V4),
            &format!("{}/64", Office::WIRE_V6),
        );
        Office { host, wire }
    }

    /// Makes the [`Office`] without IP: no kernel of it says a word by itself,
    /// so that every frame on the segment is one that a story sent.
    #[track_caller]
    #[must_use]
    pub fn quiet_office(&self) -> Office {
        let (host, wire) = (self.quiet_zone("host"), self.quiet_zone("wire"));
        self.connect(&host, &wire);
        host.ip(&format!("link set {} up", Office::NIC));
        wire.ip(&format!("link set {} up", Office::WIRE_LINK));
        Office { host, wire }
    }

    /// Makes a zone: a namespace whose addresses work at once.
    #[track_caller]
    #[must_use]
    pub fn zone(&self, name: &str) -> Netns {
        let zone = self.netns(name);
        // An address that waits to hear whether it is a duplicate can't be
        // used, and nobody here answers a router solicitation.
        zone.sysctl("ipv6/conf/default/accept_dad", "0");
        zone.sysctl("ipv6/conf/default/router_solicitations", "0");
        zone
    }

    /// Makes a zone of the [`Office`]: its VNIC `net0` over the host's NIC, with
    /// further options of create-vnic, has an IPv4 address of the office's and
    /// the IPv6 address that ends alike.
    ///
    /// # Panics
    /// When netd refuses.
    #[track_caller]
    #[must_use]
    pub fn zone_with_vnic(
        &self,
        netd: &Netd,
        name: &str,
        v4: &str,
        options: &str,
    ) -> Netns {
        let zone = self.zone(name);
        let line = format!("-l {} -p zone={name} {options} net0", Office::NIC);
        netd.sh(&format!("dladm create-vnic {line}")).check();
        let v6 = v4.replace("192.168.1.", "fd00::");
        zone.plumb("net0", &format!("{v4}/24"), &format!("{v6}/64"));
        zone
    }

    /// Makes a zone without IPv6, whose kernel sends nothing by itself.
    #[track_caller]
    #[must_use]
    pub fn quiet_zone(&self, name: &str) -> Netns {
        let zone = self.netns(name);
        zone.sysctl("ipv6/conf/all/disable_ipv6", "1");
        zone.sysctl("ipv6/conf/default/disable_ipv6", "1");
        zone
    }

    /// Lays the cable of the [`Office`], both ends down.
    #[track_caller]
    fn connect(&self, host: &Netns, wire: &Netns) {
        self.nic(host, Office::NIC, Office::NIC_MAC, wire, Office::WIRE_LINK);
    }

    /// Gives a host a NIC and lays its cable: a veth pair across two
    /// namespaces, which looks like a NIC from both. Both ends are down.
    #[track_caller]
    pub fn nic(
        &self,
        host: &Netns,
        nic: &str,
        mac: &str,
        wire: &Netns,
        far_end: &str,
    ) {
        let (host, wire) = (host, wire.name());
        host.ip(&format!(
            "link add {nic} address {mac} \
             type veth peer name {far_end} netns {wire}"
        ));
    }
}

impl Netns {
    /// Gives a link its addresses and switches it on.
    #[track_caller]
    pub fn plumb(&self, link: &str, v4: &str, v6: &str) {
        self.ip(&format!("addr add {v4} dev {link}"));
        self.ip(&format!("addr add {v6} dev {link} nodad"));
        self.ip(&format!("link set {link} up"));
    }
}
