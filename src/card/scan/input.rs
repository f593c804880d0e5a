//! The text, where it came from, and what the caller knows of it.

use super::ScanError;
use super::candidate::Kind;
use crate::codec::gs1::SymbologyId;
use core::fmt;

/// Where a text came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Source {
    /// Typed or pasted by a person: it may be anything, number and secret together too.
    Typed,
    /// A bar code, with or without a symbology identifier (ISO/IEC 15424).
    Barcode,
    /// A QR code.
    Qr,
    /// Read from a picture: characters may stand for others that look alike.
    Ocr,
}

/// What kind of symbol the reader says it read. A symbology identifier in the data goes before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Symbology {
    /// EAN-8.
    Ean8,
    /// EAN-13.
    Ean13,
    /// UPC-A.
    UpcA,
    /// UPC-E.
    UpcE,
    /// Interleaved 2 of 5, as for ITF-14.
    Itf,
    /// Code 128 or another symbol that carries any text.
    Text,
    /// A GS1 symbol: GS1-128, GS1 DataBar, GS1 DataMatrix, GS1 QR.
    Gs1,
}

/// A set of kinds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kinds(u8);

impl Kinds {
    /// Every kind.
    pub const ALL: Self = Self(u8::MAX);

    /// These kinds.
    pub fn of(kinds: &[Kind]) -> Self {
        Self(kinds.iter().fold(0, |set, kind| set | kind.bit()))
    }

    /// Whether `kind` is among them.
    pub fn holds(self, kind: Kind) -> bool {
        self.0 & kind.bit() != 0
    }
}

/// A text to be recognised and what is known of it. `Debug` does not show the text.
#[derive(Clone, Copy)]
pub struct Scan<'a> {
    source: Source,
    text: &'a str,
    second: Option<&'a str>,
    declared: Option<&'a str>,
    issuer: Option<&'a str>,
    symbology: Option<Symbology>,
    kinds: Kinds,
}

impl<'a> Scan<'a> {
    /// The longest text in bytes.
    pub const MAX_BYTES: usize = crate::codec::gs1::ElementString::MAX_BYTES;

    /// A text from this source, of which nothing else is known.
    pub const fn new(source: Source, text: &'a str) -> Self {
        Self { source, text, second: None, declared: None, issuer: None, symbology: None, kinds: Kinds::ALL }
    }

    /// A text that a person typed or pasted.
    pub const fn typed(text: &'a str) -> Self {
        Self::new(Source::Typed, text)
    }

    /// The data of a bar code.
    pub const fn barcode(text: &'a str) -> Self {
        Self::new(Source::Barcode, text)
    }

    /// The data of a QR code.
    pub const fn qr(text: &'a str) -> Self {
        Self::new(Source::Qr, text)
    }

    /// A text that was read from a picture.
    pub const fn ocr(text: &'a str) -> Self {
        Self::new(Source::Ocr, text)
    }

    /// The data of a second symbol on the same card, in any order with the first.
    #[must_use]
    pub const fn and(self, second: &'a str) -> Self {
        Self { second: Some(second), ..self }
    }

    /// The product that the caller declares.
    #[must_use]
    pub const fn declared(self, product: &'a str) -> Self {
        Self { declared: Some(product), ..self }
    }

    /// Hint: the issuer in whose shops it was scanned. Trade item numbers of restricted
    /// circulation mean something only there.
    #[must_use]
    pub const fn issuer(self, issuer: &'a str) -> Self {
        Self { issuer: Some(issuer), ..self }
    }

    /// Hint: the kind of symbol.
    #[must_use]
    pub const fn symbology(self, symbology: Symbology) -> Self {
        Self { symbology: Some(symbology), ..self }
    }

    /// Hint: the kinds that are of use. One-time codes of a token profile, which are digits like
    /// others, are offered only where tokens alone are.
    #[must_use]
    pub const fn only(self, kinds: Kinds) -> Self {
        Self { kinds, ..self }
    }

    pub(super) const fn source(&self) -> Source {
        self.source
    }

    pub(super) const fn declared_name(&self) -> Option<&'a str> {
        self.declared
    }

    pub(super) const fn issuer_name(&self) -> Option<&'a str> {
        self.issuer
    }

    pub(super) const fn symbology_hint(&self) -> Option<Symbology> {
        self.symbology
    }

    pub(super) const fn kinds(&self) -> Kinds {
        self.kinds
    }

    /// The texts without what surrounds them: white space of people, line ends of readers.
    pub(super) fn texts(&self) -> Result<(&'a str, Option<&'a str>), ScanError> {
        let bare = |text: &'a str| match self.source {
            Source::Typed | Source::Ocr => text.trim_matches(|c: char| c.is_whitespace() && c != '\u{1d}'),
            Source::Barcode | Source::Qr => text.trim_end_matches(['\r', '\n']),
        };
        let (first, second) = (bare(self.text), self.second.map(bare));
        if first.trim().is_empty() || second.is_some_and(|second| second.trim().is_empty()) {
            return Err(ScanError::Empty);
        }
        if self.text.len().max(self.second.map_or(0, str::len)) > Self::MAX_BYTES {
            return Err(ScanError::TooLong);
        }
        Ok((first, second))
    }

    /// The text as it came but for line ends.
    pub(super) fn raw(&self) -> &'a str {
        self.text.trim_end_matches(['\r', '\n'])
    }

    /// How many bytes of the text stand before what [`Scan::texts`] answers.
    fn offset(&self) -> usize {
        match self.source {
            Source::Typed | Source::Ocr => {
                self.text.len()
                    - self.text.trim_start_matches(|c: char| c.is_whitespace() && c != '\u{1d}').len()
            }
            Source::Barcode | Source::Qr => 0,
        }
    }
}

/// A text taken apart into what the reader says of the symbol and what the symbol says.
#[derive(Clone, Copy)]
pub(super) struct View<'a> {
    pub(super) text: &'a str,
    pub(super) id: Option<SymbologyId>,
    pub(super) data: &'a str,
    /// How many bytes of what was scanned stand before the text.
    pub(super) offset: usize,
}

impl<'a> View<'a> {
    pub(super) fn of(text: &'a str, scan: &Scan<'_>) -> Self {
        let (id, data) = SymbologyId::split(text);
        Self { text, id, data, offset: scan.offset() }
    }

    /// How many bytes of what was scanned stand before the data.
    pub(super) fn start(&self) -> usize {
        self.offset + self.text.len() - self.data.len()
    }
}

impl fmt::Debug for Scan<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Scan")
            .field("source", &self.source)
            .field("bytes", &self.text.len())
            .field("declared", &self.declared)
            .field("issuer", &self.issuer)
            .field("symbology", &self.symbology)
            .finish_non_exhaustive()
    }
}
