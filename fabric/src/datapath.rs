//! The data plane's tables as typed rows.
//!
//! Rows name links; numbers that only the kernel knows (ifindexes) are looked
//! up when a row is written. The bytes are made in one place, `flows::abi`.

mod flow_changes;
mod flow_mask;
mod flow_rows;
mod flow_tuple;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use crate::shaping::ClassId;
use crate::{AllowedIp, IpFamily, LinkId, LinkName, Mac, Methods, Protection};

pub use flow_changes::FlowWrite;
pub use flow_mask::FlowMask;
pub use flow_rows::{FlowKey, FlowMasksRow, FlowRow, FlowRows, Treatment};
pub use flow_tuple::FlowTuple;

/// A link as a row names it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LinkRef {
    /// A link by name. Every row that we want has one.
    Name(LinkName),
    /// A row found in the kernel whose link is gone, by its old ifindex.
    Gone(u32),
}

impl fmt::Display for LinkRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => write!(f, "{name}"),
            Self::Gone(index) => write!(f, "(gone:{index})"),
        }
    }
}

impl From<&LinkName> for LinkRef {
    fn from(name: &LinkName) -> Self {
        Self::Name(name.clone())
    }
}

/// Stations that reach each other directly: a physical link, or an etherstub,
/// with the VNICs over it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Segment {
    /// A physical link's.
    Link(LinkRef),
    /// An etherstub's.
    Etherstub(LinkId),
}

impl fmt::Display for Segment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(link) => write!(f, "{link}"),
            Self::Etherstub(id) => write!(f, "stub-{id}"),
        }
    }
}

impl Segment {
    /// The physical link that it is of; none: an etherstub's, or a link's that
    /// is gone.
    #[must_use]
    pub fn physical(&self) -> Option<&LinkName> {
        match self {
            Self::Link(LinkRef::Name(name)) => Some(name),
            Self::Link(LinkRef::Gone(_)) | Self::Etherstub(_) => None,
        }
    }
}

/// Who a host end speaks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VnicRow {
    /// The VNIC.
    pub id: LinkId,
    /// Its segment.
    pub segment: Segment,
    /// Its VLAN; 0: untagged.
    pub vid: u16,
    /// Its address.
    pub mac: Mac,
    /// Whether its guest has further addresses, which are stations of its own.
    pub secondary: bool,
    /// Its MTU in bytes.
    pub mtu: u16,
    /// What its guest's frames are checked for.
    pub protection: Protection,
    /// Whether `dhcp-nospoof` lets any client id pass.
    pub allow_all_dhcp_cids: bool,
    /// The first address of each version of IP that is allowed to it. Most
    /// have no other, and it saves the programs a look into another table.
    pub first: BTreeMap<IpFamily, AllowedIp>,
    /// The versions of IP of which it has a list of allowed addresses besides.
    pub listed: BTreeSet<IpFamily>,
    /// How its guest may come by further ones.
    pub methods: Methods,
    /// Its place in its segment's shaper; none: it never had one.
    pub shaped: Option<Shaped>,
    /// Whether nothing of what its guest sends passes.
    pub blocked: bool,
    /// Whether some of its traffic is in flows.
    pub flows: bool,
}

/// A VNIC's place in a shaper. It keeps it as long as it is there, so that what
/// still waits is not lost when nothing has to wait any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shaped {
    /// The shaper's near end.
    pub shaper: LinkRef,
    /// The class of what is in no flow.
    pub class: ClassId,
    /// Whether what its guest sends waits there for its turn.
    pub waits: bool,
}

/// Whose addresses of which version of IP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct AllowedKey {
    /// The VNIC.
    pub id: LinkId,
    /// The version of IP.
    pub family: IpFamily,
}

/// The addresses that a VNIC may speak as, in ascending order and all in one row.
/// A VNIC has one where more of a version of IP are allowed to it than the
/// address in its own row, which is in the list as well.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedRow {
    /// The addresses, all of the key's version.
    pub networks: Vec<AllowedIp>,
}

/// An IP address that a VNIC's guest came by. The row says no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct LearnedKey {
    /// The VNIC.
    pub id: LinkId,
    /// The address.
    pub address: IpAddr,
}

