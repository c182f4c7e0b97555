//! One VNIC from the request to its first packet, beside `ip link add`.
//!
//! ```text
//!   zone [one0] ── vnic-N [host] bge0 ════ lan0 [wire]    a VNIC, by netd
//!   zone [v0]   ── p0 [host]                              the same veth by ip
//! ```
//!
//! Timed for the VNIC: the request, its answer, the guest end switched on, and a
//! frame sent from it and received on the wire. Timed beside it: the same veth
//! pair, its peer born in the zone with the same MAC, and both ends switched on;
//! once by `ip`, as a script would, and once by the same messages without a
//! process. These carry no packet, know no neighbour and enforce nothing.

use std::fs::File;
use std::process::ExitStatus;
use std::time::Instant;

use super::case::{Features, Question, Way};
use super::guests::Guest;
use super::{Bench, millis};
use crate::bench::links::Links;
use crate::probe::{Ear, Frame};
use crate::{Netns, Office, door};

/// The places and tools.
struct Places {
    one: [Guest; 1],
    inside: Links,
    outside: Links,
    zone_file: File,
    wire: Ear,
}

/// Measures all ways in turns.
pub(super) fn measure(bench: &mut Bench) {
    let zone = bench.lab.quiet_zone("packet");
    let mut places = Places {
        one: [Guest::new(0, &zone, "one0".to_owned())],
        inside: Links::of(&zone),
        outside: Links::of(bench.vnics.host()),
        zone_file: File::open(zone.path()).expect("the zone is there"),
        wire: Ear::on(bench.vnics.wire(), Office::WIRE_LINK),
    };
    let features = Features::Plain;
    for turn in 0..=bench.scale.packets {
        let (answered, heard) = places.vnic(bench);
        let forked = places.by_ip(bench.vnics.host());
        let direct = places.by_netlink(bench.vnics.host());
        // The first one warms up.
        if turn == 0 {
            continue;
        }
        for (question, way, answer) in [
            (Question::PacketAnswered, Way::NetdEach, answered),
            (Question::PacketHeard, Way::NetdEach, heard),
            (Question::PacketAnswered, Way::Ip, forked),
            (Question::PacketAnswered, Way::Messages, direct),
        ] {
            bench.add(question, features, 1, way, answer);
        }
    }
}

impl Places {
    /// A VNIC: until netd has answered, and until its first packet arrives.
    fn vnic(&mut self, bench: &Bench) -> (f64, f64) {
        let Guest { zone, link, mac, .. } = &self.one[0];
        let frame = Frame::new(&mac.to_string(), Frame::BROADCAST);
        let start = Instant::now();
        let answered = bench.vnics.create_each(&self.one, Features::Plain);
        self.inside.up(link);
        // Kept until the clock has stopped: closing a raw socket waits for
        // the whole kernel to let go of it.
        let mut guest = Ear::on(zone, link);
        guest.say(&frame);
        self.wire.hears(&frame);
        let heard = millis(start);
        drop(guest);
        bench.vnics.delete_each(&self.one);
        (answered, heard)
    }

    /// A veth pair by two calls of `ip` on the host and one in the zone.
    fn by_ip(&self, host: &Netns) -> f64 {
        let Guest { zone, mac, .. } = &self.one[0];
        let name = zone.name();
        let start = Instant::now();
        ip(
            host,
            &format!(
                "link add p0 mtu 1500 type veth \
                 peer name v0 address {mac} mtu 1500 netns {name}"
            ),
        );
        ip(host, "link set p0 up");
        ip(zone, "link set v0 up");
        let done = millis(start);
        host.ip("link del p0");
        done
    }

    /// The same pair by netlink.
    fn by_netlink(&self, host: &Netns) -> f64 {
        let mac = self.one[0].mac;
        let start = Instant::now();
        self.outside.add_pair("p0", "v0", mac, &self.zone_file);
        self.outside.up("p0");
        self.inside.up("v0");
        let done = millis(start);
        host.ip("link del p0");
        done
    }
}

/// Runs `ip` and nothing else: the lab's own way to start a program takes three
/// more `execve` calls, which a script would not pay for.
fn ip(netns: &Netns, words: &str) {
    let status = netns.on_thread(|| {
        door::plain("ip").args(words.split_whitespace()).status()
    });
    let ok = status.as_ref().is_ok_and(ExitStatus::success);
    assert!(ok, "ip {words}: {status:?}");
}
