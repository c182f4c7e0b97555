//! The data plane in the kernel.
//!
//! Maps are pinned by name in a directory of a BPF file system and outlive
//! whoever opened them; programs live as long as they are attached. So netd may
//! stop, die or be replaced without a packet noticing, and finds on its return
//! what it left.

mod counting;
mod hooks;
mod libbpf;
mod rings;
mod skel;
mod tables;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::fs::DirBuilder;
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use fabric::Program;
use libbpf_rs::query::{ProgInfoIter, ProgInfoQueryOptions, ProgramInfo};
use libbpf_rs::skel::{OpenSkel, SkelBuilder};
use libbpf_rs::{
    ErrorKind, MapCore, MapHandle, MapType, OpenMap, ProgramHandle,
};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use crate::Table;
use crate::slots::Slots;
use libbpf::call;
use skel::{FabricMaps, FabricProgs, FabricSkelBuilder};

pub use hooks::{AttachError, DetachError, HANDLE, HookError, PRIORITY};
pub use libbpf::LibbpfError;
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
    maps: BTreeMap<Table, MapHandle>,
    told: MapHandle,
    shown: MapHandle,
    programs: BTreeMap<Program, Loaded>,
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

/// The data plane could not be loaded. Nothing was left behind.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OpenError {
    /// The directory for the pins could not be made.
    #[error("cannot create the directory \"{}\"", path.display())]
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
    /// The pinned map was made by another version.
    #[error(
        "the pinned map \"{}\" has another layout: {found}, not {wanted}",
        path.display()
    )]
    Layout {
        /// The pin.
        path: PathBuf,
        /// The pinned map's.
        found: Layout,
        /// This version's.
        wanted: Layout,
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
    /// The kernel no longer has a program that it has just loaded.
    #[error("the kernel does not show the program {0} that it has loaded")]
    Hidden(Program),
}

/// What must agree for two maps to be used as one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    kind: MapType,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { kind, key_size, value_size, max_entries, flags } = self;
        write!(
            f,
            "{kind:?} of {max_entries} rows of {key_size} + {value_size} bytes, \
             flags {flags:#x}"
        )
    }
}

impl Datapath {
    /// Loads the programs on the maps that are pinned in `pin_dir`, and makes
    /// and pins those that are not there yet.
    ///
    /// # Errors
    /// [`OpenError::Layout`] when a pinned map is of another version; it is
    /// left as it is. Other errors as their names say.
    pub fn open(pin_dir: &Path) -> Result<Self, OpenError> {
        prepare(pin_dir)?;
        let loading = |source| OpenError::Load { source };
        let mut place = MaybeUninit::uninit();
        let mut object = call(|| FabricSkelBuilder::default().open(&mut place))
            .map_err(loading)?;
        for mut map in object.open_object_mut().maps_mut() {
            let path = pin_dir.join(map.name());
            check_layout(&map, &path)?;
            call(|| map.set_pin_path(&path)).map_err(loading)?;
        }
        let object = call(|| object.load()).map_err(loading)?;
        let maps = maps(&object.maps)?;
        let handle = |map| call(|| MapHandle::try_from(map)).map_err(loading);
        let told = handle(&object.maps.told_ring)?;
        let shown = handle(&object.maps.shown_ring)?;
        let programs = programs(&object.progs)?;
        // The object goes, its maps stay with their pins and handles.
        let (slots, known) = (Mutex::default(), Mutex::default());
        let opened = Self { maps, told, shown, programs, slots, known };
        opened.read_slots().map_err(OpenError::Slots)?;
        Ok(opened)
    }

    fn map(&self, table: Table) -> &MapHandle {
        self.maps.get(&table).expect("open() found every table")
    }

    fn program(&self, program: Program) -> &Loaded {
        self.programs.get(&program).expect("open() found every program")
    }
}

/// Sees to it that the directory is there and can hold pins.
fn prepare(pin_dir: &Path) -> Result<(), OpenError> {
    let error = |source| OpenError::Directory { path: pin_dir.into(), source };
    // Before the directory is made, so that none is left on a wrong place.
    let there = pin_dir.ancestors().find(|path| path.is_dir());
    let there = there.ok_or_else(|| error(io::ErrorKind::NotFound.into()))?;
    let stat = statfs(there).map_err(|errno| error(errno.into()))?;
    if stat.filesystem_type() != BPF_FS_MAGIC {
        return Err(OpenError::NotBpffs { path: pin_dir.into() });
    }
    DirBuilder::new().recursive(true).mode(0o700).create(pin_dir).map_err(error)
}

/// Compares a map that we would make with the one that is pinned.
fn check_layout(map: &OpenMap<'_>, path: &Path) -> Result<(), OpenError> {
    let error = |source| OpenError::Pin { path: path.into(), source };
    let pinned = match call(|| MapHandle::from_pinned_path(path)) {
        Ok(pinned) => pinned,
        Err(refusal) if refusal.kind() == ErrorKind::NotFound => return Ok(()),
        Err(refusal) => return Err(error(refusal)),
    };
    // What libbpf-rs has read may be a program's: it doesn't look at the kind
    // of a pin. The kernel's own description can't be mistaken.
    let info = call(|| pinned.query_fdinfo()).map_err(error)?;
    let found = Layout {
        kind: info.map_type,
        key_size: info.key_size,
        value_size: info.value_size,
        max_entries: info.max_entries,
        flags: info.map_flags.unwrap_or_default(),
    };
    let wanted = Layout {
        kind: map.map_type(),
        key_size: map.key_size(),
        value_size: map.value_size(),
        max_entries: map.max_entries(),
        flags: map.map_flags(),
    };
    if found == wanted {
        return Ok(());
    }
    Err(OpenError::Layout { path: path.into(), found, wanted })
}

fn maps(
    loaded: &FabricMaps<'_>,
) -> Result<BTreeMap<Table, MapHandle>, OpenError> {
    let mut maps = BTreeMap::new();
    for table in Table::ALL {
        let map = match table {
            Table::Vnics => &loaded.vnics,
            Table::Allowed4 => &loaded.allowed4,
            Table::Allowed6 => &loaded.allowed6,
            Table::ClientIds => &loaded.client_ids,
            Table::Learned => &loaded.learned_addresses,
            Table::Fdb => &loaded.fdb,
            Table::Flood => &loaded.flood,
            Table::Segments => &loaded.segments,
            Table::Traffic => &loaded.traffic,
            Table::Drops => &loaded.drops,
            Table::FlowMasks => &loaded.flow_masks,
            Table::Flows => &loaded.flows,
            Table::FlowTraffic => &loaded.flow_traffic,
        };
        let handle = call(|| MapHandle::try_from(map))
            .map_err(|source| OpenError::Load { source })?;
        maps.insert(table, handle);
    }
    Ok(maps)
}

fn programs(
    loaded: &FabricProgs<'_>,
) -> Result<BTreeMap<Program, Loaded>, OpenError> {
    let loading = |source| OpenError::Load { source };
    let mut programs = BTreeMap::new();
    for program in Program::ALL {
        let fd = match program {
            Program::FromVnic => loaded.from_vnic.as_fd(),
            Program::FromLink => loaded.from_link.as_fd(),
            Program::ToLink => loaded.to_link.as_fd(),
            Program::FromShaper => loaded.from_shaper.as_fd(),
        };
        let handle = call(|| {
            let id = libbpf_rs::Program::id_from_fd(fd)?;
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
