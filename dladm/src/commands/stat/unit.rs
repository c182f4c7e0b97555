//! Numbers of packets and bytes, as people are shown them.

use crate::ofmt::Cell;

/// The unit of a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Unit {
    /// The one that suits the number.
    #[default]
    Fitting,
    /// None: all digits.
    Raw,
    /// The one of this index in [`LETTERS`].
    Fixed(usize),
}

/// A thousand, a thousand of these, and so on.
const LETTERS: [char; 5] = ['K', 'M', 'G', 'T', 'P'];

impl Unit {
    /// Reads the value of `-u`.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text == "R" {
            return Ok(Self::Raw);
        }
        let letter = |letter: &char| text == letter.to_string();
        let index = LETTERS.iter().position(letter).ok_or_else(|| {
            format!("invalid unit value '{text}',unit must be R|K|M|G|T|P")
        })?;
        Ok(Self::Fixed(index))
    }

    /// A number, with two decimals where it has a unit.
    pub(super) fn show(self, number: u64) -> String {
        let index = match self {
            Self::Raw => None,
            Self::Fixed(index) => Some(index),
            Self::Fitting => (0..LETTERS.len())
                .rev()
                .find(|&index| number >= 1000_u64.pow(exponent(index))),
        };
        let Some(index) = index else { return number.to_string() };
        // To the nearest hundredth, without a fraction in between.
        let unit = 1000_u128.pow(exponent(index));
        let hundredths = (u128::from(number) * 100 + unit / 2) / unit;
        let (whole, part) = (hundredths / 100, hundredths % 100);
        format!("{whole}.{part:02}{}", LETTERS[index])
    }

    /// The cell of a number that may not be known.
    pub(super) fn cell(self, number: Option<u64>) -> Cell {
        Cell::of(number.map(|number| self.show(number)))
    }
}

/// The power of 1000 that a letter stands for.
fn exponent(index: usize) -> u32 {
    u32::try_from(index).unwrap_or(0) + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_unit_that_suits_them() {
        for (number, want) in [
            (0, "0"),
            (999, "999"),
            (1000, "1.00K"),
            (1234, "1.23K"),
            (1235, "1.24K"),
            (101_880, "101.88K"),
            (999_994, "999.99K"),
            // As the original: the unit is chosen before it is rounded.
            (999_999, "1000.00K"),
            (1_000_000, "1.00M"),
            (4_500_000, "4.50M"),
            (32_860_000_000, "32.86G"),
            (1_000_000_000_000, "1.00T"),
            (1_000_000_000_000_000, "1.00P"),
            (u64::MAX, "18446.74P"),
        ] {
            assert_eq!(Unit::default().show(number), want, "{number}");
        }
    }

    #[test]
    fn a_unit_that_was_asked_for() {
        for (unit, number, want) in [
            ("R", 1_234_567, "1234567"),
            ("R", u64::MAX, "18446744073709551615"),
            ("K", 0, "0.00K"),
            ("K", 7, "0.01K"),
            ("K", 1_234_567, "1234.57K"),
            ("M", 1_234_567, "1.23M"),
            ("G", 1_234_567, "0.00G"),
            ("T", 5_000_000_000, "0.01T"),
            ("P", u64::MAX, "18446.74P"),
        ] {
            let unit = Unit::parse(unit).unwrap();
            assert_eq!(unit.show(number), want, "{unit:?} {number}");
        }
        for text in ["", "k", "KK", "E", "1"] {
            let want =
                format!("invalid unit value '{text}',unit must be R|K|M|G|T|P");
            assert_eq!(Unit::parse(text), Err(want));
        }
    }
}
