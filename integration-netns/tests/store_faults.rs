//! A store that can't be read, or written: netd says so and goes, or refuses
//! what is asked of it; what it has built works on.
//!
//!   web [net0 .10] ── vnic-1 ─┐
//!                             host [bge0 .3] ════ [lan0 .1] wire
//!   db  [net0 .11] ── vnic-2 ─┘
//!                             └─ netd, its store on a disk of its own

use std::fs;
use std::path::{Path, PathBuf};

use fabric::Status;
use fabric::api::VnicInfo;
use integration_netns::probe::Datagrams;
use integration_netns::{Lab, Need, Netd, Netns, Office, Snapshot, require};
use netd::store::Store;

struct Story {
    netd: Netd,
    web: Netns,
    db: Netns,
    office: Office,
    vnics: Vec<VnicInfo>,
    before: [Snapshot; 3],
    probes: Vec<Datagrams>,
    /// The last to go: the others show their state first.
    _lab: Lab,
}

impl Story {
    #[track_caller]
    fn begin(lab: Lab) -> Self {
        let office = lab.office();
        let netd = Netd::start(&lab, &office.host, None);
        let web = lab.zone_with_vnic(&netd, "web", "192.168.1.10", "");
        let db = lab.zone_with_vnic(&netd, "db", "192.168.1.11", "-p maxbw=9M");
        let probe = |from, to, addr| {
            Datagrams::flow(from, to, addr, Datagrams::SMALL, 96_000)
        };
        let probes = vec![
            probe(&web, &db, "192.168.1.11"),
            probe(&office.wire, &web, "192.168.1.10"),
        ];
        let vnics = netd.api().vnics();
        let before = [&office.host, &web, &db].map(Snapshot::of);
        Self { netd, web, db, office, vnics, before, probes, _lab: lab }
    }

    /// netd doesn't start: one line says why, and one what to try.
    #[track_caller]
    fn refuses_to_start(&mut self, what: &str, why: &str, hint: &str) {
        let mark = self.netd.log().len();
        let ended = self.netd.launch_with(&[]).expect_err(what);
        let said = self.netd.log().split_off(mark);
        assert_eq!(ended.code(), Some(1), "{what}: {ended}\n{said}");
        let mut last = said.lines().skip_while(|l| !l.starts_with("netd: "));
        let line = last.next().unwrap_or_default();
        assert!(line.contains(why), "{what}:\n{said}");
        let line = last.next().unwrap_or_default();
        let hinted = line.starts_with("hint: ") && line.contains(hint);
        assert!(hinted, "{what}:\n{said}");
        assert_eq!(last.next(), None, "{what}:\n{said}");
        self.nothing_has_changed(what);
    }

    /// A change is refused by the disk.
    #[track_caller]
    fn refuses_changes(&self, what: &str) {
        for line in [
            "dladm create-vnic -l bge0 net9",
            "dladm set-linkprop -z db -p maxbw=5M net0",
            "dladm delete-vnic -z web net0",
            "dladm create-etherstub stub0",
            "flowadm add-flow -z db -l net0 -a transport=tcp f0",
        ] {
            let refused = self.netd.sh(line);
            let said = refused.refusal();
            let reason = Status::IoError.to_string();
            assert!(said.ends_with(&reason), "{what}: {refused}");
            let hint = "hint: netd must be able to write to";
            assert!(refused.stderr.contains(hint), "{what}: {refused}");
        }
        assert_eq!(self.netd.api().vnics(), self.vnics, "{what}");
        self.nothing_has_changed(what);
    }

    #[track_caller]
    fn nothing_has_changed(&self, what: &str) {
        let all = [&self.office.host, &self.web, &self.db];
        for (netns, before) in all.into_iter().zip(&self.before) {
            before.assert_same(netns, what);
        }
        self.probes.iter().for_each(|probe| probe.go_on(10));
    }

    /// netd comes back to what it knew.
    #[track_caller]
    fn comes_back(&mut self, what: &str) {
        self.netd.launch();
        assert_eq!(self.netd.api().vnics(), self.vnics, "{what}");
        self.nothing_has_changed(what);
    }

    #[track_caller]
    fn end(self) {
        self.probes.into_iter().for_each(Datagrams::was_whole);
    }
}

fn store(name: &str) -> PathBuf {
    Path::new(Netd::STATE_DIR).join(name)
}

