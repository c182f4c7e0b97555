//! The whole fabric as one document, and many changes as one.
//!
//!   web [net0, net1 tagged 5] ─┐
//!                              host [bge0 .3] ════ [lan0 .1] wire
//!   db  [net0 on stub0] ── stub0

use fabric::api::{Applied, FabricInfo, Health};
use integration_netns::{Lab, Netd, Netns, Office, Poll, Snapshot, probe};
use serde_json::{Value, json};

struct Story {
    zones: Vec<Netns>,
    netd: Netd,
    office: Office,
    /// The last to go: the others show their state first.
    lab: Lab,
}

impl Story {
    fn begin() -> Option<Self> {
        let lab = Lab::for_story()?;
        let office = lab.office();
        let netd = Netd::start(&lab, &office.host, None);
        let zones = ["web", "db"].map(|name| lab.zone(name)).into();
        Some(Self { zones, netd, office, lab })
    }

    /// Something of everything that can be declared.
    fn furnish(&self) {
        for line in [
            "dladm create-etherstub stub0",
            "dladm create-etherstub -t stub1",
            "dladm set-linkprop -p maxbw=500M bge0",
            "dladm set-linkprop -t -p maxbw=50M stub0",
            "dladm create-vnic -l bge0 -p zone=web,maxbw=20M net0",
            "dladm create-vnic -l bge0 -v 5 -p zone=web net1",
            "dladm create-vnic -t -l stub0 -p zone=db,priority=low net0",
            "dladm set-linkprop -t -z web -p allowed-ips=192.168.1.10 net0",
            "flowadm add-flow -z web -l net0 -a transport=tcp,local_port=80 \
             -p maxbw=5M http",
            "flowadm add-flow -t -z web -l net1 -a remote_ip=10.0.0.0/8 ten",
            "flowadm set-flowprop -t -z web -p priority=high http",
        ] {
            self.netd.sh(line).check();
        }
    }

    fn told(&self) -> FabricInfo {
        self.netd.api().get("/v1/fabric")
    }

    #[track_caller]
    fn apply(&self, body: &Value) -> Applied {
        let text = body.to_string();
        let answer = self.netd.api().request("POST", "/v1/apply", &text);
        assert_eq!(answer.status, 200, "{answer:#?}");
        answer.parsed()
    }
}

