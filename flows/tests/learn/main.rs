//! Which addresses guests come by, as the daemon would have it from frames.
//!
//!   server, router ──── bge0
//!                        ├── vnic 1  2:8:20:0:0:1, and 2:8:20:0:1:1
//!                        └── vnic 2  2:8:20:0:0:2
//!
//! `hear()` is handed what the data plane copies; the messages are written by
//! dhcproto and the packets by pnet, so that what reads them is not what made
//! them.

mod dhcp4;
mod dhcp6;
mod enrolling;
mod frames;
mod properties;
mod slaac;

use fabric::datapath::{LinkRef, Segment};
use fabric::{LinkId, Mac, Methods};
use flows::learn::{Change, Guest, Heard, Learned, Learner, Moment};

/// Every method.
const ALL: Methods = Methods { dhcpv4: true, dhcpv6: true, slaac: true };
/// The DHCP server, which is the router as well: somewhere on the wire.
const SERVER: [u8; 6] = [2, 0, 0, 0, 0, 0xaa];
/// Everybody.
const BROADCAST: [u8; 6] = [0xff; 6];

fn bge0() -> Segment {
    Segment::Link(LinkRef::Name("bge0".parse().unwrap()))
}

/// The VNIC's own address.
fn mac(id: u32) -> [u8; 6] {
    [2, 8, 0x20, 0, 0, u8::try_from(id).unwrap()]
}

/// The VNIC's second address.
fn second_mac(id: u32) -> [u8; 6] {
    [2, 8, 0x20, 0, 1, u8::try_from(id).unwrap()]
}

fn guest(id: u32) -> Guest {
    Guest {
        id: LinkId(id),
        segment: bge0(),
        vid: 0,
        macs: vec![Mac::new(mac(id))],
        methods: ALL,
    }
}

/// A learner, and what its changes add up to for whoever follows them.
struct Office {
    learner: Learner,
    now: Moment,
    followed: std::collections::BTreeMap<(LinkId, std::net::IpAddr), Learned>,
}

impl Office {
    fn new(guests: impl IntoIterator<Item = Guest>) -> Self {
        let mut office = Self {
            learner: Learner::new(),
            now: Moment(1000),
            followed: [].into(),
        };
        office.enroll(guests);
        office
    }

    /// With both VNICs.
    fn open() -> Self {
        Self::new([guest(1), guest(2)])
    }

    fn enroll(&mut self, guests: impl IntoIterator<Item = Guest>) {
        let changes = self.learner.enroll(guests);
        self.follow(&changes);
    }

    fn follow(&mut self, changes: &[Change]) {
        for change in changes {
            match change {
                Change::Learn(new) => {
                    let key = (new.id, new.address);
                    self.followed.insert(key, new.clone());
                }
                Change::Forget { id, address } => {
                    let old = self.followed.remove(&(*id, *address));
                    assert!(old.is_some(), "nobody knew {change:?}");
                }
            }
        }
        let followed: Vec<_> = self.followed.values().collect();
        let all: Vec<_> = self.learner.all().collect();
        assert_eq!(followed, all, "the changes lead elsewhere");
    }

    /// A guest sends a frame.
    fn from(&mut self, id: u32, frame: &[u8]) -> &mut Self {
        let heard = Heard::From { id: LinkId(id), frame };
        let changes = self.learner.hear(&heard, self.now);
        self.follow(&changes);
        self
    }

    /// A frame arrives for VNICs.
    fn on(&mut self, frame: &[u8]) -> &mut Self {
        self.on_vlan(0, frame)
    }

    fn on_vlan(&mut self, vid: u16, frame: &[u8]) -> &mut Self {
        let heard = Heard::On { segment: bge0(), vid, by: None, frame };
        let changes = self.learner.hear(&heard, self.now);
        self.follow(&changes);
        self
    }

    /// A guest sends a frame to others.
    fn on_by(&mut self, id: u32, frame: &[u8]) -> &mut Self {
        let by = Some(LinkId(id));
        let heard = Heard::On { segment: bge0(), vid: 0, by, frame };
        let changes = self.learner.hear(&heard, self.now);
        self.follow(&changes);
        self
    }

    fn after(&mut self, seconds: u64) -> &mut Self {
        self.now = self.now.after(seconds);
        let changes = self.learner.expire(self.now);
        self.follow(&changes);
        self
    }

    /// What a guest came by: each address with how many seconds it has left.
    fn has(&self, id: u32) -> String {
        let learned = self.learner.learned(LinkId(id)).map(|learned| {
            let left = learned.until.map(|until| until.0 - self.now.0);
            match left {
                Some(left) => format!("{} {left}", learned.address),
                None => format!("{} ever", learned.address),
            }
        });
        learned.collect::<Vec<_>>().join(", ")
    }
}
