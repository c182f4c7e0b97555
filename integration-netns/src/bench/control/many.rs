//! Many VNICs: they come, change and go.

use std::time::Instant;

use fabric::Bandwidth;

use super::case::{Features, Question, Way};
use super::guests::Guest;
use super::vnics::MAXBW;
use super::{Bench, LONGEST, MANY};
use crate::bench::numbers::float;
use crate::note;

/// Another cap.
const OTHER: Bandwidth = Bandwidth::from_mbps(20);

/// Milliseconds each, of those of all.
fn each(all: f64, guests: &[Guest]) -> f64 {
    all / float(guests.len() as u64)
}

/// Has the first few changed one by one, for that takes each of them as long
/// however many there are, and all others at once. Where these would be hardly
/// any, guests are made again in between, by `again`.
fn both(
    bench: &Bench,
    guests: &[Guest],
    one_by_one: impl Fn(&[Guest]) -> f64,
    at_once: impl Fn(&[Guest]) -> f64,
    again: impl Fn(&[Guest]),
) -> [f64; 2] {
    let sample = bench.scale.sample;
    let (first, rest) = guests.split_at(guests.len().min(sample));
    let one = each(one_by_one(first), first);
    if rest.len() > 10 * sample {
        return [one, each(at_once(rest), rest)];
    }
    again(first);
    [one, each(at_once(guests), guests)]
}

/// Does something in all rounds, with all features and numbers of guests: those
/// of netd, and those of `ip`.
fn rounds(
    bench: &mut Bench,
    mut turn: impl FnMut(&mut Bench, usize, Features, [&[Guest]; 2]),
) {
    let most = bench.scale.most();
    let guests = bench.many.each_ref().map(|zone| Guest::in_one(zone, most));
    for &count in bench.scale.counts {
        let start = Instant::now();
        for round in 0..bench.scale.rounds(count) {
            for features in Features::ALL {
                let guests = guests.each_ref().map(|all| &all[..count]);
                turn(bench, round, features, guests);
            }
        }
        note(&format!("  {count} at a time: {:.1?}", start.elapsed()));
    }
}

/// They come.
pub(super) fn create(bench: &mut Bench) {
    let question = Question::Create;
    rounds(bench, |bench, round, features, [ours, theirs]| {
        let count = ours.len();
        let all = bench.vnics.create_all(ours, features);
        let all = each(all, ours);
        bench.vnics.delete_all(ours);
        bench.add(question, features, count, Way::NetdBatch, all);
        let raw = each(bench.raw.create(theirs, features), theirs);
        bench.raw.delete(theirs, features);
        bench.add(question, features, count, Way::Batch, raw);
        // Thousands one by one take as long as all else.
        if round == 0 || count < MANY {
            let one = create_each(bench, ours, features);
            bench.add(question, features, count, Way::NetdEach, one);
        }
    });
}

/// They come one by one, and go. Milliseconds each.
fn create_each(bench: &mut Bench, guests: &[Guest], features: Features) -> f64 {
    let (start, mut took, mut made) = (Instant::now(), 0.0, 0);
    for some in guests.chunks(50) {
        if start.elapsed() > LONGEST {
            let (all, what) = (guests.len(), features.name());
            bench.notes.push(format!(
                "ENDED EARLY: {all} one by one with {what}: {made} of them"
            ));
            break;
        }
        took += bench.vnics.create_each(some, features);
        made += some.len();
    }
    bench.vnics.delete_all(&guests[..made]);
    each(took, &guests[..made])
}

/// They go.
pub(super) fn delete(bench: &mut Bench) {
    let question = Question::Delete;
    rounds(bench, |bench, _, features, [ours, theirs]| {
        let count = ours.len();
        let (vnics, raw) = (&bench.vnics, &bench.raw);
        vnics.create_all(ours, features);
        let [one, all] = both(
            bench,
            ours,
            |guests| vnics.delete_each(guests),
            |guests| vnics.delete_all(guests),
            |guests| {
                vnics.create_all(guests, features);
            },
        );
        raw.create(theirs, features);
        let [ip, batch] = both(
            bench,
            theirs,
            |guests| {
                let took = raw.delete_each(guests);
                // What is not on the host ends themselves.
                raw.delete_rest(guests, guests.len(), features);
                took
            },
            |guests| raw.delete(guests, features),
            |guests| {
                raw.create(guests, features);
            },
        );
        for (way, answer) in [
            (Way::NetdEach, one),
            (Way::NetdBatch, all),
            (Way::Batch, batch),
            (Way::Ip, ip),
        ] {
            bench.add(question, features, count, way, answer);
        }
    });
}

/// They are capped, and then otherwise.
pub(super) fn caps(bench: &mut Bench) {
    rounds(bench, |bench, _, features, [ours, theirs]| {
        // Those that have no cap get one, those that have another.
        let (question, maxbw) = match features {
            Features::Plain => (Question::Cap, MAXBW),
            Features::Maxbw => (Question::Recap, OTHER),
        };
        let count = ours.len();
        let (vnics, raw) = (&bench.vnics, &bench.raw);
        vnics.create_all(ours, features);
        let [one, all] = both(
            bench,
            ours,
            |guests| vnics.cap_each(guests, maxbw),
            |guests| vnics.cap_all(guests, maxbw),
            |guests| {
                vnics.delete_all(guests);
                vnics.create_all(guests, features);
            },
        );
        vnics.delete_all(ours);
        raw.create(theirs, features);
        let batch = match features {
            Features::Plain => raw.cap(theirs, maxbw),
            Features::Maxbw => raw.recap(theirs, maxbw),
        };
        raw.delete(theirs, Features::Maxbw);
        for (way, answer) in [
            (Way::NetdEach, one),
            (Way::NetdBatch, all),
            (Way::Batch, each(batch, theirs)),
        ] {
            bench.add(question, Features::Maxbw, count, way, answer);
        }
    });
}

/// Each in a zone of its own, as containers are.
pub(super) fn peers(bench: &mut Bench) {
    let zones: Vec<_> = (0..bench.scale.zones)
        .map(|number| bench.lab.quiet_zone(&format!("z{number}")))
        .collect();
    let guests = Guest::in_each(&zones);
    let count = guests.len();
    for _ in 0..bench.scale.few {
        for features in Features::ALL {
            let mut answers = vec![
                (
                    Way::NetdEach,
                    bench.vnics.create_each(&guests, features),
                    bench.vnics.delete_each(&guests),
                ),
                (
                    Way::NetdBatch,
                    bench.vnics.create_all(&guests, features),
                    bench.vnics.delete_all(&guests),
                ),
                (
                    Way::Batch,
                    bench.raw.create(&guests, features),
                    bench.raw.delete(&guests, features),
                ),
            ];
            for (way, peer) in &bench.peers {
                if *way == Way::Netavark && features == Features::Maxbw {
                    continue;
                }
                let add = |guest| peer.add(guest, features);
                let added = guests.iter().map(add).sum();
                let del = |guest| peer.del(guest, features);
                answers.push((*way, added, guests.iter().map(del).sum()));
            }
            for (way, added, deleted) in answers {
                let (added, deleted) =
                    (each(added, &guests), each(deleted, &guests));
                let (create, delete) =
                    (Question::PeersCreate, Question::PeersDelete);
                bench.add(create, features, count, way, added);
                bench.add(delete, features, count, way, deleted);
            }
        }
    }
}
