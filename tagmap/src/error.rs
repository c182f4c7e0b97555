//! What can be wrong with the file, with an edit of it, and with a tag.

use fabric::{LinkClass, LinkName, Mac, NameError, TagName};

/// A mistake in the file, and where it is.
///
/// ```
/// let config = tagmap::Config::parse("admin_nic=9c:b6:54:bb:c3").unwrap();
/// let error = tagmap::TagMap::from_config(&config).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     r#"line 1: "9c:b6:54:bb:c3" is no MAC address"#
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {reason}")]
pub struct ConfigError {
    /// The line; the file's first is 1.
    pub line: usize,
    /// The mistake.
    pub reason: Reason,
}

/// A mistake in the file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Reason {
    /// A NUL byte: the file is no text.
    #[error("a NUL byte")]
    Nul,
    /// Neither blank, nor a comment, nor `key=value`.
    #[error("{0:?} is no key=value")]
    NotAssignment(String),
    /// A quotation that goes on in the next line.
    #[error("no closing {0}")]
    Unterminated(char),
    /// A backslash at the end, which joins the next line to this one.
    #[error("a value cannot be continued in the next line")]
    Continued,
    /// A character that a shell would act upon.
    #[error("the value of {key} needs a shell to evaluate {what:?}")]
    NeedsShell {
        /// The key.
        key: String,
        /// The character.
        what: char,
    },
    /// Unquoted words after the first, which a shell would run as a command.
    #[error("the value of {key} has several words and no quotes")]
    Words {
        /// The key.
        key: String,
    },
    /// No MAC address, or one that no NIC can have.
    #[error("{0:?} is no MAC address")]
    Mac(String),
    /// A tag's target that is neither a MAC address nor a link's name.
    #[error("{0:?} is neither a MAC address nor the name of an aggregation")]
    Target(String),
    /// The name of a tag breaks its grammar.
    #[error(
        "{0:?} is no NIC tag name: at most {max} letters, digits and '_'",
        max = TagName::MAX
    )]
    TagName(String),
    /// The name of an etherstub or an aggregation breaks the grammar of links.
    #[error("{name:?}: {rule}")]
    LinkName {
        /// The text.
        name: String,
        /// The rule.
        rule: NameError,
    },
    /// An MTU out of range.
    #[error("mtu {0:?} is not between 1500 and 65535")]
    Mtu(String),
    /// The administrative address is no IPv4 address.
    #[error("{0:?} is no IPv4 address, \"dhcp\" or \"none\"")]
    Address(String),
    /// A static address whose netmask is missing or has holes.
    #[error("{key}: {text:?} is no netmask")]
    Netmask {
        /// The key.
        key: String,
        /// The text; empty where the key is missing.
        text: String,
    },
}

/// An edit that would not survive its own writing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum EditError {
    /// The key is not a letter followed by letters, digits and `_`.
    #[error("{0:?} is no key")]
    Key(String),
    /// The value holds a control character, such as a line feed.
    #[error("the value of {key} cannot contain {what:?}")]
    Value {
        /// The key.
        key: String,
        /// The character.
        what: char,
    },
}

/// Why a NIC tag leads to no link now.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TagError {
    /// The file defines no such tag.
    #[error("nic tag \"{tag}\" does not exist")]
    NoSuchTag {
        /// The tag.
        tag: TagName,
    },
    /// The tag's NIC is not on this host.
    #[error("no NIC has the MAC address {} of nic tag \"{tag}\"", mac.padded())]
    NoSuchNic {
        /// The tag.
        tag: TagName,
        /// Its NIC's address.
        mac: Mac,
    },
    /// Several links have the address, none with a better claim to it.
    #[error(
        "the MAC address {} of nic tag \"{tag}\" is that of {}",
        mac.padded(),
        listed(links)
    )]
    Ambiguous {
        /// The tag.
        tag: TagName,
        /// The address.
        mac: Mac,
        /// The links, in the host's order.
        links: Vec<LinkName>,
    },
    /// The tag's aggregation is not on this host.
    #[error("aggregation \"{aggr}\" of nic tag \"{tag}\" does not exist")]
    NoSuchAggr {
        /// The tag.
        tag: TagName,
        /// The aggregation.
        aggr: LinkName,
    },
    /// The tag names a link of another class. A NIC is named by its address,
    /// so that the tag survives a change of names.
    #[error("\"{link}\" of nic tag \"{tag}\" is a {class}, not an aggregation")]
    NotAggr {
        /// The tag.
        tag: TagName,
        /// The link.
        link: LinkName,
        /// Its class.
        class: LinkClass,
    },
}

/// `"a", "b" and "c"`.
fn listed(links: &[LinkName]) -> String {
    let quoted: Vec<String> =
        links.iter().map(|link| format!("\"{link}\"")).collect();
    match quoted.split_last() {
        Some((last, rest)) if !rest.is_empty() => {
            format!("{} and {last}", rest.join(", "))
        }
        _ => quoted.concat(),
    }
}
