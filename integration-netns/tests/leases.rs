//! Guests that come by addresses: DHCP, DHCPv6 and routers, with all four
//! protections on.
//!
//!   alice   [net0, no address] ─┐
//!                               host [bge0 .3] ════ [lan0 .1] wire: dnsmasq
//!   mallory [net0 .10] ─────────┘
//!
//! The server and the clients are real ones. Nobody tells netd what they agree
//! on.

use std::process::{Child, Stdio};

use fabric::api::{VnicCounters, VnicInfo};
use integration_netns::{
    Dnsmasq, Lab, Need, Netd, Netns, Office, Poll, probe, require,
};

/// Everything that is checked.
const ALL: &str = "protection=mac-nospoof,restricted,ip-nospoof,dhcp-nospoof";

/// What a story starts from.
struct Story {
    _server: Dnsmasq,
    netd: Netd,
    alice: Netns,
    office: Office,
    /// The last to go: the others show their state first.
    lab: Lab,
}

impl Story {
    /// With a server of everything on the wire, and alice who may come by
    /// addresses by these methods.
    #[track_caller]
    fn begin(methods: &str) -> Option<Self> {
        let programs = ["busybox", "dhclient", "dnsmasq"].map(Need::Program);
        if !require(&programs) {
            return None;
        }
        let lab = Lab::for_story()?;
        let office = lab.office();
        let netd = Netd::start(&lab, &office.host, None);
        let alice = lab.zone("alice");
        netd.sh(&format!(
            "dladm create-vnic -l bge0 -p zone=alice,{ALL}{methods} net0"
        ))
        .check();
        // Duplicate address detection is part of ordinary life.
        alice.sysctl("ipv6/conf/net0/accept_dad", "1");
        // An address of the router's prefix is for those who may make one.
        alice.sysctl("ipv6/conf/net0/accept_ra", "0");
        let server = Dnsmasq::start(&lab, &office.wire, Office::WIRE_LINK);
        Some(Self { _server: server, netd, alice, office, lab })
    }

    fn vnic(&self) -> VnicInfo {
        let vnics: Vec<VnicInfo> = self.netd.api().get("/v1/vnics");
        let mut vnics = vnics.into_iter();
        vnics.find(|vnic| vnic.zone.as_deref() == Some("alice")).expect("hers")
    }

    /// What netd knows that she came by in a way.
    fn learned(&self, method: &str) -> Vec<String> {
        let learned = self.vnic().learned.into_iter();
        let learned = learned.filter(|learned| learned.method == method);
        learned.map(|learned| learned.address.to_string()).collect()
    }

    /// Checks that nothing of hers was dropped.
    #[track_caller]
    fn assert_nothing_dropped(&self) {
        let all: Vec<VnicCounters> = self.netd.api().get("/v1/counters/vnics");
        for vnic in all {
            assert_eq!(vnic.drops, [], "{:?}", vnic.zone);
        }
    }

    /// Her addresses of a version of IP, as her kernel has them.
    fn addresses(&self, family: &str) -> Vec<String> {
        let shown = self.alice.ip_json("addr show net0")[0].take();
        let all = shown["addr_info"].as_array().into_iter().flatten();
        let all = all.filter(|addr| {
            addr["family"] == family
                && addr["scope"] == "global"
                && addr["tentative"] != true
        });
        all.map(|addr| addr["local"].as_str().expect("text").to_owned())
            .collect()
    }
}

/// busybox's DHCP client, for as long as it lives.
struct Client<'a> {
    child: Child,
    netns: &'a Netns,
}

impl<'a> Client<'a> {
    #[track_caller]
    fn start(lab: &Lab, netns: &'a Netns) -> Self {
        let script = lab.file(
            "udhcpc.sh",
            "#!/bin/sh\n\
             case $1 in\n\
             deconfig) ip -4 addr flush dev $interface ;;\n\
             bound|renew) ip addr replace $ip/$mask dev $interface ;;\n\
             esac\n",
        );
        netns.run("chmod", &["755", &script]).check();
        netns.ip("link set net0 up");
        let child = netns.spawn_with("busybox".as_ref(), |command| {
            command.args(["udhcpc", "-f", "-t", "20", "-T", "1", "-i", "net0"]);
            command.args(["-s", &script]);
            command.stdin(Stdio::null()).stdout(Stdio::null());
            command.stderr(Stdio::null());
        });
        Self { child, netns }
    }

    /// `USR1`: renew; `USR2`: release.
    #[track_caller]
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        self.netns.run("kill", &[&format!("-{name}"), &pid]).check();
    }
}

impl Drop for Client<'_> {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Waits until a ping from one of several addresses is answered.
#[track_caller]
fn reaches_as(from: &Netns, own: &str, to: &str) {
    Poll::PATIENT.until(&format!("{own} reaches {to}"), || {
        let output = from.run("ping", &["-c1", "-W1", "-I", own, to]);
        if output.ok() { Ok(()) } else { Err(output.to_string()) }
    });
}

