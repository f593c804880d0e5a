//! Lines that are wrong, each in its own way: an outcome with place and reason, and the rest goes
//! on.

use crate::job::{Desk, run};
use serde_json::Value;

const HEADER: &[u8] = b"request_id,seller_id,product,card_number,card_secret,face_value,currency,received_at";
const AT: &str = "2026-03-02T08:00:00+08:00";

/// Runs the job over a file and gives its outcomes; it must succeed.
fn outcomes(content: &[u8]) -> Vec<Value> {
    let desk = Desk::new();
    let cards = desk.path("cards.csv");
    std::fs::write(&cards, content).unwrap();
    let ran = run(&mut desk.command(&cards));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    let text = String::from_utf8(desk.outcomes()).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn good(n: u64) -> Vec<u8> {
    format!("R-{n},s-1,walmart-gift,{},123456,100,CNY,{AT}", 2_326_000_000_000_000_u64 + n).into_bytes()
}

/// A file of a good line, `odd`, and another good line; gives the outcome of `odd`.
fn between_good_lines(odd: &[u8]) -> Value {
    let mut found = outcomes(&[HEADER, &good(1), odd, &good(2), b""].join(&b'\n'));
    assert_eq!(found.len(), 3);
    for (place, line) in [(0, 2), (2, 4)] {
        assert_eq!(found[place]["state"], "retired", "{}", found[place]);
        assert_eq!(found[place]["line"], line);
    }
    found.remove(1)
}

fn assert_invalid(odd: &[u8], column: Option<&str>, reason: &str) {
    let found = between_good_lines(odd);
    let shown = String::from_utf8_lossy(&odd[..odd.len().min(80)]);
    assert_eq!(found["line"], 3, "{shown}: {found}");
    assert_eq!(found["state"], "invalid", "{shown}: {found}");
    assert_eq!(found["column"].as_str(), column, "{shown}: {found}");
    assert_eq!(found["reason"], reason, "{shown}: {found}");
    assert!(!found["expected"].as_str().unwrap().is_empty());
}

#[test]
fn amounts_that_are_none_are_refused() {
    for (amount, reason) in [
        ("1e3", "face_value_shape"),
        ("-5", "face_value_not_positive"),
        ("0", "face_value_not_positive"),
        ("0.001", "face_value_precision"),
        ("99999999999999999999", "face_value_too_large"),
        ("", "field_missing"),
    ] {
        let odd = format!("R-9,s-1,walmart-gift,2326000000000009,123456,{amount},CNY,{AT}");
        assert_invalid(odd.as_bytes(), Some("face_value"), reason);
    }
}

#[test]
fn a_time_that_does_not_exist_is_told_apart_from_another_writing() {
    for (at, reason, expected) in [
        ("2026-02-30T08:00:00+08:00", "received_at_shape", "a day, a time and an offset that exist"),
        ("2026-03-02", "received_at_shape", "a time such as"),
        ("9999-12-31T23:59:59Z", "received_at_range", "a year from 2000 to 2099"),
    ] {
        let odd = format!("R-9,s-1,walmart-gift,2326000000000009,123456,100,CNY,{at}");
        let found = between_good_lines(odd.as_bytes());
        assert_eq!((&found["column"], &found["reason"]), (&"received_at".into(), &reason.into()), "{found}");
        assert!(found["expected"].as_str().unwrap().starts_with(expected), "{found}");
    }
}

#[test]
fn two_lines_with_a_lone_cr_between_them_are_told_of_it() {
    let odd = [good(8), good(9)].join(&b'\r');
    let found = between_good_lines(&odd);
    assert_eq!((&found["state"], &found["reason"]), (&"invalid".into(), &"field_count".into()));
    assert!(found["expected"].as_str().unwrap().contains("found 15 and a lone CR"), "{found}");
}

#[test]
fn a_place_with_all_the_digits_of_a_double_is_taken() {
    let header = [HEADER, b",lat,lon"].concat();
    let line = [good(1), b",1.3521000000000001,103.81980000000001".to_vec()].concat();
    assert_eq!(outcomes(&[header, line].join(&b'\n'))[0]["state"], "retired");
}

#[test]
fn a_currency_that_is_none_is_refused() {
    for (currency, reason) in
        [("RMB", "currency_unknown"), ("cny", "currency_unknown"), ("", "field_missing")]
    {
        let odd = format!("R-9,s-1,walmart-gift,2326000000000009,123456,100,{currency},{AT}");
        assert_invalid(odd.as_bytes(), Some("currency"), reason);
    }
}

#[test]
fn bytes_that_are_no_text_are_refused() {
    let line = |seller: &[u8]| {
        let (before, after) = (b"R-9,", b",walmart-gift,2326000000000009,123456,100,CNY,");
        [before, seller, after, AT.as_bytes()].concat()
    };
    assert_invalid(&line(b"a\0b"), Some("seller_id"), "nul_byte");
    // 商户 in GBK.
    assert_invalid(&line(b"\xc9\xcc\xbb\xa7"), Some("seller_id"), "not_utf8");
}

#[test]
fn lines_without_their_form_are_refused() {
    assert_invalid(&vec![b'x'; 10 << 20], None, "line_too_long");
    assert_invalid(b"\"R-9,s-1,walmart-gift", None, "quote_unclosed");
    assert_invalid(b"R-9,s-1,walmart-gift", None, "field_count");
}

#[test]
fn what_is_on_the_line_is_never_repeated() {
    // The columns have slipped: the secret stands where the currency should.
    let odd = format!("R-9,s-1,walmart-gift,2326000000000009,100,CNY,SECRET99,{AT}");
    let found = between_good_lines(odd.as_bytes());
    assert_eq!(found["state"], "invalid");
    assert!(!found.to_string().contains("SECRET99"), "{found}");
}

#[test]
fn a_face_that_the_product_does_not_take_is_declined_with_its_issuer() {
    let odd = format!("R-9,s-1,walmart-gift,2326000000000009,123456,60000,CNY,{AT}");
    let found = between_good_lines(odd.as_bytes());
    assert_eq!((&found["state"], &found["issuer"]), (&"declined".into(), &"walmart".into()));
    assert_eq!((&found["face_minor"], &found["payout_minor"]), (&6_000_000.into(), &0.into()));
}

#[test]
fn marks_line_ends_and_blank_lines_are_no_matter() {
    let plain = outcomes(&[HEADER, &good(1), &good(2)].join(&b'\n'));
    assert_eq!(plain.len(), 2);
    let marked = [b"\xef\xbb\xbf", HEADER, b"\r\n", &good(1), b"\r\n", &good(2), b"\r\n"].concat();
    assert_eq!(outcomes(&marked), plain);
    let blank = outcomes(&[HEADER, &good(1), b"", b"  ", &good(2), b""].join(&b'\n'));
    assert_eq!((&blank[1]["line"], &blank[1]["state"]), (&5.into(), &"retired".into()));
}

#[test]
fn a_file_of_a_header_only_gives_empty_outcomes() {
    assert!(outcomes(HEADER).is_empty());
}
