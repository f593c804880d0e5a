//! Payment codes, EMVCo codes and tokens.

use super::candidate::{Candidate, Check, Fault, Kind, Likelihood, Note, Reading, Repair};
use super::input::{Kinds, Scan, Source, View};
use crate::base::Secret;
use crate::card::token::Token;
use crate::card::{Field, normalize_digits};
use crate::codec::emv::{ConsumerQr, ConsumerQrError, MerchantQr};
use crate::codec::payment;
use alloc::boxed::Box;
use alloc::vec::Vec;

/// How every merchant-presented code begins: the format indicator.
pub(super) const MERCHANT: &str = "000201";
/// How every consumer-presented code begins: the tag and length of the format indicator and the
/// four letters that are in base64 whole.
const CONSUMER: &str = "hQVDUFYw";

pub(super) fn read<'a>(view: &View<'a>, scan: &Scan<'a>, out: &mut Vec<Candidate<'a>>) {
    let data = view.data;
    let before = out.len();
    if data.starts_with(MERCHANT) {
        out.push(merchant(data));
    } else if data.starts_with(CONSUMER) {
        out.push(consumer(data));
    } else if data.starts_with(Token::PREFIX) {
        out.push(token(data));
    } else {
        payment_codes(data, scan, out);
        one_time_code(data, scan, out);
    }
    for found in out.iter_mut().skip(before) {
        let decoded = match found.fault {
            Some(Fault::EmvConsumer(error)) => {
                !matches!(error, ConsumerQrError::Base64 { .. } | ConsumerQrError::TooLong)
            }
            _ => false,
        };
        // Three bytes stand in four characters.
        found.place(|at| view.start() + if decoded { (at * 4 / 3).min(data.len()) } else { at });
    }
}

fn merchant(data: &str) -> Candidate<'_> {
    match MerchantQr::parse(data) {
        Ok(code) => {
            let reading = Reading::EmvMerchant(Some(code));
            let mut found = Candidate::new(Kind::EmvMerchant, reading, Likelihood::Proven);
            found.checks.extend([Check::Checksum, Check::Structure]);
            found
        }
        Err(error) => {
            let reading = Reading::EmvMerchant(MerchantQr::read(data).ok());
            Candidate::broken(Kind::EmvMerchant, reading, Fault::EmvMerchant(error))
        }
    }
}

fn consumer(data: &str) -> Candidate<'_> {
    match ConsumerQr::parse(data) {
        Ok(code) => {
            let reading = Reading::EmvConsumer(Some(Box::new(code)));
            let mut found = Candidate::new(Kind::EmvConsumer, reading, Likelihood::Proven);
            found.checks.push(Check::Structure);
            found
        }
        Err(error) => {
            Candidate::broken(Kind::EmvConsumer, Reading::EmvConsumer(None), Fault::EmvConsumer(error))
        }
    }
}

fn token(data: &str) -> Candidate<'_> {
    match Token::decode(data) {
        Ok(token) => {
            let reading = Reading::Token(Some(Box::new(token)));
            let mut found = Candidate::new(Kind::Token, reading, Likelihood::Proven);
            found.checks.push(Check::Structure);
            found
        }
        Err(error) => Candidate::broken(Kind::Token, Reading::Token(None), Fault::Token(error)),
    }
}

/// The digits of a short text; people type spaces and hyphens among them.
fn digits(data: &str, scan: &Scan<'_>) -> Option<Secret> {
    if data.len() > 64 {
        return None;
    }
    let value = match scan.source() {
        Source::Typed | Source::Ocr => normalize_digits(data),
        Source::Barcode | Source::Qr => Secret::from(data),
    };
    Some(value).filter(|value| value.expose().iter().all(u8::is_ascii_digit))
}

fn payment_codes<'a>(data: &'a str, scan: &Scan<'a>, out: &mut Vec<Candidate<'a>>) {
    let Some(code) = digits(data, scan) else { return };
    let text = core::str::from_utf8(code.expose()).unwrap_or_default();
    let schemes = payment::schemes(text).unwrap_or_default();
    for scheme in schemes {
        let mut found = Candidate::new(Kind::PaymentCode, Reading::PaymentCode(*scheme), Likelihood::Shaped);
        found.checks.push(Check::Prefix);
        found.number = Some(code.clone());
        if schemes.len() > 1 {
            found.notes.push(Note::SchemeUnclear);
        }
        if code.len() != data.len() {
            found.repairs.push(Repair::Separators(Field::CardNumber));
        }
        out.push(found);
    }
}

fn one_time_code<'a>(data: &'a str, scan: &Scan<'a>, out: &mut Vec<Candidate<'a>>) {
    if scan.kinds() != Kinds::of(&[Kind::Token]) {
        return;
    }
    if let Some(code) = digits(data, scan).filter(|code| (6..=8).contains(&code.len())) {
        let mut found = Candidate::new(Kind::Token, Reading::Token(None), Likelihood::Possible);
        found.checks.push(Check::Length);
        found.secret = Some(code);
        out.push(found);
    }
}
