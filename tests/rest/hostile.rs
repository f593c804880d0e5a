//! Answers that are not what they should be: never a no, never another outcome.

use crate::ends::{Ends, KINDS, NOW, asked, behaviour, cny, debit, keys_of, operation, product, terms_of};
use scrip::adapters::rest::{PROFILES, Rest, RestKeys, RestTerms, Server, profile};
use scrip::base::{Secret, Text, Wall};
use scrip::codec::envelope::Envelope;
use scrip::codec::form::{Keyed, Signer};
use scrip::issuer::{
    Accepted, Cause, Context, Decline, Issuer, Message, OpKind, Outcome, Profiles, Reference,
};

fn yes(minor: i64) -> Outcome {
    let reference = Text::new("I-20261123-0001").unwrap();
    Outcome::Accepted(Accepted { reference, amount: cny(minor), card: None, generation: None })
}

/// What a body with this status says to a question, unsigned.
fn told(ends: &Ends, kind: OpKind, status: &str, body: &str) -> Option<Outcome> {
    let bytes = format!("{status}\ncontent-type: application/json\n\n{body}");
    ends.heard(bytes.as_bytes(), &asked(kind, 10_000)).map(|answer| answer.outcome)
}

#[test]
fn pages_errors_and_garbage_are_unknown() {
    for (name, _) in PROFILES {
        let ends = Ends::of(name);
        let bodies = [
            "",
            "ok",
            "null",
            "[]",
            "{}",
            "<html><h1>502 Bad Gateway</h1></html>",
            "{\"code\":",
            "code=",
            "code=fail&cardCode=fail",
            "{\"code\":{},\"success\":[]}",
            "{\"code\":\"99999\",\"error\":\"99999\",\"state\":\"99999\",\"status\":\"99999\"}",
            "{\"error_response\":{\"code\":\"67\"}}",
            "{\"error_response\":{\"code\":\"28\"}}",
        ];
        for (kind, body) in KINDS.iter().flat_map(|kind| bodies.map(|body| (*kind, body))) {
            for status in ["200", "302", "404", "429", "500", "502", "503", "999"] {
                let outcome = told(&ends, kind, status, body);
                let unmapped = Outcome::Unknown(Cause::Unmapped);
                assert!(outcome.is_none() || outcome == Some(unmapped), "{name} {kind:?} {body} {outcome:?}");
            }
        }
    }
}

#[test]
fn a_refused_question_says_nothing_about_the_debit() {
    let jd = Ends::of("jd");
    for code in ["2", "4", "12", "19", "21", "24"] {
        let body = format!("{{\"error_response\":{{\"code\":\"{code}\",\"en_desc\":\"no\"}}}}");
        let reason = if code == "2" { Decline::TooFrequent } else { Decline::AuthConfig };
        assert_eq!(told(&jd, OpKind::Redeem, "200", &body), Some(Outcome::Declined(reason)));
        let unsure = Outcome::Unknown(Cause::IssuerUnsure);
        assert_eq!(told(&jd, OpKind::Query, "200", &body), Some(unsure));
    }
    // The root is that of another method.
    let other = r#"{"jingdong_card_recovery_inquire_response":{"code":"0","result":{"state":"SUCCESS",
        "outOrderNo":"07070707070707070707070707070707","jdOrderNo":"1","amount":"100.00","currency":"CNY"}}}"#;
    assert_eq!(told(&jd, OpKind::Redeem, "200", other), Some(Outcome::Unknown(Cause::Unmapped)));
    assert!(matches!(told(&jd, OpKind::Balance, "200", other), Some(Outcome::Accepted(_))));
}

