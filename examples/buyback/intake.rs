//! The dealer's file of cards, read line by line.
//!
//! The file is CSV in UTF-8 with a header, one record per physical line. Columns stand in any
//! order; [`COLUMNS`] lists them, any other is ignored. A line that is wrong is reported with its
//! number, its column and what was expected, and the rest goes on.

use crate::fault::{InputError, LineError, label};
use crate::instant::{self, InstantError};
use crate::place::{self, Place};
use crate::sheet::{Cells, Column, Sheet};
use scrip::base::{Secret, Text, TextError};
use scrip::money::{Amount, Currency, DecimalError};
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::IpAddr;
use std::path::Path;

/// The columns of the file. The last five may be left out.
pub(crate) const COLUMNS: [Column; 13] = [
    Column { name: "request_id", required: true },
    Column { name: "seller_id", required: true },
    Column { name: "product", required: true },
    Column { name: "card_number", required: true },
    Column { name: "card_secret", required: true },
    Column { name: "face_value", required: true },
    Column { name: "currency", required: true },
    Column { name: "received_at", required: true },
    Column { name: "channel", required: false },
    Column { name: "device_id", required: false },
    Column { name: "ip", required: false },
    Column { name: "lat", required: false },
    Column { name: "lon", required: false },
];

/// One line that is not blank.
#[derive(Debug)]
pub(crate) struct Line {
    /// Its number in the file, blank lines included; the header is line 1.
    pub(crate) number: u64,
    pub(crate) parsed: Result<Row, LineError>,
}

/// A request as the dealer wrote it. Whether the product exists and the card fits it is for the
/// catalogue to say.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Row {
    pub(crate) request_id: Text,
    pub(crate) seller_id: Text,
    pub(crate) product: Text,
    /// Absent where the product has none.
    pub(crate) card_number: Option<Secret>,
    pub(crate) card_secret: Secret,
    /// What the seller says is on the card; more than 0.
    pub(crate) face: Amount,
    /// Milliseconds since 1970-01-01T00:00:00Z, in the years 2000 to 2099.
    pub(crate) received_at_ms: i64,
    pub(crate) channel: Option<Text>,
    pub(crate) device_id: Option<Text>,
    pub(crate) ip: Option<IpAddr>,
    pub(crate) place: Option<Place>,
}

/// Gives the lines of a file in their order; the error that ends it is that of the whole file.
pub(crate) struct Intake<R> {
    sheet: Sheet<R>,
    ended: bool,
}

impl Intake<BufReader<File>> {
    /// Opens a file and reads its header.
    pub(crate) fn open(path: &Path) -> Result<Self, InputError> {
        Self::new(&label(path), open(path)?)
    }
}

/// Opens what is not a directory.
pub(crate) fn open(path: &Path) -> Result<BufReader<File>, InputError> {
    let fatal = |what: String| InputError::new(&label(path), what);
    let file = File::open(path).map_err(|error| fatal(format!("cannot be opened: {error}")))?;
    let about = file.metadata().map_err(|error| fatal(format!("cannot be read: {error}")))?;
    if about.is_dir() {
        return Err(fatal("is a directory, a file was expected".into()));
    }
    Ok(BufReader::with_capacity(64 * 1024, file))
}

impl<R: BufRead> Intake<R> {
    /// Reads the header from `reader`; `label` names it in messages.
    pub(crate) fn new(label: &str, reader: R) -> Result<Self, InputError> {
        Ok(Self { sheet: Sheet::open(label, reader, &COLUMNS)?, ended: false })
    }
}

impl<R: BufRead> Iterator for Intake<R> {
    type Item = Result<Line, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.ended {
            return None;
        }
        let item = self.sheet.next().transpose();
        let item =
            item.map(|item| item.map(|(number, cells)| Line { number, parsed: cells.and_then(|c| row(&c)) }));
        self.ended = !matches!(item, Some(Ok(_)));
        item
    }
}

fn row(cells: &Cells<'_>) -> Result<Row, LineError> {
    let request_id = required_text(cells, "request_id")?;
    rest(cells, &request_id).map_err(|error| LineError { request_id: Some(request_id), ..error })
}

fn rest(cells: &Cells<'_>, request_id: &Text) -> Result<Row, LineError> {
    Ok(Row {
        request_id: request_id.clone(),
        seller_id: required_text(cells, "seller_id")?,
        product: required_text(cells, "product")?,
        card_number: secret(cells, "card_number")?,
        card_secret: secret(cells, "card_secret")?.ok_or_else(|| missing("card_secret"))?,
        face: face(cells)?,
        received_at_ms: received_at(cells)?,
        channel: optional_text(cells, "channel")?,
        device_id: optional_text(cells, "device_id")?,
        ip: ip(cells)?,
        place: place(cells)?,
    })
}

