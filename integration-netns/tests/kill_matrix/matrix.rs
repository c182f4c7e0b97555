//! netd dies at every point, on every occasion that leads there.

use std::collections::BTreeSet;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

use integration_netns::probe::Datagrams;
use integration_netns::{Lab, Need, Poll, note, require};
use netd::failpoint::{Point, VARIABLE};
use serde_json::Value;

use crate::footprint::Footprint;
use crate::occasions::{Change, OCCASIONS, Occasion};
use crate::{Story, number};

/// No NIC of the lab merges what it receives.
const OUT_OF_REACH: [&str; 2] = ["before lro", "after lro"];

/// Says what netd plans.
const LOG: (&str, &str) = ("RUST_LOG", "info,netd=debug");
/// And each point that it passes.
const POINTS: (&str, &str) =
    ("RUST_LOG", "info,netd=debug,netd::failpoint=trace");

/// What holds before a change, or after it.
#[derive(Clone, PartialEq)]
struct State {
    declared: Value,
    footprint: Footprint,
}

impl Story {
    #[track_caller]
    fn state(&self) -> State {
        let (declared, footprint) = (self.declared(), self.footprint());
        State { declared, footprint }
    }

    #[track_caller]
    fn is_in(&self, state: &State, when: &str) {
        let now = self.state();
        let (was, is) = (&state.declared, &now.declared);
        assert_eq!(was, is, "{when}: what is declared");
        assert!(
            *state == now,
            "{when}: what is there differs\n{}",
            state.footprint.difference(&now.footprint)
        );
    }

    /// What netd has logged since there were so many bytes of it.
    fn logged_since(&self, mark: usize) -> String {
        self.netd.log().split_off(mark)
    }

    /// Starts netd once more, which must find nothing to do.
    #[track_caller]
    fn launch_idle(&mut self, when: &str, at: Option<&str>) {
        let mark = self.netd.log().len();
        let die = at.map(|point| (VARIABLE, point));
        let env: Vec<_> = [LOG].into_iter().chain(die).collect();
        let ended = self.netd.launch_with(&env).err();
        assert_eq!(ended, None, "{when}");
        let log = self.logged_since(mark);
        let planned = log.contains(" planned ");
        assert!(!planned, "{when}: something was left to do\n{log}");
    }

    /// Starts netd, which finds what a dead one has left.
    #[track_caller]
    fn launch_after(&mut self, when: &str) {
        let mark = self.netd.log().len();
        let ended = self.netd.launch_with(&[LOG]).err();
        assert_eq!(ended, None, "{when}");
        let log = self.logged_since(mark);
        let bad = log.contains(" ERROR ") || log.contains("panicked");
        assert!(!bad, "{when}: the next netd complains\n{log}");
    }

    /// Goes once through an occasion without dying: gives the points that it
    /// passes, in their order, and the state that it leads to.
    #[track_caller]
    fn rehearse(&mut self, occasion: &Occasion) -> (Vec<String>, State) {
        let title = occasion.title;
        let old = self.state();
        self.netd.kill();
        let mut mark = self.netd.log().len();
        if let Change::Start(lines) = occasion.change {
            self.run_all(lines);
        }
        let ended = self.netd.launch_with(&[POINTS]).err();
        assert_eq!(ended, None, "{title}");
        match occasion.change {
            Change::Start(_) => self.is_in(&old, title),
            Change::Asked(line) | Change::Told(line) => {
                mark = self.netd.log().len();
                self.run_all(&[line]);
                Poll::PATIENT.until(title, || {
                    match self.declared() {
                        same if same == old.declared => Err("no change"),
                        _ => Ok(()),
                    }
                    .map_err(str::to_owned)
                });
            }
        }
        let new = self.state();
        let log = self.logged_since(mark);
        let mut points = Vec::new();
        for line in log.lines() {
            let Some((_, point)) = line.split_once(" reached point=") else {
                continue;
            };
            if !points.iter().any(|known| known == point) {
                points.push(point.to_owned());
            }
        }
        self.run_all(occasion.again);
        self.is_in(&old, &format!("{title}: and back"));
        (points, new)
    }

