//! The link properties that create-vnic takes.

use fabric::{
    AllowedIp, AllowedIps, ClientId, ClientIds, Mode, ModeError, Mtu,
    ProtectionError, Status, VnicProps, Zone, ZoneError,
};

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
    pub(super) status: Status,
    /// What to try.
    pub(super) hint: Option<String>,
}

/// The properties: a name, and what takes its values.
type Setter = fn(&mut Wanted, &[String]) -> Result<(), Bad>;
const PROPS: [(&str, Setter); 9] = [
    ("zone", |wanted, values| {
        let zone = one(values)?.parse();
        let hint = |error: ZoneError| {
            Bad::Status(Status::InvalidValue, Some(error.to_string()))
        };
        wanted.zone = Some(zone.map_err(hint)?);
        Ok(())
    }),
    ("mtu", |wanted, values| {
        let mtu = one(values)?.parse::<Mtu>();
        let hint = |error: fabric::MtuError| {
            Bad::Status(Status::InvalidValue, Some(error.to_string()))
        };
        wanted.props.mtu = Some(mtu.map_err(hint)?);
        Ok(())
    }),
    ("protection", |wanted, values| {
        let protection = values.join(",").parse();
        let bad = |_| Bad::Choice(ProtectionError::CHOICES);
        wanted.props.protection = protection.map_err(bad)?;
        Ok(())
    }),
    ("dynamic-methods", |_, values| {
        const METHODS: [&str; 4] = ["dhcpv4", "dhcpv6", "slaac", "addrconf"];
        let known = |value: &String| {
            METHODS.iter().any(|word| word.eq_ignore_ascii_case(value))
        };
        if !values.iter().all(known) {
            return Err(Bad::Choice("dhcpv4,dhcpv6,slaac,addrconf"));
        }
        let hint = "leases are not learned yet; name the addresses in \
                    allowed-ips";
        Err(Bad::Status(Status::NotSupported, Some(hint.to_owned())))
    }),
    ("allowed-ips", |wanted, values| {
        let hint = "an address, or a CIDR prefix with no bits behind it; \
                    neither 0.0.0.0 nor ::";
        let ip = |value: &String| {
            value.parse::<AllowedIp>().map_err(|_| {
                Bad::Status(Status::InvalidIp, Some(hint.to_owned()))
            })
        };
        let ips = values.iter().map(ip).collect::<Result<Vec<_>, _>>()?;
        let ips = AllowedIps::try_from(ips).map_err(|error| {
            Bad::Status(error.status(), Some(error.to_string()))
        })?;
        wanted.props.allowed_ips = ips;
        Ok(())
    }),
    ("allowed-dhcp-cids", |wanted, values| {
        let id = |value: &String| {
            value.parse::<ClientId>().map_err(|error| {
                Bad::Status(Status::InvalidValue, Some(error.to_string()))
            })
        };
        let ids = values.iter().map(id).collect::<Result<Vec<_>, _>>()?;
        let ids = ClientIds::try_from(ids).map_err(|error| {
            Bad::Status(error.status(), Some(error.to_string()))
        })?;
        wanted.props.allowed_dhcp_cids = ids;
        Ok(())
    }),
    ("allow-all-dhcp-cids", |wanted, values| {
        let value = one(values)?.to_ascii_lowercase();
        wanted.props.allow_all_dhcp_cids =
            value.parse().map_err(|_| Bad::Choice("true,false"))?;
        Ok(())
    }),
    ("mode", |wanted, values| {
        let mode = one(values)?.parse::<Mode>();
        let bad = |_: ModeError| Bad::Choice("veth,tap");
        wanted.props.mode = mode.map_err(bad)?;
        Ok(())
    }),
    ("owner", |wanted, values| {
        // Any word may be a user's name; netd knows.
        let Ok(owner) = one(values)?.parse();
        wanted.props.owner = Some(owner);
        Ok(())
    }),
];

/// What is wrong with a property's values.
enum Bad {
    /// None of the words that it takes.
    Choice(&'static str),
    /// Anything else, with what to try.
    Status(Status, Option<String>),
}

/// The value of a property that takes one.
fn one(values: &[String]) -> Result<&str, Bad> {
    match values {
        [value] => Ok(value),
        _ => Err(Bad::Status(Status::ValueCount, None)),
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
            status: Status::ObjectNotFound,
            hint: Some(format!("known properties: {}", names.join(", "))),
        });
    };
    if prop.values.is_empty() {
        return Err(Refusal {
            warning: format!("no value specified for '{name}'"),
            status: Status::InvalidArgument,
            hint: None,
        });
    }
    setter(wanted, &prop.values).map_err(|bad| {
        let (warning, status, hint) = match bad {
            Bad::Choice(words) => {
                let text =
                    format!("link property '{name}' must be one of: {words}");
                (text, Status::InvalidValue, None)
            }
            Bad::Status(status, hint) => {
                let text = format!(
                    "cannot set link property '{name}' on '{vnic}': {status}"
                );
                (text, status, hint)
            }
        };
        Refusal { warning, status, hint }
    })
}

#[cfg(test)]
mod tests {
    use fabric::{Owner, Protection};

    use super::*;
    use crate::proplist;

