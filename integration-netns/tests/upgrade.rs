//! netd is stopped, killed and exchanged for other versions while datagrams
//! pass, and none is lost.
//!
//!   web [net0 .10] ── vnic-1 ─┐
//!                             host [bge0 .3] ════ [lan0 .1] wire
//!   db  [net0 .11] ── vnic-2 ─┘
//!                             netd, and versions that there never were
//!                             net9 ── vnic-3, with 2,000 flows
//!
//! web and db send to each other and to the wire, which sends to db: 50,000
//! datagrams per second in all.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use fabric::api::CreateFlow;
use fabric::{FlowProps, ObservedProgram, Program};
use flows::Datapath;
use flows::datapath::pin_of;
use integration_netns::probe::{Datagrams, Passage};
use integration_netns::{Counters, Lab, Netd, Netns, Office};
use nix::net::if_::if_nametoindex;

/// Datagrams per second of each of the four streams.
const EACH: u64 = 12_500;

/// How often netd is started again.
const RESTARTS: u32 = 100;

/// After so many restarts another version takes the place of netd's, so that the
/// next start has four programs to exchange.
const OTHER_EVERY: u32 = 20;

/// The hooks that have programs.
fn hooks(host: &Netns) -> Vec<(Program, String)> {
    let links = host.ip_json("link show");
    let links = links.as_array().unwrap().iter();
    let names = links.map(|link| link["ifname"].as_str().unwrap().to_owned());
    let programs = |name: &str| match name {
        Office::NIC => vec![Program::FromLink, Program::ToLink],
        name if name.starts_with("vnic-") => vec![Program::FromVnic],
        name if name.starts_with("shaped-") => vec![Program::FromShaper],
        _ => Vec::new(),
    };
    names
        .flat_map(|name| {
            programs(&name).into_iter().map(move |p| (p, name.clone()))
        })
        .collect()
}

/// Four streams at once.
struct Load([Datagrams; 4]);

/// How many datagrams a second there are in each stream. `UPGRADE_EACH` is for a
/// machine on which so many leave no time for netd.
fn each() -> u64 {
    let set = std::env::var("UPGRADE_EACH").ok();
    set.map_or(EACH, |each| each.parse().expect("a number"))
}

impl Load {
    fn start(web: &Netns, db: &Netns, wire: &Netns) -> Self {
        let (v_web, v_db) = ("192.168.1.10", "192.168.1.11");
        let stream = |from, to, addr| {
            // 42 bytes of headers are in front of the payload.
            let bits = each() * 8 * (Datagrams::SMALL as u64 + 42);
            Datagrams::flow(from, to, addr, Datagrams::SMALL, bits)
        };
        Self([
            stream(web, db, v_db),
            stream(db, web, v_web),
            stream(web, wire, Office::WIRE_V4),
            stream(wire, db, v_db),
        ])
    }

    fn arrived(&self) -> u64 {
        self.0.iter().map(Datagrams::arrived).sum()
    }

    fn close(self) -> [Passage; 4] {
        self.0.map(Datagrams::close)
    }
}

/// Makes a VNIC that has flows and no traffic, so that it takes a while to fill
/// tables: programs that came to them too early would meet datagrams meanwhile.
fn keep_busy(netd: &Netd) {
    netd.sh("dladm create-vnic -l bge0 net9").check();
    let flow = |port: u16| CreateFlow {
        name: format!("port{port}").parse().unwrap(),
        link: "net9".parse().unwrap(),
        zone: None,
        attrs: format!("transport=udp,local_port={port}").parse().unwrap(),
        props: FlowProps::default(),
        temporary: true,
    };
    let flows: Vec<CreateFlow> = (1..=2000).map(flow).collect();
    let body = serde_json::to_string(&flows).unwrap();
    let answer = netd.api().request("POST", "/v1/flows", &body);
    assert_eq!(answer.status, 201, "{}", answer.body);
}

/// Whether netd's own programs are on all hooks, as netd itself would find.
fn all_is_netds(host: &Netns) -> bool {
    let hooks = hooks(host);
    host.on_thread(|| {
        let ours = Datapath::open(Path::new(Netd::BPFFS)).unwrap();
        hooks.iter().all(|(program, link)| {
            let ifindex = if_nametoindex(link.as_str()).unwrap();
            let found = ours.hook(*program, ifindex).unwrap();
            found == Some(ObservedProgram::Current)
        })
    })
}

/// How many were lost.
fn lost(passages: &[Passage; 4]) -> u64 {
    passages.iter().map(|one| one.sent - one.arrived).sum()
}

/// What the kernel says it has dropped of datagrams that were on their way:
/// CPUs' backlogs, and sockets'. A loss that is in none of these, and in no
/// counter of a VNIC, is the data plane's.
fn drops_elsewhere(netns: &[&Netns]) -> String {
    let mut text = String::new();
    let stat = fs::read_to_string("/proc/net/softnet_stat").unwrap();
    for (cpu, line) in stat.lines().enumerate() {
        let dropped = line.split_whitespace().nth(1).unwrap_or_default();
        let _ = write!(text, "backlog of CPU {cpu}: {dropped}; ");
    }
    for netns in netns {
        let snmp = netns.run("cat", &["/proc/net/snmp"]).check();
        let mut udp = snmp.lines().filter(|line| line.starts_with("Udp:"));
        let _ = writeln!(text, "{}: {:?}", netns.name(), udp.next_back());
    }
    text
}

