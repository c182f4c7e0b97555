//! `/v1/fabric` and `/v1/apply`

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{ChangeFlow, ChangeLink, ChangeVnic};
use super::{CreateEtherstub, CreateFlow, CreateVnic};
use crate::{
    FabricSpec, FlowAttrs, FlowName, FlowProps, LinkName, LinkProps, Mac,
    VlanId, VnicProps, Zone,
};

/// Everything that is declared, without the numbers of things: what is written
/// by hand, kept in a repository, carried to another host.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Document {
    /// Switches with no wire.
    pub etherstubs: Vec<DeclaredEtherstub>,
    /// What is set of the host's own links.
    pub links: Vec<DeclaredLink>,
    /// VNICs.
    pub vnics: Vec<DeclaredVnic>,
    /// Flows of these VNICs.
    pub flows: Vec<DeclaredFlow>,
}

/// An etherstub as it is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeclaredEtherstub {
    /// Its name.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "stub0", max_length = 15)
    )]
    pub name: LinkName,
    /// Its properties.
    #[serde(default, skip_serializing_if = "is_default")]
    pub props: LinkProps,
    /// Its properties from the next boot on, where they are not `props`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_props: Option<LinkProps>,
    /// Whether it is gone after the next boot.
    #[serde(default, skip_serializing_if = "is_default")]
    pub temporary: bool,
}

/// What is set of a link of the host's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeclaredLink {
    /// Its name.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "bge0", max_length = 15)
    )]
    pub name: LinkName,
    /// Its properties.
    #[serde(default, skip_serializing_if = "is_default")]
    pub props: LinkProps,
    /// Its properties from the next boot on, where they are not `props`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_props: Option<LinkProps>,
}

/// A VNIC as it is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeclaredVnic {
    /// The guest end's name.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "net0", max_length = 15)
    )]
    pub name: LinkName,
    /// The network namespace of the guest end; left out: netd's own.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, max_length = 255)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// The link to sit on, as in `POST /v1/vnics`, or `tag:` and a NIC tag,
    /// where a link has the same name.
    #[cfg_attr(feature = "openapi", schema(example = "bge0", max_length = 35))]
    pub over: String,
    /// The address; left out: the one that it has, else netd draws one.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, example = "2:8:20:1:2:3")
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mac: Option<Mac>,
    /// The VLAN; left out: untagged.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u16>, minimum = 1, maximum = 4094)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub vid: Option<VlanId>,
    /// Its properties.
    #[serde(default)]
    pub props: VnicProps,
    /// Its properties from the next boot on, where they are not `props`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_props: Option<VnicProps>,
    /// Whether it is gone after the next boot.
    #[serde(default, skip_serializing_if = "is_default")]
    pub temporary: bool,
}

/// A flow as it is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct DeclaredFlow {
    /// Its name.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "http", max_length = 127)
    )]
    pub name: FlowName,
    /// The VNIC whose traffic it is a part of.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = String, example = "net0", max_length = 15)
    )]
    pub link: LinkName,
    /// The network namespace of that VNIC; left out: netd's own.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<String>, max_length = 255)
    )]
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<Zone>,
    /// What a frame must have to be in it.
    pub attrs: FlowAttrs,
    /// Its properties.
    #[serde(default, skip_serializing_if = "is_default")]
    pub props: FlowProps,
    /// Its properties from the next boot on, where they are not `props`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept_props: Option<FlowProps>,
    /// Whether it is gone after the next boot.
    #[serde(default, skip_serializing_if = "is_default")]
    pub temporary: bool,
}

fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

impl From<&FabricSpec> for Document {
    fn from(spec: &FabricSpec) -> Self {
        let etherstubs =
            spec.etherstubs.values().map(|stub| DeclaredEtherstub {
                name: stub.name.clone(),
                props: stub.settings.props,
                kept_props: stub.settings.kept,
                temporary: stub.temporary,
            });
        let links = spec.links.iter().map(|(name, settings)| DeclaredLink {
            name: name.clone(),
            props: settings.props,
            kept_props: settings.kept,
        });
        let vnics = spec.vnics.values().map(|vnic| DeclaredVnic {
            name: vnic.name.clone(),
            zone: vnic.zone.clone(),
            over: vnic.over.to_string(),
            mac: Some(vnic.mac),
            vid: vnic.vid,
            props: vnic.props.clone(),
            kept_props: vnic.kept.clone(),
            temporary: vnic.temporary,
        });
        let flows = spec.flows.values().filter_map(|flow| {
            let vnic = spec.vnics.get(&flow.link)?;
            Some(DeclaredFlow {
                name: flow.name.clone(),
                link: vnic.name.clone(),
                zone: vnic.zone.clone(),
                attrs: flow.attrs,
                props: flow.props,
                kept_props: flow.kept,
                temporary: flow.temporary,
            })
        });
        Self {
            etherstubs: etherstubs.collect(),
            links: links.collect(),
            vnics: vnics.collect(),
            flows: flows.collect(),
        }
    }
}

