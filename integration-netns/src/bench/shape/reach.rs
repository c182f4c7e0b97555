//! What the machine carries without a cap. Where that is not clearly more than
//! a cap, it would be the machine's speed that is measured.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use super::case::{Cap, Direction, Load};
use super::hosts::Host;
use super::load::{Flood, Streams};
use super::{count, gauge, size};

/// How often each load is tried. A machine that does other things can only be
/// slower, so the best one counts.
const TRIES: usize = 3;

/// Bytes per second of the slowest way and direction, by load.
#[derive(Clone, Debug, Default)]
pub(super) struct Reach(BTreeMap<Load, f64>);

impl Reach {
    /// Measures all hosts, none of which has a cap yet.
    pub(super) fn of(hosts: &[&mut dyn Host], span: Duration) -> Self {
        let mut reach = Self::default();
        for host in hosts {
            for direction in Direction::ALL {
                let Some((pair, link)) = host.pair(direction) else {
                    continue;
                };
                let gauge = gauge(None, span);
                let best = |one: &dyn Fn() -> f64| {
                    (0..TRIES).map(|_| one()).fold(0.0, f64::max)
                };
                let bytes = best(&|| {
                    let streams = Streams::open(&pair, count(Load::Streams));
                    streams.measure(gauge.clone()).bytes
                });
                reach.lower(Load::Streams, bytes);
                for load in [Load::Large, Load::Small] {
                    let bytes = best(&|| {
                        let flood = Flood::open(&pair, link);
                        flood.measure(size(load), gauge.clone())
                    });
                    reach.lower(load, bytes);
                }
            }
        }
        reach
    }

    /// Knows of one load, and no limits of the others.
    pub(super) fn just(load: Load, bytes: f64) -> Self {
        Self([(load, bytes)].into())
    }

    fn lower(&mut self, load: Load, bytes: f64) {
        let least = self.0.entry(load).or_insert(bytes);
        *least = least.min(bytes);
    }

    /// Whether it carries so many times a cap. One stream is no faster than
    /// many. What was not measured knows no limits.
    pub(super) fn carries(&self, load: Load, cap: Cap, times: f64) -> bool {
        let load = if load == Load::Stream { Load::Streams } else { load };
        let least = self.0.get(&load);
        least.is_none_or(|least| cap.bytes() * times <= *least)
    }
}

impl fmt::Display for Reach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "without a cap, the slowest way carries")?;
        for (at, (load, bytes)) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { "," };
            let mbps = bytes * 8.0 / 1e6;
            write!(f, "{comma} {mbps:.0} Mbit/s of {}", load.name())?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cap_near_the_machines_speed_is_not_measured() {
        // In bytes per second; 100M is 12.5 million.
        for (bytes, want) in
            [(12.4e6, false), (13.7e6, false), (13.8e6, true), (1e9, true)]
        {
            let reach = Reach::just(Load::Streams, bytes);
            for load in [Load::Stream, Load::Streams] {
                let got = reach.carries(load, Cap::mbps(100), 1.1);
                assert_eq!(got, want, "{bytes}");
            }
            assert!(
                reach.carries(Load::Small, Cap::mbps(5000), 1.1),
                "{bytes}"
            );
        }
    }

    #[test]
    fn the_slowest_way_counts() {
        let mut reach = Reach::default();
        for bytes in [3e6, 1e6, 2e6] {
            reach.lower(Load::Large, bytes);
        }
        reach.lower(Load::Streams, 5e6);
        let want = "without a cap, the slowest way carries 40 Mbit/s of 32 TCP \
                    streams, 8 Mbit/s of UDP, 1400-byte datagrams";
        assert_eq!(reach.to_string(), want);
    }
}
