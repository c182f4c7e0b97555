//! What netd has made of a VNIC, for others to do the same.

use std::path::PathBuf;

use libbpf_rs::ProgramHandle;
use serde_json::Value;

use super::vnics::Vnics;
use crate::Netns;
use crate::bench::bpffs;

/// What is not the same on every kernel or in every build.
#[derive(Debug)]
pub(super) struct Model {
    /// The pin of the host ends' program, netd's own.
    pub(super) program: PathBuf,
    /// Where a leaf's frames wait, as `tc` wants to be told.
    pub(super) queue: &'static str,
    /// How many parts a frame may have that a capped guest leaves to be cut.
    pub(super) segs: u64,
    /// Whether the NIC is told the VNICs' addresses.
    pub(super) filters: bool,
}

impl Model {
    /// Looks at the VNICs that are always there.
    ///
    /// # Panics
    /// When netd makes them otherwise than it is known here.
    pub(super) fn of(vnics: &Vnics) -> Self {
        let host = vnics.host();
        let told = vnics.client.vnics().expect("netd tells its VNICs");
        let capped = told.iter().find(|vnic| vnic.props.maxbw.is_some());
        let capped = capped.expect("one has a cap");
        let end = capped.host_end.as_str();
        Self {
            program: pinned(host, end),
            queue: queue(host, end),
            segs: host.ip_json(&format!("link show {end}"))[0]["gso_max_segs"]
                .as_u64()
                .expect("every link has it"),
            filters: host
                .run("bridge", &["fdb", "show"])
                .check()
                .contains(&padded(&capped.mac.octets())),
        }
    }
}

/// An address as all but dladm write it.
pub(super) fn padded(octets: &[u8]) -> String {
    let digits = octets.iter().map(|octet| format!("{octet:02x}"));
    digits.collect::<Vec<_>>().join(":")
}

/// Pins the program of a host end.
fn pinned(host: &Netns, end: &str) -> PathBuf {
    let filters = host.tc_json(&format!("filter show dev {end} ingress"));
    let id = |filter: &Value| filter["options"]["prog"]["id"].as_u64();
    let id = filters.as_array().and_then(|all| all.iter().find_map(id));
    let id = id.and_then(|id| u32::try_from(id).ok());
    let pin = bpffs::mounted().join("program");
    ProgramHandle::from_prog_id(id.expect("it has a program"))
        .and_then(|program| program.pin(&pin))
        .unwrap_or_else(|error| panic!("{}: {error}", pin.display()));
    pin
}

fn queue(host: &Netns, end: &str) -> &'static str {
    let queues = host.tc_json(&format!("qdisc show dev {end}"));
    let kinds: Vec<_> = queues
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(|queue| queue["kind"].as_str())
        .collect();
    match kinds.as_slice() {
        kinds if kinds.contains(&"bfifo") => "bfifo limit 15140",
        kinds if kinds.contains(&"fq_codel") => {
            "fq_codel limit 1000 flows 128 quantum 1514 target 12ms \
             interval 100ms memory_limit 1mb ecn"
        }
        kinds => panic!("{end} has none of the queues: {kinds:?}"),
    }
}
