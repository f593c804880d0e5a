//! The one door: what a text from a keyboard, a bar code, a QR code or a picture may be.
//!
//! | file | one job |
//! |---|---|
//! | `input` | the text, where it came from, what the caller knows of it |
//! | `candidate` | what a text may be, and what speaks for it |
//! | `gs1` | element strings, Digital Links, trade item numbers |
//! | `qr` | payment codes, EMVCo codes, tokens |
//! | `split` | number and secret in one text |
//! | `text` | cards by the shapes of the catalogue |
//! | `pair` | product and card in one symbol or two |
//! | `settle` | what the declared product makes of it |

mod candidate;
mod gs1;
mod input;
mod pair;
mod qr;
mod settle;
mod split;
mod text;

pub use candidate::{Candidate, Check, Fault, Fit, Kind, Likelihood, Note, Proof, Reading, Repair};
pub use input::{Kinds, Scan, Source, Symbology};

use super::{CardError, Catalogue};
use crate::base::{Advice, Code, Text, block};
use alloc::vec::Vec;

/// Why a scan gives no candidates. It never holds a part of what was scanned.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ScanError {
    /// Nothing but white space.
    #[error("nothing was scanned")]
    Empty,
    /// Longer than [`Scan::MAX_BYTES`].
    #[error("longer than {} bytes", Scan::MAX_BYTES)]
    TooLong,
    /// The declared product is not in the catalogue.
    #[error("no product {0:?} in the catalogue")]
    UnknownProduct(Text),
    /// What was scanned is proven to be something else than the declared product.
    #[error("declared as {declared}, but it is a {} of {}", found.name(), product.as_deref().unwrap_or("no product"))]
    Contradiction {
        /// The declared product.
        declared: Text,
        /// What it is instead.
        found: Kind,
        /// The product that it proves, if it proves one.
        product: Option<Text>,
    },
    /// What was scanned is no card of the declared product.
    #[error("declared as {declared}: {error}")]
    Card {
        /// The declared product.
        declared: Text,
        /// What is wrong with it.
        error: CardError,
    },
    /// Neither of two symbols names a product.
    #[error("neither symbol holds a trade item number")]
    Pair,
}

impl ScanError {
    /// The stable number, 5,100 to 5,119.
    pub const fn code(&self) -> Code {
        let case = match self {
            Self::Empty => 100,
            Self::TooLong => 101,
            Self::UnknownProduct(_) => 102,
            Self::Contradiction { .. } => 103,
            Self::Card { .. } => 104,
            Self::Pair => 105,
        };
        Code::new(block::CARD, case)
    }

    /// The input is wrong.
    pub const fn advice(&self) -> Advice {
        Advice::Fix
    }
}

/// What a text may be, the likeliest first; nothing if it is like nothing that is known.
///
/// What the text itself proves (a symbology identifier, a checksum, a trade item number of the
/// catalogue) goes before what the caller declared, which goes before hints: a declared product
/// leaves only its own candidates, and a text that proves another product is an error. What
/// cannot be told apart is all there. Nothing is corrected: each candidate lists what was changed
/// to read it so, down to hyphens that were left out.
///
/// # Errors
/// [`ScanError`].
///
/// ```
/// use scrip::card::scan::{Kind, Proof, Scan, scan};
/// use scrip::card::Catalogue;
/// let catalogue = Catalogue::parse(include_str!("../../../examples/data/catalogue.toml"))?;
/// let found = scan(&Scan::typed("6222 0212 3456 7894, 123456"), &catalogue)?;
/// assert_eq!(found[0].kind(), Kind::CardText);
/// assert_eq!(found[0].number_masked().as_deref(), Some("************7894"));
/// let products: Vec<_> = found[0].fits().iter().map(|fit| (fit.product.as_str(), fit.proof)).collect();
/// assert_eq!(products, [
///     ("bank-prepaid", Proof::CheckDigit),
///     ("regional-market", Proof::Length),
///     ("walmart-gift", Proof::Length),
/// ]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn scan<'a>(scan: &Scan<'a>, catalogue: &Catalogue) -> Result<Vec<Candidate<'a>>, ScanError> {
    let (text, second) = scan.texts()?;
    let known = settle::Known::of(scan, catalogue)?;
    let mut found = Vec::new();
    match second {
        Some(second) => pair::two_symbols(text, second, &known, &mut found)?,
        None => {
            let view = input::View::of(text, scan);
            gs1::read(&view, scan, &known, &mut found);
            qr::read(&view, scan, &mut found);
            pair::one_symbol(&view, &known, &mut found);
            text::read(&view, scan, &known, &mut found);
        }
    }
    let mut found = settle::settle(found, text, scan, &known)?;
    // What is broken without a sign of its own is only told where nothing else is.
    if found.iter().any(|candidate| !candidate.is_guess()) {
        found.retain(|candidate| !candidate.is_guess());
    }
    found.sort_by_key(|candidate| candidate.likelihood());
    Ok(found)
}

#[cfg(test)]
mod tests;
