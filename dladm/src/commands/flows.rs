//! Which link and which flows a command line means.

use fabric::api::{FlowInfo, LinkInfo};

use super::zoned::{CHOOSE_ZONE, ZoneArg, narrow};
use crate::client::Client;
use crate::error::{CommandError, Failure};

/// The one link that `-l` means.
pub(super) fn link(
    client: &Client,
    name: &str,
    zone: Option<&ZoneArg>,
) -> Result<LinkInfo, CommandError> {
    let invalid = format!("invalid link '{name}'");
    let links = narrow(client.links()?, Some(name), zone);
    let links = links.map_err(|error| {
        Failure::new(format!("{invalid}: {error}")).hint(CHOOSE_ZONE)
    })?;
    let link = links.into_iter().next();
    link.ok_or_else(|| Failure::new(invalid).into())
}

/// The flows that a name, `-l` and `-z` mean. Without a name that may be none.
pub(super) fn flows(
    client: &Client,
    name: Option<&str>,
    over: Option<&str>,
    zone: Option<&ZoneArg>,
    invalid: fn(&str) -> String,
) -> Result<Vec<FlowInfo>, CommandError> {
    // A link that several zones have is as many links.
    let links = match over {
        None => None,
        Some(over) => {
            let mut links = client.links()?;
            links.retain(|link| {
                link.name.as_str() == over
                    && zone.is_none_or(|z| z.means(link.zone.as_deref()))
            });
            if links.is_empty() {
                let text = format!("invalid link '{over}'");
                return Err(Failure::new(text).into());
            }
            Some(over)
        }
    };
    let mut flows = client.flows()?;
    flows.retain(|flow| links.is_none_or(|link| flow.link.as_str() == link));
    let flows = narrow(flows, name, zone).map_err(|error| {
        let invalid = invalid(name.unwrap_or_default());
        Failure::new(format!("{invalid}: {error}")).hint(CHOOSE_ZONE)
    })?;
    match name {
        Some(name) if flows.is_empty() => {
            Err(Failure::new(invalid(name)).into())
        }
        _ => Ok(flows),
    }
}

/// flowadm's words for a name that is no flow's.
pub(super) fn invalid_flow(name: &str) -> String {
    format!("invalid flow: '{name}'")
}
