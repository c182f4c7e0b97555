//! Who may look at the fabric, and who may change it.
//!
//!   root ───────────────┐
//!   alice  netd ────────┤ change       netd.sock
//!                       ├──────────── 0660 root:netd ── netd ── host [bge0]
//!   bob    netd-read ───┘ look         group:netd-read:rw-
//!
//!   carol, who is in no group, is stopped by the file; where the file lets her
//!   in, by netd.

use std::fs::{self, Permissions};
use std::os::unix::fs::{MetadataExt, PermissionsExt};

use integration_netns::{CmdOutput, Group, Lab, Netd, Office, User};

const SOCKET: &str = "/run/netd/netd.sock";

const NETD: Group = ("netd", 4001);
const READ: Group = ("netd-read", 4002);
const ALICE: User = User { name: "alice", uid: 4101, groups: &["netd"] };
const BOB: User = User { name: "bob", uid: 4102, groups: &["netd-read"] };
const CAROL: User = User { name: "carol", uid: 4103, groups: &[] };

/// A host on which somebody may try.
struct Story {
    office: Office,
    netd: Netd,
    dladm: String,
}

impl Story {
    fn new(lab: &Lab) -> Self {
        let office = lab.office();
        let netd = Netd::start(lab, &office.host, None);
        netd.sh("dladm create-vnic -l bge0 net0").check();
        Self { office, netd, dladm: lab.lend("dladm") }
    }

    /// What a line of dladm comes to for a user.
    #[track_caller]
    fn dladm(&self, who: User, line: &str) -> CmdOutput {
        let args: Vec<&str> = line.split_whitespace().collect();
        who.run(&self.office.host, &self.dladm, &args)
    }

    /// The same for a process that setpriv(1) makes by these words.
    #[track_caller]
    fn dladm_as(&self, words: &str, line: &str) -> CmdOutput {
        let words = words.split_whitespace().chain([&*self.dladm]);
        let words: Vec<&str> = words.chain(line.split_whitespace()).collect();
        self.office.host.run("setpriv", &words)
    }
}

/// What netd says to who asks for more than they may, and nothing else.
#[track_caller]
fn refused_by_netd(output: &CmdOutput, uid: u32, more: [&str; 2]) {
    let said = output.refusal();
    assert!(said.ends_with("permission denied"), "{output}");
    let [what, who] = more;
    let reason = format!("reason: user {uid} may not {what}\n");
    assert!(output.stderr.contains(&reason), "{output}");
    let hint = format!("hint: only {who} may\n");
    assert!(output.stderr.contains(&hint), "{output}");
}

const CHANGE: [&str; 2] = ["change the fabric", "root and the members of netd"];
const LOOK: [&str; 2] =
    ["look at the fabric", "root and the members of netd and netd-read"];

/// What the socket's file says to who may not connect at all.
#[track_caller]
fn refused_by_the_file(output: &CmdOutput) {
    let want = format!("dladm: permission denied on netd's socket {SOCKET}");
    assert!(output.refusal().ends_with(&want), "{output}");
    assert!(output.stderr.contains("hint: only root and"), "{output}");
}

#[test]
fn groups_decide_who_may_look_and_who_may_change() {
    let Some(lab) = Lab::for_story() else { return };
    lab.have_users(&[ALICE, BOB, CAROL], &[NETD, READ]);
    let story = Story::new(&lab);
    let file = fs::metadata(SOCKET).expect("netd serves");
    let rights = (file.mode() & 0o777, file.uid(), file.gid());
    assert_eq!(rights, (0o660, 0, NETD.1));

    for (who, may_look, may_change) in
        [(ALICE, true, true), (BOB, true, false), (CAROL, false, false)]
    {
        let looked = story.dladm(who, "show-vnic -p -o link");
        let changed = [
            "create-vnic -l bge0 net1",
            "delete-vnic net1",
            "create-etherstub stub1",
            "delete-etherstub stub1",
        ]
        .map(|line| story.dladm(who, line));
        if may_look {
            assert_eq!(looked.check(), "net0\n");
        } else {
            refused_by_the_file(&looked);
        }
        for output in changed {
            match (may_change, may_look) {
                (true, _) => assert_eq!(output.check(), ""),
                (false, true) => refused_by_netd(&output, who.uid, CHANGE),
                (false, false) => refused_by_the_file(&output),
            }
        }
    }
    let left = story.netd.sh("dladm show-vnic -p -o link").check();
    assert_eq!(left, "net0\n");
}

