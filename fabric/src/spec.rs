//! The desired state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::datapath::Segment;
use crate::{
    AllowedIps, Bandwidth, ClientIds, FloorError, Flow, FlowAttrs, FlowId,
    FlowName, FlowsError, IpFamily, LinkName, LinkProps, LinkSettings, Mac,
    Methods, Mode, Mtu, NameError, Over, Owner, Priority, Protection,
    ResolvedFlow, ResolvedSegment, SecondaryMacs, Status, VlanId, Vnic,
    VnicKey, WantedRings, Zone,
};

/// The number of a link of ours, from one sequence for all classes and never
/// used twice: it orders links by creation, and no counter or map entry of a
/// link that is gone can be taken for another's.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
)]
#[serde(transparent)]
pub struct LinkId(pub u32);

impl LinkId {
    /// The largest number: the data plane keeps the highest bit for itself.
    pub const MAX: Self = Self(0x7fff_ffff);

    /// The number after this one; none: it is the last.
    #[must_use]
    pub fn next(self) -> Option<Self> {
        (self < Self::MAX).then_some(Self(self.0 + 1))
    }
}

impl fmt::Display for LinkId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A switch with no wire. VNICs over it reach each other and nobody else.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Etherstub {
    /// Its number.
    pub id: LinkId,
    /// Its name.
    pub name: LinkName,
    /// The largest MTU of a VNIC over it.
    pub mtu: Mtu,
    /// What can be set of it.
    #[serde(default, skip_serializing_if = "LinkSettings::is_default")]
    pub settings: LinkSettings,
    /// Gone after the next boot.
    pub temporary: bool,
}

/// Everything that should exist.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FabricSpec {
    /// Etherstubs by number.
    pub etherstubs: BTreeMap<LinkId, Etherstub>,
    /// What was set of physical links and aggregations, by name, whether or
    /// not they are there. What nobody has set anything of is not listed.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub links: BTreeMap<LinkName, LinkSettings>,
    /// VNICs by number, so in the order of their creation. One state shares
    /// with the next what is the same in both.
    pub vnics: BTreeMap<LinkId, Arc<Vnic>>,
    /// Flows of these VNICs by number, so in the order of their creation.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub flows: BTreeMap<FlowId, Arc<Flow>>,
}

impl FabricSpec {
    /// The etherstub of a name.
    #[must_use]
    pub fn etherstub(&self, name: &LinkName) -> Option<&Etherstub> {
        self.etherstubs.values().find(|stub| stub.name == *name)
    }

    /// The VNIC of a key.
    #[must_use]
    pub fn vnic(&self, key: &VnicKey) -> Option<&Vnic> {
        let mut vnics = self.vnics.values().map(Arc::as_ref);
        vnics.find(|vnic| vnic.zone == key.zone && vnic.name == key.name)
    }

