//! What a symbol says, with its symbology identifier.

use super::grey::Place;
use crate::card::scan::Source;
use crate::codec::gs1::{Gtin, SymbologyId};
use core::fmt;
use rxing::{BarcodeFormat, RXingResult, RXingResultMetadataType, RXingResultMetadataValue};
use std::format;
use std::string::String;
use zeroize::Zeroizing;

/// What kind of symbol it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// EAN-13.
    Ean13,
    /// EAN-8.
    Ean8,
    /// UPC-A.
    UpcA,
    /// UPC-E.
    UpcE,
    /// Interleaved 2 of 5 with 14 digits.
    Itf14,
    /// Code 128, GS1-128 too.
    Code128,
    /// GS1 DataBar Omnidirectional.
    DataBar,
    /// QR code, GS1 QR too.
    Qr,
    /// Data Matrix, GS1 DataMatrix too.
    DataMatrix,
}

impl Kind {
    /// The name as it is written.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ean13 => "EAN-13",
            Self::Ean8 => "EAN-8",
            Self::UpcA => "UPC-A",
            Self::UpcE => "UPC-E",
            Self::Itf14 => "ITF-14",
            Self::Code128 => "Code 128",
            Self::DataBar => "GS1 DataBar",
            Self::Qr => "QR code",
            Self::DataMatrix => "Data Matrix",
        }
    }

    /// How its data are to be taken apart: squares hold any text, bars a number.
    pub(super) const fn source(self) -> Source {
        match self {
            Self::Qr | Self::DataMatrix => Source::Qr,
            _ => Source::Barcode,
        }
    }
}

/// A symbol that was read. `Debug` does not show what it says.
#[derive(Clone, PartialEq, Eq)]
pub struct Symbol {
    kind: Kind,
    text: Zeroizing<String>,
    place: Place,
}

impl Symbol {
    pub(super) fn new(reading: Said, place: Place) -> Self {
        Self { kind: reading.kind, text: reading.text, place }
    }

    /// What kind of symbol it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What it says, after its symbology identifier (ISO/IEC 15424) as a hand-held reader sends
    /// it: `]C1` for GS1-128, `]e0` for GS1 DataBar, `]d2` for GS1 DataMatrix, `]Q3` for GS1 QR,
    /// `]E0` for EAN-13 and for UPC filled up to 13 digits. The separator is the character 29.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Where it is. Of a bar code, as high as the lines reached that read it.
    pub fn place(&self) -> Place {
        self.place
    }

    /// The same symbol in a picture that is so many times as large.
    pub(super) fn times(self, factor: u32) -> Self {
        Self { place: self.place.times(factor), ..self }
    }

    pub(super) fn says(&self, other: &Self) -> bool {
        (self.kind, &self.text) == (other.kind, &other.text)
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Symbol").field("kind", &self.kind).field("place", &self.place).finish_non_exhaustive()
    }
}

/// What was read at one place or on one line.
#[derive(Clone, PartialEq, Eq)]
pub(super) struct Said {
    pub(super) kind: Kind,
    pub(super) text: Zeroizing<String>,
}

impl Said {
    /// What the reader found, in the form in which hand-held readers send it. Nothing for
    /// symbologies that were not asked for and for data that no rule of theirs allows.
    pub(super) fn of(result: &RXingResult) -> Option<Self> {
        let data = result.getText();
        let digits = data.bytes().all(|byte| byte.is_ascii_digit());
        let (kind, text) = match result.getBarcodeFormat() {
            BarcodeFormat::EAN_13 if digits && data.len() == 13 => (Kind::Ean13, format!("]E0{data}")),
            BarcodeFormat::UPC_A if digits && data.len() == 12 => (Kind::UpcA, format!("]E00{data}")),
            BarcodeFormat::EAN_8 if digits && data.len() == 8 => (Kind::Ean8, format!("]E4{data}")),
            BarcodeFormat::UPC_E => {
                let long = Gtin::from_upc_e(data).ok()?;
                (Kind::UpcE, format!("]E0{}", long.as_str().get(1..)?))
            }
            // No symbol of this kind checks itself but by this digit.
            BarcodeFormat::ITF if data.len() == 14 && Gtin::parse(data).is_ok() => {
                (Kind::Itf14, format!("]I1{data}"))
            }
            BarcodeFormat::RSS_14 if Gtin::parse(data).is_ok() => (Kind::DataBar, format!("]e001{data}")),
            BarcodeFormat::CODE_128 => (Kind::Code128, identified(result)?),
            BarcodeFormat::QR_CODE => (Kind::Qr, identified(result)?),
            BarcodeFormat::DATA_MATRIX => (Kind::DataMatrix, identified(result)?),
            _ => return None,
        };
        Some(Self { kind, text: Zeroizing::new(text) })
    }
}

/// The data after the identifier, which the reader puts before some and tells of others.
fn identified(result: &RXingResult) -> Option<String> {
    let told = match result.getRXingResultMetadata().get(&RXingResultMetadataType::SYMBOLOGY_IDENTIFIER) {
        Some(RXingResultMetadataValue::SymbologyIdentifier(told)) => told.as_str(),
        _ => return None,
    };
    let (id, rest) = SymbologyId::split(told);
    let id = id.filter(|_| rest.is_empty())?;
    let data = result.getText();
    // The separator in first place is what the identifier says already.
    let bare = if id.carries_elements() {
        data.strip_prefix(told).unwrap_or(data).trim_start_matches('\u{1d}')
    } else {
        data
    };
    if bare.is_empty() { None } else { Some(format!("{id}{bare}")) }
}
