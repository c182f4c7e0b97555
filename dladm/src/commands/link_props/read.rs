//! From a property list to a request.

use fabric::api::SetProps;
use fabric::{LinkClass, Status};

use super::{Bad, LinkProp, PROPS, Possible};
use crate::proplist::Prop;

/// Whose properties a list is about.
#[derive(Clone, Copy, Debug)]
pub(in super::super) enum Target<'a> {
    /// A VNIC that is about to be made.
    New(&'a str),
    /// A link that is there.
    Link(&'a str, LinkClass),
}

/// One property that can't be set or reset.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in super::super) struct Refusal {
    /// The warning: which property, and what is wrong.
    pub(in super::super) warning: String,
    /// libdladm's word for it.
    pub(in super::super) status: Status,
    /// What to try.
    pub(in super::super) hint: Option<String>,
}

/// Reads properties with values. Each is tried, in order, and every refusal is
/// told; of two equal names the later counts. Letter case in names does not
/// matter.
pub(in super::super) fn read(
    target: Target<'_>,
    list: &[Prop],
) -> Result<SetProps, Vec<Refusal>> {
    let mut set = SetProps::default();
    let mut refusals = Vec::new();
    for prop in list {
        refusals.extend(take(&mut set, target, prop).err());
    }
    if refusals.is_empty() { Ok(set) } else { Err(refusals) }
}

fn take(
    set: &mut SetProps,
    target: Target<'_>,
    Prop { name, values }: &Prop,
) -> Result<(), Refusal> {
    let prop = find(target, name)?;
    if values.is_empty() {
        return Err(Refusal {
            warning: format!("no value specified for '{name}'"),
            status: Status::InvalidArgument,
            hint: None,
        });
    }
    let refused = |bad| refusal("set", target, name, prop, bad);
    target.allows(prop).map_err(refused)?;
    match prop.parse {
        Some(parse) => parse(set, values).map_err(refused),
        None => Err(refused(Bad::Status(Status::ReadOnly, None))),
    }
}

/// Finds the properties to reset by their names.
pub(in super::super) fn read_names(
    target: Target<'_>,
    list: &[Prop],
) -> Result<Vec<&'static LinkProp>, Vec<Refusal>> {
    let mut props = Vec::new();
    let mut refusals = Vec::new();
    for Prop { name, .. } in list {
        let allowed = find(target, name).and_then(|prop| {
            let refused = |bad| refusal("reset", target, name, prop, bad);
            target.allows(prop).map_err(refused)?;
            Ok(prop)
        });
        match allowed {
            Ok(prop) => props.push(prop),
            Err(refusal) => refusals.push(refusal),
        }
    }
    if refusals.is_empty() { Ok(props) } else { Err(refusals) }
}

fn find(target: Target<'_>, name: &str) -> Result<&'static LinkProp, Refusal> {
    LinkProp::find(name).ok_or_else(|| {
        let known = PROPS.iter().filter(|prop| target.allows(prop).is_ok());
        let known: Vec<_> = known.map(|prop| prop.name).collect();
        let known = (!known.is_empty()).then(|| known.join(", "));
        Refusal {
            warning: format!("invalid link property '{name}'"),
            status: Status::ObjectNotFound,
            hint: known.map(|known| format!("known properties: {known}")),
        }
    })
}

impl Target<'_> {
    /// Whether a property can be given a value there.
    fn allows(self, prop: &LinkProp) -> Result<(), Bad> {
        let class = match self {
            Self::New(_) => LinkClass::Vnic,
            Self::Link(_, class) => class,
        };
        if !prop.is_of(class) {
            return Err(Bad::Status(Status::NotSupported, None));
        }
        match self {
            Self::New(_) if prop.parse.is_some() => return Ok(()),
            Self::Link(..) if prop.can_change(class) => return Ok(()),
            _ => {}
        }
        let hint = match class {
            // Those that a VNIC has by nobody's will have no other value.
            LinkClass::Vnic => prop.vnic.map(|prop| {
                format!("delete the VNIC, and create it with -p {prop}=VALUE")
            }),
            LinkClass::Etherstub => None,
            _ => Some("netd changes nothing of the host's own".to_owned()),
        };
        Err(Bad::Status(Status::ReadOnly, hint))
    }

    fn name(&self) -> &str {
        match self {
            Self::New(name) | Self::Link(name, _) => name,
        }
    }
}

/// Puts a refusal into words. The name is the property's as it was written.
fn refusal(
    verb: &str,
    target: Target<'_>,
    name: &str,
    prop: &LinkProp,
    bad: Bad,
) -> Refusal {
    let (status, hint) = match (bad, &prop.possible) {
        (Bad::Choice, Possible::Words(words)) => {
            return Refusal {
                warning: format!(
                    "link property '{name}' must be one of: {words}"
                ),
                status: Status::InvalidValue,
                hint: None,
            };
        }
        (Bad::Choice, _) => (Status::InvalidValue, None),
        (Bad::Status(status, hint), _) => (status, hint),
    };
    Refusal {
        warning: cannot(verb, name, target.name(), &status),
        status,
        hint,
    }
}

/// `cannot set link property 'mtu' on 'net0': STATUS`
pub(in super::super) fn cannot(
    verb: &str,
    prop: &str,
    link: &str,
    status: &dyn std::fmt::Display,
) -> String {
    format!("cannot {verb} link property '{prop}' on '{link}': {status}")
}

