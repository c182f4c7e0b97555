//! What netd is told, and what is shown of frames that are dropped.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use fabric::datapath::{FdbKey, FdbRow, Row, Segment, SegmentRow, VnicRow};
use fabric::{DropReason, LinkId, Methods, Program, Protection};
use flows::datapath::{Ring, RingError};
use flows::{DroppedFrame, Told};

use crate::bench::{Bench, Context, OTHER, SELF, link};
use crate::frames::{
    Address, BROADCAST, GROUP, REMOTE, ethernet, frame, tagged, vnic,
};
use crate::lab::in_lab;
use crate::packets::{ICMPV6, TCP, UDP, icmpv6, ipv4, ipv6, udp};
use pnet::packet::ethernet::EtherTypes;

/// Two VNICs of a link and a VLAN, the second of which comes by addresses when
/// it has the methods.
fn rows(vid: u16, methods: &str) -> Vec<Row> {
    let bge0 = Segment::Link(link("bge0"));
    let methods: Methods = methods.parse().unwrap_or_default();
    let mut rows = vec![Row::Segment(
        bge0.clone(),
        SegmentRow { station: None, promiscuous: false },
    )];
    for (id, host_end, last) in [(SELF, "lo", 7), (OTHER, "vnic-8", 8)] {
        let row = VnicRow {
            id,
            segment: bge0.clone(),
            vid,
            mac: vnic(last).into(),
            secondary: false,
            mtu: 1500,
            protection: Protection::DEFAULT,
            allow_all_dhcp_cids: false,
            first: [].into(),
            listed: [].into(),
            methods,
            shaped: None,
            blocked: false,
            flows: false,
        };
        rows.push(Row::Vnic(link(host_end), row));
        let key = FdbKey { segment: bge0.clone(), vid, mac: vnic(last).into() };
        let learns = !methods.is_none();
        let host_end = link(host_end);
        rows.push(Row::Fdb(
            key,
            FdbRow {
                id,
                host_end,
                mtu: 1500,
                learns,
                class: None,
                blocked: false,
                flows: false,
                steered: false,
            },
        ));
    }
    rows
}

fn dhcp4(dst: Address, src: Address, from: u16, to: u16) -> Vec<u8> {
    let message = udp(from, to, &[7; 300]);
    let packet = ipv4("10.0.0.1".parse().unwrap(), UDP, &message);
    ethernet(dst, src, EtherTypes::Ipv4, &packet)
}

fn v6(dst: Address, src: Address, next: u8, payload: &[u8]) -> Vec<u8> {
    let packet = ipv6("fe80::1".parse().unwrap(), next, payload);
    ethernet(dst, src, EtherTypes::Ipv6, &packet)
}

type Reader = Box<dyn FnMut(&[u8]) + Send>;

/// A ring, and what was read of it.
struct Reading {
    ring: Ring,
    records: Arc<Mutex<Vec<Vec<u8>>>>,
}

impl Reading {
    fn new(open: impl FnOnce(Reader) -> Result<Ring, RingError>) -> Self {
        let records: Arc<Mutex<Vec<Vec<u8>>>> = Arc::default();
        let sink = Arc::clone(&records);
        let reader =
            move |record: &[u8]| sink.lock().unwrap().push(record.to_vec());
        Self { ring: open(Box::new(reader)).unwrap(), records }
    }

    fn told(bench: &Bench) -> Self {
        Self::new(|reader| bench.datapath.told(reader))
    }

    fn shown(bench: &Bench) -> Self {
        Self::new(|reader| bench.datapath.shown(reader))
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        self.ring.read(Duration::ZERO).unwrap();
        std::mem::take(&mut *self.records.lock().unwrap())
    }
}

/// Runs a program, and reads what netd is told.
fn told(bench: &Bench, program: Program, frame: &[u8]) -> Vec<Told> {
    let mut ring = Reading::told(bench);
    bench.just_run(program, &Context::default(), frame);
    let records = ring.take();
    let told = |record: &Vec<u8>| Told::decode(record, &bench.links).unwrap();
    records.iter().map(told).collect()
}

