//! The undo: refused, unconfirmed, lost.

use crate::stage::{BANK, DAY, HOUR, Stage, gift};
use scrip::base::RedemptionId;
use scrip::engine::Sent;
use scrip::flow::State;
use scrip::issuer::{Answer, OpKind, Outcome, Recipe, Reference};
use scrip::record::ClaimStatus;

fn undoing() -> (Stage, RedemptionId) {
    let mut stage = Stage::with(|plan| {
        plan.bank.recipe = Recipe::Reverse;
        plan.bank.timing.age_limit_ms = HOUR;
    });
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.lose(OpKind::Redeem);
    (stage, id)
}

#[test]
fn an_unconfirmed_undo_is_ordered_again_under_the_same_reference() {
    let (mut stage, id) = undoing();
    let first = stage.sent(OpKind::Reverse);
    stage.reply(&first, Outcome::ReversalUnconfirmed);
    let (_, second) = stage.wait_for(OpKind::Reverse);
    assert_eq!((second.reference(), second.attempt), (first.reference(), 2));
    stage.reply(&second, Outcome::Reversed);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Reversed, Some(ClaimStatus::Quarantined)));
}

#[test]
fn a_refused_undo_means_that_the_debit_stands_once_the_issuer_says_so() {
    let (mut stage, id) = undoing();
    let undo = stage.sent(OpKind::Reverse);
    stage.reply(&undo, Outcome::ReversalRefused);
    assert_eq!(stage.state(id), State::Unknown);
    stage.accept(OpKind::Query);
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn an_undo_that_is_never_confirmed_goes_to_people() {
    let (mut stage, id) = undoing();
    while stage.state(id) == State::Reversing {
        match stage.out.pop_front() {
            Some(call) => stage.lost(&call, Sent::MaybeSent),
            None => stage.pass(60_000),
        }
    }
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Suspended, "reversal_unconfirmed"));
    stage.pass(DAY);
    stage.nothing_sent();
    let confirmed = Answer { kind: OpKind::Reverse, outcome: Outcome::Reversed, by_file: false };
    stage.inbound(BANK, Reference::debit(id), confirmed);
    assert_eq!(stage.state(id), State::Reversed, "a late confirmation ends the suspense");
}

#[test]
fn an_undo_under_way_goes_on_after_a_crash() {
    let (mut stage, id) = undoing();
    stage.sent(OpKind::Reverse);
    stage.crash();
    let again = stage.accept(OpKind::Reverse);
    assert_eq!((again.attempt, stage.state(id)), (2, State::Reversed));
}

#[test]
fn a_foreign_approval_at_the_end_of_a_quarantine_is_asked_about_again_in_its_time() {
    let (mut stage, id) = undoing();
    let undo = stage.sent(OpKind::Reverse);
    stage.reply(&undo, Outcome::Reversed);
    let (_, last_question) = stage.wait_for(OpKind::Query);
    stage.reply(&last_question, stage.yes_of(&last_question, 9_999));
    stage.nothing_sent();
    assert_eq!(stage.claim(id), Some(ClaimStatus::Quarantined), "nothing is known of the own debit");
    let (_, again) = stage.wait_for(OpKind::Query);
    stage.reply(&again, Outcome::NotFound);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Reversed, None));
}
