//! What holds for the changes from any queues to any others.
//!
//! A model of HTB carries them out.

use std::collections::BTreeMap;

use fabric::shaping::{
    Class, ClassId, DefaultDiffers, Leaf, Queue, QueueError, QueueStep,
    QueueTree, Ticks, follow,
};
use proptest::prelude::*;
use proptest::sample::Index;

/// A link with or without HTB.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Htb(Option<QueueTree>);

impl Htb {
    fn apply(&mut self, step: &QueueStep) -> Result<(), QueueError> {
        follow(&mut self.0, step)
    }

    /// Whether what is guaranteed under each class is there to be given.
    fn holds_its_guarantees(&self) -> bool {
        let Some(QueueTree { classes, .. }) = &self.0 else { return true };
        classes.iter().all(|(id, class)| {
            let children = classes.values().filter(|c| c.parent == Some(*id));
            let sum: u64 = children.map(|child| child.rate).sum();
            sum <= class.rate
        })
    }
}

/// A class before its place in a tree is known: its number, which of the inner
/// classes so far is its parent (past the last: none), its part of the parent's
/// rate in percent, and the class.
type Draft = (u16, Index, u64, Class);

fn queue() -> impl Strategy<Value = Queue> {
    prop_oneof![
        (1..4u32).prop_map(|limit| Queue::Bfifo { limit }),
        (1..3u32).prop_map(|limit| Queue::FqCodel {
            limit,
            memory: 1,
            quantum: 1,
            target: fabric::shaping::CodelTime::from_nanos(1),
            interval: fabric::shaping::CodelTime::from_nanos(2),
        }),
    ]
}

fn draft() -> impl Strategy<Value = Draft> {
    let leaf = (1..3u32, 0..3u8, queue())
        .prop_map(|(quantum, prio, queue)| Leaf { quantum, prio, queue });
    let class = (1..4u64, prop::option::of(leaf)).prop_map(|(ceil, leaf)| {
        let (burst, cburst) = (Ticks(1), Ticks(2));
        Class { parent: None, rate: 0, ceil, burst, cburst, leaf }
    });
    (1..12u16, any::<Index>(), 0..60u64, class)
}

/// Any tree that HTB can hold. Guarantees can be held.
fn tree() -> impl Strategy<Value = QueueTree> {
    prop::collection::vec(draft(), 0..10).prop_map(|drafts| {
        let mut classes: BTreeMap<ClassId, Class> = BTreeMap::new();
        // What each inner class still has to give.
        let mut inner: Vec<(ClassId, u64)> = Vec::new();
        for (id, place, part, mut class) in drafts {
            let id = ClassId(id);
            if classes.contains_key(&id) {
                continue;
            }
            let place = place.index(inner.len() + 1);
            class.rate = match inner.get_mut(place) {
                Some((parent, left)) => {
                    class.parent = Some(*parent);
                    let rate = *left * part / 100;
                    *left -= rate;
                    rate
                }
                None => 1000 + part,
            };
            if class.leaf.is_none() {
                inner.push((id, class.rate));
            }
            classes.insert(id, class);
        }
        QueueTree { default: None, classes }
    })
}

/// As the kernel may have it: a leaf's queue may be anything.
fn found() -> impl Strategy<Value = Option<QueueTree>> {
    let found = (tree(), prop::collection::vec(any::<bool>(), 12)).prop_map(
        |(mut tree, strange)| {
            let leaves =
                tree.classes.values_mut().filter_map(|c| c.leaf.as_mut());
            for (leaf, strange) in leaves.zip(strange) {
                if strange {
                    leaf.queue = Queue::Unknown;
                }
            }
            tree
        },
    );
    prop::option::of(found)
}

proptest! {
    #[test]
    fn the_steps_lead_there(from in found(), to in tree()) {
        let steps = to.steps(from.as_ref()).unwrap();
        let mut htb = Htb(from);
        for step in &steps {
            prop_assert_eq!(htb.apply(step), Ok(()), "{}", step);
            prop_assert!(htb.holds_its_guarantees(), "{step}\n{htb:?}");
        }
        prop_assert_eq!(htb.0.as_ref(), Some(&to));
        prop_assert_eq!(to.steps(Some(&to)).unwrap(), vec![]);
    }

    #[test]
    fn what_stays_is_changed_and_not_made_again(
        from in tree(), to in tree(),
    ) {
        // A class stays when it and all above it may.
        fn may(from: &QueueTree, to: &QueueTree, id: ClassId) -> bool {
            let classes = (from.classes.get(&id), to.classes.get(&id));
            let (Some(a), Some(b)) = classes else { return false };
            a.parent == b.parent
                && a.leaf.is_some() == b.leaf.is_some()
                && a.parent.is_none_or(|id| may(from, to, id))
        }
        for step in to.steps(Some(&from)).unwrap() {
            match step {
                QueueStep::AddClass { id, .. }
                | QueueStep::DeleteClass { id, .. } => {
                    prop_assert!(!may(&from, &to, id), "{id}");
                }
                QueueStep::PutQueue { id, from: Some(_), .. }
                | QueueStep::ChangeClass { id, .. } => {
                    prop_assert!(may(&from, &to, id), "{id}");
                }
                _ => {}
            }
        }
    }

    #[test]
    fn the_way_back_leads_back(from in tree(), to in tree()) {
        let steps = to.steps(Some(&from)).unwrap();
        let mut htb = Htb(Some(from.clone()));
        for step in &steps {
            prop_assert_eq!(htb.apply(step), Ok(()), "{}", step);
        }
        for step in steps.iter().rev().flat_map(QueueStep::undo) {
            prop_assert_eq!(htb.apply(&step), Ok(()), "undo: {}", step);
        }
        prop_assert_eq!(htb.0.as_ref(), Some(&from));
    }
}