/// Bytes that no program means.
fn noise(length: usize) -> Vec<u8> {
    let next =
        |state: &u64| Some(state.wrapping_mul(0x5851_f42d_4c95_7f2d) + 1);
    let states = std::iter::successors(Some(1_u64), next);
    states.map(|state| state.to_be_bytes()[0]).take(length).collect()
}

#[test]
fn a_damaged_store_keeps_netd_away_and_harms_nothing() {
    let Some(lab) = Lab::for_story() else { return };
    let mut story = Story::begin(lab);
    // All of it is in one file once somebody has closed it.
    story.netd.stop();
    drop(Store::open(Path::new(Netd::STATE_DIR), "").expect("netd is gone"));
    let whole = fs::read(store("netd.db")).expect("netd made it");
    let page = 4096;
    assert!(whole.len() > 4 * page, "{} bytes", whole.len());
    for (what, from, to) in [
        ("no database", 0, 100),
        ("a damaged first page", 100, 600),
        ("a damaged page", 2 * page, 3 * page),
        ("nothing but noise", 0, whole.len()),
    ] {
        let mut bytes = whole.clone();
        bytes[from..to].copy_from_slice(&noise(to - from));
        fs::write(store("netd.db"), &bytes).expect("it is ours");
        story.refuses_to_start(what, "netd.db", "put a copy of");
        let after = fs::read(store("netd.db")).expect("it is still there");
        assert!(after == bytes, "{what}: netd has written to it");
    }
    let half = &whole[..whole.len() / 2];
    fs::write(store("netd.db"), half).expect("it is ours");
    story.refuses_to_start("half of it", "netd.db", "put a copy of");

    for name in ["netd.db-wal", "netd.db-shm"] {
        let _ = fs::remove_file(store(name));
    }
    fs::write(store("netd.db"), &whole).expect("it is ours");
    story.comes_back("the copy was put back");
    story.end();
}

#[test]
fn a_disk_that_is_read_only_keeps_netd_away_and_harms_nothing() {
    let Some(lab) = Lab::for_story() else { return };
    let dir = Netd::STATE_DIR;
    fs::create_dir(dir).expect("the lab is new");
    let netns = lab.netns("mounter");
    let mount = |words: &str| {
        let words: Vec<&str> = words.split_whitespace().collect();
        netns.run("mount", &words).check();
    };
    mount(&format!("-t tmpfs disk {dir}"));
    let mut story = Story::begin(lab);
    for end in [Netd::stop, Netd::kill] {
        end(&mut story.netd);
        mount(&format!("-o remount,ro {dir}"));
        let hint = "netd must be able to write to /run/lab/state";
        story.refuses_to_start("read-only", "Read-only file system", hint);
        mount(&format!("-o remount,rw {dir}"));
        story.comes_back("it can be written again");
    }
    story.end();
}

#[test]
fn a_disk_that_becomes_read_only_refuses_changes_and_harms_nothing() {
    let programs = ["mkfs.ext4", "losetup"].map(Need::Program);
    if !require(&programs) {
        return;
    }
    let Some(lab) = Lab::for_story() else { return };
    let dir = Netd::STATE_DIR;
    fs::create_dir(dir).expect("the lab is new");
    let netns = lab.netns("mounter");
    let run = |line: &str| {
        let words: Vec<&str> = line.split_whitespace().collect();
        netns.run(words[0], &words[1..]).check()
    };
    let image = lab.file("disk", "");
    let file = fs::OpenOptions::new().write(true).open(&image);
    let sized = file.and_then(|file| file.set_len(16 << 20));
    sized.expect("there is room");
    run(&format!("mkfs.ext4 -q -e remount-ro {image}"));
    run(&format!("mount -o loop {image} {dir}"));
    let mut story = Story::begin(lab);
    // The kernel finds an error on the disk, as it says, and lets nobody write
    // any more.
    let device = run(&format!("losetup --noheadings -O NAME -j {image}"));
    let device = device.trim().trim_start_matches("/dev/");
    let trigger = format!("/sys/fs/ext4/{device}/trigger_fs_error");
    fs::write(&trigger, "a story").unwrap_or_else(|e| panic!("{trigger}: {e}"));
    story.refuses_changes("read-only by now");
    story.netd.kill();
    let hint = "netd must be able to write to /run/lab/state";
    story.refuses_to_start("read-only", "Read-only file system", hint);
    run(&format!("umount {dir}"));
    run(&format!("mount -o loop {image} {dir}"));
    story.comes_back("the disk was repaired");
    story.netd.stop();
    run(&format!("umount {dir}"));
    story.end();
}
