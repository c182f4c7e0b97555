//! Caps by the CNI plugin `bandwidth`, or by `tc` as it makes them.

use serde_json::json;

use super::tc::tc;
use crate::Netns;
use crate::bench::cni::{Container, Plugin};
use crate::bench::shape::case::{Cap, Direction};

/// How long the plugin lets packets wait (its `latencyInMillis`).
const LATENCY_MS: u64 = 25;

/// The device that shapes what comes from the guest, where `tc` makes it.
const IFB: &str = "ifb0";

/// The plugin for one guest.
#[derive(Debug)]
pub(super) struct Bandwidth {
    plugin: Option<Plugin>,
    /// With which configuration it was called last.
    called: Option<String>,
}

impl Bandwidth {
    /// Finds the machine's plugin.
    pub(super) fn find(host: &Netns) -> Self {
        Self { plugin: Plugin::find("bandwidth", host), called: None }
    }

    /// Caps one direction of a host end that has no cap. The plugin does both
    /// at once, when it is asked for the first.
    ///
    /// # Errors
    /// What the plugin or the kernel said.
    pub(super) fn cap(
        &mut self,
        guest: &Guest,
        direction: Direction,
        cap: Cap,
    ) -> Result<(), String> {
        let Some(plugin) = &self.plugin else {
            return by_tc(guest, direction, cap);
        };
        if self.called.is_none() {
            let network = network(guest, cap);
            plugin.call("ADD", &guest.container(), &network)?;
            self.called = Some(network);
        }
        Ok(())
    }

    /// Takes away what is not on the host end itself. The plugin leaves that to
    /// whoever deletes it.
    pub(super) fn clear(&mut self, guest: &Guest) {
        match (&self.plugin, self.called.take()) {
            (Some(plugin), Some(network)) => {
                let done = plugin.call("DEL", &guest.container(), &network);
                done.unwrap_or_else(|error| panic!("{error}"));
            }
            (None, _) => {
                // There may be none.
                let words = ["link", "del", IFB];
                let _ = guest.host.run("ip", &words).ok();
            }
            (Some(_), None) => {}
        }
    }

    /// What a reader should know.
    pub(super) fn note(&self) -> String {
        let how = match &self.plugin {
            Some(plugin) => format!("{} itself", plugin.path),
            None => "by tc, as the plugin makes them".to_owned(),
        };
        format!(
            "cni: {how}: a token bucket each way, the one from the guest on an \
             ifb; 25 ms of queue as the plugin has it, and a burst of 10 ms of \
             the rate, but two frames at least, for its documentation names \
             none; each change makes them anew"
        )
    }
}

/// Whom the plugin is about.
#[derive(Debug)]
pub(super) struct Guest {
    pub(super) host: Netns,
    pub(super) zone: Netns,
    pub(super) port: String,
    pub(super) link: String,
}

impl Guest {
    fn container(&self) -> Container<'_> {
        Container { id: "c0", netns: &self.zone, link: &self.link, args: "" }
    }
}

/// The bucket's size in bytes.
fn burst(cap: Cap) -> u64 {
    (cap.bps() / 8 / 100).max(2 * 1514)
}

/// The plugin's configuration, behind the one that made the links.
fn network(guest: &Guest, cap: Cap) -> String {
    let (rate, burst) = (cap.bps(), 8 * burst(cap));
    json!({
        "cniVersion": "1.0.0", "name": "bench", "type": "bandwidth",
        "ingressRate": rate, "ingressBurst": burst,
        "egressRate": rate, "egressBurst": burst,
        "prevResult": {
            "cniVersion": "1.0.0",
            "interfaces": [
                { "name": guest.port },
                { "name": guest.link, "sandbox": guest.zone.path() }
            ]
        }
    })
    .to_string()
}

fn by_tc(guest: &Guest, direction: Direction, cap: Cap) -> Result<(), String> {
    let Guest { host, port, .. } = guest;
    let (rate, burst) = (cap.bps(), burst(cap));
    let limit = rate / 8 * LATENCY_MS / 1000 + burst;
    let bucket = |link: &str| {
        let line = format!(
            "qdisc add dev {link} root handle 1: \
             tbf rate {rate}bit burst {burst}b limit {limit}b"
        );
        tc(host, &line)
    };
    if direction == Direction::ToGuest {
        return bucket(port);
    }
    for words in
        [format!("link add {IFB} type ifb"), format!("link set {IFB} up")]
    {
        let args: Vec<&str> = words.split_whitespace().collect();
        let output = host.run("ip", &args);
        if !output.ok() {
            return Err(format!("ip {words}: {}", output.stderr.trim()));
        }
    }
    tc(host, &format!("qdisc add dev {port} handle ffff: ingress"))?;
    tc(
        host,
        &format!(
            "filter add dev {port} parent ffff: protocol all prio 1 \
             u32 match u32 0 0 flowid 1:1 \
             action mirred egress redirect dev {IFB}"
        ),
    )?;
    bucket(IFB)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bucket_has_room_for_two_frames() {
        for (mbps, want) in [(1, 3028), (10, 12_500), (100, 125_000)] {
            assert_eq!(burst(Cap::mbps(mbps)), want, "{mbps}M");
        }
    }
}
