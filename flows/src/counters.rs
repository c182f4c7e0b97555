//! What went through a VNIC.

use std::collections::BTreeMap;

use fabric::DropReason;

/// What went through a VNIC since its row was written, summed over all CPUs.
///
/// Frames are counted as the wire would see them: a large (GSO) frame is as
/// many as it will be cut into, and its bytes include the headers that each of
/// those repeats. Bytes are those of untagged Ethernet frames without checksum.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Frames handed to the guest.
    pub ipackets: u64,
    /// Bytes handed to the guest.
    pub rbytes: u64,
    /// Frames taken from the guest and sent on.
    pub opackets: u64,
    /// Bytes taken from the guest.
    pub obytes: u64,
    /// Frames that the guest sent, or that were on their way to it, and that
    /// were dropped. Reasons that never occurred are
    /// left out.
    pub drops: BTreeMap<DropReason, u64>,
}

/// What went through a flow since its row was written, summed over all CPUs, and
/// counted as of a VNIC.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FlowCounters {
    /// Frames handed to the guest.
    pub ipackets: u64,
    /// Bytes handed to the guest.
    pub rbytes: u64,
    /// Frames for the guest that were dropped: the flow is blocked, or its queue
    /// was full.
    pub idrops: u64,
    /// Frames taken from the guest and sent on.
    pub opackets: u64,
    /// Bytes taken from the guest.
    pub obytes: u64,
    /// Frames of the guest's that were dropped, for the same reasons.
    pub odrops: u64,
}
