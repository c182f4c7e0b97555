//! The configuration file as netd last understood it.

use std::fs::{self, File};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, PermissionsExt, fchown};
use std::path::{Path, PathBuf};

use tagmap::{Config, EditError, TagMap};

use crate::chain::chain;

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

    /// Writes the file anew with a change, in one piece: whoever reads it
    /// meanwhile, or after a crash, has the old file or the new one. The new
    /// one is in force from the next [`ConfigFile::refresh`] on, which says that
    /// the file has changed.
    ///
    /// # Errors
    /// [`ConfigEditError`]; the file is as it was then.
    pub fn edit(
        &self,
        edit: impl FnOnce(&mut Config) -> Result<(), EditError>,
    ) -> Result<(), ConfigEditError> {
        let path = self.path.clone();
        let failed = |source| ConfigEditError::Write { path, source };
        let wrong =
            |reason| ConfigEditError::Wrong { path: self.path.clone(), reason };
        let text = text(&self.path).map_err(wrong)?;
        let config = Config::parse(&text);
        let mut config = config.map_err(|error| wrong(chain(&error)))?;
        edit(&mut config).map_err(|error| wrong(chain(&error)))?;
        // What is wrong elsewhere in the file would keep this from being read.
        TagMap::from_config(&config).map_err(|error| wrong(chain(&error)))?;
        replace(&self.path, config.to_string().as_bytes()).map_err(failed)
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

/// The configuration file could not be changed. It is as it was.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigEditError {
    /// What is in the file, or would be, can't be read.
    #[error("cannot change {}: {reason}", path.display())]
    Wrong {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        reason: String,
    },
    /// The system refused.
    #[error("cannot write {}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
}

impl ConfigEditError {
    /// What to do about it.
    #[must_use]
    pub fn hint(&self) -> Option<String> {
        match self {
            Self::Wrong { path, .. } => {
                Some(format!("correct {} first", path.display()))
            }
            Self::Write { .. } => None,
        }
    }
}

/// Puts another file in the place of a file, with its permissions and owner.
fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // Where the name is a link, what it leads to is the file.
    let path = &fs::canonicalize(path).unwrap_or_else(|_| path.to_owned());
    let dir = path.parent().unwrap_or(Path::new("/"));
    fs::create_dir_all(dir)?;
    let mode = match fs::metadata(path) {
        Ok(there) => there.permissions().mode() & 0o7777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => 0o644,
        Err(error) => return Err(error),
    };
    let mut file = tempfile::Builder::new()
        .prefix(".config.")
        .permissions(fs::Permissions::from_mode(mode))
        .tempfile_in(dir)?;
    file.write_all(bytes)?;
    if let Ok(there) = fs::metadata(path) {
        fchown(&file, Some(there.uid()), Some(there.gid()))?;
        file.as_file().set_permissions(there.permissions())?;
    }
    file.as_file().sync_all()?;
    file.persist(path)?;
    // The name is on disk when its directory is.
    File::open(dir)?.sync_all()
}

/// Says what a configuration file defines.
///
/// # Errors
/// What is wrong with it, in a line that begins with its path.
pub fn check(path: &Path) -> Result<String, String> {
    let tags = read(path);
    let path = path.display();
    let tags = tags.map_err(|reason| format!("{path}: {reason}"))?;
    let names = tags.iter().map(|(name, _)| name.to_string());
    let tagged: Vec<String> = names.collect();
    let names = tags.etherstubs().map(ToString::to_string);
    let etherstubs: Vec<String> = names.collect();
    let list = |names: Vec<String>| match names.is_empty() {
        true => "none".to_owned(),
        false => names.join(", "),
    };
    let (tagged, etherstubs) = (list(tagged), list(etherstubs));
    Ok(format!("{path}: NIC tags {tagged}; etherstubs {etherstubs}"))
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
///
/// # Errors
/// What is wrong with it, in a line.
pub(crate) fn read(path: &Path) -> Result<TagMap, String> {
    let text = text(path)?;
    let config = Config::parse(&text).map_err(|error| chain(&error))?;
    TagMap::from_config(&config).map_err(|error| chain(&error))
}

fn text(path: &Path) -> Result<String, String> {
    match fs::read(path) {
        Ok(bytes) => String::from_utf8(bytes)
            .map_err(|_| "the file is not UTF-8 text".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Ok(String::new())
        }
        Err(error) => Err(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(file: &ConfigFile) -> Vec<String> {
        file.tags().iter().map(|(name, _)| name.to_string()).collect()
    }

    #[test]
    fn an_edit_keeps_all_else() {
        let dir = tempfile::tempdir().unwrap();
        let (path, name) = (dir.path().join("config"), dir.path().join("name"));
        fs::write(&path, "# NICs\nadmin_nic=9c:b6:54:bb:c3:3c\n").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        std::os::unix::fs::symlink(&path, &name).unwrap();
        let mut file = ConfigFile::open(&name);
        file.edit(|config| config.set("etherstub", "a0")).unwrap();
        let want = "# NICs\nadmin_nic=9c:b6:54:bb:c3:3c\netherstub=a0\n";
        assert_eq!(fs::read_to_string(&path).unwrap(), want);
        assert!(fs::symlink_metadata(&name).unwrap().is_symlink());
        let mode = fs::metadata(&path).unwrap().permissions().mode();
        assert_eq!(mode & 0o7777, 0o640);
        assert!(file.refresh());
        assert_eq!(file.tags().etherstubs().count(), 1);

        // What can't be read is not written.
        for wrong in [
            file.edit(|config| config.set("a_nic", "-")).unwrap_err(),
            file.edit(|config| config.set("a b", "c")).unwrap_err(),
        ] {
            assert!(matches!(wrong, ConfigEditError::Wrong { .. }));
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), want);
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 2);

        let none = dir.path().join("usbkey/config");
        let file = ConfigFile::open(&none);
        file.edit(|config| config.set("etherstub", "b0")).unwrap();
        assert_eq!(fs::read_to_string(&none).unwrap(), "etherstub=b0\n");
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

        let wrong = check(&path).unwrap_err();
        assert_eq!(wrong, warning);

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
