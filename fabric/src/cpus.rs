//! Sets of CPUs, and which CPUs a host has.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::{BitAnd, BitOr, Sub};
use std::str::FromStr;

use crate::{Rings, Status, VnicProps};

/// CPUs by number, each once.
///
/// Its text is what the kernel writes, too: numbers and ranges in ascending
/// order, with commas between them, `0-3,5`. Reading takes any order.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct CpuSet(BTreeSet<u16>);

impl CpuSet {
    /// The numbers end before this one: no kernel is built for more CPUs
    /// (`NR_CPUS` of x86).
    pub const END: u16 = 8192;

    /// The numbers, in ascending order.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = u16> {
        self.0.iter().copied()
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether a CPU is one of them.
    #[must_use]
    pub fn contains(&self, cpu: u16) -> bool {
        self.0.contains(&cpu)
    }

    /// Deals the CPUs out to `n` queues. Where there are as many CPUs as
    /// queues, or more, each CPU has one queue; where there are fewer, each
    /// queue has one CPU.
    #[must_use]
    pub fn share(&self, n: usize) -> Vec<Self> {
        let mut shares = vec![Self::default(); n];
        if n == 0 {
            return shares;
        }
        let dealt = self.len().max(n);
        let cpus = self.0.iter().copied().cycle().take(dealt);
        for (at, cpu) in cpus.enumerate() {
            shares[at % n].0.insert(cpu);
        }
        shares
    }
}

impl FromIterator<u16> for CpuSet {
    fn from_iter<I: IntoIterator<Item = u16>>(cpus: I) -> Self {
        Self(cpus.into_iter().collect())
    }
}

impl BitAnd for &CpuSet {
    type Output = CpuSet;

    fn bitand(self, other: Self) -> CpuSet {
        CpuSet(&self.0 & &other.0)
    }
}

impl BitOr for &CpuSet {
    type Output = CpuSet;

    fn bitor(self, other: Self) -> CpuSet {
        CpuSet(&self.0 | &other.0)
    }
}

impl Sub for &CpuSet {
    type Output = CpuSet;

    fn sub(self, other: Self) -> CpuSet {
        CpuSet(&self.0 - &other.0)
    }
}

impl fmt::Display for CpuSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut ranges: Vec<(u16, u16)> = Vec::new();
        for cpu in self.iter() {
            match ranges.last_mut() {
                Some((_, last)) if *last + 1 == cpu => *last = cpu,
                _ => ranges.push((cpu, cpu)),
            }
        }
        let text = |(first, last): &(u16, u16)| match first == last {
            true => first.to_string(),
            false => format!("{first}-{last}"),
        };
        f.pad(&ranges.iter().map(text).collect::<Vec<_>>().join(","))
    }
}

impl FromStr for CpuSet {
    type Err = CpuSetError;

    fn from_str(text: &str) -> Result<Self, CpuSetError> {
        let mut cpus = BTreeSet::new();
        for word in text.split(',') {
            let (first, last) = word.split_once('-').unwrap_or((word, word));
            let (first, last) = (number(first)?, number(last)?);
            if first > last {
                return Err(CpuSetError::Backwards { first, last });
            }
            for cpu in first..=last {
                if !cpus.insert(cpu) {
                    return Err(CpuSetError::Twice(cpu));
                }
            }
        }
        Ok(Self(cpus))
    }
}

fn number(word: &str) -> Result<u16, CpuSetError> {
    if word.is_empty() || !word.bytes().all(|b| b.is_ascii_digit()) {
        return Err(CpuSetError::Syntax);
    }
    match word.parse() {
        Ok(cpu) if cpu < CpuSet::END => Ok(cpu),
        _ => Err(CpuSetError::TooHigh(word.to_owned())),
    }
}

crate::name::serde_as_text!(CpuSet);

