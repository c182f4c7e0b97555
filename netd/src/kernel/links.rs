//! What a link message says: whose link it is, and what kind.

use fabric::shaping::Shaper;
use fabric::{
    Duplex, HostEnd, LinkClass, LinkName, LinkState, Mac, Mtu, ObservedLink,
    Torn, Vnic,
};
use flows::LinkIndexes;
use netlink_packet_route::link::{
    InfoKind, LinkAttribute, LinkFlags, LinkInfo, LinkLayerType, LinkMessage,
    State,
};

use super::netlink::attribute;

/// The group (`IFLA_GROUP`) of every host end, "ARBA" in ASCII.
///
/// It is our mark: it can be part of the message that makes a link, so no
/// crash can leave a link of ours without it. `ip link` shows it as a number.
pub(super) const GROUP: u32 = 0x4152_4241;

/// The group of host ends about to be deleted. One deletion by group costs one
/// grace period of the kernel however many links there are.
pub(super) const TRASH: u32 = GROUP + 1;

/// The group of a link of ours until it is finished: closed, described, with
/// the queue that it is to have. Whoever finds one like that later makes it
/// anew.
pub(super) const UNFINISHED: u32 = GROUP + 2;

/// The group of a host end while what both ends have in common is changed.
/// Nobody sees from here how far that got at the guest end.
pub(super) const fn torn(what: Torn) -> u32 {
    match what {
        Torn::Mtu => GROUP + 3,
        Torn::Segs => GROUP + 4,
    }
}

/// A link of the namespace.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Found {
    pub(super) name: LinkName,
    pub(super) index: u32,
    /// Whether it is a veth whose other end is in another namespace.
    pub(super) crosses: bool,
    pub(super) what: What,
}

impl Found {
    /// Files the link's number.
    pub(super) fn enter(&self, indexes: &mut LinkIndexes) {
        if self.crosses {
            indexes.insert_crossing(self.name.clone(), self.index);
        } else {
            indexes.insert(self.name.clone(), self.index);
        }
    }
}

/// What a link is to us.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A host end, and what of it was being changed.
    Ours(HostEnd, Option<Torn>),
    /// A link of ours that was being made.
    Unfinished,
    /// An end of a shaper, and whether it is on.
    Shaper(bool),
    /// Somebody else's, of a class that we know.
    Foreign(ObservedLink),
    /// Nothing that VNICs or tables speak of; only its number matters.
    Other,
}

/// Reads a link message. None for what has no name that a table could hold.
pub(super) fn read(link: &LinkMessage) -> Option<Found> {
    let name = attribute(link, |at| match at {
        LinkAttribute::IfName(name) => Some(name),
        _ => None,
    })?;
    let name: LinkName = name.parse().ok()?;
    let what = what(link, &name);
    let crosses = kind(link) == Some(&InfoKind::Veth) && has_peer_away(link);
    Some(Found { name, index: link.header.index, crosses, what })
}

fn what(link: &LinkMessage, name: &LinkName) -> What {
    let group = attribute(link, |at| match at {
        LinkAttribute::Group(group) => Some(*group),
        _ => None,
    });
    let mtu = attribute(link, |at| match at {
        LinkAttribute::Mtu(mtu) => Some(*mtu),
        _ => None,
    });
    // The loopback of some kernels has an MTU of 65536; no frame of ours is
    // that large.
    let mtu = Mtu::new(mtu.unwrap_or_default()).unwrap_or(Mtu::MAX);
    let up = link.header.flags.contains(LinkFlags::Up);
    let near = Shaper::of_near_end(name);
    let host_end = Vnic::id_of_host_end(name);
    if group == Some(UNFINISHED) && (near.is_some() || host_end.is_some()) {
        return What::Unfinished;
    }
    let torn = [Torn::Mtu, Torn::Segs]
        .into_iter()
        .find(|what| group == Some(self::torn(*what)));
    let marked = matches!(group, Some(GROUP | TRASH)) || torn.is_some();
    if marked && host_end.is_some() {
        // Not by the flag, which is off on a link that is off: a TAP is open
        // or not whether or not it is on.
        let carrier = attribute(link, |at| match at {
            LinkAttribute::Carrier(carrier) => Some(*carrier != 0),
            _ => None,
        });
        let carrier = carrier.unwrap_or_default();
        let segs = attribute(link, |at| match at {
            LinkAttribute::GsoMaxSegs(segs) => Some(*segs),
            _ => None,
        });
        let segs = segs.unwrap_or(HostEnd::MOST_SEGS);
        let end = HostEnd { mtu, segs, up, carrier };
        return What::Ours(end, torn);
    }
    let far = Shaper::of_far_end(name);
    if marked && near.or(far).is_some() {
        return What::Shaper(up);
    }
    let mac = attribute(link, |at| match at {
        LinkAttribute::Address(octets) => mac(octets),
        _ => None,
    });
    let (Some(class), Some(mac)) = (class(link), mac) else {
        return What::Other;
    };
    let factory_mac = attribute(link, |at| match at {
        LinkAttribute::PermAddress(octets) => self::mac(octets),
        _ => None,
    });
    What::Foreign(ObservedLink {
        class,
        mac,
        factory_mac,
        mtu,
        state: state(link),
        speed: None,
        duplex: Duplex::Unknown,
        promiscuous: link.header.flags.contains(LinkFlags::Promisc),
        lro: false,
    })
}

