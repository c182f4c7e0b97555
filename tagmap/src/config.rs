//! The file as a document.

use std::fmt;

use crate::line::{Line, is_key};
use crate::{ConfigError, EditError, Reason};

/// `/usbkey/config`: lines of `key=value`, comments and blank lines.
///
/// The text comes back byte for byte, whatever its comments, order, spacing
/// and line ends; an edit touches the lines of its key and nothing else.
///
/// # Grammar
/// - A key is a letter, then letters, digits and `_`. Blanks before it are
///   ignored; there are none around the `=`.
/// - A value is usually bare. Quotes and `\` mean what they mean to a shell,
///   which may source the same file; they end on the line that they begin on.
/// - `#` begins a comment at the start of a line and after white space.
/// - Where a key occurs twice, the later line wins.
///
/// Substitutions (`$`, back quotes), operators and several bare words are kept
/// but never evaluated: whoever reads such a value as
/// [`plain`](Assignment::plain) gets an error, and nobody gets a guess.
///
/// ```
/// let mut config = tagmap::Config::parse("# NICs\nadmin_nic=aggr0").unwrap();
/// config.set("admin_mtu", "9000").unwrap();
/// let want = "# NICs\nadmin_nic=aggr0\nadmin_mtu=9000\n";
/// assert_eq!(config.to_string(), want);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Config {
    lines: Vec<Line>,
}

/// A key with its value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Assignment<'a> {
    /// The line that it stands on; the file's first is 1.
    pub line: usize,
    /// The key.
    pub key: &'a str,
    /// The value, its quotes removed. One that needs a shell is as written.
    pub value: &'a str,
    trouble: Option<&'a Reason>,
}

impl<'a> Assignment<'a> {
    /// The value, when it says the same to us as to a shell.
    ///
    /// # Errors
    /// [`Reason::NeedsShell`] or [`Reason::Words`], with the line.
    pub fn plain(&self) -> Result<&'a str, ConfigError> {
        match self.trouble {
            None => Ok(self.value),
            Some(reason) => Err(self.error(reason.clone())),
        }
    }

    /// A mistake on this line.
    pub(crate) fn error(&self, reason: Reason) -> ConfigError {
        ConfigError { line: self.line, reason }
    }
}

impl Config {
    /// Reads the file's text.
    ///
    /// # Errors
    /// The first line that is no assignment, comment or blank line, or that
    /// reaches into the next line by an open quote or a final backslash. A
    /// NUL byte is an error wherever it is.
    pub fn parse(text: &str) -> Result<Self, ConfigError> {
        let mut lines = Vec::new();
        for (at, line) in text.split_inclusive('\n').enumerate() {
            let error = |reason| ConfigError { line: at + 1, reason };
            if line.contains('\0') {
                return Err(error(Reason::Nul));
            }
            let (body, ending) = if let Some(body) = line.strip_suffix("\r\n") {
                (body, "\r\n")
            } else if let Some(body) = line.strip_suffix('\n') {
                (body, "\n")
            } else {
                (line, "")
            };
            lines.push(Line::parse(body, ending).map_err(error)?);
        }
        Ok(Self { lines })
    }

    /// The assignments in the file's order, also those that a later one of the
    /// same key overrides.
    pub fn iter(&self) -> impl DoubleEndedIterator<Item = Assignment<'_>> {
        self.lines.iter().enumerate().filter_map(|(at, line)| {
            let parts = line.parts.as_ref()?;
            let (value, trouble) = match &parts.plain {
                Ok(value) => (value.as_str(), None),
                Err(reason) => (&line.text[parts.value.clone()], Some(reason)),
            };
            let key = &line.text[parts.key.clone()];
            Some(Assignment { line: at + 1, key, value, trouble })
        })
    }

    /// The assignment that wins for a key: the last one.
    #[must_use]
    pub fn find(&self, key: &str) -> Option<Assignment<'_>> {
        self.iter().rfind(|assignment| assignment.key == key)
    }

    /// A key's value; see [`Assignment::value`].
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.find(key).map(|assignment| assignment.value)
    }

    /// Gives a key a value: in place on the line that wins, else on a new line
    /// at the end. Quotes are added where a shell would want them.
    ///
    /// # Errors
    /// [`EditError`] for a text that is no key, and for a value that would
    /// break the line.
    pub fn set(&mut self, key: &str, value: &str) -> Result<(), EditError> {
        if !is_key(key) {
            return Err(EditError::Key(key.to_owned()));
        }
        if let Some(what) = value.chars().find(|c| c.is_control()) {
            return Err(EditError::Value { key: key.to_owned(), what });
        }
        let mut lines = self.lines.iter_mut();
        if let Some(line) = lines.rfind(|line| line.key() == Some(key)) {
            line.set(value);
            return Ok(());
        }
        let ended =
            self.lines.iter().rev().find(|line| !line.ending.is_empty());
        let ending = ended.map_or("\n", |line| line.ending);
        if let Some(last) = self.lines.last_mut() {
            last.ending = ending;
        }
        self.lines.push(Line::assign(key, value, ending));
        Ok(())
    }

    /// Deletes a key's lines, all of them, so that no older duplicate comes
    /// back to life. Says whether there were any.
    pub fn remove(&mut self, key: &str) -> bool {
        let before = self.lines.len();
        self.lines.retain(|line| line.key() != Some(key));
        self.lines.len() < before
    }
}

