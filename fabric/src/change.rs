//! Changing the properties of a VNIC that is there.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize};

use crate::{
    AllowedIps, Bandwidth, ClientIds, CpuSet, Methods, Mode, Mtu, Owner,
    Priority, Protection, Rings, SecondaryMacs, Status, Vnic, VnicProps, Zone,
};

/// A link property of a VNIC by its name, as dladm writes it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum VnicProp {
    /// Where the guest end lives. It stays there.
    Zone,
    /// Bytes after the Ethernet header.
    Mtu,
    /// Further addresses.
    SecondaryMacs,
    /// The most that the guest may send and receive.
    #[serde(rename = "maxbw")]
    MaxBw,
    /// The CPUs that work on its frames.
    Cpus,
    /// Who sends first.
    Priority,
    /// The checks on what the guest sends.
    Protection,
    /// How the guest may come by addresses.
    DynamicMethods,
    /// Whether the guest receives only what is for it.
    PromiscFiltered,
    /// The addresses that the guest may speak as.
    AllowedIps,
    /// The DHCP client ids that the guest may use.
    AllowedDhcpCids,
    /// Whether it may use any.
    AllowAllDhcpCids,
    /// How many queues the guest receives on.
    #[serde(rename = "rxrings")]
    RxRings,
    /// How many queues the guest sends on.
    #[serde(rename = "txrings")]
    TxRings,
    /// What the guest can send whatever others do.
    #[serde(rename = "minbw")]
    MinBw,
    /// What the two ends are. They stay that.
    Mode,
    /// Who may open the TAP. It stays theirs.
    Owner,
}

impl VnicProp {
    /// Every property, in the order in which illumos lists them; those that
    /// it doesn't have come last.
    pub const ALL: [Self; 17] = [
        Self::Zone,
        Self::Mtu,
        Self::SecondaryMacs,
        Self::MaxBw,
        Self::Cpus,
        Self::Priority,
        Self::Protection,
        Self::DynamicMethods,
        Self::PromiscFiltered,
        Self::AllowedIps,
        Self::AllowedDhcpCids,
        Self::AllowAllDhcpCids,
        Self::RxRings,
        Self::TxRings,
        Self::MinBw,
        Self::Mode,
        Self::Owner,
    ];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Zone => "zone",
            Self::Mtu => "mtu",
            Self::SecondaryMacs => "secondary-macs",
            Self::MaxBw => "maxbw",
            Self::Cpus => "cpus",
            Self::Priority => "priority",
            Self::Protection => "protection",
            Self::DynamicMethods => "dynamic-methods",
            Self::PromiscFiltered => "promisc-filtered",
            Self::AllowedIps => "allowed-ips",
            Self::AllowedDhcpCids => "allowed-dhcp-cids",
            Self::AllowAllDhcpCids => "allow-all-dhcp-cids",
            Self::RxRings => "rxrings",
            Self::TxRings => "txrings",
            Self::MinBw => "minbw",
            Self::Mode => "mode",
            Self::Owner => "owner",
        }
    }

    /// Whether it can be changed while the VNIC is there. The others are part
    /// of what its two ends were made as.
    #[must_use]
    pub const fn can_change(self) -> bool {
        !matches!(self, Self::Zone | Self::Mode | Self::Owner)
    }
}

impl fmt::Display for VnicProp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// `PATCH /v1/vnics/{name}`: all of it happens, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeVnic {
    /// Properties with their new values.
    #[serde(default, skip_serializing_if = "SetProps::is_empty")]
    pub set: SetProps,
    /// Properties that go back to their defaults. None can be in `set` too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reset: Vec<VnicProp>,
    /// Whether what was before holds again after the next boot. Properties
    /// that are not named here keep what is kept of them.
    #[serde(default)]
    pub temporary: bool,
}

