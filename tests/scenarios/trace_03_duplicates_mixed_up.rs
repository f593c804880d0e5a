//! Trace 3: seller B brings the card that seller A has sold and is given A's outcome; or an
//! attacker's wrong secret holds the claim and the honest seller is turned away.

use crate::stage::{Stage, cny, gift, request};
use scrip::engine::Reply;
use scrip::flow::State;
use scrip::issuer::{Decline, OpKind, Outcome};

#[test]
fn the_same_request_again_gets_the_same_outcome() {
    let mut stage = Stage::new();
    stage.submit(&gift(1));
    stage.submit(&gift(1));
    assert!(matches!(stage.answered(), Reply::InProgress(_)));
    stage.yes_to_all();
    stage.submit(&gift(1));
    let Reply::Replayed(summary) = stage.answered() else { panic!("{:?}", stage.answered()) };
    assert_eq!((summary.state, summary.payout), (State::Retired, Some(cny(9_000))));
    stage.nothing_sent();
}

#[test]
fn the_same_id_with_other_content_is_told_nothing_of_the_first() {
    let mut stage = Stage::new();
    stage.submit(&gift(1));
    stage.submit(&gift(1).face(cny(20_000)));
    assert_eq!(stage.answered(), &Reply::Mismatch);
    stage.yes_to_all();
    stage.submit(&gift(1).face(cny(20_000)));
    assert_eq!(stage.answered(), &Reply::Mismatch);
}

#[test]
fn another_callers_request_of_the_same_name_is_another_request() {
    let mut stage = Stage::new();
    let ours = stage.sell(&gift(1));
    let theirs = stage.sell(&request("gift", 1, 2).caller("other"));
    assert_ne!(ours, theirs);
    assert_eq!(stage.state(theirs), State::Retired);
}

#[test]
fn another_seller_of_the_card_is_told_that_it_is_busy_then_that_it_is_sold() {
    let mut stage = Stage::new();
    let first = stage.submit(&gift(1));
    stage.submit(&request("gift", 2, 1));
    assert!(matches!(stage.answered(), Reply::CardBusy { holder, .. } if *holder == first));
    stage.yes_to_all();
    let second = stage.submit(&request("gift", 2, 1));
    assert_eq!((stage.state(second), stage.reason(second).as_str()), (State::Declined, "already_sold"));
    assert_eq!(stage.redemption(second).payout, None);
}

#[test]
fn a_wrong_secret_frees_the_card_at_once() {
    let mut stage = Stage::new();
    let guess = stage.submit(&request("gift", 2, 1).secret("000000"));
    let check = stage.sent(OpKind::Balance);
    stage.reply(&check, Outcome::Declined(Decline::WrongSecret));
    assert_eq!((stage.state(guess), stage.claim(guess)), (State::Declined, None));
    let honest = stage.sell(&gift(1));
    assert_eq!(stage.state(honest), State::Retired);
}
