//! A line as cells, written and read.

use super::{Charset, FlatError};
use alloc::string::String;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// On which side of its column a value of fixed width stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Align {
    /// Filled up on the right.
    Left,
    /// Filled up on the left.
    Right,
}

/// The place of a value in lines of fixed width; delimited lines need none of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Column {
    /// In bytes.
    pub width: usize,
    /// Where the value stands.
    pub align: Align,
    /// What fills it up: a space or, on the left, also `0`.
    pub pad: u8,
    /// Whether the value is a number: then filling of zeros takes nothing from it.
    pub number: bool,
}

/// How cells stand in a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Layout {
    /// Parted by a character. With a quote, a value that holds the delimiter or the quote stands
    /// in quotes, with its quotes doubled; without, such a value cannot be written.
    Delimited {
        /// Between the values.
        delimiter: char,
        /// Around values.
        quote: Option<char>,
    },
    /// Each of its own width in bytes.
    Fixed {
        /// An ASCII character between the columns, where there is one.
        gap: Option<u8>,
    },
}

/// The form of a file's lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Format {
    /// Its encoding.
    pub charset: Charset,
    /// Its layout.
    pub layout: Layout,
}

/// The values of one line. Kept for the next line, so that reading a file takes no more memory
/// than its longest line; zeroised when dropped, for a value may be a card's secret.
#[derive(Default)]
pub struct Row {
    decoded: Zeroizing<String>,
    text: Zeroizing<String>,
    ends: Vec<usize>,
}

impl Row {
    /// The value in this column, from 0.
    pub fn get(&self, column: usize) -> Option<&str> {
        let end = *self.ends.get(column)?;
        let start = column.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or(0);
        self.text.get(start..end)
    }

    fn clear(&mut self) {
        self.decoded.clear();
        self.text.clear();
        self.ends.clear();
    }

    fn end(&mut self) {
        self.ends.push(self.text.len());
    }
}

impl core::fmt::Debug for Row {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "Row({} values)", self.ends.len())
    }
}

impl Format {
    /// Appends the value of column `place`, counted from 0, with what parts it from the one
    /// before.
    ///
    /// # Errors
    /// [`FlatError`] for a value with a control character or one that the encoding does not have,
    /// that is too long for its column, that its filling would swallow, or that holds the
    /// delimiter where nothing is quoted. `out` may have grown then.
    pub fn write(
        &self,
        place: usize,
        value: &str,
        column: &Column,
        out: &mut Vec<u8>,
    ) -> Result<(), FlatError> {
        let wrong = |what| FlatError { column: place.saturating_add(1), what };
        if value.chars().any(char::is_control) {
            return Err(wrong("no control character"));
        }
        let put = |text: &str, out: &mut Vec<u8>| {
            self.charset.write(text, out).ok_or_else(|| wrong("characters of the file's encoding"))
        };
        match self.layout {
            Layout::Fixed { gap } => {
                out.extend(gap.filter(|_| place > 0));
                let start = out.len();
                put(value, out)?;
                fill(start, value, column, out).map_err(wrong)
            }
            Layout::Delimited { delimiter, quote } => {
                let mut utf8 = [0; 4];
                if place > 0 {
                    put(delimiter.encode_utf8(&mut utf8), out)?;
                }
                let Some(quote) = quote else {
                    if value.contains(delimiter) {
                        return Err(wrong("no delimiter, since values are not quoted"));
                    }
                    return put(value, out);
                };
                if !value.contains([delimiter, quote]) {
                    return put(value, out);
                }
                let quote = &*quote.encode_utf8(&mut utf8);
                put(quote, out)?;
                for (number, part) in value.split(quote).enumerate() {
                    if number > 0 {
                        put(quote, out)?;
                        put(quote, out)?;
                    }
                    put(part, out)?;
                }
                put(quote, out)
            }
        }
    }

    /// Reads a line of these columns.
    ///
    /// # Errors
    /// [`FlatError`] with the column: another number of columns or bytes, bytes that are no text
    /// in this encoding, a control character, or a quote that is not closed.
    pub fn read(&self, line: &[u8], columns: &[Column], row: &mut Row) -> Result<(), FlatError> {
        row.clear();
        match self.layout {
            Layout::Fixed { gap } => self.read_fixed(line, columns, gap, row)?,
            Layout::Delimited { delimiter, quote } => {
                let whole = |what| FlatError { column: 0, what };
                let mut decoded = core::mem::take(&mut row.decoded);
                let read = self.charset.read(line, &mut decoded).ok_or(whole("text in the file's encoding"));
                let split = read.and_then(|()| split(&decoded, (delimiter, quote), row));
                row.decoded = decoded;
                split?;
                if row.ends.len() != columns.len() {
                    return Err(whole("as many columns as agreed"));
                }
            }
        }
        match (0..row.ends.len()).find(|&at| row.get(at).is_some_and(|v| v.chars().any(char::is_control))) {
            Some(at) => Err(FlatError { column: at.saturating_add(1), what: "no control character" }),
            None => Ok(()),
        }
    }

