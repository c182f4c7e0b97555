//! The link properties: create-vnic, set-linkprop, reset-linkprop and
//! show-linkprop all go by one table.

mod read;
mod table;

use std::borrow::Cow;

use fabric::api::{LinkInfo, PhysInfo, SetProps, VnicInfo};
use fabric::{LinkClass, LinkProps, Status, VnicProp, VnicProps};

pub(super) use read::{Refusal, Target, cannot, read, read_names};
pub(super) use table::PROPS;

/// A link property.
pub(super) struct LinkProp {
    /// Its name.
    pub(super) name: &'static str,
    /// The classes of links that have it.
    classes: &'static [LinkClass],
    /// What netd calls it, if a VNIC has it by somebody's will.
    pub(super) vnic: Option<VnicProp>,
    /// What netd calls it, if a link that VNICs sit on has it by somebody's
    /// will.
    pub(super) link: Option<fabric::LinkProp>,
    /// Its value, in words of which there are none or several.
    value: fn(&Subject, When) -> Vec<String>,
    /// What it can be.
    possible: Possible,
    /// What takes its value; none: nobody can set it, not even at creation.
    parse: Option<Setter>,
}

/// Takes a property's values.
type Setter = fn(&mut SetProps, &[String]) -> Result<(), Bad>;

/// What is wrong with a property's values.
enum Bad {
    /// None of the words that it takes.
    Choice,
    /// Anything else, with what to try.
    Status(Status, Option<String>),
}

/// The POSSIBLE column.
enum Possible {
    /// Nothing that a list could say.
    Free,
    /// A comma list of words.
    Words(&'static str),
    /// One ring in software, or up to as many as the VNIC can have.
    Rings,
    /// From the smallest MTU to the VNIC's largest.
    Mtu,
}

/// Of which time a value is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum When {
    /// Now.
    Now,
    /// From the next boot on.
    Kept,
    /// When nobody has set it.
    Default,
}

/// A link with all that netd says of it.
#[derive(Clone, Debug)]
pub(super) struct Subject {
    /// What every link has.
    pub(super) link: LinkInfo,
    /// What a VNIC has.
    pub(super) vnic: Option<VnicInfo>,
    /// What a physical link has.
    pub(super) phys: Option<PhysInfo>,
}

impl Subject {
    /// The properties that a VNIC has by somebody's will.
    fn props(&self, when: When) -> Option<Cow<'_, VnicProps>> {
        let vnic = self.vnic.as_ref()?;
        let kept = vnic.kept_props.as_ref().unwrap_or(&vnic.props);
        Some(match when {
            When::Now => Cow::Borrowed(&vnic.props),
            When::Kept => Cow::Borrowed(kept),
            When::Default => Cow::Owned(VnicProps::default()),
        })
    }

    /// The properties that a link which VNICs can sit on has by somebody's
    /// will.
    fn link_props(&self, when: When) -> Option<LinkProps> {
        let props = self.link.props?;
        Some(match when {
            When::Now => props,
            When::Kept => self.link.kept_props.unwrap_or(props),
            When::Default => LinkProps::default(),
        })
    }
}

