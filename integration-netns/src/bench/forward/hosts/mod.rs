//! The hosts that are compared, each with its wire, its guests and a crowd.
//!
//! ```text
//!   a [net0 .10] ──┐
//!   b [net0 .11] ──┤ host [.3] ════ [lan0 .1] wire
//!   crowd [net2..] ┘
//! ```
//!
//! All of a host's crowd is in one namespace: a namespace costs more memory
//! than a link, and none of the ways asks where a guest end is.

mod bridge;
mod cni;
mod incus;
mod macvlan;
mod pair;
mod vnics;

use std::net::Ipv4Addr;

use super::case::{Direction, Way};
use crate::bench::pair::Pair;
use crate::{Lab, Netns, Office};

/// The guests' link.
const LINK: &str = "net0";

const HOST: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 3);
const WIRE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);

/// A host whose guests are connected in one way, or in two.
pub(super) trait Host {
    /// Adds guests until there are `crowd`, or as many as the way takes.
    fn crowd_to(&mut self, crowd: usize);

    /// How many there are, those that talk among them.
    fn guests(&self) -> usize;

    /// The greatest crowd in which it takes part, and why in none greater.
    fn limit(&self) -> Option<(usize, &'static str)> {
        None
    }

    /// Who talks.
    fn stations(&self) -> Vec<(Way, &Stations)>;

    /// What a reader of the numbers should know.
    fn notes(&self) -> Vec<String> {
        Vec::new()
    }
}

/// Makes all hosts, each with the guests that talk.
pub(super) fn all(lab: &Lab) -> Vec<Box<dyn Host>> {
    vec![
        Box::new(pair::PairHost::new(lab)),
        Box::new(bridge::BridgeHost::new(lab, Way::Bridge)),
        Box::new(bridge::BridgeHost::new(lab, Way::BridgeNft)),
        Box::new(bridge::BridgeHost::new(lab, Way::Cni)),
        Box::new(macvlan::MacvlanHost::new(lab)),
        Box::new(vnics::VnicHost::new(lab)),
    ]
}

/// Two guests and whoever else they can talk to.
#[derive(Debug)]
pub(super) struct Stations {
    a: Netns,
    b: Netns,
    /// Theirs.
    addrs: [Ipv4Addr; 2],
    host: Option<Netns>,
    wire: Option<Netns>,
}

impl Stations {
    /// Who talks to whom; none where the way has no such station.
    pub(super) fn pair(&self, direction: Direction) -> Option<Pair<'_>> {
        let [a, b] = [&self.a, &self.b];
        let [a_addr, b_addr] = self.addrs;
        let (host, wire) = (self.host.as_ref(), self.wire.as_ref());
        let (from, to, to_addr) = match direction {
            Direction::ZoneToZone => (a, b, b_addr),
            Direction::ZoneToWire => (a, wire?, WIRE),
            Direction::WireToZone => (wire?, a, a_addr),
            Direction::ZoneToHost => (a, host?, HOST),
            Direction::HostToZone => (host?, a, a_addr),
        };
        Some(Pair { from, to, to_addr })
    }
}

/// A guest to be connected.
#[derive(Clone, Debug)]
struct Guest {
    number: usize,
    zone: Netns,
    link: String,
    addr: Ipv4Addr,
}

impl Guest {
    /// Two guests that talk, on links of their own zones.
    fn talkers(first: usize, a: &Netns, b: &Netns) -> [Self; 2] {
        let talker = |(number, zone): (usize, &Netns)| {
            let low = u8::try_from(10 + number).expect("few guests talk");
            let addr = Ipv4Addr::new(192, 168, 1, low);
            Self { number, zone: zone.clone(), link: LINK.to_owned(), addr }
        };
        [(first, a), (first + 1, b)].map(talker)
    }

    /// A guest of the crowd.
    fn of_crowd(number: usize, zone: &Netns) -> Self {
        let [_, _, high, low] = octets(number);
        let addr = Ipv4Addr::new(10, 0, high, low);
        let link = format!("net{number}");
        Self { number, zone: zone.clone(), link, addr }
    }

    /// Its host end, where the harness names it.
    fn port(&self) -> String {
        format!("port{}", self.number)
    }

    /// Its address.
    fn mac(&self) -> String {
        let [_, _, high, low] = octets(self.number);
        format!("02:00:00:00:{high:02x}:{low:02x}")
    }

    /// Gives a guest that talks its IP address.
    fn plumb(&self) {
        let Self { zone, link, addr, .. } = self;
        zone.ip(&format!("addr add {addr}/24 dev {link}"));
        zone.ip(&format!("link set {link} up"));
    }
}

fn octets(number: usize) -> [u8; 4] {
    u32::try_from(number).expect("no host has as many guests").to_be_bytes()
}

/// Runs many commands of `ip` in one process.
fn batch(lab: &str, netns: &Netns, lines: &[String]) {
    if lines.is_empty() {
        return;
    }
    std::fs::write(lab, lines.join("\n") + "\n")
        .unwrap_or_else(|error| panic!("{lab}: {error}"));
    netns.run("ip", &["-batch", lab]).check();
}

/// Switches guest ends on.
fn switch_on(lab: &str, guests: &[Guest]) {
    // Guests come in the order of their zones.
    for guests in guests.chunk_by(|a, b| a.zone.name() == b.zone.name()) {
        let up = |guest: &Guest| format!("link set {} up", guest.link);
        let lines: Vec<_> = guests.iter().map(up).collect();
        batch(lab, &guests[0].zone, &lines);
    }
}

/// A host and its wire under names that no other way has, the NIC up and the
/// wire's address set.
fn site(lab: &Lab, name: &str) -> Office {
    let zone = |role: &str| lab.quiet_zone(&format!("{name}-{role}"));
    let (host, wire) = (zone("host"), zone("wire"));
    lab.nic(&host, Office::NIC, Office::NIC_MAC, &wire, Office::WIRE_LINK);
    host.ip(&format!("link set {} up", Office::NIC));
    wire.ip(&format!("addr add {WIRE}/24 dev {}", Office::WIRE_LINK));
    wire.ip(&format!("link set {} up", Office::WIRE_LINK));
    Office { host, wire }
}

/// The namespaces of two guests that talk.
fn talkers(lab: &Lab, name: &str) -> [Netns; 2] {
    ["a", "b"].map(|role| lab.quiet_zone(&format!("{name}-{role}")))
}
