//! The configuration file as netd last understood it.

use std::fs;
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use tagmap::{Config, TagMap};

/// The file's NIC tags, and what is wrong with the file now.
///
/// The file is read again whenever it has changed, as the original nictagadm
/// reads it at each call. While it can't be read or parsed, the tags of its
/// last good state stay in force.
#[derive(Debug)]
pub struct ConfigFile {
    path: PathBuf,
    tags: TagMap,
    seen: Option<Stamp>,
    warning: Option<String>,
}

/// Tells one state of a file from another without reading it.
#[derive(Debug, PartialEq, Eq)]
enum Stamp {
    Absent,
    Present { inode: u64, size: u64, changed: (i64, i64) },
}

impl ConfigFile {
    /// Reads the file for the first time.
    #[must_use]
    pub fn open(path: &Path) -> Self {
        let mut file = Self {
            path: path.to_owned(),
            tags: TagMap::default(),
            seen: None,
            warning: None,
        };
        file.refresh();
        file
    }

    /// Reads the file again if it has changed; says whether it had.
    pub fn refresh(&mut self) -> bool {
        let stamp = stamp(&self.path);
        if self.seen.as_ref() == Some(&stamp) {
            return false;
        }
        let path = self.path.display();
        self.warning = match read(&self.path) {
            Ok(tags) => {
                tracing::info!(%path, tags = tags.iter().count(), "read");
                self.tags = tags;
                None
            }
            Err(reason) => {
                let warning = format!("{path}: {reason}");
                tracing::error!(
                    %warning,
                    "the configuration file is wrong; \
                     the tags known so far stay in force"
                );
                Some(warning)
            }
        };
        self.seen = Some(stamp);
        true
    }

    /// The NIC tags in force.
    #[must_use]
    pub fn tags(&self) -> &TagMap {
        &self.tags
    }

    /// What is wrong with the file as it is now.
    #[must_use]
    pub fn warning(&self) -> Option<&str> {
        self.warning.as_deref()
    }

    /// Where the file is.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn stamp(path: &Path) -> Stamp {
    match fs::metadata(path) {
        Ok(meta) => Stamp::Present {
            inode: meta.ino(),
            size: meta.size(),
            changed: (meta.ctime(), meta.ctime_nsec()),
        },
        Err(_) => Stamp::Absent,
    }
}

/// Reads and parses the file. No file is an empty one: a host without tags is
/// a host before its first tag.
fn read(path: &Path) -> Result<TagMap, String> {
    let text = match fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map_err(|_| "the file is not UTF-8 text".to_owned())?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(error) => return Err(error.to_string()),
    };
    let config =
        Config::parse(&text).map_err(|error| crate::chain::chain(&error))?;
    TagMap::from_config(&config).map_err(|error| crate::chain::chain(&error))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(file: &ConfigFile) -> Vec<String> {
        file.tags().iter().map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn a_bad_file_leaves_the_tags_as_they_were() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("config");
        let mut file = ConfigFile::open(&path);
        assert_eq!((names(&file), file.warning()), (vec![], None));

        fs::write(&path, "admin_nic=9c:b6:54:bb:c3:3c\n").unwrap();
        assert!(file.refresh());
        assert!(!file.refresh());
        assert_eq!(names(&file), ["admin"]);

        fs::write(&path, "# tags\nadmin_nic=9c:b6:54\n").unwrap();
        assert!(file.refresh());
        assert_eq!(names(&file), ["admin"]);
        let warning = file.warning().unwrap();
        assert!(warning.contains("line 2"), "{warning}");

        fs::write(&path, b"\xff\xfe").unwrap();
        assert!(file.refresh());
        assert!(file.warning().unwrap().contains("UTF-8"));

        fs::write(&path, "storage_nic=2:8:20:0:0:1\n").unwrap();
        assert!(file.refresh());
        assert_eq!(
            (names(&file), file.warning()),
            (vec!["storage".into()], None)
        );
    }
}
