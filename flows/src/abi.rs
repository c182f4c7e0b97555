//! The tables' bytes: `bpf/abi.h` in Rust, and the only place that makes them.
//!
//! A row becomes the bytes of its key and value given the links' numbers, and
//! bytes become a row again. A link that has gone since keeps its number, so
//! that its rows can still be deleted.

mod flow;

use std::collections::BTreeMap;
use std::fmt;
use std::mem::{offset_of, size_of};
use std::net::IpAddr;

use fabric::datapath::{
    AllowedKey, AllowedRow, ClientIdKey, FdbKey, FdbRow, FloodKey, FloodList,
    FloodRow, LearnedKey, LinkRef, Row, Segment, SegmentRow, Shaped, VnicRow,
};
use fabric::shaping::ClassId;
use fabric::{
    AllowedIp, AllowedIps, ClientId, DropReason, IpFamily, LinkId, LinkName,
    Mac, Methods, Protection,
};
use zerocopy::{FromBytes, FromZeros, Immutable, IntoBytes, KnownLayout};

use crate::slots::Slots;
use crate::{Counters, LinkIndexes};

/// The bit of an etherstub's segment number.
const SEGMENT_ETHERSTUB: u32 = 0x8000_0000;
/// The source address is the VNIC's.
const GUARD_MAC_NOSPOOF: u16 = 0x0001;
/// IPv4, IPv6 and ARP only.
const GUARD_RESTRICTED: u16 = 0x0002;
/// IP addresses are the VNIC's.
const GUARD_IP_NOSPOOF: u16 = 0x0004;
/// DHCP is a client's, and the VNIC's.
const GUARD_DHCP_NOSPOOF: u16 = 0x0008;
/// Any client id passes.
const GUARD_ANY_CLIENT_ID: u16 = 0x0010;
/// The guest has further addresses.
const GUARD_SECONDARY: u16 = 0x0020;
/// Addresses of this version of IP are listed.
const GUARD_ALLOWED4: u16 = 0x0040;
const GUARD_ALLOWED6: u16 = 0x0080;
/// The guest may come by addresses in these ways.
const GUARD_DHCP4: u16 = 0x0100;
const GUARD_DHCP6: u16 = 0x0200;
const GUARD_SLAAC: u16 = 0x0400;
/// Nothing passes.
const VNIC_BLOCKED: u16 = 0x0001;
/// What the guest sends waits in the shaper.
const VNIC_WAITS: u16 = 0x0002;
/// Some of the traffic is in flows.
const VNIC_FLOWS: u16 = 0x0004;
/// A frame may be handed straight to the guest end.
const FDB_PEER: u16 = 0x0001;
/// The guest may come by addresses.
const FDB_LEARNS: u16 = 0x0002;
/// Nothing passes.
const FDB_BLOCKED: u16 = 0x0004;
/// Some of the traffic is in flows.
const FDB_FLOWS: u16 = 0x0008;
/// A frame goes by way of the host end in any case.
const FDB_STEERED: u16 = 0x0010;
const FLOOD_BLOCKED: u16 = 0x0001;
/// Some VNIC also gets frames for stations that nobody knows.
const SEGMENT_PROMISCUOUS: u16 = 0x0001;
/// The lists of a segment's VNICs.
const FLOOD_ALL: u16 = 0;
const FLOOD_UNKNOWN: u16 = 1;
/// The versions of IP.
const FAMILY_IPV4: u32 = 4;
const FAMILY_IPV6: u32 = 6;
/// Room for drop reasons.
const DROP_REASONS_MAX: usize = 32;

