//! Flows as they are asked for, and as they are built.

use serde::{Deserialize, Serialize};

use super::{FlowAttrs, FlowId, FlowName};
use crate::{Bandwidth, LinkId, Priority};

/// A named part of a VNIC's traffic.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Flow {
    /// Its number, never used twice by one store.
    pub id: FlowId,
    /// Its name.
    pub name: FlowName,
    /// The VNIC whose traffic it is a part of.
    pub link: LinkId,
    /// What a frame must have to be in it.
    pub attrs: FlowAttrs,
    /// What can be set with `-p`.
    pub props: FlowProps,
    /// What `props` will be from the next boot on; none: what it is now, or
    /// nothing, where the flow itself is temporary.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kept: Option<FlowProps>,
    /// Gone after the next boot.
    pub temporary: bool,
}

impl Flow {
    /// What `props` will be from the next boot on.
    #[must_use]
    pub fn kept_props(&self) -> FlowProps {
        self.kept.unwrap_or(self.props)
    }
}

/// The properties of a flow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FlowProps {
    /// The most that the guest may send in it, and as much again that it may
    /// receive, in bit/s: 0, which blocks it, or 64,000 and above; left out:
    /// as much as its VNIC. So it is where its VNIC may have less.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u64>, example = 20_000_000)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxbw: Option<Bandwidth>,
    /// What of its VNIC's is sent first when not all of it can be; left out:
    /// `medium`, as what is in no flow.
    #[serde(skip_serializing_if = "is_usual")]
    pub priority: Priority,
}

impl FlowProps {
    /// Whether the flow is treated otherwise than what is in none.
    #[must_use]
    pub fn is_shaped(&self) -> bool {
        *self != Self::default()
    }
}

impl Default for FlowProps {
    fn default() -> Self {
        Self { maxbw: None, priority: Priority::OF_FLOWS }
    }
}

/// Whether it is the priority of a flow that was not asked about it.
#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde's signature")]
fn is_usual(priority: &Priority) -> bool {
    *priority == Priority::OF_FLOWS
}

/// A flow of a VNIC that can be built.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ResolvedFlow {
    /// Its number.
    pub id: FlowId,
    /// What a frame must have to be in it.
    pub attrs: FlowAttrs,
    /// The most that the guest may send in it, and receive.
    pub maxbw: Option<Bandwidth>,
    /// Whether it is sent before what else its VNIC sends.
    pub priority: Priority,
}

impl From<&Flow> for ResolvedFlow {
    fn from(flow: &Flow) -> Self {
        let FlowProps { maxbw, priority } = flow.props;
        Self { id: flow.id, attrs: flow.attrs, maxbw, priority }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_said_is_not_written_down() {
        for (json, maxbw, priority) in [
            ("{}", None, Priority::Medium),
            (r#"{"maxbw":0}"#, Some(Bandwidth::ZERO), Priority::Medium),
            (r#"{"priority":"high"}"#, None, Priority::High),
        ] {
            let props: FlowProps = serde_json::from_str(json).unwrap();
            assert_eq!(props, FlowProps { maxbw, priority }, "{json}");
            assert_eq!(serde_json::to_string(&props).unwrap(), json);
        }
        for (json, want) in [
            (r#"{"minbw":64000}"#, "unknown field `minbw`"),
            (r#"{"maxbw":"20M"}"#, "invalid type: string"),
        ] {
            let error = serde_json::from_str::<FlowProps>(json).unwrap_err();
            assert!(error.to_string().starts_with(want), "{json}: {error}");
        }
    }
}
