//! Trace 8: retries of a PIN-checked inquiry make the issuer lock the card; a client's resends,
//! or an attacker's guesses, freeze the owner's card.

use crate::stage::{DAY, MINUTE, Stage, gift, request};
use scrip::engine::Reply;
use scrip::flow::State;
use scrip::issuer::{Decline, Idempotency, OnAbsent, OpKind, Outcome, Verify};

fn counting(idempotency: Idempotency) -> Stage {
    Stage::with(|plan| {
        plan.bank.verify = Verify::PinCheck;
        plan.bank.idempotency = idempotency;
        plan.bank.on_absent = OnAbsent::Decline;
    })
}

#[test]
fn a_counted_check_is_sent_once_and_a_person_looks_when_it_is_lost() {
    let mut stage = counting(Idempotency::None);
    let id = stage.submit(&gift(1));
    stage.lose(OpKind::PinCheck);
    stage.pass(MINUTE);
    stage.nothing_sent();
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::InReview, "check_unanswered"));
}

#[test]
fn a_counted_check_is_not_sent_again_after_a_restart_either() {
    let mut stage = counting(Idempotency::None);
    let id = stage.submit(&gift(1));
    stage.sent(OpKind::PinCheck);
    stage.crash();
    stage.nothing_sent();
    assert_eq!(stage.state(id), State::InReview);
}

#[test]
fn where_repeats_are_counted_once_the_same_check_goes_out_again() {
    let mut stage = counting(Idempotency::Site);
    stage.submit(&gift(1));
    let first = stage.lose(OpKind::PinCheck);
    let (_, again) = stage.wait_for(OpKind::PinCheck);
    assert_eq!((again.reference(), again.endpoint, again.attempt), (first.reference(), 0, 2));
}

#[test]
fn resends_of_one_request_freeze_nothing() {
    let mut stage = Stage::new();
    let id = stage.submit(&gift(1));
    for _ in 0..5 {
        stage.submit(&gift(1));
        assert!(matches!(stage.answered(), Reply::InProgress(_)));
    }
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_freeze_does_not_interrupt_a_redeem_under_way() {
    let mut stage = Stage::new();
    let owner = stage.submit(&gift(1));
    stage.accept(OpKind::Balance);
    stage.submit(&request("gift", 2, 1));
    assert!(matches!(stage.answered(), Reply::CardBusy { .. }));
    let third = stage.submit(&request("gift", 3, 1));
    assert_eq!((stage.state(third), stage.claim(third)), (State::Frozen, None));
    stage.yes_to_all();
    assert_eq!(stage.state(owner), State::Retired);
}

#[test]
fn guesses_freeze_the_card_for_a_day_and_hold_no_claim() {
    let mut stage = Stage::new();
    for n in [2, 3] {
        stage.submit(&request("gift", n, 1).secret("000000"));
        let check = stage.sent(OpKind::Balance);
        stage.reply(&check, Outcome::Declined(Decline::WrongSecret));
    }
    let frozen = stage.submit(&request("gift", 4, 1).secret("000000"));
    assert_eq!((stage.state(frozen), stage.reason(frozen).as_str()), (State::Frozen, "card_velocity"));
    assert_eq!((stage.redemption(frozen).until, stage.claim(frozen)), (Some(stage.now.wall.plus(DAY)), None));
    stage.nothing_sent();
    stage.pass(DAY);
    let owner = stage.sell(&gift(1));
    assert_eq!(stage.state(owner), State::Retired);
}
