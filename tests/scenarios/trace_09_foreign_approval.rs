//! Trace 9: the STAN wraps; "duplicate"; the query returns another card's approval: paid without
//! a debit.

use crate::stage::{Out, Stage, approval, cny, gift, text};
use scrip::base::RedemptionId;
use scrip::flow::State;
use scrip::issuer::{CardTag, OpKind, Outcome, Reference};
use scrip::money::{Amount, Currency};

fn redeeming() -> (Stage, RedemptionId, Out) {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let redeem = stage.sent(OpKind::Redeem);
    (stage, id, redeem)
}

/// It is not believed, and the issuer is asked about our own reference.
fn is_doubted(stage: &mut Stage, id: RedemptionId) {
    assert_eq!(stage.state(id), State::Unknown);
    let query = stage.sent(OpKind::Query);
    assert_eq!(query.reference(), Reference::debit(id));
    stage.reply(&query, stage.yes(&query));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn an_approval_of_another_amount_is_not_believed() {
    let (mut stage, id, redeem) = redeeming();
    stage.reply(&redeem, stage.yes_of(&redeem, 9_999));
    is_doubted(&mut stage, id);
}

#[test]
fn an_approval_in_another_currency_is_not_believed() {
    let (mut stage, id, redeem) = redeeming();
    let dollars = Amount::new(10_000, Currency::USD);
    stage.reply(&redeem, Outcome::Accepted(approval(dollars, redeem.orders[0].tag())));
    is_doubted(&mut stage, id);
}

#[test]
fn an_approval_of_another_card_is_not_believed() {
    let (mut stage, id, redeem) = redeeming();
    stage.reply(&redeem, Outcome::Accepted(approval(cny(10_000), Some(CardTag([9; 16])))));
    is_doubted(&mut stage, id);
}

#[test]
fn an_approval_that_names_no_card_is_not_believed_where_the_issuer_echoes_it() {
    let (mut stage, id, redeem) = redeeming();
    stage.reply(&redeem, Outcome::Accepted(approval(cny(10_000), None)));
    is_doubted(&mut stage, id);
}

#[test]
fn an_approval_under_another_reference_is_none_of_ours() {
    let (mut stage, id, redeem) = redeeming();
    let foreign = Reference::debit(RedemptionId([9; 16]));
    stage.reply_about(&redeem, foreign, stage.yes(&redeem));
    is_doubted(&mut stage, id);
}

#[test]
fn a_duplicate_is_looked_up_and_never_taken_for_a_yes() {
    let (mut stage, id, redeem) = redeeming();
    stage.reply(&redeem, Outcome::Duplicate(text("theirs")));
    is_doubted(&mut stage, id);
}

#[test]
fn another_cards_approval_in_answer_to_the_query_is_not_believed_either() {
    let (mut stage, id, redeem) = redeeming();
    stage.reply(&redeem, Outcome::Duplicate(text("theirs")));
    let query = stage.sent(OpKind::Query);
    stage.reply(&query, Outcome::Accepted(approval(cny(10_000), Some(CardTag([9; 16])))));
    assert_eq!(stage.state(id), State::Unknown);
    let (_, query) = stage.wait_for(OpKind::Query);
    stage.reply(&query, stage.yes(&query));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}
