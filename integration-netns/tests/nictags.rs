//! NIC tags: names for links, read from the host's configuration file.
//!
//!   /usbkey/config: admin_nic=9c:b6:54:bb:c3:3c
//!                        │
//!                   host [bge0 9c:b6:54:bb:c3:3c] ════ [lan0] wire

use std::fs;

use fabric::api::{DaemonStatus, NicTags};
use integration_netns::{Lab, Netd, article, probe};

#[test]
fn the_articles_tag_leads_to_its_nic() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, Some(article::CONFIG));
    let table = netd.sh("nictagadm list").check();
    assert_eq!(
        table
            .lines()
            .map(|line| line.split_whitespace().collect())
            .collect::<Vec<Vec<_>>>(),
        [
            ["NAME", "MACADDRESS", "LINK", "TYPE"],
            ["admin", "9c:b6:54:bb:c3:3c", "bge0", "normal"],
        ],
        "{table}"
    );
    let parsable = netd.sh("nictagadm list -p").check();
    assert_eq!(parsable, "admin:9c\\:b6\\:54\\:bb\\:c3\\:3c:bge0:normal\n");
    let _ = netd.sh("nictagadm exists admin").check();
    assert_eq!(
        netd.sh("nictagadm exists external").refusal(),
        "invalid tag: external"
    );
    assert!(netd.api().get::<DaemonStatus>("/v1/status").hints.is_empty());
}

#[test]
fn a_vnic_sits_on_the_link_that_its_tag_leads_to() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, Some(article::CONFIG));
    let web = lab.zone("web");
    netd.sh("dladm create-vnic -l admin -p zone=web net0").check();
    let vnic = &netd.api().vnics()[0];
    let over = vnic.over.as_ref().map(ToString::to_string);
    let tag = vnic.nic_tag.as_ref().map(ToString::to_string);
    assert_eq!(
        (over.as_deref(), tag.as_deref()),
        (Some("bge0"), Some("admin"))
    );
    web.plumb("net0", "192.168.1.10/24", "fd00::10/64");
    probe::reaches(&web, "192.168.1.1");
}

#[test]
fn a_mistake_in_the_file_is_named_and_the_tags_stay() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, Some(article::CONFIG));
    let web = lab.zone("web");
    netd.sh("dladm create-vnic -l admin -p zone=web net0").check();
    web.plumb("net0", "192.168.1.10/24", "fd00::10/64");
    let vnics = netd.api().vnics();
    let before: NicTags = netd.api().get("/v1/nictags");
    assert_eq!(before.warning, None);

    for (text, line, reason) in [
        ("# tags\nadmin_nic=9c:b6:54\n", "line 2", "9c:b6:54"),
        ("admin_nic=9c:b6:54:bb:c3:3c\nwhat is this\n", "line 2", "key=value"),
        ("\n\nadmin_nic=9c:b6:54:bb:c3:3c\nadmin_mtu=12\n", "line 4", "12"),
        ("etherstub=a-b0\n", "line 1", "a-b0"),
        ("admin_nic=\"9c:b6:54:bb:c3:3c\n", "line 1", "closing"),
    ] {
        netd.write_config(text);
        netd.reload();
        let tags: NicTags = netd.api().get("/v1/nictags");
        assert_eq!(tags.tags, before.tags, "{text:?}");
        let warning = tags.warning.unwrap_or_default();
        for part in [&netd.config_path(), line, reason] {
            assert!(warning.contains(part), "{text:?}: {warning:?}");
        }
        assert_eq!(warning.lines().count(), 1, "{warning}");
        let status: DaemonStatus = netd.api().get("/v1/status");
        assert!(
            status.hints.iter().any(|hint| hint.contains(line)),
            "{status:?}"
        );
        assert_eq!(netd.api().vnics(), vnics, "{text:?}");
        // Somebody who only looks at tags is told as well.
        let listed = netd.sh("nictagadm list");
        assert!(listed.stderr.contains(line), "{listed}");
        assert!(listed.stdout.contains("admin"), "{listed}");
    }
    probe::reaches(&web, "192.168.1.1");

    netd.write_config("storage_nic=9c:b6:54:bb:c3:3c\n");
    netd.reload();
    let tags: NicTags = netd.api().get("/v1/nictags");
    assert_eq!((tags.tags[0].name.as_str(), tags.warning), ("storage", None));
}