#[test]
fn a_lease_is_hers_until_she_gives_it_back() {
    let Some(mut story) = Story::begin("") else { return };
    let client = Client::start(&story.lab, &story.alice);
    let address = Poll::PATIENT.until("alice has a lease", || {
        story.addresses("inet").pop().ok_or("no address".to_owned())
    });
    assert_eq!(story.learned("dhcpv4"), [address.as_str()]);
    let shown = story.netd.sh("dladm show-vnic -p -o learned -z alice net0");
    assert_eq!(shown.check().trim(), address);
    for to in [Office::HOST_V4, Office::WIRE_V4] {
        probe::reaches(&story.alice, to);
    }
    probe::exchange(&story.office.wire, &story.alice, &address);
    story.assert_nothing_dropped();

    // A netd that dies takes nothing with it.
    story.netd.kill();
    probe::reaches(&story.alice, Office::WIRE_V4);
    story.netd.launch();
    assert_eq!(story.learned("dhcpv4"), [address.as_str()]);
    probe::reaches(&story.alice, Office::WIRE_V4);

    let expires = || story.vnic().learned[0].expires_in.expect("it ends");
    // So that the lease's end is told from the one before.
    let before = Poll::PATIENT.until("some time has passed", || {
        let left = expires();
        if left < 600 { Ok(left) } else { Err(format!("{left} s are left")) }
    });
    client.signal("USR1");
    Poll::PATIENT.until("the lease was renewed", || {
        let left = expires();
        if left > before { Ok(()) } else { Err(format!("{left} s are left")) }
    });
    story.assert_nothing_dropped();

    client.signal("USR2");
    Poll::PATIENT.until("the lease is no longer hers", || {
        let learned = story.learned("dhcpv4");
        if learned.is_empty() { Ok(()) } else { Err(learned.join(" ")) }
    });
    // The client's script outlives it, and would take the next one as well.
    Poll::PATIENT.until("her kernel has given it up", || {
        let addresses = story.addresses("inet");
        if addresses.is_empty() { Ok(()) } else { Err(addresses.join(" ")) }
    });
    drop(client);
    story.alice.ip(&format!("addr replace {address}/24 dev net0"));
    let output = story.alice.run("ping", &["-c1", "-W1", Office::WIRE_V4]);
    assert_eq!(output.code, Some(1), "{output}");
}

/// What the daemon missed is told when it is back.
#[test]
fn a_lease_that_nobody_was_there_to_hear_of_is_learned_later() {
    let Some(mut story) = Story::begin("") else { return };
    story.netd.kill();
    let client = Client::start(&story.lab, &story.alice);
    let address = Poll::PATIENT.until("alice has a lease", || {
        story.addresses("inet").pop().ok_or("no address".to_owned())
    });
    let output = story.alice.run("ping", &["-c1", "-W1", Office::WIRE_V4]);
    assert_eq!(output.code, Some(1), "nobody has learned it: {output}");
    story.netd.launch();
    Poll::PATIENT.until("netd knows", || {
        let learned = story.learned("dhcpv4");
        if learned == [address.as_str()] {
            Ok(())
        } else {
            Err(learned.join(" "))
        }
    });
    probe::reaches(&story.alice, Office::WIRE_V4);
    drop(client);
}

#[test]
fn dhcpv6_and_slaac_with_all_protections() {
    let Some(story) = Story::begin(",dynamic-methods=addrconf") else { return };
    story.alice.sysctl("ipv6/conf/net0/accept_ra", "2");
    story.alice.sysctl("ipv6/conf/net0/router_solicitations", "-1");
    story.alice.ip("link set net0 up");
    let slaac = Poll::PATIENT.until("a router was heard", || {
        story.addresses("inet6").pop().ok_or("no address".to_owned())
    });
    assert_eq!(story.learned("slaac"), [slaac.as_str()]);
    reaches_as(&story.alice, &slaac, Office::WIRE_V6);
    story.assert_nothing_dropped();

    let script = story.lab.file(
        "dhclient.sh",
        "#!/bin/sh\n\
         [ -z \"$new_ip6_address\" ] ||\n\
         \tip addr replace $new_ip6_address/128 dev $interface\n",
    );
    story.alice.run("chmod", &["755", &script]).check();
    let leases = story.lab.file("dhclient6", "");
    let words = [
        "-6",
        "-1",
        "-d",
        "-cf",
        "/dev/null",
        "-lf",
        &leases,
        "-pf",
        "/run/lab/dhclient6.pid",
        "-sf",
        &script,
        "net0",
    ];
    let mut client = story.alice.spawn_with("dhclient".as_ref(), |command| {
        command.args(words).stdin(Stdio::null()).stdout(Stdio::null());
        command.stderr(Stdio::null());
    });
    let leased = Poll::PATIENT.until("alice has a lease", || {
        let mut all = story.addresses("inet6").into_iter();
        all.find(|it| *it != slaac).ok_or("no address".to_owned())
    });
    assert_eq!(story.learned("dhcpv6"), [leased.as_str()]);
    reaches_as(&story.alice, &leased, Office::WIRE_V6);
    story.assert_nothing_dropped();
    let _ = client.kill();
    let _ = client.wait();

    // A temporary address of hers is nobody's that could be told apart.
    let other = "fd00::bad:cafe";
    story.alice.ip(&format!("addr add {other}/64 dev net0 nodad"));
    let words = ["-c1", "-W1", "-I", other, Office::WIRE_V6];
    let output = story.alice.run("ping", &words);
    assert_eq!(output.code, Some(1), "{output}");
}
