//! Element strings, Digital Links and trade item numbers.

use super::candidate::{Candidate, Check, Fault, Kind, Likelihood, Note, Proof, Reading, Repair};
use super::input::{Scan, Source, Symbology, View};
use super::settle::Known;
use crate::card::{Alphabet, CheckDigit, Field, Lengths, Shape, normalize_letters_and_digits, ocr};
use crate::codec::gs1::{
    Ai, DigitalLink, ElementString, Gs1Error, Gtin, GtinError, PrefixClass, ShortGtin, SymbologyId,
};
use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;
use zeroize::Zeroizing;

pub(super) fn read<'a>(view: &View<'a>, scan: &Scan<'a>, known: &Known<'_>, out: &mut Vec<Candidate<'a>>) {
    if DigitalLink::is_candidate(view.data) {
        out.push(link(view, known));
        return;
    }
    elements(view, scan, known, out);
    gtins(view, scan, known, out);
}

fn link<'a>(view: &View<'a>, known: &Known<'_>) -> Candidate<'a> {
    let strict = DigitalLink::parse(view.data);
    let padded = || DigitalLink::read(view.data, ShortGtin::Pad).ok();
    let (link, fault) = match strict {
        Ok(link) => (Some(link), None),
        Err(error) => (padded(), Some(error)),
    };
    let gtin =
        link.as_ref().and_then(|link| link.elements().get(Ai::GTIN)).and_then(|gtin| Gtin::parse(gtin).ok());
    let serial = link
        .as_ref()
        .and_then(|link| link.elements().get(Ai::SERIAL))
        .map(|text| Zeroizing::new(String::from(text)));
    let short =
        fault.is_some() && link.as_ref().is_some_and(|link| link.elements().check_associations().is_ok());
    let mut found = match fault {
        None => {
            Candidate::new(Kind::DigitalLink, Reading::DigitalLink(link.map(Box::new)), Likelihood::Proven)
        }
        Some(error) => {
            let reading = Reading::DigitalLink(link.map(Box::new));
            Candidate::broken(Kind::DigitalLink, reading, Fault::Gs1(error))
        }
    };
    found.place(|at| at + view.start());
    if found.fault.is_none() {
        found.checks.extend([Check::Elements, Check::Associations]);
    } else if short {
        // The link that older versions of the standard allowed: readable, and not valid.
        found.repairs.push(Repair::Zeros);
    }
    if let Some(gtin) = gtin {
        known.attach(&mut found, gtin, serial.as_ref().map(|text| text.as_str()));
    }
    found
}

/// Signs that a text is meant as an element string, however broken it is.
fn is_signed(view: &View<'_>) -> bool {
    let data = view.data;
    let key = |key: &str, digits: usize| {
        data.starts_with(key)
            && data.get(..digits).is_some_and(|head| head.bytes().all(|b| b.is_ascii_digit()))
    };
    view.id.is_some_and(SymbologyId::carries_elements)
        || data.starts_with(['(', '\u{ff08}', '\u{1d}'])
        || (data.starts_with('^') && data.len() > 1)
        || data.contains('\u{1d}')
        || key("01", 16)
        || key("02", 16)
        // Merchant-presented codes begin so; a valid element string is still told beside them.
        || (key("00", 20) && !data.starts_with(super::qr::MERCHANT))
}

/// An application identifier at the start, or one in brackets further on.
fn is_identified(data: &str) -> bool {
    let ai = |text: &str| (2..=4).any(|len| text.get(..len).and_then(Ai::parse).is_some());
    let mut brackets = data.match_indices('(').take(ElementString::MAX);
    ai(data) || brackets.any(|(at, _)| data.get(at + 1..).is_some_and(ai))
}