impl LinkProp {
    /// The property of a name, in any letter case.
    pub(super) fn find(name: &str) -> Option<&'static Self> {
        PROPS.iter().find(|prop| prop.name.eq_ignore_ascii_case(name))
    }

    /// Whether links of a class have it.
    pub(super) fn is_of(&self, class: LinkClass) -> bool {
        self.classes.contains(&class)
    }

    /// Whether links of a class have it by somebody's will.
    pub(super) fn is_set_of(&self, class: LinkClass) -> bool {
        match class {
            LinkClass::Vnic => self.vnic.is_some(),
            class => class.carries_vnics() && self.link.is_some(),
        }
    }

    /// Whether it can be changed on a link that is there.
    pub(super) fn can_change(&self, class: LinkClass) -> bool {
        // Of other links than VNICs, only what is about their VNICs is netd's
        // to change.
        match class {
            LinkClass::Vnic => self.vnic.is_some_and(VnicProp::can_change),
            class => self.is_set_of(class),
        }
    }

    /// Its value.
    pub(super) fn value(&self, subject: &Subject, when: When) -> Vec<String> {
        (self.value)(subject, when)
    }

    /// What it can be, where there is something to choose.
    pub(super) fn possible(&self, subject: &Subject) -> Vec<String> {
        match self.possible {
            Possible::Free => Vec::new(),
            Possible::Words(words) => {
                words.split(',').map(str::to_owned).collect()
            }
            Possible::Rings => {
                let max = subject.vnic.as_ref().and_then(|vnic| vnic.max_rings);
                let range = |max| vec!["sw".to_owned(), format!("<1-{max}>")];
                max.map(range).unwrap_or_default()
            }
            Possible::Mtu => {
                let max = subject.vnic.as_ref().and_then(|vnic| vnic.max_mtu);
                let range = |max| format!("{}-{max}", fabric::Mtu::MIN);
                max.map(range).into_iter().collect()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use fabric::LinkState;

    use super::*;
    use crate::proplist;

    fn vnic(props: VnicProps, kept: Option<VnicProps>) -> Subject {
        let vnic = VnicInfo {
            cpus_effective: "0".parse().ok(),
            rxrings_effective: Some(2),
            txrings_effective: Some(1),
            max_rings: Some(4),
            learned: Vec::new(),
            name: "net0".parse().unwrap(),
            zone: Some("web".to_owned()),
            over: None,
            nic_tag: None,
            speed: 0,
            mac: "2:8:20:0:0:1".parse().unwrap(),
            mac_type: fabric::MacType::Fixed,
            vid: 0,
            mtu: props.mtu,
            default_mtu: Some(fabric::Mtu::ETHERNET),
            max_mtu: Some(fabric::Mtu::ETHERSTUB),
            state: LinkState::Up,
            props,
            kept_props: kept,
            temporary: false,
            id: 1,
            host_end: "vnic-1".parse().unwrap(),
            blocked: None,
        };
        let link = LinkInfo {
            name: vnic.name.clone(),
            zone: vnic.zone.clone(),
            class: LinkClass::Vnic,
            mtu: vnic.mtu,
            state: vnic.state,
            over: Vec::new(),
            props: None,
            kept_props: None,
        };
        Subject { link, vnic: Some(vnic), phys: None }
    }

    #[test]
    fn the_table_has_every_property_of_vnics_in_order_and_by_its_name() {
        let ours = PROPS.iter().filter_map(|prop| prop.vnic);
        assert_eq!(ours.collect::<Vec<_>>(), VnicProp::ALL);
        for prop in &PROPS {
            if let Some(ours) = prop.vnic {
                assert_eq!(prop.name, ours.name());
                assert!(prop.is_of(LinkClass::Vnic), "{}", prop.name);
                assert!(prop.parse.is_some(), "{}", prop.name);
            }
            let found = LinkProp::find(&prop.name.to_ascii_uppercase());
            assert_eq!(found.map(|prop| prop.name), Some(prop.name));
        }
    }

    #[test]
    fn what_is_changed_is_netds() {
        use LinkClass::{Aggr, Etherstub, Phys, Vnic};
        for prop in &PROPS {
            for class in LinkClass::ALL {
                let want = match class {
                    Vnic => prop.vnic.is_some_and(VnicProp::can_change),
                    Phys | Aggr | Etherstub => prop.name == "maxbw",
                    _ => false,
                };
                let name = prop.name;
                assert_eq!(prop.can_change(class), want, "{name} {class}");
                assert!(!want || prop.is_of(class), "{name} {class}");
                assert!(!want || prop.parse.is_some(), "{name}");
            }
        }
    }

    #[test]
    fn what_is_set_of_a_link_is_shown() {
        let maxbw = |mbps: Option<u32>| LinkProps {
            maxbw: mbps.map(fabric::Bandwidth::from_mbps),
        };
        let prop = LinkProp::find("maxbw").unwrap();
        for (props, kept, now, later) in [
            (maxbw(None), None, vec![], vec![]),
            (maxbw(Some(50)), None, vec!["   50"], vec!["   50"]),
            (maxbw(Some(50)), Some(maxbw(None)), vec!["   50"], vec![]),
            (maxbw(None), Some(maxbw(Some(7))), vec![], vec!["    7"]),
        ] {
            let mut subject = vnic(VnicProps::default(), None);
            subject.vnic = None;
            subject.link.class = LinkClass::Phys;
            (subject.link.props, subject.link.kept_props) = (Some(props), kept);
            assert_eq!(prop.value(&subject, When::Now), now);
            assert_eq!(prop.value(&subject, When::Kept), later);
            assert!(prop.value(&subject, When::Default).is_empty());
        }
    }

    #[test]
    fn the_table_has_every_property_of_links_by_its_name() {
        let links = PROPS.iter().filter_map(|prop| {
            prop.link.inspect(|link| assert_eq!(prop.name, link.name()))
        });
        assert_eq!(links.collect::<Vec<_>>(), fabric::LinkProp::ALL);
    }

    #[test]
    fn what_is_set_is_shown_and_what_is_shown_can_be_set() {
        let default = vnic(VnicProps::default(), None);
        for (name, values) in [
            ("mtu", "68"),
            ("secondary-macs", "2:8:20:0:0:8,2:8:20:0:0:7"),
            ("protection", "mac-nospoof,restricted"),
            ("protection", "none"),
            ("dynamic-methods", "dhcpv4,dhcpv6,slaac"),
            ("promisc-filtered", "off"),
            ("allowed-ips", "10.0.0.7/32,2001:db8::/64"),
            ("allowed-dhcp-cids", "0x0102,web"),
            ("allow-all-dhcp-cids", "true"),
            ("maxbw", "  400"),
            ("maxbw", "    0"),
            ("minbw", "50000"),
            ("cpus", "0-3,5"),
            ("rxrings", "2"),
            ("txrings", "sw"),
            ("priority", "low"),
            ("mode", "tap"),
            ("owner", "1000"),
        ] {
            let prop = LinkProp::find(name).unwrap();
            let list = format!("{name}={}", values.trim());
            let list = proplist::parse(&list).unwrap();
            let set = read(Target::New("net0"), &list).unwrap();
            let props = set.over(&VnicProps::default());
            let then = vnic(VnicProps::default(), Some(props.clone()));
            let now = vnic(props, None);
            let value = |subject, when| prop.value(subject, when).join(",");
            assert_eq!(value(&now, When::Now), values, "{name}");
            assert_eq!(value(&now, When::Kept), values, "{name}");
            assert_eq!(value(&then, When::Kept), values, "{name}");
            if name != "mtu" {
                let usual = value(&default, When::Now);
                assert_eq!(value(&then, When::Now), usual, "{name}");
                assert_eq!(value(&now, When::Default), usual, "{name}");
            }
        }
        let mtu = LinkProp::find("mtu").unwrap();
        assert_eq!(mtu.value(&default, When::Default), ["1500"]);
        assert_eq!(mtu.possible(&default), ["68-9000"]);
    }

    #[test]
    fn what_holds_of_cpus_and_rings_is_shown_of_now_only() {
        let subject = vnic(VnicProps::default(), None);
        for (name, value, possible) in [
            ("cpus-effective", "0", ""),
            ("rxrings-effective", "2", ""),
            ("txrings-effective", "1", ""),
            ("rxrings", "", "sw,<1-4>"),
            ("txrings", "", "sw,<1-4>"),
        ] {
            let prop = LinkProp::find(name).unwrap();
            assert_eq!(prop.value(&subject, When::Now).join(","), value);
            for when in [When::Kept, When::Default] {
                assert!(prop.value(&subject, when).is_empty(), "{name}");
            }
            assert_eq!(prop.possible(&subject).join(","), possible, "{name}");
        }
    }
}
