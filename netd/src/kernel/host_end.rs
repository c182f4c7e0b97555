//! Closing a host end: what it does with a frame that met no program.
//!
//! Nothing. A host end's program gives each frame a verdict, but a person may
//! take the program away. Then the frame is offered to the host's stack, which
//! must refuse it: IPv6 is off, packets are not forwarded, a source that is
//! routed elsewhere (every guest's is) is not believed.
//!
//! And what a person who lists links reads about it.

use std::fs;
use std::io;
use std::path::Path;

use fabric::{LinkName, VnicKey};

/// A setting below `/proc/sys/net` that could not be made.
#[derive(Debug, thiserror::Error)]
#[error("cannot write {path}")]
pub struct SysctlError {
    /// The file.
    pub path: String,
    /// The kernel's reason.
    #[source]
    pub source: io::Error,
}

/// The settings of a host end: file below `/proc/sys/net`, value.
const SETTINGS: [(&str, &str, &str); 3] = [
    ("ipv4/conf", "forwarding", "0"),
    // Strict reverse path filter, RFC 3704.
    ("ipv4/conf", "rp_filter", "1"),
    ("ipv6/conf", "disable_ipv6", "1"),
];

/// Closes a host end. To be done before it is switched on.
pub(super) fn close(link: &LinkName) -> Result<(), SysctlError> {
    for (family, key, value) in SETTINGS {
        let family = Path::new("/proc/sys/net").join(family);
        // A kernel booted without IPv6 has nothing to switch off.
        if !family.exists() {
            continue;
        }
        let path = family.join(link.as_str()).join(key);
        fs::write(&path, value).map_err(|source| SysctlError {
            path: path.display().to_string(),
            source,
        })?;
    }
    Ok(())
}

/// What `ip link` shows of a host end as its alias.
pub(super) fn description(vnic: &VnicKey, over: &LinkName) -> String {
    let mut alias = format!("{vnic} over {over}");
    // IFALIASZ, the terminating zero included. A zone's text is ASCII or may
    // be cut within a character's bytes.
    alias.truncate(alias.floor_char_boundary(255));
    alias
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_description_fits_and_stays_text() {
        let over = "bge0".parse().unwrap();
        let long = "é".repeat(127);
        for (zone, want) in [
            (None, "net0 over bge0".to_owned()),
            (Some("web"), "net0 in zone web over bge0".to_owned()),
            // "net0 in zone " has 13 bytes, an "é" two.
            (Some(&*long), format!("net0 in zone {}", "é".repeat(121))),
        ] {
            let zone = zone.map(|zone| zone.parse().unwrap());
            let vnic = VnicKey { zone, name: "net0".parse().unwrap() };
            assert_eq!(description(&vnic, &over), want);
        }
    }
}