/// A table of the data plane.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Table {
    /// Who speaks through a host end.
    Vnics,
    /// The IPv4 addresses that a guest may speak as.
    Allowed4,
    /// The IPv6 addresses that a guest may speak as.
    Allowed6,
    /// The DHCP client ids that a guest may use.
    ClientIds,
    /// The addresses that guests came by.
    Learned,
    /// Where a station is.
    Fdb,
    /// The VNICs of a segment and VLAN, as linked lists.
    Flood,
    /// A segment's way out.
    Segments,
    /// What went through a VNIC, by its slot.
    Traffic,
    /// What was dropped of a VNIC's.
    Drops,
    /// What the flows of a VNIC ask for.
    FlowMasks,
    /// The flows.
    Flows,
    /// What went through a flow.
    FlowTraffic,
}

impl Table {
    /// Every table.
    pub const ALL: [Self; 13] = [
        Self::Vnics,
        Self::Allowed4,
        Self::Allowed6,
        Self::ClientIds,
        Self::Learned,
        Self::Fdb,
        Self::Flood,
        Self::Segments,
        Self::Traffic,
        Self::Drops,
        Self::FlowMasks,
        Self::Flows,
        Self::FlowTraffic,
    ];

    /// The name of the table, and of its pin. The map has a number behind it
    /// from its second layout of the same size on.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Vnics => "vnics",
            Self::Allowed4 => "allowed4",
            Self::Allowed6 => "allowed6",
            Self::ClientIds => "client_ids",
            Self::Learned => "learned_addresses",
            Self::Fdb => "fdb",
            Self::Flood => "flood",
            Self::Segments => "segments",
            Self::Traffic => "traffic",
            Self::Drops => "drops",
            Self::FlowMasks => "flow_masks",
            Self::Flows => "flows",
            Self::FlowTraffic => "flow_traffic",
        }
    }

    /// The table of a name.
    #[cfg(feature = "bpf")]
    pub(crate) fn by_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|table| table.name() == name)
    }

    /// Whether it holds what the programs count, and no rows.
    #[cfg(feature = "bpf")]
    pub(crate) fn counts(self) -> bool {
        matches!(self, Self::Traffic | Self::Drops | Self::FlowTraffic)
    }

    /// The table that a row belongs to.
    pub(crate) fn of(row: &Row) -> Self {
        match row {
            Row::Segment(..) => Self::Segments,
            Row::Allowed(key, _) => match key.family {
                IpFamily::V4 => Self::Allowed4,
                IpFamily::V6 => Self::Allowed6,
            },
            Row::ClientId(_) => Self::ClientIds,
            Row::Learned(_) => Self::Learned,
            Row::Vnic(..) => Self::Vnics,
            Row::Fdb(..) => Self::Fdb,
            Row::Flood(..) => Self::Flood,
            Row::FlowMasks(..) => Self::FlowMasks,
            Row::Flow(..) => Self::Flows,
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// Declares a structure of `abi.h` with its size and its fields' offsets, as C
/// lays them out; `IntoBytes` refuses padding that is not written out.
macro_rules! abi {
    ($(#[doc = $doc:literal] $name:ident: $size:literal {
        $($at:literal $field:ident: $type:ty,)*
    })*) => {$(
        #[doc = $doc]
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq,
            FromBytes, IntoBytes, Immutable, KnownLayout,
        )]
        #[repr(C)]
        struct $name {
            $($field: $type,)*
        }
        const _: () = {
            assert!(size_of::<$name>() == $size);
            $(assert!(std::mem::offset_of!($name, $field) == $at);)*
        };
    )*};
}
pub(crate) use abi;
#[cfg(feature = "bpf")]
pub(crate) use flow::{flow_in, flow_traffic_key, sum_flow_counters};

