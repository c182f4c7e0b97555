//! Leases of DHCPv6.

use std::net::Ipv6Addr;

use dhcproto::v6::{
    DhcpOption, Encodable, IAAddr, IANA, IATA, Message, MessageType, Status,
    StatusCode,
};
use fabric::Methods;
use flows::learn::Guest;

use crate::frames::{SERVER6, hidden_udp6, to_client6, to_servers6, udp6};
use crate::{ALL, Office, SERVER, guest, mac};

use MessageType::{
    Advertise, Confirm, Decline, InformationRequest, Rebind, Release, Renew,
    Reply, Request, Solicit,
};

const X: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x50);
const Y: Ipv6Addr = Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0x51);
const BOTH: &str = "2001:db8::50 3600, 2001:db8::51 3600";
/// The group of all nodes, as Ethernet has it.
const NODES: [u8; 6] = [0x33, 0x33, 0, 0, 0, 1];

/// A message of, or to, the client of a VNIC.
pub(crate) fn message(
    kind: MessageType,
    xid: u32,
    client: u32,
    options: impl IntoIterator<Item = DhcpOption>,
) -> Message {
    let mut message = Message::new(kind);
    message.set_xid_num(xid);
    message.opts_mut().insert(DhcpOption::ClientId(duid(client)));
    message.opts_mut().insert(DhcpOption::ServerId(vec![0, 3, 9]));
    for option in options {
        message.opts_mut().insert(option);
    }
    message
}

fn duid(client: u32) -> Vec<u8> {
    [&[0, 3, 0, 1][..], &mac(client)].concat()
}

fn ia_address(
    addr: Ipv6Addr,
    valid_life: u32,
    options: impl IntoIterator<Item = DhcpOption>,
) -> DhcpOption {
    let opts = options.into_iter().collect();
    DhcpOption::IAAddr(IAAddr { addr, preferred_life: 0, valid_life, opts })
}

/// An identity association of addresses.
pub(crate) fn ia(
    id: u32,
    options: impl IntoIterator<Item = DhcpOption>,
) -> DhcpOption {
    let opts = options.into_iter().collect();
    DhcpOption::IANA(IANA { id, t1: 0, t2: 0, opts })
}

/// The same of one address.
pub(crate) fn ia_of(id: u32, addr: Ipv6Addr, valid: u32) -> DhcpOption {
    ia(id, [ia_address(addr, valid, [])])
}

fn status(status: Status) -> DhcpOption {
    let msg = "as it is".to_owned();
    DhcpOption::StatusCode(StatusCode { status, msg })
}

impl Office {
    fn ask6(&mut self, id: u32, message: &Message) -> &mut Self {
        self.from(id, &to_servers6(mac(id), &message.to_vec().unwrap()))
    }

    fn tell6(&mut self, id: u32, message: &Message) -> &mut Self {
        self.on(&to_client6(mac(id), &message.to_vec().unwrap()))
    }

    /// A guest is given an address for an hour.
    fn lease6(&mut self, id: u32, address: Ipv6Addr) -> &mut Self {
        self.ask6(id, &message(Request, 99, id, [ia(1, [])]));
        let given = ia_of(1, address, 3600);
        self.tell6(id, &message(Reply, 99, id, [given]))
    }
}

/// RFC 8415, 5.2.
#[test]
fn four_messages() {
    let mut office = Office::open();
    office.ask6(1, &message(Solicit, 7, 1, [ia(1, [])]));
    let offer = ia_of(1, X, 3600);
    office.tell6(1, &message(Advertise, 7, 1, [offer.clone()]));
    assert_eq!(office.has(1), "");
    // A request is another exchange.
    let asked = message(Request, 8, 1, [ia_of(1, X, 0), ia_of(2, Y, 0)]);
    office.after(1).ask6(1, &asked);
    assert_eq!(office.has(1), "2001:db8::50 60");
    office.after(1).tell6(1, &message(Reply, 8, 1, [offer]));
    assert_eq!(office.has(1), "2001:db8::50 3600");
    let client = &office.learner.all().next().unwrap().client;
    assert_eq!(*client, [&duid(1)[..], &[0, 0, 0, 1]].concat());
    assert_eq!(office.after(3600).has(1), "");
}

