//! Product and card in one symbol or in two.

use super::ScanError;
use super::candidate::{Candidate, Check, Fault, Kind, Likelihood, Note, Proof, Reading};
use super::input::View;
use super::settle::Known;
use crate::card::normalize_letters_and_digits;
use crate::codec::gs1::{Ai, ElementString, Gtin, SymbologyId};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use zeroize::Zeroizing;

/// One symbol that holds the trade item number and the card's number at the offsets that a
/// product's profile gives.
pub(super) fn one_symbol<'a>(view: &View<'a>, known: &Known<'_>, out: &mut Vec<Candidate<'a>>) {
    let mut all: Vec<Candidate<'a>> = Vec::new();
    for product in known.catalogue.products() {
        let Some((gtin, serial)) = product.symbol().and_then(|symbol| symbol.split(view.data)) else {
            continue;
        };
        let Some(number) = product.number().and_then(|shape| shape.read(serial).ok()) else { continue };
        if known.products_with(gtin).all(|other| other.name() != product.name()) {
            continue;
        }
        let same =
            all.iter_mut().find(|found| found.gtin == Some(gtin) && found.number.as_ref() == Some(&number));
        match same {
            Some(found) => found.add_fit(product.name(), Proof::Gtin),
            None => {
                let mut found = Candidate::new(Kind::CardText, Reading::CardText, Likelihood::Proven);
                found.gtin = Some(gtin);
                found.number = Some(number);
                found.checks.extend([Check::GtinCheckDigit, Check::GtinOfProduct]);
                if product.secret().is_some() {
                    found.notes.push(Note::NeedsSecret);
                }
                found.add_fit(product.name(), Proof::Gtin);
                all.push(found);
            }
        }
    }
    out.append(&mut all);
}

/// Two symbols in any order: one names the product, the other the card.
pub(super) fn two_symbols<'a>(
    first: &'a str,
    second: &'a str,
    known: &Known<'_>,
    out: &mut Vec<Candidate<'a>>,
) -> Result<(), ScanError> {
    if let (Some(a), Some(b)) = (elements(first), elements(second)) {
        out.push(combined(&a, &b, known));
        return Ok(());
    }
    let orders = [(first, second), (second, first)];
    let named = |(product, card): &(&'a str, &'a str)| Some((gtin(product)?, *card));
    let mut found: Vec<Candidate<'a>> = orders
        .iter()
        .filter_map(named)
        .map(|(gtin, card)| {
            let mut found = Candidate::new(Kind::Gtin, Reading::Gtin(Some(gtin)), Likelihood::Checked);
            found.checks.push(Check::GtinCheckDigit);
            let serial = elements(card).and_then(|all| all.get(Ai::SERIAL).map(kept));
            let bare = SymbologyId::split(card).1;
            known.attach(&mut found, gtin, Some(serial.as_ref().map(|text| text.as_str()).unwrap_or(bare)));
            if found.fits.is_empty() && found.notes.is_empty() {
                let number =
                    normalize_letters_and_digits(serial.as_ref().map(|text| text.as_str()).unwrap_or(bare));
                found.number =
                    Some(number).filter(|number| number.expose().iter().all(u8::is_ascii_alphanumeric));
            }
            if !found.fits.is_empty() {
                found.likelihood = Likelihood::Proven;
            }
            found
        })
        .collect();
    // Where both are numbers of the kind, the catalogue tells which one is the product's.
    if found.iter().any(|found| !found.fits.is_empty()) {
        found.retain(|found| !found.fits.is_empty());
    }
    if found.is_empty() {
        return Err(ScanError::Pair);
    }
    out.append(&mut found);
    Ok(())
}

fn combined<'a>(a: &ElementString<'_>, b: &ElementString<'_>, known: &Known<'_>) -> Candidate<'a> {
    match a.combined(b) {
        Ok(all) => {
            let gtin = all.get(Ai::GTIN).and_then(|text| Gtin::parse(text).ok());
            let serial = all.get(Ai::SERIAL).map(kept);
            let mut found = Candidate::new(Kind::Gs1, Reading::Gs1(Some(Box::new(all))), Likelihood::Proven);
            found.checks.extend([Check::Elements, Check::Associations]);
            if let Some(gtin) = gtin {
                known.attach(&mut found, gtin, serial.as_ref().map(|text| text.as_str()));
            }
            found
        }
        Err(error) => Candidate {
            // Its place is in both together, which is neither text.
            at: None,
            ..Candidate::broken(Kind::Gs1, Reading::Gs1(None), Fault::Gs1(error))
        },
    }
}

/// A copy of a card's number that is zeroised when dropped.
fn kept(text: &str) -> Zeroizing<String> {
    Zeroizing::new(String::from(text))
}

/// The elements of a symbol that carries them for certain.
fn elements(text: &str) -> Option<ElementString<'_>> {
    let carries = SymbologyId::split(text).0.is_some_and(SymbologyId::carries_elements);
    if carries || text.starts_with(['(', '\u{1d}']) { ElementString::read(text).ok() } else { None }
}

/// The product's number in a symbol of its own.
fn gtin(text: &str) -> Option<Gtin> {
    match elements(text) {
        Some(elements) => elements.get(Ai::GTIN).and_then(|gtin| Gtin::parse(gtin).ok()),
        None => Gtin::parse(SymbologyId::split(text).1).ok(),
    }
}
