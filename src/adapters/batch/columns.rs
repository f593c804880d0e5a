//! What stands in the columns of a file's header, rows and trailer.

use super::name::Pattern;
use crate::codec::flat::{Align, Column};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use serde::Deserialize;
use toml::Spanned;

/// What a column holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Field {
    Date,
    Time,
    Sequence,
    Count,
    Sum,
    Hash,
    Line,
    Reference,
    Operation,
    Product,
    Number,
    Secret,
    Card,
    Amount,
    Currency,
    Attempt,
    Status,
    IssuerReference,
    Tag,
    Skip,
}

impl Field {
    /// Whether it is a number by itself.
    pub(super) const fn is_number(self) -> bool {
        matches!(
            self,
            Self::Date
                | Self::Time
                | Self::Sequence
                | Self::Count
                | Self::Sum
                | Self::Hash
                | Self::Line
                | Self::Amount
                | Self::Attempt
        )
    }
}

/// Whether a line stands around the rows or is one, and whose it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A header or trailer.
    Around,
    /// A row of an outgoing file.
    OutRow,
    /// A row of a result file.
    InRow,
    /// A row of a file of balances.
    Balance,
}

impl Part {
    const fn takes(self, field: Field) -> bool {
        use Field as F;
        match self {
            Self::Around => {
                matches!(field, F::Date | F::Time | F::Sequence | F::Count | F::Sum | F::Hash | F::Skip)
            }
            Self::OutRow => {
                !matches!(field, F::Count | F::Sum | F::Hash | F::Status | F::IssuerReference | F::Tag)
            }
            Self::Balance => matches!(
                field,
                F::Line | F::Product | F::Number | F::Secret | F::Amount | F::Currency | F::Skip
            ),
            Self::InRow => matches!(
                field,
                F::Line
                    | F::Reference
                    | F::Operation
                    | F::Status
                    | F::IssuerReference
                    | F::Amount
                    | F::Currency
                    | F::Tag
                    | F::Skip
            ),
        }
    }
}

/// A column as agreed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Text(String),
    Field(Field),
}

/// The columns of one kind of line: what they hold and where they stand.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Columns {
    pub(super) sources: Vec<Source>,
    pub(super) places: Vec<Column>,
}

impl Columns {
    pub(super) fn place_of(&self, field: Field) -> Option<usize> {
        self.sources.iter().position(|source| *source == Source::Field(field))
    }

    pub(super) fn has(&self, field: Field) -> bool {
        self.place_of(field).is_some()
    }

    /// The bytes of a line of fixed width without what parts columns.
    pub(super) fn width(&self) -> usize {
        self.places.iter().fold(0, |sum: usize, column| sum.saturating_add(column.width))
    }
}

/// Files of one direction.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Side {
    pub(super) name: Pattern,
    pub(super) header: Option<Columns>,
    pub(super) row: Columns,
    pub(super) trailer: Option<Columns>,
    /// Which column of the rows the hash total is made of.
    pub(super) hash_of: Option<Field>,
}

