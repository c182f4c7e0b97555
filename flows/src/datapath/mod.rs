//! The data plane in the kernel.
//!
//! Maps are pinned by name in a directory of a BPF file system and outlive
//! whoever opened them; programs live as long as they are attached. So netd may
//! stop, die or be replaced without a packet noticing, and finds on its return
//! what it left. Another version finds it, too, and goes over to maps of its own
//! where it needs others: see `pins`.

#[cfg(feature = "another-version")]
mod another;
mod change;
mod counting;
mod hooks;
mod layout;
mod libbpf;
mod pins;
mod rings;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use fabric::Program;
use libbpf_rs::query::{ProgInfoIter, ProgInfoQueryOptions, ProgramInfo};
use libbpf_rs::{MapCore, MapHandle, Object, ObjectBuilder, ProgramHandle};

use crate::Table;
use crate::slots::Slots;
use layout::table_of;
use libbpf::call;
use pins::Pins;

#[cfg(feature = "another-version")]
pub use another::CopyError;
pub use change::{LayoutChange, Outcome};
pub use hooks::{AttachError, DetachError, HANDLE, HookError, PRIORITY};
pub use layout::Layout;
pub use libbpf::LibbpfError;
pub use pins::{FinishError, pin_of};
pub use rings::{Ring, RingError};
pub use tables::MapError;

/// The compiled programs and the layout of their maps, as an ELF object: what
/// [`Datapath::open`] loads, for tools that want a look at it.
pub const OBJECT: &[u8] = &ALIGNED.0;

/// libelf reads the object in place and wants it aligned.
#[repr(C, align(8))]
struct Aligned<T: ?Sized>(T);

static ALIGNED: &Aligned<[u8]> =
    &Aligned(*include_bytes!(concat!(env!("OUT_DIR"), "/fabric.bpf.o")));

/// The loaded data plane: its maps and its programs.
///
/// It holds file descriptors only, so it may be shared between threads.
/// Operations on hooks act in the network namespace of the thread that calls
/// them.
#[derive(Debug)]
pub struct Datapath {
    /// Every map by the name of its pin: tables, rings and the rest.
    maps: BTreeMap<String, MapHandle>,
    programs: BTreeMap<Program, Loaded>,
    pins: Pins,
    /// Where programs count what goes through a VNIC.
    slots: Mutex<Slots>,
    /// Whether programs met on hooks are equal to ours, by the kernel's
    /// number. A program never changes.
    known: Mutex<BTreeMap<u32, Option<Program>>>,
}

/// A program in the kernel.
#[derive(Debug)]
struct Loaded {
    handle: ProgramHandle,
    identity: Identity,
}

/// What makes two programs do the same: the code and the maps that it reads.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Identity {
    name: String,
    /// The kernel's hash of the code, without the maps' numbers.
    tag: [u8; 8],
    maps: BTreeSet<u32>,
}