fn mac(octets: &[u8]) -> Option<Mac> {
    octets.try_into().ok().map(Mac::new)
}

/// The class of a link that is not ours.
///
/// A veth whose other end is in another namespace, and that no bridge has
/// taken, is what a NIC is inside a container; one with its other end here
/// only ties two things of this host together.
fn class(link: &LinkMessage) -> Option<LinkClass> {
    if link.header.link_layer_type != LinkLayerType::Ether {
        return None;
    }
    match kind(link) {
        None | Some(InfoKind::Dummy | InfoKind::Netdevsim) => {
            Some(LinkClass::Phys)
        }
        Some(InfoKind::Veth) => {
            let taken =
                |at: &LinkAttribute| matches!(at, LinkAttribute::Controller(_));
            let taken = link.attributes.iter().any(taken);
            (has_peer_away(link) && !taken).then_some(LinkClass::Phys)
        }
        Some(InfoKind::Bond | InfoKind::Team) => Some(LinkClass::Aggr),
        Some(InfoKind::Vlan) => Some(LinkClass::Vlan),
        Some(InfoKind::Bridge) => Some(LinkClass::Bridge),
        Some(_) => None,
    }
}

fn kind(link: &LinkMessage) -> Option<&InfoKind> {
    attribute(link, |at| match at {
        LinkAttribute::LinkInfo(infos) => {
            infos.iter().find_map(|info| match info {
                LinkInfo::Kind(kind) => Some(kind),
                _ => None,
            })
        }
        _ => None,
    })
}

/// Whether the kernel names another namespace for what is below the link: for
/// a veth, its other end's.
fn has_peer_away(link: &LinkMessage) -> bool {
    let away = |at: &LinkAttribute| matches!(at, LinkAttribute::LinkNetNsId(_));
    link.attributes.iter().any(away)
}

/// The number of a veth's other end, and whether that is in another namespace.
pub(super) fn peer(link: &LinkMessage) -> Option<(u32, bool)> {
    if kind(link) != Some(&InfoKind::Veth) {
        return None;
    }
    let away = has_peer_away(link);
    let index = attribute(link, |at| match at {
        LinkAttribute::Link(index) => Some(*index),
        _ => None,
    });
    // Some kernels leave it out where it is the same number in two namespaces.
    let same = away.then_some(link.header.index);
    Some((index.or(same)?, away))
}

