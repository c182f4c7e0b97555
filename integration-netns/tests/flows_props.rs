//! Flows: named parts of VNICs' traffic are declared, changed, kept for as long
//! as they were meant to be, and refused with nothing changed.
//!
//!   web [net0] ─┐
//!               host [bge0] ════ [lan0] wire
//!   db  [net0] ─┘  [net1]     stub0, a switch with no wire

use fabric::api::{CreateFlow, FlowCounters, FlowInfo};
use fabric::{FlowProps, Status};
use integration_netns::{Lab, Netd, Snapshot};

/// Success is silent.
#[track_caller]
fn done(netd: &Netd, line: &str) {
    let done = netd.sh(line);
    assert_eq!(done.stderr, "", "{done}");
    assert_eq!(done.check(), "", "{line}");
}

fn told(netd: &Netd) -> Vec<FlowInfo> {
    netd.api().get("/v1/flows")
}

/// `FLOW:VALUE` of each flow's cap, as scripts read it.
#[track_caller]
fn caps(netd: &Netd, options: &str) -> Vec<String> {
    let words = "flowadm show-flowprop -c -o flow,value -p maxbw";
    let text = netd.sh(&format!("{words} {options}")).check();
    text.lines().map(|line| line.replace(' ', "")).collect()
}

/// The names of the flows, as scripts read them.
#[track_caller]
fn names(netd: &Netd, options: &str) -> String {
    let text = netd.sh(&format!("flowadm show-flow -p -o flow {options}"));
    text.check().lines().collect::<Vec<_>>().join(" ")
}

/// Refused with a word and a reason, and nothing has changed.
#[track_caller]
fn refused(netd: &Netd, line: &str, message: &str, reason: &str) {
    let before = told(netd);
    let output = netd.sh(line);
    assert_eq!(output.code, Some(1), "{output}");
    let first = output.stderr.lines().next();
    assert_eq!(first, Some(message), "{output}");
    assert!(output.stderr.contains(reason), "{output}");
    assert_eq!(told(netd), before, "{line}");
}

#[test]
fn what_is_declared_lasts_and_what_is_temporary_lasts_until_the_boot() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    let _web = lab.zone("web");
    done(&netd, "dladm create-vnic -l bge0 -p zone=web net0");
    done(&netd, "dladm create-vnic -t -l bge0 net1");
    let add = "flowadm add-flow -l net0 -a";
    done(&netd, &format!("{add} transport=tcp,local_port=80 http"));
    done(&netd, &format!("{add} remote_ip=10.0.0.0/8 -p maxbw=50 bulk"));
    done(&netd, &format!("{add} dsfield=b8:fc -t -p priority=high voice"));
    // A flow ends with its VNIC.
    done(&netd, "flowadm add-flow -l net1 -a transport=udp -p maxbw=0 guest");
    let table = "\
FLOW        LINK        IPADDR                   PROTO  LPORT   RPORT   DSFLD
http        net0        --                       tcp    80      --      --
bulk        net0        RMT:10.0.0.0/8           --     --      --      --
voice       net0        --                       --     --      --      0xb8:0xfc
guest       net1        --                       udp    --      --      --
";
    assert_eq!(netd.sh("flowadm").check(), table);
    assert_eq!(names(&netd, "-P"), "http bulk");

    done(&netd, "flowadm set-flowprop -p maxbw=1200K http");
    done(&netd, "flowadm set-flowprop -t -p maxbw=64K,priority=low bulk");
    done(&netd, "flowadm reset-flowprop -t http");
    let now = ["http:", "bulk:0.064", "voice:", "guest:0"];
    let kept = ["http:1.200", "bulk:50"];
    let before = told(&netd);
    for round in ["set", "killed and started", "read again"] {
        assert_eq!(caps(&netd, ""), now, "{round}");
        assert_eq!(caps(&netd, "-P"), kept, "{round}");
        assert_eq!(told(&netd), before, "{round}");
        match round {
            "set" => {
                netd.kill();
                netd.launch();
            }
            _ => netd.reload(),
        }
    }
    netd.stop();
    lab.feign_boot();
    netd.launch();
    assert_eq!(caps(&netd, ""), kept);
    assert_eq!(caps(&netd, "-P"), kept);

    // A number is never another's.
    let last = before.iter().map(|flow| flow.id).max();
    done(&netd, &format!("{add} transport=udp voice"));
    assert!(told(&netd)[2].id > last.unwrap(), "{:#?}", told(&netd));

    done(&netd, "flowadm remove-flow bulk");
    assert_eq!(names(&netd, ""), "http voice");
    done(&netd, "flowadm remove-flow -l net0");
    assert_eq!(told(&netd), []);
    netd.kill();
    netd.launch();
    assert_eq!(told(&netd), []);
}

