//! Reading: one pass over the message that checks everything and remembers where each field
//! stands.

use super::error::{Iso8583Error, Iso8583Fault as Fault};
use super::field::{Class, Count, Field, Form, Size};
use super::frame::{Frame, turned};
use super::value::{Value, hex_value, nibble};
use super::{Mti, Spec};
use core::fmt;

/// Where a field's value starts, and its length as the field is counted.
#[derive(Clone, Copy, Default)]
struct Slot {
    start: u16,
    units: u16,
}

/// A message that was read and checked. Borrows the bytes; its fields are found by number
/// without searching.
#[derive(Clone)]
pub struct Message<'a> {
    spec: &'a Spec,
    bytes: &'a [u8],
    mti: Mti,
    /// Bit 127 is field 1.
    present: u128,
    slots: [Slot; 128],
}

impl<'a> Message<'a> {
    /// The message type.
    pub const fn mti(&self) -> Mti {
        self.mti
    }

    /// The value of a field, if it is there.
    #[inline]
    pub fn field(&self, number: u8) -> Option<Value<'a>> {
        if !self.has(number) {
            return None;
        }
        let slot = self.slots.get(usize::from(number).checked_sub(1)?)?;
        let field = self.spec.field(number)?;
        let start = usize::from(slot.start);
        let raw = self.bytes.get(start..start + wire_len(field, slot.units))?;
        Some(Value::new(raw, field, slot.units))
    }

    /// Whether a field from 2 to 128 is there.
    #[inline]
    pub const fn has(&self, number: u8) -> bool {
        matches!(number, 2..=128) && self.present >> (128 - number) & 1 == 1
    }

    /// The fields that are there, in their order.
    pub fn fields(&self) -> Fields<'_, 'a> {
        Fields { message: self, left: self.present & !(1 << 127) }
    }

    /// The TPDU, where the frame has one.
    pub fn tpdu(&self) -> Option<[u8; Frame::TPDU]> {
        let frame = &self.spec.frame;
        let start = frame.length.len();
        let tpdu = self.bytes.get(start..).filter(|_| frame.tpdu)?;
        tpdu.first_chunk().copied()
    }

    /// The TPDU that an answer carries: destination and source exchanged.
    pub fn answer_tpdu(&self) -> Option<[u8; Frame::TPDU]> {
        self.tpdu().map(turned)
    }

    /// The header; empty where the frame has none.
    pub fn header(&self) -> &'a [u8] {
        let frame = &self.spec.frame;
        let end = frame.len();
        self.bytes.get(end - usize::from(frame.header)..end).unwrap_or_default()
    }

    /// From the message type up to where the field's value starts: what a MAC in this field is
    /// made over. `None` if the field is not there.
    pub fn before(&self, number: u8) -> Option<&'a [u8]> {
        let slot = self.slots.get(usize::from(number).checked_sub(1)?).filter(|_| self.has(number))?;
        self.bytes.get(self.spec.frame.len()..usize::from(slot.start))
    }

    /// Byte offset of the field's value.
    pub fn place(&self, number: u8) -> Option<usize> {
        let slot = self.slots.get(usize::from(number).checked_sub(1)?).filter(|_| self.has(number))?;
        Some(usize::from(slot.start))
    }
}

impl fmt::Debug for Message<'_> {
    /// Without the values.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.mti)?;
        f.debug_list().entries(self.fields().map(|(number, _)| number)).finish()
    }
}

/// The fields of a message with their numbers, in their order.
#[derive(Clone)]
pub struct Fields<'m, 'a> {
    message: &'m Message<'a>,
    left: u128,
}

impl fmt::Debug for Fields<'_, '_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.message.fmt(f)
    }
}

impl<'a> Iterator for Fields<'_, 'a> {
    type Item = (u8, Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        let number = next_field(&mut self.left)?;
        Some((number, self.message.field(number)?))
    }
}

