//! Which columns, and for whom: what `-p` and `-o` mean.

use std::fmt;

use super::{Column, Table};

/// For whom a table is, with the text of `-o`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode<'a> {
    /// For people; without `-o`, the default columns.
    Human(Option<&'a str>),
    /// For scripts (`-p`), which must say what they expect.
    Parsable(Option<&'a str>),
}

/// The columns of one listing, in the order asked for.
pub struct Selection<R: 'static> {
    pub(super) columns: Vec<&'static Column<R>>,
    pub(super) parsable: bool,
    pub(super) wrap: bool,
    pub(super) right: bool,
    ignored: Vec<String>,
}

impl<R> Selection<R> {
    /// What to tell a person who named columns that don't exist.
    #[must_use]
    pub fn warning(&self) -> Option<String> {
        let fields = quoted(&self.ignored)?;
        Some(format!("ignoring unknown output {fields}"))
    }
}

impl<R> fmt::Debug for Selection<R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Selection")
            .field("columns", &self.columns)
            .field("parsable", &self.parsable)
            .field("wrap", &self.wrap)
            .field("right", &self.right)
            .field("ignored", &self.ignored)
            .finish()
    }
}

/// Why columns could not be selected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectError {
    /// `-p` without `-o`: columns may be added to a table, so a script must
    /// name those that it reads.
    #[error("output fields must be specified in parsable mode")]
    FieldsMissing,
    /// `-p -o all`, for the same reason.
    #[error("output field `all' invalid in parsable mode")]
    AllFields,
    /// Columns that don't exist, in parsable mode.
    #[error("unknown output {}", quoted(.0).unwrap_or_default())]
    UnknownFields(Vec<String>),
    /// Not one of the columns asked for exists.
    #[error("no valid output fields")]
    NoFields,
}

impl<R> Table<R> {
    /// Selects columns as `-p` and `-o` ask. `all`, in any letter case, is
    /// every column.
    ///
    /// # Errors
    /// [`SelectError`]. In human mode unknown columns are left out, which
    /// [`Selection::warning`] tells, as long as one is known.
    pub fn select(&self, mode: Mode<'_>) -> Result<Selection<R>, SelectError> {
        let (parsable, fields) = match mode {
            Mode::Human(fields) => (false, fields),
            Mode::Parsable(fields) => (true, fields),
        };
        if parsable && fields.is_none_or(str::is_empty) {
            return Err(SelectError::FieldsMissing);
        }
        let (columns, ignored) = match fields {
            None => (self.default_columns(), Vec::new()),
            Some(all) if is_all(all) && parsable => {
                return Err(SelectError::AllFields);
            }
            Some(all) if is_all(all) => {
                (self.columns.iter().collect(), Vec::new())
            }
            Some(names) => self.named(names),
        };
        if columns.is_empty() {
            return Err(SelectError::NoFields);
        }
        if parsable && !ignored.is_empty() {
            return Err(SelectError::UnknownFields(ignored));
        }
        let wrap = self.wrap && !parsable;
        let right = self.right;
        Ok(Selection { columns, parsable, wrap, right, ignored })
    }

    fn default_columns(&self) -> Vec<&'static Column<R>> {
        self.columns.iter().filter(|column| column.default).collect()
    }

    /// The columns of a comma list, and the names that are none. Nothing
    /// between two commas is nothing asked for.
    fn named(&self, names: &str) -> (Vec<&'static Column<R>>, Vec<String>) {
        let mut columns = Vec::new();
        let mut unknown = Vec::new();
        for name in names.split(',').filter(|name| !name.is_empty()) {
            let column = self
                .columns
                .iter()
                .find(|column| column.name.eq_ignore_ascii_case(name));
            match column {
                Some(column) => columns.push(column),
                None => unknown.push(name.to_owned()),
            }
        }
        (columns, unknown)
    }
}

/// Whether `-o` asks for every column.
pub(crate) fn is_all(fields: &str) -> bool {
    fields.eq_ignore_ascii_case("all")
}

/// ``field: `a'`` or ``fields: `a' `b'``; none when there are none.
fn quoted(names: &[String]) -> Option<String> {
    let noun = match names {
        [] => return None,
        [_] => "field",
        _ => "fields",
    };
    let names: Vec<_> = names.iter().map(|name| format!("`{name}'")).collect();
    Some(format!("{noun}: {}", names.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ofmt::Cell;

    const TABLE: Table<()> = Table::new(&[
        Column::new("LINK", 5, |()| Cell::Empty),
        Column::new("OVER", 5, |()| Cell::Empty),
        Column::<()>::new("FLAGS", 5, |()| Cell::Empty).on_request(),
    ]);

    #[test]
    fn what_p_and_o_select() {
        use Mode::{Human, Parsable};
        for (mode, want) in [
            (Human(None), Ok("LINK OVER|")),
            (Human(Some("all")), Ok("LINK OVER FLAGS|")),
            (Human(Some("ALL")), Ok("LINK OVER FLAGS|")),
            (Human(Some("over,link")), Ok("OVER LINK|")),
            (Human(Some("Flags")), Ok("FLAGS|")),
            (Human(Some("link,link")), Ok("LINK LINK|")),
            (Human(Some("link,,over,")), Ok("LINK OVER|")),
            (
                Human(Some("link,x")),
                Ok("LINK|ignoring unknown output field: `x'"),
            ),
            (
                Human(Some("x,link,all")),
                Ok("LINK|ignoring unknown output fields: `x' `all'"),
            ),
            (Human(Some("x")), Err("no valid output fields")),
            (Human(Some("")), Err("no valid output fields")),
            (
                Parsable(None),
                Err("output fields must be specified in parsable mode"),
            ),
            (
                Parsable(Some("")),
                Err("output fields must be specified in parsable mode"),
            ),
            (
                Parsable(Some("All")),
                Err("output field `all' invalid in parsable mode"),
            ),
            (Parsable(Some("over,LINK")), Ok("OVER LINK|")),
            (Parsable(Some("link,x")), Err("unknown output field: `x'")),
            (Parsable(Some("y,link,x")), Err("unknown output fields: `y' `x'")),
            (Parsable(Some("x")), Err("no valid output fields")),
        ] {
            let got = TABLE.select(mode).map(|selection| {
                let names: Vec<_> =
                    selection.columns.iter().map(|c| c.name()).collect();
                let warning = selection.warning().unwrap_or_default();
                format!("{}|{warning}", names.join(" "))
            });
            let got = got.map_err(|error| error.to_string());
            let want = want.map(str::to_owned).map_err(str::to_owned);
            assert_eq!(got, want, "{mode:?}");
        }
    }
}
