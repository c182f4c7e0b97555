//! What stands for many numbers, and what is wanted of one.

use serde::Serialize;

/// On which side of a number a ratio should be.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Bound {
    AtLeast(f64),
    AtMost(f64),
    /// Not less than the first and not more than the second.
    Within(f64, f64),
    /// Nothing is wanted; it is for the record.
    None,
}

impl Bound {
    pub(super) fn met(self, ratio: f64) -> bool {
        match self {
            Self::AtLeast(bound) => ratio >= bound,
            Self::AtMost(bound) => ratio <= bound,
            Self::Within(least, most) => (least..=most).contains(&ratio),
            Self::None => true,
        }
    }

    pub(super) fn text(self) -> String {
        match self {
            Self::AtLeast(bound) => format!(">= {bound:.2}"),
            Self::AtMost(bound) => format!("<= {bound:.2}"),
            Self::Within(least, most) => format!("{least:.3} to {most:.3}"),
            Self::None => String::new(),
        }
    }
}

/// The middle one; of two in the middle, the one between.
pub(super) fn median(values: &[f64]) -> Option<f64> {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let above = *values.get(middle)?;
    if values.len() % 2 == 1 {
        return Some(above);
    }
    Some(f64::midpoint(above, values[middle - 1]))
}

/// Three places: more is noise.
pub(super) fn rounded(value: f64) -> f64 {
    (value * 1e3).round() / 1e3
}

#[expect(clippy::cast_precision_loss, reason = "counts stay below 2^53")]
pub(super) fn float(count: u64) -> f64 {
    count as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bounds_belong_to_what_is_wanted() {
        for (bound, ratio, want) in [
            (Bound::AtLeast(1.15), 1.15, true),
            (Bound::AtLeast(1.15), 1.149, false),
            (Bound::AtMost(1.1), 1.1, true),
            (Bound::AtMost(1.1), 1.101, false),
            (Bound::Within(0.99, 1.005), 0.99, true),
            (Bound::Within(0.99, 1.005), 1.005, true),
            (Bound::Within(0.99, 1.005), 0.989, false),
            (Bound::Within(0.99, 1.005), 1.006, false),
            (Bound::None, 0.0, true),
        ] {
            assert_eq!(bound.met(ratio), want, "{bound:?} {ratio}");
        }
    }

    #[test]
    fn the_median_is_the_middle_one() {
        for (values, want) in [
            (&[][..], None),
            (&[3.0], Some(3.0)),
            (&[9.0, 1.0, 5.0], Some(5.0)),
            (&[4.0, 1.0, 9.0, 2.0], Some(3.0)),
        ] {
            assert_eq!(median(values), want, "{values:?}");
        }
    }
}