/// Another version of netd comes, does as netd does, and goes. Gives how many
/// programs it has exchanged.
fn another_version_was_here(host: &Netns) -> usize {
    let pins = Path::new(Netd::BPFFS);
    let hooks = hooks(host);
    host.on_thread(|| {
        let ours = Datapath::open(pins).unwrap();
        let mut other = Datapath::open_another(pins).unwrap();
        other.copy_rows(&ours).unwrap();
        for (program, link) in &hooks {
            let ifindex = if_nametoindex(link.as_str()).unwrap();
            other.attach(*program, ifindex, true).unwrap();
        }
        other.finish().unwrap();
    });
    hooks.len()
}

#[test]
fn restarts_and_upgrades_lose_no_datagram() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    let web = lab.zone_with_vnic(&netd, "web", "192.168.1.10", "");
    let db = lab.zone_with_vnic(&netd, "db", "192.168.1.11", "");
    keep_busy(&netd);
    let netns = [&web, &db, &office.wire];
    let before = Counters::read(&netd);

    // As long as it takes, first.
    let load = Load::start(&web, &db, &office.wire);
    let began = Instant::now();
    let mut exchanged = 0;
    for restart in 0..RESTARTS {
        match restart % 2 {
            0 => netd.kill(),
            _ => netd.stop(),
        }
        if restart % OTHER_EVERY == 0 {
            exchanged += another_version_was_here(&office.host);
        }
        netd.launch();
    }
    let took = began.elapsed();
    let count = load.arrived();
    let passages = load.close();
    assert!(exchanged >= 20, "{exchanged}");
    assert!(all_is_netds(&office.host));
    let pins = Path::new(Netd::BPFFS);
    assert!(pin_of(pins, "traffic-old-0").exists(), "no other was there");
    assert!(!pins.join("maps-new").exists(), "an upgrade is not finished");

    let control = Load::start(&web, &db, &office.wire);
    while control.arrived() < count {
        control.0[0].go_on(each() / 10);
    }
    let controlled = control.close();

    let since = Counters::read(&netd).since(&before);
    let told = format!(
        "{passages:?} in {took:?}\ncontrol: {controlled:?}\n{since:#?}\n{}",
        drops_elsewhere(&netns)
    );
    integration_netns::note(&told);
    assert!(took > Duration::ZERO && count > 0, "{told}");
    assert_eq!((lost(&passages), lost(&controlled)), (0, 0), "{told}");
    // Nor was any dropped that was not lost, nor forgotten in counting.
    assert!(!since.keys().any(|name| name.contains("drops")), "{told}");
    let sum = |streams: &[usize]| -> u64 {
        let runs = [&passages, &controlled];
        let sent =
            runs.iter().flat_map(|run| streams.iter().map(|n| run[*n].sent));
        sent.sum()
    };
    for (counter, streams) in [
        ("web/net0 opackets", &[0, 2][..]),
        ("web/net0 ipackets", &[1]),
        ("db/net0 opackets", &[1]),
        ("db/net0 ipackets", &[0, 3]),
    ] {
        // What the zones say to each other besides is next to nothing.
        let (want, got) = (sum(streams), since[counter]);
        let few = want..want + 1000;
        assert!(few.contains(&got), "{counter}: {got}, not {want}\n{told}");
    }
}

#[test]
fn who_waits_for_a_turn_gets_it_from_another_version_as_well() {
    let Some(lab) = Lab::for_story() else { return };
    let office = lab.office();
    let mut netd = Netd::start(&lab, &office.host, None);
    let limits = "-p maxbw=100M,minbw=10M";
    let web = lab.zone_with_vnic(&netd, "web", "192.168.1.10", limits);
    let db = lab.zone_with_vnic(&netd, "db", "192.168.1.11", limits);
    netd.sh(
        "flowadm add-flow -l net0 -z web -a transport=udp -p maxbw=50M udp",
    )
    .check();
    let before = Counters::read(&netd);
    let stream = |from, to, addr| {
        Datagrams::flow(from, to, addr, Datagrams::SMALL, 1_000_000)
    };
    let streams = [
        stream(&web, &db, "192.168.1.11"),
        stream(&db, &web, "192.168.1.10"),
        stream(&office.wire, &web, "192.168.1.10"),
    ];
    streams.iter().for_each(|stream| stream.go_on(200));
    for _ in 0..3 {
        netd.kill();
        // The shaper's program, too.
        let exchanged = another_version_was_here(&office.host);
        assert_eq!(exchanged, 5);
        streams.iter().for_each(|stream| stream.go_on(200));
        netd.launch();
        streams.iter().for_each(|stream| stream.go_on(200));
    }
    let passages = streams.map(Datagrams::close);
    let since = Counters::read(&netd).since(&before);
    for passage in &passages {
        assert!(passage.sent > 0, "{passages:?}");
        assert_eq!(passage.sent, passage.arrived, "{passages:?}\n{since:#?}");
    }
    let [one, two, three] = passages.map(|passage| passage.sent);
    let got = [since["web/net0 opackets"], since["web/net0 ipackets"]];
    let few = |want| want..want + 1000;
    assert!(few(one).contains(&got[0]), "{got:?} {passages:?}");
    assert!(few(two + three).contains(&got[1]), "{got:?} {passages:?}");
    assert!(all_is_netds(&office.host));
    // One shaper is left of all that there were.
    let shapers = hooks(&office.host);
    let shapers = shapers.iter().filter(|(p, _)| *p == Program::FromShaper);
    assert_eq!(shapers.count(), 1);
    netd.sh("flowadm show-flow").check();
}
