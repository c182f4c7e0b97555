//! What a failing test shows.

use std::collections::BTreeSet;
use std::path::Path;

use serde_json::{Map, Value, json};

use crate::{Netns, door};

/// Says something under the name of the test that runs.
pub fn note(text: &str) {
    #[expect(
        clippy::print_stderr,
        reason = "libtest keeps only what the macros print, and shows it when \
                  the test fails"
    )]
    {
        eprintln!("{text}");
    }
}

/// A namespace's links, addresses, neighbours and filters, as text.
pub(crate) fn netns_state(name: &str, path: &Path) -> String {
    let mut text = format!("--- namespace {name}\n");
    for line in ["ip -br addr", "ip -s -d link", "ip neigh"] {
        let mut words = line.split_whitespace();
        let program = words.next().expect("no line is empty");
        let mut command = door::command(Some(path), program.as_ref());
        text += &match command.args(words).output() {
            Ok(output) => {
                format!(
                    "$ {line}\n{}{}",
                    String::from_utf8_lossy(&output.stdout),
                    String::from_utf8_lossy(&output.stderr)
                )
            }
            Err(error) => format!("$ {line}: {error}\n"),
        };
    }
    text
}

/// All that a change might leave behind in a namespace: links, addresses,
/// queues and their classes, filters and unicast filters. Numbers that count traffic or only
/// identify (statistics, ifindexes, program ids) are left out, so that two
/// snapshots are equal when nothing but time lies between them. So is the
/// operational state, which the kernel draws from the carrier up to a second
/// late; the carrier itself, `LOWER_UP`, is there.
#[derive(Clone, Debug, PartialEq)]
pub struct Snapshot(Value);

impl Snapshot {
    /// Takes one.
    ///
    /// # Panics
    /// When a tool fails.
    #[track_caller]
    #[must_use]
    pub fn of(netns: &Netns) -> Self {
        let links = netns.ip_json("addr show");
        let queues = netns.tc_json("qdisc show");
        let (mut filters, mut classes) = (Map::new(), Map::new());
        for link in links.as_array().into_iter().flatten() {
            let Some(name) = link["ifname"].as_str() else { continue };
            for hook in ["ingress", "egress"] {
                let words = format!("filter show dev {name} {hook}");
                filters.insert(format!("{name} {hook}"), netns.tc_json(&words));
            }
            // Who has no queue of its own making has no classes.
            if !has_root(&queues, name) {
                continue;
            }
            // Not as JSON: Debian 12's tc can't. In no order of its own.
            let shown = netns.run("tc", &["class", "show", "dev", name]);
            let shown = shown.check();
            // fq_codel shows the connections that wait as classes, too.
            let lines = shown.lines().filter(|line| line.contains(" htb "));
            let lines: BTreeSet<&str> = lines.collect();
            classes.insert(name.to_owned(), json!(lines));
        }
        let fdb = netns.run("bridge", &["-j", "fdb", "show"]).check();
        let mut snapshot = json!({
            "links": links,
            "queues": queues,
            "classes": classes,
            "filters": filters,
            "unicast": serde_json::from_str::<Value>(&fdb).unwrap_or_default(),
        });
        forget(&mut snapshot);
        Self(snapshot)
    }

    /// Compares with what is there now.
    ///
    /// # Panics
    /// When it differs; says `when` and in what.
    #[track_caller]
    pub fn assert_same(&self, netns: &Netns, when: &str) {
        let now = Self::of(netns);
        assert!(
            *self == now,
            "{when}: [{}] is not what it was\n{}",
            netns.name(),
            self.difference(&now)
        );
    }

    /// The values that the two don't share, each with its place.
    #[must_use]
    pub fn difference(&self, other: &Self) -> String {
        let lines = |snapshot: &Self| -> BTreeSet<String> {
            let mut lines = BTreeSet::new();
            flatten("", &snapshot.0, &mut lines);
            lines
        };
        let (before, after) = (lines(self), lines(other));
        let lost = before.difference(&after).map(|line| format!("- {line}\n"));
        let new = after.difference(&before).map(|line| format!("+ {line}\n"));
        lost.chain(new).collect()
    }
}

/// Whether somebody has given a link the queue that it sends by.
fn has_root(queues: &Value, link: &str) -> bool {
    let queues = queues.as_array().into_iter().flatten();
    let mut own = queues.filter(|queue| queue["dev"] == link);
    own.any(|queue| queue["root"] == true && queue["handle"] != "0:")
}

/// Adds a line for each value in a value: where it is, and what. Links of a
/// list are told apart by their names, so that one more moves no other.
fn flatten(place: &str, value: &Value, lines: &mut BTreeSet<String>) {
    match value {
        Value::Array(items) if !items.is_empty() => {
            for (number, item) in items.iter().enumerate() {
                let name = item["ifname"].as_str().map(str::to_owned);
                let name = name.unwrap_or_else(|| number.to_string());
                flatten(&format!("{place}[{name}]"), item, lines);
            }
        }
        Value::Object(fields) if !fields.is_empty() => {
            for (key, field) in fields {
                flatten(&format!("{place} {key}"), field, lines);
            }
        }
        plain => {
            lines.insert(format!("{}: {plain}", place.trim_start()));
        }
    }
}

/// Removes what changes by itself.
fn forget(value: &mut Value) {
    const PASSING: [&str; 9] = [
        "ifindex",
        "link_index",
        "operstate",
        "stats64",
        "valid_life_time",
        "preferred_life_time",
        "id",
        "tag",
        "jited",
    ];
    match value {
        Value::Array(items) => {
            // The operational state once more, among a link's flags.
            items.retain(|item| item != "NO-CARRIER");
            items.iter_mut().for_each(forget);
        }
        Value::Object(fields) => {
            fields.retain(|key, _| !PASSING.contains(&key.as_str()));
            fields.values_mut().for_each(forget);
        }
        _ => {}
    }
}
