//! Trade item numbers (GTIN, 全球贸易项目代码) in all their lengths, and UPC-E.

use crate::base::{Advice, Code, block};
use core::fmt;

/// Why digits are no trade item number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum GtinError {
    /// Something else than a digit.
    #[error("a GTIN is digits, found another character at byte {at}")]
    NotDigit {
        /// Byte offset of the character.
        at: usize,
    },
    /// Not 8, 12, 13 or 14 digits; for UPC-E not 6, 7 or 8.
    #[error("a number of {len} digits is no GTIN")]
    Length {
        /// The number of digits found.
        len: usize,
    },
    /// The last digit is not the mod-10 check digit of those before it.
    #[error("the check digit at byte {at} is wrong")]
    CheckDigit {
        /// Byte offset of the check digit.
        at: usize,
    },
    /// A UPC-E number system other than 0 or 1.
    #[error("a UPC-E number begins with number system 0 or 1")]
    NumberSystem,
}

impl GtinError {
    /// The stable number, 3,100 to 3,109.
    pub const fn code(&self) -> Code {
        let case = match self {
            Self::NotDigit { .. } => 100,
            Self::Length { .. } => 101,
            Self::CheckDigit { .. } => 102,
            Self::NumberSystem => 103,
        };
        Code::new(block::CODEC, case)
    }

    /// The input is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }

    /// The same at another place: for an input that is part of a longer one.
    #[must_use]
    pub const fn moved_to(self, at: usize) -> Self {
        match self {
            Self::NotDigit { .. } => Self::NotDigit { at },
            Self::CheckDigit { .. } => Self::CheckDigit { at },
            Self::Length { .. } | Self::NumberSystem => self,
        }
    }

    /// Byte offset in the input where it went wrong.
    pub const fn at(&self) -> usize {
        match self {
            Self::NotDigit { at } | Self::CheckDigit { at } => *at,
            Self::Length { len } => *len,
            Self::NumberSystem => 0,
        }
    }
}

/// The mod-10 check digit, as a character, of the digits before it: weights 3 and 1 from the
/// right (General Specifications, 7.9). The same serves GLN, SSCC and GSRN. `None` unless all
/// are digits.
///
/// ```
/// assert_eq!(scrip::codec::gs1::check_digit(b"629104150021"), Some(b'3'));
/// ```
pub fn check_digit(digits: &[u8]) -> Option<u8> {
    let (mut sum, mut weight) = (0_u64, 3);
    for digit in digits.iter().rev() {
        if !digit.is_ascii_digit() {
            return None;
        }
        sum += weight * u64::from(digit - b'0');
        weight = 4 - weight;
    }
    u8::try_from((10 - sum % 10) % 10).ok().map(|digit| digit + b'0')
}

/// A trade item number with a correct check digit, held in 14 digits.
///
/// It names the product; the card is a separate serial number.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Gtin([u8; 14]);

/// Who gives out a number with this prefix, and so what it may be used for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum PrefixClass {
    /// A trade item, unique in the world.
    TradeItem,
    /// Restricted circulation within a region or store (02, 20 to 29): means something only
    /// together with who issued it.
    RestrictedRegion,
    /// Restricted circulation within a company (04, 0000000, GTIN-8 beginning with 0 or 2):
    /// means something only together with the company.
    RestrictedCompany,
    /// A coupon (05, 981 to 984, 99): no product.
    Coupon,
    /// A refund receipt (980): no product.
    Refund,
    /// A serial publication, ISSN (977).
    Periodical,
    /// A book or music, ISBN or ISMN (978, 979).
    Book,
}

impl Gtin {
    /// Reads 8, 12, 13 or 14 digits with their check digit. Eight digits are taken for a GTIN-8;
    /// see [`Gtin::readings`].
    ///
    /// # Errors
    /// [`GtinError`] with the place.
    ///
    /// ```
    /// use scrip::codec::gs1::Gtin;
    /// let gtin = Gtin::parse("6291041500213")?;
    /// assert_eq!(gtin.as_str(), "06291041500213");
    /// # Ok::<(), scrip::codec::gs1::GtinError>(())
    /// ```
    pub fn parse(text: &str) -> Result<Self, GtinError> {
        let digits = text.as_bytes();
        not_digit(digits)?;
        if !matches!(digits.len(), 8 | 12 | 13 | 14) {
            return Err(GtinError::Length { len: digits.len() });
        }
        let Some((check, body)) = digits.split_last() else { return Err(GtinError::Length { len: 0 }) };
        if check_digit(body) != Some(*check) {
            return Err(GtinError::CheckDigit { at: body.len() });
        }
        Ok(Self::padded(digits))
    }

