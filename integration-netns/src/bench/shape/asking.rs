//! One cap in one round: which loads there are, and what is asked of them.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::case::{Cap, Case, Direction, Load, Question, Way};
use super::figures::Figures;
use super::gauge::Gauge;
use super::hosts::Host;
use super::load::{Delivered, Echo, Flood, Over, Streams, Trips};
use super::reach::Reach;
use super::{CLEARLY, MTU, SPARE, Scale, count, gauge, ideal, size};
use crate::bench::numbers::float;

/// The cap under which round trips are measured.
const PROBED: Cap = Cap::mbps(100);

/// All hosts under a cap.
pub(super) struct Asking<'a> {
    pub(super) hosts: &'a [&'a mut dyn Host],
    pub(super) scale: &'a Scale,
    pub(super) reach: &'a Reach,
    pub(super) cap: Cap,
}

impl Asking<'_> {
    /// Asks everything.
    pub(super) fn all(&self, figures: &mut Figures) {
        for direction in Direction::ALL {
            for load in [Load::Stream, Load::Streams] {
                if self.asks(load) {
                    self.streams(direction, load, figures);
                }
            }
            for load in [Load::Large, Load::Small] {
                if self.asks(load) {
                    self.floods(direction, load, figures);
                }
            }
            if self.cap == PROBED && self.asks(Load::Streams) {
                self.probes(direction, figures);
            }
        }
    }

    fn asks(&self, load: Load) -> bool {
        self.scale.asked(load).contains(&self.cap)
            && self.reach.carries(load, self.cap, CLEARLY)
    }

    fn streams(&self, direction: Direction, load: Load, figures: &mut Figures) {
        let Self { hosts, scale, cap, .. } = *self;
        let gauge = gauge(Some(cap), scale.stream_span(cap));
        let all = if self.reach.carries(load, cap, SPARE) {
            at_once(hosts, direction, load, &gauge)
        } else {
            in_turns(hosts, direction, load, &gauge)
        };
        let ideal = ideal::tcp_share(MTU) * cap.bytes();
        for (way, Delivered { bytes, again }) in all {
            let question = Question::Goodput;
            let case = Case { question, load, direction, cap, way };
            figures.add(case, bytes / ideal);
            let question = Question::Again;
            figures.add(Case { question, ..case }, again);
        }
    }

    fn floods(&self, direction: Direction, load: Load, figures: &mut Figures) {
        let Self { hosts, scale, cap, .. } = *self;
        for host in hosts {
            let Some((pair, link)) = host.pair(direction) else { continue };
            let flood = Flood::open(&pair, link);
            let gauge = gauge(Some(cap), scale.flooding);
            let bytes = flood.measure(size(load), gauge);
            let (question, way) = (Question::Wire, host.way());
            let case = Case { question, load, direction, cap, way };
            figures.add(case, bytes / cap.bytes());
        }
    }

    fn probes(&self, direction: Direction, figures: &mut Figures) {
        let Self { hosts, scale, cap, .. } = *self;
        let load = Load::Streams;
        for host in hosts {
            let Some((pair, _)) = host.pair(direction) else { continue };
            let way = host.way();
            let echo = Echo::open(&pair);
            let streams = Streams::open(&pair, count(load));
            let trips = probe(&echo, streams, scale.probing);
            let ms = |time: Duration| time.as_secs_f64() * 1e3;
            let [lost, sent] =
                [trips.lost, trips.sent].map(|probes| float(probes as u64));
            for (question, answer) in [
                (Question::TripMs, ms(trips.median)),
                (Question::TripP99Ms, ms(trips.p99)),
                (Question::TripLost, 1e3 * lost / sent.max(1.0)),
            ] {
                let case = Case { question, load, direction, cap, way };
                figures.add(case, answer);
            }
        }
    }
}

/// Each way's turn comes right after the other's.
fn in_turns(
    hosts: &[&mut dyn Host],
    direction: Direction,
    load: Load,
    gauge: &Gauge,
) -> Vec<(Way, Delivered)> {
    let one = |host: &&mut dyn Host| {
        let (pair, _) = host.pair(direction)?;
        let streams = Streams::open(&pair, count(load));
        Some((host.way(), streams.measure(gauge.clone())))
    };
    hosts.iter().filter_map(one).collect()
}

/// All ways at the same time.
fn at_once(
    hosts: &[&mut dyn Host],
    direction: Direction,
    load: Load,
    gauge: &Gauge,
) -> Vec<(Way, Delivered)> {
    let open = |host: &&mut dyn Host| {
        let (pair, _) = host.pair(direction)?;
        Some((host.way(), Streams::open(&pair, count(load))))
    };
    let opened: Vec<_> = hosts.iter().filter_map(open).collect();
    std::thread::scope(|scope| {
        let measured: Vec<_> = opened
            .into_iter()
            .map(|(way, streams)| {
                let gauge = gauge.clone();
                (way, scope.spawn(move || streams.measure(gauge)))
            })
            .collect();
        let done = measured.into_iter().map(|(way, thread)| {
            let done = thread.join();
            (way, done.unwrap_or_else(|why| std::panic::resume_unwind(why)))
        });
        done.collect()
    })
}

/// Probes a way that streams have filled.
fn probe(echo: &Echo, mut streams: Streams, span: Duration) -> Trips {
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let _over = Over(&over);
        scope.spawn(|| streams.send_until(&over));
        echo.measure(span / 2, span, &over)
    })
}
