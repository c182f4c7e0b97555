//! What the CNI plugin `bridge` makes of a guest, with `macspoofchk`.
//!
//! The plugin itself is called, as a container runtime would: what to do in the
//! environment, the network's configuration on standard input. It starts `nft`
//! twice for each guest, which reads all rules each time, so only the first
//! guests of a crowd are its own; the others get the same links and rules in
//! one go.

use std::io::Write;
use std::path::Path;
use std::process::Stdio;

use super::Guest;
use crate::Netns;

/// Guests that the plugin connects; those that talk are among them.
pub(super) const BY_PLUGIN: usize = 64;

/// Where Debian's containernetworking-plugins has it.
const PLUGIN: &str = "/usr/lib/cni/bridge";

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
pub(super) struct Plugin {
    host: Netns,
}

impl Plugin {
    /// Finds the machine's.
    pub(super) fn find(host: &Netns) -> Option<Self> {
        Path::new(PLUGIN).exists().then(|| Self { host: host.clone() })
    }

    /// Has it connect a guest.
    pub(super) fn add(&self, guest: &Guest) {
        let mut child = self.host.spawn_with(Path::new(PLUGIN), |command| {
            command
                .env("CNI_COMMAND", "ADD")
                .env("CNI_CONTAINERID", format!("c{}", guest.number))
                .env("CNI_NETNS", guest.zone.path())
                .env("CNI_IFNAME", &guest.link)
                .env("CNI_ARGS", format!("MAC={}", guest.mac()))
                .env("CNI_PATH", "/usr/lib/cni")
                .stdin(Stdio::piped())
                .stdout(Stdio::piped());
        });
        let mut stdin = child.stdin.take().expect("it is piped");
        // One that doesn't read says why not.
        let _ = stdin.write_all(NETWORK.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("it ends");
        let text = String::from_utf8_lossy(&output.stdout);
        let number = guest.number;
        assert!(output.status.success(), "CNI ADD of guest {number}: {text}");
    }
}

/// What a reader should know.
pub(super) fn note(plugin: Option<&Plugin>) -> String {
    match plugin {
        Some(_) => format!(
            "cni: the plugin {PLUGIN} itself for the first {BY_PLUGIN} guests, \
             its links and rules as it makes them for the others"
        ),
        None => format!(
            "cni: there is no {PLUGIN}, so links and rules are written as it \
             makes them"
        ),
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
