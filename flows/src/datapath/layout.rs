//! The layout of a map, and what maps of two layouts have in common.

use std::ffi::OsStr;
use std::fmt;
use std::os::unix::ffi::OsStrExt;

use libbpf_rs::{MapCore, MapHandle, MapType, OpenMap};

use super::libbpf::{LibbpfError, call};

/// The most bytes of a map's name that the kernel keeps.
pub(super) const NAME_MAX: usize = 15;

/// What must agree for two maps to be used as one.
///
/// A map's name is a part of it: it says what the bytes mean. A table whose rows
/// have the same size and another meaning than before is named `fdb_2` in
/// `maps.h`, and `fdb` everywhere else.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Layout {
    /// As much of it as the kernel keeps.
    name: String,
    kind: MapType,
    key_size: u32,
    value_size: u32,
    max_entries: u32,
    flags: u32,
}

impl Layout {
    /// The layout that a program asks for.
    pub(super) fn wanted(map: &OpenMap<'_>) -> Self {
        Self {
            name: kept(map.name()),
            kind: map.map_type(),
            key_size: map.key_size(),
            value_size: map.value_size(),
            max_entries: map.max_entries(),
            flags: map.map_flags(),
        }
    }

    /// The layout of a map that is there.
    pub(super) fn of(map: &MapHandle) -> Result<Self, LibbpfError> {
        // What libbpf-rs has read may be a program's: it doesn't look at the
        // kind of a pin. The kernel's own description can't be mistaken.
        let info = call(|| map.query_fdinfo())?;
        Ok(Self {
            name: kept(map.name()),
            kind: info.map_type,
            key_size: info.key_size,
            value_size: info.value_size,
            max_entries: info.max_entries,
            flags: info.map_flags.unwrap_or_default(),
        })
    }

    /// Whether counters of the layout `older` can be added to counters of this
    /// one: they mean the same as far as both have them. A version may have put
    /// new ones behind them, or left the last ones out.
    ///
    /// Counters are words of 64 bits. How many rows a map may have is of no
    /// matter.
    pub(super) fn adds_up_with(&self, older: &Self) -> bool {
        let words = |layout: &Self| layout.value_size.is_multiple_of(8);
        let same =
            |layout: &Self| (layout.name.clone(), layout.kind, layout.key_size);
        same(self) == same(older) && words(self) && words(older)
    }
}

impl fmt::Display for Layout {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { name, kind, key_size, value_size, max_entries, flags } =
            self;
        write!(
            f,
            "{name}, {kind:?} of {max_entries} rows of {key_size} + \
             {value_size} bytes, flags {flags:#x}"
        )
    }
}

/// Brings a row of counters to the length that they have now.
pub(super) fn fit(mut row: Vec<u8>, length: u32) -> Vec<u8> {
    row.resize(usize::try_from(length).unwrap_or(row.len()), 0);
    row
}

/// The table that a map is: its name without the number of its meaning.
pub(super) fn table_of(map: &OsStr) -> String {
    let name = map.to_string_lossy().into_owned();
    match name.rsplit_once('_') {
        Some((table, n)) if n.parse::<u32>().is_ok() => table.to_owned(),
        _ => name,
    }
}

fn kept(name: &OsStr) -> String {
    let bytes = name.as_bytes();
    let kept = &bytes[..bytes.len().min(NAME_MAX)];
    String::from_utf8_lossy(kept).into_owned()
}

#[cfg(test)]
mod tests {
    use libbpf_rs::ObjectBuilder;

    use super::*;

    fn layout(name: &str, kind: MapType, key: u32, value: u32) -> Layout {
        let (key_size, value_size) = (key, value);
        let name = kept(OsStr::new(name));
        Layout { name, kind, key_size, value_size, max_entries: 8, flags: 1 }
    }

    #[test]
    fn counters_add_up_while_they_mean_the_same() {
        const ARRAY: MapType = MapType::PercpuArray;
        let now = layout("traffic", ARRAY, 4, 32);
        for (title, older, want) in [
            ("the same", now.clone(), true),
            ("fewer", layout("traffic", ARRAY, 4, 16), true),
            ("more", layout("traffic", ARRAY, 4, 40), true),
            ("of more rows", Layout { max_entries: 9, ..now.clone() }, true),
            ("of other flags", Layout { flags: 0, ..now.clone() }, true),
            ("half a word", layout("traffic", ARRAY, 4, 36), false),
            ("another meaning", layout("traffic_2", ARRAY, 4, 32), false),
            ("other keys", layout("traffic", ARRAY, 8, 32), false),
            (
                "found in another way",
                layout("traffic", MapType::PercpuHash, 4, 32),
                false,
            ),
        ] {
            assert_eq!(now.adds_up_with(&older), want, "{title}");
            assert_eq!(older.adds_up_with(&now), want, "{title}, back");
        }
    }

    #[test]
    fn a_row_of_counters_is_cut_or_filled_up_with_zeros() {
        for (length, want) in
            [(2, vec![1, 2]), (3, vec![1, 2, 3]), (5, vec![1, 2, 3, 0, 0])]
        {
            assert_eq!(fit(vec![1, 2, 3], length), want, "{length}");
        }
    }

    #[test]
    fn a_number_behind_a_name_is_of_its_meaning() {
        for (map, want) in [
            ("vnics", "vnics"),
            ("vnics_2", "vnics"),
            ("flow_masks", "flow_masks"),
            ("flow_masks_13", "flow_masks"),
            ("allowed4", "allowed4"),
            ("allowed4_2", "allowed4"),
        ] {
            assert_eq!(table_of(OsStr::new(map)), want, "{map}");
        }
    }

    #[test]
    fn a_name_counts_as_far_as_the_kernel_keeps_it() {
        let long = layout("learned_addresses", MapType::Hash, 24, 4);
        let short = layout("learned_address", MapType::Hash, 24, 4);
        assert_eq!(long, short);
        // So a number has to be within that.
        let object = ObjectBuilder::default().open_memory(super::super::OBJECT);
        for map in object.unwrap().maps() {
            let name = map.name().to_string_lossy();
            let plain = table_of(map.name()) == name;
            assert!(plain || name.len() <= NAME_MAX, "{name} is too long");
        }
    }
}
