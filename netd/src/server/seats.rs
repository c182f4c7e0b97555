//! How many may be served at once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use nix::unistd::Uid;

/// How many seats there are. Root's are its own, so that nobody else can take
/// the host's owner the fabric away.
#[derive(Clone, Copy, Debug)]
pub(super) struct Bounds {
    /// For root.
    pub(super) root: usize,
    /// For any one of the other users.
    pub(super) user: usize,
    /// For all of them together.
    pub(super) users: usize,
}

/// Seats for connections.
#[derive(Debug)]
pub(super) struct Seats {
    bounds: Bounds,
    /// How many each user has; who has none is not listed.
    taken: Mutex<BTreeMap<u32, usize>>,
}

/// A seat, free again when it is dropped.
#[derive(Debug)]
pub(super) struct Seat {
    of: Arc<Seats>,
    uid: u32,
}

impl Seats {
    /// Makes as many as `bounds` says, all free.
    pub(super) fn new(bounds: Bounds) -> Arc<Self> {
        Arc::new(Self { bounds, taken: Mutex::default() })
    }

    /// A seat for a user; none is left: none.
    pub(super) fn take(self: &Arc<Self>, uid: Uid) -> Option<Seat> {
        let of = self.clone();
        let uid = uid.as_raw();
        let mut taken = self.lock();
        let own = taken.get(&uid).copied().unwrap_or(0);
        let full = if uid == 0 {
            own >= self.bounds.root
        } else {
            let others = taken.iter().filter(|(user, _)| **user != 0);
            let all: usize = others.map(|(_, seats)| seats).sum();
            own >= self.bounds.user || all >= self.bounds.users
        };
        if full {
            return None;
        }
        taken.insert(uid, own + 1);
        Some(Seat { of, uid })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BTreeMap<u32, usize>> {
        // Each change is one statement, so what a panic left is whole.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.of.lock();
        match taken.get_mut(&self.uid) {
            Some(seats) if *seats > 1 => *seats -= 1,
            _ => {
                taken.remove(&self.uid);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BOUNDS: Bounds = Bounds { root: 2, user: 2, users: 3 };

    fn take(seats: &Arc<Seats>, uid: u32) -> Option<Seat> {
        seats.take(Uid::from_raw(uid))
    }

    #[test]
    fn nobody_takes_more_than_their_own_nor_roots() {
        let seats = Seats::new(BOUNDS);
        let mut kept = Vec::new();
        for (uid, want) in [
            (7, true),
            (7, true),
            (7, false),
            (8, true),
            (8, false),
            (9, false),
            (0, true),
            (0, true),
            (0, false),
        ] {
            let seat = take(&seats, uid);
            assert_eq!(seat.is_some(), want, "{uid} with {kept:?}");
            kept.extend(seat);
        }
    }

    #[test]
    fn who_leaves_makes_room_and_is_forgotten() {
        let seats = Seats::new(BOUNDS);
        for round in 0..10 {
            let both = (take(&seats, 7), take(&seats, 7));
            assert!(both.0.is_some() && both.1.is_some(), "{round}");
            drop(both.0);
            assert!(take(&seats, 7).is_some(), "{round}");
        }
        assert!(seats.lock().is_empty(), "{seats:?}");
    }
}