/// Values for link properties. A property that is left out is not meant; null
/// is no value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetProps {
    /// Always refused: a VNIC stays in its zone.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// MTU in bytes, of both ends.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = u32, minimum = 68, maximum = 65535)
    )]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<Mtu>,
    /// The most that the guest may send, and as much again that it may
    /// receive, in bit/s: 0, which blocks it, or 64,000 and above.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxbw: Option<Bandwidth>,
    /// What the guest can send whatever others do, in bit/s.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = u64, minimum = 64_000)
    )]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minbw: Option<Bandwidth>,
    /// The CPUs that work on its frames.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "0-3,5")
    )]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<CpuSet>,
    /// How many queues the guest receives on: `sw` or a number. Whether a TAP
    /// has one or several can't change.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "2"))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rxrings: Option<Rings>,
    /// How many queues the guest sends on, as `rxrings`.
    #[cfg_attr(feature = "openapi", schema(value_type = String, example = "2"))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txrings: Option<Rings>,
    /// Who sends first when the link below can't carry all of it.
    #[cfg_attr(feature = "openapi", schema(value_type = Priority))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
    /// The checks on what the guest sends, or `none`.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "mac-nospoof,ip-nospoof")
    )]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub protection: Option<Protection>,
    /// How the guest may come by further addresses, with `ip-nospoof`.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Vec<String>, max_items = 4)
    )]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dynamic_methods: Option<Methods>,
    /// The addresses that the guest may speak as, with `ip-nospoof`.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Vec<String>, max_items = 32)
    )]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_ips: Option<AllowedIps>,
    /// The DHCP client ids that the guest may use, with `dhcp-nospoof`.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Vec<String>, max_items = 32)
    )]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allowed_dhcp_cids: Option<ClientIds>,
    /// Whether the guest may use any DHCP client id.
    #[cfg_attr(feature = "openapi", schema(value_type = bool))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_all_dhcp_cids: Option<bool>,
    /// Further addresses of the guest's.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Vec<String>, max_items = 32)
    )]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secondary_macs: Option<SecondaryMacs>,
    /// Whether the guest receives only what is for it.
    #[cfg_attr(feature = "openapi", schema(value_type = bool))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub promisc_filtered: Option<bool>,
    /// Always refused: a VNIC's ends stay what they are.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Always refused: a TAP stays its owner's.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

/// Reads a field that is there. Null could be taken for "unchanged" or for
/// "the default", so it is neither.
pub(crate) fn a_value<'de, D, T>(from: D) -> Result<Option<T>, D::Error>
where
    D: Deserializer<'de>,
    T: Deserialize<'de>,
{
    T::deserialize(from).map(Some)
}

impl SetProps {
    /// Whether no property is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a property is among them.
    #[must_use]
    pub fn has(&self, prop: VnicProp) -> bool {
        match prop {
            VnicProp::Zone => self.zone.is_some(),
            VnicProp::Mtu => self.mtu.is_some(),
            VnicProp::SecondaryMacs => self.secondary_macs.is_some(),
            VnicProp::MaxBw => self.maxbw.is_some(),
            VnicProp::Cpus => self.cpus.is_some(),
            VnicProp::Priority => self.priority.is_some(),
            VnicProp::Protection => self.protection.is_some(),
            VnicProp::DynamicMethods => self.dynamic_methods.is_some(),
            VnicProp::PromiscFiltered => self.promisc_filtered.is_some(),
            VnicProp::AllowedIps => self.allowed_ips.is_some(),
            VnicProp::AllowedDhcpCids => self.allowed_dhcp_cids.is_some(),
            VnicProp::AllowAllDhcpCids => self.allow_all_dhcp_cids.is_some(),
            VnicProp::RxRings => self.rxrings.is_some(),
            VnicProp::TxRings => self.txrings.is_some(),
            VnicProp::MinBw => self.minbw.is_some(),
            VnicProp::Mode => self.mode.is_some(),
            VnicProp::Owner => self.owner.is_some(),
        }
    }

    /// The properties `props` with these values. The zone is none of them.
    #[must_use]
    pub fn over(&self, props: &VnicProps) -> VnicProps {
        fn or<T: Clone>(value: &Option<T>, old: &T) -> T {
            value.as_ref().unwrap_or(old).clone()
        }
        VnicProps {
            mtu: self.mtu.or(props.mtu),
            maxbw: self.maxbw.or(props.maxbw),
            minbw: self.minbw.or(props.minbw),
            cpus: self.cpus.clone().or_else(|| props.cpus.clone()),
            rxrings: self.rxrings.or(props.rxrings),
            txrings: self.txrings.or(props.txrings),
            priority: or(&self.priority, &props.priority),
            protection: or(&self.protection, &props.protection),
            dynamic_methods: or(&self.dynamic_methods, &props.dynamic_methods),
            allowed_ips: or(&self.allowed_ips, &props.allowed_ips),
            allowed_dhcp_cids: or(
                &self.allowed_dhcp_cids,
                &props.allowed_dhcp_cids,
            ),
            allow_all_dhcp_cids: or(
                &self.allow_all_dhcp_cids,
                &props.allow_all_dhcp_cids,
            ),
            secondary_macs: or(&self.secondary_macs, &props.secondary_macs),
            promisc_filtered: or(
                &self.promisc_filtered,
                &props.promisc_filtered,
            ),
            mode: or(&self.mode, &props.mode),
            owner: self.owner.clone().or_else(|| props.owner.clone()),
        }
    }
}

