//! What a slow issuer said lately is told with its age while it is asked anew.

use crate::stage::{MINUTE, Stage, cny, gift, request};
use scrip::base::RedemptionId;
use scrip::flow::State;
use scrip::issuer::{OpKind, Routing};
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