/// A text is no set of CPUs.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CpuSetError {
    /// Something else than numbers, ranges and commas.
    #[error("CPUs are numbers and ranges like 0-3, with commas between them")]
    Syntax,
    /// A number that no CPU can have.
    #[error("there is no CPU {0}")]
    TooHigh(String),
    /// A range that ends before it begins.
    #[error("{first} is above {last}")]
    Backwards {
        /// Where it begins.
        first: u16,
        /// Where it ends.
        last: u16,
    },
    /// The same CPU.
    #[error("CPU {0} is there twice")]
    Twice(u16),
}

impl CpuSetError {
    /// The status word for it.
    #[must_use]
    pub fn status(&self) -> Status {
        match self {
            Self::Syntax | Self::Twice(_) => Status::InvalidValue,
            Self::TooHigh(_) => Status::NoSuchProcessor,
            Self::Backwards { .. } => Status::InvalidRange,
        }
    }
}

/// The CPUs of a host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostCpus {
    /// Those that may ever be there.
    pub possible: CpuSet,
    /// Those that run.
    pub online: CpuSet,
    /// Those among them that are kept free of the kernel's own work
    /// (`isolcpus`, `nohz_full`). The kernel passes no frame on to them.
    pub isolated: CpuSet,
}

impl HostCpus {
    /// Those that frames can be passed on to.
    #[must_use]
    pub fn usable(&self) -> CpuSet {
        &self.online - &self.isolated
    }

    /// The most queues of each kind that an end of a VNIC can have: the kernel
    /// makes a veth with one for each possible CPU (`veth_get_num_queues()`),
    /// but no more than 4,096.
    #[must_use]
    pub fn most_rings(&self) -> u16 {
        let possible = u16::try_from(self.possible.len()).unwrap_or(u16::MAX);
        possible.clamp(1, 4096)
    }

    /// Checks what is asked of a VNIC's rings against what is there. What was
    /// asked for earlier needs no check: it is followed as far as it can be.
    ///
    /// # Errors
    /// [`HostCpusError`] for the first that is not there.
    pub fn check(&self, props: &VnicProps) -> Result<(), HostCpusError> {
        for cpu in props.cpus.iter().flat_map(CpuSet::iter) {
            if !self.possible.contains(cpu) {
                return Err(HostCpusError::Missing(cpu));
            }
            if !self.online.contains(cpu) {
                return Err(HostCpusError::Offline(cpu));
            }
            if self.isolated.contains(cpu) {
                return Err(HostCpusError::Isolated(cpu));
            }
        }
        let most = self.most_rings();
        for rings in [props.rxrings, props.txrings].into_iter().flatten() {
            let count = Rings::count(rings);
            if count > most {
                return Err(HostCpusError::Rings { count, most });
            }
        }
        Ok(())
    }
}

/// Something is asked of a VNIC's rings that this host doesn't have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HostCpusError {
    /// No CPU has the number.
    #[error("there is no CPU {0}")]
    Missing(u16),
    /// The CPU is switched off.
    #[error("CPU {0} is offline")]
    Offline(u16),
    /// The CPU is kept for other work.
    #[error("CPU {0} is isolated: the kernel passes no frames on to it")]
    Isolated(u16),
    /// More queues than a link can have.
    #[error("{count} rings are too many: a VNIC has at most {most} here")]
    Rings {
        /// What was asked for.
        count: u16,
        /// What can be had.
        most: u16,
    },
}

impl HostCpusError {
    /// The status word for it.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::Missing(_) => Status::NoSuchProcessor,
            Self::Offline(_) | Self::Isolated(_) => Status::ProcessorOffline,
            Self::Rings { .. } => Status::InvalidValue,
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// None where the text is empty.
    pub(crate) fn set(text: &str) -> CpuSet {
        match text {
            "" => CpuSet::default(),
            _ => text.parse().unwrap(),
        }
    }

