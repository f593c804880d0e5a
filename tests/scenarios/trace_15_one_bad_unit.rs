//! Trace 15: in a batch of many one claim is taken, and the whole batch is rolled back or half
//! of it stays.

use crate::stage::{Stage, gift, number, request};
use scrip::engine::{Event, Reply};
use scrip::flow::State;

#[test]
fn one_taken_claim_harms_no_other_unit_of_the_batch() {
    let mut stage = Stage::new();
    let holder = stage.submit(&gift(1));
    let before = stage.store.index().last().unwrap().0.sequence;
    let good: Vec<_> = (10..30).map(|n| stage.engine.submit(&gift(n)).unwrap()).collect();
    let bad = stage.engine.submit(&request("gift", 2, 1)).unwrap();
    let more: Vec<_> = (30..40).map(|n| stage.engine.submit(&gift(n)).unwrap()).collect();
    stage.settle();
    assert_eq!(stage.store.index().last().unwrap().0.sequence, before + 1, "one batch");
    let busy = Reply::CardBusy { retry_after_ms: 1_000, holder };
    assert!(stage.events.contains(&Event::Answered { redemption: bad, reply: busy }));
    assert!(stage.store.index().row(bad).is_none());
    stage.yes_to_all();
    for id in good.into_iter().chain(more) {
        assert_eq!(stage.state(id), State::Retired);
    }
}

#[test]
fn the_loser_keeps_neither_of_its_claims() {
    let mut stage = Stage::new();
    stage.submit(&gift(1));
    let long = request("gift", 2, 1).number(&format!("{}123", number(1)));
    let keys = stage.engine.lanes(&long).unwrap();
    assert_eq!(keys.len(), 2);
    stage.submit(&long);
    let held: Vec<_> = keys.iter().filter(|key| stage.store.index().claim(**key).is_some()).collect();
    assert_eq!(held.len(), 1, "the short form is the first request's, the long form nobody's");
}

#[test]
fn the_losers_sighting_still_counts() {
    let mut stage = Stage::new();
    stage.submit(&gift(1));
    stage.submit(&request("gift", 2, 1));
    assert!(matches!(stage.answered(), Reply::CardBusy { .. }));
    let third = stage.submit(&request("gift", 3, 1));
    assert_eq!(
        (stage.state(third), stage.redemption(third).reason.unwrap().as_str()),
        (State::Frozen, "card_velocity")
    );
}