abi! {
    /// `struct network4`
    Network4Abi: 8 {
        0 address: [u8; 4],
        4 mask: [u8; 4],
    }
    /// `struct allowed4`
    Allowed4Abi: 260 {
        0 count: u32,
        4 networks: [Network4Abi; AllowedIps::MAX],
    }
    /// `struct network6`
    Network6Abi: 32 {
        0 address: [u8; 16],
        16 mask: [u8; 16],
    }
    /// `struct allowed6`
    Allowed6Abi: 1028 {
        0 count: u32,
        4 networks: [Network6Abi; AllowedIps::MAX],
    }
    /// `struct vnic`
    VnicAbi: 72 {
        0 id: u32,
        4 segment: u32,
        8 vid: u16,
        10 guard: u16,
        12 mac: [u8; 6],
        18 mtu: u16,
        20 slot: u32,
        24 first4: Network4Abi,
        32 first6: Network6Abi,
        64 shaper: u32,
        68 class: u16,
        70 flags: u16,
    }
    /// `struct client_id`
    ClientIdAbi: 264 {
        0 id: u32,
        4 length: u32,
        8 bytes: [u8; ClientId::MAX],
    }
    /// `struct learned`
    LearnedAbi: 24 {
        0 id: u32,
        4 family: u32,
        8 address: [u8; 16],
    }
    /// `struct fdb_key`
    FdbKeyAbi: 12 {
        0 segment: u32,
        4 vid_and_front: u32,
        8 rest: [u8; 4],
    }
    /// `struct fdb_entry`
    FdbEntryAbi: 20 {
        0 ifindex: u32,
        4 id: u32,
        8 flags: u16,
        10 mtu: u16,
        12 slot: u32,
        16 class: u16,
        18 pad: [u8; 2],
    }
    /// `struct flood_key`
    FloodKeyAbi: 12 {
        0 segment: u32,
        4 vid: u16,
        6 list: u16,
        8 id: u32,
    }
    /// `struct flood_entry`
    FloodEntryAbi: 16 {
        0 ifindex: u32,
        4 next: u32,
        8 slot: u32,
        12 mtu: u16,
        14 flags: u16,
    }
    /// `struct segment`
    SegmentAbi: 12 {
        0 ifindex: u32,
        4 flags: u16,
        6 station: [u8; 6],
    }
    /// `struct budget`
    BudgetAbi: 8 {
        0 stretch: u32,
        4 spent: u32,
    }
    /// `struct traffic`
    TrafficAbi: 32 {
        0 ipackets: u64,
        8 rbytes: u64,
        16 opackets: u64,
        24 obytes: u64,
    }
    /// `struct drops`
    DropsAbi: 528 {
        0 frames: [u64; DROP_REASONS_MAX],
        256 shown: [u64; DROP_REASONS_MAX],
        512 said: BudgetAbi,
        520 heard: BudgetAbi,
    }
}

const _: () = assert!(DropReason::ALL.len() <= DROP_REASONS_MAX);

/// A row that has no bytes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The row names a link that is not there.
    #[error("link \"{0}\" does not exist")]
    NoSuchLink(LinkName),
    /// The etherstub's number is above 2³¹ - 1.
    #[error("etherstub number {0} is too large")]
    EtherstubNumber(LinkId),
    /// A list of addresses or a client id is longer than its place.
    #[error("{length} are too many for one row")]
    TooLong {
        /// How many addresses, or bytes.
        length: usize,
    },
}

