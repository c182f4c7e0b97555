//! Which addresses guests came by.
//!
//! A guest with `ip-nospoof` may speak as the addresses that somebody listed
//! for it, and as those that it came by in one of its `dynamic-methods`. The
//! data plane copies what tells of these to the daemon: what guests ask of DHCP
//! servers, what servers answer, and what routers announce. A [`Learner`] says
//! what follows. It holds no clock and does nothing: time is a parameter, and
//! what comes out is a list of [`Change`]s.
//!
//! # What is believed
//!
//! *A lease* (`dhcp4.rs`, `dhcp6.rs`) is learned from a server's answer to a
//! request that was seen to leave the very VNIC: the exchange's number and the
//! client must be the same. From REQUEST to ACK an address that was offered is
//! the guest's *provisionally*, for a minute, because the guest's first packet
//! behind the ACK may be faster than the daemon.
//!
//! *A prefix* (`slaac.rs`) is learned from a router advertisement, and gives
//! each VNIC of the segment and VLAN the addresses that its own MAC addresses
//! make (modified EUI-64). Addresses that a guest makes up otherwise, for
//! privacy (RFC 8981) or by a secret (RFC 7217), are **not** learned: nobody
//! can tell them from a neighbour's, so whoever was the first to claim the
//! neighbour's would have it. A guest that wants such ones gets them listed in
//! `allowed-ips`.
//!
//! *Who asks gives none*: a guest that comes by addresses in some way is heard
//! neither as a server nor as a router of that way, or it would grant itself
//! what it likes. That no other guest is a server or a router is for
//! `dhcp-nospoof` and `ip-nospoof` to see to; that nobody on the wire is, for the
//! wire's switches.
//!
//! *First come*: what one guest has is not learned for another one of the same
//! segment and VLAN before it ends.
//!
//! # How much there may be
//!
//! Guests and the wire may send anything. A VNIC has at most 64 requests
//! pending, each with 8 offers, and 32 addresses by each method; a segment and
//! VLAN has 16 prefixes. Of requests the oldest goes; whatever else is too much
//! is refused without a word. A DHCP message costs as much as the logarithm of
//! the number of VNICs; a prefix whose lifetime changes costs as much as the
//! VNICs of the segment and VLAN, once a second where a router keeps to one
//! lifetime.

mod book;
mod dhcp4;
mod dhcp6;
mod enroll;
mod exchanges;
mod frame;
mod message6;
mod prefixes;
mod record;
mod slaac;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use fabric::{LinkId, Mac};

pub use record::{
    Awaits, Change, Guest, Heard, Learned, Method, Moment, Offer, Pending,
};

use book::Book;
use exchanges::{Exchanges, PATIENCE};
use frame::{Content, Frame, is_host};
use prefixes::Prefixes;
use record::Lan;

/// Who is on a segment and VLAN.
#[derive(Clone, Debug, Default)]
struct Place {
    guests: BTreeSet<LinkId>,
    stations: BTreeMap<Mac, LinkId>,
}

/// Learns which addresses guests came by.
///
/// Whoever holds one starts with [`Learner::new`], gives it what was kept of an
/// earlier one with [`Learner::restore`], says which VNICs there are with
/// [`Learner::enroll`], now and whenever that changes, and passes on what is
/// heard and when. The changes that come back, applied in order, lead to what
/// [`Learner::all`] holds.
#[derive(Clone, Debug, Default)]
pub struct Learner {
    guests: BTreeMap<LinkId, Guest>,
    lans: BTreeMap<Lan, Place>,
    book: Book,
    exchanges: Exchanges,
    prefixes: Prefixes,
}

impl Learner {
    /// One that knows nobody and has learned nothing.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes in a frame that the data plane copied at `now`, which never goes
    /// back. What has ended by then is forgotten first.
    pub fn hear(&mut self, heard: &Heard<'_>, now: Moment) -> Vec<Change> {
        let mut changes = self.expire(now);
        match heard {
            Heard::From { id, frame } => {
                if let Some(frame) = frame::read(frame) {
                    self.hear_guest(*id, &frame, now, &mut changes);
                }
            }
            Heard::On { segment, vid, by, frame } => {
                if let Some(frame) = frame::read(frame) {
                    let lan = Lan { segment: segment.clone(), vid: *vid };
                    self.hear_others(&lan, *by, &frame, now, &mut changes);
                }
            }
        }
        changes
    }

