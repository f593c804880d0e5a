//! The rules between elements, in the order in which the GS1 Barcode Syntax Engine applies them.

use super::ai::{Ai, Pattern};
use super::element::{Element, ElementString};
use super::error::{Gs1Error, Gs1Fault};

/// Identifiers whose serial component must be there beside a digital signature.
const SERIALISED_KEYS: [Ai; 3] = [Ai::new(253), Ai::new(255), Ai::new(8003)];

pub(super) fn check(elements: &ElementString<'_>) -> Result<(), Gs1Error> {
    exclusive(elements)?;
    required(elements)?;
    repeated(elements)?;
    signed(elements)
}

fn fail<T>(element: Element<'_>, fault: Gs1Fault) -> Result<T, Gs1Error> {
    Err(Gs1Error::new(element.at, Some(element.ai), fault))
}

/// The first other identifier that the pattern covers.
fn other(elements: &ElementString<'_>, pattern: Pattern, own: Ai) -> Option<Ai> {
    elements.iter().map(|element| element.ai).find(|&ai| ai != own && pattern.covers(ai))
}

fn exclusive(elements: &ElementString<'_>) -> Result<(), Gs1Error> {
    for (element, entry) in elements.entries() {
        for &pattern in entry.excludes() {
            if let Some(ai) = other(elements, pattern, element.ai) {
                return fail(element, Gs1Fault::Excludes(ai));
            }
        }
    }
    Ok(())
}

fn required(elements: &ElementString<'_>) -> Result<(), Gs1Error> {
    for (element, entry) in elements.entries() {
        let there = |pattern: &Pattern| other(elements, *pattern, element.ai).is_some();
        let groups = entry.requires();
        if !groups.is_empty() && !groups.iter().any(|group| group.iter().all(there)) {
            return fail(element, Gs1Fault::Requires);
        }
    }
    Ok(())
}

/// Symbols of one item may repeat an element, with the same data.
fn repeated(elements: &ElementString<'_>) -> Result<(), Gs1Error> {
    for (i, element) in elements.iter().enumerate() {
        if elements.iter().take(i).any(|earlier| earlier.ai == element.ai && earlier.value != element.value) {
            return fail(element, Gs1Fault::Differs);
        }
    }
    Ok(())
}

fn signed(elements: &ElementString<'_>) -> Result<(), Gs1Error> {
    if !elements.iter().any(|element| element.ai == Ai::DIGITAL_SIGNATURE) {
        return Ok(());
    }
    for (element, entry) in elements.entries() {
        if SERIALISED_KEYS.contains(&element.ai) && element.value.len() == entry.min() {
            return fail(element, Gs1Fault::NoSerial);
        }
    }
    Ok(())
}
