//! A virtual NIC as it is asked for.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::{
    AllowedIps, Bandwidth, ClientIds, CpuSet, LinkId, LinkName, Mac, MacType,
    Methods, Mode, Mtu, Owner, Priority, Protection, Rings, SecondaryMacs,
    TagName, VlanId, Zone,
};

/// A virtual NIC: a link of its own for one guest, over a link of the host.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Vnic {
    /// Its number, never used twice by one store.
    pub id: LinkId,
    /// The guest end's name.
    pub name: LinkName,
    /// Where the guest end lives; none: beside the host end, in netd's own
    /// namespace. A VNIC with a TAP is only filed there.
    pub zone: Option<Zone>,
    /// What it sits on.
    pub over: Over,
    /// Its address.
    pub mac: Mac,
    /// Where the address came from.
    pub mac_type: MacType,
    /// Its VLAN; none: untagged.
    pub vid: Option<VlanId>,
    /// What can be set with `-p`.
    pub props: VnicProps,
    /// What `props` will be from the next boot on; none: what it is now, or
    /// nothing, where the VNIC itself is temporary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<VnicProps>,
    /// Gone after the next boot.
    pub temporary: bool,
}

impl Vnic {
    /// What tells it from every other VNIC.
    #[must_use]
    pub fn key(&self) -> VnicKey {
        VnicKey { zone: self.zone.clone(), name: self.name.clone() }
    }

    /// What `props` will be from the next boot on.
    #[must_use]
    pub fn kept_props(&self) -> &VnicProps {
        self.kept.as_ref().unwrap_or(&self.props)
    }

    /// The host end's name. No guest end can have it: names of new links hold
    /// no `-`.
    ///
    /// ```
    /// # use fabric::{LinkId, Vnic};
    /// assert_eq!(Vnic::host_end(LinkId(7)).as_str(), "vnic-7");
    /// ```
    #[must_use]
    pub fn host_end(id: LinkId) -> LinkName {
        // 5 + 10 digits at most: exactly the longest name.
        LinkName::numbered("vnic-", id.0)
    }

    /// The number in a host end's name.
    #[must_use]
    pub fn id_of_host_end(name: &LinkName) -> Option<LinkId> {
        let id = name.as_str().strip_prefix("vnic-")?.parse().ok()?;
        (Self::host_end(LinkId(id)) == *name).then_some(LinkId(id))
    }
}

/// A VNIC's name within its zone. Five zones may each have a `net0`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VnicKey {
    /// The zone of the guest end.
    pub zone: Option<Zone>,
    /// The guest end's name.
    pub name: LinkName,
}

impl fmt::Display for VnicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.zone {
            Some(zone) => write!(f, "{} in zone {zone}", self.name),
            None => write!(f, "{}", self.name),
        }
    }
}

/// What a VNIC sits on: a link by its own name, or whichever link carries a
/// NIC tag. A tag survives the exchange and the renaming of a NIC.
///
/// Its text is the link's name, or `tag:NAME`; a link name has no colon.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Over {
    /// A physical link, an aggregation or an etherstub.
    Link(LinkName),
    /// The link with this tag.
    Tag(TagName),
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Link(name) => write!(f, "{name}"),
            Self::Tag(tag) => write!(f, "tag:{tag}"),
        }
    }
}

impl FromStr for Over {
    type Err = crate::NameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text.strip_prefix("tag:").map(str::parse) {
            Some(Ok(tag)) => Ok(Self::Tag(tag)),
            _ => text.parse().map(Self::Link),
        }
    }
}

crate::name::serde_as_text!(Over);

