//! A redeem without a usable answer: what each recipe does about it.

use crate::stage::{DAY, HOUR, Plan, Stage, gift};
use scrip::base::RedemptionId;
use scrip::engine::Sent;
use scrip::flow::State;
use scrip::issuer::{Decline, Evidence, OpKind, Outcome, Recipe, Verify};
use scrip::record::ClaimStatus;

fn lost(recipe: Recipe) -> (Stage, RedemptionId) {
    lost_with(|plan| plan.bank.recipe = recipe)
}

fn lost_with(change: impl FnOnce(&mut Plan)) -> (Stage, RedemptionId) {
    let mut stage = Stage::with(change);
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.lose(OpKind::Redeem);
    (stage, id)
}

fn retires(stage: &mut Stage, id: RedemptionId) {
    stage.yes_to_all();
    assert_eq!((stage.state(id), stage.claim(id)), (State::Retired, Some(ClaimStatus::Consumed)));
}

#[test]
fn query_asks_at_once_and_then_on_the_ladder() {
    let (mut stage, id) = lost_with(|plan| plan.policy.route.tries = 1);
    let first = stage.sent(OpKind::Query);
    stage.lost(&first, Sent::MaybeSent);
    for wait in [1_000, 3_000, 10_000, 30_000] {
        let (waited, query) = stage.wait_for(OpKind::Query);
        assert_eq!(waited, wait);
        stage.lost(&query, Sent::MaybeSent);
    }
    let (_, query) = stage.wait_for(OpKind::Query);
    stage.reply(&query, stage.yes(&query));
    retires(&mut stage, id);
}

#[test]
fn query_that_is_answered_with_a_no_ends_it_and_frees_the_card() {
    let (mut stage, id) = lost(Recipe::Query);
    let query = stage.sent(OpKind::Query);
    stage.reply(&query, Outcome::Declined(Decline::FrozenByIssuer));
    assert_eq!((stage.state(id), stage.claim(id)), (State::Declined, None));
}

#[test]
fn query_that_is_never_answered_undoes_in_the_end() {
    let (mut stage, id) = lost(Recipe::Query);
    while stage.state(id) == State::Unknown {
        match stage.out.pop_front() {
            Some(call) => stage.lost(&call, Sent::MaybeSent),
            None => stage.pass(1_000),
        }
    }
    assert_eq!(stage.state(id), State::Reversing);
    stage.accept(OpKind::Reverse);
    assert_eq!(stage.state(id), State::Reversed);
}

#[test]
fn repeat_sends_the_same_redeem_and_then_asks() {
    let (mut stage, id) = lost(Recipe::Repeat);
    let (_, again) = stage.wait_for(OpKind::Redeem);
    assert_eq!(again.attempt, 2);
    stage.reply(&again, stage.yes(&again));
    retires(&mut stage, id);
}

#[test]
fn a_no_to_a_repeat_may_speak_of_the_first_sending() {
    let (mut stage, id) = lost(Recipe::Repeat);
    let (_, again) = stage.wait_for(OpKind::Redeem);
    stage.reply(&again, Outcome::Declined(Decline::AlreadyUsed));
    assert_eq!(stage.state(id), State::Unknown);
    let query = stage.sent(OpKind::Query);
    stage.reply(&query, stage.yes(&query));
    retires(&mut stage, id);
}

#[test]
fn reverse_undoes_at_once() {
    let (mut stage, id) = lost(Recipe::Reverse);
    assert_eq!(stage.state(id), State::Reversing);
    stage.accept(OpKind::Reverse);
    assert_eq!(stage.state(id), State::Reversed);
}

#[test]
fn file_waits_for_the_issuers_file() {
    let mut stage = Stage::with(|plan| {
        plan.bank.recipe = Recipe::File;
        plan.bank.evidence = Evidence::File;
        plan.bank.verify = Verify::None;
        plan.bank.timing.answer_within_ms = HOUR;
        plan.bank.timing.absent_after_ms = 12 * HOUR;
        plan.bank.timing.age_limit_ms = 3 * DAY;
    });
    let id = stage.submit(&gift(1));
    stage.lose(OpKind::Redeem);
    stage.pass(DAY);
    stage.nothing_sent();
    assert_eq!(stage.state(id), State::Unknown);
    stage.files(id, stage.approved(id, 10_000));
    retires(&mut stage, id);
}

#[test]
fn an_answer_that_cannot_be_read_is_no_answer() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let redeem = stage.sent(OpKind::Redeem);
    stage.engine.reply(redeem.id, b"?").unwrap();
    stage.settle();
    assert_eq!(stage.state(id), State::Unknown);
    stage.accept(OpKind::Query);
    retires(&mut stage, id);
}

#[test]
fn the_late_answer_itself_resolves_it() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let redeem = stage.lose(OpKind::Redeem);
    stage.reply(&redeem, stage.yes(&redeem));
    stage.yes_to_all();
    stage.reply(&redeem, stage.yes(&redeem));
    retires(&mut stage, id);
}
