//! Changing what a file defines.

use fabric::{LinkName, Mtu, TagName};

use crate::{Config, EditError, TagTarget};

impl Config {
    /// Defines a NIC tag, or lets it name another link. Its MTU stays as it
    /// is where none is given.
    ///
    /// # Errors
    /// [`EditError`], for no tag or target that could be made.
    pub fn set_tag(
        &mut self,
        tag: &TagName,
        target: Option<&TagTarget>,
        mtu: Option<Mtu>,
    ) -> Result<(), EditError> {
        match target {
            Some(TagTarget::Nic(mac)) => {
                self.set(&format!("{tag}_nic"), &mac.padded())?;
            }
            Some(TagTarget::Aggr(aggr)) => {
                self.set(&format!("{tag}_nic"), aggr.as_str())?;
            }
            None => {}
        }
        if let Some(mtu) = mtu {
            self.set(&format!("{tag}_mtu"), &mtu.bytes().to_string())?;
        }
        Ok(())
    }

    /// Deletes a NIC tag's definition, with its MTU.
    pub fn remove_tag(&mut self, tag: &TagName) {
        self.remove(&format!("{tag}_nic"));
        self.remove(&format!("{tag}_mtu"));
    }

    /// Adds an etherstub to those that the file wants, if it is none of them.
    ///
    /// # Errors
    /// [`EditError`], for no name that could be made.
    pub fn add_etherstub(&mut self, name: &LinkName) -> Result<(), EditError> {
        let mut stubs = self.stubs();
        if !stubs.iter().any(|stub| stub == name.as_str()) {
            stubs.push(name.to_string());
        }
        self.set(ETHERSTUB, &stubs.join(","))
    }

    /// Takes an etherstub from those that the file wants. The line stays, as
    /// the original nictagadm leaves it.
    ///
    /// # Errors
    /// [`EditError`], for no name that could be made.
    pub fn remove_etherstub(
        &mut self,
        name: &LinkName,
    ) -> Result<(), EditError> {
        let mut stubs = self.stubs();
        let before = stubs.len();
        stubs.retain(|stub| stub != name.as_str());
        if stubs.len() == before {
            return Ok(());
        }
        self.set(ETHERSTUB, &stubs.join(","))
    }

    fn stubs(&self) -> Vec<String> {
        let value = self.get(ETHERSTUB).unwrap_or_default();
        let names = value.split(',').map(str::trim);
        names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
    }
}

const ETHERSTUB: &str = "etherstub";

#[cfg(test)]
mod tests {
    use super::*;

    type Edit = fn(&mut Config) -> Result<(), EditError>;

    fn tag(name: &str) -> TagName {
        name.parse().unwrap()
    }

    fn link(name: &str) -> LinkName {
        name.parse().unwrap()
    }

    fn nic() -> TagTarget {
        TagTarget::Nic("2:8:20:0:0:a".parse().unwrap())
    }

    #[test]
    fn edits_touch_their_own_lines() {
        let edits: [(&str, Edit, &str); 10] = [
            (
                "# NICs\n",
                |config| config.set_tag(&tag("admin"), Some(&nic()), None),
                "# NICs\nadmin_nic=02:08:20:00:00:0a\n",
            ),
            (
                "admin_nic=aggr0 # the bond\nb=c\n",
                |config| {
                    let mtu = Mtu::new(9000).ok();
                    config.set_tag(&tag("admin"), Some(&nic()), mtu)
                },
                "admin_nic=02:08:20:00:00:0a # the bond\nb=c\nadmin_mtu=9000\n",
            ),
            (
                "a_nic=aggr0\na_mtu=1500\n",
                |config| {
                    let aggr = TagTarget::Aggr(link("aggr1"));
                    config.set_tag(&tag("a"), Some(&aggr), None)
                },
                "a_nic=aggr1\na_mtu=1500\n",
            ),
            (
                "a_nic=aggr0\n",
                |config| config.set_tag(&tag("a"), None, Mtu::new(2000).ok()),
                "a_nic=aggr0\na_mtu=2000\n",
            ),
            (
                "a_nic=aggr0\naa_nic=aggr1\na_mtu=9000\n",
                |config| {
                    config.remove_tag(&tag("a"));
                    Ok(())
                },
                "aa_nic=aggr1\n",
            ),
            ("", |config| config.add_etherstub(&link("a0")), "etherstub=a0\n"),
            (
                "etherstub= a0, b0\nx=y\n",
                |config| config.add_etherstub(&link("c0")),
                "etherstub=a0,b0,c0\nx=y\n",
            ),
            (
                "etherstub=a0\n",
                |config| config.add_etherstub(&link("a0")),
                "etherstub=a0\n",
            ),
            (
                "etherstub=a0,aa0\n",
                |config| config.remove_etherstub(&link("a0")),
                "etherstub=aa0\n",
            ),
            (
                "etherstub=a0\n",
                |config| {
                    config.remove_etherstub(&link("b0"))?;
                    config.remove_etherstub(&link("a0"))?;
                    config.add_etherstub(&link("c0"))
                },
                "etherstub=c0\n",
            ),
        ];
        for (text, edit, want) in edits {
            let mut config = Config::parse(text).unwrap();
            edit(&mut config).unwrap();
            assert_eq!(config.to_string(), want, "{text:?}");
        }
    }
}
