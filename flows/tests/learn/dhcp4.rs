//! Leases of DHCPv4.

use std::net::Ipv4Addr;

use dhcproto::v4::{
    DhcpOption, Encodable, Flags, Message, MessageType, Opcode, OptionCode,
};
use fabric::{Mac, Methods};
use flows::learn::Guest;

use crate::frames::{
    SERVER4, ethernet, to_client4, to_servers4, udp4, udp4_with,
};
use crate::{ALL, BROADCAST, Office, SERVER, guest, mac, second_mac};

use MessageType::{
    Ack, Decline, Discover, Inform, Nak, Offer, Release, Request,
};

const X: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 50);
const Y: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 51);

/// A guest's message.
pub(crate) fn ask(kind: MessageType, xid: u32, chaddr: [u8; 6]) -> Message {
    let none = Ipv4Addr::UNSPECIFIED;
    let mut message =
        Message::new_with_id(xid, none, none, none, none, &chaddr);
    message.set_flags(Flags::default());
    message.opts_mut().insert(DhcpOption::MessageType(kind));
    message.opts_mut().insert(DhcpOption::Hostname("guest".into()));
    message
}

/// The server's message.
pub(crate) fn tell(
    kind: MessageType,
    xid: u32,
    chaddr: [u8; 6],
    yiaddr: Ipv4Addr,
    lease: Option<u32>,
) -> Message {
    let mut message = ask(kind, xid, chaddr);
    message.set_opcode(Opcode::BootReply).set_yiaddr(yiaddr);
    if let Some(lease) = lease {
        message.opts_mut().insert(DhcpOption::AddressLeaseTime(lease));
    }
    message
}

pub(crate) fn with(mut message: Message, option: DhcpOption) -> Message {
    message.opts_mut().insert(option);
    message
}

/// A request for an address.
fn request(xid: u32, chaddr: [u8; 6], address: Ipv4Addr) -> Message {
    let option = DhcpOption::RequestedIpAddress(address);
    with(ask(Request, xid, chaddr), option)
}

fn client_id(id: &[u8]) -> DhcpOption {
    DhcpOption::ClientIdentifier(id.to_vec())
}

impl Office {
    fn ask4(&mut self, id: u32, message: &Message) -> &mut Self {
        self.from(id, &to_servers4(mac(id), &message.to_vec().unwrap()))
    }

    fn tell4(&mut self, message: &Message) -> &mut Self {
        self.on(&to_client4(BROADCAST, &message.to_vec().unwrap()))
    }

    /// A guest is given a lease for an hour, having asked for it at once.
    fn lease4(&mut self, id: u32, address: Ipv4Addr) -> &mut Self {
        self.ask4(id, &request(99, mac(id), address));
        self.tell4(&tell(Ack, 99, mac(id), address, Some(3600)))
    }
}

/// RFC 2131, 3.1: a new client.
#[test]
fn four_messages() {
    let mut office = Office::open();
    office.ask4(1, &ask(Discover, 7, mac(1)));
    office.tell4(&tell(Offer, 7, mac(1), X, Some(3600)));
    assert_eq!(office.has(1), "");
    office.after(3).ask4(1, &request(7, mac(1), X));
    assert_eq!(office.has(1), "10.0.0.50 60");
    office.after(1).tell4(&tell(Ack, 7, mac(1), X, Some(3600)));
    assert_eq!(office.has(1), "10.0.0.50 3600");
    assert_eq!(office.learner.pending().count(), 0);
    assert_eq!(office.has(2), "");
    let learned = office.learner.all().next().unwrap();
    assert_eq!(learned.client, mac(1), "nothing else says who it is");
    assert_eq!(office.after(3600).has(1), "");
}

#[test]
fn an_offer_holds_for_a_minute() {
    let mut office = Office::open();
    office.ask4(1, &ask(Discover, 7, mac(1)));
    office.tell4(&tell(Offer, 7, mac(1), X, Some(3600)));
    // What was not offered is not given, nor what was to another.
    assert_eq!(office.ask4(1, &request(7, mac(1), Y)).has(1), "");
    assert_eq!(office.ask4(1, &request(8, mac(1), X)).has(1), "");
    assert_eq!(office.ask4(2, &request(7, mac(2), X)).has(2), "");
    // Asking again does not make it last.
    office.after(50).ask4(1, &request(7, mac(1), X));
    assert_eq!(office.has(1), "10.0.0.50 60");
    office.after(30).ask4(1, &request(7, mac(1), X));
    assert_eq!(office.has(1), "10.0.0.50 30");
    assert_eq!(office.after(30).has(1), "");
    assert_eq!(office.ask4(1, &request(7, mac(1), X)).has(1), "");
}

