//! The rules between elements, in the order in which the GS1 Barcode Syntax Engine applies them.

use super::ai::{Ai, Pattern};
use super::element::ElementString;
use super::error::{Gs1Error, Gs1Fault};

/// Identifiers whose serial component must be there beside a digital signature.
const SERIALISED_KEYS: [Ai; 3] = [Ai::new(253), Ai::new(255), Ai::new(8003)];

pub(super) fn check(elements: &ElementString<'_>) -> Result<(), Gs1Error> {
    exclusive(elements)?;
    required(elements)?;
    repeated(elements)?;
    signed(elements)
}

/// The error for the element in place `i`.
fn fail<T>(elements: &ElementString<'_>, i: usize, fault: Gs1Fault) -> Result<T, Gs1Error> {
    let element = elements.nth(i);
    Err(Gs1Error::new(element.map_or(0, |e| e.at), element.map(|e| e.ai), fault))
}

/// The first other identifier that the pattern covers.
fn other(elements: &ElementString<'_>, pattern: Pattern, own: Ai) -> Option<Ai> {
    elements.ais().find(|&ai| ai != own && pattern.covers(ai))
}

fn exclusive(elements: &ElementString<'_>) -> Result<(), Gs1Error> {
    for (i, (ai, entry)) in elements.ais().zip(elements.rows()).enumerate() {
        if let Some(other) = entry.excludes().iter().find_map(|&pattern| other(elements, pattern, ai)) {
            return fail(elements, i, Gs1Fault::Excludes(other));
        }
    }
    Ok(())
}

fn required(elements: &ElementString<'_>) -> Result<(), Gs1Error> {
    for (i, (ai, entry)) in elements.ais().zip(elements.rows()).enumerate() {
        let there = |pattern: &Pattern| other(elements, *pattern, ai).is_some();
        let groups = entry.requires();
        if !groups.is_empty() && !groups.iter().any(|group| group.iter().all(there)) {
            return fail(elements, i, Gs1Fault::Requires);
        }
    }
    Ok(())
}

/// Symbols of one item may repeat an element, with the same data.
fn repeated(elements: &ElementString<'_>) -> Result<(), Gs1Error> {
    let value = |i| elements.nth(i).map(|element| element.value);
    for (i, ai) in elements.ais().enumerate() {
        let same = |&(_, earlier): &(usize, Ai)| earlier == ai;
        if elements.ais().enumerate().take(i).filter(same).any(|(j, _)| value(j) != value(i)) {
            return fail(elements, i, Gs1Fault::Differs);
        }
    }
    Ok(())
}

fn signed(elements: &ElementString<'_>) -> Result<(), Gs1Error> {
    if !elements.ais().any(|ai| ai == Ai::DIGITAL_SIGNATURE) {
        return Ok(());
    }
    for (i, (element, entry)) in elements.entries().enumerate() {
        if SERIALISED_KEYS.contains(&element.ai) && element.value.len() == entry.min() {
            return fail(elements, i, Gs1Fault::NoSerial);
        }
    }
    Ok(())
}