#[test]
fn what_gives_a_guest_an_address_is_told() {
    in_lab(|lab| {
        let bench = Bench::new(lab);
        let all = "dhcpv4,addrconf";
        bench.put(rows(0, all));
        let vnic = Program::FromVnic;
        let bge0 = Segment::Link(link("bge0"));
        let advert = icmpv6(134, &[0; 12]);
        let own = crate::frames::vnic(7);
        let other = crate::frames::vnic(8);
        for (title, frame, asks) in [
            ("asks DHCP", dhcp4(BROADCAST, own, 68, 67), true),
            ("renews", dhcp4(REMOTE, own, 68, 67), true),
            ("asks DHCPv6", v6(GROUP, own, UDP, &udp(546, 547, &[1])), true),
            ("is answered", dhcp4(other, own, 67, 68), false),
            ("all are answered", dhcp4(BROADCAST, own, 67, 68), false),
            ("DHCPv6", v6(other, own, UDP, &udp(547, 546, &[7])), false),
            ("a router", v6(GROUP, own, ICMPV6, &advert), false),
            ("a router to one", v6(other, own, ICMPV6, &advert), false),
        ] {
            let want = Told {
                from: Some(SELF),
                asks,
                segment: bge0.clone(),
                vid: 0,
                frame,
            };
            let got = told(&bench, vnic, &want.frame);
            assert_eq!(got, [want], "{title}");
        }
        let tcp = ipv4("10.0.0.1".parse().unwrap(), TCP, &[0; 20]);
        for (title, frame) in [
            ("a frame", frame(other, own)),
            ("TCP", ethernet(other, own, EtherTypes::Ipv4, &tcp)),
            ("some UDP", dhcp4(other, own, 5353, 5353)),
            ("pings", v6(other, own, ICMPV6, &icmpv6(128, &[0; 4]))),
            ("an answer to the wire", dhcp4(REMOTE, own, 67, 68)),
        ] {
            assert_eq!(told(&bench, vnic, &frame), [], "{title}");
        }
        // Who can't come by addresses is not listened to.
        bench.put(rows(0, "none"));
        for (title, frame) in [
            ("asks DHCP", dhcp4(BROADCAST, own, 68, 67)),
            ("is answered", dhcp4(other, own, 67, 68)),
        ] {
            assert_eq!(told(&bench, vnic, &frame), [], "{title}");
        }
    });
}

#[test]
fn what_the_wire_says_is_told_without_its_tag() {
    in_lab(|lab| {
        let mut bench = Bench::new(lab);
        // A test run is on the loopback device: it is the link here.
        bench.links.insert("bge0".parse().unwrap(), 1);
        bench.links.insert("vnic-7".parse().unwrap(), 1007);
        let as_link = |row| match row {
            Row::Vnic(_, row) if row.id == SELF => {
                Some(Row::Vnic(link("vnic-7"), row))
            }
            Row::Fdb(key, mut row) if row.id == SELF => {
                row.host_end = link("vnic-7");
                Some(Row::Fdb(key, row))
            }
            row => Some(row),
        };
        bench.put(rows(5, "dhcpv4").into_iter().filter_map(as_link));
        let answer = dhcp4(vnic(7), REMOTE, 67, 68);
        for program in [Program::FromLink, Program::ToLink] {
            let got = told(&bench, program, &tagged(&answer, 5, 3));
            let want = Told {
                from: None,
                asks: false,
                segment: Segment::Link(link("bge0")),
                vid: 5,
                frame: answer.clone(),
            };
            assert_eq!(got, [want], "{program}");
            assert_eq!(told(&bench, program, &answer), [], "{program}");
        }
    });
}

/// Who asks without end is heard so often and no more.
#[test]
fn nobody_can_fill_the_ring() {
    in_lab(|lab| {
        let bench = Bench::new(lab);
        bench.put(rows(0, "dhcpv4"));
        let mut ring = Reading::told(&bench);
        let frame = dhcp4(BROADCAST, vnic(7), 68, 67);
        for _ in 0..1000 {
            let context = Context::default();
            bench.just_run(Program::FromVnic, &context, &frame);
        }
        let told = ring.take().len();
        assert!((16..900).contains(&told), "{told} of 1000");
    });
}

#[test]
fn a_dropped_frame_is_shown_once_in_a_while() {
    in_lab(|lab| {
        let bench = Bench::new(lab);
        bench.put(rows(0, "none"));
        let mut ring = Reading::shown(&bench);
        let mut forged = frame(REMOTE, vnic(9));
        forged.resize(1000, 0x77);
        for _ in 0..50 {
            let context = Context::default();
            bench.just_run(Program::FromVnic, &context, &forged);
        }
        let itself = frame(vnic(7), vnic(7));
        bench.just_run(Program::FromVnic, &Context::default(), &itself);
        let records = ring.take();
        let shown: Vec<DroppedFrame> = records
            .iter()
            .map(|record| DroppedFrame::decode(record).unwrap())
            .collect();
        let first = &shown[0];
        assert_eq!((first.id, first.length), (LinkId(7), 1000));
        assert_eq!(first.reason, DropReason::MacSpoof);
        assert_eq!(first.bytes, forged[..256]);
        assert_eq!(first.tci, None);
        assert!(shown.len() < 25, "{} of 51", shown.len());
        // A reason that is rare is not hidden by one that is not.
        let last = shown.last().unwrap();
        assert_eq!((last.reason, &last.bytes), (DropReason::Hairpin, &itself));
        assert!(last.at >= first.at);
        let counters = bench.datapath.counters(SELF).unwrap();
        assert_eq!(counters.drops[&DropReason::MacSpoof], 50);
    });
}