/// The data plane could not be loaded. What was there is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory of the pins could not be made or read.
    #[error("cannot use the directory \"{}\"", path.display())]
    Directory {
        /// The directory.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Maps can be pinned on a BPF file system only.
    #[error("\"{}\" is not on a BPF file system", path.display())]
    NotBpffs {
        /// The directory.
        path: PathBuf,
    },
    /// There is a pin that is no map of ours.
    #[error("cannot open the pinned map \"{}\"", path.display())]
    Pin {
        /// The pin.
        path: PathBuf,
        /// Why.
        #[source]
        source: LibbpfError,
    },
    /// The kernel did not take the programs.
    #[error("cannot load the programs of the data plane")]
    Load {
        /// Why.
        #[source]
        source: LibbpfError,
    },
    /// The rows that are there could not be read.
    #[error("cannot read which counters are whose")]
    Slots(#[source] MapError),
    /// The object has no map or program of a name that this version needs.
    #[error("the data plane has nothing that is named \"{0}\"")]
    Missing(&'static str),
    /// The kernel no longer has a program that it has just loaded.
    #[error("the kernel does not show the program {0} that it has loaded")]
    Hidden(Program),
}

impl Datapath {
    /// Loads the programs on the maps that are pinned in `pin_dir`, and makes
    /// and pins those that are not there yet.
    ///
    /// Where maps of another version are pinned that this one can't use, it
    /// makes its own, which are empty, and leaves the others as they are:
    /// [`Datapath::changes`] says which. They are given up with
    /// [`Datapath::finish`].
    ///
    /// # Errors
    /// [`OpenError`], as the names say.
    pub fn open(pin_dir: &Path) -> Result<Self, OpenError> {
        Self::open_object(OBJECT, pin_dir)
    }

    fn open_object(object: &[u8], pin_dir: &Path) -> Result<Self, OpenError> {
        let loading = |source| OpenError::Load { source };
        let open = || ObjectBuilder::default().open_memory(object);
        let mut object = call(open).map_err(loading)?;
        let wanted = object
            .maps()
            .map(|map| (table_of(map.name()), Layout::wanted(&map)));
        let pins = Pins::prepare(pin_dir, &wanted.collect())?;
        for mut map in object.maps_mut() {
            let path = pins.path(&table_of(map.name()));
            call(|| map.set_pin_path(&path)).map_err(loading)?;
        }
        let object = call(|| object.load()).map_err(loading)?;
        let maps = maps(&object)?;
        let programs = programs(&object)?;
        // The object goes, its maps stay with their pins and handles.
        let opened = Self {
            maps,
            programs,
            pins,
            slots: Mutex::default(),
            known: Mutex::default(),
        };
        opened.read_slots().map_err(OpenError::Slots)?;
        // While tables move, the rows are partly still in the other version's.
        if !opened.is_moving() {
            opened.drop_strays().map_err(OpenError::Slots)?;
        }
        Ok(opened)
    }

    /// What was there of another version, and can't be used: none when nothing
    /// of that kind was.
    #[must_use]
    pub fn changes(&self) -> &[LayoutChange] {
        &self.pins.changes
    }

    /// Whether another version's maps are still in their place.
    #[must_use]
    pub fn is_moving(&self) -> bool {
        self.pins.is_moving()
    }

    /// Gives another version's maps up, when all rows are written and no hook
    /// has a program of it any more. Where there is none it does nothing.
    ///
    /// Until then the other version may come back and go on. From then on it
    /// has to do what this one did.
    ///
    /// # Errors
    /// [`FinishError`]. The data plane works all the same.
    pub fn finish(&mut self) -> Result<(), FinishError> {
        self.pins.finish()
    }

    /// Pins maps again whose pins are gone, as when somebody unmounted the file
    /// system that they were on. Says whether any were.
    ///
    /// Programs and their tables live on without; it is the next who opens them
    /// that would find nothing.
    ///
    /// # Errors
    /// [`OpenError::Directory`], [`OpenError::NotBpffs`] or [`OpenError::Pin`].
    pub fn renew_pins(&mut self) -> Result<bool, OpenError> {
        self.pins.renew(self.maps.iter_mut())
    }

    fn map(&self, table: Table) -> &MapHandle {
        self.named(table.name())
    }

    fn named(&self, map: &'static str) -> &MapHandle {
        self.maps.get(map).expect("open() found every map")
    }

    fn program(&self, program: Program) -> &Loaded {
        self.programs.get(&program).expect("open() found every program")
    }
}

/// The maps that a loaded object has, by the names of their pins. Those that
/// this version needs are among them.
fn maps(object: &Object) -> Result<BTreeMap<String, MapHandle>, OpenError> {
    let maps = object.maps().map(|map| {
        let handle = call(|| MapHandle::try_from(&map));
        let handle = handle.map_err(|source| OpenError::Load { source })?;
        Ok((table_of(map.name()), handle))
    });
    let maps = maps.collect::<Result<BTreeMap<_, _>, OpenError>>()?;
    let tables = Table::ALL.into_iter().map(Table::name);
    let mut needed = tables.chain([rings::TOLD, rings::SHOWN]);
    match needed.find(|name| !maps.contains_key(*name)) {
        Some(name) => Err(OpenError::Missing(name)),
        None => Ok(maps),
    }
}

fn programs(object: &Object) -> Result<BTreeMap<Program, Loaded>, OpenError> {
    let loading = |source| OpenError::Load { source };
    let mut programs = BTreeMap::new();
    for program in Program::ALL {
        let name = program.name();
        let found = object.progs().find(|found| found.name() == name);
        let found = found.ok_or(OpenError::Missing(name))?;
        let handle = call(|| {
            let id = libbpf_rs::Program::id_from_fd(found.as_fd())?;
            ProgramHandle::from_prog_id(id)
        })
        .map_err(loading)?;
        let identity =
            identity(handle.id()).ok_or(OpenError::Hidden(program))?;
        programs.insert(program, Loaded { handle, identity });
    }
    Ok(programs)
}

/// What a program in the kernel is; none when it is gone.
fn identity(id: u32) -> Option<Identity> {
    let options = ProgInfoQueryOptions::default().include_map_ids(true);
    let mut programs = ProgInfoIter::with_query_opts(options);
    programs.find(|info| info.id == id).map(|info: ProgramInfo| Identity {
        name: info.name.to_string_lossy().into_owned(),
        tag: info.tag.0,
        maps: info.map_ids.into_iter().collect(),
    })
}

const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Datapath>();
};
