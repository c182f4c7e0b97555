//! netd beside many VNICs: how it starts, and what it takes when it has nothing
//! to do.

use std::fs;
use std::sync::mpsc;
use std::time::{Duration, Instant};

use fabric::api::Health;
use nix::unistd::{SysconfVar, sysconf};

use super::Bench;
use super::case::{Features, Question, Way};
use super::guests::Guest;
use crate::bench::numbers::float;
use crate::{Poll, note};

/// How long netd may take to be well.
const PATIENCE: Poll = Poll::for_at_most(Duration::from_secs(120));

/// Stops and starts it, and looks at it.
pub(super) fn measure(bench: &mut Bench) {
    let count = bench.scale.most();
    let guests = Guest::in_one(&bench.many[0], count);
    for features in Features::ALL {
        let made = bench.vnics.create_all(&guests, features);
        let new = [Question::RssMade, Question::RssAnonMade];
        look(bench, features, count, new);
        for _ in 0..bench.scale.rounds {
            let (answered, healthy) = start(bench);
            let mut add = |question, answer| {
                bench.add(question, features, count, Way::NetdEach, answer);
            };
            add(Question::StartAnswered, answered);
            add(Question::StartHealthy, healthy);
        }
        idle(bench, features, count);
        let found = [Question::Rss, Question::RssAnon];
        look(bench, features, count, found);
        let deleted = bench.vnics.delete_all(&guests);
        note(&format!("  {count} made in {made:.0} ms, gone in {deleted:.0}"));
    }
}

/// Seconds until netd answers, and until it says that all is well.
fn start(bench: &mut Bench) -> (f64, f64) {
    bench.vnics.netd.stop();
    let start = Instant::now();
    bench.vnics.netd.launch();
    let client = &bench.vnics.client;
    client.status().expect("netd has said that it serves");
    let answered = start.elapsed().as_secs_f64();
    PATIENCE.until("netd is well", || {
        let told = client.fabric().map_err(|error| error.to_string())?;
        match told.status.health {
            Health::Ok => Ok(()),
            Health::Degraded => Err(format!("{:?}", told.status.reasons)),
        }
    });
    (answered, start.elapsed().as_secs_f64())
}

/// The share of a CPU that netd uses while nobody asks for anything.
fn idle(bench: &mut Bench, features: Features, count: usize) {
    let pid = bench.vnics.netd.pid();
    let (before, start) = (cpu_seconds(pid), Instant::now());
    let (_nobody, says) = mpsc::channel::<()>();
    let _ = says.recv_timeout(bench.scale.idle);
    let used = cpu_seconds(pid) - before;
    let share = 100.0 * used / start.elapsed().as_secs_f64();
    bench.add(Question::IdleCpu, features, count, Way::NetdEach, share);
}

/// What it has of the machine's memory.
fn look(
    bench: &mut Bench,
    features: Features,
    count: usize,
    [all, anonymous]: [Question; 2],
) {
    let path = format!("/proc/{}/status", bench.vnics.netd.pid());
    let text = read(&path);
    for (question, key) in [(all, "VmRSS:"), (anonymous, "RssAnon:")] {
        let kib = text.lines().find_map(|line| {
            let mut words = line.strip_prefix(key)?.split_whitespace();
            words.next()?.parse::<u64>().ok()
        });
        let kib = kib.unwrap_or_else(|| panic!("{path} has no {key}"));
        let mb = float(kib) * 1024.0 / 1e6;
        bench.add(question, features, count, Way::NetdEach, mb);
    }
}

/// Seconds of CPU that a process has used, in user mode and in the kernel's.
fn cpu_seconds(pid: u32) -> f64 {
    let path = format!("/proc/{pid}/stat");
    let text = read(&path);
    let ticks = stat_ticks(&text);
    let ticks = ticks.unwrap_or_else(|| panic!("{path}: {text:?}"));
    let second = sysconf(SysconfVar::CLK_TCK).ok().flatten();
    float(ticks) / float(second.map_or(100, i64::unsigned_abs))
}

/// utime and stime of proc_pid_stat(5). The name before may have blanks.
fn stat_ticks(stat: &str) -> Option<u64> {
    let (_, fields) = stat.rsplit_once(") ")?;
    let mut fields = fields.split(' ').skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{path}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_stand_behind_any_name() {
        let rest = "S 1 2 3 4 5 6 7 8 9 10 30 12 13 14";
        for (name, want) in [("(netd)", Some(42)), ("(a) b) c)", Some(42))] {
            assert_eq!(stat_ticks(&format!("7 {name} {rest}")), want, "{name}");
        }
        assert_eq!(stat_ticks("7 (netd) S 1"), None);
    }
}
