//! Merchant-presented QR codes (EMVCo QR Code Specification for Payment Systems,
//! Merchant-Presented Mode): objects of two-digit identifier, two-digit length and value.
//!
//! The length counts characters; the check runs over UTF-8 bytes.

use crate::base::{Advice, Code, block};
use crate::money::{Amount, Currency};
use core::fmt;
use core::ops::RangeInclusive;
use crc::{CRC_16_IBM_3740, Crc};

/// CRC-16 with polynomial 1021 and initial value FFFF, also called CCITT-FALSE.
const CRC: Crc<u16> = Crc::<u16>::new(&CRC_16_IBM_3740);

pub(super) fn crc(bytes: &[u8]) -> u16 {
    CRC.checksum(bytes)
}

/// What is wrong with a merchant-presented code, and where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MerchantQrError {
    at: usize,
    id: Option<u8>,
    fault: MerchantFault,
}

/// The rule that a merchant-presented code breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum MerchantFault {
    /// Two digits for an identifier or a length were expected.
    TwoDigits,
    /// A length of 00.
    NoValue,
    /// The text ends inside of a value.
    Ends,
    /// An identifier is there twice at one level.
    Twice,
    /// Does not begin with the payload format indicator `000201`.
    NotFirst,
    /// Does not end with the checksum object `6304` and four capital hexadecimal digits.
    NotLast,
    /// The checksum is another.
    Checksum,
    /// A required object is missing.
    Missing,
    /// The value has not the form that the specification asks for, which is this.
    Form(&'static str),
    /// May only be there with the tip indicator that asks for it, and must be there with it.
    Tip,
    /// A value is longer than 99 characters, or the whole than [`MerchantQr::MAX_BYTES`].
    TooLong,
}

impl MerchantQrError {
    pub(super) const fn new(at: usize, id: Option<u8>, fault: MerchantFault) -> Self {
        Self { at, id, fault }
    }

    /// The same at another place: for an input that is part of a longer one.
    #[must_use]
    pub const fn moved_to(self, at: usize) -> Self {
        Self { at, ..self }
    }

    /// Byte offset in the input where it went wrong.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The object it is about, if it is about one.
    pub const fn id(&self) -> Option<u8> {
        self.id
    }

    /// The rule that is broken.
    pub const fn fault(&self) -> MerchantFault {
        self.fault
    }

    /// The stable number, 3,200 to 3,219.
    pub const fn code(&self) -> Code {
        let case = match self.fault {
            MerchantFault::TwoDigits => 200,
            MerchantFault::NoValue => 201,
            MerchantFault::Ends => 202,
            MerchantFault::Twice => 203,
            MerchantFault::NotFirst => 204,
            MerchantFault::NotLast => 205,
            MerchantFault::Checksum => 206,
            MerchantFault::Missing => 207,
            MerchantFault::Form(_) => 208,
            MerchantFault::Tip => 209,
            MerchantFault::TooLong => 210,
        };
        Code::new(block::CODEC, case)
    }

    /// The input is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

impl core::error::Error for MerchantQrError {}

impl fmt::Display for MerchantQrError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(id) = self.id {
            write!(f, "object {id:02}: ")?;
        }
        match self.fault {
            MerchantFault::TwoDigits => f.write_str("expected two digits"),
            MerchantFault::NoValue => f.write_str("has no value"),
            MerchantFault::Ends => f.write_str("the text ends inside of the value"),
            MerchantFault::Twice => f.write_str("is there twice"),
            MerchantFault::NotFirst => f.write_str("expected 000201 at the start"),
            MerchantFault::NotLast => {
                f.write_str("expected 6304 and four capital hexadecimal digits at the end")
            }
            MerchantFault::Checksum => f.write_str("the checksum is another"),
            MerchantFault::Missing => f.write_str("is missing"),
            MerchantFault::Form(what) => write!(f, "expected {what}"),
            MerchantFault::Tip => f.write_str("does not go with the tip indicator"),
            MerchantFault::TooLong => f.write_str("is too long"),
        }?;
        write!(f, " (byte {})", self.at)
    }
}

/// One object: identifier, value, place.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Object<'a> {
    /// The identifier, 0 to 99.
    pub id: u8,
    /// The value; for a template, its objects.
    pub value: &'a str,
    /// Byte offset of the identifier in the whole text.
    pub at: usize,
}

impl<'a> Object<'a> {
    /// Where the value begins.
    pub const fn value_at(&self) -> usize {
        self.at + 4
    }

    /// The objects of a template.
    pub fn objects(&self) -> Objects<'a> {
        Objects { text: self.value, base: self.value_at(), at: 0 }
    }
}

impl fmt::Debug for Object<'_> {
    /// Without the value, which may hold an account.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:02} of {} characters", self.id, self.value.chars().count())
    }
}

/// The objects of a text, one after the other; ends after the first error.
#[derive(Clone, Debug)]
pub struct Objects<'a> {
    text: &'a str,
    base: usize,
    at: usize,
}