/// The bytes of a row's key.
pub(crate) fn encode_key(
    row: &Row,
    links: &LinkIndexes,
) -> Result<Vec<u8>, EncodeError> {
    Ok(match row {
        Row::Segment(segment, _) => number(segment, links)?.as_bytes().to_vec(),
        Row::Allowed(key, _) => key.id.0.as_bytes().to_vec(),
        Row::ClientId(key) => {
            let mut abi = ClientIdAbi {
                id: key.id.0,
                length: 0,
                bytes: [0; ClientId::MAX],
            };
            let length = key.bytes.len();
            abi.length = count(length, ClientId::MAX)?;
            abi.bytes[..length].copy_from_slice(&key.bytes);
            abi.as_bytes().to_vec()
        }
        Row::Learned(key) => {
            let (family, address) = match key.address {
                IpAddr::V4(ip) => {
                    let mut address = [0; 16];
                    address[..4].copy_from_slice(&ip.octets());
                    (FAMILY_IPV4, address)
                }
                IpAddr::V6(ip) => (FAMILY_IPV6, ip.octets()),
            };
            LearnedAbi { id: key.id.0, family, address }.as_bytes().to_vec()
        }
        Row::Vnic(host_end, _) => index(host_end, links)?.as_bytes().to_vec(),
        Row::Fdb(key, _) => {
            let [a, b, rest @ ..] = key.mac.octets();
            let front = u16::from_ne_bytes([a, b]);
            FdbKeyAbi {
                segment: number(&key.segment, links)?,
                vid_and_front: u32::from(key.vid) << 16 | u32::from(front),
                rest,
            }
            .as_bytes()
            .to_vec()
        }
        Row::Flood(key, _) => FloodKeyAbi {
            segment: number(&key.segment, links)?,
            vid: key.vid,
            list: match key.list {
                FloodList::All => FLOOD_ALL,
                FloodList::Unknown => FLOOD_UNKNOWN,
            },
            id: key.id.0,
        }
        .as_bytes()
        .to_vec(),
        Row::FlowMasks(id, _) => id.0.as_bytes().to_vec(),
        Row::Flow(key, _) => flow::encode_key(key),
    })
}

/// The bytes of a row's value. `slots` has those of the VNICs that it names.
pub(crate) fn encode_value(
    row: &Row,
    links: &LinkIndexes,
    slots: &Slots,
) -> Result<Vec<u8>, EncodeError> {
    Ok(match row {
        Row::Segment(segment, row) => SegmentAbi {
            ifindex: match segment {
                Segment::Link(link) => index(link, links)?,
                Segment::Etherstub(_) => 0,
            },
            flags: if row.promiscuous { SEGMENT_PROMISCUOUS } else { 0 },
            station: row.station.map_or([0; 6], Mac::octets),
        }
        .as_bytes()
        .to_vec(),
        Row::Allowed(key, row) => allowed(key.family, row)?,
        // The key says it all.
        Row::ClientId(_) | Row::Learned(_) => 0_u32.as_bytes().to_vec(),
        Row::Vnic(_, row) => VnicAbi {
            id: row.id.0,
            segment: number(&row.segment, links)?,
            vid: row.vid,
            guard: guard_bits(row),
            mac: row.mac.octets(),
            mtu: row.mtu,
            slot: slots.of(row.id),
            first4: first4(row),
            first6: first6(row),
            shaper: match &row.shaped {
                Some(shaped) => index(&shaped.shaper, links)?,
                None => 0,
            },
            class: row.shaped.as_ref().map_or(0, |shaped| shaped.class.0),
            flags: vnic_flags(row),
        }
        .as_bytes()
        .to_vec(),
        Row::Fdb(_, row) => {
            let ifindex = index(&row.host_end, links)?;
            let peer = if links.crosses(ifindex) { FDB_PEER } else { 0 };
            let learns = if row.learns { FDB_LEARNS } else { 0 };
            let blocked = if row.blocked { FDB_BLOCKED } else { 0 };
            let flows = if row.flows { FDB_FLOWS } else { 0 };
            let steered = if row.steered { FDB_STEERED } else { 0 };
            FdbEntryAbi {
                ifindex,
                id: row.id.0,
                flags: peer | learns | blocked | flows | steered,
                mtu: row.mtu,
                slot: slots.of(row.id),
                class: row.class.map_or(0, |class| class.0),
                pad: [0; 2],
            }
            .as_bytes()
            .to_vec()
        }
        Row::Flood(key, row) => FloodEntryAbi {
            ifindex: match &row.host_end {
                Some(link) => index(link, links)?,
                None => 0,
            },
            next: row.next.0,
            slot: slots.of(key.id),
            mtu: row.mtu,
            flags: if row.blocked { FLOOD_BLOCKED } else { 0 },
        }
        .as_bytes()
        .to_vec(),
        Row::FlowMasks(_, row) => flow::encode_masks(row)?,
        Row::Flow(_, row) => flow::encode_flow(row),
    })
}

