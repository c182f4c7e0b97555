//! Rings: the queues of a VNIC's ends, and the CPUs that work on them.
//!
//! illumos calls a NIC's queues rings, and so do its properties. Queues in
//! which frames wait for their bandwidth are another matter ([`shaping`]).
//!
//! What one end of a veth sends on a queue the other receives, so the two ends
//! mirror each other. Properties speak of the guest end: its receive queues are
//! the host end's transmit queues.
//!
//! [`shaping`]: crate::shaping

use std::fmt;
use std::num::NonZeroU16;
use std::str::FromStr;

use crate::{CpuSet, HostCpus, Mode, Status, VnicProps};

/// How many queues there are for one direction: the `rxrings` and `txrings`
/// properties.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Rings {
    /// One, in software. All of a VNIC's are, so it is the same as 1.
    Sw,
    /// So many.
    Count(NonZeroU16),
}

impl Rings {
    /// How many.
    #[must_use]
    pub fn count(self) -> u16 {
        match self {
            Self::Sw => 1,
            Self::Count(count) => count.get(),
        }
    }
}

impl fmt::Display for Rings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sw => f.pad("sw"),
            Self::Count(count) => count.fmt(f),
        }
    }
}

impl FromStr for Rings {
    type Err = RingsError;

    fn from_str(text: &str) -> Result<Self, RingsError> {
        match text {
            "sw" => return Ok(Self::Sw),
            "hw" => return Err(RingsError::Hardware),
            _ => {}
        }
        if !text.bytes().all(|b| b.is_ascii_digit()) {
            return Err(RingsError::Number);
        }
        text.parse().map(Self::Count).map_err(|_| RingsError::Number)
    }
}

crate::name::serde_as_text!(Rings);

/// A text says no number of rings that a VNIC can have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RingsError {
    /// Queues of a NIC's own.
    #[error("a VNIC's rings are software: sw, or how many")]
    Hardware,
    /// No number, or 0.
    #[error("rings are sw, or a number from 1")]
    Number,
}

impl RingsError {
    /// The status word for it.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::Hardware => Status::HwRings,
            Self::Number => Status::InvalidValue,
        }
    }
}

impl VnicProps {
    /// What is asked of the rings.
    #[must_use]
    pub fn rings(&self) -> WantedRings {
        WantedRings {
            cpus: self.cpus.clone().unwrap_or_default(),
            rx: self.rxrings.map_or(1, Rings::count),
            tx: self.txrings.map_or(1, Rings::count),
        }
    }

    /// Whether the VNIC has a TAP that can be opened several times. It is made
    /// as one, or not.
    #[must_use]
    pub fn has_tap_of_several_rings(&self) -> bool {
        self.mode == Mode::Tap && self.rings().are_several()
    }
}

/// What is asked of a VNIC's rings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WantedRings {
    /// The CPUs that shall work on them; none: whichever the kernel takes.
    pub cpus: CpuSet,
    /// How many the guest receives on.
    pub rx: u16,
    /// How many it sends on.
    pub tx: u16,
}

impl Default for WantedRings {
    fn default() -> Self {
        Self { cpus: CpuSet::default(), rx: 1, tx: 1 }
    }
}

impl WantedRings {
    /// Whether there is more than one for a direction.
    #[must_use]
    pub fn are_several(&self) -> bool {
        self.rx > 1 || self.tx > 1
    }

    /// What the host end of a veth should have. CPUs that are not there, or
    /// not for this, are left out; if none is left, it is as if nobody had
    /// asked. Rings are as many as the host can have.
    #[must_use]
    pub fn of_veth(&self, host: &HostCpus) -> EndRings {
        let most = host.most_rings();
        let [rx, tx] = [self.rx, self.tx].map(|n| usize::from(n.min(most)));
        EndRings::new(tx, rx, &(&self.cpus & &host.usable()))
    }

    /// What a TAP should have that has `there`. How many it has is up to who
    /// opens it, and so is the ring that a frame goes out on.
    #[must_use]
    pub fn of_tap(&self, host: &HostCpus, there: &EndRings) -> EndRings {
        let cpus = &self.cpus & &host.usable();
        let rx = vec![cpus; there.rx.len()];
        EndRings { rx, tx: there.tx.clone() }
    }
}

/// The queues of a host end and the CPUs of each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndRings {
    /// For each queue that it receives on, the CPUs that the work on a frame
    /// is passed on to, by the frame's flow (RPS); none: it is done where the
    /// sender is.
    ///
    /// They are the same for all. A veth counts on: what was sent on the other
    /// end's second queue is taken for a frame of the first here, and nothing
    /// for one of the last (`skb_get_rx_queue()`).
    pub rx: Vec<CpuSet>,
    /// For each queue that it sends on, the CPUs that prefer it (XPS); none,
    /// also where there is only one queue: a frame's flow decides.
    pub tx: Vec<CpuSet>,
}

impl EndRings {
    /// Those of an end with so many queues that work on `cpus`.
    #[must_use]
    pub fn new(rx: usize, tx: usize, cpus: &CpuSet) -> Self {
        let tx = match tx {
            1 => vec![CpuSet::default()],
            _ => cpus.share(tx),
        };
        Self { rx: vec![cpus.clone(); rx], tx }
    }

    /// The CPUs that the work on received frames is passed on to.
    #[must_use]
    pub fn cpus(&self) -> CpuSet {
        self.rx.iter().flat_map(CpuSet::iter).collect()
    }