    /// The VNICs that a person may mean by a name: those of one zone, or, where
    /// no zone is given, of every zone.
    pub fn vnics_called<'a>(
        &'a self,
        name: &'a LinkName,
        zone: Option<&'a str>,
    ) -> impl Iterator<Item = &'a Vnic> {
        let vnics = self.vnics.values().map(Arc::as_ref);
        vnics.filter(move |vnic| vnic.name == *name && vnic.is_in(zone))
    }

    /// What will be declared after the next boot.
    #[must_use]
    pub fn next_boot(&self) -> Self {
        let stubs = self.etherstubs.iter().filter(|(_, stub)| !stub.temporary);
        let stubs = stubs.map(|(id, stub)| {
            let settings = stub.settings.next_boot();
            (*id, Etherstub { settings, ..stub.clone() })
        });
        let links = self
            .links
            .iter()
            .map(|(name, settings)| (name.clone(), settings.next_boot()));
        let links = links.filter(|(_, settings)| !settings.is_default());
        let vnics = self.vnics.iter().filter(|(_, vnic)| !vnic.temporary);
        let vnics = vnics.map(|(id, vnic)| {
            let props = vnic.kept_props().clone();
            let vnic = Vnic { props, kept: None, ..Vnic::clone(vnic) };
            (*id, Arc::new(vnic))
        });
        let flows = self.flows.iter().filter(|(_, flow)| !flow.temporary);
        let flows = flows.map(|(id, flow)| {
            let props = flow.kept_props();
            let flow = Flow { props, kept: None, ..Flow::clone(flow) };
            (*id, Arc::new(flow))
        });
        Self {
            etherstubs: stubs.collect(),
            links: links.collect(),
            vnics: vnics.collect(),
            flows: flows.collect(),
        }
    }

    /// Checks all that can be said without knowing the host, of now and of the
    /// time after the next boot.
    ///
    /// # Errors
    /// Every rule that is broken, each naming its subject.
    pub fn validate(&self) -> Result<(), Vec<SpecError>> {
        let mut errors = self.broken_rules();
        // What only lacks temporary links breaks no rule that this keeps.
        if self.has_temporary_props() {
            let later = self.next_boot().broken_rules();
            let new = |error: &SpecError| !errors.contains(error);
            let later: Vec<_> = later.into_iter().filter(new).collect();
            errors.extend(later);
        }
        if errors.is_empty() { Ok(()) } else { Err(errors) }
    }

    /// Whether a link or a flow that stays has properties that don't.
    fn has_temporary_props(&self) -> bool {
        let stubs = self.etherstubs.values().map(|stub| &stub.settings);
        let mut links = stubs.chain(self.links.values());
        links.any(|settings| settings.kept.is_some())
            || self.vnics.values().any(|vnic| vnic.kept.is_some())
            || self.flows.values().any(|flow| flow.kept.is_some())
    }

    /// The properties of a link that VNICs can sit on.
    #[must_use]
    pub fn settings(&self, link: &LinkName) -> LinkSettings {
        match self.etherstub(link) {
            Some(stub) => stub.settings,
            None => self.links.get(link).copied().unwrap_or_default(),
        }
    }

    fn broken_rules(&self) -> Vec<SpecError> {
        let mut errors = Vec::new();
        let stubs = self.etherstubs.values();
        let stubs = stubs.map(|stub| (&stub.name, &stub.settings));
        for (name, settings) in stubs.chain(&self.links) {
            let LinkProps { maxbw } = settings.props;
            if let Some(Err(source)) = maxbw.map(Bandwidth::check_maxbw) {
                let name = name.clone();
                errors.push(SpecError::Bandwidth { name, source });
            }
        }
        let mut names = BTreeSet::new();
        for (id, stub) in &self.etherstubs {
            let name = &stub.name;
            if *id != stub.id || self.vnics.contains_key(id) {
                errors.push(SpecError::Id { name: name.clone() });
            }
            if let Err(source) = name.check_new() {
                errors.push(SpecError::Name { name: name.clone(), source });
            }
            if !names.insert((None, name)) {
                errors.push(SpecError::Duplicate { name: name.clone() });
            }
        }
        let mut stations = BTreeSet::new();
        for (id, vnic) in &self.vnics {
            let name = vnic.name.clone();
            if *id != vnic.id {
                errors.push(SpecError::Id { name: name.clone() });
            }
            if let Err(source) = vnic.name.check_new() {
                errors.push(SpecError::Name { name: name.clone(), source });
            }
            if !names.insert((vnic.zone.as_ref(), &vnic.name)) {
                errors.push(SpecError::Duplicate { name: name.clone() });
            }
            if !vnic.mac.is_unicast() {
                let mac = vnic.mac;
                errors.push(SpecError::Mac { name: name.clone(), mac });
            }
            for mac in vnic.macs() {
                if !stations.insert((&vnic.over, vnic.vid, mac)) {
                    let name = name.clone();
                    errors.push(SpecError::MacInUse { name, mac });
                }
            }
            let transient = |zone: &Zone| zone.is_transient();
            if !vnic.temporary && vnic.zone.as_ref().is_some_and(transient) {
                errors.push(SpecError::TransientZone { name: name.clone() });
            }
            if let Some(owner) = &vnic.props.owner {
                let (name, owner) = (name.clone(), owner.clone());
                if vnic.props.mode != Mode::Tap {
                    errors.push(SpecError::OwnerOfVeth { name });
                } else if let Owner::Name(user) = owner {
                    errors.push(SpecError::NoSuchUser { name, user });
                }
            }
            let (maxbw, minbw) = (vnic.props.maxbw, vnic.props.minbw);
            let floors = [
                maxbw.map(Bandwidth::check_maxbw),
                minbw.map(Bandwidth::check_minbw),
            ];
            for source in floors.into_iter().flatten().filter_map(Result::err) {
                let name = name.clone();
                errors.push(SpecError::Bandwidth { name, source });
            }
            if let (Some(maxbw), Some(minbw)) = (maxbw, minbw)
                && minbw > maxbw
            {
                let name = name.clone();
                errors.push(SpecError::AboveCap { name, minbw, maxbw });
            }
            if let Over::Link(over) = &vnic.over
                && let Some(stub) = self.etherstub(over)
            {
                if stub.temporary && !vnic.temporary {
                    errors.push(SpecError::OnTemporary { name: name.clone() });
                }
                if vnic.props.mtu.is_some_and(|mtu| mtu > stub.mtu) {
                    errors.push(SpecError::Mtu { name, limit: stub.mtu });
                }
            }
        }
        errors.extend(self.broken_flow_rules());
        errors
    }
}

