//! `nictagadm list` and `nictagadm exists`

use std::io::Write;

use fabric::Mac;
use fabric::api::{NicTagInfo, NicTagType};

use super::Common;
use crate::client::Client;
use crate::error::{CommandError, Failure};
use crate::ofmt::escape;
use crate::out::Out;

/// List NIC tags
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ListArgs {
    /// List only the tags of this host: etherstubs
    #[arg(short = 'l')]
    local: bool,
    /// List only the other tags
    #[arg(short = 'L')]
    not_local: bool,
    /// Print fields for scripts
    #[arg(short = 'p')]
    parsable: bool,
    /// What stands between the fields of -p
    #[arg(short = 'd', value_name = "DELIM", allow_hyphen_values = true)]
    delim: Option<String>,
}

pub(crate) fn list(
    args: &ListArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    args.check(common)?;
    let tags = tags(client, out)?;
    let shown: Vec<NicTagInfo> = tags
        .into_iter()
        .filter(|tag| match tag.kind {
            NicTagType::Etherstub => !args.not_local,
            NicTagType::Normal | NicTagType::Aggr => !args.local,
        })
        .collect();
    if common.json {
        out.json(&shown)?;
        return Ok(());
    }
    let data = out.data();
    if args.parsable {
        let delim = args.delim.as_deref().unwrap_or(":");
        for tag in &shown {
            writeln!(data, "{}", parsable(tag, delim))?;
        }
    } else {
        // There is a header even when there are no tags.
        line(data, ["NAME", "MACADDRESS", "LINK", "TYPE"])?;
        for tag in &shown {
            line(data, fields(tag).each_ref().map(String::as_str))?;
        }
    }
    Ok(())
}

impl ListArgs {
    fn check(&self, common: Common) -> Result<(), Failure> {
        let wrong = [
            (
                self.local && self.not_local,
                "Cannot specify both local and non-local options",
            ),
            (
                self.delim.is_some() && !self.parsable,
                "Delimiter option requires parsable option to be set",
            ),
            (
                common.json && self.parsable,
                "Cannot specify both --json and the parsable option",
            ),
        ];
        match wrong.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, message)) => Err(Failure::new(message)),
            None => Ok(()),
        }
    }
}

/// Name, address in two-digit octets, link, type; `-` where there is none.
fn fields(tag: &NicTagInfo) -> [String; 4] {
    let none = || "-".to_owned();
    let kind = match tag.kind {
        NicTagType::Normal => "normal",
        NicTagType::Aggr => "aggr",
        NicTagType::Etherstub => "etherstub",
    };
    // An etherstub is its own link, which would say nothing.
    let link = tag.link.as_ref().filter(|_| tag.kind != NicTagType::Etherstub);
    [
        tag.name.clone(),
        tag.mac.map_or_else(none, Mac::padded),
        link.map_or_else(none, ToString::to_string),
        kind.to_owned(),
    ]
}

fn line(to: &mut dyn Write, [a, b, c, d]: [&str; 4]) -> std::io::Result<()> {
    writeln!(to, "{a:<14} {b:<18} {c:<14} {d:<16}")
}

/// A line for scripts. Only the colon has a way to be told from the delimiter.
fn parsable(tag: &NicTagInfo, delim: &str) -> String {
    let fields = fields(tag);
    if delim == ":" {
        fields.map(|field| escape(&field)).join(delim)
    } else {
        fields.join(delim)
    }
}

/// Check that NIC tags exist
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct ExistsArgs {
    /// Print only the names of the tags that don't
    #[arg(short = 'l')]
    list: bool,
    /// The tags
    #[arg(value_name = "NAME")]
    names: Vec<String>,
}

pub(crate) fn exists(
    args: &ExistsArgs,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    if args.names.is_empty() {
        return Err(Failure::new("tag_exists: no tag specified").into());
    }
    let tags = tags(client, out)?;
    let mut missing = false;
    let mut found = Vec::new();
    for name in &args.names {
        if let Some(tag) = tags.iter().find(|tag| tag.name == *name) {
            found.push(tag);
            continue;
        }
        missing = true;
        let intro = if args.list { "" } else { "invalid tag: " };
        out.words(&format!("{intro}{name}"));
    }
    if common.json {
        out.json(&found)?;
    }
    if missing { Err(CommandError::Told) } else { Ok(()) }
}

/// The tags. What is wrong with the file that they come from is told, and is
/// no reason to stop.
fn tags(
    client: &Client,
    out: &mut Out,
) -> Result<Vec<NicTagInfo>, CommandError> {
    let tags = client.nic_tags()?;
    if let Some(warning) = &tags.warning {
        out.warn(warning);
    }
    Ok(tags.tags)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_colon_is_escaped_only_from_a_colon() {
        let tag = NicTagInfo {
            name: "admin".to_owned(),
            mac: "8:0:20:fe:4e:a5".parse().ok(),
            link: None,
            kind: NicTagType::Normal,
            mtu: None,
            reason: None,
        };
        for (delim, want) in [
            (":", r"admin:08\:00\:20\:fe\:4e\:a5:-:normal"),
            ("|", "admin|08:00:20:fe:4e:a5|-|normal"),
            ("", "admin08:00:20:fe:4e:a5-normal"),
        ] {
            assert_eq!(parsable(&tag, delim), want, "{delim:?}");
        }
    }
}