impl Side {
    /// Whether a header or trailer holds it.
    pub(super) fn around(&self, field: Field) -> bool {
        [&self.header, &self.trailer].into_iter().flatten().any(|columns| columns.has(field))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct RawSide {
    name: Spanned<String>,
    #[serde(default)]
    header: Vec<Spanned<RawColumn>>,
    row: Spanned<Vec<Spanned<RawColumn>>>,
    #[serde(default)]
    trailer: Vec<Spanned<RawColumn>>,
    hash_of: Option<Spanned<Field>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RawColumn {
    field: Option<Field>,
    text: Option<String>,
    width: Option<usize>,
    align: Option<RawAlign>,
    pad: Option<char>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawAlign {
    Left,
    Right,
}

/// What is wrong, and at which byte of the text.
pub(super) type Wrong = (usize, String);

/// What the columns are read for.
#[derive(Clone, Copy)]
pub(super) struct Reading {
    pub(super) fixed: bool,
    /// Whether amounts are whole minor units, which zeros may fill up.
    pub(super) minor: bool,
}

impl RawSide {
    pub(super) fn read(self, row: Part, reading: Reading) -> Result<Side, Wrong> {
        let at = self.name.span().start;
        let name = Pattern::parse(self.name.get_ref()).map_err(|what| (at, what.into()))?;
        let around = |raw: Vec<Spanned<RawColumn>>| match raw.is_empty() {
            true => Ok(None),
            false => columns(raw, Part::Around, reading).map(Some),
        };
        let (header, trailer) = (around(self.header)?, around(self.trailer)?);
        let rows_at = self.row.span().start;
        let columns = columns(self.row.into_inner(), row, reading)?;
        let needed: &[Field] = match row {
            Part::InRow => &[Field::Reference, Field::Status, Field::Amount],
            Part::Balance => &[Field::Product, Field::Amount],
            _ => &[Field::Reference, Field::Amount],
        };
        if !needed.iter().all(|field| columns.has(*field)) {
            return Err((rows_at, format!("the row needs columns for {needed:?}")));
        }
        let hash_at = self.hash_of.as_ref().map(|field| field.span().start);
        let hash_of = self.hash_of.map(Spanned::into_inner);
        let side = Side { name, header, row: columns, trailer, hash_of };
        if let Some(at) = hash_at.filter(|_| !hash_of.is_some_and(|field| side.row.has(field))) {
            return Err((at, "hash_of names a column of the row".into()));
        }
        if matches!(hash_of, Some(Field::Secret | Field::Card)) {
            return Err((hash_at.unwrap_or(rows_at), "a hash total of secrets would tell them".into()));
        }
        if side.around(Field::Hash) != hash_of.is_some() {
            return Err((rows_at, "a hash total and hash_of go together".into()));
        }
        if side.around(Field::Sum) && !side.row.has(Field::Amount) {
            return Err((rows_at, "a sum needs amounts in the rows".into()));
        }
        Ok(side)
    }
}

fn columns(raw: Vec<Spanned<RawColumn>>, part: Part, reading: Reading) -> Result<Columns, Wrong> {
    let mut columns = Columns::default();
    for raw in raw {
        let at = raw.span().start;
        let wrong = |what: &str| Err((at, what.into()));
        let raw = raw.into_inner();
        let source = match (raw.field, raw.text) {
            (Some(field), None) if !part.takes(field) => {
                return Err((at, format!("{field:?} has no place in this line")));
            }
            (Some(field), None) if field != Field::Skip && columns.has(field) => {
                return Err((at, format!("{field:?} stands in this line already")));
            }
            (Some(field), None) => Source::Field(field),
            (None, Some(text)) => Source::Text(text),
            _ => return wrong("a column is { field = \"...\" } or { text = \"...\" }"),
        };
        let number = match &source {
            Source::Field(Field::Amount | Field::Sum) => reading.minor,
            Source::Field(field) => field.is_number(),
            Source::Text(_) => false,
        };
        if raw.width.is_some() != reading.fixed {
            return wrong("columns of fixed width have a width, delimited ones have none");
        }
        let usual = if number { RawAlign::Right } else { RawAlign::Left };
        let align = raw.align.unwrap_or(usual);
        let pad = raw.pad.unwrap_or(if number && align == RawAlign::Right { '0' } else { ' ' });
        if pad != ' ' && (pad != '0' || align == RawAlign::Left) {
            return wrong("pad is a space or, on the left of a value, `0`");
        }
        if raw.width.is_some_and(|width| width == 0 || width > 4_096) {
            return wrong("width is 1 to 4096 bytes");
        }
        let align = if align == RawAlign::Left { Align::Left } else { Align::Right };
        let pad = if pad == '0' { b'0' } else { b' ' };
        columns.places.push(Column { width: raw.width.unwrap_or(0), align, pad, number });
        columns.sources.push(source);
    }
    Ok(columns)
}
