//! The ordinary life of a virtual machine with all four protections: it leases
//! an address, makes one of a router's prefix, talks and is talked to, and
//! nothing is dropped.
//!
//!   vm    [eth0, no address] ═ vnic-1, TAP ─┐
//!   pal   [net0 .11] ────────── vnic-2 ─────┤
//!                                           host [bge0 .3] ════ [lan0 .1] wire
//!   depot [net0 .2] ─────────── vnic-3 ─────┘
//!
//! The server is dnsmasq, on the wire or in depot. From depot its answers go
//! from veth to TAP without a device that would finish their checksums.

mod mdns;

use std::net::{Ipv4Addr, SocketAddrV6, UdpSocket};
use std::thread;
use std::time::Duration;

use fabric::Mac;
use fabric::api::{VnicCounters, VnicInfo};
use integration_netns::{
    Dnsmasq, Guest, Lab, Luggage, Need, Netd, Netns, Nic, Office, Poll, probe,
    require,
};

use crate::mdns::{
    MDNS_PORT, MDNS_V4, MDNS_V6, TEXT, igmp_report, mdns4, mdns6,
};

/// Everything that is checked.
const ALL: &str = "protection=mac-nospoof,restricted,ip-nospoof,dhcp-nospoof";
const VM: &str = "2:8:20:0:0:aa";
/// What it makes of its MAC address.
const SLAAC: &str = "fd00::8:20ff:fe00:aa";
const LINK_LOCAL: &str = "fe80::8:20ff:fe00:aa";

/// What busybox's DHCP client calls.
const SCRIPT: &str = "\
#!/bin/sh
echo \"$1\" >>/events
case $1 in
deconfig) ip -4 addr flush dev $interface ;;
bound | renew) ip addr replace $ip/$mask dev $interface ;;
esac
";

struct Story {
    guest: Guest,
    _server: Dnsmasq,
    netd: Netd,
    pal: Netns,
    depot: Netns,
    office: Office,
    /// The last to go: the others show their state first.
    _lab: Lab,
}

impl Story {
    #[track_caller]
    fn begin(server_in_depot: bool) -> Option<Self> {
        let programs =
            ["dnsmasq", "ldd", "qemu-system-x86_64"].map(Need::Program);
        if !require(&[&programs[..], &[Need::GuestKernel]].concat()) {
            return None;
        }
        let lab = Lab::for_story()?;
        lab.udev_tun();
        let office = lab.office();
        let netd = Netd::start(&lab, &office.host, None);
        let [pal, depot] = ["pal", "depot"].map(|name| lab.zone(name));
        // pal's addresses are fixed; it makes none of a router's prefix.
        pal.sysctl("ipv6/conf/default/accept_ra", "0");
        let vm = format!(
            "zone=vm,mode=tap,owner={},{ALL},dynamic-methods=dhcpv4,addrconf",
            Guest::USER
        );
        let pals = format!("zone=pal,{ALL},allowed-ips=192.168.1.11,fd00::11");
        for (mac, props) in [
            (VM, &*vm),
            ("2:8:20:0:0:bb", &pals),
            ("2:8:20:0:0:cc", "zone=depot"),
        ] {
            let line = format!("-l bge0 -m {mac} -p {props} net0");
            netd.sh(&format!("dladm create-vnic {line}")).check();
        }
        pal.plumb("net0", "192.168.1.11/24", "fd00::11/64");
        depot.plumb("net0", "192.168.1.2/24", "fd00::2/64");
        let server = if server_in_depot {
            Dnsmasq::start(&lab, &depot, "net0")
        } else {
            Dnsmasq::start(&lab, &office.wire, Office::WIRE_LINK)
        };
        let device = netd.sh("dladm show-vnic -p -o device -z vm net0").check();
        let nic = Nic {
            device: device.trim(),
            mac: VM.parse::<Mac>().expect("it is one"),
            v4: None,
            v6: None,
            vnet_hdr: true,
        };
        let luggage = Luggage::default()
            .with_program("say-frames")
            .with("/etc/udhcpc.script", SCRIPT);
        let guest = Guest::boot_with(&lab, &office.host, &nic, "", &luggage);
        Some(Self {
            guest,
            _server: server,
            netd,
            pal,
            depot,
            office,
            _lab: lab,
        })
    }

    /// Runs a line in the machine until it has an output.
    #[track_caller]
    fn until_said(&mut self, what: &str, line: &str) -> String {
        Poll::PATIENT.until(what, || {
            let output = self.guest.sh(line);
            let said = output.stdout.trim().to_owned();
            if said.is_empty() { Err(output.to_string()) } else { Ok(said) }
        })
    }

    /// What netd knows that the machine came by.
    fn learned(&self, method: &str) -> Vec<String> {
        let vnics: Vec<VnicInfo> = self.netd.api().get("/v1/vnics");
        let all = vnics.into_iter().flat_map(|vnic| vnic.learned);
        let all = all.filter(|learned| learned.method == method);
        all.map(|learned| learned.address.to_string()).collect()
    }