impl<'a> Objects<'a> {
    fn read(&self) -> Result<(Object<'a>, usize), MerchantQrError> {
        let rest = self.text.get(self.at..).unwrap_or_default();
        let at = self.base + self.at;
        let id = two_digits(rest, 0).ok_or(MerchantQrError::new(at, None, MerchantFault::TwoDigits))?;
        let fail = |at, fault| MerchantQrError::new(at, Some(id), fault);
        let len = two_digits(rest, 2).ok_or(fail(at + 2, MerchantFault::TwoDigits))?;
        if len == 0 {
            return Err(fail(at + 2, MerchantFault::NoValue));
        }
        let value = rest.get(4..).unwrap_or_default();
        let ends = value.char_indices().map(|(i, c)| i + c.len_utf8());
        let end = ends.into_iter().nth(usize::from(len) - 1);
        let end = end.ok_or(fail(at + rest.len(), MerchantFault::Ends))?;
        let object = Object { id, value: value.get(..end).unwrap_or_default(), at };
        Ok((object, self.at + 4 + end))
    }
}

impl<'a> Iterator for Objects<'a> {
    type Item = Result<Object<'a>, MerchantQrError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.at >= self.text.len() {
            return None;
        }
        match self.read() {
            Ok((object, next)) => {
                self.at = next;
                Some(Ok(object))
            }
            Err(error) => {
                self.at = self.text.len();
                Some(Err(error))
            }
        }
    }
}

fn two_digits(text: &str, at: usize) -> Option<u8> {
    match *text.as_bytes().get(at..at + 2)? {
        [tens, ones] if tens.is_ascii_digit() && ones.is_ascii_digit() => {
            Some((tens - b'0') * 10 + (ones - b'0'))
        }
        _ => None,
    }
}

/// A merchant-presented code whose structure was checked: every object whole and there once at
/// its level, format indicator first, checksum last and right.
///
/// ```
/// # use scrip::codec::emv::MerchantQr;
/// let text = "00020101021229300012D156000000000510A93FO3230Q31280012D15600000001030812345678\
///     520441115802CN5914BEST TRANSPORT6007BEIJING64200002ZH0104最佳运输0202北京540523.72\
///     53031565502016233030412340603***0708A60086670902ME91320016A011223344998877070812345678\
///     6304A13A";
/// let code = MerchantQr::parse(text)?;
/// assert_eq!(code.get(59), Some("BEST TRANSPORT"));
/// assert_eq!(code.amount().map(|amount| amount.minor()), Some(2_372));
/// # Ok::<(), scrip::codec::emv::MerchantQrError>(())
/// ```
#[derive(Clone, Copy)]
pub struct MerchantQr<'a> {
    text: &'a str,
}

/// Identifiers of merchant accounts; those from 26 on are templates.
const ACCOUNTS: RangeInclusive<u8> = 2..=51;

impl<'a> MerchantQr<'a> {
    /// The longest code in bytes of UTF-8: 512 characters, the specification's limit, of four bytes.
    pub const MAX_BYTES: usize = 2_048;

    /// Reads a code and applies the rules of the specification about objects that must be there
    /// and the form of their values.
    ///
    /// # Errors
    /// [`MerchantQrError`], with the byte where the first broken rule shows.
    pub fn parse(text: &'a str) -> Result<Self, MerchantQrError> {
        let code = Self::read(text)?;
        code.check_contents()?;
        Ok(code)
    }

    /// Reads a code and checks its structure only: for codes of schemes that leave out what
    /// the specification requires.
    ///
    /// # Errors
    /// [`MerchantQrError`], with the byte where the first broken rule shows.
    pub fn read(text: &'a str) -> Result<Self, MerchantQrError> {
        let fail = |at, id, fault| Err(MerchantQrError::new(at, id, fault));
        if text.len() > Self::MAX_BYTES {
            return fail(Self::MAX_BYTES, None, MerchantFault::TooLong);
        }
        if !text.starts_with("000201") {
            return fail(0, Some(0), MerchantFault::NotFirst);
        }
        let code = Self { text };
        let mut last = None;
        let mut seen = 0_u128;
        for object in code.all() {
            let object = object?;
            once(&mut seen, &object)?;
            if is_template(object.id) {
                let mut inner = 0_u128;
                for object in object.objects() {
                    once(&mut inner, &object?)?;
                }
            }
            last = Some(object);
        }
        let Some(Object { id: 63, value, at }) = last else {
            return fail(text.len(), Some(63), MerchantFault::NotLast);
        };
        let hex = value.len() == 4 && value.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F'));
        if !hex {
            return fail(at, Some(63), MerchantFault::NotLast);
        }
        let covered = text.as_bytes().get(..at + 4).unwrap_or_default();
        if u16::from_str_radix(value, 16) != Ok(crc(covered)) {
            return fail(at + 4, Some(63), MerchantFault::Checksum);
        }
        Ok(code)
    }

    /// The objects in order, checksum included.
    pub fn objects(&self) -> impl Iterator<Item = Object<'a>> + use<'a> {
        self.all().filter_map(Result::ok)
    }

