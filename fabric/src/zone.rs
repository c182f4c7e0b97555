//! Zones: the network namespaces that guest ends live in.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A network namespace, named in one of three ways: by a name under
/// `/run/netns`, by the path of a namespace file, or as `pid:N`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Zone(String);

impl Zone {
    /// Where named namespaces are kept (ip-netns(8)).
    pub const NAMES: &str = "/run/netns";

    /// The longest text, in bytes: a file name's limit for names, and more
    /// than enough for a path.
    pub const MAX: usize = 255;

    /// What the ZONE column shows: the namespace's own name. A zone outside of
    /// `/run/netns` shows the last part of its path.
    #[must_use]
    pub fn name(&self) -> &str {
        match self.0.rfind('/') {
            Some(slash) => &self.0[slash + 1..],
            None => &self.0,
        }
    }

    /// The file that stands for the namespace.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        if let Some(pid) = self.0.strip_prefix("pid:") {
            return PathBuf::from(format!("/proc/{pid}/ns/net"));
        }
        Path::new(Self::NAMES).join(&self.0)
    }

    /// Whether it is a name among others, and no path and no process.
    #[must_use]
    pub fn is_named(&self) -> bool {
        !self.0.contains('/') && !self.is_transient()
    }

    /// Whether the name can't outlive the process that it names.
    #[must_use]
    pub fn is_transient(&self) -> bool {
        self.0.starts_with("pid:")
    }

    /// Whether a person who writes `text` means this zone: by its full text or
    /// by what the ZONE column shows.
    #[must_use]
    pub fn answers_to(&self, text: &str) -> bool {
        self.0 == text || self.name() == text
    }
}

impl FromStr for Zone {
    type Err = ZoneError;

    fn from_str(text: &str) -> Result<Self, ZoneError> {
        if text.is_empty() || text.len() > Self::MAX {
            return Err(ZoneError);
        }
        if text.chars().any(|c| c.is_control() || c.is_whitespace()) {
            return Err(ZoneError);
        }
        if let Some(pid) = text.strip_prefix("pid:") {
            let digits = pid.bytes().all(|b| b.is_ascii_digit());
            return match pid.parse::<i32>() {
                Ok(n) if n > 0 && digits => Ok(Self(format!("pid:{n}"))),
                _ => Err(ZoneError),
            };
        }
        // One zone, one text: a path to a named namespace becomes its name.
        let named = ["/run/netns/", "/var/run/netns/"]
            .iter()
            .find_map(|dir| text.strip_prefix(dir))
            .unwrap_or(text);
        let last = named.rsplit('/').next().unwrap_or_default();
        let plain = !named.contains('/') || named.starts_with('/');
        let part = !matches!(last, "" | "." | "..");
        if plain && part && !named.split('/').any(|part| part == "..") {
            Ok(Self(named.to_owned()))
        } else {
            Err(ZoneError)
        }
    }
}

impl fmt::Display for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Zone {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

crate::name::serde_as_text!(Zone);

/// A text names no zone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a zone is a name under /run/netns, the absolute path of a namespace, \
     or pid:N"
)]
pub struct ZoneError;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn three_ways_to_say_where() {
        for (text, want) in [
            ("web", Some(("web", "web", "/run/netns/web"))),
            ("/run/netns/web", Some(("web", "web", "/run/netns/web"))),
            ("/var/run/netns/web", Some(("web", "web", "/run/netns/web"))),
            (
                "/proc/7/ns/net",
                Some(("/proc/7/ns/net", "net", "/proc/7/ns/net")),
            ),
            ("pid:17", Some(("pid:17", "pid:17", "/proc/17/ns/net"))),
            ("pid:0", None),
            ("pid:-4", None),
            ("pid:+4", None),
            ("pid:x", None),
            ("", None),
            ("..", None),
            ("a/b", None),
            ("../etc", None),
            ("/run/netns/../../etc/x", None),
            ("/run/netns/", None),
            ("a b", None),
            ("a\nb", None),
        ] {
            let zone = text.parse::<Zone>().ok();
            let got = zone.as_ref().map(|zone| {
                (zone.to_string(), zone.name().to_owned(), zone.path())
            });
            let want =
                want.map(|(a, b, c)| (a.to_owned(), b.to_owned(), c.into()));
            assert_eq!(got, want, "{text:?}");
        }
    }
}
