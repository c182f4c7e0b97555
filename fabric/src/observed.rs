//! What the kernel has, as values.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use crate::datapath::DatapathTables;
use crate::shaping::{QueueKind, QueueTree};
use crate::{
    Duplex, Elsewhere, EndRings, HostCpus, LinkClass, LinkName, LinkState, Mac,
    Mtu, PhysLink, Zone,
};

/// A snapshot of the network namespace that netd serves.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Links that are not ours, by name.
    pub links: BTreeMap<LinkName, ObservedLink>,
    /// Links that carry our mark, by name: host ends, also those of VNICs that
    /// nobody wants any more.
    pub host_ends: BTreeMap<LinkName, HostEnd>,
    /// The queues of host ends and their CPUs, by name. They are read at host
    /// ends only: a guest end's are to mirror them.
    pub rings: BTreeMap<LinkName, EndRings>,
    /// The host's CPUs.
    pub cpus: HostCpus,
    /// Programs of ours that are attached, and whether each is the one that
    /// this netd would attach.
    pub programs: BTreeMap<(LinkName, Program), ObservedProgram>,
    /// What the programs' tables hold.
    pub tables: DatapathTables,
    /// Zones that somebody asked about and whose namespaces are there.
    pub zones: BTreeSet<Zone>,
    /// Links with our mark that were never finished, because netd died while
    /// it made them: host ends, and near ends of shapers. Nothing leads to
    /// them. They are in none of the other fields.
    pub unfinished: BTreeSet<LinkName>,
    /// Host ends that netd died over while it changed both ends: the guest end
    /// may have the old value or the new one.
    pub torn: BTreeMap<LinkName, Torn>,
    /// The ends of shapers that carry our mark, by name, and whether each is
    /// switched on.
    pub shaper_ends: BTreeMap<LinkName, bool>,
    /// The queues of links of ours that have HTB as their root, by name.
    pub queues: BTreeMap<LinkName, QueueTree>,
    /// What the kernel has for leaves to queue in.
    pub queue_kind: QueueKind,
    /// Addresses that a link's unicast filter accepts besides its own.
    pub unicast: BTreeSet<(LinkName, Mac)>,
    /// Links whose drivers have refused to accept a further address. The
    /// kernel doesn't tell beforehand: who was refused puts the link in here,
    /// and it stays until the link goes.
    pub refusing: BTreeSet<LinkName>,
    /// Where this is what a scope sees ([`Observed::within`]): what others
    /// have.
    pub elsewhere: Elsewhere,
}

impl Observed {
    /// The links that VNICs may sit on.
    #[must_use]
    pub fn phys(&self) -> Vec<PhysLink> {
        self.links
            .iter()
            .filter(|(_, link)| link.class.carries_vnics())
            .map(|(name, link)| PhysLink {
                name: name.clone(),
                class: link.class,
                mac: link.mac,
                factory_mac: link.factory_mac,
                mtu: link.mtu,
                state: link.state,
            })
            .collect()
    }
}

/// A link that is not ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ObservedLink {
    /// Its class.
    pub class: LinkClass,
    /// The address in use.
    pub mac: Mac,
    /// The address burnt in, where the driver tells.
    pub factory_mac: Option<Mac>,
    /// Its MTU.
    pub mtu: Mtu,
    /// Whether it can carry frames.
    pub state: LinkState,
    /// Speed in Mb/s, where the driver tells.
    pub speed: Option<u32>,
    /// Duplex.
    pub duplex: Duplex,
    /// Whether somebody has switched it to promiscuous mode for good, as
    /// `ip link set LINK promisc on` does. What a program like tcpdump asks for
    /// while it runs is counted elsewhere and not seen here.
    pub promiscuous: bool,
    /// Whether it merges what it receives (LRO) and can be told not to. Looked
    /// up when the link is about to get its first VNIC; until then `false`.
    pub lro: bool,
}

/// A host end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostEnd {
    /// Its MTU.
    pub mtu: Mtu,
    /// How many parts a frame may have that is left to be cut
    /// (`IFLA_GSO_MAX_SEGS`).
    pub segs: u32,
    /// Whether it is switched on.
    pub up: bool,
    /// Whether the guest end is up too, so that frames can pass. For a TAP:
    /// whether somebody has it open.
    pub carrier: bool,
}

impl HostEnd {
    /// How many parts a frame may have where nobody has said less
    /// (`GSO_MAX_SEGS`).
    pub const MOST_SEGS: u32 = 65_535;
}

/// What was being changed of a VNIC's two ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Torn {
    /// Their MTU.
    Mtu,
    /// How many parts a frame may have that they leave to be cut.
    Segs,
}

/// A program of the data plane, and so the hook that it belongs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Program {
    /// At a host end's ingress: everything that the guest sends.
    FromVnic,
    /// At a physical link's ingress: everything from the wire.
    FromLink,
    /// At a physical link's egress: everything that the host sends.
    ToLink,
    /// At the ingress of a shaper's far end: what guests have sent, when its
    /// turn has come.
    FromShaper,
}

impl Program {
    /// Every program.
    pub const ALL: [Self; 4] =
        [Self::FromVnic, Self::FromLink, Self::ToLink, Self::FromShaper];

    /// Its name, in the sources and in the kernel.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::FromVnic => "from_vnic",
            Self::FromLink => "from_link",
            Self::ToLink => "to_link",
            Self::FromShaper => "from_shaper",
        }
    }
}

impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// What is on a hook of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ObservedProgram {
    /// The program that this netd carries, on the tables that it reads.
    Current,
    /// Another version of it, or one on other tables.
    Outdated,
}
