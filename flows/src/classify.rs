//! Which flow a frame is in: the definition.
//!
//! A frame is in a flow when it has all that the flow asks for. Where it has all
//! that several ask for, it is in the most specific of them
//! (docs/decisions/0009). Where it is in none, it is the VNIC's and no more.
//!
//! Only IP is ever in a flow. A field that a frame does not have, because it is
//! cut short, is what no flow asks for. A fragment other than the first has no
//! transport and no ports, though IPv4 repeats the protocol: illumos has it so,
//! and it is the same in IPv6, where only the first fragment has the whole chain
//! of headers. A chain of more than eight extension headers leads to no transport.
//! A large (GSO) frame is in the flow of the first packet that it will be cut
//! into.

use fabric::datapath::{FlowMask, Treatment};
use fabric::{FlowAttrs, FlowId, FlowsError, check_flows};

use crate::fields::Fields;

/// Which way a frame goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Direction {
    /// The guest sends it: local is its source.
    FromVnic,
    /// The guest is given it: local is its destination.
    ToVnic,
}

/// The flows of one VNIC.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct FlowTable {
    /// The most specific first.
    flows: Vec<(FlowId, FlowAttrs, Treatment)>,
}

impl FlowTable {
    /// Puts flows beside each other, in any order.
    ///
    /// # Errors
    /// [`FlowsError`] when two have the same attributes, or there are too many
    /// kinds.
    pub fn new(
        flows: &[(FlowId, FlowAttrs, Treatment)],
    ) -> Result<Self, FlowsError> {
        check_flows(flows.iter().map(|(_, attrs, _)| attrs))?;
        let mut flows = flows.to_vec();
        // Flows of one mask have no frame in common.
        flows.sort_by_key(|(_, attrs, _)| FlowMask::of(attrs));
        Ok(Self { flows })
    }

    /// The flows, the most specific first.
    pub fn iter(
        &self,
    ) -> impl Iterator<Item = &(FlowId, FlowAttrs, Treatment)> {
        self.flows.iter()
    }
}

/// The flow of a VNIC's that a frame is in. It begins with its Ethernet header
/// and has no VLAN's tag, as guests send and receive it.
#[must_use]
pub fn classify(
    flows: &FlowTable,
    direction: Direction,
    frame: &[u8],
) -> Option<FlowId> {
    let fields = Fields::of(frame, direction)?;
    let mut flows = flows.iter();
    let found = flows.find(|(_, attrs, _)| asks_for(attrs, &fields));
    found.map(|(id, ..)| *id)
}

/// Whether a frame has all that a flow asks for.
fn asks_for(attrs: &FlowAttrs, fields: &Fields) -> bool {
    let local_port = fields.ports.map(|[local, _]| local);
    let remote_port = fields.ports.map(|[_, remote]| remote);
    attrs.local_ip().is_none_or(|ip| ip.contains(fields.local))
        && attrs.remote_ip().is_none_or(|ip| ip.contains(fields.remote))
        && attrs
            .transport()
            .is_none_or(|known| fields.protocol == Some(known.protocol()))
        && attrs.local_port().is_none_or(|port| local_port == Some(port.get()))
        && attrs
            .remote_port()
            .is_none_or(|port| remote_port == Some(port.get()))
        && attrs.dsfield().is_none_or(|field| field.contains(fields.dsfield))
}
