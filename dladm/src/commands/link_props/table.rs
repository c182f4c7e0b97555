//! The table: what is shown of each property, and what it takes.

use std::fmt::Display;

use fabric::LinkClass::{Aggr, Etherstub, Phys, Vnic};
use fabric::{
    AllowedIp, AllowedIps, Bandwidth, BandwidthError, ClientId, ClientIds,
    CpuSet, CpuSetError, FloorError, LinkClass, Mac, MethodsError, ModeError,
    Mtu, MtuError, PriorityError, ProtectionError, Rings, RingsError,
    SecondaryMacs, Status, VnicProp, ZoneError,
};

use super::{Bad, LinkProp, Possible, When};

/// The properties in the order in which illumos lists them; those that it
/// doesn't have come last.
pub(in super::super) const PROPS: [LinkProp; 23] = [
    LinkProp {
        name: "speed",
        classes: &[Phys],
        vnic: None,
        link: None,
        value: |subject, when| match (&subject.phys, when) {
            // Mb/s; 0: unknown.
            (Some(phys), When::Now) if phys.speed > 0 => some(phys.speed),
            _ => none(),
        },
        possible: Possible::Free,
        parse: None,
    },
    LinkProp {
        name: "zone",
        classes: &[Vnic],
        vnic: Some(VnicProp::Zone),
        link: None,
        value: |subject, when| match when {
            When::Default => none(),
            When::Now | When::Kept => list(&subject.link.zone),
        },
        possible: Possible::Free,
        parse: Some(|set, values| {
            let zone = one(values)?.parse();
            set.zone = Some(zone.map_err(|e: ZoneError| invalid(&e))?);
            Ok(())
        }),
    },
    LinkProp {
        name: "duplex",
        classes: &[Phys],
        vnic: None,
        link: None,
        value: |subject, when| match (&subject.phys, when) {
            (Some(phys), When::Now) => some(phys.duplex),
            (_, When::Default) => some("full"),
            _ => none(),
        },
        possible: Possible::Words("half,full"),
        parse: None,
    },
    LinkProp {
        name: "state",
        classes: &LinkClass::ALL,
        vnic: None,
        link: None,
        value: |subject, when| match when {
            When::Now => some(subject.link.state),
            When::Kept => none(),
            When::Default => some("up"),
        },
        possible: Possible::Words("up,down"),
        parse: None,
    },
    LinkProp {
        name: "mtu",
        classes: &LinkClass::ALL,
        vnic: Some(VnicProp::Mtu),
        link: None,
        value: |subject, when| match (when, subject.link.class) {
            (When::Now, _) => list(subject.link.mtu),
            (When::Kept, _) => {
                list(subject.props(when).and_then(|props| props.mtu))
            }
            (When::Default, Vnic) => {
                let vnic = subject.vnic.as_ref();
                list(vnic.and_then(|vnic| vnic.default_mtu))
            }
            (When::Default, Etherstub) => some(Mtu::ETHERSTUB),
            (When::Default, _) => some(Mtu::ETHERNET),
        },
        possible: Possible::Mtu,
        parse: Some(|set, values| {
            let mtu = one(values)?.parse();
            set.mtu = Some(mtu.map_err(|e: MtuError| invalid(&e))?);
            Ok(())
        }),
    },
    LinkProp {
        name: "secondary-macs",
        classes: &[Vnic],
        vnic: Some(VnicProp::SecondaryMacs),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => list(props.secondary_macs.iter()),
            None => none(),
        },
        possible: Possible::Free,
        parse: Some(|set, values| {
            let macs =
                each::<Mac>(values, |_| Bad::Status(Status::MacSyntax, None))?;
            let macs = SecondaryMacs::try_from(macs).map_err(|error| {
                Bad::Status(error.status(), Some(error.to_string()))
            })?;
            set.secondary_macs = Some(macs);
            Ok(())
        }),
    },
    LinkProp {
        name: "maxbw",
        classes: &[Phys, Aggr, Etherstub, Vnic],
        vnic: Some(VnicProp::MaxBw),
        link: Some(fabric::LinkProp::MaxBw),
        value: |subject, when| {
            let maxbw = match subject.link_props(when) {
                Some(props) => props.maxbw,
                None => subject.props(when).and_then(|props| props.maxbw),
            };
            list(maxbw.map(Bandwidth::padded))
        },
        possible: Possible::Free,
        parse: Some(|set, values| {
            let maxbw = bandwidth(values, Bandwidth::check_maxbw)?;
            set.maxbw = Some(maxbw);
            Ok(())
        }),
    },
    LinkProp {
        name: "cpus",
        classes: &[Vnic],
        vnic: Some(VnicProp::Cpus),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => props.cpus.as_ref().map_or(none(), words),
            None => none(),
        },
        possible: Possible::Free,
        parse: Some(|set, values| {
            let cpus = values.join(",").parse::<CpuSet>();
            set.cpus = Some(cpus.map_err(|error: CpuSetError| {
                Bad::Status(error.status(), Some(error.to_string()))
            })?);
            Ok(())
        }),
    },
    LinkProp {
        name: "cpus-effective",
        classes: &[Vnic],
        vnic: None,
        link: None,
        value: |subject, when| match (&subject.vnic, when) {
            (Some(vnic), When::Now) => {
                vnic.cpus_effective.as_ref().map_or(none(), words)
            }
            _ => none(),
        },
        possible: Possible::Free,
        parse: None,
    },
    LinkProp {
        name: "priority",
        classes: &[Vnic],
        vnic: Some(VnicProp::Priority),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => some(props.priority),
            None => none(),
        },
        possible: Possible::Words(PriorityError::CHOICES),
        parse: Some(|set, values| {
            let priority = one(values)?.parse();
            let priority = priority.map_err(|_: PriorityError| Bad::Choice)?;
            set.priority = Some(priority);
            Ok(())
        }),
    },
    LinkProp {
        name: "protection",
        classes: &[Vnic],
        vnic: Some(VnicProp::Protection),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => words(props.protection),
            None => none(),
        },
        possible: Possible::Words(ProtectionError::CHOICES),
        parse: Some(|set, values| {
            let protection = values.join(",").parse();
            set.protection = Some(protection.map_err(|_| Bad::Choice)?);
            Ok(())
        }),
    },
    LinkProp {
        name: "dynamic-methods",
        classes: &[Vnic],
        vnic: Some(VnicProp::DynamicMethods),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => words(props.dynamic_methods),
            None => none(),
        },
        possible: Possible::Words(MethodsError::CHOICES),
        parse: Some(|set, values| {
            let methods = values.join(",").parse();
            set.dynamic_methods = Some(methods.map_err(|_| Bad::Choice)?);
            Ok(())
        }),
    },
    LinkProp {
        name: "promisc-filtered",
        classes: &[Vnic],
        vnic: Some(VnicProp::PromiscFiltered),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) if props.promisc_filtered => some("on"),
            Some(_) => some("off"),
            None => none(),
        },
        possible: Possible::Words("on,off"),
        parse: Some(|set, values| {
            let on = match one(values)?.to_ascii_lowercase().as_str() {
                "on" => true,
                "off" => false,
                _ => return Err(Bad::Choice),
            };
            set.promisc_filtered = Some(on);
            Ok(())
        }),
    },
    LinkProp {
        name: "allowed-ips",
        classes: &[Vnic],
        vnic: Some(VnicProp::AllowedIps),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => list(props.allowed_ips.iter()),
            None => none(),
        },
        possible: Possible::Free,
        parse: Some(|set, values| {
            let ips = each::<AllowedIp>(values, |_| {
                let hint = "an address, or a CIDR prefix with no bits behind \
                            it; neither 0.0.0.0 nor ::";
                Bad::Status(Status::InvalidIp, Some(hint.to_owned()))
            })?;
            let ips = AllowedIps::try_from(ips).map_err(|error| {
                Bad::Status(error.status(), Some(error.to_string()))
            })?;
            set.allowed_ips = Some(ips);
            Ok(())
        }),
    },
    LinkProp {
        name: "allowed-dhcp-cids",
        classes: &[Vnic],
        vnic: Some(VnicProp::AllowedDhcpCids),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => list(props.allowed_dhcp_cids.iter()),
            None => none(),
        },
        possible: Possible::Free,
        parse: Some(|set, values| {
            let ids = each::<ClientId>(values, |error| invalid(&error))?;
            let ids = ClientIds::try_from(ids).map_err(|error| {
                Bad::Status(error.status(), Some(error.to_string()))
            })?;
            set.allowed_dhcp_cids = Some(ids);
            Ok(())
        }),
    },
    LinkProp {
        name: "allow-all-dhcp-cids",
        classes: &[Vnic],
        vnic: Some(VnicProp::AllowAllDhcpCids),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => some(props.allow_all_dhcp_cids),
            None => none(),
        },
        possible: Possible::Words("true,false"),
        parse: Some(|set, values| {
            let value = one(values)?.to_ascii_lowercase();
            let all = value.parse().map_err(|_| Bad::Choice)?;
            set.allow_all_dhcp_cids = Some(all);
            Ok(())
        }),
    },
    LinkProp {
        name: "rxrings",
        classes: &[Vnic],
        vnic: Some(VnicProp::RxRings),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => list(props.rxrings),
            None => none(),
        },
        possible: Possible::Rings,
        parse: Some(|set, values| {
            set.rxrings = Some(rings(values)?);
            Ok(())
        }),
    },
    LinkProp {
        name: "rxrings-effective",
        classes: &[Vnic],
        vnic: None,
        link: None,
        value: |subject, when| match (&subject.vnic, when) {
            (Some(vnic), When::Now) => list(vnic.rxrings_effective),
            _ => none(),
        },
        possible: Possible::Free,
        parse: None,
    },
    LinkProp {
        name: "txrings",
        classes: &[Vnic],
        vnic: Some(VnicProp::TxRings),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => list(props.txrings),
            None => none(),
        },
        possible: Possible::Rings,
        parse: Some(|set, values| {
            set.txrings = Some(rings(values)?);
            Ok(())
        }),
    },
    LinkProp {
        name: "txrings-effective",
        classes: &[Vnic],
        vnic: None,
        link: None,
        value: |subject, when| match (&subject.vnic, when) {
            (Some(vnic), When::Now) => list(vnic.txrings_effective),
            _ => none(),
        },
        possible: Possible::Free,
        parse: None,
    },
    LinkProp {
        name: "minbw",
        classes: &[Vnic],
        vnic: Some(VnicProp::MinBw),
        link: None,
        value: |subject, when| {
            let minbw = subject.props(when).and_then(|props| props.minbw);
            list(minbw.map(Bandwidth::padded))
        },
        possible: Possible::Free,
        parse: Some(|set, values| {
            let minbw = bandwidth(values, Bandwidth::check_minbw)?;
            set.minbw = Some(minbw);
            Ok(())
        }),
    },
    LinkProp {
        name: "mode",
        classes: &[Vnic],
        vnic: Some(VnicProp::Mode),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => some(props.mode),
            None => none(),
        },
        possible: Possible::Words("veth,tap"),
        parse: Some(|set, values| {
            let mode = one(values)?.parse();
            set.mode = Some(mode.map_err(|_: ModeError| Bad::Choice)?);
            Ok(())
        }),
    },
    LinkProp {
        name: "owner",
        classes: &[Vnic],
        vnic: Some(VnicProp::Owner),
        link: None,
        value: |subject, when| match subject.props(when) {
            Some(props) => list(&props.owner),
            None => none(),
        },
        possible: Possible::Free,
        parse: Some(|set, values| {
            // Any word may be a user's name; netd knows.
            let Ok(owner) = one(values)?.parse();
            set.owner = Some(owner);
            Ok(())
        }),
    },
];

