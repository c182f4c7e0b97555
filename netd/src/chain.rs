//! Errors as people read them.

/// An error and its causes in one line, outermost first.
#[must_use]
pub fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        // A transparent wrapper says what its cause says, and some libraries
        // say it once more with a number in front.
        let said = text
            .rsplit(": ")
            .next()
            .is_some_and(|last| !last.is_empty() && next.ends_with(last));
        if !said && !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, thiserror::Error)]
    #[error("{text}")]
    struct Link {
        text: &'static str,
        #[source]
        cause: Option<Box<Link>>,
    }

    #[test]
    fn each_cause_is_said_once() {
        for (texts, want) in [
            (&["disk is full"][..], "disk is full"),
            (&["cannot write", "disk is full"], "cannot write: disk is full"),
            (&["disk is full", "disk is full"], "disk is full"),
            (
                &["cannot write: disk is full", "disk is full"],
                "cannot write: disk is full",
            ),
            (
                &["cannot write", "disk is full", "code 13: disk is full"],
                "cannot write: disk is full",
            ),
        ] {
            let mut error = None;
            for text in texts.iter().rev() {
                error = Some(Box::new(Link { text, cause: error }));
            }
            assert_eq!(chain(&*error.unwrap()), want);
        }
    }
}