#[test]
fn asking_again_changes_no_end() {
    let mut office = Office::open();
    office.ask4(1, &ask(Discover, 7, mac(1)));
    office.tell4(&tell(Offer, 7, mac(1), X, Some(3600)));
    office.ask4(1, &request(7, mac(1), X)).after(20);
    assert_eq!(office.ask4(1, &request(7, mac(1), X)).has(1), "10.0.0.50 40");
    // Nor that of a lease, by a client that has forgotten it.
    office.lease4(1, X).ask4(1, &ask(Discover, 8, mac(1)));
    office.tell4(&tell(Offer, 8, mac(1), X, Some(3600)));
    office.ask4(1, &request(8, mac(1), X));
    assert_eq!(office.has(1), "10.0.0.50 3600");
}

#[test]
fn a_number_is_one_clients() {
    // What one client was offered is not the next one's.
    let mut office = Office::open();
    office.ask4(1, &ask(Discover, 7, mac(1)));
    office.tell4(&tell(Offer, 7, mac(1), X, Some(3600)));
    let other = with(request(7, mac(1), X), client_id(b"docker"));
    assert_eq!(office.ask4(1, &other).has(1), "");
    // A client that begins again may still be answered.
    office.ask4(1, &request(8, mac(1), X));
    office.ask4(1, &ask(Discover, 8, mac(1)));
    office.tell4(&tell(Ack, 8, mac(1), X, Some(3600)));
    assert_eq!(office.has(1), "10.0.0.50 3600");
}

