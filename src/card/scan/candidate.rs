//! What a text may be, and what speaks for it.

use crate::base::{Code, Secret, Text};
use crate::card::identity::mask_number;
use crate::card::ocr::{Change, Confidence};
use crate::card::token::{Token, TokenError};
use crate::card::{CheckDigit, Field};
use crate::codec::emv::{ConsumerQr, ConsumerQrError, MerchantQr, MerchantQrError};
use crate::codec::gs1::{DigitalLink, ElementString, Gs1Error, Gtin, GtinError};
use crate::codec::payment::PaymentScheme;
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

/// What a text may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum Kind {
    /// A GS1 element string.
    Gs1,
    /// A GS1 Digital Link URI.
    DigitalLink,
    /// A trade item number (商品条码).
    Gtin,
    /// An EMVCo code that a merchant presents (收款码).
    EmvMerchant,
    /// An EMVCo code that a consumer presents.
    EmvConsumer,
    /// A payment code (付款码).
    PaymentCode,
    /// A card number, a card secret, or both.
    CardText,
    /// A dynamic token (动态码).
    Token,
}

impl Kind {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gs1 => "gs1",
            Self::DigitalLink => "digital_link",
            Self::Gtin => "gtin",
            Self::EmvMerchant => "emv_merchant",
            Self::EmvConsumer => "emv_consumer",
            Self::PaymentCode => "payment_code",
            Self::CardText => "card_text",
            Self::Token => "token",
        }
    }

    pub(super) const fn bit(self) -> u8 {
        1 << self as u8
    }
}

/// What was read. Nothing of a card shows in `Debug`.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reading<'a> {
    /// The elements, if they could be taken apart.
    Gs1(Option<Box<ElementString<'a>>>),
    /// The URI, if it could be taken apart.
    DigitalLink(Option<Box<DigitalLink<'a>>>),
    /// The number, if its check digit is right.
    Gtin(Option<Gtin>),
    /// The code, if its structure is right.
    EmvMerchant(Option<MerchantQr<'a>>),
    /// The code, if it could be read.
    EmvConsumer(Option<Box<ConsumerQr>>),
    /// A payment code that this scheme's codes look like.
    PaymentCode(PaymentScheme),
    /// A number or a secret or both, in the shapes of the products it fits.
    CardText,
    /// The token, if it could be taken apart; whether it is genuine is
    /// [`Verifier`](crate::card::token::Verifier)'s to say. None for a one-time code, which is
    /// then the secret.
    Token(Option<Box<Token>>),
}

/// What is wrong with what was read. Places count bytes of what was scanned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Fault {
    /// A GS1 rule.
    #[error(transparent)]
    Gs1(Gs1Error),
    /// A trade item number.
    #[error(transparent)]
    Gtin(GtinError),
    /// A merchant-presented code.
    #[error(transparent)]
    EmvMerchant(MerchantQrError),
    /// A consumer-presented code.
    #[error(transparent)]
    EmvConsumer(ConsumerQrError),
    /// A token.
    #[error(transparent)]
    Token(TokenError),
}

impl Fault {
    /// The stable number, of the room whose rule is broken.
    pub const fn code(&self) -> Code {
        match self {
            Self::Gs1(error) => error.code(),
            Self::Gtin(error) => error.code(),
            Self::EmvMerchant(error) => error.code(),
            Self::EmvConsumer(error) => error.code(),
            Self::Token(error) => error.code(),
        }
    }

    /// Byte offset in what was checked where it shows, if it shows at one place.
    pub(super) const fn at(&self) -> Option<usize> {
        match self {
            Self::Gs1(error) => Some(error.at()),
            Self::Gtin(error) => Some(error.at()),
            Self::EmvMerchant(error) => Some(error.at()),
            Self::EmvConsumer(error) => Some(error.at()),
            Self::Token(TokenError::Malformed { at }) => Some(*at),
            Self::Token(_) => None,
        }
    }

    /// The same at another place, so that what it tells is a place in what was scanned.
    fn moved_to(self, at: usize) -> Self {
        match self {
            Self::Gs1(error) => Self::Gs1(error.moved_to(at)),
            Self::Gtin(error) => Self::Gtin(error.moved_to(at)),
            Self::EmvMerchant(error) => Self::EmvMerchant(error.moved_to(at)),
            Self::EmvConsumer(error) => Self::EmvConsumer(error.moved_to(at)),
            Self::Token(TokenError::Malformed { .. }) => Self::Token(TokenError::Malformed { at }),
            Self::Token(error) => Self::Token(error),
        }
    }
}

/// What makes it a card of a product, the strongest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Proof {
    /// Its trade item number is the product's.
    Gtin,
    /// The number has the product's shape and a right check digit.
    CheckDigit,
    /// The number or secret has the product's beginning and length.
    Prefix,
    /// It has the product's length and characters: a hint and no more.
    Length,
    /// Nothing but the declaration; nothing speaks against it.
    Declared,
}

