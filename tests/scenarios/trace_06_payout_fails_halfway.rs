//! Trace 6: no answer from the rail; or refused; or returned a day later; or the payee is listed
//! meanwhile.

use crate::stage::{DAY, Stage, gift, text};
use scrip::base::RedemptionId;
use scrip::engine::Sent;
use scrip::flow::{State, Verdict};
use scrip::issuer::{Decline, Leg, OpKind, Outcome};
use scrip::ledger::AccountKind;

/// Up to the order to pay.
fn paying(idempotent: bool) -> (Stage, RedemptionId) {
    let mut stage = Stage::with(|plan| plan.rail.idempotent = idempotent);
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.accept(OpKind::Redeem);
    assert_eq!(stage.state(id), State::Paying);
    (stage, id)
}

fn is_paid_once(stage: &mut Stage, id: RedemptionId) {
    stage.yes_to_all();
    assert_eq!((stage.state(id), stage.balance(AccountKind::Float)), (State::Retired, -9_000));
    assert_eq!((stage.balance(AccountKind::Owed), stage.balance(AccountKind::Fee)), (0, -100));
}

#[test]
fn a_payout_without_an_answer_is_asked_after() {
    let (mut stage, id) = paying(false);
    stage.lose(OpKind::Pay);
    assert_eq!(stage.state(id), State::PayoutUnknown);
    for _ in 0..4 {
        let (_, query) = stage.wait_for(OpKind::PayQuery);
        stage.lost(&query, Sent::MaybeSent);
    }
    stage.wait_for(OpKind::PayQuery);
    stage.pass(1);
    stage.notifies(id, 1, Outcome::Accepted(stage.approval(id, 9_000)));
    is_paid_once(&mut stage, id);
}

#[test]
fn a_payout_is_ordered_again_under_the_same_name_only() {
    let (mut stage, id) = paying(true);
    let first = stage.lose(OpKind::Pay);
    let mut again = None;
    while again.is_none() {
        let next = stage.out.pop_front();
        match next {
            Some(call) if call.kind == OpKind::Pay => again = Some(call),
            Some(call) => stage.lost(&call, Sent::MaybeSent),
            None => stage.pass(1_000),
        }
    }
    let again = again.unwrap();
    assert_eq!((again.reference(), again.attempt), (first.reference(), 2));
    stage.reply(&again, stage.yes(&again));
    is_paid_once(&mut stage, id);
}

#[test]
fn a_refused_payout_is_owed_until_a_payee_can_receive() {
    let (mut stage, id) = paying(true);
    let call = stage.sent(OpKind::Pay);
    stage.reply(&call, Outcome::Declined(Decline::PayeeInvalid));
    assert_eq!((stage.state(id), stage.balance(AccountKind::Owed)), (State::Owed, -9_000));
    stage.pass(DAY);
    stage.decide(id, Verdict::Payee { payee: text("S-1-again") });
    let second = stage.accept(OpKind::Pay);
    assert_eq!(second.reference().leg, Leg::Payout(2));
    assert_eq!(second.orders[0].whom, "S-1-again");
    is_paid_once(&mut stage, id);
}

#[test]
fn a_payout_that_comes_back_a_day_later_is_owed_again() {
    let (mut stage, id) = paying(true);
    stage.yes_to_all();
    stage.pass(DAY);
    stage.notifies(id, 1, Outcome::Reversed);
    assert_eq!((stage.state(id), stage.balance(AccountKind::Owed)), (State::Owed, -9_000));
    stage.notifies(id, 1, Outcome::Reversed);
    assert_eq!(stage.balance(AccountKind::Owed), -9_000, "told twice, it came back once");
    stage.decide(id, Verdict::Payee { payee: text("S-1") });
    is_paid_once(&mut stage, id);
}

#[test]
fn an_old_payouts_return_does_not_take_the_new_one_back() {
    let (mut stage, id) = paying(true);
    stage.yes_to_all();
    stage.notifies(id, 1, Outcome::Reversed);
    stage.decide(id, Verdict::Payee { payee: text("S-1") });
    stage.yes_to_all();
    stage.notifies(id, 1, Outcome::Reversed);
    is_paid_once(&mut stage, id);
}

#[test]
fn a_payee_listed_meanwhile_is_held_and_paid_when_cleared() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let redeem = stage.sent(OpKind::Redeem);
    stage.plan.policy.risk.block.sellers.push("S-1".into());
    stage.crash();
    stage.out.clear();
    stage.reply(&redeem, stage.yes(&redeem));
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Held, "payee_listed"));
    stage.nothing_sent();
    stage.decide(id, Verdict::Unhold { by: text("ann") });
    is_paid_once(&mut stage, id);
}

#[test]
fn a_payout_that_came_back_before_it_was_confirmed_is_owed() {
    let (mut stage, id) = paying(false);
    stage.lose(OpKind::Pay);
    let (_, query) = stage.wait_for(OpKind::PayQuery);
    stage.reply(&query, Outcome::Reversed);
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Owed, "payout_returned"));
    stage.decide(id, Verdict::Payee { payee: text("other-account") });
    is_paid_once(&mut stage, id);
}
