//! What only VNICs are asked, for no peer has it: a guarantee among others that
//! flood the link, and a VNIC without a cap beside one that has one.

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use super::case::{Cap, Direction, Load};
use super::goals::Single;
use super::hosts::{Host, VnicHost};
use super::load::{Crowd, Over, Streams};
use super::reach::Reach;
use super::{MTU, gauge, ideal};
use crate::bench::Mode;
use crate::bench::numbers::Bound;

/// How often a VNIC without a cap takes its turn, with and without a neighbour
/// that has one, in a round.
const TURNS: u32 = 4;

/// The neighbour's cap.
const NEIGHBOUR: Cap = Cap::mbps(100);

/// All of it.
#[derive(Debug)]
pub(super) struct Alone {
    link: Cap,
    sure: Cap,
    guarantee: Single,
    beside: [(Direction, Single); 2],
}

impl Alone {
    /// Chooses caps that the machine carries.
    pub(super) fn new(mode: Mode, reach: &Reach) -> Self {
        let (full, small) = (Cap::mbps(1000), Cap::mbps(100));
        // Floods take a good part of the machine.
        let carried = reach.carries(Load::Streams, full, 2.0);
        let fast = mode == Mode::Full && carried;
        let (link, sure) =
            if fast { (full, Cap::mbps(300)) } else { (small, Cap::mbps(30)) };
        let name = format!(
            "TCP of a VNIC with minbw={sure} / what headers leave of that, \
             beside 8 VNICs that flood a link with maxbw={link}"
        );
        Self {
            link,
            sure,
            guarantee: Single::new(name, Bound::AtLeast(0.98)),
            beside: Direction::ALL.map(|direction| {
                let name = format!(
                    "kpps {} of a VNIC without a cap, beside one with \
                     maxbw={NEIGHBOUR} / beside one without",
                    direction.name()
                );
                (direction, Single::new(name, Bound::AtLeast(0.98)))
            }),
        }
    }

    /// What a reader should know.
    pub(super) fn notes(&self) -> Vec<String> {
        vec![
            "no peer guarantees what a guest sends, so a guarantee is VNICs' \
             alone"
                .to_owned(),
        ]
    }

    /// One round. Leaves no cap.
    pub(super) fn ask(&mut self, vnics: &mut VnicHost, span: Duration) {
        vnics.cap(None);
        self.guarantee.add(self.guaranteed(vnics, 2 * span));
        for (direction, single) in &mut self.beside {
            let mut kpps = [0.0; 2];
            for _ in 0..TURNS {
                for (kpps, cap) in kpps.iter_mut().zip([None, Some(NEIGHBOUR)])
                {
                    vnics.cap(cap);
                    *kpps += vnics.open(*direction).kpps(span / TURNS);
                }
            }
            let [without, with] = kpps;
            single.add(with / without);
        }
        vnics.cap(None);
    }

    fn guaranteed(&self, vnics: &VnicHost, span: Duration) -> f64 {
        vnics.guarantee(self.link, self.sure);
        // It connects before the flood comes.
        let streams = Streams::open(&vnics.sure(), 1);
        let crowd = Crowd::open(vnics.crowd(), vnics.sure());
        let over = AtomicBool::new(false);
        let delivered = std::thread::scope(|scope| {
            let _over = Over(&over);
            scope.spawn(|| crowd.send_until(&over));
            streams.measure(gauge(None, span))
        });
        vnics.guarantee_nothing();
        delivered.bytes / (ideal::tcp_share(MTU) * self.sure.bytes())
    }

    pub(super) fn singles(self) -> Vec<Single> {
        let beside = self.beside.map(|(_, single)| single);
        [self.guarantee].into_iter().chain(beside).collect()
    }
}
