//! netd is killed: at every point where it can die, and at any moment of a
//! storm. Three guests talk on and lose nothing; what was asked for is there,
//! or is not, and nothing is left over.
//!
//!   web  [net0 .10] ── vnic-1 ─┐
//!   db   [net0 .11] ── vnic-2 ── host [bge0 .3] ════ [lan0 .1] wire
//!   mail [net0 .12] ── vnic-3 ─┘
//!   test [net0]     ── what comes, changes and goes meanwhile
//!
//! web has nothing special, db a cap, mail fixed addresses and a flow. The
//! points are in `netd/src/failpoint.rs`, `occasions` leads to each of them.

mod footprint;
mod matrix;
mod occasions;
mod storm;

use integration_netns::probe::Datagrams;
use integration_netns::{
    CmdOutput, Dnsmasq, Lab, Netd, Netns, Office, Poll, Snapshot,
};
use serde_json::Value;

use footprint::Footprint;

const WEB: &str = "192.168.1.10";
const DB: &str = "192.168.1.11";
const MAIL: &str = "192.168.1.12";

/// A host whose netd is about to be killed.
struct Story {
    netd: Netd,
    web: Netns,
    db: Netns,
    mail: Netns,
    test: Netns,
    office: Office,
    _server: Option<Dnsmasq>,
    /// The last to go: the others show their state first.
    _lab: Lab,
}

impl Story {
    /// With the three guests.
    #[track_caller]
    fn begin(lab: Lab, server: bool) -> Self {
        let office = lab.office();
        for netns in [&office.host, &office.wire] {
            keep_to_its_addresses(netns);
        }
        let netd = Netd::start(&lab, &office.host, None);
        let zone =
            |name, addr, props| lab.zone_with_vnic(&netd, name, addr, props);
        let web = zone("web", WEB, "");
        let db = zone("db", DB, "-p maxbw=40M");
        let mail = zone(
            "mail",
            MAIL,
            "-p protection=mac-nospoof,ip-nospoof \
             -p allowed-ips=192.168.1.12,fd00::12",
        );
        let flow = "-l net0 -z mail -a transport=tcp,local_port=25";
        netd.sh(&format!("flowadm add-flow {flow} -p maxbw=9M smtp")).check();
        let test = lab.zone("test");
        for netns in [&web, &db, &mail] {
            keep_to_its_addresses(netns);
        }
        let server = server
            .then(|| Dnsmasq::start(&lab, &office.wire, Office::WIRE_LINK));
        let story = Self {
            netd,
            web,
            db,
            mail,
            test,
            office,
            _server: server,
            _lab: lab,
        };
        // Who has waited for a turn keeps its place in the queue for good.
        story.run_all(&[occasions::CREATE, occasions::DELETE]);
        for (netns, link) in [
            (&story.office.host, Office::NIC),
            (&story.web, "net0"),
            (&story.db, "net0"),
            (&story.mail, "net0"),
        ] {
            Poll::PATIENT.until("it has an address of its own", || {
                let shown = netns.ip(&format!("-6 addr show {link}"));
                if shown.contains("fe80::") { Ok(()) } else { Err(shown) }
            });
        }
        story
    }

    /// Datagrams from and to each of the three, from guest to guest and from
    /// and to the wire.
    #[track_caller]
    fn probes(&self) -> Vec<Datagrams> {
        let Self { web, db, mail, office, .. } = self;
        let ways = [
            (web, &office.wire, Office::WIRE_V4),
            (&office.wire, db, DB),
            (db, mail, MAIL),
            (mail, web, WEB),
        ];
        let probe = |(from, to, addr)| {
            // 200 a second.
            Datagrams::flow(from, to, addr, Datagrams::SMALL, 96_000)
        };
        ways.map(probe).into()
    }

    /// Runs a line: on the host, or behind `@test` in that zone. netd may die
    /// over it.
    fn run(&self, line: &str) -> CmdOutput {
        let host = &self.office.host;
        let line = self.with_devices(line);
        let (netns, line) = match line.strip_prefix("@test ") {
            Some(line) => (&self.test, line),
            None => (host, &*line),
        };
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["dladm" | "flowadm", ..] => self.netd.sh(line),
            [program, ref args @ ..] => netns.run(program, args),
            [] => panic!("an empty line"),
        }
    }

    /// Runs lines, of which each must succeed.
    #[track_caller]
    fn run_all(&self, lines: &[&str]) {
        for line in lines {
            self.run(line).check();
        }
    }

    /// A line with the names of devices in the place of what they are for.
    fn with_devices(&self, line: &str) -> String {
        let Some((before, rest)) = line.split_once('{') else {
            return line.to_owned();
        };
        let (what, after) = rest.split_once('}').expect("a } for each {");
        let links = self.office.host.ip_json("link show");
        let mut links = links.as_array().into_iter().flatten();
        let is_it = |link: &&Value| {
            let alias = link["ifalias"].as_str().unwrap_or_default();
            let near = format!("what VNICs over {what} send");
            let guest = format!("{what} in zone test over ");
            let name = link["ifname"].as_str().unwrap_or_default();
            alias.starts_with(&guest)
                || (alias == near && name.starts_with("shape-"))
        };
        let device = links.find(is_it).expect("it is there");
        let device = device["ifname"].as_str().unwrap_or_default();
        format!("{before}{device}{after}")
    }

    /// What is declared, without what tells one life of it from the next.
    #[track_caller]
    fn declared(&self) -> Value {
        let paths = ["vnics", "flows", "etherstubs", "links"];
        let mut all: Value = paths
            .map(|path| {
                let list: Value = self.netd.api().get(&format!("/v1/{path}"));
                (path.to_owned(), list)
            })
            .into_iter()
            .collect::<serde_json::Map<_, _>>()
            .into();
        forget(&mut all);
        all
    }

    /// What netd leaves on the host.
    #[track_caller]
    fn footprint(&self) -> Footprint {
        Footprint::of(&self.office.host, &self.test)
    }

    /// What a whole look at everybody shows.
    #[track_caller]
    fn snapshots(&self) -> Vec<(Netns, Snapshot)> {
        let all =
            [&self.office.host, &self.web, &self.db, &self.mail, &self.test];
        all.map(|netns| (netns.clone(), Snapshot::of(netns))).into()
    }
}

/// Has a namespace make no address of what the server advertises: for none of
/// its links so far.
fn keep_to_its_addresses(netns: &Netns) {
    let links = netns.ip_json("link show");
    for link in links.as_array().into_iter().flatten() {
        let name = link["ifname"].as_str().unwrap_or_default();
        netns.sysctl(&format!("ipv6/conf/{name}/accept_ra"), "0");
    }
}

/// Leaves out numbers that are given anew, and what only passes.
fn forget(value: &mut Value) {
    const PASSING: [&str; 6] =
        ["id", "host_end", "state", "speed", "expires_in", "device"];
    match value {
        Value::Array(items) => items.iter_mut().for_each(forget),
        Value::Object(fields) => {
            fields.retain(|key, _| !PASSING.contains(&key.as_str()));
            fields.values_mut().for_each(forget);
        }
        _ => {}
    }
}

/// A number that the environment may set.
fn number<T: std::str::FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok()?.parse().ok()
}
