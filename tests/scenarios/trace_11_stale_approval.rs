//! Trace 11: a reviewer approves after the quote, the balance and the token have expired.

use crate::stage::{DAY, Stage, cny, gift, text};
use scrip::base::RedemptionId;
use scrip::flow::{FlowError, State, Verdict};
use scrip::issuer::OpKind;
use scrip::ledger::AccountKind;

/// The issuer's balance is not the declared face, and a person has to look.
fn in_review() -> (Stage, RedemptionId) {
    let mut stage = Stage::with(|plan| {
        let review = "[product.gift]\non_mismatch = \"review\"\n";
        plan.catalogue = plan.catalogue.replace("[product.gift]\n", review);
    });
    let id = stage.submit(&gift(1));
    let check = stage.sent(OpKind::Balance);
    stage.reply(&check, stage.yes_of(&check, 9_500));
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::InReview, "face_mismatch"));
    (stage, id)
}

#[test]
fn an_approval_verifies_and_quotes_again() {
    let (mut stage, id) = in_review();
    stage.pass(DAY);
    stage.decide(id, Verdict::Approve { by: text("ann") });
    let check = stage.sent(OpKind::Balance);
    stage.reply(&check, stage.yes_of(&check, 9_000));
    stage.yes_to_all();
    assert_eq!(stage.redemption(id).quote.map(|quote| quote.value), Some(cny(9_000)));
    assert_eq!((stage.state(id), stage.balance(AccountKind::Float)), (State::Retired, -8_100));
}

#[test]
fn a_review_that_nobody_decides_expires_and_cannot_be_approved_any_more() {
    let (mut stage, id) = in_review();
    stage.pass(3 * DAY);
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Declined, "expired"));
    stage.decide(id, Verdict::Approve { by: text("ann") });
    assert_eq!(stage.refusal(), FlowError::NotNow(State::Declined));
    stage.nothing_sent();
}

#[test]
fn a_restart_does_not_prolong_a_review() {
    let (mut stage, id) = in_review();
    stage.pass(2 * DAY);
    stage.crash();
    stage.pass(DAY - 1);
    assert_eq!(stage.state(id), State::InReview);
    stage.pass(1);
    assert_eq!(stage.state(id), State::Declined);
}

#[test]
fn it_is_called_off_before_redeeming_only() {
    let (mut stage, id) = in_review();
    stage.decide(id, Verdict::Cancel { by: text("S-1") });
    assert_eq!((stage.state(id), stage.claim(id)), (State::Cancelled, None));
    let second = stage.submit(&gift(2));
    stage.accept(OpKind::Balance);
    stage.decide(second, Verdict::Cancel { by: text("S-2") });
    assert_eq!(stage.refusal(), FlowError::NotNow(State::Redeeming));
    stage.yes_to_all();
    assert_eq!(stage.state(second), State::Retired);
}
