//! What kinds of steps there are.

use std::fmt;

use super::Step;
use crate::datapath::Row;
use crate::shaping::QueueStep;

/// One list makes the kinds, their words and [`StepKind::ALL`], so that none
/// can be missing in one of them.
macro_rules! kinds {
    ($($kind:ident $word:literal,)*) => {
        /// The kind of a [`Step`]. Each table's rows are kinds of their own,
        /// and so is each change to queues.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum StepKind {
            $(
                #[doc = concat!("`", $word, "`.")]
                $kind,
            )*
        }

        impl StepKind {
            /// Every kind.
            pub const ALL: &[Self] = &[$(Self::$kind),*];
        }

        impl fmt::Display for StepKind {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(match self {
                    $(Self::$kind => $word,)*
                })
            }
        }
    };
}

kinds! {
    CreatePair "create-pair",
    CreateTap "create-tap",
    DeletePair "delete-pair",
    LinkUp "link-up",
    LinkDown "link-down",
    SetMtu "set-mtu",
    SetSegs "set-segs",
    SetRings "set-rings",
    CreateShaper "create-shaper",
    DeleteShaper "delete-shaper",
    AddRoot "add-root",
    AddClass "add-class",
    ChangeClass "change-class",
    DeleteClass "delete-class",
    PutQueue "put-queue",
    Attach "attach",
    Detach "detach",
    PutSegment "put-segment",
    PutAllowed "put-allowed",
    PutClientId "put-client-id",
    PutLearned "put-learned",
    PutFlowMasks "put-flow-masks",
    PutFlow "put-flow",
    PutVnic "put-vnic",
    PutFdb "put-fdb",
    PutFlood "put-flood",
    DeleteSegment "delete-segment",
    DeleteAllowed "delete-allowed",
    DeleteClientId "delete-client-id",
    DeleteLearned "delete-learned",
    DeleteFlowMasks "delete-flow-masks",
    DeleteFlow "delete-flow",
    DeleteVnic "delete-vnic",
    DeleteFdb "delete-fdb",
    DeleteFlood "delete-flood",
    AcceptUnicast "accept-unicast",
    RejectUnicast "reject-unicast",
    Promiscuous "promiscuous",
    Lro "lro",
}

impl Step {
    /// Its kind.
    #[must_use]
    pub fn kind(&self) -> StepKind {
        match self {
            Self::CreatePair { .. } => StepKind::CreatePair,
            Self::CreateTap { .. } => StepKind::CreateTap,
            Self::DeletePair { .. } => StepKind::DeletePair,
            Self::LinkUp { .. } => StepKind::LinkUp,
            Self::LinkDown { .. } => StepKind::LinkDown,
            Self::SetMtu { .. } => StepKind::SetMtu,
            Self::SetSegs { .. } => StepKind::SetSegs,
            Self::SetRings { .. } => StepKind::SetRings,
            Self::CreateShaper { .. } => StepKind::CreateShaper,
            Self::DeleteShaper { .. } => StepKind::DeleteShaper,
            Self::Queue { step, .. } => match step {
                QueueStep::AddRoot { .. } => StepKind::AddRoot,
                QueueStep::AddClass { .. } => StepKind::AddClass,
                QueueStep::ChangeClass { .. } => StepKind::ChangeClass,
                QueueStep::DeleteClass { .. } => StepKind::DeleteClass,
                QueueStep::PutQueue { .. } => StepKind::PutQueue,
            },
            Self::Attach { .. } => StepKind::Attach,
            Self::Detach { .. } => StepKind::Detach,
            Self::PutRow { row, .. } => match row {
                Row::Segment(..) => StepKind::PutSegment,
                Row::Allowed(..) => StepKind::PutAllowed,
                Row::ClientId(..) => StepKind::PutClientId,
                Row::Learned(..) => StepKind::PutLearned,
                Row::FlowMasks(..) => StepKind::PutFlowMasks,
                Row::Flow(..) => StepKind::PutFlow,
                Row::Vnic(..) => StepKind::PutVnic,
                Row::Fdb(..) => StepKind::PutFdb,
                Row::Flood(..) => StepKind::PutFlood,
            },
            Self::DeleteRow { row } => match row {
                Row::Segment(..) => StepKind::DeleteSegment,
                Row::Allowed(..) => StepKind::DeleteAllowed,
                Row::ClientId(..) => StepKind::DeleteClientId,
                Row::Learned(..) => StepKind::DeleteLearned,
                Row::FlowMasks(..) => StepKind::DeleteFlowMasks,
                Row::Flow(..) => StepKind::DeleteFlow,
                Row::Vnic(..) => StepKind::DeleteVnic,
                Row::Fdb(..) => StepKind::DeleteFdb,
                Row::Flood(..) => StepKind::DeleteFlood,
            },
            Self::AcceptUnicast { .. } => StepKind::AcceptUnicast,
            Self::RejectUnicast { .. } => StepKind::RejectUnicast,
            Self::Promiscuous { .. } => StepKind::Promiscuous,
            Self::Lro { .. } => StepKind::Lro,
        }
    }
}