/// A title, the guest's request, and the server's answer.
type Case = (&'static str, Message, Message);

#[test]
fn what_is_learned_of_an_answer() {
    let good = || tell(Ack, 7, mac(1), X, Some(3600));
    let (id, other) = (client_id(b"me"), client_id(b"you"));
    let renew = || {
        let mut message = ask(Request, 7, mac(1));
        message.set_ciaddr(X);
        message
    };
    let asked = || request(7, mac(1), X);
    let rapid = DhcpOption::RapidCommit;
    let cases: [(Case, &str); 11] = [
        (("RFC 2131, 3.2: as after a reboot", asked(), good()), "3600"),
        (("RFC 2131, 4.4.5: renewing", renew(), good()), "3600"),
        (
            ("for ever", asked(), tell(Ack, 7, mac(1), X, Some(u32::MAX))),
            "ever",
        ),
        (
            (
                "RFC 6842: the client id comes back",
                with(asked(), id.clone()),
                with(good(), id.clone()),
            ),
            "3600",
        ),
        (("or does not", with(asked(), id.clone()), good()), "3600"),
        (
            (
                "RFC 4039: at once",
                with(ask(Discover, 7, mac(1)), rapid.clone()),
                with(good(), rapid.clone()),
            ),
            "3600",
        ),
        (
            (
                "no hardware address of the VNIC's",
                request(7, mac(9), X),
                tell(Ack, 7, mac(9), X, Some(9)),
            ),
            "",
        ),
        (
            (
                "another client's",
                with(asked(), id),
                with(good(), other.clone()),
            ),
            "",
        ),
        (("a client's that gave no id", asked(), with(good(), other)), ""),
        (
            (
                "not asked for at once",
                ask(Discover, 7, mac(1)),
                with(good(), rapid.clone()),
            ),
            "",
        ),
        (
            (
                "not given at once",
                with(ask(Discover, 7, mac(1)), rapid),
                good(),
            ),
            "",
        ),
    ];
    for ((title, asked, answer), want) in cases {
        let mut office = Office::open();
        office.ask4(1, &asked).tell4(&answer);
        let got = office.has(1);
        assert_eq!(
            got.strip_prefix("10.0.0.50 ").unwrap_or(&got),
            want,
            "{title}"
        );
    }
}

#[test]
fn what_is_not_learned_of_an_answer() {
    let good = || tell(Ack, 7, mac(1), X, Some(3600));
    let made = |change: fn(&mut Message)| {
        let mut message = good();
        change(&mut message);
        message
    };
    for (title, answer) in [
        ("another number", tell(Ack, 8, mac(1), X, Some(3600))),
        ("another hardware address", tell(Ack, 7, mac(2), X, Some(3600))),
        ("nobody's", tell(Ack, 7, mac(9), X, Some(3600))),
        ("no lease time", tell(Ack, 7, mac(1), X, None)),
        ("a lease of no time", tell(Ack, 7, mac(1), X, Some(0))),
        ("an offer", tell(Offer, 7, mac(1), X, Some(3600))),
        ("a request", made(|m| _ = m.set_opcode(Opcode::BootRequest))),
        ("no kind", made(|m| _ = m.opts_mut().remove(OptionCode::MessageType))),
        ("a longer hardware address", made(|m| _ = m.set_chaddr(&[2; 16]))),
        ("0.0.0.0", made(|m| _ = m.set_yiaddr([0, 0, 0, 0]))),
        ("this network", made(|m| _ = m.set_yiaddr([0, 1, 2, 3]))),
        ("loopback", made(|m| _ = m.set_yiaddr([127, 0, 0, 1]))),
        ("a group", made(|m| _ = m.set_yiaddr([224, 0, 0, 1]))),
        ("everybody", made(|m| _ = m.set_yiaddr([255, 255, 255, 255]))),
    ] {
        let mut office = Office::open();
        office.ask4(1, &request(7, mac(1), X)).tell4(&answer);
        assert_eq!(office.has(1), "", "{title}");
    }
    let good = good().to_vec().unwrap();
    let mut longest = good.clone();
    longest[2] = 255;
    let mut twice = good.clone();
    let mut nobody = good.clone();
    let end = twice.iter().rposition(|byte| *byte == 255).unwrap();
    twice.splice(end..end, [50, 4, 1, 1, 1, 1, 51, 4, 0, 0, 0, 9]);
    nobody.splice(end..end, [61, 0]);
    for (title, frame) in [
        ("a hardware address of 255", to_client4(mac(1), &longest)),
        ("a client id of no bytes", to_client4(mac(1), &nobody)),
        ("two lease times", to_client4(mac(1), &twice)),
        ("to another station", to_client4(mac(2), &good)),
        ("from a guest", udp4((mac(1), BROADCAST), X, (67, 68), &good)),
        ("from another", udp4((mac(2), BROADCAST), X, (67, 68), &good)),
        (
            "from no address",
            udp4((SERVER, BROADCAST), [0; 4].into(), (67, 68), &good),
        ),
        (
            "to another port",
            udp4((SERVER, BROADCAST), SERVER4, (67, 67), &good),
        ),
        (
            "of another port",
            udp4((SERVER, BROADCAST), SERVER4, (68, 68), &good),
        ),
        (
            "the first of many parts",
            udp4_with((SERVER, BROADCAST), SERVER4, (67, 68), &good, 0, 0x2000),
        ),
        (
            "a later part",
            udp4_with((SERVER, BROADCAST), SERVER4, (67, 68), &good, 0, 1),
        ),
        (
            "not IP",
            ethernet(
                (SERVER, BROADCAST),
                pnet::packet::ethernet::EtherType(0x86de),
                &good,
            ),
        ),
    ] {
        let mut office = Office::open();
        office.ask4(1, &request(7, mac(1), X)).on(&frame);
        assert_eq!(office.has(1), "", "{title}");
    }
    // In part, on another VLAN, or as if a guest had sent it.
    let frame = to_client4(mac(1), &good);
    let whole = frame.len() - 9;
    for length in 0..=whole {
        let mut office = Office::open();
        office.ask4(1, &request(7, mac(1), X)).on(&frame[..length]);
        assert_eq!(office.has(1).is_empty(), length < whole, "{length}");
    }
    let mut office = Office::open();
    office.ask4(1, &request(7, mac(1), X)).on_vlan(7, &frame).from(1, &frame);
    assert_eq!(office.has(1), "");
}

#[test]
fn options_of_the_packet_are_passed_over() {
    let mut office = Office::open();
    office.ask4(1, &request(7, mac(1), X));
    let answer = tell(Ack, 7, mac(1), X, Some(3600)).to_vec().unwrap();
    let macs = (SERVER, mac(1));
    let frame = udp4_with(macs, SERVER4, (67, 68), &answer, 10, 0x4000);
    assert_eq!(office.on(&frame).has(1), "10.0.0.50 3600");
}

#[test]
fn a_server_among_guests_is_one_that_asks_nothing() {
    let answer = tell(Ack, 7, mac(1), X, Some(3600)).to_vec().unwrap();
    let frame = udp4((mac(2), mac(1)), SERVER4, (67, 68), &answer);
    let v6 = Methods { dhcpv4: false, ..ALL };
    for (methods, want) in [(ALL, ""), (v6, "10.0.0.50 3600")] {
        let mut office = Office::new([guest(1), Guest { methods, ..guest(2) }]);
        office.ask4(1, &request(7, mac(1), X)).on(&frame);
        assert_eq!(office.has(1), want, "{methods}");
    }
}

#[test]
fn what_guests_say_of_others_is_nothing() {
    let relayed = {
        let mut message = request(7, mac(1), X);
        message.set_giaddr(X);
        message
    };
    let reply = {
        let mut message = request(7, mac(1), X);
        message.set_opcode(Opcode::BootReply);
        message
    };
    for (title, id, message) in [
        ("another's hardware address", 2, request(7, mac(1), X)),
        ("a relay's", 1, relayed),
        ("a server's", 1, reply),
        ("of a VNIC that is not there", 9, request(7, mac(1), X)),
        ("asking for no address", 1, ask(Inform, 7, mac(1))),
    ] {
        let mut office = Office::open();
        office.ask4(id, &message);
        assert_eq!(office.learner.pending().count(), 0, "{title}");
    }
    let off = Methods { dhcpv4: false, ..ALL };
    let mut office = Office::new([Guest { methods: off, ..guest(1) }]);
    office.lease4(1, X);
    assert_eq!(
        (office.has(1), office.learner.pending().count()),
        (String::new(), 0)
    );
}

#[test]
fn a_lease_is_renewed() {
    let mut office = Office::open();
    office.lease4(1, X).after(1800);
    let mut renew = ask(Request, 12, mac(1));
    renew.set_ciaddr(X);
    assert_eq!(office.ask4(1, &renew).has(1), "10.0.0.50 1800");
    let answer = tell(Ack, 12, mac(1), X, Some(3600)).to_vec().unwrap();
    office.on(&to_client4(mac(1), &answer));
    // It outlives its first end, and may be given for less.
    assert_eq!(office.after(1800).has(1), "10.0.0.50 1800");
    office.ask4(1, &renew).tell4(&tell(Ack, 12, mac(1), X, Some(600)));
    assert_eq!(office.has(1), "10.0.0.50 600");
}

#[test]
fn a_client_has_one_address() {
    let mut office = Office::open();
    office.lease4(1, X).lease4(1, Y);
    assert_eq!(office.has(1), "10.0.0.51 3600");
    // Another client in the same guest has its own.
    let ask = with(request(4, mac(1), X), client_id(b"docker"));
    office.ask4(1, &ask).tell4(&tell(Ack, 4, mac(1), X, Some(60)));
    assert_eq!(office.has(1), "10.0.0.50 60, 10.0.0.51 3600");
    // One that is refused still has the client leave its old one.
    office.lease4(2, X.octets().map(|byte| byte ^ 1).into());
    office.lease4(2, Y);
    assert_eq!(office.has(2), "");
}

#[test]
fn a_server_says_no() {
    for (title, asked, want) in [
        ("to a request", request(5, mac(1), Y), ""),
        ("to nothing", request(6, mac(1), Y), "10.0.0.50 3600"),
        ("to a search", ask(Discover, 5, mac(1)), "10.0.0.50 3600"),
        (
            "to another client",
            with(request(5, mac(1), Y), client_id(b"docker")),
            "10.0.0.50 3600",
        ),
    ] {
        let mut office = Office::open();
        office.lease4(1, X).ask4(1, &asked);
        office.tell4(&tell(Nak, 5, mac(1), [0; 4].into(), None));
        assert_eq!(office.has(1), want, "{title}");
    }
    // What was given provisionally is taken back.
    let mut office = Office::open();
    office.ask4(1, &ask(Discover, 7, mac(1)));
    office.tell4(&tell(Offer, 7, mac(1), X, Some(3600)));
    assert_eq!(office.ask4(1, &request(7, mac(1), X)).has(1), "10.0.0.50 60");
    office.tell4(&tell(Nak, 7, mac(1), [0; 4].into(), None));
    assert_eq!(office.has(1), "");
    // Too late.
    office.tell4(&tell(Ack, 7, mac(1), X, Some(3600)));
    assert_eq!(office.has(1), "");
}

#[test]
fn a_client_gives_an_address_back() {
    let release = |address: Ipv4Addr| {
        let mut message = ask(Release, 5, mac(1));
        message.set_ciaddr(address);
        message
    };
    let decline = |address| {
        with(ask(Decline, 5, mac(1)), DhcpOption::RequestedIpAddress(address))
    };
    let kept = "10.0.0.50 3600";
    for (title, id, message, want) in [
        ("released", 1, release(X), ""),
        ("declined", 1, decline(X), ""),
        ("another address", 1, release(Y), kept),
        ("none", 1, release([0; 4].into()), kept),
        ("declined, of none", 1, ask(Decline, 5, mac(1)), kept),
        ("another client", 1, with(release(X), client_id(b"d")), kept),
        ("another guest", 2, release(X), kept),
    ] {
        let mut office = Office::open();
        office.lease4(1, X).ask4(id, &message);
        assert_eq!(office.has(1), want, "{title}");
    }
}

#[test]
fn first_come() {
    let mut office = Office::open();
    office.lease4(1, X).after(3599).lease4(2, X);
    assert_eq!(
        (office.has(1).as_str(), office.has(2).as_str()),
        ("10.0.0.50 1", "")
    );
    // At its end, without anybody having looked.
    office.now = office.now.after(1);
    office.lease4(2, X);
    assert_eq!(
        (office.has(1).as_str(), office.has(2).as_str()),
        ("", "10.0.0.50 3600")
    );
    // Elsewhere it is another address.
    office.enroll([Guest { vid: 7, ..guest(1) }, guest(2)]);
    let answer = tell(Ack, 5, mac(1), X, Some(60)).to_vec().unwrap();
    office.ask4(1, &request(5, mac(1), X));
    office.on_vlan(7, &to_client4(mac(1), &answer));
    assert_eq!(
        (office.has(1).as_str(), office.has(2).as_str()),
        ("10.0.0.50 60", "10.0.0.50 3600")
    );
}

#[test]
fn a_second_mac_address_is_the_guests_as_well() {
    let mut one = guest(1);
    one.macs.push(Mac::new(second_mac(1)));
    let mut office = Office::new([one]);
    office.lease4(1, X).ask4(1, &request(5, second_mac(1), Y));
    office.tell4(&tell(Ack, 5, second_mac(1), Y, Some(60)));
    assert_eq!(office.has(1), "10.0.0.50 3600, 10.0.0.51 60");
    // Its number is another exchange's, if it is the same.
    office.ask4(1, &request(6, second_mac(1), Y));
    office.tell4(&tell(Ack, 6, mac(1), Y, Some(90)));
    assert_eq!(office.has(1), "10.0.0.50 3600, 10.0.0.51 60");
}

#[test]
fn there_is_an_end_to_everything() {
    let mut office = Office::open();
    for xid in 0..200 {
        office.after(u64::from(xid % 2)).ask4(1, &ask(Discover, xid, mac(1)));
    }
    let mut kept: Vec<u32> =
        office.learner.pending().map(|pending| pending.xid).collect();
    kept.sort_unstable();
    // A minute holds 120 of them, so it is the number that counts.
    assert_eq!(kept, (136..200).collect::<Vec<_>>());
    for last in 0..20 {
        let address = Ipv4Addr::new(10, 0, 1, last);
        office.tell4(&tell(Offer, 199, mac(1), address, Some(60)));
    }
    let offers = office.learner.pending().map(|pending| pending.offers.len());
    assert_eq!(offers.max(), Some(8));
    assert_eq!(office.after(60).learner.pending().count(), 0);
    assert_eq!(office.learner.next_expiry(), None);

    for last in 0..40 {
        let address = Ipv4Addr::new(10, 0, 1, last);
        let ask = with(request(5, mac(1), address), client_id(&[last]));
        office.ask4(1, &ask);
        office.tell4(&tell(Ack, 5, mac(1), address, Some(60)));
    }
    assert_eq!(office.has(1).split(',').count(), 32);
    // Another guest has its own.
    assert_eq!(office.lease4(2, X).has(2), "10.0.0.50 3600");
    // A client id of 255 bytes is the longest.
    for (length, want) in [(1, 1), (255, 1), (256, 0)] {
        office.after(60);
        let id = client_id(&vec![7; length]);
        office.ask4(1, &with(request(5, mac(1), X), id));
        assert_eq!(office.learner.pending().count(), want, "{length}");
    }
}