    /// Has netd die at a point, and looks at what is left.
    #[track_caller]
    fn die(
        &mut self,
        occasion: &Occasion,
        point: &str,
        old: &State,
        new: &State,
    ) {
        let when = format!("{}: died {point}", occasion.title);
        self.netd.kill();
        let ended = match occasion.change {
            Change::Start(lines) => {
                self.run_all(lines);
                let env = [LOG, (VARIABLE, point)];
                let ended = self.netd.launch_with(&env).err();
                ended.unwrap_or_else(|| panic!("{when}: it came up"))
            }
            Change::Asked(line) | Change::Told(line) => {
                self.launch_idle(&when, Some(point));
                // Whether it succeeds is a matter of when netd dies.
                let _ = self.run(line);
                self.netd.wait()
            }
        };
        killed(ended, &when);
        self.launch_after(&when);
        let is_new = match occasion.change {
            Change::Start(_) => false,
            Change::Asked(_) => self.declared() != old.declared,
            Change::Told(_) => {
                Poll::PATIENT.until(&when, || match self.declared() {
                    now if now == new.declared => Ok(()),
                    now => Err(format!("{now:#}")),
                });
                true
            }
        };
        self.is_in(if is_new { new } else { old }, &when);
        if is_new {
            self.netd.kill();
            self.launch_idle(&when, None);
            self.run_all(occasion.again);
            self.is_in(old, &format!("{when}: and back"));
        }
    }
}

#[track_caller]
fn killed(status: ExitStatus, when: &str) {
    assert_eq!(status.signal(), Some(9), "{when}: {status}");
}

#[test]
fn netd_dies_at_every_point_and_nobody_notices() {
    let programs = ["busybox", "dnsmasq"].map(Need::Program);
    if !require(&programs) {
        return;
    }
    let Some(lab) = Lab::for_story() else { return };
    let script = lab.file(
        "udhcpc.sh",
        "#!/bin/sh\n\
         case $1 in\n\
         deconfig) ip -4 addr flush dev $interface ;;\n\
         bound|renew) ip addr replace $ip/$mask dev $interface ;;\n\
         esac\n",
    );
    let mut story = Story::begin(lab, true);
    story.test.run("chmod", &["755", &script]).check();
    let all: BTreeSet<String> = Point::all().map(|p| p.to_string()).collect();
    let mut missed: BTreeSet<&str> = all.iter().map(String::as_str).collect();
    for point in OUT_OF_REACH {
        assert!(missed.remove(point), "{point} is no point");
    }
    let probes = story.probes();
    let everybody = story.snapshots();
    let base = story.state();
    // On a machine that takes seconds to start netd, not at every point.
    let step = number("MATRIX_STEP").unwrap_or(1_u32).max(1);
    let (mut passed, mut deaths) = (0, 0);
    // To look at one of them more closely.
    let only = std::env::var("OCCASION").unwrap_or_default();
    let chosen = OCCASIONS.iter().filter(|o| o.title.contains(&only));
    for occasion in chosen {
        story.run_all(occasion.begin);
        let old = story.state();
        let (points, new) = story.rehearse(occasion);
        for point in &points {
            missed.remove(&**point);
            passed += 1;
            if passed % step == 0 {
                story.die(occasion, point, &old, &new);
                deaths += 1;
            }
        }
        story.run_all(occasion.end);
        story.is_in(&base, &format!("after: {}", occasion.title));
    }
    note(&format!("netd has died {deaths} times"));
    story.netd.kill();
    story.launch_idle("at the end", None);
    for (netns, before) in everybody {
        before.assert_same(&netns, "netd has died at every point");
    }
    probes.into_iter().for_each(Datagrams::was_whole);
    assert!(
        missed.is_empty() || !only.is_empty(),
        "no occasion leads to {missed:#?}"
    );
}
