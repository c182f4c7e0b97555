//! Bad input: one clear line, exit 1 or 4xx, and nothing has changed.
//!
//!   web [net0] ─┐
//!               host [bge0] ════ [lan0] wire
//!   stub0 ──────┘ a netd that must still be there at the end

use fabric::api::{EtherstubInfo, VnicInfo};
use integration_netns::{Lab, Netd, Netns, Office, Snapshot, article};

/// A fabric with one of everything, and what it looks like.
struct Story {
    office: Office,
    web: Netns,
    netd: Netd,
    vnics: Vec<VnicInfo>,
    etherstubs: Vec<EtherstubInfo>,
    before: [Snapshot; 2],
}

impl Story {
    fn new(lab: &Lab) -> Self {
        let office = lab.office();
        let netd = Netd::start(lab, &office.host, Some(article::CONFIG));
        let web = lab.zone("web");
        netd.sh("dladm create-etherstub stub0").check();
        netd.sh("dladm create-vnic -l bge0 -p zone=web net0").check();
        Self {
            vnics: netd.api().vnics(),
            etherstubs: netd.api().get("/v1/etherstubs"),
            before: [&office.host, &web].map(Snapshot::of),
            office,
            web,
            netd,
        }
    }

    /// Checks that the API shows what it showed.
    #[track_caller]
    fn api_is_unchanged(&self, after: &str) {
        assert_eq!(self.netd.api().vnics(), self.vnics, "{after}");
        let etherstubs: Vec<EtherstubInfo> =
            self.netd.api().get("/v1/etherstubs");
        assert_eq!(etherstubs, self.etherstubs, "{after}");
    }

    /// Checks that the kernel has what it had, and that netd never ended.
    #[track_caller]
    fn nothing_has_changed(mut self) {
        self.api_is_unchanged("all was refused");
        let [host, web] = &self.before;
        host.assert_same(&self.office.host, "all was refused");
        web.assert_same(&self.web, "all was refused");
        assert!(self.netd.is_alive(), "{}", self.netd.log());
        let log = self.netd.log();
        assert!(!log.contains("panicked"), "{log}");
    }
}

