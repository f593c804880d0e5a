//! Writing: fields in their order, straight into the output.

use super::error::{Iso8583Error, Iso8583Fault as Fault};
use super::field::{Class, Count, Field, Form, Size};
use super::frame::Frame;
use super::value::{pair, push_hex};
use super::{Mti, Spec};
use alloc::vec::Vec;
use core::fmt;

/// Writes one message at the end of a buffer. Fields go in their order; if one is refused,
/// nothing of it is written. What was written without [`MessageWriter::finish`] is no message.
pub struct MessageWriter<'a> {
    spec: &'a Spec,
    out: &'a mut Vec<u8>,
    /// Where the message with its frame starts.
    start: usize,
    /// Bit 127 is field 1.
    present: u128,
    last: u8,
}

impl fmt::Debug for MessageWriter<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "MessageWriter(up to field {})", self.last)
    }
}

impl<'a> MessageWriter<'a> {
    pub(super) fn new(spec: &'a Spec, mti: Mti, out: &'a mut Vec<u8>) -> Self {
        let start = out.len();
        out.resize(start + spec.frame.len(), 0);
        let digits = mti.digits();
        if spec.packed_mti {
            out.extend(digits.chunks_exact(2).filter_map(pair));
        } else {
            out.extend_from_slice(&digits);
        }
        out.resize(out.len() + bitmap_len(spec), 0);
        Self { spec, out, start, present: 0, last: 1 }
    }

    /// Sets TPDU and header. What the frame has no place for is left out.
    #[must_use]
    pub fn framed(self, tpdu: [u8; Frame::TPDU], header: &[u8]) -> Self {
        let frame = &self.spec.frame;
        let at = self.start + frame.length.len();
        if frame.tpdu {
            if let Some(place) = self.out.get_mut(at..at + Frame::TPDU) {
                place.copy_from_slice(&tpdu);
            }
        }
        let end = self.start + frame.len();
        if let Some(place) = self.out.get_mut(end - usize::from(frame.header)..end) {
            place.iter_mut().zip(header).for_each(|(to, from)| *to = *from);
        }
        self
    }

    /// Adds a field by its text form, which must have the length of a fixed field.
    ///
    /// # Errors
    /// [`Iso8583Error`] with the place in `text`.
    #[inline]
    pub fn text(&mut self, number: u8, text: &str) -> Result<&mut Self, Iso8583Error> {
        self.put(number, text.as_bytes())
    }

    /// Adds a fixed numeric field, filled up with zeros on the left.
    ///
    /// # Errors
    /// [`Iso8583Error`] if the field is not fixed or the number has more digits than it.
    #[inline]
    pub fn number(&mut self, number: u8, mut value: u64) -> Result<&mut Self, Iso8583Error> {
        let field = self.next(number)?;
        let exact = Iso8583Error::new(0, Some(number), size_of(field));
        let len = usize::from(field.max);
        let mut digits = [b'0'; 32];
        let digits = digits.get_mut(..len).filter(|_| field.size == Size::Fixed).ok_or(exact)?;
        for digit in digits.iter_mut().rev() {
            *digit = b'0' + (value % 10) as u8;
            value /= 10;
        }
        if value != 0 {
            return Err(exact);
        }
        self.put(number, digits)
    }

    /// Adds a binary field.
    ///
    /// # Errors
    /// [`Iso8583Error`] if the field is not binary or of another length.
    pub fn bytes(&mut self, number: u8, bytes: &[u8]) -> Result<&mut Self, Iso8583Error> {
        let field = self.next(number)?;
        if field.class != Class::B {
            return Err(Iso8583Error::new(0, Some(number), Fault::Content(field.class)));
        }
        let units = units(field, bytes.len(), number)?;
        self.length(field, units);
        match field.form {
            Form::Hex => push_hex(self.out, bytes),
            _ => self.out.extend_from_slice(bytes),
        }
        self.done(number);
        Ok(self)
    }

    /// Adds a binary field of 8 bytes that is made over everything before it, from the message
    /// type on, with its own bit set: a MAC.
    ///
    /// # Errors
    /// [`Iso8583Error`] as [`MessageWriter::bytes`].
    pub fn mac(
        &mut self,
        number: u8,
        make: impl FnOnce(&[u8]) -> [u8; 8],
    ) -> Result<&mut Self, Iso8583Error> {
        let before = (self.present, self.last);
        self.next(number)?;
        self.done(number);
        self.write_bitmaps();
        let mac = make(self.out.get(self.start + self.spec.frame.len()..).unwrap_or_default());
        // A secondary bitmap that was made room for stays.
        (self.present, self.last) = (self.present & (1 << 127) | before.0, before.1);
        self.bytes(number, &mac)
    }

    /// Writes bitmaps and length.
    ///
    /// # Errors
    /// [`Iso8583Error`] if the frame has no room for the length, or the message is too long.
    pub fn finish(&mut self) -> Result<(), Iso8583Error> {
        self.write_bitmaps();
        let frame = &self.spec.frame;
        let whole = self.out.len() - self.start;
        if whole > Spec::MAX_BYTES {
            return Err(Iso8583Error::new(Spec::MAX_BYTES, None, Fault::TooLong));
        }
        let prefix = frame.length.len();
        let told = if frame.counts_itself { whole } else { whole - prefix };
        let place = self.out.get_mut(self.start..self.start + prefix).unwrap_or_default();
        frame.length.write(told, place).ok_or(Iso8583Error::new(0, None, Fault::FrameLength))
    }

