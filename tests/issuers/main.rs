//! Every protocol and everything that can befall a debit on its way: the outcome, how often each
//! question was asked, and the issuer's own books. In virtual time, over the simulator's network.

#![allow(clippy::unwrap_used)]

mod stage;

use scrip::issuer::OpKind;
use scrip::sim::Fault;
use stage::{PROTOCOLS, Stage};
use std::ops::RangeInclusive;

/// What befalls the first sending of the debit, and what that leads to with an issuer that is
/// queried about unknown outcomes: how often the debit and the query are sent.
const ONLINE: [(Fault, u32, RangeInclusive<u32>); 8] = [
    // No byte left: it is sent again.
    (Fault::NotSent, 2, 0..=0),
    // Nothing is known of it, and once the absence is final neither: the same debit is sent again.
    (Fault::RequestLost, 2, 2..=2),
    // A query may overtake it and find nothing; the next one finds the debit.
    (Fault::RequestDelayed, 1, 1..=2),
    // It was done, and a query finds it.
    (Fault::AnswerLost, 1, 1..=1),
    (Fault::AnswerLate, 1, 1..=1),
    // The second answer says nothing new.
    (Fault::AnswerDoubled, 1, 0..=0),
    // A proxy's page is no answer, and above all no decline.
    (Fault::Garbage, 1, 1..=1),
    // "Later": it is asked for.
    (Fault::Pending, 1, 1..=1),
];

#[test]
fn whatever_befalls_a_debit_the_card_is_debited_once_and_the_seller_paid_once() {
    for protocol in PROTOCOLS {
        for (fault, debits, queries) in ONLINE {
            let told = format!("{} with {fault:?}", protocol.name);
            let seen = Stage::new(protocol, Some((OpKind::Redeem, fault))).redeem();
            assert_eq!(seen.state, "retired", "{told}");
            assert_eq!(seen.asked(OpKind::Redeem), debits, "{told}: debits sent");
            // Whose every order is answered "later" is asked for it once more.
            let heard = [Fault::NotSent, Fault::RequestLost, Fault::AnswerDoubled].contains(&fault);
            let more = u32::from(protocol.later && heard);
            let asked = seen.asked(OpKind::Query);
            assert!(queries.contains(&(asked - more)), "{told}: {asked} queries");
            seen.assert_books(1, &told);
        }
    }
}

#[test]
fn without_faults_each_question_is_asked_once() {
    for protocol in PROTOCOLS {
        let seen = Stage::new(protocol, None).redeem();
        assert_eq!(seen.state, "retired", "{}", protocol.name);
        let asked = (seen.asked(OpKind::Redeem), seen.asked(OpKind::Query));
        assert_eq!(asked, (1, u32::from(protocol.later)), "{}", protocol.name);
        // Where the issuer has no inquiry, `verify` names a question that nobody asks.
        let checked = u32::from(protocol.verify != OpKind::SignIn);
        assert_eq!(seen.asked(protocol.verify), checked, "{}", protocol.name);
        seen.assert_books(1, protocol.name);
    }
}

#[test]
fn a_check_that_the_issuer_counts_is_never_sent_twice_after_it_may_have_left() {
    for protocol in PROTOCOLS.iter().filter(|protocol| protocol.verify == OpKind::PinCheck) {
        for fault in [Fault::RequestLost, Fault::AnswerLost, Fault::Garbage] {
            let told = format!("{} with {fault:?}", protocol.name);
            let seen = Stage::new(protocol, Some((OpKind::PinCheck, fault))).redeem();
            assert!(seen.asked(OpKind::PinCheck) <= 3, "{told}: {}", seen.asked(OpKind::PinCheck));
            assert!(["retired", "in_review"].contains(&seen.state), "{told}: {}", seen.state);
            seen.assert_books(u32::from(seen.state == "retired"), &told);
        }
    }
}

#[test]
fn an_unanswered_inquiry_is_asked_again_and_costs_nothing() {
    for protocol in PROTOCOLS.iter().filter(|protocol| protocol.verify == OpKind::Balance) {
        for fault in [Fault::NotSent, Fault::RequestLost, Fault::AnswerLost, Fault::Garbage] {
            let told = format!("{} with {fault:?}", protocol.name);
            let seen = Stage::new(protocol, Some((OpKind::Balance, fault))).redeem();
            assert_eq!((seen.state, seen.asked(OpKind::Balance)), ("retired", 2), "{told}");
            seen.assert_books(1, &told);
        }
    }
}

#[test]
fn a_card_that_is_used_up_unknown_or_of_another_secret_is_declined_and_nobody_is_paid() {
    for protocol in PROTOCOLS {
        for wrong in ["used", "unknown", "secret"] {
            let told = format!("{} with a card that is {wrong}", protocol.name);
            let seen = Stage::new(protocol, None).with_card(wrong).redeem();
            assert_eq!(seen.state, "declined", "{told}");
            seen.assert_books(0, &told);
        }
    }
}