/// The row of a key's and a value's bytes; none when they are not as long as
/// the table's rows, or the table has none.
pub(crate) fn decode(
    table: Table,
    key: &[u8],
    value: &[u8],
    links: &LinkIndexes,
) -> Option<Row> {
    Some(match table {
        Table::Segments => {
            let value: SegmentAbi = read(value)?;
            let station = Mac::new(value.station);
            let station = (value.station != [0; 6]).then_some(station);
            let promiscuous = value.flags & SEGMENT_PROMISCUOUS != 0;
            let row = SegmentRow { station, promiscuous };
            Row::Segment(segment(read(key)?, links), row)
        }
        Table::Allowed4 => {
            let value: Allowed4Abi = read(value)?;
            let networks = value.networks.map(|network| {
                (IpAddr::from(network.address), IpAddr::from(network.mask))
            });
            let row = allowed_row(value.count, &networks);
            let id = LinkId(read(key)?);
            Row::Allowed(AllowedKey { id, family: IpFamily::V4 }, row)
        }
        Table::Allowed6 => {
            let value: Allowed6Abi = read(value)?;
            let networks = value.networks.map(|network| {
                (IpAddr::from(network.address), IpAddr::from(network.mask))
            });
            let row = allowed_row(value.count, &networks);
            let id = LinkId(read(key)?);
            Row::Allowed(AllowedKey { id, family: IpFamily::V6 }, row)
        }
        Table::ClientIds => {
            let _: u32 = read(value)?;
            let key: ClientIdAbi = read(key)?;
            let length = usize::try_from(key.length).ok()?;
            let (id, bytes) = (LinkId(key.id), key.bytes.get(..length)?);
            Row::ClientId(ClientIdKey { id, bytes: bytes.to_vec() })
        }
        Table::Learned => {
            let _: u32 = read(value)?;
            let key: LearnedAbi = read(key)?;
            let address = match key.family {
                FAMILY_IPV4 => {
                    let (head, rest) = key.address.split_first_chunk::<4>()?;
                    if rest != [0; 12] {
                        return None;
                    }
                    IpAddr::from(*head)
                }
                FAMILY_IPV6 => IpAddr::from(key.address),
                _ => return None,
            };
            Row::Learned(LearnedKey { id: LinkId(key.id), address })
        }
        Table::Vnics => {
            let value: VnicAbi = read(value)?;
            let on = |bit| value.guard & bit != 0;
            let row = VnicRow {
                id: LinkId(value.id),
                segment: segment(value.segment, links),
                vid: value.vid,
                mac: Mac::new(value.mac),
                secondary: on(GUARD_SECONDARY),
                mtu: value.mtu,
                protection: Protection {
                    mac_nospoof: on(GUARD_MAC_NOSPOOF),
                    restricted: on(GUARD_RESTRICTED),
                    ip_nospoof: on(GUARD_IP_NOSPOOF),
                    dhcp_nospoof: on(GUARD_DHCP_NOSPOOF),
                },
                allow_all_dhcp_cids: on(GUARD_ANY_CLIENT_ID),
                first: firsts(&value),
                listed: [
                    (GUARD_ALLOWED4, IpFamily::V4),
                    (GUARD_ALLOWED6, IpFamily::V6),
                ]
                .into_iter()
                .filter_map(|(bit, family)| on(bit).then_some(family))
                .collect(),
                methods: Methods {
                    dhcpv4: on(GUARD_DHCP4),
                    dhcpv6: on(GUARD_DHCP6),
                    slaac: on(GUARD_SLAAC),
                },
                shaped: (value.shaper != 0).then(|| Shaped {
                    shaper: links.link_of(value.shaper),
                    class: ClassId(value.class),
                    waits: value.flags & VNIC_WAITS != 0,
                }),
                blocked: value.flags & VNIC_BLOCKED != 0,
                flows: value.flags & VNIC_FLOWS != 0,
            };
            Row::Vnic(links.link_of(read(key)?), row)
        }
        Table::Fdb => {
            let (key, value): (FdbKeyAbi, FdbEntryAbi) =
                (read(key)?, read(value)?);
            let [vid @ .., high, low] = key.vid_and_front.to_be_bytes();
            let [a, b] = u16::from_be_bytes([high, low]).to_ne_bytes();
            let [c, d, e, f] = key.rest;
            let key = FdbKey {
                segment: segment(key.segment, links),
                vid: u16::from_be_bytes(vid),
                mac: Mac::new([a, b, c, d, e, f]),
            };
            let host_end = links.link_of(value.ifindex);
            let learns = value.flags & FDB_LEARNS != 0;
            let (id, mtu) = (LinkId(value.id), value.mtu);
            let class = (value.class != 0).then_some(ClassId(value.class));
            let blocked = value.flags & FDB_BLOCKED != 0;
            let flows = value.flags & FDB_FLOWS != 0;
            let steered = value.flags & FDB_STEERED != 0;
            let row = FdbRow {
                id,
                host_end,
                mtu,
                learns,
                class,
                blocked,
                flows,
                steered,
            };
            Row::Fdb(key, row)
        }
        Table::Flood => {
            let (key, value): (FloodKeyAbi, FloodEntryAbi) =
                (read(key)?, read(value)?);
            let key = FloodKey {
                segment: segment(key.segment, links),
                vid: key.vid,
                list: match key.list {
                    FLOOD_ALL => FloodList::All,
                    FLOOD_UNKNOWN => FloodList::Unknown,
                    _ => return None,
                },
                id: LinkId(key.id),
            };
            let host_end =
                (value.ifindex != 0).then(|| links.link_of(value.ifindex));
            let (next, mtu) = (LinkId(value.next), value.mtu);
            let blocked = value.flags & FLOOD_BLOCKED != 0;
            Row::Flood(key, FloodRow { host_end, next, mtu, blocked })
        }
        Table::FlowMasks => {
            let id = LinkId(read(key)?);
            Row::FlowMasks(id, flow::decode_masks(value)?)
        }
        Table::Flows => {
            let (key, row) = flow::decode_flow(key, value)?;
            Row::Flow(key, row)
        }
        Table::Traffic | Table::Drops | Table::FlowTraffic => return None,
    })
}

