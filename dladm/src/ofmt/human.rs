//! Rows for people: padding, pages, comma lists over several lines.

use std::io::{self, Write};

use super::Cell;

/// What a person is shown.
pub(super) fn shown(cell: &Cell) -> &str {
    match cell.raw() {
        "" => "--",
        text => text,
    }
}

/// Writes one line: texts with the widths of their columns.
///
/// A text too long for its column pushes the rest of the line to the right.
/// That *debt* is paid back as soon as a later column has room to spare, so
/// one long name disturbs as few columns as possible. The last column is not
/// padded.
pub(super) fn write_line(
    texts: &[(usize, &str)],
    to: &mut dyn Write,
) -> io::Result<()> {
    let mut debt = 0;
    for (index, &(width, text)) in texts.iter().enumerate() {
        if index + 1 == texts.len() {
            write!(to, "{text}")?;
            break;
        }
        let length = text.chars().count();
        if length + debt >= width {
            // length + debt + 1 columns were used and width were due.
            debt = length + debt + 1 - width;
            write!(to, "{text} ")?;
        } else {
            // The padding shrinks by the whole debt: it is less than the
            // room that is left.
            let width = width - debt;
            debt = 0;
            write!(to, "{text:width$}")?;
        }
    }
    writeln!(to)
}

/// Writes one line whose texts stand at the right of their columns, with a
/// blank between columns. A text too long for its column just pushes the rest.
pub(super) fn write_right_line(
    texts: &[(usize, &str)],
    to: &mut dyn Write,
) -> io::Result<()> {
    for (index, &(width, text)) in texts.iter().enumerate() {
        let gap = if index == 0 { "" } else { " " };
        write!(to, "{gap}{text:>width$}")?;
    }
    writeln!(to)
}

