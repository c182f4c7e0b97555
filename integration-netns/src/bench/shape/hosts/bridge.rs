//! A guest on a bridge with the NIC, as the peers connect it, capped at its
//! host end.

use super::cni::{Bandwidth, Guest};
use super::tc::clear;
use super::{GUEST, Host, LINK, WIRE, incus, libvirt};
use crate::bench::pair::Pair;
use crate::bench::shape::case::{Cap, Direction, Way};
use crate::{Lab, Netns, Office};

/// The guest's host end.
const PORT: &str = "port0";

/// A host with a bridge and one guest.
#[derive(Debug)]
pub(super) struct BridgeHost {
    way: Way,
    guest: Guest,
    wire: Netns,
    bandwidth: Bandwidth,
    /// What can't be built here, and why.
    refused: Vec<(Direction, String)>,
}

impl BridgeHost {
    pub(super) fn new(lab: &Lab, way: Way) -> Self {
        let zone = |role: &str| {
            let name = format!("{way:?}-{role}").to_lowercase();
            lab.quiet_zone(&name)
        };
        let (host, wire, zone) = (zone("host"), zone("wire"), zone("guest"));
        let (nic, lan) = (Office::NIC, Office::WIRE_LINK);
        lab.nic(&host, nic, Office::NIC_MAC, &wire, lan);
        host.ip("link add br0 address 02:00:00:ff:ff:01 type bridge");
        host.ip("link set br0 up");
        host.ip(&format!("link set {nic} up master br0"));
        let name = zone.name();
        host.ip(&format!(
            "link add {PORT} master br0 type veth peer name {LINK} netns {name}"
        ));
        host.ip(&format!("link set {PORT} up"));
        super::plumb(&wire, lan, WIRE);
        super::plumb(&zone, LINK, GUEST);
        let bandwidth = Bandwidth::find(&host);
        let (port, link) = (PORT.to_owned(), LINK.to_owned());
        let guest = Guest { host, zone, port, link };
        let mut this =
            Self { way, guest, wire, bandwidth, refused: Vec::new() };
        this.refused = this.try_all();
        this
    }

    /// Tries what the kernel can do of it, and leaves no cap.
    fn try_all(&mut self) -> Vec<(Direction, String)> {
        let mut refused = Vec::new();
        for direction in Direction::ALL {
            if let Err(why) = self.build(direction, Cap::mbps(100)) {
                refused.push((direction, why));
            }
        }
        self.clear();
        refused
    }

    fn build(&mut self, direction: Direction, cap: Cap) -> Result<(), String> {
        let host = &self.guest.host;
        match self.way {
            Way::Incus => incus::cap(host, PORT, direction, cap),
            Way::Libvirt => libvirt::cap(host, PORT, direction, cap),
            Way::Cni | Way::Vnic => {
                self.bandwidth.cap(&self.guest, direction, cap)
            }
        }
    }

    fn clear(&mut self) {
        if self.way == Way::Cni {
            self.bandwidth.clear(&self.guest);
        }
        clear(&self.guest.host, PORT);
    }

    fn takes(&self, direction: Direction) -> bool {
        self.refused.iter().all(|(refused, _)| *refused != direction)
    }
}

impl Host for BridgeHost {
    fn way(&self) -> Way {
        self.way
    }

    fn cap(&mut self, cap: Option<Cap>) {
        self.clear();
        let Some(cap) = cap else { return };
        for direction in Direction::ALL {
            if self.takes(direction) {
                let built = self.build(direction, cap);
                built.unwrap_or_else(|why| panic!("{cap}: {why}"));
            }
        }
    }

    fn pair(&self, direction: Direction) -> Option<(Pair<'_>, &str)> {
        let stations = super::stations(&self.guest.zone, LINK, &self.wire);
        self.takes(direction).then(|| stations(direction))
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = vec![match self.way {
            Way::Incus => incus::NOTE.to_owned(),
            Way::Libvirt => libvirt::NOTE.to_owned(),
            Way::Cni | Way::Vnic => self.bandwidth.note(),
        }];
        let way = self.way.name();
        notes.extend(self.refused.iter().map(|(direction, why)| {
            let direction = direction.name();
            format!("{way}, {direction}: can't be built on this kernel: {why}")
        }));
        notes
    }
}
