//! Trace 13: forward: everything expires. Back: a freeze never ends.

use crate::stage::{DAY, MINUTE, Stage, gift, request};
use scrip::base::Wall;
use scrip::flow::State;
use scrip::issuer::{OpKind, Outcome, Recipe};

const YEAR: i64 = 365 * DAY;

#[test]
fn a_wall_clock_put_forward_ends_nothing_once_redeeming_has_begun() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let redeem = stage.sent(OpKind::Redeem);
    stage.now.wall = stage.now.wall.plus(YEAR);
    stage.settle();
    assert_eq!(stage.state(id), State::Redeeming);
    stage.nothing_sent();
    stage.reply(&redeem, stage.yes(&redeem));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn deadlines_run_on_the_monotonic_clock() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.sent(OpKind::Redeem);
    stage.now.wall = Wall(stage.now.wall.0 - YEAR);
    stage.pass(4_999);
    assert_eq!(stage.state(id), State::Redeeming);
    stage.pass(1);
    assert_eq!(stage.state(id), State::Unknown);
    stage.accept(OpKind::Query);
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn the_recorded_clock_never_goes_back() {
    let mut stage = Stage::new();
    stage.submit(&gift(1));
    let before = stage.engine.wall();
    stage.now.wall = Wall(before.0 - YEAR);
    stage.yes_to_all();
    assert!(stage.engine.wall() >= before);
    stage.crash();
    assert!(stage.engine.wall() >= before, "not over a restart either");
}

#[test]
fn a_freeze_ends_a_day_later_although_the_wall_clock_was_put_back() {
    let mut stage = Stage::new();
    for n in [2, 3, 4] {
        stage.submit(&request("gift", n, 1).secret("000000"));
        if let Some(check) = stage.out.pop_front() {
            stage.reply(&check, Outcome::Declined(scrip::issuer::Decline::WrongSecret));
        }
    }
    stage.now.wall = Wall(stage.now.wall.0 - YEAR);
    stage.pass(DAY);
    let owner = stage.sell(&gift(1));
    assert_eq!(stage.state(owner), State::Retired);
}

#[test]
fn a_quarantine_ends_in_its_time_although_the_wall_clock_was_put_back() {
    let mut stage = Stage::with(|plan| plan.bank.recipe = Recipe::Reverse);
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.lose(OpKind::Redeem);
    stage.accept(OpKind::Reverse);
    stage.now.wall = Wall(stage.now.wall.0 - YEAR);
    stage.pass(11 * MINUTE);
    let asked = stage.sent(OpKind::Query);
    stage.reply(&asked, Outcome::NotFound);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Reversed, None));
}
