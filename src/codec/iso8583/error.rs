//! What can be wrong with a message or a profile, and where.

use super::Class;
use crate::base::{Advice, Code, block};
use alloc::string::String;
use core::fmt;

/// What is wrong with a message. It tells places and rules, never the data.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Iso8583Error {
    at: usize,
    field: Option<u8>,
    fault: Iso8583Fault,
}

/// The rule that a message breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Iso8583Fault {
    /// The message is longer than [`Spec::MAX_BYTES`](super::Spec::MAX_BYTES).
    TooLong,
    /// The message ends within this part.
    Ends,
    /// The frame's length is no number of its kind, or has no room for that of the message.
    FrameLength,
    /// The frame's length is not that of the message.
    FrameMismatch,
    /// The type is not four digits.
    Mti,
    /// A bitmap has something else than hexadecimal digits.
    Bitmap,
    /// The length of a variable field is no number.
    Length,
    /// The field is longer than it may be, or a fixed one has another length.
    Size {
        /// What is asked for, in digits, characters or bytes as the field is counted.
        max: u16,
        /// Whether it is the only length.
        exact: bool,
    },
    /// A character that the field's class does not have.
    Content(Class),
    /// The nibble that fills up an odd number of digits is not the one agreed.
    Fill,
    /// An odd number of digits where only whole bytes can be.
    Odd,
    /// Bytes after the last field.
    Trailing,
    /// Fields are numbered 2 to 128 and written in their order, each once.
    Order,
}

impl Iso8583Error {
    pub(super) const fn new(at: usize, field: Option<u8>, fault: Iso8583Fault) -> Self {
        Self { at, field, fault }
    }

    /// Byte offset in the message where it went wrong. While writing: the offset in the value,
    /// or in the message for what is not about a value.
    pub const fn at(&self) -> usize {
        self.at
    }

    /// The number of the field it is about, if it is about one; 1 is the secondary bitmap.
    pub const fn field(&self) -> Option<u8> {
        self.field
    }

    /// The rule that is broken.
    pub const fn fault(&self) -> Iso8583Fault {
        self.fault
    }

    /// The stable number, 3,400 to 3,419.
    pub const fn code(&self) -> Code {
        let case = match self.fault {
            Iso8583Fault::TooLong => 400,
            Iso8583Fault::Ends => 401,
            Iso8583Fault::FrameLength => 402,
            Iso8583Fault::FrameMismatch => 403,
            Iso8583Fault::Mti => 404,
            Iso8583Fault::Bitmap => 405,
            Iso8583Fault::Length => 406,
            Iso8583Fault::Size { .. } => 407,
            Iso8583Fault::Content(_) => 408,
            Iso8583Fault::Fill => 409,
            Iso8583Fault::Odd => 410,
            Iso8583Fault::Trailing => 411,
            Iso8583Fault::Order => 412,
        };
        Code::new(block::CODEC, case)
    }

    /// The message, or the profile that it is read with, is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }

    /// The rule in words that do not name the place.
    pub const fn what(&self) -> &'static str {
        match self.fault {
            Iso8583Fault::TooLong => "longer than a message can be",
            Iso8583Fault::Ends => "the message ends here",
            Iso8583Fault::FrameLength => "the frame's length is no number, or has no room for this one",
            Iso8583Fault::FrameMismatch => "the length is not that of the message",
            Iso8583Fault::Mti => "needs a type of four digits",
            Iso8583Fault::Bitmap => "needs a hexadecimal digit of a bitmap",
            Iso8583Fault::Length => "needs a length in digits",
            Iso8583Fault::Size { .. } => "has another length than the field",
            Iso8583Fault::Content(class) => class.expects(),
            Iso8583Fault::Fill => "needs the agreed nibble to fill the byte",
            Iso8583Fault::Odd => "needs an even number of digits",
            Iso8583Fault::Trailing => "bytes after the last field",
            Iso8583Fault::Order => "fields are 2 to 128, in their order, each once",
        }
    }
}

impl core::error::Error for Iso8583Error {}

impl fmt::Display for Iso8583Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(field) = self.field {
            write!(f, "field {field}: ")?;
        }
        match self.fault {
            Iso8583Fault::Size { max, exact: true } => write!(f, "needs a length of {max}"),
            Iso8583Fault::Size { max, exact: false } => write!(f, "is at most {max} long"),
            _ => f.write_str(self.what()),
        }?;
        write!(f, " (byte {})", self.at)
    }
}

/// A profile of a message format that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("message profile, line {line}, column {column}: {what}")]
pub struct SpecError {
    /// Line from 1.
    pub line: usize,
    /// Column from 1.
    pub column: usize,
    /// What was expected.
    pub what: String,
}

impl SpecError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(block::CODEC, 420)
    }

    /// The profile must be corrected.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}
