//! `tc`, as those use it whom it is compared with.

use crate::Netns;

/// Runs `tc` with words between blanks.
///
/// # Errors
/// The command and what it was refused with.
pub(super) fn tc(host: &Netns, words: &str) -> Result<(), String> {
    let args: Vec<&str> = words.split_whitespace().collect();
    let output = host.run("tc", &args);
    if output.ok() {
        return Ok(());
    }
    let first = output.stderr.lines().next().unwrap_or("no word of why");
    let line = args.join(" ");
    Err(format!("tc {line}: {}", first.trim_start_matches("Error: ")))
}

/// Takes away what is on a link, both ways: nothing waits any more.
pub(super) fn clear(host: &Netns, link: &str) {
    for at in ["root", "ingress"] {
        // There may be nothing.
        let _ = tc(host, &format!("qdisc del dev {link} {at}"));
    }
}