/// Puts one property back to its default.
fn reset(props: &mut VnicProps, prop: VnicProp) {
    let default = VnicProps::default();
    match prop {
        // No property of VnicProps.
        VnicProp::Zone => {}
        VnicProp::Mtu => props.mtu = default.mtu,
        VnicProp::SecondaryMacs => {
            props.secondary_macs = default.secondary_macs;
        }
        VnicProp::MaxBw => props.maxbw = default.maxbw,
        VnicProp::Cpus => props.cpus = default.cpus,
        VnicProp::Priority => props.priority = default.priority,
        VnicProp::Protection => props.protection = default.protection,
        VnicProp::DynamicMethods => {
            props.dynamic_methods = default.dynamic_methods;
        }
        VnicProp::PromiscFiltered => {
            props.promisc_filtered = default.promisc_filtered;
        }
        VnicProp::AllowedIps => props.allowed_ips = default.allowed_ips,
        VnicProp::AllowedDhcpCids => {
            props.allowed_dhcp_cids = default.allowed_dhcp_cids;
        }
        VnicProp::AllowAllDhcpCids => {
            props.allow_all_dhcp_cids = default.allow_all_dhcp_cids;
        }
        VnicProp::RxRings => props.rxrings = default.rxrings,
        VnicProp::TxRings => props.txrings = default.txrings,
        VnicProp::MinBw => props.minbw = default.minbw,
        VnicProp::Mode => props.mode = default.mode,
        VnicProp::Owner => props.owner = default.owner,
    }
}

impl ChangeVnic {
    /// The VNIC as it is after the change.
    ///
    /// A lasting change is made both to what holds now and to what is kept, so
    /// what was changed for this boot only, and is not named, stays so.
    ///
    /// # Errors
    /// [`ChangeError`] for a property that can't change, can't change like
    /// that, or is named twice.
    pub fn of(&self, vnic: &Vnic) -> Result<Vnic, ChangeError> {
        for prop in VnicProp::ALL {
            let (set, reset) = (self.set.has(prop), self.reset.contains(&prop));
            if (set || reset) && !prop.can_change() {
                return Err(ChangeError::ReadOnly(prop));
            }
            if set && reset {
                return Err(ChangeError::Twice(prop.name()));
            }
        }
        let changed = |props: &VnicProps| {
            let mut props = self.set.over(props);
            for prop in &self.reset {
                reset(&mut props, *prop);
            }
            props
        };
        let props = changed(&vnic.props);
        let several = VnicProps::has_tap_of_several_rings;
        if several(&props) != several(&vnic.props) {
            return Err(ChangeError::TapRings);
        }
        let kept = match self.temporary {
            true => vnic.kept_props().clone(),
            false => changed(vnic.kept_props()),
        };
        // Of what is temporary itself, nothing is kept apart.
        let apart = !vnic.temporary && kept != props;
        let kept = apart.then_some(kept);
        Ok(Vnic { props, kept, ..vnic.clone() })
    }
}

/// A change that no link can be put through.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ChangeError {
    /// The property is what the VNIC was made as.
    #[error("the property '{0}' of a VNIC cannot change")]
    ReadOnly(VnicProp),
    /// It is to have a value and its default.
    #[error("the property '{0}' is both set and reset")]
    Twice(&'static str),
    /// A TAP that was made for one opening is to have several, or the reverse.
    #[error("a TAP is made for one ring, or for several, and stays so")]
    TapRings,
}