#[cfg(test)]
mod tests {
    use fabric::{
        AllowedIps, Bandwidth, ClientIds, Methods, Mode, Mtu, Owner, Priority,
        Protection, Rings, SecondaryMacs, VnicProps,
    };

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
        let both = Methods { dhcpv6: true, slaac: true, ..Methods::NONE };
        let methods = VnicProps { dynamic_methods: both, ..plain.clone() };
        let macs = ["2:8:20:0:0:8", "2:8:20:0:0:7"];
        let macs = macs.map(|mac| mac.parse().unwrap()).to_vec();
        let macs = VnicProps {
            secondary_macs: SecondaryMacs::try_from(macs).unwrap(),
            ..plain.clone()
        };
        let promisc = VnicProps { promisc_filtered: false, ..plain.clone() };
        let shaped = |maxbw: u64, minbw: u64, priority| VnicProps {
            maxbw: Some(Bandwidth::from_bps(maxbw)),
            minbw: Some(Bandwidth::from_bps(minbw)),
            priority,
            ..plain.clone()
        };
        let least = shaped(64_000, 64_000, Priority::Low);
        let most = shaped(1_000_000_000, 50_000_000, Priority::High);
        let maxbw = Some(Bandwidth::ZERO);
        let blocked = VnicProps { maxbw, ..plain.clone() };
        let spread = VnicProps {
            cpus: "0-2,5".parse().ok(),
            rxrings: "2".parse().ok(),
            txrings: Some(Rings::Sw),
            ..plain.clone()
        };
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
            ("dynamic-methods=addrconf", None, &methods),
            ("dynamic-methods=SLAAC,dhcpv6", None, &methods),
            ("secondary-macs=2:8:20:0:0:8,2:08:20:0:0:7", None, &macs),
            ("promisc-filtered=OFF", None, &promisc),
            ("promisc-filtered=off,promisc-filtered=on", None, &plain),
            ("maxbw=64K,minbw=64k,priority=LOW", None, &least),
            ("MaxBw=1G,minbw=50,priority=low,priority=high", None, &most),
            ("maxbw=0", None, &blocked),
            ("cpus=5,0-1,2,rxrings=2,txrings=sw", None, &spread),
            ("CPUs=7,cpus=0-2,5,RxRings=02,TXRINGS=sw", None, &spread),
            ("mode=tap", None, &tap),
            ("mode=tap,owner=1000", None, &by_uid),
            ("owner=qemu,mode=tap,zone=vm", Some("vm"), &by_name),
        ] {
            let list = proplist::parse(text).unwrap();
            let zone = zone.map(|zone| zone.parse().unwrap());
            let set = read(Target::New("net0"), &list).unwrap();
            assert_eq!(set.zone, zone, "{text}");
            assert_eq!(set.over(&VnicProps::default()), *props, "{text}");
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
                "secondary-macs=2:8:20:0:0:8,2:8:20",
                vec![cannot("secondary-macs", "invalid MAC address")],
                "invalid MAC address",
            ),
            (
                "secondary-macs=1:0:5e:0:0:1",
                vec![cannot("secondary-macs", "invalid MAC address value")],
                "invalid MAC address value",
            ),
            (
                &many("secondary-macs", |n| format!("2:8:20:0:0:{n:x}")),
                vec![cannot("secondary-macs", "invalid number of values")],
                "invalid number of values",
            ),
            (
                "promisc-filtered=true",
                vec![
                    "link property 'promisc-filtered' must be one of: on,off"
                        .to_owned(),
                ],
                "invalid value",
            ),
            (
                "promisc-filtered=on,off",
                vec![cannot("promisc-filtered", "invalid number of values")],
                "invalid number of values",
            ),
            (
                "speed=1000,state=up",
                vec![
                    cannot("speed", "operation not supported"),
                    cannot("state", "read-only property"),
                ],
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
                "maxbw=63K,minbw=63K",
                vec![
                    cannot("maxbw", "minimum value for maxbw is 64K"),
                    cannot("minbw", "minimum value for minbw is 64K"),
                ],
                "minimum value for maxbw is 64K",
            ),
            (
                "minbw=0",
                vec![cannot("minbw", "minimum value for minbw is 64K")],
                "minimum value for minbw is 64K",
            ),
            (
                "maxbw=10T,maxbw=10Mb,maxbw=10%,maxbw=-1,maxbw=1,2",
                vec![
                    cannot("maxbw", "invalid value"),
                    cannot("maxbw", "invalid argument"),
                    cannot("maxbw", "operation not supported"),
                    cannot("maxbw", "invalid value"),
                    cannot("maxbw", "invalid number of values"),
                ],
                "invalid value",
            ),
            (
                "cpus=all,cpus=3-1,cpus=0,0,cpus=0-9000,cpus=-1",
                vec![
                    cannot("cpus", "invalid value"),
                    cannot("cpus", "invalid range"),
                    cannot("cpus", "invalid value"),
                    cannot("cpus", "non-existent processor ID"),
                    cannot("cpus", "invalid value"),
                ],
                "invalid value",
            ),
            (
                "rxrings=hw,txrings=0,txrings=many,rxrings=1,2",
                vec![
                    cannot("rxrings", "request hw rings failed"),
                    cannot("txrings", "invalid value"),
                    cannot("txrings", "invalid value"),
                    cannot("rxrings", "invalid number of values"),
                ],
                "request hw rings failed",
            ),
            (
                "cpus-effective=1,rxrings-effective=2",
                vec![
                    cannot("cpus-effective", "read-only property"),
                    cannot("rxrings-effective", "read-only property"),
                ],
                "read-only property",
            ),
            (
                "priority=highest",
                vec![
                    "link property 'priority' must be one of: low,medium,high"
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
            let refusals = read(Target::New("net0"), &list).unwrap_err();
            let got: Vec<_> =
                refusals.iter().map(|r| r.warning.clone()).collect();
            assert_eq!(got, warnings, "{text}");
            assert_eq!(refusals[0].status.to_string(), status, "{text}");
        }
    }
}
