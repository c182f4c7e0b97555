//! A server of addresses, somebody else's: dnsmasq.

use std::process::{Child, Stdio};

use crate::{Lab, Netns};

/// A server of DHCP and DHCPv6 that is a router as well, for as long as it
/// lives. Its leases are of 192.168.1.100 to 150 and fd00::1000 to 1fff, for
/// ten minutes; a prefix is that of the link's address.
#[derive(Debug)]
pub struct Dnsmasq(Child);

impl Dnsmasq {
    /// Starts it on a link, which has its addresses.
    ///
    /// # Panics
    /// When it can't be started.
    #[track_caller]
    #[must_use]
    pub fn start(lab: &Lab, netns: &Netns, link: &str) -> Self {
        let leases = lab.file("leases", "");
        let log = lab.file("dnsmasq.log", "");
        let words = format!(
            "--keep-in-foreground --port=0 --conf-file=/dev/null --user=root \
             --group=root --pid-file --interface={link} --bind-interfaces \
             --except-interface=lo --dhcp-authoritative --log-dhcp \
             --dhcp-leasefile={leases} --log-facility={log} \
             --dhcp-range=192.168.1.100,192.168.1.150,10m \
             --dhcp-range=fd00::1000,fd00::1fff,slaac,64,10m --enable-ra \
             --ra-param={link},4,600 --no-ping"
        );
        let child = netns.spawn_with("dnsmasq".as_ref(), |command| {
            command.args(words.split_whitespace());
            command.stdin(Stdio::null());
        });
        Self(child)
    }
}

impl Drop for Dnsmasq {
    fn drop(&mut self) {
        // It may have ended by itself; either way it must be reaped.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
