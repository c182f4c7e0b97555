//! How much a link carries, may carry, or shall carry.

use std::fmt;
use std::str::FromStr;

use crate::{Status, VnicProp};

/// A bandwidth in bits per second.
///
/// Its text is that of illumos, in both directions: people write a whole
/// number with the unit `K`, `M` or `G`, `M` where there is none (`64K`, `50`,
/// `1G`), and are shown Mb/s (`0.064`, `50`, `1000`). In JSON it is the number
/// of bits per second.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bandwidth(u64);

impl Bandwidth {
    /// Nothing at all. As a cap it blocks everything.
    pub const ZERO: Self = Self(0);
    /// The least that can be asked for, 64 kb/s. A full frame takes 0.19 s
    /// then, and below that a sender would give up on it.
    pub const FLOOR: Self = Self(64_000);

    /// A number of bits per second.
    #[must_use]
    pub const fn from_bps(bps: u64) -> Self {
        Self(bps)
    }

    /// A number of megabits per second, as drivers tell the speed of a link.
    #[must_use]
    pub const fn from_mbps(mbps: u32) -> Self {
        Self(mbps as u64 * MEGA)
    }

    /// The number of bits per second.
    #[must_use]
    pub const fn bps(self) -> u64 {
        self.0
    }

    /// Checks that it can be a cap: zero, or [`Bandwidth::FLOOR`] and above.
    ///
    /// # Errors
    /// [`FloorError`], which speaks of `maxbw`.
    pub fn check_maxbw(self) -> Result<(), FloorError> {
        match self {
            Self::ZERO => Ok(()),
            bandwidth if bandwidth >= Self::FLOOR => Ok(()),
            _ => Err(FloorError(VnicProp::MaxBw)),
        }
    }

    /// Checks that it can be a guarantee: [`Bandwidth::FLOOR`] and above. To
    /// guarantee nothing is to have no guarantee.
    ///
    /// # Errors
    /// [`FloorError`], which speaks of `minbw`.
    pub fn check_minbw(self) -> Result<(), FloorError> {
        if self >= Self::FLOOR {
            Ok(())
        } else {
            Err(FloorError(VnicProp::MinBw))
        }
    }

    /// The text of the VALUE column: Mb/s, the whole ones padded to five
    /// places (`dladm_bw2str()` of illumos).
    ///
    /// ```
    /// # use fabric::Bandwidth;
    /// assert_eq!(Bandwidth::FLOOR.padded(), "    0.064");
    /// ```
    #[must_use]
    pub fn padded(self) -> String {
        format!("{:5}{}", self.0 / MEGA, Fraction(self.0))
    }
}

const KILO: u64 = 1_000;
const MEGA: u64 = 1_000_000;
const GIGA: u64 = 1_000_000_000;

/// What follows the whole Mb/s: nothing, three decimals, or six where three
/// would not be all of it.
struct Fraction(u64);

impl fmt::Display for Fraction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 % MEGA {
            0 => Ok(()),
            bps if bps.is_multiple_of(KILO) => write!(f, ".{:03}", bps / KILO),
            bps => write!(f, ".{bps:06}"),
        }
    }
}

impl fmt::Display for Bandwidth {
    /// Mb/s, without the unit.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.0 / MEGA, Fraction(self.0))
    }
}

impl FromStr for Bandwidth {
    type Err = BandwidthError;

    /// Reads decimal digits and at most one letter, in either case. Every
    /// fault has the status that `dladm_str2bw()` of illumos gives it; text
    /// without a digit, which is zero there, is a fault here.
    fn from_str(text: &str) -> Result<Self, BandwidthError> {
        if text.starts_with('-') {
            return Err(BandwidthError::Negative);
        }
        let end = text.find(|c: char| !c.is_ascii_digit());
        let (digits, unit) = text.split_at(end.unwrap_or(text.len()));
        let mut letters = unit.chars();
        let unit = match (letters.next(), letters.next()) {
            (_, Some(_)) => return Err(BandwidthError::Syntax),
            (Some('k' | 'K'), None) => KILO,
            (Some('m' | 'M') | None, None) => MEGA,
            (Some('g' | 'G'), None) => GIGA,
            (Some('%'), None) => return Err(BandwidthError::Percent),
            (Some(unit), None) => return Err(BandwidthError::Unit(unit)),
        };
        if digits.is_empty() {
            return Err(BandwidthError::Syntax);
        }
        // Nothing but digits, so whatever fails is too large.
        let number: u64 =
            digits.parse().map_err(|_| BandwidthError::TooLarge)?;
        number.checked_mul(unit).map(Self).ok_or(BandwidthError::TooLarge)
    }
}

