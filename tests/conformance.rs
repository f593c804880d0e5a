//! Every shipped adapter keeps the contract, and the suite finds each way of breaking it.

#![allow(clippy::unwrap_used)]

#[path = "conformance/bank.rs"]
mod bank;
#[path = "conformance/broken.rs"]
mod broken;
#[path = "conformance/files.rs"]
mod files;
#[path = "conformance/later.rs"]
mod later;
#[path = "conformance/rest.rs"]
mod rest;
#[path = "conformance/signed.rs"]
mod signed;

use scrip::adapters::plain::Plain;
use scrip::base::Secret;
use scrip::issuer::{Issuer, IssuerProfile, Profiles};
use scrip::sim::kit::{FarEnd, PlainEnd, conformance};

/// An online issuer's profile for this adapter, with these lines more.
fn profile(adapter: &str, lines: &str) -> IssuerProfile {
    let text = format!(
        "[issuer.shop]\nadapter = \"{adapter}\"\nevidence = \"online\"\nendpoints = [\"a\"]\n\
         can_reverse = true\n{lines}"
    );
    Profiles::parse(&text).unwrap().issuers["shop"].clone()
}

const RECOGNISES: &str =
    "verify = \"balance\"\nidempotency = \"issuer\"\nrecipe = \"query\"\nechoes_card = true";

fn key() -> Secret {
    Secret::new(vec![7; 32])
}

fn passes(make: &dyn Fn() -> Box<dyn Issuer>, far: &mut dyn FarEnd, left_out: &[&str]) {
    let checked = conformance(make, far).unwrap_or_else(|breach| panic!("{breach}"));
    println!("{checked}");
    assert!(checked.checks > 5_000 && checked.broken > 4_000, "{checked}");
    assert_eq!(checked.left_out, left_out);
}

#[test]
fn plain_lines() {
    let plain = || Box::new(Plain::new(profile("plain", RECOGNISES), key()).unwrap()) as Box<dyn Issuer>;
    passes(&plain, &mut PlainEnd::new(key()), &["changed bytes, for answers are not signed"]);
    let many = format!("{RECOGNISES}\nbatch_window_ms = 5\nbatch_max = 50");
    let plain = || Box::new(Plain::new(profile("plain", &many), key()).unwrap()) as Box<dyn Issuer>;
    passes(&plain, &mut PlainEnd::new(key()), &["changed bytes, for answers are not signed"]);
}

#[test]
fn the_guide_is_short() {
    let lines = include_str!("../examples/my_issuer.rs").lines().count();
    assert!(lines < 80, "{lines} lines");
}

#[test]
fn signed_json() {
    passes(&signed::issuer, &mut signed::End::new(), &[]);
}

/// Of every question that the protocol does not have.
fn without(questions: &[&str]) -> Vec<String> {
    questions.iter().map(|name| format!("{name}, which the protocol does not have")).collect()
}

#[test]
fn rest_profiles() {
    let of = rest::Protocol::of;
    let (unechoed, unnamed) =
        ("answers of another card, for answers carry none", "repeats that are named as such");
    for (name, protocol, questions, more) in [
        (
            "jd",
            rest::Protocol { numbered: false, ..of("jd", "balance") },
            &["pin_check", "reverse"][..],
            &[unechoed, unnamed][..],
        ),
        ("walmart", rest::Protocol { undoes: true, ..of("walmart", "balance") }, &["pin_check"], &[]),
        ("redleaf", of("redleaf", "none"), &["balance", "pin_check", "reverse"], &[unechoed]),
        ("silkroute", rest::Protocol { undoes: true, ..of("silkroute", "pin_check") }, &["balance"], &[]),
        ("lantern", rest::Protocol { undoes: true, ..of("lantern", "balance") }, &["pin_check"], &[unechoed]),
        (
            "cardharbor",
            rest::Protocol { later: true, ..of("cardharbor", "none") },
            &["balance", "pin_check", "reverse"],
            &[unechoed, unnamed],
        ),
        (
            "beehive",
            rest::Protocol { later: true, ..of("beehive", "none") },
            &["balance", "pin_check", "reverse"],
            &[unnamed],
        ),
    ] {
        let checked = conformance(&|| protocol.issuer(), &mut protocol.end());
        let checked = checked.unwrap_or_else(|breach| panic!("{name}: {breach}"));
        println!("{name}: {checked}");
        assert!(checked.checks > 10_000 && checked.broken > 9_000, "{checked}");
        let mut left_out = without(questions);
        left_out.extend(more.iter().map(ToString::to_string));
        if !protocol.signs() {
            left_out.push("changed bytes, for answers are not signed".into());
        }
        assert_eq!(checked.left_out, left_out, "{name}");
    }
}

/// The same platform with RSA in place of HMACs, and with SM2.
#[test]
fn rest_profiles_signed_with_pairs_of_keys() {
    for algorithm in ["rsa_sha256", "sm2", "sm2_raw"] {
        let silkroute = rest::Protocol::of("silkroute", "pin_check");
        let protocol = rest::Protocol { undoes: true, ..silkroute }.signed_by(algorithm);
        let checked = conformance(&|| protocol.issuer(), &mut protocol.end());
        let checked = checked.unwrap_or_else(|breach| panic!("{algorithm}: {breach}"));
        println!("{algorithm}: {checked}");
        assert!(checked.checks > 10_000 && checked.broken > 9_000, "{checked}");
        assert_eq!(checked.left_out, without(&["balance"]), "{algorithm}");
    }
}

#[test]
fn daily_files() {
    let checked = conformance(&files::issuer, &mut files::End::new());
    let checked = checked.unwrap_or_else(|breach| panic!("{breach}"));
    println!("{checked}");
    assert!(checked.checks > 1_000, "{checked}");
    assert!(!checked.left_out.iter().any(|what| what.contains("strange")), "{checked}");
}

#[test]
fn banks() {
    for terms in bank::all() {
        let made = || Box::new(bank::issuer(&terms)) as Box<dyn Issuer>;
        passes(&made, &mut bank::End::new(terms.clone()), &terms.left_out());
    }
}
