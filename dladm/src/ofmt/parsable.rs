//! Rows for scripts.

use std::io::{self, Write};

use super::Cell;

/// Writes a row's fields between colons. A `:` or `\` inside a field is
/// preceded by `\`; a field that is alone is written as it is.
pub(super) fn write_row(cells: &[Cell], to: &mut dyn Write) -> io::Result<()> {
    if let [alone] = cells {
        return writeln!(to, "{}", alone.raw());
    }
    for (index, cell) in cells.iter().enumerate() {
        if index > 0 {
            to.write_all(b":")?;
        }
        to.write_all(escape(cell.raw()).as_bytes())?;
    }
    to.write_all(b"\n")
}

/// Puts a `\` before each `:` and `\`.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        if matches!(c, ':' | '\\') {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn row(cells: &[Cell]) -> String {
        let mut text = Vec::new();
        write_row(cells, &mut text).unwrap();
        String::from_utf8(text).unwrap()
    }

    #[test]
    fn what_is_escaped_and_what_is_not() {
        let text = |s: &str| Cell::Text(s.to_owned());
        for (cells, want) in [
            (vec![text("2:8:20:0:0:1")], "2:8:20:0:0:1\n"),
            (vec![text(r"a\b")], "a\\b\n"),
            (vec![Cell::Empty], "\n"),
            (vec![Cell::Unknown], "?\n"),
            (vec![text("net0"), text("2:8")], "net0:2\\:8\n"),
            (vec![text(r"a\b"), text(r"\:")], "a\\\\b:\\\\\\:\n"),
            (vec![Cell::Empty, Cell::Empty], ":\n"),
            (vec![Cell::Empty, text("x"), Cell::Unknown], ":x:?\n"),
            (vec![text("a,b c"), text("--")], "a,b c:--\n"),
        ] {
            assert_eq!(row(&cells), want, "{cells:?}");
        }
    }

    /// What a script does: split at colons that no backslash precedes.
    fn split(line: &str) -> Vec<String> {
        let mut fields = vec![String::new()];
        let mut chars = line.strip_suffix('\n').unwrap().chars();
        while let Some(c) = chars.next() {
            match c {
                ':' => fields.push(String::new()),
                '\\' => fields.last_mut().unwrap().extend(chars.next()),
                c => fields.last_mut().unwrap().push(c),
            }
        }
        fields
    }

    proptest! {
        #[test]
        fn a_script_reads_back_what_was_written(
            fields in prop::collection::vec(r"[a-z:\\,.-]{0,8}", 2..6),
        ) {
            let cells: Vec<_> =
                fields.iter().map(|f| Cell::Text(f.clone())).collect();
            prop_assert_eq!(split(&row(&cells)), fields);
        }
    }
}
