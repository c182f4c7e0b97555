//! What it takes to make, change and delete VNICs, one and thousands, beside
//! other ways to do so.
//!
//! ```text
//!   host        netd: VNICs over bge0 ════ wire
//!   raw         ip, tc, bridge: the same links, queues and filters ════ wire
//!   cni         CNI's plugins bridge and bandwidth
//!   netavark    netavark, with a bridge
//! ```
//!
//! All hosts are there at once, and take turns. Namespaces of guests are made
//! before anything is timed, for all alike. Whoever has had its turn deletes what
//! it made.

mod case;
mod figures;
mod goals;
mod guests;
mod many;
mod model;
mod packet;
mod peers;
mod raw;
mod report;
mod restart;
mod single;
mod vnics;

use std::time::{Duration, Instant};

use super::Mode;
use super::machine::Machine;
use crate::{Lab, LabError, Netns, note};
pub(super) use case::Part;
use case::{Case, Features, Question, Way};
use figures::Figures;
use model::Model;
use peers::{Cni, Netavark, Peer};
use raw::Raw;
pub(super) use report::Report;
use vnics::Vnics;

/// How much is measured.
#[derive(Debug)]
struct Scale {
    /// How many VNICs are made, changed and deleted.
    counts: &'static [usize],
    /// Beside how many one is made.
    crowds: &'static [usize],
    rounds: usize,
    /// Rounds of the most VNICs.
    few: usize,
    /// How often one is made in a crowd.
    singles: usize,
    /// How often until its first packet.
    packets: usize,
    /// How many zones have a VNIC each.
    zones: usize,
    /// How many of many are deleted or capped one by one.
    sample: usize,
    /// How long netd has nothing to do.
    idle: Duration,
}

/// What is far from its goal ends early, and is noted: the other parts shall
/// have their time.
const LONGEST: Duration = Duration::from_secs(30);

/// So many are few enough for all rounds.
const MANY: usize = 1000;

impl Scale {
    fn of(mode: Mode) -> Self {
        match mode {
            Mode::Full => Self {
                counts: &[1, 100, 1000, 4096],
                crowds: &[1, 1024, 4096],
                rounds: 5,
                few: 2,
                singles: 200,
                packets: 100,
                zones: 50,
                sample: 30,
                idle: Duration::from_secs(10),
            },
            Mode::Quick => Self {
                counts: &[1, 20],
                crowds: &[1, 20],
                rounds: 1,
                few: 1,
                singles: 10,
                packets: 2,
                zones: 2,
                sample: 2,
                idle: Duration::from_millis(200),
            },
        }
    }

    fn rounds(&self, count: usize) -> usize {
        if count > MANY { self.few } else { self.rounds }
    }

    /// The most VNICs.
    fn most(&self) -> usize {
        self.counts.last().copied().unwrap_or_default()
    }
}

/// The places of a run, and its numbers.
struct Bench<'a> {
    lab: &'a Lab,
    scale: Scale,
    figures: Figures,
    vnics: Vnics,
    raw: Raw,
    peers: Vec<(Way, Box<dyn Peer>)>,
    /// The zones of many guests: netd's, and those of `ip`.
    many: [Netns; 2],
    /// What a reader should know.
    notes: Vec<String>,
}

/// Measures all ways in turns; one part, or all.
pub(super) fn measure(
    machine: Machine,
    mode: Mode,
    only: Option<Part>,
) -> Result<Report, LabError> {
    let lab = Lab::open()?;
    let vnics = Vnics::new(&lab);
    let model = Model::of(&vnics);
    let mut notes = report::notes(&model);
    let mut peers: Vec<(Way, Box<dyn Peer>)> = Vec::new();
    match Cni::find(&lab) {
        Some(cni) => peers.push((Way::Cni, Box::new(cni))),
        None => notes.push("CNI: NOT MEASURED, it is not there".to_owned()),
    }
    match Netavark::find(&lab) {
        Some(netavark) => peers.push((Way::Netavark, Box::new(netavark))),
        None => {
            notes.push("netavark: NOT MEASURED, it is not there".to_owned());
        }
    }
    let raw = Raw::new(&lab, model);
    let mut bench = Bench {
        lab: &lab,
        scale: Scale::of(mode),
        figures: Figures::default(),
        vnics,
        raw,
        peers,
        many: ["many", "raw-many"].map(|name| lab.quiet_zone(name)),
        notes,
    };
    for part in Part::ALL {
        if only.is_some_and(|only| only != part) {
            continue;
        }
        let start = Instant::now();
        bench.ask(part);
        let (name, took) = (part.name(), start.elapsed());
        note(&format!("{name}: measured in {took:.1?}"));
    }
    let Bench { figures, scale, mut notes, .. } = bench;
    notes.push(format!(
        "{} rounds, {} of more than {MANY} and of zones of their own; {MANY} \
         and more are created one by one in one round; of those that are \
         deleted or capped one by one, the first {} are timed; {} times one",
        scale.rounds, scale.few, scale.sample, scale.singles
    ));
    Ok(Report { machine, notes, goals: goals::judge(&figures), figures })
}

impl Bench<'_> {
    fn ask(&mut self, part: Part) {
        match part {
            Part::Packet => packet::measure(self),
            Part::Single => single::measure(self),
            Part::Create => many::create(self),
            Part::Peers => many::peers(self),
            Part::Delete => many::delete(self),
            Part::Caps => many::caps(self),
            Part::Restart => restart::measure(self),
        }
    }

    fn add(
        &mut self,
        question: Question,
        features: Features,
        count: usize,
        way: Way,
        answer: f64,
    ) {
        let case = Case { question, features, count, way };
        self.figures.add(case, answer);
    }
}

/// Milliseconds since then.
fn millis(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}
