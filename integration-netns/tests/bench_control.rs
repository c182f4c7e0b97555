//! The benchmark of VNICs that come and go itself: that it has every way do
//! everything, and each of its parts runs alone.
//!
//! ```text
//!   zone ── host: netd, or ip and tc, or a peer ════ wire   in a lab of its own
//! ```
//!
//! What the numbers are is nobody's business here.

use std::path::Path;
use std::process::Stdio;

use integration_netns::{Lab, Netns, binary};

/// Tables, and whose lines they have at least.
const TABLES: [(&str, &[&str]); 24] = [
    (
        "one, until it is made, ms, no maxbw",
        &["netd, one by one", "netlink, no process", "ip, one by one"],
    ),
    ("one, until its first packet arrives, ms, no maxbw", EACH),
    ("create one beside so many, ms, no maxbw", EACH),
    ("create one beside so many, ms, maxbw", EACH),
    ("create one beside so many, ms, maxbw, p99", EACH),
    ("delete one beside so many, ms, no maxbw", EACH),
    ("delete one beside so many, ms, maxbw", EACH),
    ("create so many, ms each, no maxbw", ALL),
    ("create so many, ms each, maxbw", ALL),
    ("create so many in zones of their own, ms each, no maxbw", ALL),
    ("create so many in zones of their own, ms each, maxbw", ALL),
    ("delete so many in zones of their own, ms each, maxbw", ALL),
    ("delete so many, ms each, no maxbw", ALL),
    ("delete so many, ms each, maxbw", ALL),
    ("set maxbw of so many that have none, ms each, maxbw", ALL),
    ("change maxbw of so many, ms each, maxbw", ALL),
    ("start of netd to its first answer, s, no maxbw", EACH),
    ("start of netd to its first answer, s, maxbw", EACH),
    ("start of netd to health ok, s, no maxbw", EACH),
    ("start of netd to health ok, s, maxbw", EACH),
    ("idle netd, % of a CPU, no maxbw", EACH),
    ("idle netd, % of a CPU, maxbw", EACH),
    ("VmRSS of netd that has made them, MB, maxbw", EACH),
    ("RssAnon of netd that has found them, MB, maxbw", EACH),
];

const EACH: &[&str] = &["netd, one by one"];

const ALL: &[&str] =
    &["netd, one by one", "netd, one batch", "ip -batch, tc -batch"];

/// Runs it quickly, and gives what it says.
#[track_caller]
fn run(machine: &Netns, args: &[&str]) -> String {
    let child = machine.spawn_with(&binary("bench-control"), |command| {
        command.arg("--quick").args(args).stdout(Stdio::piped());
    });
    let done = child.wait_with_output().expect("the child is ours");
    let output = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{}\n{output}", done.status);
    assert!(output.ends_with("not written: --quick\n"), "{output}");
    output.into_owned()
}

/// The lines of a table.
#[track_caller]
fn table<'a>(output: &'a str, title: &str) -> Vec<&'a str> {
    let mut tables = output.split("\n\n");
    let of = |table: &&str| table.lines().next() == Some(title);
    let table = tables.find(of);
    let table = table.unwrap_or_else(|| panic!("no {title}:\n{output}"));
    table.lines().skip(1).map(str::trim_start).collect()
}

#[test]
fn every_way_does_everything() {
    let Some(lab) = Lab::for_story() else { return };
    let machine = lab.netns("machine");
    let output = run(&machine, &[]);
    for (title, ways) in TABLES {
        let lines = table(&output, title);
        for way in ways {
            let line = lines.iter().find_map(|line| line.strip_prefix(way));
            let line = line.unwrap_or_else(|| panic!("{title}: no {way}"));
            assert!(!line.contains("n/a"), "{title}: {way}{line}");
        }
    }
    assert!(output.contains("\nGoals: "), "{output}");
}

#[test]
fn peers_have_their_turns_or_are_said_to_be_missing() {
    let Some(lab) = Lab::for_story() else { return };
    let machine = lab.netns("machine");
    let output = run(&machine, &["--only", "peers"]);
    let title = "create so many in zones of their own, ms each, no maxbw";
    let lines = table(&output, title);
    for (name, program) in [
        ("CNI", "/usr/lib/cni/bandwidth"),
        ("netavark", "/usr/lib/podman/netavark"),
    ] {
        let missing = output.contains(&format!("- {name}: NOT MEASURED"));
        assert_eq!(missing, !Path::new(program).exists(), "{output}");
        let asked = lines.iter().any(|line| line.starts_with(name));
        assert_eq!(asked, !missing, "{output}");
    }
    let other = "create so many, ms each, no maxbw";
    assert!(!output.contains(&format!("\n{other}\n")), "{output}");
}