impl serde::Serialize for Bandwidth {
    fn serialize<S: serde::Serializer>(
        &self,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        to.serialize_u64(self.0)
    }
}

impl<'de> serde::Deserialize<'de> for Bandwidth {
    fn deserialize<D: serde::Deserializer<'de>>(
        from: D,
    ) -> Result<Self, D::Error> {
        u64::deserialize(from).map(Self)
    }
}

/// A text is no bandwidth.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BandwidthError {
    /// It is not a number with at most one letter.
    #[error("a bandwidth is a whole number with K, M or G; without, M")]
    Syntax,
    /// The letter is no unit.
    #[error("'{0}' is no unit of bandwidth; K, M and G are")]
    Unit(char),
    /// A part of the link's bandwidth.
    #[error("a bandwidth is not a percentage")]
    Percent,
    /// Below zero.
    #[error("a bandwidth is not negative")]
    Negative,
    /// 2^64 bit/s and above.
    #[error("a bandwidth is below 2^64 bits per second")]
    TooLarge,
}

impl BandwidthError {
    /// The status word for it.
    #[must_use]
    pub fn status(self) -> Status {
        match self {
            Self::Syntax | Self::TooLarge => Status::InvalidArgument,
            Self::Unit(_) | Self::Negative => Status::InvalidValue,
            Self::Percent => Status::NotSupported,
        }
    }
}

/// A bandwidth is below what its property takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("minimum value for {0} is 64K")]
pub struct FloorError(VnicProp);

