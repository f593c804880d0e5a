//! Laws of the small codecs that have no writer of their own beside their reader: what is read and
//! shown reads back, and what cannot be meant is refused.

#![allow(clippy::unwrap_used)]

use proptest::prelude::*;
use scrip::card::check::{gs1_mod10_digit, luhn, luhn_digit};
use scrip::card::token::{Algorithm, Guard, Profile};
use scrip::codec::gs1::{Ai, Gtin, SymbologyId};
use scrip::codec::payment::{PaymentScheme, schemes};

fn with_check(body: &str) -> String {
    format!("{body}{}", char::from(gs1_mod10_digit(body.as_bytes()).unwrap()))
}

proptest! {
    #[test]
    fn a_gtin_of_any_length_reads_back_in_every_form(body in "[0-9]{7}|[0-9]{11,13}") {
        let text = with_check(&body);
        let gtin = Gtin::parse(&text).unwrap();
        prop_assert_eq!(Gtin::parse(gtin.as_str()), Ok(gtin));
        prop_assert_eq!(Gtin::parse(gtin.shortest()), Ok(gtin));
        prop_assert_eq!(gtin.as_str(), format!("{text:0>14}"));
    }

    #[test]
    fn any_wrong_digit_of_upc_e_is_seen(six in "[0-9]{6}", system in 0_u8..2, at in 1_usize..8, plus in 1_u8..10) {
        // Its check digit is that of the number it stands for.
        let long = Gtin::from_upc_e(&format!("{system}{six}")).unwrap();
        let check = &long.as_str()[13..];
        let whole = format!("{system}{six}{check}");
        prop_assert_eq!(Gtin::from_upc_e(&whole), Ok(long));
        let mut digits = whole.into_bytes();
        digits[at] = (digits[at] - b'0' + plus) % 10 + b'0';
        let text = String::from_utf8(digits).unwrap();
        // The sixth digit says how the others stand, so only a change elsewhere keeps the layout.
        if at != 6 {
            prop_assert_ne!(Gtin::from_upc_e(&text), Ok(long));
            prop_assert!(Gtin::from_upc_e(&text).is_err());
        }
    }

    #[test]
    fn a_symbology_identifier_reads_back(code in "[A-Za-z]", modifier in "[0-9A-Za-z]", data in "\\PC{0,20}") {
        let text = format!("]{code}{modifier}{data}");
        let (id, rest) = SymbologyId::split(&text);
        let id = id.unwrap();
        prop_assert_eq!(rest, &data);
        prop_assert_eq!(format!("{id}{rest}"), text);
    }

    #[test]
    fn an_application_identifier_reads_back(number in 0_u16..10_000) {
        let ai = Ai::new(number);
        let read = Ai::parse(&ai.to_string());
        prop_assert_eq!(read, ai.entry().map(|_| ai));
    }

    #[test]
    fn a_payment_code_fits_schemes_by_beginning_and_length_alone(code in "[0-9]{10,30}", tail in "[0-9]{30}") {
        let same = format!("{}{}", &code[..2], &tail[..code.len() - 2]);
        prop_assert_eq!(schemes(&code).ok(), schemes(&same).ok());
        if let Ok(found) = schemes(&code) {
            let unclear = found.contains(&PaymentScheme::UnionPay) && found.contains(&PaymentScheme::Jd);
            prop_assert_eq!(found.len(), if unclear { 2 } else { 1 });
        }
    }

    #[test]
    fn no_text_is_a_payment_code_unless_it_is_digits(text in "\\PC{0,24}") {
        prop_assert!(schemes(&text).is_err() || text.bytes().all(|byte| byte.is_ascii_digit()));
    }

    #[test]
    fn a_number_completed_by_its_check_digit_passes_and_no_other_digit_does(body in "[0-9]{1,30}", other in 1_u8..10) {
        let check = luhn_digit(body.as_bytes()).unwrap();
        let passes = |digit: u8| luhn(&[body.as_bytes(), &[digit]].concat());
        prop_assert!(passes(check));
        prop_assert!(!passes((check - b'0' + other) % 10 + b'0'));
    }

    #[test]
    fn no_bytes_make_a_guard_panic(bytes in prop::collection::vec(any::<u8>(), 0..200), step_ms in 1_000_u32..90_000) {
        let profile = Profile::new(Algorithm::HmacSha256, step_ms, 1, 1).unwrap();
        if let Ok(guard) = Guard::decode(&bytes, &profile, 10) {
            prop_assert_eq!(guard.encode(), bytes);
        }
    }
}