#[test]
fn a_vnic_that_goes_takes_its_flows_along() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    for name in ["net1", "net2"] {
        done(&netd, &format!("dladm create-vnic -l bge0 {name}"));
        let words = format!("-l {name} -a transport=tcp tcp-{name}");
        done(&netd, &format!("flowadm add-flow {words}"));
    }
    done(&netd, "flowadm set-flowprop -t -p maxbw=1 tcp-net1");
    assert_eq!(names(&netd, ""), "tcp-net1 tcp-net2");
    done(&netd, "dladm delete-vnic net1");
    assert_eq!(names(&netd, ""), "tcp-net2");
    // The next VNIC of the name starts without.
    done(&netd, "dladm create-vnic -l bge0 net1");
    assert_eq!(names(&netd, "-l net1"), "");
    netd.kill();
    netd.launch();
    assert_eq!(names(&netd, ""), "tcp-net2");
    done(&netd, "flowadm add-flow -l net1 -a transport=tcp tcp-net1");
}

#[test]
fn names_are_of_zones() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let _zones = (lab.zone("web"), lab.zone("db"));
    for zone in ["web", "db"] {
        let create = format!("create-vnic -l bge0 -p zone={zone} net0");
        done(&netd, &format!("dladm {create}"));
        let add = format!("-z {zone} -l net0 -a transport=tcp tcp");
        done(&netd, &format!("flowadm add-flow {add}"));
    }
    done(&netd, "dladm create-vnic -l bge0 -p zone=db net9");
    refused(
        &netd,
        "flowadm add-flow -l net9 -a transport=tcp tcp",
        "flowadm: add flow failed: object already exists",
        "the flow name \"tcp\" is taken",
    );
    refused(
        &netd,
        "flowadm set-flowprop -p maxbw=1 tcp",
        "flowadm: warning: cannot set flow property 'maxbw' on 'tcp': \
         invalid argument",
        "flow 'tcp' is in several zones: web, db",
    );
    refused(
        &netd,
        "flowadm remove-flow tcp",
        "flowadm: remove flow failed: invalid argument",
        "flow 'tcp' is in several zones: web, db",
    );
    refused(
        &netd,
        "flowadm remove-flow -z '' tcp",
        "flowadm: remove flow failed: object not found",
        "no flow is named 'tcp'",
    );
    done(&netd, "flowadm set-flowprop -z db -p maxbw=7 tcp");
    assert_eq!(caps(&netd, "-z db"), ["tcp:7"]);
    assert_eq!(caps(&netd, "-z web tcp"), ["tcp:"]);
    done(&netd, "flowadm remove-flow -z web tcp");
    // Only one is left, so its name is enough.
    assert_eq!(caps(&netd, "tcp"), ["tcp:7"]);
    done(&netd, "flowadm remove-flow tcp");
}

