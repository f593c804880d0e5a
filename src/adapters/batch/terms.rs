//! What was agreed with a file issuer, as data.

use super::columns::{Columns, Field, Part, RawSide, Reading, Side, Wrong};
use super::name::{Pattern, Stamp};
use super::session::Numbering;
use crate::base::{Advice, Code, block, line_column};
use crate::codec::flat::{Charset, Ending, Format, Layout};
use crate::issuer::{Decline, OpKind};
use crate::money::Currency;
use alloc::collections::BTreeMap;
use alloc::string::String;
use serde::Deserialize;
use toml::Spanned;

/// Terms that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("file terms, line {line}, column {column}: {what}")]
pub struct TermsError {
    /// Line from 1.
    pub line: usize,
    /// Column from 1.
    pub column: usize,
    /// What was expected.
    pub what: String,
}

impl TermsError {
    /// The stable number.
    pub const fn code(&self) -> Code {
        Code::new(block::ADAPTERS, 21)
    }

    /// The text must be corrected.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// What a status in a result file means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Status {
    Accepted,
    Partial,
    Pending,
    NotFound,
    Duplicate,
    Reversed,
    ReversalUnconfirmed,
    ReversalRefused,
    Unsure,
    Declined(Decline),
}

impl Status {
    const NAMED: [(&'static str, Self); 9] = [
        ("accepted", Self::Accepted),
        ("partial", Self::Partial),
        ("pending", Self::Pending),
        ("not_found", Self::NotFound),
        ("duplicate", Self::Duplicate),
        ("reversed", Self::Reversed),
        ("reversal_unconfirmed", Self::ReversalUnconfirmed),
        ("reversal_refused", Self::ReversalRefused),
        ("unsure", Self::Unsure),
    ];

    fn from_name(name: &str) -> Option<Self> {
        let named = Self::NAMED.iter().find(|(known, _)| *known == name).map(|(_, status)| *status);
        named.or_else(|| Decline::from_reason(name).map(Self::Declined))
    }
}

/// What stands beside a file, for whoever carries it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delivery {
    /// The file with the SHA-256 of the file beside it: its name is the file's with this behind.
    pub digest_suffix: Option<String>,
    /// The empty file that comes last: its name is the file's with this behind.
    pub flag_suffix: Option<String>,
}

/// What was agreed with a file issuer (日终文件), beyond what every issuer's profile says. The
/// guide, `docs/issuers-batch.md`, has every key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BatchTerms {
    pub(super) format: Format,
    pub(super) ending: Ending,
    pub(super) currency: Currency,
    pub(super) decimal: bool,
    pub(super) utc_offset_min: i32,
    pub(super) numbering: Numbering,
    pub(super) hash_digits: u32,
    pub(super) digest: bool,
    pub(super) delivery: Delivery,
    pub(super) status: BTreeMap<String, Status>,
    pub(super) operations: BTreeMap<String, OpKind>,
    pub(super) out: Side,
    pub(super) result: Side,
    pub(super) balances: Option<Side>,
}

/// The terms as their text has them.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(in crate::adapters) struct RawTerms {
    encoding: Option<Spanned<String>>,
    layout: Option<RawLayout>,
    delimiter: Option<Spanned<char>>,
    quote: Option<Spanned<char>>,
    gap: Option<Spanned<char>>,
    ending: Option<Spanned<String>>,
    currency: Spanned<String>,
    amount: Option<RawAmount>,
    utc_offset_min: Option<Spanned<i32>>,
    sequence: Option<RawNumbering>,
    hash_digits: Option<Spanned<u32>>,
    digest_suffix: Option<Spanned<String>>,
    flag_suffix: Option<Spanned<String>>,
    status: BTreeMap<String, Spanned<String>>,
    #[serde(default)]
    operations: BTreeMap<String, Spanned<String>>,
    out: Spanned<RawSide>,
    result: Spanned<RawSide>,
    balances: Option<Spanned<RawSide>>,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawLayout {
    Delimited,
    Fixed,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawAmount {
    Minor,
    Decimal,
}

#[derive(Clone, Copy, PartialEq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RawNumbering {
    Daily,
    Running,
}

/// A value with its place, or the usual one.
fn or<T>(value: Option<Spanned<T>>, usual: T) -> (usize, T) {
    value.map_or((0, usual), |value| (value.span().start, value.into_inner()))
}

