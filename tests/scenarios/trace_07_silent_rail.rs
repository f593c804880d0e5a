//! An advance of which the rail never says anything usable is asked after on a ladder, and at the
//! rail's age limit it becomes a matter for people. Whatever is heard later still counts.

use crate::stage::{DAY, HOUR, Stage, gift, text};
use scrip::base::RedemptionId;
use scrip::engine::Sent;
use scrip::flow::{Finding, State};
use scrip::issuer::{Decline, Evidence, OpKind, Outcome, Recipe, Verify};
use scrip::ledger::AccountKind;

/// The rail is silent from the first order on, until people have the advance.
fn suspended(void: bool) -> (Stage, RedemptionId) {
    let mut stage = Stage::with(|plan| {
        plan.bank.verify = Verify::None;
        plan.bank.evidence = Evidence::File;
        plan.bank.recipe = Recipe::File;
        plan.bank.batch_window_ms = 1_000;
        plan.bank.batch_max = 100;
        plan.bank.timing.answer_within_ms = 12 * HOUR;
        plan.bank.timing.absent_after_ms = 24 * HOUR;
        plan.bank.timing.age_limit_ms = 9 * DAY;
        plan.rail.timing.age_limit_ms = 2 * HOUR;
        let limits = &mut plan.policy.flow.advance;
        (limits.issuer_minor, limits.product_minor, limits.seller_minor) = (20_000, 20_000, 20_000);
    });
    let id = stage.submit(&gift(1));
    stage.pass(1_000);
    let redeem = stage.out.iter().position(|call| call.kind == OpKind::Redeem).unwrap();
    stage.out.remove(redeem);
    if void {
        stage.files(id, Outcome::NotFound);
        assert_eq!(stage.state(id), State::AdvanceVoid);
    }
    let mut asked = 0;
    while stage.state(id) != State::Suspended {
        match stage.out.pop_front() {
            Some(call) => {
                asked += 1;
                stage.lost(&call, Sent::MaybeSent);
            }
            None => stage.pass(30_000),
        }
    }
    assert!((10..300).contains(&asked), "{asked} questions in two hours");
    assert_eq!(stage.reason(id), "payout_unknown");
    stage.out.clear();
    (stage, id)
}

fn resolve(stage: &mut Stage, id: RedemptionId, finding: Finding) {
    stage.engine.resolve(id, text("ann"), text("bob"), finding);
    stage.settle();
}

fn paid() -> Finding {
    Finding::Paid { reference: text("statement") }
}

#[test]
fn people_who_find_it_paid_make_it_an_advance_like_any_other() {
    let (mut stage, id) = suspended(false);
    resolve(&mut stage, id, paid());
    assert_eq!((stage.state(id), stage.balance(AccountKind::Advance)), (State::Advanced, 9_000));
    stage.files(id, stage.approved(id, 10_000));
    assert_eq!((stage.state(id), stage.balance(AccountKind::Advance)), (State::Retired, 0));
}

#[test]
fn people_who_find_it_unpaid_let_the_seller_wait_for_the_file() {
    let (mut stage, id) = suspended(false);
    stage.pass(stage.plan.rail.timing.absent_after_ms);
    resolve(&mut stage, id, Finding::NotPaid);
    assert_eq!((stage.state(id), stage.balance(AccountKind::Transit)), (State::Pending, 0));
    stage.files(id, stage.approved(id, 10_000));
    stage.yes_to_all();
    assert_eq!((stage.state(id), stage.balance(AccountKind::Float)), (State::Retired, -9_000));
}

#[test]
fn a_rail_that_speaks_at_last_is_heard() {
    let (mut stage, id) = suspended(false);
    let accepted = scrip::issuer::Accepted {
        reference: text("late"),
        amount: crate::stage::cny(9_000),
        card: None,
        generation: None,
    };
    stage.notifies(id, 1, Outcome::Accepted(accepted));
    assert_eq!(stage.state(id), State::Advanced);
    let (mut stage, id) = suspended(false);
    stage.notifies(id, 1, Outcome::Declined(Decline::PayeeInvalid));
    assert_eq!((stage.state(id), stage.balance(AccountKind::Advance)), (State::Pending, 0));
}

#[test]
fn the_file_that_comes_meanwhile_counts_and_the_pay_out_stays_with_people() {
    let (mut stage, id) = suspended(false);
    stage.files(id, stage.approved(id, 10_000));
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Suspended, "payout_unknown"));
    assert_eq!(stage.redemption(id).suspended_from, Some(State::PayoutUnknown));
    resolve(&mut stage, id, paid());
    stage.yes_to_all();
    assert_eq!((stage.state(id), stage.balance(AccountKind::Float)), (State::Retired, -9_000));
}

#[test]
fn an_advance_on_a_card_that_was_not_debited_is_taken_back_or_was_none() {
    for void in [true, false] {
        let (mut stage, id) = suspended(void);
        if !void {
            stage.files(id, Outcome::NotFound);
            assert_eq!(stage.redemption(id).suspended_from, Some(State::AdvanceVoid));
        }
        resolve(&mut stage, id, paid());
        assert_eq!((stage.state(id), stage.balance(AccountKind::Clawback)), (State::ClawbackDue, 9_000));
        let (mut stage, id) = suspended(void);
        if !void {
            stage.files(id, Outcome::NotFound);
        }
        stage.pass(stage.plan.rail.timing.absent_after_ms);
        resolve(&mut stage, id, Finding::NotPaid);
        assert_eq!((stage.state(id), stage.balance(AccountKind::Transit)), (State::Declined, 0));
    }
}
