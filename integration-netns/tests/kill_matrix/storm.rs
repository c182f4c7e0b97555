//! netd is killed at any moment while clients make, change and delete.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use dladm::{Client, ClientError};
use fabric::LinkName;
use fabric::api::{ChangeVnic, CreateFlow, CreateVnic, VnicInfo};
use integration_netns::probe::Datagrams;
use integration_netns::{Lab, note};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::json;

use crate::{Story, number};

/// How often netd is killed; `STORM=N` says otherwise.
const KILLS: u32 = 500;
/// A netd lives no longer than this many times what it takes to be ready.
const LONGEST: u32 = 3;
/// How many clients there are, and how many VNICs each has at most.
const CLIENTS: u64 = 3;
const VNICS: u64 = 4;

/// What was acknowledged.
#[derive(Default)]
struct Done {
    created: AtomicU64,
    changed: AtomicU64,
    deleted: AtomicU64,
}

/// What a client knows of one of its VNICs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// It isn't there: that was acknowledged.
    Absent,
    /// It is there, with this cap in Mbit/s: that was acknowledged.
    Present(u64),
    /// netd died over a request.
    Unknown,
}

/// Somebody who wants things of netd, all the time.
struct Guest<'a> {
    client: Client,
    random: StdRng,
    number: u64,
    vnics: BTreeMap<String, Known>,
    done: &'a Done,
}

impl Guest<'_> {
    /// Goes on until it is told to stop.
    fn go_on(&mut self, stop: &AtomicBool) {
        while !stop.load(Ordering::Relaxed) {
            let number = self.random.random_range(0..VNICS);
            let name = format!("net{}", 10 * (self.number + 1) + number);
            let known =
                *self.vnics.entry(name.clone()).or_insert(Known::Absent);
            let now = match (known, self.random.random_range(0..4)) {
                (Known::Absent, _) => self.create(&name),
                (Known::Present(cap), 0) => self.delete(&name, cap),
                (Known::Present(_), 1) => self.add_flow(&name, known),
                (Known::Present(_), _) => self.change(&name),
                (Known::Unknown, _) => self.find_out(&name),
            };
            self.vnics.insert(name, now);
        }
    }

    fn create(&mut self, name: &str) -> Known {
        let cap = self.random.random_range(2..9);
        let tap = self.random.random_range(0..4) == 0;
        let mut props = json!({ "maxbw": cap * 1_000_000 });
        if tap {
            props["mode"] = json!("tap");
        }
        if self.random.random() {
            props["allowed_ips"] = json!(["192.168.1.77"]);
            props["protection"] = json!("mac-nospoof,ip-nospoof");
        }
        let wanted = json!({
            "name": name, "over": "bge0", "zone": "test", "props": props,
        });
        let wanted: CreateVnic =
            serde_json::from_value(wanted).expect("the story knows the API");
        match self.client.create_vnic(&wanted) {
            Ok(_) => {
                self.done.created.fetch_add(1, Ordering::Relaxed);
                Known::Present(cap)
            }
            Err(error) => unanswered(&error, name),
        }
    }

    fn change(&mut self, name: &str) -> Known {
        let cap = self.random.random_range(2..9);
        let change = json!({ "set": { "maxbw": cap * 1_000_000 } });
        let change: ChangeVnic =
            serde_json::from_value(change).expect("the story knows the API");
        match self.client.change_vnic(&link(name), Some("test"), &change) {
            Ok(_) => {
                self.done.changed.fetch_add(1, Ordering::Relaxed);
                Known::Present(cap)
            }
            Err(error) => unanswered(&error, name),
        }
    }

    fn add_flow(&mut self, name: &str, known: Known) -> Known {
        let port: u16 = self.random.random();
        let flow = json!({
            "name": format!("{name}-{port}"), "link": name, "zone": "test",
            "attrs": { "transport": "tcp", "local_port": port.max(1) },
            "props": { "maxbw": 1_000_000 },
        });
        let flow: CreateFlow =
            serde_json::from_value(flow).expect("the story knows the API");
        match self.client.create_flows(&[flow]) {
            // The same port once more, or too many of them.
            Ok(_) | Err(ClientError::Problem { .. }) => known,
            Err(error) => unanswered(&error, name),
        }
    }

    fn delete(&mut self, name: &str, cap: u64) -> Known {
        let found = self.find(name);
        if let Some(found) = found {
            let found = found.expect("it was acknowledged, and is forgotten");
            let maxbw = found.props.maxbw.map(fabric::Bandwidth::bps);
            assert_eq!(maxbw, Some(cap * 1_000_000), "{name}");
        }
        match self.client.delete_vnic(&link(name), Some("test")) {
            Ok(()) => {
                self.done.deleted.fetch_add(1, Ordering::Relaxed);
                Known::Absent
            }
            Err(error) => unanswered(&error, name),
        }
    }

    /// Asks what has become of it.
    fn find_out(&mut self, name: &str) -> Known {
        let Some(found) = self.find(name) else { return Known::Unknown };
        let cap = |vnic: VnicInfo| {
            vnic.props.maxbw.map_or(0, |maxbw| maxbw.bps() / 1_000_000)
        };
        found.map_or(Known::Absent, |vnic| Known::Present(cap(vnic)))
    }

    /// The VNIC, if netd answers.
    fn find(&mut self, name: &str) -> Option<Option<VnicInfo>> {
        match self.client.vnics() {
            Ok(vnics) => {
                Some(vnics.into_iter().find(|v| v.name.as_str() == name))
            }
            Err(_) => {
                pause(2_000);
                None
            }
        }
    }
}

