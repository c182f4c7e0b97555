//! Addresses that guests make of a router's prefix (RFC 4862).
//!
//! Only those made of a MAC address of the VNIC's are learned. See the
//! module's own page for why.

use std::net::{IpAddr, Ipv6Addr};

use fabric::{LinkId, Mac};

use super::Learner;
use super::frame::{Packet, is_host};
use super::prefixes::Prefix;
use super::record::{Change, Lan, Learned, Method, Moment};

const METHOD: Method = Method::Slaac;

/// Two hours, in seconds: see [`outlook`].
const TWO_HOURS: u32 = 7200;

/// ICMPv6: a router advertisement, and the option that is read (RFC 4861, 4.2
/// and 4.6.2).
const ADVERTISEMENT: u8 = 134;
const PREFIX_INFORMATION: u8 = 3;
/// The flag of autonomous address configuration.
const AUTONOMOUS: u8 = 0x40;

/// The address that a station makes of a prefix and its MAC address
/// (RFC 4291, appendix A).
pub(super) fn address(prefix: Prefix, mac: Mac) -> IpAddr {
    let [p, q, r, s, t, u, v, w] = prefix;
    let [a, b, c, d, e, f] = mac.octets();
    let octets = [p, q, r, s, t, u, v, w, a ^ 2, b, c, 0xff, 0xfe, d, e, f];
    IpAddr::V6(Ipv6Addr::from(octets))
}

/// Whether an address is made of one of some MAC addresses.
pub(super) fn makes(macs: &[Mac], made: IpAddr) -> bool {
    prefix(made).is_some_and(|prefix| {
        macs.iter().any(|mac| address(prefix, *mac) == made)
    })
}

/// The prefix of an address.
pub(super) fn prefix(address: IpAddr) -> Option<Prefix> {
    match address {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => address.octets().first_chunk().copied(),
    }
}

/// Until when a prefix is valid that is announced again (RFC 4862, 5.5.3 e):
/// a short lifetime may come from somebody who only wants to take addresses
/// away, so it takes none away that is left for two hours or less, and leaves
/// two hours of others. None: as before.
fn outlook(
    old: Option<Moment>,
    valid: u32,
    now: Moment,
) -> Option<Option<Moment>> {
    let new = now.end_of(valid);
    let two_hours = now.after(u64::from(TWO_HOURS));
    let longer = match (new, old) {
        (None, _) => true,
        (Some(_), None) => false,
        (Some(new), Some(old)) => new > old,
    };
    if valid > TWO_HOURS || longer {
        Some(new)
    } else if old.is_some_and(|old| old <= two_hours) {
        None
    } else {
        Some(Some(two_hours))
    }
}

/// What an advertisement says of a prefix.
struct Information {
    prefix: Prefix,
    /// For how many seconds.
    valid: u32,
}

/// Reads the prefixes of a router advertisement that addresses may be made of
/// (RFC 4861, 6.1.2; RFC 4862, 5.5.3 a to d); none: it is no advertisement, or
/// not a legal one.
fn read(packet: &Packet<'_>, message: &[u8]) -> Option<Vec<Information>> {
    let (head, mut rest) = message.split_first_chunk::<16>()?;
    let IpAddr::V6(source) = packet.source else { return None };
    let legal = head[..2] == [ADVERTISEMENT, 0]
        && packet.hops == 255
        && source.is_unicast_link_local();
    if !legal {
        return None;
    }
    let mut prefixes = Vec::new();
    while !rest.is_empty() {
        // The length is in units of eight bytes. With one of none the whole
        // message is to be discarded.
        let [kind, units, ..]: [u8; 2] = *rest.first_chunk()?;
        let length = usize::from(units) * 8;
        let (option, after) = rest.split_at_checked(length)?;
        rest = (length > 0).then_some(after)?;
        if kind == PREFIX_INFORMATION
            && let Some(option) = option.as_array()
        {
            prefixes.extend(information(option));
        }
    }
    Some(prefixes)
}

fn information(option: &[u8; 32]) -> Option<Information> {
    let long = |at: usize| option.get(at..)?.first_chunk().copied();
    let valid = u32::from_be_bytes(long(4)?);
    let preferred = u32::from_be_bytes(long(8)?);
    let prefix: Prefix = *option.get(16..)?.first_chunk()?;
    let usable = option[3] & AUTONOMOUS != 0
        && option[2] == 64
        && preferred <= valid
        && is_host(address(prefix, Mac::new([0; 6])));
    usable.then_some(Information { prefix, valid })
}

impl Learner {
    /// An ICMPv6 message, of a router perhaps.
    pub(super) fn advertisement(
        &mut self,
        lan: &Lan,
        packet: &Packet<'_>,
        message: &[u8],
        now: Moment,
        changes: &mut Vec<Change>,
    ) {
        let Some(place) = self.lans.get(lan) else { return };
        let guests: Vec<LinkId> = place.guests.iter().copied().collect();
        for Information { prefix, valid } in
            read(packet, message).unwrap_or_default()
        {
            let old = self.prefixes.of(lan).find(|(old, _)| *old == prefix);
            let until = match old {
                Some((_, old)) => match outlook(old, valid, now) {
                    Some(until) if until != old => until,
                    // Whoever may have an address of it has it.
                    _ => continue,
                },
                None if valid == 0 => continue,
                None => now.end_of(valid),
            };
            if self.prefixes.announce(lan, prefix, until) {
                for id in &guests {
                    self.adopt(*id, prefix, until, changes);
                }
            }
        }
    }

    /// Has a guest make addresses of a prefix.
    pub(super) fn adopt(
        &mut self,
        id: LinkId,
        prefix: Prefix,
        until: Option<Moment>,
        changes: &mut Vec<Change>,
    ) {
        let Some(guest) = self.guests.get(&id) else { return };
        if !guest.uses(METHOD) {
            return;
        }
        for mac in &guest.macs {
            let new = Learned {
                id,
                address: address(prefix, *mac),
                method: METHOD,
                until,
                client: Vec::new(),
            };
            self.book.learn(new, changes);
        }
    }
}