    fn all(&self) -> Objects<'a> {
        Objects { text: self.text, base: 0, at: 0 }
    }

    /// The value of an object.
    pub fn get(&self, id: u8) -> Option<&'a str> {
        self.object(id).map(|object| object.value)
    }

    /// The value of an object in a template.
    pub fn sub(&self, template: u8, id: u8) -> Option<&'a str> {
        let objects = self.object(template)?.objects();
        objects.filter_map(Result::ok).find(|object| object.id == id).map(|object| object.value)
    }

    fn object(&self, id: u8) -> Option<Object<'a>> {
        self.objects().find(|object| object.id == id)
    }

    /// Whether it is for one transaction (12) rather than static (11); `None` if it says
    /// neither.
    pub fn is_dynamic(&self) -> Option<bool> {
        match self.get(1)? {
            "11" => Some(false),
            "12" => Some(true),
            _ => None,
        }
    }

    /// The merchant account objects (02 to 51), in order.
    pub fn accounts(&self) -> impl Iterator<Item = Object<'a>> + use<'a> {
        self.objects().filter(|object| ACCOUNTS.contains(&object.id))
    }

    /// The transaction currency (53), if it is known.
    pub fn currency(&self) -> Option<Currency> {
        Currency::from_numeric(self.get(53)?.parse().ok()?).ok()
    }

    /// The transaction amount (54) in its currency; `None` if there is none, or if it has more
    /// decimals than the currency.
    pub fn amount(&self) -> Option<Amount> {
        let text = self.get(54)?;
        Amount::parse(text.strip_suffix('.').unwrap_or(text), self.currency()?).ok()
    }

    fn check_contents(&self) -> Result<(), MerchantQrError> {
        let missing = |id| MerchantQrError::new(self.text.len(), Some(id), MerchantFault::Missing);
        for object in self.objects() {
            if let Some(what) = wrong_form(&object) {
                return Err(MerchantQrError::new(object.at + 4, Some(object.id), MerchantFault::Form(what)));
            }
            let required: &[u8] = match object.id {
                26..=51 | 80..=99 => &[0],
                64 => &[0, 1],
                _ => &[],
            };
            for &id in required {
                if !object.objects().flatten().any(|inner| inner.id == id) {
                    return Err(MerchantQrError::new(object.at + 4, Some(id), MerchantFault::Missing));
                }
            }
        }
        if self.accounts().next().is_none() {
            return Err(missing(*ACCOUNTS.start()));
        }
        for id in [52, 53, 58, 59, 60] {
            self.object(id).ok_or(missing(id))?;
        }
        let tip = self.get(55);
        for (id, indicator) in [(56, "02"), (57, "03")] {
            let object = self.object(id);
            if object.is_some() != (tip == Some(indicator)) {
                let at = object.map_or(self.text.len(), |object| object.at);
                return Err(MerchantQrError::new(at, Some(id), MerchantFault::Tip));
            }
        }
        Ok(())
    }
}

impl fmt::Debug for MerchantQr<'_> {
    /// Identifiers and lengths, without the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.objects()).finish()
    }
}

/// Marks an identifier as seen at its level.
fn once(seen: &mut u128, object: &Object<'_>) -> Result<(), MerchantQrError> {
    let bit = 1_u128 << object.id;
    if *seen & bit != 0 {
        return Err(MerchantQrError::new(object.at, Some(object.id), MerchantFault::Twice));
    }
    *seen |= bit;
    Ok(())
}

/// Whether the value of this object is objects again.
pub(super) const fn is_template(id: u8) -> bool {
    matches!(id, 26..=51 | 62 | 64 | 80..=99)
}

/// What was expected, if the value has another form (tables 3.1 to 3.8).
fn wrong_form(object: &Object<'_>) -> Option<&'static str> {
    let value = object.value;
    let chars = value.chars().count();
    let digits = |len: usize| value.len() == len && value.bytes().all(|byte| byte.is_ascii_digit());
    let (right, what) = match object.id {
        1 => (matches!(value, "11" | "12"), "11 or 12"),
        52 => (digits(4), "a merchant category of four digits"),
        53 => (digits(3), "a currency of three digits"),
        54 | 56 => (is_amount(value), "an amount of at most 13 characters"),
        55 => (matches!(value, "01" | "02" | "03"), "01, 02 or 03"),
        57 => (is_percentage(value), "a percentage from 00.01 to 99.99"),
        58 => {
            (value.len() == 2 && value.bytes().all(|b| b.is_ascii_uppercase()), "a country of two capitals")
        }
        59 => (chars <= 25, "a name of at most 25 characters"),
        60 => (chars <= 15, "a city of at most 15 characters"),
        61 => (chars <= 10, "a postal code of at most 10 characters"),
        _ => (true, ""),
    };
    (!right).then_some(what)
}

/// Digits with at most one point that is not the first; a last one is allowed.
fn is_amount(value: &str) -> bool {
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    value.len() <= 13 && !whole.is_empty() && digits(whole) && digits(part)
}

fn is_percentage(value: &str) -> bool {
    let (whole, part) = value.split_once('.').unwrap_or((value, ""));
    is_amount(value)
        && value.len() <= 5
        && whole.len() <= 2
        && part.len() <= 2
        && value.bytes().any(|b| matches!(b, b'1'..=b'9'))
}
