//! What makes links of containers elsewhere: CNI's plugins, and netavark.

use std::path::Path;
use std::process::Stdio;
use std::time::Instant;

use serde_json::{Value, json};

use super::case::Features;
use super::guests::Guest;
use super::model::padded;
use super::vnics::MAXBW;
use crate::bench::cni::{Container, Plugin, talk};
use crate::{Lab, Netns, door};

/// A container runtime's way to a link. Both give milliseconds.
pub(super) trait Peer {
    fn add(&self, guest: &Guest, features: Features) -> f64;
    fn del(&self, guest: &Guest, features: Features) -> f64;
}

/// The plugins `bridge` with `macspoofchk` and, for a cap, `bandwidth` after it.
#[derive(Debug)]
pub(super) struct Cni {
    bridge: Plugin,
    bandwidth: Plugin,
}

impl Cni {
    /// Finds the machine's plugins.
    pub(super) fn find(lab: &Lab) -> Option<Self> {
        let host = lab.quiet_zone("cni");
        let find = |name| Plugin::find(name, &host);
        let (bridge, bandwidth) = (find("bridge")?, find("bandwidth")?);
        Some(Self { bridge, bandwidth })
    }

    /// Calls a plugin with the configuration of the network.
    fn call(
        plugin: &Plugin,
        verb: &str,
        guest: &Guest,
        network: &Value,
    ) -> (String, f64) {
        let id = format!("c{}", guest.number);
        // It wants every zero.
        let args = format!("MAC={}", padded(&guest.mac.octets()));
        let (netns, link) = (&guest.zone, guest.link.as_str());
        let of = Container { id: &id, netns, link, args: &args };
        let (said, took) = plugin
            .timed(verb, &of, &network.to_string())
            .unwrap_or_else(|error| panic!("{error}"));
        (said, took.as_secs_f64() * 1e3)
    }
}

/// The configuration of the bridge.
fn bridge() -> Value {
    json!({
        "cniVersion": "1.0.0", "name": "bench", "type": "bridge",
        "bridge": "br0", "macspoofchk": true, "ipam": {}
    })
}

/// The configuration of the caps; `before`: what the bridge answered.
fn bandwidth(before: Option<&str>) -> Value {
    let (rate, burst) = (MAXBW.bps(), MAXBW.bps() / 100);
    let mut network = json!({
        "cniVersion": "1.0.0", "name": "bench", "type": "bandwidth",
        "ingressRate": rate, "ingressBurst": burst,
        "egressRate": rate, "egressBurst": burst,
    });
    if let Some(before) = before {
        network["prevResult"] =
            serde_json::from_str(before).expect("a plugin answers in JSON");
    }
    network
}

impl Peer for Cni {
    fn add(&self, guest: &Guest, features: Features) -> f64 {
        let (said, bridged) = Self::call(&self.bridge, "ADD", guest, &bridge());
        let capped = match features {
            Features::Plain => 0.0,
            Features::Maxbw => {
                let network = bandwidth(Some(&said));
                Self::call(&self.bandwidth, "ADD", guest, &network).1
            }
        };
        bridged + capped
    }

    fn del(&self, guest: &Guest, features: Features) -> f64 {
        let uncapped = match features {
            Features::Plain => 0.0,
            Features::Maxbw => {
                Self::call(&self.bandwidth, "DEL", guest, &bandwidth(None)).1
            }
        };
        uncapped + Self::call(&self.bridge, "DEL", guest, &bridge()).1
    }
}

/// Where Debian's netavark is.
const NETAVARK: &str = "/usr/lib/podman/netavark";

/// netavark with a bridge that leads nowhere, so without rules for a firewall.
/// It has no caps.
#[derive(Debug)]
pub(super) struct Netavark {
    host: Netns,
    /// Where it keeps what it remembers.
    dir: String,
    /// Keeps the bridge there: it goes with its last container.
    _keeper: Netns,
}

impl Netavark {
    /// Finds the machine's.
    pub(super) fn find(lab: &Lab) -> Option<Self> {
        if !Path::new(NETAVARK).exists() {
            return None;
        }
        let host = lab.quiet_zone("netavark");
        let keeper = lab.quiet_zone("netavark-keeper");
        let dir = lab.file("netavark", "");
        let dir = format!("{dir}.d");
        std::fs::create_dir(&dir).expect("the lab has room");
        let guest = Guest::new(60_000, &keeper, "net0".to_owned());
        let netavark = Self { host, dir, _keeper: keeper };
        netavark.call("setup", &guest);
        Some(netavark)
    }

    fn call(&self, verb: &str, guest: &Guest) -> f64 {
        let options = options(guest).to_string();
        let mut command = door::plain(NETAVARK);
        command
            .args(["--config", &self.dir, verb])
            .arg(guest.zone.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let (output, took) = self.host.on_thread(|| {
            let start = Instant::now();
            let output = command.spawn().and_then(|it| talk(it, &options));
            (output, super::millis(start))
        });
        let output = output.unwrap_or_else(|error| panic!("{error}"));
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "{NETAVARK} {verb}: {said}");
        took
    }
}

impl Peer for Netavark {
    fn add(&self, guest: &Guest, _: Features) -> f64 {
        self.call("setup", guest)
    }

    fn del(&self, guest: &Guest, _: Features) -> f64 {
        self.call("teardown", guest)
    }
}

/// What Podman would tell it.
fn options(guest: &Guest) -> Value {
    let Guest { number, link, mac, .. } = guest;
    let address = format!("10.88.{}.{}", number / 250, number % 250 + 2);
    let mac = padded(&mac.octets());
    json!({
        "container_id": format!("{number:064x}"),
        "container_name": format!("c{number}"),
        "networks": {"bench": {
            "static_ips": [address], "static_mac": mac, "interface_name": link,
        }},
        "network_info": {"bench": {
            "name": "bench", "id": format!("{:064x}", 1), "driver": "bridge",
            "network_interface": "podman1", "created": "2022-01-01T00:00:00Z",
            "subnets": [{"subnet": "10.88.0.0/16", "gateway": "10.88.0.1"}],
            "ipv6_enabled": false, "internal": true, "dns_enabled": false,
            "ipam_options": {"driver": "host-local"},
        }}
    })
}