#[test]
fn commands_refuse_in_one_line_and_change_nothing() {
    let Some(lab) = Lab::for_story() else { return };
    let story = Story::new(&lab);
    let too_long = "abcdefghijklmno1";
    let mut wrong = String::new();
    assert_eq!(too_long.len(), 16);
    for line in [
        // Names.
        "create-vnic -l bge0 net",
        "create-vnic -l bge0 0net1",
        "create-vnic -l bge0 net01",
        "create-vnic -l bge0 net-1",
        "create-vnic -l bge0 net/1",
        "create-vnic -l bge0 é1",
        &format!("create-vnic -l bge0 {too_long}"),
        "create-vnic -l bge0 vnic-7",
        "create-vnic -l bge7 net1",
        "create-vnic -l net0 net1",
        "create-vnic -l lo net1",
        "create-vnic -l no_such_tag net1",
        &format!("create-vnic -l {too_long}{too_long}{too_long} net1"),
        // Addresses.
        "create-vnic -l bge0 -m nonsense net1",
        "create-vnic -l bge0 -m 2:8:20:1:2 net1",
        "create-vnic -l bge0 -m 2:8:20:1:2:333 net1",
        "create-vnic -l bge0 -m 1:8:20:1:2:3 net1",
        "create-vnic -l bge0 -m 0:0:0:0:0:0 net1",
        "create-vnic -l bge0 -m ff:ff:ff:ff:ff:ff net1",
        "create-vnic -l bge0 -m 9c:b6:54:bb:c3:3c net1",
        // VLANs.
        "create-vnic -l bge0 -v 0 net1",
        "create-vnic -l bge0 -v 4095 net1",
        "create-vnic -l bge0 -v 65537 net1",
        "create-vnic -l bge0 -v x net1",
        // Properties.
        "create-vnic -l bge0 -p nonsense=1 net1",
        "create-vnic -l bge0 -p mtu=67 net1",
        "create-vnic -l bge0 -p mtu=65536 net1",
        "create-vnic -l bge0 -p mtu=9000 net1",
        "create-vnic -l bge0 -p mtu net1",
        "create-vnic -l bge0 -p mtu= net1",
        "create-vnic -l bge0 -p =1500 net1",
        "create-vnic -l stub0 -p minbw=64K net1",
        "create-vnic -l bge0 -p minbw=11G net1",
        "create-vnic -l bge0 -p maxbw=1,minbw=2 net1",
        "create-vnic -l bge0 -p protection=everything net1",
        "create-vnic -l bge0 -p zone=nowhere net1",
        "create-vnic -l bge0 -p zone=../../etc/passwd net1",
        "create-vnic -l bge0 -p zone=/etc/passwd net1",
        "create-vnic -t -l bge0 -p zone=pid:99999999 net1",
        "create-vnic -l bge0 -p zone=pid:1 net1",
        // Etherstubs.
        "create-etherstub stub",
        "create-etherstub stub0",
        "create-etherstub bge0",
        &format!("create-etherstub {too_long}"),
        "delete-etherstub stub9",
        "delete-etherstub net0",
        // What isn't there, or isn't what it is taken for.
        "delete-vnic net9",
        "delete-vnic stub0",
        "delete-vnic bge0",
        "delete-vnic -z nowhere net0",
        "delete-vnic ../net0",
        "delete-vnic net0?zone=web",
        "show-vnic net9",
        "show-link bge9",
        "show-phys bge9",
        "show-drops net9",
        "show-drops stub0",
        "show-drops -z nowhere net0",
        "show-drops -i 0",
        "show-drops -w /nowhere/file",
    ] {
        let output = story.netd.sh(&format!("dladm {line}"));
        if !output.refused().is_some_and(|said| said.starts_with("dladm: ")) {
            wrong += &output.to_string();
        }
        story.api_is_unchanged(line);
    }
    for line in ["exists no_such_tag", "exists foo-bar", "list -d ,"] {
        let output = story.netd.sh(&format!("nictagadm {line}"));
        if output.refused().is_none() {
            wrong += &output.to_string();
        }
    }
    assert!(wrong.is_empty(), "not refused in one line and code 1:\n{wrong}");
    story.nothing_has_changed();
}

