//! DHCPv6 messages.
//!
//! They are taken apart here and not by dhcproto, which gives the numbers their
//! names: it believes an option's type rather than its length, stops without a
//! word at what it can't read, a status among it, and follows options into
//! each other as deep as they go. What is taken apart here is the whole message
//! or nothing.

use std::net::{IpAddr, Ipv6Addr};

use dhcproto::v6::{MessageType, OptionCode};

use super::once;

/// The longest DUID (RFC 8415, 11.1): a type and 128 bytes.
const DUID_MAX: usize = 130;
/// The success among the status codes (RFC 8415, 21.13).
const SUCCESS: [u8; 2] = [0, 0];

/// What matters of a message.
pub(super) struct Message<'a> {
    pub(super) kind: MessageType,
    /// The transaction, 24 bits.
    pub(super) xid: u32,
    /// The client's DUID.
    pub(super) client: Option<&'a [u8]>,
    /// There is no status, or a good one.
    pub(super) success: bool,
    /// There is a Rapid Commit option.
    pub(super) rapid: bool,
    /// Those of addresses, temporary or not.
    pub(super) associations: Vec<Association>,
}

/// An identity association, IA_NA or IA_TA.
pub(super) struct Association {
    pub(super) iaid: u32,
    /// The addresses, and for how many seconds each is valid. Those with a bad
    /// status are left out, and all of them where the association has one.
    pub(super) addresses: Vec<(Ipv6Addr, u32)>,
}

impl<'a> Message<'a> {
    /// Reads a message between client and server. What comes once and comes
    /// twice is not read: not all take the same one.
    pub(super) fn read(payload: &'a [u8]) -> Option<Self> {
        let ([kind, a, b, c], rest) = payload.split_first_chunk()?;
        let mut associations = Vec::new();
        let (mut client, mut status, mut rapid) = (None, None, None);
        for (code, value) in options(rest)? {
            match code {
                OptionCode::ClientId => {
                    let fits = (1..=DUID_MAX).contains(&value.len());
                    once(&mut client, fits.then_some(value)?)?;
                }
                OptionCode::StatusCode => {
                    once(&mut status, *value.first_chunk()?)?;
                }
                OptionCode::RapidCommit => once(&mut rapid, ())?,
                OptionCode::IANA => {
                    let (head, options) = value.split_first_chunk::<12>()?;
                    let [i, j, k, l, times @ ..] = *head;
                    let iaid = u32::from_be_bytes([i, j, k, l]);
                    let mut new = Association::read(iaid, options)?;
                    if !plausible(times) {
                        new.addresses.clear();
                    }
                    associations.push(new);
                }
                OptionCode::IATA => {
                    let (iaid, options) = value.split_first_chunk()?;
                    let iaid = u32::from_be_bytes(*iaid);
                    associations.push(Association::read(iaid, options)?);
                }
                _ => {}
            }
        }
        Some(Self {
            kind: MessageType::from(*kind),
            xid: u32::from_be_bytes([0, *a, *b, *c]),
            client,
            success: status.is_none_or(|status| status == SUCCESS),
            rapid: rapid.is_some(),
            associations,
        })
    }

    /// Every address with its association and for how many seconds it is
    /// valid.
    pub(super) fn listed(
        &self,
    ) -> impl Iterator<Item = (&Association, IpAddr, u32)> {
        self.associations.iter().flat_map(|association| {
            let addresses = association.addresses.iter();
            addresses.map(move |(address, valid)| {
                (association, IpAddr::V6(*address), *valid)
            })
        })
    }
}

impl Association {
    fn read(iaid: u32, rest: &[u8]) -> Option<Self> {
        let (mut addresses, mut status) = (Vec::new(), None);
        for (code, value) in options(rest)? {
            match code {
                OptionCode::IAAddr => addresses.extend(address(value)?),
                OptionCode::StatusCode => {
                    once(&mut status, *value.first_chunk()?)?;
                }
                _ => {}
            }
        }
        if status.is_some_and(|status| status != SUCCESS) {
            addresses.clear();
        }
        Some(Self { iaid, addresses })
    }
}

/// Reads an address of an association (RFC 8415, 21.6); none in it where its
/// status is bad, or where it is preferred for longer than it is valid, which
/// clients must discard.
fn address(value: &[u8]) -> Option<Option<(Ipv6Addr, u32)>> {
    let (address, rest) = value.split_first_chunk::<16>()?;
    let (preferred, rest) = rest.split_first_chunk()?;
    let (valid, rest) = rest.split_first_chunk()?;
    let preferred = u32::from_be_bytes(*preferred);
    let valid = u32::from_be_bytes(*valid);
    let mut status = None;
    for (code, value) in options(rest)? {
        if code == OptionCode::StatusCode {
            once(&mut status, *value.first_chunk()?)?;
        }
    }
    let good = status.is_none_or(|status| status == SUCCESS);
    let address = (Ipv6Addr::from(*address), valid);
    Some((good && preferred <= valid).then_some(address))
}

/// Whether the times at which a client renews an IA_NA (T1) and looks for
/// another server (T2) are in order. Clients must discard it where they are
/// not (RFC 8415, 21.4).
fn plausible([a, b, c, d, e, f, g, h]: [u8; 8]) -> bool {
    let renew = u32::from_be_bytes([a, b, c, d]);
    let rebind = u32::from_be_bytes([e, f, g, h]);
    rebind == 0 || renew <= rebind
}

/// Options (RFC 8415, 21.1), of which none is cut short and nothing is left
/// over.
fn options(mut rest: &[u8]) -> Option<Vec<(OptionCode, &[u8])>> {
    let mut options = Vec::new();
    while !rest.is_empty() {
        let ([a, b, c, d], after) = rest.split_first_chunk()?;
        let code = OptionCode::from(u16::from_be_bytes([*a, *b]));
        let length = usize::from(u16::from_be_bytes([*c, *d]));
        let (value, after) = after.split_at_checked(length)?;
        options.push((code, value));
        rest = after;
    }
    Some(options)
}
