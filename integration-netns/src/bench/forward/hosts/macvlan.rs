//! macvlan devices in bridge mode on the host's NIC.

use super::{Guest, Host, Stations, batch, site, switch_on, talkers};
use crate::bench::forward::case::Way;
use crate::{Lab, Netns, Office};

/// A host that gives macvlan devices away. Its own stack, on the NIC below,
/// can't talk to them.
#[derive(Debug)]
pub(super) struct MacvlanHost {
    stations: Stations,
    host: Netns,
    crowd: Netns,
    /// A file for commands.
    file: String,
    guests: usize,
}

impl MacvlanHost {
    pub(super) fn new(lab: &Lab) -> Self {
        let Office { host, wire } = site(lab, "macvlan");
        let [a, b] = talkers(lab, "macvlan");
        let guests = Guest::talkers(0, &a, &b);
        let addrs = guests.each_ref().map(|guest| guest.addr);
        let stations = Stations { a, b, addrs, host: None, wire: Some(wire) };
        let crowd = lab.quiet_zone("macvlan-crowd");
        let file = lab.file("macvlan", "");
        let mut this = Self { stations, host, crowd, file, guests: 0 };
        this.add(&guests);
        guests.iter().for_each(Guest::plumb);
        this
    }

    fn add(&mut self, guests: &[Guest]) {
        let line = |guest: &Guest| {
            let (link, mac) = (&guest.link, guest.mac());
            let (nic, zone) = (Office::NIC, guest.zone.name());
            format!(
                "link add link {nic} name {link} address {mac} netns {zone} \
                 type macvlan mode bridge"
            )
        };
        let lines: Vec<_> = guests.iter().map(line).collect();
        batch(&self.file, &self.host, &lines);
        switch_on(&self.file, guests);
        self.guests += guests.len();
    }
}

impl Host for MacvlanHost {
    fn crowd_to(&mut self, crowd: usize) {
        let numbers = self.guests..crowd;
        let guest = |number| Guest::of_crowd(number, &self.crowd);
        let guests: Vec<_> = numbers.map(guest).collect();
        self.add(&guests);
    }

    fn guests(&self) -> usize {
        self.guests
    }

    fn stations(&self) -> Vec<(Way, &Stations)> {
        vec![(Way::Macvlan, &self.stations)]
    }

    fn notes(&self) -> Vec<String> {
        vec!["macvlan: no way between host and zone".to_owned()]
    }
}
