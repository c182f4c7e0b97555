//! Which dropped frames netd is asked for.

use super::escape;

/// Which dropped frames are wanted; all that netd remembers, where nothing is
/// said.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct WhichDrops<'a> {
    /// Only one VNIC's: its name or its number.
    pub link: Option<&'a str>,
    /// Only those of a zone's VNICs; the empty text is netd's own namespace.
    pub zone: Option<&'a str>,
    /// Only what came after this one: `next` of the last answer.
    pub after: Option<u64>,
    /// How many seconds netd waits for one where there is none yet: at most
    /// 60, and less than the client's patience.
    pub wait: u32,
}

impl WhichDrops<'_> {
    pub(super) fn path(&self) -> String {
        let after = self.after.map(|after| after.to_string());
        let wait = (self.wait > 0).then(|| self.wait.to_string());
        let parts = [
            ("link", self.link),
            ("zone", self.zone),
            ("after", after.as_deref()),
            ("wait", wait.as_deref()),
        ];
        let mut path = "/v1/drops".to_owned();
        let mut mark = '?';
        for (name, value) in parts {
            let Some(value) = value else { continue };
            path.push_str(&format!("{mark}{name}={}", escape(value)));
            mark = '&';
        }
        path
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_said_is_asked() {
        let all = WhichDrops::default();
        let (link, zone) = (Some("net0"), Some("a&b"));
        for (which, want) in [
            (all, "/v1/drops"),
            (WhichDrops { link, ..all }, "/v1/drops?link=net0"),
            (WhichDrops { zone: Some(""), ..all }, "/v1/drops?zone="),
            (
                WhichDrops { link, zone, after: Some(7), wait: 20 },
                "/v1/drops?link=net0&zone=a%26b&after=7&wait=20",
            ),
        ] {
            assert_eq!(which.path(), want);
        }
    }
}
