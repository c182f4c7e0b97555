//! What is promised over a link, and whether the link can hold it.

use std::collections::BTreeMap;
use std::fmt;

use crate::datapath::Segment;
use crate::{Bandwidth, LinkId, LinkName, ResolvedSpec, VnicKey};

/// The link of a segment, as far as it limits the VNICs on it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResolvedSegment {
    /// The link's name, for people.
    pub over: LinkName,
    /// The link's speed. None where the driver doesn't tell, or has not been
    /// asked because nothing depends on it; an etherstub has none.
    pub speed: Option<Bandwidth>,
    /// The most that all VNICs on it may send together.
    pub maxbw: Option<Bandwidth>,
    /// What is promised on it, by VNIC. One whose zone is not running is
    /// among them: when the zone starts, it must find its share.
    pub guarantees: BTreeMap<LinkId, Guarantee>,
}

/// What is promised to a VNIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guarantee {
    /// The VNIC.
    pub vnic: VnicKey,
    /// What its guest can send whatever others do.
    pub minbw: Bandwidth,
}

impl ResolvedSegment {
    /// What all VNICs on it can send together; none: nobody knows.
    #[must_use]
    pub fn capacity(&self) -> Option<Bandwidth> {
        self.speed.into_iter().chain(self.maxbw).min()
    }

    /// All that is promised on it, in bit/s. No sum of 2^32 guarantees is too
    /// large for the type.
    fn promised(&self) -> u128 {
        let guarantees = self.guarantees.values();
        guarantees.map(|one| u128::from(one.minbw.bps())).sum()
    }

    /// What is promised on it and nothing holds, in bit/s.
    fn excess(&self) -> u128 {
        let capacity = self.capacity().unwrap_or(Bandwidth::ZERO);
        self.promised().saturating_sub(capacity.bps().into())
    }

    fn error(&self, segment: &Segment) -> GuaranteeError {
        let limit = match (self.speed, self.maxbw) {
            (speed, Some(maxbw)) if speed.is_none_or(|s| maxbw <= s) => {
                Limit::MaxBw(maxbw)
            }
            (Some(speed), _) => Limit::Speed(speed),
            _ => match segment {
                Segment::Etherstub(_) => Limit::NoSpeed,
                Segment::Link(_) => Limit::Unknown,
            },
        };
        let mut shares: Vec<_> = self.guarantees.values().cloned().collect();
        // In the order of creation where they are alike.
        shares.sort_by_key(|share| std::cmp::Reverse(share.minbw));
        let promised = u64::try_from(self.promised()).unwrap_or(u64::MAX);
        GuaranteeError {
            over: self.over.clone(),
            promised: Bandwidth::from_bps(promised),
            shares: Shares(shares),
            limit,
        }
    }
}

impl ResolvedSpec {
    /// Every segment on which more is promised than its link can carry.
    pub fn overcommitted(&self) -> impl Iterator<Item = GuaranteeError> {
        let segments = self.segments.iter();
        let beyond = segments.filter(|(_, segment)| segment.excess() > 0);
        beyond.map(|(key, segment)| segment.error(key))
    }

    /// Checks that a change promises nothing that can't be held.
    ///
    /// A link that has become slower may hold less than was promised when it
    /// was fast. That is no reason to refuse what has nothing to do with it,
    /// nor what makes it better: only a change that leaves more unheld than
    /// `before` is refused.
    ///
    /// # Errors
    /// [`GuaranteeError`] for the first segment with less to hold than is
    /// promised on it.
    pub fn check_guarantees(
        &self,
        before: &Self,
    ) -> Result<(), GuaranteeError> {
        let worse = self.segments.iter().find(|(key, segment)| {
            let before = before.segments.get(key);
            segment.excess() > before.map_or(0, ResolvedSegment::excess)
        });
        match worse {
            Some((key, segment)) => Err(segment.error(key)),
            None => Ok(()),
        }
    }
}

/// More is promised over a link than it can carry.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "guarantees on {over} add up to {promised} Mb/s ({shares}), and {}",
    limit.of(over)
)]
pub struct GuaranteeError {
    over: LinkName,
    promised: Bandwidth,
    shares: Shares,
    limit: Limit,
}

impl GuaranteeError {
    /// What to try.
    #[must_use]
    pub fn hint(&self) -> String {
        let over = &self.over;
        match self.limit {
            Limit::Speed(_) => "lower minbw of a VNIC".to_owned(),
            Limit::MaxBw(_) => {
                format!("lower minbw of a VNIC, or raise maxbw of {over}")
            }
            Limit::NoSpeed | Limit::Unknown => format!(
                "say what it carries: dladm set-linkprop -p maxbw=BANDWIDTH \
                 {over}"
            ),
        }
    }
}