    /// Forgets what has ended by `now`: what ends at a moment is not there at
    /// that moment.
    pub fn expire(&mut self, now: Moment) -> Vec<Change> {
        let mut changes = Vec::new();
        self.book.expire(now, &mut changes);
        self.exchanges.expire(now);
        self.prefixes.expire(now);
        changes
    }

    /// When [`Learner::expire`] next has something to do: an address, a prefix
    /// or a pending request ends. None: never.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Moment> {
        let ends = [
            self.book.next_end(),
            self.exchanges.next_end(),
            self.prefixes.next_end(),
        ];
        ends.into_iter().flatten().min()
    }

    /// What one VNIC's guest came by, IPv4 first.
    pub fn learned(&self, id: LinkId) -> impl Iterator<Item = &Learned> {
        self.book.of(id)
    }

    /// What all guests came by, by VNIC.
    pub fn all(&self) -> impl Iterator<Item = &Learned> {
        self.book.all()
    }

    /// The requests that may still be answered.
    pub fn pending(&self) -> impl Iterator<Item = &Pending> {
        self.exchanges.all()
    }

    fn hear_guest(
        &mut self,
        id: LinkId,
        frame: &Frame<'_>,
        now: Moment,
        changes: &mut Vec<Change>,
    ) {
        let Content::Udp { to, payload, .. } = frame.packet.content else {
            return;
        };
        match (frame.packet.source, to) {
            (IpAddr::V4(_), 67) => {
                self.dhcp4_request(id, payload, now, changes);
            }
            (IpAddr::V6(_), 547) => {
                self.dhcp6_request(id, payload, now, changes);
            }
            _ => {}
        }
    }

    fn hear_others(
        &mut self,
        lan: &Lan,
        by: Option<LinkId>,
        frame: &Frame<'_>,
        now: Moment,
        changes: &mut Vec<Change>,
    ) {
        let packet = &frame.packet;
        // Who sent it, and whom it says it is from.
        let gives = |method| {
            by.is_none_or(|id| self.asking(id, method).is_none())
                && !self.takes(lan, frame.source, method)
        };
        match (packet.source, &packet.content) {
            // A guest without an address has 0.0.0.0 to send from; a server
            // has an address.
            (IpAddr::V4(_), Content::Udp { from: 67, to: 68, payload })
                if is_host(packet.source) && gives(Method::Dhcpv4) =>
            {
                self.dhcp4_reply(lan, frame, payload, now, changes);
            }
            (IpAddr::V6(ip), Content::Udp { to: 546, payload, .. })
                if !ip.is_unspecified() && gives(Method::Dhcpv6) =>
            {
                self.dhcp6_reply(lan, frame, payload, now, changes);
            }
            (IpAddr::V6(_), Content::Icmpv6(message))
                if gives(Method::Slaac) =>
            {
                self.advertisement(lan, packet, message, now, changes);
            }
            _ => {}
        }
    }

    /// The VNIC of a guest that may come by addresses in this way.
    fn asking(&self, id: LinkId, method: Method) -> Option<&Guest> {
        self.guests.get(&id).filter(|guest| guest.uses(method))
    }

    /// The VNIC with a MAC address.
    fn station(&self, lan: &Lan, mac: Mac) -> Option<LinkId> {
        self.lans.get(lan)?.stations.get(&mac).copied()
    }

    /// Whether a station is a guest that comes by addresses in this way.
    fn takes(&self, lan: &Lan, mac: Mac, method: Method) -> bool {
        self.station(lan, mac)
            .is_some_and(|id| self.asking(id, method).is_some())
    }

    /// Learns an address that was offered and is now asked for, until the
    /// server has spoken. One that the guest already has keeps its end, so
    /// asking again and again holds nothing for longer.
    fn provide(
        &mut self,
        id: LinkId,
        address: IpAddr,
        (method, client): (Method, Vec<u8>),
        now: Moment,
        changes: &mut Vec<Change>,
    ) {
        if self.book.get(id, address).is_none() {
            let until = Some(now.after(PATIENCE));
            let new = Learned { id, address, method, until, client };
            self.book.learn(new, changes);
        }
    }
}

/// Notes a value that may come once; none: it came before.
fn once<T>(place: &mut Option<T>, value: T) -> Option<()> {
    place.replace(value).is_none().then_some(())
}