/// The value of a property that takes one.
fn one(values: &[String]) -> Result<&str, Bad> {
    match values {
        [value] => Ok(value),
        _ => Err(Bad::Status(Status::ValueCount, None)),
    }
}

/// The values of a property that takes several of a kind.
fn each<T: std::str::FromStr>(
    values: &[String],
    bad: fn(T::Err) -> Bad,
) -> Result<Vec<T>, Bad> {
    values.iter().map(|value| value.parse().map_err(bad)).collect()
}

/// The value of a property that is a bandwidth within its bounds.
fn bandwidth(
    values: &[String],
    check: fn(Bandwidth) -> Result<(), FloorError>,
) -> Result<Bandwidth, Bad> {
    let bandwidth = one(values)?.parse().map_err(|error: BandwidthError| {
        Bad::Status(error.status(), Some(error.to_string()))
    })?;
    check(bandwidth).map_err(|error| Bad::Status(error.status(), None))?;
    Ok(bandwidth)
}

/// The value of a property that is a number of rings.
fn rings(values: &[String]) -> Result<Rings, Bad> {
    one(values)?.parse().map_err(|error: RingsError| {
        Bad::Status(error.status(), Some(error.to_string()))
    })
}

fn invalid(error: &dyn Display) -> Bad {
    Bad::Status(Status::InvalidValue, Some(error.to_string()))
}

fn none() -> Vec<String> {
    Vec::new()
}

fn some(value: impl Display) -> Vec<String> {
    vec![value.to_string()]
}

fn list<T: Display>(values: impl IntoIterator<Item = T>) -> Vec<String> {
    values.into_iter().map(|value| value.to_string()).collect()
}

/// The words of a value that is a comma list in one text.
fn words(value: impl Display) -> Vec<String> {
    let text = value.to_string();
    let words = text.split(',').filter(|word| !word.is_empty());
    words.map(str::to_owned).collect()
}
