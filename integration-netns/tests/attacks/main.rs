//! Attacks: what root in a guest sends, who knows the network, to take what is
//! its neighbours'. All four protections are on, and none of it goes anywhere.
//!
//!   mallory [net0 .66] ─┐
//!                       host [bge0 .3] ════ [lan0 .1] wire
//!   alice   [net0 .11] ─┘
//!
//! mallory's addresses are fixed, or are to be leased. Each attack goes to
//! everybody, and to alice, host and wire by themselves. `table`, `neighbors`
//! and `dhcp` have the attacks; `zone` tries them from a namespace and `guest` from a virtual
//! machine. Without protection they work, which shows that they are well made.

mod dhcp;
#[path = "../../../flows/tests/datapath/frames.rs"]
#[allow(dead_code, reason = "the data plane's own tests use all of it")]
mod frames;
mod guest;
mod neighbors;
#[path = "../../../flows/tests/datapath/packets.rs"]
#[allow(dead_code, reason = "the data plane's own tests use all of it")]
mod packets;
mod table;
mod whole;
mod zone;

use fabric::{DropReason, Mac};
use integration_netns::probe::Ear;
use integration_netns::{Counters, Lab, Netd, Netns, Office};

use crate::frames::Address;
use crate::table::{ALICE, MALLORY, WIRE};

/// Everything that is checked, of a guest that may lease.
const LEASING: &str =
    ",protection=mac-nospoof,restricted,ip-nospoof,dhcp-nospoof";
/// mallory's addresses, where they are fixed.
const ADDRESSES: &str = "192.168.1.66,fd00::66";

/// What a story starts from.
struct Story {
    netd: Netd,
    alice: Netns,
    office: Office,
    /// The last to go: the others show their state first.
    lab: Lab,
}

impl Story {
    /// Nobody has IP: each frame is one of the story's.
    #[track_caller]
    fn quiet(lab: Lab, props: &str) -> Self {
        let office = lab.quiet_office();
        let alice = lab.quiet_zone("alice");
        let story = Self::begin(lab, office, alice, props);
        story.alice.ip("link set net0 up");
        story
    }

    /// Everybody but mallory has IP.
    #[track_caller]
    fn real(lab: Lab, props: &str) -> Self {
        let office = lab.office();
        let alice = lab.zone("alice");
        let story = Self::begin(lab, office, alice, props);
        story.alice.plumb("net0", "192.168.1.11/24", "fd00::11/64");
        story
    }

    #[track_caller]
    fn begin(lab: Lab, office: Office, alice: Netns, props: &str) -> Self {
        let link = Office::WIRE_LINK;
        let mac = padded(WIRE);
        office.wire.ip(&format!("link set {link} address {mac}"));
        let netd = Netd::start(&lab, &office.host, None);
        let mallory = format!("zone=mallory{props}");
        for (mac, props) in [(MALLORY, &*mallory), (ALICE, "zone=alice")] {
            let mac = padded(mac);
            let line = format!("-l bge0 -m {mac} -p {props} net0");
            netd.sh(&format!("dladm create-vnic {line}")).check();
        }
        Self { netd, alice, office, lab }
    }

    /// Waits until mallory's frames were dropped, and nothing else was counted.
    #[track_caller]
    fn dropped(&self, before: &Counters, reason: DropReason, frames: u64) {
        let reason = serde_json::to_value(reason).expect("it is a word");
        let reason = reason.as_str().expect("it is a word");
        let name = format!("mallory/net0 drops.{reason}");
        before.assert_moved(&self.netd, &[(&name, frames)]);
    }

    /// What alice, host and wire hear from now on.
    #[track_caller]
    fn ears(&self) -> [Ear; 3] {
        [
            Ear::on(&self.alice, "net0"),
            Ear::on(&self.office.host, Office::NIC),
            Ear::on(&self.office.wire, Office::WIRE_LINK),
        ]
    }
}

fn padded(mac: Address) -> String {
    Mac::from(mac).padded()
}

/// Everything that is checked, of a guest whose addresses are fixed.
fn fixed() -> String {
    format!("{LEASING},allowed-ips={ADDRESSES}")
}

/// Checks that an honest frame, sent last, is all that anybody has heard.
#[track_caller]
fn heard_only(ears: [Ear; 3], honest: &[u8]) {
    for mut ear in ears {
        ear.hears_bytes(honest);
        let others = ear.all().iter().filter(|heard| *heard != honest);
        let others: Vec<_> = others.collect();
        assert!(others.is_empty(), "{} heard {others:02x?}", ear.place());
    }
}
