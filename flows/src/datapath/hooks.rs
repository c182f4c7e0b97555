//! Putting programs on links, and finding what is there.
//!
//! A program is a filter of the link's clsact qdisc, at a handle and a
//! priority that are ours. Others may have filters on the same qdisc: those are
//! neither looked at nor changed.

use std::io;
use std::os::fd::AsFd;

use fabric::{ObservedProgram, Program};
use libbpf_rs::{ErrorKind, TC_EGRESS, TC_INGRESS, TcAttachPoint, TcHook};
use nix::errno::Errno;

use super::libbpf::{LibbpfError, call};
use super::{Datapath, identity};

/// The priority of our filters: after those that people number by hand from 1,
/// which mean to go first, and before those that tc numbers from 49152 down.
pub const PRIORITY: u32 = 4096;

/// The handle of our filters among those of the same priority.
pub const HANDLE: u32 = 0xa4ba;

/// A program could not be attached. What was on the hook before is still there.
#[derive(Debug, thiserror::Error)]
#[error("cannot attach {program} to link {ifindex}")]
pub struct AttachError {
    /// The program.
    pub program: Program,
    /// The link.
    pub ifindex: u32,
    /// Why.
    #[source]
    pub source: LibbpfError,
}

/// A program could not be taken off.
#[derive(Debug, thiserror::Error)]
#[error("cannot detach {program} from link {ifindex}")]
pub struct DetachError {
    /// The program.
    pub program: Program,
    /// The link.
    pub ifindex: u32,
    /// Why.
    #[source]
    pub source: LibbpfError,
}

/// A hook could not be looked at.
#[derive(Debug, thiserror::Error)]
#[error("cannot find what is attached as {program} to link {ifindex}")]
pub struct HookError {
    /// The program.
    pub program: Program,
    /// The link.
    pub ifindex: u32,
    /// Why.
    #[source]
    pub source: LibbpfError,
}

impl Datapath {
    /// Puts a program on its hook of a link, making the link's clsact qdisc if
    /// it has none. With `replace`, what is at our place is exchanged in one
    /// go, and no frame meets an empty hook.
    ///
    /// # Errors
    /// [`AttachError`], also when there is a filter at our place and `replace`
    /// is not given.
    pub fn attach(
        &self,
        program: Program,
        ifindex: u32,
        replace: bool,
    ) -> Result<(), AttachError> {
        let error = |source| AttachError { program, ifindex, source };
        let mut hook = self.tc_hook(program, ifindex).map_err(error)?;
        call(|| hook.create()).map_err(error)?;
        hook.replace(replace);
        call(|| hook.attach()).map(drop).map_err(error)
    }

    /// Takes what is at our place off a link's hook. That there is nothing is
    /// no error.
    ///
    /// The clsact qdisc stays, empty: making or deleting one stops the link's
    /// queues for a moment, and the host would lose frames each time that a
    /// NIC's first VNIC comes or its last one goes.
    ///
    /// # Errors
    /// [`DetachError`].
    pub fn detach(
        &self,
        program: Program,
        ifindex: u32,
    ) -> Result<(), DetachError> {
        let error = |source| DetachError { program, ifindex, source };
        let mut hook = self.tc_hook(program, ifindex).map_err(error)?;
        match call(|| hook.detach()) {
            Err(refusal) if !means_nothing_there(&refusal) => {
                Err(error(refusal))
            }
            _ => Ok(()),
        }
    }

    /// What is on a link's hook, at our place.
    ///
    /// # Errors
    /// [`HookError`].
    pub fn hook(
        &self,
        program: Program,
        ifindex: u32,
    ) -> Result<Option<ObservedProgram>, HookError> {
        let error = |source| HookError { program, ifindex, source };
        let mut hook = self.tc_hook(program, ifindex).map_err(error)?;
        match call(|| hook.query()) {
            Ok(id) if self.which(id) == Some(program) => {
                Ok(Some(ObservedProgram::Current))
            }
            Ok(_) => Ok(Some(ObservedProgram::Outdated)),
            Err(refusal) if means_nothing_there(&refusal) => Ok(None),
            Err(refusal) => Err(error(refusal)),
        }
    }

    /// The program of ours that one in the kernel is or equals.
    fn which(&self, id: u32) -> Option<Program> {
        let ours = self.programs.iter();
        if let Some((program, _)) =
            ours.clone().find(|(_, loaded)| loaded.handle.id() == id)
        {
            return Some(*program);
        }
        let mut known =
            self.known.lock().unwrap_or_else(|broken| broken.into_inner());
        *known.entry(id).or_insert_with(|| {
            let found = identity(id)?;
            let mut ours = ours;
            ours.find(|(_, loaded)| loaded.identity == found)
                .map(|(program, _)| *program)
        })
    }

    fn tc_hook(
        &self,
        program: Program,
        ifindex: u32,
    ) -> Result<TcHook, LibbpfError> {
        let mut hook = TcHook::new(self.program(program).handle.as_fd());
        hook.ifindex(signed(ifindex)?)
            .attach_point(direction(program))
            .priority(PRIORITY)
            .handle(HANDLE);
        Ok(hook)
    }
}

/// The direction of a program's hook, seen from the link.
fn direction(program: Program) -> TcAttachPoint {
    match program {
        Program::FromVnic | Program::FromLink | Program::FromShaper => {
            TC_INGRESS
        }
        Program::ToLink => TC_EGRESS,
    }
}

/// Whether the kernel says that there is no such filter, or no clsact that
/// could hold it, which it calls an invalid argument.
fn means_nothing_there(refusal: &LibbpfError) -> bool {
    matches!(refusal.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput)
}

/// An ifindex as libbpf takes it. The kernel's own are positive.
fn signed(ifindex: u32) -> Result<i32, LibbpfError> {
    i32::try_from(ifindex).map_err(|_| from_io(io::Error::from(Errno::ENODEV)))
}

fn from_io(error: io::Error) -> LibbpfError {
    LibbpfError::from(libbpf_rs::Error::from(error))
}