/// A DHCP client id that a VNIC may use. The row says no more.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct ClientIdKey {
    /// The VNIC.
    pub id: LinkId,
    /// The client id.
    pub bytes: Vec<u8>,
}

/// A station of a segment.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FdbKey {
    /// The segment.
    pub segment: Segment,
    /// The VLAN; 0: untagged.
    pub vid: u16,
    /// The station's address.
    pub mac: Mac,
}

/// Where a station is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FdbRow {
    /// The VNIC.
    pub id: LinkId,
    /// Its host end.
    pub host_end: LinkRef,
    /// The VNIC's MTU in bytes.
    pub mtu: u16,
    /// Whether its guest may come by addresses.
    pub learns: bool,
    /// The class of the host end in which frames for it wait for their turn;
    /// none: they don't.
    pub class: Option<ClassId>,
    /// Whether nothing for it passes.
    pub blocked: bool,
    /// Whether some of its traffic is in flows.
    pub flows: bool,
    /// Whether frames for it go by way of the host end in any case. Only what
    /// comes out of a queue of the guest end's is worked on by the CPUs of that
    /// queue.
    pub steered: bool,
}

/// Which VNICs of a segment and VLAN a list is of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum FloodList {
    /// All: they get multicast frames.
    All,
    /// Those that also get frames for stations that nobody knows.
    Unknown,
}

/// A place in a list of a segment's VNICs.
///
/// Each (segment, VLAN) has linked lists in ascending order of numbers. One
/// starts at the row of number 0, which belongs to no VNIC, and ends at a row
/// whose `next` is 0. Rows are written before the row that points at them and
/// deleted after it stopped pointing, so whoever walks the list at any moment
/// meets every VNIC that stays.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct FloodKey {
    /// The segment.
    pub segment: Segment,
    /// The VLAN; 0: untagged.
    pub vid: u16,
    /// Which of its lists.
    pub list: FloodList,
    /// The VNIC; 0 is the head of the list.
    pub id: LinkId,
}

/// A VNIC in the list, and the one after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FloodRow {
    /// The host end; none at the head.
    pub host_end: Option<LinkRef>,
    /// The next VNIC; 0: the list ends.
    pub next: LinkId,
    /// The VNIC's MTU in bytes; 0 at the head.
    pub mtu: u16,
    /// Whether nothing for it passes.
    pub blocked: bool,
}

/// The station of a segment that is no VNIC: the host itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SegmentRow {
    /// The link's own address, where the host's stack listens. None on an
    /// etherstub, which has neither host nor wire.
    pub station: Option<Mac>,
    /// Whether some VNIC of the segment also gets frames for stations that
    /// nobody knows.
    pub promiscuous: bool,
}

/// All tables.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DatapathTables {
    /// By VNIC and version of IP.
    pub allowed: BTreeMap<AllowedKey, AllowedRow>,
    /// The keys say it all.
    pub client_ids: BTreeMap<ClientIdKey, ()>,
    /// The keys say it all.
    pub learned: BTreeMap<LearnedKey, ()>,
    /// By host end.
    pub vnics: BTreeMap<LinkRef, VnicRow>,
    /// By station.
    pub fdb: BTreeMap<FdbKey, FdbRow>,
    /// By place in its list.
    pub flood: BTreeMap<FloodKey, FloodRow>,
    /// By segment.
    pub segments: BTreeMap<Segment, SegmentRow>,
    /// Which flow a frame is in.
    pub flows: FlowRows,
}

