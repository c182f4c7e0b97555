//! A namespace's own counters, read again and again.

use std::fs::File;
use std::io::{Read, Seek};

use crate::Netns;

/// Numbers of a file below `/proc/net`. The file keeps to the namespace that
/// it was opened in.
#[derive(Debug)]
pub(super) struct Counter(File);

impl Counter {
    /// What IP, TCP and UDP count.
    pub(super) fn snmp(netns: &Netns) -> Self {
        Self::open(netns, "snmp")
    }

    /// What links count.
    pub(super) fn links(netns: &Netns) -> Self {
        Self::open(netns, "dev")
    }

    fn open(netns: &Netns, file: &str) -> Self {
        let path = format!("/proc/thread-self/net/{file}");
        Self(netns.on_thread(|| File::open(path)).expect("every kernel has it"))
    }

    /// A number of a protocol, as `Ip` and `InReceives`.
    pub(super) fn protocol(&mut self, protocol: &str, name: &str) -> u64 {
        of_protocol(&self.text(), protocol, name)
            .unwrap_or_else(|| panic!("the kernel counts no {protocol} {name}"))
    }

    /// The bytes that a link has received, the Ethernet header among them.
    pub(super) fn bytes_received(&mut self, link: &str) -> u64 {
        of_link(&self.text(), link)
            .unwrap_or_else(|| panic!("the kernel knows no {link}"))
    }

    fn text(&mut self) -> String {
        let mut text = String::new();
        self.0.rewind().expect("the kernel writes it anew");
        self.0.read_to_string(&mut text).expect("it is text");
        text
    }
}

/// Finds a number in a protocol's two lines, names and numbers.
fn of_protocol(snmp: &str, protocol: &str, name: &str) -> Option<u64> {
    let mut lines = snmp
        .lines()
        .filter_map(|line| line.strip_prefix(protocol)?.strip_prefix(": "));
    let names = lines.next()?.split_whitespace();
    let mut named = names.zip(lines.next()?.split_whitespace());
    named.find(|(at, _)| *at == name)?.1.parse().ok()
}

/// Finds the first number behind a link's name.
fn of_link(dev: &str, link: &str) -> Option<u64> {
    let rest = dev.lines().find_map(|line| {
        line.trim_start().strip_prefix(link)?.strip_prefix(':')
    })?;
    rest.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_protocols_number_is_found_by_its_name() {
        let text = "Ip: Forwarding DefaultTTL InReceives InHdrErrors\n\
                    Ip: 2 64 4711 0\nTcp: RetransSegs\nTcp: 3\n";
        for (protocol, name, want) in [
            ("Ip", "InReceives", Some(4711)),
            ("Tcp", "RetransSegs", Some(3)),
            ("Tcp", "InReceives", None),
            ("Udp", "InErrors", None),
        ] {
            assert_eq!(of_protocol(text, protocol, name), want, "{name}");
        }
        for text in ["", "Ip: InReceives\n", "Ip: A\nIp: 1\n"] {
            assert_eq!(of_protocol(text, "Ip", "InReceives"), None, "{text:?}");
        }
    }

    #[test]
    fn a_links_bytes_are_found_by_its_whole_name() {
        let text = "Inter-|   Receive\n face |bytes    packets errs\n    \
                    lo:     7       1    0\n net10:      9       2    0\n  \
                    net1: 4711      50    0\n";
        for (link, want) in [
            ("lo", Some(7)),
            ("net1", Some(4711)),
            ("net10", Some(9)),
            ("net", None),
        ] {
            assert_eq!(of_link(text, link), want, "{link}");
        }
    }
}
