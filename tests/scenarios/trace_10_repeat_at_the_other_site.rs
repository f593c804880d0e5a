//! Trace 10: the second site's duplicate check lags the first.

use crate::stage::{Stage, gift};
use scrip::engine::Sent;
use scrip::flow::State;
use scrip::issuer::{Idempotency, OpKind, Recipe};

fn two_sites(recipe: Recipe) -> Stage {
    let mut stage = Stage::with(|plan| {
        plan.bank.idempotency = Idempotency::Site;
        plan.bank.recipe = recipe;
    });
    stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage
}

#[test]
fn a_repeat_goes_to_the_site_that_may_have_the_first() {
    let mut stage = two_sites(Recipe::Repeat);
    let first = stage.lose(OpKind::Redeem);
    for attempt in 2..4 {
        let (_, again) = stage.wait_for(OpKind::Redeem);
        assert_eq!((again.reference(), again.endpoint, again.attempt), (first.reference(), 0, attempt));
        stage.lost(&again, Sent::MaybeSent);
    }
}

#[test]
fn only_what_never_left_moves_to_the_other_site() {
    let mut stage = two_sites(Recipe::Query);
    let first = stage.sent(OpKind::Redeem);
    stage.lost(&first, Sent::NotSent);
    let second = stage.lose(OpKind::Redeem);
    assert_eq!((first.endpoint, second.endpoint), (0, 1));
    let query = stage.sent(OpKind::Query);
    assert_eq!(query.endpoint, 1, "the query goes where the redeem went");
}

#[test]
fn a_repeat_that_never_left_stays_at_the_site_of_the_first_that_may_have() {
    let mut stage = two_sites(Recipe::Repeat);
    stage.lose(OpKind::Redeem);
    let (_, again) = stage.wait_for(OpKind::Redeem);
    stage.lost(&again, Sent::NotSent);
    let (_, third) = stage.wait_for(OpKind::Redeem);
    assert_eq!(third.endpoint, 0);
    stage.reply(&third, stage.yes(&third));
    stage.yes_to_all();
    assert_eq!(stage.state(third.reference().redemption), State::Retired);
}

#[test]
fn the_undo_goes_where_the_debit_went_also_after_a_restart() {
    let mut stage = two_sites(Recipe::Reverse);
    let first = stage.sent(OpKind::Redeem);
    stage.lost(&first, Sent::NotSent);
    stage.sent(OpKind::Redeem);
    stage.crash();
    assert_eq!(stage.sent(OpKind::Reverse).endpoint, 1);
}