/// One row of any table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Row {
    /// Of the table of segments.
    Segment(Segment, SegmentRow),
    /// Of the tables of allowed addresses.
    Allowed(AllowedKey, AllowedRow),
    /// Of the table of allowed client ids.
    ClientId(ClientIdKey),
    /// Of the table of addresses that guests came by.
    Learned(LearnedKey),
    /// Of the table of VNICs.
    Vnic(LinkRef, VnicRow),
    /// Of the forwarding table.
    Fdb(FdbKey, FdbRow),
    /// Of the flood lists.
    Flood(FloodKey, FloodRow),
    /// Of the table of what flows ask for.
    FlowMasks(LinkId, FlowMasksRow),
    /// Of the table of flows.
    Flow(FlowKey, FlowRow),
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Segment(key, row) => {
                write!(f, "segment {key}")?;
                if let Some(mac) = row.station {
                    write!(f, " station {mac}")?;
                }
                if row.promiscuous {
                    write!(f, " promiscuous")?;
                }
                Ok(())
            }
            Self::Allowed(key, row) => {
                write!(f, "allowed id {} {}", key.id, key.family)?;
                let networks = row.networks.iter();
                networks.into_iter().try_for_each(|ip| write!(f, " {ip}"))
            }
            Self::ClientId(key) => {
                write!(f, "client-id id {} 0x", key.id)?;
                let bytes = key.bytes.iter();
                bytes.into_iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
            Self::Learned(key) => {
                write!(f, "learned id {} {}", key.id, key.address)
            }
            Self::Vnic(key, row) => {
                write!(
                    f,
                    "vnic {key} id {} segment {} vid {} mac {}{} mtu {} \
                     protection {}",
                    row.id,
                    row.segment,
                    row.vid,
                    row.mac,
                    if row.secondary { " and more" } else { "" },
                    row.mtu,
                    row.protection
                )?;
                if row.allow_all_dhcp_cids {
                    write!(f, " any client-id")?;
                }
                for ip in row.first.values() {
                    write!(f, " as {ip}")?;
                }
                for family in &row.listed {
                    write!(f, " listed {family}")?;
                }
                if !row.methods.is_none() {
                    write!(f, " learns {}", row.methods)?;
                }
                if let Some(Shaped { shaper, class, waits }) = &row.shaped {
                    let how = if *waits { "waits" } else { "waited" };
                    write!(f, " {how} in {shaper} class {class}")?;
                }
                blocked(f, row.blocked)?;
                flows(f, row.flows)
            }
            Self::Fdb(key, row) => {
                write!(
                    f,
                    "fdb {} vid {} mac {} -> {} id {} mtu {}",
                    key.segment,
                    key.vid,
                    key.mac,
                    row.host_end,
                    row.id,
                    row.mtu
                )?;
                if row.learns {
                    write!(f, " learns")?;
                }
                if let Some(class) = row.class {
                    write!(f, " class {class}")?;
                }
                blocked(f, row.blocked)?;
                flows(f, row.flows)?;
                if row.steered { write!(f, " steered") } else { Ok(()) }
            }
            Self::Flood(key, row) => {
                let list = match key.list {
                    FloodList::All => "flood",
                    FloodList::Unknown => "flood-unknown",
                };
                write!(
                    f,
                    "{list} {} vid {} id {}",
                    key.segment, key.vid, key.id
                )?;
                if let Some(host_end) = &row.host_end {
                    write!(f, " -> {host_end} mtu {}", row.mtu)?;
                }
                write!(f, " next {}", row.next)?;
                blocked(f, row.blocked)
            }
            Self::FlowMasks(id, row) => write!(f, "flow-masks id {id} {row}"),
            Self::Flow(key, row) => write!(f, "{key} -> {row}"),
        }
    }
}

fn blocked(f: &mut fmt::Formatter<'_>, blocked: bool) -> fmt::Result {
    if blocked { write!(f, " blocked") } else { Ok(()) }
}

fn flows(f: &mut fmt::Formatter<'_>, flows: bool) -> fmt::Result {
    if flows { write!(f, " flows") } else { Ok(()) }
}

impl Row {
    /// The links that the row names, in its key and beside it.
    pub fn links(&self) -> impl Iterator<Item = &LinkRef> {
        let mut shaper = None;
        let (host_end, segment) = match self {
            Self::Segment(key, _) => (None, Some(key)),
            Self::Allowed(..)
            | Self::ClientId(_)
            | Self::Learned(_)
            | Self::FlowMasks(..)
            | Self::Flow(..) => (None, None),
            Self::Vnic(key, row) => {
                shaper = row.shaped.as_ref().map(|shaped| &shaped.shaper);
                (Some(key), Some(&row.segment))
            }
            Self::Fdb(key, row) => (Some(&row.host_end), Some(&key.segment)),
            Self::Flood(key, row) => {
                (row.host_end.as_ref(), Some(&key.segment))
            }
        };
        let below = match segment {
            Some(Segment::Link(link)) => Some(link),
            Some(Segment::Etherstub(_)) | None => None,
        };
        host_end.into_iter().chain(below).chain(shaper)
    }
}