fn missing(column: &'static str) -> LineError {
    LineError::new(Some(column), "field_missing", "a value")
}

fn required_text(cells: &Cells<'_>, column: &'static str) -> Result<Text, LineError> {
    optional_text(cells, column)?.ok_or_else(|| missing(column))
}

fn optional_text(cells: &Cells<'_>, column: &'static str) -> Result<Option<Text>, LineError> {
    match Text::new(cells.get(column)) {
        Ok(text) => Ok(Some(text)),
        Err(TextError::Empty) => Ok(None),
        Err(TextError::TooLong { max, len }) => {
            let expected = format!("at most {max} bytes, found {len}");
            Err(LineError::new(Some(column), "field_too_long", expected))
        }
        Err(TextError::Control { at }) => {
            let expected = format!("no control character, found one at byte {at} of the field");
            Err(LineError::new(Some(column), "control_character", expected))
        }
    }
}

/// A number or secret is text as well, but none of it is kept outside a [`Secret`].
fn secret(cells: &Cells<'_>, column: &'static str) -> Result<Option<Secret>, LineError> {
    Ok(optional_text(cells, column)?.map(|_| Secret::from(cells.get(column))))
}

/// A number of decimal units of the currency in `currency`.
pub(crate) fn amount(cells: &Cells<'_>, column: &'static str) -> Result<Amount, LineError> {
    let code = required_text(cells, "currency")?;
    let currency: Currency = code.parse().map_err(|_| {
        LineError::new(Some("currency"), "currency_unknown", "an ISO 4217 code in capitals, such as CNY")
    })?;
    let text = cells.get(column);
    Amount::parse(text, currency).map_err(|error| match error {
        DecimalError::Empty => missing(column),
        DecimalError::Shape { .. } if is_negative(text, currency) => not_positive(column),
        DecimalError::Shape { at } => {
            let expected = format!(
                "digits with at most one decimal point, such as 99.50; found another character at byte {at} of the field"
            );
            LineError::new(Some(column), "face_value_shape", expected)
        }
        DecimalError::Precision { digits, .. } => {
            LineError::new(Some(column), "face_value_precision", format!("at most {digits} decimals for {currency}"))
        }
        DecimalError::TooLarge => {
            LineError::new(Some(column), "face_value_too_large", "less than 9223372036854775808 minor units")
        }
    })
}

fn is_negative(text: &str, currency: Currency) -> bool {
    text.strip_prefix('-').is_some_and(|rest| Amount::parse(rest, currency).is_ok())
}

fn not_positive(column: &str) -> LineError {
    LineError::new(Some(column), "face_value_not_positive", "more than 0")
}

fn face(cells: &Cells<'_>) -> Result<Amount, LineError> {
    let face = amount(cells, "face_value")?;
    if face.minor() > 0 { Ok(face) } else { Err(not_positive("face_value")) }
}

fn received_at(cells: &Cells<'_>) -> Result<i64, LineError> {
    let column = "received_at";
    let text = required_text(cells, column)?;
    instant::parse(&text).map_err(|error| match error {
        InstantError::Shape => {
            let expected = "a time such as 2026-03-02T08:00:00+08:00, or milliseconds since 1970";
            LineError::new(Some(column), "received_at_shape", expected)
        }
        InstantError::Calendar => {
            LineError::new(Some(column), "received_at_shape", "a day, a time and an offset that exist")
        }
        InstantError::Range => LineError::new(Some(column), "received_at_range", "a year from 2000 to 2099"),
    })
}

fn ip(cells: &Cells<'_>) -> Result<Option<IpAddr>, LineError> {
    match cells.get("ip") {
        "" => Ok(None),
        text => text.parse().map(Some).map_err(|_| {
            LineError::new(Some("ip"), "ip_shape", "an address such as 192.0.2.7 or 2001:db8::7")
        }),
    }
}

fn place(cells: &Cells<'_>) -> Result<Option<Place>, LineError> {
    let degrees = |column: &'static str, limit| {
        place::micro_degrees(cells.get(column), limit).ok_or_else(|| {
            let expected = format!("decimal degrees from -{limit} to {limit}, such as 31.2304");
            LineError::new(Some(column), "place_shape", expected)
        })
    };
    match (cells.get("lat"), cells.get("lon")) {
        ("", "") => Ok(None),
        ("", _) => Err(LineError::new(Some("lat"), "place_incomplete", "lat and lon, or neither")),
        (_, "") => Err(LineError::new(Some("lon"), "place_incomplete", "lat and lon, or neither")),
        _ => Ok(Some(Place { lat_micro: degrees("lat", 90)?, lon_micro: degrees("lon", 180)? })),
    }
}

#[cfg(test)]
#[path = "intake_tests.rs"]
mod tests;