/// What was counted of a VNIC of which nothing is known yet, for one CPU.
#[cfg(test)]
pub(crate) fn no_traffic() -> Vec<u8> {
    vec![0; size_of::<TrafficAbi>()]
}

/// What was dropped of it.
#[cfg(test)]
pub(crate) fn no_drops() -> Vec<u8> {
    vec![0; size_of::<DropsAbi>()]
}

/// The sum of what all CPUs counted; none when some of it is not as long as it
/// should.
pub(crate) fn sum_counters(
    traffic: &[Vec<u8>],
    drops: &[Vec<u8>],
) -> Option<Counters> {
    let mut sum = Counters::default();
    for cpu in traffic {
        let cpu: TrafficAbi = read(cpu)?;
        sum.ipackets += cpu.ipackets;
        sum.rbytes += cpu.rbytes;
        sum.opackets += cpu.opackets;
        sum.obytes += cpu.obytes;
    }
    let mut of_reason = BTreeMap::new();
    for cpu in drops {
        let cpu: DropsAbi = read(cpu)?;
        for reason in DropReason::ALL {
            let frames = cpu.frames[reason as usize];
            *of_reason.entry(reason).or_default() += frames;
        }
    }
    of_reason.retain(|_, frames| *frames != 0);
    Some(Counters { drops: of_reason, ..sum })
}

