//! `dladm show-linkprop`

use fabric::api::LinkInfo;
use fabric::{LinkClass, LinkName};
use serde::Serialize;

use super::Common;
use super::link_props::{LinkProp, PROPS, Subject, When};
use super::listing::PropListingArgs;
use super::set_linkprop::{INVALID_LIST, parse};
use super::show_link;
use super::zoned::ZoneArg;
use crate::client::Client;
use crate::error::{CommandError, Failure};
use crate::ofmt::{Cell, Column, Table};
use crate::out::Out;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str =
    "[-P] [-z zone] [[-c] -o field,..] [-p prop[,..]] [link]";

/// List properties of links
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Show what will hold after the next boot
    #[arg(short = 'P', long)]
    persistent: bool,
    /// List only links of this zone; '' is the host
    #[arg(
        short = 'z',
        long,
        value_name = "ZONE",
        value_parser = ZoneArg::parse,
        allow_hyphen_values = true
    )]
    zone: Option<ZoneArg>,
    #[command(flatten)]
    listing: PropListingArgs,
    /// List only these properties
    #[arg(
        short = 'p',
        long,
        value_name = "PROP[,..]",
        allow_hyphen_values = true
    )]
    prop: Vec<String>,
    /// List only the properties of this link
    #[arg(value_name = "LINK")]
    link: Option<String>,
}

/// A property of a link.
#[derive(Debug, Serialize)]
struct Row {
    link: LinkName,
    /// Where the link is; null: netd's own namespace.
    zone: Option<String>,
    property: String,
    perm: Field,
    value: Field,
    default: Field,
    possible: Field,
}

/// What is said of a property.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
enum Field {
    /// Words; none: it is not set, or there is nothing to say.
    #[serde(serialize_with = "unpadded")]
    Words(Vec<String>),
    /// One word, always.
    Word(&'static str),
    /// The link has no such property.
    #[serde(serialize_with = "null")]
    Unsupported,
    /// Nobody knows such a property.
    #[serde(serialize_with = "null")]
    Unknown,
}

/// The blanks before a bandwidth are part of its column, for people and for
/// the scripts of old. JSON has no columns.
pub(super) fn unpadded<S: serde::Serializer>(
    words: &[String],
    to: S,
) -> Result<S::Ok, S::Error> {
    to.collect_seq(words.iter().map(|word| word.trim_start()))
}

fn null<S: serde::Serializer>(to: S) -> Result<S::Ok, S::Error> {
    to.serialize_none()
}

impl From<&Field> for Cell {
    fn from(field: &Field) -> Self {
        match field {
            Field::Words(words) => Self::list(words),
            Field::Word(word) => Self::Text((*word).to_owned()),
            // For scripts too, which tell it from what is not set.
            Field::Unsupported => Self::Text("--".to_owned()),
            Field::Unknown => Self::Unknown,
        }
    }
}

const TABLE: Table<Row> = Table::<Row>::new(&[
    Column::new("LINK", 13, |row| Cell::Text(row.link.to_string())),
    Column::new("PROPERTY", 16, |row| Cell::Text(row.property.clone())),
    Column::new("PERM", 5, |row| (&row.perm).into()),
    Column::new("VALUE", 15, |row| (&row.value).into()),
    Column::new("DEFAULT", 15, |row| (&row.default).into()),
    Column::new("POSSIBLE", 20, |row| (&row.possible).into()),
])
.wrapped();

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let form = args.listing.form(&TABLE, common, out)?;
    let wanted = parse(&args.prop)?;
    if wanted.iter().any(|prop| !prop.values.is_empty()) {
        let hint = "show-linkprop takes names only";
        return Err(Failure::new(INVALID_LIST).hint(hint).into());
    }
    let names: Vec<&str> = if wanted.is_empty() {
        PROPS.iter().map(|prop| prop.name).collect()
    } else {
        wanted.iter().map(|prop| prop.name.as_str()).collect()
    };
    // Who names properties, and a script, gets a row for each.
    let all = args.listing.parsable || !wanted.is_empty();
    let mut rows = Vec::new();
    let mut unknown = false;
    for subject in args.subjects(client)? {
        for name in &names {
            let Some(prop) = LinkProp::find(name) else {
                let link = &subject.link.name;
                out.warn(&format!(
                    "cannot get link property '{name}' for {link}: \
                     object not found"
                ));
                unknown = true;
                rows.push(Row::of_nothing(&subject.link, name, Field::Unknown));
                continue;
            };
            if args.has(&subject, prop) {
                rows.push(args.row(&subject, prop));
            } else if all {
                let row = Row::of_nothing(
                    &subject.link,
                    prop.name,
                    Field::Unsupported,
                );
                rows.push(row);
            }
        }
    }
    form.write(&rows, out)?;
    if unknown { Err(CommandError::Told) } else { Ok(()) }
}

impl Args {
    /// The links that the options and the operand mean, with what netd says of
    /// them.
    fn subjects(&self, client: &Client) -> Result<Vec<Subject>, CommandError> {
        let name = self.link.as_deref();
        let links = show_link::named(client, name, self.zone.as_ref())?;
        let (vnics, phys) = (client.vnics()?, client.phys()?);
        // Only what will be there after the next boot has to be told apart.
        let stubs = match self.persistent {
            true => client.etherstubs()?,
            false => Vec::new(),
        };
        let mut subjects = Vec::new();
        for link in links {
            let is_vnic = link.class == LinkClass::Vnic;
            let vnic = vnics.iter().find(|vnic| {
                is_vnic && vnic.name == link.name && vnic.zone == link.zone
            });
            let phys = phys.iter().find(|phys| {
                !is_vnic && phys.name == link.name && link.zone.is_none()
            });
            let passes = stubs.iter().any(|stub| {
                stub.temporary
                    && link.class == LinkClass::Etherstub
                    && stub.name == link.name
            });
            let passes = passes || vnic.is_some_and(|vnic| vnic.temporary);
            if self.persistent && passes {
                if let Some(name) = name {
                    let text = format!(
                        "link {name} is a temporary link: invalid argument"
                    );
                    return Err(Failure::new(text).into());
                }
                continue;
            }
            let (vnic, phys) = (vnic.cloned(), phys.cloned());
            subjects.push(Subject { link, vnic, phys });
        }
        Ok(subjects)
    }

    /// Whether a link has a property, of the time that is asked about: only
    /// what somebody has set is kept.
    fn has(&self, subject: &Subject, prop: &LinkProp) -> bool {
        let class = subject.link.class;
        prop.is_of(class) && (prop.is_set_of(class) || !self.persistent)
    }

    fn row(&self, subject: &Subject, prop: &LinkProp) -> Row {
        let when = if self.persistent { When::Kept } else { When::Now };
        let can_change = prop.can_change(subject.link.class);
        let perm = if can_change { "rw" } else { "r-" };
        Row {
            link: subject.link.name.clone(),
            zone: subject.link.zone.clone(),
            property: prop.name.to_owned(),
            perm: Field::Word(perm),
            value: Field::Words(prop.value(subject, when)),
            default: Field::Words(prop.value(subject, When::Default)),
            possible: Field::Words(prop.possible(subject)),
        }
    }
}

impl Row {
    /// A row that says the same in every column.
    fn of_nothing(link: &LinkInfo, property: &str, field: Field) -> Self {
        Self {
            link: link.name.clone(),
            zone: link.zone.clone(),
            property: property.to_owned(),
            perm: field.clone(),
            value: field.clone(),
            default: field.clone(),
            possible: field,
        }
    }
}