impl ChangeError {
    /// The status word for it.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::ReadOnly(_) => Status::ReadOnly,
            Self::Twice(_) => Status::InvalidArgument,
            Self::TapRings => Status::NotSupported,
        }
    }

    /// What to try.
    #[must_use]
    pub fn hint(self) -> Option<String> {
        match self {
            Self::ReadOnly(prop) => Some(format!(
                "delete the VNIC, and create it with -p {prop}=VALUE"
            )),
            Self::Twice(_) => None,
            Self::TapRings => Some(
                "delete the VNIC, and create it with -p \
                 rxrings=NUMBER,txrings=NUMBER"
                    .to_owned(),
            ),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{LinkId, Mac, MacType};

    fn vnic(temporary: bool) -> Vnic {
        Vnic {
            id: LinkId(1),
            name: "net0".parse().unwrap(),
            zone: None,
            over: "bge0".parse().unwrap(),
            mac: Mac::new([2, 8, 0x20, 0, 0, 1]),
            mac_type: MacType::Fixed,
            vid: None,
            props: VnicProps::default(),
            kept: None,
            temporary,
        }
    }

    fn change(json: &str) -> ChangeVnic {
        serde_json::from_str(json).unwrap_or_else(|e| panic!("{json}: {e}"))
    }

    /// What differs from the defaults, as `now|kept`.
    fn told(vnic: &Vnic) -> String {
        let text = |props: &VnicProps| {
            let mut words = Vec::new();
            words.extend(props.mtu.map(|mtu| mtu.to_string()));
            words.extend(props.maxbw.map(|bw| format!("<{bw}")));
            words.extend(props.minbw.map(|bw| format!(">{bw}")));
            if props.priority != Priority::OF_VNICS {
                words.push(props.priority.to_string());
            }
            if props.protection != Protection::DEFAULT {
                words.push(props.protection.to_string());
            }
            if !props.promisc_filtered {
                words.push("promisc".to_owned());
            }
            words.join(" ")
        };
        let kept = vnic.kept.as_ref().map(text);
        format!("{}|{}", text(&vnic.props), kept.as_deref().unwrap_or("same"))
    }

    #[test]
    fn what_lasts_and_what_does_not() {
        let lasting = r#"{"set":{"mtu":1400}}"#;
        let passing = r#"{"set":{"mtu":1300},"temporary":true}"#;
        let other = r#"{"set":{"protection":"none"}}"#;
        let back = r#"{"reset":["mtu"],"temporary":true}"#;
        let all = r#"{"reset":["mtu","protection","promisc-filtered"]}"#;
        let shaped = r#"{"set":{"maxbw":50000000,"minbw":20000000,
                                "priority":"low"}}"#;
        let freed = r#"{"reset":["minbw","priority"],"temporary":true}"#;
        let blocked = r#"{"set":{"maxbw":0}}"#;
        for (temporary, changes, want) in [
            (false, vec![], "|same"),
            (false, vec![lasting], "1400|same"),
            (false, vec![passing], "1300|"),
            (false, vec![lasting, passing], "1300|1400"),
            // What is made to last is made now, too.
            (false, vec![passing, lasting], "1400|same"),
            (false, vec![passing, other], "1300 none|none"),
            (false, vec![lasting, back], "|1400"),
            (false, vec![lasting, back, lasting], "1400|same"),
            (false, vec![lasting, passing, other, all], "|same"),
            (
                false,
                vec![r#"{"set":{"promisc_filtered":false,"mtu":68}}"#],
                "68 promisc|same",
            ),
            (false, vec![shaped], "<50 >20 low|same"),
            (false, vec![shaped, freed], "<50|<50 >20 low"),
            (false, vec![shaped, freed, blocked], "<0|<0 >20 low"),
            // A temporary VNIC is gone by then.
            (true, vec![lasting], "1400|same"),
            (true, vec![passing], "1300|same"),
        ] {
            let mut now = vnic(temporary);
            for json in &changes {
                now = change(json).of(&now).unwrap();
            }
            assert_eq!(told(&now), want, "{temporary} {changes:?}");
        }
    }

    #[test]
    fn what_cannot_change() {
        use ChangeError::{ReadOnly, Twice};
        for (json, want) in [
            (r#"{"set":{"zone":"web"}}"#, ReadOnly(VnicProp::Zone)),
            (r#"{"set":{"mode":"veth"}}"#, ReadOnly(VnicProp::Mode)),
            (r#"{"set":{"owner":"qemu"}}"#, ReadOnly(VnicProp::Owner)),
            (r#"{"reset":["mode"]}"#, ReadOnly(VnicProp::Mode)),
            (r#"{"set":{"mtu":1400},"reset":["mtu"]}"#, Twice("mtu")),
        ] {
            assert_eq!(change(json).of(&vnic(false)), Err(want), "{json}");
        }
    }

    #[test]
    fn a_tap_stays_one_of_one_ring_or_of_several() {
        let set = |rings: &str| format!(r#"{{"set":{{{rings}}}}}"#);
        let temporary = r#"{"set":{"rxrings":"2"},"temporary":true}"#;
        let refused = Err(ChangeError::TapRings);
        for (mode, before, json, want) in [
            (Mode::Veth, "1", set(r#""rxrings":"2""#), Ok(())),
            (Mode::Tap, "1", set(r#""rxrings":"2""#), refused),
            (Mode::Tap, "1", set(r#""txrings":"2""#), refused),
            (Mode::Tap, "1", temporary.to_owned(), refused),
            (Mode::Tap, "1", set(r#""rxrings":"sw","txrings":"1""#), Ok(())),
            (Mode::Tap, "2", set(r#""rxrings":"4""#), Ok(())),
            (Mode::Tap, "2", set(r#""rxrings":"1""#), refused),
            (Mode::Tap, "2", set(r#""rxrings":"1","txrings":"3""#), Ok(())),
            (Mode::Tap, "2", r#"{"reset":["rxrings"]}"#.to_owned(), refused),
            (Mode::Tap, "2", set(r#""cpus":"1""#), Ok(())),
        ] {
            let mut vnic = vnic(false);
            vnic.props.mode = mode;
            vnic.props.rxrings = before.parse().ok();
            let got = change(&json).of(&vnic).map(|_| ());
            assert_eq!(got, want, "{mode} {before} {json}");
        }
    }

    #[test]
    fn a_request_names_what_it_does_not_know() {
        for (json, want) in [
            (r#"{"sett":{}}"#, "unknown field `sett`"),
            (r#"{"set":{"pool":1}}"#, "unknown field `pool`"),
            (r#"{"reset":["pool"]}"#, "unknown variant `pool`"),
            (r#"{"set":{"cpus":1}}"#, "invalid type: integer"),
            (r#"{"set":{"cpus":null}}"#, "invalid type: null"),
            (r#"{"set":{"cpus":""}}"#, "CPUs are numbers"),
            (r#"{"set":{"rxrings":2}}"#, "invalid type: integer"),
            (r#"{"set":{"txrings":"hw"}}"#, "a VNIC's rings are software"),
            (r#"{"set":{"maxbw":"50M"}}"#, "invalid type: string"),
            (r#"{"set":{"maxbw":-1}}"#, "invalid value: integer `-1`"),
            (r#"{"set":{"minbw":1.5}}"#, "invalid type: floating point"),
            (r#"{"set":{"minbw":null}}"#, "invalid type: null"),
            (r#"{"set":{"priority":"High"}}"#, "unknown variant `High`"),
            (r#"{"set":{"mtu":null}}"#, "invalid type: null"),
            (r#"{"set":{"mtu":1}}"#, "an MTU is"),
            (r#"{"set":{"protection":"all"}}"#, "must be one of"),
        ] {
            let error = serde_json::from_str::<ChangeVnic>(json).unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with(want), "{json}: {text}");
        }
    }

    #[test]
    fn every_property_has_one_name_in_all_places() {
        let full = SetProps {
            zone: "web".parse().ok(),
            mtu: Some(Mtu::ETHERNET),
            maxbw: Some(Bandwidth::ZERO),
            minbw: Some(Bandwidth::FLOOR),
            cpus: "0".parse().ok(),
            rxrings: Some(Rings::Sw),
            txrings: Some(Rings::Sw),
            priority: Some(Priority::OF_VNICS),
            protection: Some(Protection::ALL),
            dynamic_methods: Some(Methods::NONE),
            allowed_ips: Some(AllowedIps::default()),
            allowed_dhcp_cids: Some(ClientIds::default()),
            allow_all_dhcp_cids: Some(false),
            secondary_macs: Some(SecondaryMacs::default()),
            promisc_filtered: Some(true),
            mode: Some(Mode::Veth),
            owner: Some(Owner::Uid(0)),
        };
        let json = serde_json::to_value(&full).unwrap();
        assert_eq!(json.as_object().unwrap().len(), VnicProp::ALL.len());
        for prop in VnicProp::ALL {
            assert!(full.has(prop), "{prop}");
            assert!(!SetProps::default().has(prop), "{prop}");
            let word = serde_json::to_value(prop).unwrap();
            assert_eq!(word, prop.name());
            let field = prop.name().replace('-', "_");
            assert!(!json[&field].is_null(), "{field}");
        }
    }
}
