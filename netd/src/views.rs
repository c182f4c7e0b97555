//! The fabric as clients see it.

mod flow_views;

use std::collections::BTreeMap;

use fabric::api::{
    DaemonStatus, Document, DropCount, EtherstubInfo, FabricInfo, FabricStatus,
    Health, LearnedAddress, LinkCounters, LinkInfo, NicTagInfo, NicTagType,
    NicTags, PhysInfo, Reason, VnicCounters, VnicInfo,
};
use fabric::{
    EndRings, Etherstub, LinkClass, LinkId, LinkName, LinkState, Mtu,
    ObservedLink, Over, ResolvedSpec, Vnic, Zone,
};
use flows::learn::Method;
use tagmap::TagTarget;

use crate::daemon::{Daemon, QueueStats};
use crate::error::FabricError;
use crate::kernel::{Kernel, LinkStats};

pub use flow_views::{flow, flow_counters, flows};

/// Everything that is declared, and how far the host is like that.
#[must_use]
pub fn fabric(daemon: &Daemon) -> FabricInfo {
    let blocked = daemon.blocked().iter().map(|blocked| Reason {
        subject: blocked.subject.clone(),
        reason: blocked.reason.clone(),
    });
    let about_all = |reason: String| {
        let subject = "fabric".to_owned();
        Reason { subject, reason }
    };
    let trouble = daemon.trouble().map(str::to_owned).map(about_all);
    let unpinned = daemon.kernel().unpinned().map(str::to_owned);
    let unpinned = unpinned.map(about_all);
    let resolved = daemon.resolved();
    let promised = resolved.overcommitted();
    let promised = promised.map(|error| about_all(error.to_string()));
    let warning = daemon.config().warning().map(str::to_owned).map(about_all);
    let reasons: Vec<Reason> = trouble
        .into_iter()
        .chain(unpinned)
        .chain(blocked)
        .chain(promised)
        .chain(warning)
        .collect();
    let health = if reasons.is_empty() { Health::Ok } else { Health::Degraded };
    FabricInfo {
        spec: Document::from(daemon.spec()),
        status: FabricStatus { health, reasons },
    }
}

/// The name that the ZONE column shows.
fn zone_name(zone: Option<&Zone>) -> Option<String> {
    zone.map(|zone| zone.name().to_owned())
}

/// All VNICs, in the order of their creation.
#[must_use]
pub fn vnics(daemon: &Daemon) -> Vec<VnicInfo> {
    let resolved = daemon.resolved();
    let vnics = daemon.spec().vnics.values();
    vnics.map(|vnic| view(daemon, &resolved, vnic)).collect()
}

/// One VNIC.
///
/// # Errors
/// When there is none of that number.
pub fn vnic(daemon: &Daemon, id: LinkId) -> Result<VnicInfo, FabricError> {
    let vnic = daemon.spec().vnics.get(&id);
    let vnic = vnic.ok_or(FabricError::Vanished(id))?;
    Ok(view(daemon, &daemon.resolved_one(vnic), vnic))
}