/// The link properties of a VNIC that a person may set.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VnicProps {
    /// MTU in bytes; none: the tag's, else the MTU of the link below.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u32>, minimum = 68, maximum = 65535)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mtu: Option<Mtu>,
    /// The most that the guest may send, and as much again that it may
    /// receive, in bit/s: 0, which blocks it, or 64,000 and above; left out:
    /// as much as the link carries.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u64>, example = 50_000_000)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxbw: Option<Bandwidth>,
    /// What the guest can send whatever others do, in bit/s: 64,000 and
    /// above, and no more than `maxbw`; left out: nothing is promised. All
    /// that is promised over one link, it must be able to carry.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u64>, minimum = 64_000)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minbw: Option<Bandwidth>,
    /// The CPUs that work on its frames, those that the guest sends and those
    /// that it receives: numbers and ranges; left out: whichever the kernel
    /// takes. CPUs that are gone later on are left out of account.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "0-3,5")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cpus: Option<CpuSet>,
    /// How many queues the guest receives on: `sw`, which is one, or a number
    /// from 1; left out: one. Of a TAP: more than one lets a virtual machine's
    /// monitor open it as often as it likes, each time for a queue.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "2")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rxrings: Option<Rings>,
    /// How many queues the guest sends on, as `rxrings`.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "2")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub txrings: Option<Rings>,
    /// Who sends first when the link below can't carry all of it, among those
    /// over it; left out: `high`.
    #[serde(skip_serializing_if = "is_usual")]
    pub priority: Priority,
    /// The checks on what the guest sends.
    #[cfg_attr(feature = "openapi", schema(value_type = String))]
    pub protection: Protection,
    /// How the guest may come by further addresses, with `ip-nospoof`:
    /// `dhcpv4`, `dhcpv6`, `slaac`; `addrconf` is both of IPv6. DHCP of a
    /// version of IP is on without being named where `allowed-ips` lists no
    /// address of that version.
    #[cfg_attr(
        feature = "openapi",
        schema(
            value_type = Vec<String>,
            max_items = 4,
            example = json!(["dhcpv4", "addrconf"])
        )
    )]
    #[serde(skip_serializing_if = "Methods::is_none")]
    pub dynamic_methods: Methods,
    /// The addresses that the guest may speak as, with `ip-nospoof`: each one
    /// address, or a CIDR prefix. Those of one version of IP switch DHCP of
    /// that version off, unless `dynamic-methods` names it.
    #[cfg_attr(
        feature = "openapi",
        schema(
            value_type = Vec<String>,
            max_items = 32,
            example = json!(["192.168.1.7/32", "2001:db8::/64"])
        )
    )]
    #[serde(skip_serializing_if = "AllowedIps::is_empty")]
    pub allowed_ips: AllowedIps,
    /// The DHCP client ids that the guest may use besides those made from its
    /// MAC address, with `dhcp-nospoof`: `0x` and hexadecimal digits, a DUID
    /// as `TYPE.FIELDS`, or ASCII.
    #[cfg_attr(
        feature = "openapi",
        schema(
            value_type = Vec<String>,
            max_items = 32,
            example = json!(["0x01020304", "3.1.2:8:20:1:2:3", "web"])
        )
    )]
    #[serde(skip_serializing_if = "ClientIds::is_empty")]
    pub allowed_dhcp_cids: ClientIds,
    /// Whether the guest may use any DHCP client id.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_all_dhcp_cids: bool,
    /// Further addresses of the guest's. It receives frames for them and may
    /// send from them.
    #[cfg_attr(
        feature = "openapi",
        schema(
            value_type = Vec<String>,
            max_items = 32,
            example = json!(["2:8:20:1:2:4"])
        )
    )]
    #[serde(skip_serializing_if = "SecondaryMacs::is_empty")]
    pub secondary_macs: SecondaryMacs,
    /// Whether the guest receives only what is for it. Switched off, it also
    /// receives frames for stations that nobody here knows, as guests inside
    /// the guest need; left out: true.
    #[serde(skip_serializing_if = "Clone::clone")]
    pub promisc_filtered: bool,
    /// `veth` for a zone, `tap` for a virtual machine; left out: `veth`.
    #[serde(skip_serializing_if = "Mode::is_default")]
    pub mode: Mode,
    /// Who besides root may open the TAP: a user's number or name. Only with
    /// the mode `tap`.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "1000")
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
}

