//! What is asked, of whom.

use serde::Serialize;

/// A part of the benchmark, which can be run alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::bench) enum Part {
    /// One VNIC to its first packet.
    Packet,
    /// One VNIC beside many.
    Single,
    /// Many VNICs.
    Create,
    /// VNICs in zones of their own, beside what makes links of containers.
    Peers,
    /// Many VNICs go.
    Delete,
    /// Many VNICs are capped.
    Caps,
    /// netd beside many VNICs: its start, and when it has nothing to do.
    Restart,
}

impl Part {
    pub(in crate::bench) const ALL: [Self; 7] = [
        Self::Packet,
        Self::Single,
        Self::Create,
        Self::Peers,
        Self::Delete,
        Self::Caps,
        Self::Restart,
    ];

    /// What it is called on the command line.
    pub(in crate::bench) const fn name(self) -> &'static str {
        match self {
            Self::Packet => "packet",
            Self::Single => "single",
            Self::Create => "create",
            Self::Peers => "peers",
            Self::Delete => "delete",
            Self::Caps => "caps",
            Self::Restart => "restart",
        }
    }
}

/// What the VNICs have.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Features {
    /// `mac-nospoof`, as every VNIC.
    Plain,
    /// A cap besides.
    Maxbw,
}

impl Features {
    pub(super) const ALL: [Self; 2] = [Self::Plain, Self::Maxbw];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::Plain => "no maxbw",
            Self::Maxbw => "maxbw",
        }
    }
}

/// Who does it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Way {
    NetdEach,
    NetdBatch,
    Batch,
    Messages,
    Ip,
    Cni,
    Netavark,
}

impl Way {
    pub(super) const ALL: [Self; 7] = [
        Self::NetdEach,
        Self::NetdBatch,
        Self::Batch,
        Self::Messages,
        Self::Ip,
        Self::Cni,
        Self::Netavark,
    ];

    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::NetdEach => "netd, one by one",
            Self::NetdBatch => "netd, one batch",
            Self::Batch => "ip -batch, tc -batch",
            Self::Messages => "netlink, no process",
            Self::Ip => "ip, one by one",
            Self::Cni => "CNI",
            Self::Netavark => "netavark",
        }
    }
}

/// What is asked. Milliseconds of many are those of all divided by their
/// number.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize,
)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Question {
    PacketAnswered,
    PacketHeard,
    SingleCreate,
    SingleDelete,
    Create,
    PeersCreate,
    PeersDelete,
    Delete,
    Cap,
    Recap,
    StartAnswered,
    StartHealthy,
    IdleCpu,
    RssMade,
    RssAnonMade,
    Rss,
    RssAnon,
}

impl Question {
    pub(super) const ALL: [Self; 17] = [
        Self::PacketAnswered,
        Self::PacketHeard,
        Self::SingleCreate,
        Self::SingleDelete,
        Self::Create,
        Self::PeersCreate,
        Self::PeersDelete,
        Self::Delete,
        Self::Cap,
        Self::Recap,
        Self::StartAnswered,
        Self::StartHealthy,
        Self::IdleCpu,
        Self::RssMade,
        Self::RssAnonMade,
        Self::Rss,
        Self::RssAnon,
    ];

    /// The title of its table.
    pub(super) const fn name(self) -> &'static str {
        match self {
            Self::PacketAnswered => "one, until it is made, ms",
            Self::PacketHeard => "one, until its first packet arrives, ms",
            Self::SingleCreate => "create one beside so many, ms",
            Self::SingleDelete => "delete one beside so many, ms",
            Self::Create => "create so many, ms each",
            Self::PeersCreate => {
                "create so many in zones of their own, ms each"
            }
            Self::PeersDelete => {
                "delete so many in zones of their own, ms each"
            }
            Self::Delete => "delete so many, ms each",
            Self::Cap => "set maxbw of so many that have none, ms each",
            Self::Recap => "change maxbw of so many, ms each",
            Self::StartAnswered => "start of netd to its first answer, s",
            Self::StartHealthy => "start of netd to health ok, s",
            Self::IdleCpu => "idle netd, % of a CPU",
            Self::RssMade => "VmRSS of netd that has made them, MB",
            Self::RssAnonMade => "RssAnon of netd that has made them, MB",
            Self::Rss => "VmRSS of netd that has found them, MB",
            Self::RssAnon => "RssAnon of netd that has found them, MB",
        }
    }

    /// Whether each answer is one of many of its kind, so that the slow ones
    /// count, too.
    pub(super) const fn has_tail(self) -> bool {
        use Question::{
            PacketAnswered, PacketHeard, SingleCreate, SingleDelete,
        };
        matches!(
            self,
            PacketAnswered | PacketHeard | SingleCreate | SingleDelete
        )
    }
}

/// A question to somebody.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(super) struct Case {
    pub(super) question: Question,
    pub(super) features: Features,
    /// How many VNICs it is about.
    pub(super) count: usize,
    pub(super) way: Way,
}