impl BatchTerms {
    /// Reads terms from a text of their own; within a set-up they stand in
    /// `[issuer.NAME.terms]`.
    ///
    /// # Errors
    /// [`TermsError`] with the place and what was expected.
    pub fn parse(text: &str) -> Result<Self, TermsError> {
        let read = toml::from_str::<RawTerms>(text)
            .map_err(|error| (error.span().map_or(0, |span| span.start), error.message().into()))
            .and_then(Self::of);
        read.map_err(|(at, what)| {
            let (line, column) = line_column(text, at);
            TermsError { line, column, what }
        })
    }

    /// What stands beside the files.
    pub fn delivery(&self) -> &Delivery {
        &self.delivery
    }

    /// Whether this is the name of a result file.
    pub fn is_result_name(&self, name: &str) -> bool {
        self.result.name.read(name).is_some()
    }

    /// Whether this is the name of a file of balances.
    pub fn is_balances_name(&self, name: &str) -> bool {
        self.balances.as_ref().is_some_and(|side| side.name.read(name).is_some())
    }

    /// Whether a key is shared with the issuer: for sealed cards or card tags.
    pub fn wants_key(&self) -> bool {
        self.out.row.has(Field::Card) || self.result.row.has(Field::Tag)
    }

    pub(in crate::adapters) fn of(raw: RawTerms) -> Result<Self, Wrong> {
        let wrong = |at: usize, what: &str| Err((at, what.into()));
        let (out_at, result_at) = (raw.out.span().start, raw.result.span().start);
        let fixed = raw.layout == Some(RawLayout::Fixed);
        let decimal = raw.amount == Some(RawAmount::Decimal);
        let reading = Reading { fixed, minor: !decimal };
        let (at, encoding) = or(raw.encoding, "utf-8".into());
        let Some(charset) = Charset::from_name(&encoding) else {
            return wrong(at, "encoding is utf-8 or, with the feature of that name, gb18030");
        };
        let layout = layout(fixed, raw.delimiter, raw.quote, raw.gap)?;
        let (at, ending) = or(raw.ending, "lf".into());
        let Some(ending) = Ending::from_name(&ending) else { return wrong(at, "ending is lf or crlf") };
        let at = raw.currency.span().start;
        let Ok(currency) = raw.currency.get_ref().parse::<Currency>() else {
            return wrong(at, "currency is a code of ISO 4217");
        };
        let (at, utc_offset_min) = or(raw.utc_offset_min, 480);
        if !(-720..=840).contains(&utc_offset_min) {
            return wrong(at, "utc_offset_min is -720 to 840");
        }
        let (at, hash_digits) = or(raw.hash_digits, 10);
        if !(1..=18).contains(&hash_digits) {
            return wrong(at, "hash_digits is 1 to 18");
        }
        let delivery =
            Delivery { digest_suffix: suffix(raw.digest_suffix)?, flag_suffix: suffix(raw.flag_suffix)? };
        let digest = delivery.digest_suffix.is_some();
        let status = statuses(raw.status)?;
        let operations = operations(raw.operations)?;
        let out = raw.out.into_inner().read(Part::OutRow, reading)?;
        let result = raw.result.into_inner().read(Part::InRow, reading)?;
        if !(digest || result.trailer.is_some() || result.around(Field::Count)) {
            let what = "a result file is known to be whole by a trailer, a count or a digest beside it";
            return wrong(result_at, what);
        }
        if out.row.has(Field::Card) && (out.row.has(Field::Secret) || out.row.has(Field::Number)) {
            return wrong(out_at, "a sealed card takes the place of number and secret");
        }
        if !(out.row.has(Field::Card) || out.row.has(Field::Secret) || out.row.has(Field::Number)) {
            return wrong(out_at, "the row needs the card: sealed, or its number or secret");
        }
        let codes = operations.is_empty();
        if (out.row.has(Field::Operation) || result.row.has(Field::Operation)) == codes {
            return wrong(out_at, "a column for the operation and [operations] go together");
        }
        let lists = raw.balances.map(|side| balances(side, reading, digest, &result.name));
        let balances = lists.transpose()?;
        let numbering = match raw.sequence {
            Some(RawNumbering::Running) => Numbering::Running,
            _ => Numbering::Daily,
        };
        Ok(Self {
            format: Format { charset, layout },
            ending,
            currency,
            decimal,
            utc_offset_min,
            numbering,
            hash_digits,
            digest,
            delivery,
            status,
            operations,
            out,
            result,
            balances,
        })
    }