impl VnicProps {
    /// Whether anything is promised or denied to the guest of what the link
    /// below carries. Where nothing is, the link's speed doesn't matter.
    #[must_use]
    pub fn is_shaped(&self) -> bool {
        self.maxbw.is_some()
            || self.minbw.is_some()
            || self.priority != Priority::OF_VNICS
    }
}

impl Default for VnicProps {
    fn default() -> Self {
        Self {
            mtu: None,
            maxbw: None,
            minbw: None,
            cpus: None,
            rxrings: None,
            txrings: None,
            priority: Priority::OF_VNICS,
            protection: Protection::default(),
            dynamic_methods: Methods::NONE,
            allowed_ips: AllowedIps::default(),
            allowed_dhcp_cids: ClientIds::default(),
            allow_all_dhcp_cids: false,
            secondary_macs: SecondaryMacs::default(),
            promisc_filtered: true,
            mode: Mode::default(),
            owner: None,
        }
    }
}

/// Whether it is the priority of a VNIC that was not asked about it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_usual(priority: &Priority) -> bool {
    *priority == Priority::OF_VNICS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_ends_are_known_by_their_names() {
        for (name, want) in [
            ("vnic-0", Some(LinkId(0))),
            ("vnic-4294967295", Some(LinkId(u32::MAX))),
            ("vnic-07", None),
            ("vnic-+7", None),
            ("vnic-", None),
            ("vnic7", None),
            ("net0", None),
        ] {
            let name = name.parse().unwrap();
            assert_eq!(Vnic::id_of_host_end(&name), want, "{name}");
        }
    }

    #[test]
    fn what_is_not_said_is_not_written_down() {
        let plain = r#"{"protection":"mac-nospoof"}"#;
        let tap = r#"{"protection":"mac-nospoof","mode":"tap","owner":"1000"}"#;
        for (json, mode, owner) in [
            (plain, Mode::Veth, None),
            (tap, Mode::Tap, Some(Owner::Uid(1000))),
        ] {
            let props: VnicProps = serde_json::from_str(json).unwrap();
            assert_eq!((props.mode, &props.owner), (mode, &owner), "{json}");
            assert_eq!(serde_json::to_string(&props).unwrap(), json);
        }
        let json = r#"{"maxbw":0,"minbw":64000,"priority":"low","protection":"mac-nospoof"}"#;
        let props: VnicProps = serde_json::from_str(json).unwrap();
        let bandwidths = [props.maxbw, props.minbw];
        assert_eq!(bandwidths, [Bandwidth::ZERO, Bandwidth::FLOOR].map(Some));
        assert_eq!(props.priority, Priority::Low);
        assert_eq!(serde_json::to_string(&props).unwrap(), json);
        let json = r#"{"cpus":"0-1,3","rxrings":"2","txrings":"sw","protection":"mac-nospoof"}"#;
        let props: VnicProps = serde_json::from_str(json).unwrap();
        assert_eq!(props.cpus, "0,1,3".parse().ok());
        let rings = [props.rxrings, props.txrings];
        assert_eq!(rings, ["2", "sw"].map(|text| text.parse().ok()));
        assert_eq!(serde_json::to_string(&props).unwrap(), json);
    }

    #[test]
    fn a_tag_is_told_from_a_link() {
        let over: Over = "tag:admin".parse().unwrap();
        assert_eq!(over, Over::Tag("admin".parse().unwrap()));
        assert_eq!(over.to_string(), "tag:admin");
        assert_eq!("bge0".parse(), Ok(Over::Link("bge0".parse().unwrap())),);
        assert!("tag:".parse::<Over>().is_err());
        assert!("tag:a-b".parse::<Over>().is_err());
    }
}