#[test]
fn what_is_shown_can_be_applied_and_is_the_same_again() {
    let Some(story) = Story::begin() else { return };
    let Story { netd, office, lab, zones } = &story;
    let host = &office.host;
    netd.break_in();
    let bare = Snapshot::of(host);
    story.furnish();
    let text = netd.sh("dladm show-fabric --json").check();
    let file = lab.file("fabric.json", &text);
    let (told, full) = (story.told(), Snapshot::of(host));
    assert_eq!(told.status.health, Health::Ok);
    // What is so already is left alone.
    let same = netd.sh(&format!("dladm apply -f {file}"));
    assert_eq!(same.check(), "");
    full.assert_same(host, "the same was applied");

    let empty = lab.file("empty.json", r#"{"spec": {}}"#);
    let tried = netd.sh(&format!("dladm apply -n -f {empty}")).check();
    full.assert_same(host, "it was only tried");
    assert_eq!(story.told(), told);
    let changes = "delete flow http in zone web\n\
                   delete flow ten in zone web\n\
                   delete vnic net0 in zone web\n\
                   delete vnic net1 in zone web\n\
                   delete vnic net0 in zone db\n\
                   delete etherstub stub0\n\
                   delete etherstub stub1\n\
                   change link bge0\n";
    let (said, steps) = tried.split_at(changes.len());
    assert_eq!(said, changes);
    assert!(steps.contains("\n  delete vnic-"), "{steps}");
    let done = netd.sh(&format!("dladm apply -f {empty}")).check();
    assert_eq!(done, changes);
    bare.assert_same(host, "nothing is declared");
    assert_eq!(story.told().spec, serde_json::from_str("{}").unwrap());

    netd.sh(&format!("dladm apply -f {file}")).check();
    assert_eq!(story.told(), told);
    zones[0].plumb("net0", "192.168.1.10/24", "fd00::10/64");
    probe::reaches(&zones[0], Office::WIRE_V4);
}

#[test]
fn what_is_declared_otherwise_becomes_so_and_nothing_else_changes() {
    let Some(story) = Story::begin() else { return };
    story.furnish();
    let web = &story.zones[0];
    web.plumb("net0", "192.168.1.10/24", "fd00::10/64");
    let address = |web: &Netns, link: &str| {
        web.ip_json(&format!("link show {link}"))[0]["address"].clone()
    };
    let number = |web: &Netns, link: &str| {
        web.ip_json(&format!("link show {link}"))[0]["ifindex"].clone()
    };
    let before = [number(web, "net0"), number(web, "net1")];
    let mut document = serde_json::to_value(story.told().spec).unwrap();
    let vnics = &mut document["vnics"];
    vnics[0]["props"]["maxbw"] = json!(10_000_000);
    vnics[0]["vid"] = json!(7);
    vnics[1]["mac"] = json!("2:8:20:0:0:9");
    vnics.as_array_mut().unwrap().pop();
    document["flows"][0]["attrs"]["local_port"] = json!(8080);
    let applied = story.apply(&json!({"spec": document}));
    let said: Vec<String> =
        applied.changes.iter().map(ToString::to_string).collect();
    assert_eq!(
        said,
        [
            // Its attributes are what it is.
            "delete flow http in zone web",
            // It goes with its VNIC, which has another address.
            "delete flow ten in zone web",
            "delete vnic net1 in zone web",
            "delete vnic net0 in zone db",
            "change vnic net0 in zone web",
            "create vnic net1 in zone web",
            "create flow http in zone web",
            "create flow ten in zone web",
        ]
    );
    assert_eq!(serde_json::to_value(story.told().spec).unwrap(), document);
    // The one is the same link with the same addresses, the other a new one.
    assert_eq!(number(web, "net0"), before[0]);
    assert_ne!(number(web, "net1"), before[1]);
    assert_eq!(address(web, "net1"), "02:08:20:00:00:09");
    probe::assert_apart(&[(web, Office::WIRE_V4)]);
}

#[test]
fn a_batch_happens_or_nothing_does() {
    let Some(story) = Story::begin() else { return };
    let Story { netd, office, zones, .. } = &story;
    let host = &office.host;
    // In the way of a guest end, which only the kernel knows.
    zones[1].ip("link add net7 type veth peer name net8");
    story.furnish();
    let (before, told) = (Snapshot::of(host), story.told());
    let vnic = |name: &str, zone: &str| {
        let props = json!({"maxbw": 5_000_000});
        json!({"create_vnic": {
            "name": name, "over": "bge0", "zone": zone, "props": props,
        }})
    };
    let gone = json!({"delete_vnic": {"name": "net1", "zone": "web"}});
    let stub = json!({"create_etherstub": {"name": "stub7"}});
    for (title, batch, want) in [
        (
            "the last is nonsense",
            json!([vnic("net5", "web"), gone, {"delete_flow": {"name": "no"}}]),
            "no flow is named 'no'",
        ),
        (
            "two are one",
            json!([stub, vnic("net5", "web"), vnic("net5", "web")]),
            "net5",
        ),
        (
            "the kernel refuses the last",
            json!([stub, gone, vnic("net5", "web"), vnic("net7", "db")]),
            "the name is taken",
        ),
        (
            "a zone is not there",
            json!([vnic("net5", "web"), vnic("net5", "nowhere")]),
            "not running",
        ),
    ] {
        for path in ["/v1/apply?dry_run=1", "/v1/apply"] {
            // Only the kernel knows.
            if title.contains("kernel") && path.contains("dry") {
                continue;
            }
            let body = json!({"batch": batch}).to_string();
            let answer = netd.api().request("POST", path, &body);
            let detail = answer.problem().detail;
            assert!(detail.contains(want), "{title}: {detail}");
            before.assert_same(host, title);
            assert_eq!(story.told(), told, "{title}");
        }
    }
    story.apply(&json!({"batch": [stub, gone, vnic("net5", "web")]}));
    let names: Vec<_> = story.told().spec.vnics;
    let names: Vec<&str> = names.iter().map(|v| v.name.as_str()).collect();
    assert_eq!(names, ["net0", "net0", "net5"]);
}

#[test]
fn a_thousand_vnics_are_one_change() {
    let Some(story) = Story::begin() else { return };
    let Story { netd, office, .. } = &story;
    netd.break_in();
    let bare = Snapshot::of(&office.host);
    let vnic = |n: u32| {
        let over = if n.is_multiple_of(2) { "bge0" } else { "stub0" };
        json!({"create_vnic": {
            "name": format!("net{n}"), "over": over, "zone": "web",
        }})
    };
    let mut batch = vec![json!({"create_etherstub": {"name": "stub0"}})];
    batch.extend((0..1000).map(vnic));
    let applied = story.apply(&json!({"batch": batch}));
    assert_eq!(applied.changes.len(), 1001);
    let count = |netns: &Netns| netns.ip("-o link show").lines().count();
    assert_eq!(count(&story.zones[0]), 1001);
    netd.sh("dladm show-fabric").check();
    // All of them are in each other's way, so none of these is to be had.
    let again = json!({"batch": [vnic(1000), vnic(7)]}).to_string();
    let refused = netd.api().request("POST", "/v1/apply", &again);
    assert_eq!(refused.status, 409, "{refused:#?}");
    story.apply(&json!({"spec": {}}));
    Poll::PATIENT.until("all are gone", || {
        let left = count(&story.zones[0]);
        if left == 1 { Ok(()) } else { Err(left.to_string()) }
    });
    bare.assert_same(&office.host, "all are gone");
}

#[test]
fn bad_documents() {
    let Some(story) = Story::begin() else { return };
    let Story { netd, lab, office, .. } = &story;
    story.furnish();
    let (before, told) = (Snapshot::of(&office.host), story.told());
    for (title, text, want) in [
        ("no JSON", "vnics:\n- net0\n", "expected value at line 1 column 1"),
        ("neither", "{}", "either spec or batch, and not neither"),
        (
            "both",
            r#"{"spec": {}, "batch": []}"#,
            "either spec or batch, and not both",
        ),
        ("a misspelt key", r#"{"spec": {"vnic": []}}"#, "unknown field `vnic`"),
        (
            "a flow of nobody's",
            r#"{"spec": {"flows": [{"name": "a", "link": "net9",
                "attrs": {"transport": "tcp"}}]}}"#,
            "invalid link name 'net9'",
        ),
        (
            "a link that is not there",
            r#"{"spec": {"vnics": [{"name": "net0", "over": "bge7"}]}}"#,
            "invalid link name 'bge7'",
        ),
        (
            "one name twice",
            r#"{"spec": {"vnics": [{"name": "net0", "over": "bge0"},
                {"name": "net0", "over": "bge0"}]}}"#,
            "net0",
        ),
        (
            "a cap below the least",
            r#"{"spec": {"vnics": [{"name": "net0", "over": "bge0",
                "props": {"maxbw": 5}}]}}"#,
            "64K",
        ),
    ] {
        let file = lab.file("bad.json", text);
        for options in ["", "-n "] {
            let line = format!("dladm apply {options}-f {file}");
            let refused = netd.sh(&line);
            assert_eq!(refused.code, Some(1), "{title}: {refused}");
            assert!(refused.stderr.contains(want), "{title}: {refused}");
            assert_eq!(refused.stdout, "", "{title}");
        }
    }
    let refused = netd.sh("dladm apply -f /nonexistent");
    assert!(refused.stderr.contains("cannot read"), "{refused}");
    before.assert_same(&office.host, "all were refused");
    assert_eq!(story.told(), told);
}