    /// The most bytes that a line of these columns has beyond its values.
    pub(super) fn line_bound(&self, columns: &Columns) -> usize {
        let fixed = columns.width();
        fixed.saturating_add(columns.places.len().saturating_mul(6)).saturating_add(2)
    }
}

/// Files of balances.
fn balances(raw: Spanned<RawSide>, reading: Reading, digest: bool, results: &Pattern) -> Result<Side, Wrong> {
    let at = raw.span().start;
    let side = raw.into_inner().read(Part::Balance, reading)?;
    if side.row.has(Field::Number) == side.row.has(Field::Secret) {
        return Err((
            at,
            "a row of balances names the card by its number or, where it has none, its secret".into(),
        ));
    }
    if !(digest || side.trailer.is_some() || side.around(Field::Count)) {
        let what = "a file of balances is known to be whole by a trailer, a count or a digest beside it";
        return Err((at, what.into()));
    }
    let first = Stamp { date: 20_000_101, time: 0, sequence: 1 };
    if side.name.write(&first).is_some_and(|name| results.read(&name).is_some()) {
        return Err((at, "balances have another name than results".into()));
    }
    Ok(side)
}

fn layout(
    fixed: bool,
    delimiter: Option<Spanned<char>>,
    quote: Option<Spanned<char>>,
    gap: Option<Spanned<char>>,
) -> Result<Layout, Wrong> {
    let misplaced = match fixed {
        true => delimiter.as_ref().or(quote.as_ref()),
        false => gap.as_ref(),
    };
    if let Some(misplaced) = misplaced {
        let what = "delimiter and quote are of delimited lines, gap is of fixed ones";
        return Err((misplaced.span().start, what.into()));
    }
    if fixed {
        let (at, gap) = or(gap.map(|gap| Spanned::new(gap.span(), Some(gap.into_inner()))), None);
        let ascii = gap.map(|gap| u8::try_from(gap).ok().filter(|gap| (b' '..=b'~').contains(gap)));
        return match ascii {
            None => Ok(Layout::Fixed { gap: None }),
            Some(Some(gap)) => Ok(Layout::Fixed { gap: Some(gap) }),
            Some(None) => Err((at, "gap is a printable ASCII character".into())),
        };
    }
    let (at, delimiter) = or(delimiter, ',');
    let quote = quote.map(Spanned::into_inner);
    if delimiter.is_control() || quote.is_some_and(char::is_control) || quote == Some(delimiter) {
        return Err((at, "delimiter and quote are two printable characters".into()));
    }
    Ok(Layout::Delimited { delimiter, quote })
}

fn suffix(suffix: Option<Spanned<String>>) -> Result<Option<String>, Wrong> {
    let Some(suffix) = suffix else { return Ok(None) };
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-');
    let sound = suffix.get_ref().starts_with('.') && suffix.get_ref().len() > 1;
    match sound && suffix.get_ref().chars().all(plain) {
        true => Ok(Some(suffix.into_inner())),
        false => Err((suffix.span().start, "a suffix is a dot with letters or digits behind it".into())),
    }
}

fn statuses(raw: BTreeMap<String, Spanned<String>>) -> Result<BTreeMap<String, Status>, Wrong> {
    let meaning = |(code, name): (String, Spanned<String>)| match Status::from_name(name.get_ref()) {
        Some(meaning) => Ok((code, meaning)),
        None => Err((name.span().start, "a status is an outcome or the reason of a decline".into())),
    };
    raw.into_iter().map(meaning).collect()
}

fn operations(raw: BTreeMap<String, Spanned<String>>) -> Result<BTreeMap<String, OpKind>, Wrong> {
    let mut operations = BTreeMap::new();
    for (name, code) in raw {
        let at = code.span().start;
        let kind = OpKind::from_name(&name).filter(|kind| matches!(kind, OpKind::Redeem | OpKind::Reverse));
        let Some(kind) = kind else { return Err((at, "operations are redeem and reverse".into())) };
        if operations.insert(code.into_inner(), kind).is_some() {
            return Err((at, "each operation has a code of its own".into()));
        }
    }
    let redeems = operations.values().any(|kind| *kind == OpKind::Redeem);
    match operations.is_empty() || redeems {
        true => Ok(operations),
        false => Err((0, "operations name at least redeem".into())),
    }
}
