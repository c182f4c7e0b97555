//! `dladm create-vnic`
//!
//! The order in which faults are found is part of the interface: values as
//! they are parsed, then options that don't go together, then the name, then
//! the property list, then what the library or netd says.

use fabric::api::{CreateVnic, SetProps, VnicInfo};
use fabric::{Mac, MacPrefix, Status, TagName, VlanId, VnicProps};

use super::link_props::{self, Target};
use super::{Common, new_name};
use crate::client::{Client, ClientError};
use crate::error::{CommandError, Failure};
use crate::out::Out;
use crate::proplist;

/// Its grammar, as the manual has it.
pub(crate) const SYNOPSIS: &str = "[-t] -l link \
    [-m value | auto | {factory [-n slot]} | {random [-r prefix]}] \
    [-v vid [-f]] [-p prop=value[,..]]... vnic";

/// Create a VNIC over a link
///
/// The link is a physical link, an aggregation, an etherstub or a NIC tag. The
/// VNIC appears beside it under its name, which is letters, digits, `_` and
/// `.`, and ends in a number; `-p zone=ZONE` puts it into a zone instead.
/// `-p mode=tap` makes it a virtual machine's: `show-vnic -o device` names the
/// TAP to open. Without `-t` it comes back after a boot.
///
/// Properties: `zone`, a name under /run/netns, a path, or pid:N; `mtu`, in
/// bytes; `maxbw`, the most that the guest sends and receives, a number with K, M
/// or G, and 0 to block it; `minbw`, what it can send whatever others do;
/// `priority`, who sends first: low, medium or high; `protection`, any of
/// mac-nospoof, restricted, ip-nospoof and dhcp-nospoof, or none; `allowed-ips`,
/// the addresses and CIDR prefixes that ip-nospoof lets pass; `allowed-dhcp-cids`,
/// the client ids that dhcp-nospoof lets pass: 0xHEX, a DUID as TYPE.FIELDS, or
/// ASCII; `allow-all-dhcp-cids`, true or false; `dynamic-methods`, any of dhcpv4,
/// dhcpv6, slaac and addrconf;
/// `secondary-macs`, further addresses; `promisc-filtered`, on or off; `mode`,
/// veth or tap; `owner`, who besides root may open the TAP. `set-linkprop`
/// changes all but zone, mode and owner later.
#[derive(Clone, Debug, clap::Args)]
pub(crate) struct Args {
    /// Forget it at the next boot
    #[arg(short = 't', long)]
    temporary: bool,
    /// The link below
    #[arg(
        short = 'l',
        long,
        value_name = "LINK",
        value_parser = over,
        allow_hyphen_values = true
    )]
    link: String,
    /// The MAC address, or how to find one
    ///
    /// Six groups of one or two hexadecimal digits between colons; or `auto`,
    /// `random` or `factory`. Without it, `auto`: random, as no NIC here has
    /// addresses to spare.
    #[arg(
        short = 'm',
        long,
        value_name = "MAC",
        value_parser = MacChoice::parse,
        allow_hyphen_values = true
    )]
    mac_address: Option<MacChoice>,
    /// The first three octets of a random address
    #[arg(
        short = 'r',
        long,
        value_name = "PREFIX",
        value_parser = prefix,
        allow_hyphen_values = true
    )]
    mac_prefix: Option<MacPrefix>,
    /// The slot of a factory address
    #[arg(
        short = 'n',
        long,
        value_name = "SLOT",
        value_parser = slot,
        allow_hyphen_values = true
    )]
    slot: Option<u32>,
    #[arg(
        short = 'V',
        long,
        hide = true,
        value_parser = vrid,
        allow_hyphen_values = true
    )]
    vrid: Option<u8>,
    #[arg(
        short = 'A',
        long,
        hide = true,
        value_parser = family,
        allow_hyphen_values = true
    )]
    address_family: Option<String>,
    /// The VLAN, 1 to 4094
    #[arg(
        short = 'v',
        long,
        value_name = "VID",
        value_parser = vid,
        allow_hyphen_values = true
    )]
    vlan_id: Option<VlanId>,
    /// Accepted with -v, and changes nothing
    #[arg(short = 'f', long)]
    force: bool,
    /// Set a link property
    #[arg(
        short = 'p',
        long,
        value_name = "PROP=VALUE[,..]",
        allow_hyphen_values = true
    )]
    prop: Vec<String>,
    /// The name
    #[arg(value_name = "VNIC")]
    vnic: String,
}

/// The value of `-m`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum MacChoice {
    Auto,
    Random,
    Factory,
    Vrrp,
    Fixed(Mac),
}

impl MacChoice {
    fn parse(text: &str) -> Result<Self, String> {
        match text {
            "auto" => Ok(Self::Auto),
            "random" => Ok(Self::Random),
            "factory" => Ok(Self::Factory),
            "vrrp" => Ok(Self::Vrrp),
            "fixed" => Err("'fixed' is not a valid MAC address".to_owned()),
            _ => text.parse().map(Self::Fixed).map_err(bad_mac),
        }
    }
}

fn bad_mac(_: fabric::MacParseError) -> String {
    "invalid MAC address".to_owned()
}

fn prefix(text: &str) -> Result<MacPrefix, String> {
    text.parse().map_err(bad_mac)
}

fn slot(text: &str) -> Result<u32, &'static str> {
    text.parse().map_err(|_| "invalid slot number")
}

fn vrid(text: &str) -> Result<u8, String> {
    match text.parse() {
        Ok(id) if id > 0 => Ok(id),
        _ => Err(format!("invalid VRRP identifier '{text}'")),
    }
}