#[test]
fn an_offer_holds_for_a_minute() {
    let mut office = Office::open();
    office.ask6(1, &message(Solicit, 7, 1, [ia(1, [])]));
    let offer = [ia_of(1, X, 3600), ia_of(3, Y, 0)];
    office.tell6(1, &message(Advertise, 7, 1, offer));
    for (title, kind, client, asked) in [
        ("another address", Request, 1, ia_of(1, Y, 0)),
        ("an address for no time", Request, 1, ia_of(3, Y, 0)),
        ("another association", Request, 1, ia_of(2, X, 0)),
        ("another client", Request, 2, ia_of(1, X, 0)),
        ("no request", Renew, 1, ia_of(1, X, 0)),
    ] {
        office.ask6(1, &message(kind, 8, client, [asked]));
        assert_eq!(office.has(1), "", "{title}");
    }
    office.ask6(2, &message(Request, 8, 1, [ia_of(1, X, 0)]));
    assert_eq!(office.has(2), "");
    let late = message(Request, 9, 1, [ia_of(1, X, 0)]);
    assert_eq!(office.after(60).ask6(1, &late).has(1), "");
}

#[test]
fn what_is_asked_and_answered() {
    let given = || [ia_of(1, X, 3600), ia_of(2, Y, 3600)];
    let rapid = || DhcpOption::RapidCommit;
    let at_once = || given().into_iter().chain([rapid()]);
    for (title, asked, answer, want) in [
        (
            "a request",
            message(Request, 7, 1, given()),
            message(Reply, 7, 1, given()),
            BOTH,
        ),
        (
            "renewed",
            message(Renew, 7, 1, given()),
            message(Reply, 7, 1, given()),
            BOTH,
        ),
        (
            "renewed elsewhere",
            message(Rebind, 7, 1, given()),
            message(Reply, 7, 1, given()),
            BOTH,
        ),
        (
            "RFC 8415, 5.1: at once",
            message(Solicit, 7, 1, [rapid()]),
            message(Reply, 7, 1, at_once()),
            BOTH,
        ),
        (
            "not asked for at once",
            message(Solicit, 7, 1, []),
            message(Reply, 7, 1, at_once()),
            "",
        ),
        (
            "not given at once",
            message(Solicit, 7, 1, [rapid()]),
            message(Reply, 7, 1, given()),
            "",
        ),
        (
            "whether they fit",
            message(Confirm, 7, 1, given()),
            message(Reply, 7, 1, given()),
            "",
        ),
        (
            "no addresses",
            message(InformationRequest, 7, 1, []),
            message(Reply, 7, 1, given()),
            "",
        ),
        (
            "another number",
            message(Request, 7, 1, []),
            message(Reply, 8, 1, given()),
            "",
        ),
        (
            "another client",
            message(Request, 7, 1, []),
            message(Reply, 7, 2, given()),
            "",
        ),
        (
            "a bad status",
            message(Request, 7, 1, []),
            message(
                Reply,
                7,
                1,
                given().into_iter().chain([status(Status::UnspecFail)]),
            ),
            "",
        ),
        (
            "a good status",
            message(Request, 7, 1, []),
            message(
                Reply,
                7,
                1,
                given().into_iter().chain([status(Status::Success)]),
            ),
            BOTH,
        ),
    ] {
        let mut office = Office::open();
        office.ask6(1, &asked).tell6(1, &answer);
        assert_eq!(office.has(1), want, "{title}");
    }
}

