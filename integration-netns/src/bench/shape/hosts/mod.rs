//! The hosts that are compared, each with its wire and a guest to be capped.
//!
//! ```text
//!   guest [net0 .10] ── host ════ [lan0 .1] wire
//! ```

mod bridge;
mod cni;
mod flows;
mod incus;
mod libvirt;
mod tc;
mod vnics;

use std::net::Ipv4Addr;

use super::case::{Cap, Direction, Way};
use crate::bench::pair::Pair;
use crate::{Lab, Netd, Netns, Office};
pub(super) use flows::{FlowHost, PORT, sent_in_last};
pub(super) use vnics::VnicHost;

/// The capped guest's link, where the harness names it.
const LINK: &str = "net0";

const GUEST: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 10);
const WIRE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 1);

/// A host whose guest is capped in one way.
pub(super) trait Host {
    fn way(&self) -> Way;

    /// Caps the guest in both directions, or no more.
    fn cap(&mut self, cap: Option<Cap>);

    /// Who talks, and the receiver's link; none where the kernel can't do what
    /// the way wants.
    fn pair(&self, direction: Direction) -> Option<(Pair<'_>, &str)>;

    /// What a reader of the numbers should know.
    fn notes(&self) -> Vec<String>;
}

/// Makes the peers' hosts.
pub(super) fn peers(lab: &Lab) -> Vec<Box<dyn Host>> {
    let host =
        |way| -> Box<dyn Host> { Box::new(bridge::BridgeHost::new(lab, way)) };
    Way::PEERS.map(host).into()
}

/// A guest and the wire, as sender and receiver.
fn stations<'a>(
    guest: &'a Netns,
    link: &'a str,
    wire: &'a Netns,
) -> impl Fn(Direction) -> (Pair<'a>, &'a str) {
    move |direction| match direction {
        Direction::FromGuest => {
            let pair = Pair { from: guest, to: wire, to_addr: WIRE };
            (pair, Office::WIRE_LINK)
        }
        Direction::ToGuest => {
            (Pair { from: wire, to: guest, to_addr: GUEST }, link)
        }
    }
}

/// Runs `dladm`, which has to succeed.
fn run(netd: &Netd, words: &str) {
    netd.sh(&format!("dladm {words}")).check();
}

/// Gives a station its IP address.
fn plumb(netns: &Netns, link: &str, addr: Ipv4Addr) {
    netns.ip(&format!("addr add {addr}/24 dev {link}"));
    netns.ip(&format!("link set {link} up"));
}
