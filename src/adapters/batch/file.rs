//! One file, written and read. What is read is checked as a whole before anything of it counts.

use super::columns::{Columns, Field, Side, Source};
use super::name::{Stamp, Told};
use super::terms::BatchTerms;
use crate::base::{Advice, Code, Digest, Hasher, block};
use crate::codec::envelope::Envelope;
use crate::codec::flat::{FlatError, Line, Lines, Row};
use crate::issuer::EncodeError;
use crate::money::Amount;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;
use zeroize::Zeroizing;

/// Why a file is refused as a whole. Nothing of it counts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {fault}")]
pub struct FileError {
    /// The line from 1; 0 where the whole file is meant.
    pub line: usize,
    /// Byte offset of the line in the file.
    pub at: usize,
    /// What is wrong.
    pub fault: FileFault,
}

/// What is wrong with a file. What stands in it is not told, but for totals.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FileFault {
    /// It does not come with a name, or with another than agreed.
    #[error("the name of a file as agreed is expected")]
    Name,
    /// It is not what its digest was made of, or comes without one.
    #[error("the SHA-256 beside the file is expected to be that of its bytes")]
    Digest,
    /// A line that does not have the form agreed on.
    #[error("{0} is expected")]
    Form(FlatError),
    /// Nothing is in it, or it ends without its trailer: it was cut.
    #[error("the {0} is expected")]
    Missing(&'static str),
    /// Another number of rows.
    #[error("{expected} rows are expected, {found} were found")]
    Count {
        /// As header or trailer say.
        expected: u64,
        /// As there are.
        found: u64,
    },
    /// Another sum of amounts.
    #[error("a sum of {expected} minor units is expected, {found} was found")]
    Sum {
        /// As header or trailer say.
        expected: i64,
        /// As the rows give.
        found: i64,
    },
    /// Another hash total.
    #[error("a hash total of {expected} is expected, {found} was found")]
    Hash {
        /// As header or trailer say.
        expected: u64,
        /// As the rows give.
        found: u64,
    },
    /// Its header tells another date or number than its name.
    #[error("the date and number of the file's name are expected")]
    Stamp,
    /// Another file of this date and number was taken before.
    #[error("a new number is expected: another file of this date and number was taken")]
    Resent,
}

impl FileError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(block::ADAPTERS, 22)
    }

    /// The issuer is to send another file.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }

    /// What was expected, without figures.
    pub(super) const fn what(&self) -> &'static str {
        match self.fault {
            FileFault::Name => "the name of a file as agreed",
            FileFault::Digest => "the SHA-256 of the file's bytes",
            FileFault::Form(FlatError { what, .. }) | FileFault::Missing(what) => what,
            FileFault::Count { .. } => "as many rows as the file says",
            FileFault::Sum { .. } => "the sum that the file says",
            FileFault::Hash { .. } => "the hash total that the file says",
            FileFault::Stamp => "the date and number of the file's name",
            FileFault::Resent => "a new number: another file of this date and number was taken",
        }
    }
}

/// What a sound file says as a whole.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// How many rows there are.
    pub count: u64,
    /// The sum of their amounts in minor units.
    pub sum: i64,
    /// The hash total: the last digits of a column in each row, added up.
    pub hash: u64,
}

impl Totals {
    fn add(&mut self, minor: i64, hashed: &str, digits: u32) -> Result<(), &'static str> {
        let limit = 10_u64.pow(digits);
        let digits = hashed.bytes().filter(u8::is_ascii_digit);
        // The last digits of the column, and the last digits of the sum.
        let value = digits.fold(0_u64, |value, digit| (value * 10 + u64::from(digit - b'0')) % limit);
        self.count = self.count.saturating_add(1);
        self.hash = (self.hash + value) % limit;
        self.sum = self.sum.checked_add(minor).ok_or("a sum within 64 bits")?;
        Ok(())
    }
}

/// Puts one value of one row into the text.
pub(super) type Values<'v> = dyn Fn(usize, Field, &mut String) -> Result<(), EncodeError> + 'v;

