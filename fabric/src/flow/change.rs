//! Changing the properties of a flow that is there.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Flow, FlowProps};
use crate::change::a_value;
use crate::{Bandwidth, ChangeError, Priority};

/// A property of a flow by its name, as flowadm writes it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FlowProp {
    /// The most that the guest may send and receive in it.
    #[serde(rename = "maxbw")]
    MaxBw,
    /// What is sent first.
    Priority,
}

impl FlowProp {
    /// Every property, in the order in which illumos lists them.
    pub const ALL: [Self; 2] = [Self::MaxBw, Self::Priority];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxBw => "maxbw",
            Self::Priority => "priority",
        }
    }
}

impl fmt::Display for FlowProp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// `PATCH /v1/flows/{name}`: all of it happens, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeFlow {
    /// Properties with their new values.
    #[serde(default, skip_serializing_if = "SetFlowProps::is_empty")]
    pub set: SetFlowProps,
    /// Properties that go back to their defaults. None can be in `set` too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reset: Vec<FlowProp>,
    /// Whether what was before holds again after the next boot. Properties
    /// that are not named here keep what is kept of them.
    #[serde(default)]
    pub temporary: bool,
}

/// Values for properties of a flow. A property that is left out is not meant;
/// null is no value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetFlowProps {
    /// The most that the guest may send in it, and as much again that it may
    /// receive, in bit/s: 0, which blocks it, or 64,000 and above.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxbw: Option<Bandwidth>,
    /// What of its VNIC's is sent first when not all of it can be.
    #[cfg_attr(feature = "openapi", schema(value_type = Priority))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub priority: Option<Priority>,
}

impl SetFlowProps {
    /// Whether no property is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a property is among them.
    #[must_use]
    pub fn has(&self, prop: FlowProp) -> bool {
        match prop {
            FlowProp::MaxBw => self.maxbw.is_some(),
            FlowProp::Priority => self.priority.is_some(),
        }
    }

    /// The properties `props` with these values.
    #[must_use]
    pub fn over(&self, props: FlowProps) -> FlowProps {
        FlowProps {
            maxbw: self.maxbw.or(props.maxbw),
            priority: self.priority.unwrap_or(props.priority),
        }
    }
}

impl ChangeFlow {
    /// The flow as it is after the change.
    ///
    /// A lasting change is made both to what holds now and to what is kept, so
    /// what was changed for this boot only, and is not named, stays so.
    ///
    /// # Errors
    /// [`ChangeError::Twice`] for a property that is both set and reset.
    pub fn of(&self, flow: &Flow) -> Result<Flow, ChangeError> {
        for prop in FlowProp::ALL {
            if self.set.has(prop) && self.reset.contains(&prop) {
                return Err(ChangeError::Twice(prop.name()));
            }
        }
        let default = FlowProps::default();
        let changed = |props: FlowProps| {
            let mut props = self.set.over(props);
            for prop in &self.reset {
                match prop {
                    FlowProp::MaxBw => props.maxbw = default.maxbw,
                    FlowProp::Priority => props.priority = default.priority,
                }
            }
            props
        };
        let props = changed(flow.props);
        let kept = match self.temporary {
            true => flow.kept_props(),
            false => changed(flow.kept_props()),
        };
        // Of what is temporary itself, nothing is kept apart.
        let apart = !flow.temporary && kept != props;
        let kept = apart.then_some(kept);
        Ok(Flow { props, kept, ..flow.clone() })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{FlowId, LinkId};

    fn flow(temporary: bool) -> Flow {
        Flow {
            id: FlowId(1),
            name: "http".parse().unwrap(),
            link: LinkId(1),
            attrs: "transport=tcp,local_port=80".parse().unwrap(),
            props: FlowProps::default(),
            kept: None,
            temporary,
        }
    }

    fn change(json: &str) -> ChangeFlow {
        serde_json::from_str(json).unwrap_or_else(|e| panic!("{json}: {e}"))
    }

    #[test]
    fn what_lasts_and_what_does_not() {
        let lasting = r#"{"set":{"maxbw":50000000}}"#;
        let passing = r#"{"set":{"maxbw":0},"temporary":true}"#;
        let first = r#"{"set":{"priority":"high"}}"#;
        let back = r#"{"reset":["maxbw"],"temporary":true}"#;
        let all = r#"{"reset":["maxbw","priority"]}"#;
        let text = |props: FlowProps| {
            let maxbw = props.maxbw.map(|maxbw| maxbw.to_string());
            let maxbw = maxbw.unwrap_or_else(|| "-".to_owned());
            format!("{maxbw} {}", props.priority)
        };
        for (temporary, changes, want) in [
            (false, vec![], "- medium|same"),
            (false, vec!["{}"], "- medium|same"),
            (false, vec![lasting], "50 medium|same"),
            (false, vec![passing], "0 medium|- medium"),
            (false, vec![lasting, passing], "0 medium|50 medium"),
            (false, vec![passing, lasting], "50 medium|same"),
            (false, vec![passing, first], "0 high|- high"),
            (false, vec![lasting, back], "- medium|50 medium"),
            (false, vec![lasting, passing, first, all], "- medium|same"),
            (true, vec![lasting, passing, first], "0 high|same"),
        ] {
            let mut now = flow(temporary);
            for json in &changes {
                now = change(json).of(&now).unwrap();
            }
            let kept = now.kept.map_or("same".to_owned(), text);
            let got = format!("{}|{kept}", text(now.props));
            assert_eq!(got, want, "{temporary} {changes:?}");
        }
    }

    #[test]
    fn what_no_flow_can_be_put_through() {
        let both = change(r#"{"set":{"priority":"low"},"reset":["priority"]}"#);
        let got = both.of(&flow(false));
        assert_eq!(got, Err(ChangeError::Twice("priority")));
        for (json, want) in [
            (r#"{"set":{"minbw":64000}}"#, "unknown field `minbw`"),
            (r#"{"set":{"maxbw":null}}"#, "invalid type: null"),
            (r#"{"set":{"maxbw":"1G"}}"#, "invalid type: string"),
            (r#"{"set":{"priority":"High"}}"#, "unknown variant `High`"),
            (r#"{"reset":["attrs"]}"#, "unknown variant `attrs`"),
            (r#"{"maxbw":1}"#, "unknown field `maxbw`"),
        ] {
            let error = serde_json::from_str::<ChangeFlow>(json).unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with(want), "{json}: {text}");
        }
    }

    #[test]
    fn every_property_has_one_name_in_all_places() {
        let full = SetFlowProps {
            maxbw: Some(Bandwidth::ZERO),
            priority: Some(Priority::High),
        };
        let json = serde_json::to_value(&full).unwrap();
        assert_eq!(json.as_object().unwrap().len(), FlowProp::ALL.len());
        for prop in FlowProp::ALL {
            assert!(full.has(prop), "{prop}");
            assert!(!SetFlowProps::default().has(prop), "{prop}");
            assert_eq!(serde_json::to_value(prop).unwrap(), prop.name());
            assert!(!json[prop.name()].is_null(), "{prop}");
        }
    }
}
