//! The undo: refused, unconfirmed, lost.

use crate::stage::{BANK, DAY, HOUR, Out, Stage, cny, gift, text};
use scrip::base::RedemptionId;
use scrip::engine::Sent;
use scrip::flow::{Finding, FlowError, State, Verdict};
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
    in_silence(&mut stage, id, State::Reversing);
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

#[test]
fn a_debit_whose_first_undo_may_still_arrive_is_not_paid_for_although_the_second_was_refused() {
    let (mut stage, id) = undoing();
    stage.lose(OpKind::Reverse);
    let (_, second) = stage.wait_for(OpKind::Reverse);
    stage.reply(&second, Outcome::ReversalRefused);
    stage.accept(OpKind::Query);
    stage.nothing_sent();
    assert_eq!(stage.state(id), State::Unknown);
    // It arrives after all; the next answer says so.
    let (waited_ms, query) = stage.wait_for(OpKind::Query);
    assert!(waited_ms >= 600_000, "asked again after {waited_ms} ms");
    stage.reply(&query, Outcome::Reversed);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Reversed, Some(ClaimStatus::Quarantined)));
}

#[test]
fn once_no_undo_can_arrive_any_more_a_debit_that_stands_is_paid_for() {
    let (mut stage, id) = undoing();
    stage.lose(OpKind::Reverse);
    let (_, second) = stage.wait_for(OpKind::Reverse);
    stage.reply(&second, Outcome::ReversalRefused);
    stage.accept(OpKind::Query);
    let (_, query) = stage.wait_for(OpKind::Query);
    stage.reply(&query, stage.yes(&query));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn people_find_no_debit_that_stands_while_its_undo_may_still_arrive() {
    let (mut stage, id) = undoing();
    in_silence(&mut stage, id, State::Reversing);
    let until = stage.redemption(id).since.plus(600_000);
    let debited = Finding::Debited { reference: text("found"), amount: cny(10_000) };
    stage.decide(id, found(debited.clone()));
    assert_eq!((stage.refusal(), stage.state(id)), (FlowError::UnderWay { until }, State::Suspended));
    stage.tells(id, stage.approved(id, 10_000));
    assert_eq!(stage.state(id), State::Suspended, "an answer from before the undo is no evidence either");
    stage.pass(600_000);
    stage.decide(id, found(debited));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

/// Undone, and the last question of its quarantine, which is told, is not answered in time.
fn never_confirmed() -> (Stage, RedemptionId, Out) {
    let (mut stage, id) = undoing();
    let undo = stage.sent(OpKind::Reverse);
    stage.reply(&undo, Outcome::Reversed);
    let (_, question) = stage.wait_for(OpKind::Query);
    stage.lost(&question, Sent::MaybeSent);
    in_silence(&mut stage, id, State::Reversed);
    (stage, id, question)
}

/// Nothing is answered any more for as long as it stands there.
fn in_silence(stage: &mut Stage, id: RedemptionId, state: State) {
    while stage.state(id) == state {
        match stage.out.pop_front() {
            Some(call) => stage.lost(&call, Sent::MaybeSent),
            None => stage.pass(60_000),
        }
    }
}

fn found(finding: Finding) -> Verdict {
    Verdict::Resolve { by: text("ann"), second: text("bob"), finding }
}

#[test]
fn a_card_whose_last_question_is_never_answered_goes_to_people_and_not_to_the_next_seller() {
    let (mut stage, id, _) = never_confirmed();
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Suspended, "never_confirmed"));
    assert_eq!(stage.claim(id), Some(ClaimStatus::Quarantined), "another seller could bring the card");
    // It had come after its undo: the seller is paid after all.
    stage.decide(id, found(Finding::Debited { reference: text("found"), amount: cny(10_000) }));
    stage.yes_to_all();
    assert_eq!((stage.state(id), stage.claim(id)), (State::Retired, Some(ClaimStatus::Consumed)));
}

#[test]
fn an_approval_of_before_the_undo_ends_no_suspense() {
    let (mut stage, id, question) = never_confirmed();
    stage.tells(id, stage.approved(id, 10_000));
    stage.nothing_sent();
    assert_eq!((stage.state(id), stage.claim(id)), (State::Suspended, Some(ClaimStatus::Quarantined)));
    stage.reply(&question, stage.yes(&question));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired, "what was asked since is evidence, late as it is");
}

#[test]
fn the_last_question_is_answered_by_people_or_late() {
    for late in [false, true] {
        let (mut stage, id, question) = never_confirmed();
        if late {
            stage.reply(&question, Outcome::NotFound);
        } else {
            stage.decide(id, found(Finding::Reversed));
        }
        assert_eq!((stage.state(id), stage.claim(id)), (State::Reversed, None));
    }
}
