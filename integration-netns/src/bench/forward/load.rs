//! Load between two namespaces: small packets, a stream, and round trips.

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use super::case::Question;
use crate::bench::cpu::{on_cpu, stay_on};
use crate::bench::numbers::float;
use crate::bench::pair::{PATIENCE, Pair, SMALL};

impl Pair<'_> {
    /// Answers a question; what is measured takes `span`.
    pub(super) fn ask(&self, question: Question, span: Duration) -> f64 {
        match question {
            Question::Kpps => self.kpps(span),
            Question::Gbps => self.gbps(span),
            Question::TripUs => self.trip_us(span),
        }
    }

    /// Gbit/s of one TCP stream; sender and receiver have a CPU each.
    fn gbps(&self, span: Duration) -> f64 {
        let listener = self.at_receiver(TcpListener::bind);
        let [mut sender, mut stream] = self.stream(&listener);
        stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        let stop = AtomicBool::new(false);
        std::thread::scope(|scope| {
            let stop = &stop;
            scope.spawn(move || {
                stay_on(0);
                let block = vec![0; 128 * 1024];
                while !stop.load(Ordering::Relaxed) {
                    if sender.write_all(&block).is_err() {
                        break;
                    }
                }
            });
            on_cpu(1, || {
                let mut block = vec![0; 256 * 1024];
                let mut read = || stream.read(&mut block).expect("data comes");
                // The stream gets up to its speed.
                let start = Instant::now();
                while start.elapsed() < span / 8 {
                    read();
                }
                let mut bytes = 0;
                let start = Instant::now();
                while start.elapsed() < span {
                    bytes += read();
                }
                let span = start.elapsed();
                stop.store(true, Ordering::Relaxed);
                // The sender may wait for room: the end of the stream wakes
                // it up.
                drop(stream);
                float(bytes as u64) * 8.0 / span.as_secs_f64() / 1e9
            })
        })
    }

    /// Microseconds from a small request over TCP to its answer; the median.
    /// Both sides share a CPU: to wake another one costs more than any of the
    /// ways does.
    fn trip_us(&self, span: Duration) -> f64 {
        let listener = self.at_receiver(TcpListener::bind);
        let [mut asker, mut echo] = self.stream(&listener);
        for stream in [&asker, &echo] {
            stream.set_nodelay(true).expect("it is TCP");
            stream.set_read_timeout(Some(PATIENCE)).expect("not zero");
        }
        let mut trips = std::thread::scope(|scope| {
            scope.spawn(move || {
                stay_on(0);
                let mut word = [0; SMALL];
                // Until the asker has gone.
                while echo.read_exact(&mut word).is_ok() {
                    if echo.write_all(&word).is_err() {
                        break;
                    }
                }
            });
            on_cpu(0, move || {
                let mut word = [0; SMALL];
                let mut trips = Vec::new();
                let begin = Instant::now();
                while begin.elapsed() < span {
                    let start = Instant::now();
                    asker.write_all(&word).expect("the link is up");
                    asker.read_exact(&mut word).expect("the echo answers");
                    trips.push(start.elapsed());
                }
                trips
            })
        });
        trips.sort_unstable();
        trips[trips.len() / 2].as_secs_f64() * 1e6
    }
}
