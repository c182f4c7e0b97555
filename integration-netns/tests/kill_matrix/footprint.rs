//! What there is on the host because of VNICs, in a form that doesn't depend on
//! which numbers they have.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use integration_netns::{Netd, Netns};
use libbpf_rs::{MapCore, MapHandle, MapType};
use serde_json::Value;

/// Lines, each with how often it is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Footprint(BTreeMap<String, usize>);

impl Footprint {
    /// Looks at links, queues, tables, pins and files.
    #[track_caller]
    pub(crate) fn of(host: &Netns, zone: &Netns) -> Self {
        let mut lines = Vec::new();
        let links = host.ip_json("link show");
        let names = names(&links);
        lines.extend(described(&links, &names));
        let guests = zone.ip_json("link show");
        let none = BTreeMap::new();
        let guests = described(&guests, &none);
        // Whether it is on is the guest's affair.
        let guests = guests.map(|line| line.replace("up true", "up false"));
        lines.extend(guests.map(|line| format!("in the zone: {line}")));
        for queue in host.tc_json("qdisc show").as_array().into_iter().flatten()
        {
            let link = queue["dev"].as_str().unwrap_or_default();
            let link = names.get(link).map_or(link, String::as_str);
            lines.push(format!("queue {} on {link}", queue["kind"]));
        }
        lines.extend(rows());
        lines.extend(files(Path::new("/run")));
        let mut counted = BTreeMap::new();
        for line in lines {
            *counted.entry(line).or_default() += 1;
        }
        Self(counted)
    }

    /// What one has and the other has not.
    pub(crate) fn difference(&self, other: &Self) -> String {
        let lines = |of: &Self| -> BTreeSet<String> {
            let lines = of.0.iter();
            lines.map(|(line, count)| format!("{line} ({count})\n")).collect()
        };
        let (old, new) = (lines(self), lines(other));
        let lost = old.difference(&new).map(|line| format!("- {line}"));
        let found = new.difference(&old).map(|line| format!("+ {line}"));
        lost.chain(found).collect()
    }
}

/// Links of ours by what they are for: their numbers are given anew each time.
fn names(links: &Value) -> BTreeMap<String, String> {
    let links = links.as_array().into_iter().flatten();
    let ours = links.filter_map(|link| {
        let name = link["ifname"].as_str()?;
        let (kind, _) = name.split_once('-')?;
        let alias = link["ifalias"].as_str().unwrap_or("nobody");
        Some((name.to_owned(), format!("{kind} of {alias}")))
    });
    ours.collect()
}

/// What is said of each link. Of its flags, only what was set.
fn described(
    links: &Value,
    names: &BTreeMap<String, String>,
) -> impl Iterator<Item = String> {
    let links = links.as_array().into_iter().flatten();
    links.map(|link| {
        let name = link["ifname"].as_str().unwrap_or_default();
        // The address of a link of ours is one that the kernel draws.
        let (name, address) = match names.get(name) {
            Some(ours) => (ours.as_str(), &Value::Null),
            None => (name, &link["address"]),
        };
        let flag = |word: &str| {
            let flags = link["flags"].as_array().into_iter().flatten();
            flags.into_iter().any(|flag| flag == word)
        };
        format!(
            "link {name} mtu {} segs {} group {} up {} promiscuous {} {}",
            link["mtu"],
            link["gso_max_segs"],
            link["group"],
            flag("UP"),
            link["promiscuity"],
            address,
        )
    })
}

/// How many rows each pinned table has.
fn rows() -> impl Iterator<Item = String> {
    let pins = Path::new(Netd::BPFFS).join("maps");
    let pins = fs::read_dir(pins).expect("netd has pinned its tables");
    let pins = pins.map(|pin| pin.expect("they can be listed").path());
    // The kernel's own files have a dot in their names.
    let pins = pins.filter(|pin| pin.extension().is_none());
    pins.flat_map(|path| {
        let map = MapHandle::from_pinned_path(&path)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        let name = path.file_name().unwrap_or_default().to_owned();
        let kind = map.map_type();
        let rings = [MapType::RingBuf, MapType::PercpuArray, MapType::Array];
        let rows = match rings.contains(&kind) {
            true => 0,
            false => map.keys().count(),
        };
        let line = format!("row of {}", name.display());
        std::iter::repeat_n(line, rows + 1)
    })
}

/// The files below a directory, but for the lab's own. A namespace's file is
/// one.
fn files(dir: &Path) -> Vec<String> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(dir) else { return found };
    for entry in entries.flatten() {
        let path = entry.path();
        let lab = path.starts_with("/run/lab")
            && !path.starts_with(Netd::STATE_DIR)
            && path != Path::new("/run/lab");
        if lab {
            continue;
        }
        found.push(format!("file {}", path.display()));
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(files(&path));
        }
    }
    found
}