    #[test]
    fn what_each_property_takes() {
        let mtu = |n| Mtu::new(n).ok();
        let plain = VnicProps::default();
        let off = VnicProps { protection: Protection::NONE, ..plain.clone() };
        let low = VnicProps { mtu: mtu(1400), ..plain.clone() };
        let all = VnicProps { protection: Protection::ALL, ..plain.clone() };
        let ips = ["10.0.0.7", "2001:db8::/64"].map(|ip| ip.parse().unwrap());
        let ips = AllowedIps::try_from(ips.to_vec()).unwrap();
        let ips = VnicProps { allowed_ips: ips, ..plain.clone() };
        let ids = ["web", "0x0102", "3.1.2:8:20:0:0:7"];
        let ids = ids.map(|id| id.parse().unwrap()).to_vec();
        let ids = VnicProps {
            allowed_dhcp_cids: ClientIds::try_from(ids).unwrap(),
            ..plain.clone()
        };
        let any = VnicProps { allow_all_dhcp_cids: true, ..plain.clone() };
        let tap = VnicProps { mode: Mode::Tap, ..plain.clone() };
        let owned = |owner| VnicProps { owner: Some(owner), ..tap.clone() };
        let by_uid = owned(Owner::Uid(1000));
        let by_name = owned(Owner::Name("qemu".to_owned()));
        for (text, zone, props) in [
            ("zone=web", Some("web"), &plain),
            ("ZONE=/run/netns/web", Some("web"), &plain),
            ("zone=pid:7", Some("pid:7"), &plain),
            ("mtu=1400", None, &low),
            ("mtu=9000,mtu=1400", None, &low),
            ("protection=mac-nospoof", None, &plain),
            ("protection=mac-nospoof,mac-nospoof", None, &plain),
            ("protection=none,mode=veth", None, &off),
            (
                "protection=dhcp-nospoof,ip-nospoof,restricted,mac-nospoof",
                None,
                &all,
            ),
            ("allowed-ips=10.0.0.7,2001:db8::/64", None, &ips),
            (
                "allowed-ips=1.2.3.4,Allowed-IPs=10.0.0.7/32,2001:DB8::/64",
                None,
                &ips,
            ),
            ("allowed-dhcp-cids=web,0x0102,3.1.2:8:20:0:0:7", None, &ids),
            ("allow-all-dhcp-cids=True", None, &any),
            ("allow-all-dhcp-cids=false", None, &plain),
            ("mode=tap", None, &tap),
            ("mode=tap,owner=1000", None, &by_uid),
            ("owner=qemu,mode=tap,zone=vm", Some("vm"), &by_name),
        ] {
            let list = proplist::parse(text).unwrap();
            let zone = zone.map(|zone| zone.parse().unwrap());
            let want = Wanted { zone, props: props.clone() };
            assert_eq!(read("net0", &list), Ok(want), "{text}");
        }
    }

    #[test]
    fn every_refusal_is_told_and_the_first_counts() {
        let many = |prop: &str, value: fn(u8) -> String| {
            let values: Vec<_> = (1..=33).map(value).collect();
            format!("{prop}={}", values.join(","))
        };
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
                "protection=ip-nospoof,IP-nospoof",
                vec![
                    "link property 'protection' must be one of: \
                     mac-nospoof,restricted,ip-nospoof,dhcp-nospoof,none"
                        .to_owned(),
                ],
                "invalid value",
            ),
            (
                "allowed-ips=10.0.0.7,10.0.0.1/8",
                vec![cannot("allowed-ips", "invalid IP address")],
                "invalid IP address",
            ),
            (
                "allowed-ips=0.0.0.0,allowed-ips=10.0.0.0/8,10.0.0.0/16",
                vec![
                    cannot("allowed-ips", "invalid IP address"),
                    cannot("allowed-ips", "invalid argument"),
                ],
                "invalid IP address",
            ),
            (
                &many("allowed-ips", |n| format!("10.0.0.{n}")),
                vec![cannot("allowed-ips", "invalid number of values")],
                "invalid number of values",
            ),
            (
                "allowed-dhcp-cids=web,0x1",
                vec![cannot("allowed-dhcp-cids", "invalid value")],
                "invalid value",
            ),
            (
                "allowed-dhcp-cids=web,web",
                vec![cannot("allowed-dhcp-cids", "invalid argument")],
                "invalid argument",
            ),
            (
                &many("allowed-dhcp-cids", |n| format!("0x{n:02x}")),
                vec![cannot("allowed-dhcp-cids", "invalid number of values")],
                "invalid number of values",
            ),
            (
                "allow-all-dhcp-cids=yes",
                vec![
                    "link property 'allow-all-dhcp-cids' must be one of: \
                     true,false"
                        .to_owned(),
                ],
                "invalid value",
            ),
            (
                "allow-all-dhcp-cids=true,false",
                vec![cannot("allow-all-dhcp-cids", "invalid number of values")],
                "invalid number of values",
            ),
            (
                "dynamic-methods=dhcpv4,SLAAC",
                vec![cannot("dynamic-methods", "operation not supported")],
                "operation not supported",
            ),
            (
                "dynamic-methods=dhcp",
                vec![
                    "link property 'dynamic-methods' must be one of: \
                     dhcpv4,dhcpv6,slaac,addrconf"
                        .to_owned(),
                ],
                "invalid value",
            ),
            (
                "mode=tap,owner=a,b",
                vec![cannot("owner", "invalid number of values")],
                "invalid number of values",
            ),
            (
                "mode=bridge",
                vec!["link property 'mode' must be one of: veth,tap".into()],
                "invalid value",
            ),
        ] {
            let list = proplist::parse(text).unwrap();
            let refusals = read("net0", &list).unwrap_err();
            let got: Vec<_> =
                refusals.iter().map(|r| r.warning.clone()).collect();
            assert_eq!(got, warnings, "{text}");
            assert_eq!(refusals[0].status.to_string(), status, "{text}");
        }
    }
}
