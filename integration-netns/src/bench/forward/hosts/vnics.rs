//! VNICs on the host's NIC, made by netd.
//!
//! Both ways of VNICs share a host, its switch and its crowd: two guests talk
//! with mac-nospoof, two with all protections, as the crowd has.

use std::sync::atomic::{AtomicUsize, Ordering};

use fabric::api::CreateVnic;
use fabric::{AllowedIps, VnicProps};

use super::{Guest, HOST, Host, Stations, WIRE, switch_on, talkers};
use crate::bench::forward::case::Way;
use crate::{Lab, Netd, Netns, Office};

const ALL: &str = "mac-nospoof,restricted,ip-nospoof,dhcp-nospoof";

/// Requests under way at once, so that netd never waits for the next.
const ASKERS: usize = 4;

/// A host with netd.
#[derive(Debug)]
pub(super) struct VnicHost {
    netd: Netd,
    ways: [(Way, Stations); 2],
    crowd: Netns,
    file: String,
    guests: usize,
}

impl VnicHost {
    pub(super) fn new(lab: &Lab) -> Self {
        let Office { host, wire } = lab.quiet_office();
        let (nic, lan) = (Office::NIC, Office::WIRE_LINK);
        host.ip(&format!("addr add {HOST}/24 dev {nic}"));
        wire.ip(&format!("addr add {WIRE}/24 dev {lan}"));
        let netd = Netd::start(lab, &host, None);
        let mut guests = 0;
        let ways = [Way::Vnic, Way::VnicAll].map(|way| {
            let name = format!("{way:?}").to_lowercase();
            let [a, b] = talkers(lab, &name);
            let pair = Guest::talkers(guests, &a, &b);
            guests += pair.len();
            create(&netd, &pair, way);
            pair.iter().for_each(Guest::plumb);
            let addrs = pair.map(|guest| guest.addr);
            let (host, wire) = (Some(host.clone()), Some(wire.clone()));
            (way, Stations { a, b, addrs, host, wire })
        });
        let crowd = lab.quiet_zone("vnic-crowd");
        Self { netd, ways, crowd, file: lab.file("vnics", ""), guests }
    }
}

impl Host for VnicHost {
    fn crowd_to(&mut self, crowd: usize) {
        let numbers = self.guests..crowd;
        let guest = |number| Guest::of_crowd(number, &self.crowd);
        let guests: Vec<_> = numbers.map(guest).collect();
        create(&self.netd, &guests, Way::VnicAll);
        switch_on(&self.file, &guests);
        self.guests += guests.len();
    }

    fn guests(&self) -> usize {
        self.guests
    }

    fn stations(&self) -> Vec<(Way, &Stations)> {
        self.ways.iter().map(|(way, stations)| (*way, stations)).collect()
    }

    fn notes(&self) -> Vec<String> {
        vec![
            format!(
                "vnic, vnic-all: one host, so a crowd of 2 is 4 there; the \
                 crowd has {ALL} and an allowed address each"
            ),
            "a host's crowd is in one namespace, its links up".to_owned(),
        ]
    }
}

/// Has netd create VNICs.
fn create(netd: &Netd, guests: &[Guest], way: Way) {
    let request = |guest: &Guest| CreateVnic {
        name: guest.link.parse().expect("a legal name"),
        over: Office::NIC.to_owned(),
        mac: None,
        mac_prefix: None,
        vid: None,
        zone: Some(guest.zone.name().parse().expect("a legal zone")),
        props: props(guest, way),
        temporary: false,
    };
    let requests: Vec<_> = guests.iter().map(request).collect();
    let next = AtomicUsize::new(0);
    std::thread::scope(|scope| {
        for _ in 0..ASKERS.min(requests.len()) {
            let client = netd.client();
            let (next, requests) = (&next, &requests);
            scope.spawn(move || {
                let take =
                    || requests.get(next.fetch_add(1, Ordering::Relaxed));
                while let Some(request) = take() {
                    client.create_vnic(request).expect("netd creates it");
                }
            });
        }
    });
}

fn props(guest: &Guest, way: Way) -> VnicProps {
    if way == Way::Vnic {
        return VnicProps::default();
    }
    let address = guest.addr.to_string().parse().expect("it is an address");
    VnicProps {
        protection: ALL.parse().expect("they are protections"),
        allowed_ips: AllowedIps::try_from(vec![address])
            .expect("one is not too many"),
        ..VnicProps::default()
    }
}