    fn read_fixed(
        &self,
        line: &[u8],
        columns: &[Column],
        gap: Option<u8>,
        row: &mut Row,
    ) -> Result<(), FlatError> {
        let mut at = 0_usize;
        for (place, column) in columns.iter().enumerate() {
            let wrong = |what| FlatError { column: place.saturating_add(1), what };
            if let Some(gap) = gap.filter(|_| place > 0) {
                if line.get(at) != Some(&gap) {
                    return Err(wrong("the character that parts columns"));
                }
                at = at.saturating_add(1);
            }
            let end = at.saturating_add(column.width);
            let bytes = line.get(at..end).ok_or_else(|| wrong("a line as long as agreed"))?;
            let value = strip(bytes, column);
            self.charset.read(value, &mut row.text).ok_or_else(|| wrong("text in the file's encoding"))?;
            row.end();
            at = end;
        }
        match at == line.len() {
            true => Ok(()),
            false => Err(FlatError { column: 0, what: "a line as long as agreed" }),
        }
    }
}

/// The bytes of a column without what fills it up. No part of a longer character is taken for
/// filling: a lead byte is above ASCII, and a space is the last byte of none.
fn strip<'a>(bytes: &'a [u8], column: &Column) -> &'a [u8] {
    let mut value = bytes;
    match column.align {
        Align::Right => {
            while let Some(rest) = value.strip_prefix(&[column.pad]) {
                value = rest;
            }
        }
        Align::Left => {
            while let Some(rest) = value.strip_suffix(&[column.pad]) {
                value = rest;
            }
        }
    }
    value
}

fn fill(start: usize, value: &str, column: &Column, out: &mut Vec<u8>) -> Result<(), &'static str> {
    let len = out.len().saturating_sub(start);
    let Some(missing) = column.width.checked_sub(len) else {
        return Err("a value no longer than its column");
    };
    let written = out.get(start..).unwrap_or_default();
    let swallowed = match column.align {
        Align::Left => written.last() == Some(&column.pad),
        Align::Right => written.first() == Some(&column.pad),
    };
    if swallowed && !(column.number && value.bytes().all(|byte| byte.is_ascii_digit())) {
        return Err("a value that does not end where it is filled up");
    }
    out.resize(out.len().saturating_add(missing), column.pad);
    if column.align == Align::Right {
        out.get_mut(start..).unwrap_or_default().rotate_right(missing);
    }
    Ok(())
}

/// Cuts decoded text at the delimiters that stand in no quotes.
fn split(text: &str, (delimiter, quote): (char, Option<char>), row: &mut Row) -> Result<(), FlatError> {
    let mut rest = text;
    loop {
        let column = row.ends.len().saturating_add(1);
        let wrong = |what| FlatError { column, what };
        if let Some(inner) = quote.and_then(|quote| rest.strip_prefix(quote)) {
            let quote = quote.unwrap_or_default();
            rest = unquote(inner, quote, &mut row.text).ok_or_else(|| wrong("a closing quote"))?;
            if !rest.is_empty() && !rest.starts_with(delimiter) {
                return Err(wrong("the delimiter after a closing quote"));
            }
        } else {
            let end = rest.find(delimiter).unwrap_or(rest.len());
            let (value, after) = rest.split_at(end);
            if quote.is_some_and(|quote| value.contains(quote)) {
                return Err(wrong("quotes around a value with a quote in it"));
            }
            row.text.push_str(value);
            rest = after;
        }
        row.end();
        match rest.strip_prefix(delimiter) {
            Some(after) => rest = after,
            None => return Ok(()),
        }
    }
}

/// Appends what stands up to the closing quote, and returns what stands behind it.
fn unquote<'a>(mut rest: &'a str, quote: char, out: &mut String) -> Option<&'a str> {
    loop {
        let (value, after) = rest.split_once(quote)?;
        out.push_str(value);
        match after.strip_prefix(quote) {
            Some(more) => {
                out.push(quote);
                rest = more;
            }
            None => return Some(after),
        }
    }
}