impl Vnic {
    /// The addresses of its guest, its own first.
    pub fn macs(&self) -> impl Iterator<Item = Mac> {
        std::iter::once(self.mac).chain(self.props.secondary_macs.iter())
    }

    /// How its guest may come by addresses. Where addresses are checked and
    /// nobody has listed any of a version of IP, DHCP of that version is what
    /// is left to it.
    #[must_use]
    pub fn methods(&self) -> Methods {
        let checked = self.props.protection.ip_nospoof;
        let open = |family| checked && !self.props.allowed_ips.has(family);
        let named = self.props.dynamic_methods;
        Methods {
            dhcpv4: named.dhcpv4 || open(IpFamily::V4),
            dhcpv6: named.dhcpv6 || open(IpFamily::V6),
            slaac: named.slaac,
        }
    }

    /// Whether the VNIC lives in the zone that a person wrote: none is any
    /// zone, an empty text is netd's own namespace.
    #[must_use]
    pub fn is_in(&self, zone: Option<&str>) -> bool {
        match (zone, &self.zone) {
            (None, _) => true,
            (Some(text), None) => text.is_empty(),
            (Some(text), Some(zone)) => zone.answers_to(text),
        }
    }
}

/// A rule that a [`FabricSpec`] breaks.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpecError {
    /// Two links share a number, or a link is filed under another's.
    #[error("the number of \"{name}\" is not its own")]
    Id {
        /// The link.
        name: LinkName,
    },
    /// The name breaks the grammar of new links.
    #[error("invalid link name '{name}'")]
    Name {
        /// The link.
        name: LinkName,
        /// The rule.
        source: NameError,
    },
    /// The zone has two links of that name.
    #[error("the name \"{name}\" is taken")]
    Duplicate {
        /// The link.
        name: LinkName,
    },
    /// The address is multicast or zero.
    #[error("{mac} is no address for \"{name}\"")]
    Mac {
        /// The VNIC.
        name: LinkName,
        /// Its address.
        mac: Mac,
    },
    /// The segment and VLAN have the address already: another VNIC's, or the
    /// VNIC's own.
    #[error("the address {mac} of \"{name}\" is taken")]
    MacInUse {
        /// The VNIC.
        name: LinkName,
        /// Its address.
        mac: Mac,
    },
    /// A persistent VNIC in a zone named by a process.
    #[error("\"{name}\" cannot outlive the process that names its zone")]
    TransientZone {
        /// The VNIC.
        name: LinkName,
    },
    /// An owner, where nothing can be opened.
    #[error("\"{name}\" has no TAP for anybody to own")]
    OwnerOfVeth {
        /// The VNIC.
        name: LinkName,
    },
    /// The owner's name could not be looked up.
    #[error("the owner of \"{name}\", \"{user}\", is no user here")]
    NoSuchUser {
        /// The VNIC.
        name: LinkName,
        /// The name of the owner.
        user: String,
    },
    /// A persistent VNIC over a temporary etherstub.
    #[error("\"{name}\" cannot outlive its etherstub")]
    OnTemporary {
        /// The VNIC.
        name: LinkName,
    },
    /// A cap or a guarantee is too small.
    #[error("no bandwidth for \"{name}\"")]
    Bandwidth {
        /// The link.
        name: LinkName,
        /// The rule.
        source: FloorError,
    },
    /// What is promised to a VNIC is denied to it as well.
    #[error(
        "minbw of \"{name}\", {minbw} Mb/s, is above its maxbw, {maxbw} Mb/s"
    )]
    AboveCap {
        /// The VNIC.
        name: LinkName,
        /// What is promised.
        minbw: Bandwidth,
        /// What it may have.
        maxbw: Bandwidth,
    },
    /// Two flows share a number, a flow is filed under another's, or its
    /// number is 0.
    #[error("the number of flow \"{name}\" is not its own")]
    FlowId {
        /// The flow.
        name: FlowName,
    },
    /// There is no VNIC whose traffic it could be a part of.
    #[error("flow \"{name}\" is of no VNIC")]
    FlowOfNobody {
        /// The flow.
        name: FlowName,
    },
    /// The zone has two flows of that name.
    #[error("the flow name \"{name}\" is taken")]
    DuplicateFlow {
        /// The flow.
        name: FlowName,
    },
    /// A persistent flow of a temporary VNIC.
    #[error("flow \"{name}\" cannot outlive its VNIC")]
    FlowOnTemporary {
        /// The flow.
        name: FlowName,
    },
    /// The cap of a flow is too small.
    #[error("no bandwidth for flow \"{name}\"")]
    FlowBandwidth {
        /// The flow.
        name: FlowName,
        /// The rule.
        source: FloorError,
    },
    /// Two flows of a VNIC ask for the same.
    #[error("flow \"{name}\" has the attributes of flow \"{other}\": {attrs}")]
    IdenticalFlow {
        /// The later flow.
        name: FlowName,
        /// The earlier one.
        other: FlowName,
        /// What both ask for.
        attrs: FlowAttrs,
    },
    /// The flows of a VNIC are too many for each other.
    #[error("the flows of \"{link}\" cannot be")]
    Flows {
        /// The VNIC.
        link: LinkName,
        /// The rule.
        source: FlowsError,
    },
    /// The MTU does not fit the link below.
    #[error("the MTU of \"{name}\" is above {limit}")]
    Mtu {
        /// The VNIC.
        name: LinkName,
        /// The link's own.
        limit: Mtu,
    },
}

