//! The properties of flows: add-flow, set-flowprop, reset-flowprop and
//! show-flowprop all go by this. Unlike links' properties, their names are read
//! in one letter case only, as by the original.

use fabric::api::SetFlowProps;
use fabric::{BandwidthError, FlowProp, FlowProps, PriorityError, Status};

use crate::error::Failure;
use crate::proplist::{self, Prop};

/// A property and the values that it was given.
pub(super) type Given = (FlowProp, Vec<String>);

/// What a property can't be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct BadValue {
    /// The property.
    pub(super) prop: FlowProp,
    /// Its value; none: only the name was written.
    pub(super) value: Option<String>,
    /// libdladm's word for it.
    pub(super) status: Status,
    /// What to try.
    pub(super) hint: Option<String>,
}

/// Reads what all `-p` said. What is no list, and a property that nobody knows,
/// end in `message`.
pub(super) fn parse(
    texts: &[String],
    message: &str,
) -> Result<Vec<Given>, Failure> {
    if texts.is_empty() {
        return Ok(Vec::new());
    }
    let refused = |hint: String| Failure::new(message).hint(hint);
    let list = proplist::join(texts).and_then(|text| proplist::parse(&text));
    let list = list.map_err(|error| refused(error.to_string()))?;
    let known = |Prop { name, values }: Prop| {
        let mut all = FlowProp::ALL.into_iter();
        match all.find(|prop| prop.name() == name) {
            Some(prop) => Ok((prop, values)),
            None => {
                let known = FlowProp::ALL.map(FlowProp::name).join(", ");
                Err(refused(format!("known properties: {known}")))
            }
        }
    };
    list.into_iter().map(known).collect()
}

/// The same for verbs that take names only.
pub(super) fn parse_names(
    texts: &[String],
    message: &str,
) -> Result<Vec<FlowProp>, Failure> {
    let list = parse(texts, message)?;
    if list.iter().any(|(_, values)| !values.is_empty()) {
        let hint = "only names of properties are taken here";
        return Err(Failure::new(message).hint(hint));
    }
    Ok(list.into_iter().map(|(prop, _)| prop).collect())
}

/// Takes the values. Each is tried, in order, and every bad one is told; of two
/// values for one property the later counts.
pub(super) fn read(list: &[Given]) -> Result<SetFlowProps, Vec<BadValue>> {
    let mut set = SetFlowProps::default();
    let mut bad = Vec::new();
    for (prop, values) in list {
        if let Err((status, hint)) = take(&mut set, *prop, values) {
            let value = values.first().cloned();
            bad.push(BadValue { prop: *prop, value, status, hint });
        }
    }
    if bad.is_empty() { Ok(set) } else { Err(bad) }
}

fn take(
    set: &mut SetFlowProps,
    prop: FlowProp,
    values: &[String],
) -> Result<(), (Status, Option<String>)> {
    let value = match values {
        [value] => value,
        [] => return Err((Status::InvalidArgument, None)),
        _ => return Err((Status::ValueCount, None)),
    };
    match prop {
        FlowProp::MaxBw => {
            let bad = |error: BandwidthError| {
                (error.status(), Some(error.to_string()))
            };
            let maxbw: fabric::Bandwidth = value.parse().map_err(bad)?;
            maxbw.check_maxbw().map_err(|error| (error.status(), None))?;
            set.maxbw = Some(maxbw);
        }
        FlowProp::Priority => {
            let bad = |_: PriorityError| (Status::InvalidValue, None);
            set.priority = Some(value.parse().map_err(bad)?);
        }
    }
    Ok(())
}

/// A property's value, if it has one.
pub(super) fn value(props: FlowProps, prop: FlowProp) -> Vec<String> {
    match prop {
        FlowProp::MaxBw => {
            props.maxbw.map(|bw| bw.padded()).into_iter().collect()
        }
        FlowProp::Priority => vec![props.priority.to_string()],
    }
}

/// The words to choose from, where there are any.
pub(super) fn choices(prop: FlowProp) -> Option<&'static str> {
    match prop {
        FlowProp::MaxBw => None,
        FlowProp::Priority => Some(PriorityError::CHOICES),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "no list";

    #[test]
    fn what_is_set_is_shown_and_what_is_shown_can_be_set() {
        for (text, maxbw, priority) in [
            ("maxbw=64K", Some("    0.064"), "medium"),
            ("maxbw=0,priority=LOW", Some("    0"), "low"),
            ("priority=high,priority=medium", None, "medium"),
            ("maxbw=1,maxbw=2G", Some(" 2000"), "medium"),
        ] {
            let list = parse(&[text.to_owned()], LIST).unwrap();
            let props = read(&list).unwrap().over(FlowProps::default());
            let shown = value(props, FlowProp::MaxBw);
            assert_eq!(shown.first().map(String::as_str), maxbw, "{text}");
            assert_eq!(value(props, FlowProp::Priority), [priority], "{text}");
        }
    }

    #[test]
    fn what_is_no_list() {
        for text in ["", "maxbw=", "MaxBw=1", "minbw=1", "maxbw=1,,", "=1"] {
            let failure = parse(&[text.to_owned()], LIST).unwrap_err();
            assert_eq!(failure.message, LIST, "{text}");
            assert!(failure.hint.is_some(), "{text}");
        }
        assert_eq!(parse(&[], LIST), Ok(vec![]));
        let names = |text: &str| parse_names(&[text.to_owned()], LIST);
        assert_eq!(names("priority,maxbw").unwrap().len(), 2);
        assert_eq!(names("maxbw=1").unwrap_err().message, LIST);
    }

    #[test]
    fn every_bad_value_is_told() {
        use FlowProp::{MaxBw, Priority};
        for (text, want) in [
            ("maxbw", vec![(MaxBw, None, Status::InvalidArgument)]),
            (
                "maxbw=10T,priority=first",
                vec![
                    (MaxBw, Some("10T"), Status::InvalidValue),
                    (Priority, Some("first"), Status::InvalidValue),
                ],
            ),
            ("maxbw=1,2", vec![(MaxBw, Some("1"), Status::ValueCount)]),
            ("maxbw=63K", vec![(MaxBw, Some("63K"), Status::MaxBwFloor)]),
            (
                "maxbw=10Mb,maxbw=1",
                vec![(MaxBw, Some("10Mb"), Status::InvalidArgument)],
            ),
        ] {
            let list = parse(&[text.to_owned()], LIST).unwrap();
            let bad = read(&list).unwrap_err();
            let got = bad
                .iter()
                .map(|bad| (bad.prop, bad.value.as_deref(), bad.status));
            assert_eq!(got.collect::<Vec<_>>(), want, "{text}");
        }
    }
}
