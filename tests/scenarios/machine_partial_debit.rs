//! The issuer debited less than was asked.

use crate::stage::{Stage, gift};
use scrip::base::RedemptionId;
use scrip::flow::State;
use scrip::issuer::{OpKind, Outcome};
use scrip::ledger::AccountKind;

fn partly(on_mismatch: &str, minor: i64) -> (Stage, RedemptionId) {
    let mut stage = Stage::with(|plan| {
        let product = format!("[product.gift]\non_mismatch = \"{on_mismatch}\"\n");
        plan.catalogue = plan.catalogue.replace("[product.gift]\n", &product);
    });
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let redeem = stage.sent(OpKind::Redeem);
    let accepted = stage.approval(id, minor);
    stage.reply(&redeem, Outcome::Partial(accepted));
    (stage, id)
}

#[test]
fn it_is_settled_on_where_the_product_settles() {
    let (mut stage, id) = partly("settle", 6_000);
    stage.yes_to_all();
    assert_eq!((stage.state(id), stage.balance(AccountKind::Float)), (State::Retired, -5_400));
}

#[test]
fn it_is_undone_where_the_product_does_not_settle() {
    let (mut stage, id) = partly("decline", 6_000);
    assert_eq!(stage.state(id), State::Reversing);
    stage.accept(OpKind::Reverse);
    assert_eq!((stage.state(id), stage.balance(AccountKind::Float)), (State::Reversed, 0));
}

#[test]
fn a_part_that_is_none_is_not_believed() {
    for minor in [10_000, 10_001, 0, -1] {
        let (stage, id) = partly("settle", minor);
        assert_eq!(stage.state(id), State::Unknown, "{minor}");
    }
}
