//! `netd doctor` and `netd --check-config`.
//!
//!   host [bge0 9c:b6:54:bb:c3:3c] ════ [lan0] wire
//!
//!   what doctor makes is in a namespace of its own, and gone

use integration_netns::{Lab, Netd, Snapshot, article};

/// The lines of a subject: verdict and text.
fn lines<'a>(said: &'a str, subject: &str) -> Vec<(&'a str, &'a str)> {
    let lines = said.lines().filter_map(|line| {
        let (verdict, rest) = line.split_at_checked(5)?;
        let text = rest.strip_prefix(subject)?.trim();
        Some((verdict.trim(), text))
    });
    lines.collect()
}

#[test]
fn a_host_that_can_carry_a_fabric() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, Some(article::CONFIG));
    netd.sh("dladm create-vnic -l admin -p maxbw=10M net0").check();
    let before = Snapshot::of(&office.host);
    let said = netd.sh("netd doctor --config /run/lab/config").check();
    for (subject, want) in [
        ("programs", ("ok", "loaded, past the verifier")),
        ("VNICs", ("ok", "a veth pair, programs and tables")),
        ("bandwidth", ("ok", "a cap of 10 Mbit/s, each way")),
        ("virtual machines", ("ok", "a VNIC with a TAP")),
        ("NIC tags", ("ok", "admin is bge0")),
        ("netd", ("ok", "serves at /run/netd/netd.sock")),
    ] {
        assert_eq!(lines(&said, subject), [want], "{said}");
    }
    assert!(!said.contains("BAD"), "{said}");
    assert_eq!(Snapshot::of(&office.host), before);
    netd.sh("dladm delete-vnic net0").check();
}

#[test]
fn who_has_no_rights_is_told_so() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let line = "-u nobody -- netd doctor --config /run/nothing";
    let line = line.replace("-u nobody", "--reuid 65534 --clear-groups");
    let words: Vec<&str> = line.split(' ').collect();
    let said = office.host.run("setpriv", &words);
    assert_eq!(said.code, Some(1), "{said}");
    let [(verdict, text)] = lines(&said.stdout, "rights")[..] else {
        panic!("{said}");
    };
    assert_eq!(verdict, "BAD");
    assert!(text.starts_with("cannot make namespaces"), "{said}");
    assert!(said.stdout.contains("hint: run it as root"), "{said}");
    assert_eq!(lines(&said.stdout, "NIC tags")[0].0, "note", "{said}");
    assert_eq!(lines(&said.stdout, "netd")[0].0, "note", "{said}");
}

#[test]
fn a_configuration_file_can_be_checked_without_netd() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, Some(article::CONFIG));
    let check = "netd --check-config --config /run/lab/config";
    let want = "/run/lab/config: NIC tags admin; etherstubs none\n";
    assert_eq!(netd.sh(check).check(), want);
    netd.write_config("etherstub=a0\n\nadmin_nic=9c:b6\n");
    let said = netd.sh(check).refusal().to_owned();
    assert!(said.starts_with("netd: /run/lab/config: line 3: "), "{said}");
}