impl SpecError {
    /// The status word for it.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Id { .. } | Self::FlowId { .. } => Status::OperationFailed,
            Self::Name { .. } => Status::InvalidArgument,
            Self::Duplicate { .. } | Self::DuplicateFlow { .. } => {
                Status::ObjectExists
            }
            Self::Mac { .. } => Status::InvalidMac,
            Self::MacInUse { .. } => Status::MacInUse,
            Self::TransientZone { .. } => Status::InvalidArgument,
            Self::OwnerOfVeth { .. } | Self::NoSuchUser { .. } => {
                Status::InvalidValue
            }
            Self::OnTemporary { .. } | Self::FlowOnTemporary { .. } => {
                Status::PersistentOnTemporary
            }
            Self::Bandwidth { source, .. }
            | Self::FlowBandwidth { source, .. } => source.status(),
            Self::FlowOfNobody { .. } => Status::InvalidLink,
            Self::IdenticalFlow { .. } => Status::IdenticalFlow,
            Self::Flows { source, .. } => source.status(),
            Self::AboveCap { .. } => Status::NoBandwidth,
            Self::Mtu { .. } => Status::MtuRange,
        }
    }
}

/// The desired state with each VNIC's link found: what can be built now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResolvedSpec {
    /// VNICs whose link and zone are there, by number.
    pub vnics: BTreeMap<LinkId, ResolvedVnic>,
    /// The segments of these VNICs, and of those that wait for their zones
    /// only.
    pub segments: BTreeMap<Segment, ResolvedSegment>,
    /// What has to wait, and why.
    pub blocked: Vec<crate::Blocked>,
}

