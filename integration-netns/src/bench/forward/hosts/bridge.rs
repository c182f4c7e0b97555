//! A Linux bridge with the NIC and the guests as its ports, and what may filter
//! between them.

use super::cni::Plugin;
use super::{
    Guest, HOST, Host, Stations, batch, cni, incus, site, switch_on, talkers,
};
use crate::bench::forward::case::Way;
use crate::{Lab, Netns, Office};

/// A bridge has 1,023 ports (the kernel's `BR_MAX_PORTS`), and the NIC is one.
const MOST: usize = 1022;

/// A host with a bridge.
#[derive(Debug)]
pub(super) struct BridgeHost {
    way: Way,
    stations: Stations,
    host: Netns,
    crowd: Netns,
    /// Files for commands and for rules.
    file: String,
    rules: String,
    plugin: Option<Plugin>,
    guests: usize,
}

impl BridgeHost {
    pub(super) fn new(lab: &Lab, way: Way) -> Self {
        let name = format!("{way:?}").to_lowercase();
        let Office { host, wire } = site(lab, &name);
        let nic = Office::NIC;
        // With an address of its own: one taken from its ports would change
        // when a port comes.
        host.ip("link add br0 address 02:00:00:ff:ff:01 type bridge");
        host.ip("link set br0 up");
        host.ip(&format!("link set {nic} master br0"));
        host.ip(&format!("addr add {HOST}/24 dev br0"));
        let [a, b] = talkers(lab, &name);
        let guests = Guest::talkers(0, &a, &b);
        let addrs = guests.each_ref().map(|guest| guest.addr);
        let mut this = Self {
            way,
            stations: Stations {
                a,
                b,
                addrs,
                host: Some(host.clone()),
                wire: Some(wire),
            },
            crowd: lab.quiet_zone(&format!("{name}-crowd")),
            file: lab.file(&name, ""),
            rules: lab.file(&format!("{name}.nft"), ""),
            plugin: (way == Way::Cni).then(|| Plugin::find(&host)).flatten(),
            host,
            guests: 0,
        };
        match way {
            Way::BridgeNft => this.nft(incus::TABLE),
            Way::Cni if this.plugin.is_none() => this.nft(cni::TABLE),
            _ => {}
        }
        this.add(&guests);
        guests.iter().for_each(Guest::plumb);
        this
    }

    fn add(&mut self, guests: &[Guest]) {
        let by_plugin = if self.plugin.is_some() {
            cni::BY_PLUGIN.saturating_sub(self.guests).min(guests.len())
        } else {
            0
        };
        let (by_plugin, written) = guests.split_at(by_plugin);
        if let Some(plugin) = &self.plugin {
            by_plugin.iter().for_each(|guest| plugin.add(guest));
        }
        let lines: Vec<_> = written.iter().flat_map(port).collect();
        batch(&self.file, &self.host, &lines);
        switch_on(&self.file, written);
        let rules: fn(&Guest) -> String = match self.way {
            Way::BridgeNft => incus::rules,
            Way::Cni => cni::rules,
            _ => |_| String::new(),
        };
        let rules: String = written.iter().map(rules).collect();
        if !rules.is_empty() {
            self.nft(&rules);
        }
        self.guests += guests.len();
    }

    /// One transaction.
    fn nft(&self, rules: &str) {
        std::fs::write(&self.rules, rules)
            .unwrap_or_else(|error| panic!("{}: {error}", self.rules));
        self.host.run("nft", &["-f", &self.rules]).check();
    }
}

/// A veth pair, one end of it a port of the bridge.
fn port(guest: &Guest) -> [String; 2] {
    let (port, mac) = (guest.port(), guest.mac());
    let (link, zone) = (&guest.link, guest.zone.name());
    [
        format!(
            "link add {port} master br0 type veth \
             peer name {link} address {mac} netns {zone}"
        ),
        format!("link set {port} up"),
    ]
}

impl Host for BridgeHost {
    fn crowd_to(&mut self, crowd: usize) {
        let numbers = self.guests..crowd.min(MOST);
        let guest = |number| Guest::of_crowd(number, &self.crowd);
        let guests: Vec<_> = numbers.map(guest).collect();
        self.add(&guests);
    }

    fn guests(&self) -> usize {
        self.guests
    }

    fn limit(&self) -> Option<(usize, &'static str)> {
        Some((1024, "a bridge has 1,023 ports: the NIC and 1,022 guests"))
    }

    fn stations(&self) -> Vec<(Way, &Stations)> {
        vec![(self.way, &self.stations)]
    }

    fn notes(&self) -> Vec<String> {
        match self.way {
            Way::BridgeNft => vec![incus::NOTE.to_owned()],
            Way::Cni => vec![cni::note(self.plugin.as_ref())],
            _ => Vec::new(),
        }
    }
}
