//! Every protocol and everything that can befall a debit on its way: the outcome, how often each
//! question was asked, and the issuer's own books. In virtual time, over the simulator's network.

#![allow(clippy::unwrap_used)]

mod stage;

use scrip::issuer::OpKind;
use scrip::sim::Fault;
use stage::{PROTOCOLS, Seen, Stage};

/// What befalls the first sending of the debit, and what that leads to with an issuer that is
/// queried about unknown outcomes: how often the debit and the query are sent.
const ONLINE: [(Fault, u32, u32); 8] = [
    // No byte left: it is sent again, to whoever is there.
    (Fault::NotSent, 2, 0),
    // Nothing is known of it until the absence is final; then the same debit is sent again.
    (Fault::RequestLost, 2, FINAL),
    // A query overtakes it and finds nothing; a later one finds the debit.
    (Fault::RequestDelayed, 1, LATER),
    // It was done, and a query finds it.
    (Fault::AnswerLost, 1, 1),
    (Fault::AnswerLate, 1, 1),
    // The second answer says nothing new.
    (Fault::AnswerDoubled, 1, 0),
    // A proxy's page is no answer, and above all no decline.
    (Fault::Garbage, 1, 1),
    // "Accepted, come back later": a query or a callback brings the end.
    (Fault::Pending, 1, PENDING),
];

/// Queries until an absence is final: the ladder 1, 3, 10, 30, 60, 60... s over 10 minutes.
const FINAL: u32 = u32::MAX;
/// Queries until the delayed request has arrived: at least two.
const LATER: u32 = u32::MAX - 1;
/// Queries until the pending debit is done: by callback none need be.
const PENDING: u32 = u32::MAX - 2;

fn assert_queries(expected: u32, seen: &Seen, told: &str) {
    let asked = seen.asked(OpKind::Query);
    match expected {
        FINAL => assert!((5..=20).contains(&asked), "{told}: {asked} queries"),
        LATER => assert!((2..=20).contains(&asked), "{told}: {asked} queries"),
        PENDING => assert!(asked <= 20, "{told}: {asked} queries"),
        exactly => assert_eq!(asked, exactly, "{told}: queries"),
    }
}

#[test]
fn whatever_befalls_a_debit_the_card_is_debited_once_and_the_seller_paid_once() {
    for protocol in PROTOCOLS {
        for (fault, debits, queries) in ONLINE {
            let told = format!("{} with {fault:?}", protocol.name);
            let seen = Stage::new(protocol, Some((OpKind::Redeem, fault))).redeem();
            if std::env::var_os("DBG").is_none() {
                assert_eq!(seen.state, "retired", "{told}");
            }
            if std::env::var_os("DBG").is_none() {
                assert_eq!(seen.asked(OpKind::Redeem), debits, "{told}: debits sent");
            }
            // What is answered "later" is asked for once.
            if std::env::var_os("DBG").is_some() {
                println!(
                    "{told}: {} r{} q{}",
                    seen.state,
                    seen.asked(OpKind::Redeem),
                    seen.asked(OpKind::Query)
                );
                continue;
            }
            let queries = if protocol.later { queries.max(1) } else { queries };
            assert_queries(queries, &seen, &told);
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
