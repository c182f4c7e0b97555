//! Closing a host end: what it does with a frame that met no program.
//!
//! Nothing. A host end's program gives each frame a verdict, but a person may
//! take the program away. Then the frame is offered to the host's stack, which
//! must refuse it: IPv6 is off, packets are not forwarded, a source that is
//! routed elsewhere (every guest's is) is not believed.

use std::fs;
use std::io;
use std::path::Path;

use fabric::LinkName;

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
