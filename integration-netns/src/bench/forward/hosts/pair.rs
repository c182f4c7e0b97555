//! One veth pair from guest to guest, and nothing between: the limit.

use super::{Guest, Host, LINK, Stations, talkers};
use crate::Lab;
use crate::bench::forward::case::Way;

/// Two guests and no host. A pair is the same whoever holds its ends, so it
/// has no wire and no host to be measured with.
#[derive(Debug)]
pub(super) struct PairHost(Stations);

impl PairHost {
    pub(super) fn new(lab: &Lab) -> Self {
        let [a, b] = talkers(lab, "veth");
        let peer = b.name();
        a.ip(&format!(
            "link add {LINK} type veth peer name {LINK} netns {peer}"
        ));
        let guests = Guest::talkers(0, &a, &b);
        guests.iter().for_each(Guest::plumb);
        let addrs = guests.map(|guest| guest.addr);
        Self(Stations { a, b, addrs, host: None, wire: None })
    }
}

impl Host for PairHost {
    fn crowd_to(&mut self, _crowd: usize) {}

    fn guests(&self) -> usize {
        2
    }

    fn stations(&self) -> Vec<(Way, &Stations)> {
        vec![(Way::Veth, &self.0)]
    }

    fn notes(&self) -> Vec<String> {
        vec![
            "veth: the two guests alone, whatever the crowd; it has neither \
             wire nor host"
                .to_owned(),
        ]
    }
}
