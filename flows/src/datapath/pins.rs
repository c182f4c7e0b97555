//! Where maps are pinned, and how another version's are taken over.
//!
//! ```text
//! maps/NAME            a map that the attached programs read
//! maps/NAME-old-N      counters of an older layout, which are still added
//! maps-new/            what is to be maps/ as soon as it is filled
//! ```
//!
//! A version that finds `maps` to its liking uses it. Otherwise it makes
//! `maps-new`: every table of rows is made anew, because rows refer to each
//! other; all other maps that fit are the same ones, pinned twice. `maps` stays
//! as it is for the programs that read it, and for the other version, should it
//! come back. When no hook has an old program any more, the two directories are
//! exchanged in one go, and the old one is removed.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use libbpf_rs::{ErrorKind, MapHandle, MapInfo};
use nix::fcntl::{AT_FDCWD, RenameFlags, renameat2};
use nix::sys::statfs::{BPF_FS_MAGIC, statfs};

use super::OpenError;
use super::change::{LayoutChange, Outcome};
use super::layout::Layout;
use super::libbpf::{LibbpfError, call};
use crate::Table;

/// The directory of the maps in use.
const CURRENT: &str = "maps";

/// The directory of those that are to be. A BPF file system has no dots in names.
const NEXT: &str = "maps-new";

/// Where the map of a name is pinned, in the directory that
/// [`Datapath::open`](super::Datapath::open) was given.
#[must_use]
pub fn pin_of(pin_dir: &Path, name: &str) -> PathBuf {
    pin_dir.join(CURRENT).join(name)
}

/// The old maps could not be given up.
#[derive(Debug, thiserror::Error)]
#[error("cannot put \"{}\" in the place of the older maps", path.display())]
pub struct FinishError {
    /// The new maps.
    pub path: PathBuf,
    /// Why not.
    #[source]
    pub source: io::Error,
}

/// The pins of a version.
#[derive(Debug)]
pub(super) struct Pins {
    dir: PathBuf,
    /// The directory of this version's maps.
    place: PathBuf,
    /// Whether another version's are still in use.
    moving: bool,
    /// Counters of older layouts.
    pub(super) older: BTreeMap<Table, Vec<MapHandle>>,
    pub(super) changes: Vec<LayoutChange>,
}

/// A map that is pinned.
#[derive(Debug)]
struct Pinned {
    map: MapHandle,
    id: u32,
    layout: Layout,
}

impl Pinned {
    fn open(path: &Path) -> Result<Self, LibbpfError> {
        let map = call(|| MapHandle::from_pinned_path(path))?;
        let layout = Layout::of(&map)?;
        let id = call(|| MapInfo::new(map.as_fd()))?.info.id;
        Ok(Self { map, id, layout })
    }
}

/// By the names of the pins.
type Found = BTreeMap<String, Pinned>;

impl Pins {
    /// Finds the place for maps of the layouts `wanted`, by the names of their
    /// tables, and puts there what is already in the kernel of them.
    pub(super) fn prepare(
        dir: &Path,
        wanted: &BTreeMap<String, Layout>,
    ) -> Result<Self, OpenError> {
        let failed = |source| OpenError::Directory { path: dir.into(), source };
        let (current, next) = (dir.join(CURRENT), dir.join(NEXT));
        check_bpffs(dir)?;
        let mut found = look(&current)?;
        let differs = |found: &Found| {
            let mut pairs = found.iter();
            pairs.any(|(name, pin)| {
                wanted.get(name).is_some_and(|want| *want != pin.layout)
            })
        };
        let moving = differs(&found);
        let changes = if moving { changes(&found, wanted) } else { Vec::new() };
        let place = if moving { &next } else { &current };
        let left = look(&next);
        if left.is_err() || moving && left.as_ref().is_ok_and(&differs) {
            remove(&next).map_err(failed)?;
        }
        make(place).map_err(failed)?;
        if moving {
            share(place, wanted, &mut found)?;
        }
        let left = left.unwrap_or_default();
        keep_counts(place, wanted, found.into_iter().chain(left))?;
        let older = older(place, wanted)?;
        if !moving {
            // Another version's, which gave up or has been left.
            remove(&next).map_err(failed)?;
        }
        let (dir, place) = (dir.into(), place.clone());
        Ok(Self { dir, place, moving, older, changes })
    }

