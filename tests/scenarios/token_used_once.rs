//! The use of a token is a claim, bound to its redemption: a resume is not a replay, and a replay
//! never passes, whatever ends, restarts or is forgotten meanwhile.

use crate::stage::token::{STEP, fresh, rotating, stage, token};
use crate::stage::{Stage, gift, number, request, text};
use scrip::engine::{Output, Reply, Request};
use scrip::flow::{State, Verdict};
use scrip::host::Store;
use scrip::issuer::OpKind;
use scrip::record::{ClaimKind, ClaimStatus};

/// Another request of another seller for card `n`, with the token that was shown at `stage.now`.
fn replay(stage: &Stage, n: u32) -> Request {
    request("gift", 90, n).token(&token(n, stage.now.wall))
}

fn refused_as_replayed(stage: &mut Stage, request: &Request) {
    let id = stage.submit(request);
    assert_eq!((stage.state(id), stage.reason(id).as_str()), (State::Declined, "token_replayed"));
    assert_eq!(stage.claim(id), None);
    stage.nothing_sent();
}

#[test]
fn a_card_with_a_fresh_token_is_bought() {
    let mut stage = stage();
    let id = stage.sell(&fresh(&stage, 1));
    assert_eq!(stage.state(id), State::Retired);
    let used = stage.redemption(id).token.unwrap();
    assert_eq!((used.key, used.received_at), (1, stage.now.wall));
    let claim = stage.store.index().claim(used.claims[0]);
    assert_eq!(claim, Some((id, ClaimStatus::Consumed)), "the use is claimed for ever");
}

#[test]
fn the_number_may_come_from_the_token() {
    let mut stage = stage();
    let request = Request::new("R-1", "S-1", "gift").face(crate::stage::cny(10_000)).secret("730101");
    let id = stage.sell(&request.token(&token(1, stage.now.wall)));
    assert_eq!(stage.state(id), State::Retired);
    let with_number = gift(1).number(&number(1));
    assert_eq!(
        stage.engine.lanes(&with_number.token(&token(1, stage.now.wall))).unwrap(),
        stage.redemption(id).facts.keys
    );
}

#[test]
fn a_used_token_is_refused_while_the_first_sale_is_under_way_and_after_it() {
    let mut stage = Stage::with(|plan| {
        rotating(plan, "gift", &[1], "{ id = 1 }");
        plan.policy.risk.velocity.limit = 9;
    });
    let id = stage.submit(&fresh(&stage, 1));
    let check = stage.sent(OpKind::Balance);
    let replay = replay(&stage, 1);
    refused_as_replayed(&mut stage, &replay);
    stage.reply(&check, stage.yes(&check));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
    let late = request("gift", 91, 1).token(&token(1, stage.now.wall));
    refused_as_replayed(&mut stage, &late);
}

#[test]
fn a_refused_card_is_free_again_and_its_token_is_not() {
    let mut stage = stage();
    let id = stage.submit(&fresh(&stage, 1));
    stage.decide(id, Verdict::Cancel { by: text("S-1") });
    assert_eq!((stage.state(id), stage.claim(id)), (State::Cancelled, None));
    stage.out.clear();
    let replay = replay(&stage, 1);
    refused_as_replayed(&mut stage, &replay);
    stage.pass(STEP);
    let again = request("gift", 92, 1).token(&token(1, stage.now.wall));
    // Three requests for one card in five minutes would freeze it.
    stage.pass(5 * 60_000);
    let again = again.received_at(stage.now.wall).token(&token(1, stage.now.wall));
    let id = stage.sell(&again);
    assert_eq!(stage.state(id), State::Retired, "with a new token it can be sold");
}

#[test]
fn of_two_requests_with_one_token_in_one_batch_the_first_has_it() {
    let mut stage = stage();
    let (first, second) = (fresh(&stage, 1), replay(&stage, 1));
    let first = stage.engine.submit(&first).unwrap();
    let second = stage.engine.submit(&second).unwrap();
    stage.settle();
    assert_eq!((stage.state(second), stage.reason(second).as_str()), (State::Declined, "token_replayed"));
    stage.yes_to_all();
    assert_eq!(stage.state(first), State::Retired);
}

#[test]
fn a_crash_between_claim_and_redeem_is_resumed_and_not_taken_for_a_replay() {
    let mut stage = stage();
    let request = fresh(&stage, 1);
    let id = stage.submit_and_crash(&request);
    assert_eq!(stage.redemption(id).state, State::Screened, "it is taken up again");
    // The caller has heard nothing and sends the same again, when the token has gone stale.
    let later = stage.now.wall.plus(10 * STEP);
    stage.submit(&request.clone().received_at(later));
    assert!(matches!(stage.answered(), Reply::InProgress(_)), "{:?}", stage.answered());
    stage.crash();
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
    stage.submit(&request);
    assert!(matches!(stage.answered(), Reply::Replayed(_)), "{:?}", stage.answered());
    let other = gift(1).token(&token(1, stage.now.wall));
    stage.submit(&other);
    assert!(matches!(stage.answered(), Reply::Replayed(_)), "a resend may bring another token");
}

#[test]
fn a_restart_forgets_no_use() {
    let mut stage = stage();
    let id = stage.submit(&fresh(&stage, 1));
    stage.decide(id, Verdict::Cancel { by: text("S-1") });
    stage.out.clear();
    let replay = replay(&stage, 1);
    stage.crash();
    refused_as_replayed(&mut stage, &replay);
}

#[test]
fn a_new_pepper_forgets_no_use() {
    let mut stage = stage();
    let id = stage.submit(&fresh(&stage, 1));
    stage.decide(id, Verdict::Cancel { by: text("S-1") });
    stage.out.clear();
    let replay = replay(&stage, 1);
    stage.plan.peppers = vec![1, 2];
    stage.crash();
    refused_as_replayed(&mut stage, &replay);
}

#[test]
fn a_second_engine_on_the_store_refuses_what_the_first_has_taken() {
    let mut first = stage();
    let request = fresh(&first, 1);
    first.submit(&request);
    // The other writer takes over from what is durable; the first one is fenced off.
    let mut second = stage();
    second.restore(&first.store);
    let replay = replay(&second, 1);
    let id = second.engine.submit(&replay).unwrap();
    second.settle();
    assert_eq!(second.reason(id), "token_replayed");
}

#[test]
fn the_same_token_through_another_product_of_the_scheme_is_the_same_token() {
    let mut stage = Stage::with(|plan| {
        rotating(plan, "gift", &[1], "{ id = 1 }");
        rotating(plan, "platform-gift", &[1], "{ id = 1 }");
    });
    let id = stage.submit(&fresh(&stage, 1));
    stage.decide(id, Verdict::Cancel { by: text("S-1") });
    stage.out.clear();
    let through = request("platform-gift", 2, 1).token(&token(1, stage.now.wall));
    refused_as_replayed(&mut stage, &through);
}

#[test]
fn the_claims_of_the_token_stand_in_the_first_unit_before_those_of_the_card() {
    let mut stage = stage();
    stage.engine.submit(&fresh(&stage, 1)).unwrap();
    let Some(Output::Commit(batch)) = stage.engine.poll(stage.now) else { panic!("a batch is expected") };
    let first = batch.units().iter().find(|unit| !unit.claims.is_empty()).unwrap();
    let kinds: Vec<ClaimKind> = first.claims.iter().map(|claim| claim.kind).collect();
    assert_eq!(kinds, [ClaimKind::Token, ClaimKind::Card]);
    let mut batch = batch;
    stage.store.commit(&mut batch).unwrap();
    stage.engine.committed(batch).unwrap();
    stage.settle();
}