/// Breaks a row's comma lists into lines.
///
/// A piece is as many elements as fit the column; each but the last ends in
/// its comma. Columns that are done stay blank.
pub(super) fn wrap<'a>(
    cells: &[(usize, &'a str)],
) -> Vec<Vec<(usize, &'a str)>> {
    let pieces: Vec<Vec<&str>> =
        cells.iter().map(|&(width, text)| pieces(text, width)).collect();
    let height = pieces.iter().map(Vec::len).max().unwrap_or_default();
    let line = |at: usize| {
        cells
            .iter()
            .zip(&pieces)
            .map(|(&(width, _), pieces)| {
                (width, pieces.get(at).copied().unwrap_or_default())
            })
            .collect()
    };
    (0..height).map(line).collect()
}

/// Splits a comma list into pieces for a column. The next element joins a
/// piece when both together, the comma between them included, are no wider
/// than the column.
fn pieces(text: &str, width: usize) -> Vec<&str> {
    let mut pieces = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.find(',') {
        let mut end = first + 1;
        while let Some(next) = element(&rest[end..]) {
            if rest[..end].chars().count() + next.chars().count() > width {
                break;
            }
            end += next.len();
            if !rest[end..].starts_with(',') {
                break;
            }
            end += 1;
        }
        pieces.push(&rest[..end]);
        rest = &rest[end..];
    }
    if !rest.is_empty() {
        pieces.push(rest);
    }
    pieces
}

/// The first element of a comma list; none at its end.
fn element(list: &str) -> Option<&str> {
    list.split(',').next().filter(|element| !element.is_empty())
}

/// Where on the page a listing is.
#[derive(Debug)]
pub struct Page {
    height: usize,
    lines: usize,
}

impl Page {
    /// A listing that has not begun, on pages of this many lines.
    #[must_use]
    pub fn new(height: usize) -> Self {
        Self { height: height.max(1), lines: 0 }
    }

    /// Whether the next row begins a page.
    pub(super) fn needs_header(&self) -> bool {
        self.lines.is_multiple_of(self.height)
    }

    /// Counts a header or a row.
    pub(super) fn count_line(&mut self) {
        self.lines += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ofmt::{Cell, Column, Mode, Table};

    /// Columns of 5, 4 and 6 and one that is never padded.
    fn line(texts: [&str; 4]) -> String {
        let texts: Vec<_> = [5, 4, 6, 9].into_iter().zip(texts).collect();
        let mut line = Vec::new();
        write_line(&texts, &mut line).unwrap();
        String::from_utf8(line).unwrap()
    }

    #[test]
    fn a_long_text_is_paid_for_by_the_columns_after_it() {
        for (texts, want) in [
            // All fit: 5 + 4 + 6.
            (["ab", "cd", "ef", "gh"], "ab   cd  ef    gh\n"),
            // 4 of 5: one space is left. 5 of 5: none, so one is owed.
            (["abcd", "cd", "ef", "gh"], "abcd cd  ef    gh\n"),
            (["abcde", "cd", "ef", "gh"], "abcde cd ef    gh\n"),
            // 6 of 5 owes 2, and the next column has 4 - 1 = 3 to spare:
            // padded to 2.
            (["abcdef", "c", "ef", "gh"], "abcdef c ef    gh\n"),
            // 7 of 5 owes 3. 1 + 3 >= 4: no room to pay, and the space owes
            // 3 + 1 + 1 - 4 = 1. The third is padded to 6 - 1.
            (["abcdefg", "c", "ef", "gh"], "abcdefg c ef   gh\n"),
            // 9 of 5 owes 5; 2 + 5 >= 4 owes 5 + 2 + 1 - 4 = 4;
            // 2 + 4 >= 6 owes 4 + 2 + 1 - 6 = 1, which nobody pays.
            (["abcdefghi", "cd", "ef", "gh"], "abcdefghi cd ef gh\n"),
            // The debt is of the second column alone.
            (["ab", "cdefgh", "ef", "gh"], "ab   cdefgh ef gh\n"),
            // The last column is as long as it likes.
            (["a", "b", "c", "0123456789"], "a    b   c     0123456789\n"),
            (["", "", "", ""], "               \n"),
        ] {
            assert_eq!(line(texts), want, "{texts:?}");
        }
    }

    #[test]
    fn numbers_stand_below_each_other() {
        const TABLE: Table<(&str, u32)> = Table::<(&str, u32)>::new(&[
            Column::new("LINK", 6, |row| Cell::from(row.0)),
            Column::new("IPKTS", 5, |row| Cell::from(row.1)),
            Column::new("POLLS", 5, |_| Cell::Empty),
        ])
        .right_justified();
        let rows = [("net0", 7), ("longname0", 123_456), ("", 0)];
        for (mode, want) in [
            (
                Mode::Human(None),
                "  LINK IPKTS POLLS\n\
                 \x20 net0     7    --\n\
                 longname0 123456    --\n\
                 \x20   --     0    --\n",
            ),
            (
                Mode::Parsable(Some("link,ipkts,polls")),
                "net0:7:\nlongname0:123456:\n:0:\n",
            ),
        ] {
            let mut text = Vec::new();
            let selection = TABLE.select(mode).unwrap();
            selection.write(&rows, 24, &mut text).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), want, "{mode:?}");
        }
    }

    #[test]
    fn the_next_line_owes_nothing() {
        const TABLE: Table<&str> = Table::new(&[
            Column::new("A", 3, |row| Cell::from(row)),
            Column::new("B", 3, |_| Cell::Empty),
            Column::new("C", 3, |_| Cell::Unknown),
        ]);
        let mut text = Vec::new();
        let selection = TABLE.select(Mode::Human(None)).unwrap();
        selection.write(&["abcdef", "a"], 24, &mut text).unwrap();
        let want = "A  B  C\nabcdef -- ?\na  -- ?\n";
        assert_eq!(String::from_utf8(text).unwrap(), want);
    }

    #[test]
    fn the_header_comes_with_the_first_row_and_with_each_page() {
        const TABLE: Table<u32> =
            Table::new(&[Column::new("N", 3, |n| Cell::from(n))]);
        let selection = TABLE.select(Mode::Human(None)).unwrap();
        for (rows, height, want) in [
            (0, 4, ""),
            (1, 4, "N 0"),
            (3, 4, "N 0 1 2"),
            (4, 4, "N 0 1 2 N 3"),
            (7, 4, "N 0 1 2 N 3 4 5 N 6"),
            (2, 1, "N 0 N 1"),
            (2, 0, "N 0 N 1"),
        ] {
            let rows: Vec<u32> = (0..rows).collect();
            let mut text = Vec::new();
            selection.write(&rows, height, &mut text).unwrap();
            let text = String::from_utf8(text).unwrap();
            let got: Vec<_> = text.lines().collect();
            assert_eq!(got.join(" "), want, "{} by {height}", rows.len());
        }
    }

    #[test]
    fn a_comma_list_breaks_where_its_column_ends() {
        for (text, width, want) in [
            ("", 9, vec![]),
            ("abc", 9, vec!["abc"]),
            // Longer than the column, and nowhere to break.
            ("abcdef", 3, vec!["abcdef"]),
            ("a,b,c", 9, vec!["a,b,c"]),
            // "a," and "b" are 3; "a,b," and "c" would be 5.
            ("a,b,c", 4, vec!["a,b,", "c"]),
            ("a,b,c", 5, vec!["a,b,c"]),
            ("net0,net1,net2", 9, vec!["net0,net1,", "net2"]),
            ("net0,net1,net2", 8, vec!["net0,", "net1,", "net2"]),
            ("abcdef,g", 3, vec!["abcdef,", "g"]),
            ("a,bcdefg", 3, vec!["a,", "bcdefg"]),
        ] {
            assert_eq!(pieces(text, width), want, "{text:?} in {width}");
        }
    }

    #[test]
    fn columns_that_are_done_stay_blank() {
        const TABLE: Table<()> = Table::<()>::new(&[
            Column::new("LINK", 6, |()| "aggr0".into()),
            Column::new("BRIDGE", 8, |()| Cell::Empty),
            Column::new("OVER", 9, |()| Cell::list(&["net0", "net1", "net2"])),
        ])
        .wrapped();
        for (mode, want) in [
            (
                Mode::Human(None),
                "LINK  BRIDGE  OVER\n\
                 aggr0 --      net0,net1,\n\
                 \x20             net2\n",
            ),
            (Mode::Parsable(Some("over,bridge")), "net0,net1,net2:\n"),
        ] {
            let mut text = Vec::new();
            let selection = TABLE.select(mode).unwrap();
            selection.write(&[()], 24, &mut text).unwrap();
            assert_eq!(String::from_utf8(text).unwrap(), want, "{mode:?}");
        }
    }
}