    #[test]
    fn texts() {
        let all = format!("0-{}", CpuSet::END - 1);
        for (text, want) in [
            ("0", "0"),
            ("0,1", "0-1"),
            ("3,0-1,2", "0-3"),
            ("0-3,5", "0-3,5"),
            ("7-7,5", "5,7"),
            ("007", "7"),
            (&all, &all),
        ] {
            let cpus: CpuSet = text.parse().unwrap();
            assert_eq!(cpus.to_string(), want, "{text:?}");
            let json = serde_json::to_value(&cpus).unwrap();
            assert_eq!(json, want, "{text:?}");
            assert_eq!(serde_json::from_value::<CpuSet>(json).unwrap(), cpus);
        }
        assert_eq!(CpuSet::default().to_string(), "");
    }

    #[test]
    fn what_is_no_set_has_a_word_for_it() {
        use CpuSetError::{Backwards, Syntax, TooHigh, Twice};
        let high = |word: &str| TooHigh(word.to_owned());
        for (text, want, status) in [
            ("", Syntax, Status::InvalidValue),
            ("all", Syntax, Status::InvalidValue),
            ("-1", Syntax, Status::InvalidValue),
            ("1-", Syntax, Status::InvalidValue),
            ("1,", Syntax, Status::InvalidValue),
            ("0-1-2", Syntax, Status::InvalidValue),
            ("+1", Syntax, Status::InvalidValue),
            (" 1", Syntax, Status::InvalidValue),
            ("0x1", Syntax, Status::InvalidValue),
            ("3-1", Backwards { first: 3, last: 1 }, Status::InvalidRange),
            ("0,1,0", Twice(0), Status::InvalidValue),
            ("0-3,2", Twice(2), Status::InvalidValue),
            ("8192", high("8192"), Status::NoSuchProcessor),
            ("0-99999999999", high("99999999999"), Status::NoSuchProcessor),
        ] {
            let error = text.parse::<CpuSet>().unwrap_err();
            assert_eq!(error.status(), status, "{text:?}");
            assert_eq!(error, want, "{text:?}");
        }
    }

    #[test]
    fn shares() {
        for (cpus, n, want) in [
            ("", 1, vec![""]),
            ("", 2, vec!["", ""]),
            ("1", 1, vec!["1"]),
            ("1", 3, vec!["1", "1", "1"]),
            ("0-1", 1, vec!["0-1"]),
            ("0-1", 2, vec!["0", "1"]),
            ("4,6", 3, vec!["4", "6", "4"]),
            ("0-4", 2, vec!["0,2,4", "1,3"]),
            ("0-3,9", 4, vec!["0,9", "1", "2", "3"]),
            ("0-1", 5, vec!["0", "1", "0", "1", "0"]),
            ("0", 0, vec![]),
        ] {
            let got = set(cpus).share(n);
            let got: Vec<String> = got.iter().map(CpuSet::to_string).collect();
            assert_eq!(got, want, "{cpus:?} to {n}");
        }
    }

    #[test]
    fn what_a_host_has_not_is_told() {
        use HostCpusError::{Isolated, Missing, Offline, Rings as Many};
        let host = HostCpus {
            possible: set("0-3"),
            online: set("0-2"),
            isolated: set("2"),
        };
        assert_eq!(host.usable(), set("0-1"));
        let cpus =
            |text| VnicProps { cpus: Some(set(text)), ..VnicProps::default() };
        let rings = |rx: &str, tx: &str| VnicProps {
            rxrings: rx.parse().ok(),
            txrings: tx.parse().ok(),
            ..VnicProps::default()
        };
        for (props, want) in [
            (VnicProps::default(), Ok(())),
            (cpus("0-1"), Ok(())),
            (cpus("1,4"), Err((Missing(4), Status::NoSuchProcessor))),
            (cpus("0-4"), Err((Isolated(2), Status::ProcessorOffline))),
            (cpus("3"), Err((Offline(3), Status::ProcessorOffline))),
            (rings("4", "sw"), Ok(())),
            (
                rings("1", "5"),
                Err((Many { count: 5, most: 4 }, Status::InvalidValue)),
            ),
        ] {
            let got =
                host.check(&props).map_err(|error| (error, error.status()));
            assert_eq!(got, want, "{props:?}");
        }
    }
}
