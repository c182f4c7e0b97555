//! One VNIC, from the request to its first packet.
//!
//! ```text
//!   zone [net0] ── vnic-N ─ host [bge0] ════ [lan0] wire   hears the packet
//!   zone [v0]   ── p0 ───── host            the same veth by `ip link add`
//! ```
//!
//! Timed for the VNIC: the request, its answer, the guest end switched on, and a
//! frame sent from it and received on the wire. Timed beside it: the same veth
//! pair, its peer born in the zone with the same MAC, and both ends switched on;
//! once by `ip`, as a script would, and once by the same messages without a
//! process. These carry no packet, know no neighbour and enforce nothing.

use std::fmt;
use std::fs::File;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

use fabric::Mac;
use fabric::api::CreateVnic;
use serde::Serialize;

use super::links::Links;
use super::machine::Machine;
use super::sample::Sample;
use crate::probe::{Ear, Frame};
use crate::{Lab, LabError, Netd, Netns, Office, article, door};

/// The first round warms up and is not counted.
const ROUNDS: usize = 6;
const TIMES: usize = 20;

/// The address of every guest end: only one is there at a time.
const MAC: &str = "2:8:20:0:0:1";

/// What was measured.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    machine: Machine,
    rounds: usize,
    times_per_round: usize,
    samples: Vec<Sample>,
}

/// The places and tools of one run.
struct Bench {
    netd: Netd,
    zone: Netns,
    inside: Links,
    outside: Links,
    zone_file: File,
    wire: Ear,
    _office: Office,
}

/// Measures all ways in turns.
pub(super) fn measure(machine: Machine) -> Result<Report, LabError> {
    let lab = Lab::open()?;
    let mut bench = Bench::new(&lab);
    let mut answer = Vec::new();
    let mut packet = Vec::new();
    let mut script = Vec::new();
    let mut messages = Vec::new();
    for round in 0..ROUNDS {
        for _ in 0..TIMES {
            let (answered, heard) = bench.vnic();
            let [forked, direct] = [bench.by_ip(), bench.by_netlink()];
            if round > 0 {
                answer.push(answered);
                packet.push(heard);
                script.push(forked);
                messages.push(direct);
            }
        }
    }
    let mut samples = vec![
        Sample::new("POST /v1/vnics, answered", answer),
        Sample::new("POST /v1/vnics, first packet on the wire", packet),
        Sample::new("ip link add, and ip link set up twice", script),
        Sample::new("the same three messages, no process", messages),
    ];
    let ip = samples[2].median_ms;
    for sample in &mut samples {
        sample.compare(ip);
    }
    let (rounds, times_per_round) = (ROUNDS - 1, TIMES);
    Ok(Report { machine, rounds, times_per_round, samples })
}

impl Bench {
    fn new(lab: &Lab) -> Self {
        let office = lab.quiet_office();
        let netd = Netd::start(lab, &office.host, Some(article::CONFIG));
        let zone = lab.quiet_zone("zone");
        // A NIC that has a VNIC already: the first one also makes the NIC
        // ready, once.
        netd.sh("dladm create-vnic -l bge0 keeper0").check();
        Self {
            netd,
            inside: Links::of(&zone),
            outside: Links::of(&office.host),
            zone_file: File::open(zone.path()).expect("the zone is there"),
            zone,
            wire: Ear::on(&office.wire, Office::WIRE_LINK),
            _office: office,
        }
    }

    /// A VNIC: until netd has answered, and until its first packet arrives.
    fn vnic(&mut self) -> (Duration, Duration) {
        let request = CreateVnic {
            name: "net0".parse().expect("a legal name"),
            over: Office::NIC.to_owned(),
            mac: Some(mac()),
            mac_prefix: None,
            vid: None,
            zone: Some(self.zone.name().parse().expect("a legal zone")),
            props: fabric::VnicProps::default(),
            temporary: false,
        };
        let client = self.netd.client();
        let frame = Frame::new(MAC, Frame::BROADCAST);
        let start = Instant::now();
        client.create_vnic(&request).expect("netd creates it");
        let answered = start.elapsed();
        self.inside.up("net0");
        // Kept until the clock has stopped: closing a raw socket waits for
        // the whole kernel to let go of it.
        let mut guest = Ear::on(&self.zone, "net0");
        guest.say(&frame);
        self.wire.hears(&frame);
        let heard = start.elapsed();
        drop(guest);
        client
            .delete_vnic(&request.name, Some(self.zone.name()))
            .expect("netd deletes it");
        (answered, heard)
    }

    /// A veth pair by two calls of `ip` on the host and one in the zone.
    fn by_ip(&self) -> Duration {
        let host = self.netd.host();
        let zone = self.zone.name();
        let start = Instant::now();
        ip(
            host,
            &format!(
                "link add p0 mtu 1500 type veth \
             peer name v0 address {MAC} mtu 1500 netns {zone}"
            ),
        );
        ip(host, "link set p0 up");
        ip(&self.zone, "link set v0 up");
        let done = start.elapsed();
        host.ip("link del p0");
        done
    }

    /// The same pair by netlink.
    fn by_netlink(&self) -> Duration {
        let start = Instant::now();
        self.outside.add_pair("p0", "v0", mac(), &self.zone_file);
        self.outside.up("p0");
        self.inside.up("v0");
        let done = start.elapsed();
        self.netd.host().ip("link del p0");
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

fn mac() -> Mac {
    MAC.parse().expect("a MAC address")
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { machine, rounds, times_per_round, samples } = self;
        writeln!(f, "One VNIC, create to first packet\n")?;
        writeln!(f, "{machine}")?;
        writeln!(f, "{rounds} rounds of {times_per_round}, in turns; ms\n")?;
        let heads = ["median", "p95", "best"];
        write!(f, "  {:40}", "")?;
        for head in heads {
            write!(f, " {head:>7}")?;
        }
        writeln!(f, " {:>7}", "ratio")?;
        for sample in samples {
            write!(f, "  {:40}", sample.name)?;
            for time in [sample.median_ms, sample.p95_ms, sample.best_ms] {
                write!(f, " {:>7.2}", time.as_secs_f64() * 1e3)?;
            }
            writeln!(f, " {:>7.2}", sample.ratio_to_ip)?;
        }
        writeln!(f, "\nratio: of the median to that of `ip link add`")
    }
}