/// Writes a file of `rows` rows.
pub(super) fn write(
    terms: &BatchTerms,
    side: &Side,
    stamp: &Stamp,
    rows: usize,
    values: &Values<'_>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    // As long as any value, so that it never moves and leaves a copy.
    let mut cell = Zeroizing::new(String::with_capacity(4_096));
    let mut totals = Totals::default();
    if [Field::Count, Field::Sum, Field::Hash].into_iter().any(|field| side.around(field)) {
        for row in 0..rows {
            cell.clear();
            if side.row.has(Field::Amount) {
                values(row, Field::Amount, &mut cell)?;
            }
            let minor = read_minor(terms, &cell).map_err(|_| EncodeError::Field("amount"))?;
            cell.clear();
            if let Some(field) = side.hash_of {
                values(row, field, &mut cell)?;
            }
            totals.add(minor, &cell, terms.hash_digits).map_err(|_| EncodeError::Field("sum"))?;
        }
    }
    let around = |columns: &Option<Columns>, out: &mut Vec<u8>, cell: &mut Zeroizing<String>| {
        let Some(columns) = columns else { return Ok(()) };
        let value = |field, out: &mut String| put_around(terms, stamp, &totals, field, out);
        write_line(terms, columns, &value, cell, out)
    };
    around(&side.header, out, &mut cell)?;
    for row in 0..rows {
        let value = |field, out: &mut String| match field {
            Field::Line => write!(out, "{}", row + 1).map_err(|_| EncodeError::Field("line")),
            Field::Date | Field::Time | Field::Sequence => put_around(terms, stamp, &totals, field, out),
            _ => values(row, field, out),
        };
        write_line(terms, &side.row, &value, &mut cell, out)?;
    }
    around(&side.trailer, out, &mut cell)
}

fn put_around(
    terms: &BatchTerms,
    stamp: &Stamp,
    totals: &Totals,
    field: Field,
    out: &mut String,
) -> Result<(), EncodeError> {
    let put = match field {
        Field::Date => write!(out, "{:08}", stamp.date),
        Field::Time => write!(out, "{:06}", stamp.time),
        Field::Sequence => write!(out, "{}", stamp.sequence),
        Field::Count => write!(out, "{}", totals.count),
        Field::Sum => return put_minor(terms, totals.sum, out),
        Field::Hash => write!(out, "{}", totals.hash),
        _ => Ok(()),
    };
    put.map_err(|_| EncodeError::Field("header or trailer"))
}

fn write_line(
    terms: &BatchTerms,
    columns: &Columns,
    value: &dyn Fn(Field, &mut String) -> Result<(), EncodeError>,
    cell: &mut Zeroizing<String>,
    out: &mut Vec<u8>,
) -> Result<(), EncodeError> {
    for (place, (source, column)) in columns.sources.iter().zip(&columns.places).enumerate() {
        cell.clear();
        let name = match source {
            Source::Text(text) => {
                cell.push_str(text);
                "text"
            }
            Source::Field(field) => {
                value(*field, cell)?;
                name_of(*field)
            }
        };
        terms.format.write(place, cell, column, out).map_err(|_| EncodeError::Field(name))?;
    }
    out.extend_from_slice(terms.ending.bytes());
    Ok(())
}

const fn name_of(field: Field) -> &'static str {
    match field {
        Field::Reference => "reference",
        Field::Product => "product",
        Field::Number => "number",
        Field::Secret => "secret",
        Field::Card => "card",
        Field::Amount => "amount",
        Field::Sum => "sum",
        Field::Count => "count",
        Field::Status => "status",
        Field::IssuerReference => "issuer_reference",
        Field::Sequence => "sequence",
        _ => "column",
    }
}

/// An amount as the file has it.
pub(super) fn put_minor(terms: &BatchTerms, minor: i64, out: &mut String) -> Result<(), EncodeError> {
    let wrong = |_| EncodeError::Field("amount");
    let minor = u64::try_from(minor).map_err(|_| EncodeError::Field("amount"))?;
    let digits = terms.currency.exponent();
    if !terms.decimal || digits == 0 {
        return write!(out, "{minor}").map_err(wrong);
    }
    let unit = 10_u64.pow(digits);
    write!(out, "{}.{:0width$}", minor / unit, minor % unit, width = digits as usize).map_err(wrong)
}

/// Reads an amount in minor units; nothing there is none.
pub(super) fn read_minor(terms: &BatchTerms, text: &str) -> Result<i64, &'static str> {
    const WHAT: &str = "an amount as agreed";
    match (text.is_empty(), terms.decimal) {
        (true, _) => Ok(0),
        (false, true) => Amount::parse(text, terms.currency).map(Amount::minor).map_err(|_| WHAT),
        (false, false) => number::<i64>(text).ok_or(WHAT),
    }
}