#[test]
fn the_api_answers_every_bad_request_with_a_problem() {
    let Some(lab) = Lab::for_story() else { return };
    let story = Story::new(&lab);
    let api = story.netd.api();
    let huge = format!(r#"{{"name":"{}","over":"bge0"}}"#, "n".repeat(1 << 20));
    let mut wrong = String::new();
    let deep = "[".repeat(60_000);
    for (method, path, body, status) in [
        ("POST", "/v1/vnics", "", 415),
        ("POST", "/v1/vnics", "nonsense", 400),
        ("POST", "/v1/vnics", "{", 400),
        ("POST", "/v1/vnics", "[]", 400),
        ("POST", "/v1/vnics", "null", 400),
        ("POST", "/v1/vnics", "{}", 400),
        ("POST", "/v1/vnics", r#"{"name":"net1"}"#, 400),
        ("POST", "/v1/vnics", r#"{"a\nb":1}"#, 400),
        ("POST", "/v1/vnics", r#"{"\u001b[31m":1}"#, 400),
        ("POST", "/v1/vnics", r#"{"name":"net1","name":"net2"}"#, 400),
        ("POST", "/v1/vnics", r#"{"name":1,"over":"bge0"}"#, 400),
        ("POST", "/v1/vnics", r#"{"name":"net","over":"bge0"}"#, 400),
        ("POST", "/v1/vnics", r#"{"name":"","over":"bge0"}"#, 400),
        ("POST", "/v1/vnics", r#"{"name":"net1","over":""}"#, 400),
        ("POST", "/v1/vnics", r#"{"name":"net1","over":"a\u0000b"}"#, 400),
        ("POST", "/v1/vnics", r#"{"name":"net1","over":"bge0","x":1}"#, 400),
        (
            "POST",
            "/v1/vnics",
            r#"{"name":"net1","over":"bge0","props":{"x":1}}"#,
            400,
        ),
        ("POST", "/v1/vnics", r#"{"name":"net1","over":"bge0","vid":0}"#, 400),
        ("POST", "/v1/vnics", r#"{"name":"net1","over":"bge0","vid":-1}"#, 400),
        (
            "POST",
            "/v1/vnics",
            r#"{"name":"net1","over":"bge0","mac":"x"}"#,
            400,
        ),
        (
            "POST",
            "/v1/vnics",
            r#"{"name":"net1","over":"bge0","mac":"1:0:0:0:0:1"}"#,
            400,
        ),
        (
            "POST",
            "/v1/vnics",
            r#"{"name":"net1","over":"bge0","zone":"a/../b"}"#,
            400,
        ),
        (
            "POST",
            "/v1/vnics",
            r#"{"name":"net1","over":"bge0"}{"name":"net2","over":"bge0"}"#,
            400,
        ),
        (
            "POST",
            "/v1/vnics",
            r#"{"name":"net0","over":"bge0","zone":"web"}"#,
            409,
        ),
        ("POST", "/v1/vnics", huge.as_str(), 413),
        ("POST", "/v1/vnics", deep.as_str(), 400),
        ("POST", "/v1/etherstubs", r#"{"name":"stub"}"#, 400),
        ("POST", "/v1/etherstubs", r#"{"name":"stub0"}"#, 409),
        ("POST", "/v1/etherstubs", r#"{"name":"stub1","mtu":1}"#, 400),
        ("PATCH", "/v1/vnics/net0", "", 415),
        ("PATCH", "/v1/vnics/net0", "null", 400),
        ("PATCH", "/v1/vnics/net0", r#"{"mtu":1400}"#, 400),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"maxbww":1}}"#, 400),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"mtu":null}}"#, 400),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"mtu":9000}}"#, 400),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"allowed_ips":["x"]}}"#, 400),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"zone":"db"}}"#, 409),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"mode":"tap"}}"#, 409),
        ("PATCH", "/v1/vnics/net0", r#"{"reset":["owner"]}"#, 409),
        ("PATCH", "/v1/vnics/net0", r#"{"reset":["colour"]}"#, 400),
        (
            "PATCH",
            "/v1/vnics/net0",
            r#"{"set":{"mtu":1400},"reset":["mtu"]}"#,
            400,
        ),
        (
            "PATCH",
            "/v1/vnics/net0",
            r#"{"set":{"secondary_macs":["9c:b6:54:bb:c3:3c"],"mtu":1400}}"#,
            409,
        ),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"maxbw":1}}"#, 400),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"maxbw":-1}}"#, 400),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"maxbw":"50M"}}"#, 400),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"maxbw":1e30}}"#, 400),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"minbw":0}}"#, 400),
        (
            "PATCH",
            "/v1/vnics/net0",
            r#"{"set":{"minbw":18446744073709551615}}"#,
            409,
        ),
        (
            "PATCH",
            "/v1/vnics/net0",
            r#"{"set":{"maxbw":64000,"minbw":64001}}"#,
            409,
        ),
        ("PATCH", "/v1/vnics/net0", r#"{"set":{"priority":"HIGH"}}"#, 400),
        ("PATCH", "/v1/links/bge0", "", 415),
        ("PATCH", "/v1/links/bge0", r#"{"set":{"maxbw":1}}"#, 400),
        ("PATCH", "/v1/links/bge0", r#"{"set":{"mtu":1400}}"#, 400),
        ("PATCH", "/v1/links/stub0", r#"{"set":{"maxbw":63999}}"#, 400),
        (
            "PATCH",
            "/v1/links/bge0",
            r#"{"set":{"maxbw":0},"reset":["maxbw"]}"#,
            400,
        ),
        ("PATCH", "/v1/links/net0", r#"{"set":{"maxbw":0}}"#, 404),
        ("PATCH", "/v1/links/bge9", r#"{"set":{"maxbw":0}}"#, 404),
        ("PATCH", "/v1/links/lo", r#"{"set":{"maxbw":0}}"#, 404),
        ("PATCH", "/v1/links/vnic-1", r#"{"set":{"maxbw":0}}"#, 404),
        ("PATCH", "/v1/links/..%2fvnics", "{}", 400),
        ("GET", "/v1/links/bge0", "", 405),
        ("PATCH", "/v1/vnics/net0?zone=nowhere", "{}", 404),
        ("PATCH", "/v1/vnics/net9", "{}", 404),
        ("PATCH", "/v1/vnics/stub0", "{}", 400),
        ("DELETE", "/v1/vnics/net9", "", 404),
        ("DELETE", "/v1/vnics/net0?zone=nowhere", "", 404),
        ("DELETE", "/v1/vnics/net0?zoone=web", "", 400),
        ("DELETE", "/v1/vnics/%ff", "", 400),
        ("DELETE", "/v1/vnics/..%2f..%2fetc", "", 400),
        ("DELETE", "/v1/etherstubs/stub9", "", 404),
        ("DELETE", "/v1/etherstubs/net0", "", 404),
        ("DELETE", "/v1/vnics/net0?zone=web&zone=web", "", 400),
        ("DELETE", "/v1/vnics/net0%00", "", 400),
        ("DELETE", "/v1/vnics/net0?zone=%ff", "", 404),
        ("DELETE", "/v1/flows", "", 400),
        ("DELETE", "/v1/flows?link=net0&link=net0", "", 400),
        ("DELETE", "/v1/flows?link=%00", "", 400),
        ("GET", "/v1/drops?after=18446744073709551616", "", 400),
        ("GET", "/v1/drops?wait=1&wait=1", "", 400),
        ("GET", "/v1/drops?wait=", "", 400),
        ("GET", "/v1/drops?wait=61", "", 400),
        ("GET", "/v1/drops?wait=-1", "", 400),
        ("GET", "/v1/drops?after=x", "", 400),
        ("GET", "/v1/drops?lnk=net0", "", 400),
        ("GET", "/v1/drops?link=net9", "", 404),
        ("GET", "/v1/drops?link=net0&zone=nowhere", "", 404),
        ("GET", "/v1/drops?link=..%2f..%2fetc", "", 400),
        ("GET", "/v1/drops?link=", "", 400),
        ("PUT", "/v1/vnics", "{}", 405),
        ("CHEESE", "/v1/vnics", "", 405),
        ("OPTIONS", "/v1/vnics", "", 405),
        ("DELETE", "/v1/vnics", "", 405),
        ("GET", "/", "", 404),
        ("GET", "/v2/vnics", "", 404),
        ("GET", "/v1/vnics/", "", 404),
    ] {
        let response = api.request(method, path, body);
        let problem = response.problem();
        if response.status != status || problem.detail.is_empty() {
            wrong += &format!("wanted {status}: {response:#?}\n");
        }
        story.api_is_unchanged(&response.request);
    }
    assert!(wrong.is_empty(), "{wrong}");
    story.nothing_has_changed();
}

#[test]
fn garbage_on_the_socket_hurts_nobody() {
    let Some(lab) = Lab::for_story() else { return };
    let story = Story::new(&lab);
    let api = story.netd.api();
    // Somebody else's connection, open and idle all the while.
    let idle = api.idle();
    let long_line = [b"GET /", "x".repeat(1 << 20).as_bytes()].concat();
    for bytes in [
        &b""[..],
        b"\0",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"hello\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /v1/vnics HTTP/1.1\r\n",
        b"POST /v1/vnics HTTP/1.1\r\nhost: x\r\ncontent-length: 99\r\n\r\n{",
        b"POST /v1/vnics HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n{}",
        b"POST /v1/vnics HTTP/1.1\r\nhost: x\r\ncontent-length: 1\r\n\
          content-length: 2\r\n\r\n{}",
        &long_line,
    ] {
        let answer = api.hang_up_after(bytes);
        let refused = answer.is_empty()
            || answer.starts_with(b"HTTP/1.1 4")
            || answer.starts_with(b"HTTP/1.0 4");
        assert!(
            refused,
            "{:?} was answered with {:?}",
            String::from_utf8_lossy(&bytes[..bytes.len().min(80)]),
            String::from_utf8_lossy(&answer)
        );
        story.api_is_unchanged("garbage");
    }
    drop(idle);
    story.nothing_has_changed();
}