fn link(name: &str) -> LinkName {
    name.parse().expect("the story knows names")
}

/// netd has died over a question, or isn't there. Any refusal is a lie.
fn unanswered(error: &ClientError, name: &str) -> Known {
    if let ClientError::Problem(problem) = error {
        panic!("{name}: {problem:?}");
    }
    Known::Unknown
}

/// Lets time pass.
fn pause(microseconds: u64) {
    let (_open, never) = mpsc::channel::<()>();
    let _ = never.recv_timeout(Duration::from_micros(microseconds));
}

#[test]
fn netd_dies_in_a_storm_and_nothing_is_lost_or_left() {
    let Some(lab) = Lab::for_story() else { return };
    let mut story = Story::begin(lab, false);
    let seed = number("STORM_SEED").unwrap_or_else(rand::random::<u64>);
    note(&format!("STORM_SEED={seed}"));
    let kills = number("STORM").unwrap_or(KILLS);
    let mut random = StdRng::seed_from_u64(seed);
    let probes = story.probes();
    let everybody = story.snapshots();
    let (declared, footprint) = (story.declared(), story.footprint());

    let start = Instant::now();
    story.netd.kill();
    story.netd.launch();
    let longest = (LONGEST * start.elapsed()).as_micros();
    let longest = u64::try_from(longest).expect("it starts within years");
    let (done, stop) = (Done::default(), AtomicBool::new(false));
    let guest = |number| Guest {
        client: story.netd.client(),
        random: StdRng::seed_from_u64(seed ^ (number + 1)),
        number,
        vnics: BTreeMap::new(),
        done: &done,
    };
    let mut guests: Vec<Guest<'_>> = (0..CLIENTS).map(guest).collect();
    std::thread::scope(|scope| {
        for guest in &mut guests {
            scope.spawn(|| guest.go_on(&stop));
        }
        for _ in 0..kills {
            pause(random.random_range(0..longest));
            story.netd.kill();
            story.netd.launch_unwatched();
        }
        stop.store(true, Ordering::Relaxed);
    });
    story.netd.kill();
    story.netd.launch();
    for guest in &mut guests {
        for (name, known) in guest.vnics.clone() {
            let found = guest.find_out(&name);
            if known != Known::Unknown {
                assert_eq!(found, known, "{name}: acknowledged");
            }
            if found != Known::Absent {
                let gone = guest.client.delete_vnic(&link(&name), Some("test"));
                gone.unwrap_or_else(|error| panic!("{name}: {error}"));
            }
        }
    }
    let count = |number: &AtomicU64| number.load(Ordering::Relaxed);
    let all = [&done.created, &done.changed, &done.deleted].map(count);
    note(&format!("{all:?} created, changed, deleted"));
    // Else it was no storm.
    let enough = u64::from(kills) / 100;
    assert!(all.iter().all(|count| *count > enough), "{all:?}");

    assert_eq!(story.declared(), declared);
    for life in ["the storm is over", "and once more"] {
        let now = story.footprint();
        let difference = footprint.difference(&now);
        assert!(footprint == now, "{life}\n{difference}");
        story.netd.kill();
        story.netd.launch();
    }
    for (netns, before) in everybody {
        before.assert_same(&netns, "the storm is over");
    }
    probes.into_iter().for_each(Datagrams::was_whole);
}