fn family(text: &str) -> Result<String, String> {
    match text {
        "inet" | "inet6" => Ok(text.to_owned()),
        _ => Err(format!("invalid address family '{text}'")),
    }
}

fn vid(text: &str) -> Result<VlanId, String> {
    text.parse().map_err(|_| format!("invalid VLAN identifier '{text}'"))
}

/// A link or a NIC tag: the longer of the two names fits.
fn over(text: &str) -> Result<String, &'static str> {
    if text.len() > TagName::MAX {
        return Err("link name too long");
    }
    Ok(text.to_owned())
}

pub(crate) fn run(
    args: &Args,
    common: Common,
    client: &Client,
    out: &mut Out,
) -> Result<(), CommandError> {
    let made = create(args, client, out)?;
    if common.json {
        out.json(&[made])?;
    }
    Ok(())
}

fn create(
    args: &Args,
    client: &Client,
    out: &mut Out,
) -> Result<VnicInfo, CommandError> {
    let list = proplist::join(&args.prop)
        .map_err(|error| Failure::new(error.to_string()))?;
    args.check_combination()?;
    let name = new_name(&args.vnic)?;
    let set = args.properties(&list, out)?;
    let wanted = CreateVnic {
        name,
        over: args.link.clone(),
        mac: args.fixed_mac()?,
        mac_prefix: args.mac_prefix,
        vid: args.vlan_id,
        props: set.over(&VnicProps::default()),
        zone: set.zone,
        temporary: args.temporary,
    };
    client.create_vnic(&wanted).map_err(|error| args.refused(error))
}

impl Args {
    /// Finds options that don't go together.
    fn check_combination(&self) -> Result<(), CommandError> {
        if self.force && self.vlan_id.is_none() {
            let text = "-f option can only be used with -v";
            return Err(Failure::new(text).into());
        }
        let mac = self.mac_address.unwrap_or(MacChoice::Auto);
        let vrrp = mac == MacChoice::Vrrp;
        let wrong = [
            (
                self.mac_prefix.is_some() && mac != MacChoice::Random,
                "the option -r can be used only with -m random",
            ),
            (
                self.slot.is_some() && mac != MacChoice::Factory,
                "the option -n can be used only with -m factory",
            ),
            (
                self.vrid.is_some() && !vrrp,
                "the option -V can be used only with -m vrrp",
            ),
            (
                self.address_family.is_some() && !vrrp,
                "the option -A can be used only with -m vrrp",
            ),
            (
                vrrp && (self.vrid.is_none() || self.address_family.is_none()),
                "-m vrrp needs the options -V and -A",
            ),
        ];
        match wrong.into_iter().find(|(wrong, _)| *wrong) {
            Some((_, message)) => Err(CommandError::Usage(message.to_owned())),
            None => Ok(()),
        }
    }

    /// Reads the property list, warning of each property that can't be set.
    fn properties(
        &self,
        list: &str,
        out: &mut Out,
    ) -> Result<SetProps, CommandError> {
        if self.prop.is_empty() {
            return Ok(SetProps::default());
        }
        let list = proplist::parse(list).map_err(|error| {
            Failure::new("invalid vnic property").hint(error.to_string())
        })?;
        link_props::read(Target::New(&self.vnic), &list).map_err(|refusals| {
            let mut failure = None;
            for refusal in refusals {
                out.warn(&refusal.warning);
                failure.get_or_insert_with(|| {
                    let mut failure = self.failed(&refusal.status.to_string());
                    failure.hint = refusal.hint;
                    failure
                });
            }
            failure.expect("a list of refusals is not empty").into()
        })
    }

    /// The address, where the command line has one.
    fn fixed_mac(&self) -> Result<Option<Mac>, Failure> {
        match self.mac_address {
            Some(MacChoice::Fixed(mac)) => Ok(Some(mac)),
            Some(MacChoice::Factory) => {
                let status = Status::FactoryMacNotSupported;
                Err(self.failed(&status.to_string()))
            }
            Some(MacChoice::Vrrp) => {
                Err(self.failed(&Status::NotSupported.to_string()))
            }
            Some(MacChoice::Auto | MacChoice::Random) | None => Ok(None),
        }
    }

    /// `vnic creation over LINK failed: STATUS`
    fn failed(&self, status: &str) -> Failure {
        let link = &self.link;
        Failure::new(format!("vnic creation over {link} failed: {status}"))
    }

    /// Says why netd did not create it.
    fn refused(&self, error: ClientError) -> CommandError {
        let ClientError::Problem(problem) = error else { return error.into() };
        let failure = match problem.code {
            // "invalid link name 'x'": there is nothing to sit on.
            Status::InvalidLink => Failure::new(&problem.detail),
            _ => self.failed(&problem.title),
        };
        failure.because(*problem).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_m_takes() {
        let fixed = "8:0:20:fe:4e:a5".parse().unwrap();
        for (text, want) in [
            ("auto", Ok(MacChoice::Auto)),
            ("random", Ok(MacChoice::Random)),
            ("factory", Ok(MacChoice::Factory)),
            ("vrrp", Ok(MacChoice::Vrrp)),
            ("08:00:20:FE:4e:a5", Ok(MacChoice::Fixed(fixed))),
            ("fixed", Err("'fixed' is not a valid MAC address")),
            ("Random", Err("invalid MAC address")),
            ("8:0:20:fe:4e", Err("invalid MAC address")),
            ("", Err("invalid MAC address")),
        ] {
            let want = want.map_err(str::to_owned);
            assert_eq!(MacChoice::parse(text), want, "{text:?}");
        }
    }
}
