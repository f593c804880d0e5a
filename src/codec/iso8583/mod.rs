//! ISO 8583 messages: the field table of the 1987 edition as data, read without a copy and
//! without the heap, and written.
//!
//! A message is an optional frame (length, TPDU, header), the type of four digits (MTI), one or
//! two bitmaps of 64 bits, and the fields whose bits are set, in their order. How each of these
//! looks on the wire is a [`Spec`]:
//!
//! | | [`Spec::ascii`] | [`Spec::bcd`] |
//! |---|---|---|
//! | type | 4 digits | 2 bytes, packed |
//! | bitmaps | 16 hexadecimal digits each | 8 bytes each |
//! | lengths of variable fields | 2 or 3 digits | 1 or 2 bytes, packed |
//! | numeric fields (n) | digits | packed; an odd number of digits is filled with a 0 on the right |
//! | tracks (z) | characters | packed; the separator `=` is the nibble D |
//! | text (a, an, ans) and signed amounts (x+n) | characters | characters |
//! | binary fields (b) | hexadecimal digits, counted as digits | bytes |
//!
//! The second is what UnionPay's terminals speak. Everything in it can be changed field by field
//! with a profile ([`Spec::with_profile`]), for dialects differ.
//!
//! ```
//! use scrip::codec::iso8583::{Spec, Mti};
//! let spec = Spec::bcd();
//! let mut out = Vec::new();
//! let mut message = spec.write(Mti::new(200).unwrap(), &mut out);
//! message.text(2, "6222021234567894")?.number(4, 10_000)?.text(49, "156")?;
//! message.finish()?;
//! let read = spec.read(&out)?;
//! assert_eq!(read.mti().to_string(), "0200");
//! assert_eq!(read.field(4).and_then(|amount| amount.number()), Some(10_000));
//! # Ok::<(), scrip::codec::iso8583::Iso8583Error>(())
//! ```

mod error;
mod field;
mod frame;
mod profile;
mod read;
mod spec;
mod table;
mod value;
mod write;

pub use error::{Iso8583Error, Iso8583Fault, SpecError};
pub use field::{Class, Count, Field, Form, Pad, Size};
pub use frame::{Frame, LengthPrefix};
pub use read::{Fields, Message};
pub use spec::{Mti, Spec};
pub use value::{Chars, Value};
pub use write::MessageWriter;

#[cfg(test)]
mod tests;