fn view(daemon: &Daemon, resolved: &ResolvedSpec, vnic: &Vnic) -> VnicInfo {
    let observed = daemon.observed();
    let host_end = Vnic::host_end(vnic.id);
    let built = resolved.vnics.get(&vnic.id);
    let end = observed.host_ends.get(&host_end);
    let rings = observed.rings.get(&host_end);
    let (named, nic_tag) = match &vnic.over {
        Over::Link(name) => (Some(name), None),
        Over::Tag(tag) => (None, Some(tag.clone())),
    };
    let over = built.map(|vnic| &vnic.over).or(named);
    let below = over.and_then(|over| observed.links.get(over));
    let (default_mtu, max_mtu) = mtus(daemon, vnic, over);
    let blocked = resolved.blocked.iter().find(|b| b.id == vnic.id);
    let runs = end.is_some_and(|end| end.up && end.carrier);
    VnicInfo {
        name: vnic.name.clone(),
        zone: zone_name(vnic.zone.as_ref()),
        over: over.cloned(),
        nic_tag,
        speed: below.and_then(|link| link.speed).unwrap_or(0),
        mac: vnic.mac,
        mac_type: vnic.mac_type,
        vid: fabric::VlanId::number(vnic.vid),
        mtu: built.map(|vnic| vnic.mtu),
        default_mtu,
        max_mtu,
        state: if runs { LinkState::Up } else { LinkState::Down },
        props: vnic.props.clone(),
        kept_props: vnic.kept.clone(),
        cpus_effective: rings
            .map(EndRings::cpus)
            .filter(|cpus| !cpus.is_empty()),
        // The guest receives what its host end sends.
        rxrings_effective: rings.map(|rings| rings.tx.len()),
        txrings_effective: rings.map(|rings| rings.rx.len()),
        max_rings: Some(observed.cpus.most_rings()),
        learned: learned(daemon, vnic.id),
        temporary: vnic.temporary,
        id: vnic.id.0,
        host_end,
        blocked: blocked.map(|blocked| blocked.reason.clone()),
    }
}

/// What a VNIC's guest came by.
fn learned(daemon: &Daemon, id: LinkId) -> Vec<LearnedAddress> {
    let now = Kernel::now();
    let learned = daemon.learned(id).map(|learned| LearnedAddress {
        address: learned.address,
        method: match learned.method {
            Method::Dhcpv4 => "dhcpv4",
            Method::Dhcpv6 => "dhcpv6",
            Method::Slaac => "slaac",
        }
        .to_owned(),
        expires_in: learned.until.map(|until| until.0.saturating_sub(now.0)),
    });
    learned.collect()
}

/// The MTU that a VNIC has without one of its own, and the largest that fits.
fn mtus(
    daemon: &Daemon,
    vnic: &Vnic,
    over: Option<&LinkName>,
) -> (Option<Mtu>, Option<Mtu>) {
    let link = |name| daemon.observed().links.get(name).map(|link| link.mtu);
    let stub = |name| daemon.spec().etherstub(name).map(|stub| stub.mtu);
    let max = over.and_then(|name| stub(name).or_else(|| link(name)));
    let of_tag = match &vnic.over {
        Over::Tag(tag) => daemon.config().tags().mtu_of(tag),
        Over::Link(_) => None,
    };
    (max.map(|max| of_tag.unwrap_or(max)), max)
}

/// The counters of all VNICs, in the order of their creation.
///
/// # Errors
/// When a counter can't be read.
pub fn counters(daemon: &Daemon) -> Result<Vec<VnicCounters>, FabricError> {
    let vnics = daemon.spec().vnics.values();
    vnics
        .map(|vnic| {
            let counters = daemon.kernel().counters(vnic.id)?;
            let drops = counters.drops.into_iter();
            let drops =
                drops.map(|(reason, packets)| DropCount { reason, packets });
            Ok(VnicCounters {
                name: vnic.name.clone(),
                zone: zone_name(vnic.zone.as_ref()),
                ipackets: counters.ipackets,
                rbytes: counters.rbytes,
                opackets: counters.opackets,
                obytes: counters.obytes,
                drops: drops.collect(),
            })
        })
        .collect()
}

