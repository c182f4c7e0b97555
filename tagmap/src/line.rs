//! One line of the file.
//!
//! A line is kept as it was written, with the places of its parts beside it.
//! The shell's own rules decide where a value ends, because scripts source
//! the same file: quotes group, `\` takes the next character as it is, and
//! `#` begins a comment only after white space.

use std::ops::Range;

use crate::Reason;

/// A line, without what ends it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Line {
    /// As written.
    pub(crate) text: String,
    /// `\n`, `\r\n`, or nothing at the end of the file.
    pub(crate) ending: &'static str,
    /// What it assigns; none on blank lines and comments.
    pub(crate) parts: Option<Parts>,
}

/// The parts of an assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Parts {
    /// Where the key is.
    pub(crate) key: Range<usize>,
    /// Where the value is, quotes included.
    pub(crate) value: Range<usize>,
    /// What the value says, or why only a shell could tell.
    pub(crate) plain: Result<String, Reason>,
}

impl Line {
    /// Reads a line.
    ///
    /// Only what would change the meaning of *other* lines is refused here.
    /// What a value means is its reader's business, so the value of a key
    /// that nobody here reads may hold anything.
    pub(crate) fn parse(
        text: &str,
        ending: &'static str,
    ) -> Result<Self, Reason> {
        let parts = parts(text)?;
        Ok(Self { text: text.to_owned(), ending, parts })
    }

    /// An assignment, written plainly.
    pub(crate) fn assign(key: &str, value: &str, ending: &'static str) -> Self {
        let mut text = format!("{key}=");
        let start = text.len();
        text += &quoted(value);
        let plain = Ok(value.to_owned());
        let value = start..text.len();
        let parts = Some(Parts { key: 0..key.len(), value, plain });
        Self { text, ending, parts }
    }

    /// The key, on an assignment.
    pub(crate) fn key(&self) -> Option<&str> {
        self.parts.as_ref().map(|parts| &self.text[parts.key.clone()])
    }

    /// Exchanges an assignment's value and leaves the rest as written, also
    /// the value itself if it says the same already.
    pub(crate) fn set(&mut self, value: &str) {
        let Some(parts) = &mut self.parts else { return };
        if parts.plain.as_deref() == Ok(value) {
            return;
        }
        let written = quoted(value);
        let start = parts.value.start;
        self.text.replace_range(parts.value.clone(), &written);
        parts.value = start..start + written.len();
        parts.plain = Ok(value.to_owned());
    }
}

/// Whether a text is a key: a letter, then letters, digits and `_`.
pub(crate) fn is_key(text: &str) -> bool {
    text.starts_with(|c: char| c.is_ascii_alphabetic())
        && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')
}

fn parts(text: &str) -> Result<Option<Parts>, Reason> {
    let body = text.trim_start_matches([' ', '\t']);
    if body.is_empty() || body.starts_with('#') {
        return Ok(None);
    }
    let indent = text.len() - body.len();
    let (key, rest) = match body.split_once('=') {
        Some((key, rest)) if is_key(key) => (key, rest),
        _ => return Err(Reason::NotAssignment(excerpt(body))),
    };
    let (end, plain) = value(key, rest)?;
    let start = indent + key.len() + 1;
    let key = indent..indent + key.len();
    Ok(Some(Parts { key, value: start..start + end, plain }))
}

/// A value's length as written, and what it says.
type Value = (usize, Result<String, Reason>);

/// Reads the value at the beginning of `rest`.
fn value(key: &str, rest: &str) -> Result<Value, Reason> {
    let mut plain = String::new();
    let mut trouble = None;
    let mut quote = None;
    let mut backtick = false;
    let mut blank = false;
    let mut end = 0;
    let mut chars = rest.char_indices();
    while let Some((_, c)) = chars.next() {
        if quote.is_none() {
            match c {
                ' ' | '\t' => {
                    blank = true;
                    continue;
                }
                '#' if blank => break,
                // A shell would take this for a command.
                _ if blank => {
                    let key = key.to_owned();
                    trouble.get_or_insert(Reason::Words { key });
                    blank = false;
                }
                _ => {}
            }
        }
        let mut acts = |what| {
            let key = key.to_owned();
            trouble.get_or_insert(Reason::NeedsShell { key, what });
        };
        match (quote, c) {
            (Some(open), c) if c == open => quote = None,
            (Some('\''), c) => plain.push(c),
            (None, '\'' | '"') => quote = Some(c),
            (_, '\\') => match (quote, chars.next()) {
                (_, None) => return Err(Reason::Continued),
                (None, Some((_, next))) => plain.push(next),
                (_, Some((_, next))) => {
                    // Between double quotes `\` escapes these four only.
                    if !"$`\"\\".contains(next) {
                        plain.push('\\');
                    }
                    plain.push(next);
                }
            },
            (_, '$' | '`') => {
                acts(c);
                backtick ^= c == '`';
                plain.push(c);
            }
            (None, ';' | '&' | '|' | '<' | '>' | '(' | ')') => {
                acts(c);
                plain.push(c);
            }
            (_, c) => plain.push(c),
        }
        end = chars.offset();
    }
    match (quote, backtick) {
        (Some(quote), _) => Err(Reason::Unterminated(quote)),
        (None, true) => Err(Reason::Unterminated('`')),
        (None, false) => Ok((end, trouble.map_or(Ok(plain), Err))),
    }
}

