//! Attributes as flowadm(8) writes them: `transport=tcp,local_port=443`.

use std::fmt;
use std::str::FromStr;

use super::{FlowAttr, FlowAttrName, FlowAttrs, FlowAttrsError};

impl FromStr for FlowAttrs {
    type Err = FlowAttrsError;

    /// The list is taken apart before any value is looked at, as by flowadm(8):
    /// an attribute that nobody knows is found before an address that is none.
    fn from_str(text: &str) -> Result<Self, FlowAttrsError> {
        if text.is_empty() {
            return Err(FlowAttrsError::Nothing);
        }
        let mut parts: Vec<(FlowAttrName, &str)> = Vec::new();
        for part in text.split(',') {
            let (name, value) = part
                .split_once('=')
                .ok_or_else(|| FlowAttrsError::Form(part.to_owned()))?;
            let name = FlowAttrName::ALL
                .into_iter()
                .find(|known| known.as_str() == name)
                .ok_or_else(|| FlowAttrsError::Unknown(name.to_owned()))?;
            if parts.iter().any(|(known, _)| *known == name) {
                return Err(FlowAttrsError::Twice(name));
            }
            parts.push((name, value));
        }
        let attrs: Result<Vec<FlowAttr>, FlowAttrsError> = parts
            .into_iter()
            .map(|(attr, value)| {
                FlowAttr::parse(attr, value).map_err(|source| {
                    let value = value.to_owned();
                    FlowAttrsError::Value { attr, value, source }
                })
            })
            .collect();
        attrs?.try_into()
    }
}