/// What a link can carry, and why no more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Limit {
    Speed(Bandwidth),
    MaxBw(Bandwidth),
    /// It is an etherstub.
    NoSpeed,
    /// Its driver doesn't tell.
    Unknown,
}

impl Limit {
    fn of(self, over: &LinkName) -> String {
        match self {
            Self::Speed(speed) => format!("{over} has {speed} Mb/s"),
            Self::MaxBw(maxbw) => format!("maxbw of {over} is {maxbw} Mb/s"),
            Self::NoSpeed => {
                format!("{over} is an etherstub, without a speed or a maxbw")
            }
            Self::Unknown => {
                format!("the speed of {over} is unknown, and it has no maxbw")
            }
        }
    }
}

/// Who has how much, the largest first.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Shares(Vec<Guarantee>);

impl Shares {
    /// How many are told.
    const TOLD: usize = 4;
}

impl fmt::Display for Shares {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, Guarantee { vnic, minbw }) in
            self.0.iter().take(Self::TOLD).enumerate()
        {
            let separator = if index == 0 { "" } else { ", " };
            let named = self.0.iter().filter(|one| one.vnic.name == vnic.name);
            if named.count() > 1 {
                write!(f, "{separator}{vnic} {minbw}")?;
            } else {
                write!(f, "{separator}{} {minbw}", vnic.name)?;
            }
        }
        match self.0.len().saturating_sub(Self::TOLD) {
            0 => Ok(()),
            more => write!(f, " and {more} more"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::datapath::LinkRef;

    fn bge0() -> Segment {
        Segment::Link(LinkRef::Name("bge0".parse().unwrap()))
    }

    fn stub0() -> Segment {
        Segment::Etherstub(LinkId(1))
    }

    /// VNICs `net1` and so on, in no zone, with what each is promised.
    fn vnics(minbws: &[Bandwidth]) -> BTreeMap<LinkId, Guarantee> {
        let share = |(id, minbw): (u32, &Bandwidth)| {
            let name = format!("net{id}").parse().unwrap();
            let vnic = VnicKey { zone: None, name };
            (LinkId(id), Guarantee { vnic, minbw: *minbw })
        };
        (1..).zip(minbws).map(share).collect()
    }

    /// One segment; all numbers in Mb/s.
    fn spec(
        key: Segment,
        speed: Option<u32>,
        maxbw: Option<u32>,
        minbws: &[u32],
    ) -> ResolvedSpec {
        let minbws: Vec<_> =
            minbws.iter().copied().map(Bandwidth::from_mbps).collect();
        let over = match &key {
            Segment::Link(_) => "bge0",
            Segment::Etherstub(_) => "stub0",
        };
        let segment = ResolvedSegment {
            over: over.parse().unwrap(),
            speed: speed.map(Bandwidth::from_mbps),
            maxbw: maxbw.map(Bandwidth::from_mbps),
            guarantees: vnics(&minbws),
        };
        let segments = [(key, segment)].into();
        ResolvedSpec { segments, ..ResolvedSpec::default() }
    }

    #[test]
    fn what_a_link_can_hold() {
        let none = ResolvedSpec::default();
        for (spec, want) in [
            (spec(bge0(), Some(1000), None, &[]), None),
            (spec(bge0(), Some(1000), None, &[700, 300]), None),
            (spec(bge0(), Some(1000), Some(2000), &[700, 300]), None),
            (spec(bge0(), None, Some(1000), &[700, 300]), None),
            (spec(stub0(), None, Some(1000), &[700, 300]), None),
            // Nothing to hold it, and nothing to be held.
            (spec(bge0(), None, None, &[]), None),
            (spec(stub0(), None, None, &[]), None),
            (
                spec(bge0(), Some(1000), None, &[500, 700]),
                Some(
                    "guarantees on bge0 add up to 1200 Mb/s (net2 700, \
                     net1 500), and bge0 has 1000 Mb/s",
                ),
            ),
            (
                spec(bge0(), Some(1000), Some(500), &[501]),
                Some(
                    "guarantees on bge0 add up to 501 Mb/s (net1 501), and \
                     maxbw of bge0 is 500 Mb/s",
                ),
            ),
            (
                spec(bge0(), None, Some(0), &[1]),
                Some(
                    "guarantees on bge0 add up to 1 Mb/s (net1 1), and maxbw \
                     of bge0 is 0 Mb/s",
                ),
            ),
            (
                spec(bge0(), None, None, &[1]),
                Some(
                    "guarantees on bge0 add up to 1 Mb/s (net1 1), and the \
                     speed of bge0 is unknown, and it has no maxbw",
                ),
            ),
            (
                spec(stub0(), None, None, &[1]),
                Some(
                    "guarantees on stub0 add up to 1 Mb/s (net1 1), and \
                     stub0 is an etherstub, without a speed or a maxbw",
                ),
            ),
            (
                spec(bge0(), Some(10), None, &[1, 2, 3, 4, 5, 6]),
                Some(
                    "guarantees on bge0 add up to 21 Mb/s (net6 6, net5 5, \
                     net4 4, net3 3 and 2 more), and bge0 has 10 Mb/s",
                ),
            ),
        ] {
            let got = spec.check_guarantees(&none).err();
            assert_eq!(got.as_ref().map(ToString::to_string).as_deref(), want);
            assert_eq!(spec.overcommitted().next(), got);
        }
    }

    #[test]
    fn vnics_of_one_name_are_told_apart() {
        let mut spec = spec(bge0(), Some(1), None, &[3, 2, 1]);
        let guarantees =
            &mut spec.segments.get_mut(&bge0()).unwrap().guarantees;
        for (id, zone) in [(1, "web"), (2, "db")] {
            let vnic = &mut guarantees.get_mut(&LinkId(id)).unwrap().vnic;
            vnic.zone = Some(zone.parse().unwrap());
            vnic.name = "net0".parse().unwrap();
        }
        let error = spec.overcommitted().next().unwrap().to_string();
        let want = "(net0 in zone web 3, net0 in zone db 2, net3 1)";
        assert!(error.contains(want), "{error}");
    }

    #[test]
    fn sums_do_not_wrap() {
        let most = Bandwidth::from_bps(u64::MAX);
        let mut spec = spec(bge0(), None, None, &[]);
        let segment = spec.segments.get_mut(&bge0()).unwrap();
        segment.maxbw = Some(most);
        segment.guarantees = vnics(&[most]);
        assert_eq!(spec.overcommitted().count(), 0);
        let segment = spec.segments.get_mut(&bge0()).unwrap();
        segment.guarantees = vnics(&[most, Bandwidth::from_bps(1)]);
        assert_eq!(spec.overcommitted().count(), 1);
    }

    #[test]
    fn a_change_may_not_make_it_worse() {
        let fast = |minbws: &[u32]| spec(bge0(), Some(1000), None, minbws);
        let slow = |minbws: &[u32]| spec(bge0(), Some(100), None, minbws);
        let capped =
            |maxbw, minbws: &[u32]| spec(bge0(), Some(1000), maxbw, minbws);
        let stub = |maxbw, minbws: &[u32]| spec(stub0(), None, maxbw, minbws);
        for (title, before, after, ok) in [
            ("within", fast(&[700]), fast(&[700, 300]), true),
            ("beyond", fast(&[700]), fast(&[700, 301]), false),
            ("slower, and nothing changed", slow(&[700]), slow(&[700]), true),
            ("slower, and lowered", slow(&[700]), slow(&[600]), true),
            ("slower, and raised", slow(&[700]), slow(&[701]), false),
            ("slower, and one more", slow(&[700]), slow(&[700, 1]), false),
            ("slower, shared anew", slow(&[700]), slow(&[300, 400]), true),
            (
                "a cap above",
                capped(None, &[700]),
                capped(Some(700), &[700]),
                true,
            ),
            (
                "a cap below",
                capped(None, &[700]),
                capped(Some(699), &[700]),
                false,
            ),
            (
                "the cap that held it goes",
                stub(Some(700), &[700]),
                stub(None, &[700]),
                false,
            ),
            (
                "the cap goes, and there was room",
                capped(Some(700), &[700]),
                capped(None, &[700]),
                true,
            ),
            (
                "another segment is beyond",
                slow(&[700]),
                ResolvedSpec {
                    segments: [slow(&[700]), stub(Some(1), &[1])]
                        .into_iter()
                        .flat_map(|spec| spec.segments)
                        .collect(),
                    ..ResolvedSpec::default()
                },
                true,
            ),
        ] {
            let got = after.check_guarantees(&before);
            assert_eq!(got.is_ok(), ok, "{title}: {got:?}");
        }
    }

    proptest! {
        /// What is not overcommitted is always accepted, and what is accepted
        /// from a good state is good.
        #[test]
        fn from_good_to_good(
            speed in proptest::option::of(0..20_u32),
            maxbw in proptest::option::of(0..20_u32),
            was in proptest::collection::vec(1..9_u32, 0..4),
            is in proptest::collection::vec(1..9_u32, 0..4),
        ) {
            let before = spec(bge0(), speed, maxbw, &was);
            let after = spec(bge0(), speed, maxbw, &is);
            let good = after.overcommitted().next().is_none();
            let sum: u32 = is.iter().sum();
            let limit = speed.into_iter().chain(maxbw).min().unwrap_or(0);
            prop_assert_eq!(good, sum <= limit);
            let accepted = after.check_guarantees(&before).is_ok();
            prop_assert!(accepted || !good);
            if before.overcommitted().next().is_none() {
                prop_assert_eq!(accepted, good);
            }
            prop_assert!(after.check_guarantees(&after).is_ok());
        }
    }
}