    /// Reads UPC-E: six digits (number system 0, check digit computed), seven (number system
    /// and six digits, check digit computed) or eight (with the check digit).
    ///
    /// # Errors
    /// [`GtinError`] with the place.
    ///
    /// ```
    /// use scrip::codec::gs1::Gtin;
    /// assert_eq!(Gtin::from_upc_e("425261")?.as_str(), "00042100005264");
    /// # Ok::<(), scrip::codec::gs1::GtinError>(())
    /// ```
    pub fn from_upc_e(text: &str) -> Result<Self, GtinError> {
        let digits = text.as_bytes();
        not_digit(digits)?;
        let length = GtinError::Length { len: digits.len() };
        let (system, six, check) = match digits {
            six if six.len() == 6 => (b'0', six, None),
            [system, six @ ..] if six.len() == 6 => (*system, six, None),
            [system, six @ .., check] if six.len() == 6 => (*system, six, Some(*check)),
            _ => return Err(length),
        };
        if !matches!(system, b'0' | b'1') {
            return Err(GtinError::NumberSystem);
        }
        let &[a, b, c, d, e, last] = six else { return Err(length) };
        let z = b'0';
        let body = match last {
            b'0' | b'1' | b'2' => [system, a, b, last, z, z, z, z, c, d, e],
            b'3' => [system, a, b, c, z, z, z, z, z, d, e],
            b'4' => [system, a, b, c, d, z, z, z, z, z, e],
            _ => [system, a, b, c, d, e, z, z, z, z, last],
        };
        let computed = check_digit(&body).unwrap_or(z);
        if check.is_some_and(|check| check != computed) {
            return Err(GtinError::CheckDigit { at: 7 });
        }
        let mut all = [z; 12];
        for (to, from) in all.iter_mut().zip(body.iter().chain([&computed])) {
            *to = *from;
        }
        Ok(Self::padded(&all))
    }

    /// What eight digits may be: a GTIN-8 (EAN-8), the product of a UPC-E symbol, or both.
    /// Digits alone cannot tell; the symbology can.
    pub fn readings(eight: &str) -> (Option<Self>, Option<Self>) {
        if eight.len() == 8 { (Self::parse(eight).ok(), Self::from_upc_e(eight).ok()) } else { (None, None) }
    }

    fn padded(digits: &[u8]) -> Self {
        let mut all = [b'0'; 14];
        for (to, from) in all.iter_mut().rev().zip(digits.iter().rev()) {
            *to = *from;
        }
        Self(all)
    }

    /// All 14 digits, as they stand in AI (01).
    pub fn as_str(&self) -> &str {
        core::str::from_utf8(&self.0).expect("a GTIN is digits")
    }

    /// The shortest of the four forms that holds the number: 8, 12, 13 or 14 digits.
    pub fn shortest(&self) -> &str {
        let text = self.as_str();
        let zeros = text.bytes().take_while(|&byte| byte == b'0').count();
        let len = match zeros {
            6.. => 8,
            2..=5 => 12,
            1 => 13,
            0 => 14,
        };
        text.get(14 - len..).unwrap_or(text)
    }

    /// What the prefix says of the number's use (General Specifications, 1.4).
    pub fn prefix_class(&self) -> PrefixClass {
        let number = |from: usize, to: usize| {
            self.0.get(from..to).unwrap_or_default().iter().fold(0_u32, |n, d| n * 10 + u32::from(d - b'0'))
        };
        if number(0, 6) == 0 {
            return match number(6, 7) {
                0 | 2 => PrefixClass::RestrictedCompany,
                _ => PrefixClass::TradeItem,
            };
        }
        match number(1, 4) {
            20..=29 | 200..=299 => PrefixClass::RestrictedRegion,
            40..=49 => PrefixClass::RestrictedCompany,
            50..=59 | 981..=984 | 990..=999 => PrefixClass::Coupon,
            977 => PrefixClass::Periodical,
            978 | 979 => PrefixClass::Book,
            980 => PrefixClass::Refund,
            _ => PrefixClass::TradeItem,
        }
    }
}

