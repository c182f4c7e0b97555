//! Whose dropped frames a client asks for, and what their VNICs are called.

use std::str::FromStr;

use fabric::api::{self, DropSample};
use fabric::{FabricSpec, LinkId, LinkName, NameError, Vnic, Zone};

use super::{Sample, Taken};
use crate::error::FabricError;

/// How a client names a VNIC.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// By its number: what is left of one that is gone.
    Number(LinkId),
    /// By its name.
    Name(LinkName),
}

impl FromStr for Subject {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        match text.parse() {
            Ok(number) => Ok(Self::Number(LinkId(number))),
            Err(_) => text.parse().map(Self::Name),
        }
    }
}

/// Whose frames are wanted; all, where nothing is said.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Wanted {
    /// One VNIC's.
    pub subject: Option<Subject>,
    /// Those of a zone's VNICs; the empty text is netd's own namespace.
    pub zone: Option<String>,
}

impl Wanted {
    /// The frames that are wanted, with the names that their VNICs have now.
    ///
    /// # Errors
    /// When the name means no VNIC, or several.
    pub fn of(
        &self,
        taken: &Taken,
        spec: &FabricSpec,
    ) -> Result<api::Drops, FabricError> {
        let only = self.only(spec)?;
        let zone = self.zone.as_deref();
        let drops = taken.samples.iter().filter_map(|sample| {
            let id = sample.frame.id;
            if only.is_some_and(|only| only != id) {
                return None;
            }
            let vnic = spec.vnics.get(&id);
            let here = zone.is_none() || vnic.is_some_and(|v| v.is_in(zone));
            here.then(|| named(sample, vnic.map(AsRef::as_ref)))
        });
        let drops = drops.collect();
        Ok(api::Drops { next: taken.next, missed: taken.missed, drops })
    }

    /// The one VNIC that is meant, where one is named.
    fn only(&self, spec: &FabricSpec) -> Result<Option<LinkId>, FabricError> {
        let name = match &self.subject {
            None => return Ok(None),
            Some(Subject::Number(id)) => return Ok(Some(*id)),
            Some(Subject::Name(name)) => name,
        };
        let zone = self.zone.as_deref();
        let found: Vec<&Vnic> = spec.vnics_called(name, zone).collect();
        match found[..] {
            [vnic] => Ok(Some(vnic.id)),
            [] => Err(FabricError::NotFound(name.clone())),
            _ => {
                let zone = |vnic: &&Vnic| {
                    vnic.zone.as_ref().map_or("the host", Zone::name).to_owned()
                };
                let zones = found.iter().map(zone).collect();
                Err(FabricError::Ambiguous { name: name.clone(), zones })
            }
        }
    }
}

fn named(sample: &Sample, vnic: Option<&Vnic>) -> DropSample {
    let zone = vnic.and_then(|vnic| vnic.zone.as_ref());
    DropSample {
        seq: sample.seq,
        time_us: sample.time_us,
        id: sample.frame.id.0,
        name: vnic.map(|vnic| vnic.name.clone()),
        zone: zone.map(|zone| zone.name().to_owned()),
        reason: sample.frame.reason,
        length: sample.frame.length,
        tci: sample.frame.tci,
        bytes: sample.frame.bytes.clone(),
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use fabric::{DropReason, MacType, Over, VnicProps};
    use flows::DroppedFrame;

    use super::*;

    fn spec() -> FabricSpec {
        let vnic = |id, name: &str, zone: Option<&str>| Vnic {
            id: LinkId(id),
            name: name.parse().unwrap(),
            zone: zone.map(|zone| zone.parse().unwrap()),
            over: Over::Link("bge0".parse().unwrap()),
            mac: format!("2:8:20:0:0:{id}").parse().unwrap(),
            mac_type: MacType::Fixed,
            vid: None,
            props: VnicProps::default(),
            temporary: false,
            kept: None,
        };
        let vnics = [
            vnic(1, "net0", Some("web")),
            vnic(2, "net0", Some("db")),
            vnic(3, "net1", None),
        ];
        let vnics = vnics.map(|vnic| (vnic.id, Arc::new(vnic))).into();
        FabricSpec { vnics, ..FabricSpec::default() }
    }

    /// One frame of each of the VNICs 1 to 4.
    fn taken() -> Taken {
        let samples = (1..=4).map(|id| {
            let frame = DroppedFrame {
                at: 0,
                id: LinkId(id),
                reason: DropReason::MacSpoof,
                length: 60,
                tci: None,
                bytes: Vec::new(),
            };
            Arc::new(Sample { seq: id.into(), time_us: 0, frame })
        });
        Taken { next: 4, missed: 2, samples: samples.collect() }
    }

    #[test]
    fn a_frame_has_the_names_of_now_and_one_that_is_gone_its_number() {
        let spec = spec();
        for (link, zone, want) in [
            ("", None, Some("web/net0 db/net0 /net1 4")),
            ("net1", None, Some("/net1")),
            ("net0", Some("db"), Some("db/net0")),
            ("", Some("web"), Some("web/net0")),
            ("", Some(""), Some("/net1")),
            ("", Some("gone"), Some("")),
            ("4", None, Some("4")),
            ("1", None, Some("web/net0")),
            ("1", Some("db"), Some("")),
            ("4", Some("db"), Some("")),
            ("9", None, Some("")),
            ("net0", None, None),
            ("net7", None, None),
            ("net1", Some("web"), None),
        ] {
            let subject = (!link.is_empty()).then(|| link.parse().unwrap());
            let zone = zone.map(str::to_owned);
            let wanted = Wanted { subject, zone };
            let got = wanted.of(&taken(), &spec).map(|drops| {
                assert_eq!((drops.next, drops.missed), (4, 2));
                let words = drops.drops.iter().map(|drop| match &drop.name {
                    Some(name) => {
                        format!("{}/{name}", drop.zone.as_deref().unwrap_or(""))
                    }
                    None => drop.id.to_string(),
                });
                words.collect::<Vec<_>>().join(" ")
            });
            assert_eq!(got.ok().as_deref(), want, "{link:?} {wanted:?}");
        }
    }
}
