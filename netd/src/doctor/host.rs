//! What there is on the host: files, groups, NICs. Nothing is changed.

use std::fs;
use std::os::unix::net::UnixStream;
use std::path::Path;

use fabric::{LinkState, PhysLink};
use nix::unistd::{AccessFlags, Group, access};

use super::Finding;
use crate::args::Args;
use crate::config;
use crate::kernel;
use crate::server::{CHANGERS, READERS};

/// The oldest kernel that netd is tested on.
const TESTED: (u32, u32) = (6, 1);

/// Which kernel it is.
pub(super) fn kernel() -> Vec<Finding> {
    let release = fs::read_to_string("/proc/sys/kernel/osrelease");
    let Ok(release) = release else { return Vec::new() };
    let release = release.trim();
    let text = format!("Linux {release}");
    let finding = match version(release) {
        Some(version) if version < TESTED => {
            let (major, minor) = TESTED;
            let hint = format!("netd is tested on {major}.{minor} and later");
            Finding::wanting("kernel", text).hint(hint)
        }
        _ => Finding::good("kernel", text),
    };
    vec![finding]
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut parts = release.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// Looks at what netd would be given.
pub(super) fn look(args: &Args) -> Vec<Finding> {
    let mut findings = vec![state_dir(&args.state_dir), groups()];
    let links = kernel::host_links().unwrap_or_default();
    findings.extend(tags(&args.config, &links));
    findings.extend(foreign_queues(&links));
    findings.push(daemon(&args.run_dir.join("netd.sock")));
    findings
}

fn state_dir(dir: &Path) -> Finding {
    let subject = "state";
    let there = dir.ancestors().find(|dir| dir.exists());
    let there = there.unwrap_or(Path::new("/"));
    let text = dir.display().to_string();
    match access(there, AccessFlags::W_OK) {
        Ok(()) => Finding::good(subject, text),
        Err(error) => Finding::bad(subject, format!("{text}: {error}"))
            .hint("run netd as root, or name another with --state-dir"),
    }
}

fn groups() -> Finding {
    let missing = |name: &&str| !matches!(Group::from_name(name), Ok(Some(_)));
    let missing: Vec<&str> =
        [CHANGERS, READERS].into_iter().filter(missing).collect();
    if missing.is_empty() {
        return Finding::good("groups", format!("{CHANGERS}, {READERS}"));
    }
    let text = "only root can use the commands";
    let adds = missing.iter().map(|name| format!("groupadd --system {name}"));
    let adds: Vec<String> = adds.collect();
    Finding::wanting("groups", text).hint(format!(
        "{}; members of {CHANGERS} may change the fabric, of {READERS} look \
         at it",
        adds.join(" && ")
    ))
}

fn tags(path: &Path, links: &[PhysLink]) -> Vec<Finding> {
    let subject = "NIC tags";
    let file = path.display();
    let tags = match config::read(path) {
        Ok(tags) => tags,
        Err(reason) => {
            let text = format!("{file}: {reason}");
            let hint = "netd keeps the tags that it knew; correct the file";
            return vec![Finding::bad(subject, text).hint(hint)];
        }
    };
    if tags.iter().next().is_none() {
        let up = links.iter().find(|link| link.state == LinkState::Up);
        let hint = match up {
            Some(link) => format!(
                "to tag {} as admin, write \"admin_nic={}\"",
                link.name,
                link.mac.padded()
            ),
            None => "tags are written as TAG_nic=MAC".to_owned(),
        };
        let text = format!("{file} defines none");
        return vec![Finding::wanting(subject, text).hint(hint)];
    }
    let told = tags.iter().map(|(tag, _)| match tags.link_of(tag, links) {
        Ok(link) => Finding::good(subject, format!("{tag} is {}", link.name)),
        Err(error) => {
            let hint = format!("its VNICs wait for it; or correct {file}");
            Finding::wanting(subject, error.to_string()).hint(hint)
        }
    });
    told.collect()
}

/// What guests send to the wire waits in a NIC's own queue, whoever put it
/// there.
fn foreign_queues(links: &[PhysLink]) -> Vec<Finding> {
    /// What the kernel chooses, or a distribution does for it.
    const USUAL: [&str; 6] =
        ["fq", "fq_codel", "mq", "noop", "noqueue", "pfifo_fast"];
    let Ok(roots) = kernel::root_queues() else { return Vec::new() };
    let foreign = roots.into_iter().filter(|(link, kind)| {
        let theirs = links.iter().any(|found| found.name == *link);
        theirs && !USUAL.contains(&kind.as_str())
    });
    let told = foreign.map(|(link, kind)| {
        let text = format!("{link} sends by somebody's {kind}");
        let hint = format!(
            "what guests send to the wire waits there, too; \
             tc qdisc show dev {link}"
        );
        Finding::wanting("queues of NICs", text).hint(hint)
    });
    told.collect()
}

fn daemon(socket: &Path) -> Finding {
    let at = socket.display();
    match UnixStream::connect(socket) {
        Ok(_) => Finding::good("netd", format!("serves at {at}")),
        Err(_) => Finding::wanting("netd", format!("nobody serves at {at}"))
            .hint("systemctl start netd, or run netd"),
    }
}

#[cfg(test)]
mod tests {
    use fabric::{LinkClass, Mtu};

    use super::*;

    #[test]
    fn versions() {
        for (release, want) in [
            ("6.18.44-fc-v669", Some((6, 18))),
            ("6.1.0-9-amd64", Some((6, 1))),
            ("5.15", Some((5, 15))),
            ("6", None),
            ("linux", None),
        ] {
            assert_eq!(version(release), want, "{release}");
        }
    }

    fn findings(text: &str) -> Vec<Finding> {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        fs::write(&path, text).unwrap();
        let bge0 = PhysLink {
            name: "bge0".parse().unwrap(),
            class: LinkClass::Phys,
            mac: "2:8:20:0:0:1".parse().unwrap(),
            factory_mac: None,
            mtu: Mtu::ETHERNET,
            state: LinkState::Up,
        };
        let mut findings = tags(&path, &[bge0]);
        for finding in &mut findings {
            let here = dir.path().to_str().unwrap();
            finding.text = finding.text.replace(here, "DIR");
            finding.hint = None;
        }
        findings
    }

    #[test]
    fn tags_and_their_links() {
        let note = |text| Finding::wanting("NIC tags", text);
        let good = Finding::good("NIC tags", "admin is bge0");
        for (text, want) in [
            ("", vec![note("DIR/config defines none")]),
            (
                "admin_nic=2:8:20:0:0:1\nbackup_nic=2:8:20:0:0:2\n",
                vec![
                    good,
                    note(
                        "no NIC has the MAC address 02:08:20:00:00:02 of nic \
                         tag \"backup\"",
                    ),
                ],
            ),
            (
                "admin_nic=2:8:20\n",
                vec![Finding::bad(
                    "NIC tags",
                    "DIR/config: line 1: \"2:8:20\" is no MAC address",
                )],
            ),
        ] {
            assert_eq!(findings(text), want, "{text}");
        }
    }
}
