//! The verbs: one file for each family, one `Args` and one `run` for each verb.
//!
//! An `Args` is the verb's grammar and, in its doc comments, its help. `run`
//! asks netd and prints. A verb's synopsis is in the words of the originals'
//! manual.

pub(crate) mod add_flow;
pub(crate) mod apply;
pub(crate) mod change_nic_tag;
pub(crate) mod create_vnic;
pub(crate) mod delete_vnic;
pub(crate) mod elsewhere;
pub(crate) mod etherstub;
mod flow_props;
mod flows;
mod link_props;
mod listing;
pub(crate) mod nic_tag;
pub(crate) mod remove_flow;
pub(crate) mod set_flowprop;
pub(crate) mod set_linkprop;
pub(crate) mod show_drops;
pub(crate) mod show_flow;
pub(crate) mod show_flowprop;
pub(crate) mod show_link;
pub(crate) mod show_linkprop;
pub(crate) mod show_phys;
pub(crate) mod show_vnic;
pub(crate) mod stat;
mod zoned;

use std::num::NonZeroU32;
use std::time::Duration;

use fabric::LinkName;

use crate::error::{CommandError, Failure};
use crate::out::Out;

/// What every verb of a program is told.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Common {
    /// Print API objects, one JSON document: the list of what is shown or was
    /// made.
    pub(crate) json: bool,
}

/// Does something now and, with an interval, again whenever it has passed, until
/// nobody reads on.
fn repeat(
    interval: Option<NonZeroU32>,
    out: &mut Out,
    mut show: impl FnMut(&mut Out) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    loop {
        show(out)?;
        let Some(seconds) = interval else { return Ok(()) };
        out.flush()?;
        #[expect(
            clippy::disallowed_methods,
            reason = "an interval is what was asked for"
        )]
        std::thread::sleep(Duration::from_secs(seconds.get().into()));
    }
}

/// Reads the value of `-i`: seconds.
fn interval(text: &str) -> Result<NonZeroU32, String> {
    text.parse().map_err(|_| format!("invalid interval value '{text}'"))
}

/// Checks the name of a link that is about to be made.
fn new_name(text: &str) -> Result<LinkName, Failure> {
    LinkName::for_new_link(text).map_err(|error| {
        let what = match error {
            fabric::NameError::TooLong => "link name too long",
            _ => "invalid link name",
        };
        Failure::new(format!("{what} '{text}'")).hint(error.to_string())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_new_name_is_measured_before_it_is_read() {
        for (name, want) in [
            ("net0", None),
            ("abcdefghijklmn0", None),
            ("abcdefghijklmno0", Some("link name too long")),
            ("abcdefghijklmn-op", Some("link name too long")),
            ("net", Some("invalid link name")),
            ("net01", Some("invalid link name")),
            ("0net1", Some("invalid link name")),
            ("net-1", Some("invalid link name")),
            ("", Some("invalid link name")),
        ] {
            let got = new_name(name).err().map(|failure| failure.message);
            let want = want.map(|what| format!("{what} '{name}'"));
            assert_eq!(got, want, "{name:?}");
        }
    }
}
