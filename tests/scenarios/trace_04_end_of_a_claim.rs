//! Trace 4: retired is an end; read naively the card is free to be sold again, yet a reloadable
//! card may come back.

use crate::stage::{DAY, Stage, gift, request};
use scrip::flow::State;
use scrip::issuer::{Accepted, OpKind, Outcome};
use scrip::record::ClaimStatus;

#[test]
fn a_retired_card_is_consumed_for_ever() {
    let mut stage = Stage::new();
    let first = stage.sell(&gift(1));
    assert_eq!((stage.state(first), stage.claim(first)), (State::Retired, Some(ClaimStatus::Consumed)));
    stage.pass(1_000 * DAY);
    stage.crash();
    let second = stage.submit(&request("gift", 2, 1));
    assert_eq!(stage.reason(second), "already_sold");
    stage.nothing_sent();
}

#[test]
fn a_reloaded_card_comes_again_once_per_loading() {
    let mut stage = Stage::new();
    let loading = |n: u32, generation| request("reload", n, 1).generation(generation);
    let first = stage.sell(&loading(1, 1));
    stage.pass(2 * DAY);
    let again = stage.submit(&loading(2, 1));
    assert_eq!(stage.reason(again), "already_sold");
    stage.pass(2 * DAY);
    let second = stage.sell(&loading(3, 2));
    assert_eq!((stage.state(first), stage.state(second)), (State::Retired, State::Retired));
    stage.pass(2 * DAY);
    let old = stage.submit(&loading(4, 1));
    assert_eq!(stage.reason(old), "already_sold", "an earlier loading is gone too");
}

#[test]
fn a_loading_that_the_issuer_does_not_know_is_refused() {
    let mut stage = Stage::new();
    let id = stage.submit(&request("reload", 1, 1).generation(2));
    let check = stage.sent(OpKind::Balance);
    let Outcome::Accepted(accepted) = stage.yes(&check) else { panic!("a yes") };
    stage.reply(&check, Outcome::Accepted(Accepted { generation: Some(1), ..accepted }));
    assert_eq!((stage.reason(id).as_str(), stage.claim(id)), ("generation_mismatch", None));
}
