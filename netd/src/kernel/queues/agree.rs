//! Whether what the kernel says of a queue is what is known of it already.

use std::collections::BTreeMap;

use fabric::shaping::{Queue, QueueTree};
use netlink_packet_route::tc::{TcHandle, TcMessage};

use super::message::{MAJOR, queue_handle};
use super::read::{class, class_id, default, leaf_of, queue};
use crate::kernel::news::Kind;

/// Whether a message is about the place of programs.
pub(in crate::kernel) fn is_of_hooks(message: &TcMessage) -> bool {
    message.header.parent == TcHandle::CLSACT
}

/// Whether what is known of a link's queues, none where they are none of ours,
/// agrees with a message that something is `there` or gone.
///
/// What is put somewhere and gone again by the time it is compared may well
/// disagree. Then the link is looked at once more, and no harm is done.
pub(in crate::kernel) fn agrees(
    tree: Option<&QueueTree>,
    kind: Kind,
    there: bool,
    message: &TcMessage,
) -> bool {
    match kind {
        Kind::Qdisc => qdisc_agrees(tree, there, message),
        Kind::Class => class_agrees(tree, there, message),
        Kind::Filter => true,
    }
}

fn qdisc_agrees(
    tree: Option<&QueueTree>,
    there: bool,
    message: &TcMessage,
) -> bool {
    let (handle, parent) = (message.header.handle, message.header.parent);
    if parent == TcHandle::ROOT {
        let ours = handle == TcHandle { major: MAJOR, minor: 0 };
        return match (there, default(message)) {
            (true, Some(default)) => {
                tree.is_some_and(|tree| tree.default == default)
            }
            // Somebody's is in the place, or what the kernel chooses is.
            (true, None) => tree.is_none(),
            (false, _) => !ours || tree.is_none(),
        };
    }
    let Some(id) = class_id(parent) else { return true };
    let known = tree.and_then(|tree| tree.classes.get(&id));
    // The class that it was a queue of has gone since, or is told of besides.
    let Some(known) = known.and_then(|class| class.leaf.as_ref()) else {
        return true;
    };
    match (there, leaf_of(message)) {
        (true, Some(_)) => known.queue == queue(message),
        (true, None) => false,
        (false, _) => {
            handle != queue_handle(id) || known.queue == Queue::Unknown
        }
    }
}

fn class_agrees(
    tree: Option<&QueueTree>,
    there: bool,
    message: &TcMessage,
) -> bool {
    let Some(id) = class_id(message.header.handle) else { return true };
    let known = tree.and_then(|tree| tree.classes.get(&id));
    if !there {
        return known.is_none();
    }
    // A class doesn't tell what queue it has.
    let told = class(message, &BTreeMap::new());
    match (told, known) {
        (Some((_, told)), Some(known)) => told.with_queue_of(known) == *known,
        _ => false,
    }
}
