//! Names within zones: what `-z` means, and which link or flow a name means.

use fabric::Zone;
use fabric::api::{FlowInfo, LinkCounters, LinkInfo, VnicCounters, VnicInfo};

/// The value of `-z`: a zone, or with the empty text the host itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ZoneArg(Option<Zone>);

impl ZoneArg {
    /// Reads the value of `-z`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Ok(Self(None));
        }
        match text.parse() {
            Ok(zone) => Ok(Self(Some(zone))),
            Err(error) => Err(format!("invalid zone name '{text}': {error}")),
        }
    }

    /// Whether the zone with this name in the ZONE column is meant.
    pub(super) fn means(&self, zone: Option<&str>) -> bool {
        self.0.as_ref().map(Zone::name) == zone
    }

    /// The text for netd; the empty one is its own namespace.
    pub(super) fn text(&self) -> String {
        self.0.as_ref().map(ToString::to_string).unwrap_or_default()
    }
}

/// What has a name that only its zone makes unique.
pub(super) trait Zoned {
    /// Its name.
    fn name(&self) -> &str;
    /// What the ZONE column shows; none: the host.
    fn zone(&self) -> Option<&str>;
}

macro_rules! zoned {
    ($($type:ty),*) => {$(
        impl Zoned for $type {
            fn name(&self) -> &str {
                self.name.as_str()
            }
            fn zone(&self) -> Option<&str> {
                self.zone.as_deref()
            }
        }
    )*};
}
zoned!(FlowInfo, LinkCounters, LinkInfo, VnicInfo, VnicCounters);

/// A name that links of several zones have: the zones, in words.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("more than one zone has it: {0}")]
pub(super) struct Ambiguous(String);

/// What to try then.
pub(super) const CHOOSE_ZONE: &str =
    "choose one with -z ZONE, or with -z '' for the host's own";

/// Keeps what a name and a zone mean; without either, everything.
pub(super) fn narrow<T: Zoned>(
    mut items: Vec<T>,
    name: Option<&str>,
    zone: Option<&ZoneArg>,
) -> Result<Vec<T>, Ambiguous> {
    if let Some(zone) = zone {
        items.retain(|item| zone.means(item.zone()));
    }
    let Some(name) = name else { return Ok(items) };
    items.retain(|item| item.name() == name);
    if items.len() > 1 {
        let zones: Vec<_> = items
            .iter()
            .map(|item| item.zone().unwrap_or("the host"))
            .collect();
        return Err(Ambiguous(zones.join(", ")));
    }
    Ok(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn counters(zone: Option<&str>, name: &str) -> VnicCounters {
        VnicCounters {
            name: name.parse().unwrap(),
            zone: zone.map(str::to_owned),
            ipackets: 0,
            rbytes: 0,
            opackets: 0,
            obytes: 0,
            drops: Vec::new(),
        }
    }

    #[test]
    fn a_name_alone_must_have_one_meaning() {
        let items = || {
            vec![
                counters(Some("web"), "net0"),
                counters(None, "net0"),
                counters(Some("db"), "net0"),
                counters(Some("db"), "net1"),
            ]
        };
        for (name, zone, want) in [
            (None, None, Ok("web/net0 /net0 db/net0 db/net1")),
            (Some("net1"), None, Ok("db/net1")),
            (Some("net2"), None, Ok("")),
            (Some("net0"), None, Err("web, the host, db")),
            (Some("net0"), Some("web"), Ok("web/net0")),
            (Some("net0"), Some("/run/netns/web"), Ok("web/net0")),
            (Some("net0"), Some(""), Ok("/net0")),
            (Some("net1"), Some("web"), Ok("")),
            (None, Some("db"), Ok("db/net0 db/net1")),
            (None, Some(""), Ok("/net0")),
            (None, Some("gone"), Ok("")),
        ] {
            let zone_arg = zone.map(|text| ZoneArg::parse(text).unwrap());
            let got = narrow(items(), name, zone_arg.as_ref()).map(|items| {
                let names: Vec<_> = items
                    .iter()
                    .map(|i| format!("{}/{}", i.zone().unwrap_or(""), i.name()))
                    .collect();
                names.join(" ")
            });
            let want = want
                .map(str::to_owned)
                .map_err(|zones| Ambiguous(zones.to_owned()));
            assert_eq!(got, want, "{name:?} {zone:?}");
        }
    }

    #[test]
    fn no_zone_has_a_blank_in_its_name() {
        let error = ZoneArg::parse("a b").unwrap_err();
        assert!(error.starts_with("invalid zone name 'a b': "), "{error}");
    }
}
