//! What holds whatever is heard.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use dhcproto::v4::{self, DhcpOption, Encodable};
use dhcproto::v6;
use fabric::{LinkId, Mac, Methods};
use flows::learn::{Heard, Learned, Learner, Method};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::dhcp4::{ask, tell, with};
use crate::dhcp6::{ia_of, message};
use crate::frames::{
    Advertisement, Prefix, to_client4, to_client6, to_servers4, to_servers6,
};
use crate::{ALL, BROADCAST, Office, bge0, guest, mac, second_mac};

/// What happens. Few of each number, so that they often meet.
#[derive(Clone, Debug)]
enum Event {
    /// A DHCPv4 message of a guest, with a client id or without, about an
    /// address.
    Ask4(u32, v4::MessageType, u32, Option<u8>, u8),
    /// One to a guest, for so long.
    Tell4(u32, v4::MessageType, u32, Option<u8>, u8, u32),
    /// A DHCPv6 message of a guest about an address.
    Ask6(u32, v6::MessageType, u32, u8),
    /// One to a guest, for so long.
    Tell6(u32, v6::MessageType, u32, u8, u32),
    /// A router announces a prefix.
    Announce(u8, u32),
    /// Time passes.
    After(u64),
    /// These are the VNICs now.
    Enroll(Vec<(u32, Methods)>),
    /// The daemon is started again.
    Restart,
}

fn methods() -> impl Strategy<Value = Methods> {
    any::<[bool; 3]>().prop_map(|[dhcpv4, dhcpv6, slaac]| Methods {
        dhcpv4,
        dhcpv6,
        slaac,
    })
}

fn lifetime() -> impl Strategy<Value = u32> {
    select(vec![0, 1, 30, 60, 90, 7200, 9000, u32::MAX])
}

fn event() -> impl Strategy<Value = Event> {
    use v4::MessageType as Four;
    use v6::MessageType as Six;
    let id = || 1..4_u32;
    let xid = || 1..3_u32;
    let client = || select(vec![None, None, Some(1), Some(2)]);
    let address = || 0..4_u8;
    let asks = select(vec![
        Four::Discover,
        Four::Request,
        Four::Request,
        Four::Release,
        Four::Decline,
        Four::Inform,
    ]);
    let tells = select(vec![Four::Offer, Four::Ack, Four::Ack, Four::Nak]);
    let asks6 = select(vec![
        Six::Solicit,
        Six::Request,
        Six::Renew,
        Six::Rebind,
        Six::Release,
        Six::Decline,
        Six::Confirm,
    ]);
    let tells6 = select(vec![Six::Advertise, Six::Reply, Six::Reply]);
    let guests = prop::collection::vec((id(), methods()), 0..4);
    prop_oneof![
        8 => (id(), asks, xid(), client(), address())
            .prop_map(|(a, b, c, d, e)| Event::Ask4(a, b, c, d, e)),
        8 => (id(), tells, xid(), client(), address(), lifetime())
            .prop_map(|(a, b, c, d, e, f)| Event::Tell4(a, b, c, d, e, f)),
        8 => (id(), asks6, xid(), address())
            .prop_map(|(a, b, c, d)| Event::Ask6(a, b, c, d)),
        8 => (id(), tells6, xid(), address(), lifetime())
            .prop_map(|(a, b, c, d, e)| Event::Tell6(a, b, c, d, e)),
        2 => (address(), lifetime()).prop_map(|(a, b)| Event::Announce(a, b)),
        3 => select(vec![1, 20, 61, 7000]).prop_map(Event::After),
        1 => guests.prop_map(Event::Enroll),
        1 => Just(Event::Restart),
    ]
}

fn four(last: u8) -> Ipv4Addr {
    Ipv4Addr::new(10, 0, 0, last + 10)
}

fn six(last: u8) -> Ipv6Addr {
    Ipv6Addr::new(0x2001, 0xdb8, 1, 0, 0, 0, 0, u16::from(last) + 1)
}

/// A VNIC of the office, which has two addresses.
fn member(id: u32, methods: Methods) -> flows::learn::Guest {
    let macs = vec![Mac::new(mac(id)), Mac::new(second_mac(id))];
    flows::learn::Guest { macs, methods, ..guest(id) }
}

