//! The NIC tags that a file defines.

use std::collections::{BTreeMap, BTreeSet};

use fabric::{LinkName, Mac, Mtu, TagName};

use crate::{Assignment, Config, ConfigError, Reason};

/// What a NIC tag names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagTarget {
    /// A NIC, by its address.
    Nic(Mac),
    /// An aggregation, by its name.
    Aggr(LinkName),
}

/// A NIC tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NicTag {
    /// The link that it names.
    pub target: TagTarget,
    /// The MTU of VNICs on the tag, where the file names one: 1500 or more.
    pub mtu: Option<Mtu>,
}

/// An aggregation as the file defines it. Whether it exists is for the host
/// to say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aggr {
    /// Its NICs, by address.
    pub macs: Vec<Mac>,
    /// Its MTU, where the file names one: 1500 or more.
    pub mtu: Option<Mtu>,
}

/// The NIC tags, aggregations and etherstubs that a file defines.
///
/// | key | meaning |
/// |---|---|
/// | `TAG_nic=MAC` or `TAG_nic=aggr0` | defines the tag `TAG` |
/// | `TAG_mtu=N` | its MTU; without `TAG_nic` it says nothing about tags |
/// | `X_aggr=MAC,MAC`, `X_mtu=N` | the aggregation `X` |
/// | `etherstub=a0,b0` | etherstubs |
/// | `admin_tag=TAG` | the tag of the host's own address, else `admin` |
///
/// Every other key is somebody else's. Several tags may name one NIC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TagMap {
    tags: BTreeMap<TagName, NicTag>,
    aggrs: BTreeMap<LinkName, Aggr>,
    etherstubs: BTreeSet<LinkName>,
    admin: Option<TagName>,
}

impl TagMap {
    /// The least MTU that a tag or an aggregation may ask for, as when
    /// SmartOS boots. The greatest is [`Mtu::MAX`].
    pub const MIN_MTU: Mtu = Mtu::ETHERNET;

    /// Reads the tags out of a file.
    ///
    /// # Errors
    /// The first mistake in a line that defines something: a target that is
    /// neither a MAC address nor a name, an MTU out of range, a name that
    /// breaks its grammar, a value that only a shell could evaluate. A line
    /// that a later one of the same key overrides is not looked at.
    pub fn from_config(config: &Config) -> Result<Self, ConfigError> {
        let winners: BTreeMap<&str, Assignment> =
            config.iter().map(|line| (line.key, line)).collect();
        let mut lines: Vec<Assignment> = winners.values().copied().collect();
        lines.sort_by_key(|line| line.line);
        let mtu = |stem: &str| {
            let line = winners.get(format!("{stem}_mtu").as_str());
            line.map_or(Ok(None), mtu)
        };

        let mut map = Self::default();
        for line in lines {
            if line.key == "etherstub" {
                map.etherstubs = list(line.plain()?)
                    .map(|name| link_name(&line, name))
                    .collect::<Result<_, _>>()?;
            } else if line.key == "admin_tag" {
                let text = line.plain()?;
                if !text.is_empty() {
                    map.admin = Some(tag_name(&line, text)?);
                }
            } else if let Some(stem) = line.key.strip_suffix("_nic") {
                let tag = tag_name(&line, stem)?;
                let target = target(&line)?;
                let mtu = mtu(stem)?;
                map.tags.insert(tag, NicTag { target, mtu });
            } else if let Some(stem) = line.key.strip_suffix("_aggr") {
                let name = link_name(&line, stem)?;
                let macs = list(line.plain()?)
                    .map(|text| nic_mac(&line, text))
                    .collect::<Result<_, _>>()?;
                let mtu = mtu(stem)?;
                map.aggrs.insert(name, Aggr { macs, mtu });
            }
        }
        Ok(map)
    }

    /// A tag by its name.
    #[must_use]
    pub fn get(&self, tag: &TagName) -> Option<&NicTag> {
        self.tags.get(tag)
    }

