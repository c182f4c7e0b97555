//! The names of a segment's shaper.

use std::fmt;

use crate::LinkName;

/// The veth pair that shapes what a segment's VNICs send, by the segment's
/// number in the data plane's tables.
///
/// Frames go in at the near end, whose root queue shapes them, and come out at
/// the far end. Both are in netd's own namespace.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Shaper(pub u32);

impl Shaper {
    const NEAR: &str = "shape-";
    const FAR: &str = "shaped-";

    /// The near end's name. In hexadecimal: an etherstub's number has the
    /// highest bit set, and ten digits would not fit into the far end's.
    ///
    /// ```
    /// # use fabric::shaping::Shaper;
    /// assert_eq!(Shaper(0x8000_0003).near_end().as_str(), "shape-80000003");
    /// ```
    #[must_use]
    pub fn near_end(self) -> LinkName {
        self.end(Self::NEAR)
    }

    /// The far end's name.
    ///
    /// ```
    /// # use fabric::shaping::Shaper;
    /// assert_eq!(Shaper(12).far_end().as_str(), "shaped-c");
    /// ```
    #[must_use]
    pub fn far_end(self) -> LinkName {
        self.end(Self::FAR)
    }

    /// Whose near end has this name.
    #[must_use]
    pub fn of_near_end(name: &LinkName) -> Option<Self> {
        Self::of(name, Self::NEAR)
    }

    /// Whose far end has this name.
    #[must_use]
    pub fn of_far_end(name: &LinkName) -> Option<Self> {
        Self::of(name, Self::FAR)
    }

    fn end(self, prefix: &str) -> LinkName {
        // 7 + 8 digits at most: exactly the longest name.
        let name = format!("{prefix}{:x}", self.0);
        name.parse().expect("legal for any 32-bit number")
    }

    fn of(name: &LinkName, prefix: &str) -> Option<Self> {
        let digits = name.as_str().strip_prefix(prefix)?;
        let shaper = Self(u32::from_str_radix(digits, 16).ok()?);
        (shaper.end(prefix) == *name).then_some(shaper)
    }
}

impl fmt::Display for Shaper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.near_end().fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ends_are_told_by_their_names() {
        for (name, near, far) in [
            ("shape-0", Some(0), None),
            ("shape-c", Some(12), None),
            ("shape-ffffffff", Some(u32::MAX), None),
            ("shaped-ffffffff", None, Some(u32::MAX)),
            ("shape-C", None, None),
            ("shape-0c", None, None),
            ("shape-+c", None, None),
            ("shape-", None, None),
            ("shapec", None, None),
            ("vnic-7", None, None),
        ] {
            let name: LinkName = name.parse().unwrap();
            assert_eq!(Shaper::of_near_end(&name), near.map(Shaper), "{name}");
            assert_eq!(Shaper::of_far_end(&name), far.map(Shaper), "{name}");
        }
        for id in [0, 1, 0x7fff_ffff, 0x8000_0000, u32::MAX] {
            let shaper = Shaper(id);
            let (near, far) = (shaper.near_end(), shaper.far_end());
            assert_eq!(Shaper::of_near_end(&near), Some(shaper));
            assert_eq!(Shaper::of_far_end(&far), Some(shaper));
        }
    }
}