    /// Those of the other end.
    #[must_use]
    pub fn mirrored(&self) -> Self {
        Self::new(self.tx.len(), self.rx.len(), &self.cpus())
    }

    /// How many queues it receives on, and sends on.
    #[must_use]
    pub fn counts(&self) -> (usize, usize) {
        (self.rx.len(), self.tx.len())
    }
}

impl Default for EndRings {
    /// What an end is made with.
    fn default() -> Self {
        Self::new(1, 1, &CpuSet::default())
    }
}

/// `rx 0-1 tx 0|1`: a set of CPUs for each, `-` where there is none.
impl fmt::Display for EndRings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list = |queues: &[CpuSet]| {
            let text = |cpus: &CpuSet| match cpus.is_empty() {
                true => "-".to_owned(),
                false => cpus.to_string(),
            };
            queues.iter().map(text).collect::<Vec<_>>().join("|")
        };
        write!(f, "rx {} tx {}", list(&self.rx), list(&self.tx))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cpus::tests::set;

    #[test]
    fn words() {
        for (text, want) in [
            ("sw", Ok(1)),
            ("1", Ok(1)),
            ("16", Ok(16)),
            ("65535", Ok(65535)),
            ("hw", Err(RingsError::Hardware)),
            ("0", Err(RingsError::Number)),
            ("65536", Err(RingsError::Number)),
            ("-1", Err(RingsError::Number)),
            ("+1", Err(RingsError::Number)),
            ("", Err(RingsError::Number)),
            ("SW", Err(RingsError::Number)),
            ("1.5", Err(RingsError::Number)),
        ] {
            let got = text.parse::<Rings>();
            assert_eq!(got.map(Rings::count), want, "{text:?}");
            if let Ok(rings) = got {
                assert_eq!(rings.to_string(), text);
                assert_eq!(serde_json::to_value(rings).unwrap(), text);
            }
        }
        assert_eq!(RingsError::Hardware.status(), Status::HwRings);
        assert_eq!(RingsError::Number.status(), Status::InvalidValue);
    }

    /// A host with four CPUs, the last of which is off and the third isolated.
    fn host() -> HostCpus {
        HostCpus {
            possible: set("0-3"),
            online: set("0-2"),
            isolated: set("2"),
        }
    }

    #[test]
    fn what_is_asked_of_a_veth_becomes_its_host_end_and_that_the_guest_end() {
        for (cpus, rx, tx, host_end, guest_end) in [
            ("", 1, 1, "rx - tx -", "rx - tx -"),
            ("", 2, 1, "rx - tx -|-", "rx -|- tx -"),
            ("", 1, 3, "rx -|-|- tx -", "rx - tx -|-|-"),
            ("1", 1, 1, "rx 1 tx -", "rx 1 tx -"),
            ("0-1", 1, 1, "rx 0-1 tx -", "rx 0-1 tx -"),
            ("0-1", 2, 3, "rx 0-1|0-1|0-1 tx 0|1", "rx 0-1|0-1 tx 0|1|0"),
            ("1", 2, 2, "rx 1|1 tx 1|1", "rx 1|1 tx 1|1"),
            // More than there can be.
            ("", 9, 1, "rx - tx -|-|-|-", "rx -|-|-|- tx -"),
            // CPUs that are not there, any more or yet.
            ("1-3,7", 2, 1, "rx 1 tx 1|1", "rx 1|1 tx -"),
            ("2-3", 2, 1, "rx - tx -|-", "rx -|- tx -"),
        ] {
            let wanted = WantedRings { cpus: set(cpus), rx, tx };
            let end = wanted.of_veth(&host());
            assert_eq!(end.to_string(), host_end, "{wanted:?}");
            assert_eq!(end.mirrored().to_string(), guest_end, "{wanted:?}");
            assert_eq!(end.mirrored().mirrored(), end, "{wanted:?}");
        }
        let none = WantedRings::default().of_veth(&HostCpus::default());
        assert_eq!(none, EndRings::default(), "where no CPU is known");
    }

    #[test]
    fn a_tap_has_as_many_as_are_open() {
        let wanted = WantedRings { cpus: set("0-1"), rx: 4, tx: 4 };
        for (there, want) in
            [(1, "rx 0-1 tx -"), (3, "rx 0-1|0-1|0-1 tx -|-|-")]
        {
            let there = EndRings::new(there, there, &CpuSet::default());
            let end = wanted.of_tap(&host(), &there);
            assert_eq!(end.to_string(), want);
            let none = WantedRings::default().of_tap(&host(), &end);
            assert_eq!(none, there);
        }
    }

    #[test]
    fn only_a_tap_is_made_for_several_openings() {
        let props = |mode: &str, rx: &str, tx: &str| VnicProps {
            mode: mode.parse().unwrap(),
            rxrings: rx.parse().ok(),
            txrings: tx.parse().ok(),
            ..VnicProps::default()
        };
        for (mode, rx, tx, want) in [
            ("veth", "2", "2", false),
            ("tap", "", "", false),
            ("tap", "sw", "1", false),
            ("tap", "2", "", true),
            ("tap", "", "2", true),
        ] {
            let props = props(mode, rx, tx);
            assert_eq!(props.has_tap_of_several_rings(), want, "{props:?}");
        }
    }
}
