//! The DS field of a flow.

use std::fmt;
use std::str::FromStr;

use super::FlowValueError;

/// A value of the byte that is IPv4's type of service and IPv6's traffic class
/// (RFC 2474), and which of its bits count. Its text is `value:mask`, both with
/// `0x` and two digits; a text may do without the mask, `ff` then, without `0x`,
/// and have any number of digits.
///
/// Bits of the value that do not count are refused. illumos takes them, and no
/// frame ever matches: so it is with `0x2e:0xfc`, the example of its manual,
/// where `0xb8:0xfc` was meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct DsField {
    value: u8,
    mask: u8,
}

impl DsField {
    /// Checks a value and its mask.
    ///
    /// # Errors
    /// [`FlowValueError`] for a mask or a value of zero, and for a value with
    /// bits outside of its mask.
    pub fn new(value: u8, mask: u8) -> Result<Self, FlowValueError> {
        if mask == 0 {
            return Err(FlowValueError::DsFieldMask);
        }
        if value == 0 {
            return Err(FlowValueError::DsField);
        }
        if value & !mask != 0 {
            return Err(FlowValueError::DsFieldOutside { value, mask });
        }
        Ok(Self { value, mask })
    }

    /// What the bits that count must be. Never zero.
    #[must_use]
    pub fn value(self) -> u8 {
        self.value
    }

    /// The bits that count. Never zero.
    #[must_use]
    pub fn mask(self) -> u8 {
        self.mask
    }

    /// Whether a byte is meant.
    #[must_use]
    pub fn contains(self, byte: u8) -> bool {
        byte & self.mask == self.value
    }
}

impl FromStr for DsField {
    type Err = FlowValueError;

    /// The mask is read before the value, as in libdladm.
    fn from_str(text: &str) -> Result<Self, FlowValueError> {
        let (value, mask) = match text.split_once(':') {
            Some((value, digits)) => {
                (value, hex(digits).ok_or(FlowValueError::DsFieldMask)?)
            }
            None => (text, u8::MAX),
        };
        if mask == 0 {
            return Err(FlowValueError::DsFieldMask);
        }
        Self::new(hex(value).ok_or(FlowValueError::DsField)?, mask)
    }
}

/// A byte in hexadecimal digits.
fn hex(text: &str) -> Option<u8> {
    let digits = text.strip_prefix("0x").or_else(|| text.strip_prefix("0X"));
    let digits = digits.unwrap_or(text);
    let legal = digits.bytes().all(|b| b.is_ascii_hexdigit());
    // No digits are no number to the standard library, too.
    u8::from_str_radix(digits, 16).ok().filter(|_| legal)
}

impl fmt::Display for DsField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&format!("{:#04x}:{:#04x}", self.value, self.mask))
    }
}

crate::name::serde_as_text!(DsField);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts() {
        use FlowValueError::*;
        let outside = |value, mask| Err(DsFieldOutside { value, mask });
        for (text, want) in [
            ("0xb8:0xfc", Ok("0xb8:0xfc")),
            ("B8:FC", Ok("0xb8:0xfc")),
            ("0Xb8", Ok("0xb8:0xff")),
            ("1", Ok("0x01:0xff")),
            ("0x00001:0x003", Ok("0x01:0x03")),
            ("ff:ff", Ok("0xff:0xff")),
            ("0x2e:0xfc", outside(0x2e, 0xfc)),
            ("ff:fe", outside(0xff, 0xfe)),
            ("0", Err(DsField)),
            ("100", Err(DsField)),
            ("0x", Err(DsField)),
            ("0x0xb8", Err(DsField)),
            ("+8", Err(DsField)),
            ("-8", Err(DsField)),
            ("b 8", Err(DsField)),
            ("", Err(DsField)),
            (":ff", Err(DsField)),
            ("b8:", Err(DsFieldMask)),
            ("b8:0", Err(DsFieldMask)),
            ("b8:100", Err(DsFieldMask)),
            ("b8:+8", Err(DsFieldMask)),
            ("b8:ff:ff", Err(DsFieldMask)),
            // The mask is looked at first.
            ("x:0", Err(DsFieldMask)),
            ("x:y", Err(DsFieldMask)),
            ("x:ff", Err(DsField)),
        ] {
            let got = text.parse::<super::DsField>();
            let got = got.map(|field| field.to_string());
            assert_eq!(got, want.map(str::to_owned), "{text:?}");
        }
    }

    #[test]
    fn which_bytes_are_meant() {
        let field: super::DsField = "b8:fc".parse().unwrap();
        for (byte, want) in
            [(0xb8, true), (0xbb, true), (0xbc, false), (0, false)]
        {
            assert_eq!(field.contains(byte), want, "{byte:#x}");
        }
    }
}