impl fmt::Display for FlowAttrs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let list: Vec<String> = self.iter().map(|a| a.to_string()).collect();
        f.pad(&list.join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Status;

    #[test]
    fn lists() {
        for (text, want) in [
            ("local_ip=10.1.2.3/8", "local_ip=10.0.0.0/8"),
            ("transport=TCP", "transport=tcp"),
            ("local_port=443,transport=tcp", "transport=tcp,local_port=443"),
            (
                "dsfield=b8:fc,remote_port=65535,local_port=1,transport=sctp,\
                 remote_ip=10.0.0.2,local_ip=10.0.0.1",
                "local_ip=10.0.0.1/32,remote_ip=10.0.0.2/32,transport=sctp,\
                 local_port=1,remote_port=65535,dsfield=0xb8:0xfc",
            ),
            (
                "transport=icmpv6,local_ip=fd00::1",
                "local_ip=fd00::1/128,transport=icmpv6",
            ),
            ("transport=icmp,dsfield=1", "transport=icmp,dsfield=0x01:0xff"),
        ] {
            let attrs: FlowAttrs = text.parse().unwrap();
            assert_eq!(attrs.to_string(), want, "{text:?}");
        }
    }

    #[test]
    fn what_is_no_list_and_the_words_for_it() {
        use Status::*;
        for (text, status, message) in [
            ("", InvalidArgument, "a flow has at least one attribute"),
            (",", InvalidFlowAttr, "\"\" is not of the form attribute=value"),
            (
                "transport=tcp,",
                InvalidFlowAttr,
                "\"\" is not of the form attribute=value",
            ),
            (
                "transport",
                InvalidFlowAttr,
                "\"transport\" is not of the form attribute=value",
            ),
            (
                "local_ip=10.0.0.1,10.0.0.2",
                InvalidFlowAttr,
                "\"10.0.0.2\" is not of the form attribute=value",
            ),
            (
                "Transport=tcp",
                InvalidFlowAttr,
                "no attribute is named \"Transport\"",
            ),
            (
                " transport=tcp",
                InvalidFlowAttr,
                "no attribute is named \" transport\"",
            ),
            ("=tcp", InvalidFlowAttr, "no attribute is named \"\""),
            // The list before the values.
            (
                "local_ip=web,color=red",
                InvalidFlowAttr,
                "no attribute is named \"color\"",
            ),
            (
                "local_port=0,local_port=1",
                InvalidFlowAttr,
                "local_port is there twice",
            ),
            ("local_ip=web", InvalidIp, "local_ip cannot be \"web\""),
            (
                "remote_ip=10.0.0.1/33",
                InvalidIpPrefix,
                "remote_ip cannot be \"10.0.0.1/33\"",
            ),
            ("local_ip=::", InvalidArgument, "local_ip cannot be \"::\""),
            (
                "transport=tcpip",
                InvalidProtocol,
                "transport cannot be \"tcpip\"",
            ),
            ("transport=", InvalidProtocol, "transport cannot be \"\""),
            (
                "transport=tcp=udp",
                InvalidProtocol,
                "transport cannot be \"tcp=udp\"",
            ),
            ("local_port=65536", InvalidPort, "local_port cannot be \"65536\""),
            ("local_port=0", InvalidPort, "local_port cannot be \"0\""),
            ("local_port=+1", InvalidPort, "local_port cannot be \"+1\""),
            ("local_port=", InvalidPort, "local_port cannot be \"\""),
            ("dsfield=0", InvalidDsField, "dsfield cannot be \"0\""),
            ("dsfield=2e:fc", InvalidDsField, "dsfield cannot be \"2e:fc\""),
            ("dsfield=2e:0", InvalidDsFieldMask, "dsfield cannot be \"2e:0\""),
            // The first bad value, in the order in which they were given.
            (
                "transport=x,local_ip=web",
                InvalidProtocol,
                "transport cannot be \"x\"",
            ),
            (
                "remote_port=53,local_port=1",
                PortNeedsTransport,
                "local_port needs a transport",
            ),
            (
                "remote_port=53,transport=icmp",
                InvalidArgument,
                "icmp has no remote_port",
            ),
            (
                "local_ip=10.0.0.1,remote_ip=fd00::/8",
                InvalidArgument,
                "no packet is from 10.0.0.1/32 to fd00::/8",
            ),
            (
                "transport=icmpv6,remote_ip=10.0.0.1",
                InvalidArgument,
                "icmpv6 is not a protocol of IPv4",
            ),
            (
                "transport=icmp,local_ip=fd00::1",
                InvalidArgument,
                "icmp is not a protocol of IPv6",
            ),
        ] {
            let error = text.parse::<FlowAttrs>().unwrap_err();
            assert_eq!(error.status(), status, "{text:?}");
            assert_eq!(error.to_string(), message, "{text:?}");
        }
    }

    #[test]
    fn json() {
        for (text, want) in [
            (
                r#"{"transport":"UDP","local_port":53}"#,
                Ok(r#"{"transport":"udp","local_port":53}"#),
            ),
            (
                r#"{"remote_ip":"10.0.0.9/8","local_ip":null,"dsfield":"b8"}"#,
                Ok(r#"{"remote_ip":"10.0.0.0/8","dsfield":"0xb8:0xff"}"#),
            ),
            ("{}", Err("a flow has at least one attribute")),
            (r#"{"local_port":53}"#, Err("local_port needs a transport")),
            (r#"{"local_port":0}"#, Err("invalid value: integer `0`")),
            (r#"{"local_port":65536}"#, Err("invalid value: integer")),
            (r#"{"local_port":"53"}"#, Err("invalid type: string")),
            (r#"{"dsfield":184}"#, Err("invalid type: integer")),
            (r#"{"color":"red"}"#, Err("unknown field `color`")),
            (
                r#"{"transport":"tcp","transport":"tcp"}"#,
                Err("duplicate field `transport`"),
            ),
        ] {
            let got = serde_json::from_str::<FlowAttrs>(text);
            match (got, want) {
                (Ok(attrs), Ok(want)) => {
                    assert_eq!(serde_json::to_string(&attrs).unwrap(), want);
                }
                (Err(error), Err(want)) => {
                    let error = error.to_string();
                    assert!(error.starts_with(want), "{text}: {error}");
                }
                (got, _) => panic!("{text}: {got:?}"),
            }
        }
    }

    #[test]
    fn addresses_as_show_flow_prints_them() {
        for (text, want) in [
            ("local_ip=10.0.0.1", "LCL:10.0.0.1/32"),
            ("remote_ip=fd00::/8", "RMT:fd00::/8"),
            (
                "remote_ip=10.0.0.0/8,local_ip=10.0.0.1",
                "LCL:10.0.0.1/32,RMT:10.0.0.0/8",
            ),
            ("transport=tcp", ""),
        ] {
            let attrs: FlowAttrs = text.parse().unwrap();
            assert_eq!(attrs.addresses(), want, "{text:?}");
        }
    }
}
