//! Trace 2: the redeem is lost, the query says "not found" or the reversal "as reversed", the
//! card is freed; then the delayed redeem arrives and debits.

use crate::stage::{DAY, MINUTE, Stage, gift, request};
use scrip::engine::Reply;
use scrip::flow::State;
use scrip::issuer::{LateDebit, OpKind, Outcome, Recipe};
use scrip::ledger::AccountKind;
use scrip::record::ClaimStatus;

/// A redeem is lost, and its undo is answered "as reversed".
fn undone(late: LateDebit) -> (Stage, scrip::base::RedemptionId) {
    let mut stage = Stage::with(|plan| {
        plan.bank.recipe = Recipe::Reverse;
        plan.bank.late_debit = late;
    });
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.lose(OpKind::Redeem);
    stage.accept(OpKind::Reverse);
    assert_eq!(stage.state(id), State::Reversed);
    (stage, id)
}

#[test]
fn an_undone_card_stays_quarantined_until_nothing_can_arrive_any_more() {
    let (mut stage, id) = undone(LateDebit::Reverse);
    assert_eq!(stage.claim(id), Some(ClaimStatus::Quarantined));
    stage.submit(&request("gift", 2, 1));
    assert!(matches!(stage.answered(), Reply::CardBusy { holder, .. } if *holder == id));
    stage.pass(11 * MINUTE);
    let asked = stage.sent(OpKind::Query);
    stage.reply(&asked, Outcome::NotFound);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Reversed, None));
}

#[test]
fn a_debit_whose_answer_was_lost_is_found_before_the_card_is_free() {
    let (mut stage, id) = undone(LateDebit::Reverse);
    stage.pass(11 * MINUTE);
    let asked = stage.sent(OpKind::Query);
    let approval = stage.approved(id, 10_000);
    stage.reply(&asked, approval);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Reversing, Some(ClaimStatus::Consumed)));
}

#[test]
fn a_debit_after_the_undo_is_undone_again() {
    let (mut stage, id) = undone(LateDebit::Reverse);
    let approval = stage.approved(id, 10_000);
    stage.tells(id, approval);
    assert_eq!(stage.state(id), State::Reversing);
    assert_eq!(stage.balance(AccountKind::Suspense), -10_000);
    stage.accept(OpKind::Reverse);
    assert_eq!((stage.state(id), stage.balance(AccountKind::Suspense)), (State::Reversed, 0));
}

#[test]
fn an_approval_behind_every_undo_makes_no_undo_after_undo_for_ever() {
    let (mut stage, id) = undone(LateDebit::Reverse);
    let approval = stage.approved(id, 10_000);
    stage.tells(id, approval.clone());
    stage.accept(OpKind::Reverse);
    for _ in 0..100 {
        stage.tells(id, approval.clone());
        stage.nothing_sent();
    }
    assert_eq!((stage.state(id), stage.claim(id)), (State::Reversed, Some(ClaimStatus::Quarantined)));
    // Its issuer says to every question that it stands, and that it is undone: people look.
    let mut undone = 0;
    while stage.state(id) != State::Suspended {
        let (_, question) = stage.wait_for(OpKind::Query);
        stage.reply(&question, stage.yes(&question));
        if stage.state(id) == State::Reversing {
            stage.accept(OpKind::Reverse);
            undone += 1;
        }
        assert!(undone < 20, "it is undone for ever");
    }
    assert_eq!(stage.reason(id), "reversal_unconfirmed");
}

#[test]
fn a_debit_after_the_undo_is_owed_once_its_issuer_says_that_it_stands() {
    let (mut stage, id) = undone(LateDebit::Owe);
    let approval = stage.approved(id, 10_000);
    stage.tells(id, approval);
    assert_eq!(stage.state(id), State::LateDebit);
    let (waited_ms, query) = stage.wait_for(OpKind::Query);
    assert!(waited_ms >= 600_000, "another undo may still arrive: asked after {waited_ms} ms");
    stage.reply(&query, stage.yes(&query));
    stage.yes_to_all();
    assert_eq!((stage.state(id), stage.balance(AccountKind::Float)), (State::Retired, -9_000));
}

#[test]
fn an_approval_of_before_the_undo_that_comes_once_more_is_not_owed() {
    let (mut stage, id) = undone(LateDebit::Owe);
    let approval = stage.approved(id, 10_000);
    stage.tells(id, approval);
    let (_, query) = stage.wait_for(OpKind::Query);
    stage.reply(&query, Outcome::Reversed);
    stage.accept(OpKind::Reverse);
    assert_eq!((stage.state(id), stage.balance(AccountKind::Suspense)), (State::Reversed, 0));
    assert_eq!(stage.balance(AccountKind::Float), 0, "the seller was paid for nothing");
}

#[test]
fn an_approval_that_crosses_the_undo_is_not_forgotten() {
    let mut stage = Stage::with(|plan| plan.bank.recipe = Recipe::Reverse);
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let redeem = stage.lose(OpKind::Redeem);
    let undo = stage.sent(OpKind::Reverse);
    stage.reply(&redeem, stage.yes(&redeem));
    stage.reply(&undo, Outcome::Reversed);
    assert_eq!(stage.state(id), State::Reversing, "undone once more, in case the debit came last");
    stage.accept(OpKind::Reverse);
    assert_eq!(stage.state(id), State::Reversed);
}

#[test]
fn not_found_is_final_only_when_nothing_can_arrive_any_more() {
    let mut stage = Stage::with(|plan| plan.bank.on_absent = scrip::issuer::OnAbsent::Decline);
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.lose(OpKind::Redeem);
    let query = stage.sent(OpKind::Query);
    stage.reply(&query, Outcome::NotFound);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Absent, Some(ClaimStatus::Quarantined)));
    let (waited, query) = stage.wait_for(OpKind::Query);
    assert_eq!(waited, 10 * MINUTE);
    stage.reply(&query, Outcome::NotFound);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Declined, None));
    // And yet it comes, after a day.
    stage.pass(DAY);
    let approval = stage.approved(id, 10_000);
    stage.tells(id, approval);
    stage.accept(OpKind::Reverse);
    assert_eq!(stage.state(id), State::Reversed);
}