/// The bytes of a VNIC's key in the table of what was dropped.
pub(crate) fn drops_key(id: LinkId) -> Vec<u8> {
    id.0.as_bytes().to_vec()
}

/// The bytes of a slot.
pub(crate) fn slot_key(slot: u32) -> Vec<u8> {
    slot.as_bytes().to_vec()
}

/// The VNIC and the slot in the bytes of a VNIC's row. They are where they are in
/// all versions, whatever the row has else and how long it is, so that each
/// finds out who has which slot of another.
pub(crate) fn slot_in(value: &[u8]) -> Option<(LinkId, u32)> {
    let word = |at: usize| read::<u32>(value.get(at..at + size_of::<u32>())?);
    let (id, slot) = (offset_of!(VnicAbi, id), offset_of!(VnicAbi, slot));
    Some((LinkId(word(id)?), word(slot)?))
}

/// The length of something that has room for `max`.
fn count(length: usize, max: usize) -> Result<u32, EncodeError> {
    let fits = u32::try_from(length).ok().filter(|_| length <= max);
    fits.ok_or(EncodeError::TooLong { length })
}

fn vnic_flags(row: &VnicRow) -> u16 {
    let waits = row.shaped.as_ref().is_some_and(|shaped| shaped.waits);
    let waits = if waits { VNIC_WAITS } else { 0 };
    let flows = if row.flows { VNIC_FLOWS } else { 0 };
    waits | flows | if row.blocked { VNIC_BLOCKED } else { 0 }
}

fn guard_bits(row: &VnicRow) -> u16 {
    let Protection { mac_nospoof, restricted, ip_nospoof, dhcp_nospoof } =
        row.protection;
    [
        (mac_nospoof, GUARD_MAC_NOSPOOF),
        (restricted, GUARD_RESTRICTED),
        (ip_nospoof, GUARD_IP_NOSPOOF),
        (dhcp_nospoof, GUARD_DHCP_NOSPOOF),
        (row.allow_all_dhcp_cids, GUARD_ANY_CLIENT_ID),
        (row.secondary, GUARD_SECONDARY),
        (row.listed.contains(&IpFamily::V4), GUARD_ALLOWED4),
        (row.listed.contains(&IpFamily::V6), GUARD_ALLOWED6),
        (row.methods.dhcpv4, GUARD_DHCP4),
        (row.methods.dhcpv6, GUARD_DHCP6),
        (row.methods.slaac, GUARD_SLAAC),
    ]
    .into_iter()
    .filter(|(on, _)| *on)
    .fold(0, |bits, (_, bit)| bits | bit)
}

/// The bytes of a list of addresses. One of the other version of IP has none
/// here, and is left out.
fn allowed(family: IpFamily, row: &AllowedRow) -> Result<Vec<u8>, EncodeError> {
    let count = count(row.networks.len(), AllowedIps::MAX)?;
    let networks = row.networks.iter().enumerate();
    Ok(match family {
        IpFamily::V4 => {
            let mut value: Allowed4Abi = FromZeros::new_zeroed();
            value.count = count;
            for (at, network) in networks {
                if let Some(network) = network4(*network) {
                    value.networks[at] = network;
                }
            }
            value.as_bytes().to_vec()
        }
        IpFamily::V6 => {
            let mut value: Allowed6Abi = FromZeros::new_zeroed();
            value.count = count;
            for (at, network) in networks {
                if let Some(network) = network6(*network) {
                    value.networks[at] = network;
                }
            }
            value.as_bytes().to_vec()
        }
    })
}

fn network4(ip: AllowedIp) -> Option<Network4Abi> {
    match (ip.address(), ip.mask()) {
        (IpAddr::V4(address), IpAddr::V4(mask)) => {
            let (address, mask) = (address.octets(), mask.octets());
            Some(Network4Abi { address, mask })
        }
        _ => None,
    }
}

