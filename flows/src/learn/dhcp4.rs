//! Leases of DHCPv4 (RFC 2131).

use std::net::{IpAddr, Ipv4Addr};

use dhcproto::v4::borrowed;
use dhcproto::v4::{HType, MessageType, Opcode, OptionCode};
use fabric::{LinkId, Mac};

use super::exchanges::PATIENCE;
use super::frame::{Frame, is_host};
use super::record::{
    Awaits, Change, Lan, Learned, Method, Moment, Offer, Pending,
};
use super::{Learner, once};

const METHOD: Method = Method::Dhcpv4;

/// The longest client id. An option holds 255 bytes; one in several parts
/// (RFC 3396) is nobody's.
const CLIENT_MAX: usize = 255;

/// What matters of a message.
struct Message {
    opcode: Opcode,
    kind: MessageType,
    xid: u32,
    chaddr: Mac,
    ciaddr: Ipv4Addr,
    yiaddr: Ipv4Addr,
    /// The relay's address.
    giaddr: Ipv4Addr,
    /// Option 61.
    client: Option<Vec<u8>>,
    /// Option 50.
    requested: Option<Ipv4Addr>,
    /// Option 51, in seconds.
    lease: Option<u32>,
    /// Option 80: the client does without an offer (RFC 4039).
    rapid: bool,
}

/// Reads a message for Ethernet. It has each option once; where it has one
/// twice, not all take the same one. Options in place of the names of server
/// and file (option 52) are not read: a server puts what matters first.
fn read(payload: &[u8]) -> Option<Message> {
    let message = borrowed::Message::new(payload).ok()?;
    // The length comes first: with another one `chaddr()` is anything.
    if message.hlen() != 6 || message.htype() != HType::Eth {
        return None;
    }
    let chaddr = Mac::new(*message.chaddr().first_chunk()?);
    let (mut kind, mut client, mut requested) = (None, None, None);
    let (mut lease, mut rapid) = (None, None);
    for option in message.opts() {
        let value = option.data();
        match option.code() {
            OptionCode::MessageType => {
                let [code] = *value.as_array()?;
                once(&mut kind, MessageType::from(code))?;
            }
            OptionCode::ClientIdentifier => {
                let fits = (1..=CLIENT_MAX).contains(&value.len());
                once(&mut client, fits.then(|| value.to_vec())?)?;
            }
            OptionCode::RequestedIpAddress => {
                let octets: [u8; 4] = *value.as_array()?;
                once(&mut requested, Ipv4Addr::from(octets))?;
            }
            OptionCode::AddressLeaseTime => {
                once(&mut lease, u32::from_be_bytes(*value.as_array()?))?;
            }
            OptionCode::RapidCommit => once(&mut rapid, ())?,
            _ => {}
        }
    }
    Some(Message {
        opcode: message.opcode(),
        kind: kind?,
        xid: message.xid(),
        chaddr,
        ciaddr: message.ciaddr(),
        yiaddr: message.yiaddr(),
        giaddr: message.giaddr(),
        client,
        requested,
        lease,
        rapid: rapid.is_some(),
    })
}

impl Learner {
    /// A guest's datagram to a server.
    pub(super) fn dhcp4_request(
        &mut self,
        id: LinkId,
        payload: &[u8],
        now: Moment,
        changes: &mut Vec<Change>,
    ) {
        let Some(guest) = self.asking(id, METHOD) else { return };
        let Some(message) = read(payload) else { return };
        // A relay's request is somebody else's, and so is one for an address
        // that the VNIC does not have.
        let own = guest.macs.contains(&message.chaddr)
            && message.giaddr.is_unspecified();
        if message.opcode != Opcode::BootRequest || !own {
            return;
        }
        let chaddr = message.chaddr;
        let client = message.client.unwrap_or_else(|| chaddr.octets().to_vec());
        // INFORM asks for no address, and so is nothing here.
        let awaits = match message.kind {
            MessageType::Discover if message.rapid => Awaits::Rapid,
            MessageType::Discover => Awaits::Offers,
            MessageType::Request => Awaits::Lease,
            MessageType::Release => {
                let address = IpAddr::V4(message.ciaddr);
                let lease = (METHOD, client.as_slice());
                return self.book.forget_lease(id, address, lease, changes);
            }
            MessageType::Decline => {
                let Some(address) = message.requested else { return };
                let lease = (METHOD, client.as_slice());
                let address = IpAddr::V4(address);
                return self.book.forget_lease(id, address, lease, changes);
            }
            _ => return,
        };
        self.exchanges.open(Pending {
            id,
            method: METHOD,
            xid: message.xid,
            chaddr: Some(chaddr),
            client: client.clone(),
            awaits,
            offers: Vec::new(),
            until: now.after(PATIENCE),
        });
        if let Some(address) = message.requested
            && awaits == Awaits::Lease
            && let Some(pending) = self.exchanges.get((METHOD, message.xid, id))
            && pending.offered(now).any(|(offer, _)| offer == address)
        {
            let owner = (METHOD, client);
            self.provide(id, address.into(), owner, now, changes);
        }
    }

    /// A server's datagram to clients.
    pub(super) fn dhcp4_reply(
        &mut self,
        lan: &Lan,
        frame: &Frame<'_>,
        payload: &[u8],
        now: Moment,
        changes: &mut Vec<Change>,
    ) {
        let Some(message) = read(payload) else { return };
        let Some(id) = self.station(lan, message.chaddr) else { return };
        let Some(guest) = self.asking(id, METHOD) else { return };
        let key = (METHOD, message.xid, id);
        let Some(pending) = self.exchanges.get(key) else { return };
        // RFC 6842: a server repeats the client id. Older ones leave it out.
        let same_client =
            message.client.is_none_or(|client| client == pending.client);
        let legal = message.opcode == Opcode::BootReply
            && frame.is_for(&guest.macs)
            && pending.chaddr == Some(message.chaddr)
            && same_client;
        if !legal {
            return;
        }
        let address = IpAddr::V4(message.yiaddr);
        let asked = pending.awaits == Awaits::Lease;
        match message.kind {
            MessageType::Offer if is_host(address) => {
                let until = now.after(PATIENCE);
                let offer = Offer { address, iaid: 0, until };
                self.exchanges.offer(key, offer, now);
            }
            MessageType::Ack
                if asked
                    || (pending.awaits == Awaits::Rapid && message.rapid) =>
            {
                // An answer to INFORM has neither.
                let Some(lease) = message.lease.filter(|lease| *lease > 0)
                else {
                    return;
                };
                if !is_host(address) {
                    return;
                }
                let Some(pending) = self.exchanges.close(key) else { return };
                let client = pending.client;
                // A client has one address. Where the new one is refused,
                // the old one is no longer its own either.
                let owner = (METHOD, client.as_slice());
                let all_but = Some(address);
                self.book.forget_leases_but(all_but, id, owner, changes);
                let until = now.end_of(lease);
                let method = METHOD;
                let new = Learned { id, address, method, until, client };
                self.book.learn(new, changes);
            }
            MessageType::Nak if asked => {
                let Some(pending) = self.exchanges.close(key) else { return };
                let owner = (METHOD, pending.client.as_slice());
                self.book.forget_leases_but(None, id, owner, changes);
            }
            _ => {}
        }
    }
}
