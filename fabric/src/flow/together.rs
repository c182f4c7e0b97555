//! Which flows one VNIC can have beside each other.

use std::collections::{BTreeSet, HashSet};

use super::FlowAttrs;
use crate::Status;
use crate::datapath::FlowMask;

/// The most kinds of flows that a VNIC may have: a frame is looked up once for
/// each, so that this bounds what it costs. Flows that ask for the same
/// attributes, with prefixes and masks of the same length, are of one kind, and
/// there may be any number of them.
pub const FLOW_MASKS_MAX: usize = 32;

/// Checks the flows of one VNIC: no two have the same attributes, so a frame is
/// never in two flows of which none is more specific, and there are not too many
/// kinds.
///
/// # Errors
/// [`FlowsError`] names the first attributes that are there again, or else the
/// number of kinds.
pub fn check_flows<'a>(
    flows: impl IntoIterator<Item = &'a FlowAttrs>,
) -> Result<(), FlowsError> {
    let (mut seen, mut masks) = (HashSet::new(), BTreeSet::new());
    for attrs in flows {
        if !seen.insert(*attrs) {
            return Err(FlowsError::Identical(*attrs));
        }
        masks.insert(FlowMask::of(attrs));
    }
    match masks.len() {
        0..=FLOW_MASKS_MAX => Ok(()),
        number => Err(FlowsError::Masks { number }),
    }
}

/// Why a VNIC can't have these flows.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FlowsError {
    /// The same attributes again.
    #[error("there is a flow with {0} already")]
    Identical(FlowAttrs),
    /// More than [`FLOW_MASKS_MAX`] kinds.
    #[error(
        "flows of {number} kinds on one link: which attributes, and how many \
         bits of them, may differ in at most {} ways",
        FLOW_MASKS_MAX
    )]
    Masks {
        /// How many.
        number: usize,
    },
}

impl FlowsError {
    /// The status word for it.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::Identical(_) => Status::IdenticalFlow,
            Self::Masks { .. } => Status::InvalidArgument,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flows_beside_each_other() {
        let kinds = |number: u32| -> Vec<String> {
            let number = 1..=number;
            number
                .map(|bits| format!("remote_ip=fd00::/{}", bits + 8))
                .collect()
        };
        // Many of one kind.
        let many = |number: u16| -> Vec<String> {
            let ports = 1..=number;
            let list = |port| format!("transport=tcp,local_port={port}");
            ports.map(list).collect()
        };
        let list =
            |texts: &[&str]| texts.iter().map(|t| (*t).to_owned()).collect();
        let twice =
            FlowsError::Identical("local_ip=10.0.0.0/8".parse().unwrap());
        for (texts, want) in [
            (vec![], Ok(())),
            (many(1000), Ok(())),
            (kinds(32), Ok(())),
            (kinds(33), Err(FlowsError::Masks { number: 33 })),
            (list(&["local_ip=10.0.0.1/8", "remote_ip=10.0.0.1/8"]), Ok(())),
            (list(&["local_ip=10.0.0.0/8", "local_ip=10.0.0.0/9"]), Ok(())),
            (
                list(&[
                    "local_ip=10.0.0.1/8",
                    "transport=tcp",
                    "local_ip=10.2.0.0/8",
                ]),
                Err(twice),
            ),
        ] {
            let flows: Vec<FlowAttrs> = texts
                .iter()
                .map(|text: &String| text.parse().unwrap())
                .collect();
            assert_eq!(check_flows(&flows), want, "{texts:?}");
        }
        assert_eq!(twice.status(), Status::IdenticalFlow);
    }
}
