//! What a guest brings beside what every guest boots: one more initramfs behind
//! the first, which the kernel unpacks over it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::{CmdOutput, bins, door};

/// Files for a guest.
#[derive(Clone, Debug, Default)]
pub struct Luggage {
    /// Modes and contents by path, without the first slash.
    files: BTreeMap<PathBuf, (u32, Vec<u8>)>,
}

impl Luggage {
    /// Type and rights of a file that can be run, and of a directory.
    const FILE: u32 = 0o100_755;
    const DIRECTORY: u32 = 0o040_755;

    /// Adds a file.
    #[must_use]
    pub fn with(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        self.put(Path::new(path), Self::FILE, content.into());
        self
    }

    /// Adds a program of the workspace, and the libraries that it wants.
    ///
    /// # Panics
    /// When one of them can't be read.
    #[track_caller]
    #[must_use]
    pub fn with_program(mut self, name: &str) -> Self {
        let program = bins::binary(name);
        let mut ldd = door::command(None, "ldd".as_ref());
        ldd.arg(&program);
        let libraries = CmdOutput::run(format!("ldd {name}"), ldd).check();
        let paths = libraries.split_whitespace().filter(|word| {
            // As in `libc.so.6 => /lib/libc.so.6 (0x…)`.
            word.starts_with('/')
        });
        for library in paths {
            self.put(Path::new(library), Self::FILE, read(library.as_ref()));
        }
        let path = Path::new("/bin").join(name);
        self.put(&path, Self::FILE, read(&program));
        self
    }

    fn put(&mut self, path: &Path, mode: u32, content: Vec<u8>) {
        let path = path.strip_prefix("/").expect("it begins at the root");
        // Directories sort before what is in them.
        for directory in path.ancestors().skip(1) {
            if directory != Path::new("") {
                let empty = (Self::DIRECTORY, Vec::new());
                self.files.insert(directory.to_owned(), empty);
            }
        }
        self.files.insert(path.to_owned(), (mode, content));
    }

    /// The archive, to be put behind others (the kernel's `buffer-format.rst`).
    pub(crate) fn archive(&self) -> Vec<u8> {
        let mut archive = Vec::new();
        for (path, (mode, content)) in &self.files {
            let name = path.to_str().expect("a story's names are text");
            entry(&mut archive, name, *mode, content);
        }
        entry(&mut archive, "TRAILER!!!", 0, &[]);
        archive
    }
}

#[track_caller]
fn read(path: &Path) -> Vec<u8> {
    fs::read(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// An entry of a "newc" archive: thirteen numbers of eight digits, the name
/// and the content, the last two filled up to four bytes.
fn entry(archive: &mut Vec<u8>, name: &str, mode: u32, content: &[u8]) {
    let number = |length| u32::try_from(length).expect("files are small");
    // Entries with the same number would be one file with two names.
    let inode = number(archive.len());
    let (size, name_size) = (number(content.len()), number(name.len() + 1));
    archive.extend(b"070701");
    for field in [inode, mode, 0, 0, 1, 0, size, 0, 0, 0, 0, name_size, 0] {
        archive.extend(format!("{field:08x}").bytes());
    }
    archive.extend(name.bytes().chain([0]));
    fill(archive);
    archive.extend(content);
    fill(archive);
}

/// Fills up to four bytes.
pub(crate) fn fill(archive: &mut Vec<u8>) {
    archive.resize(archive.len().next_multiple_of(4), 0);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_has_directories_before_their_files() {
        let archive = Luggage::default().with("/a/b", "text").archive();
        let text = String::from_utf8(archive).expect("it is text");
        let names: Vec<_> = text
            .split("070701")
            .skip(1)
            .map(|entry| entry[104..].split('\0').next())
            .collect();
        assert_eq!(names, [Some("a"), Some("a/b"), Some("TRAILER!!!")]);
        assert!(text.contains("000081ed"), "a file that can be run: {text}");
        assert_eq!(text.len() % 4, 0);
    }
}