    /// The tags, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&TagName, &NicTag)> {
        self.tags.iter()
    }

    /// The aggregations that the file defines, sorted by name. A tag may also
    /// name one that was made by other means.
    pub fn aggrs(&self) -> impl Iterator<Item = (&LinkName, &Aggr)> {
        self.aggrs.iter()
    }

    /// The etherstubs that the file wants, sorted by name.
    pub fn etherstubs(&self) -> impl Iterator<Item = &LinkName> {
        self.etherstubs.iter()
    }

    /// The tag of the link with the host's own address: `admin`, unless the
    /// file appoints another. It may be undefined.
    #[must_use]
    pub fn admin(&self) -> TagName {
        self.admin.clone().unwrap_or_else(|| {
            "admin".parse().expect("five letters are a tag name")
        })
    }

    /// The MTU that VNICs on a tag get, where the file names one.
    #[must_use]
    pub fn mtu_of(&self, tag: &TagName) -> Option<Mtu> {
        self.get(tag)?.mtu
    }

    /// The MTU that a link needs for its tags: the greatest of those that name
    /// it, and of its own where it is an aggregation. None: nobody asks.
    #[must_use]
    pub fn link_mtu(&self, link: &TagTarget) -> Option<Mtu> {
        let tags = self.tags.values().filter(|tag| tag.target == *link);
        let aggr = match link {
            TagTarget::Nic(_) => None,
            TagTarget::Aggr(name) => self.aggrs.get(name),
        };
        let aggr = aggr.and_then(|aggr| aggr.mtu);
        tags.filter_map(|tag| tag.mtu).chain(aggr).max()
    }
}

/// The parts of a comma list. Blanks around them and empty parts are harmless.
fn list(text: &str) -> impl Iterator<Item = &str> {
    text.split(',').map(str::trim).filter(|part| !part.is_empty())
}

fn tag_name(line: &Assignment, text: &str) -> Result<TagName, ConfigError> {
    text.parse().map_err(|_| line.error(Reason::TagName(text.to_owned())))
}

fn link_name(line: &Assignment, text: &str) -> Result<LinkName, ConfigError> {
    LinkName::for_new_link(text).map_err(|rule| {
        line.error(Reason::LinkName { name: text.to_owned(), rule })
    })
}

fn nic_mac(line: &Assignment, text: &str) -> Result<Mac, ConfigError> {
    match text.parse::<Mac>() {
        Ok(mac) if mac.is_unicast() => Ok(mac),
        _ => Err(line.error(Reason::Mac(text.to_owned()))),
    }
}

fn target(line: &Assignment) -> Result<TagTarget, ConfigError> {
    let text = line.plain()?;
    if text.contains(':') {
        // No link name has a colon, so this was meant as an address.
        return nic_mac(line, text).map(TagTarget::Nic);
    }
    LinkName::for_new_link(text)
        .map(TagTarget::Aggr)
        .map_err(|_| line.error(Reason::Target(text.to_owned())))
}

