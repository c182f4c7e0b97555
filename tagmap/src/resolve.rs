//! From the desired state to what can be built on this host now.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use fabric::datapath::{LinkRef, Segment};
use fabric::{
    Bandwidth, Blocked, Ends, Etherstub, FabricSpec, Flow, Guarantee,
    LinkClass, LinkId, LinkName, Mac, Mode, Mtu, Observed, Over, Owner,
    PhysLink, ResolvedFlow, ResolvedSegment, ResolvedSpec, ResolvedVnic,
    Status, VlanId, Vnic,
};

use crate::TagMap;

/// Finds the link and the MTU of each VNIC.
///
/// The function is total. A VNIC that can't be built now is listed as
/// [`Blocked`] with the reason, and the others go ahead. Its answer for a VNIC
/// depends on the host, on the VNIC and on those with lower numbers, so a new
/// VNIC takes nothing from an old one.
#[must_use]
pub fn resolve(
    spec: &FabricSpec,
    tags: &TagMap,
    observed: &Observed,
) -> ResolvedSpec {
    let phys = observed.phys();
    let host = Host::new(spec, tags, observed, &phys);
    let mut taken = BTreeSet::new();
    let mut resolved = ResolvedSpec::default();
    for vnic in spec.vnics.values() {
        match host.resolve(vnic, &mut taken, &mut resolved.segments) {
            Ok(found) => {
                resolved.vnics.insert(vnic.id, found);
            }
            Err((status, reason)) => resolved.blocked.push(Blocked {
                id: vnic.id,
                subject: vnic.key().to_string(),
                status,
                reason,
            }),
        }
    }
    resolved
}

/// The physical links whose speed decides something, now or after the next
/// boot: those over which a VNIC, or a flow of one, is promised or denied a part
/// of what they carry, and those with a cap of their own. To ask a driver for a link's speed
/// costs, so nobody asks for that of the others.
#[must_use]
pub fn shaped_links(
    spec: &FabricSpec,
    tags: &TagMap,
    observed: &Observed,
) -> BTreeSet<LinkName> {
    let has_shape = |flow: &&Arc<Flow>| {
        flow.props.is_shaped() || flow.kept_props().is_shaped()
    };
    let flows = spec.flows.values().filter(has_shape);
    let by_flows: BTreeSet<LinkId> = flows.map(|flow| flow.link).collect();
    let shaped = spec.vnics.values().filter(|vnic| {
        vnic.props.is_shaped()
            || vnic.kept_props().is_shaped()
            || by_flows.contains(&vnic.id)
    });
    let overs: BTreeSet<&Over> = shaped.map(|vnic| &vnic.over).collect();
    if overs.is_empty() && spec.links.is_empty() {
        return BTreeSet::new();
    }
    let phys = observed.phys();
    let host = Host::new(spec, tags, observed, &phys);
    let below = overs.into_iter().filter_map(|over| host.below(over).ok());
    let links = below.filter_map(|below| match below {
        Below::Link(link) => Some(&link.name),
        Below::Etherstub(_) => None,
    });
    let capped =
        phys.iter().map(|l| &l.name).filter(|l| spec.links.contains_key(*l));
    links.chain(capped).cloned().collect()
}

/// The owner of a TAP that was given to nobody else.
const ROOT: u32 = 0;

/// Why a VNIC has to wait.
type Obstacle = (Status, String);

/// The addresses of a segment's VLANs that VNICs have.
type Taken = BTreeSet<(Segment, Option<VlanId>, Mac)>;

/// All that a VNIC is held against.
struct Host<'a> {
    spec: &'a FabricSpec,
    tags: &'a TagMap,
    observed: &'a Observed,
    phys: &'a [PhysLink],
    /// The guest ends without a zone.
    guest_ends_here: BTreeSet<&'a LinkName>,
    /// The flows of each VNIC that has any.
    flows: BTreeMap<LinkId, Vec<ResolvedFlow>>,
}

