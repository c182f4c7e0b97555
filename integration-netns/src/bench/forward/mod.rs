//! What a packet costs between guests, the host and the wire, beside other ways
//! to connect them.
//!
//! ```text
//!   zone a ──┐
//!   zone b ──┤ host: one of the ways, and its own stack ════ wire
//!   a crowd ─┘
//! ```
//!
//! All hosts are there at once. In each round every way takes its turn at every
//! question, so that what the machine does meanwhile falls on all of them alike.
//! Between rounds of one crowd and the next, every host gets more guests.

mod case;
mod figures;
mod goals;
mod hosts;
mod load;
mod programs;
mod report;

use std::time::{Duration, Instant};

use super::Mode;
use super::machine::Machine;
use super::numbers::rounded;
use crate::{Lab, LabError, note};
use case::{Case, Direction, Question, Way};
use figures::Figures;
use hosts::Host;
use programs::{Programs, RunTime, Timing};
pub(super) use report::Report;

/// How much is measured.
#[derive(Debug)]
struct Scale {
    /// Guests on each host, those that talk among them.
    crowds: &'static [usize],
    /// Rounds that count; one before them warms up.
    rounds: usize,
    /// How long a measurement takes.
    span: Duration,
    /// How long one takes that doesn't count, or is of programs.
    short: Duration,
}

impl Scale {
    fn of(mode: Mode) -> Self {
        match mode {
            Mode::Full => Self {
                crowds: &[2, 16, 256, 1024, 4096],
                rounds: 5,
                span: Duration::from_millis(200),
                short: Duration::from_millis(50),
            },
            Mode::Quick => Self {
                crowds: &[2, 16],
                rounds: 1,
                span: Duration::from_millis(20),
                short: Duration::from_millis(5),
            },
        }
    }
}

/// Measures all ways in turns.
pub(super) fn measure(
    machine: Machine,
    mode: Mode,
) -> Result<Report, LabError> {
    let scale = Scale::of(mode);
    let lab = Lab::open()?;
    let mut hosts = hosts::all(&lab);
    let programs = Programs::of_netd();
    let mut figures = Figures::default();
    let mut run_times = Vec::new();
    for &crowd in scale.crowds {
        let start = Instant::now();
        // One that can't take the crowd stays as it is, idle.
        let mut hosts: Vec<_> =
            hosts.iter_mut().filter(|host| takes(&***host, crowd)).collect();
        for host in &mut hosts {
            host.crowd_to(crowd);
        }
        note(&format!("{crowd} guests: there after {:.1?}", start.elapsed()));
        let start = Instant::now();
        let hosts: Vec<&dyn Host> =
            hosts.into_iter().map(|host| &**host).collect();
        for round in 0..=scale.rounds {
            let span = if round == 0 { scale.short } else { scale.span };
            ask_all(&hosts, crowd, span, |case, guests, answer| {
                if round > 0 {
                    figures.add(case, guests, answer);
                }
            });
        }
        run_times.extend(time_programs(&hosts, &programs, crowd, scale.short));
        note(&format!("{crowd} guests: measured in {:.1?}", start.elapsed()));
    }
    Ok(Report {
        machine,
        rounds: scale.rounds,
        span_ms: scale.span.as_millis(),
        notes: notes(&hosts),
        goals: goals::judge(&figures),
        figures,
        verified: programs.verified,
        run_times,
    })
}

fn takes(host: &dyn Host, crowd: usize) -> bool {
    host.limit().is_none_or(|(limit, _)| crowd <= limit)
}

/// One round: each way's turn comes right after the other's.
fn ask_all(
    hosts: &[&dyn Host],
    crowd: usize,
    span: Duration,
    mut answered: impl FnMut(Case, usize, f64),
) {
    for question in Question::ALL {
        let asked = |direction: &Direction| question.asked(*direction);
        for direction in Direction::ALL.into_iter().filter(asked) {
            for host in hosts {
                for (way, stations) in host.stations() {
                    let Some(pair) = stations.pair(direction) else {
                        continue;
                    };
                    let answer = pair.ask(question, span);
                    let case = Case { question, direction, crowd, way };
                    answered(case, host.guests(), answer);
                }
            }
        }
    }
}

/// A round of its own for the programs' times: to take them slows them down.
fn time_programs(
    hosts: &[&dyn Host],
    programs: &Programs,
    crowd: usize,
    span: Duration,
) -> Vec<RunTime> {
    let mut times = Vec::new();
    let Some(_timing) = Timing::start() else {
        return times;
    };
    let stations = hosts.iter().flat_map(|host| host.stations());
    let vnics = [Way::Vnic, Way::VnicAll];
    for (way, stations) in stations.filter(|(way, _)| vnics.contains(way)) {
        for direction in Direction::ALL {
            let Some(pair) = stations.pair(direction) else {
                continue;
            };
            let means = programs.during(|| {
                pair.kpps(span);
            });
            times.extend(means.into_iter().map(|(program, runs, mean_ns)| {
                let mean_ns = rounded(mean_ns);
                RunTime { crowd, direction, way, program, runs, mean_ns }
            }));
        }
    }
    times
}

fn notes(hosts: &[Box<dyn Host>]) -> Vec<String> {
    let mut notes = Vec::new();
    for host in hosts {
        notes.extend(host.notes());
        if let (Some((limit, why)), Some((way, _))) =
            (host.limit(), host.stations().first())
        {
            let name = way.name();
            notes.push(format!("{name}: no crowd above {limit}: {why}"));
        }
    }
    notes
}
