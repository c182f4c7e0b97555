//! The planner on whole cases, one folder each under `tests/plan/`.
//!
//! | file | content |
//! |---|---|
//! | `host.json` | the host's own links, and its running zones |
//! | `config` | its `/usbkey/config`; optional |
//! | `before.json` | the fabric that is built already; optional |
//! | `meddle.txt` | what somebody did to it since; optional |
//! | `desired.json` | the fabric that should be |
//! | `plan.txt` | the plan |
//!
//! A new case is a new folder. `BLESS=1` writes its `plan.txt`, to be read
//! before it is committed. `meddle.txt` speaks the language of
//! `meddle/mod.rs`.

mod common;
mod meddle;
mod undo;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{env, fs};

use fabric::{
    CpuSet, Duplex, FabricSpec, HostCpus, LinkClass, LinkName, LinkState, Mac,
    Mtu, Observed, ObservedLink, Zone,
};
use serde::Deserialize;
use tagmap::{Config, TagMap};

use common::Wanted;

#[test]
fn cases() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plan");
    let entries = fs::read_dir(&root).unwrap();
    let mut folders: Vec<PathBuf> =
        entries.map(|entry| entry.unwrap().path()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "no case in {}", root.display());
    let bless = env::var_os("BLESS").is_some();
    let wrong: Vec<String> =
        folders.iter().filter_map(|folder| check(folder, bless)).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Runs a case; returns what is wrong with its plan.
#[expect(clippy::print_stderr, reason = "says which case a panic is about")]
fn check(folder: &Path, bless: bool) -> Option<String> {
    let case = folder.file_name().unwrap().to_string_lossy();
    eprintln!("case {case}");
    let tags = optional(&folder.join("config")).unwrap_or_default();
    let tags = TagMap::from_config(&Config::parse(&tags).unwrap()).unwrap();
    let mut observed = host(&folder.join("host.json"));
    if let Some(before) = optional(&folder.join("before.json")) {
        let before = spec(&before);
        let wanted = Wanted::new(&before, &tags, &observed);
        let plan = wanted.plan(&observed);
        let states = common::states(&observed, &plan);
        observed = states.into_iter().next_back().unwrap();
    }
    let meddle = optional(&folder.join("meddle.txt")).unwrap_or_default();
    for line in meddle.lines() {
        if let Err(reason) = meddle::meddle(&mut observed, line) {
            panic!("{case}/meddle.txt: {line}: {reason}");
        }
    }

    let desired = spec(&read(&folder.join("desired.json")));
    let wanted = Wanted::new(&desired, &tags, &observed);
    let plan = wanted.plan(&observed);
    let states = common::states(&observed, &plan);
    undo::check_undo(&states, &plan);
    let last = &states[states.len() - 1];
    let again = wanted.plan(last);
    assert!(again.is_empty(), "{case}: planned again:\n{again}of:\n{plan}");
    assert_eq!(last.tables, wanted.tables, "{case}");

    let file = folder.join("plan.txt");
    let got = plan.to_string();
    if bless {
        fs::write(&file, got).unwrap();
        return None;
    }
    let want = optional(&file).unwrap_or_default();
    (got != want).then(|| {
        format!("== {case}\n-- plan.txt has\n{want}-- planned was\n{got}")
    })
}

fn read(file: &Path) -> String {
    fs::read_to_string(file)
        .unwrap_or_else(|error| panic!("{}: {error}", file.display()))
}

fn optional(file: &Path) -> Option<String> {
    file.exists().then(|| read(file))
}

fn spec(json: &str) -> FabricSpec {
    let spec: FabricSpec = serde_json::from_str(json).unwrap();
    spec.validate().unwrap();
    spec
}

/// `host.json`.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Host {
    links: BTreeMap<LinkName, HostLink>,
    #[serde(default)]
    zones: BTreeSet<Zone>,
    /// Its CPUs, all of which run.
    #[serde(default)]
    cpus: CpuSet,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HostLink {
    class: LinkClass,
    mac: Mac,
    factory_mac: Option<Mac>,
    mtu: Mtu,
    #[serde(default)]
    promiscuous: bool,
    #[serde(default)]
    lro: bool,
    /// Its filter takes no further address, and that is known.
    #[serde(default)]
    refuses: bool,
}

fn host(file: &Path) -> Observed {
    let host: Host = serde_json::from_str(&read(file)).unwrap();
    let refusing = host.links.iter().filter(|(_, link)| link.refuses);
    let refusing = refusing.map(|(name, _)| name.clone()).collect();
    let links = host.links.into_iter().map(|(name, link)| {
        let link = ObservedLink {
            class: link.class,
            mac: link.mac,
            factory_mac: link.factory_mac,
            mtu: link.mtu,
            state: LinkState::Up,
            speed: None,
            duplex: Duplex::Full,
            promiscuous: link.promiscuous,
            lro: link.lro,
        };
        (name, link)
    });
    let cpus = host.cpus;
    let (possible, online, isolated) = (cpus.clone(), cpus, CpuSet::default());
    Observed {
        cpus: HostCpus { possible, online, isolated },
        links: links.collect(),
        refusing,
        zones: host.zones,
        ..Observed::default()
    }
}
