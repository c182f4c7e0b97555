//! What only sysfs says and takes: the queues of links, and the host's CPUs.
//!
//! A sysfs shows the links of the namespace that it was mounted from, and what
//! is under `/sys` may be another's than the one that netd serves, or that a
//! guest end is in. So each is mounted anew, and nowhere: it hangs on a file
//! descriptor alone, and goes with it even when netd is killed.

use std::fs::File;
use std::io::{self, Read, Write};
use std::os::fd::OwnedFd;

use fabric::{CpuSet, EndRings, HostCpus};
use rustix::fs::{Dir, Mode, OFlags, openat};
use rustix::mount::{
    FsMountFlags, FsOpenFlags, MountAttrFlags, fsconfig_create, fsmount, fsopen,
};

/// A sysfs that is mounted nowhere.
#[derive(Debug)]
pub(super) struct Sysfs {
    root: OwnedFd,
}

impl Sysfs {
    /// That of the namespace that the calling thread is in.
    pub(super) fn of_this_thread() -> io::Result<Self> {
        let context = fsopen("sysfs", FsOpenFlags::FSOPEN_CLOEXEC)?;
        fsconfig_create(&context)?;
        let attributes = MountAttrFlags::MOUNT_ATTR_NOSUID
            | MountAttrFlags::MOUNT_ATTR_NODEV
            | MountAttrFlags::MOUNT_ATTR_NOEXEC;
        let flags = FsMountFlags::FSMOUNT_CLOEXEC;
        let root = fsmount(&context, flags, attributes)?;
        Ok(Self { root })
    }

    /// The host's CPUs. What can't be read is taken for empty: then nothing is
    /// bound.
    pub(super) fn cpus(&self) -> HostCpus {
        let list = |name: &str| -> CpuSet {
            let path = format!("devices/system/cpu/{name}");
            let text = read(&self.root, &path).unwrap_or_default();
            // Some kernels say "(null)" where they have none.
            text.trim().parse().unwrap_or_default()
        };
        HostCpus {
            possible: list("possible"),
            online: list("online"),
            isolated: &list("isolated") | &list("nohz_full"),
        }
    }

    /// The queues of a link, and their CPUs.
    pub(super) fn rings(&self, link: &str) -> io::Result<EndRings> {
        let queues = self.queues(link)?;
        let (mut rx, mut tx) = (0, 0);
        for entry in Dir::read_from(&queues)? {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            rx += usize::from(name.starts_with(b"rx-"));
            tx += usize::from(name.starts_with(b"tx-"));
        }
        let rx = (0..rx).map(|queue| mask(&queues, &rps(queue)));
        // Of one queue alone nobody can choose. Some links have no such file
        // then.
        let tx = (0..tx).map(|queue| match tx {
            1 => Ok(CpuSet::default()),
            _ => mask(&queues, &xps(queue)),
        });
        Ok(EndRings {
            rx: rx.collect::<io::Result<_>>()?,
            tx: tx.collect::<io::Result<_>>()?,
        })
    }

    /// Sets the CPUs of a link's queues. Queues that the link doesn't have, or
    /// no longer, are passed over.
    pub(super) fn set_cpus(
        &self,
        link: &str,
        rings: &EndRings,
    ) -> io::Result<()> {
        let queues = self.queues(link)?;
        for (queue, cpus) in rings.rx.iter().enumerate() {
            set_mask(&queues, &rps(queue), cpus)?;
        }
        for (queue, cpus) in rings.tx.iter().enumerate() {
            set_mask(&queues, &xps(queue), cpus)?;
        }
        Ok(())
    }

    fn queues(&self, link: &str) -> io::Result<OwnedFd> {
        let path = format!("class/net/{link}/queues");
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        Ok(openat(&self.root, path, flags, Mode::empty())?)
    }
}

fn rps(queue: usize) -> String {
    format!("rx-{queue}/rps_cpus")
}

fn xps(queue: usize) -> String {
    format!("tx-{queue}/xps_cpus")
}

fn read(dir: &OwnedFd, path: &str) -> io::Result<String> {
    let flags = OFlags::RDONLY | OFlags::CLOEXEC;
    let mut text = String::new();
    let file = openat(dir, path, flags, Mode::empty())?;
    File::from(file).read_to_string(&mut text)?;
    Ok(text)
}

/// Reads a mask. A kernel for one CPU has none, and it is as if nobody had set
/// it.
fn mask(queues: &OwnedFd, path: &str) -> io::Result<CpuSet> {
    match read(queues, path) {
        Ok(text) => read_mask(text.trim())
            .ok_or_else(|| io::Error::other(format!("{path} has {text:?}"))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(CpuSet::default())
        }
        Err(error) => Err(error),
    }
}

fn set_mask(queues: &OwnedFd, path: &str, cpus: &CpuSet) -> io::Result<()> {
    let flags = OFlags::WRONLY | OFlags::CLOEXEC;
    let file = match openat(queues, path, flags, Mode::empty()) {
        Err(rustix::io::Errno::NOENT) => return Ok(()),
        file => file?,
    };
    match File::from(file).write_all(write_mask(cpus).as_bytes()) {
        // Of a single queue that the link can't have more of.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// Reads a mask as the kernel writes it: groups of 32 bits in hexadecimal
/// digits, the highest first, with commas between them.
fn read_mask(text: &str) -> Option<CpuSet> {
    let mut cpus = Vec::new();
    for (group, digits) in text.rsplit(',').enumerate() {
        let bits = u32::from_str_radix(digits, 16).ok()?;
        let first = u16::try_from(group * 32).ok()?;
        let set = (0..32).filter(|bit| bits & (1 << bit) != 0);
        cpus.extend(set.map(|bit| first + bit));
    }
    Some(cpus.into_iter().collect())
}

/// Writes a mask as the kernel reads it, and no longer than it has to be: one
/// that is longer than the kernel's own is refused.
fn write_mask(cpus: &CpuSet) -> String {
    let last = cpus.iter().next_back().unwrap_or(0);
    let mut groups = vec![0_u32; usize::from(last / 32) + 1];
    for cpu in cpus.iter() {
        groups[usize::from(cpu / 32)] |= 1 << (cpu % 32);
    }
    let groups = groups.iter().rev().map(|bits| format!("{bits:08x}"));
    groups.collect::<Vec<_>>().join(",")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn masks() {
        for (text, cpus, written) in [
            ("0", "", "00000000"),
            ("3", "0-1", "00000003"),
            ("80000000", "31", "80000000"),
            ("00000000,00000001", "0", "00000001"),
            ("1,00000000", "32", "00000001,00000000"),
            (
                "ff,00000000,80000001",
                "0,31,64-71",
                "000000ff,00000000,80000001",
            ),
        ] {
            let set = cpus.parse().unwrap_or_default();
            assert_eq!(read_mask(text).as_ref(), Some(&set), "{text}");
            assert_eq!(write_mask(&set), written, "{cpus}");
            assert_eq!(read_mask(written), Some(set), "{written}");
        }
        for text in ["", "g", "1,", "100000000", "0x1", "-1"] {
            assert_eq!(read_mask(text), None, "{text:?}");
        }
    }
}
