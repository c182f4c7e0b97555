//! Caps as Incus makes them of `limits.ingress` and `limits.egress`.

use super::tc::tc;
use crate::Netns;
use crate::bench::shape::case::{Cap, Direction};

/// What a reader should know.
pub(super) const NOTE: &str = "incus: to the guest a class of HTB, from the \
    guest a policer whose burst is 200 ms of the rate, as Incus writes \
    limits.ingress and limits.egress; each change takes both away first";

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
    let bps = cap.bps();
    let lines = match direction {
        // The filter names a class that is not there, so what it matches goes
        // to the default.
        Direction::ToGuest => vec![
            format!("qdisc add dev {port} root handle 1: htb default 10"),
            format!(
                "class add dev {port} parent 1: classid 1:10 htb rate {bps}bit"
            ),
            format!(
                "filter add dev {port} parent 1: protocol all \
                 u32 match u32 0 0 flowid 1:1"
            ),
        ],
        Direction::FromGuest => vec![
            format!("qdisc add dev {port} handle ffff: ingress"),
            format!(
                "filter add dev {port} parent ffff: protocol all \
                 u32 match u32 0 0 police rate {bps}bit burst {burst}b \
                 mtu 65535 drop flowid :1",
                burst = bps / 40
            ),
        ],
    };
    lines.iter().try_for_each(|line| tc(host, line))
}