impl fmt::Display for Gtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Gtin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn not_digit(digits: &[u8]) -> Result<(), GtinError> {
    match digits.iter().position(|byte| !byte.is_ascii_digit()) {
        None => Ok(()),
        Some(at) => Err(GtinError::NotDigit { at }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::{String, ToString};
    use proptest::prelude::*;

    #[test]
    fn check_digits_of_known_numbers() {
        for (body, check) in [("629104150021", b'3'), ("04210000526", b'4'), ("952123454321", b'3')] {
            assert_eq!(check_digit(body.as_bytes()), Some(check), "{body}");
        }
        assert_eq!(check_digit(b"12a"), None);
    }

    #[test]
    fn every_length_is_held_in_fourteen_digits() {
        for text in ["96385074", "042100005264", "9521234543213", "09521234543213"] {
            let gtin = Gtin::parse(text).unwrap();
            assert_eq!(gtin.as_str().trim_start_matches('0'), text.trim_start_matches('0'));
            assert_eq!(gtin.shortest().trim_start_matches('0'), text.trim_start_matches('0'));
        }
        assert_eq!(Gtin::parse("96385074").unwrap().shortest(), "96385074");
        assert_eq!(Gtin::parse("042100005264").unwrap().shortest(), "042100005264");
    }

    #[test]
    fn what_is_no_gtin_is_refused_with_its_place() {
        let cases = [
            ("", GtinError::Length { len: 0 }),
            ("123456789", GtinError::Length { len: 9 }),
            ("96385O74", GtinError::NotDigit { at: 5 }),
            ("96385075", GtinError::CheckDigit { at: 7 }),
        ];
        for (text, error) in cases {
            assert_eq!(Gtin::parse(text), Err(error), "{text}");
        }
        assert_eq!(Gtin::from_upc_e("24252614"), Err(GtinError::NumberSystem));
        assert_eq!(Gtin::from_upc_e("04252610"), Err(GtinError::CheckDigit { at: 7 }));
        assert_eq!(Gtin::from_upc_e("42526"), Err(GtinError::Length { len: 5 }));
    }

    #[test]
    fn upc_e_expands_by_its_last_digit() {
        for (short, long) in [
            ("425261", "04210000526"),
            ("123450", "01200000345"),
            ("123452", "01220000345"),
            ("123453", "01230000045"),
            ("123454", "01234000005"),
            ("123455", "01234500005"),
            ("123459", "01234500009"),
            ("1123459", "11234500009"),
        ] {
            let gtin = Gtin::from_upc_e(short).unwrap();
            assert_eq!(gtin.as_str()[2..13], *long, "{short}");
            assert_eq!(Gtin::parse(&gtin.as_str()[2..]), Ok(gtin));
        }
    }

    #[test]
    fn eight_digits_may_have_two_readings() {
        let (ean, upc) = Gtin::readings("04252614");
        assert_eq!((ean, upc.map(|gtin| gtin.to_string())), (None, Some("00042100005264".into())));
        let both = (1..10_000_000_u32)
            .step_by(997)
            .map(|n| {
                let body = alloc::format!("{n:07}");
                let check = char::from(check_digit(body.as_bytes()).unwrap());
                body + &String::from(check)
            })
            .find(|eight| matches!(Gtin::readings(eight), (Some(_), Some(_))));
        let both = both.expect("some eight digits are both");
        assert_ne!(Gtin::readings(&both).0, Gtin::readings(&both).1);
    }

    #[test]
    fn prefixes_tell_restricted_numbers_and_coupons_from_products() {
        use PrefixClass::{Book, Coupon, Periodical, Refund, RestrictedCompany, RestrictedRegion, TradeItem};
        for (body, class) in [
            ("690123456789", TradeItem),
            ("200123456789", RestrictedRegion),
            ("299123456789", RestrictedRegion),
            ("020123456789", RestrictedRegion),
            ("040123456789", RestrictedCompany),
            ("050123456789", Coupon),
            ("980123456789", Refund),
            ("981123456789", Coupon),
            ("990123456789", Coupon),
            ("977123456789", Periodical),
            ("978123456789", Book),
            ("0000000123456", RestrictedCompany),
            ("2012345", RestrictedCompany),
            ("0012345", RestrictedCompany),
            ("9638507", TradeItem),
        ] {
            let check = char::from(check_digit(body.as_bytes()).unwrap());
            let gtin = Gtin::parse(&alloc::format!("{body}{check}")).unwrap();
            assert_eq!(gtin.prefix_class(), class, "{body}");
        }
    }

    proptest! {
        #[test]
        fn a_single_wrong_digit_is_always_seen(body in "[0-9]{13}", at in 0_usize..14, plus in 1_u8..10) {
            let check = char::from(check_digit(body.as_bytes()).unwrap());
            let mut digits = alloc::format!("{body}{check}").into_bytes();
            digits[at] = (digits[at] - b'0' + plus) % 10 + b'0';
            let text = String::from_utf8(digits).unwrap();
            prop_assert_eq!(Gtin::parse(&text), Err(GtinError::CheckDigit { at: 13 }));
        }

        #[test]
        fn swapped_neighbours_are_seen_unless_they_differ_by_five(body in "[0-9]{13}", at in 0_usize..13) {
            let check = char::from(check_digit(body.as_bytes()).unwrap());
            let mut digits = alloc::format!("{body}{check}").into_bytes();
            let apart = digits[at].abs_diff(digits[at + 1]);
            digits.swap(at, at + 1);
            let text = String::from_utf8(digits).unwrap();
            prop_assert_eq!(Gtin::parse(&text).is_ok(), apart == 0 || apart == 5);
        }
    }
}
