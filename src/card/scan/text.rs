//! Cards by the shapes of the catalogue.

use super::candidate::{Candidate, Check, Kind, Likelihood, Note, Proof, Reading, Repair};
use super::input::{Scan, Source, View};
use super::settle::Known;
use super::split::{self, Split};
use crate::base::Secret;
use crate::card::ocr;
use crate::card::{Alphabet, Field, Product, Shape};
use alloc::vec::Vec;

/// Longer texts hold no card's number and secret.
const MAX_TEXT: usize = 512;

/// At most this many candidates for cards are kept.
const MAX_CANDIDATES: usize = 64;

pub(super) fn read<'a>(view: &View<'a>, scan: &Scan<'a>, known: &Known<'_>, out: &mut Vec<Candidate<'a>>) {
    if view.data.len() > MAX_TEXT {
        return;
    }
    let splits = match scan.source() {
        Source::Typed | Source::Qr => split::splits(view.data),
        Source::Ocr => split::lines(view.data),
        Source::Barcode => {
            let whole = |number, secret| Split { number, secret, swapped: false, partial: false };
            alloc::vec![whole(Some(view.data), None), whole(None, Some(view.data))]
        }
    };
    let mut found = Vec::new();
    for split in &splits {
        match known.declared {
            Some(product) => fit(product, split, scan, &mut found),
            None => known.catalogue.products().for_each(|product| fit(product, split, scan, &mut found)),
        }
    }
    found.sort_by_key(|candidate| (candidate.likelihood(), candidate.repairs().len()));
    found.truncate(MAX_CANDIDATES);
    out.append(&mut found);
}

/// A field that was read, and what was changed for that.
struct Value {
    value: Secret,
    repairs: Vec<Repair>,
}

/// Adds what the split is as a card of the product.
fn fit<'a>(product: &Product, split: &Split<'a>, scan: &Scan<'a>, found: &mut Vec<Candidate<'a>>) {
    let ocr = scan.source() == Source::Ocr;
    let given = (split.number, split.secret);
    let numbers = match (product.number(), given) {
        (Some(shape), (Some(text), _)) => values(Field::CardNumber, shape, text, ocr),
        (None, (None, _)) => Vec::new(),
        // A number that does not name the card is kept as it is, if a secret is there too.
        (None, (Some(text), Some(_))) => values(Field::CardNumber, &Shape::ANY, text, false),
        _ => return,
    };
    let secrets = match (product.secret(), given) {
        (Some(shape), (_, Some(text))) => values(Field::CardSecret, shape, text, ocr),
        (Some(_), (Some(_), None)) if product.number().is_some() => Vec::new(),
        (None, (_, None)) => Vec::new(),
        _ => return,
    };
    if (split.number.is_some() && numbers.is_empty()) || (split.secret.is_some() && secrets.is_empty()) {
        return;
    }
    let optional = |values: Vec<Value>| -> Vec<Option<Value>> {
        if values.is_empty() { alloc::vec![None] } else { values.into_iter().map(Some).collect() }
    };
    let (numbers, secrets) = (optional(numbers), optional(secrets));
    for (number, secret) in
        numbers.iter().flat_map(|number| secrets.iter().map(move |secret| (number, secret)))
    {
        let candidate = candidate(product, split, number.as_ref(), secret.as_ref());
        // Capped before the products of many readings of both fields add up.
        if found.len() < 4 * MAX_CANDIDATES {
            merge(candidate, found);
        }
    }
}

