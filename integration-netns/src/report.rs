//! What a failing test shows.

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
/// queues, filters and unicast filters. Numbers that count traffic or only
/// identify (statistics, ifindexes, program ids) are left out, so that two
/// snapshots are equal when nothing but time lies between them.
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
        let mut filters = Map::new();
        for link in links.as_array().into_iter().flatten() {
            let Some(name) = link["ifname"].as_str() else { continue };
            for hook in ["ingress", "egress"] {
                let words = format!("filter show dev {name} {hook}");
                filters.insert(format!("{name} {hook}"), netns.tc_json(&words));
            }
        }
        let fdb = netns.run("bridge", &["-j", "fdb", "show"]).check();
        let mut snapshot = json!({
            "links": links,
            "queues": netns.tc_json("qdisc show"),
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

    /// The lines that the two don't share.
    #[must_use]
    pub fn difference(&self, other: &Self) -> String {
        let lines = |snapshot: &Self| -> Vec<String> {
            format!("{:#}", snapshot.0).lines().map(str::to_owned).collect()
        };
        let (before, after) = (lines(self), lines(other));
        let only = |these: &[String], those: &[String], sign: char| {
            let lost = these.iter().filter(|line| !those.contains(line));
            lost.map(|line| format!("{sign} {line}\n")).collect::<String>()
        };
        only(&before, &after, '-') + &only(&after, &before, '+')
    }
}

/// Removes what changes by itself.
fn forget(value: &mut Value) {
    const PASSING: [&str; 8] = [
        "ifindex",
        "link_index",
        "stats64",
        "valid_life_time",
        "preferred_life_time",
        "id",
        "tag",
        "jited",
    ];
    match value {
        Value::Array(items) => items.iter_mut().for_each(forget),
        Value::Object(fields) => {
            fields.retain(|key, _| !PASSING.contains(&key.as_str()));
            fields.values_mut().for_each(forget);
        }
        _ => {}
    }
}