impl DatapathTables {
    /// A row that leads to one of these host ends and shapers, if there is one,
    /// and to which.
    #[must_use]
    pub fn naming(
        &self,
        links: &BTreeSet<LinkName>,
    ) -> Option<(LinkName, Row)> {
        let named = |link: &LinkRef| match link {
            LinkRef::Name(name) => links.get(name).cloned(),
            LinkRef::Gone(_) => None,
        };
        let by_vnics = self.vnics.iter().find_map(|(key, row)| {
            let shaper = row.shaped.as_ref().map(|shaped| &shaped.shaper);
            let link = named(key).or_else(|| shaper.and_then(named))?;
            Some((link, Row::Vnic(key.clone(), row.clone())))
        });
        let by_fdb = || {
            self.fdb.iter().find_map(|(key, row)| {
                let link = named(&row.host_end)?;
                Some((link, Row::Fdb(key.clone(), row.clone())))
            })
        };
        let by_flood = || {
            self.flood.iter().find_map(|(key, row)| {
                let link = row.host_end.as_ref().and_then(named)?;
                Some((link, Row::Flood(key.clone(), row.clone())))
            })
        };
        by_vnics.or_else(by_fdb).or_else(by_flood)
    }

    /// The same tables as if the given links had never been: their rows left
    /// out, the flood lists closed up behind them.
    #[must_use]
    pub fn without(&self, links: &BTreeSet<LinkName>) -> Self {
        let absent = |link: &LinkRef| match link {
            LinkRef::Name(name) => links.contains(name),
            LinkRef::Gone(_) => false,
        };
        let mut tables = self.clone();
        tables.vnics.retain(|link, _| !absent(link));
        tables.fdb.retain(|_, row| !absent(&row.host_end));
        tables
            .flood
            .retain(|_, row| !row.host_end.as_ref().is_some_and(absent));
        tables.relink();
        let used: BTreeSet<&Segment> =
            tables.vnics.values().map(|row| &row.segment).collect();
        tables.segments.retain(|segment, _| used.contains(segment));
        let known: BTreeSet<LinkId> =
            tables.vnics.values().map(|row| row.id).collect();
        tables.allowed.retain(|key, _| known.contains(&key.id));
        tables.client_ids.retain(|key, ()| known.contains(&key.id));
        tables.learned.retain(|key, ()| known.contains(&key.id));
        tables.flows.masks.retain(|id, _| known.contains(id));
        tables.flows.flows.retain(|key, _| known.contains(&key.vnic));
        tables
    }

    /// Sets every `next` to the row that follows in its list, and leaves out
    /// the heads of lists that have become empty.
    pub(crate) fn relink(&mut self) {
        let keys: Vec<FloodKey> = self.flood.keys().cloned().collect();
        for (at, key) in keys.iter().enumerate() {
            let next = keys.get(at + 1).filter(|next| {
                (&next.segment, next.vid, next.list)
                    == (&key.segment, key.vid, key.list)
            });
            let next = next.map_or(LinkId(0), |next| next.id);
            if key.id == LinkId(0) && next == LinkId(0) {
                self.flood.remove(key);
            } else if let Some(row) = self.flood.get_mut(key) {
                row.next = next;
            }
        }
    }