#[test]
fn a_mistake_at_the_start_does_not_keep_netd_from_serving() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, Some("admin_nic=nonsense+\n"));
    let tags: NicTags = netd.api().get("/v1/nictags");
    assert_eq!(tags.tags, []);
    assert!(tags.warning.is_some_and(|text| text.contains("line 1")));
    netd.sh("dladm create-vnic -l bge0 net0").check();
}

#[test]
fn without_a_configuration_netd_starts_and_says_what_to_do() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let status: DaemonStatus = netd.api().get("/v1/status");
    let [hint] = &status.hints[..] else { panic!("not one hint: {status:?}") };
    for part in [&netd.config_path(), "bge0", "9c:b6:54:bb:c3:3c", "admin_nic="]
    {
        assert!(hint.contains(part), "{hint}");
    }
    assert!(netd.log().contains("admin_nic="), "{}", netd.log());

    // Doing what it says helps at once.
    netd.write_config("admin_nic=9c:b6:54:bb:c3:3c\n");
    let _ = netd.sh("nictagadm exists admin").check();
    netd.sh("dladm create-vnic -l admin net0").check();
    assert!(netd.api().get::<DaemonStatus>("/v1/status").hints.is_empty());
}

#[test]
fn a_tag_without_a_nic_leads_nowhere_and_says_why() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let config = "admin_nic=9c:b6:54:bb:c3:3c\nspare_nic=2:8:20:1:2:3\n";
    let netd = Netd::start(&lab, &office.host, Some(config));
    let tags: NicTags = netd.api().get("/v1/nictags");
    let spare = tags.tags.iter().find(|tag| tag.name == "spare");
    let spare = spare.unwrap_or_else(|| panic!("no spare in {tags:?}"));
    assert_eq!(spare.link, None);
    let reason = spare.reason.as_deref().unwrap_or_default();
    assert!(reason.contains("02:08:20:01:02:03"), "{reason:?}");
    let output = netd.sh("dladm create-vnic -l spare net0");
    output.refusal();
    assert!(output.stderr.contains("02:08:20:01:02:03"), "{output}");
    assert_eq!(netd.api().vnics(), []);
}

