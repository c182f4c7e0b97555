//! The link properties that create-vnic takes.

use fabric::{Mtu, VnicProps, Zone, ZoneError};

use crate::proplist::Prop;

/// What `-p` asked for.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Wanted {
    /// Where the guest end goes.
    pub(super) zone: Option<Zone>,
    /// The rest.
    pub(super) props: VnicProps,
}

/// One property that can't be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    /// The warning: which property, and what is wrong.
    pub(super) warning: String,
    /// libdladm's word for it.
    pub(super) status: &'static str,
    /// What to try.
    pub(super) hint: Option<String>,
}

/// The properties: a name, and what takes its values.
type Setter = fn(&mut Wanted, &[String]) -> Result<(), Bad>;
const PROPS: [(&str, Setter); 4] = [
    ("zone", |wanted, values| {
        let zone = one(values)?.parse();
        let hint = |error: ZoneError| Bad::Value(Some(error.to_string()));
        wanted.zone = Some(zone.map_err(hint)?);
        Ok(())
    }),
    ("mtu", |wanted, values| {
        let mtu = one(values)?.parse::<Mtu>();
        let hint =
            |error: fabric::MtuError| Bad::Value(Some(error.to_string()));
        wanted.props.mtu = Some(mtu.map_err(hint)?);
        Ok(())
    }),
    ("protection", |wanted, values| {
        let protection = values.join(",").parse();
        let bad = |_| Bad::Choice("mac-nospoof,none");
        wanted.props.protection = protection.map_err(bad)?;
        Ok(())
    }),
    ("mode", |_, values| match one(values)? {
        "veth" => Ok(()),
        "tap" => Err(Bad::NotSupported),
        _ => Err(Bad::Choice("veth")),
    }),
];

/// What is wrong with a property's values.
enum Bad {
    /// Too many.
    Count,
    /// None of the words that it takes.
    Choice(&'static str),
    /// Outside of what it takes, with what that is.
    Value(Option<String>),
    /// It can't be done here.
    NotSupported,
}

/// The value of a property that takes one.
fn one(values: &[String]) -> Result<&str, Bad> {
    match values {
        [value] => Ok(value),
        _ => Err(Bad::Count),
    }
}

/// Reads properties for a VNIC. Each is tried, in order, and every refusal is
/// told; of two equal names the later counts. Letter case in names does not
/// matter.
pub(super) fn read(vnic: &str, list: &[Prop]) -> Result<Wanted, Vec<Refusal>> {
    let mut wanted = Wanted::default();
    let mut refusals = Vec::new();
    for prop in list {
        if let Err(refusal) = set(&mut wanted, vnic, prop) {
            refusals.push(refusal);
        }
    }
    if refusals.is_empty() { Ok(wanted) } else { Err(refusals) }
}

fn set(wanted: &mut Wanted, vnic: &str, prop: &Prop) -> Result<(), Refusal> {
    let name = &prop.name;
    let known = PROPS.iter().find(|(n, _)| n.eq_ignore_ascii_case(name));
    let Some((_, setter)) = known else {
        let names: Vec<_> = PROPS.iter().map(|(name, _)| *name).collect();
        return Err(Refusal {
            warning: format!("invalid link property '{name}'"),
            status: "object not found",
            hint: Some(format!("known properties: {}", names.join(", "))),
        });
    };
    if prop.values.is_empty() {
        return Err(Refusal {
            warning: format!("no value specified for '{name}'"),
            status: "invalid argument",
            hint: None,
        });
    }
    setter(wanted, &prop.values).map_err(|bad| {
        let cannot = |status: &str| {
            format!("cannot set link property '{name}' on '{vnic}': {status}")
        };
        let (warning, status, hint) = match bad {
            Bad::Count => {
                let status = "invalid number of values";
                (cannot(status), status, None)
            }
            Bad::Choice(words) => {
                let text =
                    format!("link property '{name}' must be one of: {words}");
                (text, "invalid value", None)
            }
            Bad::Value(hint) => {
                let status = "invalid value";
                (cannot(status), status, hint)
            }
            Bad::NotSupported => {
                let status = "operation not supported";
                (cannot(status), status, None)
            }
        };
        Refusal { warning, status, hint }
    })
}

#[cfg(test)]
mod tests {
    use fabric::Protection;

    use super::*;
    use crate::proplist;

    #[test]
    fn what_each_property_takes() {
        let mtu = |n| Mtu::new(n).ok();
        let plain = VnicProps::default();
        let off = VnicProps { protection: Protection::NONE, ..plain.clone() };
        let low = VnicProps { mtu: mtu(1400), ..plain.clone() };
        for (text, zone, props) in [
            ("zone=web", Some("web"), &plain),
            ("ZONE=/run/netns/web", Some("web"), &plain),
            ("zone=pid:7", Some("pid:7"), &plain),
            ("mtu=1400", None, &low),
            ("mtu=9000,mtu=1400", None, &low),
            ("protection=mac-nospoof", None, &plain),
            ("protection=mac-nospoof,mac-nospoof", None, &plain),
            ("protection=none,mode=veth", None, &off),
        ] {
            let list = proplist::parse(text).unwrap();
            let zone = zone.map(|zone| zone.parse().unwrap());
            let want = Wanted { zone, props: props.clone() };
            assert_eq!(read("net0", &list), Ok(want), "{text}");
        }
    }

    #[test]
    fn every_refusal_is_told_and_the_first_counts() {
        let cannot = |prop: &str, status: &str| {
            format!("cannot set link property '{prop}' on 'net0': {status}")
        };
        for (text, warnings, status) in [
            (
                "colour=red,MTU=9",
                vec![
                    "invalid link property 'colour'".to_owned(),
                    cannot("MTU", "invalid value"),
                ],
                "object not found",
            ),
            (
                "mtu=1,2",
                vec![cannot("mtu", "invalid number of values")],
                "invalid number of values",
            ),
            (
                "zone=a b",
                vec![cannot("zone", "invalid value")],
                "invalid value",
            ),
            (
                "mtu,zone=web",
                vec!["no value specified for 'mtu'".to_owned()],
                "invalid argument",
            ),
            (
                "protection=ip-nospoof",
                vec![
                    "link property 'protection' must be one of: \
                     mac-nospoof,none"
                        .to_owned(),
                ],
                "invalid value",
            ),
            (
                "mode=tap",
                vec![cannot("mode", "operation not supported")],
                "operation not supported",
            ),
            (
                "mode=bridge",
                vec!["link property 'mode' must be one of: veth".into()],
                "invalid value",
            ),
        ] {
            let list = proplist::parse(text).unwrap();
            let refusals = read("net0", &list).unwrap_err();
            let got: Vec<_> =
                refusals.iter().map(|r| r.warning.clone()).collect();
            assert_eq!(got, warnings, "{text}");
            assert_eq!(refusals[0].status, status, "{text}");
        }
    }
}
