//! Trace 5: 16 and 19 digit forms, or the card through a platform's product, give two keys: paid
//! twice. A secret-only card has no number. A new pepper forgets every claim.

use crate::stage::{Stage, cny, gift, number, request};
use scrip::engine::{Reply, Request};
use scrip::flow::State;

fn long_form(n: u32, card: u32) -> Request {
    request("gift", n, card).number(&format!("{}123", number(card)))
}

fn is_sold(stage: &mut Stage, request: &Request) {
    let id = stage.submit(request);
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Declined, "already_sold"));
    stage.nothing_sent();
}

#[test]
fn both_forms_of_a_number_are_one_card() {
    let mut stage = Stage::new();
    stage.sell(&gift(1));
    is_sold(&mut stage, &long_form(2, 1));
    stage.sell(&long_form(3, 3));
    is_sold(&mut stage, &request("gift", 4, 3));
}

#[test]
fn a_card_through_a_platform_is_the_same_card() {
    let mut stage = Stage::new();
    stage.sell(&request("platform-gift", 1, 1));
    is_sold(&mut stage, &request("gift", 2, 1));
}

#[test]
fn a_card_without_a_number_is_its_secret_however_it_is_typed() {
    let mut stage = Stage::new();
    let code = |n: u32, secret: &str| {
        Request::new(&format!("R-{n}"), "S-1", "code").secret(secret).face(cny(10_000))
    };
    let id = stage.sell(&code(1, "ABCD-EFGH-JKLM-NPQR"));
    assert_eq!(stage.state(id), State::Retired);
    is_sold(&mut stage, &code(2, "abcdefghjklmnpqr"));
}

#[test]
fn a_new_pepper_forgets_no_claim() {
    let mut stage = Stage::new();
    stage.sell(&gift(1));
    stage.plan.peppers = vec![1, 2];
    stage.crash();
    is_sold(&mut stage, &request("gift", 2, 1));
    stage.submit(&gift(1));
    assert!(matches!(stage.answered(), Reply::Replayed(_)), "the request is known under the old pepper");
}

#[test]
fn a_card_sold_under_both_peppers_stays_sold_when_the_old_one_is_left_out() {
    let mut stage = Stage::with(|plan| plan.peppers = vec![1, 2]);
    stage.sell(&gift(1));
    stage.plan.peppers = vec![2];
    stage.crash();
    is_sold(&mut stage, &request("gift", 2, 1));
}
