use super::*;
use crate::base::{RedemptionId, Wall};
use crate::issuer::Profiles;
use crate::money::Currency;
use alloc::string::String;
use alloc::vec::Vec;
use proptest::prelude::*;

const PROFILES: &str = r#"
[issuer.bank]
adapter = "signed_json"
verify = "pin_check"
evidence = "online"
idempotency = "site"
recipe = "query"
can_reverse = true
endpoints = ["a"]
[rail.payout]
adapter = "signed_json"
endpoints = ["a"]
"#;

const NUMBER: &[u8] = b"6212345678901234";
const SECRET: &[u8] = b"739164";

fn key(byte: u8) -> Secret {
    Secret::new([byte; 32].to_vec())
}

fn issuer() -> SignedJson {
    let profiles = Profiles::parse(PROFILES).unwrap();
    SignedJson::new(profiles.issuers["bank"].clone(), key(1)).unwrap()
}

fn rail() -> SignedJsonRail {
    let profiles = Profiles::parse(PROFILES).unwrap();
    SignedJsonRail::new(profiles.rails["payout"].clone(), key(2)).unwrap()
}

fn server(byte: u8) -> Server {
    Server::new(key(byte)).unwrap()
}

fn context(nonce: u8) -> Context<'static> {
    Context { session: b"kept", now: Wall(1_772_409_600_000), nonce: [nonce; 16] }
}

fn debit(byte: u8) -> Reference {
    Reference::debit(RedemptionId([byte; 16]))
}

fn cny(minor: i64) -> Amount {
    Amount::new(minor, Currency::CNY)
}

fn card() -> CardData<'static> {
    CardData { number: Some(NUMBER), secret: SECRET }
}

fn redeem(product: &Text, reference: Reference) -> Operation<'_> {
    Operation {
        kind: OpKind::Redeem,
        reference,
        product,
        card: Some(card()),
        amount: cny(10_000),
        attempt: 1,
    }
}