impl Proof {
    /// The name in files.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Gtin => "gtin",
            Self::CheckDigit => "check_digit",
            Self::Prefix => "prefix",
            Self::Length => "length",
            Self::Declared => "declared",
        }
    }
}

/// A product that a candidate may be a card of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fit {
    /// The product's name in the catalogue.
    pub product: Text,
    /// What makes it so.
    pub proof: Proof,
}

/// A check that was passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Check {
    /// The reader's symbology identifier says so.
    SymbologyId,
    /// Every component of every element: characters, lengths, check digits, dates, codes.
    Elements,
    /// The rules between elements.
    Associations,
    /// The check digit of the trade item number.
    GtinCheckDigit,
    /// The trade item number is one of the catalogue's.
    GtinOfProduct,
    /// The card number's check digit.
    NumberCheckDigit(CheckDigit),
    /// Beginning and length of the scheme or of a product.
    Prefix,
    /// The length.
    Length,
    /// The checksum.
    Checksum,
    /// The structure, with everything in it that must be there.
    Structure,
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::SymbologyId => f.write_str("symbology identifier"),
            Self::Elements => f.write_str("elements"),
            Self::Associations => f.write_str("rules between elements"),
            Self::GtinCheckDigit => f.write_str("GTIN check digit"),
            Self::GtinOfProduct => f.write_str("GTIN of the product"),
            Self::NumberCheckDigit(scheme) => write!(f, "check digit of the number ({scheme})"),
            Self::Prefix => f.write_str("beginning and length"),
            Self::Length => f.write_str("length"),
            Self::Checksum => f.write_str("checksum"),
            Self::Structure => f.write_str("structure"),
        }
    }
}

/// What was changed to read the text so, and why. The first four lose nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Repair {
    /// Spaces and hyphens were left out.
    Separators(Field),
    /// Full-width forms were read as ASCII.
    FullWidth(Field),
    /// Small letters were raised.
    Capitals(Field),
    /// A short trade item number in a URI was filled with zeros.
    Zeros,
    /// A character was taken for one that it looks like.
    Lookalike {
        /// In which field.
        field: Field,
        /// Where, and for what.
        change: Change,
        /// How much speaks for it.
        confidence: Confidence,
    },
    /// The secret stood before the number.
    Order,
    /// Other text around it was left out.
    OtherText,
}

impl Repair {
    /// Whether the change loses nothing, whatever was meant.
    pub const fn is_lossless(&self) -> bool {
        matches!(self, Self::Separators(_) | Self::FullWidth(_) | Self::Capitals(_) | Self::Zeros)
    }
}

impl fmt::Display for Repair {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Separators(field) => write!(f, "{}: separators left out", field.name()),
            Self::FullWidth(field) => write!(f, "{}: full-width forms read as ASCII", field.name()),
            Self::Capitals(field) => write!(f, "{}: small letters raised", field.name()),
            Self::Zeros => f.write_str("GTIN filled with zeros to 14 digits"),
            Self::Lookalike { field, change, confidence } => {
                let to = if change.taken.is_ascii_digit() { "digit" } else { "letter" };
                write!(
                    f,
                    "{}: character {} taken for the {to} that it looks like ({} confidence)",
                    field.name(),
                    change.at,
                    confidence.name()
                )
            }
            Self::Order => f.write_str("secret taken to stand before the number"),
            Self::OtherText => f.write_str("other text left out"),
        }
    }
}

/// What the caller should know of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Note {
    /// A trade item number of restricted circulation: it means something only together with
    /// who issued it, and no issuer was given.
    NeedsIssuer,
    /// A coupon: no product.
    Coupon,
    /// A refund receipt: no product.
    Refund,
    /// A periodical or a book.
    Publication,
    /// Eight digits are EAN-8 or UPC-E; the symbology would tell.
    EanOrUpcE,
    /// The digits alone do not tell the payment scheme.
    SchemeUnclear,
    /// The product is known, the card's number is not.
    NeedsNumber,
    /// The product has a secret, and none was there.
    NeedsSecret,
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NeedsIssuer => "restricted circulation: needs the issuer",
            Self::Coupon => "a coupon is no product",
            Self::Refund => "a refund receipt is no product",
            Self::Publication => "a book or periodical",
            Self::EanOrUpcE => "EAN-8 or UPC-E: the symbology would tell",
            Self::SchemeUnclear => "digits do not tell the scheme",
            Self::NeedsNumber => "the card's number is missing",
            Self::NeedsSecret => "the card's secret is missing",
        })
    }
}

