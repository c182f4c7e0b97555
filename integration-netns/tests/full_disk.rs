//! A disk without room: a change is refused whole, what is there works on.
//!
//!   web [net0 .10] ── vnic-1 ── host [bge0 .3] ════ [lan0 .1] wire
//!                                 └─ netd, its store on a disk that fills up

use std::fs;
use std::path::Path;

use fabric::Status;
use integration_netns::{Lab, Netd, Office, Snapshot, probe};

/// Room for the store and not much more, in bytes.
const DISK: usize = 256 * 1024;

/// Leaves no room. The file is as long as the disk had room for.
fn fill(disk: &Path) {
    let junk = disk.join("junk");
    let block = [0; 4096];
    let mut text = Vec::new();
    while fs::write(&junk, &text).is_ok() && text.len() <= DISK {
        text.extend_from_slice(&block);
    }
}

#[test]
fn a_full_disk_refuses_changes_and_harms_nothing() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let disk = Path::new(Netd::STATE_DIR);
    fs::create_dir(disk).expect("the lab is new");
    let size = format!("size={DISK}");
    let words = ["-t", "tmpfs", "-o", &size, "disk", Netd::STATE_DIR];
    office.host.run("mount", &words).check();
    let mut netd = Netd::start(&lab, &office.host, None);
    let (web, db) = (lab.zone("web"), lab.zone("db"));
    netd.sh("dladm create-vnic -l bge0 -p zone=web net0").check();
    web.plumb("net0", "192.168.1.10/24", "fd00::10/64");
    let vnics = netd.api().vnics();
    let before = [&office.host, &web, &db].map(Snapshot::of);

    fill(disk);
    for (line, what) in [
        (
            "dladm create-vnic -l bge0 -p zone=db net0",
            "vnic creation over bge0",
        ),
        ("dladm delete-vnic net0", "vnic deletion"),
        ("dladm create-etherstub stub0", "etherstub creation"),
    ] {
        let output = netd.sh(line);
        let said = output.refusal();
        let want = format!("{what} failed: {}", Status::IoError);
        assert!(said.ends_with(&want), "{output}");
        assert!(output.stderr.contains("disk is full"), "{output}");
    }
    assert_eq!(netd.api().vnics(), vnics);
    for (netns, before) in [&office.host, &web, &db].into_iter().zip(&before) {
        before.assert_same(netns, "all was refused");
    }
    probe::reaches(&web, Office::WIRE_V4);

    // What was there is there for the next netd, too.
    netd.kill();
    netd.launch();
    assert_eq!(netd.api().vnics(), vnics);
    before[0].assert_same(&office.host, "netd was killed and started");

    fs::remove_file(disk.join("junk")).expect("it was written");
    netd.sh("dladm create-vnic -l bge0 -p zone=db net0").check();
    netd.sh("dladm delete-vnic -z web net0").check();
}
