//! What the declared product and the hints make of what was found.

use super::candidate::{Candidate, Kind, Likelihood, Proof};
use super::input::Scan;
use super::{ScanError, split};
use crate::base::Text;
use crate::card::{CardError, Catalogue, Product};
use crate::codec::gs1::{Gtin, PrefixClass};
use alloc::vec::Vec;

/// What is known before anything is read.
pub(super) struct Known<'c> {
    pub(super) catalogue: &'c Catalogue,
    pub(super) declared: Option<&'c Product>,
    /// The issuer in whose shops it was scanned: the declared product's, or else the hint.
    pub(super) issuer: Option<Text>,
}

impl<'c> Known<'c> {
    pub(super) fn of(scan: &Scan<'_>, catalogue: &'c Catalogue) -> Result<Self, ScanError> {
        let declared = match scan.declared_name() {
            None => None,
            Some(name) => {
                Some(catalogue.product(name).ok_or_else(|| ScanError::UnknownProduct(printable(name)))?)
            }
        };
        let issuer = match declared {
            Some(product) => Some(product.issuer().clone()),
            None => scan.issuer_name().and_then(|name| Text::new(name).ok()),
        };
        Ok(Self { catalogue, declared, issuer })
    }

    /// The products that a trade item number names; one of restricted circulation names only
    /// those of the issuer in whose shops it was scanned.
    pub(super) fn products_with(&self, gtin: Gtin) -> impl Iterator<Item = &'c Product> + use<'c, '_> {
        let restricted =
            matches!(gtin.prefix_class(), PrefixClass::RestrictedRegion | PrefixClass::RestrictedCompany);
        self.catalogue.products().filter(move |product| {
            product.symbol().is_some_and(|symbol| symbol.gtins().contains(&gtin))
                && (!restricted || self.issuer.as_ref() == Some(product.issuer()))
        })
    }
}

/// A name for an error: cut to what a [`Text`] holds.
fn printable(name: &str) -> Text {
    let mut kept = alloc::string::String::new();
    for c in name.chars().filter(|c| !c.is_control()) {
        if kept.len() + c.len_utf8() > Text::MAX {
            break;
        }
        kept.push(c);
    }
    Text::new(&kept).unwrap_or_else(|_| Text::new("?").expect("a printable character"))
}

/// Applies hints, then the declaration.
pub(super) fn settle<'a>(
    mut found: Vec<Candidate<'a>>,
    text: &str,
    scan: &Scan<'_>,
    known: &Known<'_>,
) -> Result<Vec<Candidate<'a>>, ScanError> {
    let Some(declared) = known.declared else {
        found.retain(|candidate| scan.kinds().holds(candidate.kind()));
        return Ok(found);
    };
    if let Some(other) = found.iter().find(|candidate| contradicts(candidate, declared)) {
        let product = other.fits().first().map(|fit| fit.product.clone());
        return Err(ScanError::Contradiction {
            declared: declared.name().clone(),
            found: other.kind(),
            product,
        });
    }
    for candidate in &mut found {
        // A trade item number that the catalogue does not know may be the declared product's.
        if candidate.gtin().is_some()
            && candidate.is_valid()
            && candidate.fits().is_empty()
            && candidate.notes.is_empty()
        {
            candidate.add_fit(declared.name(), Proof::Declared);
            let serial = candidate.elements().and_then(|all| all.get(crate::codec::gs1::Ai::SERIAL));
            let number = serial.zip(declared.number()).and_then(|(serial, shape)| shape.read(serial).ok());
            if candidate.number.is_none() {
                candidate.number = number;
            }
        }
        candidate.fits.retain(|fit| fit.product == *declared.name());
        let sure =
            matches!(candidate.likelihood, Likelihood::Proven | Likelihood::Repaired | Likelihood::Broken);
        if !sure && candidate.fits.iter().any(|fit| fit.proof != Proof::Declared) {
            candidate.likelihood = Likelihood::Declared;
        }
    }
    // A bare trade item number of nobody's is weaker than a card of the declared product.
    let cards = found
        .iter()
        .any(|candidate| candidate.kind() == Kind::CardText && candidate.fits_product(declared.name()));
    found.retain(|candidate| {
        candidate.fits.iter().any(|fit| fit.proof != Proof::Declared || !cards)
            || (candidate.kind() == Kind::Token && scan.kinds().holds(Kind::Token))
    });
    if found.is_empty() {
        return Err(match refusal(text, declared) {
            Some(error) => ScanError::Card { declared: declared.name().clone(), error },
            None => ScanError::Empty,
        });
    }
    Ok(found)
}

/// Whether a candidate is proven to be something else than the declared product.
fn contradicts(candidate: &Candidate<'_>, declared: &Product) -> bool {
    if !candidate.is_valid() || candidate.fits_product(declared.name()) {
        return false;
    }
    match candidate.kind() {
        Kind::EmvMerchant | Kind::EmvConsumer => true,
        Kind::Gs1 | Kind::DigitalLink | Kind::Gtin | Kind::CardText => {
            let of_another = candidate.fits().iter().any(|fit| fit.proof == Proof::Gtin);
            let of_none = candidate.likelihood() == Likelihood::Proven
                && candidate.gtin().is_some()
                && declared.symbol().is_some();
            let no_product = candidate.likelihood() == Likelihood::Proven
                && candidate.notes().iter().any(|note| {
                    matches!(note, super::Note::Coupon | super::Note::Refund | super::Note::Publication)
                });
            of_another || of_none || no_product
        }
        Kind::PaymentCode | Kind::Token => false,
    }
}

/// Why the text is no card of the declared product.
fn refusal(text: &str, declared: &Product) -> Option<CardError> {
    let split = split::splits(text).into_iter().next()?;
    match declared.number() {
        Some(_) => declared.read(Some(split.number.unwrap_or(text)), split.secret.unwrap_or_default()).err(),
        None => declared.read(split.number, split.secret.unwrap_or(text)).err(),
    }
}
