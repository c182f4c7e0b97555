//! The API is what its document says, whatever is asked.
//!
//!   schemathesis ── TCP, loopback ── netd.sock ── netd ── host [bge0]
//!                                                  └── stub0, web [net0], http
//!
//! schemathesis asks what the document allows, and what it doesn't; each answer
//! must be one that the document promises, and none may be netd's own fault.

use std::fs;

use integration_netns::{Lab, Need, Netd, article, require, schemathesis};

/// Requests for each operation, beside those that follow from the document
/// itself. More of them find no more than once, and cost a second each ten.
const EXAMPLES: &str = "25";

/// What holds of every answer.
const CHECKS: [&str; 8] = [
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "unsupported_method",
    "allow_header_conformance",
];

/// Whoever waits for dropped frames would wait here, too.
const CONFIG: &str = "[parameters]\n\"query.wait\" = 0\n";

#[test]
fn each_answer_is_one_that_the_document_promises() {
    if !require(&[Need::Schemathesis]) {
        return;
    }
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, Some(article::CONFIG));
    let _web = lab.zone("web");
    netd.sh("dladm create-etherstub stub0").check();
    netd.sh("dladm create-vnic -l bge0 -p zone=web net0").check();
    netd.sh("flowadm add-flow -l net0 -a local_port=80,transport=tcp http0")
        .check();

    let address = netd.over_tcp();
    let config = lab.file("schemathesis.toml", CONFIG);
    let program = schemathesis();
    let program = program.to_str().expect("Cargo's paths are text");
    let url = format!("http://{address}/v1/openapi.json");
    // What it keeps for its next run goes where the lab goes.
    let line = "cd /run/lab && exec \"$0\" \"$@\"";
    let output = office.host.run(
        "sh",
        &[
            "-c",
            line,
            program,
            "--config-file",
            &config,
            "run",
            "--no-color",
            "--seed=1",
            "--generation-database=none",
            &format!("--max-examples={EXAMPLES}"),
            &format!("--checks={}", CHECKS.join(",")),
            "--phases=examples,coverage,fuzzing",
            "--report=ndjson",
            "--report-ndjson-path=/run/lab/asked.ndjson",
            &url,
        ],
    );
    assert!(output.ok(), "{output}\n{}", netd.log());
    let asked = fs::read_to_string("/run/lab/asked.ndjson").unwrap_or_default();
    let asked = asked.matches("\"status_code\"").count();
    assert!(asked > 500, "only {asked} answers were looked at:\n{output}");
    let log = netd.log();
    assert!(netd.is_alive() && !log.contains("panicked"), "{log}");
}
