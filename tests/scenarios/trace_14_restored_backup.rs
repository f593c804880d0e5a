//! Trace 14: the dealer restores last night's database: cards redeemed since are free again.

use crate::stage::{DAY, Stage, cny, gift, text};
use scrip::base::RedemptionId;
use scrip::engine::Sent;
use scrip::flow::{Finding, State, Verdict};
use scrip::issuer::{OpKind, Outcome, Recipe, Reference};

#[test]
fn a_request_after_the_restore_carries_the_same_references() {
    let mut stage = Stage::new();
    let backup = stage.store.clone();
    let before = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let redeem = stage.accept(OpKind::Redeem);
    let pay = stage.accept(OpKind::Pay);
    stage.yes_to_all();
    stage.pass(DAY);
    stage.restore(&backup);
    let after = stage.submit(&gift(1));
    assert_eq!(after, before);
    stage.accept(OpKind::Balance);
    let repeat = stage.sent(OpKind::Redeem);
    assert_eq!(repeat.reference(), redeem.reference(), "the issuer sees a repeat, not a new debit");
    stage.reply(&repeat, Outcome::Duplicate(text("theirs")));
    stage.accept(OpKind::Query);
    let again = stage.accept(OpKind::Pay);
    assert_eq!(again.reference(), pay.reference(), "and so does the rail");
    stage.yes_to_all();
    assert_eq!(stage.state(after), State::Retired);
}

#[test]
fn what_was_under_way_in_the_backup_goes_on_under_the_same_references() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let backup = stage.store.clone();
    let redeem = stage.accept(OpKind::Redeem);
    stage.yes_to_all();
    stage.restore(&backup);
    let query = stage.accept(OpKind::Query);
    assert_eq!(query.reference(), redeem.reference());
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_checkpoint_held_outside_shows_the_rollback() {
    let mut stage = Stage::new();
    stage.sell(&gift(1));
    let backup = stage.store.clone();
    stage.sell(&gift(2));
    let (held, root) = stage.engine.audit();
    stage.restore(&backup);
    let (size, _) = stage.engine.audit();
    assert!(size < held, "the log is shorter than the one that was seen");
    // Grown to the same length with other records, it has another root.
    while stage.engine.audit().0 < held {
        let n = u32::try_from(stage.engine.audit().0).unwrap();
        stage.sell(&gift(n));
    }
    assert_ne!(stage.engine.audit().1, root);
}

/// A card was paid for, the store was put back to before that, and the repeat of its request gets
/// no clear answer from an issuer whose debits are undone then.
fn put_back(told: bool) -> (Stage, RedemptionId) {
    let mut stage = Stage::with(|plan| plan.bank.recipe = Recipe::Reverse);
    let backup = stage.store.clone();
    stage.sell(&gift(1));
    if told {
        stage.plan.policy.flow.put_back_at = stage.now.wall.0;
    }
    stage.restore(&backup);
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.lose(OpKind::Redeem);
    (stage, id)
}

#[test]
fn a_store_that_was_put_back_asks_the_rail_before_it_undoes_a_debit() {
    let (mut stage, id) = put_back(true);
    stage.nothing_sent();
    let (waited_ms, question) = stage.wait_for(OpKind::PayQuery);
    assert!(waited_ms >= 599_000, "a pay-out may have been under way: asked after {waited_ms} ms");
    assert_eq!(question.reference(), Reference::payout(id, 1));
    stage.reply(&question, stage.yes_of(&question, 9_000));
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Suspended, "paid_before_put_back"));
    stage.nothing_sent();
    // People find the debit; its pay-out is ordered under the same end-to-end id.
    let finding = Finding::Debited { reference: text("found"), amount: cny(10_000) };
    stage.decide(id, Verdict::Resolve { by: text("ann"), second: text("bob"), finding });
    let again = stage.accept(OpKind::Pay);
    assert_eq!(again.reference(), question.reference(), "the rail sees a repeat");
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn what_the_rail_knows_nothing_of_is_undone_as_ever() {
    let (mut stage, id) = put_back(true);
    let (_, question) = stage.wait_for(OpKind::PayQuery);
    stage.reply(&question, Outcome::NotFound);
    stage.accept(OpKind::Reverse);
    assert_eq!(stage.state(id), State::Reversed);
}

#[test]
fn a_rail_that_says_nothing_leaves_it_to_people() {
    let (mut stage, id) = put_back(true);
    while stage.state(id) == State::Unknown {
        match stage.out.pop_front() {
            Some(call) => {
                assert_eq!(call.kind, OpKind::PayQuery, "nothing is undone meanwhile");
                stage.lost(&call, Sent::MaybeSent);
            }
            None => stage.pass(60_000),
        }
    }
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Suspended, "unknown_outcome"));
}

#[test]
fn a_store_that_was_never_put_back_asks_no_rail() {
    let (mut stage, id) = put_back(false);
    stage.accept(OpKind::Reverse);
    assert_eq!(stage.state(id), State::Reversed);
}