/// A VNIC that can be built.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedVnic {
    /// Its number.
    pub id: LinkId,
    /// The guest end's name.
    pub name: LinkName,
    /// Where the guest end lives.
    pub zone: Option<Zone>,
    /// The name of the link below, for people.
    pub over: LinkName,
    /// The segment that it joins.
    pub segment: Segment,
    /// The segment's own station: the address of the physical link.
    pub station: Option<Mac>,
    /// Its address.
    pub mac: Mac,
    /// Further addresses of its guest's.
    pub secondary_macs: SecondaryMacs,
    /// Whether it also receives frames for stations that nobody here knows.
    pub promiscuous: bool,
    /// Its VLAN.
    pub vid: Option<VlanId>,
    /// The MTU of both its ends.
    pub mtu: Mtu,
    /// The most that its guest may send, and receive.
    pub maxbw: Option<Bandwidth>,
    /// What its guest can send whatever others do.
    pub minbw: Option<Bandwidth>,
    /// Whether its guest sends before others.
    pub priority: Priority,
    /// What is asked of the queues of its ends.
    pub rings: WantedRings,
    /// The named parts of its traffic, by number.
    pub flows: Vec<ResolvedFlow>,
    /// The checks on what its guest sends.
    pub protection: Protection,
    /// The addresses that its guest may speak as.
    pub allowed_ips: AllowedIps,
    /// How its guest may come by further addresses, DHCP included that nothing
    /// switches off.
    pub methods: Methods,
    /// The addresses that its guest came by.
    pub learned: BTreeSet<IpAddr>,
    /// The DHCP client ids that its guest may use.
    pub allowed_dhcp_cids: ClientIds,
    /// Whether its guest may use any DHCP client id.
    pub allow_all_dhcp_cids: bool,
    /// What its two ends are.
    pub ends: Ends,
}

