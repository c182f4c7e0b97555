//! VNICs come, change and go; and so does the daemon.

use std::net::{IpAddr, Ipv4Addr};

use dhcproto::v4::{DhcpOption, Encodable, MessageType};
use fabric::datapath::Segment;
use fabric::{LinkId, Mac, Methods};
use flows::learn::{Guest, Heard, Learned, Learner, Method, Moment, Pending};

use crate::dhcp4::{ask, tell, with};
use crate::frames::{Advertisement, Prefix, to_client4, to_servers4};
use crate::{ALL, Office, guest, mac, second_mac};

const X: Ipv4Addr = Ipv4Addr::new(10, 0, 0, 50);
const LEASE: &str = "10.0.0.50 3600";
const MADE: &str = "2001:db8:a:0:8:20ff:fe00:1 7200";

/// With a lease and a prefix's address, and a request pending.
fn office() -> Office {
    let mut office = Office::open();
    let option = DhcpOption::RequestedIpAddress(X);
    let asked = with(ask(MessageType::Request, 5, mac(1)), option);
    let asked = to_servers4(mac(1), &asked.to_vec().unwrap());
    let answer = tell(MessageType::Ack, 5, mac(1), X, Some(3600));
    let answer = to_client4(mac(1), &answer.to_vec().unwrap());
    let prefix = Prefix::new("2001:db8:a::", 7200);
    let ra = Advertisement::new(&[prefix]).frame();
    office.from(1, &asked).on(&answer).from(1, &asked).on(&ra);
    assert_eq!(office.has(1), format!("{LEASE}, {MADE}"));
    assert_eq!(office.learner.pending().count(), 1);
    office
}

#[test]
fn what_a_change_of_the_vnic_leaves() {
    let both = format!("{LEASE}, {MADE}");
    let with = |methods| Guest { methods, ..guest(1) };
    let macs = |macs: &[[u8; 6]]| Guest {
        macs: macs.iter().copied().map(Mac::new).collect(),
        ..guest(1)
    };
    let second = "10.0.0.50 3600, 2001:db8:a:0:8:20ff:fe00:101 7200";
    let stub = Segment::Etherstub(LinkId(1));
    for (title, one, want, pending) in [
        ("nothing", Some(guest(1)), both.as_str(), 1),
        ("no VNIC", None, "", 0),
        ("no methods", Some(with(Methods::NONE)), "", 0),
        ("no DHCP", Some(with(Methods { dhcpv4: false, ..ALL })), MADE, 0),
        ("no SLAAC", Some(with(Methods { slaac: false, ..ALL })), LEASE, 1),
        ("another VLAN", Some(Guest { vid: 7, ..guest(1) }), "", 0),
        ("another segment", Some(Guest { segment: stub, ..guest(1) }), "", 0),
        ("another MAC address", Some(macs(&[second_mac(1)])), second, 0),
    ] {
        let mut office = office();
        office.enroll(one.into_iter().chain([guest(2)]));
        assert_eq!(office.has(1), want, "{title}");
        assert_eq!(office.learner.pending().count(), pending, "{title}");
        assert_eq!(office.has(2), "2001:db8:a:0:8:20ff:fe00:2 7200");
    }
    let mut office = office();
    office.enroll([]);
    assert_eq!(office.learner.all().count(), 0);
    assert_eq!(office.learner.next_expiry(), None, "a prefix is still there");
    office.enroll([guest(1)]);
    assert_eq!(office.has(1), "");
}

#[test]
fn a_new_vnic_knows_the_prefixes() {
    let mut office = office();
    office.after(200).enroll([guest(1), guest(2), guest(3)]);
    assert_eq!(office.has(3), "2001:db8:a:0:8:20ff:fe00:3 7000");
    // As long as there is another; and whatever that one may do itself.
    let off = Methods::NONE;
    office.enroll([Guest { methods: off, ..guest(1) }]);
    assert_eq!(office.learner.all().count(), 0);
    office.enroll([guest(2), guest(1)]);
    assert_eq!(office.has(1), "2001:db8:a:0:8:20ff:fe00:1 7000");
    // Until it ends, on the segment and VLAN where it was announced.
    office.enroll([guest(1), Guest { vid: 7, ..guest(3) }]);
    assert_eq!(office.has(3), "");
    office.after(7000).enroll([guest(1), guest(2)]);
    assert_eq!(office.has(2), "");
}

#[test]
fn a_prefix_that_is_renewed_outlives_its_first_end() {
    let mut office = office();
    let prefix = Prefix::new("2001:db8:a::", 9000);
    office.on(&Advertisement::new(&[prefix]).frame());
    office.after(8000).enroll([guest(1), guest(3)]);
    assert_eq!(office.has(3), "2001:db8:a:0:8:20ff:fe00:3 1000");
}