/// `POST /v1/apply`: either of the two. All of it happens, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Apply {
    /// All that shall be: what is declared and not in here goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub spec: Option<Document>,
    /// Changes, in the order in which they are thought of. One that goes back
    /// on another costs nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<Vec<Operation>>,
    /// What `GET /v1/fabric` tells besides. It is not looked at, so that its
    /// answer can be sent back as it is.
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Object>))]
    #[serde(default, skip_serializing)]
    pub status: Option<serde::de::IgnoredAny>,
}

/// One change of many.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Operation {
    /// As `POST /v1/etherstubs`.
    CreateEtherstub(CreateEtherstub),
    /// As `DELETE /v1/etherstubs/{name}`.
    DeleteEtherstub {
        /// Which.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        name: LinkName,
    },
    /// As `PATCH /v1/links/{name}`.
    ChangeLink {
        /// Which.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        name: LinkName,
        /// How.
        change: ChangeLink,
    },
    /// As `POST /v1/vnics`.
    CreateVnic(CreateVnic),
    /// As `PATCH /v1/vnics/{name}`.
    ChangeVnic {
        /// Which.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        name: LinkName,
        /// Of which zone; needed only when several have the name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
        /// How.
        change: ChangeVnic,
    },
    /// As `DELETE /v1/vnics/{name}`.
    DeleteVnic {
        /// Which.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        name: LinkName,
        /// Of which zone; needed only when several have the name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
    /// As one of `POST /v1/flows`.
    CreateFlow(CreateFlow),
    /// As `PATCH /v1/flows/{name}`.
    ChangeFlow {
        /// Which.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        name: FlowName,
        /// Of which zone; needed only when several have the name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
        /// How.
        change: ChangeFlow,
    },
    /// As `DELETE /v1/flows/{name}`.
    DeleteFlow {
        /// Which.
        #[cfg_attr(feature = "openapi", schema(value_type = String))]
        name: FlowName,
        /// Of which zone; needed only when several have the name.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        zone: Option<String>,
    },
}

/// What became of an [`Apply`], or would.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Applied {
    /// What changes, as it is declared.
    pub changes: Vec<Declared>,
    /// What is done for it, one line each; only where it was not done.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<String>,
}

/// A change of what is declared.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Declared {
    /// What happens to it.
    pub action: Action,
    /// What it is: `vnic`, `flow`, `etherstub` or `link`.
    pub kind: String,
    /// Its name.
    pub name: String,
    /// The name of its namespace; null: netd's own.
    pub zone: Option<String>,
}

/// What happens to something that is declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Action {
    /// It is made.
    Create,
    /// It becomes something else.
    Change,
    /// It goes.
    Delete,
}

impl fmt::Display for Action {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Create => "create",
            Self::Change => "change",
            Self::Delete => "delete",
        })
    }
}

impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { action, kind, name, zone } = self;
        write!(f, "{action} {kind} {name}")?;
        match zone {
            Some(zone) => write!(f, " in zone {zone}"),
            None => Ok(()),
        }
    }
}

/// `GET /v1/fabric`
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FabricInfo {
    /// What is declared.
    pub spec: Document,
    /// How far the host is like that.
    pub status: FabricStatus,
}

/// How far the host is as it is declared to be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FabricStatus {
    /// In a word.
    pub health: Health,
    /// What is not as it should be.
    pub reasons: Vec<Reason>,
}

/// Whether all is as declared.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum Health {
    /// It is.
    Ok,
    /// Something is missing. netd goes on trying.
    Degraded,
}

impl fmt::Display for Health {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Ok => "ok",
            Self::Degraded => "degraded",
        })
    }
}

/// Something that is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Reason {
    /// What it is about: a link, or `fabric`.
    pub subject: String,
    /// What is wrong with it.
    pub reason: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_can_be_sent_back() {
        let spec = Document::default();
        let health = Health::Degraded;
        let reasons = vec![Reason {
            subject: "net0".to_owned(),
            reason: "no such link".to_owned(),
        }];
        let status = FabricStatus { health, reasons };
        let told = FabricInfo { spec: spec.clone(), status };
        let told = serde_json::to_string(&told).unwrap();
        let apply: Apply = serde_json::from_str(&told).unwrap();
        assert_eq!(apply.spec, Some(spec));
    }

    #[test]
    fn operations_are_objects_of_one_key() {
        for (json, want) in [
            (r#"{"delete_vnic":{"name":"net0","zone":"web"}}"#, None),
            (r#"{"create_etherstub":{"name":"stub0","temporary":true}}"#, None),
            (
                r#"{"delete_vnic":{"name":"net0","zome":"web"}}"#,
                Some("unknown field `zome`"),
            ),
            (r#"{"drop_vnic":{"name":"net0"}}"#, Some("unknown variant")),
            (
                r#"{"create_vnic":{"name":"net0","over":"bge0","nic":1}}"#,
                Some("unknown field `nic`"),
            ),
        ] {
            match (serde_json::from_str::<Operation>(json), want) {
                (Ok(operation), None) => {
                    let again = serde_json::to_string(&operation).unwrap();
                    assert_eq!(again, json);
                }
                (Err(error), Some(want)) => {
                    let error = error.to_string();
                    assert!(error.starts_with(want), "{json}: {error}");
                }
                (got, _) => panic!("{json}: {got:?}"),
            }
        }
    }
}