fn state(link: &LinkMessage) -> LinkState {
    let oper = attribute(link, |at| match at {
        LinkAttribute::OperState(state) => Some(*state),
        _ => None,
    });
    let flags = link.header.flags;
    match oper {
        Some(State::Up) => LinkState::Up,
        // Drivers without operational states: carrier decides (RFC 2863
        // support in Documentation/networking/operstates.rst).
        Some(State::Unknown) | None => {
            if flags.contains(LinkFlags::Up | LinkFlags::LowerUp) {
                LinkState::Up
            } else {
                LinkState::Down
            }
        }
        Some(_) => LinkState::Down,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn link(name: &str, kind: Option<InfoKind>) -> LinkMessage {
        let mut link = LinkMessage::default();
        link.header.link_layer_type = LinkLayerType::Ether;
        link.header.index = 7;
        link.attributes = vec![
            LinkAttribute::IfName(name.to_owned()),
            LinkAttribute::Mtu(1500),
            LinkAttribute::Address(vec![2, 8, 0x20, 0, 0, 1]),
        ];
        if let Some(kind) = kind {
            let info = vec![LinkInfo::Kind(kind)];
            link.attributes.push(LinkAttribute::LinkInfo(info));
        }
        link
    }

    #[test]
    fn classes() {
        let away = LinkAttribute::LinkNetNsId(0);
        let taken = LinkAttribute::Controller(3);
        let phys = Some(LinkClass::Phys);
        for (title, kind, more, want) in [
            ("a NIC", None, vec![], phys),
            ("a veth to elsewhere", Some(InfoKind::Veth), vec![&away], phys),
            ("a veth within", Some(InfoKind::Veth), vec![], None),
            (
                "a container's veth in a bridge",
                Some(InfoKind::Veth),
                vec![&away, &taken],
                None,
            ),
            ("a bond", Some(InfoKind::Bond), vec![], Some(LinkClass::Aggr)),
            ("a VLAN", Some(InfoKind::Vlan), vec![], Some(LinkClass::Vlan)),
            ("a tunnel", Some(InfoKind::Vxlan), vec![], None),
            ("a TAP of somebody's", Some(InfoKind::Tun), vec![], None),
        ] {
            let mut link = link("bge0", kind);
            link.attributes.extend(more.into_iter().cloned());
            let got = match read(&link).unwrap().what {
                What::Foreign(link) => Some(link.class),
                _ => None,
            };
            assert_eq!(got, want, "{title}");
        }
    }

    #[test]
    fn the_other_end_of_a_veth() {
        let (there, away) =
            (LinkAttribute::Link(4), LinkAttribute::LinkNetNsId(0));
        for (kind, more, want) in [
            (InfoKind::Veth, vec![&there, &away], Some((4, true))),
            (InfoKind::Veth, vec![&there], Some((4, false))),
            (InfoKind::Veth, vec![&away], Some((7, true))),
            (InfoKind::Veth, vec![], None),
            (InfoKind::Tun, vec![], None),
            (InfoKind::Vlan, vec![&there], None),
        ] {
            let mut link = link("vnic-7", Some(kind.clone()));
            link.attributes.extend(more.into_iter().cloned());
            assert_eq!(peer(&link), want, "{kind:?}");
        }
    }

    #[test]
    fn ours_is_what_carries_the_mark_and_the_name() {
        for (name, group, want) in [
            ("vnic-7", Some(GROUP), true),
            ("vnic-7", Some(TRASH), true),
            ("vnic-7", Some(0), false),
            ("vnic-7", None, false),
            ("bge0", Some(GROUP), false),
        ] {
            let mut link = link(name, Some(InfoKind::Veth));
            link.attributes.extend(group.map(LinkAttribute::Group));
            let ours = matches!(read(&link).unwrap().what, What::Ours(..));
            assert_eq!(ours, want, "{name} {group:?}");
        }
    }

    #[test]
    fn the_ends_of_a_shaper_carry_the_mark_too() {
        for (name, group, want) in [
            ("shape-1", GROUP, What::Shaper(false)),
            ("shaped-1f", GROUP, What::Shaper(false)),
        ] {
            let mut link = link(name, Some(InfoKind::Veth));
            link.attributes.push(LinkAttribute::Group(group));
            assert_eq!(read(&link).unwrap().what, want, "{name}");
        }
        for (name, group) in [("shape-1", 0), ("shape-x", GROUP)] {
            let mut link = link(name, Some(InfoKind::Veth));
            link.attributes.push(LinkAttribute::Group(group));
            let found = read(&link).unwrap().what;
            assert!(!matches!(found, What::Shaper(_)), "{name}");
        }
    }

    #[test]
    fn what_a_netd_died_over_shows_in_the_mark() {
        for (name, group, want) in [
            ("vnic-7", UNFINISHED, Ok(())),
            ("shape-1", UNFINISHED, Ok(())),
            ("vnic-7", torn(Torn::Mtu), Err(Some(Torn::Mtu))),
            ("vnic-7", torn(Torn::Segs), Err(Some(Torn::Segs))),
            ("vnic-7", TRASH, Err(None)),
        ] {
            let mut link = link(name, Some(InfoKind::Veth));
            link.attributes.push(LinkAttribute::Group(group));
            let got = match read(&link).unwrap().what {
                What::Unfinished => Ok(()),
                What::Ours(_, torn) => Err(torn),
                other => panic!("{name} {group:#x}: {other:?}"),
            };
            assert_eq!(got, want, "{name} {group:#x}");
        }
        // Both go with the near end.
        let mut far = link("shaped-1", Some(InfoKind::Veth));
        far.attributes.push(LinkAttribute::Group(UNFINISHED));
        assert_eq!(read(&far).unwrap().what, What::Other);
        let mut bge0 = link("bge0", Some(InfoKind::Veth));
        bge0.attributes.push(LinkAttribute::Group(UNFINISHED));
        assert_eq!(read(&bge0).unwrap().what, What::Other);
    }

    #[test]
    fn carrier_is_told_of_a_host_end_that_is_off() {
        for (attribute, want) in [
            (Some(LinkAttribute::Carrier(1)), true),
            (Some(LinkAttribute::Carrier(0)), false),
            (None, false),
        ] {
            let mut link = link("vnic-7", Some(InfoKind::Tun));
            link.attributes.push(LinkAttribute::Group(GROUP));
            link.attributes.extend(attribute);
            let (mtu, segs) = (Mtu::ETHERNET, HostEnd::MOST_SEGS);
            let end = HostEnd { mtu, segs, up: false, carrier: want };
            assert_eq!(read(&link).unwrap().what, What::Ours(end, None));
        }
    }

    #[test]
    fn only_ethernet_carries_vnics() {
        let mut lo = link("lo", None);
        lo.header.link_layer_type = LinkLayerType::Loopback;
        assert_eq!(read(&lo).unwrap().what, What::Other);
    }
}
