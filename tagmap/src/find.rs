//! From a NIC tag to a link of the host.

use fabric::{LinkClass, LinkName, Mac, PhysLink, TagName};

use crate::{TagError, TagMap, TagTarget};

impl TagMap {
    /// Finds the link that a tag leads to among the host's.
    ///
    /// A NIC is known by the address in use or by the one burnt in. Where
    /// several links answer to it, an aggregation comes first: it has borrowed
    /// the address of one of its NICs, and frames of VNICs belong on the
    /// whole. Next comes the link that was born with the address, before one
    /// that merely uses it.
    ///
    /// # Errors
    /// [`TagError`] says what is missing, or which links are equally good.
    pub fn link_of<'a>(
        &self,
        tag: &TagName,
        phys: &'a [PhysLink],
    ) -> Result<&'a PhysLink, TagError> {
        let tag = tag.clone();
        match self.get(&tag).map(|found| &found.target) {
            None => Err(TagError::NoSuchTag { tag }),
            Some(TagTarget::Nic(mac)) => by_mac(tag, *mac, phys),
            Some(TagTarget::Aggr(name)) => by_name(tag, name, phys),
        }
    }

    /// The tags that lead to a link now, sorted by name.
    pub fn tags_of<'a>(
        &'a self,
        link: &'a LinkName,
        phys: &'a [PhysLink],
    ) -> impl Iterator<Item = &'a TagName> {
        let leads = move |tag: &TagName| {
            self.link_of(tag, phys).is_ok_and(|found| found.name == *link)
        };
        self.iter().map(|(tag, _)| tag).filter(move |tag| leads(tag))
    }
}

fn by_mac(
    tag: TagName,
    mac: Mac,
    phys: &[PhysLink],
) -> Result<&PhysLink, TagError> {
    let claims: [fn(&PhysLink, Mac) -> bool; 3] = [
        |link, mac| link.class == LinkClass::Aggr && link.mac == mac,
        |link, mac| link.factory_mac == Some(mac),
        |link, mac| link.mac == mac,
    ];
    for claim in claims {
        let claimants: Vec<&PhysLink> =
            phys.iter().filter(|link| claim(link, mac)).collect();
        match claimants[..] {
            [] => {}
            [link] => return Ok(link),
            _ => {
                let links =
                    claimants.iter().map(|link| link.name.clone()).collect();
                return Err(TagError::Ambiguous { tag, mac, links });
            }
        }
    }
    Err(TagError::NoSuchNic { tag, mac })
}

fn by_name<'a>(
    tag: TagName,
    name: &LinkName,
    phys: &'a [PhysLink],
) -> Result<&'a PhysLink, TagError> {
    let name = name.clone();
    match phys.iter().find(|link| link.name == name) {
        None => Err(TagError::NoSuchAggr { tag, aggr: name }),
        Some(link) if link.class == LinkClass::Aggr => Ok(link),
        Some(PhysLink { class, .. }) => {
            Err(TagError::NotAggr { tag, link: name, class: *class })
        }
    }
}

#[cfg(test)]
mod tests {
    use fabric::{LinkState, Mtu};

    use super::*;
    use crate::Config;

    fn link(
        name: &str,
        class: LinkClass,
        mac: u8,
        factory_mac: Option<u8>,
    ) -> PhysLink {
        let address = |last| Mac::new([2, 0, 0, 0, 0, last]);
        PhysLink {
            name: name.parse().unwrap(),
            class,
            mac: address(mac),
            factory_mac: factory_mac.map(address),
            mtu: Mtu::ETHERNET,
            state: LinkState::Up,
        }
    }

    fn tags(text: &str) -> TagMap {
        TagMap::from_config(&Config::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn who_has_the_address() {
        use LinkClass::{Aggr, Phys};
        let nic = |last| format!("t_nic=2:0:0:0:0:{last}");
        let bond = || {
            vec![
                link("bond0", Aggr, 1, None),
                link("eth0", Phys, 1, Some(1)),
                link("eth1", Phys, 1, Some(2)),
            ]
        };
        for (title, config, phys, want) in [
            ("in use", nic(1), vec![link("eth0", Phys, 1, None)], Ok("eth0")),
            (
                "burnt in, another in use",
                nic(1),
                vec![link("eth0", Phys, 9, Some(1))],
                Ok("eth0"),
            ),
            (
                "born with it, against merely using it",
                nic(1),
                vec![
                    link("eth0", Phys, 1, Some(7)),
                    link("eth1", Phys, 1, Some(1)),
                ],
                Ok("eth1"),
            ),
            ("a bond before its NICs", nic(1), bond(), Ok("bond0")),
            ("a bond's NIC by its own", nic(2), bond(), Ok("eth1")),
            (
                "two with equal right",
                nic(1),
                vec![
                    link("eth0", Phys, 1, None),
                    link("eth1", Phys, 1, None),
                    link("eth2", Phys, 1, None),
                ],
                Err("the MAC address 02:00:00:00:00:01 of nic tag \"t\" is \
                     that of \"eth0\", \"eth1\" and \"eth2\""),
            ),
            (
                "nobody",
                nic(3),
                bond(),
                Err("no NIC has the MAC address 02:00:00:00:00:03 of nic \
                     tag \"t\""),
            ),
            ("by name", "t_nic=bond0".to_owned(), bond(), Ok("bond0")),
            (
                "a name that is not there",
                "t_nic=aggr0\naggr0_aggr=2:0:0:0:0:1".to_owned(),
                bond(),
                Err("aggregation \"aggr0\" of nic tag \"t\" does not exist"),
            ),
            (
                "a NIC's name",
                "t_nic=eth0".to_owned(),
                bond(),
                Err("\"eth0\" of nic tag \"t\" is a phys, not an \
                     aggregation"),
            ),
            (
                "no such tag",
                "T_nic=2:0:0:0:0:1".to_owned(),
                bond(),
                Err("nic tag \"t\" does not exist"),
            ),
        ] {
            let tag = "t".parse().unwrap();
            let got = tags(&config).link_of(&tag, &phys).cloned();
            let got = got.map(|link| link.name.to_string());
            let got = got.map_err(|error| error.to_string());
            assert_eq!(got.as_deref().map_err(|e| &**e), want, "{title}");
        }
    }

    #[test]
    fn tags_of_a_link() {
        let map = tags(
            "b_nic=2:0:0:0:0:1\na_nic=2:0:0:0:0:1\nc_nic=2:0:0:0:0:2\n\
             d_nic=aggr0\n",
        );
        let phys = [
            link("eth0", LinkClass::Phys, 1, None),
            link("aggr0", LinkClass::Aggr, 5, None),
        ];
        for (name, want) in
            [("eth0", &["a", "b"][..]), ("aggr0", &["d"]), ("eth1", &[])]
        {
            let name = name.parse().unwrap();
            let got: Vec<_> =
                map.tags_of(&name, &phys).map(TagName::as_str).collect();
            assert_eq!(got, want, "{name}");
        }
    }
}
