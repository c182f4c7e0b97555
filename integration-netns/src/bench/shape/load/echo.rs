//! Probes that are sent back, while something else fills the way.

use std::net::UdpSocket;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use nix::poll::PollFlags;

use super::trips::{LOST, Trips};
use super::{LOOK, Over, ready};
use crate::bench::pair::{Pair, SMALL};

/// The time between two probes: 100 in a second are nothing beside a load.
const STEP: Duration = Duration::from_millis(10);

/// Who asks and who sends back.
#[derive(Debug)]
pub(in crate::bench::shape) struct Echo {
    asker: UdpSocket,
    echo: UdpSocket,
}

impl Echo {
    /// Makes them ready; probes go the way of the load and their answers the
    /// other.
    pub(in crate::bench::shape) fn open(pair: &Pair) -> Self {
        let (echo, asker) = pair.datagrams();
        for socket in [&echo, &asker] {
            socket.set_nonblocking(true).expect("it is a socket");
        }
        Self { asker, echo }
    }

    /// Probes for `span` after `warm`, and says to everybody that it is over.
    pub(in crate::bench::shape) fn measure(
        &self,
        warm: Duration,
        span: Duration,
        over: &AtomicBool,
    ) -> Trips {
        std::thread::scope(|scope| {
            let _over = Over(over);
            scope.spawn(|| self.send_back(over));
            let trips = self.ask(warm + span);
            let counted = trips.into_iter().filter(|(at, _)| *at >= warm);
            Trips::of(counted.map(|(_, trip)| trip))
        })
    }

    /// When each probe was sent, and how long it was under way.
    fn ask(&self, span: Duration) -> Vec<(Duration, Option<Duration>)> {
        let start = Instant::now();
        let mut trips: Vec<(Duration, Option<Duration>)> = Vec::new();
        let mut missing = 0;
        loop {
            let now = start.elapsed();
            let due = trips.last().map_or(now, |(last, _)| *last + STEP);
            if now < span && now >= due {
                let number = u64::try_from(trips.len()).expect("few are sent");
                let mut probe = [0; SMALL];
                probe[..8].copy_from_slice(&number.to_be_bytes());
                trips.push((start.elapsed(), None));
                missing += 1;
                // One that finds no room is lost like any other.
                let _ = self.asker.send(&probe);
                continue;
            }
            if now >= span && (missing == 0 || now >= span + LOST) {
                return trips;
            }
            let wait = if now < span { due - now } else { LOOK };
            // Whole milliseconds are waited for, and never none.
            let wait = wait.max(Duration::from_millis(1));
            ready(&[&self.asker], PollFlags::POLLIN, wait);
            let mut answer = [0; SMALL];
            while let Ok(SMALL) = self.asker.recv(&mut answer) {
                let at = start.elapsed();
                let number = answer[..8].try_into().map(u64::from_be_bytes);
                let number = number.expect("they are eight");
                let trip = usize::try_from(number)
                    .ok()
                    .and_then(|number| trips.get_mut(number));
                if let Some((sent, trip @ None)) = trip {
                    *trip = Some(at - *sent);
                    missing -= 1;
                }
            }
        }
    }

    fn send_back(&self, over: &AtomicBool) {
        while !over.load(Ordering::Relaxed) {
            ready(&[&self.echo], PollFlags::POLLIN, LOOK);
            let mut probe = [0; SMALL];
            while let Ok((len, asker)) = self.echo.recv_from(&mut probe) {
                let _ = self.echo.send_to(&probe[..len], asker);
            }
        }
    }
}
