//! Leases of DHCPv6 (RFC 8415).

use dhcproto::v6::MessageType;
use fabric::LinkId;

use super::Learner;
use super::exchanges::PATIENCE;
use super::frame::{Frame, is_host};
use super::message6::{Association, Message};
use super::record::{
    Awaits, Change, Lan, Learned, Method, Moment, Offer, Pending,
};

const METHOD: Method = Method::Dhcpv6;

/// Whose a lease is: of one client's identity association.
fn lease_of(duid: &[u8], association: &Association) -> Vec<u8> {
    [duid, &association.iaid.to_be_bytes()].concat()
}

impl Learner {
    /// A guest's datagram to a server.
    pub(super) fn dhcp6_request(
        &mut self,
        id: LinkId,
        payload: &[u8],
        now: Moment,
        changes: &mut Vec<Change>,
    ) {
        if self.asking(id, METHOD).is_none() {
            return;
        }
        let Some(message) = Message::read(payload) else { return };
        let Some(client) = message.client else { return };
        let awaits = match message.kind {
            MessageType::Solicit if message.rapid => Awaits::Rapid,
            MessageType::Solicit => Awaits::Offers,
            MessageType::Request | MessageType::Renew | MessageType::Rebind => {
                Awaits::Lease
            }
            MessageType::Release | MessageType::Decline => {
                for (association, address, _) in message.listed() {
                    let lease = lease_of(client, association);
                    let lease = (METHOD, lease.as_slice());
                    self.book.forget_lease(id, address, lease, changes);
                }
                return;
            }
            // CONFIRM and INFORMATION-REQUEST bring no address.
            _ => return,
        };
        self.exchanges.open(Pending {
            id,
            method: METHOD,
            xid: message.xid,
            chaddr: None,
            client: client.to_vec(),
            awaits,
            offers: Vec::new(),
            until: now.after(PATIENCE),
        });
        if message.kind != MessageType::Request {
            return;
        }
        // A request has another number than the solicitation that was
        // answered with the offer.
        let offers = self.exchanges.offers(id, (METHOD, client), now);
        for (association, address, _) in message.listed() {
            if offers.contains(&(address, association.iaid)) {
                let owner = (METHOD, lease_of(client, association));
                self.provide(id, address, owner, now, changes);
            }
        }
    }

    /// A server's datagram to a client.
    pub(super) fn dhcp6_reply(
        &mut self,
        lan: &Lan,
        frame: &Frame<'_>,
        payload: &[u8],
        now: Moment,
        changes: &mut Vec<Change>,
    ) {
        let Some(message) = Message::read(payload) else { return };
        let Some(client) = message.client else { return };
        let fits = |pending: &&Pending| {
            pending.client == client
                && self.asking(pending.id, METHOD).is_some_and(|guest| {
                    guest.lan() == *lan && frame.is_for(&guest.macs)
                })
        };
        let numbered = self.exchanges.numbered(METHOD, message.xid).find(fits);
        let Some(pending) = numbered.filter(|_| message.success) else {
            return;
        };
        let (id, awaits) = (pending.id, pending.awaits);
        let key = (METHOD, message.xid, id);
        let answers = awaits == Awaits::Lease
            || (awaits == Awaits::Rapid && message.rapid);
        match message.kind {
            MessageType::Advertise => {
                let until = now.after(PATIENCE);
                for (association, address, valid) in message.listed() {
                    if valid > 0 && is_host(address) {
                        let iaid = association.iaid;
                        let offer = Offer { address, iaid, until };
                        self.exchanges.offer(key, offer, now);
                    }
                }
            }
            MessageType::Reply if answers => {
                self.exchanges.close(key);
                for (association, address, valid) in message.listed() {
                    let client = lease_of(client, association);
                    if valid == 0 {
                        let owner = (METHOD, client.as_slice());
                        self.book.forget_lease(id, address, owner, changes);
                    } else if is_host(address) {
                        let until = now.end_of(valid);
                        let method = METHOD;
                        let new =
                            Learned { id, address, method, until, client };
                        self.book.learn(new, changes);
                    }
                }
            }
            _ => {}
        }
    }
}