#[test]
fn an_approval_of_something_else_is_not_believed() {
    let jd = Ends::of("jd");
    let body = |order: &str, amount: &str, currency: &str| {
        let result = format!(
            r#""state":"SUCCESS","outOrderNo":"{order}","jdOrderNo":"1","amount":{amount},"currency":"{currency}""#
        );
        format!(r#"{{"jingdong_card_recovery_redeem_response":{{"code":0,"result":{{{result}}}}}}}"#)
    };
    let told =
        |order, amount, currency| told(&jd, OpKind::Redeem, "200", &body(order, amount, currency)).unwrap();
    let (ours, theirs) = (debit(7).to_string(), debit(8).to_string());
    let Outcome::Accepted(accepted) = told(&ours, "100.00", "CNY") else { panic!("it is right") };
    assert_eq!((accepted.amount, accepted.card), (cny(10_000), None));
    let integrity = Outcome::Unknown(Cause::Integrity);
    assert_eq!(told(&theirs, "100.00", "CNY"), integrity);
    assert_eq!(told("4711", "100.00", "CNY"), integrity);
    assert_eq!(told("", "100.00", "CNY"), integrity);
    assert_eq!(told(&ours, "100.00", "USD"), integrity);
    let unmapped = Outcome::Unknown(Cause::Unmapped);
    for amount in ["\"\"", "null", "1e2", "100.001", "-1", "\"100,00\"", "99999999999999999999"] {
        assert_eq!(told(&ours, amount, "CNY"), unmapped, "{amount}");
    }
}

#[test]
fn no_flipped_bit_of_a_signed_answer_makes_another_outcome() {
    let (mut flips, mut same) = (0_u32, 0_u32);
    for name in ["walmart", "redleaf", "silkroute"] {
        let ends = Ends::of(name);
        for outcome in [yes(10_000), Outcome::Declined(Decline::WrongSecret), Outcome::Pending] {
            let asked = asked(OpKind::Redeem, 10_000);
            let bytes = ends.server.answer(&asked, &outcome, NOW, [3; 16]).unwrap();
            let right = ends.heard(&bytes, &asked).unwrap().outcome;
            for bit in 0..bytes.len() * 8 {
                let mut changed = bytes.clone();
                changed[bit / 8] ^= 1 << (bit % 8);
                let heard = ends.heard(&changed, &asked).map(|answer| answer.outcome);
                let harmless =
                    matches!(heard, None | Some(Outcome::Unknown(_))) || heard.as_ref() == Some(&right);
                assert!(harmless, "{name} bit {bit}: {heard:?} for {right:?}");
                flips += 1;
                same += u32::from(heard == Some(right.clone()));
            }
        }
    }
    assert!(flips > 10_000 && same < flips / 4, "{same} of {flips}");
}

#[test]
fn no_flipped_bit_of_a_callback_makes_another_outcome() {
    for name in ["cardharbor", "beehive", "silkroute"] {
        let ends = Ends::of(name);
        let bytes = ends.server.callback(&asked(OpKind::Redeem, 10_000), &yes(10_000), NOW, [3; 16]).unwrap();
        let right = ends.called(&bytes).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Some(heard) = ends.called(&changed) {
                assert_eq!(heard, right, "{name} bit {bit}");
            }
        }
    }
}

#[test]
fn a_stale_callback_and_a_stale_request_are_refused() {
    let ends = Ends::of("silkroute");
    let asked = asked(OpKind::Redeem, 10_000);
    for (away_ms, heard) in [(300_000, true), (302_000, false), (-302_000, false)] {
        let then = Wall(NOW.0 - away_ms);
        let bytes = ends.server.callback(&asked, &yes(10_000), then, [3; 16]).unwrap();
        assert_eq!(ends.called(&bytes).is_some(), heard, "{away_ms}");
        let request = ends.request(&operation(OpKind::Redeem, &product(), 10_000)).unwrap();
        assert_eq!(ends.server.read(&request, then).is_ok(), heard, "{away_ms}");
    }
}

#[test]
fn a_request_with_a_flipped_bit_reads_the_same_or_not_at_all() {
    let product = product();
    for (name, _) in PROFILES.iter().filter(|(_, text)| text.contains("\n[sign]")) {
        let ends = Ends::of(name);
        let bytes = ends.request(&operation(OpKind::Redeem, &product, 10_000)).unwrap();
        let right = ends.server.read(&bytes, NOW).unwrap();
        for bit in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[bit / 8] ^= 1 << (bit % 8);
            if let Ok(read) = ends.server.read(&changed, NOW) {
                assert_eq!(read, right, "{name} bit {bit}");
            }
        }
    }
}

#[test]
fn secrets_stand_in_the_body_only() {
    let product = product();
    for (name, text) in PROFILES {
        let ends = Ends::of(name);
        for kind in KINDS {
            let mut message = Message::default();
            let operation = operation(kind, &product, 10_000);
            if ends.rest.encode(&[operation], &ends.context(), &mut message).is_err() {
                continue;
            }
            let head = String::from_utf8(message.head.clone()).unwrap();
            let shown = format!("{message:?} {:?} {:?}", ends.rest, ends.server);
            for hidden in [crate::ends::NUMBER, crate::ends::SECRET, "key-of-the-test"] {
                assert!(!head.contains(hidden) && !shown.contains(hidden), "{name} {kind:?}");
            }
            let body = String::from_utf8(message.body.clone()).unwrap();
            assert!(!body.contains("sign-key-of-the-test"), "{name}");
            let sealed = text.contains("sealed_secret");
            assert!(!sealed || !body.contains(crate::ends::SECRET), "{name}");
        }
    }
}

/// A pair of keys, as far as a test needs one.
struct Pair;

impl Signer for Pair {
    fn sign(&self, text: &[u8]) -> Option<Vec<u8>> {
        Some(Keyed::HmacSha256.sign(b"pair", text))
    }

    fn verify(&self, text: &[u8], signature: &[u8]) -> bool {
        Keyed::HmacSha256.verify(b"pair", text, signature)
    }
}

