//! Trace 1: a node commits the intent to redeem and stalls; another finds nothing and sends
//! again; the first wakes and sends: two debits.

use crate::stage::{Stage, gift};
use scrip::base::Mono;
use scrip::engine::Sent;
use scrip::flow::State;
use scrip::issuer::OpKind;
use scrip::record::ClaimStatus;

#[test]
fn every_call_names_the_time_after_which_it_must_not_leave() {
    let mut stage = Stage::new();
    stage.submit(&gift(1));
    let check = stage.accept(OpKind::Balance);
    assert_eq!(check.send_by, Mono(1_000));
    stage.pass(3_000);
    let redeem = stage.sent(OpKind::Redeem);
    assert_eq!(redeem.send_by, Mono(1_000), "the time runs from its release");
}

#[test]
fn a_call_dropped_as_too_late_was_never_sent_and_goes_out_again_elsewhere() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let late = stage.sent(OpKind::Redeem);
    stage.lost(&late, Sent::NotSent);
    let again = stage.sent(OpKind::Redeem);
    assert_eq!((late.reference(), late.endpoint), (again.reference(), 0));
    assert_eq!((again.endpoint, again.attempt), (1, 2));
    stage.reply(&again, stage.yes(&again));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn an_intent_without_a_result_is_unknown_after_a_restart_never_not_sent() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let asleep = stage.sent(OpKind::Redeem);
    stage.crash();
    assert_eq!(stage.state(id), State::Unknown);
    assert_eq!(stage.claim(id), Some(ClaimStatus::Quarantined));
    let query = stage.sent(OpKind::Query);
    assert_eq!(query.reference(), asleep.reference(), "it is asked about, not sent again");
    stage.nothing_sent();
}

#[test]
fn not_found_after_a_restart_frees_nothing_while_the_old_call_may_still_arrive() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let asleep = stage.sent(OpKind::Redeem);
    stage.crash();
    let query = stage.sent(OpKind::Query);
    stage.reply(&query, scrip::issuer::Outcome::NotFound);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Absent, Some(ClaimStatus::Quarantined)));
    // The sleeper wakes and sends after all, and its answer comes to whoever asks.
    let approval = stage.yes(&asleep);
    stage.tells(id, approval);
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}