/// Digits and nothing else.
fn number<T: core::str::FromStr>(text: &str) -> Option<T> {
    text.parse().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
}

/// A file as it came: with its name, and what its digest is said to be.
#[derive(Clone, Copy)]
pub(super) struct Incoming<'a> {
    pub(super) name: &'a str,
    digest: Option<&'a str>,
    pub(super) body: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// Takes apart what transports hand over.
    pub(super) fn of(bytes: &'a [u8]) -> Result<Self, FileError> {
        let envelope = Envelope::read(bytes).map_err(|error| FileError {
            line: 0,
            at: error.at,
            fault: FileFault::Name,
        })?;
        Ok(Self { name: envelope.first, digest: envelope.get("digest"), body: envelope.body })
    }

    pub(super) fn digest(&self) -> Digest {
        Hasher::new().with(self.body).finish()
    }
}

/// One row, as it is handed out.
pub(super) struct RowOf<'r> {
    row: &'r Row,
    side: &'r Side,
}

impl RowOf<'_> {
    /// The value of a column, if the file has it.
    pub(super) fn get(&self, field: Field) -> Option<&str> {
        self.row.get(self.side.row.place_of(field)?)
    }
}

/// Checks the whole file in one pass that keeps nothing but totals.
pub(super) fn check(
    terms: &BatchTerms,
    side: &Side,
    file: &Incoming<'_>,
) -> Result<(Told, Totals), FileError> {
    let whole = |fault| FileError { line: 0, at: 0, fault };
    let named = side.name.read(file.name).ok_or_else(|| whole(FileFault::Name))?;
    if terms.digest {
        let said = file.digest.unwrap_or_default();
        let mut words = said.split_ascii_whitespace();
        let digits = words.next().unwrap_or_default();
        let of_it = words.next().is_none_or(|name| name.trim_start_matches('*') == file.name);
        let found = alloc::format!("{}", file.digest());
        if !(of_it && digits.eq_ignore_ascii_case(&found)) {
            return Err(whole(FileFault::Digest));
        }
    }
    walk(terms, side, file.body, named, &mut |_| {})
}

/// Hands out the rows of a file that was checked.
pub(super) fn rows(terms: &BatchTerms, side: &Side, file: &Incoming<'_>, visit: &mut dyn FnMut(&RowOf<'_>)) {
    let walked = walk(terms, side, file.body, Told::default(), visit);
    debug_assert!(walked.is_ok(), "it was checked");
}

/// What header and trailer say, and what the rows give.
struct Tally {
    told: Told,
    expected: [Option<u64>; 3],
    found: Totals,
}