#[test]
fn what_a_reply_gives() {
    let address = |text: &str| ia_of(1, text.parse().unwrap(), 3600);
    let times = |t1, t2| {
        let opts = [ia_address(X, 3600, [])].into_iter().collect();
        DhcpOption::IANA(IANA { id: 1, t1, t2, opts })
    };
    let preferred = {
        let opts = [].into_iter().collect();
        let (preferred_life, valid_life) = (61, 60);
        let (addr, id) = (X, 1);
        let it = IAAddr { addr, preferred_life, valid_life, opts };
        ia(id, [DhcpOption::IAAddr(it)])
    };
    let temporary = DhcpOption::IATA(IATA {
        id: 1,
        opts: [ia_address(X, 60, [])].into_iter().collect(),
    });
    let (bad, good) = (Status::NoBinding, Status::Success);
    let (x, y) = (|| ia_address(X, 3600, []), || ia_address(Y, 3600, []));
    let one = "2001:db8::50 3600";
    for (title, given, want) in [
        ("an address", ia(1, [x()]), one),
        ("two", ia(1, [x(), y()]), BOTH),
        ("a temporary one", temporary, "2001:db8::50 60"),
        ("for ever", ia_of(1, X, u32::MAX), "2001:db8::50 ever"),
        ("none", ia(1, []), ""),
        ("a bad status", ia(1, [x(), status(bad)]), ""),
        ("a good status", ia(1, [x(), status(good)]), one),
        (
            "a bad status of one address",
            ia(1, [x(), ia_address(Y, 3600, [status(bad)])]),
            one,
        ),
        ("21.4: renewed before rebound", times(60, 61), one),
        ("21.4: rebound before renewed", times(61, 60), ""),
        ("21.4: the client may choose", times(61, 0), one),
        ("21.6: preferred for longer than valid", preferred, ""),
        ("link-local", address("fe80::1"), ""),
        ("a group", address("ff02::1"), ""),
        ("unspecified", address("::"), ""),
        ("loopback", address("::1"), ""),
        ("IPv4 in disguise", address("::ffff:10.0.0.1"), ""),
    ] {
        let mut office = Office::open();
        office.ask6(1, &message(Request, 7, 1, []));
        office.tell6(1, &message(Reply, 7, 1, [given]));
        assert_eq!(office.has(1), want, "{title}");
    }
}

#[test]
fn who_is_believed() {
    let answer = message(Reply, 7, 1, [ia_of(1, X, 3600)]).to_vec().unwrap();
    let one = "2001:db8::50 3600";
    let ports = (547, 546);
    let frame = |macs| udp6(macs, SERVER6, ports, &answer);
    let nowhere = Ipv6Addr::UNSPECIFIED;
    for (title, frame, want) in [
        ("a server", frame((SERVER, mac(1))), one),
        ("to a group", frame((SERVER, NODES)), one),
        ("to another station", frame((SERVER, mac(2))), ""),
        ("from a guest", frame((mac(1), NODES)), ""),
        ("from another", frame((mac(2), mac(1))), ""),
        ("from nowhere", udp6((SERVER, mac(1)), nowhere, ports, &answer), ""),
        (
            "to another port",
            udp6((SERVER, mac(1)), SERVER6, (547, 547), &answer),
            "",
        ),
        ("hidden", hidden_udp6((SERVER, mac(1)), ports, &answer), ""),
    ] {
        let mut office = Office::open();
        office.ask6(1, &message(Request, 7, 1, [])).on(&frame);
        assert_eq!(office.has(1), want, "{title}");
    }
    let frame = to_client6(mac(1), &answer);
    for length in 0..frame.len() {
        let mut office = Office::open();
        office.ask6(1, &message(Request, 7, 1, [])).on(&frame[..length]);
        assert_eq!(office.has(1), "", "{length}");
    }
    let off = Methods { dhcpv6: false, ..ALL };
    let mut office = Office::new([Guest { methods: off, ..guest(1) }]);
    assert_eq!(office.lease6(1, X).has(1), "");
    assert_eq!(office.learner.pending().count(), 0);
}