fn network6(ip: AllowedIp) -> Option<Network6Abi> {
    match (ip.address(), ip.mask()) {
        (IpAddr::V6(address), IpAddr::V6(mask)) => {
            let (address, mask) = (address.octets(), mask.octets());
            Some(Network6Abi { address, mask })
        }
        _ => None,
    }
}

/// The IPv4 address in a VNIC's row. Without one it is 0.0.0.0, as whom
/// everybody may speak.
fn first4(row: &VnicRow) -> Network4Abi {
    let first = row.first.get(&IpFamily::V4).copied();
    let nobody = Network4Abi { address: [0; 4], mask: [0xff; 4] };
    first.and_then(network4).unwrap_or(nobody)
}

/// The IPv6 address in a VNIC's row. Without one it is `::`.
fn first6(row: &VnicRow) -> Network6Abi {
    let first = row.first.get(&IpFamily::V6).copied();
    let nobody = Network6Abi { address: [0; 16], mask: [0xff; 16] };
    first.and_then(network6).unwrap_or(nobody)
}

/// The addresses in a VNIC's row. One that is not ours counts as none.
fn firsts(value: &VnicAbi) -> BTreeMap<IpFamily, AllowedIp> {
    let Network4Abi { address, mask } = value.first4;
    let first4 = network(address.into(), mask.into());
    let Network6Abi { address, mask } = value.first6;
    let first6 = network(address.into(), mask.into());
    [first4, first6].into_iter().flatten().map(|ip| (ip.family(), ip)).collect()
}

/// The row of a list of addresses and masks. Where one is not ours the list is
/// given as empty, which no list of ours is: the planner then writes it anew.
fn allowed_row(count: u32, networks: &[(IpAddr, IpAddr)]) -> AllowedRow {
    let used = usize::try_from(count).ok();
    let used = used.and_then(|count| networks.get(..count));
    let row: Option<Vec<AllowedIp>> = used.and_then(|networks| {
        networks
            .iter()
            .map(|(address, mask)| network(*address, *mask))
            .collect()
    });
    AllowedRow { networks: row.unwrap_or_default() }
}

fn network(address: IpAddr, mask: IpAddr) -> Option<AllowedIp> {
    let prefix = match mask {
        IpAddr::V4(mask) => mask.to_bits().leading_ones(),
        IpAddr::V6(mask) => mask.to_bits().leading_ones(),
    };
    let network = AllowedIp::new(address, u8::try_from(prefix).ok()?).ok()?;
    (network.mask() == mask).then_some(network)
}

pub(crate) fn read<T: FromBytes>(bytes: &[u8]) -> Option<T> {
    T::read_from_bytes(bytes).ok()
}

fn index(link: &LinkRef, links: &LinkIndexes) -> Result<u32, EncodeError> {
    match link {
        LinkRef::Gone(ifindex) => Ok(*ifindex),
        LinkRef::Name(name) => links
            .index_of(name)
            .ok_or_else(|| EncodeError::NoSuchLink(name.clone())),
    }
}

fn number(segment: &Segment, links: &LinkIndexes) -> Result<u32, EncodeError> {
    match segment {
        Segment::Link(link) => index(link, links),
        Segment::Etherstub(id) if id.0 & SEGMENT_ETHERSTUB == 0 => {
            Ok(id.0 | SEGMENT_ETHERSTUB)
        }
        Segment::Etherstub(id) => Err(EncodeError::EtherstubNumber(*id)),
    }
}

pub(crate) fn segment(number: u32, links: &LinkIndexes) -> Segment {
    if number & SEGMENT_ETHERSTUB == 0 {
        Segment::Link(links.link_of(number))
    } else {
        Segment::Etherstub(LinkId(number & !SEGMENT_ETHERSTUB))
    }
}

#[cfg(test)]
mod tests;