#[test]
fn rsa_and_sm2_may_be_the_hosts() {
    for algorithm in ["rsa_sha256", "sm2", "sm2_raw"] {
        let text = profile("silkroute").unwrap().replace("hmac_sha256", algorithm);
        let terms = terms_of(&text);
        assert_eq!(terms.keys(), ["seal"]);
        let refused = Rest::new(behaviour("silkroute"), terms.clone(), keys_of(&terms)).unwrap_err();
        assert!(refused.to_string().contains("a signer is needed"), "{refused}");
        let rest = Rest::with_signer(behaviour("silkroute"), terms.clone(), keys_of(&terms), Box::new(Pair))
            .unwrap();
        let server = Server::with_signer(terms.clone(), keys_of(&terms), Box::new(Pair)).unwrap();
        let ends = Ends { rest, server, session: Vec::new() };
        let request = ends.request(&operation(OpKind::Redeem, &product(), 10_000)).unwrap();
        let read = ends.server.read(&request, NOW).unwrap();
        let reply = ends.server.answer(&read, &yes(10_000), NOW, [3; 16]).unwrap();
        assert!(matches!(ends.heard(&reply, &read).unwrap().outcome, Outcome::Accepted(_)));
    }
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let terms = || terms_of(profile("silkroute").unwrap());
    let new = |profile, terms: RestTerms, keys| {
        Rest::new(profile, terms, keys).map(drop).map_err(|e| e.to_string())
    };
    let refused =
        |result: Result<(), String>, what: &str| assert!(result.unwrap_err().contains(what), "{what}");
    let sound = || behaviour("silkroute");
    assert_eq!(new(sound(), terms(), keys_of(&terms())), Ok(()));
    let tag = || Secret::new(vec![5; 32]);
    refused(new(sound(), terms(), RestKeys::new(Secret::from("short"))), "must be 32 bytes");
    refused(new(sound(), terms(), RestKeys::new(tag())), "every key");
    refused(new(sound(), terms(), keys_of(&terms()).with("other", tag())), "does not name");
    let short = keys_of(&terms()).with("seal", Secret::from("short"));
    refused(new(sound(), terms(), short), "16 or 32 bytes");
    let open = RestTerms::parse(profile("silkroute").unwrap()).unwrap();
    refused(new(sound(), open, keys_of(&terms())), "parameter");
    let behave = |change: &str, to: &str| {
        let text = "[issuer.silkroute]\nadapter = \"rest\"\nverify = \"pin_check\"\nevidence = \"online\"\n\
            idempotency = \"issuer\"\nrecipe = \"query\"\ncan_reverse = true\nendpoints = [\"a\"]\n";
        assert!(text.contains(change));
        Profiles::parse(&text.replace(change, to)).unwrap().issuers.remove("silkroute").unwrap()
    };
    refused(new(behave("\"pin_check\"", "\"balance\""), terms(), keys_of(&terms())), "verify");
    let batch = behave("can_reverse", "batch_window_ms = 1\nbatch_max = 9\ncan_reverse");
    refused(new(batch, terms(), keys_of(&terms())), "no batch");
    let beehive = terms_of(profile("beehive").unwrap());
    let none = behave("\"pin_check\"", "\"none\"");
    refused(new(none, beehive.clone(), keys_of(&beehive)), "can_reverse");
}

#[test]
fn late_replies_and_strange_callbacks_bring_no_answer() {
    let ends = Ends::of("silkroute");
    let reply = ends.server.answer(&asked(OpKind::Redeem, 10_000), &yes(10_000), NOW, [3; 16]).unwrap();
    let context = Context { session: &[], now: NOW, nonce: [0; 16] };
    let mut heard = 0;
    ends.rest.decode(&reply, &context, &mut |_, _| heard += 1).unwrap();
    assert_eq!(heard, 0, "only the question tells what it answers");
    let called = ends.server.callback(&asked(OpKind::Redeem, 10_000), &yes(10_000), NOW, [3; 16]).unwrap();
    let text = String::from_utf8(called).unwrap();
    assert!(ends.called(text.replace("/callback/silkroute", "/callback/else").as_bytes()).is_none());
    assert!(Ends::of("jd").called(text.as_bytes()).is_none());
    // A reference that is not ours is left out.
    let foreign = asked(OpKind::Redeem, 10_000);
    let reference = Reference::payout(foreign.reference.redemption, 1);
    let foreign = scrip::adapters::served::Asked { reference, ..foreign };
    assert!(ends.server.callback(&foreign, &yes(10_000), NOW, [3; 16]).is_err());
    let mut out = Vec::new();
    ends.rest.acknowledge(&mut out);
    assert_eq!(out, b"{\"ok\":true}");
    assert_eq!(Envelope::read(text.as_bytes()).unwrap().first, "POST /callback/silkroute");
}