/// What a VNIC sits on.
enum Below<'a> {
    Link(&'a PhysLink),
    Etherstub(&'a Etherstub),
}

impl<'a> Host<'a> {
    fn new(
        spec: &'a FabricSpec,
        tags: &'a TagMap,
        observed: &'a Observed,
        phys: &'a [PhysLink],
    ) -> Self {
        let here = spec.vnics.values().filter(|vnic| vnic.zone.is_none());
        let guest_ends_here = here.map(|vnic| &vnic.name).collect();
        let mut flows: BTreeMap<LinkId, Vec<ResolvedFlow>> = BTreeMap::new();
        for flow in spec.flows.values() {
            flows.entry(flow.link).or_default().push(flow.as_ref().into());
        }
        Self { spec, tags, observed, phys, guest_ends_here, flows }
    }

    fn resolve(
        &self,
        vnic: &Vnic,
        taken: &mut Taken,
        segments: &mut BTreeMap<Segment, ResolvedSegment>,
    ) -> Result<ResolvedVnic, Obstacle> {
        let below = self.below(&vnic.over)?;
        if let Some(mac) = below.station()
            && vnic.macs().any(|own| own == mac)
        {
            let reason = format!(
                "{mac} is the address of link \"{}\" itself",
                below.name()
            );
            return Err((Status::MacReserved, reason));
        }
        // An address is taken even by a VNIC whose zone is not there yet: when
        // the zone starts, it must find its address free.
        let segment = below.segment();
        let stations = vnic.macs().map(|mac| (segment.clone(), vnic.vid, mac));
        let stations: Vec<_> = stations.collect();
        if let Some((.., mac)) =
            stations.iter().find(|station| taken.contains(station))
        {
            let reason = format!(
                "another VNIC over \"{}\" has the address {mac}",
                below.name()
            );
            return Err((Status::MacInUse, reason));
        }
        taken.extend(stations);
        let mtu = self.mtu(vnic, &below)?;
        // So is its share of the link.
        let place = segments.entry(segment.clone());
        let place = place.or_insert_with(|| self.segment(&below));
        if let Some(minbw) = vnic.props.minbw {
            let guarantee = Guarantee { vnic: vnic.key(), minbw };
            place.guarantees.insert(vnic.id, guarantee);
        }
        // A VNIC that is there needs no zone to be made in. Its namespace may
        // have lost its name, or the process that named it, and lives on for
        // as long as the VNIC does.
        // Neither does one whose guest end is inside a virtual machine.
        let host_end = Vnic::host_end(vnic.id);
        if let Some(zone) = &vnic.zone
            && vnic.props.mode == Mode::Veth
            && !self.observed.zones.contains(zone)
            && !self.observed.host_ends.contains_key(&host_end)
        {
            let reason = format!("zone \"{zone}\" is not running");
            return Err((Status::InvalidValue, reason));
        }
        Ok(ResolvedVnic {
            id: vnic.id,
            name: vnic.name.clone(),
            zone: vnic.zone.clone(),
            over: below.name().clone(),
            segment,
            station: below.station(),
            mac: vnic.mac,
            secondary_macs: vnic.props.secondary_macs.clone(),
            promiscuous: !vnic.props.promisc_filtered,
            vid: vnic.vid,
            mtu,
            maxbw: vnic.props.maxbw,
            minbw: vnic.props.minbw,
            priority: vnic.props.priority,
            rings: vnic.props.rings(),
            flows: self.flows.get(&vnic.id).cloned().unwrap_or_default(),
            protection: vnic.props.protection,
            allowed_ips: vnic.props.allowed_ips.clone(),
            methods: vnic.methods(),
            learned: BTreeSet::new(),
            allowed_dhcp_cids: vnic.props.allowed_dhcp_cids.clone(),
            allow_all_dhcp_cids: vnic.props.allow_all_dhcp_cids,
            ends: ends(vnic),
        })
    }

    /// What the link below says of a segment on which nothing is promised yet.
    fn segment(&self, below: &Below<'_>) -> ResolvedSegment {
        let over = below.name().clone();
        let speed = match below {
            Below::Link(link) => {
                self.observed.links.get(&link.name).and_then(|link| link.speed)
            }
            Below::Etherstub(_) => None,
        };
        let settings = match below {
            Below::Link(link) => self.spec.links.get(&link.name).copied(),
            Below::Etherstub(stub) => Some(stub.settings),
        };
        ResolvedSegment {
            over,
            // Some drivers say 0 of a link without carrier.
            speed: speed.filter(|mbps| *mbps > 0).map(Bandwidth::from_mbps),
            maxbw: settings.and_then(|settings| settings.props.maxbw),
            guarantees: BTreeMap::new(),
        }
    }

    fn below(&self, over: &Over) -> Result<Below<'_>, Obstacle> {
        match over {
            Over::Link(name) => self.link(name),
            Over::Tag(tag) => {
                // As on SmartOS, an etherstub's name serves as a tag.
                let stubs = &mut self.spec.etherstubs.values();
                if self.tags.get(tag).is_none()
                    && let Some(stub) =
                        stubs.find(|stub| stub.name.as_str() == tag.as_str())
                {
                    return Ok(Below::Etherstub(stub));
                }
                let link = self.tags.link_of(tag, self.phys);
                link.map(Below::Link)
                    .map_err(|error| (Status::InvalidLink, error.to_string()))
            }
        }
    }

    fn link(&self, name: &LinkName) -> Result<Below<'_>, Obstacle> {
        if let Some(stub) = self.spec.etherstub(name) {
            return Ok(Below::Etherstub(stub));
        }
        // First what the spec says: a guest end without a zone is a link of
        // the host as well, and looks like a NIC there.
        let is_vnic = self.guest_ends_here.contains(name);
        let found = self.phys.iter().find(|link| link.name == *name);
        let reason = match (found, self.observed.links.get(name)) {
            _ if is_vnic => carries_none(name, LinkClass::Vnic),
            (Some(link), _) => return Ok(Below::Link(link)),
            (None, Some(link)) => carries_none(name, link.class),
            (None, None) => format!("link \"{name}\" does not exist"),
        };
        Err((Status::InvalidLink, reason))
    }

    fn mtu(&self, vnic: &Vnic, below: &Below) -> Result<Mtu, Obstacle> {
        let of_tag = match &vnic.over {
            Over::Link(_) => None,
            Over::Tag(tag) => self.tags.mtu_of(tag),
        };
        let limit = below.mtu();
        let mtu = vnic.props.mtu.or(of_tag).unwrap_or(limit);
        if mtu <= limit {
            return Ok(mtu);
        }
        let name = below.name();
        let reason = format!("mtu {mtu} is above {limit} of link \"{name}\"");
        Err((Status::MtuRange, reason))
    }
}

