//! The host where `ip`, `tc` and `bridge` do what netd does in the kernel, many
//! at a time.
//!
//! Their input is written before the clock runs. Tables of the programs are not
//! written, and nothing is remembered, checked or undone.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Instant;

use fabric::Bandwidth;

use super::case::Features;
use super::guests::Guest;
use super::millis;
use super::model::{Model, padded};
use super::vnics::MAXBW;
use crate::lab::FILES;
use crate::{Lab, Netns, Office, door};

/// The group of all host ends, so that they can be deleted by one message.
const GROUP: u32 = 0x4152_4241;

/// The links in which what guests send would wait.
const SHAPER: &str = "shape0";

/// What netd writes for each host end, below `/proc/sys/net`.
const SETTINGS: [(&str, &str, &str); 3] = [
    ("ipv4/conf", "forwarding", "0"),
    ("ipv4/conf", "rp_filter", "1"),
    ("ipv6/conf", "disable_ipv6", "1"),
];

/// A host, and what to do alike.
#[derive(Debug)]
pub(super) struct Raw {
    host: Netns,
    model: Model,
    _wire: Netns,
}

/// One thing of many to do.
enum Job {
    /// A program with arguments.
    Run(Vec<String>),
    /// Files with what is to be in them.
    Write(Vec<(PathBuf, &'static str)>),
}

impl Raw {
    pub(super) fn new(lab: &Lab, model: Model) -> Self {
        let (host, wire) = (lab.quiet_zone("raw"), lab.quiet_zone("raw-wire"));
        let (nic, lan) = (Office::NIC, Office::WIRE_LINK);
        lab.nic(&host, nic, Office::NIC_MAC, &wire, lan);
        for line in [
            format!("link set {nic} up"),
            format!("link add {SHAPER} type veth peer name {SHAPER}f"),
            format!("link set {SHAPER} up"),
            format!("link set {SHAPER}f up"),
        ] {
            host.ip(&line);
        }
        for line in [
            format!("qdisc add dev {SHAPER} root handle 1: htb"),
            format!(
                "class add dev {SHAPER} parent 1: classid 1:1 \
                 htb rate 10gbit ceil 10gbit quantum 1514"
            ),
        ] {
            let words: Vec<_> = line.split_whitespace().collect();
            host.run("tc", &words).check();
        }
        Self { host, model, _wire: wire }
    }

    /// Makes links for guests, and gives the milliseconds it took.
    pub(super) fn create(&self, guests: &[Guest], features: Features) -> f64 {
        let mut jobs = vec![
            batch("ip", "add", guests, |text, guest| {
                let Guest { number, zone, link, mac } = guest;
                let (zone, mac) = (zone.name(), padded(&mac.octets()));
                let _ = writeln!(
                    text,
                    "link add name p{number} mtu 1500 group {GROUP} arp off \
                     type veth peer name {link} address {mac} mtu 1500 \
                     netns {zone}\n\
                     link set dev p{number} alias \"{link} in zone {zone}\""
                );
            }),
            Job::Write(guests.iter().flat_map(settings).collect()),
            batch("tc", "filter", guests, |text, Guest { number, .. }| {
                let program = self.model.program.display();
                let _ = writeln!(
                    text,
                    "qdisc add dev p{number} clsact\n\
                     filter add dev p{number} ingress prio 4096 \
                     handle 0xa4ba bpf direct-action object-pinned {program}"
                );
            }),
        ];
        if self.model.filters {
            jobs.push(self.filter("add", guests));
        }
        if features == Features::Maxbw {
            jobs.extend(self.caps(guests, MAXBW));
        }
        jobs.push(batch("ip", "up", guests, |text, Guest { number, .. }| {
            let _ = writeln!(text, "link set dev p{number} up");
        }));
        self.timed(jobs)
    }

    /// Deletes what was made, all at once.
    pub(super) fn delete(&self, guests: &[Guest], features: Features) -> f64 {
        self.delete_rest(guests, 0, features)
    }

    /// Deletes what was made, where the host ends of the first `gone` have been
    /// deleted.
    pub(super) fn delete_rest(
        &self,
        guests: &[Guest],
        gone: usize,
        features: Features,
    ) -> f64 {
        let mut jobs = Vec::new();
        // There being none is an error.
        if gone < guests.len() {
            let group = GROUP.to_string();
            let words = ["ip", "link", "del", "group", &group];
            jobs.push(Job::Run(words.map(str::to_owned).into()));
        }
        if self.model.filters {
            jobs.push(self.filter("del", guests));
        }
        if features == Features::Maxbw {
            jobs.push(batch("tc", "uncap", guests, |text, guest| {
                for class in classes(guest).into_iter().rev() {
                    let _ = writeln!(
                        text,
                        "class del dev {SHAPER} classid 1:{class:x}"
                    );
                }
            }));
        }
        self.timed(jobs)
    }

    /// Deletes host ends with a process for each, as a script would.
    pub(super) fn delete_each(&self, guests: &[Guest]) -> f64 {
        let job = |guest: &Guest| {
            let end = format!("p{}", guest.number);
            let words = ["ip", "link", "del", &end];
            Job::Run(words.map(str::to_owned).into())
        };
        self.timed(guests.iter().map(job).collect())
    }

    /// Caps guests that have no cap.
    pub(super) fn cap(&self, guests: &[Guest], maxbw: Bandwidth) -> f64 {
        self.timed(self.caps(guests, maxbw))
    }

    /// Changes the caps of guests that have one.
    pub(super) fn recap(&self, guests: &[Guest], maxbw: Bandwidth) -> f64 {
        let job = batch("tc", "recap", guests, |text, guest| {
            htb(text, "class change", guest, maxbw, None);
        });
        self.timed(vec![job])
    }

    fn caps(&self, guests: &[Guest], maxbw: Bandwidth) -> Vec<Job> {
        let mut jobs = vec![batch("tc", "cap", guests, |text, guest| {
            let end = format!("p{}", guest.number);
            let _ = writeln!(
                text,
                "qdisc add dev {end} root handle 1: htb default 2"
            );
            htb(text, "class add", guest, maxbw, Some(self.model.queue));
        })];
        let segs = self.model.segs;
        jobs.push(batch("ip", "segs", guests, |text, guest| {
            let end = format!("p{}", guest.number);
            let _ = writeln!(text, "link set dev {end} gso_max_segs {segs}");
        }));
        // One process for each zone: a socket of the host's reaches no other.
        for zone in guests.chunk_by(|a, b| a.zone.name() == b.zone.name()) {
            let name = zone[0].zone.name();
            let text = format!("segs-{name}");
            let Job::Run(mut line) =
                batch("ip", &text, zone, |text, Guest { link, .. }| {
                    let _ = writeln!(
                        text,
                        "link set dev {link} gso_max_segs {segs}"
                    );
                })
            else {
                continue;
            };
            line.splice(1..1, ["-n".to_owned(), name.to_owned()]);
            jobs.push(Job::Run(line));
        }
        jobs
    }

    /// Tells the NIC which addresses to accept.
    fn filter(&self, verb: &str, guests: &[Guest]) -> Job {
        let nic = Office::NIC;
        batch("bridge", verb, guests, |text, guest| {
            let mac = padded(&guest.mac.octets());
            let _ = writeln!(text, "fdb {verb} {mac} dev {nic} self permanent");
        })
    }

    /// Does all of it on the host.
    fn timed(&self, jobs: Vec<Job>) -> f64 {
        self.host.on_thread(|| {
            let start = Instant::now();
            jobs.into_iter().for_each(Job::done);
            millis(start)
        })
    }
}

impl Job {
    /// Starts programs with nothing between, as a script does.
    fn done(self) {
        match self {
            Self::Run(line) => {
                let status = door::plain(&line[0]).args(&line[1..]).status();
                let ok = status.as_ref().is_ok_and(ExitStatus::success);
                assert!(ok, "{}: {status:?}", line.join(" "));
            }
            Self::Write(files) => {
                for (path, text) in files {
                    fs::write(&path, text).unwrap_or_else(|error| {
                        panic!("{}: {error}", path.display())
                    });
                }
            }
        }
    }
}

/// A program's many lines for all guests, in a file.
fn batch(
    program: &str,
    what: &str,
    guests: &[Guest],
    line: impl Fn(&mut String, &Guest),
) -> Job {
    let mut text = String::new();
    guests.iter().for_each(|guest| line(&mut text, guest));
    let path = Path::new(FILES).join(format!("{program}-{what}"));
    fs::write(&path, text)
        .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let words = [program, "-batch", &path.display().to_string()];
    Job::Run(words.map(str::to_owned).into())
}

/// The host end's settings.
fn settings(guest: &Guest) -> [(PathBuf, &'static str); 3] {
    let end = format!("p{}", guest.number);
    SETTINGS.map(|(family, key, value)| {
        let family = Path::new("/proc/sys/net").join(family);
        (family.join(&end).join(key), value)
    })
}

/// A guest's two classes where all send: its own, and its leaf.
fn classes(guest: &Guest) -> [usize; 2] {
    let first = 0x10 + 2 * guest.number;
    [first, first + 1]
}

/// The classes of a guest in both directions, and the queues of its leaves.
fn htb(
    text: &mut String,
    verb: &str,
    guest: &Guest,
    maxbw: Bandwidth,
    queue: Option<&str>,
) {
    let rate = format!("{}bit", maxbw.bps());
    let [class, leaf] = classes(guest);
    let end = format!("p{}", guest.number);
    for (link, parent, class, leaf) in
        [(end.as_str(), "1:", 1, 2), (SHAPER, "1:1", class, leaf)]
    {
        let _ = writeln!(
            text,
            "{verb} dev {link} parent {parent} classid 1:{class:x} \
             htb rate {rate} ceil {rate} quantum 1000 prio 7\n\
             {verb} dev {link} parent 1:{class:x} classid 1:{leaf:x} \
             htb rate 1kbit ceil {rate} quantum 1514 prio 3"
        );
        if let Some(queue) = queue {
            let _ = writeln!(
                text,
                "qdisc add dev {link} parent 1:{leaf:x} handle {leaf:x}: {queue}"
            );
        }
    }
}
