//! What the CNI plugin `bridge` makes of a guest, with `macspoofchk`.
//!
//! The plugin itself is called, as a container runtime would: what to do in the
//! environment, the network's configuration on standard input. It starts `nft`
//! twice for each guest, which reads all rules each time, so only the first
//! guests of a crowd are its own; the others get the same links and rules in
//! one go.

use super::Guest;
use crate::Netns;
use crate::bench::cni::{self, Container};

/// Guests that the plugin connects; those that talk are among them.
pub(super) const BY_PLUGIN: usize = 64;

/// A network without addresses of its own: those that talk are given theirs.
const NETWORK: &str = r#"{
    "cniVersion": "1.0.0", "name": "bench", "type": "bridge",
    "bridge": "br0", "macspoofchk": true, "ipam": {}
}"#;

/// The table and the base chain that the plugin makes with its first guest.
pub(super) const TABLE: &str = "\
add table bridge nat
add chain bridge nat PREROUTING { type filter hook prerouting priority -300; policy accept; }
";

/// The plugin on a host.
#[derive(Debug)]
pub(super) struct Plugin(cni::Plugin);

impl Plugin {
    /// Finds the machine's.
    pub(super) fn find(host: &Netns) -> Option<Self> {
        cni::Plugin::find("bridge", host).map(Self)
    }

    /// Has it connect a guest.
    pub(super) fn add(&self, guest: &Guest) {
        let id = format!("c{}", guest.number);
        let args = format!("MAC={}", guest.mac());
        let (netns, link) = (&guest.zone, guest.link.as_str());
        let of = Container { id: &id, netns, link, args: &args };
        let done = self.0.call("ADD", &of, NETWORK);
        done.unwrap_or_else(|error| panic!("guest {id}: {error}"));
    }
}

/// What a reader should know.
pub(super) fn note(plugin: Option<&Plugin>) -> String {
    match plugin {
        Some(Plugin(plugin)) => format!(
            "cni: the plugin {} itself for the first {BY_PLUGIN} guests, \
             its links and rules as it makes them for the others",
            plugin.path
        ),
        None => "cni: the plugin is not there, so links and rules are written \
                 as it makes them"
            .to_owned(),
    }
}

/// The rules that the plugin makes for a guest.
pub(super) fn rules(guest: &Guest) -> String {
    let (port, mac) = (guest.port(), guest.mac());
    let id = format!("c{}-{}", guest.number, guest.link);
    let (chain, why) =
        (format!("cni-br-iface-{id}"), format!("comment \"macspoofchk-{id}\""));
    let add = |chain: &str, rule: &str| {
        format!("add rule bridge nat {chain} {rule} {why}\n")
    };
    [
        format!("add chain bridge nat {chain}\n"),
        format!("add chain bridge nat {chain}-mac\n"),
        add("PREROUTING", &format!("iifname \"{port}\" jump {chain}")),
        add(&chain, &format!("jump {chain}-mac")),
        add(&format!("{chain}-mac"), &format!("ether saddr {mac} return")),
        add(&format!("{chain}-mac"), "drop"),
    ]
    .concat()
}