    /// Where a table's map belongs.
    pub(super) fn path(&self, table: &str) -> PathBuf {
        self.place.join(table)
    }

    /// A table's map of the version that is being relieved.
    pub(super) fn relieved(&self, table: Table) -> Option<MapHandle> {
        let path = pin_of(&self.dir, table.name());
        let pinned = self.moving.then(|| Pinned::open(&path).ok());
        pinned.flatten().map(|pinned| pinned.map)
    }

    /// Pins those of these maps again that have lost their pins, and counters
    /// of older layouts. Says whether any had.
    pub(super) fn renew<'a>(
        &mut self,
        maps: impl Iterator<Item = (&'a String, &'a mut MapHandle)>,
    ) -> Result<bool, OpenError> {
        let older = self.older.iter_mut().flat_map(|(table, maps)| {
            let name = move |n| format!("{}-old-{n}", table.name());
            (0..).map(name).zip(maps)
        });
        let maps = maps.map(|(name, map)| (name.clone(), map)).chain(older);
        let mut lost = maps
            .map(|(name, map)| (self.place.join(name), map))
            .filter(|(path, _)| !path.exists())
            .peekable();
        if lost.peek().is_none() {
            return Ok(false);
        }
        check_bpffs(&self.dir)?;
        make(&self.place).map_err(|source| OpenError::Directory {
            path: self.place.clone(),
            source,
        })?;
        lost.try_for_each(|(path, map)| pin(map, &path))?;
        Ok(true)
    }

    /// Whether another version's maps are still in their place.
    pub(super) fn is_moving(&self) -> bool {
        self.moving
    }

    /// Puts this version's maps in the place of the other's, which are given
    /// up. A second time it does nothing.
    pub(super) fn finish(&mut self) -> Result<(), FinishError> {
        if !self.moving {
            return Ok(());
        }
        let (current, next) = (self.dir.join(CURRENT), self.dir.join(NEXT));
        let path = next.clone();
        let failed = |source| FinishError { path, source };
        let flags = RenameFlags::RENAME_EXCHANGE;
        let exchanged = renameat2(AT_FDCWD, &next, AT_FDCWD, &current, flags);
        if let Err(errno) = exchanged {
            return Err(failed(errno.into()));
        }
        self.moving = false;
        self.place = current;
        remove(&next).map_err(failed)
    }
}

/// Sees to it that the directory can hold pins, before anything is made, so
/// that nothing is left on a wrong place.
fn check_bpffs(dir: &Path) -> Result<(), OpenError> {
    let error = |source| OpenError::Directory { path: dir.into(), source };
    let there = dir.ancestors().find(|path| path.is_dir());
    let there = there.ok_or_else(|| error(io::ErrorKind::NotFound.into()))?;
    let stat = statfs(there).map_err(|errno| error(errno.into()))?;
    if stat.filesystem_type() != BPF_FS_MAGIC {
        return Err(OpenError::NotBpffs { path: dir.into() });
    }
    Ok(())
}

/// The maps that are pinned in a directory, which need not be there.
fn look(dir: &Path) -> Result<Found, OpenError> {
    let failed = |source| OpenError::Directory { path: dir.into(), source };
    let entries = match fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Found::new());
        }
        Err(error) => return Err(failed(error)),
    };
    let mut found = Found::new();
    for entry in entries {
        let entry = entry.map_err(failed)?;
        let path = entry.path();
        let pinned = Pinned::open(&path)
            .map_err(|source| OpenError::Pin { path, source })?;
        found.insert(entry.file_name().to_string_lossy().into(), pinned);
    }
    Ok(found)
}

/// Makes a directory for pins that only root looks into.
fn make(dir: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(0o700).create(dir)
}

/// Removes a directory of pins, which need not be there.
fn remove(dir: &Path) -> io::Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        done => done,
    }
}