    #[inline]
    fn put(&mut self, number: u8, text: &[u8]) -> Result<&mut Self, Iso8583Error> {
        let field = self.next(number)?;
        if let Some(at) = field.class.stranger(text) {
            return Err(Iso8583Error::new(at, Some(number), Fault::Content(field.class)));
        }
        let len = match field.class {
            Class::B if text.len() % 2 == 1 => {
                return Err(Iso8583Error::new(text.len(), Some(number), Fault::Odd));
            }
            Class::B => text.len() / 2,
            _ => text.len(),
        };
        let units = units(field, len, number)?;
        self.length(field, units);
        match field.form {
            Form::Text => self.out.extend_from_slice(text),
            Form::Hex => self.out.extend(text.iter().map(u8::to_ascii_uppercase)),
            Form::Raw => self.out.extend(text.chunks_exact(2).filter_map(pair)),
            Form::Packed => self.pack(field, text),
        }
        self.done(number);
        Ok(self)
    }

    /// Digits, two to a byte. Their class was checked.
    #[inline]
    fn pack(&mut self, field: &Field, text: &[u8]) {
        let digits = match (field.class, text.split_first()) {
            (Class::Xn, Some((sign, digits))) => {
                self.out.push(*sign);
                digits
            }
            _ => text,
        };
        let value = |digit: u8| if digit == b'D' { 0xD } else { digit & 15 };
        let fill = field.pad.nibble;
        let (digits, first) = match digits.split_first() {
            Some((first, rest)) if field.pad.left && digits.len() % 2 == 1 => (rest, Some(first)),
            _ => (digits, None),
        };
        self.out.extend(first.map(|first| fill << 4 | value(*first)));
        self.out.extend(digits.chunks(2).map(|pair| match pair {
            [high, low] => value(*high) << 4 | value(*low),
            [high] => value(*high) << 4 | fill,
            _ => 0,
        }));
    }

    /// The row of the next field; fields above 64 make room for the secondary bitmap.
    #[inline]
    fn next(&mut self, number: u8) -> Result<&'a Field, Iso8583Error> {
        let at = self.out.len() - self.start;
        let spec = self.spec;
        let field = spec.field(number).filter(|_| number > self.last);
        let field = field.ok_or(Iso8583Error::new(at, Some(number), Fault::Order))?;
        if number > 64 && self.present >> 127 == 0 {
            let after = self.bitmaps_at() + bitmap_len(spec);
            self.out.splice(after..after, core::iter::repeat_n(0, bitmap_len(spec)));
            self.present |= 1 << 127;
        }
        Ok(field)
    }

    fn done(&mut self, number: u8) {
        self.present |= 1 << (128 - number);
        self.last = number;
    }

    /// The length of a variable field.
    #[inline]
    fn length(&mut self, field: &Field, units: u16) {
        let told = match (field.form, field.count) {
            (Form::Hex, Count::Units) => units * 2,
            (Form::Packed, Count::Bytes) => units / 2,
            _ => units,
        };
        let digit = |n: u16| (n % 10) as u8;
        let [hundreds, tens, ones] = [digit(told / 100), digit(told / 10), digit(told)];
        let thousands = digit(told / 1_000);
        match (field.size, self.spec.packed_lengths) {
            (Size::Fixed, _) => {}
            (Size::Llvar, true) => self.out.push(tens << 4 | ones),
            (Size::Llvar, false) => self.out.extend([b'0' + tens, b'0' + ones]),
            (Size::Lllvar, true) => self.out.extend([thousands << 4 | hundreds, tens << 4 | ones]),
            (Size::Lllvar, false) => self.out.extend([b'0' + hundreds, b'0' + tens, b'0' + ones]),
        }
    }

    fn bitmaps_at(&self) -> usize {
        self.start + self.spec.frame.len() + if self.spec.packed_mti { 2 } else { 4 }
    }

    fn write_bitmaps(&mut self) {
        let maps = self.present.to_be_bytes();
        let two = self.present >> 127 == 1;
        let maps = maps.get(..if two { 16 } else { 8 }).unwrap_or_default();
        let at = self.bitmaps_at();
        let Some(place) = self.out.get_mut(at..) else { return };
        if self.spec.raw_bitmap {
            place.iter_mut().zip(maps).for_each(|(to, from)| *to = *from);
        } else {
            let digit = |nibble: u8| if nibble < 10 { b'0' + nibble } else { b'A' + nibble - 10 };
            let digits = maps.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]);
            place.iter_mut().zip(digits).for_each(|(to, from)| *to = from);
        }
    }
}

const fn bitmap_len(spec: &Spec) -> usize {
    if spec.raw_bitmap { 8 } else { 16 }
}

const fn size_of(field: &Field) -> Fault {
    Fault::Size { max: field.max, exact: matches!(field.size, Size::Fixed) }
}

/// The length as the field is counted, if it may have it.
#[inline]
fn units(field: &Field, len: usize, number: u8) -> Result<u16, Iso8583Error> {
    let fault = |fault| Iso8583Error::new(len, Some(number), fault);
    let units = u16::try_from(len).ok().filter(|&units| match field.size {
        Size::Fixed => units == field.max,
        _ => units <= field.max,
    });
    let units = units.ok_or(fault(size_of(field)))?;
    match (field.form, field.count) {
        (Form::Packed, Count::Bytes) if units % 2 == 1 && field.size != Size::Fixed => Err(fault(Fault::Odd)),
        _ => Ok(units),
    }
}
