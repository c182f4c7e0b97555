//! The properties of a link that VNICs sit on: a physical link, an aggregation
//! or an etherstub.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::change::a_value;
use crate::{Bandwidth, ChangeError};

/// What can be set of a link that VNICs sit on. None of it touches the link:
/// it is about the VNICs.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields, default)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct LinkProps {
    /// The most that all VNICs over the link may send together, in bit/s: 0,
    /// which blocks them, or 64,000 and above; left out: as much as it
    /// carries.
    #[cfg_attr(
        feature = "openapi",
        schema(value_type = Option<u64>, example = 500_000_000)
    )]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxbw: Option<Bandwidth>,
}

/// The properties of a link, of now and from the next boot on.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize,
)]
#[serde(deny_unknown_fields, default)]
pub struct LinkSettings {
    /// Those of now.
    pub props: LinkProps,
    /// What `props` will be from the next boot on; none: what it is now, or
    /// nothing, where the link itself is temporary.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kept: Option<LinkProps>,
}

impl LinkSettings {
    /// What `props` will be from the next boot on.
    #[must_use]
    pub fn kept_props(&self) -> LinkProps {
        self.kept.unwrap_or(self.props)
    }

    /// What is left of them after the next boot.
    #[must_use]
    pub fn next_boot(&self) -> Self {
        Self { props: self.kept_props(), kept: None }
    }

    /// Whether nobody has set anything.
    #[must_use]
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// A property of a link that VNICs sit on, by its name, as dladm writes it.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "kebab-case")]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum LinkProp {
    /// The most that all VNICs over the link may send.
    #[serde(rename = "maxbw")]
    MaxBw,
}

impl LinkProp {
    /// Every property.
    pub const ALL: [Self; 1] = [Self::MaxBw];

    /// Its name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::MaxBw => "maxbw",
        }
    }
}

impl fmt::Display for LinkProp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// `PATCH /v1/links/{name}`: all of it happens, or nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ChangeLink {
    /// Properties with their new values.
    #[serde(default, skip_serializing_if = "SetLinkProps::is_empty")]
    pub set: SetLinkProps,
    /// Properties that go back to their defaults. None can be in `set` too.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub reset: Vec<LinkProp>,
    /// Whether what was before holds again after the next boot. Properties
    /// that are not named here keep what is kept of them.
    #[serde(default)]
    pub temporary: bool,
}

/// Values for properties of a link that VNICs sit on. A property that is left
/// out is not meant; null is no value.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SetLinkProps {
    /// The most that all VNICs over the link may send together, in bit/s: 0,
    /// which blocks them, or 64,000 and above.
    #[cfg_attr(feature = "openapi", schema(value_type = u64))]
    #[serde(default, deserialize_with = "a_value")]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub maxbw: Option<Bandwidth>,
}

impl SetLinkProps {
    /// Whether no property is set.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Whether a property is among them.
    #[must_use]
    pub fn has(&self, prop: LinkProp) -> bool {
        match prop {
            LinkProp::MaxBw => self.maxbw.is_some(),
        }
    }
}

impl ChangeLink {
    /// The properties as they are after the change. Of a link that is
    /// `temporary` itself, nothing is kept apart.
    ///
    /// # Errors
    /// [`ChangeError::Twice`] for a property that is both set and reset.
    pub fn of(
        &self,
        settings: LinkSettings,
        temporary: bool,
    ) -> Result<LinkSettings, ChangeError> {
        for prop in LinkProp::ALL {
            if self.set.has(prop) && self.reset.contains(&prop) {
                return Err(ChangeError::Twice(prop.name()));
            }
        }
        let changed = |mut props: LinkProps| {
            props.maxbw = self.set.maxbw.or(props.maxbw);
            for prop in &self.reset {
                match prop {
                    LinkProp::MaxBw => props.maxbw = None,
                }
            }
            props
        };
        let props = changed(settings.props);
        let kept = match self.temporary {
            true => settings.kept_props(),
            false => changed(settings.kept_props()),
        };
        let apart = !temporary && kept != props;
        Ok(LinkSettings { props, kept: apart.then_some(kept) })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn change(json: &str) -> ChangeLink {
        serde_json::from_str(json).unwrap_or_else(|e| panic!("{json}: {e}"))
    }

    #[test]
    fn what_lasts_and_what_does_not() {
        let lasting = r#"{"set":{"maxbw":50000000}}"#;
        let passing = r#"{"set":{"maxbw":0},"temporary":true}"#;
        let back = r#"{"reset":["maxbw"],"temporary":true}"#;
        let all = r#"{"reset":["maxbw"]}"#;
        let text = |props: LinkProps| {
            props.maxbw.map_or("-".to_owned(), |maxbw| maxbw.to_string())
        };
        for (temporary, changes, want) in [
            (false, vec![], "- same"),
            (false, vec!["{}"], "- same"),
            (false, vec![lasting], "50 same"),
            (false, vec![passing], "0 -"),
            (false, vec![lasting, passing], "0 50"),
            (false, vec![lasting, passing, "{}"], "0 50"),
            (false, vec![passing, lasting], "50 same"),
            (false, vec![lasting, back], "- 50"),
            (false, vec![lasting, passing, all], "- same"),
            (false, vec![passing, back], "- same"),
            (true, vec![lasting, passing], "0 same"),
        ] {
            let mut now = LinkSettings::default();
            for json in &changes {
                now = change(json).of(now, temporary).unwrap();
            }
            let kept = now.kept.map_or("same".to_owned(), text);
            let got = format!("{} {kept}", text(now.props));
            assert_eq!(got, want, "{temporary} {changes:?}");
            assert_eq!(now.is_default(), want == "- same", "{changes:?}");
        }
    }

    #[test]
    fn what_no_link_can_be_put_through() {
        let both = change(r#"{"set":{"maxbw":0},"reset":["maxbw"]}"#);
        let got = both.of(LinkSettings::default(), false);
        assert_eq!(got, Err(ChangeError::Twice("maxbw")));
        for (json, want) in [
            (r#"{"set":{"mtu":1400}}"#, "unknown field `mtu`"),
            (r#"{"set":{"minbw":64000}}"#, "unknown field `minbw`"),
            (r#"{"set":{"maxbw":null}}"#, "invalid type: null"),
            (r#"{"set":{"maxbw":"1G"}}"#, "invalid type: string"),
            (r#"{"reset":["priority"]}"#, "unknown variant `priority`"),
            (r#"{"maxbw":1}"#, "unknown field `maxbw`"),
        ] {
            let error = serde_json::from_str::<ChangeLink>(json).unwrap_err();
            let text = error.to_string();
            assert!(text.starts_with(want), "{json}: {text}");
        }
    }

    #[test]
    fn every_property_has_one_name_in_all_places() {
        let full = SetLinkProps { maxbw: Some(Bandwidth::ZERO) };
        let json = serde_json::to_value(&full).unwrap();
        assert_eq!(json.as_object().unwrap().len(), LinkProp::ALL.len());
        for prop in LinkProp::ALL {
            assert!(full.has(prop), "{prop}");
            assert!(!SetLinkProps::default().has(prop), "{prop}");
            assert_eq!(serde_json::to_value(prop).unwrap(), prop.name());
            assert!(!json[prop.name()].is_null(), "{prop}");
        }
    }
}