#[test]
fn tags_come_and_go_by_the_command() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let config = "# the office\nadmin_nic=9c:b6:54:bb:c3:3c # bge0\n";
    let netd = Netd::start(&lab, &office.host, Some(config));
    let file = || fs::read_to_string(netd.config_path()).unwrap();

    netd.sh("nictagadm add -p mtu=1500 storage 9c:b6:54:bb:c3:3c").check();
    netd.sh("nictagadm add -l stub0").check();
    let want = format!(
        "{config}storage_nic=9c:b6:54:bb:c3:3c\nstorage_mtu=1500\n\
         etherstub=stub0\n"
    );
    assert_eq!(file(), want);
    let listed = netd.sh("nictagadm list -p -d ,").check();
    let want = "admin,9c:b6:54:bb:c3:3c,bge0,normal\n\
                storage,9c:b6:54:bb:c3:3c,bge0,normal\n\
                stub0,-,-,etherstub\n";
    assert_eq!(listed, want);

    let (web, db) = (lab.zone("web"), lab.zone("db"));
    netd.sh("dladm create-vnic -l storage -p zone=web net0").check();
    netd.sh("dladm create-vnic -l storage -p zone=db net0").check();
    netd.sh("dladm create-vnic -l stub0 -p zone=db net1").check();
    assert_eq!(netd.sh("nictagadm vms storage").check(), "db\nweb\n");
    assert_eq!(netd.sh("nictagadm vms admin").check(), "");

    let before = (file(), netd.api().vnics());
    for (line, refusal) in [
        ("nictagadm delete storage", "Error: nic tag 'storage' is in use"),
        ("nictagadm delete stub0", "Error: nic tag 'stub0' is in use"),
        ("nictagadm delete nil", "Error: nic tag 'nil' does not exist"),
        ("nictagadm delete -f nil", "Error: nic tag 'nil' does not exist"),
        (
            "nictagadm add storage 9c:b6:54:bb:c3:3c",
            "Error: nic tag 'storage' already exists",
        ),
        ("nictagadm add -l stub0", "Error: nic tag 'stub0' already exists"),
        (
            "nictagadm add backup 2:8:20:0:0:1",
            "Error: No physical nic found with MAC address \
             '02:08:20:00:00:01'",
        ),
        (
            "nictagadm add backup aggr0",
            "Error: aggregation 'aggr0' does not exist",
        ),
        (
            "nictagadm add backup",
            "Error: create non-local tag, but no mac address specified",
        ),
        (
            "nictagadm add -l backup0 9c:b6:54:bb:c3:3c",
            "Error: create local tag, but mac address specified",
        ),
        (
            "nictagadm add -l -p mtu=1500 backup0",
            "Error: Cannot specify MTU for local nic tag",
        ),
        (
            "nictagadm add -p mtu=9001 backup 9c:b6:54:bb:c3:3c",
            "Error: mtu must be between 1500-9000",
        ),
        (
            "nictagadm add back-up 9c:b6:54:bb:c3:3c",
            "Error: nic tag name is invalid",
        ),
        (
            "nictagadm add 1backup 9c:b6:54:bb:c3:3c",
            "Error: nic tag name is invalid",
        ),
        ("nictagadm add -l backup", "Error: nic tag name is invalid"),
        ("nictagadm update storage", "Error: nothing to update"),
        (
            "nictagadm update -p mtu=1500 stub0",
            "Error: cannot update a local tag",
        ),
    ] {
        let said = netd.sh(line).refusal().to_owned();
        assert_eq!(said.lines().next(), Some(refusal), "{line}");
        assert_eq!((file(), netd.api().vnics()), before, "{line}");
    }

    // A tag that goes by force leaves its VNICs waiting, with all they have.
    web.plumb("net0", "192.168.1.10/24", "fd00::10/64");
    db.plumb("net0", "192.168.1.11/24", "fd00::11/64");
    probe::reaches(&web, "192.168.1.11");
    netd.sh("nictagadm delete -f storage").check();
    let waiting = netd.api().vnics();
    assert!(waiting[..2].iter().all(|vnic| vnic.over.is_none()));
    for vnic in &waiting[..2] {
        let end = &vnic.host_end;
        let shown = office.host.ip_json(&format!("link show {end}"));
        let flags = shown[0]["flags"].as_array().expect("a link has flags");
        assert!(!flags.contains(&"UP".into()), "{end} is on: {flags:?}");
    }
    netd.sh("nictagadm add storage 9c:b6:54:bb:c3:3c").check();
    probe::reaches(&web, "192.168.1.11");

    netd.sh("dladm delete-vnic -z db net1").check();
    netd.sh("nictagadm delete stub0").check();
    let want = format!("{config}etherstub=\nstorage_nic=9c:b6:54:bb:c3:3c\n");
    assert_eq!(file(), want);
    assert_eq!(netd.sh("dladm show-etherstub").check(), "");

    // What is wrong in the file is for its author to correct.
    netd.write_config("what is this\n");
    let said = netd.sh("nictagadm add -l stub1").refusal().to_owned();
    assert!(said.contains("line 1"), "{said}");
    assert_eq!(file(), "what is this\n");
    assert_eq!(netd.sh("dladm show-etherstub").check(), "");
}