/// Reads an MTU; an empty one is none.
fn mtu(line: &Assignment) -> Result<Option<Mtu>, ConfigError> {
    let text = line.plain()?;
    if text.is_empty() {
        return Ok(None);
    }
    match text.parse::<Mtu>() {
        Ok(mtu) if mtu >= TagMap::MIN_MTU => Ok(Some(mtu)),
        _ => Err(line.error(Reason::Mtu(text.to_owned()))),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(text: &str) -> Result<TagMap, ConfigError> {
        TagMap::from_config(&Config::parse(text).unwrap())
    }

    /// The tags as `name target mtu`.
    fn tags(map: &TagMap) -> Vec<String> {
        map.iter()
            .map(|(name, tag)| {
                let target = match &tag.target {
                    TagTarget::Nic(mac) => mac.padded(),
                    TagTarget::Aggr(name) => name.to_string(),
                };
                let mtu = tag.mtu.map_or("-".to_owned(), |m| m.to_string());
                format!("{name} {target} {mtu}")
            })
            .collect()
    }

    #[test]
    fn tags_are_the_keys_that_end_in_nic() {
        for (text, want) in [
            ("", vec![]),
            ("admin_nic=9c:b6:54:bb:c3:3c", vec!["admin 9c:b6:54:bb:c3:3c -"]),
            ("b_nic=2:8:20:0:0:b\na_nic=aggr0\nb_mtu=9000", {
                vec!["a aggr0 -", "b 02:08:20:00:00:0b 9000"]
            }),
            ("a_nic=2::1\na_nic='2:0:0:0:0:1' # c", {
                vec!["a 02:00:00:00:00:01 -"]
            }),
            ("a_nic=2:0:0:0:0:1\nb_nic=2:0:0:0:0:1", {
                vec!["a 02:00:00:00:00:01 -", "b 02:00:00:00:00:01 -"]
            }),
            // An MTU of no tag's, and keys that merely look alike.
            ("external0_mtu=1\nadmin_nic_autoselect=true", vec![]),
            ("admin_ip=dhcp\nx0_ip=10.0.0.1\ndns_resolvers=$DNS", vec![]),
            ("a_nic=2:0:0:0:0:1\na_mtu=", vec!["a 02:00:00:00:00:01 -"]),
        ] {
            assert_eq!(tags(&read(text).unwrap()), want, "{text:?}");
        }
    }

    #[test]
    fn mistakes_are_named() {
        let long = "t".repeat(31);
        for (text, want) in [
            (
                "# one\na_nic=9c:b6:54:bb:c3\n",
                r#"line 2: "9c:b6:54:bb:c3" is no MAC address"#,
            ),
            (
                "a_nic=ff:ff:ff:ff:ff:ff",
                r#"line 1: "ff:ff:ff:ff:ff:ff" is no MAC address"#,
            ),
            (
                "a_nic=",
                "line 1: \"\" is neither a MAC address nor the name of an \
                 aggregation",
            ),
            (
                "a_nic=bond",
                "line 1: \"bond\" is neither a MAC address nor the name of \
                 an aggregation",
            ),
            (
                "a_nic=$NIC",
                "line 1: the value of a_nic needs a shell to evaluate '$'",
            ),
            (
                "a_nic=aggr0 aggr1",
                "line 1: the value of a_nic has several words and no quotes",
            ),
            (
                "a_nic=aggr0\na_mtu=1499",
                "line 2: mtu \"1499\" is not between 1500 and 65535",
            ),
            (
                "a_mtu=65536\na_nic=aggr0",
                "line 1: mtu \"65536\" is not between 1500 and 65535",
            ),
            (
                "aggr0_aggr=2:0:0:0:0:1\naggr0_mtu=9k",
                "line 2: mtu \"9k\" is not between 1500 and 65535",
            ),
            (
                "aggr0_aggr=2:0:0:0:0:1,bge0",
                "line 1: \"bge0\" is no MAC address",
            ),
            (
                "aggr_aggr=2:0:0:0:0:1",
                "line 1: \"aggr\": a link name must end in a number",
            ),
            (
                "etherstub=stub0,stub-1",
                "line 1: \"stub-1\": a link name cannot contain '-'",
            ),
            (
                &format!("{long}_nic=aggr0"),
                &format!(
                    "line 1: \"{long}\" is no NIC tag name: at most 30 \
                     letters, digits and '_'"
                ),
            ),
            (
                "admin_tag=a-b",
                "line 1: \"a-b\" is no NIC tag name: at most 30 letters, \
                 digits and '_'",
            ),
        ] {
            assert_eq!(read(text).unwrap_err().to_string(), want);
        }
    }

    #[test]
    fn etherstubs_and_the_admin_tag() {
        let none: [&str; 0] = [];
        for (text, stubs, admin) in [
            ("etherstub=\nadmin_tag=", &none[..], "admin"),
            ("etherstub=b1,a0\nadmin_tag=mgmt", &["a0", "b1"], "mgmt"),
            ("etherstub='a0, b1,,a0'", &["a0", "b1"], "admin"),
        ] {
            let map = read(text).unwrap();
            let got: Vec<_> = map.etherstubs().map(LinkName::as_str).collect();
            assert_eq!(got, stubs, "{text:?}");
            assert_eq!(map.admin().as_str(), admin, "{text:?}");
        }
    }

    #[test]
    fn a_link_needs_the_greatest_mtu_of_its_tags() {
        let map = read(
            "a_nic=2:0:0:0:0:1\na_mtu=1500\n\
             b_nic=2:0:0:0:0:1\nb_mtu=9000\n\
             c_nic=2:0:0:0:0:1\n\
             d_nic=2:0:0:0:0:2\n\
             e_nic=aggr0\ne_mtu=4000\naggr0_aggr=2:0:0:0:0:3\n\
             aggr0_mtu=5000\n\
             f_nic=bond0\nf_mtu=6000\n",
        )
        .unwrap();
        for (tag, own, link) in [
            ("a", Some(1500), Some(9000)),
            ("b", Some(9000), Some(9000)),
            ("c", None, Some(9000)),
            ("d", None, None),
            ("e", Some(4000), Some(5000)),
            ("f", Some(6000), Some(6000)),
        ] {
            let tag: TagName = tag.parse().unwrap();
            let target = &map.get(&tag).unwrap().target;
            assert_eq!(map.mtu_of(&tag).map(Mtu::bytes), own, "{tag}");
            let got = map.link_mtu(target).map(Mtu::bytes);
            assert_eq!(got, link, "{tag}");
        }
    }

    proptest! {
        #[test]
        fn any_file_has_tags_or_an_error_on_one_of_its_lines(
            lines in prop::collection::vec(
                "(a_nic|a_mtu|aggr0_aggr|etherstub|admin_tag)=\
                 [0-9a-f:,$' #\"\\\\]{0,20}",
                0..6,
            ),
        ) {
            let Ok(config) = Config::parse(&lines.join("\n")) else {
                return Ok(());
            };
            if let Err(error) = TagMap::from_config(&config) {
                prop_assert!((1..=lines.len()).contains(&error.line));
            }
        }
    }
}
