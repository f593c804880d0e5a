//! Two sites per issuer: when one dies the next attempt is at the other, and what may have
//! arrived is resolved where it went.

use crate::stage::{BANK, Out, Stage, gift};
use scrip::engine::Sent;
use scrip::flow::State;
use scrip::issuer::{Idempotency, OpKind};
use scrip::route::{RoutePolicy, Standing};

fn stage() -> Stage {
    Stage::with(|plan| plan.bank.idempotency = Idempotency::Site)
}

/// The redeem of card `n`, after its balance was told.
fn redeem(stage: &mut Stage, n: u32) -> Out {
    stage.submit(&gift(n));
    stage.accept(OpKind::Balance);
    stage.sent(OpKind::Redeem)
}

#[test]
fn a_refused_redeem_is_at_the_other_site_at_once_and_so_is_the_next_card() {
    let mut stage = stage();
    let first = redeem(&mut stage, 1);
    let refused_at = stage.now.mono;
    stage.lost(&first, Sent::NotSent);
    let second = stage.sent(OpKind::Redeem);
    assert!(stage.now.mono.0 - refused_at.0 <= 50);
    assert_eq!((first.endpoint, second.endpoint), (0, 1));
    stage.reply(&second, stage.yes(&second));
    stage.yes_to_all();
    assert_eq!(stage.state(first.reference().redemption), State::Retired);
    stage.submit(&gift(2));
    assert_eq!(stage.sent(OpKind::Balance).endpoint, 1);
}

#[test]
fn a_redeem_whose_line_broke_is_resolved_at_its_site_while_new_ones_go_to_the_other() {
    let mut stage = stage();
    let first = redeem(&mut stage, 1);
    stage.lost(&first, Sent::MaybeSent);
    let query = stage.sent(OpKind::Query);
    assert_eq!((first.endpoint, query.endpoint), (0, 0));
    assert!(matches!(stage.engine.standing(BANK, 0), Some(Standing::Ejected(_))));
    assert_eq!(redeem(&mut stage, 2).endpoint, 1);
    let (id, minor) = (first.reference().redemption, query.orders[0].minor);
    stage.reply(&query, stage.approved(id, minor));
    stage.yes_to_all();
    assert_eq!(stage.state(id), State::Retired);
}

#[test]
fn a_silent_site_is_left_after_the_probe_interval() {
    let mut stage = stage();
    let probe_ms = RoutePolicy::default().probe_ms;
    stage.submit(&gift(1));
    assert_eq!(stage.sent(OpKind::Balance).endpoint, 0);
    stage.pass(probe_ms - 1);
    stage.submit(&gift(2));
    assert_eq!(stage.sent(OpKind::Balance).endpoint, 0);
    stage.pass(1);
    stage.submit(&gift(3));
    assert_eq!(stage.sent(OpKind::Balance).endpoint, 1);
}

#[test]
fn an_ejected_site_is_tried_by_a_read_and_comes_back() {
    let mut stage = stage();
    let first = redeem(&mut stage, 1);
    stage.lost(&first, Sent::NotSent);
    stage.yes_to_all();
    stage.pass(RoutePolicy::default().eject_ms);
    stage.submit(&gift(2));
    assert_eq!(stage.accept(OpKind::Balance).endpoint, 0);
    assert_eq!(stage.engine.standing(BANK, 0), Some(Standing::Open));
}

#[test]
fn after_a_restart_every_site_is_healthy() {
    let mut stage = stage();
    let first = redeem(&mut stage, 1);
    stage.lost(&first, Sent::NotSent);
    stage.crash();
    assert_eq!(stage.engine.standing(BANK, 0), Some(Standing::Open));
}

#[test]
fn a_slow_balance_is_asked_at_the_other_site_and_the_first_answer_counts() {
    let mut stage = stage();
    for n in 1..=60 {
        stage.sell(&gift(n));
    }
    let id = stage.submit(&gift(61));
    let (waited_ms, hedge) = {
        let first = stage.sent(OpKind::Balance);
        assert_eq!(first.endpoint, 0);
        let (waited_ms, hedge) = stage.wait_for(OpKind::Balance);
        stage.reply(&hedge, stage.yes(&hedge));
        let redeem = stage.sent(OpKind::Redeem);
        stage.reply(&first, stage.yes(&first));
        stage.nothing_sent();
        stage.reply(&redeem, stage.yes(&redeem));
        (waited_ms, hedge)
    };
    stage.yes_to_all();
    assert_eq!((waited_ms, hedge.endpoint, stage.state(id)), (5, 1, State::Retired));
}
