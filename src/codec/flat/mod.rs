//! Flat files: lines of cells, delimited or of fixed width, in UTF-8 or GB18030.
//!
//! Two traps decide the order of work. The second byte of a character in GB18030 may be `|`, `\`,
//! `^`, `~` or a letter, and the bytes of a character of four may be digits: a delimiter is looked
//! for after decoding. Columns of fixed width count bytes: they are cut before decoding. Line
//! feeds and carriage returns are part of no longer character in either encoding, so lines are cut
//! first.

mod cells;
mod charset;
mod lines;
#[cfg(test)]
mod tests;

pub use cells::{Align, Column, Format, Layout, Row};
pub use charset::Charset;
pub use lines::{Ending, Line, Lines};

use crate::base::{Advice, Code, block};

/// A line that does not have the form agreed on, or a value that does not go into it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("column {column}: {what}")]
pub struct FlatError {
    /// The column from 1; 0 where the whole line is meant.
    pub column: usize,
    /// What was expected.
    pub what: &'static str,
}

impl FlatError {
    /// The stable number, 3,560.
    pub const fn code(&self) -> Code {
        Code::new(block::CODEC, 560)
    }

    /// The input is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}
