//! Where dropped frames go: a table, JSON, or a capture file.

use std::fs::File;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use fabric::api::DropSample;

use super::capture::Capture;
use crate::commands::listing::Listing;
use crate::error::{CommandError, Failure};
use crate::ofmt::{Page, Selection};
use crate::out::Out;

/// Where dropped frames go.
pub(super) enum Sink {
    /// All in one JSON document.
    Document,
    /// One JSON document for each.
    Lines,
    /// A table that goes on.
    Table(Selection<DropSample>, Page),
    /// pcapng on standard output.
    Stdout(Capture),
    /// pcapng in a file, which is made when there is something to write to it.
    File { capture: Capture, path: PathBuf, file: Option<File> },
}

impl Sink {
    /// A listing; one that goes on for ever can't be one document.
    pub(super) fn listing(
        form: Listing<DropSample>,
        follows: bool,
        height: usize,
    ) -> Self {
        match form {
            Listing::Json if follows => Self::Lines,
            Listing::Json => Self::Document,
            Listing::Table(selection) => {
                Self::Table(selection, Page::new(height))
            }
        }
    }

    /// A capture; `-` is standard output. The file is not touched before netd
    /// has answered.
    pub(super) fn capture(path: &Path) -> Self {
        let capture = Capture::new();
        if path == Path::new("-") {
            return Self::Stdout(capture);
        }
        Self::File { capture, path: path.to_owned(), file: None }
    }

    /// Writes frames.
    pub(super) fn write(
        &mut self,
        drops: &[DropSample],
        out: &mut Out,
    ) -> Result<(), CommandError> {
        match self {
            Self::Document => out.json(&drops)?,
            Self::Lines => {
                for drop in drops {
                    out.json_line(drop)?;
                }
            }
            Self::Table(selection, page) => {
                selection.go_on(page, drops, out.data())?;
            }
            Self::Stdout(capture) => {
                out.data().write_all(&capture.blocks(drops))?;
            }
            Self::File { capture, path, file } => {
                append(file, path, &capture.blocks(drops)).map_err(
                    |error| {
                        let path = path.display();
                        let text = format!("cannot write '{path}': {error}");
                        Failure::new(text)
                    },
                )?;
            }
        }
        Ok(())
    }
}

/// Writes to a file, and makes it when it isn't open yet.
fn append(
    file: &mut Option<File>,
    path: &Path,
    bytes: &[u8],
) -> io::Result<()> {
    let file = match file {
        Some(file) => file,
        None => file.insert(File::create(path)?),
    };
    file.write_all(bytes)
}