/// Takes the lowest numbered field off the map.
#[inline]
fn next_field(left: &mut u128) -> Option<u8> {
    if *left == 0 {
        return None;
    }
    let skipped = left.leading_zeros();
    *left &= !(1 << (127 - skipped));
    u8::try_from(skipped + 1).ok()
}

/// How many bytes a value takes on the wire.
#[inline]
pub(super) fn wire_len(field: &Field, units: u16) -> usize {
    let units = usize::from(units);
    match field.form {
        Form::Text | Form::Raw => units,
        Form::Hex => 2 * units,
        // The sign is one byte of its own: with it, `1 + n` units take `1 + (n + 1) / 2` bytes.
        Form::Packed if field.class == Class::Xn => units / 2 + 1,
        Form::Packed => units.div_ceil(2),
    }
}

pub(super) fn read<'a>(spec: &'a Spec, bytes: &'a [u8]) -> Result<Message<'a>, Iso8583Error> {
    if bytes.len() > Spec::MAX_BYTES {
        return Err(Iso8583Error::new(Spec::MAX_BYTES, None, Fault::TooLong));
    }
    let mut at = frame(spec, bytes)?;
    let mti = mti(spec, bytes, &mut at)?;
    let primary = bitmap(spec, bytes, &mut at, None)?;
    let secondary = if primary >> 63 == 1 { bitmap(spec, bytes, &mut at, Some(1))? } else { 0 };
    let present = u128::from(primary) << 64 | u128::from(secondary);
    let mut message = Message { spec, bytes, mti, present, slots: [Slot::default(); 128] };
    let mut left = present & !(1 << 127);
    while let Some(number) = next_field(&mut left) {
        let field = spec.field(number).expect("a bitmap names fields up to 128");
        let slot = value(spec, field, number, bytes, at)?;
        if let Some(place) = message.slots.get_mut(usize::from(number) - 1) {
            *place = slot;
        }
        at = usize::from(slot.start) + wire_len(field, slot.units);
    }
    if at < bytes.len() {
        return Err(Iso8583Error::new(at, None, Fault::Trailing));
    }
    Ok(message)
}

/// Checks the frame and tells where the message type starts.
fn frame(spec: &Spec, bytes: &[u8]) -> Result<usize, Iso8583Error> {
    let frame = &spec.frame;
    let start = frame.len();
    if bytes.len() < start {
        return Err(Iso8583Error::new(bytes.len(), None, Fault::Ends));
    }
    match frame.whole_len(bytes)? {
        Some(whole) if !frame.length.is_empty() && whole != bytes.len() => {
            Err(Iso8583Error::new(0, None, Fault::FrameMismatch))
        }
        _ => Ok(start),
    }
}

fn take(bytes: &[u8], at: usize, len: usize, field: Option<u8>) -> Result<&[u8], Iso8583Error> {
    let taken = bytes.get(at..).and_then(|rest| rest.get(..len));
    taken.ok_or(Iso8583Error::new(bytes.len(), field, Fault::Ends))
}

fn mti(spec: &Spec, bytes: &[u8], at: &mut usize) -> Result<Mti, Iso8583Error> {
    let fault = Iso8583Error::new(*at, None, Fault::Mti);
    let len = if spec.packed_mti { 2 } else { 4 };
    let digits = take(bytes, *at, len, None)?;
    let number = if spec.packed_mti { packed_number(digits) } else { ascii_number(digits) };
    *at += len;
    number.and_then(Mti::new).ok_or(fault)
}

fn packed_number(bytes: &[u8]) -> Option<u16> {
    bytes.iter().try_fold(0_u16, |n, byte| {
        let (high, low) = (u16::from(byte >> 4), u16::from(byte & 15));
        (high < 10 && low < 10).then(|| n * 100 + high * 10 + low)
    })
}

fn ascii_number(bytes: &[u8]) -> Option<u16> {
    bytes.iter().try_fold(0_u16, |n, byte| {
        let digit = byte.wrapping_sub(b'0');
        (digit < 10).then(|| n * 10 + u16::from(digit))
    })
}