/// The counters of the host's links by name, as the kernel has them, then those of all VNICs in the
/// order of their creation. Nothing is counted on an etherstub.
///
/// # Errors
/// When a counter can't be read.
pub fn link_counters(
    daemon: &Daemon,
    stats: &BTreeMap<LinkName, LinkStats>,
    queues: &QueueStats,
) -> Result<Vec<LinkCounters>, FabricError> {
    let links = daemon.observed().links.iter();
    let foreign = links.filter_map(|(name, link)| {
        let stats = stats.get(name)?;
        Some(LinkCounters {
            name: name.clone(),
            zone: None,
            class: link.class,
            ipackets: stats.ipackets,
            rbytes: stats.rbytes,
            ierrors: stats.ierrors,
            opackets: stats.opackets,
            obytes: stats.obytes,
            oerrors: stats.oerrors,
            idrops: None,
            odrops: None,
        })
    });
    let dropped = |vnic: &VnicCounters, inbound| -> u64 {
        let drops = vnic.drops.iter();
        drops
            .filter(|drop| drop.reason.is_inbound() == inbound)
            .map(|drop| drop.packets)
            .sum()
    };
    let full = daemon.queue_drops(queues).into_values();
    let vnics = counters(daemon)?.into_iter().zip(full).map(|(vnic, full)| {
        let [idrops, odrops] = full;
        LinkCounters {
            ierrors: dropped(&vnic, true),
            oerrors: dropped(&vnic, false),
            name: vnic.name,
            zone: vnic.zone,
            class: LinkClass::Vnic,
            ipackets: vnic.ipackets,
            rbytes: vnic.rbytes,
            opackets: vnic.opackets,
            obytes: vnic.obytes,
            idrops,
            odrops,
        }
    });
    Ok(foreign.chain(vnics).collect())
}

/// All etherstubs, in the order of their creation.
#[must_use]
pub fn etherstubs(daemon: &Daemon) -> Vec<EtherstubInfo> {
    daemon.spec().etherstubs.values().map(stub_view).collect()
}

/// One etherstub.
///
/// # Errors
/// When there is none of that number.
pub fn etherstub(
    daemon: &Daemon,
    id: LinkId,
) -> Result<EtherstubInfo, FabricError> {
    let stub = daemon.spec().etherstubs.get(&id);
    stub.map(stub_view).ok_or(FabricError::Vanished(id))
}

fn stub_view(stub: &Etherstub) -> EtherstubInfo {
    EtherstubInfo {
        name: stub.name.clone(),
        mtu: stub.mtu,
        temporary: stub.temporary,
    }
}

/// All physical links, by name.
#[must_use]
pub fn phys(daemon: &Daemon) -> Vec<PhysInfo> {
    let candidates = daemon.observed().phys();
    let tags = daemon.config().tags();
    let links = daemon.observed().links.iter();
    links
        .filter(|(_, link)| link.class == LinkClass::Phys)
        .map(|(name, link)| PhysInfo {
            name: name.clone(),
            media: "Ethernet".to_owned(),
            state: link.state,
            speed: link.speed.unwrap_or(0),
            duplex: link.duplex,
            device: name.to_string(),
            mac: link.mac,
            mtu: link.mtu,
            nic_tags: tags.tags_of(name, &candidates).cloned().collect(),
        })
        .collect()
}

/// All links: those of the host by name, then ours in the order of their
/// creation.
#[must_use]
pub fn links(daemon: &Daemon) -> Vec<LinkInfo> {
    let foreign = daemon.observed().links.iter();
    let foreign = foreign.map(|(name, link)| foreign_view(daemon, name, link));
    let stubs = daemon.spec().etherstubs.values();
    let stubs = stubs.map(|stub| (stub.id.0, switch_view(stub)));
    let vnics = vnics(daemon).into_iter().map(|vnic| {
        let info = LinkInfo {
            name: vnic.name,
            zone: vnic.zone,
            class: LinkClass::Vnic,
            mtu: vnic.mtu,
            state: vnic.state,
            over: vnic.over.into_iter().collect(),
            props: None,
            kept_props: None,
        };
        (vnic.id, info)
    });
    let mut ours: Vec<(u32, LinkInfo)> = stubs.chain(vnics).collect();
    ours.sort_by_key(|(id, _)| *id);
    foreign.chain(ours.into_iter().map(|(_, link)| link)).collect()
}

