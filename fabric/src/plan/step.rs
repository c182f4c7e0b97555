//! One change to the kernel's state.

use std::fmt;

use crate::datapath::Row;
use crate::shaping::{QueueStep, Shaper};
use crate::{EndRings, LinkName, Mac, Mtu, Program, VnicKey, Zone};

/// A change that leaves no choice to whoever makes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make a VNIC's two ends, both down: the host end here and closed, the
    /// guest end where it belongs.
    CreatePair {
        /// The host end.
        link: LinkName,
        /// The guest end.
        guest_end: LinkName,
        /// Where the guest end lives.
        zone: Option<Zone>,
        /// The guest end's address.
        mac: Mac,
        /// The MTU of both.
        mtu: Mtu,
        /// The link below, for the host end's description.
        over: LinkName,
    },
    /// Make a VNIC's host end as a TAP, down and closed. There is no guest end
    /// until somebody opens it.
    CreateTap {
        /// The TAP.
        link: LinkName,
        /// The VNIC, for the TAP's description.
        vnic: VnicKey,
        /// The number of the user who may open it besides root.
        owner: u32,
        /// Whether it can be opened several times at once.
        several: bool,
        /// Its MTU.
        mtu: Mtu,
        /// The link below, for the TAP's description.
        over: LinkName,
    },
    /// Delete a VNIC's two ends, or its TAP. Or a link of ours that is half
    /// made, whatever it was to be.
    DeletePair {
        /// The host end; of a shaper that is half made, its near end.
        link: LinkName,
    },
    /// Switch a host end, or a shaper's end, on.
    LinkUp {
        /// The link.
        link: LinkName,
    },
    /// Switch a host end, or a shaper's end, off.
    LinkDown {
        /// The link.
        link: LinkName,
    },
    /// Change the MTU of a VNIC's two ends, or of its TAP.
    SetMtu {
        /// The host end.
        link: LinkName,
        /// Where the guest end lives.
        zone: Option<Zone>,
        /// What it was.
        from: Mtu,
        /// What it becomes.
        to: Mtu,
    },
    /// Change how many parts a frame may have that a VNIC's two ends, or its
    /// TAP, leave to be cut.
    SetSegs {
        /// The host end.
        link: LinkName,
        /// Where the guest end lives.
        zone: Option<Zone>,
        /// What it was.
        from: u32,
        /// What it becomes.
        to: u32,
    },
    /// Change the number of queues of a VNIC's two ends, and the CPUs that
    /// work on them; of a TAP, the CPUs. The guest end's become the mirror
    /// image of the host end's.
    SetRings {
        /// The host end.
        link: LinkName,
        /// Where the guest end lives.
        zone: Option<Zone>,
        /// What the host end had.
        from: EndRings,
        /// What it gets.
        to: EndRings,
    },
    /// Make a segment's shaper, both ends off, with a root and no classes.
    CreateShaper {
        /// The shaper.
        shaper: Shaper,
        /// The link of the segment, for the shaper's description.
        over: Option<LinkName>,
    },
    /// Delete a segment's shaper, which is off and has no classes left.
    DeleteShaper {
        /// The shaper.
        shaper: Shaper,
    },
    /// Change a link's queues.
    Queue {
        /// A host end, or a shaper's near end.
        link: LinkName,
        /// The change.
        step: QueueStep,
    },
    /// Put a program on its hook.
    Attach {
        /// The link.
        link: LinkName,
        /// The program.
        program: Program,
        /// Whether an older one is there, to be exchanged in one go.
        replace: bool,
    },
    /// Take a program off its hook.
    Detach {
        /// The link.
        link: LinkName,
        /// The program.
        program: Program,
    },
    /// Write a row.
    PutRow {
        /// The row.
        row: Row,
        /// What its key held before.
        was: Option<Row>,
    },
    /// Delete a row.
    DeleteRow {
        /// The row.
        row: Row,
    },
    /// Have a link's unicast filter accept an address.
    AcceptUnicast {
        /// The link.
        link: LinkName,
        /// The address.
        mac: Mac,
    },
    /// Have a link's unicast filter forget an address.
    RejectUnicast {
        /// The link.
        link: LinkName,
        /// The address.
        mac: Mac,
    },
    /// Switch a physical link's promiscuous mode.
    Promiscuous {
        /// The link.
        link: LinkName,
        /// Whether on.
        on: bool,
    },
    /// Switch a physical link's merging of received frames (LRO).
    Lro {
        /// The link.
        link: LinkName,
        /// Whether on. Plans switch it off; on is the way back.
        on: bool,
    },
}

impl Step {
    /// The steps that take this one back. None where that can't be done: a
    /// deleted guest end took its addresses with it, what waited in a queue is
    /// gone, and a replaced program is not kept. Plans make such steps late.
    #[must_use]
    pub fn undo(&self) -> Vec<Self> {
        if let Self::Queue { link, step } = self {
            let queue = |step| Self::Queue { link: link.clone(), step };
            return step.undo().into_iter().map(queue).collect();
        }
        self.undo_one().into_iter().collect()
    }