fn bitmap(spec: &Spec, bytes: &[u8], at: &mut usize, field: Option<u8>) -> Result<u64, Iso8583Error> {
    let start = *at;
    if spec.raw_bitmap {
        let map = take(bytes, start, 8, field)?;
        *at += 8;
        return Ok(map.iter().fold(0, |map, &byte| map << 8 | u64::from(byte)));
    }
    let digits = take(bytes, start, 16, field)?;
    *at += 16;
    let mut map = 0;
    for (offset, &digit) in digits.iter().enumerate() {
        let value = hex_value(digit).ok_or(Iso8583Error::new(start + offset, field, Fault::Bitmap))?;
        map = map << 4 | u64::from(value);
    }
    Ok(map)
}

#[inline]
fn value(spec: &Spec, field: &Field, number: u8, bytes: &[u8], at: usize) -> Result<Slot, Iso8583Error> {
    let fail = |at, fault| Iso8583Error::new(at, Some(number), fault);
    let (units, start) = match field.size {
        Size::Fixed => (field.max, at),
        size => {
            let len = if spec.packed_lengths { size.digits().div_ceil(2) } else { size.digits() };
            let prefix = take(bytes, at, len, Some(number))?;
            let told = if spec.packed_lengths { packed_number(prefix) } else { ascii_number(prefix) };
            let told = told.ok_or(fail(at, Fault::Length))?;
            let units = match (field.form, field.count) {
                (Form::Hex, Count::Units) if told % 2 == 1 => return Err(fail(at, Fault::Odd)),
                (Form::Hex, Count::Units) => told / 2,
                (Form::Packed, Count::Bytes) => told.saturating_mul(2),
                _ => told,
            };
            if units > field.max {
                return Err(fail(at, Fault::Size { max: field.max, exact: false }));
            }
            (units, at + len)
        }
    };
    let raw = take(bytes, start, wire_len(field, units), Some(number))?;
    if let Some((offset, fault)) = content(field, raw, units) {
        return Err(fail(start + offset, fault));
    }
    Ok(Slot { start: start as u16, units })
}

/// What is wrong with a value's bytes, and where in them.
#[inline]
fn content(field: &Field, raw: &[u8], units: u16) -> Option<(usize, Fault)> {
    match field.form {
        Form::Raw => None,
        Form::Text | Form::Hex => field.class.stranger(raw).map(|at| (at, Fault::Content(field.class))),
        Form::Packed => packed(field, raw, units),
    }
}

#[inline]
fn packed(field: &Field, raw: &[u8], units: u16) -> Option<(usize, Fault)> {
    let fault = Fault::Content(field.class);
    let (sign, digits) = match field.class {
        Class::Xn => match raw.split_first() {
            Some((b'C' | b'D', digits)) => (1, digits),
            _ => return (units > 0).then_some((0, fault)),
        },
        _ => (0, raw),
    };
    // `z` has the six characters after the digits as nibbles.
    let most = if field.class == Class::Z { 15 } else { 9 };
    let odd = (usize::from(units) - sign) % 2 == 1;
    let filled = match (odd, field.pad.left) {
        (false, _) => None,
        (true, true) => Some(0),
        (true, false) => Some(digits.len() * 2 - 1),
    };
    let strange = digits.iter().fold(false, |any, byte| any | (byte >> 4 > most) | (byte & 15 > most));
    if strange {
        let bad = |&place: &usize| nibble_at(digits, place) > most && Some(place) != filled;
        if let Some(place) = (0..digits.len() * 2).find(bad) {
            return Some((sign + place / 2, fault));
        }
    }
    let place = filled.filter(|&place| nibble_at(digits, place) != field.pad.nibble)?;
    Some((sign + place / 2, Fault::Fill))
}

fn nibble_at(digits: &[u8], place: usize) -> u8 {
    digits.get(place / 2).map_or(0, |byte| nibble(*byte, place))
}
