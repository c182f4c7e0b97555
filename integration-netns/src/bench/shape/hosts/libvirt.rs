//! Caps as libvirt makes them of `<bandwidth>` with an average and no more.

use super::tc::tc;
use crate::Netns;
use crate::bench::shape::case::{Cap, Direction};

/// What a reader should know.
pub(super) const NOTE: &str = "libvirt: to the guest a class of HTB with sfq, \
    from the guest a policer whose burst is 1 s of the rate, as libvirt makes \
    them of an average; its floor is not measured: it is about what a host \
    that routes sends to its guests, and not about what guests send";

/// Caps one direction of a host end that has no cap.
///
/// # Errors
/// What the kernel refused.
pub(super) fn cap(
    host: &Netns,
    port: &str,
    direction: Direction,
    cap: Cap,
) -> Result<(), String> {
    // Kilobytes per second.
    let average = cap.bps() / 8 / 1000;
    let quantum = (average * 1024 / 8 / 1500).max(1);
    let lines = match direction {
        Direction::ToGuest => vec![
            format!("qdisc add dev {port} root handle 1: htb default 1"),
            format!(
                "class add dev {port} parent 1: classid 1:1 \
                 htb rate {average}kbps quantum {quantum}"
            ),
            format!("qdisc add dev {port} parent 1:1 handle 2: sfq perturb 10"),
            format!(
                "filter add dev {port} parent 1:0 protocol all prio 1 \
                 handle 1 fw flowid 1"
            ),
        ],
        Direction::FromGuest => vec![
            format!("qdisc add dev {port} ingress"),
            format!(
                "filter add dev {port} parent ffff: protocol all \
                 u32 match u32 0 0 police rate {average}kbps \
                 burst {average}kb mtu 64kb drop flowid :1"
            ),
        ],
    };
    lines.iter().try_for_each(|line| tc(host, line))
}
