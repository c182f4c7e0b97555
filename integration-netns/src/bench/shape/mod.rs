//! How well a guest's bandwidth is capped and guaranteed, beside other ways to
//! do so.
//!
//! ```text
//!   guest ── host: one of the ways to cap a guest ════ wire
//! ```
//!
//! All hosts are there at once. In each round every cap is set everywhere, and
//! then every way takes its turn at every load in both directions. Small caps
//! leave the machine idle: under these, streams of all ways are sent at once.

mod alone;
mod asking;
mod case;
mod figures;
mod flows;
mod gauge;
mod goals;
mod hosts;
mod ideal;
mod load;
mod plots;
mod reach;
mod report;

use std::time::{Duration, Instant};

use super::Mode;
use super::machine::Machine;
use super::pair::SMALL;
use crate::{Lab, LabError, note};
use asking::Asking;
use case::{Cap, Load};
use figures::Figures;
use flows::Flows;
use gauge::Gauge;
use hosts::{Host, VnicHost};
use load::LARGE;
use reach::Reach;
use report::Report;

/// The MTU of all links.
const MTU: u32 = 1500;

const CAPS: [Cap; 5] = [
    Cap::mbps(1),
    Cap::mbps(10),
    Cap::mbps(100),
    Cap::mbps(1000),
    Cap::mbps(5000),
];

/// Those that show that all works.
const FEW: [Cap; 2] = [Cap::mbps(10), Cap::mbps(100)];

/// How much more than a cap the machine has to carry.
const CLEARLY: f64 = 1.1;

/// Under a cap of which the machine carries so many, all ways are loaded at
/// once: they hardly notice each other.
const SPARE: f64 = 40.0;

/// How much is measured.
#[derive(Debug)]
struct Scale {
    caps: &'static [Cap],
    rounds: usize,
    /// How long datagrams are counted.
    flooding: Duration,
    /// How long streams are measured. Under 1M and under 10M few segments come,
    /// and above what is lost at the start has to be made up for.
    streaming: [Duration; 3],
    /// How long probes are sent.
    probing: Duration,
}

impl Scale {
    fn of(mode: Mode) -> Self {
        let ms = Duration::from_millis;
        match mode {
            Mode::Full => Self {
                caps: &CAPS,
                rounds: 5,
                flooding: ms(400),
                streaming: [ms(4000), ms(2000), ms(750)],
                probing: ms(2000),
            },
            Mode::Quick => Self {
                caps: &FEW,
                rounds: 1,
                flooding: ms(20),
                streaming: [ms(20); 3],
                probing: ms(40),
            },
        }
    }

    /// The caps under which a load is asked for: few packets say nothing of a
    /// small one, and no machine fills a great one with small packets.
    fn asked(&self, load: Load) -> Vec<Cap> {
        let (least, most) = match load {
            Load::Stream | Load::Streams => (Cap::mbps(1), Cap::mbps(5000)),
            Load::Large => (Cap::mbps(10), Cap::mbps(1000)),
            Load::Small => (Cap::mbps(10), Cap::mbps(100)),
        };
        let caps = self.caps.iter().copied();
        caps.filter(|cap| (least..=most).contains(cap)).collect()
    }

    /// How long streams are measured under a cap.
    fn stream_span(&self, cap: Cap) -> Duration {
        let [slowest, slow, fast] = self.streaming;
        match cap {
            cap if cap <= Cap::mbps(1) => slowest,
            cap if cap <= Cap::mbps(10) => slow,
            _ => fast,
        }
    }
}

/// A gauge that gets half of the time to warm up.
fn gauge(cap: Option<Cap>, span: Duration) -> Gauge {
    Gauge::new(cap, span / 2, span)
}

/// Measures all ways in turns.
pub(super) fn measure(
    machine: Machine,
    mode: Mode,
) -> Result<Report, LabError> {
    let scale = Scale::of(mode);
    let lab = Lab::open()?;
    let mut vnics = VnicHost::new(&lab);
    let mut peers = hosts::peers(&lab);
    let mut notes = vnics.notes();
    notes.extend(peers.iter().flat_map(|host| host.notes()));
    let reach = Reach::of(&all(&mut vnics, &mut peers), scale.flooding);
    notes.push(reach.to_string());
    // Numbers that mean nothing need no speed: all is asked, once of all ways at
    // the same time and once in turns.
    let reach = match mode {
        Mode::Full => reach,
        Mode::Quick => Reach::just(Load::Streams, FEW[0].bytes() * SPARE),
    };
    for (load, caps) in Load::ALL.map(|load| (load, scale.asked(load))) {
        let beyond = |cap: &Cap| !reach.carries(load, *cap, CLEARLY);
        for cap in caps.into_iter().filter(beyond) {
            let load = load.name();
            notes.push(format!("{load} under {cap}: the machine is too slow"));
        }
    }
    let mut figures = Figures::default();
    let mut flows = Flows::new(&lab, &vnics, mode);
    let mut alone = alone::Alone::new(mode, &reach);
    notes.extend(alone.notes());
    for round in 1..=scale.rounds {
        let start = Instant::now();
        for cap in scale.caps {
            let mut hosts = all(&mut vnics, &mut peers);
            for host in &mut hosts {
                host.cap(Some(*cap));
            }
            let (scale, reach, cap) = (&scale, &reach, *cap);
            Asking { hosts: &hosts, scale, reach, cap }.all(&mut figures);
        }
        alone.ask(&mut vnics, scale.flooding);
        flows.ask(2 * scale.flooding);
        note(&format!("round {round}: measured in {:.1?}", start.elapsed()));
    }
    let flows = flows.done(&vnics);
    let mut singles = alone.singles();
    singles.extend(flows.singles());
    Ok(Report {
        machine,
        rounds: scale.rounds,
        notes,
        goals: goals::judge(&figures, &singles),
        figures,
        flows,
        singles,
    })
}

/// All hosts, ours first.
fn all<'a>(
    vnics: &'a mut VnicHost,
    peers: &'a mut [Box<dyn Host>],
) -> Vec<&'a mut dyn Host> {
    let mut hosts: Vec<&mut dyn Host> = vec![vnics];
    for peer in peers {
        hosts.push(&mut **peer);
    }
    hosts
}

/// How many streams a load has.
fn count(load: Load) -> usize {
    if load == Load::Streams { 32 } else { 1 }
}

/// The payload of a load's datagrams.
fn size(load: Load) -> usize {
    if load == Load::Large { LARGE } else { SMALL }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_packets_take_long() {
        let scale = Scale::of(Mode::Full);
        for (mbps, want) in
            [(1, 4000), (10, 2000), (100, 750), (1000, 750), (5000, 750)]
        {
            let span = scale.stream_span(Cap::mbps(mbps));
            assert_eq!(span, Duration::from_millis(want), "{mbps}M");
        }
    }

    #[test]
    fn a_load_has_its_caps() {
        let scale = Scale::of(Mode::Full);
        let caps =
            |load| scale.asked(load).iter().map(Cap::to_string).collect();
        for (load, want) in [
            (Load::Stream, "1M 10M 100M 1G 5G"),
            (Load::Streams, "1M 10M 100M 1G 5G"),
            (Load::Large, "10M 100M 1G"),
            (Load::Small, "10M 100M"),
        ] {
            let caps: Vec<_> = caps(load);
            assert_eq!(caps.join(" "), want, "{load:?}");
        }
    }
}