fn walk(
    terms: &BatchTerms,
    side: &Side,
    body: &[u8],
    named: Told,
    visit: &mut dyn FnMut(&RowOf<'_>),
) -> Result<(Told, Totals), FileError> {
    let mut tally = Tally { told: named, expected: [None; 3], found: Totals::default() };
    let mut row = Row::default();
    let (mut header, mut trailer) = (side.header.is_none(), side.trailer.is_none());
    let (mut line_number, mut at) = (0, 0);
    for (line, sound) in Lines::new(body, terms.ending) {
        (line_number, at) = (line.number, line.at);
        let wrong = |fault| FileError { line: line.number, at: line.at, fault };
        sound.map_err(|error| wrong(FileFault::Form(error)))?;
        if line.last && !line.ended && side.trailer.is_none() {
            return Err(wrong(FileFault::Missing("end of the line")));
        }
        let around = match (&side.header, &side.trailer) {
            (Some(columns), _) if line.number == 1 => Some((&mut header, columns)),
            (_, Some(columns)) if line.last => Some((&mut trailer, columns)),
            _ => None,
        };
        match around {
            Some((seen, columns)) => {
                *seen = true;
                read_around(terms, columns, &line, &mut row, &mut tally).map_err(wrong)?;
            }
            None => {
                read_row(terms, side, &line, &mut row, &mut tally.found).map_err(wrong)?;
                visit(&RowOf { row: &row, side });
            }
        }
    }
    let last = |fault| FileError { line: line_number, at, fault };
    match (header, trailer) {
        (false, _) => return Err(last(FileFault::Missing("header"))),
        (_, false) => return Err(last(FileFault::Missing("trailer"))),
        _ => {}
    }
    let (expected, found) = (tally.expected, tally.found);
    let differs = |expected: Option<u64>, found: u64| expected.filter(|expected| *expected != found);
    if let Some(expected) = differs(expected[0], found.count) {
        return Err(last(FileFault::Count { expected, found: found.count }));
    }
    let sum = expected[1].and_then(|sum| i64::try_from(sum).ok());
    if let Some(expected) = sum.filter(|sum| *sum != found.sum) {
        return Err(last(FileFault::Sum { expected, found: found.sum }));
    }
    if let Some(expected) = differs(expected[2], found.hash) {
        return Err(last(FileFault::Hash { expected, found: found.hash }));
    }
    Ok((tally.told, found))
}

fn form(column: usize, what: &'static str) -> FileFault {
    FileFault::Form(FlatError { column: column.saturating_add(1), what })
}

fn read_around(
    terms: &BatchTerms,
    columns: &Columns,
    line: &Line<'_>,
    row: &mut Row,
    tally: &mut Tally,
) -> Result<(), FileFault> {
    terms.format.read(line.bytes, &columns.places, row).map_err(FileFault::Form)?;
    for (place, source) in columns.sources.iter().enumerate() {
        let text = row.get(place).unwrap_or_default();
        let Source::Field(field) = source else {
            texts(columns, place, text)?;
            continue;
        };
        // Filling has taken the zeros from a zero.
        let text = if text.is_empty() && columns.places.get(place).is_some_and(|c| c.width > 0) {
            "0"
        } else {
            text
        };
        let figure = || number::<u64>(text).ok_or_else(|| form(place, "a number"));
        let small = || number::<u32>(text).ok_or_else(|| form(place, "a number"));
        let slot = match field {
            Field::Count => 0,
            Field::Hash => 2,
            Field::Sum => {
                let sum = read_minor(terms, text).map_err(|what| form(place, what))?;
                let sum = u64::try_from(sum).map_err(|_| form(place, "a sum"))?;
                said(&mut tally.expected, 1, sum).map_err(|what| form(place, what))?;
                continue;
            }
            Field::Date => {
                let date = small()?;
                if tally.told.date.replace(date).is_some_and(|named| named != date) {
                    return Err(FileFault::Stamp);
                }
                continue;
            }
            Field::Sequence => {
                let sequence = small()?;
                if tally.told.sequence.replace(sequence).is_some_and(|named| named != sequence) {
                    return Err(FileFault::Stamp);
                }
                continue;
            }
            _ => continue,
        };
        said(&mut tally.expected, slot, figure()?).map_err(|what| form(place, what))?;
    }
    Ok(())
}

/// Header and trailer may both tell a total, and the same one.
fn said(expected: &mut [Option<u64>; 3], slot: usize, figure: u64) -> Result<(), &'static str> {
    let Some(slot) = expected.get_mut(slot) else { return Ok(()) };
    match slot.replace(figure) {
        Some(before) if before != figure => Err("the total that the header tells"),
        _ => Ok(()),
    }
}

fn texts(columns: &Columns, place: usize, text: &str) -> Result<(), FileFault> {
    match columns.sources.get(place) {
        Some(Source::Text(expected)) if expected.trim_end_matches(' ') != text.trim_end_matches(' ') => {
            Err(form(place, "the text agreed for this line"))
        }
        _ => Ok(()),
    }
}

fn read_row(
    terms: &BatchTerms,
    side: &Side,
    line: &Line<'_>,
    row: &mut Row,
    totals: &mut Totals,
) -> Result<(), FileFault> {
    let columns = &side.row;
    terms.format.read(line.bytes, &columns.places, row).map_err(FileFault::Form)?;
    let mut minor = 0;
    let mut hashed = "";
    for (place, source) in columns.sources.iter().enumerate() {
        let text = row.get(place).unwrap_or_default();
        match source {
            Source::Text(_) => texts(columns, place, text)?,
            Source::Field(field) => {
                if *field == Field::Amount {
                    minor = read_minor(terms, text).map_err(|what| form(place, what))?;
                }
                if *field == Field::Line && number::<u64>(text) != Some(totals.count.saturating_add(1)) {
                    return Err(form(place, "the number of the row"));
                }
                if side.hash_of == Some(*field) {
                    hashed = text;
                }
            }
        }
    }
    totals.add(minor, hashed, terms.hash_digits).map_err(|what| form(0, what))
}