#[test]
fn membership_is_what_the_host_says_now_and_the_process_still_has() {
    let Some(lab) = Lab::for_story() else { return };
    lab.have_users(&[ALICE, BOB, CAROL], &[NETD, READ]);
    let story = Story::new(&lab);

    // A service may have the group as its own.
    let line = "--reuid carol --regid netd-read --clear-groups";
    story.dladm_as(line, "show-vnic").check();
    let output = story.dladm_as(line, "create-vnic -l bge0 net1");
    refused_by_netd(&output, CAROL.uid, CHANGE);

    // Who gave up what they had is not let in by their name.
    let line = "--reuid alice --regid alice --clear-groups";
    refused_by_the_file(&story.dladm_as(line, "show-vnic"));

    // Who was taken out of the groups is out, though their session has them.
    for group in ["netd", "netd-read"] {
        let line = format!("--reuid carol --regid carol --groups {group}");
        let output = story.dladm_as(&line, "show-vnic");
        refused_by_netd(&output, CAROL.uid, LOOK);
    }
    let demoted = User { groups: &["netd-read"], ..ALICE };
    lab.have_users(&[demoted, BOB, CAROL], &[NETD, READ]);
    let line = "--reuid alice --regid alice --groups netd";
    story.dladm_as(line, "show-vnic").check();
    let output = story.dladm_as(line, "delete-vnic net0");
    refused_by_netd(&output, ALICE.uid, CHANGE);
}

#[test]
fn a_file_that_lets_everybody_in_gives_nobody_a_right() {
    let Some(lab) = Lab::for_story() else { return };
    lab.have_users(&[BOB, CAROL], &[NETD, READ]);
    let story = Story::new(&lab);
    let open = Permissions::from_mode(0o666);
    fs::set_permissions(SOCKET, open).expect("root may");
    let nobody = "--reuid nobody --clear-groups --regid nogroup";
    let output = story.dladm_as(nobody, "show-vnic");
    refused_by_netd(&output, 65534, LOOK);
    refused_by_netd(&story.dladm(CAROL, "show-vnic"), CAROL.uid, LOOK);
    let output = story.dladm(CAROL, "delete-vnic net0");
    refused_by_netd(&output, CAROL.uid, CHANGE);
    story.dladm(BOB, "show-vnic").check();
    // It is in the log who that was.
    let log = story.netd.log();
    assert!(log.contains("refused") && log.contains("uid=4103"), "{log}");
}

#[test]
fn a_host_without_the_groups_is_roots_alone() {
    let Some(lab) = Lab::for_story() else { return };
    // The machine that runs this may have them: then under other names.
    lab.have_users(&[CAROL], &[NETD, READ]);
    let text = fs::read_to_string("/etc/group").expect("it is there");
    lab.file("group", &text.replace("netd", "dten"));
    let story = Story::new(&lab);
    let file = fs::metadata(SOCKET).expect("netd serves");
    assert_eq!((file.mode() & 0o777, file.gid()), (0o660, 0));
    story.netd.sh("dladm show-vnic").check();
    refused_by_the_file(&story.dladm(CAROL, "show-vnic"));
    let open = Permissions::from_mode(0o666);
    fs::set_permissions(SOCKET, open).expect("root may");
    refused_by_netd(&story.dladm(CAROL, "show-vnic"), CAROL.uid, LOOK);
}