    fn undo_one(&self) -> Option<Self> {
        Some(match self.clone() {
            Self::CreateShaper { shaper, .. } => Self::DeleteShaper { shaper },
            Self::DeleteShaper { shaper } => {
                Self::CreateShaper { shaper, over: None }
            }
            Self::Queue { .. } => return None,
            Self::SetSegs { link, zone, from, to } => {
                Self::SetSegs { link, zone, from: to, to: from }
            }
            Self::SetRings { link, zone, from, to } => {
                Self::SetRings { link, zone, from: to, to: from }
            }
            Self::CreatePair { link, .. } | Self::CreateTap { link, .. } => {
                Self::DeletePair { link }
            }
            Self::DeletePair { .. } => return None,
            Self::LinkUp { link } => Self::LinkDown { link },
            Self::LinkDown { link } => Self::LinkUp { link },
            Self::SetMtu { link, zone, from, to } => {
                Self::SetMtu { link, zone, from: to, to: from }
            }
            Self::Attach { replace: true, .. } => return None,
            Self::Attach { link, program, replace: false } => {
                Self::Detach { link, program }
            }
            Self::Detach { link, program } => {
                Self::Attach { link, program, replace: false }
            }
            Self::PutRow { row, was: None } => Self::DeleteRow { row },
            Self::PutRow { row, was: Some(was) } => {
                Self::PutRow { row: was, was: Some(row) }
            }
            Self::DeleteRow { row } => Self::PutRow { row, was: None },
            Self::AcceptUnicast { link, mac } => {
                Self::RejectUnicast { link, mac }
            }
            Self::RejectUnicast { link, mac } => {
                Self::AcceptUnicast { link, mac }
            }
            Self::Promiscuous { link, on } => {
                Self::Promiscuous { link, on: !on }
            }
            Self::Lro { link, on } => Self::Lro { link, on: !on },
        })
    }

    /// The steps that take back what has been done of a plan, in the order in
    /// which to make them.
    ///
    /// They go back no further than the last pair that was deleted. Its rows
    /// name a link that is gone and could not be written again, but the flood
    /// list could be made to lead to them: half a way back would be worse than
    /// none. Nor do they go behind a program that was exchanged: it stays, and
    /// needs the rows that were written for it. The state right after either is
    /// a sound one.
    pub fn undo_all(done: &[Self]) -> impl Iterator<Item = Self> {
        done.iter()
            .rev()
            .take_while(|step| !step.is_final())
            .flat_map(Self::undo)
    }

    /// Whether nothing before it is taken back once it is done.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(
            self,
            Self::DeletePair { .. } | Self::Attach { replace: true, .. }
        )
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::CreatePair { link, guest_end, zone, mac, mtu, over } => {
                write!(f, "create {link} <-> {guest_end}")?;
                if let Some(zone) = zone {
                    write!(f, " in zone {zone}")?;
                }
                write!(f, " mac {mac} mtu {mtu} over {over}")
            }
            Self::CreateTap { link, vnic, owner, several, mtu, over } => {
                write!(f, "create tap {link} of {vnic} owner {owner}")?;
                if *several {
                    write!(f, " of several rings")?;
                }
                write!(f, " mtu {mtu} over {over}")
            }
            Self::DeletePair { link } => write!(f, "delete {link}"),
            Self::LinkUp { link } => write!(f, "up {link}"),
            Self::LinkDown { link } => write!(f, "down {link}"),
            Self::SetMtu { link, from, to, .. } => {
                write!(f, "mtu {link} {from} -> {to}")
            }
            Self::SetSegs { link, from, to, .. } => {
                write!(f, "segs {link} {from} -> {to}")
            }
            Self::SetRings { link, from, to, .. } => {
                write!(f, "rings {link} {from} -> {to}")
            }
            Self::CreateShaper { shaper, over } => {
                write!(f, "create {shaper}")?;
                let over = over.iter();
                over.into_iter().try_for_each(|over| write!(f, " over {over}"))
            }
            Self::DeleteShaper { shaper } => write!(f, "delete {shaper}"),
            Self::Queue { link, step } => write!(f, "{step} on {link}"),
            Self::Attach { link, program, replace: false } => {
                write!(f, "attach {program} to {link}")
            }
            Self::Attach { link, program, replace: true } => {
                write!(f, "replace {program} on {link}")
            }
            Self::Detach { link, program } => {
                write!(f, "detach {program} from {link}")
            }
            Self::PutRow { row, was: None } => write!(f, "add {row}"),
            Self::PutRow { row, was: Some(_) } => write!(f, "change {row}"),
            Self::DeleteRow { row } => write!(f, "remove {row}"),
            Self::AcceptUnicast { link, mac } => {
                write!(f, "accept {mac} on {link}")
            }
            Self::RejectUnicast { link, mac } => {
                write!(f, "reject {mac} on {link}")
            }
            Self::Promiscuous { link, on } => {
                write!(f, "promiscuous {link} {}", on_or_off(*on))
            }
            Self::Lro { link, on } => {
                write!(f, "lro {link} {}", on_or_off(*on))
            }
        }
    }
}

fn on_or_off(on: bool) -> &'static str {
    if on { "on" } else { "off" }
}
