//! Trace 12: the crash comes between claim and redeem, and the records rightly hold no secret:
//! nothing left to send.

use crate::stage::{MINUTE, Stage, gift};
use scrip::base::RedemptionId;
use scrip::engine::Output;
use scrip::flow::{SIDE_CARD, State};
use scrip::host::Store;
use scrip::issuer::{Decline, OpKind, Outcome, Recipe};

fn sealed(stage: &Stage, id: RedemptionId) -> bool {
    stage.store.index().row(id).unwrap().side(SIDE_CARD).is_some()
}

#[test]
fn after_a_crash_between_claim_and_decision_the_card_is_at_hand() {
    let mut stage = Stage::new();
    let id = stage.engine.submit(&gift(1)).unwrap();
    let Some(Output::Commit(mut batch)) = stage.engine.poll(stage.now) else { panic!("a first unit") };
    stage.store.commit(&mut batch).unwrap();
    assert_eq!((stage.state(id), sealed(&stage, id)), (State::Claimed, true));
    stage.crash();
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn after_a_crash_before_the_redeem_the_same_card_is_sent() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    let before = stage.sent(OpKind::Balance);
    stage.crash();
    let after = stage.accept(OpKind::Balance);
    assert_eq!(before.orders[0].whom, after.orders[0].whom);
    let redeem = stage.accept(OpKind::Redeem);
    assert_eq!(redeem.orders[0].whom, before.orders[0].whom);
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn the_sealed_card_is_erased_at_the_end() {
    let mut stage = Stage::new();
    let retired = stage.submit(&gift(1));
    assert!(sealed(&stage, retired));
    stage.yes_to_all();
    let declined = stage.submit(&gift(2));
    let check = stage.sent(OpKind::Balance);
    stage.reply(&check, Outcome::Declined(Decline::Expired));
    assert_eq!([retired, declined].map(|id| sealed(&stage, id)), [false, false]);
}

#[test]
fn a_card_in_quarantine_keeps_its_secret_until_it_is_free() {
    let mut stage = Stage::with(|plan| plan.bank.recipe = Recipe::Reverse);
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.lose(OpKind::Redeem);
    stage.accept(OpKind::Reverse);
    assert!(sealed(&stage, id));
    stage.pass(11 * MINUTE);
    let asked = stage.sent(OpKind::Query);
    stage.reply(&asked, Outcome::NotFound);
    assert_eq!((stage.state(id), sealed(&stage, id)), (State::Reversed, false));
}

#[test]
fn what_goes_by_our_reference_needs_no_card() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.lose(OpKind::Redeem);
    let query = stage.sent(OpKind::Query);
    assert_eq!(query.orders[0].tag(), None);
    stage.reply(&query, stage.yes(&query));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}
