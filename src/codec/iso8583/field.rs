//! What a field is: which characters, how many, and how they look on the wire.

use alloc::borrow::Cow;
use serde::Deserialize;

/// Which characters a field holds (ISO 8583:1987, 4.3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Class {
    /// `n`: digits.
    N,
    /// `a`: letters and the space.
    A,
    /// `an`: letters, digits and the space.
    An,
    /// `ans`: every printable character of ASCII.
    Ans,
    /// `z`: tracks 2 and 3 (ISO/IEC 7813 and 4909): digits and `:;<=>?`, and `D` for `=`.
    Z,
    /// `b`: bytes.
    B,
    /// `x+n`: `C` or `D` (credit, debit), then digits.
    #[serde(rename = "x+n")]
    Xn,
}

impl Class {
    /// The name as the standard writes it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::N => "n",
            Self::A => "a",
            Self::An => "an",
            Self::Ans => "ans",
            Self::Z => "z",
            Self::B => "b",
            Self::Xn => "x+n",
        }
    }

    pub(super) const fn expects(self) -> &'static str {
        match self {
            Self::N => "needs a digit",
            Self::A => "needs a letter",
            Self::An => "needs a letter or digit",
            Self::Ans => "needs a printable character",
            Self::Z => "needs a character of a track",
            Self::B => "needs a hexadecimal digit",
            Self::Xn => "needs C or D, then digits",
        }
    }

    /// Whether the character belongs to it, at any place but the first of `x+n`.
    const fn has(self, byte: u8) -> bool {
        match self {
            Self::N | Self::Xn => byte.is_ascii_digit(),
            Self::A => byte.is_ascii_alphabetic() || byte == b' ',
            Self::An => byte.is_ascii_alphanumeric() || byte == b' ',
            Self::Ans => matches!(byte, b' '..=b'~'),
            Self::Z => matches!(byte, b'0'..=b'?' | b'D'),
            Self::B => byte.is_ascii_hexdigit(),
        }
    }

    /// The first place that does not belong, in characters. Looks at every byte without leaving
    /// early, which is faster for fields of the usual lengths.
    #[inline]
    pub(super) fn stranger(self, text: &[u8]) -> Option<usize> {
        let (sign, rest) = match (self, text.split_first()) {
            (Self::Xn, Some((sign, rest))) => (!matches!(sign, b'C' | b'D'), rest),
            _ => (false, text),
        };
        let strange = match self {
            Self::N | Self::Xn => all(rest, |byte| byte.wrapping_sub(b'0') > 9),
            Self::Ans => all(rest, |byte| byte.wrapping_sub(b' ') > b'~' - b' '),
            Self::A => all(rest, |byte| !Self::A.has(byte)),
            Self::An => all(rest, |byte| !Self::An.has(byte)),
            Self::Z => all(rest, |byte| !Self::Z.has(byte)),
            Self::B => all(rest, |byte| !Self::B.has(byte)),
        };
        if !(sign || strange) {
            return None;
        }
        let skipped = text.len() - rest.len();
        let place = || rest.iter().position(|&byte| !self.has(byte)).map(|at| at + skipped);
        if sign { Some(0) } else { place() }
    }
}

#[inline]
fn all(bytes: &[u8], strange: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(false, |any, &byte| any | strange(byte))
}

/// How a field's length is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Size {
    /// Always the longest.
    Fixed,
    /// After a length of two digits, at most 99.
    Llvar,
    /// After a length of three digits, at most 999.
    Lllvar,
}

impl Size {
    /// How many digits the length has.
    pub(super) const fn digits(self) -> usize {
        match self {
            Self::Fixed => 0,
            Self::Llvar => 2,
            Self::Lllvar => 3,
        }
    }
}

/// How a field looks on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// One byte for each character.
    Text,
    /// Two digits in one byte; of `x+n` the sign is a character.
    Packed,
    /// Bytes as they are.
    Raw,
    /// Bytes as hexadecimal digits.
    Hex,
}

/// Where and with what an odd number of packed digits is filled up.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pad {
    /// Before the first digit instead of after the last.
    pub left: bool,
    /// The nibble, 0 to 15.
    pub nibble: u8,
}

/// What the length of a variable field counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Count {
    /// Digits or characters; bytes where a field is bytes as they are.
    Units,
    /// The bytes that packed digits take, or that hexadecimal digits stand for.
    Bytes,
}

/// One row of a field table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    /// What the field holds.
    pub name: Cow<'static, str>,
    /// Which characters.
    pub class: Class,
    /// How its length is told.
    pub size: Size,
    /// The longest, in digits, characters or, of binary fields, bytes.
    pub max: u16,
    /// How it looks on the wire.
    pub form: Form,
    /// How an odd number of packed digits is filled up.
    pub pad: Pad,
    /// What its length counts.
    pub count: Count,
}