fn elements<'a>(view: &View<'a>, scan: &Scan<'a>, known: &Known<'_>, out: &mut Vec<Candidate<'a>>) {
    let foreign = view.id.is_some_and(|id| !id.carries_elements());
    let identified = is_identified(view.data);
    let signed = is_signed(view);
    if foreign || !(signed || identified) {
        return;
    }
    let wide = matches!(scan.source(), Source::Typed | Source::Ocr) && view.text.chars().any(is_wide);
    // White space around elements is a fault of theirs: no reader sends it.
    let (text, offset) = if scan.raw() == view.text { (view.text, view.offset) } else { (scan.raw(), 0) };
    let (read, repaired) = if wide { (read_wide(text), true) } else { (read_plain(text, view), false) };
    let fault = match &read {
        Ok(elements) => elements.check_associations().err(),
        Err(error) => Some(*error),
    };
    let elements = read.ok();
    let gtin =
        elements.as_ref().and_then(|elements| elements.get(Ai::GTIN)).and_then(|text| Gtin::parse(text).ok());
    let serial = elements
        .as_ref()
        .and_then(|elements| elements.get(Ai::SERIAL))
        .map(|text| Zeroizing::new(String::from(text)));
    let coupon = elements.as_ref().is_some_and(is_coupon);
    let likelihood = match (signed, gtin) {
        (true, _) => Likelihood::Proven,
        (false, Some(_)) => Likelihood::Checked,
        (false, None) => Likelihood::Possible,
    };
    let reading = Reading::Gs1(elements.map(Box::new));
    let mut found = match fault {
        None => Candidate::new(Kind::Gs1, reading, likelihood),
        Some(error) => Candidate::broken(Kind::Gs1, reading, Fault::Gs1(error)),
    };
    found.guess = fault.is_some() && !signed;
    let place = |at| if repaired { narrow_to_wide(text, at) } else { at };
    found.place(|at| offset + place(at));
    if repaired {
        found.repairs.push(Repair::FullWidth(Field::CardNumber));
    }
    if view.id.is_some() {
        found.checks.push(Check::SymbologyId);
    }
    if fault.is_none() {
        found.checks.extend([Check::Elements, Check::Associations]);
    }
    if coupon {
        found.notes.push(Note::Coupon);
    }
    if let Some(gtin) = gtin {
        known.attach(&mut found, gtin, serial.as_ref().map(|text| text.as_str()));
    }
    out.push(found);
}

/// North American coupons and the coupon number: no product, whatever stands beside them.
fn is_coupon(elements: &ElementString<'_>) -> bool {
    [255, 8110, 8112].iter().any(|number| elements.get(Ai::new(*number)).is_some())
}

fn read_plain<'a>(text: &'a str, view: &View<'a>) -> Result<ElementString<'a>, Gs1Error> {
    if view.id.is_none() && view.data.starts_with('^') {
        ElementString::read_caret(text)
    } else {
        ElementString::read(text)
    }
}

/// Full-width forms of ASCII characters.
fn is_wide(c: char) -> bool {
    matches!(c, '\u{ff01}'..='\u{ff5e}')
}

/// Reads a text with full-width forms as if they were ASCII: an input method wrote them.
fn read_wide(text: &str) -> Result<ElementString<'static>, Gs1Error> {
    let narrow: String = text
        .chars()
        .map(|c| if is_wide(c) { char::from_u32(u32::from(c) - 0xfee0).unwrap_or(c) } else { c })
        .collect();
    let narrow = Zeroizing::new(narrow);
    let read = ElementString::read(&narrow)?;
    let all: Vec<(Ai, &str)> = read.iter().map(|element| (element.ai, element.value)).collect();
    // Rules between elements are the caller's to apply; with them broken there is no copy.
    ElementString::from_elements(&all)
}

/// The place in a text with full-width forms of byte `at` of its narrow form.
fn narrow_to_wide(text: &str, at: usize) -> usize {
    let mut narrow = 0;
    for (wide, c) in text.char_indices() {
        if narrow >= at {
            return wide;
        }
        narrow += if is_wide(c) { 1 } else { c.len_utf8() };
    }
    text.len()
}

/// What the symbology says, of the data or else of the hint.
fn symbology(view: &View<'_>, scan: &Scan<'_>) -> (Option<Symbology>, bool) {
    match view.id.map(|id| (id.code(), id.modifier())) {
        Some(('E', '4')) => (Some(Symbology::Ean8), true),
        Some(('E', '0' | '3')) => (Some(Symbology::Ean13), true),
        Some(('I', _)) => (Some(Symbology::Itf), true),
        Some(_) if view.id.is_some_and(SymbologyId::carries_elements) => (Some(Symbology::Gs1), true),
        Some(_) => (Some(Symbology::Text), true),
        None => (scan.symbology_hint(), false),
    }
}

/// Digits with the GS1 check digit, in the lengths of trade item numbers.
fn gtin_shape() -> Shape {
    let lengths = [8, 12, 13, 14].into_iter().try_fold(Lengths::default(), Lengths::with);
    Shape {
        alphabet: Alphabet::Digits,
        lengths: lengths.expect("lengths below 64"),
        prefixes: Vec::new(),
        check: Some(CheckDigit::Gs1),
        group: None,
    }
}