    /// Every row, in the order in which new rows are written: what a row
    /// refers to comes before it.
    pub fn rows(&self) -> impl Iterator<Item = Row> {
        let segments = self.segments.iter();
        // What a VNIC may say is there before its row has it checked.
        let allowed = self.allowed.iter();
        let client_ids = self.client_ids.keys();
        let learned = self.learned.keys();
        let vnics = self.vnics.iter();
        // A list is written from its end, so that no row points at one that is
        // not there yet.
        let flood = self.flood.iter().rev();
        let fdb = self.fdb.iter();
        let (masks, flows) = (self.flows.masks.iter(), self.flows.flows.iter());
        segments
            .map(|(key, row)| Row::Segment(key.clone(), row.clone()))
            .chain(allowed.map(|(key, row)| Row::Allowed(*key, row.clone())))
            .chain(client_ids.map(|key| Row::ClientId(key.clone())))
            .chain(learned.map(|key| Row::Learned(*key)))
            .chain(flows.map(|(key, row)| Row::Flow(*key, *row)))
            .chain(masks.map(|(id, row)| Row::FlowMasks(*id, row.clone())))
            .chain(vnics.map(|(key, row)| Row::Vnic(key.clone(), row.clone())))
            .chain(fdb.map(|(key, row)| Row::Fdb(key.clone(), row.clone())))
            .chain(flood.map(|(key, row)| Row::Flood(key.clone(), row.clone())))
    }

    /// The row at the same key as `row`, if there is one.
    #[must_use]
    pub fn at_key_of(&self, row: &Row) -> Option<Row> {
        match row {
            Row::Segment(key, _) => self
                .segments
                .get(key)
                .map(|row| Row::Segment(key.clone(), row.clone())),
            Row::Allowed(key, _) => {
                self.allowed.get(key).map(|row| Row::Allowed(*key, row.clone()))
            }
            Row::ClientId(key) => self
                .client_ids
                .contains_key(key)
                .then(|| Row::ClientId(key.clone())),
            Row::Learned(key) => {
                self.learned.contains_key(key).then_some(Row::Learned(*key))
            }
            Row::Vnic(key, _) => self
                .vnics
                .get(key)
                .map(|row| Row::Vnic(key.clone(), row.clone())),
            Row::Fdb(key, _) => {
                self.fdb.get(key).map(|row| Row::Fdb(key.clone(), row.clone()))
            }
            Row::Flood(key, _) => self
                .flood
                .get(key)
                .map(|row| Row::Flood(key.clone(), row.clone())),
            Row::FlowMasks(id, _) => {
                let row = self.flows.masks.get(id);
                row.map(|row| Row::FlowMasks(*id, row.clone()))
            }
            Row::Flow(key, _) => {
                self.flows.flows.get(key).map(|row| Row::Flow(*key, *row))
            }
        }
    }

    /// Writes a row.
    pub fn put(&mut self, row: Row) {
        match row {
            Row::Segment(key, row) => {
                self.segments.insert(key, row);
            }
            Row::Allowed(key, row) => {
                self.allowed.insert(key, row);
            }
            Row::ClientId(key) => {
                self.client_ids.insert(key, ());
            }
            Row::Learned(key) => {
                self.learned.insert(key, ());
            }
            Row::Vnic(key, row) => {
                self.vnics.insert(key, row);
            }
            Row::Fdb(key, row) => {
                self.fdb.insert(key, row);
            }
            Row::Flood(key, row) => {
                self.flood.insert(key, row);
            }
            Row::FlowMasks(id, row) => {
                self.flows.masks.insert(id, row);
            }
            Row::Flow(key, row) => {
                self.flows.flows.insert(key, row);
            }
        }
    }

    /// Deletes the row at the same key as `row`.
    pub fn delete(&mut self, row: &Row) {
        match row {
            Row::Segment(key, _) => {
                self.segments.remove(key);
            }
            Row::Allowed(key, _) => {
                self.allowed.remove(key);
            }
            Row::ClientId(key) => {
                self.client_ids.remove(key);
            }
            Row::Learned(key) => {
                self.learned.remove(key);
            }
            Row::Vnic(key, _) => {
                self.vnics.remove(key);
            }
            Row::Fdb(key, _) => {
                self.fdb.remove(key);
            }
            Row::Flood(key, _) => {
                self.flood.remove(key);
            }
            Row::FlowMasks(id, _) => {
                self.flows.masks.remove(id);
            }
            Row::Flow(key, _) => {
                self.flows.flows.remove(key);
            }
        }
    }
}