    /// Leases an address with a real client, and gets it once more.
    #[track_caller]
    fn leases(&mut self) -> String {
        let client = "udhcpc -f -i eth0 -s /etc/udhcpc.script -t 20 -T 1";
        let line = format!("{client} -p /pid >/dev/null 2>&1 &");
        self.guest.sh(&line).check();
        let line =
            "ip -4 addr show dev eth0 | sed -n 's|.*inet \\([^/]*\\).*|\\1|p'";
        let address = self.until_said("the machine has a lease", line);
        assert_eq!(self.learned("dhcpv4"), [address.as_str()]);
        self.guest.sh("kill -USR1 $(cat /pid)").check();
        self.until_said("the lease is renewed", "grep renew /events");
        assert_eq!(self.learned("dhcpv4"), [address.as_str()]);
        address
    }

    /// Has its kernel find a router, make an address and look whether anybody
    /// else has it.
    #[track_caller]
    fn finds_a_router(&mut self) {
        for line in [
            "ip link set eth0 down",
            "sysctl -qw net.ipv6.conf.eth0.accept_dad=1",
            "sysctl -qw net.ipv6.conf.eth0.router_solicitations=-1",
            "ip link set eth0 up",
        ] {
            self.guest.sh(line).check();
        }
        let line = format!(
            "ip -6 addr show dev eth0 | grep {SLAAC} | grep -v tentative"
        );
        let shown = self.until_said("a router was heard", &line);
        assert!(!shown.contains("dadfailed"), "{shown}");
        assert_eq!(self.learned("slaac"), [SLAAC]);
    }

    /// Everybody pings it, and it pings everybody, and both send streams.
    #[track_caller]
    fn is_among_them(&mut self, address: &str) {
        const BYTES: usize = 3_000_017;
        let line = "nc -ll -p 7 -e cat >/dev/null 2>&1 &";
        self.guest.sh(line).check();
        let Self { guest, pal, depot, office, .. } = self;
        let Office { host, wire } = &*office;
        for (netns, v4, v6) in [
            (&*pal, "192.168.1.11", "fd00::11"),
            (&*depot, "192.168.1.2", "fd00::2"),
            (host, Office::HOST_V4, Office::HOST_V6),
            (wire, Office::WIRE_V4, Office::WIRE_V6),
        ] {
            for (own, addr) in [(address, v4), (SLAAC, v6)] {
                guest.sh(&format!("ping -c 1 -W 10 -I {own} {addr}")).check();
                probe::reaches(netns, own);
                let at = if own == SLAAC {
                    format!("[{own}]")
                } else {
                    own.to_owned()
                };
                probe::exchange_with_echo(netns, &format!("{at}:7"));
            }
            let listener = netns.listen(v4.parse().expect("it is one"));
            let port = listener.local_addr().expect("it is bound").port();
            let reader = thread::spawn(move || {
                let (mut stream, _) = listener.accept()?;
                std::io::copy(&mut stream, &mut std::io::sink())
            });
            let zeros = format!("head -c {BYTES} /dev/zero");
            guest.sh(&format!("{zeros} | nc {v4} {port}")).check();
            let got = reader.join().expect("it returns its errors");
            assert_eq!(got.expect("the stream ends well"), BYTES as u64);
        }
    }

    /// Groups are joined and spoken to.
    #[track_caller]
    fn speaks_to_groups(&mut self, address: &str) {
        let sockets = self.pal.on_thread(|| {
            let v4 = UdpSocket::bind((MDNS_V4, MDNS_PORT))?;
            v4.join_multicast_v4(&MDNS_V4, &Ipv4Addr::new(192, 168, 1, 11))?;
            let link = nix::net::if_::if_nametoindex("net0")?;
            let group = MDNS_V6.parse().expect("it is an address");
            let at = SocketAddrV6::new(group, MDNS_PORT, 0, link);
            let v6 = UdpSocket::bind(at)?;
            v6.join_multicast_v6(&group, link)?;
            std::io::Result::Ok([v4, v6])
        });
        let [v4, v6] = sockets.expect("anybody may join");
        let own: Ipv4Addr = address.parse().expect("it leased one");
        let frames = [igmp_report(own), mdns4(own), mdns6()];
        for frame in frames {
            let hex: String =
                frame.iter().map(|byte| format!("{byte:02x}")).collect();
            self.guest.sh(&format!("echo {hex} | say-frames eth0")).check();
        }
        for socket in [v4, v6] {
            let patience = Duration::from_secs(10);
            socket.set_read_timeout(Some(patience)).expect("it is not 0");
            let mut said = [0; 64];
            let length = socket.recv(&mut said).expect("it is heard");
            assert_eq!(&said[..length], TEXT);
        }
    }

    #[track_caller]
    fn assert_nothing_dropped(&self) {
        let all: Vec<VnicCounters> = self.netd.api().get("/v1/counters/vnics");
        for vnic in all {
            assert_eq!(vnic.drops, [], "{:?}", vnic.zone);
        }
    }
}

#[track_caller]
fn lives(server_in_depot: bool) {
    let Some(mut story) = Story::begin(server_in_depot) else { return };
    story.finds_a_router();
    let address = story.leases();
    story.is_among_them(&address);
    story.speaks_to_groups(&address);
    story.assert_nothing_dropped();
}

#[test]
fn a_machine_lives_by_a_server_on_the_wire() {
    lives(false);
}

#[test]
fn a_machine_lives_by_a_server_in_a_zone_of_its_host() {
    lives(true);
}