fn gtins<'a>(view: &View<'a>, scan: &Scan<'a>, known: &Known<'_>, out: &mut Vec<Candidate<'a>>) {
    let (symbology, evident) = symbology(view, scan);
    if symbology == Some(Symbology::Gs1) {
        return;
    }
    let by_hand = matches!(scan.source(), Source::Typed | Source::Ocr);
    let value = normalize_letters_and_digits(if view.data.len() <= 40 { view.data } else { "" });
    let digits = core::str::from_utf8(value.expose()).unwrap_or_default();
    let digits = if by_hand { digits } else { view.data };
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        if scan.source() == Source::Ocr {
            repaired_gtins(view, known, out);
        }
        return;
    }
    let readings = readings(digits, symbology);
    let both = readings.iter().filter(|reading| reading.is_ok()).count() > 1;
    for reading in readings {
        let mut found = match reading {
            Ok(gtin) => {
                let likelihood = if evident { Likelihood::Proven } else { Likelihood::Checked };
                let mut found = Candidate::new(Kind::Gtin, Reading::Gtin(Some(gtin)), likelihood);
                found.checks.push(Check::GtinCheckDigit);
                if both {
                    found.notes.push(Note::EanOrUpcE);
                }
                known.attach(&mut found, gtin, None);
                found
            }
            Err(error) => {
                let mut found = Candidate::broken(Kind::Gtin, Reading::Gtin(None), Fault::Gtin(error));
                found.guess = symbology.is_none();
                found.place(|at| at + view.start());
                found
            }
        };
        if evident {
            found.checks.push(Check::SymbologyId);
        }
        if digits.len() != view.data.len() {
            found.repairs.push(Repair::Separators(Field::CardNumber));
        }
        out.push(found);
    }
}

/// What the digits may be: the readings that are numbers, or else why none is one.
fn readings(digits: &str, symbology: Option<Symbology>) -> Vec<Result<Gtin, GtinError>> {
    let len = digits.len();
    let wrong = || Err(GtinError::Length { len });
    let one = |reading| alloc::vec![reading];
    match symbology {
        Some(Symbology::Ean8) => one(if len == 8 { Gtin::parse(digits) } else { wrong() }),
        // With a two- or five-digit add-on the number stands first.
        Some(Symbology::Ean13) => match len {
            12 | 13 => one(Gtin::parse(digits)),
            15 | 18 => one(Gtin::parse(digits.get(..13).unwrap_or_default())),
            _ => one(wrong()),
        },
        Some(Symbology::UpcA) => one(if matches!(len, 12 | 13) { Gtin::parse(digits) } else { wrong() }),
        Some(Symbology::UpcE) => one(Gtin::from_upc_e(digits)),
        Some(Symbology::Itf) if len != 14 => Vec::new(),
        Some(_) if matches!(len, 8 | 12 | 13 | 14) => one(Gtin::parse(digits)),
        Some(_) => Vec::new(),
        None => match len {
            8 => match Gtin::readings(digits) {
                (None, None) => one(Gtin::parse(digits)),
                (ean, upc) => ean.into_iter().chain(upc).map(Ok).collect(),
            },
            12..=14 => one(Gtin::parse(digits)),
            _ => Vec::new(),
        },
    }
}

/// Numbers that lookalikes lead to.
fn repaired_gtins<'a>(view: &View<'a>, known: &Known<'_>, out: &mut Vec<Candidate<'a>>) {
    for reading in ocr::readings(view.data, &gtin_shape()) {
        let text = core::str::from_utf8(reading.value.expose()).unwrap_or_default();
        let Ok(gtin) = Gtin::parse(text) else { continue };
        let mut found = Candidate::new(Kind::Gtin, Reading::Gtin(Some(gtin)), Likelihood::Repaired);
        found.checks.push(Check::GtinCheckDigit);
        let confidence = reading.confidence;
        let repair = |change| Repair::Lookalike { field: Field::CardNumber, change, confidence };
        found.repairs.extend(reading.changes.into_iter().map(repair));
        known.attach(&mut found, gtin, None);
        out.push(found);
    }
}

impl Known<'_> {
    /// What the catalogue knows of a trade item number, and of the card's number beside it.
    pub(super) fn attach(&self, found: &mut Candidate<'_>, gtin: Gtin, serial: Option<&str>) {
        found.gtin = Some(gtin);
        match gtin.prefix_class() {
            PrefixClass::Coupon => return found.notes.push(Note::Coupon),
            PrefixClass::Refund => return found.notes.push(Note::Refund),
            PrefixClass::Periodical | PrefixClass::Book => found.notes.push(Note::Publication),
            PrefixClass::RestrictedRegion | PrefixClass::RestrictedCompany if self.issuer.is_none() => {
                return found.notes.push(Note::NeedsIssuer);
            }
            _ => {}
        }
        if found.notes.contains(&Note::Coupon) {
            return;
        }
        for product in self.products_with(gtin) {
            if !found.checks.contains(&Check::GtinOfProduct) {
                found.checks.push(Check::GtinOfProduct);
            }
            found.add_fit(product.name(), Proof::Gtin);
            let number = serial.zip(product.number()).and_then(|(serial, shape)| shape.read(serial).ok());
            if found.number.is_none() {
                found.number = number;
            }
        }
        if !found.fits.is_empty() && found.number.is_none() {
            found.notes.push(Note::NeedsNumber);
        }
    }
}