#[test]
fn a_mac_address_that_a_vnic_has_left_is_anybodys() {
    let two = Guest {
        macs: vec![Mac::new(mac(2)), Mac::new(second_mac(2))],
        ..guest(2)
    };
    let mut office = Office::new([guest(1), two]);
    let mut ra = Advertisement::new(&[Prefix::new("2001:db8:a::", 7200)]);
    ra.macs.0 = second_mac(2);
    assert_eq!(office.on(&ra.frame()).has(1), "");
    office.enroll([guest(1), guest(2)]);
    assert_eq!(office.on(&ra.frame()).has(1), MADE);
    // Two exchange theirs.
    let (one, two) = (guest(1).macs, guest(2).macs);
    office.enroll([
        Guest { macs: two, ..guest(1) },
        Guest { macs: one, ..guest(2) },
    ]);
    assert_eq!(office.has(2), MADE);
    ra.macs.0 = mac(1);
    ra.prefixes[0].valid = 9000;
    assert_eq!(office.on(&ra.frame()).has(2), MADE);
}

/// What is written down is JSON.
fn restarted(office: &Office, now: Moment) -> Learner {
    let learned: Vec<_> = office.learner.all().collect();
    let pending: Vec<_> = office.learner.pending().collect();
    let learned = serde_json::to_string(&learned).unwrap();
    let pending = serde_json::to_string(&pending).unwrap();
    let learned: Vec<Learned> = serde_json::from_str(&learned).unwrap();
    let pending: Vec<Pending> = serde_json::from_str(&pending).unwrap();
    let mut learner = Learner::new();
    learner.restore(learned, pending, now);
    learner
}

#[test]
fn a_restart_loses_nothing() {
    let office = office();
    let mut learner = restarted(&office, office.now);
    assert_eq!(learner.enroll([guest(1), guest(2)]), []);
    assert!(learner.all().eq(office.learner.all()));
    assert!(learner.pending().eq(office.learner.pending()));
    // The answer may come now, and a VNIC.
    let mut later = Office { learner, ..office };
    let answer = tell(MessageType::Ack, 5, mac(1), X, Some(60));
    later.on(&to_client4(mac(1), &answer.to_vec().unwrap()));
    assert!(later.has(1).starts_with("10.0.0.50 60,"), "{}", later.has(1));
    later.enroll([guest(1), guest(3)]);
    assert_eq!(later.has(3), "2001:db8:a:0:8:20ff:fe00:3 7200");
}

#[test]
fn what_has_ended_by_then_is_not_taken_back() {
    let office = office();
    for (after, learned, pending) in
        [(59, 3, 1), (60, 3, 0), (3600, 2, 0), (7200, 0, 0)]
    {
        let mut learner = restarted(&office, office.now.after(after));
        assert_eq!(learner.all().count(), learned, "{after}");
        assert_eq!(learner.pending().count(), pending, "{after}");
        // Nobody is there any more.
        assert_eq!(learner.enroll([]).len(), learned, "{after}");
        assert_eq!(learner.next_expiry(), None);
    }
}

#[test]
fn a_record_that_two_have_is_one() {
    let record = |id| Learned {
        id: LinkId(id),
        address: IpAddr::V4(X),
        method: Method::Dhcpv4,
        until: None,
        client: vec![1],
    };
    let mut learner = Learner::new();
    learner.restore(vec![record(2), record(1)], Vec::new(), Moment(5));
    assert_eq!(learner.enroll([guest(1), guest(2)]).len(), 1);
    assert!(learner.all().eq([&record(1)]));
    // Nothing is heard of whom nobody has enrolled.
    let mut office = office();
    let mut learner = restarted(&office, office.now);
    let renewed = tell(MessageType::Ack, 5, mac(1), X, Some(60));
    let frame = to_client4(mac(1), &renewed.to_vec().unwrap());
    let segment = crate::bge0();
    let heard = Heard::On { segment, vid: 0, by: None, frame: &frame };
    assert_eq!(learner.hear(&heard, office.now), []);
    assert!(office.after(0).learner.all().eq(learner.all()));
}

#[test]
fn records_are_written_so() {
    let office = office();
    let learned: Vec<_> = office.learner.learned(LinkId(1)).collect();
    assert_eq!(
        serde_json::to_string(&learned).unwrap(),
        "[{\"id\":1,\"address\":\"10.0.0.50\",\"method\":\"dhcpv4\",\
         \"until\":4600,\"client\":[2,8,32,0,0,1]},\
         {\"id\":1,\"address\":\"2001:db8:a:0:8:20ff:fe00:1\",\
         \"method\":\"slaac\",\"until\":8200,\"client\":[]}]"
    );
    let pending: Vec<_> = office.learner.pending().collect();
    assert_eq!(
        serde_json::to_string(&pending).unwrap(),
        "[{\"id\":1,\"method\":\"dhcpv4\",\"xid\":5,\
         \"chaddr\":\"2:8:20:0:0:1\",\"client\":[2,8,32,0,0,1],\
         \"awaits\":\"lease\",\"offers\":[],\"until\":1060}]"
    );
}

#[test]
fn moments_have_an_end() {
    let last = Moment(u64::MAX);
    assert_eq!(Moment(u64::MAX - 1).after(9), last);
    assert_eq!(Moment(7).end_of(5), Some(Moment(12)));
    assert_eq!(last.end_of(5), Some(last));
    assert_eq!(Moment(7).end_of(u32::MAX), None);
}
