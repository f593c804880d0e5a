//! Trace 7: a file issuer: paying at once is without evidence, waiting breaks the promise; a
//! corrected file later rejects a paid row.

use crate::stage::{DAY, HOUR, Stage, gift, text};
use scrip::base::RedemptionId;
use scrip::flow::{FlowError, State, Verdict};
use scrip::issuer::{Decline, Evidence, OpKind, Outcome, Recipe, Verify};
use scrip::ledger::AccountKind;
use scrip::record::ClaimStatus;

/// An issuer that answers by file, and limits that leave room for two advances.
fn by_file() -> Stage {
    Stage::with(|plan| {
        plan.bank.verify = Verify::None;
        plan.bank.evidence = Evidence::File;
        plan.bank.recipe = Recipe::File;
        plan.bank.batch_window_ms = 1_000;
        plan.bank.batch_max = 100;
        plan.bank.timing.answer_within_ms = 2 * HOUR;
        plan.bank.timing.absent_after_ms = 12 * HOUR;
        let limits = &mut plan.policy.flow.advance;
        (limits.issuer_minor, limits.product_minor, limits.seller_minor) = (20_000, 20_000, 20_000);
    })
}

/// One card, paid before its evidence.
fn advanced(stage: &mut Stage, n: u32) -> RedemptionId {
    let id = stage.submit(&gift(n));
    stage.pass(1_000);
    let pay = stage.out.iter().position(|call| call.kind == OpKind::Pay).expect("it is paid at once");
    let pay = stage.out.remove(pay).unwrap();
    stage.handed_over();
    stage.reply(&pay, stage.yes(&pay));
    assert_eq!(stage.state(id), State::Advanced);
    id
}

#[test]
fn within_the_limits_the_seller_is_paid_at_once_and_the_file_confirms() {
    let mut stage = by_file();
    let id = advanced(&mut stage, 1);
    assert_eq!(stage.balance(AccountKind::Advance), 9_000);
    stage.pass(3 * HOUR);
    stage.files(id, stage.approved(id, 10_000));
    assert_eq!((stage.state(id), stage.balance(AccountKind::Advance)), (State::Retired, 0));
    assert_eq!((stage.balance(AccountKind::Float), stage.balance(AccountKind::Bank)), (-9_000, 10_000));
}

#[test]
fn an_online_yes_is_no_evidence_there() {
    let mut stage = by_file();
    let id = advanced(&mut stage, 1);
    stage.tells(id, stage.approved(id, 10_000));
    assert_eq!(stage.state(id), State::Advanced);
}

#[test]
fn beyond_the_limits_the_seller_waits_for_the_file_also_after_a_restart() {
    let mut stage = by_file();
    let first = advanced(&mut stage, 1);
    advanced(&mut stage, 2);
    stage.crash();
    let third = stage.submit(&gift(3));
    stage.pass(1_000);
    stage.handed_over();
    stage.nothing_sent();
    assert_eq!(stage.state(third), State::Redeeming);
    stage.files(third, stage.approved(third, 10_000));
    stage.yes_to_all();
    assert_eq!(stage.state(third), State::Retired);
    // Evidence for the first makes room again.
    stage.files(first, stage.approved(first, 10_000));
    advanced(&mut stage, 4);
}

#[test]
fn a_rejected_advance_is_taken_back_from_the_seller() {
    let mut stage = by_file();
    let id = advanced(&mut stage, 1);
    stage.files(id, Outcome::Declined(Decline::AlreadyUsed));
    assert_eq!((stage.state(id), stage.balance(AccountKind::Clawback)), (State::ClawbackDue, 9_000));
    stage.decide(id, Verdict::Recovered { by: text("ann") });
    assert_eq!((stage.state(id), stage.balance(AccountKind::Float)), (State::Recovered, 0));
}

#[test]
fn a_claw_back_is_given_up_by_two_people() {
    let mut stage = by_file();
    let id = advanced(&mut stage, 1);
    stage.files(id, Outcome::NotFound);
    stage.decide(id, Verdict::WriteOff { by: text("ann"), second: text("ann") });
    assert_eq!((stage.refusal(), stage.state(id)), (FlowError::TwoPeople, State::ClawbackDue));
    stage.decide(id, Verdict::WriteOff { by: text("ann"), second: text("bob") });
    assert_eq!((stage.state(id), stage.balance(AccountKind::Loss)), (State::WrittenOff, 9_000));
}

#[test]
fn a_corrected_file_takes_back_what_was_paid_and_booked() {
    let mut stage = by_file();
    let id = advanced(&mut stage, 1);
    stage.files(id, stage.approved(id, 10_000));
    stage.pass(DAY);
    stage.files(id, Outcome::Declined(Decline::Void));
    assert_eq!((stage.state(id), stage.claim(id)), (State::ClawbackDue, Some(ClaimStatus::Consumed)));
    let left = [AccountKind::Bank, AccountKind::Fee, AccountKind::Share, AccountKind::Clearing];
    assert_eq!(left.map(|kind| stage.balance(kind)), [0; 4]);
    assert_eq!((stage.balance(AccountKind::Clawback), stage.balance(AccountKind::Float)), (9_000, -9_000));
    // The correction was itself wrong: the next file has the row again.
    stage.files(id, stage.approved(id, 10_000));
    assert_eq!((stage.state(id), stage.balance(AccountKind::Clawback)), (State::Retired, 0));
}

#[test]
fn an_advance_that_came_back_before_it_was_confirmed_is_none() {
    let mut stage = by_file();
    let id = stage.submit(&gift(1));
    stage.pass(1_000);
    let pay = stage.out.iter().position(|call| call.kind == OpKind::Pay).expect("it is paid at once");
    let pay = stage.out.remove(pay).unwrap();
    stage.handed_over();
    stage.reply(&pay, Outcome::Reversed);
    assert_eq!((stage.state(id), stage.balance(AccountKind::Advance)), (State::Pending, 0));
    stage.pass(3 * HOUR);
    stage.files(id, stage.approved(id, 10_000));
    stage.yes_to_all();
    assert_eq!((stage.state(id), stage.balance(AccountKind::Float)), (State::Retired, -9_000));
}
