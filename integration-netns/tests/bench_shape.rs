//! The benchmark of shaping itself: that it builds every way that the kernel
//! can, and asks it everything.
//!
//! ```text
//!   guest ── host: a way to cap the guest ════ wire       in a lab of its own
//! ```
//!
//! What the numbers are is nobody's business here.

use std::process::Stdio;

use integration_netns::{Lab, binary};

/// The ways, and in which direction each of them caps what the kernel may not
/// be able to: `tc` police and sfq.
const WAYS: [(&str, &[&str]); 4] = [
    ("VNIC, maxbw", &[]),
    ("CNI bandwidth", &[]),
    ("Incus limits", &["from the guest"]),
    ("libvirt bandwidth", &["from the guest", "to the guest"]),
];

#[test]
fn every_way_is_asked_everything_or_said_to_be_refused() {
    let Some(lab) = Lab::for_story() else { return };
    let machine = lab.netns("machine");
    // In an emulated machine it takes longer than any command of a story may.
    let child = machine.spawn_with(&binary("bench-shape"), |command| {
        command.arg("--quick").stdout(Stdio::piped());
    });
    let done = child.wait_with_output().expect("the child is ours");
    let output = String::from_utf8_lossy(&done.stdout);
    assert!(done.status.success(), "{}\n{output}", done.status);
    assert!(output.ends_with("not written: --quick\n"), "{output}");

    // A table is a title, a line of caps, and a line for each way.
    let tables: Vec<_> = output
        .split("\n\n")
        .filter(|table| table.contains("\n  cap "))
        .collect();
    assert_eq!(tables.len(), 16, "{output}");
    for table in &tables {
        let caps = table.lines().nth(1).unwrap_or_default();
        let caps: Vec<_> = caps.split_whitespace().skip(1).collect();
        let probed = table.starts_with("round trip");
        let want: &[&str] = if probed { &["100M"] } else { &["10M", "100M"] };
        assert_eq!(caps, want, "{table}");
    }
    for (way, fragile) in WAYS {
        for direction in ["from the guest", "to the guest"] {
            let refused = output.contains(&format!(
                "- {way}, {direction}: can't be built on this kernel: "
            ));
            assert!(!refused || fragile.contains(&direction), "{output}");
            let of = tables.iter().filter(|table| {
                table.lines().next().is_some_and(|title| {
                    title.ends_with(&format!(", {direction}"))
                })
            });
            let mut count = 0;
            for table in of {
                let line = table
                    .lines()
                    .find_map(|line| line.trim_start().strip_prefix(way))
                    .unwrap_or_else(|| panic!("no {way}:\n{table}"));
                assert!(!line.trim().is_empty(), "{way}:\n{table}");
                assert_eq!(line.contains("n/a"), refused, "{way}:\n{table}");
                count += 1;
            }
            assert_eq!(count, 8, "{way}, {direction}");
        }
    }
    let alone = output.split("Of VNICs alone\n").nth(1).unwrap_or_default();
    let numbers = alone.lines().take_while(|line| !line.is_empty());
    assert_eq!(numbers.count(), 4, "{output}");
    let mut tables = output.split("\n\n");
    let flows = tables.find(|table| table.contains("\n  flows "));
    let flows = flows.unwrap_or_else(|| panic!("no flows:\n{output}"));
    let counts = flows.lines().nth(1).unwrap_or_default();
    let counts: Vec<_> = counts.split_whitespace().skip(1).collect();
    assert_eq!(counts, ["0", "1", "100"], "{flows}");
    let kpps = flows.lines().nth(2).unwrap_or_default();
    assert_eq!(kpps.split_whitespace().count(), 4, "{flows}");
}
