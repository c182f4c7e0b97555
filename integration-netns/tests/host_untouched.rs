//! The host's own link is never touched.
//!
//!   host [bge0 .3] ════ [lan0 .1] wire
//!     └─ a TCP session, without a pause, while 50 VNICs come and go
//!
//! Nobody moves the host's address to a bridge here, so nobody can lose the
//! SSH session that they work through.

use std::collections::BTreeSet;
use std::time::Duration;

use integration_netns::probe::{Session, Watch, segments_lost};
use integration_netns::{Lab, Netd, Netns, Office, Snapshot};

/// Far above what a loaded machine makes of one exchange, and far below what
/// anybody's session survives a moved address with.
const STALL: Duration = Duration::from_secs(2);

#[test]
fn a_session_of_the_host_streams_on_while_fifty_vnics_come_and_go() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let netd = Netd::start(&lab, &office.host, None);
    let web = lab.zone("web");
    netd.break_in();
    let before = Snapshot::of(&office.host);
    let ends = [&office.host, &office.wire];
    let lost = segments_lost(&ends);
    let watch = Watch::over(&office.host);
    let session = Session::open(&office.host, &office.wire, Office::WIRE_V4);

    create_and_delete_fifty(&netd);

    let streak = session.close();
    assert!(streak.messages > 50, "it stood still: {streak:?}");
    assert!(streak.worst < STALL, "it stalled: {streak:?}");
    assert_eq!(segments_lost(&ends), lost, "{streak:?}");
    before.assert_same(&office.host, "fifty VNICs came and went");
    let links = web.ip_json("link show");
    assert_eq!(links.as_array().map(Vec::len), Some(1), "{links:#}");

    let events = watch.events(Office::NIC);
    for event in &events {
        let about_addresses = event.contains("inet");
        assert!(!about_addresses, "an address moved: {events:#?}");
        let still_itself = event.contains("link/ether 9c:b6:54:bb:c3:3c");
        assert!(still_itself, "the MAC changed: {events:#?}");
    }
}

#[test]
fn the_host_keeps_its_address_while_vnics_are_there() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let addresses = |host: &Netns| -> BTreeSet<String> {
        let link = host.ip_json("addr show bge0")[0].take();
        let local = link["addr_info"].as_array().into_iter().flatten();
        local
            .map(|addr| addr["local"].to_string())
            .chain([link["address"].to_string(), link["mtu"].to_string()])
            .collect()
    };
    let before = addresses(&office.host);
    let mut netd = Netd::start(&lab, &office.host, None);
    netd.sh("dladm create-etherstub stub0").check();
    netd.sh("dladm create-vnic -l bge0 net0").check();
    netd.sh("dladm create-vnic -l bge0 -v 7 net1").check();
    assert_eq!(addresses(&office.host), before, "VNICs were created");
    netd.kill();
    netd.launch();
    assert_eq!(addresses(&office.host), before, "netd was restarted");
    netd.sh("dladm delete-vnic net0").check();
    netd.sh("dladm delete-vnic net1").check();
    assert_eq!(addresses(&office.host), before, "VNICs were deleted");
}

/// Over the API, so that the VNICs come and go as fast as netd can.
fn create_and_delete_fifty(netd: &Netd) {
    let client = netd.client();
    for number in 0..50 {
        let request = serde_json::from_value(serde_json::json!({
            "name": format!("net{number}"), "over": "bge0", "zone": "web",
        }))
        .expect("the story knows the API");
        client.create_vnic(&request).expect("netd creates it");
    }
    for number in 0..50 {
        let name = format!("net{number}").parse().expect("a legal name");
        client.delete_vnic(&name, Some("web")).expect("netd deletes it");
    }
}