impl Event {
    /// What a guest sends, or what is on its way to VNICs.
    fn frame(&self) -> Option<(Option<u32>, Vec<u8>)> {
        let named = |message, client: &Option<u8>| match client {
            Some(id) => {
                with(message, DhcpOption::ClientIdentifier(vec![0, *id]))
            }
            None => message,
        };
        Some(match self {
            Self::Ask4(id, kind, xid, client, last) => {
                let mut message = named(ask(*kind, *xid, mac(*id)), client);
                if *kind == v4::MessageType::Release {
                    message.set_ciaddr(four(*last));
                } else {
                    let it = DhcpOption::RequestedIpAddress(four(*last));
                    message.opts_mut().insert(it);
                }
                let bytes = message.to_vec().unwrap();
                (Some(*id), to_servers4(mac(*id), &bytes))
            }
            Self::Tell4(id, kind, xid, client, last, valid) => {
                let (to, address) = (mac(*id), four(*last));
                let message = tell(*kind, *xid, to, address, Some(*valid));
                let bytes = named(message, client).to_vec().unwrap();
                (None, to_client4(BROADCAST, &bytes))
            }
            Self::Ask6(id, kind, xid, last) => {
                let ia = ia_of(1, six(*last), 0);
                let bytes = message(*kind, *xid, *id, [ia]).to_vec().unwrap();
                (Some(*id), to_servers6(mac(*id), &bytes))
            }
            Self::Tell6(id, kind, xid, last, valid) => {
                let ia = ia_of(1, six(*last), *valid);
                let bytes = message(*kind, *xid, *id, [ia]).to_vec().unwrap();
                (None, to_client6(mac(*id), &bytes))
            }
            Self::Announce(last, valid) => {
                let prefix = format!("2001:db8:a:{last:x}::");
                let prefix = Prefix::new(&prefix, *valid);
                (None, Advertisement::new(&[prefix]).frame())
            }
            _ => return None,
        })
    }
}

/// What was said: by guests, servers and routers.
#[derive(Default)]
struct Said {
    /// By whom, in which exchange, as which client.
    asked: BTreeSet<(u32, u32, Vec<u8>)>,
    /// To whom, in which exchange, to which client if it was named, of which
    /// address.
    told: BTreeSet<(u32, u32, Option<Vec<u8>>, IpAddr)>,
    /// The first half of addresses.
    announced: BTreeSet<Vec<u8>>,
}

/// What a lease of DHCPv6 is bound to here.
fn lease_of(id: u32) -> Vec<u8> {
    [&[0, 3, 0, 1][..], &mac(id), &[0, 0, 0, 1]].concat()
}

impl Said {
    fn note(&mut self, event: &Event) {
        use v4::MessageType::{Ack, Discover, Offer, Request};
        use v6::MessageType::{Rebind, Renew, Solicit};
        let named = |client: &Option<u8>| client.map(|id| vec![0, id]);
        match event {
            Event::Ask4(id, Discover | Request, xid, client, _) => {
                let client = named(client).unwrap_or(mac(*id).to_vec());
                self.asked.insert((*id, *xid, client));
            }
            Event::Tell4(id, Offer | Ack, xid, client, last, _) => {
                let address = four(*last).into();
                self.told.insert((*id, *xid, named(client), address));
            }
            Event::Ask6(
                id,
                Solicit | v6::MessageType::Request | Renew | Rebind,
                xid,
                _,
            ) => {
                self.asked.insert((*id, *xid, lease_of(*id)));
            }
            Event::Tell6(id, _, xid, last, valid) if *valid > 0 => {
                let (client, address) = (lease_of(*id), six(*last).into());
                self.told.insert((*id, *xid, Some(client), address));
            }
            Event::Announce(last, valid) if *valid > 0 => {
                let half = [0x20, 1, 0xd, 0xb8, 0, 0xa, 0, *last];
                self.announced.insert(half.to_vec());
            }
            _ => {}
        }
    }

    /// Whether a server has told that very client of its address, in an
    /// exchange that the client began.
    fn leased(&self, learned: &Learned) -> bool {
        self.told.iter().any(|(id, xid, client, address)| {
            LinkId(*id) == learned.id
                && *address == learned.address
                && client.as_ref().is_none_or(|it| *it == learned.client)
                && self.asked.contains(&(*id, *xid, learned.client.clone()))
        })
    }

    /// Whether a router has announced the prefix of an address that one of
    /// the VNIC's makes.
    fn made(&self, learned: &Learned) -> bool {
        let IpAddr::V6(address) = learned.address else { return false };
        let (prefix, rest) = (&address.octets()[..8], &address.octets()[8..]);
        let id = learned.id.0;
        let own = [mac(id), second_mac(id)].iter().any(|mac| {
            let [a, b, c, d, e, f] = *mac;
            rest == [a ^ 2, b, c, 0xff, 0xfe, d, e, f]
        });
        own && self.announced.contains(prefix)
    }
}

