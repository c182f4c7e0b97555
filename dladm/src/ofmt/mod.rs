//! Tables for people and for scripts, in the manner of illumos's libofmt.
//!
//! A command has one [`Table`]: its columns, each with a title, a width and a
//! function that takes the value from a row. From it comes
//!
//! - the table for people: padded columns, `--` where there is no value, the
//!   header again after each page;
//! - the parsable form (`-p -o FIELDS`): fields between colons, `:` and `\`
//!   escaped by `\` unless there is only one field, nothing where there is no
//!   value.
//!
//! ```
//! use dladm::ofmt::{Cell, Column, Mode, Table};
//!
//! struct Link { name: &'static str, vid: Option<u16> }
//!
//! const LINKS: Table<Link> = Table::new(&[
//!     Column::new("LINK", 12, |link| link.name.into()),
//!     Column::new("VID", 5, |link| Cell::of(link.vid)),
//! ]);
//!
//! let rows = [Link { name: "net0", vid: None }];
//! let mut text = Vec::new();
//! let people = LINKS.select(Mode::Human(None))?;
//! people.write(&rows, 24, &mut text).unwrap();
//! let scripts = LINKS.select(Mode::Parsable(Some("vid,link")))?;
//! scripts.write(&rows, 24, &mut text).unwrap();
//! assert_eq!(
//!     String::from_utf8_lossy(&text),
//!     "LINK        VID\nnet0        --\n:net0\n",
//! );
//! # Ok::<(), dladm::ofmt::SelectError>(())
//! ```

mod human;
mod parsable;
mod select;

use std::fmt;
use std::io::{self, Write};

pub use human::Page;
pub(crate) use parsable::escape;
pub(crate) use select::is_all;
pub use select::{Mode, SelectError, Selection};

/// What a row has in a column.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// A value. The empty text counts as none.
    Text(String),
    /// There is no value: `--` for people, nothing for scripts.
    Empty,
    /// There is a value and it can't be told: `?` for everybody.
    Unknown,
}

impl Cell {
    /// A value, or none.
    pub fn of<T: fmt::Display>(value: Option<T>) -> Self {
        value.map_or(Self::Empty, |value| Self::Text(value.to_string()))
    }

    /// A value, or one that can't be told.
    pub fn known<T: fmt::Display>(value: Option<T>) -> Self {
        value.map_or(Self::Unknown, |value| Self::Text(value.to_string()))
    }

    /// Values between commas.
    pub fn list<T: fmt::Display>(values: &[T]) -> Self {
        let texts: Vec<_> = values.iter().map(ToString::to_string).collect();
        Self::Text(texts.join(","))
    }

    /// The text for scripts.
    fn raw(&self) -> &str {
        match self {
            Self::Text(text) => text,
            Self::Empty => "",
            Self::Unknown => "?",
        }
    }
}

impl<T: fmt::Display> From<T> for Cell {
    fn from(value: T) -> Self {
        Self::Text(value.to_string())
    }
}

/// One column of a table of `R`s.
pub struct Column<R> {
    name: &'static str,
    width: usize,
    value: fn(&R) -> Cell,
    default: bool,
}

impl<R> Column<R> {
    /// A column with its title, its width in characters, gap included, and
    /// what it shows of a row.
    #[must_use]
    pub const fn new(
        name: &'static str,
        width: usize,
        value: fn(&R) -> Cell,
    ) -> Self {
        Self { name, width, value, default: true }
    }

    /// The same column, shown only when `-o` asks for it.
    #[must_use]
    pub const fn on_request(mut self) -> Self {
        self.default = false;
        self
    }

    /// The title. In `-o`, letter case does not matter.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<R> fmt::Debug for Column<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.name, self.width)
    }
}

/// The columns of a command.
#[derive(Debug)]
pub struct Table<R: 'static> {
    columns: &'static [Column<R>],
    wrap: bool,
    right: bool,
}

impl<R> Table<R> {
    /// A table with these columns, in this order.
    #[must_use]
    pub const fn new(columns: &'static [Column<R>]) -> Self {
        Self { columns, wrap: false, right: false }
    }

    /// The same table, whose comma lists go on in the next line, for people,
    /// where they are wider than their column.
    #[must_use]
    pub const fn wrapped(mut self) -> Self {
        self.wrap = true;
        self
    }

    /// The same table with every text at the right of its column, for people:
    /// a width has no gap in it then.
    #[must_use]
    pub const fn right_justified(mut self) -> Self {
        self.right = true;
        self
    }

    /// The columns.
    #[must_use]
    pub const fn columns(&self) -> &'static [Column<R>] {
        self.columns
    }
}

impl<R> Selection<R> {
    /// Writes rows.
    ///
    /// For people the header comes with the first row, so that no rows are no
    /// output, and again whenever the header lines and rows so far fill pages
    /// of `height` lines.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn write<'a>(
        &self,
        rows: impl IntoIterator<Item = &'a R>,
        height: usize,
        to: &mut dyn Write,
    ) -> io::Result<()>
    where
        R: 'a,
    {
        self.go_on(&mut Page::new(height), rows, to)
    }

    /// Writes more rows of a listing that is `page` far.
    ///
    /// # Errors
    /// Those of the writer.
    pub fn go_on<'a>(
        &self,
        page: &mut Page,
        rows: impl IntoIterator<Item = &'a R>,
        to: &mut dyn Write,
    ) -> io::Result<()>
    where
        R: 'a,
    {
        for row in rows {
            let cells: Vec<Cell> =
                self.columns.iter().map(|c| (c.value)(row)).collect();
            if self.parsable {
                parsable::write_row(&cells, to)?;
                continue;
            }
            if page.needs_header() {
                self.write_line(&self.header(), to)?;
                page.count_line();
            }
            for line in self.lines(&cells) {
                self.write_line(&line, to)?;
            }
            // A row is one, however many lines it takes: as libofmt counts.
            page.count_line();
        }
        Ok(())
    }

    fn write_line(
        &self,
        texts: &[(usize, &str)],
        to: &mut dyn Write,
    ) -> io::Result<()> {
        match self.right {
            true => human::write_right_line(texts, to),
            false => human::write_line(texts, to),
        }
    }

    /// The titles with their widths.
    fn header(&self) -> Vec<(usize, &str)> {
        self.columns.iter().map(|c| (c.width, c.name)).collect()
    }

    /// The lines of one row, each a text and a width for each column.
    fn lines<'a>(&self, cells: &'a [Cell]) -> Vec<Vec<(usize, &'a str)>> {
        let widths = self.columns.iter().map(|c| c.width);
        let cells = widths.zip(cells.iter().map(human::shown));
        if self.wrap {
            human::wrap(&cells.collect::<Vec<_>>())
        } else {
            vec![cells.collect()]
        }
    }
}