/// What a VNIC's two ends are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ends {
    /// A veth pair.
    Pair,
    /// A TAP, and whatever opens it.
    Tap {
        /// The number of the user who may open it. Root always may.
        owner: u32,
        /// Whether it can be opened several times at once, each time for a
        /// queue.
        several: bool,
    },
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{MacType, VnicProps};

    fn stub(id: u32, name: &str, temporary: bool) -> (LinkId, Etherstub) {
        let (id, name) = (LinkId(id), name.parse().unwrap());
        let settings = LinkSettings::default();
        (id, Etherstub { id, name, mtu: Mtu::ETHERSTUB, settings, temporary })
    }

    fn vnic(id: u32, name: &str, edit: fn(&mut Vnic)) -> (LinkId, Arc<Vnic>) {
        let id = LinkId(id);
        let mut vnic = Vnic {
            id,
            name: name.parse().unwrap(),
            zone: None,
            over: "bge0".parse().unwrap(),
            mac: Mac::new([2, 8, 0x20, 0, 0, id.0.try_into().unwrap()]),
            mac_type: MacType::Fixed,
            vid: None,
            props: VnicProps::default(),
            kept: None,
            temporary: false,
        };
        edit(&mut vnic);
        (id, Arc::new(vnic))
    }

    fn zone(vnic: &mut Vnic) {
        vnic.zone = Some("web".parse().unwrap());
    }

    #[test]
    fn rules() {
        use Status::*;
        let none = |_: &mut Vnic| {};
        type Case = (
            &'static str,
            Vec<(LinkId, Etherstub)>,
            Vec<(LinkId, Arc<Vnic>)>,
            Vec<Status>,
        );
        let cases: Vec<Case> = vec![
            ("empty", vec![], vec![], vec![]),
            (
                "one name in two zones",
                vec![],
                vec![vnic(1, "net0", none), vnic(2, "net0", zone)],
                vec![],
            ),
            (
                "one name twice in a zone",
                vec![],
                vec![vnic(1, "net0", zone), vnic(2, "net0", zone)],
                vec![ObjectExists],
            ),
            (
                "an etherstub has the name",
                vec![stub(1, "net0", false)],
                vec![vnic(2, "net0", none)],
                vec![ObjectExists],
            ),
            (
                "names of ours follow dladm",
                vec![stub(1, "stub", false)],
                vec![vnic(2, "eth", none)],
                vec![InvalidArgument, InvalidArgument],
            ),
            (
                "one number for two links",
                vec![stub(1, "stub0", false)],
                vec![vnic(1, "net0", none)],
                vec![OperationFailed],
            ),
            (
                "one address twice",
                vec![],
                vec![
                    vnic(1, "net0", |v| v.mac = Mac::new([2; 6])),
                    vnic(2, "net1", |v| v.mac = Mac::new([2; 6])),
                ],
                vec![MacInUse],
            ),
            (
                "one address in two VLANs",
                vec![],
                vec![
                    vnic(1, "net0", |v| v.mac = Mac::new([2; 6])),
                    vnic(2, "net1", |v| {
                        v.mac = Mac::new([2; 6]);
                        v.vid = Some(VlanId::new(5).unwrap());
                    }),
                ],
                vec![],
            ),
            (
                "a secondary address is another's, and one is its own",
                vec![],
                vec![
                    vnic(1, "net0", |v| v.mac = Mac::new([2; 6])),
                    vnic(2, "net1", |v| {
                        let macs = vec![Mac::new([2; 6]), v.mac];
                        v.props.secondary_macs = macs.try_into().unwrap();
                    }),
                ],
                vec![MacInUse, MacInUse],
            ),
            (
                "an address that another VNIC has again after the next boot",
                vec![],
                vec![
                    vnic(1, "net0", |v| {
                        let macs = vec![Mac::new([2; 6])];
                        let secondary_macs = macs.try_into().unwrap();
                        let props = v.props.clone();
                        v.kept = Some(VnicProps { secondary_macs, ..props });
                    }),
                    vnic(2, "net1", |v| v.mac = Mac::new([2; 6])),
                ],
                vec![MacInUse],
            ),
            (
                "an address that is another's until the next boot",
                vec![],
                vec![
                    vnic(1, "net0", |v| {
                        let macs = vec![Mac::new([2; 6])];
                        v.kept = Some(v.props.clone());
                        v.props.secondary_macs = macs.try_into().unwrap();
                    }),
                    vnic(2, "net1", |v| v.mac = Mac::new([2; 6])),
                ],
                vec![MacInUse],
            ),
            (
                "multicast address",
                vec![],
                vec![vnic(1, "net0", |v| v.mac = Mac::new([1; 6]))],
                vec![InvalidMac],
            ),
            (
                "a process names the zone of a persistent VNIC",
                vec![],
                vec![vnic(1, "net0", |v| {
                    v.zone = Some("pid:1".parse().unwrap());
                })],
                vec![InvalidArgument],
            ),
            (
                "a TAP and its owner",
                vec![],
                vec![vnic(1, "net0", |v| {
                    v.props.mode = Mode::Tap;
                    v.props.owner = Some(Owner::Uid(1000));
                })],
                vec![],
            ),
            (
                "a TAP whose owner is a mere name",
                vec![],
                vec![vnic(1, "net0", |v| {
                    v.props.mode = Mode::Tap;
                    v.props.owner = Some(Owner::Name("qemu".to_owned()));
                })],
                vec![InvalidValue],
            ),
            (
                "an owner and no TAP",
                vec![],
                vec![vnic(1, "net0", |v| {
                    v.props.owner = Some(Owner::Uid(1000));
                })],
                vec![InvalidValue],
            ),
            (
                "a cap and a guarantee, as small as they can be",
                vec![],
                vec![vnic(1, "net0", |v| {
                    v.props.maxbw = Some(Bandwidth::FLOOR);
                    v.props.minbw = Some(Bandwidth::FLOOR);
                })],
                vec![],
            ),
            (
                "blocked, with no guarantee",
                vec![],
                vec![vnic(1, "net0", |v| {
                    v.props.maxbw = Some(Bandwidth::ZERO);
                })],
                vec![],
            ),
            (
                "both too small",
                vec![],
                vec![vnic(1, "net0", |v| {
                    v.props.maxbw = Some(Bandwidth::from_bps(63_999));
                    v.props.minbw = Some(Bandwidth::ZERO);
                })],
                vec![MaxBwFloor, MinBwFloor],
            ),
            (
                "a guarantee above the cap",
                vec![],
                vec![vnic(1, "net0", |v| {
                    v.props.maxbw = Some(Bandwidth::from_mbps(50));
                    v.props.minbw = Some(Bandwidth::from_bps(50_000_001));
                })],
                vec![NoBandwidth],
            ),
            (
                "a guarantee and blocked",
                vec![],
                vec![vnic(1, "net0", |v| {
                    v.props.maxbw = Some(Bandwidth::ZERO);
                    v.props.minbw = Some(Bandwidth::FLOOR);
                })],
                vec![NoBandwidth],
            ),
            (
                "a guarantee above the cap that is back at the next boot",
                vec![],
                vec![vnic(1, "net0", |v| {
                    v.props.minbw = Some(Bandwidth::from_mbps(50));
                    let maxbw = Some(Bandwidth::from_mbps(40));
                    let props = v.props.clone();
                    v.kept = Some(VnicProps { maxbw, ..props });
                })],
                vec![NoBandwidth],
            ),
            (
                "persistent on temporary, and too large",
                vec![stub(1, "stub0", true)],
                vec![vnic(2, "net0", |v| {
                    v.over = "stub0".parse().unwrap();
                    v.props.mtu = Some(Mtu::MAX);
                })],
                vec![PersistentOnTemporary, MtuRange],
            ),
        ];
        for (title, etherstubs, vnics, want) in cases {
            let spec = FabricSpec {
                etherstubs: etherstubs.into_iter().collect(),
                vnics: vnics.into_iter().collect(),
                ..FabricSpec::default()
            };
            let got: Vec<Status> = spec
                .validate()
                .err()
                .into_iter()
                .flatten()
                .map(|error| error.status())
                .collect();
            assert_eq!(got, want, "{title}");
        }
    }

    #[test]
    fn the_caps_of_links_have_a_floor_now_and_after_the_boot() {
        use Status::MaxBwFloor;
        let maxbw = |bps| LinkProps { maxbw: Some(Bandwidth::from_bps(bps)) };
        let (low, fine) = (maxbw(1), maxbw(64_000));
        for (props, kept, want) in [
            (LinkProps::default(), None, vec![]),
            (maxbw(0), None, vec![]),
            (fine, Some(maxbw(0)), vec![]),
            (low, None, vec![MaxBwFloor]),
            (low, Some(fine), vec![MaxBwFloor]),
            (fine, Some(low), vec![MaxBwFloor]),
            (low, Some(low), vec![MaxBwFloor]),
        ] {
            let settings = LinkSettings { props, kept };
            let of_nic = FabricSpec {
                links: [("bge0".parse().unwrap(), settings)].into(),
                ..FabricSpec::default()
            };
            let (id, mut stub) = stub(1, "stub0", false);
            stub.settings = settings;
            let of_stub = FabricSpec {
                etherstubs: [(id, stub)].into(),
                ..FabricSpec::default()
            };
            for spec in [of_nic, of_stub] {
                let errors = spec.validate().err().into_iter().flatten();
                let got: Vec<_> = errors.map(|error| error.status()).collect();
                assert_eq!(got, want, "{settings:?}");
            }
        }
    }

    #[test]
    fn after_the_boot_links_are_as_they_are_kept() {
        let props = LinkProps { maxbw: Some(Bandwidth::ZERO) };
        let none = LinkProps::default();
        let (lasting, passing) = (
            LinkSettings { props, kept: None },
            LinkSettings { props, kept: Some(none) },
        );
        let (id, mut stub) = stub(1, "stub0", false);
        stub.settings = passing;
        let name = |name: &str| name.parse::<LinkName>().unwrap();
        let spec = FabricSpec {
            etherstubs: [(id, stub)].into(),
            links: [(name("bge0"), lasting), (name("bge1"), passing)].into(),
            ..FabricSpec::default()
        };
        let later = spec.next_boot();
        assert_eq!(later.links, [(name("bge0"), lasting)].into());
        for (link, now, then) in [
            ("stub0", passing, LinkSettings::default()),
            ("bge0", lasting, lasting),
            ("bge1", passing, LinkSettings::default()),
            ("bge2", LinkSettings::default(), LinkSettings::default()),
        ] {
            assert_eq!(spec.settings(&name(link)), now, "{link}");
            assert_eq!(later.settings(&name(link)), then, "{link}");
        }
    }

    #[test]
    fn a_name_without_a_zone_means_every_zone() {
        let spec = FabricSpec {
            vnics: [vnic(1, "net0", |_| {}), vnic(2, "net0", zone)].into(),
            ..FabricSpec::default()
        };
        let name: LinkName = "net0".parse().unwrap();
        for (zone, want) in [
            (None, vec![LinkId(1), LinkId(2)]),
            (Some(""), vec![LinkId(1)]),
            (Some("web"), vec![LinkId(2)]),
            (Some("other"), vec![]),
        ] {
            let got: Vec<LinkId> =
                spec.vnics_called(&name, zone).map(|vnic| vnic.id).collect();
            assert_eq!(got, want, "{zone:?}");
        }
    }
}
