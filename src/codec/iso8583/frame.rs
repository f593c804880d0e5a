//! What stands before a message on a line: its length, the TPDU and a header.

use super::error::{Iso8583Error, Iso8583Fault};
use serde::Deserialize;

/// How the length before a message is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LengthPrefix {
    /// There is none.
    None,
    /// Two bytes, the high one first.
    Binary2,
    /// Four bytes, the highest first.
    Binary4,
    /// Two digits.
    Ascii2,
    /// Four digits.
    Ascii4,
}

impl LengthPrefix {
    /// How many bytes it takes.
    pub const fn len(self) -> usize {
        match self {
            Self::None => 0,
            Self::Binary2 | Self::Ascii2 => 2,
            Self::Binary4 | Self::Ascii4 => 4,
        }
    }

    /// Whether there is none.
    pub const fn is_empty(self) -> bool {
        matches!(self, Self::None)
    }

    /// Reads the length; `None` if the bytes are no number.
    fn read(self, bytes: &[u8]) -> Option<usize> {
        let binary = |n: usize, &byte: &u8| Some(n << 8 | usize::from(byte));
        let ascii = |n: usize, byte: &u8| byte.is_ascii_digit().then(|| n * 10 + usize::from(byte - b'0'));
        match self {
            Self::None => Some(0),
            Self::Binary2 | Self::Binary4 => bytes.iter().try_fold(0, binary),
            Self::Ascii2 | Self::Ascii4 => bytes.iter().try_fold(0, ascii),
        }
    }

    /// Writes the length into its place; `None` if it has no room for it.
    pub(super) fn write(self, mut value: usize, place: &mut [u8]) -> Option<()> {
        let (base, zero) = match self {
            Self::None => return Some(()),
            Self::Binary2 | Self::Binary4 => (256, 0),
            Self::Ascii2 | Self::Ascii4 => (10, b'0'),
        };
        for byte in place.iter_mut().rev() {
            *byte = zero + (value % base) as u8;
            value /= base;
        }
        (value == 0).then_some(())
    }
}

/// What stands before a message. UnionPay's terminals: a length of two bytes, a TPDU of five
/// (`60`, destination, source) and a header of six.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame {
    /// How the length of what follows it is written.
    pub length: LengthPrefix,
    /// Whether the length counts itself too.
    pub counts_itself: bool,
    /// Whether a TPDU of 5 bytes stands after the length.
    pub tpdu: bool,
    /// How many bytes of header stand before the message type, 0 to 64.
    pub header: u8,
}

impl Frame {
    /// Nothing.
    pub const NONE: Self = Self { length: LengthPrefix::None, counts_itself: false, tpdu: false, header: 0 };
    /// What UnionPay's terminals use.
    pub const UNIONPAY_POS: Self =
        Self { length: LengthPrefix::Binary2, counts_itself: false, tpdu: true, header: 6 };
    /// The length of a TPDU in bytes.
    pub const TPDU: usize = 5;

    /// How many bytes of a stream the first message in it takes, frame and all; `None` while
    /// that cannot be told. Without a length a message has no end in a stream.
    ///
    /// # Errors
    /// [`Iso8583Error`] if the length is no number or beyond
    /// [`Spec::MAX_BYTES`](super::Spec::MAX_BYTES).
    pub fn whole_len(&self, stream: &[u8]) -> Result<Option<usize>, Iso8583Error> {
        let prefix = self.length.len();
        let Some(bytes) = stream.get(..prefix).filter(|bytes| !bytes.is_empty()) else { return Ok(None) };
        let fail = |fault| Iso8583Error::new(0, None, fault);
        let told = self.length.read(bytes).ok_or_else(|| fail(Iso8583Fault::FrameLength))?;
        let whole = if self.counts_itself { told } else { told.saturating_add(prefix) };
        if whole < prefix {
            return Err(fail(Iso8583Fault::FrameLength));
        }
        if whole > super::Spec::MAX_BYTES {
            return Err(fail(Iso8583Fault::TooLong));
        }
        Ok(Some(whole))
    }

    /// How many bytes stand before the message type.
    pub const fn len(&self) -> usize {
        self.length.len() + if self.tpdu { Self::TPDU } else { 0 } + self.header as usize
    }

    /// Whether nothing does.
    pub const fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// A TPDU with destination and source exchanged, as the answer carries it.
pub(super) fn turned(tpdu: [u8; Frame::TPDU]) -> [u8; Frame::TPDU] {
    let [id, d1, d2, s1, s2] = tpdu;
    [id, s1, s2, d1, d2]
}