impl fmt::Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for line in &self.lines {
            f.write_str(&line.text)?;
            f.write_str(line.ending)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn mistakes_name_their_line() {
        let no = |text: &str| Reason::NotAssignment(text.to_owned());
        let long = "x".repeat(41);
        for (text, want) in [
            ("", None),
            ("\n\n", None),
            (" \t# c\n  a=b", None),
            ("a=$(x)\nb=`y`\nc=d e\n", None),
            ("a=b\nc", Some((2, no("c")))),
            ("a=b\r\n\r\n=b\r\n", Some((3, no("=b")))),
            ("_a=b", Some((1, no("_a=b")))),
            ("1a=b", Some((1, no("1a=b")))),
            ("a-b=c", Some((1, no("a-b=c")))),
            ("a =b", Some((1, no("a =b")))),
            ("export a=b", Some((1, no("export a=b")))),
            ("\u{feff}a=b", Some((1, no("\u{feff}a=b")))),
            (&long, Some((1, no(&format!("{}...", &long[..40]))))),
            ("# \n# \0\n", Some((2, Reason::Nul))),
            ("a='b\nc=d'\n", Some((1, Reason::Unterminated('\'')))),
            ("a=b\\\nc=d\n", Some((1, Reason::Continued))),
        ] {
            let got = Config::parse(text).err();
            let want = want.map(|(line, reason)| ConfigError { line, reason });
            assert_eq!(got, want, "{text:?}");
        }
    }

    #[test]
    fn the_later_line_wins_and_none_survives_removal() {
        let text = "a=1\nb=2 # two\n a='3'\n";
        let mut config = Config::parse(text).unwrap();
        let all: Vec<_> =
            config.iter().map(|a| (a.line, a.key, a.value)).collect();
        assert_eq!(all, [(1, "a", "1"), (2, "b", "2"), (3, "a", "3")]);
        assert_eq!(config.get("a"), Some("3"));
        assert_eq!(config.get("A"), None);
        config.set("a", "4").unwrap();
        assert_eq!(config.to_string(), "a=1\nb=2 # two\n a=4\n");
        assert!(config.remove("a"));
        assert!(!config.remove("a"));
        assert_eq!(config.to_string(), "b=2 # two\n");
    }

    #[test]
    fn a_new_line_ends_as_the_others_do() {
        for (text, want) in [
            ("", "k=v\n"),
            ("a=b", "a=b\nk=v\n"),
            ("a=b\n", "a=b\nk=v\n"),
            ("a=b\r\n", "a=b\r\nk=v\r\n"),
            ("a=b\r\n# c", "a=b\r\n# c\r\nk=v\r\n"),
        ] {
            let mut config = Config::parse(text).unwrap();
            config.set("k", "v").unwrap();
            assert_eq!(config.to_string(), want, "{text:?}");
        }
    }

    #[test]
    fn an_edit_that_breaks_the_file_is_refused() {
        let text = "a=b\n";
        for (key, value, want) in [
            ("", "v", "\"\" is no key"),
            ("a b", "v", "\"a b\" is no key"),
            ("a\nb", "v", "\"a\\nb\" is no key"),
            ("a", "v\nw=x", "the value of a cannot contain '\\n'"),
            ("a", "\0", "the value of a cannot contain '\\0'"),
        ] {
            let mut config = Config::parse(text).unwrap();
            let error = config.set(key, value).unwrap_err();
            assert_eq!(error.to_string(), want);
            assert_eq!(config.to_string(), text);
        }
    }

    #[test]
    fn a_value_that_needs_a_shell_is_kept_but_not_plain() {
        let config = Config::parse("a=b\nx=\"$HOME\" # c\n").unwrap();
        assert_eq!(config.get("x"), Some("\"$HOME\""));
        let error = config.find("x").unwrap().plain().unwrap_err();
        assert_eq!(
            error.to_string(),
            "line 2: the value of x needs a shell to evaluate '$'"
        );
    }

    /// Text that often is a file.
    fn file() -> impl Strategy<Value = String> {
        let line = prop_oneof![
            "[ \t]{0,2}(#.{0,8})?",
            "[ \t]{0,2}[a-c]=.{0,8}",
            "[ \t]{0,2}[a-c]=[a-z]{0,3}[ \t]{0,2}(#.{0,4})?",
            "[a-c]=('[^'\n]{0,4}'|\"[a-z #]{0,4}\")",
        ];
        let ending = prop_oneof!["\n", "\r\n"];
        let lines = prop::collection::vec((line, ending), 0..8);
        (lines, any::<bool>()).prop_map(|(lines, ended)| {
            let text: String =
                lines.into_iter().flat_map(|(a, b)| [a, b]).collect();
            let cut = text.trim_end_matches(['\r', '\n']);
            if ended { text } else { cut.to_owned() }
        })
    }

    proptest! {
        #[test]
        fn any_text_is_read_or_refused(text in any::<String>()) {
            if let Ok(config) = Config::parse(&text) {
                prop_assert_eq!(config.to_string(), text);
            }
        }

        #[test]
        fn what_was_read_is_written_back(text in file()) {
            if let Ok(config) = Config::parse(&text) {
                prop_assert_eq!(config.to_string(), text);
            }
        }

        #[test]
        fn what_was_set_is_read_back(
            text in file(),
            key in "[a-d]",
            value in "[^\\p{Cc}]{0,8}",
        ) {
            let Ok(mut config) = Config::parse(&text) else {
                return Ok(());
            };
            let others = |config: &Config| -> Vec<(String, String)> {
                let other = config.iter().filter(|a| a.key != key);
                other.map(|a| (a.key.into(), a.value.into())).collect()
            };
            let before = others(&config);
            config.set(&key, &value).unwrap();
            let again = Config::parse(&config.to_string()).unwrap();
            prop_assert_eq!(&again, &config);
            prop_assert_eq!(again.find(&key).unwrap().plain(), Ok(&*value));
            prop_assert_eq!(others(&again), before);
        }
    }
}
