//! Trace 14: the dealer restores last night's database: cards redeemed since are free again.

use crate::stage::{DAY, Stage, gift, text};
use scrip::flow::State;
use scrip::issuer::{OpKind, Outcome};

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
