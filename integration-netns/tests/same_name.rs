//! Names are per zone: five zones, each with a `net0`, as in the article.
//!
//!   z1 [net0] ─┐
//!   ...        host [bge0] ════ [lan0] wire
//!   z5 [net0] ─┘

use integration_netns::{Lab, Netd};

const ZONES: [&str; 5] = ["z1", "z2", "z3", "z4", "z5"];

#[test]
fn five_zones_each_have_a_net0() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let zones = ZONES.map(|name| lab.zone(name));
    for name in ZONES {
        netd.sh(&format!("dladm create-vnic -l bge0 -p zone={name} net0"))
            .check();
    }
    let rows = netd.sh("dladm show-vnic -p -o link,zone").check();
    let want: Vec<String> =
        ZONES.iter().map(|zone| format!("net0:{zone}")).collect();
    assert_eq!(rows.lines().collect::<Vec<_>>(), want);
    let one = netd.sh("dladm show-vnic -z z3 -p -o link,zone net0").check();
    assert_eq!(one, "net0:z3\n");

    let output = netd.sh("dladm delete-vnic net0");
    output.refusal();
    for zone in ZONES {
        assert!(output.stderr.contains(zone), "{zone} is not named:\n{output}");
    }
    assert_eq!(netd.api().vnics().len(), ZONES.len(), "nothing was deleted");

    netd.sh("dladm delete-vnic -z z3 net0").check();
    netd.sh("dladm delete-vnic -z z3 net0").refusal();
    for name in ["z1", "z2", "z4"] {
        netd.sh(&format!("dladm delete-vnic -z {name} net0")).check();
    }
    // Only one is left, so its name is enough.
    netd.sh("dladm delete-vnic net0").check();
    assert_eq!(netd.api().vnics(), []);
    for zone in &zones {
        let links = zone.ip_json("link show");
        assert_eq!(links.as_array().map(Vec::len), Some(1), "{links:#}");
    }
}

#[test]
fn a_zone_may_be_written_in_three_ways() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let zone = lab.zone("web");
    let mut inside = zone.spawn_with("sleep".as_ref(), |command| {
        command.arg("1000");
    });
    let by_pid = format!("pid:{}", inside.id());
    // The child is in its zone once it has become what it was started for.
    integration_netns::Poll::PATIENT.until("the child runs", || {
        let comm = format!("/proc/{}/comm", inside.id());
        let name = std::fs::read_to_string(comm).unwrap_or_default();
        if name.trim() == "sleep" { Ok(()) } else { Err(name) }
    });
    for (number, place) in
        ["web", "/run/netns/web", &by_pid].into_iter().enumerate()
    {
        let line =
            format!("dladm create-vnic -t -l bge0 -p zone={place} net{number}");
        netd.sh(&line).check();
        zone.ip(&format!("link show net{number}"));
    }
    let rows = netd.sh("dladm show-vnic -p -o link,zone").check();
    let by_pid = by_pid.replace(':', "\\:");
    assert_eq!(rows, format!("net0:web\nnet1:web\nnet2:{by_pid}\n"));
    inside.kill().expect("the child is ours");
    inside.wait().expect("the child is ours");
}
