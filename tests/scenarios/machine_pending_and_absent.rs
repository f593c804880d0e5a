//! "Will answer later" and "know nothing of it": both wait, neither frees the card.

use crate::stage::{DAY, HOUR, MINUTE, Stage, gift};
use scrip::base::RedemptionId;
use scrip::flow::State;
use scrip::issuer::{Decline, OnAbsent, OpKind, Outcome};
use scrip::record::ClaimStatus;

fn redeem_answered(on_absent: OnAbsent, outcome: Outcome) -> (Stage, RedemptionId) {
    let mut stage = Stage::with(|plan| plan.bank.on_absent = on_absent);
    let id = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    let redeem = stage.sent(OpKind::Redeem);
    stage.reply(&redeem, outcome);
    (stage, id)
}

#[test]
fn pending_is_queried_until_it_is_answered() {
    let (mut stage, id) = redeem_answered(OnAbsent::Resend, Outcome::Pending);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Pending, Some(ClaimStatus::Held)));
    let (_, query) = stage.wait_for(OpKind::Query);
    stage.reply(&query, Outcome::Pending);
    stage.wait_for(OpKind::Query);
    stage.tells(id, stage.approved(id, 10_000));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn pending_that_ends_in_a_no_frees_the_card() {
    let (mut stage, id) = redeem_answered(OnAbsent::Resend, Outcome::Pending);
    stage.tells(id, Outcome::Declined(Decline::Void));
    assert_eq!((stage.state(id), stage.claim(id)), (State::Declined, None));
}

fn absent(on_absent: OnAbsent) -> (Stage, RedemptionId) {
    let (mut stage, id) = redeem_answered(on_absent, Outcome::Pending);
    let (_, query) = stage.wait_for(OpKind::Query);
    stage.reply(&query, Outcome::NotFound);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Absent, Some(ClaimStatus::Quarantined)));
    (stage, id)
}

#[test]
fn a_final_absence_is_sent_again_under_the_same_reference() {
    let (mut stage, id) = absent(OnAbsent::Resend);
    let (waited, query) = stage.wait_for(OpKind::Query);
    assert_eq!(waited, 10 * MINUTE - 1_000, "counted from the last sending");
    stage.reply(&query, Outcome::NotFound);
    let again = stage.sent(OpKind::Redeem);
    assert_eq!((again.attempt, again.reference()), (2, query.reference()));
    stage.reply(&again, stage.yes(&again));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_final_absence_ends_it_where_the_profile_says_so() {
    let (mut stage, id) = absent(OnAbsent::Decline);
    let (_, query) = stage.wait_for(OpKind::Query);
    stage.reply(&query, Outcome::NotFound);
    assert_eq!((stage.reason(id).as_str(), stage.claim(id)), ("not_debited", None));
}

#[test]
fn the_issuers_file_makes_an_absence_final_at_once() {
    let (mut stage, id) = absent(OnAbsent::Decline);
    stage.files(id, Outcome::NotFound);
    assert_eq!((stage.state(id), stage.claim(id)), (State::Declined, None));
}

#[test]
fn an_approval_ends_the_quarantine() {
    let (mut stage, id) = absent(OnAbsent::Resend);
    stage.pass(5 * MINUTE);
    stage.tells(id, stage.approved(id, 10_000));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_crash_in_quarantine_neither_shortens_nor_forgets_it() {
    let (mut stage, id) = absent(OnAbsent::Decline);
    stage.pass(MINUTE);
    stage.crash();
    stage.nothing_sent();
    assert_eq!((stage.state(id), stage.claim(id)), (State::Absent, Some(ClaimStatus::Quarantined)));
    let (waited, query) = stage.wait_for(OpKind::Query);
    assert!((8 * MINUTE..=9 * MINUTE).contains(&waited), "{waited}");
    stage.reply(&query, Outcome::NotFound);
    assert_eq!(stage.state(id), State::Declined);
    stage.pass(DAY);
    stage.nothing_sent();
}

#[test]
fn an_issuer_that_says_now_this_now_that_is_asked_more_and_more_seldom() {
    let (mut stage, id) = redeem_answered(OnAbsent::Resend, Outcome::Pending);
    let (mut asked, mut passed) = (0_i64, 0_i64);
    while passed < 2 * HOUR {
        let (waited, query) = stage.wait_for(OpKind::Query);
        (asked, passed) = (asked + 1, passed + waited);
        // An approval of another amount is not believed, and what was pending is unknown.
        let foreign = stage.yes_of(&query, 9_999_999);
        stage.reply(&query, if asked % 2 == 0 { Outcome::Pending } else { foreign });
        assert!(matches!(stage.state(id), State::Pending | State::Unknown));
    }
    assert!(asked < 300, "{asked} questions in two hours");
}