/// One link that VNICs can sit on.
///
/// # Errors
/// When there is none of that name.
pub fn link(daemon: &Daemon, name: &LinkName) -> Result<LinkInfo, FabricError> {
    if let Some(stub) = daemon.spec().etherstub(name) {
        return Ok(switch_view(stub));
    }
    let link = daemon.observed().links.get(name);
    let link = link.ok_or_else(|| FabricError::NotFound(name.clone()))?;
    Ok(foreign_view(daemon, name, link))
}

fn foreign_view(
    daemon: &Daemon,
    name: &LinkName,
    link: &ObservedLink,
) -> LinkInfo {
    let carries_vnics = link.class.carries_vnics();
    let settings = daemon.spec().links.get(name).copied().unwrap_or_default();
    LinkInfo {
        name: name.clone(),
        zone: None,
        class: link.class,
        mtu: Some(link.mtu),
        state: link.state,
        over: Vec::new(),
        props: carries_vnics.then_some(settings.props),
        kept_props: settings.kept.filter(|_| carries_vnics),
    }
}

/// An etherstub as one link of many.
fn switch_view(stub: &Etherstub) -> LinkInfo {
    LinkInfo {
        name: stub.name.clone(),
        zone: None,
        class: LinkClass::Etherstub,
        mtu: Some(stub.mtu),
        state: LinkState::Unknown,
        over: Vec::new(),
        props: Some(stub.settings.props),
        kept_props: stub.settings.kept,
    }
}

/// All NIC tags: those of links by name, then etherstubs by name.
#[must_use]
pub fn nic_tags(daemon: &Daemon) -> NicTags {
    let config = daemon.config();
    let phys = daemon.observed().phys();
    let mut tags: Vec<NicTagInfo> = config
        .tags()
        .iter()
        .map(|(name, tag)| {
            let found = config.tags().link_of(name, &phys);
            let reason = found.as_ref().err().map(ToString::to_string);
            let (kind, mac) = match &tag.target {
                TagTarget::Nic(mac) => (NicTagType::Normal, Some(*mac)),
                TagTarget::Aggr(_) => (NicTagType::Aggr, None),
            };
            NicTagInfo {
                name: name.to_string(),
                mac,
                link: found.ok().map(|link| link.name.clone()),
                kind,
                mtu: tag.mtu,
                reason,
            }
        })
        .collect();
    let mut stubs: Vec<&LinkName> =
        daemon.spec().etherstubs.values().map(|stub| &stub.name).collect();
    stubs.extend(config.tags().etherstubs());
    stubs.sort();
    stubs.dedup();
    tags.extend(stubs.into_iter().map(|name| NicTagInfo {
        name: name.to_string(),
        mac: None,
        link: None,
        kind: NicTagType::Etherstub,
        mtu: None,
        reason: None,
    }));
    NicTags { tags, warning: config.warning().map(str::to_owned) }
}

/// How netd is, and what a person should do next.
#[must_use]
pub fn status(daemon: &Daemon) -> DaemonStatus {
    DaemonStatus {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        blocked: daemon.blocked().iter().map(ToString::to_string).collect(),
        hints: hints(daemon),
    }
}

/// What to do on a host that has no NIC tag yet, or whose file is wrong.
#[must_use]
pub fn hints(daemon: &Daemon) -> Vec<String> {
    let config = daemon.config();
    let path = config.path().display();
    if let Some(warning) = config.warning() {
        return vec![format!("correct the file: {warning}")];
    }
    if config.tags().iter().next().is_some() {
        return Vec::new();
    }
    let links = phys(daemon);
    match links.iter().find(|link| link.state == LinkState::Up) {
        Some(link) => vec![format!(
            "no NIC tag is defined; to tag {} as admin, write \
             \"admin_nic={}\" to {path}",
            link.name,
            link.mac.padded(),
        )],
        None => vec![format!(
            "no NIC tag is defined, and no NIC is up; tags are written to \
             {path} as TAG_nic=MAC"
        )],
    }
}
