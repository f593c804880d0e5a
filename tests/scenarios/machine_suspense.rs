//! Suspense: age ends the machine's own attempts, and two people end the suspense on evidence
//! that fits what is open.

use crate::stage::{HOUR, Stage, cny, gift, text};
use scrip::base::RedemptionId;
use scrip::engine::Sent;
use scrip::flow::{Finding, FlowError, State, Verdict};
use scrip::issuer::{LateDebit, OpKind, Outcome, Recipe};
use scrip::ledger::AccountKind;

/// Nothing that is asked is ever answered, until people are needed.
fn silence(stage: &mut Stage, id: RedemptionId) {
    while stage.state(id) != State::Suspended {
        match stage.out.pop_front() {
            Some(call) => stage.lost(&call, Sent::MaybeSent),
            None => stage.pass(60_000),
        }
    }
    stage.out.clear();
}

fn stage() -> Stage {
    Stage::with(|plan| {
        plan.bank.can_reverse = false;
        plan.bank.late_debit = LateDebit::Owe;
        plan.bank.timing.age_limit_ms = HOUR;
        plan.rail.timing.age_limit_ms = HOUR;
    })
}

fn debit_unknown() -> (Stage, RedemptionId) {
    let mut stage = stage();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    silence(&mut stage, id);
    assert_eq!(stage.reason(id), "unknown_outcome");
    (stage, id)
}

fn payout_unknown() -> (Stage, RedemptionId) {
    let mut stage = stage();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.accept(OpKind::Redeem);
    silence(&mut stage, id);
    assert_eq!(stage.reason(id), "payout_unknown");
    (stage, id)
}

fn receipt_missing() -> (Stage, RedemptionId) {
    let mut stage = stage();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.accept(OpKind::Redeem);
    stage.accept(OpKind::Pay);
    silence(&mut stage, id);
    assert_eq!(stage.reason(id), "receipt_missing");
    (stage, id)
}

fn resolve(stage: &mut Stage, id: RedemptionId, finding: Finding) {
    stage.engine.resolve(id, text("ann"), text("bob"), finding);
    stage.settle();
}

#[test]
fn one_person_is_not_enough() {
    let (mut stage, id) = debit_unknown();
    let (by, second) = (text("ann"), text("ann"));
    stage.decide(id, Verdict::Resolve { by, second, finding: Finding::NotDebited });
    assert_eq!((stage.refusal(), stage.state(id)), (FlowError::TwoPeople, State::Suspended));
}

#[test]
fn a_debit_that_was_found_goes_on_to_the_seller() {
    let (mut stage, id) = debit_unknown();
    resolve(&mut stage, id, Finding::Debited { reference: text("found"), amount: cny(10_000) });
    stage.yes_to_all();
    assert_eq!((stage.state(id), stage.balance(AccountKind::Float)), (State::Retired, -9_000));
}

#[test]
fn a_debit_of_another_amount_is_no_evidence() {
    let (mut stage, id) = debit_unknown();
    resolve(&mut stage, id, Finding::Debited { reference: text("found"), amount: cny(9_999) });
    assert_eq!((stage.refusal(), stage.state(id)), (FlowError::NotNow(State::Suspended), State::Suspended));
}

#[test]
fn nobody_finds_that_nothing_was_debited_while_it_may_still_be_on_its_way() {
    let mut stage = Stage::with(|plan| plan.bank.recipe = Recipe::Reverse);
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.lose(OpKind::Redeem);
    // Its issuer does not undo what has not arrived.
    while stage.state(id) != State::Suspended {
        match stage.out.pop_front() {
            Some(call) if call.kind == OpKind::Reverse => stage.reply(&call, Outcome::ReversalRefused),
            Some(call) => stage.lost(&call, Sent::MaybeSent),
            None => stage.pass(1_000),
        }
    }
    let until = stage.redemption(id).redeem.as_ref().unwrap().last_at.plus(600_000);
    resolve(&mut stage, id, Finding::NotDebited);
    assert_eq!((stage.refusal(), stage.state(id)), (FlowError::UnderWay { until }, State::Suspended));
    assert!(stage.claim(id).is_some(), "another seller could bring the card");
    stage.pass(600_000);
    resolve(&mut stage, id, Finding::NotDebited);
    assert_eq!((stage.reason(id).as_str(), stage.claim(id)), ("not_debited", None));
}

#[test]
fn no_debit_ends_it_and_frees_the_card() {
    let (mut stage, id) = debit_unknown();
    resolve(&mut stage, id, Finding::NotDebited);
    assert_eq!((stage.reason(id).as_str(), stage.claim(id)), ("not_debited", None));
}

#[test]
fn a_debit_that_was_undone_is_quarantined_first() {
    let (mut stage, id) = debit_unknown();
    resolve(&mut stage, id, Finding::Reversed);
    assert!(stage.redemption(id).quarantined);
    stage.pass(600_000);
    let asked = stage.sent(OpKind::Query);
    stage.reply(&asked, Outcome::NotFound);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Reversed, None));
}

#[test]
fn a_late_answer_ends_a_suspense_without_people() {
    let (mut stage, id) = debit_unknown();
    stage.tells(id, stage.approved(id, 10_000));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_payout_that_was_found_or_not_is_settled_by_people() {
    let (mut stage, id) = payout_unknown();
    resolve(&mut stage, id, Finding::Debited { reference: text("found"), amount: cny(10_000) });
    assert_eq!(stage.refusal(), FlowError::NotNow(State::Suspended), "it is the pay-out that is open");
    resolve(&mut stage, id, Finding::Paid { reference: text("found") });
    stage.yes_to_all();
    assert_eq!((stage.state(id), stage.balance(AccountKind::Float)), (State::Retired, -9_000));

    let (mut stage, id) = payout_unknown();
    let until = stage.redemption(id).since.plus(stage.plan.rail.timing.absent_after_ms);
    resolve(&mut stage, id, Finding::NotPaid);
    assert_eq!(stage.refusal(), FlowError::UnderWay { until }, "it may still be on its way to the rail");
    stage.pass(stage.plan.rail.timing.absent_after_ms);
    resolve(&mut stage, id, Finding::NotPaid);
    assert_eq!((stage.state(id), stage.balance(AccountKind::Owed)), (State::Owed, -9_000));
}

#[test]
fn a_rails_late_answer_ends_it_too() {
    let (mut stage, id) = payout_unknown();
    stage.notifies(id, 1, stage.approved(id, 9_000));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_missing_receipt_is_found_by_people_or_comes_late() {
    let (mut stage, id) = receipt_missing();
    resolve(&mut stage, id, Finding::Delivered { receipt: text("found") });
    assert_eq!((stage.state(id), stage.balance(AccountKind::Bank)), (State::Retired, 10_000));

    let (mut stage, id) = receipt_missing();
    let receipt = stage.approved(id, 10_000);
    let answer = scrip::issuer::Answer { kind: OpKind::Receipt, outcome: receipt, by_file: false };
    stage.inbound(crate::stage::BANK, scrip::issuer::Reference::debit(id), answer);
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn what_does_not_fit_a_suspense_changes_nothing() {
    for (mut stage, id) in [debit_unknown(), payout_unknown(), receipt_missing()] {
        let before = stage.redemption(id);
        for outcome in [Outcome::Pending, Outcome::NotFound, Outcome::NotSent] {
            stage.tells(id, outcome);
        }
        assert_eq!(stage.redemption(id), before);
    }
}