/// How likely a candidate is, the likeliest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Likelihood {
    /// Its form tells it apart from everything else, and every check was passed.
    Proven,
    /// It fits the declared product.
    Declared,
    /// A check digit was passed.
    Checked,
    /// Beginning and length fit.
    Shaped,
    /// The length fits.
    Possible,
    /// A character was taken for another.
    Repaired,
    /// A rule is broken.
    Broken,
}

/// What a text may be.
#[derive(Clone, Debug)]
pub struct Candidate<'a> {
    pub(super) kind: Kind,
    pub(super) reading: Reading<'a>,
    pub(super) fault: Option<Fault>,
    pub(super) at: Option<usize>,
    /// A fault of a text that has no sign of its kind: told only where nothing else is.
    pub(super) guess: bool,
    pub(super) likelihood: Likelihood,
    pub(super) gtin: Option<Gtin>,
    pub(super) number: Option<Secret>,
    pub(super) secret: Option<Secret>,
    pub(super) fits: Vec<Fit>,
    pub(super) checks: Vec<Check>,
    pub(super) repairs: Vec<Repair>,
    pub(super) notes: Vec<Note>,
}

impl<'a> Candidate<'a> {
    pub(super) fn new(kind: Kind, reading: Reading<'a>, likelihood: Likelihood) -> Self {
        Self {
            kind,
            reading,
            fault: None,
            at: None,
            guess: false,
            likelihood,
            gtin: None,
            number: None,
            secret: None,
            fits: Vec::new(),
            checks: Vec::new(),
            repairs: Vec::new(),
            notes: Vec::new(),
        }
    }

    pub(super) fn broken(kind: Kind, reading: Reading<'a>, fault: Fault) -> Self {
        Self { fault: Some(fault), at: fault.at(), ..Self::new(kind, reading, Likelihood::Broken) }
    }

    /// Moves the place of what is wrong from what was checked to what was scanned.
    pub(super) fn place(&mut self, place: impl Fn(usize) -> usize) {
        if let Some(at) = self.at.map(place) {
            self.at = Some(at);
            self.fault = self.fault.map(|fault| fault.moved_to(at));
        }
    }

    /// What it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// What was read.
    pub fn reading(&self) -> &Reading<'a> {
        &self.reading
    }

    /// Whether every rule of its kind holds.
    pub fn is_valid(&self) -> bool {
        self.fault.is_none()
    }

    /// The first rule that is broken.
    pub fn fault(&self) -> Option<&Fault> {
        self.fault.as_ref()
    }

    /// Byte offset in what was scanned, symbology identifier and all, where the broken rule shows,
    /// if it shows at one place. In coded data it is where the character stands in which the byte
    /// begins.
    pub fn at(&self) -> Option<usize> {
        self.at
    }

    /// How likely it is.
    pub fn likelihood(&self) -> Likelihood {
        self.likelihood
    }

    /// The elements of an element string or a Digital Link.
    pub fn elements(&self) -> Option<&ElementString<'a>> {
        match &self.reading {
            Reading::Gs1(elements) => elements.as_deref(),
            Reading::DigitalLink(link) => link.as_deref().map(DigitalLink::elements),
            _ => None,
        }
    }

    /// The trade item number, which is no secret.
    pub fn gtin(&self) -> Option<Gtin> {
        self.gtin
    }

    /// The card's number or the payment code, normalised.
    pub fn number(&self) -> Option<&Secret> {
        self.number.as_ref()
    }

    /// The number as a person may be shown it, see [`Card::masked`](crate::card::Card::masked).
    pub fn number_masked(&self) -> Option<String> {
        self.number.as_ref().map(mask_number)
    }

    /// The card's secret, normalised.
    pub fn secret(&self) -> Option<&Secret> {
        self.secret.as_ref()
    }

    /// The products it may be a card of, the best proven first; several that are equally proven
    /// cannot be told apart.
    pub fn fits(&self) -> &[Fit] {
        &self.fits
    }

    /// The checks that were passed.
    pub fn checks(&self) -> &[Check] {
        &self.checks
    }

    /// What was changed to read it so.
    pub fn repairs(&self) -> &[Repair] {
        &self.repairs
    }

    /// What the caller should know.
    pub fn notes(&self) -> &[Note] {
        &self.notes
    }

    pub(super) fn is_guess(&self) -> bool {
        self.guess
    }

    pub(super) fn fits_product(&self, name: &Text) -> bool {
        self.fits.iter().any(|fit| fit.product == *name)
    }

    /// Sorts what it fits, each product once with its best proof.
    pub(super) fn add_fit(&mut self, product: &Text, proof: Proof) {
        match self.fits.iter_mut().find(|fit| fit.product == *product) {
            Some(fit) => fit.proof = fit.proof.min(proof),
            None => self.fits.push(Fit { product: product.clone(), proof }),
        }
        self.fits.sort_by(|a, b| (a.proof, &a.product).cmp(&(b.proof, &b.product)));
    }
}