/// What a version has to do about maps of another one.
fn changes(
    found: &Found,
    wanted: &BTreeMap<String, Layout>,
) -> Vec<LayoutChange> {
    let changed = found.iter().filter_map(|(name, pin)| {
        let want = wanted.get(name)?;
        if *want == pin.layout {
            return None;
        }
        let outcome = match Table::by_name(name) {
            Some(table) if !table.counts() => Outcome::WrittenAnew,
            Some(_) if want.adds_up_with(&pin.layout) => Outcome::CountsGoOn,
            Some(_) => Outcome::CountsFromZero,
            None => Outcome::Emptied,
        };
        let (name, found) = (name.clone(), pin.layout.clone());
        Some(LayoutChange { name, found, wanted: want.clone(), outcome })
    });
    changed.collect()
}

/// Pins what both versions use alike in the new place as well. Rows they never
/// share. Counters may be those of an older version still.
fn share(
    place: &Path,
    wanted: &BTreeMap<String, Layout>,
    found: &mut Found,
) -> Result<(), OpenError> {
    let there = look(place)?;
    for (name, want) in wanted {
        let rows = Table::by_name(name).is_some_and(|table| !table.counts());
        if rows || there.contains_key(name) {
            continue;
        }
        let mut pins = found.iter_mut();
        let fitting = pins.find(|(pin, pinned)| {
            let own = *pin == name || is_older(pin, name);
            own && pinned.layout == *want
        });
        if let Some((_, pinned)) = fitting {
            pin(&mut pinned.map, &place.join(name))?;
        }
    }
    Ok(())
}

/// Pins counters that were found elsewhere beside those in `place`, unless they
/// are there already.
fn keep_counts(
    place: &Path,
    wanted: &BTreeMap<String, Layout>,
    found: impl Iterator<Item = (String, Pinned)>,
) -> Result<(), OpenError> {
    let mut there = look(place)?;
    for (name, mut pinned) in found {
        let Some(table) = counters_of(&name) else { continue };
        let fits = wanted
            .get(table.name())
            .is_some_and(|want| want.adds_up_with(&pinned.layout));
        if !fits || there.values().any(|other| other.id == pinned.id) {
            continue;
        }
        let free = (0..).map(|n| format!("{}-old-{n}", table.name()));
        let mut free = free.filter(|name| !there.contains_key(name));
        let name = free.next().expect("there are more numbers than pins");
        pin(&mut pinned.map, &place.join(&name))?;
        there.insert(name, pinned);
    }
    Ok(())
}

/// The counters of older layouts that are pinned beside the others.
fn older(
    place: &Path,
    wanted: &BTreeMap<String, Layout>,
) -> Result<BTreeMap<Table, Vec<MapHandle>>, OpenError> {
    let mut older: BTreeMap<Table, Vec<MapHandle>> = BTreeMap::new();
    for (name, pinned) in look(place)? {
        let Some(table) = counters_of(&name) else { continue };
        let want = wanted.get(table.name());
        let adds_up = want.is_some_and(|w| w.adds_up_with(&pinned.layout));
        if name != table.name() && adds_up {
            older.entry(table).or_default().push(pinned.map);
        }
    }
    Ok(older)
}

fn pin(map: &mut MapHandle, path: &Path) -> Result<(), OpenError> {
    let pinned = match call(|| map.pin(path)) {
        Err(refusal) if refusal.kind() == ErrorKind::AlreadyExists => Ok(()),
        pinned => pinned,
    };
    pinned.map_err(|source| OpenError::Pin { path: path.into(), source })
}

/// Whether a pin is that of a table's older counters.
fn is_older(pin: &str, table: &str) -> bool {
    pin.strip_prefix(table).is_some_and(|rest| rest.starts_with("-old-"))
}

/// The table whose counters a pin holds, of this layout or of an older one.
fn counters_of(pin: &str) -> Option<Table> {
    let mut counting = Table::ALL.into_iter().filter(|table| table.counts());
    counting.find(|table| pin == table.name() || is_older(pin, table.name()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_is_of_counters_old_or_new_or_of_none() {
        for (pin, want) in [
            ("traffic", Some(Table::Traffic)),
            ("traffic-old-0", Some(Table::Traffic)),
            ("drops-old-12", Some(Table::Drops)),
            ("flow_traffic", Some(Table::FlowTraffic)),
            ("flow_traffic-old-1", Some(Table::FlowTraffic)),
            ("traffic-new", None),
            ("traffics", None),
            ("vnics", None),
            ("vnics-old-0", None),
            ("told_ring", None),
        ] {
            assert_eq!(counters_of(pin), want, "{pin}");
        }
    }
}
