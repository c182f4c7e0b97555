//! The demo: the article's host, its NIC tag and its six machines, in a lab.
//!
//! ```text
//!   2321c688-… [net1 .11] ─┐
//!   153831fc-… [net0 .12] ─┤
//!   …                      host [bge0 .3] ════ [lan0 .1] wire
//!   6a9d35d3-… [net0 .16] ─┘
//! ```

mod keep;
mod matrix;
mod transcript;

use std::panic;
use std::process::ExitCode;

use matrix::{Matrix, Station};
use transcript::Transcript;

use crate::article::{self, MACHINES};
use crate::{Lab, LabError, Netd, Netns, Office};

/// Runs the demo as its environment asks: with `KEEP=1` the lab stays.
#[must_use]
pub fn main() -> ExitCode {
    let mut out = Transcript::default();
    let keep = std::env::var_os("KEEP").is_some_and(|value| value == "1");
    if !nix::unistd::geteuid().is_root() {
        complain(&LabError::NotRoot.to_string());
        return ExitCode::FAILURE;
    }
    match keep::Role::of_this_process(keep) {
        keep::Role::Launcher => keep::launch(&mut out),
        role => {
            // A lab that can't be built is not the reader's mistake: no
            // backtrace, but what failed, and the lab cleans up behind it.
            panic::set_hook(Box::new(|panic| complain(&panic.to_string())));
            keep::follow_launcher();
            keep::die_politely_on_signals(role);
            let shown = panic::catch_unwind(|| show(out, &role));
            match shown {
                Ok(Ok(true)) => ExitCode::SUCCESS,
                Ok(Ok(false)) | Err(_) => ExitCode::FAILURE,
                Ok(Err(error)) => {
                    complain(&with_cause(&error));
                    ExitCode::FAILURE
                }
            }
        }
    }
}

/// Builds the lab and shows it. Says whether everybody reached everybody.
fn show(mut out: Transcript, role: &keep::Role) -> Result<bool, LabError> {
    let all = out.begin();
    out.say(INTRODUCTION);
    let lab = Lab::open()?;
    let office = out
        .step("a host with the NIC bge0, a peer on its wire", || lab.office());
    let netd = out.step("netd, with the article's /usbkey/config", || {
        Netd::start(&lab, &office.host, Some(article::CONFIG))
    });
    let zones: Vec<Netns> = out.step("six zones", || {
        MACHINES.iter().map(|machine| lab.zone(machine.zone)).collect()
    });
    out.step("six VNICs", || {
        for machine in &MACHINES {
            netd.sh(&machine.create()).check();
        }
    });
    out.step("an address for each, and its link up", || {
        for (machine, zone) in MACHINES.iter().zip(&zones) {
            let v4 = format!("{}/24", machine.addr);
            zone.ip(&format!("addr add {v4} dev {}", machine.link));
            zone.ip(&format!("link set {} up", machine.link));
        }
    });
    let matrix = out.step("pings, everybody to everybody", || {
        Matrix::measure(&stations(&office, &zones))
    });
    out.took("in all", all);

    out.file("/usbkey/config", article::CONFIG);
    for machine in &MACHINES {
        out.typed(&machine.create(), "");
    }
    out.say("");
    for line in ["nictagadm list", "dladm show-phys", "dladm show-vnic"] {
        let output = netd.sh(line);
        out.typed(line, &output.check());
    }
    out.say(&matrix.to_string());
    let complete = matrix.is_complete();
    if *role == keep::Role::Holder {
        keep::hold(&mut out, &office.host, complete);
    }
    Ok(complete)
}

const INTRODUCTION: &str = "\
Arbalest: six machines on one NIC, and the host keeps its address on it

  six zones [net0, net1] -- host [bge0 192.168.1.3] == wire [192.168.1.1]
";

/// Everybody who is to reach everybody.
fn stations<'a>(office: &'a Office, zones: &'a [Netns]) -> Vec<Station<'a>> {
    let machines = MACHINES.iter().zip(zones).map(|(machine, netns)| {
        let (name, addr) = (machine.alias, machine.addr);
        Station { name, addr, netns }
    });
    let Office { host, wire } = office;
    let rest = [
        Station { name: "host", addr: Office::HOST_V4, netns: host },
        Station { name: "wire", addr: Office::WIRE_V4, netns: wire },
    ];
    machines.chain(rest).collect()
}

/// An error and what caused it, in one line.
fn with_cause(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(cause) => format!("{error}: {cause}"),
        None => error.to_string(),
    }
}

/// Words for people, on standard error.
fn complain(text: &str) {
    crate::note(&format!("demo: {text}"));
}