/// A value as a shell would read it back.
fn quoted(value: &str) -> String {
    let safe = |b: u8| b.is_ascii_alphanumeric() || b"_-.,:/@%+=".contains(&b);
    if value.bytes().all(safe) {
        value.to_owned()
    } else {
        format!("'{}'", value.replace('\'', r"'\''"))
    }
}

/// The beginning of a text, enough to recognise its line by.
fn excerpt(text: &str) -> String {
    const LONGEST: usize = 40;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(what: char) -> Result<&'static str, Reason> {
        Err(Reason::NeedsShell { key: "k".to_owned(), what })
    }

    #[test]
    fn values_end_where_a_shell_ends_them() {
        let words = || Err(Reason::Words { key: "k".to_owned() });
        for (rest, written, want) in [
            ("", "", Ok("")),
            ("a", "a", Ok("a")),
            ("a  \t", "a", Ok("a")),
            ("a # words", "a", Ok("a")),
            ("a#b", "a#b", Ok("a#b")),
            ("#b", "#b", Ok("#b")),
            (" # words", "", Ok("")),
            ("...", "...", Ok("...")),
            ("a=b", "a=b", Ok("a=b")),
            ("'a b' # c", "'a b'", Ok("a b")),
            ("\"a # b\"", "\"a # b\"", Ok("a # b")),
            ("a\"b\"'c'", "a\"b\"'c'", Ok("abc")),
            ("''", "''", Ok("")),
            ("'$5$x'", "'$5$x'", Ok("$5$x")),
            ("'a\\b'", "'a\\b'", Ok("a\\b")),
            (r"a\ b\$", r"a\ b\$", Ok("a b$")),
            (r#""\$ \" \a""#, r#""\$ \" \a""#, Ok(r#"$ " \a"#)),
            ("é # ü", "é", Ok("é")),
            ("$x", "$x", shell('$')),
            ("\"$x\"", "\"$x\"", shell('$')),
            ("`x y` # z", "`x y`", shell('`')),
            ("a;b", "a;b", shell(';')),
            ("(a b)", "(a b)", shell('(')),
            ("a b # c", "a b", words()),
            (" b", " b", words()),
        ] {
            let (end, plain) = value("k", rest).unwrap();
            assert_eq!(&rest[..end], written, "{rest:?}");
            assert_eq!(plain.as_deref(), want.as_deref(), "{rest:?}");
        }
    }

    #[test]
    fn what_reaches_into_the_next_line_is_refused() {
        for (rest, want) in [
            ("'a", Reason::Unterminated('\'')),
            ("\"a # b", Reason::Unterminated('"')),
            ("a`b", Reason::Unterminated('`')),
            ("a\\", Reason::Continued),
            ("\"a\\", Reason::Continued),
        ] {
            assert_eq!(value("k", rest), Err(want), "{rest:?}");
        }
    }

    #[test]
    fn a_new_value_leaves_the_rest_of_its_line() {
        for (text, new, want) in [
            ("k=a", "b", "k=b"),
            ("  k=a  # c", "b", "  k=b  # c"),
            ("k='a b'\t# c", "b", "k=b\t# c"),
            ("k='a'", "a", "k='a'"),
            ("k=a", "", "k="),
            ("k= # c", "b", "k=b # c"),
            ("k=a b # c", "d e", "k='d e' # c"),
            ("k=a", "it's", r"k='it'\''s'"),
            ("k=$x", "$x", "k='$x'"),
            ("# c", "b", "# c"),
        ] {
            let mut line = Line::parse(text, "\n").unwrap();
            line.set(new);
            assert_eq!(line.text, want, "{text:?}");
            assert_eq!(Line::parse(want, "\n").unwrap(), line, "{text:?}");
        }
    }
}