fn candidate<'a>(
    product: &Product,
    split: &Split<'a>,
    number: Option<&Value>,
    secret: Option<&Value>,
) -> Candidate<'a> {
    let named = match (number, product.number()) {
        (Some(number), Some(shape)) => Some((number, shape)),
        _ => secret.zip(product.secret()),
    };
    let (proof, check) = named.map_or((Proof::Length, Check::Length), |(value, shape)| proof(value, shape));
    let mut found = Candidate::new(Kind::CardText, Reading::CardText, Likelihood::Possible);
    found.number = number.map(|value| value.value.clone());
    found.secret = secret.map(|value| value.value.clone());
    found.repairs = number.into_iter().chain(secret).flat_map(|value| value.repairs.clone()).collect();
    if split.swapped {
        found.repairs.push(Repair::Order);
    }
    if split.partial {
        found.repairs.push(Repair::OtherText);
    }
    let guessed = found.repairs.iter().any(|repair| matches!(repair, Repair::Lookalike { .. }));
    found.likelihood = match proof {
        _ if guessed => Likelihood::Repaired,
        Proof::CheckDigit => Likelihood::Checked,
        Proof::Prefix => Likelihood::Shaped,
        _ if number.is_some() && secret.is_some() && !split.swapped => Likelihood::Shaped,
        _ => Likelihood::Possible,
    };
    found.checks.push(check);
    if product.secret().is_some() && secret.is_none() {
        found.notes.push(Note::NeedsSecret);
    }
    found.add_fit(product.name(), proof);
    found
}

/// What a value of this shape proves.
fn proof(value: &Value, shape: &Shape) -> (Proof, Check) {
    let digits = value.value.expose().iter().all(u8::is_ascii_digit);
    match shape.check() {
        Some(scheme) => (Proof::CheckDigit, Check::NumberCheckDigit(scheme)),
        None if !shape.prefixes().is_empty() => (Proof::Prefix, Check::Prefix),
        // Sixteen characters with letters among them are like few things, digits like many.
        None if shape.alphabet() == Alphabet::LettersAndDigits && !digits => (Proof::Prefix, Check::Length),
        None => (Proof::Length, Check::Length),
    }
}

/// The same reading as a card of several products is one candidate.
fn merge<'a>(candidate: Candidate<'a>, found: &mut Vec<Candidate<'a>>) {
    let same = found.iter_mut().find(|other| {
        other.number == candidate.number
            && other.secret == candidate.secret
            && other.repairs == candidate.repairs
    });
    let Some(same) = same else { return found.push(candidate) };
    same.likelihood = same.likelihood.min(candidate.likelihood);
    for fit in &candidate.fits {
        same.add_fit(&fit.product, fit.proof);
    }
    for check in candidate.checks {
        if !same.checks.contains(&check) {
            same.checks.push(check);
        }
    }
    for note in candidate.notes {
        if !same.notes.contains(&note) {
            same.notes.push(note);
        }
    }
}

/// The readings of a field in a shape: one as it stands, or those that lookalikes lead to.
fn values(field: Field, shape: &Shape, text: &str, ocr: bool) -> Vec<Value> {
    let changed = |value: &Secret| lossless(field, shape, text, value);
    if !ocr {
        let read = shape.read(text).ok();
        return read.map(|value| Value { repairs: changed(&value), value }).into_iter().collect();
    }
    let readings = ocr::readings(text, shape).into_iter();
    readings
        .map(|reading| {
            let mut repairs = changed(&reading.value);
            let confidence = reading.confidence;
            let repair = |change| Repair::Lookalike { field, change, confidence };
            repairs.extend(reading.changes.into_iter().map(repair));
            Value { value: reading.value, repairs }
        })
        .collect()
}

/// What normalising did to the text.
fn lossless(field: Field, shape: &Shape, text: &str, value: &Secret) -> Vec<Repair> {
    let mut repairs = Vec::new();
    if text.trim().chars().count() != value.len() {
        repairs.push(Repair::Separators(field));
    }
    if text.chars().any(|c| matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{3000}')) {
        repairs.push(Repair::FullWidth(field));
    }
    let small = |c: char| c.is_ascii_lowercase() || matches!(c, '\u{ff41}'..='\u{ff5a}');
    if shape.alphabet() == Alphabet::LettersAndDigits && text.chars().any(small) {
        repairs.push(Repair::Capitals(field));
    }
    repairs
}