fn ends(vnic: &Vnic) -> Ends {
    match vnic.props.mode {
        Mode::Veth => Ends::Pair,
        // A TAP that is nobody's can be opened by everybody.
        Mode::Tap => Ends::Tap {
            owner: match vnic.props.owner {
                Some(Owner::Uid(uid)) => uid,
                Some(Owner::Name(_)) | None => ROOT,
            },
            several: vnic.props.has_tap_of_several_rings(),
        },
    }
}

fn carries_none(name: &LinkName, class: LinkClass) -> String {
    format!("link \"{name}\" is a {class}, which carries no VNICs")
}

impl Below<'_> {
    fn name(&self) -> &LinkName {
        match self {
            Self::Link(link) => &link.name,
            Self::Etherstub(stub) => &stub.name,
        }
    }

    fn segment(&self) -> Segment {
        match self {
            Self::Link(link) => Segment::Link(LinkRef::from(&link.name)),
            Self::Etherstub(stub) => Segment::Etherstub(stub.id),
        }
    }

    /// The host's own address on the segment.
    fn station(&self) -> Option<Mac> {
        match self {
            Self::Link(link) => Some(link.mac),
            Self::Etherstub(_) => None,
        }
    }

    fn mtu(&self) -> Mtu {
        match self {
            Self::Link(link) => link.mtu,
            Self::Etherstub(stub) => stub.mtu,
        }
    }
}