/// What holds at any time.
fn check(office: &Office, said: &Said, guests: &BTreeMap<LinkId, Methods>) {
    let mut holders = BTreeSet::new();
    let mut counts: BTreeMap<_, usize> = BTreeMap::new();
    for learned in office.learner.all() {
        let (id, address) = (learned.id, learned.address);
        assert!(learned.until.is_none_or(|end| end > office.now));
        assert!(holders.insert(address), "two have {address}");
        *counts.entry((id, learned.method)).or_default() += 1;
        let methods = guests.get(&id).expect("of no VNIC");
        let (on, legal) = match learned.method {
            Method::Dhcpv4 => (methods.dhcpv4, said.leased(learned)),
            Method::Dhcpv6 => (methods.dhcpv6, said.leased(learned)),
            Method::Slaac => (methods.slaac, said.made(learned)),
        };
        assert!(on, "by no method of the VNIC's: {learned:?}");
        assert!(legal, "nobody said so: {learned:?}");
    }
    assert!(counts.values().all(|count| *count <= 32));
    for pending in office.learner.pending() {
        assert!(pending.until > office.now && pending.offers.len() <= 8);
        assert!(guests.contains_key(&pending.id));
    }
    let next = office.learner.next_expiry();
    assert!(next.is_none_or(|next| next > office.now));
}

/// The office after some events, checked after each.
fn live(events: &[Event]) -> Office {
    let all = [1, 2, 3].map(|id| (LinkId(id), ALL));
    let mut guests = BTreeMap::from(all);
    let mut office = Office::new([1, 2, 3].map(|id| member(id, ALL)));
    let mut said = Said::default();
    for event in events {
        said.note(event);
        match (event, event.frame()) {
            (_, Some((Some(id), frame))) => _ = office.from(id, &frame),
            (_, Some((None, frame))) => _ = office.on(&frame),
            (Event::After(seconds), _) => _ = office.after(*seconds),
            (Event::Enroll(now), _) => {
                guests = now.iter().map(|(id, m)| (LinkId(*id), *m)).collect();
                office.enroll(guests.iter().map(|(id, m)| member(id.0, *m)));
                office.after(0);
            }
            (Event::Restart, _) => {
                let learned = office.learner.all().cloned().collect();
                let pending = office.learner.pending().cloned().collect();
                office.learner = Learner::new();
                office.learner.restore(learned, pending, office.now);
                office.enroll(guests.iter().map(|(id, m)| member(id.0, *m)));
            }
            _ => unreachable!("every other event is a frame"),
        }
        check(&office, &said, &guests);
    }
    office
}

/// A frame of any kind that is read.
fn frame() -> impl Strategy<Value = Vec<u8>> {
    event().prop_filter_map("no frame", |event| Some(event.frame()?.1))
}

proptest! {
    #[test]
    fn whatever_is_learned_was_said(
        events in prop::collection::vec(event(), 0..60)
    ) {
        let mut office = live(&events);
        office.enroll([]);
        prop_assert_eq!(office.learner.all().count(), 0);
        prop_assert_eq!(office.learner.pending().count(), 0);
        prop_assert_eq!(office.learner.next_expiry(), None);
    }

    #[test]
    fn a_restart_changes_nothing(
        events in prop::collection::vec(event(), 0..60)
    ) {
        let quiet = |event: &Event| !matches!(event, Event::Enroll(_));
        let mut events = events;
        events.retain(quiet);
        let office = live(&events);
        events.push(Event::Restart);
        let again = live(&events);
        prop_assert_eq!(office.followed, again.followed);
        prop_assert!(office.learner.pending().eq(again.learner.pending()));
    }

    #[test]
    fn any_bytes_may_come(
        bytes in prop::collection::vec(any::<u8>(), 0..300),
        whole in frame(),
        keep in 0..90_usize,
    ) {
        let mut office = Office::open();
        let head = &whole[..keep.min(whole.len())];
        for frame in [bytes.clone(), [head, &bytes].concat()] {
            for id in 1..3 {
                office.from(id, &frame).on(&frame);
            }
        }
    }

    /// Damage leads to other addresses at most, and never to one that no host
    /// may have.
    #[test]
    fn frames_may_be_damaged(
        frames in prop::collection::vec(frame(), 1..12),
        damage in prop::collection::vec(
            (any::<Index>(), any::<Index>(), any::<u8>()), 0..12
        ),
        cut in any::<Index>(),
    ) {
        let mut frames = frames;
        for (frame, at, byte) in damage {
            let frame = frame.get_mut(&mut frames);
            let at = at.index(frame.len());
            frame[at] = byte;
        }
        let last = frames.last_mut().unwrap();
        last.truncate(cut.index(last.len() + 1));
        let mut office = Office::open();
        for frame in &frames {
            for id in 1..3 {
                office.from(id, frame);
            }
            let heard = Heard::On { segment: bge0(), vid: 0, by: None, frame };
            let changes = office.learner.hear(&heard, office.now);
            office.follow(&changes);
        }
        for learned in office.learner.all() {
            let bad = match learned.address {
                IpAddr::V4(ip) => {
                    matches!(ip.octets()[0], 0 | 127 | 224..240)
                        || ip.is_broadcast()
                }
                IpAddr::V6(ip) => {
                    ip.is_unicast_link_local()
                        || ip.is_multicast()
                        || ip.segments()[..4] == [0; 4]
                }
            };
            prop_assert!(!bad, "{learned:?}");
        }
    }
}
