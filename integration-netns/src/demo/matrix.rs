//! Who reaches whom, and how fast.

use std::fmt;
use std::time::Duration;

use crate::probe::try_ping;
use crate::{CmdOutput, Netns, Poll};

/// Somebody with an address.
#[derive(Clone, Copy, Debug)]
pub(super) struct Station<'a> {
    pub(super) name: &'a str,
    pub(super) addr: &'a str,
    pub(super) netns: &'a Netns,
}

/// The round trip of each ordered pair; none: no reply.
#[derive(Clone, Debug)]
pub(super) struct Matrix {
    names: Vec<(String, String)>,
    rows: Vec<Vec<Cell>>,
    lost: Vec<CmdOutput>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Cell {
    Itself,
    Reached(Duration),
    Lost,
}

impl Matrix {
    /// How long one may take to answer; only the first frames after a link
    /// came up should need more than one try.
    const PATIENCE: Poll = Poll::for_at_most(Duration::from_secs(3));

    /// Pings from everybody to everybody.
    pub(super) fn measure(stations: &[Station<'_>]) -> Self {
        let mut lost = Vec::new();
        let mut ping = |from: &Station<'_>, to: &Station<'_>| {
            if from.addr == to.addr {
                return Cell::Itself;
            }
            let addr = to.addr.parse().expect("stations have addresses");
            match try_ping(from.netns, addr, Self::PATIENCE) {
                Ok(reply) => Cell::Reached(reply.time),
                Err(output) => {
                    lost.push(output);
                    Cell::Lost
                }
            }
        };
        let rows = stations
            .iter()
            .map(|from| stations.iter().map(|to| ping(from, to)).collect())
            .collect();
        let names = stations
            .iter()
            .map(|station| (station.name.to_owned(), station.addr.to_owned()));
        Self { names: names.collect(), rows, lost }
    }

    /// Whether everybody reached everybody.
    pub(super) fn is_complete(&self) -> bool {
        self.lost.is_empty()
    }
}

impl fmt::Display for Matrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "Round trips in ms, from the left to the top:\n")?;
        write!(f, "{:31}", "")?;
        for (_, addr) in &self.names {
            let host = addr.rsplit('.').next().unwrap_or(addr);
            write!(f, "  {:>5}", format!(".{host}"))?;
        }
        writeln!(f)?;
        for ((name, addr), row) in self.names.iter().zip(&self.rows) {
            write!(f, "  {name:16} {addr:12}")?;
            for cell in row {
                match cell {
                    Cell::Itself => write!(f, "  {:>5}", "-")?,
                    Cell::Lost => write!(f, "  {:>5}", "LOST")?,
                    Cell::Reached(time) => {
                        write!(f, "  {:>5.3}", time.as_secs_f64() * 1e3)?;
                    }
                }
            }
            writeln!(f)?;
        }
        let sent = self.names.len() * (self.names.len() - 1);
        let lost = self.lost.len();
        write!(f, "\n{sent} pings, {} answered, {lost} lost", sent - lost)?;
        for output in &self.lost {
            write!(f, "\n{output}")?;
        }
        Ok(())
    }
}
