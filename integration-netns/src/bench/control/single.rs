//! One VNIC beside many.

use std::time::Instant;

use super::case::{Features, Question, Way};
use super::guests::Guest;
use super::{Bench, LONGEST};
use crate::note;

/// Peers have one turn of so many: they take longer.
const PEERS_TURN: usize = 10;

/// Makes and deletes one again and again, beside more and more. What the peers
/// make stands beside none of theirs.
pub(super) fn measure(bench: &mut Bench) {
    let crowds = bench.scale.crowds;
    let most = crowds.last().copied().unwrap_or_default();
    let zone = bench.lab.quiet_zone("one");
    let one = [Guest::new(most, &zone, "net0".to_owned())];
    let crowd = Guest::in_one(&bench.many[0], most);
    for features in Features::ALL {
        let mut there = 0;
        for &count in crowds {
            bench.vnics.create_all(&crowd[there..count], features);
            there = count;
            let (start, mut turns) = (Instant::now(), 0);
            while turns < bench.scale.singles && start.elapsed() < LONGEST {
                once(bench, &one, features, count);
                if turns.is_multiple_of(PEERS_TURN) {
                    beside(bench, &one[0], features, count);
                }
                turns += 1;
            }
            let (what, took) = (features.name(), start.elapsed());
            let text = format!(
                "one beside {count} with {what}: {turns} times in {took:.1?}"
            );
            note(&format!("  {text}"));
            if turns < bench.scale.singles {
                bench.notes.push(format!("ENDED EARLY: {text}"));
            }
        }
        bench.vnics.delete_all(&crowd[..there]);
    }
}

fn once(bench: &mut Bench, one: &[Guest], features: Features, count: usize) {
    let way = Way::NetdEach;
    let created = bench.vnics.create_each(one, features);
    let deleted = bench.vnics.delete_each(one);
    bench.add(Question::SingleCreate, features, count, way, created);
    bench.add(Question::SingleDelete, features, count, way, deleted);
}

fn beside(bench: &mut Bench, one: &Guest, features: Features, count: usize) {
    let mut answers = Vec::new();
    for (way, peer) in &bench.peers {
        if *way == Way::Netavark && features == Features::Maxbw {
            continue;
        }
        answers.push((*way, peer.add(one, features), peer.del(one, features)));
    }
    for (way, added, deleted) in answers {
        bench.add(Question::SingleCreate, features, count, way, added);
        bench.add(Question::SingleDelete, features, count, way, deleted);
    }
}
