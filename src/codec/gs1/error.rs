//! What can be wrong with GS1 data, and where.

use super::ai::{Ai, Charset, Lint};
use crate::base::{Advice, Code, block};
use core::fmt;

/// What is wrong with an element string or a Digital Link URI. It tells places and rules, never
/// the data: a serial number may be a card's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Gs1Error {
    at: usize,
    ai: Option<Ai>,
    fault: Gs1Fault,
}

/// The rule that GS1 data breaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Gs1Fault {
    /// There is no element.
    Empty,
    /// The text is longer than [`ElementString::MAX_BYTES`](super::ElementString::MAX_BYTES).
    InputTooLong,
    /// There are more than [`ElementString::MAX`](super::ElementString::MAX) elements.
    TooMany,
    /// Something else was expected here.
    Expected(&'static str),
    /// A symbology identifier of a symbol that carries no element string.
    NotGs1,
    /// No allocated application identifier.
    UnknownAi,
    /// The element has no data.
    NoValue,
    /// The element's data, or a component of it, is too short.
    TooShort,
    /// The element's data is too long.
    TooLong,
    /// A character outside of the component's set.
    Character(Charset),
    /// A component's check failed.
    Check(Lint),
    /// May not be paired with this one.
    Excludes(Ai),
    /// Needs another element, which is not there (see [`Entry::requires`](super::Entry::requires)).
    Requires,
    /// There twice with different data.
    Differs,
    /// A digital signature needs this key with its serial component.
    NoSerial,
    /// A path without a primary key and its value.
    NoKey,
    /// The qualifiers in the path do not belong to the key, or not in this order.
    KeySequence,
    /// There twice.
    Duplicate,
    /// May not stand in the query.
    NotAttribute,
    /// Must stand in the path.
    BelongsInPath,
}

impl Gs1Error {
    pub(super) const fn new(at: usize, ai: Option<Ai>, fault: Gs1Fault) -> Self {
        Self { at, ai, fault }
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

    /// The element it is about, if it is about one.
    pub const fn ai(&self) -> Option<Ai> {
        self.ai
    }

    /// The rule that is broken.
    pub const fn fault(&self) -> Gs1Fault {
        self.fault
    }

    /// The stable number, 3,120 to 3,149.
    pub const fn code(&self) -> Code {
        let case = match self.fault {
            Gs1Fault::Empty => 120,
            Gs1Fault::InputTooLong => 121,
            Gs1Fault::TooMany => 122,
            Gs1Fault::Expected(_) => 123,
            Gs1Fault::NotGs1 => 124,
            Gs1Fault::UnknownAi => 125,
            Gs1Fault::NoValue => 126,
            Gs1Fault::TooShort => 127,
            Gs1Fault::TooLong => 128,
            Gs1Fault::Character(_) => 129,
            Gs1Fault::Check(_) => 130,
            Gs1Fault::Excludes(_) => 131,
            Gs1Fault::Requires => 132,
            Gs1Fault::Differs => 133,
            Gs1Fault::NoSerial => 134,
            Gs1Fault::NoKey => 135,
            Gs1Fault::KeySequence => 136,
            Gs1Fault::Duplicate => 137,
            Gs1Fault::NotAttribute => 138,
            Gs1Fault::BelongsInPath => 139,
        };
        Code::new(block::CODEC, case)
    }

    /// The input is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

impl core::error::Error for Gs1Error {}

impl fmt::Display for Gs1Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(ai) = self.ai {
            write!(f, "({ai}) ")?;
        }
        match self.fault {
            Gs1Fault::Empty => f.write_str("no GS1 data"),
            Gs1Fault::InputTooLong => f.write_str("longer than a GS1 message can be"),
            Gs1Fault::TooMany => f.write_str("too many elements"),
            Gs1Fault::Expected(what) => write!(f, "expected {what}"),
            Gs1Fault::NotGs1 => f.write_str("the symbol does not carry GS1 elements"),
            Gs1Fault::UnknownAi => f.write_str("no such application identifier"),
            Gs1Fault::NoValue => f.write_str("has no data"),
            Gs1Fault::TooShort => f.write_str("is too short"),
            Gs1Fault::TooLong => f.write_str("is too long"),
            Gs1Fault::Character(Charset::Numeric) => f.write_str("needs a digit"),
            Gs1Fault::Character(set) => write!(f, "needs a character of set {}", set.letter()),
            Gs1Fault::Check(lint) => write!(f, "needs {}", lint.expects()),
            Gs1Fault::Excludes(other) => write!(f, "may not be paired with ({other})"),
            Gs1Fault::Requires => self.write_requirements(f),
            Gs1Fault::Differs => f.write_str("is there twice with different data"),
            Gs1Fault::NoSerial => f.write_str("needs its serial component beside (8030)"),
            Gs1Fault::NoKey => f.write_str("no primary key in the path"),
            Gs1Fault::KeySequence => f.write_str("does not take these qualifiers in this order"),
            Gs1Fault::Duplicate => f.write_str("is there twice"),
            Gs1Fault::NotAttribute => f.write_str("may not stand in the query"),
            Gs1Fault::BelongsInPath => f.write_str("must stand in the path"),
        }?;
        write!(f, " (byte {})", self.at)
    }
}

impl Gs1Error {
    fn write_requirements(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("needs ")?;
        let groups = self.ai.and_then(Ai::entry).map_or(&[][..], |entry| entry.requires());
        for (i, group) in groups.iter().enumerate() {
            f.write_str(if i == 0 { "" } else { " or " })?;
            for (j, pattern) in group.iter().enumerate() {
                write!(f, "{}({pattern})", if j == 0 { "" } else { " with " })?;
            }
        }
        Ok(())
    }
}
