//! The ways to connect two guests of a host, and how to crowd each with more.

use std::fmt::Write as _;
use std::net::Ipv4Addr;

use fabric::api::CreateVnic;
use serde::Serialize;

use super::load::Pair;
use crate::{Lab, Netd, Netns, Office};

/// A way to connect guests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    /// One veth pair from guest to guest: the limit.
    Veth,
    /// A Linux bridge, no rule.
    Bridge,
    /// A Linux bridge with a base chain per NIC against forged addresses, as
    /// Incus writes it for `security.mac_filtering`.
    BridgeNft,
    /// macvlan devices in bridge mode: no policy, and no way to the host.
    Macvlan,
    /// VNICs, with mac-nospoof.
    Vnic,
}

impl Way {
    pub(super) const ALL: [Self; 5] =
        [Self::Veth, Self::Bridge, Self::BridgeNft, Self::Macvlan, Self::Vnic];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Veth => "veth pair (the limit)",
            Self::Bridge => "bridge, no rule",
            Self::BridgeNft => "bridge + nftables",
            Self::Macvlan => "macvlan, no policy",
            Self::Vnic => "VNIC, mac-nospoof",
        }
    }
}

/// Two guests connected in one way, and the host between them.
#[derive(Debug)]
pub(super) struct Rig {
    way: Way,
    host: Netns,
    /// Where the guest ends of the crowd are.
    crowd: Netns,
    a: Netns,
    b: Netns,
    netd: Option<Netd>,
    guests: usize,
    _wire: Netns,
}

/// The guests' link.
const LINK: &str = "net0";

const A: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 10);
const B: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 11);

impl Rig {
    pub(super) fn new(lab: &Lab, way: Way) -> Self {
        let short = format!("{way:?}").to_lowercase();
        let zone = |role: &str| lab.quiet_zone(&format!("{short}-{role}"));
        let (a, b, crowd) = (zone("a"), zone("b"), zone("crowd"));
        let Office { host, wire } = if way == Way::Vnic {
            lab.office()
        } else {
            Office { host: zone("host"), wire: zone("wire") }
        };
        let mut rig =
            Self { way, host, crowd, a, b, netd: None, guests: 0, _wire: wire };
        rig.prepare(lab);
        let (a, b) = (rig.a.clone(), rig.b.clone());
        if way == Way::Veth {
            let b = b.name();
            rig.a.ip(&format!(
                "link add {LINK} type veth peer name {LINK} netns {b}"
            ));
        } else {
            rig.add_guest(&a, LINK);
            rig.add_guest(&b, LINK);
        }
        for (zone, addr) in [(&rig.a, A), (&rig.b, B)] {
            zone.ip(&format!("addr add {addr}/24 dev {LINK}"));
            zone.ip(&format!("link set {LINK} up"));
        }
        rig
    }

    fn prepare(&mut self, lab: &Lab) {
        let host = &self.host;
        match self.way {
            Way::Veth => {}
            Way::Vnic => self.netd = Some(Netd::start(lab, host, None)),
            Way::Bridge | Way::BridgeNft => {
                host.ip("link add br0 type bridge");
                host.ip("link set br0 up");
                if self.way == Way::BridgeNft {
                    host.run("nft", &["add table bridge incus"]).check();
                }
            }
            Way::Macvlan => {
                let wire = self._wire.name();
                host.ip(&format!(
                    "link add bge0 type veth peer name lan0 netns {wire}"
                ));
                host.ip("link set bge0 up");
                self._wire.ip("link set lan0 up");
            }
        }
    }

    /// Adds guests until there are `count`; the two that talk are among them.
    pub(super) fn crowd_to(&mut self, count: usize) {
        let crowd = self.crowd.clone();
        if self.way == Way::Veth {
            return;
        }
        for number in self.guests..count {
            self.add_guest(&crowd, &format!("net{number}"));
        }
    }

    fn add_guest(&mut self, zone: &Netns, link: &str) {
        let number = self.guests;
        self.guests += 1;
        let (host, zone) = (&self.host, zone.name());
        let port = format!("port{number}");
        match self.way {
            Way::Veth => unreachable!("a pair has no third end"),
            Way::Bridge => {
                host.ip(&format!(
                    "link add {port} master br0 type veth \
                     peer name {link} netns {zone}"
                ));
                host.ip(&format!("link set {port} up"));
            }
            Way::BridgeNft => {
                let mac = format!(
                    "02:00:00:00:{:02x}:{:02x}",
                    number >> 8,
                    number & 0xff
                );
                host.ip(&format!(
                    "link add {port} master br0 type veth \
                     peer name {link} address {mac} netns {zone}"
                ));
                host.ip(&format!("link set {port} up"));
                host.run("nft", &[&rules(&port, &mac)]).check();
            }
            Way::Macvlan => {
                host.ip(&format!(
                    "link add {port} link bge0 type macvlan mode bridge"
                ));
                host.ip(&format!("link set {port} netns {zone} name {link}"));
            }
            Way::Vnic => {
                let netd = self.netd.as_ref().expect("prepared");
                let request = CreateVnic {
                    name: link.parse().expect("a legal name"),
                    over: Office::NIC.to_owned(),
                    mac: None,
                    mac_prefix: None,
                    vid: None,
                    zone: Some(zone.parse().expect("a legal zone")),
                    props: fabric::VnicProps::default(),
                    temporary: false,
                };
                netd.client().create_vnic(&request).expect("netd creates it");
            }
        }
    }

    /// The two that talk.
    pub(super) fn pair(&self) -> Pair<'_> {
        let (from, to) = (&self.a, &self.b);
        Pair { from, to, to_link: LINK, to_addr: B }
    }
}

/// The chains of one NIC: its own address as source, in Ethernet and in ARP.
fn rules(port: &str, mac: &str) -> String {
    let mut text = String::new();
    for hook in ["input", "forward"] {
        let chain = format!("{hook}_{port}");
        // Writing to a String can't fail.
        let _ = write!(
            text,
            "add chain bridge incus {chain} {{ type filter hook {hook} \
             priority -200; policy accept; }}\n\
             add rule bridge incus {chain} iifname \"{port}\" \
             ether saddr != {mac} drop\n\
             add rule bridge incus {chain} iifname \"{port}\" \
             arp saddr ether != {mac} drop\n"
        );
    }
    text
}