impl FloorError {
    /// The status word for it.
    #[must_use]
    pub fn status(self) -> Status {
        match self.0 {
            VnicProp::MinBw => Status::MinBwFloor,
            _ => Status::MaxBwFloor,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn grammar() {
        use Status::{InvalidArgument, InvalidValue, NotSupported};
        for (text, want) in [
            ("0", Ok(0)),
            ("1", Ok(1_000_000)),
            ("50", Ok(50_000_000)),
            ("050M", Ok(50_000_000)),
            ("20m", Ok(20_000_000)),
            ("64k", Ok(64_000)),
            ("1200K", Ok(1_200_000)),
            ("1g", Ok(1_000_000_000)),
            ("400G", Ok(400_000_000_000)),
            // The largest of each unit, and one more.
            ("18446744073709551K", Ok(18_446_744_073_709_551_000)),
            ("18446744073709552K", Err(InvalidArgument)),
            ("18446744073709", Ok(18_446_744_073_709_000_000)),
            ("18446744073710", Err(InvalidArgument)),
            ("18446744073G", Ok(18_446_744_073_000_000_000)),
            ("18446744074G", Err(InvalidArgument)),
            ("18446744073709551616K", Err(InvalidArgument)),
            ("10Mb", Err(InvalidArgument)),
            ("1.5G", Err(InvalidArgument)),
            ("abc", Err(InvalidArgument)),
            ("10 M", Err(InvalidArgument)),
            (" 10", Err(InvalidArgument)),
            ("1e6", Err(InvalidArgument)),
            ("10%%", Err(InvalidArgument)),
            ("10x", Err(InvalidValue)),
            ("10T", Err(InvalidValue)),
            ("10 ", Err(InvalidValue)),
            ("10é", Err(InvalidValue)),
            ("10\0", Err(InvalidValue)),
            ("-1", Err(InvalidValue)),
            ("-", Err(InvalidValue)),
            ("10%", Err(NotSupported)),
            // Zero on illumos. A slip must not cut a guest off.
            ("", Err(InvalidArgument)),
            ("K", Err(InvalidArgument)),
            ("+", Err(InvalidValue)),
            ("+5", Err(InvalidArgument)),
        ] {
            let got = text.parse::<Bandwidth>();
            let got = got.map(Bandwidth::bps).map_err(BandwidthError::status);
            assert_eq!(got, want, "{text:?}");
        }
    }

    #[test]
    fn shown_in_megabits() {
        for (bps, plain, padded) in [
            (0, "0", "    0"),
            (64_000, "0.064", "    0.064"),
            (1_200_000, "1.200", "    1.200"),
            (50_000_000, "50", "   50"),
            (333_333_333, "333.333333", "  333.333333"),
            (1_000_000_000, "1000", " 1000"),
            (400_000_000_000, "400000", "400000"),
            (u64::MAX, "18446744073709.551615", "18446744073709.551615"),
        ] {
            let bandwidth = Bandwidth::from_bps(bps);
            assert_eq!(bandwidth.to_string(), plain);
            assert_eq!(bandwidth.padded(), padded);
        }
        assert_eq!(Bandwidth::from_mbps(1000).to_string(), "1000");
        let most = Bandwidth::from_mbps(u32::MAX).bps();
        assert_eq!(most, 4_294_967_295_000_000);
    }

    #[test]
    fn floors() {
        let (max, min) = (Status::MaxBwFloor, Status::MinBwFloor);
        for (bps, maxbw, minbw) in [
            (0, Ok(()), Err(min)),
            (1, Err(max), Err(min)),
            (63_999, Err(max), Err(min)),
            (64_000, Ok(()), Ok(())),
            (u64::MAX, Ok(()), Ok(())),
        ] {
            let bandwidth = Bandwidth::from_bps(bps);
            let got = bandwidth.check_maxbw().map_err(FloorError::status);
            assert_eq!(got, maxbw, "{bps}");
            let got = bandwidth.check_minbw().map_err(FloorError::status);
            assert_eq!(got, minbw, "{bps}");
        }
        // The status is the whole message on illumos, and the same here.
        for error in [
            Bandwidth::from_bps(1).check_maxbw().unwrap_err(),
            Bandwidth::from_bps(1).check_minbw().unwrap_err(),
        ] {
            assert_eq!(error.to_string(), error.status().to_string());
        }
    }

    /// The bits per second that a text in Mb/s says.
    fn read_megabits(text: &str) -> u64 {
        let (whole, part) = text.split_once('.').unwrap_or((text, ""));
        let bps = format!("{whole}{part:0<6}");
        bps.trim_start().parse().unwrap()
    }

    proptest! {
        #[test]
        fn what_is_shown_is_all_of_it(bps in any::<u64>()) {
            let bandwidth = Bandwidth::from_bps(bps);
            prop_assert_eq!(read_megabits(&bandwidth.to_string()), bps);
            prop_assert_eq!(read_megabits(&bandwidth.padded()), bps);
            let json = serde_json::to_string(&bandwidth).unwrap();
            prop_assert_eq!(&json, &bps.to_string());
            let back: Bandwidth = serde_json::from_str(&json).unwrap();
            prop_assert_eq!(back, bandwidth);
        }

        #[test]
        fn what_is_shown_in_whole_megabits_can_be_set(mbps in any::<u32>()) {
            let bandwidth = Bandwidth::from_mbps(mbps);
            prop_assert_eq!(bandwidth.to_string().parse(), Ok(bandwidth));
            let padded = bandwidth.padded();
            prop_assert_eq!(padded.trim().parse(), Ok(bandwidth));
        }

        /// Also that texts of one unit compare as their numbers do.
        #[test]
        fn every_number_of_a_unit(
            a in any::<u64>(),
            b in any::<u64>(),
            letter in 0..7_usize,
        ) {
            let (letter, unit) = [
                ("k", KILO), ("K", KILO), ("m", MEGA), ("M", MEGA),
                ("", MEGA), ("g", GIGA), ("G", GIGA),
            ][letter];
            let read = |n: u64| format!("{n}{letter}").parse::<Bandwidth>();
            for n in [a, b] {
                let want = u128::from(n) * u128::from(unit);
                match read(n) {
                    Ok(got) => prop_assert_eq!(u128::from(got.bps()), want),
                    Err(error) => {
                        prop_assert_eq!(error, BandwidthError::TooLarge);
                        prop_assert!(want > u128::from(u64::MAX));
                    }
                }
            }
            if let (Ok(x), Ok(y)) = (read(a), read(b)) {
                prop_assert_eq!(x.cmp(&y), a.cmp(&b));
            }
        }

        #[test]
        fn no_text_is_too_odd(text in any::<String>()) {
            let _ = text.parse::<Bandwidth>();
        }
    }
}