#[test]
fn what_is_refused_changes_nothing() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    done(&netd, "dladm create-vnic -l bge0 net1");
    done(&netd, "dladm create-etherstub stub0");
    done(&netd, "flowadm add-flow -l net1 -a transport=tcp tcp");
    // More than its VNIC may have is no fault, and has no effect.
    done(&netd, "dladm set-linkprop -p maxbw=10 net1");
    done(&netd, "flowadm set-flowprop -p maxbw=20 tcp");
    let before = Snapshot::of(&office.host);
    let failed = "flowadm: add flow failed:";
    let add = "flowadm add-flow -l net1 -a";
    for (line, message, reason) in [
        (
            "flowadm add-flow -l bge0 -a transport=tcp f1".to_owned(),
            format!("{failed} operation not supported"),
            "hint: flows belong to VNICs",
        ),
        (
            "flowadm add-flow -l stub0 -a transport=tcp f1".to_owned(),
            format!("{failed} operation not supported"),
            "'stub0' cannot have flows: its class is etherstub",
        ),
        (
            format!("{add} transport=tcp again"),
            format!("{failed} a flow with identical attributes exists"),
            "flow \"again\" has the attributes of flow \"tcp\": transport=tcp",
        ),
        (
            format!("{add} transport=udp tcp"),
            format!("{failed} object already exists"),
            "the flow name \"tcp\" is taken",
        ),
        (
            "flowadm reset-flowprop udp".to_owned(),
            "flowadm: warning: cannot reset flow property 'maxbw' on 'udp': \
             object not found"
                .to_owned(),
            "no flow is named 'udp'",
        ),
    ] {
        refused(&netd, &line, &message, reason);
    }
    // What the command would not send.
    let flow = |rest: &str| {
        let attrs = r#""attrs": {"transport": "udp"}"#;
        format!(r#"[{{"name": "f1", "link": "net1", {attrs}, {rest}}}]"#)
    };
    let told_before = told(&netd);
    for (method, path, body, status, detail) in [
        (
            "POST",
            "/v1/flows",
            flow(r#""props": {"maxbw": 63999}"#),
            Status::MaxBwFloor,
            "no bandwidth for flow \"f1\": minimum value for maxbw is 64K",
        ),
        (
            "POST",
            "/v1/flows",
            flow(r#""zone": "web""#),
            Status::ObjectNotFound,
            "invalid link name 'net1'",
        ),
        (
            "POST",
            "/v1/flows",
            flow(r#""colour": 1"#),
            Status::InvalidArgument,
            "unknown field `colour`",
        ),
        (
            "POST",
            "/v1/flows",
            r#"{"name": "f1"}"#.to_owned(),
            Status::InvalidArgument,
            "invalid type: map, expected a sequence",
        ),
        (
            "PATCH",
            "/v1/flows/tcp",
            r#"{"set": {"maxbw": 1}}"#.to_owned(),
            Status::MaxBwFloor,
            "no bandwidth for flow \"tcp\"",
        ),
        (
            "DELETE",
            "/v1/flows",
            String::new(),
            Status::InvalidArgument,
            "missing field `link`",
        ),
        (
            "DELETE",
            "/v1/flows?link=stub0",
            String::new(),
            Status::NotSupported,
            "'stub0' cannot have flows: its class is etherstub",
        ),
        (
            "DELETE",
            "/v1/flows/transport",
            String::new(),
            Status::InvalidArgument,
            "flow name is required",
        ),
    ] {
        let problem = netd.api().request(method, path, &body).problem();
        assert_eq!(problem.code, status, "{problem:#?}");
        assert!(problem.detail.contains(detail), "{problem:#?}");
        assert_eq!(told(&netd), told_before, "{method} {path} {body}");
    }
    before.assert_same(&office.host, "everything was refused");
    netd.kill();
    netd.launch();
    assert_eq!(told(&netd), told_before);
    // Every flow is listed, counted or not, and no other is.
    let listed = netd.sh("flowstat -p -o flow,link").check();
    assert_eq!(listed, "tcp:net1\n");
    let counted: Vec<FlowCounters> = netd.api().get("/v1/counters/flows");
    assert!(counted.iter().all(|flow| flow.name.as_str() == "tcp"));
}

#[test]
fn thousands_of_flows_are_made_in_one_request_or_not_at_all() {
    const MANY: u32 = 10_000;
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    done(&netd, "dladm create-vnic -l bge0 net1");
    done(&netd, "dladm create-vnic -l bge0 net2");
    let flow = |number: u32| CreateFlow {
        name: format!("f{number}").parse().unwrap(),
        link: "net1".parse().unwrap(),
        zone: None,
        attrs: format!("remote_ip=10.0.{}.{}", number >> 8, number & 255)
            .parse()
            .unwrap(),
        props: FlowProps::default(),
        temporary: number % 2 == 1,
    };
    let all: Vec<CreateFlow> = (1..=MANY).map(flow).collect();
    let post = |flows: &[CreateFlow]| {
        let body = serde_json::to_string(flows).unwrap();
        netd.api().request("POST", "/v1/flows", &body)
    };
    // The last one can't be.
    let mut twin = flow(MANY);
    twin.name = "twin".parse().unwrap();
    let problem = post(&[&all[..], &[twin.clone()]].concat()).problem();
    assert_eq!(problem.code, Status::IdenticalFlow);
    let want = "flow \"twin\" has the attributes of flow \"f10000\"";
    assert!(problem.detail.starts_with(want), "{problem:#?}");
    let elsewhere = CreateFlow { link: "net3".parse().unwrap(), ..twin };
    let problem = post(&[&all[..], &[elsewhere]].concat()).problem();
    assert_eq!(problem.code, Status::ObjectNotFound);
    assert_eq!(told(&netd), []);

    let response = post(&all);
    assert_eq!(response.status, 201, "{}", response.request);
    let made: Vec<FlowInfo> = response.parsed();
    assert_eq!(made.len(), all.len());
    assert!(made.is_sorted_by(|a, b| a.id < b.id));
    assert_eq!(told(&netd), made);
    let problem = post(&all[..1]).problem();
    assert_eq!(problem.code, Status::ObjectExists);
    // Whatever else is asked goes on.
    done(&netd, "flowadm set-flowprop -p maxbw=7 f5000");
    done(&netd, "flowadm add-flow -l net2 -a transport=tcp tcp");
    done(&netd, "dladm create-vnic -l bge0 net3");
    assert_eq!(caps(&netd, "f5000"), ["f5000:7"]);
    let made = told(&netd);
    netd.kill();
    netd.launch();
    assert_eq!(told(&netd), made);

    netd.stop();
    lab.feign_boot();
    netd.launch();
    let kept = made.iter().filter(|flow| !flow.temporary);
    let kept: Vec<FlowInfo> = kept.cloned().collect();
    assert_eq!(kept.len(), 5_001);
    assert_eq!(told(&netd), kept);
    done(&netd, "flowadm remove-flow -l net1");
    assert_eq!(names(&netd, ""), "tcp");
}
