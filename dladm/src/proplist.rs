//! The text after `-p`: property lists.
//!
//! `k=v1,v2,k2=v`: a word before `=` is a property, and the words after it, up
//! to the next property, are its values. There is no quoting. Words before the
//! first `=` are properties without a value, as `reset-linkprop` takes them.

/// The longest list in bytes, with a comma after each `-p`.
const MAX_TEXT: usize = 255;

/// The most properties in a list.
const MAX_PROPS: usize = 32;

/// The most values of a property.
const MAX_VALUES: usize = 64;

/// One property of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Prop {
    /// Its name, as written.
    pub name: String,
    /// Its values, in order. None: only the name was written.
    pub values: Vec<String>,
}

/// Why a text is no property list.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PropListError {
    /// All `-p` together are too long.
    #[error("property list too long '{0}'")]
    TooLong(String),
    /// A name or a value is missing before a `,` or a `=`.
    #[error("a name or a value is missing in the property list")]
    EmptyWord,
    /// More than 32 properties.
    #[error("a property list has at most {MAX_PROPS} properties")]
    TooManyProps,
    /// More than 64 values of one property.
    #[error("a property has at most {MAX_VALUES} values")]
    TooManyValues,
}

/// Joins what several `-p` said into one list.
///
/// # Errors
/// [`PropListError::TooLong`] above 255 bytes.
pub fn join(lists: &[String]) -> Result<String, PropListError> {
    let text = lists.join(",");
    // The comma after the last one counts too.
    if !lists.is_empty() && text.len() + 1 > MAX_TEXT {
        return Err(PropListError::TooLong(text));
    }
    Ok(text)
}

/// Reads a list, as [`join`] gives it. No `-p` at all is no list, which this
/// is not asked about: the empty text is an error.
///
/// # Errors
/// Every [`PropListError`] but `TooLong`.
pub fn parse(text: &str) -> Result<Vec<Prop>, PropListError> {
    let mut props: Vec<Prop> = Vec::new();
    // Whether a word before a comma is a value: only after the first `=`, and
    // then until the end, for nothing else closes a property's values.
    let mut taking_values = false;
    for part in text.split_inclusive([',', '=']).chain(tail(text)) {
        let key = part.ends_with('=');
        let word = part.trim_end_matches([',', '=']);
        if word.is_empty() {
            return Err(PropListError::EmptyWord);
        }
        let full = props.len() == MAX_PROPS;
        match props.last_mut() {
            Some(prop) if taking_values && !key => {
                if prop.values.len() == MAX_VALUES {
                    return Err(PropListError::TooManyValues);
                }
                prop.values.push(word.to_owned());
            }
            _ if full => {
                return Err(PropListError::TooManyProps);
            }
            _ => {
                let name = word.to_owned();
                props.push(Prop { name, values: Vec::new() });
                taking_values = key;
            }
        }
    }
    Ok(props)
}

/// The empty word after a list's last separator, which `split_inclusive`
/// leaves out.
fn tail(text: &str) -> Option<&str> {
    (text.is_empty() || text.ends_with([',', '='])).then_some("")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `name[value,value] name[]`.
    fn show(props: &[Prop]) -> String {
        let texts: Vec<_> = props
            .iter()
            .map(|prop| format!("{}[{}]", prop.name, prop.values.join(",")))
            .collect();
        texts.join(" ")
    }

    #[test]
    fn grammar() {
        for (text, want) in [
            ("k=v", Some("k[v]")),
            ("k=v1,v2,k2=v", Some("k[v1,v2] k2[v]")),
            ("maxbw=20M,priority=high", Some("maxbw[20M] priority[high]")),
            // A bare word is a property without a value.
            ("k", Some("k[]")),
            ("a,b", Some("a[] b[]")),
            ("a,b=c", Some("a[] b[c]")),
            // After a value, a bare word is one more value.
            ("k=v,b", Some("k[v,b]")),
            // `=` always makes a property of the word before it.
            ("k=v=w", Some("k[] v[w]")),
            ("k=v,k=w", Some("k[v] k[w]")),
            // No quoting, no white space rules.
            ("k=\"v\"", Some("k[\"v\"]")),
            ("k= v ", Some("k[ v ]")),
            ("zone=/proc/7/ns/net", Some("zone[/proc/7/ns/net]")),
            ("", None),
            (",", None),
            ("=", None),
            ("=v", None),
            ("k=", None),
            ("k=,", None),
            ("k=,v", None),
            ("k==v", None),
            ("maxbw=10,", None),
            ("k=v,,k2=w", None),
            (",k=v", None),
            ("k=v,=w", None),
        ] {
            let got = parse(text);
            match want {
                Some(want) => {
                    let got = got.map(|props| show(&props));
                    assert_eq!(got, Ok(want.to_owned()), "{text:?}");
                }
                None => {
                    let want = Err(PropListError::EmptyWord);
                    assert_eq!(got, want, "{text:?}");
                }
            }
        }
    }

    #[test]
    fn bounds() {
        let values = |n: usize| format!("k={}", vec!["v"; n].join(","));
        let props = |n: usize| vec!["k=v"; n].join(",");
        for (text, want) in [
            (values(64), Ok(1)),
            (values(65), Err(PropListError::TooManyValues)),
            (props(32), Ok(32)),
            (props(33), Err(PropListError::TooManyProps)),
            (vec!["k"; 33].join(","), Err(PropListError::TooManyProps)),
        ] {
            assert_eq!(parse(&text).map(|props| props.len()), want, "{text}");
        }
    }

    #[test]
    fn every_p_is_followed_by_a_comma() {
        let long = |n: usize| format!("k={}", "v".repeat(n - 2));
        for (lists, want) in [
            (vec![], Some(String::new())),
            (vec!["a=1".to_owned()], Some("a=1".to_owned())),
            (vec!["a=1".into(), "2,b".into()], Some("a=1,2,b".into())),
            // An empty -p leaves a comma that parse() finds fault with.
            (vec![String::new(), "a=1".into()], Some(",a=1".into())),
            (vec![long(254)], Some(long(254))),
            (vec![long(255)], None),
            (vec![long(200), long(53)], Some(long(200) + "," + &long(53))),
            (vec![long(200), long(54)], None),
        ] {
            match want {
                Some(want) => assert_eq!(join(&lists), Ok(want), "{lists:?}"),
                None => assert!(
                    matches!(join(&lists), Err(PropListError::TooLong(_))),
                    "{lists:?}"
                ),
            }
        }
    }
}
