//! What a slow issuer said lately is an answer, with its age; a no is never said from it, and what is
//! paid is what the debit says.

use crate::stage::{HOUR, MINUTE, Stage, cny, gift, number, request};
use scrip::base::{RedemptionId, Wall};
use scrip::flow::{State, Summary};
use scrip::issuer::{Evidence, LateDebit, OpKind, Outcome, Recipe, Routing, Verify};
use scrip::route::Snapshot;

/// The issuer has said that 40.00 are on card 1, and the sale has ended without a debit.
fn told(snapshot_ms: Option<i64>) -> Stage {
    let mut stage = Stage::with(|plan| {
        plan.bank.routing = Some(Routing { snapshot_ms, ..Routing::default() });
        plan.catalogue = plan.catalogue.replace("rate =", "on_mismatch = \"decline\"\nrate =");
    });
    let id = stage.submit(&gift(1));
    let check = stage.sent(OpKind::Balance);
    assert_eq!(stage.engine.snapshot(id), None);
    stage.reply(&check, stage.yes_of(&check, 4_000));
    assert_eq!(stage.state(id), State::Declined);
    stage
}

/// The same card once more.
fn again(stage: &mut Stage) -> RedemptionId {
    stage.submit(&request("gift", 2, 1))
}

#[test]
fn a_balance_is_told_with_its_age_up_to_the_limit_of_the_profile() {
    let mut stage = told(Some(10 * MINUTE));
    stage.pass(3 * MINUTE);
    let id = again(&mut stage);
    let known = Snapshot { balance: cny(4_000), age_ms: 3 * MINUTE };
    assert_eq!(stage.engine.snapshot(id), Some(known));
    // The issuer is asked all the same, and its answer decides.
    let check = stage.sent(OpKind::Balance);
    stage.pass(7 * MINUTE + 1);
    assert_eq!(stage.engine.snapshot(id), None, "too old");
    stage.reply(&check, stage.yes_of(&check, 10_000));
    stage.yes_to_all();
    assert_eq!(stage.engine.snapshot(id), None, "debited");
}

#[test]
fn nothing_is_kept_where_the_profile_does_not_say_so_or_for_another_secret() {
    let mut stage = told(None);
    let id = again(&mut stage);
    assert_eq!(stage.engine.snapshot(id), None);
    let mut stage = told(Some(10 * MINUTE));
    let id = stage.submit(&request("gift", 2, 1).secret("730199"));
    stage.sent(OpKind::Balance);
    assert_eq!(stage.engine.snapshot(id), None);
}

#[test]
fn a_young_word_that_agrees_is_answer_enough_and_shows_its_age() {
    let mut stage = told(Some(10 * MINUTE));
    stage.pass(3 * MINUTE);
    let id = stage.submit(&request("gift", 2, 1).face(cny(4_000)));
    let debit = stage.sent(OpKind::Redeem);
    // The issuer is not asked.
    stage.nothing_sent();
    stage.reply(&debit, stage.yes_of(&debit, 4_000));
    stage.yes_to_all();
    let summary = Summary::of(&stage.redemption(id));
    assert_eq!((summary.verified, summary.verified_age_ms), (Some(cny(4_000)), Some(3 * MINUTE)));
    assert_eq!(summary.debited, Some(cny(4_000)));
}

#[test]
fn a_word_that_is_too_old_or_disagrees_is_asked_for_anew() {
    for (wait, face) in [(10 * MINUTE + 1, 4_000), (MINUTE, 5_000)] {
        let mut stage = told(Some(10 * MINUTE));
        stage.pass(wait);
        let id = stage.submit(&request("gift", 2, 1).face(cny(face)));
        let check = stage.sent(OpKind::Balance);
        stage.reply(&check, stage.yes_of(&check, face));
        stage.yes_to_all();
        assert_eq!(stage.redemption(id).verified_age_ms, None);
    }
}

/// An issuer of daily files, both ways.
fn daily() -> Stage {
    Stage::with(|plan| {
        plan.bank.verify = Verify::None;
        plan.bank.evidence = Evidence::File;
        plan.bank.recipe = Recipe::File;
        (plan.bank.can_reverse, plan.bank.late_debit) = (false, LateDebit::Owe);
        (plan.bank.batch_window_ms, plan.bank.batch_max) = (1_000, 100);
        plan.bank.routing = Some(Routing { snapshot_ms: Some(24 * HOUR), ..Routing::default() });
        plan.catalogue = plan.catalogue.replace("rate =", "on_mismatch = \"decline\"\nrate =");
    })
}

/// The file of balances of so long ago said that 40.00 are on card 1.
fn listed(stage: &mut Stage, age_ms: i64) -> bool {
    let at = Wall(stage.now.wall.0 - age_ms);
    stage.engine.balance_told("gift", &number(1), cny(4_000), at).unwrap()
}

#[test]
fn a_file_of_balances_answers_for_an_issuer_that_cannot_be_asked() {
    let mut stage = daily();
    assert!(listed(&mut stage, 20 * HOUR) && !listed(&mut stage, 21 * HOUR), "an older word changes nothing");
    let id = stage.submit(&gift(1));
    assert_eq!((stage.state(id), &*stage.reason(id)), (State::Declined, "face_mismatch"));
    let id = stage.submit(&request("gift", 2, 1).face(cny(4_000)));
    stage.pass(2_000);
    assert_eq!(stage.redemption(id).verified_age_ms, Some(20 * HOUR));
    stage.handed_over();
    // What is paid is what the file of debits says.
    let less = stage.approval(id, 3_000);
    stage.files(id, Outcome::Partial(less));
    let summary = Summary::of(&stage.redemption(id));
    assert_eq!((summary.verified, summary.verified_age_ms), (Some(cny(4_000)), Some(20 * HOUR)));
    assert_eq!(summary.debited.or(Some(cny(3_000))), Some(cny(3_000)));
    assert_ne!(summary.payout, Some(cny(3_600)));
}

#[test]
fn a_file_of_balances_is_forgotten_with_the_process_and_ends_with_its_age() {
    for age_ms in [24 * HOUR + 1, -1] {
        let mut stage = daily();
        assert!(listed(&mut stage, age_ms));
        let id = stage.submit(&gift(1));
        assert_eq!(stage.redemption(id).verified, None, "too old, or of tomorrow");
    }
    let mut stage = daily();
    assert!(listed(&mut stage, HOUR));
    stage.crash();
    let id = stage.submit(&gift(1));
    assert_eq!(stage.redemption(id).verified, None, "the face is taken, as without a file");
    let mut stage = daily();
    stage.crash();
    assert!(listed(&mut stage, HOUR), "the file is read again");
    let id = stage.submit(&gift(1));
    assert_eq!(stage.state(id), State::Declined);
    assert!(stage.engine.balance_told("gift", "not a number", cny(1), Wall(0)).is_err());
    assert_eq!(stage.engine.balance_told("unknown", "1", cny(1), Wall(0)), Ok(false));
}

#[test]
fn a_list_without_secrets_answers_nobody_whose_issuer_can_check_them() {
    let mut stage = Stage::with(|plan| {
        plan.bank.routing = Some(Routing { snapshot_ms: Some(HOUR), ..Routing::default() });
    });
    assert!(listed(&mut stage, MINUTE));
    stage.submit(&request("gift", 2, 1).face(cny(4_000)));
    stage.sent(OpKind::Balance);
    stage.nothing_sent();
}
