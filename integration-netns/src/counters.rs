//! Counters, and what a story says about them: exactly these moved.

use std::collections::BTreeMap;
use std::fmt::Write;

use fabric::api::VnicCounters;

use crate::{Netd, Poll};

/// Every counter of every VNIC at one moment.
///
/// A counter's name is `ZONE/VNIC FIELD`, as in `web/net0 opackets` or
/// `web/net0 drops.mac-spoof`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Counters(BTreeMap<String, u64>);

impl Counters {
    /// Reads them over the API.
    #[track_caller]
    #[must_use]
    pub fn read(netd: &Netd) -> Self {
        let all: Vec<VnicCounters> = netd.api().get("/v1/counters/vnics");
        let mut counters = BTreeMap::new();
        for vnic in all {
            let zone = vnic.zone.as_deref().unwrap_or_default();
            let mut put = |field: String, n| {
                counters.insert(format!("{zone}/{} {field}", vnic.name), n);
            };
            put("ipackets".to_owned(), vnic.ipackets);
            put("rbytes".to_owned(), vnic.rbytes);
            put("opackets".to_owned(), vnic.opackets);
            put("obytes".to_owned(), vnic.obytes);
            for drop in &vnic.drops {
                let reason = serde_json::to_value(drop.reason);
                let reason = reason.expect("a reason is a word");
                let reason = reason.as_str().unwrap_or_default();
                put(format!("drops.{reason}"), drop.packets);
            }
        }
        Self(counters)
    }

    /// What moved since `before`.
    #[must_use]
    pub fn since(&self, before: &Self) -> BTreeMap<String, u64> {
        let then = |name| before.0.get(name).copied().unwrap_or(0);
        self.0
            .iter()
            .map(|(name, now)| (name.clone(), now.wrapping_sub(then(name))))
            .filter(|(_, by)| *by != 0)
            .collect()
    }

    /// Waits until exactly the counters of `want` moved since this reading,
    /// each by the given number. A frame that has been seen to arrive has been
    /// counted; the waiting is for frames that were dropped unseen.
    ///
    /// # Panics
    /// When another one moves, or one moves too far or not enough.
    #[track_caller]
    pub fn assert_moved(&self, netd: &Netd, want: &[(&str, u64)]) {
        let want: BTreeMap<String, u64> =
            want.iter().map(|(name, by)| ((*name).to_owned(), *by)).collect();
        let moved = Poll::PATIENT.try_until(|| {
            let moved = Self::read(netd).since(self);
            let short = want
                .iter()
                .any(|(name, by)| moved.get(name).unwrap_or(&0) < by);
            if short { Err(table(&moved)) } else { Ok(moved) }
        });
        match moved {
            Ok(moved) if moved == want => {}
            Ok(moved) => panic!(
                "other counters moved\nwanted:\n{}moved:\n{}",
                table(&want),
                table(&moved)
            ),
            Err(moved) => panic!(
                "counters did not move\nwanted:\n{}moved:\n{moved}",
                table(&want)
            ),
        }
    }
}

fn table(counters: &BTreeMap<String, u64>) -> String {
    counters.iter().fold(String::new(), |mut text, (name, by)| {
        writeln!(text, "  {name} +{by}").expect("a string takes any text");
        text
    })
}
