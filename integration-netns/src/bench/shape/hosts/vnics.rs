//! VNICs on the host's NIC: one that is capped, one that never is, one with a
//! guarantee, and a crowd that floods the link.
//!
//! All are there from the start, and have no more than their names say while
//! nobody asks about them.

use std::net::Ipv4Addr;

use super::{GUEST, Host, LINK, WIRE, plumb, run, stations};
use crate::bench::pair::Pair;
use crate::bench::shape::case::{Cap, Direction, Way};
use crate::{Lab, Netd, Netns, Office};

/// How many VNICs flood the link beside the one with a guarantee.
const FLOODING: u8 = 8;

const OPEN: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 11);
const SURE: Ipv4Addr = Ipv4Addr::new(192, 168, 1, 12);

/// A host with netd.
#[derive(Debug)]
pub(in crate::bench::shape) struct VnicHost {
    netd: Netd,
    wire: Netns,
    capped: Netns,
    open: Netns,
    sure: Netns,
    crowd: Vec<Netns>,
}

impl VnicHost {
    pub(in crate::bench::shape) fn new(lab: &Lab) -> Self {
        let Office { host, wire } = lab.quiet_office();
        plumb(&wire, Office::WIRE_LINK, WIRE);
        let netd = Netd::start(lab, &host, None);
        let vnic = |name: &str, link: &str, addr| {
            let zone = lab.quiet_zone(name);
            let nic = Office::NIC;
            run(&netd, &format!("create-vnic -l {nic} -p zone={name} {link}"));
            plumb(&zone, link, addr);
            zone
        };
        let capped = vnic("capped", LINK, GUEST);
        let open = vnic("open", "open0", OPEN);
        let sure = vnic("sure", "sure0", SURE);
        let crowd = (0..FLOODING).map(|number| {
            let addr = Ipv4Addr::new(192, 168, 1, 20 + number);
            vnic(&format!("flood{number}"), &format!("flood{number}"), addr)
        });
        let crowd = crowd.collect();
        Self { netd, wire, capped, open, sure, crowd }
    }

    /// Whose host it is.
    pub(in crate::bench::shape) fn netd(&self) -> &Netd {
        &self.netd
    }

    /// The VNIC that never has a cap.
    pub(in crate::bench::shape) fn open(
        &self,
        direction: Direction,
    ) -> Pair<'_> {
        let (pair, _) = stations(&self.open, "open0", &self.wire)(direction);
        match direction {
            Direction::FromGuest => pair,
            Direction::ToGuest => Pair { to_addr: OPEN, ..pair },
        }
    }

    /// Caps the link, and guarantees a part of it to one VNIC.
    pub(in crate::bench::shape) fn guarantee(&self, link: Cap, sure: Cap) {
        let nic = Office::NIC;
        run(&self.netd, &format!("set-linkprop -p maxbw={link} {nic}"));
        run(&self.netd, &format!("set-linkprop -p minbw={sure} sure0"));
    }

    /// Takes it back.
    pub(in crate::bench::shape) fn guarantee_nothing(&self) {
        run(&self.netd, "reset-linkprop -p minbw sure0");
        let nic = Office::NIC;
        run(&self.netd, &format!("reset-linkprop -p maxbw {nic}"));
    }

    /// The VNIC with the guarantee, which sends to the wire.
    pub(in crate::bench::shape) fn sure(&self) -> Pair<'_> {
        Pair { from: &self.sure, to: &self.wire, to_addr: WIRE }
    }

    /// Those who flood the link.
    pub(in crate::bench::shape) fn crowd(&self) -> &[Netns] {
        &self.crowd
    }
}

impl Host for VnicHost {
    fn way(&self) -> Way {
        Way::Vnic
    }

    fn cap(&mut self, cap: Option<Cap>) {
        let words = match cap {
            Some(cap) => format!("set-linkprop -p maxbw={cap} {LINK}"),
            None => format!("reset-linkprop -p maxbw {LINK}"),
        };
        run(&self.netd, &words);
    }

    fn pair(&self, direction: Direction) -> Option<(Pair<'_>, &str)> {
        Some(stations(&self.capped, LINK, &self.wire)(direction))
    }

    fn notes(&self) -> Vec<String> {
        vec![format!(
            "vnic: one host with the VNIC that is capped, one that never is, \
             one with a guarantee, and {FLOODING} that flood; a cap is changed \
             in place"
        )]
    }
}