/// What dhcproto would get over, or stumble on.
#[test]
fn messages_that_are_not_whole_are_none() {
    let whole = message(Reply, 7, 1, [ia_of(1, X, 3600)]).to_vec().unwrap();
    let one = "2001:db8::50 3600";
    let behind = |rest: &[u8]| [&whole[..], rest].concat();
    for (title, bytes, want) in [
        ("whole", whole.clone(), one),
        ("an unknown option", behind(&[1, 0, 0, 1, 7]), one),
        ("a status of no length", behind(&[0, 13, 0, 0]), ""),
        ("a status that is no text", behind(&[0, 13, 0, 3, 0, 5, 255]), ""),
        ("a status of no text", behind(&[0, 13, 0, 2, 0, 0]), one),
        ("two statuses", behind(&[0, 13, 0, 2, 0, 0, 0, 13, 0, 2, 0, 0]), ""),
        ("two clients", behind(&[0, 1, 0, 1, 7]), ""),
        ("a vendor of no length", behind(&[0, 17, 0, 0]), one),
        ("an association of no length", behind(&[0, 3, 0, 0]), ""),
        ("half the head of an option", behind(&[0, 8, 0]), ""),
        ("an option cut short", behind(&[0, 8, 0, 3, 0, 0]), ""),
    ] {
        let mut office = Office::open();
        office.ask6(1, &message(Request, 7, 1, []));
        office.on(&to_client6(mac(1), &bytes));
        assert_eq!(office.has(1), want, "{title}");
    }
    // A client is somebody, and has no more than 130 bytes.
    for (length, want) in [(0, 0), (1, 1), (130, 1), (131, 0)] {
        let length: u8 = length;
        let id = vec![7; usize::from(length)];
        let bytes = [&[3, 0, 0, 7, 0, 1, 0, length][..], &id].concat();
        let mut office = Office::open();
        office.from(1, &to_servers6(mac(1), &bytes));
        assert_eq!(office.learner.pending().count(), want, "{length}");
    }
    // Options in options, as deep as a frame has room for.
    let mut deep = Vec::new();
    while deep.len() < 1900 {
        let length = u16::try_from(deep.len() + 4).unwrap().to_be_bytes();
        deep = [&[0, 4][..], &length, &[0; 4], &deep].concat();
    }
    let bytes = [&[3, 0, 0, 7][..], &deep].concat();
    Office::open().from(1, &to_servers6(mac(1), &bytes));
}

#[test]
fn addresses_come_and_go() {
    let mut office = Office::open();
    office.lease6(1, X).lease6(1, Y);
    assert_eq!(office.has(1), BOTH, "a client has as many as it is given");
    let given_back = |kind, client, ia| message(kind, 5, client, [ia]);
    for (title, id, message) in [
        ("another association", 1, given_back(Release, 1, ia_of(2, X, 0))),
        ("another client", 1, given_back(Release, 2, ia_of(1, X, 0))),
        ("another guest", 2, given_back(Release, 1, ia_of(1, X, 0))),
        ("none", 1, given_back(Release, 1, ia(1, []))),
    ] {
        assert_eq!(office.ask6(id, &message).has(1), BOTH, "{title}");
    }
    office.ask6(1, &given_back(Release, 1, ia_of(1, X, 0)));
    assert_eq!(office.has(1), "2001:db8::51 3600");
    office.ask6(1, &given_back(Decline, 1, ia_of(1, Y, 0)));
    assert_eq!(office.has(1), "");
    // The server takes it back.
    for (iaid, want) in [(2, "2001:db8::50 3600"), (1, "")] {
        office.lease6(1, X).ask6(1, &message(Renew, 6, 1, []));
        office.tell6(1, &message(Reply, 6, 1, [ia_of(iaid, X, 0)]));
        assert_eq!(office.has(1), want, "{iaid}");
    }
    // First come.
    office.lease6(1, X).lease6(2, X);
    assert_eq!(office.has(2), "");
    // Two guests that were copied of one may well be the same client.
    let copied = message(Request, 9, 1, []);
    office.ask6(1, &copied).ask6(2, &copied);
    office.tell6(2, &message(Reply, 9, 1, [ia_of(1, Y, 60)]));
    assert_eq!(office.has(2), "2001:db8::51 60");
}

#[test]
fn a_prefix_and_a_lease_may_make_the_same_address() {
    use crate::frames::{Advertisement, Prefix};
    let made = "2001:db8:a:0:8:20ff:fe00:1".parse().unwrap();
    let ra = |valid| {
        Advertisement::new(&[Prefix::new("2001:db8:a::", valid)]).frame()
    };
    let release = message(Release, 5, 1, [ia_of(1, made, 0)]);
    for (title, valid, kept) in [
        ("what lasts longer is kept", 7200, " 7200"),
        ("what does not is not", 1800, ""),
    ] {
        let mut office = Office::open();
        office.lease6(1, made).on(&ra(valid)).ask6(1, &release);
        let got = office.has(1);
        let left = got.strip_prefix(&made.to_string()).unwrap_or(&got);
        assert_eq!(left, kept, "{title}");
    }
}
