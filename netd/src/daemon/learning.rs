//! What guests came by: heard from the data plane, learned, written into its
//! tables, and kept.

use std::collections::BTreeSet;
use std::num::NonZeroU32;

use fabric::datapath::{LearnedKey, LinkRef, Row, Segment};
use fabric::{LinkId, Over, ResolvedSpec, ResolvedVnic, Scope, Step, Vnic};
use flows::learn::{Change, Guest, Heard, Learned, Moment};

use super::Daemon;
use crate::apply::follow;
use crate::chain::chain;
use crate::failpoint::{self, Place};
use crate::kernel::Kernel;

/// How many addresses that come or go at once are in the log: those of a
/// host's guests when all of them boot.
pub(super) const TOLD: NonZeroU32 = NonZeroU32::new(4096).unwrap();

impl Daemon {
    /// Adds what guests came by to what tagmap has found.
    pub(super) fn add_learned<'a>(
        &self,
        vnics: impl Iterator<Item = &'a mut ResolvedVnic>,
    ) {
        for vnic in vnics {
            let learned = self.learner.learned(vnic.id);
            vnic.learned = learned.map(|learned| learned.address).collect();
        }
    }

    /// Takes back what an earlier netd had learned in this boot.
    pub(super) fn recall(&mut self) {
        match self.store.load_learned() {
            Ok((learned, pending)) => {
                let now = Kernel::now();
                self.learner.restore(learned, pending, now);
            }
            // Guests ask again in time; until then theirs are not allowed.
            Err(error) => tracing::error!(
                error = chain(&error),
                "the addresses that guests came by are not known"
            ),
        }
    }

    /// Tells the learner whose addresses to listen for. A VNIC that waits for
    /// its link keeps what its guest came by.
    pub(super) fn enroll(&mut self, resolved: &ResolvedSpec) {
        let guests = self.spec.vnics.values();
        let guests = guests.filter_map(|vnic| guest(vnic, resolved));
        let guests: Vec<Guest> = guests.collect();
        let changes = self.learner.enroll(guests);
        self.write_learned(&changes);
        self.keep(&changes, None);
    }

    /// [`Daemon::enroll`] for those that a scope changes.
    pub(super) fn enroll_some(&mut self, scope: &Scope) {
        let changed = scope.changed();
        let vnics = changed.iter().filter_map(|id| self.spec.vnics.get(id));
        let guests = vnics.filter_map(|vnic| guest(vnic, scope.resolved()));
        let guests: Vec<Guest> = guests.collect();
        let changes = self.learner.enroll_some(changed, guests);
        self.write_learned(&changes);
        self.keep(&changes, None);
    }

    /// Takes in a record of what the data plane told. When this returns, what
    /// it led to is in the tables and kept.
    pub fn hear(&mut self, record: &[u8]) {
        let Some(told) = self.kernel.told(record) else {
            tracing::error!("the data plane told what is no record of ours");
            return;
        };
        let frame = &told.frame;
        let heard = match told.from {
            Some(id) if told.asks => Heard::From { id, frame },
            by => Heard::On {
                segment: told.segment.clone(),
                vid: told.vid,
                by,
                frame,
            },
        };
        let asking = told.from.filter(|_| told.asks);
        let changes = self.learner.hear(&heard, Kernel::now());
        self.write_learned(&changes);
        self.keep(&changes, asking);
    }

    /// Forgets what has ended.
    pub fn expire_learned(&mut self) {
        let changes = self.learner.expire(Kernel::now());
        self.write_learned(&changes);
        self.keep(&changes, None);
    }

    /// When something that a guest came by ends.
    #[must_use]
    pub fn next_expiry(&self) -> Option<Moment> {
        self.learner.next_expiry()
    }

    /// Writes rows at once, without a plan: a guest is about to use what it
    /// was given. What fails is put right by the next plan.
    fn write_learned(&mut self, changes: &[Change]) {
        for change in changes {
            let (id, address) = change.subject();
            let key = LearnedKey { id, address };
            let host_end = LinkRef::Name(Vnic::host_end(id));
            let tables = &self.observed.tables;
            let there = tables.learned.contains_key(&key);
            // The rows of a VNIC that waits for its link come with it.
            let built = tables.vnics.contains_key(&host_end);
            let row = Row::Learned(key);
            failpoint::before(Place::WriteLearned);
            let written = match change {
                Change::Learn(_) if built && !there => {
                    if let Some(unsaid) = self.learning_told.may_say() {
                        tracing::info!(vnic = %id, %address, unsaid, "learned");
                    }
                    let written = self.kernel.put(&row);
                    (written, Step::PutRow { row, was: None })
                }
                Change::Forget { .. } if there => {
                    if let Some(unsaid) = self.learning_told.may_say() {
                        tracing::info!(
                            vnic = %id, %address, unsaid, "forgotten"
                        );
                    }
                    let written = self.kernel.delete(&row);
                    (written, Step::DeleteRow { row })
                }
                _ => continue,
            };
            failpoint::after(Place::WriteLearned);
            match written {
                (Ok(()), step) => follow(&mut self.observed, &step),
                (Err(error), step) => {
                    let error = chain(&error);
                    tracing::error!(%step, %error, "cannot write a row");
                    self.settled = false;
                }
            }
        }
    }

    /// Keeps changes, and what the guest that asks asks for now.
    fn keep(&mut self, changes: &[Change], asking: Option<LinkId>) {
        let mut asked: BTreeSet<LinkId> =
            changes.iter().map(|change| change.subject().0).collect();
        asked.extend(asking);
        if asked.is_empty() {
            return;
        }
        let pending = self.learner.pending();
        let pending: Vec<_> = pending
            .filter(|pending| asked.contains(&pending.id))
            .cloned()
            .collect();
        let store = &mut self.store;
        failpoint::before(Place::KeepLearned);
        let kept = tokio::task::block_in_place(|| {
            store.keep_learned(changes, &asked, &pending)
        });
        failpoint::after(Place::KeepLearned);
        // Guests go on with what they have; a netd that comes after this one
        // would have to learn it again.
        if let Err(error) = kept {
            let error = chain(&error);
            tracing::error!(%error, "cannot keep what guests came by");
        }
    }

    /// What a VNIC's guest came by.
    pub fn learned(&self, id: LinkId) -> impl Iterator<Item = &Learned> {
        self.learner.learned(id)
    }
}

/// A VNIC's guest, where it may come by addresses.
fn guest(vnic: &Vnic, resolved: &ResolvedSpec) -> Option<Guest> {
    let methods = vnic.methods();
    if methods.is_none() {
        return None;
    }
    let segment = match resolved.vnics.get(&vnic.id) {
        Some(found) => found.segment.clone(),
        None => absent(vnic),
    };
    let vid = fabric::VlanId::number(vnic.vid);
    let macs = vnic.macs().collect();
    Some(Guest { id: vnic.id, segment, vid, macs, methods })
}

/// The segment of a VNIC whose link is away: the one that it will be on if the
/// link comes back under its name.
fn absent(vnic: &Vnic) -> Segment {
    Segment::Link(match &vnic.over {
        Over::Link(name) => LinkRef::from(name),
        Over::Tag(_) => LinkRef::Gone(0),
    })
}
