//! Addresses of routers' prefixes.

use std::net::Ipv6Addr;

use fabric::{Mac, Methods};

use crate::frames::{Advertisement, Prefix};
use crate::{Office, guest, mac, second_mac};

const A: &str = "2001:db8:a::";
const HOUR: u32 = 3600;
const EVER: u32 = u32::MAX;

fn announce(prefix: &str, valid: u32) -> Vec<u8> {
    Advertisement::new(&[Prefix::new(prefix, valid)]).frame()
}

/// A title, and what is different from an advertisement that is believed.
type Change = (&'static str, fn(&mut Advertisement));

#[test]
fn what_is_believed() {
    let believed = "2001:db8:a:0:8:20ff:fe00:1 3600";
    let cases: [Change; 5] = [
        ("as it should be", |_| {}),
        ("to one station", |ra| ra.macs.1 = mac(2)),
        ("an unknown option", |ra| ra.rest = [[250, 1]; 4].concat()),
        ("any bits behind the prefix", |ra| {
            ra.prefixes[0].prefix = "2001:db8:a::1:2:3".parse().unwrap();
        }),
        ("preferred as long as valid", |ra| ra.prefixes[0].preferred = HOUR),
    ];
    for (title, change) in cases {
        let mut ra = Advertisement::new(&[Prefix::new(A, HOUR)]);
        change(&mut ra);
        let mut office = Office::open();
        assert_eq!(office.on(&ra.frame()).has(1), believed, "{title}");
    }
}

#[test]
fn what_is_not_believed() {
    let cases: [Change; 21] = [
        ("RFC 4861, 6.1.2: through a router", |ra| ra.hops = 254),
        ("RFC 4861, 6.1.2: from afar", |ra| {
            ra.source = "2001:db8::1".parse().unwrap();
        }),
        ("RFC 4861, 6.1.2: from nowhere", |ra| {
            ra.source = Ipv6Addr::UNSPECIFIED;
        }),
        ("RFC 4861, 6.1.2: another code", |ra| ra.code = 1),
        ("RFC 4861, 6.1.2: an option of no length", |ra| {
            ra.rest = vec![3, 0, 0, 0, 0, 0, 0, 0];
        }),
        ("an option cut short", |ra| ra.rest = vec![3, 4, 64, 0xc0]),
        ("half the head of an option", |ra| ra.rest = vec![3]),
        ("RFC 4862, 5.5.3 a: not for addresses", |ra| {
            ra.prefixes[0].flags = 0x80;
        }),
        ("RFC 4862, 5.5.3 b: link-local", |ra| {
            ra.prefixes[0].prefix = "fe80::".parse().unwrap();
        }),
        ("a group's", |ra| {
            ra.prefixes[0].prefix = "ff05::".parse().unwrap();
        }),
        ("where loopback is", |ra| {
            ra.prefixes[0].prefix = Ipv6Addr::UNSPECIFIED;
        }),
        ("RFC 4862, 5.5.3 c: preferred for longer than valid", |ra| {
            ra.prefixes[0].preferred = HOUR + 1;
        }),
        ("RFC 4862, 5.5.3 d: too short", |ra| ra.prefixes[0].length = 63),
        ("RFC 4862, 5.5.3 d: too long", |ra| ra.prefixes[0].length = 65),
        ("RFC 4862, 5.5.3 d: over when it begins", |ra| {
            ra.prefixes[0].valid = 0;
        }),
        ("an option longer than it is", |ra| {
            ra.prefixes.clear();
            ra.rest = [&[3, 5, 64, 0xc0][..], &[0x20; 36]].concat();
        }),
        ("an option shorter than it is", |ra| {
            ra.prefixes.clear();
            ra.rest = [&[3, 3, 64, 0xc0][..], &[0x20; 20]].concat();
        }),
        ("nothing", |ra| ra.prefixes.clear()),
        ("who takes gives none: from itself", |ra| ra.macs.0 = mac(1)),
        ("who takes gives none: from a neighbour", |ra| ra.macs.0 = mac(2)),
        ("an hour from now, of the group of no station", |ra| {
            ra.prefixes[0].prefix = "ff02::1".parse().unwrap();
        }),
    ];
    for (title, change) in cases {
        let mut ra = Advertisement::new(&[Prefix::new(A, HOUR)]);
        change(&mut ra);
        let mut office = Office::open();
        assert_eq!(office.on(&ra.frame()).has(1), "", "{title}");
    }
    // Of another VLAN, from a guest, and in part.
    let whole = announce(A, HOUR);
    assert_eq!(Office::open().on_vlan(7, &whole).has(1), "");
    assert_eq!(Office::open().from(1, &whole).has(1), "");
    for length in 0..whole.len() {
        assert_eq!(Office::open().on(&whole[..length]).has(1), "", "{length}");
    }
}

#[test]
fn each_mac_address_of_each_guest_makes_one() {
    let mut one = guest(1);
    one.macs.push(Mac::new(second_mac(1)));
    let off = Methods { slaac: false, ..crate::ALL };
    let three = flows::learn::Guest { methods: off, ..guest(3) };
    let mut office = Office::new([one, guest(2), three]);
    let prefixes = [Prefix::new(A, HOUR), Prefix::new("2001:db8:b::", EVER)];
    office.on(&Advertisement::new(&prefixes).frame());
    assert_eq!(
        office.has(1),
        "2001:db8:a:0:8:20ff:fe00:1 3600, \
         2001:db8:a:0:8:20ff:fe00:101 3600, \
         2001:db8:b:0:8:20ff:fe00:1 ever, \
         2001:db8:b:0:8:20ff:fe00:101 ever"
    );
    assert_eq!(
        office.has(2),
        "2001:db8:a:0:8:20ff:fe00:2 3600, 2001:db8:b:0:8:20ff:fe00:2 ever"
    );
    assert_eq!(office.has(3), "");
    // Whatever its frame says it is from.
    let ra = Advertisement::new(&[Prefix::new("2001:db8:c::", HOUR)]);
    assert!(!office.on_by(1, &ra.frame()).has(2).contains("2001:db8:c:"));
    // A router of the guests' own is one that takes no addresses so.
    let mut ra = Advertisement::new(&[Prefix::new("2001:db8:c::", HOUR)]);
    ra.macs.0 = mac(3);
    assert!(office.on_by(3, &ra.frame()).has(2).contains("2001:db8:c:"));
}

/// RFC 4862, 5.5.3 e.
#[test]
fn two_hours() {
    for (had, announced, want) in [
        (4 * HOUR, 5 * HOUR, "18000"),
        (4 * HOUR, 3 * HOUR, "10800"),
        (4 * HOUR, 2 * HOUR + 1, "7201"),
        (4 * HOUR, 2 * HOUR, "7200"),
        (4 * HOUR, 1, "7200"),
        (4 * HOUR, 0, "7200"),
        (2 * HOUR + 1, 0, "7200"),
        (2 * HOUR, 0, "7200"),
        (2 * HOUR, HOUR, "7200"),
        (HOUR, 0, "3600"),
        (HOUR, HOUR - 1, "3600"),
        (HOUR, HOUR + 1, "3601"),
        (HOUR, EVER, "ever"),
        (EVER, EVER, "ever"),
        (EVER, 3 * HOUR, "10800"),
        (EVER, HOUR, "7200"),
        (EVER, 0, "7200"),
    ] {
        let mut office = Office::open();
        office.on(&announce(A, had)).on(&announce(A, announced));
        let want = format!("2001:db8:a:0:8:20ff:fe00:1 {want}");
        assert_eq!(office.has(1), want, "{had} then {announced}");
    }
}

#[test]
fn an_address_ends_with_its_prefix() {
    let mut office = Office::open();
    office.on(&announce(A, HOUR)).after(3599);
    assert_eq!(office.has(1), "2001:db8:a:0:8:20ff:fe00:1 1");
    let end = office.now.after(1);
    assert_eq!(office.learner.next_expiry(), Some(end));
    assert_eq!(office.after(1).has(1), "");
    assert_eq!(office.learner.next_expiry(), None);
    // Nobody is left to have it for two more hours.
    assert_eq!(office.on(&announce(A, 0)).has(1), "");
}

#[test]
fn there_is_an_end_to_prefixes() {
    let prefix = |n: u16| Prefix::new(&format!("2001:db8:{n:x}::"), HOUR);
    let many: Vec<Prefix> = (0..40).map(prefix).collect();
    let mut office = Office::open();
    office.on(&Advertisement::new(&many).frame());
    assert_eq!(office.has(1).split(',').count(), 16);
    // Those that are known go on.
    let again = Advertisement::new(&[Prefix { valid: EVER, ..prefix(3) }]);
    assert!(office.on(&again.frame()).has(1).contains("ever"));
    // And of each guest there is an end to addresses.
    let mut one = guest(1);
    one.macs = (0..20).map(|n| Mac::new([2, 8, 0x20, 0, n, 1])).collect();
    office.enroll([one]);
    assert_eq!(office.has(1).split(',').count(), 32);
}
