//! The host with netd.

use std::time::Instant;

use dladm::Client;
use fabric::api::{Apply, ChangeVnic, CreateVnic, Operation, SetProps};
use fabric::{Bandwidth, LinkName, VnicProps};

use super::case::Features;
use super::guests::Guest;
use super::millis;
use crate::{Lab, Netd, Netns, Office};

/// The cap of those that have one.
pub(super) const MAXBW: Bandwidth = Bandwidth::from_mbps(10);

/// netd, which is asked through its API: a connection for each request, as
/// `dladm` has it. All functions that change VNICs give the milliseconds until
/// netd has answered.
#[derive(Debug)]
pub(super) struct Vnics {
    pub(super) netd: Netd,
    pub(super) client: Client,
    office: Office,
}

impl Vnics {
    /// Starts it. The NIC has a VNIC already, and one with a cap: the first
    /// ones make the NIC ready and the queues on its way, once.
    pub(super) fn new(lab: &Lab) -> Self {
        let office = lab.quiet_office();
        let netd = Netd::start(lab, &office.host, None);
        for (options, name) in [("", "keeper0"), ("-p maxbw=10M", "keeper1")] {
            let nic = Office::NIC;
            let line = format!("dladm create-vnic -l {nic} {options} {name}");
            netd.sh(&line).check();
        }
        let client = netd.client();
        Self { netd, client, office }
    }

    pub(super) fn host(&self) -> &Netns {
        self.netd.host()
    }

    pub(super) fn wire(&self) -> &Netns {
        &self.office.wire
    }

    pub(super) fn create_each(
        &self,
        guests: &[Guest],
        features: Features,
    ) -> f64 {
        let requests: Vec<_> =
            guests.iter().map(|guest| create(guest, features)).collect();
        let start = Instant::now();
        for request in &requests {
            self.client.create_vnic(request).expect("netd creates it");
        }
        millis(start)
    }

    pub(super) fn create_all(
        &self,
        guests: &[Guest],
        features: Features,
    ) -> f64 {
        self.batch(guests, |guest| {
            Operation::CreateVnic(create(guest, features))
        })
    }

    pub(super) fn delete_each(&self, guests: &[Guest]) -> f64 {
        let start = Instant::now();
        for guest in guests {
            let zone = Some(guest.zone.name());
            let deleted = self.client.delete_vnic(&name(guest), zone);
            deleted.expect("netd deletes it");
        }
        millis(start)
    }

    pub(super) fn delete_all(&self, guests: &[Guest]) -> f64 {
        self.batch(guests, |guest| Operation::DeleteVnic {
            name: name(guest),
            zone: Some(guest.zone.name().to_owned()),
        })
    }

    pub(super) fn cap_each(&self, guests: &[Guest], maxbw: Bandwidth) -> f64 {
        let change = cap(maxbw);
        let start = Instant::now();
        for guest in guests {
            let zone = Some(guest.zone.name());
            let changed = self.client.change_vnic(&name(guest), zone, &change);
            changed.expect("netd changes it");
        }
        millis(start)
    }

    pub(super) fn cap_all(&self, guests: &[Guest], maxbw: Bandwidth) -> f64 {
        self.batch(guests, |guest| Operation::ChangeVnic {
            name: name(guest),
            zone: Some(guest.zone.name().to_owned()),
            change: cap(maxbw),
        })
    }

    fn batch(
        &self,
        guests: &[Guest],
        operation: impl Fn(&Guest) -> Operation,
    ) -> f64 {
        if guests.is_empty() {
            return 0.0;
        }
        let batch = Some(guests.iter().map(operation).collect());
        let wanted = Apply { batch, ..Apply::default() };
        let start = Instant::now();
        self.client.apply(&wanted, false).expect("netd applies it");
        millis(start)
    }
}

fn name(guest: &Guest) -> LinkName {
    guest.link.parse().expect("a legal name")
}

fn cap(maxbw: Bandwidth) -> ChangeVnic {
    let set = SetProps { maxbw: Some(maxbw), ..SetProps::default() };
    ChangeVnic { set, ..ChangeVnic::default() }
}

fn create(guest: &Guest, features: Features) -> CreateVnic {
    let maxbw = match features {
        Features::Plain => None,
        Features::Maxbw => Some(MAXBW),
    };
    CreateVnic {
        name: name(guest),
        over: Office::NIC.to_owned(),
        mac: Some(guest.mac),
        mac_prefix: None,
        vid: None,
        zone: Some(guest.zone.name().parse().expect("a legal zone")),
        props: VnicProps { maxbw, ..VnicProps::default() },
        temporary: false,
    }
}
