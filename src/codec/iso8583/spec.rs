//! A message format: the field table, how type and bitmaps look, and the frame.

use super::field::{Class, Count, Field, Form, Pad, Size};
use super::frame::Frame;
use super::table::{FIELDS, Row};
use super::{Iso8583Error, Message, MessageWriter, read};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::fmt;

/// A message type: version, class, function and origin, one digit each.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Mti(u16);

impl Mti {
    /// The type with these four digits, the leading zero left out: 200 is `0200`. `None` above
    /// 9999.
    pub const fn new(number: u16) -> Option<Self> {
        if number < 10_000 { Some(Self(number)) } else { None }
    }

    /// The four digits as a number.
    pub const fn number(self) -> u16 {
        self.0
    }

    /// The type of the answer: `0200` and its repeat `0201` are answered with `0210`, `0420`
    /// and `0421` with `0430`; `None` for a type that is an answer itself.
    pub const fn answer(self) -> Option<Self> {
        let function = self.0 / 10 % 10;
        if function % 2 == 0 { Self::new(self.0 / 10 * 10 + 10) } else { None }
    }

    pub(super) fn digits(self) -> [u8; 4] {
        let digit = |n: u16| b'0' + (n % 10) as u8;
        [digit(self.0 / 1_000), digit(self.0 / 100), digit(self.0 / 10), digit(self.0)]
    }
}

impl fmt::Display for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:04}", self.0)
    }
}

impl fmt::Debug for Mti {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mti({self})")
    }
}

/// A message format. Cheap to share by reference; made once.
#[derive(Clone, PartialEq, Eq)]
pub struct Spec {
    /// From field 2 on.
    pub(super) fields: Vec<Field>,
    /// The type in packed digits instead of characters.
    pub(super) packed_mti: bool,
    /// Lengths of variable fields in packed digits instead of characters.
    pub(super) packed_lengths: bool,
    /// Bitmaps as bytes instead of hexadecimal digits.
    pub(super) raw_bitmap: bool,
    pub(super) frame: Frame,
}

impl Spec {
    /// The longest message in bytes.
    pub const MAX_BYTES: usize = 65_535;

    /// All in ASCII; without a frame.
    pub fn ascii() -> Self {
        Self::of(false)
    }

    /// Packed digits and bytes, as UnionPay's terminals speak; without a frame.
    pub fn bcd() -> Self {
        Self::of(true)
    }

    fn of(packed: bool) -> Self {
        let fields = FIELDS.iter().map(|row| field(row, packed)).collect();
        Self { fields, packed_mti: packed, packed_lengths: packed, raw_bitmap: packed, frame: Frame::NONE }
    }

    /// The row of a field from 2 to 128.
    #[inline]
    pub fn field(&self, number: u8) -> Option<&Field> {
        self.fields.get(usize::from(number).checked_sub(2)?)
    }

    /// What stands around a message.
    pub const fn frame(&self) -> &Frame {
        &self.frame
    }

    /// The same format within another frame.
    #[must_use]
    pub fn framed(self, frame: Frame) -> Self {
        Self { frame, ..self }
    }

    /// Reads one whole message and checks everything in it. Takes nothing from the heap.
    ///
    /// # Errors
    /// [`Iso8583Error`] with field and place.
    pub fn read<'a>(&'a self, bytes: &'a [u8]) -> Result<Message<'a>, Iso8583Error> {
        read::read(self, bytes)
    }

    /// Writes a message at the end of `out`, field by field in their order.
    pub fn write<'a>(&'a self, mti: Mti, out: &'a mut Vec<u8>) -> MessageWriter<'a> {
        MessageWriter::new(self, mti, out)
    }
}

impl fmt::Debug for Spec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Spec")
            .field("packed", &self.packed_lengths)
            .field("frame", &self.frame)
            .finish_non_exhaustive()
    }
}

/// How a class looks on the wire unless a profile says otherwise.
pub(super) const fn form_of(class: Class, packed: bool) -> Form {
    match (class, packed) {
        (Class::N | Class::Z, true) => Form::Packed,
        (Class::B, true) => Form::Raw,
        (Class::B, false) => Form::Hex,
        _ => Form::Text,
    }
}

pub(super) const ZERO_RIGHT: Pad = Pad { left: false, nibble: 0 };

fn field(&(name, class, size, max): &Row, packed: bool) -> Field {
    let form = form_of(class, packed);
    Field { name: Cow::Borrowed(name), class, size, max, form, pad: ZERO_RIGHT, count: Count::Units }
}

/// The longest that a size can tell.
pub(super) const fn most(size: Size) -> u16 {
    match size {
        Size::Llvar => 99,
        Size::Fixed | Size::Lllvar => 999,
    }
}
