//! What one end writes, the other reads.

use crate::ends::{Ends, KINDS, NUMBER, SECRET, asked, cny, debit, operation, product};
use proptest::prelude::*;
use scrip::adapters::rest::{PROFILES, lint};
use scrip::base::{RedemptionId, Text};
use scrip::issuer::{
    Accepted, CardData, Cause, Decline, EncodeError, Issuer, OpKind, Operation, Outcome, Reference,
};

fn outcomes(minor: i64) -> Vec<Outcome> {
    let accepted = |minor| Accepted {
        reference: Text::new("I-20261123-0001").unwrap(),
        amount: cny(minor),
        card: None,
        generation: None,
    };
    let mut all = vec![
        Outcome::Accepted(accepted(minor)),
        Outcome::Partial(accepted(minor / 2)),
        Outcome::Pending,
        Outcome::NotFound,
        Outcome::Duplicate(Text::new("I-1").unwrap()),
        Outcome::Reversed,
        Outcome::ReversalUnconfirmed,
        Outcome::ReversalRefused,
        Outcome::Unknown(Cause::IssuerUnsure),
    ];
    all.extend(Decline::ALL.iter().map(|decline| Outcome::Declined(*decline)));
    all
}

/// With the echo of the card that the channel adds, and without the reference that a balance may
/// not have.
fn as_heard(ends: &Ends, kind: OpKind, said: &Outcome, heard: &Outcome) -> Outcome {
    let mut expected = said.clone();
    if let (
        Outcome::Accepted(expected) | Outcome::Partial(expected),
        Outcome::Accepted(heard) | Outcome::Partial(heard),
    ) = (&mut expected, heard)
    {
        let card = CardData { number: Some(NUMBER.as_bytes()), secret: SECRET.as_bytes() };
        expected.card = heard.card.and_then(|_| ends.rest.card_tag(card));
        if matches!(kind, OpKind::Balance | OpKind::PinCheck) {
            expected.reference = heard.reference.clone();
        }
    }
    expected
}

#[test]
fn every_shipped_profile_is_sound_and_says_the_usual() {
    for (name, text) in PROFILES {
        assert_eq!(lint(text), [], "{name}");
        let ends = Ends::of(name);
        let mut said = 0;
        for (kind, outcome) in KINDS.iter().flat_map(|kind| outcomes(10_000).into_iter().map(|o| (*kind, o)))
        {
            let asked = asked(kind, 10_000);
            let Ok(bytes) = ends.server.answer(&asked, &outcome, crate::ends::NOW, [3; 16]) else { continue };
            let heard = ends.heard(&bytes, &asked).unwrap().outcome;
            assert_eq!(heard, as_heard(&ends, kind, &outcome, &heard), "{name} {kind:?}");
            said += 1;
        }
        assert!(said >= 8, "{name} has words for {said} outcomes");
        for kind in [OpKind::Redeem, OpKind::Query] {
            let known = outcomes(10_000).iter().any(|outcome| {
                matches!(outcome, Outcome::Accepted(_) | Outcome::Pending)
                    && ends.server.answer(&asked(kind, 10_000), outcome, crate::ends::NOW, [3; 16]).is_ok()
            });
            assert!(known, "{name} {kind:?}");
        }
    }
}

#[test]
fn callbacks_read_back() {
    let mut said = 0;
    for (name, _) in PROFILES {
        let ends = Ends::of(name);
        for outcome in outcomes(10_000) {
            let asked = asked(OpKind::Redeem, 10_000);
            let Ok(bytes) = ends.server.callback(&asked, &outcome, crate::ends::NOW, [3; 16]) else {
                continue;
            };
            let (reference, heard) = ends.called(&bytes).unwrap();
            assert_eq!((reference, heard.kind), (debit(7), OpKind::Query));
            assert_eq!(heard.outcome, as_heard(&ends, OpKind::Query, &outcome, &heard.outcome), "{name}");
            said += 1;
        }
    }
    assert!(said >= 14, "{said}");
}

#[test]
fn what_a_protocol_cannot_say_is_not_sent() {
    let product = product();
    let ends = Ends::of("cardharbor");
    let refused = |operation: Operation<'_>| {
        let mut message = scrip::issuer::Message::default();
        ends.rest.encode(&[operation], &ends.context(), &mut message).unwrap_err()
    };
    let good = || operation(OpKind::Redeem, &product, 10_000);
    assert_eq!(refused(operation(OpKind::Reverse, &product, 1)), EncodeError::Unsupported("reverse"));
    assert_eq!(refused(Operation { card: None, ..good() }), EncodeError::Field("card"));
    assert_eq!(refused(Operation { amount: cny(10_050), ..good() }), EncodeError::Field("amount"));
    assert_eq!(refused(Operation { amount: cny(-100), ..good() }), EncodeError::Field("amount"));
    let payout = Reference::payout(RedemptionId([1; 16]), 1);
    assert_eq!(refused(Operation { reference: payout, ..good() }), EncodeError::Field("reference"));
    let strange = CardData { number: Some(b"\xff"), secret: b"1" };
    assert_eq!(refused(Operation { card: Some(strange), ..good() }), EncodeError::Field("card"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn an_operation_reads_as_it_was_asked(
        id in any::<[u8; 16]>(),
        number in "[0-9]{8,19}",
        secret in "[0-9A-Za-z&=+% -]{1,20}",
        units in 1..100_000_i64,
        attempt in 1..9_u32,
        name in 0..PROFILES.len(),
        kind in 0..KINDS.len(),
    ) {
        let (ends, kind) = (Ends::of(PROFILES[name].0), KINDS[kind]);
        let product = product();
        let by_card = matches!(kind, OpKind::Balance | OpKind::PinCheck | OpKind::Redeem);
        let card = CardData { number: Some(number.as_bytes()), secret: secret.as_bytes() };
        let asked = Operation {
            kind,
            reference: Reference::debit(RedemptionId(id)),
            product: &product,
            card: by_card.then_some(card),
            amount: cny(units * 100),
            attempt,
        };
        let Some(bytes) = ends.request(&asked) else { return Ok(()) };
        let read = ends.server.read(&bytes, crate::ends::NOW).unwrap();
        // A receipt without an address of its own is a query.
        let as_query = kind == OpKind::Receipt && read.kind == OpKind::Query;
        prop_assert!(read.kind == kind || as_query, "{:?} {:?}", kind, read.kind);
        prop_assert_eq!(read.reference, asked.reference);
        if let Some(opened) = &read.card {
            prop_assert_eq!(opened.data().secret, card.secret);
            prop_assert!(opened.data().number.is_none() || opened.data().number == card.number);
        }
        prop_assert_eq!(read.card.is_some(), by_card);
        prop_assert!(read.amount == asked.amount || read.amount == cny(0));
        prop_assert!(kind != OpKind::Redeem || read.amount == asked.amount);
        prop_assert!(read.product.is_none() || read.product.as_ref() == Some(&product));
    }
}