fn encoded(operations: &[Operation<'_>], nonce: u8) -> Vec<u8> {
    let mut message = Message::default();
    issuer().encode(operations, &context(nonce), &mut message).unwrap();
    assert_eq!(message.session, None, "the session is left alone");
    message.body.clone()
}

fn decoded(bytes: &[u8]) -> Result<Vec<(Reference, Answer)>, DecodeError> {
    let mut answers = Vec::new();
    issuer().decode(bytes, &context(0), &mut |reference, answer| answers.push((reference, answer)))?;
    Ok(answers)
}

fn one(line: &str) -> Outcome {
    let reference = debit(7);
    let text = alloc::format!(r#"{{"v":1,"answers":[{{"ref":"{reference}","op":"redeem",{line}}}]}}"#);
    let answers = decoded(&server(1).answer_text(&text)).unwrap();
    assert_eq!(answers.len(), 1);
    answers[0].1.outcome.clone()
}

fn accepted() -> Accepted {
    Accepted {
        reference: Text::new("B-1").unwrap(),
        amount: cny(9_950),
        card: issuer().card_tag(card()),
        generation: Some(3),
    }
}

#[test]
fn a_request_reads_back_at_the_issuer() {
    let product = Text::new("bank-prepaid").unwrap();
    let query = Operation { kind: OpKind::Query, card: None, attempt: 4, ..redeem(&product, debit(2)) };
    let asked = server(1).read(&encoded(&[redeem(&product, debit(1)), query], 9)).unwrap();
    assert_eq!(asked.len(), 2);
    assert_eq!((asked[0].kind, asked[0].reference, asked[0].amount), (OpKind::Redeem, debit(1), cny(10_000)));
    let opened = asked[0].card.as_ref().unwrap();
    assert_eq!((opened.data().number, opened.data().secret), (Some(NUMBER), SECRET));
    assert_eq!(asked[0].product, Some(product.clone()));
    assert_eq!((asked[1].kind, asked[1].attempt, &asked[1].card), (OpKind::Query, 4, &None));
    assert_eq!(server(1).card_tag(opened.data()), issuer().card_tag(card()).unwrap());
}

#[test]
fn a_card_without_a_number_stays_one() {
    let product = Text::new("jd-ecard").unwrap();
    let bare = CardData { number: None, secret: NUMBER };
    let operation = Operation { card: Some(bare), ..redeem(&product, debit(1)) };
    let asked = server(1).read(&encoded(&[operation], 9)).unwrap();
    assert_eq!(asked[0].card.as_ref().unwrap().number, None);
    assert_ne!(issuer().card_tag(bare), issuer().card_tag(card()), "a secret is not taken for a number");
}

#[test]
fn every_outcome_reads_back_at_the_asker() {
    let outcomes = [
        Outcome::Accepted(accepted()),
        Outcome::Partial(Accepted { card: None, generation: None, ..accepted() }),
        Outcome::Pending,
        Outcome::Declined(Decline::WrongSecret),
        Outcome::NotFound,
        Outcome::Duplicate(Text::new("B-0").unwrap()),
        Outcome::Reversed,
        Outcome::ReversalUnconfirmed,
        Outcome::ReversalRefused,
        Outcome::Unknown(Cause::IssuerUnsure),
    ];
    let told: Vec<_> = outcomes
        .into_iter()
        .zip([false, true].into_iter().cycle())
        .map(|(outcome, by_file)| (debit(1), Answer { kind: OpKind::Redeem, outcome, by_file }))
        .collect();
    assert_eq!(decoded(&server(1).answer(&told)), Ok(told));
}

#[test]
fn a_pay_out_goes_to_the_rail_and_back() {
    let payee = Text::new("seller-7").unwrap();
    let reference = Reference::payout(RedemptionId([3; 16]), 1);
    let pay = Payment { kind: OpKind::Pay, reference, payee: &payee, amount: cny(9_000), attempt: 2 };
    let mut message = Message::default();
    rail().encode(core::slice::from_ref(&pay), &context(1), &mut message).unwrap();
    let asked = server(2).read(&message.body).unwrap();
    assert_eq!((asked[0].payee.as_ref(), asked[0].reference, asked[0].attempt), (Some(&payee), reference, 2));
    let answer = Answer { kind: OpKind::Pay, outcome: Outcome::Reversed, by_file: false };
    let told = [(reference, answer.clone()), (debit(3), answer.clone())];
    let mut heard = Vec::new();
    rail().decode(&server(2).answer(&told), &context(0), &mut |r, a| heard.push((r, a))).unwrap();
    assert_eq!(heard, [(reference, answer)], "a debit is not the rail's to answer");
    let redeem = Payment { kind: OpKind::Redeem, ..pay.clone() };
    let refused = rail().encode(&[redeem], &context(1), &mut message);
    assert_eq!(refused, Err(EncodeError::Unsupported("redeem")));
    let debit = Payment { reference: debit(3), ..pay };
    assert_eq!(rail().encode(&[debit], &context(1), &mut message), Err(EncodeError::Field("ref")));
}

#[test]
fn what_the_protocol_cannot_say_is_not_sent() {
    let product = Text::new("bank-prepaid").unwrap();
    let fail = |operation| issuer().encode(&[operation], &context(1), &mut Message::default()).unwrap_err();
    let good = || redeem(&product, debit(1));
    assert_eq!(fail(Operation { kind: OpKind::Pay, ..good() }), EncodeError::Unsupported("pay"));
    assert_eq!(fail(Operation { card: None, ..good() }), EncodeError::Field("card"));
    assert_eq!(fail(Operation { amount: cny(-1), ..good() }), EncodeError::Field("amount_minor"));
    let payout = Reference::payout(RedemptionId([1; 16]), 1);
    assert_eq!(fail(Operation { reference: payout, ..good() }), EncodeError::Field("ref"));
}

#[test]
fn an_answer_outside_the_closed_set_is_unknown_and_never_a_no() {
    let unmapped = Outcome::Unknown(Cause::Unmapped);
    for line in [
        r#""status":"refused""#,
        r#""status":"""#,
        r#""status":"declined""#,
        r#""status":"declined","reason":"bad_luck""#,
        r#""status":"accepted""#,
        r#""status":"accepted","issuer_ref":"B-1","currency":"CNY""#,
        r#""status":"accepted","issuer_ref":"B-1","amount_minor":-1,"currency":"CNY""#,
        r#""status":"accepted","issuer_ref":"B-1","amount_minor":1,"currency":"RMB""#,
        r#""status":"accepted","issuer_ref":"","amount_minor":1,"currency":"CNY""#,
        r#""status":"accepted","issuer_ref":"B-1","amount_minor":1,"currency":"CNY","card_tag":"00""#,
        r#""status":"duplicate""#,
    ] {
        assert_eq!(one(line), unmapped, "{line}");
    }
    assert_eq!(one(r#""status":"declined","reason":"expired""#), Outcome::Declined(Decline::Expired));
}

#[test]
fn an_answer_about_a_foreign_reference_is_left_out() {
    let (ours, answer) =
        (debit(1), Answer { kind: OpKind::Redeem, outcome: Outcome::NotFound, by_file: false });
    let payout = Reference::payout(RedemptionId([1; 16]), 1);
    let told = [(payout, answer.clone()), (ours, answer.clone())];
    assert_eq!(decoded(&server(1).answer(&told)), Ok([(ours, answer)].to_vec()));
    let text = r#"{"v":1,"answers":[{"ref":"4711","op":"redeem","status":"accepted"}]}"#;
    assert_eq!(decoded(&server(1).answer_text(text)), Ok(Vec::new()));
}

#[test]
fn a_strange_line_does_not_hold_up_the_others() {
    let text = alloc::format!(
        r#"{{"v":1,"answers":[{{"ref":"{0}","op":"dance","status":"pending"}},{{"ref":"{0}","op":"query","status":"pending"}}]}}"#,
        debit(1)
    );
    let mut heard = 0;
    let result = issuer().decode(&server(1).answer_text(&text), &context(0), &mut |_, _| heard += 1);
    assert_eq!((heard, result.is_err()), (1, true));
}

#[test]
fn malformed_answers_are_refused_with_their_place() {
    let server = server(1);
    let error = decoded(b"<html>502 Bad Gateway</html>").unwrap_err();
    assert_eq!(error.at, 1);
    for text in [
        "",
        "[]",
        r#"{"v":2,"answers":[]}"#,
        r#"{"v":1,"answers":[],"more":1}"#,
        r#"{"v":1,"v":1,"answers":[]}"#,
        r#"{"v":1,"answers":[{"amount_minor":1.5}]}"#,
        r#"{"v":1,"answers":[{"amount_minor":1e3}]}"#,
        r#"{"v":1,"answers":[{"amount_minor":99999999999999999999}]}"#,
        r#"{"v":1,"answers":[{"file":1}]}"#,
    ] {
        assert!(decoded(&server.answer_text(text)).is_err(), "{text}");
    }
}

#[test]
fn a_message_sent_back_or_signed_with_another_key_is_refused() {
    let product = Text::new("bank-prepaid").unwrap();
    let request = encoded(&[redeem(&product, debit(1))], 1);
    assert!(decoded(&request).is_err(), "a request is no answer");
    let answer = server(1).answer(&[]);
    assert!(server(1).read(&answer).is_err(), "an answer is no request");
    assert!(server(2).read(&request).is_err());
    assert!(decoded(&server(2).answer(&[])).is_err());
    assert_eq!(decoded(&answer), Ok(Vec::new()));
    assert_eq!(
        SignedJson::new(issuer().profile, Secret::from("short")).unwrap_err(),
        AdapterError::KeyLength { len: 5 }
    );
}

#[test]
fn a_card_opens_only_for_its_own_reference_and_operation() {
    let issuer = issuer();
    let sealed = issuer.channel.seal_card(debit(1), OpKind::Redeem, card(), (&[1; 16], 0)).unwrap();
    let open = |reference, kind| issuer.channel.open_card(reference, kind, &sealed);
    assert!(open(debit(1), OpKind::Redeem).is_some());
    assert!(open(debit(2), OpKind::Redeem).is_none());
    assert!(open(debit(1), OpKind::Balance).is_none());
}

#[test]
fn numbers_and_secrets_never_stand_in_the_bytes() {
    let product = Text::new("bank-prepaid").unwrap();
    let operations = [
        redeem(&product, debit(1)),
        Operation { kind: OpKind::Balance, ..redeem(&product, debit(1)) },
        Operation { kind: OpKind::PinCheck, ..redeem(&product, debit(2)) },
        Operation { kind: OpKind::Reverse, ..redeem(&product, debit(3)) },
    ];
    let bytes = encoded(&operations, 1);
    let told = Answer { kind: OpKind::Redeem, outcome: Outcome::Accepted(accepted()), by_file: true };
    let answer = server(1).answer(&[(debit(1), told)]);
    for clear in [NUMBER, SECRET, hex::write(NUMBER).as_bytes(), hex::write(SECRET).as_bytes()] {
        for bytes in [&bytes, &answer] {
            assert!(!bytes.windows(clear.len()).any(|part| part == clear));
        }
    }
    let asked = alloc::format!("{:?}", server(1).read(&bytes).unwrap());
    assert!(!asked.contains("739164") && !asked.contains("6212345678901234"), "{asked}");
}

#[test]
fn every_operation_is_sealed_with_a_nonce_of_its_own() {
    let product = Text::new("bank-prepaid").unwrap();
    let sealed = |nonce| -> Vec<String> {
        let bytes = encoded(&[redeem(&product, debit(1)), redeem(&product, debit(1))], nonce);
        let envelope: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        let payload: serde_json::Value = serde_json::from_str(envelope["payload"].as_str().unwrap()).unwrap();
        let cards = payload["ops"].as_array().unwrap().iter();
        // Version and key id are the same in all; the 24 bytes after them are the nonce.
        cards.map(|op| op["card"].as_str().unwrap()[6..54].into()).collect()
    };
    let all = [sealed(1), sealed(2)].concat();
    for (place, nonce) in all.iter().enumerate() {
        assert!(!all[place + 1..].contains(nonce));
    }
}

#[test]
fn any_flipped_bit_and_any_cut_is_refused() {
    let product = Text::new("bank-prepaid").unwrap();
    let request = encoded(&[redeem(&product, debit(1))], 1);
    let told = Answer { kind: OpKind::Redeem, outcome: Outcome::Accepted(accepted()), by_file: false };
    let answer = server(1).answer(&[(debit(1), told)]);
    let (issuer, server) = (issuer(), server(1));
    let heard = |bytes: &[u8]| issuer.decode(bytes, &context(0), &mut |_, _| panic!("believed"));
    for bit in 0..request.len() * 8 {
        let mut bytes = request.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(server.read(&bytes).is_err(), "bit {bit}");
    }
    for bit in 0..answer.len() * 8 {
        let mut bytes = answer.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        assert!(heard(&bytes).is_err(), "bit {bit}");
    }
    for len in 0..answer.len() {
        assert!(heard(&answer[..len]).is_err(), "{len} bytes");
    }
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic_or_believe(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        prop_assert!(decoded(&bytes).is_err());
        prop_assert!(server(1).read(&bytes).is_err());
    }

    #[test]
    fn no_signed_text_makes_it_panic(text in r#"\{"v":1,"(answers|ops)":\[\{("(ref|op|status|reason|card)":"[0-9a-f]{0,40}",?){0,4}\}\]\}"#) {
        let _ = decoded(&server(1).answer_text(&text));
        let _ = server(1).read(&issuer().channel.sign(Way::Request, text.as_bytes()));
    }

    #[test]
    fn any_card_reads_back(number in prop::option::of(prop::collection::vec(any::<u8>(), 0..40)),
                           secret in prop::collection::vec(any::<u8>(), 0..40),
                           minor in 0..=i64::MAX, attempt in any::<u32>()) {
        let product = Text::new("p").unwrap();
        let card = CardData { number: number.as_deref(), secret: &secret };
        let operation =
            Operation { card: Some(card), amount: cny(minor), attempt, ..redeem(&product, debit(1)) };
        let asked = server(1).read(&encoded(&[operation], 1)).unwrap();
        let opened = asked[0].card.as_ref().unwrap();
        prop_assert_eq!((opened.data().number, opened.data().secret), (number.as_deref(), &secret[..]));
        prop_assert_eq!((asked[0].amount, asked[0].attempt), (cny(minor), attempt));
    }
}
