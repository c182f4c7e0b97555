//! The host's own address on the admin tag.

use std::net::Ipv4Addr;

use ipnetwork::{IpNetwork, Ipv4Network};

use crate::{Config, ConfigError, Reason};

/// How the host gets its address on the link with the admin tag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AdminAddress {
    /// By DHCP.
    Dhcp,
    /// Not at all.
    None,
    /// From the file, with the length of its network.
    Static(IpNetwork),
}

impl Config {
    /// Reads `admin_ip` and `admin_netmask`, or `TAG_ip` and `TAG_netmask`
    /// when `admin_tag=TAG` appoints another tag. None: the file doesn't say.
    ///
    /// It is read apart from the tags: a mistake here is no reason to take a
    /// NIC tag from anybody's VNICs.
    ///
    /// # Errors
    /// [`Reason::Address`], [`Reason::Netmask`], or a value that needs a
    /// shell.
    pub fn admin_address(&self) -> Result<Option<AdminAddress>, ConfigError> {
        let tag = match self.find("admin_tag") {
            Some(line) => line.plain()?,
            None => "",
        };
        let tag = if tag.is_empty() { "admin" } else { tag };
        let Some(line) = self.find(&format!("{tag}_ip")) else {
            return Ok(None);
        };
        let text = line.plain()?;
        let ip = match text {
            "" => return Ok(None),
            "dhcp" => return Ok(Some(AdminAddress::Dhcp)),
            "none" => return Ok(Some(AdminAddress::None)),
            _ => text
                .parse::<Ipv4Addr>()
                .map_err(|_| line.error(Reason::Address(text.to_owned())))?,
        };
        let key = format!("{tag}_netmask");
        let (line, text) = match self.find(&key) {
            Some(line) => (line, line.plain()?),
            None => (line, ""),
        };
        let network = text
            .parse::<Ipv4Addr>()
            .ok()
            .and_then(|mask| Ipv4Network::with_netmask(ip, mask).ok());
        match network {
            Some(net) => Ok(Some(AdminAddress::Static(IpNetwork::V4(net)))),
            None => {
                let text = text.to_owned();
                Err(line.error(Reason::Netmask { key, text }))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn forms() {
        use AdminAddress::{Dhcp, Static};
        let net = |text: &str| Ok(Some(Static(text.parse().unwrap())));
        for (text, want) in [
            ("", Ok(None)),
            ("admin_ip=", Ok(None)),
            ("admin_ip=dhcp", Ok(Some(Dhcp))),
            ("admin_ip=none", Ok(Some(AdminAddress::None))),
            (
                "admin_ip=192.168.1.3\nadmin_netmask=255.255.255.0\n\
                 admin_network=...",
                net("192.168.1.3/24"),
            ),
            (
                "admin_tag=mgmt\nadmin_ip=dhcp\nmgmt_ip=10.0.0.1\n\
                 mgmt_netmask=255.0.0.0",
                net("10.0.0.1/8"),
            ),
            (
                "a=b\nadmin_ip=192.168.1.300",
                Err("line 2: \"192.168.1.300\" is no IPv4 address, \"dhcp\" \
                     or \"none\""),
            ),
            (
                "admin_ip=10.0.0.1",
                Err("line 1: admin_netmask: \"\" is no netmask"),
            ),
            (
                "admin_ip=10.0.0.1\nadmin_netmask=255.0.255.0",
                Err("line 2: admin_netmask: \"255.0.255.0\" is no netmask"),
            ),
            (
                "admin_ip=$IP",
                Err("line 1: the value of admin_ip needs a shell to \
                     evaluate '$'"),
            ),
        ] {
            let got = Config::parse(text).unwrap().admin_address();
            let got = got.map_err(|error| error.to_string());
            assert_eq!(got, want.map_err(str::to_owned), "{text:?}");
        }
    }
}
