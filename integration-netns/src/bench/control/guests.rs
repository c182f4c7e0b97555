//! For whom links are made.

use fabric::Mac;

use crate::Netns;

/// A guest: a link in a zone.
#[derive(Clone, Debug)]
pub(super) struct Guest {
    pub(super) number: usize,
    pub(super) zone: Netns,
    pub(super) link: String,
    pub(super) mac: Mac,
}

impl Guest {
    /// As many as wanted in one zone.
    pub(super) fn in_one(zone: &Netns, count: usize) -> Vec<Self> {
        let guest = |number| Self::new(number, zone, format!("v{number}"));
        (0..count).map(guest).collect()
    }

    /// One in each zone.
    pub(super) fn in_each(zones: &[Netns]) -> Vec<Self> {
        let zones = zones.iter().enumerate();
        let guest = |(at, zone)| Self::new(at, zone, "net0".to_owned());
        zones.map(guest).collect()
    }

    /// One of a number that no other has.
    pub(super) fn new(number: usize, zone: &Netns, link: String) -> Self {
        // No address that netd draws by itself, and 24 bits, which no run
        // uses up.
        let [.., a, b, c] = number.to_be_bytes();
        let mac = Mac::new([0x02, 0x09, 0x20, a, b, c]);
        Self { number, zone: zone.clone(), link, mac }
    }
}
