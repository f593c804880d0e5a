//! The value of a field, where it stands in the message.

use super::field::{Class, Field, Form};
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// A field's value, borrowed from the message and checked. Its text form is the one that
/// [`MessageWriter::text`](super::MessageWriter::text) takes: digits and characters as they are,
/// of a packed track the separator as `D`, bytes as upper-case hexadecimal digits.
#[derive(Clone, Copy)]
pub struct Value<'a> {
    raw: &'a [u8],
    field: &'a Field,
    units: u16,
}

impl<'a> Value<'a> {
    pub(super) const fn new(raw: &'a [u8], field: &'a Field, units: u16) -> Self {
        Self { raw, field, units }
    }

    /// The bytes as they stand in the message, without a length.
    pub const fn raw(&self) -> &'a [u8] {
        self.raw
    }

    /// Its row of the field table.
    pub const fn field(&self) -> &'a Field {
        self.field
    }

    /// The number of characters of its text form.
    pub const fn len(&self) -> usize {
        match self.field.class {
            Class::B => 2 * self.units as usize,
            _ => self.units as usize,
        }
    }

    /// Whether it is empty, as a variable field may be.
    pub const fn is_empty(&self) -> bool {
        self.units == 0
    }

    /// The characters of its text form.
    #[inline]
    pub fn chars(&self) -> Chars<'a> {
        Chars { value: *self, at: 0 }
    }

    /// The text form where it stands in the message as it is.
    pub fn as_str(&self) -> Option<&'a str> {
        match self.field.form {
            Form::Text => core::str::from_utf8(self.raw).ok(),
            _ => None,
        }
    }

    /// The text form.
    pub fn to_text(&self) -> String {
        self.chars().map(char::from).collect()
    }

    /// Whether its text form is this one.
    pub fn is(&self, text: &str) -> bool {
        self.len() == text.len() && self.chars().eq(text.bytes())
    }

    /// The number that its digits are; `None` if there is something else, none, or too many.
    pub fn number(&self) -> Option<u64> {
        if self.is_empty() {
            return None;
        }
        self.chars().try_fold(0_u64, |n, c| {
            let digit = c.checked_sub(b'0').filter(|digit| *digit <= 9)?;
            n.checked_mul(10)?.checked_add(u64::from(digit))
        })
    }

    /// The bytes of a binary field; `None` of any other.
    pub fn to_bytes(&self) -> Option<Vec<u8>> {
        match (self.field.class, self.field.form) {
            (Class::B, Form::Raw) => Some(self.raw.to_vec()),
            (Class::B, _) => self.raw.chunks_exact(2).map(pair).collect(),
            _ => None,
        }
    }

    fn at(&self, at: usize) -> Option<u8> {
        if at >= self.len() {
            return None;
        }
        match self.field.form {
            Form::Text => self.raw.get(at).copied(),
            Form::Hex => self.raw.get(at).map(u8::to_ascii_uppercase),
            Form::Raw => self.raw.get(at / 2).map(|byte| digit(nibble(*byte, at))),
            Form::Packed => self.packed(at),
        }
    }

    fn packed(&self, at: usize) -> Option<u8> {
        let sign = usize::from(self.field.class == Class::Xn);
        if at < sign {
            return self.raw.first().copied();
        }
        let digits = self.len() - sign;
        let place = at - sign + usize::from(self.field.pad.left && digits % 2 == 1);
        let nibble = self.raw.get(sign + place / 2).map(|byte| nibble(*byte, place))?;
        Some(match (self.field.class, nibble) {
            (Class::Z, 0xD) => b'D',
            (_, nibble) => b'0' + nibble,
        })
    }
}

impl fmt::Debug for Value<'_> {
    /// Without the value, which may be a card number.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} characters", self.len())
    }
}

/// The characters of a value's text form.
#[derive(Clone)]
pub struct Chars<'a> {
    value: Value<'a>,
    at: usize,
}

impl fmt::Debug for Chars<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl Iterator for Chars<'_> {
    type Item = u8;

    #[inline]
    fn next(&mut self) -> Option<u8> {
        let next = self.value.at(self.at)?;
        self.at += 1;
        Some(next)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let left = self.value.len() - self.at;
        (left, Some(left))
    }
}

impl ExactSizeIterator for Chars<'_> {}

pub(super) const fn nibble(byte: u8, place: usize) -> u8 {
    if place % 2 == 0 { byte >> 4 } else { byte & 15 }
}

const fn digit(nibble: u8) -> u8 {
    if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 }
}

/// Writes bytes as upper-case hexadecimal digits.
pub(super) fn push_hex(out: &mut Vec<u8>, bytes: &[u8]) {
    out.extend(bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]));
}

/// The value of one hexadecimal digit.
pub(super) const fn hex_value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'A'..=b'F' => Some(digit - b'A' + 10),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// The byte of two hexadecimal digits.
pub(super) fn pair(digits: &[u8]) -> Option<u8> {
    match digits {
        [high, low] => Some(hex_value(*high)? << 4 | hex_value(*low)?),
        _ => None,
    }
}