fn class(parent: Option<u16>, rate: u64, leaf: bool) -> Class {
    let (burst, cburst) = (Ticks(31_250), Ticks(3));
    let queue = Queue::Bfifo { limit: 3028 };
    let leaf = leaf.then_some(Leaf { quantum: 3028, prio: 1, queue });
    Class { parent: parent.map(ClassId), rate, ceil: 9, burst, cburst, leaf }
}

fn with(classes: &[(u16, Class)]) -> QueueTree {
    let classes = classes.iter().cloned();
    let classes = classes.map(|(id, class)| (ClassId(id), class)).collect();
    QueueTree { default: None, classes }
}

#[test]
fn steps_in_words() {
    let one = with(&[
        (1, class(None, 100, false)),
        (2, class(Some(1), 60, false)),
        (3, class(Some(2), 1, true)),
    ]);
    // A second VNIC takes part of the first one's guarantee.
    let two = with(&[
        (1, class(None, 100, false)),
        (2, class(Some(1), 40, false)),
        (3, class(Some(2), 1, true)),
        (4, class(Some(1), 60, false)),
        (5, class(Some(4), 1, true)),
    ]);
    let mut slower = one.clone();
    for class in slower.classes.values_mut() {
        class.rate = class.rate.div_ceil(2);
        if let Some(leaf) = &mut class.leaf {
            leaf.queue = Queue::Bfifo { limit: 1514 };
        }
    }
    let ones = "rate 1 ceil 9 burst 2000000ns cburst 192ns prio 1 quantum 3028";
    for (from, to, want) in [
        (
            None,
            &one,
            format!(
                "add htb\n\
                 add class 1:1 root rate 100 ceil 9 burst 2000000ns \
                 cburst 192ns\n\
                 add class 1:2 parent 1:1 rate 60 ceil 9 burst 2000000ns \
                 cburst 192ns\n\
                 add class 1:3 parent 1:2 {ones} bfifo limit 3028\n\
                 put queue 1:3 bfifo limit 3028\n"
            ),
        ),
        (
            Some(&one),
            &two,
            format!(
                "change class 1:2 parent 1:1 rate 40 ceil 9 burst 2000000ns \
                 cburst 192ns\n\
                 add class 1:4 parent 1:1 rate 60 ceil 9 burst 2000000ns \
                 cburst 192ns\n\
                 add class 1:5 parent 1:4 {ones} bfifo limit 3028\n\
                 put queue 1:5 bfifo limit 3028\n"
            ),
        ),
        (
            Some(&two),
            &one,
            "delete class 1:5\n\
             delete class 1:4\n\
             change class 1:2 parent 1:1 rate 60 ceil 9 burst 2000000ns \
             cburst 192ns\n"
                .to_owned(),
        ),
        (
            Some(&one),
            &slower,
            "change class 1:2 parent 1:1 rate 30 ceil 9 burst 2000000ns \
             cburst 192ns\n\
             change class 1:1 root rate 50 ceil 9 burst 2000000ns \
             cburst 192ns\n\
             put queue 1:3 bfifo limit 1514\n"
                .to_owned(),
        ),
    ] {
        let steps = to.steps(from).unwrap();
        let got: String =
            steps.iter().map(|step| format!("{step}\n")).collect();
        assert_eq!(got, want);
    }
}

#[test]
fn a_root_with_another_default_is_none_to_build_on() {
    let plain = with(&[]);
    let own = QueueTree { default: Some(ClassId(2)), ..with(&[]) };
    let error = own.steps(Some(&plain)).unwrap_err();
    let (observed, wanted) = (None, Some(ClassId(2)));
    assert_eq!(error, DefaultDiffers { observed, wanted });
    assert_eq!(
        error.to_string(),
        "frames of no class go to nobody, and that can't be changed to 1:2"
    );
    let step = &own.steps(None).unwrap()[0];
    assert_eq!(step.to_string(), "add htb default 1:2");
}
