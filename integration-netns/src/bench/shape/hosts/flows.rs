//! VNICs with flows, on a switch of their own, and one that all of them send
//! to. Each is in a zone of its name.
//!
//! ```text
//!   [flows0 .10] ─────┐
//!   [flows1 .11] ─────┤
//!   [flows100 .12] ───┼── stub0 ── [sink0 .1]
//!   [flows10000 .13] ─┘
//! ```

use std::net::Ipv4Addr;

use fabric::api::{CreateFlow, FlowCounters};
use fabric::{FlowName, FlowProps};

use super::{plumb, run};
use crate::bench::pair::Pair;
use crate::{Lab, Netd, Netns};

/// Not the physical link: what is asked of that one doesn't touch this one.
const SWITCH: &str = "stub0";

const SINK: Ipv4Addr = Ipv4Addr::new(192, 168, 2, 1);

/// Where all that is sent goes, and what the last flow of each VNIC asks for.
/// The others ask for the ports below.
pub(in crate::bench::shape) const PORT: u16 = 20_000;

/// VNICs that have nothing but flows: no cap, no protection but the default.
#[derive(Debug)]
pub(in crate::bench::shape) struct FlowHost {
    senders: Vec<(u16, Netns)>,
    sink: Netns,
}

impl FlowHost {
    /// Makes a VNIC with each number of flows, at most [`PORT`]. They have no
    /// limits: their frames are found and counted, and wait nowhere.
    pub(in crate::bench::shape) fn new(
        lab: &Lab,
        netd: &Netd,
        counts: &[u16],
    ) -> Self {
        run(netd, &format!("create-etherstub {SWITCH}"));
        let vnic = |name: &str, addr| {
            let zone = lab.quiet_zone(name);
            let words = format!("-l {SWITCH} -p zone={name} {name}");
            run(netd, &format!("create-vnic {words}"));
            plumb(&zone, name, addr);
            zone
        };
        let sink = vnic("sink0", SINK);
        let senders = (10..).zip(counts).map(|(host, count)| {
            let name = format!("flows{count}");
            let zone = vnic(&name, Ipv4Addr::new(192, 168, 2, host));
            add(netd, &name, *count);
            (*count, zone)
        });
        Self { senders: senders.collect(), sink }
    }

    /// A sender with each number of flows.
    pub(in crate::bench::shape) fn pairs(
        &self,
    ) -> impl Iterator<Item = (u16, Pair<'_>)> {
        self.senders.iter().map(|(count, from)| {
            (*count, Pair { from, to: &self.sink, to_addr: SINK })
        })
    }
}

/// Adds flows of a VNIC, all of them in one request.
fn add(netd: &Netd, vnic: &str, count: u16) {
    let flow = |port: u16| CreateFlow {
        name: name(port),
        link: vnic.parse().expect("it names a link"),
        zone: Some(vnic.to_owned()),
        attrs: format!("transport=udp,remote_port={port}")
            .parse()
            .expect("flows may ask for these"),
        props: FlowProps::default(),
        temporary: true,
    };
    let flows: Vec<_> = (PORT - count + 1..=PORT).map(flow).collect();
    let body = serde_json::to_string(&flows).expect("keys are text");
    let answer = netd.api().request("POST", "/v1/flows", &body);
    assert_eq!(answer.status, 201, "{answer:#?}");
}

fn name(port: u16) -> FlowName {
    format!("port{port}").parse().expect("it names a flow")
}

/// The frames that the last flows have sent, those of all VNICs.
pub(in crate::bench::shape) fn sent_in_last(netd: &Netd) -> Vec<u64> {
    let counted: Vec<FlowCounters> = netd.api().get("/v1/counters/flows");
    let last = counted.iter().filter(|flow| flow.name == name(PORT));
    last.map(|flow| flow.opackets).collect()
}
