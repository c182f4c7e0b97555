//! A fabric that is made and gone again, in namespaces of its own.
//!
//! The thread that does it leaves the host's network and mounts first. All that
//! it makes, links, tables and files, ends with it, also when it is killed.

use std::io;
use std::path::Path;
use std::thread;

use fabric::api::{CreateEtherstub, CreateVnic};
use fabric::shaping::QueueKind;
use fabric::{Bandwidth, Mode, VnicProps};
use nix::mount::{MsFlags, mount};
use nix::sched::{CloneFlags, unshare};

use super::Finding;
use crate::chain::chain;
use crate::config::ConfigFile;
use crate::daemon::Daemon;
use crate::kernel::Kernel;
use crate::store::Store;

/// Where the files of the rehearsal are: a file system of its own is mounted
/// there, seen by nobody else.
const STAGE: &str = "/run";

/// Makes a fabric such as netd would, and tells what could be made.
pub(super) fn rehearse() -> Vec<Finding> {
    let thread = thread::Builder::new().name("rehearsal".to_owned());
    let played = thread.spawn(|| {
        if let Err(error) = leave_the_host() {
            let text = format!("cannot make namespaces: {error}");
            let hint = "run it as root; a container needs CAP_SYS_ADMIN and \
                        CAP_NET_ADMIN over its own namespaces";
            return vec![Finding::bad("rights", text).hint(hint)];
        }
        match tokio::runtime::Runtime::new() {
            Ok(runtime) => runtime.block_on(play()),
            Err(error) => vec![Finding::bad("rights", error.to_string())],
        }
    });
    let played = played.map(thread::JoinHandle::join);
    match played {
        Ok(Ok(findings)) => findings,
        Ok(Err(_)) => vec![Finding::bad("rehearsal", "netd broke down")],
        Err(error) => vec![Finding::bad("rights", error.to_string())],
    }
}

fn leave_the_host() -> io::Result<()> {
    unshare(CloneFlags::CLONE_NEWNET | CloneFlags::CLONE_NEWNS)?;
    let none: Option<&str> = None;
    let private = MsFlags::MS_REC | MsFlags::MS_PRIVATE;
    mount(none, "/", none, private, none)?;
    mount(Some("tmpfs"), STAGE, Some("tmpfs"), MsFlags::empty(), none)?;
    Ok(())
}

async fn play() -> Vec<Finding> {
    let stage = Path::new(STAGE);
    let mut findings = Vec::new();
    let kernel = match Kernel::open(&stage.join("bpf")) {
        Ok(kernel) => kernel,
        Err(error) => {
            let hint = "the kernel needs BPF with its file system \
                        (CONFIG_BPF_SYSCALL, CONFIG_NET_CLS_BPF, \
                        CONFIG_NET_CLS_ACT, CONFIG_NET_SCH_INGRESS), and must \
                        not be locked down (lockdown=confidentiality)";
            let finding = Finding::bad("programs", chain(&error)).hint(hint);
            return vec![finding];
        }
    };
    findings.push(Finding::good("programs", "loaded, past the verifier"));
    findings.push(queues(&kernel).await);

    let store = Store::open(&stage.join("state"), "rehearsal");
    let config = ConfigFile::open(&stage.join("config"));
    let store = store.map_err(|error| chain(&error));
    let daemon = match store {
        Ok(store) => Daemon::start(kernel, store, config)
            .await
            .map_err(|error| chain(&error)),
        Err(error) => Err(error),
    };
    match daemon {
        Ok(mut daemon) => findings.extend(make(&mut daemon).await),
        Err(error) => findings.push(Finding::bad("fabric", error)),
    }
    findings
}

async fn queues(kernel: &Kernel) -> Finding {
    match kernel.queues().kind().await {
        Ok(QueueKind::FqCodel) => Finding::good("queues", "fq_codel"),
        Ok(QueueKind::Bfifo) => {
            let text = "bfifo: within a cap the streams of a guest wait for \
                        each other";
            let hint = "with sch_fq_codel (CONFIG_NET_SCH_FQ_CODEL) they take \
                        turns";
            Finding::wanting("queues", text).hint(hint)
        }
        Err(error) => Finding::bad("queues", chain(&error)),
    }
}

/// Makes one of each thing that needs something else of the kernel.
async fn make(daemon: &mut Daemon) -> Vec<Finding> {
    let stub = CreateEtherstub {
        name: "stage0".parse().expect("a legal name"),
        temporary: true,
    };
    if let Err(error) = daemon.create_etherstub(stub).await {
        return vec![Finding::bad("VNICs", chain(&error))];
    }
    let capped = Some(Bandwidth::from_mbps(10));
    let parts = [
        (
            "VNICs",
            "a veth pair, programs and tables",
            VnicProps::default(),
            "the kernel needs veth (CONFIG_VETH) and clsact \
             (CONFIG_NET_SCH_INGRESS)",
        ),
        (
            "bandwidth",
            "a cap of 10 Mbit/s, each way",
            VnicProps { maxbw: capped, ..VnicProps::default() },
            "caps and guarantees need HTB (CONFIG_NET_SCH_HTB; modprobe \
             sch_htb)",
        ),
        (
            "virtual machines",
            "a VNIC with a TAP",
            VnicProps { mode: Mode::Tap, ..VnicProps::default() },
            "they need TAPs (CONFIG_TUN; modprobe tun) and /dev/net/tun",
        ),
    ];
    let mut findings = Vec::new();
    for (number, (subject, text, props, hint)) in (0..).zip(parts) {
        let name = format!("play{number}");
        let request = CreateVnic {
            name: name.parse().expect("a legal name"),
            over: "stage0".to_owned(),
            mac: None,
            mac_prefix: None,
            vid: None,
            zone: None,
            props,
            temporary: true,
        };
        findings.push(match daemon.create_vnic(request).await {
            Ok(_) => Finding::good(subject, text),
            Err(error) => Finding::bad(subject, chain(&error)).hint(hint),
        });
    }
    findings
}
